//! The screens outside meetings: home, code, PIN, waiting, settings, relays.

use vestibule_common::identity::fingerprint_words;
use vestibule_common::time::Time;

use super::words::Sentence;
use super::{HomeView, KeypadView, RelayChoice, RelaysView, SettingsView, WaitingView};
use crate::device::DeviceError;
use crate::kiosk::keypad::CodePad;
use crate::kiosk::link::LinkState;
use crate::kiosk::{Activity, CameraState, DeviceState, GateReport, Kiosk};

pub(super) fn home(kiosk: &Kiosk, now: Time) -> HomeView {
    let say = |sentence: Sentence| sentence.say(kiosk.settings.language);
    let up = kiosk.link_is_up();
    let starting = kiosk.activity() == Activity::Asking;
    let state = if starting {
        Sentence::Starting
    } else if let Some((trouble, _)) = kiosk.link.trouble(now) {
        trouble
    } else if matches!(kiosk.link.state, LinkState::Unknown { .. }) {
        Sentence::SearchingRelays
    } else if !up {
        Sentence::LookingForRelay
    } else {
        device_state(kiosk)
    };
    let ready = up && !starting && state == Sentence::Ready;
    let rejoin = kiosk.former.as_ref().filter(|(_, until)| now < *until);
    let own_picture = kiosk.own_picture;
    HomeView {
        state: say(state),
        ready,
        can_meet: up && !starting,
        rejoin: rejoin.map(|(ticket, _)| say(Sentence::Rejoin(ticket.code))),
        own_picture,
        camera_missing: camera_missing(kiosk),
    }
}

/// The first device that is missing, in the order in which it matters.
fn device_state(kiosk: &Kiosk) -> Sentence {
    if let Some(CameraState::Failed(why)) = &kiosk.devices.camera {
        return match why {
            DeviceError::Busy(_) => Sentence::CameraBusy,
            DeviceError::Missing(_) | DeviceError::Unsupported(_) | DeviceError::Lost(_) => {
                Sentence::NoCamera
            }
        };
    }
    if matches!(kiosk.gate.last_report(), Some(GateReport::Missing(_))) {
        Sentence::NoMicrophone
    } else if matches!(kiosk.devices.speaker, Some(DeviceState::Failed(_))) {
        Sentence::NoSpeaker
    } else if matches!(kiosk.devices.buttons, Some(DeviceState::Failed(_))) {
        Sentence::NoButtons
    } else {
        Sentence::Ready
    }
}

/// Why there is no own picture, if there is none for a reason.
pub(super) fn camera_missing(kiosk: &Kiosk) -> Option<String> {
    let Some(CameraState::Failed(why)) = &kiosk.devices.camera else { return None };
    let sentence = match why {
        DeviceError::Missing(_) | DeviceError::Lost(_) => Sentence::CameraMissing,
        DeviceError::Busy(_) => Sentence::CameraInUse,
        DeviceError::Unsupported(_) => Sentence::CameraFailed,
    };
    Some(sentence.say(kiosk.settings.language))
}

pub(super) fn join(kiosk: &Kiosk) -> KeypadView {
    let language = kiosk.settings.language;
    let mut digits = kiosk.code.digits.chars();
    KeypadView {
        title: Sentence::TypeCode.say(language),
        boxes: (0..CodePad::DIGITS).map(|_| digits.next()).collect(),
        error: kiosk.code.error.as_ref().map(|error| error.say(language)),
        busy: kiosk.activity() == Activity::Asking,
    }
}

pub(super) fn pin(kiosk: &Kiosk, now: Time) -> KeypadView {
    let language = kiosk.settings.language;
    let typed = kiosk.pin.digits.len();
    KeypadView {
        title: Sentence::TypePin.say(language),
        boxes: (0..kiosk.config.pin.digits()).map(|n| (n < typed).then_some('•')).collect(),
        error: kiosk.pin.error(now).map(|error| error.say(language)),
        busy: kiosk.pin.rest(now).is_some(),
    }
}

pub(super) fn waiting(kiosk: &Kiosk) -> WaitingView {
    let say = |sentence: Sentence| sentence.say(kiosk.settings.language);
    let (title, detail) = match (kiosk.session.knocking(), kiosk.session.returning()) {
        (Some(knocking), _) => match &knocking.host_name {
            Some(host) => (Sentence::WaitingFor { host: host.to_string() }, Sentence::WaitingDetail),
            None => (Sentence::KnockingAt(knocking.code), Sentence::WaitingDetail),
        },
        (None, Some(code)) => (Sentence::ReturningTo(code), Sentence::ReturningDetail),
        (None, None) => (Sentence::Starting, Sentence::ReturningDetail),
    };
    WaitingView { title: say(title), detail: say(detail), camera_missing: camera_missing(kiosk) }
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
        devices: devices(kiosk).into_iter().map(|(device, state)| (say(device), state)).collect(),
        version: kiosk.config.version.clone(),
    }
}

fn devices(kiosk: &Kiosk) -> [(Sentence, String); 4] {
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
        Some(CameraState::On) => say(Sentence::Working),
        Some(CameraState::Off) => say(Sentence::AtRest),
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
    [
        (Sentence::DeviceCamera, camera),
        (Sentence::DeviceMicrophone, microphone),
        (Sentence::DeviceSpeaker, other(&kiosk.devices.speaker)),
        (Sentence::DeviceButtons, other(&kiosk.devices.buttons)),
    ]
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
