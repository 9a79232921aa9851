//! What this machine has, described without opening it for use. Looking is the shell's; the descriptions are plain, so
//! that choosing among them is tested without the hardware.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::device::gpio::FoundGpio;
use crate::device::real;

/// A node that captures pictures.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CameraNode {
    /// Such as `/dev/video0`.
    pub path: PathBuf,
    /// A path that stays when nodes are renumbered, if udev made one.
    pub stable: Option<PathBuf>,
    /// As its maker called it.
    pub name: String,
    /// Where it is plugged in, such as `usb-0000:00:14.0-1`.
    pub bus: String,
    /// It grabs what a laptop shows, and is no camera unless the configuration names it as one.
    pub grabber: bool,
}

/// A sound card.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SoundCard {
    /// What `hw:CARD=` takes.
    pub id: String,
    /// As its maker called it.
    pub name: String,
    /// Its driver, such as `USB-Audio`.
    pub driver: String,
    /// The first of its devices with a microphone or an input.
    pub captures: Option<u32>,
    /// The first with a speaker or an output.
    pub plays: Option<u32>,
}

/// What was found, or why looking failed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Found {
    /// Nodes that capture pictures, by number.
    pub cameras: Vec<CameraNode>,
    /// Video nodes that are no camera for this program, and why.
    pub other_nodes: Vec<(PathBuf, String)>,
    /// Sound cards, by number.
    pub cards: Vec<SoundCard>,
    /// Pins.
    pub gpio: FoundGpio,
}

impl Found {
    /// Looks around.
    pub fn look() -> Found {
        let (cameras, other_nodes) = real::v4l::find();
        Found { cameras, other_nodes, cards: real::alsa::find(), gpio: real::gpio::find() }
    }
}

/// Calls cameras that look alike by where they are plugged in (`place`), unless each has a name by id of its own. That
/// name is one for all of them if their maker gave them no serial number, or the same, and leads to the other one as
/// soon as its own is out.
pub(super) fn tell_apart(cameras: &mut [CameraNode], place: impl Fn(&Path) -> Option<PathBuf>) {
    let all = cameras.to_vec();
    let by_id =
        |camera: &CameraNode| camera.stable.as_ref().is_some_and(|name| name.starts_with("/dev/v4l/by-id"));
    for camera in cameras {
        let twins: Vec<&CameraNode> =
            all.iter().filter(|other| other.name == camera.name && other.bus != camera.bus).collect();
        let has_own = by_id(camera) && twins.iter().all(|twin| by_id(twin) && twin.stable != camera.stable);
        if !twins.is_empty()
            && !has_own
            && let Some(place) = place(&camera.path)
        {
            camera.stable = Some(place);
        }
    }
}

/// Whether a device grabs HDMI: by its name, or by the USB vendor and product of those that call themselves "USB Video".
/// The same as in `udev/70-vestibule.rules`, for machines without these rules.
pub(super) fn is_grabber(name: &str, usb: Option<(&str, &str)>) -> bool {
    let says_so =
        ["HDMI", "hdmi", "Cam Link", "Game Capture", "Live Gamer"].iter().any(|word| name.contains(word));
    // MacroSilicon MS2109, then MS2109S, MS2130 and MS2131.
    says_so || matches!(usb, Some(("534d", "2109") | ("345f", "2109" | "2130" | "2131")))
}

impl fmt::Display for CameraNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.stable.as_ref().unwrap_or(&self.path).display();
        let kind =
            if self.grabber { ", an HDMI grabber: no camera unless devices.camera names it" } else { "" };
        write!(f, "{path} ({}, {}{kind})", self.name, self.bus)
    }
}

impl fmt::Display for SoundCard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ways = match (self.captures.is_some(), self.plays.is_some()) {
            (true, true) => "records and plays",
            (true, false) => "records",
            (false, true) => "plays",
            (false, false) => "neither records nor plays",
        };
        write!(f, "hw:CARD={} ({}, {}, {ways})", self.id, self.name, self.driver)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cameras_that_look_alike_are_called_by_their_places() {
        let camera = |number: u32, name: &str| CameraNode {
            path: format!("/dev/video{number}").into(),
            stable: (number == 2).then(|| "/dev/v4l/by-id/usb-Cam".into()),
            name: name.into(),
            bus: format!("usb-{number}"),
            grabber: false,
        };
        let place = |path: &Path| Some(Path::new("/dev/v4l/by-path").join(path.file_name()?));
        // The name by id, which both claim, leads to the second.
        let mut twins = [camera(0, "Cam"), camera(2, "Cam")];
        tell_apart(&mut twins, place);
        assert_eq!(
            twins.map(|camera| camera.stable.unwrap()),
            [PathBuf::from("/dev/v4l/by-path/video0"), PathBuf::from("/dev/v4l/by-path/video2"),]
        );
        // Their maker numbered them.
        let numbered = |number: u32| CameraNode {
            stable: Some(format!("/dev/v4l/by-id/usb-Cam_{number}").into()),
            ..camera(number, "Cam")
        };
        let mut twins = [numbered(0), numbered(2)];
        let before = twins.clone();
        tell_apart(&mut twins, place);
        assert_eq!(twins, before);
        let mut different = [camera(0, "Other"), camera(2, "Cam")];
        let before = different.clone();
        tell_apart(&mut different, place);
        assert_eq!(different, before);
    }

    #[test]
    fn a_grabber_is_told_by_its_name_or_its_usb_id() {
        assert!(is_grabber("Elgato HDMI Capture: video", None) && is_grabber("Cam Link 4K", None));
        assert!(is_grabber("USB Video: USB Video", Some(("534d", "2109"))));
        assert!(is_grabber("USB Video: USB Video", Some(("345f", "2130"))));
        // A webcam that is called the same, and one of the same vendor.
        assert!(!is_grabber("USB Video: USB Video", Some(("046d", "2109"))));
        assert!(!is_grabber("USB Video: USB Video", Some(("345f", "0001"))));
        assert!(!is_grabber("HD Pro Webcam C920", None));
    }
}
