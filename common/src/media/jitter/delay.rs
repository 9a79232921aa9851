//! How much later than the fastest packet the others come: over the last five seconds, without knowing either clock.

use crate::time::{Duration, Time};

/// The window,
const WINDOW: Duration = Duration::from_secs(5);
/// so many packets at most, and at least: in a silence few come.
const MOST: usize = 500;
const LEAST: usize = 50;
/// The order statistics are computed again after this many packets.
const REFRESH: usize = 10;
/// A step this large is a new clock, not a late packet.
const STEP_US: i64 = 2_000_000;

#[derive(Debug)]
pub(super) struct DelayEstimator {
    /// Arrival minus capture in microseconds, on two clocks, of the last packets.
    transits: Box<[i64]>,
    /// When they came.
    arrivals: Box<[Time]>,
    sorted: Box<[i64]>,
    len: usize,
    at: usize,
    since_refresh: usize,
    fastest_us: i64,
    jitter_us: i64,
}

impl DelayEstimator {
    pub(super) fn new() -> DelayEstimator {
        DelayEstimator {
            transits: vec![0; MOST].into_boxed_slice(),
            arrivals: vec![Time::ZERO; MOST].into_boxed_slice(),
            sorted: vec![0; MOST].into_boxed_slice(),
            len: 0,
            at: 0,
            since_refresh: 0,
            fastest_us: 0,
            jitter_us: 0,
        }
    }

    /// Takes a packet, and says how much later than the fastest it came, in microseconds.
    pub(super) fn observe(&mut self, captured: Time, arrival: Time) -> i64 {
        let transit = transit_us(captured, arrival);
        if self.len == 0 || transit.wrapping_sub(self.fastest_us).saturating_abs() > STEP_US {
            self.len = 0;
            self.at = 0;
            self.since_refresh = 0;
            self.fastest_us = transit;
            self.jitter_us = 0;
        }
        self.fastest_us = self.fastest_us.min(transit);
        self.transits[self.at] = transit;
        self.arrivals[self.at] = arrival;
        self.at = (self.at + 1) % MOST;
        self.len = (self.len + 1).min(MOST);
        self.since_refresh += 1;
        if self.since_refresh >= REFRESH {
            self.refresh(arrival);
        }
        self.relative_us(captured, arrival)
    }

    /// How much later than the fastest packet a frame captured then is at `now`; between 0 and two seconds.
    pub(super) fn relative_us(&self, captured: Time, now: Time) -> i64 {
        transit_us(captured, now).wrapping_sub(self.fastest_us).clamp(0, STEP_US)
    }

    /// What 95 % of the packets of the window stay below.
    pub(super) fn jitter_us(&self) -> i64 {
        self.jitter_us
    }

    /// Whether a second of packets was seen.
    pub(super) fn is_settled(&self) -> bool {
        self.len >= MOST / 5
    }

    fn refresh(&mut self, now: Time) {
        self.since_refresh = 0;
        // From the newest back.
        let back = |n: usize| (self.at + MOST - 1 - n) % MOST;
        let recent = (0..self.len).take_while(|n| now.since(self.arrivals[back(*n)]) <= WINDOW).count();
        self.len = recent.max(self.len.min(LEAST));
        let sorted = &mut self.sorted[..self.len];
        for (n, transit) in sorted.iter_mut().enumerate() {
            *transit = self.transits[(self.at + MOST - 1 - n) % MOST];
        }
        sorted.sort_unstable();
        self.fastest_us = sorted[0];
        // Too few packets say nothing of the slowest twentieth.
        if self.len >= 2 * REFRESH {
            self.jitter_us = sorted[(self.len * 95 / 100).min(self.len - 1)] - sorted[0];
        }
    }
}

fn transit_us(captured: Time, at: Time) -> i64 {
    at.as_micros().wrapping_sub(captured.as_micros()) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Time = Time::from_millis;

    #[test]
    fn the_fastest_packet_is_the_measure_and_is_forgotten_after_five_seconds() {
        let mut estimator = DelayEstimator::new();
        // The sender's clock is an hour ahead.
        let sent = |n: u64| MS(3_600_000 + n * 10);
        for n in 0..500 {
            let late = if n % 10 == 9 { 30 } else { 7 };
            assert_eq!(estimator.observe(sent(n), MS(n * 10 + late)), (late as i64 - 7) * 1000);
        }
        assert_eq!(estimator.jitter_us(), 23_000);
        assert!(estimator.is_settled());
        // A new route, 4 ms longer.
        for n in 500..1010 {
            estimator.observe(sent(n), MS(n * 10 + 11));
        }
        assert_eq!(estimator.jitter_us(), 0);
        assert_eq!(estimator.relative_us(sent(1000), MS(10_013)), 2000);
    }

    #[test]
    fn a_new_clock_starts_anew() {
        let mut estimator = DelayEstimator::new();
        for n in 0..100 {
            estimator.observe(MS(n * 10), MS(n * 10 + n % 20));
        }
        assert_eq!(estimator.observe(MS(5_000_000), MS(1000)), 0);
        assert_eq!(estimator.jitter_us(), 0);
        assert!(!estimator.is_settled());
        estimator.observe(Time::MAX, Time::ZERO);
        estimator.observe(Time::ZERO, Time::MAX);
        estimator.observe(Time::ZERO, Time::from_micros(1 << 63));
    }
}
