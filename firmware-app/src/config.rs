//! What can be set: the kiosk's configuration, checked, with its defaults and its one table of options.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use vestibule_common::id::PeerId;
use vestibule_common::name::RoomName;
use vestibule_common::unit::Bitrate;
use vestibule_host::{Configuration, LogLevel, Opt, Program, Subcommand, default_state_dir};

use crate::audio::{Cleaning, EchoMode};
use crate::device::config::DeviceConfig;
use crate::kiosk::{KioskConfig, Pin};
use crate::shell::media::MuteMode;
use crate::view::Language;

/// The kiosk's configuration.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The room's label.
    pub name: RoomName,
    /// The language of the screen.
    pub language: Language,
    /// Opens the settings: four to eight digits.
    pub pin: String,
    /// `host:port` of the relay; without it the relay is looked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub relay: Option<String>,
    /// The relay's key, if it shall be trusted without being confirmed on the screen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub relay_key: Option<PeerId>,
    /// Whether relays are looked for on the network.
    pub discover: bool,
    /// `full`, `none`, or a window's size such as `1280x800`.
    pub screen: String,
    /// Where the window's upper left corner is, such as `0,0`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub screen_position: Option<String>,
    /// Whether a picture waits for the screen's refresh.
    pub screen_vsync: bool,
    /// What the camera's largest pictures may take, in thousand bits a second.
    pub video_kbps: u32,
    /// What a presentation may take, in thousand bits a second, as long as five pictures a second take no more.
    pub presentation_kbps: u32,
    /// Without voice and touch for this long a meeting is asked whether anyone is there, in minutes.
    pub anyone_there_min: u32,
    /// Whether a host's kiosk sends the meeting's chat to whoever joins later.
    pub send_history: bool,
    /// Where the kiosk keeps its key, its settings and its place in a meeting.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state_dir: Option<PathBuf>,
    /// How much is logged.
    pub log_level: LogLevel,
    /// A socket by which tests and the caretaker see what the kiosk shows and counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observe: Option<PathBuf>,
    /// What muting does to the microphone: `gate` keeps it open behind the closed gate, `hard` closes it too.
    pub mute: MuteMode,
    /// What is done to the microphone's sound.
    pub sound: SoundConfig,
    /// The devices.
    pub devices: DeviceConfig,
}

/// The `[sound]` table: what is done to the microphone's sound before it leaves the room.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SoundConfig {
    /// `cancel`, `half-duplex` or `off`; what is chosen on the screen counts more.
    pub echo: EchoMode,
    /// Steady noise is turned down.
    pub noise_suppression: bool,
    /// Quiet voices are turned up.
    pub gain_control: bool,
}

impl Default for SoundConfig {
    fn default() -> SoundConfig {
        SoundConfig { echo: EchoMode::Cancel, noise_suppression: true, gain_control: true }
    }
}

impl Default for Config {
    fn default() -> Config {
        Config {
            name: "Meeting room".parse().expect("a valid name"),
            language: Language::English,
            pin: "0000".into(),
            relay: None,
            relay_key: None,
            discover: true,
            screen: "full".into(),
            screen_position: None,
            screen_vsync: false,
            video_kbps: 1500,
            presentation_kbps: 2500,
            anyone_there_min: 20,
            send_history: true,
            state_dir: None,
            log_level: LogLevel::Info,
            observe: None,
            mute: MuteMode::default(),
            sound: SoundConfig::default(),
            devices: DeviceConfig::default(),
        }
    }
}

/// The kiosk's window.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum ScreenExtent {
    /// The whole screen.
    Full,
    /// No screen at all.
    None,
    /// A window of this many pixels.
    Window(u32, u32),
}

impl Config {
    /// The window's size, as configured.
    ///
    /// Errors: a sentence, when it is none of the three.
    pub fn extent(&self) -> Result<ScreenExtent, String> {
        let window = |text: &str| {
            let (width, height) = text.split_once('x')?;
            let (width, height) = (width.parse().ok()?, height.parse().ok()?);
            ((800..=4096).contains(&width) && (480..=4096).contains(&height))
                .then_some(ScreenExtent::Window(width, height))
        };
        match self.screen.as_str() {
            "full" => Ok(ScreenExtent::Full),
            "none" => Ok(ScreenExtent::None),
            other => window(other).ok_or_else(|| {
                format!(
                    "screen is {other:?}; \"full\", \"none\" or a size from 800x480 to 4096x4096 is needed"
                )
            }),
        }
    }

    /// The window's place, as configured.
    ///
    /// Errors: a sentence, when it is not two numbers.
    pub fn position(&self) -> Result<Option<(i32, i32)>, String> {
        let Some(text) = &self.screen_position else { return Ok(None) };
        let place =
            text.split_once(',').and_then(|(x, y)| Some((x.trim().parse().ok()?, y.trim().parse().ok()?)));
        place
            .map(Some)
            .ok_or_else(|| format!("screen_position is {text:?}; two numbers such as 0,0 are needed"))
    }

