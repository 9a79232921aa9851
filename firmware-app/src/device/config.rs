//! Which devices to use, as a person writes it in the configuration file.
//!
//! Names are checked here, as far as they can be without looking at the machine; what the machine has is `choice`.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What `auto` stands for in a device's name.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Real devices where they are found at the start, simulated ones elsewhere. For desks and demonstrations.
    Auto,
    /// Simulated devices.
    Sim,
    /// Real devices only. One that is missing has a placeholder and is taken when it is plugged in. For rooms.
    #[default]
    Real,
}

impl FromStr for Mode {
    type Err = ConfigError;
    fn from_str(text: &str) -> Result<Mode, ConfigError> {
        match text {
            "auto" => Ok(Mode::Auto),
            "sim" => Ok(Mode::Sim),
            "real" => Ok(Mode::Real),
            other => Err(ConfigError(format!("devices = \"{other}\": say auto, sim or real"))),
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Mode::Auto => "auto",
            Mode::Sim => "sim",
            Mode::Real => "real",
        })
    }
}

/// What cannot be meant, in a sentence for whoever wrote the configuration.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConfigError(pub String);

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ConfigError {}

/// The `[devices]` table.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DeviceConfig {
    /// What `auto` stands for: `auto`, `sim` or `real`.
    pub devices: Mode,
    /// `auto`, `none`, `sim`, `sim:FILE.y4m`, or a node such as `/dev/video0` or one under `/dev/v4l/by-id`.
    pub camera: CameraName,
    /// The picture to ask the camera for, in pixels.
    pub camera_width: u32,
    /// The picture to ask the camera for, in pixels.
    pub camera_height: u32,
    /// Frames per second to ask the camera for.
    pub camera_rate: u32,
    /// `auto`, `none`, `sim`, `sim:tone`, `sim:chirp`, `sim:silence`, `sim:FILE.wav`, `hw:CARD=ID`, or `pcm:NAME`.
    pub microphone: MicrophoneName,
    /// `auto`, `none`, `sim`, `sim:FILE.wav` (records what it plays), `hw:CARD=ID`, or `pcm:NAME`.
    pub speaker: SpeakerName,
    /// What the sound card buffers at most in each direction, in milliseconds, 20 to 500. For the speaker it is delay.
    pub audio_buffer_ms: u32,
    /// `auto`, `none`, `sim`, `rppal`, or `gpiocdev:CHIP` with the chip's name, label or node.
    pub buttons: ButtonsName,
    /// Where the buttons and lamps are connected.
    pub pins: Pins,
    /// Looks at the buttons every 5 ms and asks for no interrupts, for boards whose interrupts do not work.
    pub gpio_poll: bool,
    /// Draws frame number and time into a simulated camera's file too, not only into the test picture.
    pub sim_stamp: bool,
}

impl Default for DeviceConfig {
    fn default() -> DeviceConfig {
        DeviceConfig {
            devices: Mode::default(),
            camera: CameraName::Auto,
            camera_width: 640,
            camera_height: 480,
            camera_rate: 30,
            microphone: MicrophoneName::Auto,
            speaker: SpeakerName::Auto,
            audio_buffer_ms: 40,
            buttons: ButtonsName::Auto,
            pins: Pins::default(),
            gpio_poll: false,
            sim_stamp: false,
        }
    }
}

impl DeviceConfig {
    /// Everything simulated.
    pub fn simulated() -> DeviceConfig {
        DeviceConfig { devices: Mode::Sim, ..DeviceConfig::default() }
    }

    /// Refuses what cannot be meant, before any device is touched.
    pub fn check(&self) -> Result<(), ConfigError> {
        let within = |key: &str, value: u32, low: u32, high: u32| {
            if (low..=high).contains(&value) {
                return Ok(());
            }
            Err(ConfigError(format!("devices.{key} = {value}: must be from {low} to {high}")))
        };
        within("camera_width", self.camera_width, 160, 3840)?;
        within("camera_height", self.camera_height, 120, 2160)?;
        within("camera_rate", self.camera_rate, 1, 120)?;
        within("audio_buffer_ms", self.audio_buffer_ms, 20, 500)?;
        if !self.camera_width.is_multiple_of(2) || !self.camera_height.is_multiple_of(2) {
            return Err(ConfigError(format!(
                "devices.camera_width and camera_height must be even, not {}x{}",
                self.camera_width, self.camera_height
            )));
        }
        self.pins.check(matches!(self.buttons, ButtonsName::Rppal))
    }
}

