//! How much of its sound a speaker is given ahead of the converter: as little as this machine needs, for all of it is delay.

use vestibule_common::time::{Duration, Time};

/// After so long without running dry a block less is tried; each time that this turned out to be too little, only after twice as long,
/// up to an hour.
const CALM: Duration = Duration::from_secs(2);
const CALM_MOST: Duration = Duration::from_secs(3600);
/// Running dry again within this shows that much more is needed: twice as much is added as the time before.
const AGAIN: Duration = Duration::from_secs(1);

/// What is still to be played at the moment at which the next block is handed over, in blocks: more each time that the speaker ran
/// dry, one less after some time without.
#[derive(Clone, Debug)]
pub(super) struct Reserve {
    least: u32,
    most: u32,
    blocks: u32,
    /// Added when it ran dry last, and when that was.
    added: u32,
    dry: Option<Time>,
    /// Since when nothing has happened, and how long to wait for that.
    since: Time,
    calm: Duration,
    /// What happened last was that it was lowered.
    lowered: bool,
}

impl Reserve {
    /// Begins with `least` blocks, and never holds more than `most`.
    pub(super) fn new(least: u32, most: u32) -> Reserve {
        let least = least.min(most);
        let (since, calm) = (Time::ZERO, CALM);
        Reserve { least, most, blocks: least, added: 0, dry: None, since, calm, lowered: false }
    }

    /// So many blocks are to be in hand from now on.
    pub(super) fn at(&mut self, now: Time) -> u32 {
        if self.blocks > self.least && now.since(self.since) >= self.calm {
            self.blocks -= 1;
            (self.since, self.lowered) = (now, true);
        }
        self.blocks
    }

    /// It ran dry.
    pub(super) fn ran_dry(&mut self, now: Time) {
        if self.lowered {
            self.calm = (self.calm * 2).min(CALM_MOST);
        }
        let again = self.dry.is_some_and(|dry| now.since(dry) < AGAIN);
        self.added = if again { self.added.saturating_mul(2) } else { 1 };
        self.blocks = self.blocks.saturating_add(self.added).min(self.most);
        self.dry = Some(now);
        (self.since, self.lowered) = (now, false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: fn(u64) -> Time = Time::from_millis;

    #[test]
    fn it_grows_where_the_machine_is_late_and_is_given_back() {
        let mut reserve = Reserve::new(1, 3);
        assert_eq!(reserve.at(AT(0)), 1);
        reserve.ran_dry(AT(10_000));
        assert_eq!([10_000, 11_999, 12_000].map(|ms| reserve.at(AT(ms))), [2, 2, 1]);
        for (ms, blocks) in [(20_000, 2), (21_500, 3), (23_000, 3)] {
            reserve.ran_dry(AT(ms));
            assert_eq!(reserve.at(AT(ms)), blocks, "after {ms} ms");
        }
        // Lowering it turned out to be too early once.
        assert_eq!([26_999, 27_000, 30_999, 31_000, 90_000].map(|ms| reserve.at(AT(ms))), [3, 2, 2, 1, 1]);
        assert_eq!(Reserve::new(5, 2).at(AT(0)), 2);
    }

    #[test]
    fn a_clock_that_wakes_it_rarely_is_met_after_a_few_times() {
        let mut reserve = Reserve::new(4, 40);
        for ms in [10, 30, 60] {
            reserve.ran_dry(AT(ms));
        }
        assert_eq!(reserve.at(AT(60)), 4 + 1 + 2 + 4);
    }

    #[test]
    fn what_is_too_little_is_tried_ever_more_rarely() {
        for every in [10, 20_000] {
            let (mut reserve, mut dry) = (Reserve::new(1, 3), 0);
            for ms in (0..24 * 3_600_000).step_by(10) {
                // One block is never enough for long.
                if reserve.at(AT(ms)) == 1 && ms % every == 0 {
                    reserve.ran_dry(AT(ms));
                    dry += 1;
                }
            }
            assert!((24..40).contains(&dry), "{dry} times in a day");
        }
    }
}
