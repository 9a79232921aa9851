//! What this room tells the others of its own network: the verdict, not more often than every five seconds.

use vestibule_common::control::LinkQuality;
use vestibule_common::time::{Duration, Time};

/// Something new is told this long after what was told before at the earliest.
const APART: Duration = Duration::from_secs(5);

/// What the others are told. Nothing as long as nothing was ever wrong: a room is taken for well.
#[derive(Copy, Clone, Debug, Default)]
pub(crate) struct OwnLink {
    told: Option<(LinkQuality, Time)>,
}

impl OwnLink {
    /// The verdict is now so; `None`: nothing is known, and what was told stands.
    pub(super) fn weigh(&mut self, quality: Option<LinkQuality>, now: Time) {
        let Some(quality) = quality else { return };
        let news = match self.told {
            None => quality != LinkQuality::Good,
            Some((told, at)) => told != quality && now.since(at) >= APART,
        };
        if news {
            self.told = Some((quality, now));
        }
    }

    /// What is told.
    pub(crate) fn told(&self) -> Option<LinkQuality> {
        self.told.map(|(quality, _)| quality)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_wrong_or_has_become_well_is_told_and_not_often() {
        let mut own = OwnLink::default();
        let mut told = |quality, s: u64| {
            own.weigh(quality, Time::from_millis(1000 * s));
            own.told()
        };
        let (good, weak, busy) =
            (Some(LinkQuality::Good), Some(LinkQuality::WeakNetwork), Some(LinkQuality::BusyDevice));
        assert_eq!(told(good, 1), None, "nothing was ever wrong");
        assert_eq!(told(weak, 2), weak, "at once");
        assert_eq!(told(None, 3), weak);
        assert_eq!((told(good, 6), told(weak, 6)), (weak, weak));
        assert_eq!(told(good, 7), good);
        assert_eq!((told(busy, 11), told(busy, 12)), (good, busy));
        // A verdict that changes every second is told every five.
        let mut changes = 0;
        let mut before = busy;
        for s in 13..113 {
            let now = told(if s % 2 == 0 { good } else { weak }, s);
            changes += usize::from(now != before);
            before = now;
        }
        assert!(changes <= 20, "{changes}");
    }
}