/// Where the buttons and lamps are connected: BCM numbers on a Raspberry Pi, line numbers of the chip elsewhere. A pin
/// that is not set is the default on a Raspberry Pi, and the line of that name (`mute`, `approve`, `mute-lamp`,
/// `approve-lamp`) elsewhere.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Pins {
    /// The mute button; 17 on a Raspberry Pi unless set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mute: Option<u32>,
    /// The approve button; 27 on a Raspberry Pi unless set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approve: Option<u32>,
    /// The lamp in the mute button; 22 on a Raspberry Pi unless set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mute_lamp: Option<u32>,
    /// The lamp in the approve button; 23 on a Raspberry Pi unless set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approve_lamp: Option<u32>,
    /// A pressed button connects its pin to ground.
    pub active_low: bool,
    /// A lamp is lit by pulling its pin to ground.
    pub lamps_active_low: bool,
    /// The resistor inside the chip that holds an open button's pin.
    pub pull: Pull,
}

impl Default for Pins {
    fn default() -> Pins {
        Pins {
            mute: None,
            approve: None,
            mute_lamp: None,
            approve_lamp: None,
            active_low: true,
            lamps_active_low: false,
            pull: Pull::Up,
        }
    }
}

/// The resistor inside the chip.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pull {
    /// To the supply, for a button to ground.
    Up,
    /// To ground, for a button to the supply.
    Down,
    /// None: there is a resistor on the board.
    None,
}

/// The four pins, all known.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Wiring {
    /// The mute button.
    pub mute: u32,
    /// The approve button.
    pub approve: u32,
    /// The lamp in the mute button.
    pub mute_lamp: u32,
    /// The lamp in the approve button.
    pub approve_lamp: u32,
}

impl Wiring {
    /// Refuses a pin used twice or one of `count` lines or above.
    pub fn check(self, count: u32) -> Result<(), ConfigError> {
        let named = [
            ("mute", self.mute),
            ("approve", self.approve),
            ("mute_lamp", self.mute_lamp),
            ("approve_lamp", self.approve_lamp),
        ];
        for (place, &(name, pin)) in named.iter().enumerate() {
            if pin >= count {
                return Err(ConfigError(format!(
                    "devices.pins.{name} = {pin}: there is no such pin, they go from 0 to {}",
                    count.saturating_sub(1)
                )));
            }
            if let Some((other, _)) = named.iter().take(place).find(|(_, earlier)| *earlier == pin) {
                return Err(ConfigError(format!(
                    "devices.pins.{other} and devices.pins.{name} are both {pin}: every button and lamp needs a pin of \
                     its own"
                )));
            }
        }
        Ok(())
    }
}

/// Pins of a Raspberry Pi's header.
pub const RASPBERRY_PI_PINS: u32 = 28;

impl Pins {
    /// The pins on a Raspberry Pi.
    pub fn on_raspberry_pi(&self) -> Wiring {
        Wiring {
            mute: self.mute.unwrap_or(17),
            approve: self.approve.unwrap_or(27),
            mute_lamp: self.mute_lamp.unwrap_or(22),
            approve_lamp: self.approve_lamp.unwrap_or(23),
        }
    }

    /// The lines of another chip: those set, and the others by the lines' names.
    pub fn on_chip(&self, line_of: impl Fn(&str) -> Option<u32>) -> Result<Wiring, ConfigError> {
        let line = |set: Option<u32>, key: &str, name: &str| {
            set.or_else(|| line_of(name)).ok_or_else(|| {
                ConfigError(format!(
                    "devices.pins.{key} is not set, and the chip has no line named \"{name}\""
                ))
            })
        };
        Ok(Wiring {
            mute: line(self.mute, "mute", "mute")?,
            approve: line(self.approve, "approve", "approve")?,
            mute_lamp: line(self.mute_lamp, "mute_lamp", "mute-lamp")?,
            approve_lamp: line(self.approve_lamp, "approve_lamp", "approve-lamp")?,
        })
    }

    fn check(&self, raspberry_pi: bool) -> Result<(), ConfigError> {
        if raspberry_pi {
            return self.on_raspberry_pi().check(RASPBERRY_PI_PINS);
        }
        // Which chip is not known yet; pins that are set must differ all the same.
        let free = u32::MAX - 4;
        Wiring {
            mute: self.mute.unwrap_or(free),
            approve: self.approve.unwrap_or(free + 1),
            mute_lamp: self.mute_lamp.unwrap_or(free + 2),
            approve_lamp: self.approve_lamp.unwrap_or(free + 3),
        }
        .check(u32::MAX)
    }
}

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

impl CardName {
    /// A card's first device.
    pub fn of_card(id: &str) -> CardName {
        CardName { pcm: format!("hw:CARD={id}") }
    }

