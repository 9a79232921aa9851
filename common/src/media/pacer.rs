//! A token bucket: how many bytes may leave now, so that a keyframe does not fill the queue of the slowest link.
//!
//! It holds no packets; the caller asks before it sends. Sound never waits: it is only charged, and pictures wait the
//! longer for it.

use crate::time::{Duration, Time};
use crate::unit::{Bitrate, DataSize};

/// The answer to [`Pacer::poll`].
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Permit {
    /// Send it; it has been charged.
    Now,
    /// Nothing was charged; ask again at this time. [`Time::MAX`] while the rate is zero.
    At(Time),
}

/// Tokens that fill at a rate, up to a burst.
#[derive(Clone, Debug)]
pub struct Pacer {
    rate: Bitrate,
    burst: DataSize,
    /// In bits times microseconds per second, so that no fraction is lost; negative while in debt.
    tokens: i128,
    filled: Time,
}

const SCALE: i128 = 1_000_000;

impl Pacer {
    /// A full bucket.
    pub fn new(rate: Bitrate, burst: DataSize, now: Time) -> Pacer {
        Pacer { rate, burst, tokens: scaled(burst), filled: now }
    }

    /// Changes the rate from now on.
    pub fn set_rate(&mut self, rate: Bitrate, now: Time) {
        self.fill(now);
        self.rate = rate;
    }

    /// Changes the burst from now on; what is over it is lost.
    pub fn set_burst(&mut self, burst: DataSize, now: Time) {
        self.burst = burst;
        self.fill(now);
    }

    /// May `size` bytes leave? What is larger than the burst may leave when the bucket is full, and is owed.
    pub fn poll(&mut self, size: DataSize, now: Time) -> Permit {
        self.fill(now);
        let cost = scaled(size);
        let missing = cost.min(scaled(self.burst)) - self.tokens;
        if missing <= 0 {
            self.tokens -= cost;
            return Permit::Now;
        }
        let rate = i128::from(self.rate.as_bps());
        if rate == 0 {
            return Permit::At(Time::MAX);
        }
        let wait = u64::try_from((missing + rate - 1) / rate).unwrap_or(u64::MAX);
        Permit::At(self.filled + Duration::from_micros(wait))
    }

    /// Charges what left without asking. The debt is at most one burst: sound alone never stops pictures for good.
    pub fn charge(&mut self, size: DataSize, now: Time) {
        self.fill(now);
        self.tokens = (self.tokens - scaled(size)).max(self.tokens.min(-scaled(self.burst)));
    }

    fn fill(&mut self, now: Time) {
        let span = i128::from(now.since(self.filled).as_micros() as u64);
        self.filled = self.filled.max(now);
        let full = scaled(self.burst);
        self.tokens = self.tokens.saturating_add(span * i128::from(self.rate.as_bps())).min(full);
    }
}

fn scaled(size: DataSize) -> i128 {
    i128::from(size.as_bytes()) * 8 * SCALE
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MS: fn(u64) -> Time = Time::from_millis;
    const KB: DataSize = DataSize::bytes(1000);

    #[test]
    fn a_burst_leaves_at_once_and_the_rest_at_the_rate() {
        // 8 Mbit/s is 1,000 bytes a millisecond.
        let mut pacer = Pacer::new(Bitrate::kbps(8000), DataSize::bytes(3000), MS(0));
        for _ in 0..3 {
            assert_eq!(pacer.poll(KB, MS(0)), Permit::Now);
        }
        assert_eq!(pacer.poll(KB, MS(0)), Permit::At(MS(1)));
        assert_eq!(pacer.poll(KB, Time::from_micros(999)), Permit::At(MS(1)));
        assert_eq!(pacer.poll(KB, MS(1)), Permit::Now);
        assert_eq!(pacer.poll(KB, MS(1)), Permit::At(MS(2)));
    }

    #[test]
    fn sound_is_charged_and_its_debt_is_bounded() {
        let mut pacer = Pacer::new(Bitrate::kbps(8000), DataSize::bytes(2000), MS(0));
        pacer.charge(KB, MS(0));
        assert_eq!(pacer.poll(KB, MS(0)), Permit::Now);
        for _ in 0..1000 {
            pacer.charge(KB, MS(0));
        }
        assert_eq!(pacer.poll(KB, MS(0)), Permit::At(MS(3)));
        assert_eq!(pacer.poll(KB, MS(3)), Permit::Now);
    }

    #[test]
    fn more_than_a_burst_leaves_a_debt_that_a_charge_does_not_forgive() {
        let mut pacer = Pacer::new(Bitrate::kbps(8000), KB, MS(0));
        assert_eq!(pacer.poll(DataSize::bytes(10_000), MS(0)), Permit::Now);
        pacer.charge(KB, MS(0));
        assert_eq!(pacer.poll(KB, MS(0)), Permit::At(MS(10)));
    }

    #[test]
    fn a_rate_of_zero_never_permits_and_time_backwards_fills_nothing() {
        let mut pacer = Pacer::new(Bitrate::bps(0), KB, MS(5));
        assert_eq!(pacer.poll(KB, MS(5)), Permit::Now);
        assert_eq!(pacer.poll(KB, Time::MAX), Permit::At(Time::MAX));
        let mut pacer = Pacer::new(Bitrate::kbps(8000), KB, MS(5));
        assert_eq!(pacer.poll(KB, MS(5)), Permit::Now);
        assert_eq!(pacer.poll(KB, MS(1)), Permit::At(MS(6)));
        pacer.set_rate(Bitrate::kbps(16_000), MS(5));
        assert_eq!(pacer.poll(KB, MS(5)), Permit::At(Time::from_micros(5500)));
    }

    proptest! {
        #[test]
        fn never_more_than_rate_and_burst(
            rate in 1u64..100_000_000,
            burst in 1500u64..100_000,
            steps in prop::collection::vec((1u64..1500, 0u64..5000), 1..300),
        ) {
            let mut pacer = Pacer::new(Bitrate::bps(rate), DataSize::bytes(burst), Time::ZERO);
            let (mut now, mut sent) = (0, 0u128);
            for (size, wait) in steps {
                now += wait;
                match pacer.poll(DataSize::bytes(size), Time::from_micros(now)) {
                    Permit::Now => sent += u128::from(size) * 8,
                    Permit::At(at) => {
                        prop_assert!(at > Time::from_micros(now));
                        prop_assert_eq!(pacer.poll(DataSize::bytes(size), at), Permit::Now);
                        now = at.as_micros();
                        sent += u128::from(size) * 8;
                    }
                }
                let most = u128::from(rate) * u128::from(now) / 1_000_000 + u128::from(burst) * 8 + 1;
                prop_assert!(sent <= most);
            }
        }
    }
}
