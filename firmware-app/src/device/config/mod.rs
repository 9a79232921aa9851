//! Which devices to use, as a person writes it in the configuration file.
//!
//! Names are checked here, as far as they can be without looking at the machine; what the machine has is `choice`.

mod names;
mod pins;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

pub use names::{ButtonsName, CameraName, CardName, MicrophoneName, SimSound, SpeakerName};
pub use pins::{Pins, Pull, RASPBERRY_PI_PINS, Wiring};

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
    /// What shows a laptop's screen, an HDMI grabber: `auto`, `none`, `sim`, `sim:FILE.y4m`, or a node such as
    /// `/dev/kiosk/presentation`.
    pub presentation: CameraName,
    /// `auto`, `none`, `sim`, `sim:tone`, `sim:chirp`, `sim:silence`, `sim:FILE.wav`, `hw:CARD=ID`, or `pcm:NAME`.
    pub microphone: MicrophoneName,
    /// `auto`, `none`, `sim`, `sim:FILE.wav` (records what it plays), `hw:CARD=ID`, or `pcm:NAME`.
    pub speaker: SpeakerName,
    /// What the sound card buffers at most in each direction, in milliseconds, 20 to 500. Of the speaker's buffer only as much is
    /// filled, 10 ms at first, as this machine has been found to need.
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
            presentation: CameraName::Auto,
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
        if let Some(node) = self.camera.node().filter(|node| self.presentation.node() == Some(node)) {
            return Err(ConfigError(format!(
                "devices.camera and devices.presentation are both {}: name another device for one of them",
                node.display()
            )));
        }
        self.pins.check(matches!(self.buttons, ButtonsName::Rppal))
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

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
    fn sizes_rates_and_buffers_have_limits() {
        assert!(DeviceConfig { audio_buffer_ms: 5, ..DeviceConfig::default() }.check().is_err());
        assert!(DeviceConfig { camera_width: 641, ..DeviceConfig::default() }.check().is_err());
        assert!(DeviceConfig { camera_rate: 0, ..DeviceConfig::default() }.check().is_err());
    }
}
