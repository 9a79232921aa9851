//! A token bucket as one moment in time: the generic cell rate algorithm (ITU-T I.371, appendix A.2).
//!
//! One number a bucket, exact in integers, and a bucket that nobody used for a while equals a new one, so that it can be
//! forgotten.

use std::time::Duration;

use vestibule_common::time::Time;

/// How much is allowed: `burst` at once, then one every `interval`.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) struct Rate {
    interval: Duration,
    tolerance: Duration,
}

impl Rate {
    /// `count` in every `span`, `burst` of them at once. Both at least one.
    pub(crate) fn new(count: u32, span: Duration, burst: u32) -> Rate {
        let interval = span / count.max(1);
        Rate { interval, tolerance: interval * (burst.max(1) - 1) }
    }
}

/// What one source has used of its [`Rate`].
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Bucket {
    /// When all of it is available again ("theoretical arrival time").
    full_at: Time,
}

impl Bucket {
    /// How long until one more is allowed; zero: now.
    pub(crate) fn wait(&self, rate: &Rate, now: Time) -> Duration {
        self.full_at.since(now + rate.tolerance)
    }

    /// Uses one, whether it was allowed or not.
    pub(crate) fn take(&mut self, rate: &Rate, now: Time) {
        self.full_at = self.full_at.max(now) + rate.interval;
    }

    /// Uses one if it is allowed, else says how long to wait.
    pub(crate) fn try_take(&mut self, rate: &Rate, now: Time) -> Result<(), Duration> {
        let wait = self.wait(rate, now);
        if wait > Duration::ZERO {
            return Err(wait);
        }
        self.take(rate, now);
        Ok(())
    }

    /// When it is as good as new.
    pub(crate) fn full_at(&self) -> Time {
        self.full_at
    }

    /// Whether it is as good as new.
    pub(crate) fn is_full(&self, now: Time) -> bool {
        self.full_at <= now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_then_the_rate() {
        let rate = Rate::new(5, Duration::from_secs(60), 3);
        let mut bucket = Bucket::default();
        let start = Time::from_millis(7_000);
        for _ in 0..3 {
            assert_eq!(bucket.try_take(&rate, start), Ok(()));
        }
        assert_eq!(bucket.try_take(&rate, start), Err(Duration::from_secs(12)));
        let later = start + Duration::from_secs(12);
        assert_eq!(bucket.try_take(&rate, later), Ok(()));
        assert_eq!(bucket.try_take(&rate, later), Err(Duration::from_secs(12)));
        assert!(!bucket.is_full(later));
        assert!(bucket.is_full(start + Duration::from_secs(48)));
    }
}
