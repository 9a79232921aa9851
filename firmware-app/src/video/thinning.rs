//! A layer with fewer pictures a second than its source: which of the source's pictures it is made of.
//!
//! Pure. What the source as a whole leaves out is `cadence`'s.

use vestibule_common::time::{Duration, Time};

/// A source's pictures come with a little jitter; one that is early by this much is not left for the next.
const SLACK: Duration = Duration::from_millis(8);

/// The state of one layer.
#[derive(Copy, Clone, Default, Debug)]
pub struct Thinning {
    /// When the last picture that was taken was due, or came.
    last: Time,
}

impl Thinning {
    /// Whether the picture captured at this moment is one of `rate` a second, out of `source` a second. Asking settles it.
    pub fn take(&mut self, captured: Time, rate: u32, source: u32) -> bool {
        let interval = Duration::from_secs(1) / rate.max(1);
        // Neither a rate that was lower before nor what came late before shifts what is due now by more than a picture.
        let due = rate >= source || captured + SLACK >= self.last + interval;
        if due {
            let even = self.last + interval;
            self.last = if even + SLACK >= captured { even.min(captured + SLACK) } else { captured };
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pictures taken in ten seconds.
    fn taken(rate: u32, source: u32) -> u64 {
        let mut thinning = Thinning::default();
        let at = |n: u32| {
            Time::from_micros(
                1_000_000 + u64::from(n) * 1_000_000 / u64::from(source) + u64::from(n % 2) * 900,
            )
        };
        (0..10 * source).map(|n| u64::from(thinning.take(at(n), rate, source))).sum()
    }

    #[test]
    fn a_layer_gets_its_rate_or_the_sources() {
        for (rate, source, expected) in [
            (30, 30, 300),
            (15, 30, 150),
            (10, 30, 100),
            (5, 30, 50),
            (30, 15, 150),
            (15, 25, 150),
            (10, 25, 100),
        ] {
            let taken = taken(rate, source);
            assert!(taken.abs_diff(expected) <= expected / 6, "{taken} of {rate} out of {source}");
        }
    }

    #[test]
    fn a_higher_rate_begins_at_once() {
        let mut thinning = Thinning::default();
        let start = Time::from_millis(5_000);
        assert!(thinning.take(start, 5, 30));
        assert!(!thinning.take(start + Duration::from_millis(66), 5, 30));
        assert!(thinning.take(start + Duration::from_millis(100), 15, 30));
    }
}
