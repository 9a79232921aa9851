//! What one room's decoder is given after something went wrong: nothing but a keyframe, and after failures in a row
//! nothing at all for a while, so that a room whose pictures are no good costs the others little.

use vestibule_common::time::{Duration, Time};

/// A keyframe is asked for at most this often.
const ASK_EVERY: Duration = Duration::from_millis(250);
/// The rest after the second failure in a row; it doubles with each further one.
const FIRST_REST: Duration = Duration::from_millis(250);
const LONGEST_REST: Duration = Duration::from_secs(4);
/// A failure is the first again after this long without one.
const FORGOTTEN: Duration = Duration::from_secs(10);

/// What to do with a frame.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// Decode it.
    Decode,
    /// Drop it.
    Drop {
        /// And ask for a keyframe.
        ask: bool,
    },
}

/// The state of one room.
#[derive(Clone, Default, Debug)]
pub struct Recovery {
    /// Frames were dropped that later ones refer to.
    needs_keyframe: bool,
    asked: Option<Time>,
    failures: u32,
    failed: Time,
    rests_until: Time,
}

impl Recovery {
    /// The next frame. `stale`: it waited too long to be worth showing.
    pub fn admit(&mut self, keyframe: bool, stale: bool, now: Time) -> Verdict {
        let rests = now < self.rests_until;
        if !rests && !stale && (keyframe || !self.needs_keyframe) {
            self.needs_keyframe = false;
            return Verdict::Decode;
        }
        self.needs_keyframe = true;
        Verdict::Drop { ask: !rests && self.may_ask(now) }
    }

    /// The decoder refused a frame, or broke. Whether to ask for a keyframe now; the next decoder begins with one.
    pub fn handle_failure(&mut self, now: Time) -> bool {
        if now.since(self.failed) > FORGOTTEN {
            self.failures = 0;
        }
        self.needs_keyframe = true;
        self.failed = now;
        // The first may be due to the network: mended at once.
        if self.failures > 0 {
            let rest = FIRST_REST * (1 << (self.failures - 1).min(10));
            self.rests_until = now + rest.min(LONGEST_REST);
        }
        self.failures = self.failures.saturating_add(1);
        now >= self.rests_until && self.may_ask(now)
    }

    fn may_ask(&mut self, now: Time) -> bool {
        let may = self.asked.is_none_or(|asked| now.since(asked) >= ASK_EVERY);
        if may {
            self.asked = Some(now);
        }
        may
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Time {
        Time::from_millis(100_000 + ms)
    }

    #[test]
    fn what_refers_to_a_dropped_frame_is_dropped_and_a_keyframe_asked_for_sparingly() {
        let mut recovery = Recovery::default();
        assert_eq!(recovery.admit(true, false, at(0)), Verdict::Decode);
        assert_eq!(recovery.admit(false, false, at(33)), Verdict::Decode);
        assert_eq!(recovery.admit(false, true, at(66)), Verdict::Drop { ask: true });
        assert_eq!(recovery.admit(false, false, at(100)), Verdict::Drop { ask: false });
        assert_eq!(recovery.admit(true, true, at(300)), Verdict::Drop { ask: false });
        assert_eq!(recovery.admit(false, false, at(316)), Verdict::Drop { ask: true });
        assert_eq!(recovery.admit(true, false, at(350)), Verdict::Decode);
        assert_eq!(recovery.admit(false, false, at(383)), Verdict::Decode);
    }

    #[test]
    fn one_failure_is_mended_at_once() {
        let mut recovery = Recovery::default();
        for failure in 0..5 {
            let now = at(failure * 10_001);
            assert!(recovery.handle_failure(now));
            assert_eq!(recovery.admit(false, false, now), Verdict::Drop { ask: false });
            assert_eq!(recovery.admit(true, false, now), Verdict::Decode);
        }
    }

    #[test]
    fn a_room_that_sends_nothing_good_is_tried_ever_less_often_and_for_ever() {
        let (mut recovery, mut tries, mut asks) = (Recovery::default(), Vec::new(), 0);
        for ms in (0..60_000).step_by(5) {
            match recovery.admit(true, false, at(ms)) {
                Verdict::Decode => {
                    tries.push(ms);
                    asks += usize::from(recovery.handle_failure(at(ms)));
                }
                Verdict::Drop { ask } => asks += usize::from(ask),
            }
        }
        let gaps: Vec<u64> = tries.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert_eq!(&gaps[..6], &[5, 250, 500, 1000, 2000, 4000]);
        assert!(gaps[6..].iter().all(|gap| *gap == 4000), "{gaps:?}");
        assert!(asks <= tries.len(), "{asks}");
    }

    #[test]
    fn after_the_rest_the_next_frame_asks() {
        let mut recovery = Recovery::default();
        assert!(recovery.handle_failure(at(0)));
        assert!(!recovery.handle_failure(at(1_000)), "it rests");
        assert_eq!(recovery.admit(true, false, at(1_100)), Verdict::Drop { ask: false });
        assert_eq!(recovery.admit(false, false, at(1_250)), Verdict::Drop { ask: true });
        assert_eq!(recovery.admit(true, false, at(1_300)), Verdict::Decode);
    }
}
