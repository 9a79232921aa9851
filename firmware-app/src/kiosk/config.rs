//! What a kiosk is told at its start, and what a caretaker may change while it runs. Files and flags are the shell's.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use vestibule_common::id::PeerId;
use vestibule_common::name::RoomName;

use crate::audio::EchoMode;
use crate::view::Language;

/// Everything the kiosk's core has to know at its start.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KioskConfig {
    /// The room's label.
    pub name: RoomName,
    /// The language of the screen.
    pub language: Language,
    /// The speaker's volume, 0 to 100.
    pub volume: u8,
    /// What is done about the speaker's sound in the microphone.
    pub echo: EchoMode,
    /// Opens the settings.
    pub pin: Pin,
    /// The relay's key, as configured or pinned. Without one the kiosk asks which relay to trust.
    pub relay: Option<PeerId>,
    /// Program and version, for the settings screen.
    pub version: String,
    /// Without a touch for this long the screen is dimmed (outside meetings).
    pub dim_after: Duration,
    /// Without a touch for this long the screen shows a clock.
    pub clock_after: Duration,
    /// Without a touch for this long the screen is black.
    pub dark_after: Duration,
    /// With neither voice nor touch for this long a meeting is asked whether anyone is there.
    pub anyone_there_after: Duration,
    /// How long that question waits before the room leaves.
    pub anyone_there_wait: Duration,
    /// How long a meeting that was left, or lost by a power cut, may be gone back into.
    pub rejoin_for: Duration,
    /// A knock must have been shown on a lit screen for this long before it can be answered.
    pub knock_arm: Duration,
    /// The approve button lets a room in when released within this time.
    pub approve_max_hold: Duration,
    /// The approve button refuses a room once held for this long.
    pub deny_hold: Duration,
    /// A host's kiosk sends the meeting's chat to whoever joins later.
    pub send_history: bool,
}

impl KioskConfig {
    /// A configuration with every time as the product ships it.
    pub fn new(name: RoomName, pin: Pin) -> KioskConfig {
        let minutes = |n: u64| Duration::from_secs(n * 60);
        KioskConfig {
            name,
            language: Language::English,
            volume: 70,
            echo: EchoMode::default(),
            pin,
            relay: None,
            version: format!("{} {}", env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION")),
            dim_after: minutes(2),
            clock_after: minutes(10),
            dark_after: minutes(30),
            anyone_there_after: minutes(20),
            anyone_there_wait: Duration::from_secs(60),
            rejoin_for: minutes(10),
            knock_arm: Duration::from_secs(1),
            approve_max_hold: Duration::from_millis(600),
            deny_hold: Duration::from_millis(1500),
            send_history: true,
        }
    }
}

/// What a caretaker changes on the screen; the shell keeps it over restarts.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Settings {
    /// The room's label.
    pub name: RoomName,
    /// The language of the screen.
    pub language: Language,
    /// The speaker's volume, 0 to 100.
    pub volume: u8,
    /// What is done about the speaker's sound in the microphone; `None` leaves it to the configuration.
    #[serde(default)]
    pub echo: Option<EchoMode>,
}

/// The caretaker's PIN: four to eight digits.
#[derive(Clone, PartialEq, Eq)]
pub struct Pin(String);

/// A text that is no PIN.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct BadPin;

impl fmt::Display for BadPin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a PIN has four to eight digits")
    }
}

impl std::error::Error for BadPin {}

impl FromStr for Pin {
    type Err = BadPin;

    fn from_str(text: &str) -> Result<Pin, BadPin> {
        let good = (4..=8).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        if good { Ok(Pin(text.to_owned())) } else { Err(BadPin) }
    }
}

impl Pin {
    /// How many digits it has.
    pub fn digits(&self) -> usize {
        self.0.len()
    }

    /// Whether these digits are the PIN. Takes as long for a nearly right one as for a wrong one.
    pub fn matches(&self, typed: &str) -> bool {
        typed.len() == self.0.len()
            && typed.bytes().zip(self.0.bytes()).fold(0, |difference, (a, b)| difference | (a ^ b)) == 0
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pin(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_of_an_older_kiosk_are_read() {
        let old = r#"{"name":"Boardroom","language":"german","volume":30}"#;
        let settings: Settings = serde_json::from_str(old).unwrap();
        assert_eq!((settings.volume, settings.echo), (30, None));
    }

    #[test]
    fn a_pin_is_four_to_eight_digits_and_is_not_logged() {
        for bad in ["", "123", "123456789", "12a4", "１２３４"] {
            assert_eq!(bad.parse::<Pin>(), Err(BadPin), "{bad}");
        }
        let pin: Pin = "0471".parse().unwrap();
        assert!(pin.matches("0471") && !pin.matches("0472") && !pin.matches("047") && !pin.matches("04711"));
        assert!(!format!("{pin:?}").contains("471"));
    }
}
