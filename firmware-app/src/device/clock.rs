//! The kiosk's clock: `CLOCK_MONOTONIC`, counted from the start of the program.
//!
//! Drivers stamp frames, periods and edges with `CLOCK_MONOTONIC` too, so their times convert exactly. Cores never see
//! this; they are handed [`Time`].

use std::thread;

use rustix::time::{ClockId, clock_gettime};
use vestibule_common::time::{Duration, Time};

/// A handle to the clock. Make one when the program starts and copy it: two that were started apart count from
/// different moments.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Clock {
    /// `CLOCK_MONOTONIC` at [`Time::ZERO`], in whole microseconds, so that conversion is exact.
    start_us: u64,
}

impl Clock {
    /// Starts counting now.
    pub fn start() -> Clock {
        Clock { start_us: micros(monotonic()) }
    }

    /// The time now.
    pub fn now(self) -> Time {
        self.from_monotonic(monotonic())
    }

    /// A moment that a driver gave in `CLOCK_MONOTONIC`. One before the start is [`Time::ZERO`].
    pub fn from_monotonic(self, moment: Duration) -> Time {
        Time::from_micros(micros(moment).saturating_sub(self.start_us))
    }

    /// The same moment in `CLOCK_MONOTONIC`, in microseconds: what two programs on one machine can compare.
    pub fn to_monotonic_us(self, moment: Time) -> u64 {
        moment.as_micros().saturating_add(self.start_us)
    }

    /// Sleeps until that moment; not at all if it is over.
    pub fn sleep_until(self, moment: Time) {
        loop {
            let left = moment.since(self.now());
            if left.is_zero() {
                return;
            }
            thread::sleep(left);
        }
    }
}

/// `CLOCK_MONOTONIC` now.
fn monotonic() -> Duration {
    let now = clock_gettime(ClockId::Monotonic);
    // The kernel's monotonic clock starts at boot and is never negative.
    Duration::new(now.tv_sec.unsigned_abs(), now.tv_nsec.unsigned_abs() as u32)
}

fn micros(moment: Duration) -> u64 {
    u64::try_from(moment.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drivers_time_converts_there_and_back_exactly() {
        let clock = Clock { start_us: 5_000_001 };
        let stamp = Duration::new(7, 123_456_789);
        let time = clock.from_monotonic(stamp);
        assert_eq!(time, Time::from_micros(2_123_455));
        assert_eq!(clock.to_monotonic_us(time), 7_123_456);
        assert_eq!(clock.from_monotonic(Duration::from_secs(1)), Time::ZERO);
    }

    #[test]
    fn sleeping_ends_after_the_moment_asked_for() {
        let clock = Clock::start();
        let wanted = clock.now() + Duration::from_millis(3);
        clock.sleep_until(wanted);
        assert!(clock.now() >= wanted);
    }
}
