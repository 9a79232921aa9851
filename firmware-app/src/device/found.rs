//! What this machine has, described without opening it for use. Looking is the shell's; the descriptions are plain, so
//! that choosing among them is tested without the hardware.

use std::fmt;
use std::path::PathBuf;

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
    /// It has a microphone or an input.
    pub captures: bool,
    /// It has a speaker or an output.
    pub plays: bool,
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

impl fmt::Display for CameraNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}, {})", self.stable.as_ref().unwrap_or(&self.path).display(), self.name, self.bus)
    }
}

impl fmt::Display for SoundCard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ways = match (self.captures, self.plays) {
            (true, true) => "records and plays",
            (true, false) => "records",
            (false, true) => "plays",
            (false, false) => "neither records nor plays",
        };
        write!(f, "hw:CARD={} ({}, {}, {ways})", self.id, self.name, self.driver)
    }
}
