//! Whether pictures may leave: every picture gets a ticket before it is captured, and the sending thread shows it right at
//! the socket. So nothing that was captured before "camera off" leaves after it.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Shut at first. Even: shut; odd: open. Each change counts one up, so that no ticket is ever valid again.
#[derive(Default)]
pub(super) struct Shutter(Mutex<u64>);

/// Permission for one picture, void once the shutter was closed.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) struct PictureTicket(u64);

impl Shutter {
    /// Opens or closes. When a close returns, every ticket given out so far is void, and nothing passes any more.
    pub(super) fn set(&self, open: bool) {
        let mut word = self.lock();
        if (*word % 2 == 1) != open {
            *word += 1;
        }
    }

    /// A ticket for the picture that is captured next; none while it is shut.
    pub(super) fn ticket(&self) -> Option<PictureTicket> {
        let word = *self.lock();
        (word % 2 == 1).then_some(PictureTicket(word))
    }

    /// Whether a picture with this ticket may still leave.
    pub(super) fn still_valid(&self, ticket: PictureTicket) -> bool {
        *self.lock() == ticket.0
    }

    /// Does `send`, which must not wait, if a picture with this ticket may still leave; says whether it did. A close
    /// returns before it or after it.
    pub(super) fn pass(&self, ticket: PictureTicket, send: impl FnOnce()) -> bool {
        let word = self.lock();
        let valid = *word == ticket.0;
        if valid {
            send();
        }
        valid
    }

    fn lock(&self) -> MutexGuard<'_, u64> {
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
        shutter.set(true);
        let ticket = shutter.ticket().unwrap();
        shutter.set(true);
        assert!(shutter.still_valid(ticket));
        shutter.set(false);
        assert!(!shutter.still_valid(ticket) && shutter.ticket().is_none());
        shutter.set(true);
        assert!(!shutter.still_valid(ticket) && shutter.still_valid(shutter.ticket().unwrap()));
        let (mut late, mut fresh) = (false, false);
        assert!(!shutter.pass(ticket, || late = true) && !late);
        assert!(shutter.pass(shutter.ticket().unwrap(), || fresh = true) && fresh);
    }
}
