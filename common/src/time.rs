//! Time as the cores know it: microseconds since a start that the shell chose.
//!
//! Not `std::time::Instant`: a core that is handed its time replays from a seed, runs in virtual time and needs no
//! operating system.

use core::ops::{Add, AddAssign, Sub};
pub use core::time::Duration;

/// A moment, in microseconds since the shell's start. Only differences mean anything between two programs.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Time(u64);

impl Time {
    /// The shell's start.
    pub const ZERO: Time = Time(0);
    /// Later than every moment that a program reaches.
    pub const MAX: Time = Time(u64::MAX);

    /// The moment `us` microseconds after the start.
    pub const fn from_micros(us: u64) -> Time {
        Time(us)
    }

    /// The moment `ms` milliseconds after the start.
    pub const fn from_millis(ms: u64) -> Time {
        Time(ms * 1000)
    }

    /// Microseconds since the start.
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// How long ago `earlier` was; zero if it is in the future.
    pub const fn since(self, earlier: Time) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Time {
    type Output = Time;
    fn add(self, span: Duration) -> Time {
        Time(self.0.saturating_add(micros(span)))
    }
}

impl AddAssign<Duration> for Time {
    fn add_assign(&mut self, span: Duration) {
        *self = *self + span;
    }
}

impl Sub<Duration> for Time {
    type Output = Time;
    fn sub(self, span: Duration) -> Time {
        Time(self.0.saturating_sub(micros(span)))
    }
}

fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_never_go_below_zero() {
        let early = Time::from_millis(5);
        let late = early + Duration::from_millis(3);
        assert_eq!(late.since(early), Duration::from_millis(3));
        assert_eq!(early.since(late), Duration::ZERO);
        assert_eq!(Time::ZERO - Duration::from_secs(1), Time::ZERO);
        assert_eq!(Time::MAX + Duration::from_secs(1), Time::MAX);
    }
}
