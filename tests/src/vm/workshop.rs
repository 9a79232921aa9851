//! The other room of a scenario: a kiosk with simulated devices and a virtual display, outside of the machine, where
//! nothing is emulated.

use std::path::Path;

use serde_json::Value;

use super::{Error, GuestKiosk, eventually};
use crate::display::Screenshot;
use crate::panel::Panel;
use crate::programs::Relay;

/// At or above this level there is sound, dBFS. A whistle is at -15, and Workshop's volume takes 15 dB off.
const HEARD: f64 = -40.0;
/// Below this level there is silence, dBFS.
const SILENT: f64 = -80.0;

/// Options of a kiosk whose pictures an emulated machine can decode beside its own.
pub const SMALL_PICTURES: [&str; 8] = [
    "--devices-camera-width",
    "320",
    "--devices-camera-height",
    "180",
    "--devices-camera-rate",
    "5",
    "--video-kbps",
    "150",
];

/// Sound as it is: a steady tone is what noise suppression is there to turn down, and an emulated processor has no time to
/// cancel echo in.
pub const UNCLEANED: [&str; 4] =
    ["--sound-echo", "off", "--no-sound-noise-suppression", "--no-sound-gain-control"];

/// The other room. It plays a tone of 440 Hz, and its pictures bear their number.
pub struct Workshop(Panel);

impl Workshop {
    /// Starts it, with its state and log under `folder`.
    ///
    /// # Errors
    /// When it does not start: its log.
    pub fn start(folder: &Path, relay: &Relay) -> Result<Workshop, Error> {
        let options = ["--devices-devices", "sim", "--devices-microphone", "sim:tone", "--devices-sim-stamp"];
        let options = [&options[..], &SMALL_PICTURES, &UNCLEANED].concat();
        Panel::start(folder, "Workshop", relay, &options, 1024, 600).map(Workshop).map_err(Error::Malformed)
    }

    /// Waits until the view is as wanted.
    ///
    /// # Errors
    /// [`Error::Timeout`] with the last view.
    pub fn see(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) -> Result<(), Error> {
        let mut last = Value::Null;
        eventually(&format!("Workshop: {what}"), || {
            last = self.0.kiosk.view().map_err(Error::Malformed)?;
            Ok(wanted(&last).then_some(()))
        })
        .map_err(|error| Error::Malformed(format!("{error}; Workshop shows {last}")))
    }

    /// Does what a finger would have meant: an intent in JSON.
    ///
    /// # Errors
    /// When the kiosk does not take it.
    pub fn touch(&mut self, intent: &str) -> Result<(), Error> {
        self.0.kiosk.touch(intent).map_err(Error::Malformed)
    }

    /// Types a meeting's code, and waits at its door.
    ///
    /// # Errors
    /// When it does not come to wait.
    pub fn knock(&mut self, code: &str) -> Result<(), Error> {
        self.touch(r#""OpenJoin""#)?;
        for digit in code.chars().filter(char::is_ascii_digit) {
            self.touch(&format!(r#"{{"Digit":{digit}}}"#))?;
        }
        self.see("waiting", |view| view["screen"]["Waiting"].is_object())
    }

    /// Has a room start a meeting, and knocks there until its button may answer.
    ///
    /// # Errors
    /// When one of them does not come so far.
    pub fn knock_at(&mut self, host: &GuestKiosk<'_>) -> Result<(), Error> {
        host.see("the relay", |view| view["screen"]["Home"]["can_meet"] == true)?;
        self.see("ready", |view| view["screen"]["Home"]["ready"] == true)?;
        host.touch(r#""StartMeeting""#)?;
        self.knock(&host.code()?)?;
        host.see("the knock", |view| view["knock"]["armed"] == true).map(drop)
    }

    /// Waits for sound, or for silence.
    ///
    /// # Errors
    /// [`Error::Timeout`] when it stays the other way.
    pub fn hears(&mut self, sound: bool) -> Result<(), Error> {
        eventually(if sound { "sound in Workshop" } else { "silence in Workshop" }, || {
            let answer = self.0.kiosk.ask("heard").map_err(Error::Malformed)?;
            let level = answer["dbfs"].as_f64().unwrap_or(f64::NAN);
            Ok((if sound { level >= HEARD } else { level <= SILENT }).then_some(()))
        })
    }

    /// One counter.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn counter(&mut self, name: &str) -> Result<u64, Error> {
        self.0.kiosk.counter(name).map_err(Error::Malformed)
    }

    /// Waits until a picture, named as in [`Panel::place_of`], is on the screen as wanted.
    ///
    /// # Errors
    /// [`Error::Timeout`] when it does not come.
    pub fn shows(&mut self, picture: &str, wanted: impl Fn(&Screenshot) -> bool) -> Result<(), Error> {
        let found = eventually(&format!("{picture} on Workshop's screen"), || {
            Ok(self.0.tile(picture).is_ok_and(|tile| wanted(&tile)).then_some(()))
        });
        found.map_err(|error| {
            let view = self.0.kiosk.view();
            Error::Malformed(format!("{error}; Workshop shows {view:?}"))
        })
    }

    /// Keeps a picture of the screen in a folder.
    ///
    /// # Errors
    /// When there is none.
    pub fn keep(&self, folder: &Path, step: &str) -> Result<(), Error> {
        self.0.keep(folder, step).map_err(Error::Malformed)
    }

    /// Waits for this many pictures from now on.
    ///
    /// # Errors
    /// [`Error::Timeout`] when they do not come.
    pub fn sees_pictures(&mut self, count: u64) -> Result<(), Error> {
        let before = self.counter("pictures_decoded")?;
        eventually("pictures of the camera in Workshop", || {
            Ok((self.counter("pictures_decoded")? >= before + count).then_some(()))
        })
    }
}
