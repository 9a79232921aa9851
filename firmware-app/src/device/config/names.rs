//! The devices' names as the configuration writes them, read and written alike.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::ConfigError;

/// A camera's name.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum CameraName {
    /// As the mode says.
    Auto,
    /// None, on purpose.
    None,
    /// The test picture.
    Sim,
    /// A Y4M file, played in a loop.
    File(PathBuf),
    /// A node of the kernel.
    Node(PathBuf),
}

impl CameraName {
    /// The path of the kernel's node, if it names one.
    pub fn node(&self) -> Option<&Path> {
        match self {
            CameraName::Node(path) => Some(path),
            CameraName::Auto | CameraName::None | CameraName::Sim | CameraName::File(_) => None,
        }
    }
}

/// A microphone's name.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum MicrophoneName {
    /// As the mode says.
    Auto,
    /// None, on purpose.
    None,
    /// A made-up sound.
    Sim(SimSound),
    /// A WAV file, played in a loop.
    File(PathBuf),
    /// A sound card.
    Card(CardName),
}

/// What a simulated microphone hears.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum SimSound {
    /// A short soft tone every second.
    Pips,
    /// A steady soft tone.
    Tone,
    /// A rising chirp at every full second of `CLOCK_MONOTONIC`, for measuring delay.
    Chirp,
    /// Nothing.
    Silence,
}

/// A speaker's name.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum SpeakerName {
    /// As the mode says.
    Auto,
    /// None, on purpose.
    None,
    /// Nobody hears it; the last seconds can be read back.
    Sim,
    /// Also written to a WAV file.
    File(PathBuf),
    /// A sound card.
    Card(CardName),
}

/// The buttons' and lamps' name.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum ButtonsName {
    /// As the mode says.
    Auto,
    /// None, on purpose.
    None,
    /// Keys F1 and F2, or a script.
    Sim,
    /// A Raspberry Pi's pins.
    Rppal,
    /// A GPIO chip of the kernel, by name, label or node.
    Gpiocdev(String),
}

/// A sound device by its card's id, in ALSA's own words. Never by its number, which changes between boots.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CardName {
    /// The PCM to open, such as `hw:CARD=Device,DEV=0` or `pulse`.
    pub(super) pcm: String,
}

impl MicrophoneName {
    /// The card, if it names one.
    pub fn card(&self) -> Option<&CardName> {
        match self {
            MicrophoneName::Card(card) => Some(card),
            MicrophoneName::Auto
            | MicrophoneName::None
            | MicrophoneName::Sim(_)
            | MicrophoneName::File(_) => None,
        }
    }
}

impl SpeakerName {
    /// The card, if it names one.
    pub fn card(&self) -> Option<&CardName> {
        match self {
            SpeakerName::Card(card) => Some(card),
            SpeakerName::Auto | SpeakerName::None | SpeakerName::Sim | SpeakerName::File(_) => None,
        }
    }
}

impl CardName {
    /// A device of a card.
    pub fn of_card(id: &str, device: u32) -> CardName {
        let number = if device == 0 { String::new() } else { format!(",DEV={device}") };
        CardName { pcm: format!("hw:CARD={id}{number}") }
    }

    /// The PCM as ALSA opens it.
    pub fn pcm(&self) -> &str {
        &self.pcm
    }

    /// The card's id, if it is a plain card named by its id.
    pub fn id(&self) -> Option<&str> {
        self.pcm.strip_prefix("hw:CARD=")?.split(',').next()
    }

    /// The PCM with ALSA's conversion of rate, channels and format in front; `None` if it is no plain card.
    pub fn converting(&self) -> Option<String> {
        self.pcm.starts_with("hw:").then(|| format!("plug{}", self.pcm))
    }

    fn parse(key: &str, text: &str) -> Result<CardName, ConfigError> {
        if let Some(pcm) = text.strip_prefix("pcm:").filter(|pcm| !pcm.is_empty() && !pcm.contains('\0')) {
            return Ok(CardName { pcm: pcm.to_owned() });
        }
        let Some(card) = text.strip_prefix("hw:") else {
            return Err(ConfigError(format!(
                "devices.{key} = \"{text}\": say auto, none, sim, hw:CARD=ID (ids: vestibule-kiosk devices) or pcm:NAME"
            )));
        };
        let id = card.strip_prefix("CARD=").unwrap_or(card);
        let id = id.split(',').next().unwrap_or_default();
        if id.is_empty() || id.contains('\0') || id.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(ConfigError(format!(
                "devices.{key} = \"{text}\": name the card by its id, as in hw:CARD=Device (ids: vestibule-kiosk \
                 devices); numbers change between boots"
            )));
        }
        Ok(CardName { pcm: text.to_owned() })
    }

    fn text(&self) -> String {
        if self.pcm.starts_with("hw:") { self.pcm.clone() } else { format!("pcm:{}", self.pcm) }
    }
}

fn file(key: &str, text: &str, ending: &str) -> Result<PathBuf, ConfigError> {
    let path = text.trim_start_matches("sim:");
    let fits = path.len() > ending.len() && path.to_ascii_lowercase().ends_with(ending);
    if fits {
        return Ok(PathBuf::from(path));
    }
    Err(ConfigError(format!("devices.{key} = \"{text}\": the file must end in {ending}")))
}

