//! What fills the screen, and how awake it is.

use vestibule_common::time::Time;

use super::Kiosk;
use super::keypad::CodePad;
use crate::view::Backlight;

/// Which screen is open while there is no meeting.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) enum Place {
    Home,
    Join,
    Pin,
    Settings,
    /// Trying the devices, from the settings. The buttons do nothing but light their own lamps, which are dark otherwise
    /// as long as the gate says that it is closed.
    Test,
    /// The relay chooser; from the settings one may go back.
    Relays {
        back: bool,
    },
}

/// What fills the screen.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) enum Activity {
    /// No meeting.
    Nothing,
    /// The code was sent, or a meeting is being started; the relay has not answered.
    Asking,
    /// At the door, or on the way back.
    Waiting,
    /// In a meeting.
    Meeting,
}

impl Kiosk {
    pub(crate) fn activity(&self) -> Activity {
        if self.session.meeting().is_some() {
            Activity::Meeting
        } else if self.session.returning().is_some() {
            Activity::Waiting
        } else if let Some(knocking) = self.session.knocking() {
            if knocking.host_name.is_some() { Activity::Waiting } else { Activity::Asking }
        } else if self.session.starting() {
            Activity::Asking
        } else {
            Activity::Nothing
        }
    }

    pub(crate) fn backlight(&self, now: Time) -> Backlight {
        if self.must_be_lit() { Backlight::Lit } else { self.idle.backlight(now) }
    }

    /// The devices are being tried.
    pub(crate) fn testing(&self) -> bool {
        self.activity() == Activity::Nothing && self.place == Place::Test
    }

    /// Something goes on that people must be able to see.
    pub(super) fn must_be_lit(&self) -> bool {
        self.activity() != Activity::Nothing || self.door.shown().is_some()
    }

    pub(super) fn go_home(&mut self) {
        self.place = Place::Home;
        self.code = CodePad::default();
        self.pin.open();
        self.name_edit = None;
        self.question = None;
        self.own_picture = false;
    }
}