    /// What the room's logic is told.
    ///
    /// Errors: a sentence, for a PIN that is none.
    pub fn kiosk(&self) -> Result<KioskConfig, String> {
        let pin: Pin = self.pin.parse().map_err(|error| format!("pin: {error}"))?;
        let defaults = KioskConfig::new(self.name.clone(), pin);
        Ok(KioskConfig {
            language: self.language,
            echo: self.sound.echo,
            relay: self.relay_key,
            anyone_there_after: std::time::Duration::from_secs(u64::from(self.anyone_there_min) * 60),
            send_history: self.send_history,
            ..defaults
        })
    }

    /// What is done to the microphone's sound, `echo` being what is done about the speaker's in it.
    pub fn cleaning(&self, echo: EchoMode) -> Cleaning {
        let SoundConfig { noise_suppression, gain_control, .. } = self.sound;
        Cleaning { echo, noise_suppression, gain_control }
    }

    /// What the encoders of camera and presentation aim at.
    pub fn bitrates(&self) -> [Bitrate; 2] {
        [self.video_kbps, self.presentation_kbps].map(|kbps| Bitrate::kbps(u64::from(kbps)))
    }
}

impl Configuration for Config {
    fn check(&self) -> Result<(), String> {
        self.extent()?;
        self.position()?;
        self.kiosk()?;
        for (key, kbps) in [("video_kbps", self.video_kbps), ("presentation_kbps", self.presentation_kbps)] {
            if !(100..=20_000).contains(&kbps) {
                return Err(format!("{key} is {kbps}; it must be between 100 and 20000"));
            }
        }
        if !(1..=1440).contains(&self.anyone_there_min) {
            return Err(format!(
                "anyone_there_min is {}; it must be between 1 and 1440",
                self.anyone_there_min
            ));
        }
        if let Some(relay) = &self.relay {
            let named = |host: &str| !host.is_empty() && !host.contains('/');
            let port = relay.rsplit_once(':').and_then(|(host, port)| named(host).then_some(port));
            if port.and_then(|port| port.parse::<u16>().ok()).is_none() {
                return Err(format!(
                    "relay is {relay:?}; a host and a port such as 192.168.1.10:5000 are needed"
                ));
            }
        }
        self.devices.check().map_err(|error| error.to_string())
    }

    fn complete(mut self, environment: &dyn Fn(&str) -> Option<String>) -> Result<Config, String> {
        if self.state_dir.is_none() {
            let folder = default_state_dir(PROGRAM.name, environment);
            self.state_dir = Some(folder.ok_or(
                "there is no home folder to keep the kiosk's key in; name a folder with --state-dir",
            )?);
        }
        Ok(self)
    }
}