impl FromStr for CameraName {
    type Err = ConfigError;
    fn from_str(text: &str) -> Result<CameraName, ConfigError> {
        match text {
            "auto" => Ok(CameraName::Auto),
            "none" => Ok(CameraName::None),
            "sim" => Ok(CameraName::Sim),
            node if node.starts_with("/dev/") => Ok(CameraName::Node(PathBuf::from(node))),
            sim if sim.starts_with("sim:") => file("camera", sim, ".y4m").map(CameraName::File),
            other => Err(ConfigError(format!(
                "devices.camera = \"{other}\": say auto, none, sim, sim:FILE.y4m, or a node such as /dev/video0"
            ))),
        }
    }
}

impl FromStr for MicrophoneName {
    type Err = ConfigError;
    fn from_str(text: &str) -> Result<MicrophoneName, ConfigError> {
        Ok(match text {
            "auto" => MicrophoneName::Auto,
            "none" => MicrophoneName::None,
            "sim" => MicrophoneName::Sim(SimSound::Pips),
            "sim:tone" => MicrophoneName::Sim(SimSound::Tone),
            "sim:chirp" => MicrophoneName::Sim(SimSound::Chirp),
            "sim:silence" => MicrophoneName::Sim(SimSound::Silence),
            sim if sim.starts_with("sim:") => MicrophoneName::File(file("microphone", sim, ".wav")?),
            card => MicrophoneName::Card(CardName::parse("microphone", card)?),
        })
    }
}

impl FromStr for SpeakerName {
    type Err = ConfigError;
    fn from_str(text: &str) -> Result<SpeakerName, ConfigError> {
        Ok(match text {
            "auto" => SpeakerName::Auto,
            "none" => SpeakerName::None,
            "sim" => SpeakerName::Sim,
            sim if sim.starts_with("sim:") => SpeakerName::File(file("speaker", sim, ".wav")?),
            card => SpeakerName::Card(CardName::parse("speaker", card)?),
        })
    }
}

impl FromStr for ButtonsName {
    type Err = ConfigError;
    fn from_str(text: &str) -> Result<ButtonsName, ConfigError> {
        match text {
            "auto" => Ok(ButtonsName::Auto),
            "none" => Ok(ButtonsName::None),
            "sim" => Ok(ButtonsName::Sim),
            "rppal" => Ok(ButtonsName::Rppal),
            other => match other.strip_prefix("gpiocdev:") {
                Some(chip) if !chip.is_empty() => Ok(ButtonsName::Gpiocdev(chip.to_owned())),
                Some(_) | None => Err(ConfigError(format!(
                    "devices.buttons = \"{other}\": say auto, none, sim, rppal, or gpiocdev:CHIP"
                ))),
            },
        }
    }
}

impl fmt::Display for CameraName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CameraName::Auto => f.write_str("auto"),
            CameraName::None => f.write_str("none"),
            CameraName::Sim => f.write_str("sim"),
            CameraName::File(path) => write!(f, "sim:{}", path.display()),
            CameraName::Node(path) => write!(f, "{}", path.display()),
        }
    }
}

impl fmt::Display for MicrophoneName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MicrophoneName::Auto => f.write_str("auto"),
            MicrophoneName::None => f.write_str("none"),
            MicrophoneName::Sim(SimSound::Pips) => f.write_str("sim"),
            MicrophoneName::Sim(SimSound::Tone) => f.write_str("sim:tone"),
            MicrophoneName::Sim(SimSound::Chirp) => f.write_str("sim:chirp"),
            MicrophoneName::Sim(SimSound::Silence) => f.write_str("sim:silence"),
            MicrophoneName::File(path) => write!(f, "sim:{}", path.display()),
            MicrophoneName::Card(card) => f.write_str(&card.text()),
        }
    }
}

impl fmt::Display for SpeakerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SpeakerName::Auto => f.write_str("auto"),
            SpeakerName::None => f.write_str("none"),
            SpeakerName::Sim => f.write_str("sim"),
            SpeakerName::File(path) => write!(f, "sim:{}", path.display()),
            SpeakerName::Card(card) => f.write_str(&card.text()),
        }
    }
}

impl fmt::Display for ButtonsName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ButtonsName::Auto => f.write_str("auto"),
            ButtonsName::None => f.write_str("none"),
            ButtonsName::Sim => f.write_str("sim"),
            ButtonsName::Rppal => f.write_str("rppal"),
            ButtonsName::Gpiocdev(chip) => write!(f, "gpiocdev:{chip}"),
        }
    }
}

/// serde reads and writes the names as text.
macro_rules! as_text {
    ($($name:ty),*) => {$(
        impl TryFrom<String> for $name {
            type Error = ConfigError;
            fn try_from(text: String) -> Result<Self, ConfigError> {
                text.parse()
            }
        }
        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.to_string()
            }
        }
    )*};
}
as_text!(CameraName, MicrophoneName, SpeakerName, ButtonsName);