    /// The PCM as ALSA opens it.
    pub fn pcm(&self) -> &str {
        &self.pcm
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

#[cfg(test)]
mod tests {
    use super::*;

    fn read(toml: &str) -> Result<DeviceConfig, String> {
        toml::from_str(toml).map_err(|error| error.to_string())
    }

    #[test]
    fn every_name_is_read_and_written_alike() {
        let text = [
            r#"devices = "auto""#,
            r#"camera = "sim:clip.y4m""#,
            r#"microphone = "hw:CARD=Device,DEV=1""#,
            r#"speaker = "pcm:pulse""#,
            r#"buttons = "gpiocdev:gpiochip2""#,
            "pins = { mute = 5, pull = \"down\", active_low = false }",
        ];
        let config = read(&text.join("\n")).unwrap();
        assert_eq!(config.camera, CameraName::File(PathBuf::from("clip.y4m")));
        assert_eq!(config.buttons, ButtonsName::Gpiocdev("gpiochip2".into()));
        assert_eq!((config.pins.mute, config.pins.pull), (Some(5), Pull::Down));
        let MicrophoneName::Card(card) = &config.microphone else { panic!("{:?}", config.microphone) };
        assert_eq!(card.converting().as_deref(), Some("plughw:CARD=Device,DEV=1"));
        let again = read(&toml::to_string(&config).unwrap()).unwrap();
        assert_eq!(again, config);
        for name in
            ["sim", "sim:tone", "sim:chirp", "sim:silence", "sim:a.wav", "none", "auto", "pcm:default"]
        {
            assert_eq!(name.parse::<MicrophoneName>().unwrap().to_string(), name);
        }
    }

    #[test]
    fn what_cannot_be_meant_is_refused_with_a_sentence() {
        for (toml, sentence) in [
            ("camara = \"sim\"", "unknown field"),
            ("camera = \"sim:clip.mp4\"", "must end in .y4m"),
            ("camera = \"webcam\"", "say auto, none, sim"),
            ("microphone = \"hw:0\"", "numbers change between boots"),
            ("microphone = \"hw:CARD=1,DEV=0\"", "numbers change between boots"),
            ("speaker = \"loud\"", "hw:CARD=ID"),
            ("buttons = \"gpiocdev:\"", "gpiocdev:CHIP"),
            ("devices = \"some\"", "unknown variant"),
            ("pins = { mute = -1 }", "invalid value"),
        ] {
            let error = read(toml).unwrap_err();
            assert!(error.contains(sentence), "{toml}: {error}");
        }
    }

    #[test]
    fn pins_used_twice_or_out_of_range_are_refused() {
        let config = |pins: Pins, buttons| DeviceConfig { pins, buttons, ..DeviceConfig::default() };
        assert_eq!(config(Pins::default(), ButtonsName::Rppal).check(), Ok(()));
        let twice = Pins { mute: Some(5), approve_lamp: Some(5), ..Pins::default() };
        let error = config(twice.clone(), ButtonsName::Auto).check().unwrap_err();
        assert!(error.0.contains("pins.mute and devices.pins.approve_lamp are both 5"), "{error}");
        // 27 is the approve button's default on a Raspberry Pi.
        let default_too = Pins { mute: Some(27), ..Pins::default() };
        assert!(config(default_too.clone(), ButtonsName::Rppal).check().is_err());
        assert_eq!(config(default_too, ButtonsName::Gpiocdev("x".into())).check(), Ok(()));
        let high = Pins { mute: Some(28), ..Pins::default() };
        let error = config(high, ButtonsName::Rppal).check().unwrap_err();
        assert!(error.0.contains("from 0 to 27"), "{error}");
    }

    #[test]
    fn lines_of_a_chip_are_found_by_name_unless_set() {
        let names =
            |name: &str| ["mute", "approve", "mute-lamp"].iter().position(|n| *n == name).map(|n| n as u32);
        let pins = Pins { approve_lamp: Some(7), mute: Some(6), ..Pins::default() };
        let wiring = pins.on_chip(names).unwrap();
        assert_eq!((wiring.mute, wiring.approve, wiring.mute_lamp, wiring.approve_lamp), (6, 1, 2, 7));
        assert!(wiring.check(8).is_ok());
        assert!(wiring.check(7).unwrap_err().0.contains("from 0 to 6"));
        assert!(Pins::default().on_chip(names).unwrap_err().0.contains("\"approve-lamp\""));
    }

    #[test]
    fn sizes_rates_and_buffers_have_limits() {
        assert!(DeviceConfig { audio_buffer_ms: 5, ..DeviceConfig::default() }.check().is_err());
        assert!(DeviceConfig { camera_width: 641, ..DeviceConfig::default() }.check().is_err());
        assert!(DeviceConfig { camera_rate: 0, ..DeviceConfig::default() }.check().is_err());
    }
}
