//! A kiosk on a virtual display of its own, used as a person uses it: looked at, touched, listened to.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use vestibule_kiosk::device::sim::stamp::{Stamp, read_stamp_rgba};

use crate::display::{Display, Screenshot};
use crate::programs::{Kiosk, PATIENCE, Relay};

/// Sound at or above this level is heard, in dBFS over the last second: a fifth of a second's pip, which noise suppression
/// may have turned down.
const HEARD: f64 = -55.0;
/// Below this level there is silence.
const SILENT: f64 = -80.0;

/// A place that has not changed for this long stays.
const SETTLED: Duration = Duration::from_secs(1);

/// A kiosk and its display.
pub struct Panel {
    /// The kiosk.
    pub kiosk: Kiosk,
    /// Its display.
    pub display: Display,
}

impl Panel {
    /// Starts a display and a kiosk that fills it.
    pub fn start(
        folder: &Path,
        name: &str,
        relay: &Relay,
        options: &[&str],
        width: u16,
        height: u16,
    ) -> Result<Panel, String> {
        let display = Display::start(&folder.join(format!("display-{name}")), width, height)?;
        let kiosk = Kiosk::start(folder, name, relay, options, Some(&display.name))?;
        Ok(Panel { kiosk, display })
    }

    /// Waits until the view is as wanted, and gives it.
    pub fn see(&mut self, what: &str, look: impl Fn(&Value) -> bool) -> Result<Value, String> {
        self.kiosk.wait_for(what, |kiosk| {
            let view = kiosk.view()?;
            if look(&view) { Ok(view) } else { Err(view.to_string()) }
        })
    }

    /// Touches the area that means `intent` (as Rust prints it), as soon as there is one.
    pub fn tap(&mut self, intent: &str) -> Result<(), String> {
        let (x, y) = self.kiosk.wait_for(&format!("a place to touch for {intent}"), |kiosk| {
            let areas = kiosk.ask("areas")?;
            let fits = |area: &&Value| {
                area["touch"].as_str().is_some_and(|touch| touch.contains(&format!("({intent})")))
            };
            let area = areas
                .as_array()
                .and_then(|areas| areas.iter().find(fits))
                .ok_or_else(|| areas.to_string())?;
            let number = |key: &str| area[key].as_f64().unwrap_or(0.0);
            Ok((number("x") + number("width") / 2.0, number("y") + number("height") / 2.0))
        })?;
        self.display.tap(x, y)
    }

    /// Types digits on the keypad.
    pub fn type_digits(&mut self, digits: &str) -> Result<(), String> {
        digits.chars().try_for_each(|digit| self.tap(&format!("Digit({digit})")))
    }

    /// Opens the chat if need be, chooses the recipient, types a message on the screen's keyboard and sends it.
    pub fn write(&mut self, text: &str, to: Option<&str>) -> Result<(), String> {
        if self.kiosk.meeting()?["panel"]["Chat"].is_null() {
            self.tap("TogglePanel(Chat)")?;
        }
        self.see("the chat", |view| view["screen"]["Meeting"]["panel"]["Chat"].is_object())?;
        if let Some(name) = to {
            let chips = self.kiosk.meeting()?["panel"]["Chat"]["recipients"].clone();
            let chip =
                chips.as_array().and_then(|chips| chips.iter().find(|chip| chip["label"] == name)).cloned();
            let peer = chip.ok_or_else(|| format!("{name} is no recipient"))?["to"]
                .as_str()
                .unwrap_or_default()
                .to_owned();
            self.tap(&format!("ChatTo(Some(PeerId({peer})))"))?;
        }
        self.tap("ShowKeyboard(true)")?;
        for letter in text.chars() {
            let typed =
                self.kiosk.meeting()?["panel"]["Chat"]["draft"].as_str().unwrap_or_default().to_owned();
            while letter.is_alphabetic() && self.shifted()? != letter.is_uppercase() {
                let before = self.kiosk.meeting()?["panel"]["Chat"]["keyboard"]["shift"].clone();
                self.tap("Shift")?;
                self.see("the shift key", |view| {
                    view["screen"]["Meeting"]["panel"]["Chat"]["keyboard"]["shift"] != before
                })?;
            }
            self.tap(&format!("Type({letter:?})"))?;
            self.see("the letter", |view| {
                view["screen"]["Meeting"]["panel"]["Chat"]["draft"]
                    .as_str()
                    .is_some_and(|now| now.len() > typed.len())
            })?;
        }
        self.tap("Submit")?;
        self.see("the message sent", |view| {
            let messages = view["screen"]["Meeting"]["panel"]["Chat"]["messages"].as_array();
            let sent = |m: &Value| m["own"] == true && m["text"] == text && m["delivery"] == "Sent";
            messages.is_some_and(|all| all.iter().any(sent))
        })?;
        // The keyboard covers the meeting's other buttons.
        self.tap("ShowKeyboard(false)")
    }

    fn shifted(&mut self) -> Result<bool, String> {
        Ok(self.kiosk.meeting()?["panel"]["Chat"]["keyboard"]["shift"] != "Off")
    }

