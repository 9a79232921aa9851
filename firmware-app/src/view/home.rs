//! The screens before a meeting: home, code, PIN, waiting.

use serde::Serialize;
use vestibule_common::time::Time;

use super::words::Sentence;
use crate::device::DeviceError;
use crate::kiosk::keypad::CodePad;
use crate::kiosk::link::LinkState;
use crate::kiosk::{Activity, CameraState, DeviceState, GateReport, Kiosk};

/// Home.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct HomeView {
    /// "Ready", "Looking for the relay...", "No camera".
    pub state: String,
    /// Whether that state is nothing to worry about.
    pub ready: bool,
    /// Whether a meeting can be started or joined now.
    pub can_meet: bool,
    /// "Rejoin 482 913", while it is offered.
    pub rejoin: Option<String>,
    /// The own picture is shown (while touched).
    pub own_picture: bool,
    /// Why there is no own picture, if there is none.
    pub camera_missing: Option<String>,
}

/// Six boxes (or four to eight for the PIN) and a keypad.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct KeypadView {
    /// "Type the meeting's code".
    pub title: String,
    /// What was typed; for the PIN, dots.
    pub boxes: Vec<Option<char>>,
    /// Under the boxes.
    pub error: Option<String>,
    /// The code was sent; keys are at rest.
    pub busy: bool,
}

/// Knocking.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct WaitingView {
    /// "Knocking at 482 913...", then "Waiting for Boardroom".
    pub title: String,
    /// What happens next, in one sentence.
    pub detail: String,
    /// Why there is no own picture, if there is none.
    pub camera_missing: Option<String>,
}

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
    } else if let Some(button) = kiosk.faulty_buttons().next().map(|(button, _)| button) {
        Sentence::ButtonFaulty(button)
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
