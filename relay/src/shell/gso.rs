//! When to try GSO again after the system refused it: one odd address must not slow everyone for good, and a network
//! card that never takes it must not be asked again and again.

use vestibule_common::time::{Duration, Time};

/// The first pause.
const FIRST: Duration = Duration::from_secs(10);
/// The longest pause; after as long without a refusal, the next pause is the first one again.
const LONGEST: Duration = Duration::from_secs(3600);

/// How long GSO stays off; twice as long after every attempt that was refused.
#[derive(Debug)]
pub(super) struct BackOff {
    pause: Duration,
    refused: Option<Time>,
    retried: Option<Time>,
}

impl BackOff {
    /// Nothing was refused yet.
    pub(super) fn new() -> BackOff {
        BackOff { pause: FIRST, refused: None, retried: None }
    }

    /// To be asked while GSO is off: whether it is to be tried now.
    pub(super) fn is_due(&mut self, now: Time) -> bool {
        let (pause, retried) = (self.pause, self.retried);
        let refused = *self.refused.get_or_insert_with(|| {
            let again = retried.is_some_and(|at| now.since(at) < LONGEST);
            self.pause = if again { (pause * 2).min(LONGEST) } else { FIRST };
            now
        });
        if now.since(refused) < self.pause {
            return false;
        }
        self.refused = None;
        self.retried = Some(now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seconds from a refusal at `now` until the next attempt.
    fn pause(back_off: &mut BackOff, now: &mut Time) -> u64 {
        let begin = *now;
        while !back_off.is_due(*now) {
            *now += Duration::from_secs(1);
        }
        now.since(begin).as_secs()
    }

    #[test]
    fn a_card_that_never_takes_it_is_asked_once_an_hour() {
        let (mut back_off, mut now) = (BackOff::new(), Time::from_millis(1));
        let pauses: Vec<u64> = (0..12).map(|_| pause(&mut back_off, &mut now)).collect();
        assert_eq!(pauses, [10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600, 3600]);
    }

    #[test]
    fn after_an_hour_that_went_well_the_first_pause_is_short_again() {
        let (mut back_off, mut now) = (BackOff::new(), Time::from_millis(1));
        assert_eq!([0; 2].map(|_| pause(&mut back_off, &mut now)), [10, 20]);
        now += LONGEST;
        assert_eq!([0; 2].map(|_| pause(&mut back_off, &mut now)), [10, 20]);
    }
}
