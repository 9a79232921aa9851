//! The room's touchscreen: an X server on a virtual display, looked at and touched from outside.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use super::{Error, Machine, Socket, Task};

/// How long a touch rests on the glass before it moves or lifts.
const REST: Duration = Duration::from_millis(100);

/// A running X server, display `:0`, which every command in the guest has in its environment.
pub struct Screen<'a> {
    machine: &'a Machine,
    server: Task<'a>,
    width: u32,
    height: u32,
}

/// What the screen shows.
pub struct Picture {
    /// Width, pixels.
    pub width: u32,
    /// Height, pixels.
    pub height: u32,
    rgb: Vec<u8>,
}

impl<'a> Screen<'a> {
    /// Starts the X server on a machine booted with [`super::Options::screen`], and returns once it is up.
    ///
    /// # Errors
    /// When the machine has no screen, or the server does not come up: its log.
    pub fn start(machine: &'a Machine) -> Result<Screen<'a>, Error> {
        let Some((width, height)) = machine.screen_size() else {
            return Err(Error::Malformed("the machine was booted without a screen".into()));
        };
        machine
            .sh("modprobe -a virtio_gpu virtio_input evdev && udevadm settle && test -e /dev/dri/card0")?;
        let server = machine.start(
            "exec Xorg :0 -config /etc/X11/xorg.conf -nolisten tcp -noreset -ac -novtswitch vt1 -keeptty",
        )?;
        super::eventually("the X server up", || {
            if !server.is_running() {
                return Err(Error::Malformed(format!("the X server ended:\n{}", server.output()?)));
            }
            Ok(machine.sh("test -S /tmp/.X11-unix/X0 && xdpyinfo >/dev/null").ok())
        })?;
        Ok(Screen { machine, server, width, height })
    }

    /// Where the touch panel's cable is plugged in; the picture has another.
    pub fn touch_socket(&self) -> Socket<'a> {
        Socket::for_touch(self.machine)
    }

    /// Stops the X server; its clients lose their display.
    ///
    /// # Errors
    /// When it does not end.
    pub fn stop(self) -> Result<(), Error> {
        self.server.stop().map(drop)
    }

    /// What the screen shows now, as the display hardware sees it.
    ///
    /// # Errors
    /// When the emulator cannot dump it.
    pub fn look(&self) -> Result<Picture, Error> {
        let file = self.machine.share_path().join("screen.ppm");
        self.dump(&file, "ppm")?;
        let bytes = fs::read(&file).map_err(Error::file("reading", &file))?;
        fs::remove_file(&file).map_err(Error::file("removing", &file))?;
        Picture::from_ppm(&bytes)
    }

    /// Saves what the screen shows now as a PNG file, for people.
    ///
    /// # Errors
    /// When the emulator cannot write it.
    pub fn save_png(&self, file: &Path) -> Result<(), Error> {
        self.dump(file, "png")
    }

    fn dump(&self, file: &Path, format: &str) -> Result<(), Error> {
        self.machine.qmp("screendump", &json!({ "filename": file, "format": format })).map(drop)
    }

    /// Taps the pixel (x, y) with one finger.
    ///
    /// # Errors
    /// When the emulator does not take it.
    pub fn tap(&self, x: u32, y: u32) -> Result<(), Error> {
        let [x, y] = self.position(x, y);
        self.send(&[touch("begin", 1), x, y, finger(true)])?;
        thread::sleep(REST);
        self.send(&[touch("end", -1), finger(false)])
    }

    fn send(&self, events: &[Value]) -> Result<(), Error> {
        self.machine.qmp("input-send-event", &json!({ "events": events })).map(drop)
    }

    /// The touch panel counts 0 to 32767 over the width and the height; the middle of the pixel is meant.
    fn position(&self, x: u32, y: u32) -> [Value; 2] {
        let scale = |at: u32, size: u32| (u64::from(at) * 2 + 1) * 32767 / (u64::from(size) * 2);
        [("x", scale(x, self.width)), ("y", scale(y, self.height))].map(|(axis, value)| {
            json!({ "type": "mtt", "data":
                { "type": "data", "slot": 0, "tracking-id": 1, "axis": axis, "value": value } })
        })
    }
}

fn touch(kind: &str, tracking_id: i32) -> Value {
    json!({ "type": "mtt", "data":
        { "type": kind, "slot": 0, "tracking-id": tracking_id, "axis": "x", "value": 0 } })
}

fn finger(down: bool) -> Value {
    json!({ "type": "btn", "data": { "button": "touch", "down": down } })
}

impl Picture {
    /// The colour at (x, y): red, green, blue.
    ///
    /// # Panics
    /// Outside of the picture.
    pub fn pixel(&self, x: u32, y: u32) -> [u8; 3] {
        let at = (y as usize * self.width as usize + x as usize) * 3;
        [self.rgb[at], self.rgb[at + 1], self.rgb[at + 2]]
    }

    /// The share of pixels, 0 to 1, for which `matches` holds.
    pub fn share_of(&self, matches: impl Fn([u8; 3]) -> bool) -> f64 {
        let all = self.rgb.chunks_exact(3);
        let count = all.len().max(1);
        all.filter(|pixel| matches([pixel[0], pixel[1], pixel[2]])).count() as f64 / count as f64
    }

    /// Reads a binary PPM file as the emulator writes it.
    fn from_ppm(bytes: &[u8]) -> Result<Picture, Error> {
        let wrong = || Error::Malformed("the emulator's screen dump is no binary PPM".into());
        let (mut at, mut words) = (0, Vec::new());
        while words.len() < 4 {
            let rest = bytes.get(at..).ok_or_else(wrong)?;
            let length = rest.iter().position(u8::is_ascii_whitespace).ok_or_else(wrong)?;
            words.push(str::from_utf8(&rest[..length]).map_err(|_| wrong())?);
            at += length + 1;
        }
        let [magic, width, height, depth] = words[..] else { return Err(wrong()) };
        let (Ok(width), Ok(height)) = (width.parse::<u32>(), height.parse::<u32>()) else {
            return Err(wrong());
        };
        let rgb = bytes[at..].to_vec();
        if magic != "P6" || depth != "255" || rgb.len() as u64 != u64::from(width) * u64::from(height) * 3 {
            return Err(wrong());
        }
        Ok(Picture { width, height, rgb })
    }
}
