//! How much of its sound a speaker is given ahead of the converter: as little as this machine needs, for all of it is delay.

use vestibule_common::time::{Duration, Time};

/// After this long without running dry a block less is tried; each time that this was too early, twice as long later, up to an hour.
const CALM: Duration = Duration::from_secs(60);
const CALM_MOST: Duration = Duration::from_secs(3600);
/// A program that has just begun is busy with more than sound, and nobody listens yet.
const BEGINNING: Duration = Duration::from_secs(5);

/// What is still to be played at the moment at which the next block is handed over, in blocks: one more each time that the
/// speaker ran dry, one less after some time without.
#[derive(Clone, Debug)]
pub(super) struct Reserve {
    least: u32,
    most: u32,
    blocks: u32,
    begun: Option<Time>,
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
        Reserve { least, most, blocks: least, begun: None, since: Time::ZERO, calm: CALM, lowered: false }
    }

    /// So many blocks are to be in hand from now on.
    pub(super) fn at(&mut self, now: Time) -> u32 {
        self.begun.get_or_insert(now);
        if self.blocks > self.least && now.since(self.since) >= self.calm {
            self.blocks -= 1;
            (self.since, self.lowered) = (now, true);
        }
        self.blocks
    }

    /// It ran dry.
    pub(super) fn ran_dry(&mut self, now: Time) {
        if self.begun.is_none_or(|begun| now.since(begun) < BEGINNING) {
            return;
        }
        if self.lowered && now.since(self.since) < self.calm {
            self.calm = (self.calm * 2).min(CALM_MOST);
        }
        self.blocks = (self.blocks + 1).min(self.most);
        (self.since, self.lowered) = (now, false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: fn(u64) -> Time = |second| Time::from_millis(second * 1000);

    #[test]
    fn it_grows_where_the_machine_is_late_and_is_given_back_slowly() {
        let mut reserve = Reserve::new(1, 3);
        assert_eq!(reserve.at(AT(0)), 1);
        reserve.ran_dry(AT(4));
        assert_eq!(reserve.at(AT(4)), 1, "while the program begins");
        for (second, blocks) in [(10, 2), (20, 3), (30, 3)] {
            reserve.ran_dry(AT(second));
            assert_eq!(reserve.at(AT(second)), blocks, "after {second} s");
        }
        assert_eq!([89, 90, 149, 150, 1000].map(|second| reserve.at(AT(second))), [3, 2, 2, 1, 1]);
        assert_eq!(Reserve::new(5, 2).at(AT(0)), 2);
    }

    #[test]
    fn what_is_too_little_is_tried_ever_more_rarely() {
        let mut reserve = Reserve::new(1, 3);
        reserve.at(AT(0));
        let mut dry = 0;
        for second in 10..24 * 3600 {
            // One block is never enough for long.
            if reserve.at(AT(second)) == 1 && second % 10 == 0 {
                reserve.ran_dry(AT(second));
                dry += 1;
            }
        }
        assert!((24..35).contains(&dry), "{dry} times in a day");
    }
}
