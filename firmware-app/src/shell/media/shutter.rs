//! Whether pictures may leave: every picture gets a ticket before it is captured, and the sending thread asks once more
//! right before the socket. So nothing that was captured before "camera off" leaves after it.

use std::sync::atomic::{AtomicU64, Ordering};

/// Shut at first. Even: shut; odd: open. Each change counts one up, so that no ticket is ever valid again.
#[derive(Default)]
pub(super) struct Shutter(AtomicU64);

/// Permission for one picture, void once the shutter was closed.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) struct PictureTicket(u64);

impl Shutter {
    /// Opens or closes. When a close returns, every ticket given out so far is void.
    pub(super) fn set(&self, open: bool) {
        let step = |word: u64| ((word % 2 == 1) != open).then(|| word + 1);
        if self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, step).is_err() {
            log::trace!("the shutter stands so already");
        }
    }

    /// A ticket for the picture that is captured next; none while it is shut.
    pub(super) fn ticket(&self) -> Option<PictureTicket> {
        let word = self.0.load(Ordering::SeqCst);
        (word % 2 == 1).then_some(PictureTicket(word))
    }

    /// Whether a picture with this ticket may still leave.
    pub(super) fn still_valid(&self, ticket: PictureTicket) -> bool {
        self.0.load(Ordering::SeqCst) == ticket.0
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
    }
}
