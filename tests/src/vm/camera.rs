//! The room's camera: the kernel's vivid driver, a V4L2 capture device that shows what a test wants it to see.
//!
//! Two kinds: a *pattern* camera behaves like a webcam (discrete sizes, frame rates, a moving test pattern), a *fed*
//! camera behaves like an HDMI capture device and delivers the test's own pictures, byte for byte.

use std::fs;

use super::{Disconnected, Error, Machine, Socket, Task, Yuyv, eventually};

/// A plugged-in camera.
pub struct Camera<'a> {
    machine: &'a Machine,
    capture: String,
    feed: Option<Feed<'a>>,
}

/// What shows a fed camera its pictures.
struct Feed<'a> {
    output: String,
    player: Option<Task<'a>>,
}

impl<'a> Camera<'a> {
    /// Plugs in a webcam with vivid's moving colour bars: YUYV, UYVY, NV12, YU12 and more, 320x180 to 3840x2160.
    /// Emulated, 640x360 keeps up with 15 frames a second.
    ///
    /// # Errors
    /// When the driver does not load.
    pub fn pattern(machine: &'a Machine) -> Result<Camera<'a>, Error> {
        machine.sh("modprobe vivid n_devs=1 node_types=0x1 num_inputs=1 input_types=0 && udevadm settle")?;
        let capture = node(machine, ":capture:")?;
        // Without the driver's text, which covers most of a small picture.
        machine.sh(&format!("v4l2-ctl -d {capture} -c osd_text_mode=2"))?;
        Ok(Camera { machine, capture, feed: None })
    }

    /// Plugs in two webcams that look alike, each in a place of its own.
    ///
    /// # Errors
    /// When the driver does not load.
    pub fn twins(machine: &'a Machine) -> Result<[Camera<'a>; 2], Error> {
        // The driver has both in one place, so a rule gives each a name as of a USB port of its own.
        machine.sh(
            "mkdir -p /run/udev/rules.d; for n in 0 1; do echo 'SUBSYSTEM==\"video4linux\", ATTR{name}==\"vivid-00'$n'-*\", SYMLINK=\"v4l/by-path/port-'$n'\"'; \
             done >/run/udev/rules.d/90-twins.rules && udevadm control --reload && \
             modprobe vivid n_devs=2 node_types=0x1,0x1 num_inputs=1,1 input_types=0,0 && udevadm settle",
        )?;
        match &nodes(machine, ":capture:")?[..] {
            [first, second] => {
                Ok([first, second].map(|node| Camera { machine, capture: node.clone(), feed: None }))
            }
            other => Err(Error::Malformed(format!("two cameras were plugged in, there are {other:?}"))),
        }
    }

    /// Plugs in a camera of another kind into the place of [`Camera::pattern`]'s: PAL, 720x576 at 25 frames a second and
    /// nothing else.
    ///
    /// # Errors
    /// When the driver does not load.
    pub fn television(machine: &'a Machine) -> Result<Camera<'a>, Error> {
        let options = "n_devs=1 node_types=0x1 num_inputs=1 input_types=2 ccs_cap_mode=0";
        machine.sh(&format!("modprobe vivid {options} && udevadm settle"))?;
        Ok(Camera { machine, capture: node(machine, ":capture:")?, feed: None })
    }

    /// Plugs in a webcam, as [`Camera::pattern`], and beside it an HDMI capture device, as [`Camera::fed`].
    ///
    /// # Errors
    /// When the driver does not load.
    pub fn pattern_and_fed(machine: &'a Machine) -> Result<[Camera<'a>; 2], Error> {
        machine.sh(
            "modprobe vivid n_devs=2 node_types=0x1,0x101 num_inputs=1,1 input_types=0,3 num_outputs=0,1 \
             output_types=0,1 ccs_cap_mode=-1,1 ccs_out_mode=-1,2 && udevadm settle",
        )?;
        let captures = nodes(machine, ":capture:")?;
        let [webcam, grabber] = &captures[..] else {
            return Err(Error::Malformed(format!("two cameras were plugged in, there are {captures:?}")));
        };
        machine.sh(&format!("v4l2-ctl -d {webcam} -c osd_text_mode=2"))?;
        let webcam = Camera { machine, capture: webcam.clone(), feed: None };
        Ok([webcam, Camera::looped(machine, grabber.clone())?])
    }

    /// Plugs in an HDMI capture device whose other end is the test's. Once [`Camera::show`] has been called, it
    /// delivers what is shown, in YUYV at that size, 15 frames a second.
    ///
    /// # Errors
    /// When the driver does not load.
    pub fn fed(machine: &'a Machine) -> Result<Camera<'a>, Error> {
        // vivid takes no signal under 14 MHz, which for small pictures means 60 frames a second, more than an
        // emulated machine can move. So the signal is large and slow, the least being 1280x720 at 15 Hz, and the
        // picture is cut out of its corner: capture can only crop (ccs_cap_mode=1), output only place (2).
        machine.sh(
            "modprobe vivid n_devs=1 node_types=0x101 num_inputs=1 input_types=3 num_outputs=1 output_types=1 \
             ccs_cap_mode=1 ccs_out_mode=2 && udevadm settle",
        )?;
        let capture = node(machine, ":capture:")?;
        Camera::looped(machine, capture)
    }

    /// Connects the driver's one output with this HDMI input of its.
    fn looped(machine: &'a Machine, capture: String) -> Result<Camera<'a>, Error> {
        let output = node(machine, ":video_output:")?;
        for node in [&output, &capture] {
            machine.sh(&format!(
                "v4l2-ctl -d {node} --set-dv-bt-timings=cvt,width=1280,height=720,fps=15,reduced-blanking=1"
            ))?;
        }
        machine.sh(&format!("v4l2-ctl -d {capture} -c loop_video=1 -c osd_text_mode=2"))?;
        Ok(Camera { machine, capture, feed: Some(Feed { output, player: None }) })
    }

    /// The camera's device node, such as `/dev/video0`.
    pub fn node(&self) -> &str {
        &self.capture
    }

    /// The name of the place where the camera is plugged in, which stays when nodes are renumbered.
    ///
    /// # Errors
    /// When udev gave it none.
    pub fn place(&self) -> Result<String, Error> {
        let node = &self.capture;
        let found = self.machine.sh(&format!(
            "for link in /dev/v4l/by-path/*; do [ $(readlink -f $link) != {node} ] || echo $link; done"
        ))?;
        let place = found.lines().next().map(str::to_owned);
        place.ok_or_else(|| Error::Malformed(format!("{node} has no name by its path")))
    }

    /// Shows a fed camera these pictures, one a frame and over again, in the place of what it saw before. All have
    /// one size, at most 1280x720. Set the capture format only afterwards.
    ///
    /// # Errors
    /// [`Error::Malformed`] for a pattern camera, or for no or differing pictures.
    pub fn show(&mut self, pictures: &[Yuyv]) -> Result<(), Error> {
        self.play(pictures, "YUYV", |picture| picture.bytes().to_vec())
    }

    /// As [`Camera::show`], for a program that captures I420, which the kiosk prefers: what comes in one layout, this
    /// driver delivers in no other.
    ///
    /// # Errors
    /// As [`Camera::show`].
    pub fn show_i420(&mut self, pictures: &[Yuyv]) -> Result<(), Error> {
        self.play(pictures, "YU12", Yuyv::to_i420)
    }

    fn play(
        &mut self,
        pictures: &[Yuyv],
        layout: &str,
        bytes: impl Fn(&Yuyv) -> Vec<u8>,
    ) -> Result<(), Error> {
        let Some(feed) = &mut self.feed else {
            return Err(Error::Malformed("a pattern camera has nothing to be shown with".into()));
        };
        let Some(first) = pictures.first() else {
            return Err(Error::Malformed("no pictures to show".into()));
        };
        let size = (first.width(), first.height());
        if pictures.iter().any(|picture| (picture.width(), picture.height()) != size) {
            return Err(Error::Malformed("the pictures to show differ in size".into()));
        }
        if let Some(player) = feed.player.take() {
            player.stop()?;
        }
        let staged = self.machine.share_path().join("camera.yuv");
        let frames: Vec<u8> = pictures.iter().flat_map(bytes).collect();
        fs::write(&staged, frames).map_err(Error::file("writing", &staged))?;
        let output = &feed.output;
        // v4l2-ctl reads the whole file before it starts over, so it gets enough to stream from.
        self.machine.sh(&format!(
            "mv /share/camera.yuv /tmp/camera.yuv && \
             v4l2-ctl -d {output} -x width={},height={},pixelformat={layout},colorspace=srgb",
            size.0, size.1
        ))?;
        let player = self.machine.start(&format!(
            "exec v4l2-ctl -d {output} --verbose --stream-out-mmap --stream-from=/tmp/camera.yuv --stream-loop"
        ))?;
        player
            .wait_for_output("the first picture shown", |said| said.contains("VIDIOC_STREAMON returned 0"))?;
        feed.player = Some(player);
        Ok(())
    }

    /// Captures `count` frames of that size as YUYV through V4L2, as a program in the guest would. For a fed camera
    /// the size must be that of the pictures shown.
    ///
    /// # Errors
    /// When capturing fails.
    pub fn capture(&self, width: usize, height: usize, count: usize) -> Result<Vec<Yuyv>, Error> {
        let node = &self.capture;
        // Without no-query v4l2-ctl sets the signal's timings anew, and with them the size of the whole signal.
        self.machine.sh(&format!(
            "v4l2-ctl -d {node} -v width={width},height={height},pixelformat=YUYV && \
             v4l2-ctl -d {node} --stream-no-query --stream-mmap --stream-skip=5 --stream-count={count} --stream-to=/share/captured.yuv"
        ))?;
        let file = self.machine.share_path().join("captured.yuv");
        let bytes = fs::read(&file).map_err(Error::file("reading", &file))?;
        fs::remove_file(&file).map_err(Error::file("removing", &file))?;
        if bytes.len() != width * height * 2 * count {
            return Err(Error::Malformed(format!(
                "{count} frames of {width}x{height} are not {} bytes",
                bytes.len()
            )));
        }
        Ok(bytes
            .chunks_exact(width * height * 2)
            .map(|frame| Yuyv::from_bytes(width, height, frame))
            .collect())
    }

    /// Pulls the cable and leaves the node: running streams break off, new ones are refused.
    ///
    /// # Errors
    /// When the driver does not take it.
    pub fn disconnect(&self) -> Result<Disconnected<'a>, Error> {
        Disconnected::new(self.machine, &self.capture)
    }

    /// Where the camera is plugged in, to pull it out with its nodes while programs use it. A second camera of this
    /// driver goes with it; one alone can be [disconnected](Camera::disconnect).
    ///
    /// # Errors
    /// When the camera is not plugged in.
    pub fn socket(&self) -> Result<Socket<'a>, Error> {
        Socket::of_sysfs(self.machine, "/sys/devices/platform/vivid.0")
    }

    /// Removes the camera, its node and its names. Programs that have it open must have let go of it.
    ///
    /// # Errors
    /// When a program holds on to it.
    pub fn unplug(mut self) -> Result<(), Error> {
        if let Some(player) = self.feed.take().and_then(|feed| feed.player) {
            player.stop()?;
        }
        eventually("the camera's driver unloaded", || {
            Ok(self.machine.sh("modprobe -r vivid && udevadm settle").ok())
        })
        .map(drop)
    }
}

/// The first node whose capabilities contain `capability`.
fn node(machine: &Machine, capability: &str) -> Result<String, Error> {
    let found = nodes(machine, capability)?.into_iter().next();
    found.ok_or_else(|| Error::Malformed(format!("no video node says {capability}")))
}

/// The nodes whose capabilities, as udev reports them, contain `capability`.
fn nodes(machine: &Machine, capability: &str) -> Result<Vec<String>, Error> {
    let found = machine.sh(&format!(
        "for node in /dev/video*; do udevadm info -q property $node | grep -q '^ID_V4L_CAPABILITIES=.*{capability}' \
         && echo $node; done; true"
    ))?;
    Ok(found.lines().map(str::to_owned).collect())
}
