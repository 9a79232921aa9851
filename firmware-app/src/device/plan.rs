//! Which device to take: by name where the configuration names one, and by what the machine has where it says `auto`.
//!
//! Pure: the configuration and what was found go in, a plan and its reasons come out. `choice` carries it out.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::device::config::{
    ButtonsName, CameraName, CardName, ConfigError, DeviceConfig, MicrophoneName, Mode, SimSound, SpeakerName,
};
use crate::device::found::{CameraNode, Found, SoundCard};
use crate::device::gpio::{GpioPlan, GpioWay, NoGpio, best_gpio, named_chip, wiring_on};

/// What was taken for one device, and why.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Taken {
    /// `camera`, `presentation`, `microphone`, `speaker`, or `buttons and lamps`.
    pub device: &'static str,
    /// What was taken.
    pub taken: String,
    /// Why.
    pub why: String,
}

impl fmt::Display for Taken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}, because {}", self.device, self.taken, self.why)
    }
}

/// What to open.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Plan {
    pub(super) camera: CameraPlan,
    pub(super) presentation: CameraPlan,
    pub(super) microphone: MicrophonePlan,
    pub(super) speaker: SpeakerPlan,
    pub(super) buttons: ButtonsPlan,
    /// What was taken and why, one for each device.
    pub(super) report: Vec<Taken>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum CameraPlan {
    None,
    /// Made up: the test picture, or the test pages of a presentation.
    Sim,
    File(PathBuf),
    Node(PathBuf),
    /// The best there is whenever it is opened.
    Best,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum MicrophonePlan {
    None,
    Sim(SimSound),
    File(PathBuf),
    Card(CardName),
    Best,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum SpeakerPlan {
    None,
    Sim,
    File(PathBuf),
    Card(CardName),
    Best,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum ButtonsPlan {
    None,
    Sim,
    Gpio(GpioPlan),
}

const NAMED: &str = "the configuration names it";
const SIMULATED: &str = "devices = \"sim\"";
/// What is said of a named device that is plugged in later, perhaps.
const NOT_THERE: &str = " (not there now)";
const NONE: &str = "the configuration says none";

/// Chooses among what was found; `resolve` says which node a path leads to. Pure.
pub(super) fn plan(
    config: &DeviceConfig,
    found: &Found,
    resolve: impl Fn(&Path) -> Option<PathBuf>,
) -> Result<Plan, ConfigError> {
    config.check()?;
    let mut report = Vec::new();
    let mut say = |device, taken: String, why: String| report.push(Taken { device, taken, why });
    let mode = config.devices;

    let cameras = &found.cameras;
    let mut take =
        |device, name: &CameraName, made_up: &str, best: Option<(&CameraNode, String)>, none: String| {
            let (plan, taken, why) = match (name, mode, best) {
                (CameraName::Auto, Mode::Sim, _) => (CameraPlan::Sim, made_up.into(), SIMULATED.into()),
                (CameraName::Auto, Mode::Auto | Mode::Real, Some((node, why))) => {
                    (CameraPlan::Best, node.to_string(), why)
                }
                (CameraName::Auto, Mode::Auto, None) => (CameraPlan::Sim, made_up.into(), none),
                (CameraName::Auto, Mode::Real, None) => (CameraPlan::Best, "none yet".into(), none),
                (CameraName::None, ..) => (CameraPlan::None, "none".into(), NONE.into()),
                (CameraName::Sim, ..) => (CameraPlan::Sim, made_up.into(), NAMED.into()),
                (CameraName::File(path), ..) => {
                    (CameraPlan::File(path.clone()), path.display().to_string(), NAMED.into())
                }
                (CameraName::Node(path), ..) => {
                    let there = if resolve(path).is_some() { "" } else { NOT_THERE };
                    (CameraPlan::Node(path.clone()), format!("{}{there}", path.display()), NAMED.into())
                }
            };
            say(device, taken, why);
            plan
        };
    let named = |name: &CameraName| name.node().and_then(&resolve);
    let (camera_at, shown_at) = (named(&config.camera), named(&config.presentation));
    let camera = take(
        "camera",
        &config.camera,
        "the test picture",
        best_camera(cameras, shown_at.as_deref()),
        no_camera(cameras),
    );
    let presentation = take(
        "presentation",
        &config.presentation,
        "test pages",
        best_grabber(cameras, camera_at.as_deref()),
        NO_GRABBER.into(),
    );

    let there = |name: String, card: Option<&CardName>| match card.and_then(CardName::id) {
        Some(id) if !found.cards.iter().any(|card| card.id == id) => format!("{name}{NOT_THERE}"),
        Some(_) | None => name,
    };
    let microphone = match &config.microphone {
        MicrophoneName::Auto => {
            let none = "no sound card records".to_owned();
            let (plan, taken, why) = match (mode, best_card(&found.cards, Way::Capture)) {
                (Mode::Sim, _) => {
                    (MicrophonePlan::Sim(SimSound::Pips), "made-up sound".into(), SIMULATED.into())
                }
                (Mode::Auto | Mode::Real, Some((card, why))) => (MicrophonePlan::Best, card.to_string(), why),
                (Mode::Auto, None) => (MicrophonePlan::Sim(SimSound::Pips), "made-up sound".into(), none),
                (Mode::Real, None) => (MicrophonePlan::Best, "none yet".into(), none),
            };
            say("microphone", taken, why);
            plan
        }
        named => {
            let plan = match named {
                MicrophoneName::Auto | MicrophoneName::None => MicrophonePlan::None,
                MicrophoneName::Sim(sound) => MicrophonePlan::Sim(*sound),
                MicrophoneName::File(path) => MicrophonePlan::File(path.clone()),
                MicrophoneName::Card(card) => MicrophonePlan::Card(card.clone()),
            };
            let why = if plan == MicrophonePlan::None { NONE } else { NAMED };
            say("microphone", there(named.to_string(), named.card()), why.into());
            plan
        }
    };

    let speaker = match &config.speaker {
        SpeakerName::Auto => {
            let none = "no sound card plays".to_owned();
            let (plan, taken, why) = match (mode, best_card(&found.cards, Way::Playback)) {
                (Mode::Sim, _) => (SpeakerPlan::Sim, "simulated".into(), SIMULATED.into()),
                (Mode::Auto | Mode::Real, Some((card, why))) => (SpeakerPlan::Best, card.to_string(), why),
                (Mode::Auto, None) => (SpeakerPlan::Sim, "simulated".into(), none),
                (Mode::Real, None) => (SpeakerPlan::Best, "none yet".into(), none),
            };
            say("speaker", taken, why);
            plan
        }
        named => {
            let plan = match named {
                SpeakerName::Auto | SpeakerName::None => SpeakerPlan::None,
                SpeakerName::Sim => SpeakerPlan::Sim,
                SpeakerName::File(path) => SpeakerPlan::File(path.clone()),
                SpeakerName::Card(card) => SpeakerPlan::Card(card.clone()),
            };
            let why = if plan == SpeakerPlan::None { NONE } else { NAMED };
            say("speaker", there(named.to_string(), named.card()), why.into());
            plan
        }
    };

    let buttons = match &config.buttons {
        ButtonsName::Auto => {
            let keys = "the keys F1 (mute) and F2 (approve)".to_owned();
            let (plan, taken, why) = match (mode, best_gpio(&config.pins, &found.gpio)) {
                (Mode::Sim, _) => (ButtonsPlan::Sim, keys, SIMULATED.into()),
                (Mode::Auto | Mode::Real, Ok((way, why))) => {
                    (ButtonsPlan::Gpio(GpioPlan::Best), way.to_string(), why)
                }
                (Mode::Auto, Err(NoGpio::None(why))) => (ButtonsPlan::Sim, keys, why),
                (Mode::Real, Err(NoGpio::None(why))) => {
                    (ButtonsPlan::Gpio(GpioPlan::Best), "none yet".into(), why)
                }
                (Mode::Auto | Mode::Real, Err(NoGpio::Pins(error))) => return Err(error),
            };
            say("buttons and lamps", taken, why);
            plan
        }
        ButtonsName::None => {
            say("buttons and lamps", "none".into(), NONE.into());
            ButtonsPlan::None
        }
        ButtonsName::Sim => {
            say("buttons and lamps", "the keys F1 (mute) and F2 (approve)".into(), NAMED.into());
            ButtonsPlan::Sim
        }
        ButtonsName::Rppal => {
            let wiring = config.pins.on_raspberry_pi();
            let there = if found.gpio.raspberry_pi.is_ok() { "" } else { NOT_THERE };
            say("buttons and lamps", format!("{}{there}", GpioWay::Rppal(wiring)), NAMED.into());
            ButtonsPlan::Gpio(GpioPlan::Rppal(wiring))
        }
        ButtonsName::Gpiocdev(name) => {
            // A chip that is there tells now whether the pins can be meant.
            let there = match named_chip(&found.gpio.chips, name) {
                Some(chip) => wiring_on(chip, &config.pins).map(|_| "")?,
                None => NOT_THERE,
            };
            say("buttons and lamps", format!("{}{there}", config.buttons), NAMED.into());
            ButtonsPlan::Gpio(GpioPlan::Chip(name.clone()))
        }
    };
    Ok(Plan { camera, presentation, microphone, speaker, buttons, report })
}

/// A USB camera before one inside the machine, then the lowest node. Never an HDMI grabber, nor the node that the room uses
/// for its `presentation`: what a laptop shows is not for the other rooms until someone says so.
pub(super) fn best_camera<'a>(
    nodes: &'a [CameraNode],
    presentation: Option<&Path>,
) -> Option<(&'a CameraNode, String)> {
    let usb = |node: &CameraNode| node.bus.starts_with("usb");
    let cameras = || nodes.iter().filter(|node| !node.grabber && presentation != Some(&node.path));
    let best = cameras().min_by_key(|node| !usb(node))?;
    let why = match (cameras().count(), usb(best)) {
        (1, _) => "it is the only camera".to_owned(),
        (count, true) => format!("it is the first USB camera of {count} cameras"),
        (count, false) => format!("it is the first of {count} cameras"),
    };
    Some((best, why))
}

/// Why [`best_camera`] chose none of these nodes.
pub(super) fn no_camera(nodes: &[CameraNode]) -> String {
    match nodes.iter().find(|node| node.grabber) {
        None => "no camera was found: plug one in, or name its node as devices.camera".into(),
        Some(node) => format!(
            "no camera was found but {}, which is an HDMI grabber: plug in a camera, or set devices.camera = \"{}\"",
            node.name,
            node.stable.as_ref().unwrap_or(&node.path).display()
        ),
    }
}

/// Why there is no [`best_grabber`].
pub(super) const NO_GRABBER: &str =
    "no HDMI grabber was found: plug one in, or name its node as devices.presentation";

/// The first HDMI grabber, unless it is the node that the room uses as its `camera`.
pub(super) fn best_grabber<'a>(
    nodes: &'a [CameraNode],
    camera: Option<&Path>,
) -> Option<(&'a CameraNode, String)> {
    let grabbers = || nodes.iter().filter(|node| node.grabber && camera != Some(&node.path));
    let why = match grabbers().count() {
        1 => "it is the only HDMI grabber".to_owned(),
        count => format!("it is the first of {count} HDMI grabbers"),
    };
    grabbers().next().map(|node| (node, why))
}

#[derive(Copy, Clone, PartialEq, Eq)]
pub(super) enum Way {
    Capture,
    Playback,
}

/// The card that udev named for the kiosk, then a USB speakerphone, then any USB card, then any other; a screen's sound
/// output and a loopback last.
pub(super) fn best_card(cards: &[SoundCard], way: Way) -> Option<(&SoundCard, String)> {
    let rank = |card: &SoundCard| {
        let usb = card.driver.starts_with("USB");
        let last = card.driver == "Loopback" || card.name.to_ascii_uppercase().contains("HDMI");
        match () {
            () if card.id == "Kiosk" => 0,
            () if usb && card.captures.is_some() && card.plays.is_some() => 1,
            () if usb => 2,
            () if !last => 3,
            () => 4,
        }
    };
    let able = |card: &&SoundCard| match way {
        Way::Capture => card.captures.is_some(),
        Way::Playback => card.plays.is_some(),
    };
    let best = cards.iter().filter(able).min_by_key(|card| rank(card))?;
    let verb = match way {
        Way::Capture => "records",
        Way::Playback => "plays",
    };
    let why = match (cards.iter().filter(able).count(), rank(best)) {
        (1, _) => format!("it is the only card that {verb}"),
        (_, 0) => "udev named it for the kiosk".to_owned(),
        (count, 1) => format!("it is a USB speakerphone, of {count} cards"),
        (count, 2) => format!("it is the first USB card of {count}"),
        (count, _) => format!("it is the first of {count} cards"),
    };
    Some((best, why))
}

#[cfg(test)]
mod tests;
