//! Chooses the room's devices and makes the sources that open them. Nothing is opened before it is used.
//!
//! Which device it shall be is decided in `plan`.

use std::fs;
use std::path::{Path, PathBuf};

use vestibule_common::time::Duration;

use crate::device::clock::Clock;
use crate::device::config::{CameraName, CardName, ConfigError, DeviceConfig};
use crate::device::found::Found;
use crate::device::plan::{
    self, ButtonsPlan, CameraPlan, MicrophonePlan, NO_GRABBER, SpeakerPlan, Way, best_camera, best_card,
    best_grabber, no_camera,
};
use crate::device::real::{self, WantedPicture};
use crate::device::reopen::{Opened, Source};
use crate::device::sim::SimHandles;
use crate::device::sim::buttons::SimButtons;
use crate::device::sim::camera::SimCamera;
use crate::device::sim::lamps::SimLamps;
use crate::device::sim::microphone::SimMicrophone;
use crate::device::sim::plugs::Plugged;
use crate::device::sim::speaker::SimSpeaker;
use crate::device::{Buttons, Camera, DeviceError, Lamps, Microphone, Speaker};
use crate::video::kind::PictureKind;

pub use crate::device::plan::Taken;

/// The room's devices, none of them open yet.
pub struct Devices {
    /// The camera.
    pub camera: Source<dyn Camera>,
    /// What shows a laptop's screen.
    pub presentation: Source<dyn Camera>,
    /// The microphone.
    pub microphone: Source<dyn Microphone>,
    /// The speaker.
    pub speaker: Source<dyn Speaker>,
    /// The buttons.
    pub buttons: Source<dyn Buttons>,
    /// The lamps.
    pub lamps: Source<dyn Lamps>,
    /// The buttons are the kiosk's window's keys.
    pub sim_buttons: bool,
    /// What was taken and why, for the log and the settings screen.
    pub report: Vec<Taken>,
    /// The other end of those that are simulated.
    pub sim: SimHandles,
}

/// Chooses the devices of a room. `room` is written into the test picture.
///
/// Errors: [`ConfigError`] if the configuration cannot be meant, or not on this machine.
pub fn choose(config: &DeviceConfig, room: &str, clock: Clock) -> Result<Devices, ConfigError> {
    choose_from(config, room, clock, &Found::look())
}

fn choose_from(
    config: &DeviceConfig,
    room: &str,
    clock: Clock,
    found: &Found,
) -> Result<Devices, ConfigError> {
    let plan = plan::plan(config, found, leads_to)?;
    let sim = SimHandles::new(clock);
    Ok(Devices {
        camera: pictures(PictureKind::Camera, &plan.camera, config, room, clock, &sim),
        presentation: pictures(PictureKind::Presentation, &plan.presentation, config, room, clock, &sim),
        microphone: microphone(&plan.microphone, config, room, clock, &sim),
        speaker: speaker(&plan.speaker, config, clock, &sim),
        buttons: buttons(&plan.buttons, config, clock, &sim),
        lamps: lamps(&plan.buttons, config, &sim),
        sim_buttons: plan.buttons == ButtonsPlan::Sim,
        report: plan.report,
        sim,
    })
}

/// The node that a path leads to now.
fn leads_to(path: &Path) -> Option<PathBuf> {
    fs::canonicalize(path).ok()
}

/// The node that the configuration names, as far as there is one now.
fn named(name: &CameraName) -> Option<PathBuf> {
    name.node().and_then(leads_to)
}

/// What a grabber is asked for: a laptop's screen in the size in which it is sent, no oftener than it is sent.
const PRESENTED: WantedPicture = WantedPicture { width: 1280, height: 720, rate: 15, slowest: 5 };

