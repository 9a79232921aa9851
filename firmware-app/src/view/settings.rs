//! The caretaker's screens: the settings, and which relay to trust.

use serde::Serialize;
use vestibule_common::id::PeerId;
use vestibule_common::identity::fingerprint_words;
use vestibule_common::time::Time;

use super::words::Sentence;
use super::{KeyboardView, Microphone, home};
use crate::audio::EchoMode;
use crate::device::DeviceError;
use crate::kiosk::contacts::ButtonFault;
use crate::kiosk::{CameraState, DeviceState, GateReport, Kiosk};

/// Caretaker's settings.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct SettingsView {
    /// The room's name, as being edited.
    pub name: String,
    /// The keyboard, while the name is edited.
    pub keyboard: Option<KeyboardView>,
    /// Why the name cannot be taken.
    pub name_error: Option<String>,
    /// The relay: its address, its words.
    pub relay: String,
    /// 0 to 100.
    pub volume: u8,
    /// What is done about the speaker's sound in the microphone.
    pub echo: EchoMode,
    /// Each device and its state, one line each.
    pub devices: Vec<(String, String)>,
}

/// Trying the devices.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct TestView {
    /// Why there is no own picture, if there is none.
    pub camera_missing: Option<String>,
    /// How loud the microphone is, from 0 to [`crate::kiosk::LEVELS`]; absent where it is not known.
    pub level: Option<u8>,
    /// It hears speech.
    pub speech: bool,
    /// The mute and the approve button are down.
    pub pressed: [bool; 2],
    /// Each device and its state, with what to do about it.
    pub devices: Vec<(String, String)>,
    /// There is a meeting's network to be written down.
    pub network_log: bool,
    /// Program and version.
    pub version: String,
}

/// Which relay?
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct RelaysView {
    /// "Choose your relay", or why one is asked for.
    pub title: String,
    /// What to compare.
    pub detail: String,
    /// The relays found.
    pub relays: Vec<RelayChoice>,
    /// Whether one may go back without choosing.
    pub can_go_back: bool,
}

/// A relay that was found.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct RelayChoice {
    /// Its key.
    pub peer: PeerId,
    /// Its address.
    pub address: String,
    /// The four fingerprint words, as the relay prints them at its start.
    pub words: String,
}

pub(super) fn settings(kiosk: &Kiosk, now: Time) -> SettingsView {
    let language = kiosk.settings.language;
    let say = |sentence: Sentence| sentence.say(language);
    let (name, keyboard, name_error) = match &kiosk.name_edit {
        Some((draft, error)) => (draft.text.clone(), draft.keyboard(language), error.as_ref()),
        None => (kiosk.settings.name.to_string(), None, None),
    };
    let words = kiosk.link.pinned().map(|peer| fingerprint_words(&peer).join(" "));
    let relay = match (words, kiosk.link.address(), kiosk.link.trouble(now)) {
        (None, _, _) => say(Sentence::NoRelay),
        (Some(words), Some(address), _) => format!("{address} · {words}"),
        (Some(words), None, Some((trouble, _))) => format!("{words} · {}", say(trouble)),
        (Some(words), None, None) => format!("{words} · {}", say(Sentence::LookingForRelay)),
    };
    SettingsView {
        name,
        keyboard,
        name_error: name_error.map(|error| error.say(language)),
        relay,
        volume: kiosk.settings.volume,
        echo: kiosk.echo(),
        devices: devices(kiosk),
    }
}

pub(super) fn test(kiosk: &Kiosk) -> TestView {
    let known = matches!(kiosk.gate.microphone(), Microphone::Live | Microphone::Muted);
    TestView {
        camera_missing: home::camera_missing(kiosk),
        level: known.then_some(kiosk.devices.level),
        speech: known && kiosk.stay.own_voice,
        pressed: kiosk.devices.pressed,
        devices: devices(kiosk),
        network_log: !kiosk.network.history.is_empty(),
        version: kiosk.config.version.clone(),
    }
}

fn devices(kiosk: &Kiosk) -> Vec<(String, String)> {
    let say = |sentence: Sentence| sentence.say(kiosk.settings.language);
    let failed = |why: &DeviceError| {
        let (sentence, what) = match why {
            DeviceError::Missing(what) | DeviceError::Lost(what) => (Sentence::NotThere, what),
            DeviceError::Busy(what) => (Sentence::InUse, what),
            DeviceError::Unsupported(what) => (Sentence::Unusable, what),
        };
        if what.is_empty() { say(sentence) } else { format!("{} ({what})", say(sentence)) }
    };
    let camera = match &kiosk.devices.camera {
        None => say(Sentence::Unknown),
        Some(CameraState::On(format)) => format!("{} ({format})", say(Sentence::Working)),
        Some(CameraState::Off) => say(Sentence::NotInUse),
        Some(CameraState::Failed(why)) => failed(why),
    };
    let microphone = match kiosk.gate.last_report() {
        None => say(Sentence::Unknown),
        Some(GateReport::Open) => say(Sentence::Working),
        Some(GateReport::Closed) => say(Sentence::AtRest),
        Some(GateReport::Missing(why)) => failed(why),
        Some(GateReport::Fault(what)) => format!("{} ({what})", say(Sentence::Unusable)),
    };
    let other = |state: &Option<DeviceState>| match state {
        None => say(Sentence::Unknown),
        Some(DeviceState::Ready(name)) => format!("{} ({name})", say(Sentence::Working)),
        Some(DeviceState::Failed(why)) => failed(why),
    };
    let wrong = |(button, fault)| {
        say(match fault {
            ButtonFault::Stuck => Sentence::StaysDown(button),
            ButtonFault::Loose => Sentence::IsLoose(button),
        })
    };
    let wrong: Vec<String> = kiosk.faulty_buttons().map(wrong).collect();
    let buttons = match &kiosk.devices.buttons {
        Some(DeviceState::Ready(name)) if !wrong.is_empty() => format!("{} ({name})", wrong.join(", ")),
        state => other(state),
    };
    let devices = [
        (Sentence::DeviceCamera, camera),
        (Sentence::DeviceMicrophone, microphone),
        (Sentence::DeviceSpeaker, other(&kiosk.devices.speaker)),
        (Sentence::DeviceButtons, buttons),
    ];
    devices.map(|(device, state)| (say(device), state)).into()
}

pub(super) fn relays(kiosk: &Kiosk, back: bool) -> RelaysView {
    let say = |sentence: Sentence| sentence.say(kiosk.settings.language);
    let relays: Vec<RelayChoice> = kiosk
        .link
        .found
        .iter()
        .map(|relay| RelayChoice {
            peer: relay.peer,
            address: relay.address.clone(),
            words: fingerprint_words(&relay.peer).join(" "),
        })
        .collect();
    let (title, detail) = if relays.is_empty() {
        (Sentence::SearchingRelays, Sentence::NoRelaysFound)
    } else {
        (Sentence::ChooseRelay, Sentence::CompareWords)
    };
    RelaysView { title: say(title), detail: say(detail), relays, can_go_back: back }
}
