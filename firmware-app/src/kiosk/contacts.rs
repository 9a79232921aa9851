//! What is wrong with a button itself, as far as its contact shows: it stays down for longer than anybody holds it, or it
//! is loose. Pressing and holding is not looked at here.

use vestibule_common::time::{Duration, Time};

use crate::device::Contact;

/// Nobody holds a button for this long.
const STUCK_AFTER: Duration = Duration::from_secs(60);

/// A loose contact chatters, rests for a moment and chatters again; it is well when it has rested for so long.
const WELL_AFTER: Duration = Duration::from_secs(5);

/// What is wrong with a button.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) enum ButtonFault {
    /// It stays down.
    Stuck,
    /// Its contact changes faster than a finger can.
    Loose,
}

/// One button's contact over time.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct ContactHistory {
    contact: Contact,
    since: Time,
    /// It was loose when it last changed.
    was_loose: bool,
}

impl ContactHistory {
    pub(super) fn handle_contact(&mut self, contact: Contact, now: Time) {
        if contact != self.contact {
            let was_loose = self.fault(now) == Some(ButtonFault::Loose);
            *self = ContactHistory { contact, since: now, was_loose };
        }
    }

    pub(super) fn fault(&self, now: Time) -> Option<ButtonFault> {
        let resting = now.since(self.since);
        match self.contact {
            Contact::Loose => Some(ButtonFault::Loose),
            Contact::Closed if resting >= STUCK_AFTER => Some(ButtonFault::Stuck),
            Contact::Open | Contact::Closed => {
                (self.was_loose && resting < WELL_AFTER).then_some(ButtonFault::Loose)
            }
        }
    }

    /// When [`ContactHistory::fault`] changes, if nothing else happens before.
    pub(super) fn poll_timeout(&self, now: Time) -> Option<Time> {
        let well = (self.was_loose && self.contact != Contact::Loose).then(|| self.since + WELL_AFTER);
        let stuck = (self.contact == Contact::Closed).then(|| self.since + STUCK_AFTER);
        [well, stuck].into_iter().flatten().filter(|at| *at > now).min()
    }
}