    /// Waits until this text stands in the chat.
    pub fn read(&mut self, text: &str) -> Result<(), String> {
        self.see(&format!("the message {text:?}"), |view| {
            let messages = view["screen"]["Meeting"]["panel"]["Chat"]["messages"].as_array();
            messages.is_some_and(|all| all.iter().any(|message| message["text"] == text))
        })
        .map(|_| ())
    }

    /// Waits for sound from the other room, or for silence, and says how loud the last second was, in dBFS.
    pub fn hear(&mut self, sound: bool) -> Result<f64, String> {
        let what = if sound { "sound" } else { "silence" };
        self.kiosk.wait_for(what, |kiosk| {
            let answer = kiosk.ask("heard")?;
            let level = answer["dbfs"].as_f64().unwrap_or(-120.0);
            let fits = if sound { level >= HEARD } else { level <= SILENT };
            if fits {
                Ok(level)
            } else {
                let wanted = if sound { HEARD } else { SILENT };
                Err(format!("{level:.1} dBFS, wanted {what} ({wanted} dBFS)"))
            }
        })
    }

    /// Where the other room's picture is on the screen, as the kiosk says: left, top, width, height.
    pub fn place(&mut self) -> Result<[usize; 4], String> {
        self.place_of("Room")
    }

    /// The same of its `Room`, its `Presentation`, or this room's own `Own` or `OwnPresentation`.
    pub fn place_of(&mut self, picture: &str) -> Result<[usize; 4], String> {
        let areas = self.kiosk.ask("pictures")?;
        let room = |area: &&Value| {
            area["picture"].as_str().and_then(|id| id.split('(').next()).is_some_and(|id| id == picture)
        };
        let area =
            areas.as_array().and_then(|areas| areas.iter().find(room)).ok_or_else(|| areas.to_string())?;
        let number = |key: &str| area[key].as_f64().unwrap_or(0.0).max(0.0).round() as usize;
        Ok(["x", "y", "width", "height"].map(number))
    }

    /// As [`Panel::place`], once it has stayed the same for a second: the first picture's shape moves the tiles.
    pub fn settled_place(&mut self) -> Result<[usize; 4], String> {
        let mut since = (self.place()?, Instant::now());
        let begin = Instant::now();
        while since.1.elapsed() < SETTLED {
            thread::sleep(Duration::from_millis(20));
            let place = self.place()?;
            if place != since.0 {
                since = (place, Instant::now());
            }
            if begin.elapsed() > PATIENCE {
                return Err("the other room's picture does not stay in its place".into());
            }
        }
        Ok(since.0)
    }

    /// Waits until so many pictures have windows of their own.
    pub fn windows(&mut self, wanted: usize) -> Result<(), String> {
        let Panel { kiosk, display } = self;
        kiosk.wait_for("the pictures' windows", |_| match display.inner_windows()? {
            found if found == wanted => Ok(()),
            found => Err(format!("{found} windows instead of {wanted}")),
        })
    }

    /// What is on the screen where a picture is, which is named as in [`Panel::place_of`].
    pub fn tile(&mut self, picture: &str) -> Result<Screenshot, String> {
        let [x, y, width, height] = self.place_of(picture)?;
        self.display.part(x, y, width, height)
    }

    /// The stamp of the other room's picture, read off the screen.
    pub fn stamp(&mut self) -> Result<Stamp, String> {
        self.stamp_of("Room")
    }

    /// The stamp of a picture that is named as in [`Panel::place_of`].
    pub fn stamp_of(&mut self, picture: &str) -> Result<Stamp, String> {
        let tile = self.tile(picture)?;
        read_stamp_rgba(&tile.rgba, tile.width, tile.height).ok_or_else(|| "no stamp is to be read".into())
    }

    /// Waits for the other room's picture on the screen.
    pub fn see_picture(&mut self) -> Result<Stamp, String> {
        let begin = Instant::now();
        loop {
            match self.stamp() {
                Ok(stamp) => return Ok(stamp),
                Err(error) if begin.elapsed() > PATIENCE => return Err(error),
                Err(_) => thread::sleep(Duration::from_millis(5)),
            }
        }
    }

    /// Waits until `wanted` different pictures of the other room were on the screen; gives how long that took.
    pub fn see_pictures(&mut self, wanted: usize) -> Result<Duration, String> {
        let begin = Instant::now();
        let mut seen = std::collections::BTreeSet::new();
        while seen.len() < wanted {
            if begin.elapsed() > PATIENCE {
                return Err(format!("only {} different pictures of the other room", seen.len()));
            }
            if let Ok(stamp) = self.stamp() {
                seen.insert(stamp.frame);
            }
        }
        Ok(begin.elapsed())
    }

    /// Keeps a picture of the screen.
    pub fn keep(&self, folder: &Path, step: &str) -> Result<(), String> {
        // What was seen in the view may be painted a moment later.
        thread::sleep(Duration::from_millis(150));
        self.display.screenshot()?.save(&folder.join(format!("{step}-{}.png", self.kiosk.name)))
    }
}