/// The program's face.
pub const PROGRAM: Program = Program {
    name: "vestibule-kiosk",
    about: "The room kiosk of Vestibule: a room that meets other rooms.",
    run: "Run the kiosk.",
    prefix: "VESTIBULE_KIOSK",
    default_file: "/etc/vestibule/kiosk.toml",
    subcommands: &[
        Subcommand {
            name: "devices",
            arguments: "",
            sentence: "List the devices, what would be taken and why.",
        },
        Subcommand {
            name: "test-device",
            arguments: "camera|presentation|microphone|speaker|buttons [SECONDS]",
            sentence: "Use one device for ten seconds or so and print what it does.",
        },
    ],
    options: &[
        Opt::text("name", "text", "What the room is called: 1 to 40 characters."),
        Opt::text("language", "language", "The language of the screen: english or german."),
        Opt::text("pin", "digits", "The PIN of the settings: four to eight digits.").secret(),
        Opt::text("relay", "host:port", "The relay to meet through.").or("look for one on the network"),
        Opt::text(
            "relay_key",
            "key",
            "The relay's key, to be trusted without confirmation: 64 hexadecimal digits.",
        )
        .or("confirmed on the screen at first set-up"),
        Opt::switch("discover", "Look for relays on the network by mDNS."),
        Opt::text(
            "screen",
            "size",
            "\"full\" for the whole screen, \"none\", or a window's size such as 1280x800.",
        ),
        Opt::text("screen_position", "x,y", "Where the window's upper left corner is.")
            .or("left to the desktop"),
        Opt::switch(
            "screen_vsync",
            "Show a picture at the screen's next refresh: never torn, but 15 to 30 ms later.",
        ),
        Opt::number(
            "video_kbps",
            "What the camera's largest pictures may take, in thousand bits a second. Smaller ones are sent beside them for rooms with a slow network.",
        ),
        Opt::number("presentation_kbps", "What a presentation may take, in thousand bits a second."),
        Opt::number(
            "anyone_there_min",
            "Minutes without voice and touch until a meeting is asked whether anyone is there.",
        ),
        Opt::switch("send_history", "As a host, send the meeting's chat to rooms that join later."),
        Opt::text(
            "state_dir",
            "folder",
            "The folder for the kiosk's key, its settings and its place in a meeting.",
        )
        .or("the system's state folder"),
        Opt::text(
            "log_level",
            "level",
            "The least important messages to log: error, warn, info, debug or trace.",
        ),
        Opt::text(
            "observe",
            "socket",
            "A Unix socket by which tests and the caretaker see what the kiosk shows and counts.",
        )
        .or("none"),
        Opt::text(
            "mute",
            "way",
            "What muting does: gate keeps the microphone open behind a closed gate, hard closes it too.",
        ),
        Opt::text(
            "sound.echo",
            "way",
            "What is done about the speaker's sound in the microphone: cancel, half-duplex or off.",
        ),
        Opt::switch("sound.noise_suppression", "Turn down the room's steady noise."),
        Opt::switch("sound.gain_control", "Turn up quiet voices."),
        Opt::text(
            "devices.devices",
            "mode",
            "What \"auto\" stands for in a device's name: auto, sim or real.",
        ),
        Opt::text(
            "devices.camera",
            "camera",
            "auto, none, sim, sim:FILE.y4m, or a node such as /dev/video0.",
        ),
        Opt::number("devices.camera_width", "The width of the picture to ask the camera for, in pixels."),
        Opt::number("devices.camera_height", "The height of the picture to ask the camera for, in pixels."),
        Opt::number("devices.camera_rate", "The pictures a second to ask the camera for."),
        Opt::text(
            "devices.presentation",
            "grabber",
            "What shows a laptop's screen: auto, none, sim, sim:FILE.y4m, or a node such as /dev/kiosk/presentation.",
        ),
        Opt::text(
            "devices.microphone",
            "card",
            "auto, none, sim, sim:tone, sim:chirp, sim:silence, sim:FILE.wav, hw:CARD=ID, or pcm:NAME.",
        ),
        Opt::text(
            "devices.speaker",
            "card",
            "auto, none, sim, sim:FILE.wav (records), hw:CARD=ID, or pcm:NAME.",
        ),
        Opt::number(
            "devices.audio_buffer_ms",
            "What the sound card buffers at most in each direction, in milliseconds.",
        ),
        Opt::text("devices.buttons", "board", "auto, none, sim, rppal, or gpiocdev:CHIP."),
        Opt::switch(
            "devices.gpio_poll",
            "Look at the buttons every 5 ms, for boards whose interrupts do not work.",
        ),
        Opt::switch("devices.sim_stamp", "Draw frame number and time into a simulated camera's file too."),
        Opt::number("devices.pins.mute", "The mute button's pin.")
            .or("17 on a Raspberry Pi, else the line \"mute\""),
        Opt::number("devices.pins.approve", "The approve button's pin.")
            .or("27 on a Raspberry Pi, else the line \"approve\""),
        Opt::number("devices.pins.mute_lamp", "The mute lamp's pin.")
            .or("22 on a Raspberry Pi, else the line \"mute-lamp\""),
        Opt::number("devices.pins.approve_lamp", "The approve lamp's pin.")
            .or("23 on a Raspberry Pi, else the line \"approve-lamp\""),
        Opt::switch("devices.pins.active_low", "A pressed button connects its pin to ground."),
        Opt::switch("devices.pins.lamps_active_low", "A lamp is lit by pulling its pin to ground."),
        Opt::text(
            "devices.pins.pull",
            "resistor",
            "The resistor inside the chip that holds an open button's pin: up, down or none.",
        ),
    ],
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_options_is_the_configuration() {
        assert_eq!(PROGRAM.check_table::<Config>(), Ok(()));
    }

    #[test]
    fn values_are_checked_with_a_sentence() {
        let fault = |config: Config| config.check().unwrap_err();
        let default = Config::default;
        assert_eq!(default().check(), Ok(()));
        for screen in ["big", "100x100", "1280", "1280x", "x", "-1x800"] {
            assert!(fault(Config { screen: screen.into(), ..default() }).contains("is needed"), "{screen}");
        }
        for relay in ["", "host", "host:", ":5000", "host:70000", "host:port", "http://host:5000"] {
            assert!(fault(Config { relay: Some(relay.into()), ..default() }).contains("192.168"), "{relay}");
        }
        assert!(fault(Config { pin: "12".into(), ..default() }).contains("PIN"));
        assert!(fault(Config { video_kbps: 1, ..default() }).contains("between"));
        assert!(fault(Config { screen_position: Some("1".into()), ..default() }).contains("0,0"));
        assert_eq!(
            Config { screen_position: Some("1, -2".into()), ..default() }.position(),
            Ok(Some((1, -2)))
        );
        let six = Config { relay: Some("[fe80::1%eth0]:5000".into()), ..default() };
        assert_eq!(six.check(), Ok(()));
    }

    #[test]
    fn unknown_names_are_refused() {
        assert!(toml::from_str::<Config>("name = \"\"").is_err());
        assert!(toml::from_str::<Config>("language = \"klingon\"").is_err());
        assert!(toml::from_str::<Config>("[devices]\ncamara = \"auto\"").is_err());
        assert!(toml::from_str::<Config>("relay_key = \"abc\"").is_err());
    }
}