fn pictures(
    kind: PictureKind,
    plan: &CameraPlan,
    config: &DeviceConfig,
    room: &str,
    clock: Clock,
    sim: &SimHandles,
) -> Source<dyn Camera> {
    let (plug, wanted) = match kind {
        PictureKind::Camera => {
            let (width, height) = (config.camera_width, config.camera_height);
            (Plugged::Camera, WantedPicture { width, height, rate: config.camera_rate, slowest: 15 })
        }
        PictureKind::Presentation => (Plugged::Presentation, PRESENTED),
    };
    let simulated = |source| sim.plugs.guard(plug, source);
    let room = room.to_owned();
    match plan.clone() {
        CameraPlan::None => Source::missing(match kind {
            PictureKind::Camera => "the configuration says that there is no camera",
            PictureKind::Presentation => "the configuration says that nothing is presented",
        }),
        CameraPlan::Sim => simulated(Source::<dyn Camera>::new(move || {
            let WantedPicture { width, height, rate, slowest: _ } = wanted;
            let (camera, name) = match kind {
                PictureKind::Camera => {
                    (SimCamera::test_picture(width, height, rate, &room, clock), "the test picture")
                }
                PictureKind::Presentation => {
                    (SimCamera::test_pages(width, height, rate, &room, clock), "test pages")
                }
            };
            let description = format!("{name}, {}", camera.format());
            Ok(Opened { device: Box::new(camera), description })
        })),
        CameraPlan::File(path) => {
            let stamped = config.sim_stamp;
            simulated(Source::<dyn Camera>::new(move || {
                let camera = SimCamera::clip(&path, stamped, clock)?;
                let description = format!("{}, {}", path.display(), camera.format());
                Ok(Opened { device: Box::new(camera), description })
            }))
        }
        CameraPlan::Node(path) => {
            let (other, used_for) = match kind {
                PictureKind::Camera => (config.presentation.clone(), "presentation"),
                PictureKind::Presentation => (config.camera.clone(), "camera"),
            };
            Source::<dyn Camera>::new(move || {
                let node = leads_to(&path);
                if node.is_some() && node == named(&other) {
                    return Err(DeviceError::Unsupported(format!(
                        "{} is the room's {used_for} too (devices.{used_for}): name another device for one of them",
                        path.display()
                    )));
                }
                real::v4l::open(&path, wanted, clock)
            })
        }
        CameraPlan::Best => {
            let (camera, presentation) = (config.camera.clone(), config.presentation.clone());
            Source::<dyn Camera>::new(move || {
                let (cameras, _) = real::v4l::find();
                let (best, none) = match kind {
                    PictureKind::Camera => {
                        (best_camera(&cameras, named(&presentation).as_deref()), no_camera(&cameras))
                    }
                    PictureKind::Presentation => {
                        (best_grabber(&cameras, named(&camera).as_deref()), NO_GRABBER.to_owned())
                    }
                };
                let (node, _) = best.ok_or(DeviceError::Missing(none))?;
                real::v4l::open(&node.path, wanted, clock)
            })
        }
    }
}

fn microphone(
    plan: &MicrophonePlan,
    config: &DeviceConfig,
    room: &str,
    clock: Clock,
    sim: &SimHandles,
) -> Source<dyn Microphone> {
    let simulated = |source| sim.plugs.guard(Plugged::Microphone, source);
    let buffer = Duration::from_millis(config.audio_buffer_ms.into());
    let room = room.to_owned();
    match plan.clone() {
        MicrophonePlan::None => Source::missing("the configuration says that there is no microphone"),
        MicrophonePlan::Sim(sound) => simulated(Source::<dyn Microphone>::new(move || {
            let device = Box::new(SimMicrophone::sound(sound, &room, clock));
            Ok(Opened { device, description: "made-up sound".into() })
        })),
        MicrophonePlan::File(path) => simulated(Source::<dyn Microphone>::new(move || {
            let device = Box::new(SimMicrophone::clip(&path, clock)?);
            Ok(Opened { device, description: path.display().to_string() })
        })),
        MicrophonePlan::Card(card) => {
            Source::<dyn Microphone>::new(move || real::alsa::open_microphone(&card, buffer, clock))
        }
        MicrophonePlan::Best => Source::<dyn Microphone>::new(move || {
            let cards = real::alsa::find();
            let (card, _) = best_card(&cards, Way::Capture).ok_or_else(real::alsa::no_microphone)?;
            let card = CardName::of_card(&card.id, card.captures.unwrap_or(0));
            real::alsa::open_microphone(&card, buffer, clock)
        }),
    }
}

