//! The approve button's hold: a short press lets the shown room in, a long one keeps it out, anything between does
//! nothing. A knock that goes away while the button is held takes the press with it.

use vestibule_common::id::KnockId;
use vestibule_common::time::{Duration, Time};

/// What a press came to.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    Approve(KnockId),
    Deny(KnockId),
}

/// The button.
#[derive(Clone, Debug)]
pub(crate) struct ApproveButton {
    approve_max_hold: Duration,
    deny_hold: Duration,
    /// Since when it is held, and for which knock.
    held: Option<(Time, KnockId)>,
}

impl ApproveButton {
    pub(crate) fn new(approve_max_hold: Duration, deny_hold: Duration) -> ApproveButton {
        ApproveButton { approve_max_hold, deny_hold, held: None }
    }

    /// It went down while this knock was shown for long enough; `None` when there was none.
    pub(crate) fn press(&mut self, armed: Option<KnockId>, at: Time) {
        self.held = armed.map(|knock| (at, knock));
    }

    /// It came up.
    pub(crate) fn release(&mut self, at: Time) -> Option<Verdict> {
        let (since, knock) = self.held.take()?;
        let held = at.since(since);
        if held <= self.approve_max_hold {
            Some(Verdict::Approve(knock))
        } else if held >= self.deny_hold {
            Some(Verdict::Deny(knock))
        } else {
            None
        }
    }

    /// Whatever holds it, it is no finger, or it is not there any more.
    pub(crate) fn forget(&mut self) {
        self.held = None;
    }

    /// That knock is no longer shown.
    pub(crate) fn gone(&mut self, knock: &KnockId) {
        self.held = self.held.filter(|(_, held)| held != knock);
    }

    pub(crate) fn poll_timeout(&self) -> Option<Time> {
        self.held.map(|(since, _)| since + self.deny_hold)
    }

    /// Held for long enough to keep the room out.
    pub(crate) fn handle_timeout(&mut self, now: Time) -> Option<Verdict> {
        let (since, knock) = self.held.filter(|(since, _)| now >= *since + self.deny_hold)?;
        self.held = None;
        debug_assert!(now.since(since) >= self.deny_hold);
        Some(Verdict::Deny(knock))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOCK: KnockId = KnockId([1; 8]);

    /// Presses at 10 s for `ms`, with timeouts as they fall due when `prompt`.
    fn hold(ms: u64, prompt: bool) -> Option<Verdict> {
        let mut button = ApproveButton::new(Duration::from_millis(600), Duration::from_millis(1500));
        let down = Time::from_millis(10_000);
        let up = down + Duration::from_millis(ms);
        button.press(Some(KNOCK), down);
        let due = button.poll_timeout().unwrap();
        let early = if prompt && due <= up { button.handle_timeout(due) } else { None };
        early.or(button.release(up))
    }

    #[test]
    fn the_length_of_the_press_decides() {
        for prompt in [true, false] {
            for (ms, verdict) in [
                (0, Some(Verdict::Approve(KNOCK))),
                (600, Some(Verdict::Approve(KNOCK))),
                (601, None),
                (1499, None),
                (1500, Some(Verdict::Deny(KNOCK))),
                (60_000, Some(Verdict::Deny(KNOCK))),
            ] {
                assert_eq!(hold(ms, prompt), verdict, "{ms} ms");
            }
        }
    }

    #[test]
    fn a_knock_that_goes_away_takes_the_press_with_it() {
        let mut button = ApproveButton::new(Duration::from_millis(600), Duration::from_millis(1500));
        button.press(Some(KNOCK), Time::ZERO);
        button.gone(&KnockId([2; 8]));
        assert!(button.poll_timeout().is_some());
        button.gone(&KNOCK);
        assert_eq!(button.poll_timeout(), None);
        assert_eq!(button.release(Time::from_millis(100)), None);
        button.press(None, Time::from_millis(200));
        assert_eq!(button.release(Time::from_millis(300)), None, "nothing was shown");
    }
}
