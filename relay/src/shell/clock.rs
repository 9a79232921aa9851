//! The relay's clocks: its own, which everything inside counts by, and the wall clock for what is shown and signed.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use vestibule_common::time::{Duration, Time};

/// Microseconds since the relay's start. The same clock stamps control and media answers.
#[derive(Copy, Clone, Debug)]
pub(super) struct Clock {
    start: Instant,
}

/// No datagram waits longer than this in a socket's buffer; a larger span means that the wall clock was set.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

impl Clock {
    /// Starts now.
    pub(super) fn start() -> Clock {
        Clock { start: Instant::now() }
    }

    /// What time it is.
    pub(super) fn now(&self) -> Time {
        Time::ZERO + self.start.elapsed()
    }

    /// A moment as the runtime counts it.
    pub(super) fn instant(&self, at: Time) -> tokio::time::Instant {
        tokio::time::Instant::from_std(self.start + at.since(Time::ZERO))
    }

    /// When a datagram came that the kernel stamped with the wall clock (if it did), read at `now` and `wall`.
    pub(super) fn arrival(stamp: Option<Duration>, wall: Duration, now: Time) -> Time {
        let waited = stamp.and_then(|stamp| wall.checked_sub(stamp)).filter(|span| *span <= LONGEST_WAIT);
        now - waited.unwrap_or_default()
    }
}

/// The wall clock: time since 1970, zero if it stands before.
pub(super) fn wall() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// The wall clock in Unix milliseconds, as the protocol has it.
pub(super) fn unix_ms() -> u64 {
    u64::try_from(wall().as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arrival_lies_as_far_back_as_the_datagram_waited() {
        let (now, wall) = (Time::from_millis(5000), Duration::from_secs(1_000_000));
        let arrival = |stamp| Clock::arrival(stamp, wall, now);
        assert_eq!(arrival(None), now);
        assert_eq!(arrival(Some(wall - Duration::from_micros(70))), now - Duration::from_micros(70));
        assert_eq!(arrival(Some(wall - Duration::from_secs(60))), now, "the clock was set forward");
        assert_eq!(arrival(Some(wall + Duration::from_secs(60))), now, "the clock was set back");
    }
}
