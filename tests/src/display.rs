//! A virtual display of one kiosk: touches go in, screenshots come out.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;
use x11rb::connection::Connection;
use x11rb::protocol::xproto::{
    BUTTON_PRESS_EVENT, BUTTON_RELEASE_EVENT, ClientMessageEvent, ConnectionExt, EventMask, ImageFormat,
    MOTION_NOTIFY_EVENT, MapState,
};
use x11rb::protocol::xtest::ConnectionExt as _;
use x11rb::rust_connection::RustConnection;

use crate::programs::Process;

/// An X server without hardware, and a connection to it.
pub struct Display {
    _server: Process,
    /// As in `DISPLAY`.
    pub name: String,
    /// Pixels.
    pub width: u16,
    /// Pixels.
    pub height: u16,
    connection: RustConnection,
    root: u32,
    framebuffer: Option<TempDir>,
}

/// What the screen shows.
pub struct Screenshot {
    /// Pixels.
    pub width: usize,
    /// Pixels.
    pub height: usize,
    /// Red, green, blue, 255.
    pub rgba: Vec<u8>,
}

impl Display {
    /// Starts a server on a free display, with its log in `folder`.
    pub fn start(folder: &Path, width: u16, height: u16) -> Result<Display, String> {
        Display::start_with(folder, width, height, None)
    }

    /// As [`Display::start`], with its framebuffer in a file that others can read while it paints.
    pub fn start_readable(folder: &Path, width: u16, height: u16) -> Result<Display, String> {
        // In memory, or every picture would be written to the disk.
        let framebuffer = tempfile::tempdir_in("/dev/shm").map_err(|error| format!("/dev/shm: {error}"))?;
        Display::start_with(folder, width, height, Some(framebuffer))
    }

    /// Closes every window as a window manager does for a person.
    pub fn close_windows(&self) -> Result<(), String> {
        let fault = |error: &dyn std::fmt::Display| error.to_string();
        let atom = |name: &str| {
            let reply =
                self.connection.intern_atom(false, name.as_bytes()).map_err(|error| fault(&error))?.reply();
            reply.map(|reply| reply.atom).map_err(|error| fault(&error))
        };
        let (protocols, delete) = (atom("WM_PROTOCOLS")?, atom("WM_DELETE_WINDOW")?);
        let tree = self.connection.query_tree(self.root).map_err(|error| fault(&error))?.reply();
        for window in tree.map_err(|error| fault(&error))?.children {
            let event = ClientMessageEvent::new(32, window, protocols, [delete, 0, 0, 0, 0]);
            self.connection
                .send_event(false, window, EventMask::NO_EVENT, event)
                .map_err(|error| fault(&error))?;
        }
        self.connection.flush().map_err(|error| fault(&error))
    }

    /// The file that holds the framebuffer of a readable display, in the format of `xwd`.
    pub fn framebuffer(&self) -> Option<PathBuf> {
        self.framebuffer.as_ref().map(|folder| folder.path().join("Xvfb_screen0"))
    }

    fn start_with(
        folder: &Path,
        width: u16,
        height: u16,
        framebuffer: Option<TempDir>,
    ) -> Result<Display, String> {
        let mut command = Command::new("Xvfb");
        command.args([
            "-displayfd",
            "1",
            "-screen",
            "0",
            &format!("{width}x{height}x24"),
            "-nolisten",
            "tcp",
            "-dpi",
            "96",
        ]);
        if let Some(framebuffer) = &framebuffer {
            command.arg("-fbdir").arg(framebuffer.path());
        }
        command.stdout(Stdio::piped());
        std::fs::create_dir_all(folder).map_err(|error| error.to_string())?;
        let mut server = Process::start(command, &folder.join("xvfb.log"))
            .map_err(|error| format!("Xvfb cannot be started ({error}); is the package xvfb installed?"))?;
        let mut line = String::new();
        let stdout = server.stdout().ok_or("no standard output")?;
        BufReader::new(stdout).read_line(&mut line).map_err(|error| error.to_string())?;
        let name = format!(":{}", line.trim());
        let (connection, screen) =
            RustConnection::connect(Some(&name)).map_err(|error| format!("{name}: {error}"))?;
        let root = connection.setup().roots[screen].root;
        Ok(Display { _server: server, name, width, height, connection, root, framebuffer })
    }

    /// Touches a place: down, a moment, up.
    pub fn tap(&self, x: f64, y: f64) -> Result<(), String> {
        let (x, y) = (x.round() as i16, y.round() as i16);
        self.fake(MOTION_NOTIFY_EVENT, 0, x, y)?;
        self.fake(BUTTON_PRESS_EVENT, 1, x, y)?;
        thread::sleep(Duration::from_millis(60));
        self.fake(BUTTON_RELEASE_EVENT, 1, x, y)
    }

    fn fake(&self, event: u8, detail: u8, x: i16, y: i16) -> Result<(), String> {
        let sent = self.connection.xtest_fake_input(event, detail, 0, self.root, x, y, 0);
        sent.map_err(|error| error.to_string())?.check().map_err(|error| error.to_string())
    }

    /// How many windows within the programs' own can be seen.
    pub fn inner_windows(&self) -> Result<usize, String> {
        let fault = |error: &dyn std::fmt::Display| error.to_string();
        let children = |window: u32| {
            let tree = self.connection.query_tree(window).map_err(|error| fault(&error))?;
            tree.reply().map(|tree| tree.children).map_err(|error| fault(&error))
        };
        let is_seen = |window: u32| {
            let looked = self.connection.get_window_attributes(window).map_err(|error| fault(&error))?;
            let looked = looked.reply().map_err(|error| fault(&error))?;
            Ok::<_, String>(looked.map_state == MapState::VIEWABLE)
        };
        let mut seen = 0;
        for program in children(self.root)? {
            for window in children(program)? {
                seen += usize::from(is_seen(window)?);
            }
        }
        Ok(seen)
    }

    /// A picture of the whole screen.
    pub fn screenshot(&self) -> Result<Screenshot, String> {
        self.part(0, 0, self.width.into(), self.height.into())
    }

    /// A picture of a part of the screen; what lies outside is cut off.
    pub fn part(&self, x: usize, y: usize, width: usize, height: usize) -> Result<Screenshot, String> {
        let (right, bottom) = (usize::from(self.width), usize::from(self.height));
        let (x, y) = (x.min(right), y.min(bottom));
        let (width, height) = (width.min(right - x) as u16, height.min(bottom - y) as u16);
        let (left, top) = (x as i16, y as i16);
        let cookie =
            self.connection.get_image(ImageFormat::Z_PIXMAP, self.root, left, top, width, height, u32::MAX);
        let image = cookie.map_err(|error| error.to_string())?.reply().map_err(|error| error.to_string())?;
        let mut rgba = image.data;
        for pixel in rgba.chunks_exact_mut(4) {
            pixel.swap(0, 2);
            pixel[3] = 255;
        }
        Ok(Screenshot { width: width.into(), height: height.into(), rgba })
    }
}

impl Screenshot {
    /// Writes it as PNG.
    pub fn save(&self, path: &Path) -> Result<(), String> {
        let file = std::fs::File::create(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let mut encoder = png::Encoder::new(file, self.width as u32, self.height as u32);
        encoder.set_color(png::ColorType::Rgba);
        encoder.set_depth(png::BitDepth::Eight);
        let mut writer = encoder.write_header().map_err(|error| error.to_string())?;
        writer.write_image_data(&self.rgba).map_err(|error| error.to_string())
    }
}