fn speaker(plan: &SpeakerPlan, config: &DeviceConfig, clock: Clock, sim: &SimHandles) -> Source<dyn Speaker> {
    let buffer = Duration::from_millis(config.audio_buffer_ms.into());
    let recording = sim.speaker.clone();
    let simulated = |source| sim.plugs.guard(Plugged::Speaker, source);
    match plan.clone() {
        SpeakerPlan::None => Source::missing("the configuration says that there is no speaker"),
        SpeakerPlan::Sim => simulated(Source::<dyn Speaker>::new(move || {
            let device = Box::new(SimSpeaker::new(recording.clone(), clock));
            Ok(Opened { device, description: "simulated".into() })
        })),
        SpeakerPlan::File(path) => simulated(Source::<dyn Speaker>::new(move || {
            let device = Box::new(SimSpeaker::with_file(recording.clone(), clock, &path)?);
            Ok(Opened { device, description: format!("recorded to {}", path.display()) })
        })),
        SpeakerPlan::Card(card) => {
            Source::<dyn Speaker>::new(move || real::alsa::open_speaker(&card, buffer, clock))
        }
        SpeakerPlan::Best => Source::<dyn Speaker>::new(move || {
            let cards = real::alsa::find();
            let (card, _) = best_card(&cards, Way::Playback).ok_or_else(real::alsa::no_speaker)?;
            let card = CardName::of_card(&card.id, card.plays.unwrap_or(0));
            real::alsa::open_speaker(&card, buffer, clock)
        }),
    }
}

fn buttons(plan: &ButtonsPlan, config: &DeviceConfig, clock: Clock, sim: &SimHandles) -> Source<dyn Buttons> {
    let presses = sim.buttons.clone();
    match plan {
        ButtonsPlan::None => Source::missing("the configuration says that there are no buttons"),
        ButtonsPlan::Sim => Source::<dyn Buttons>::new(move || {
            let device = Box::new(SimButtons::new(presses.clone()));
            Ok(Opened { device, description: "keys F1 and F2".into() })
        }),
        ButtonsPlan::Gpio(plan) => real::gpio::buttons(plan.clone(), config, clock),
    }
}

fn lamps(plan: &ButtonsPlan, config: &DeviceConfig, sim: &SimHandles) -> Source<dyn Lamps> {
    let record = sim.lamps.clone();
    match plan {
        ButtonsPlan::None => Source::missing("the configuration says that there are no lamps"),
        ButtonsPlan::Sim => Source::<dyn Lamps>::new(move || {
            let device = Box::new(SimLamps::new(record.clone()));
            Ok(Opened { device, description: "simulated".into() })
        }),
        ButtonsPlan::Gpio(plan) => real::gpio::lamps(plan.clone(), config),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::Button;
    use crate::device::config::SpeakerName;
    use vestibule_common::time::Time;

    #[test]
    fn nothing_is_camera_and_presentation_at_once_whatever_it_is_called() {
        let folder = tempfile::tempdir().unwrap();
        let (node, link) = (folder.path().join("video7"), folder.path().join("camera"));
        std::fs::write(&node, "").unwrap();
        std::os::unix::fs::symlink(&node, &link).unwrap();
        let config = DeviceConfig {
            camera: CameraName::Node(link),
            presentation: CameraName::Node(node),
            ..DeviceConfig::simulated()
        };
        let mut devices = choose(&config, "Workshop", Clock::start()).unwrap();
        let error = devices.presentation.open().err().unwrap().to_string();
        assert!(error.contains("is the room's camera too"), "{error}");
        let error = devices.camera.open().err().unwrap().to_string();
        assert!(error.contains("is the room's presentation too"), "{error}");
    }

    #[test]
    fn chosen_devices_open() {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::start();
        let config = DeviceConfig {
            speaker: SpeakerName::File(folder.path().join("out.wav")),
            ..DeviceConfig::simulated()
        };
        let found = Found {
            cameras: Vec::new(),
            other_nodes: Vec::new(),
            cards: Vec::new(),
            gpio: real::gpio::find(),
        };
        let mut devices = choose_from(&config, "Workshop", clock, &found).unwrap();
        assert!(devices.camera.open().unwrap().device.next_frame().is_ok());
        let shown = devices.presentation.open().unwrap();
        assert_eq!(shown.description, "test pages, 1280x720 I420 at 15 frames/s");
        assert!(devices.speaker.open().unwrap().device.write(&[5; 120]).is_ok());
        assert_eq!(devices.sim.speaker.after(Time::ZERO).len(), 1);
        devices.sim.buttons.press(Button::Mute);
        let edge = devices.buttons.open().unwrap().device.wait(Duration::ZERO).unwrap().unwrap();
        assert!(edge.pressed);
        let mut lamps = devices.lamps.open().unwrap();
        lamps.device.set(Button::Approve, true).unwrap();
        assert!(devices.sim.lamps.is_lit(Button::Approve));
    }
}
