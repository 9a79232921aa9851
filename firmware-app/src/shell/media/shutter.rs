//! Whether pictures may leave: every picture gets a ticket before the driver hands it over, and the sending thread shows it
//! right at the socket. So nothing that was captured before "camera off" leaves after it, nor what was captured before "on".

use std::sync::{Mutex, MutexGuard, PoisonError};

use vestibule_common::time::Time;

/// Shut at first. Even: shut; odd: open. Each change counts one up, so that no ticket is ever valid again.
#[derive(Default)]
pub(super) struct Shutter(Mutex<PictureTicket>);

/// Permission for one picture, void once the shutter was closed.
#[derive(Copy, Clone, PartialEq, Eq, Default, Debug)]
pub(super) struct PictureTicket {
    turn: u64,
    /// When that turn began.
    since: Time,
}

impl PictureTicket {
    /// Whether it is for a picture captured then.
    pub(super) fn is_for(&self, captured: Time) -> bool {
        captured >= self.since
    }
}

impl Shutter {
    /// Opens or closes. When a close returns, every ticket given out so far is void, and nothing passes any more.
    pub(super) fn set(&self, open: bool, now: Time) {
        let mut word = self.lock();
        if (word.turn % 2 == 1) != open {
            *word = PictureTicket { turn: word.turn + 1, since: now };
        }
    }

    /// A ticket for the picture that is captured next; none while it is shut.
    pub(super) fn ticket(&self) -> Option<PictureTicket> {
        let word = *self.lock();
        (word.turn % 2 == 1).then_some(word)
    }

    /// Whether a picture with this ticket may still leave.
    pub(super) fn still_valid(&self, ticket: PictureTicket) -> bool {
        *self.lock() == ticket
    }

    /// Does `send`, which must not wait, if a picture with this ticket may still leave; says whether it did. A close
    /// returns before it or after it.
    pub(super) fn pass(&self, ticket: PictureTicket, send: impl FnOnce()) -> bool {
        let word = self.lock();
        let valid = *word == ticket;
        if valid {
            send();
        }
        valid
    }

    fn lock(&self) -> MutexGuard<'_, PictureTicket> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_from_before_a_close_stays_void() {
        let shutter = Shutter::default();
        assert_eq!(shutter.ticket(), None);
        let at = Time::from_millis;
        shutter.set(true, at(100));
        let ticket = shutter.ticket().unwrap();
        assert!(ticket.is_for(at(100)) && !ticket.is_for(at(99)), "captured before it was opened");
        shutter.set(true, at(200));
        assert!(shutter.still_valid(ticket));
        shutter.set(false, at(300));
        assert!(!shutter.still_valid(ticket) && shutter.ticket().is_none());
        shutter.set(true, at(400));
        assert!(!shutter.still_valid(ticket) && shutter.still_valid(shutter.ticket().unwrap()));
        let (mut late, mut fresh) = (false, false);
        assert!(!shutter.pass(ticket, || late = true) && !late);
        assert!(shutter.pass(shutter.ticket().unwrap(), || fresh = true) && fresh);
    }
}
