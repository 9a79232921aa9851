//! What is wanted of a camera or grabber and its encoder, and how it stands: between the control thread and both of its threads.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use vestibule_common::media::ladder;
use vestibule_common::time::Time;
use vestibule_common::unit::Bitrate;

use super::shutter::{PictureTicket, Shutter};
use crate::device::reopen::DeviceState;
use crate::video::plan::{LayersWanted, VideoWishes};

/// Counts how often the camera was wanted: what was opened in one turn is closed before the next, however short the
/// pause between them.
type Turn = u64;

struct Wanted {
    /// The camera is to be open.
    open: Option<Turn>,
    turns: Turn,
    /// The turn for which the camera's thread opens it.
    opened: Option<Turn>,
    /// The other rooms are told that its pictures come.
    shown: bool,
    /// This room is in a meeting.
    sending: bool,
    /// There are other rooms in it.
    others: bool,
    /// How the camera of this turn stands.
    state: DeviceState,
}

/// What is wanted of the camera and the encoder, and how the camera stands.
pub(super) struct CameraSwitch {
    wanted: Mutex<Wanted>,
    changed: Condvar,
    shutter: Shutter,
    wishes: Mutex<VideoWishes>,
    /// The share of what is sent that repairs take.
    repaired: Mutex<f64>,
}

impl Default for CameraSwitch {
    fn default() -> CameraSwitch {
        let wanted = Wanted {
            open: None,
            turns: 0,
            opened: None,
            shown: false,
            sending: false,
            others: false,
            state: DeviceState::Closed,
        };
        CameraSwitch {
            wanted: Mutex::new(wanted),
            changed: Condvar::new(),
            shutter: Shutter::default(),
            wishes: Mutex::default(),
            repaired: Mutex::default(),
        }
    }
}

impl CameraSwitch {
    /// Opens the camera, or closes it, and lets its pictures leave that are captured from `now` on. When that is forbidden,
    /// none leaves from the return on.
    pub(super) fn want(&self, open: bool, shown: bool, now: Time) {
        self.change(now, |wanted| {
            wanted.shown = open && shown;
            if open != wanted.open.is_some() {
                wanted.turns += 1;
                wanted.open = open.then_some(wanted.turns);
                wanted.state = DeviceState::Closed;
            }
        });
    }

    /// Whether this room is in a meeting, so that pictures may leave.
    pub(super) fn send(&self, on: bool, now: Time) {
        self.change(now, |wanted| wanted.sending = on);
    }

    /// Whether there are other rooms. Without any no picture is encoded; but they have their tickets, so that the first room
    /// that comes waits for none but the one that is being captured.
    pub(super) fn set_others(&self, others: bool) {
        lock(&self.wanted).others = others;
    }

    /// Whether there is another room that could see the pictures.
    pub(super) fn has_others(&self) -> bool {
        lock(&self.wanted).others
    }

    /// The other rooms want these layers; `None`: they have not said.
    pub(super) fn want_layers(&self, layers: Option<LayersWanted>) {
        lock(&self.wishes).layers = layers;
    }

    /// All layers together may take this much, without their repairs; `None`: nobody knows.
    pub(super) fn set_budget(&self, budget: Option<Bitrate>) {
        lock(&self.wishes).budget = budget;
    }

    /// Repairs take this share of what is sent, 0 to 1.
    pub(super) fn set_repaired(&self, share: f64) {
        *lock(&self.repaired) = share;
    }

    /// What the network wishes now. Caps are what is left of those that were told beside the repairs, but no less than a layer's
    /// least: with less it would not be made at all.
    pub(super) fn wishes(&self) -> VideoWishes {
        let mut wishes = lock(&self.wishes).clone();
        let left = 1.0 - *lock(&self.repaired);
        for wish in wishes.layers.iter_mut().flatten() {
            let least = ladder::CAMERA.get(wish.layer.index()).map_or(wish.cap, |rung| rung.least);
            let cap = Bitrate::bps((wish.cap.as_bps() as f64 * left) as u64);
            wish.cap = cap.max(least).min(wish.cap);
        }
        wishes
    }

    /// A ticket for the picture that is captured next; none while none may leave.
    pub(super) fn ticket(&self) -> Option<PictureTicket> {
        self.shutter.ticket()
    }

    /// Whether pictures may leave at this moment.
    pub(super) fn may_send(&self) -> bool {
        self.shutter.ticket().is_some()
    }

    /// Whether a picture with this ticket may still leave.
    pub(super) fn still_valid(&self, ticket: PictureTicket) -> bool {
        self.shutter.still_valid(ticket)
    }

    /// Sends if a picture with this ticket may still leave; see [`Shutter::pass`].
    pub(super) fn pass(&self, ticket: PictureTicket, send: impl FnOnce()) -> bool {
        self.shutter.pass(ticket, send)
    }

    /// How the camera stands since it was wanted last.
    pub(super) fn state(&self) -> DeviceState {
        lock(&self.wanted).state.clone()
    }

    /// The camera stands so. Of a turn that is over nobody wants to know.
    pub(super) fn enter(&self, state: &DeviceState) {
        let mut wanted = lock(&self.wanted);
        if wanted.opened == wanted.open {
            wanted.state = state.clone();
        }
    }

    fn change(&self, now: Time, change: impl FnOnce(&mut Wanted)) {
        let mut wanted = lock(&self.wanted);
        change(&mut wanted);
        self.shutter.set(wanted.open.is_some() && wanted.shown && wanted.sending, now);
        drop(wanted);
        self.changed.notify_all();
    }

    /// Whether it is to be open.
    pub(super) fn is_wanted(&self) -> bool {
        lock(&self.wanted).open.is_some()
    }

    /// Whether the camera that is open now is still the one that is wanted.
    pub(super) fn goes_on(&self) -> bool {
        let wanted = lock(&self.wanted);
        wanted.open.is_some() && wanted.open == wanted.opened
    }

    /// Waits until it is to be open, and takes that turn.
    pub(super) fn wait_for_next_turn(&self) {
        let wanted = lock(&self.wanted);
        let wanted = self.changed.wait_while(wanted, |wanted| wanted.open.is_none());
        let mut wanted = wanted.unwrap_or_else(PoisonError::into_inner);
        wanted.opened = wanted.open;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
