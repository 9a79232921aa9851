//! Bitrates and sizes as types, so that no signature leaves open whether a number is bits or bytes.

use core::fmt;
use core::ops::{Add, AddAssign};
use core::time::Duration;

/// Bits per second.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Bitrate(u64);

impl Bitrate {
    /// `bps` bits per second.
    pub const fn bps(bps: u64) -> Bitrate {
        Bitrate(bps)
    }

    /// `kbps` thousand bits per second.
    pub const fn kbps(kbps: u64) -> Bitrate {
        Bitrate(kbps * 1000)
    }

    /// The number of bits per second.
    pub const fn as_bps(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Bitrate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 >= 1_000_000 {
            write!(f, "{}.{} Mbit/s", self.0 / 1_000_000, self.0 / 100_000 % 10)
        } else {
            write!(f, "{} kbit/s", self.0 / 1000)
        }
    }
}

/// A number of bytes.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct DataSize(u64);

impl DataSize {
    /// `n` bytes.
    pub const fn bytes(n: u64) -> DataSize {
        DataSize(n)
    }

    /// The number of bytes.
    pub const fn as_bytes(self) -> u64 {
        self.0
    }

    /// The rate that carries this size in `span`; zero for an empty span.
    pub fn per(self, span: Duration) -> Bitrate {
        let bps = (u128::from(self.0) * 8_000_000).checked_div(span.as_micros()).unwrap_or(0);
        Bitrate(u64::try_from(bps).unwrap_or(u64::MAX))
    }

    /// How long a link of this rate takes to carry this size; the longest span for a link that carries nothing.
    pub fn time_at(self, rate: Bitrate) -> Duration {
        let nanos = (u128::from(self.0) * 8_000_000_000).checked_div(u128::from(rate.0));
        nanos.and_then(|nanos| u64::try_from(nanos).ok()).map_or(Duration::MAX, Duration::from_nanos)
    }
}

impl Add for DataSize {
    type Output = DataSize;
    fn add(self, other: DataSize) -> DataSize {
        DataSize(self.0.saturating_add(other.0))
    }
}

impl AddAssign for DataSize {
    fn add_assign(&mut self, other: DataSize) {
        *self = *self + other;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_over_a_span_is_a_rate() {
        assert_eq!(DataSize::bytes(125_000).per(Duration::from_secs(1)), Bitrate::kbps(1000));
        assert_eq!(DataSize::bytes(1).per(Duration::ZERO), Bitrate::bps(0));
        assert_eq!(DataSize::bytes(125_000).time_at(Bitrate::kbps(1000)), Duration::from_secs(1));
        assert_eq!(DataSize::bytes(1).time_at(Bitrate::bps(0)), Duration::MAX);
    }
}
