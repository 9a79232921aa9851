//! How many things a second one source may bring: a token bucket (the generic cell rate algorithm of ITU-T I.371, as one
//! moment in time). Whoever brings more loses by it alone.

use vestibule_common::time::{Duration, Time};

/// The allowance of one source.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Allowance {
    interval: Duration,
    tolerance: Duration,
    /// When all of it is available again.
    full_at: Time,
}

impl Allowance {
    /// `burst` at once, then `rate` a second. Both at least 1.
    pub fn new(rate: u32, burst: u32) -> Allowance {
        let interval = Duration::from_secs(1) / rate.max(1);
        Allowance { interval, tolerance: interval * (burst.max(1) - 1), full_at: Time::ZERO }
    }

    /// Takes one, if there is one. What is refused costs nothing.
    pub fn take(&mut self, now: Time) -> bool {
        let allowed = self.full_at <= now + self.tolerance;
        if allowed {
            self.full_at = self.full_at.max(now) + self.interval;
        }
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_then_the_rate() {
        let mut allowance = Allowance::new(50, 15);
        let start = Time::from_millis(9_000);
        assert_eq!((0..40).filter(|_| allowance.take(start)).count(), 15);
        assert!(!allowance.take(start + Duration::from_millis(19)));
        assert!(allowance.take(start + Duration::from_millis(20)));
        let later = start + Duration::from_secs(60);
        assert_eq!(
            (0..40).filter(|_| allowance.take(later)).count(),
            15,
            "no more than the burst is saved up"
        );
    }

    #[test]
    fn a_flood_gets_the_rate_and_an_even_stream_below_it_everything() {
        let at = |n: u64, every_us: u64| Time::from_micros(1_000_000 + n * every_us);
        let mut flooded = Allowance::new(60, 15);
        let passed = (0..10_000).filter(|n| flooded.take(at(*n, 1_000))).count();
        assert!((614..=616).contains(&passed), "{passed} in 10 s");
        let mut even = Allowance::new(60, 15);
        assert!((0..10_000).all(|n| even.take(at(n, 33_333))));
    }
}
