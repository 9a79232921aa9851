//! How often a presentation's pictures are sent. Each is as sharp as the first; where the bitrate does not carry fifteen of
//! them a second, fewer are sent, down to five.
//!
//! Pure: a leaky bucket in virtual time. A still screen costs next to nothing and comes at the full rate, so what moves
//! on it moves at once.

use vestibule_common::time::{Duration, Time};
use vestibule_common::unit::{Bitrate, DataSize};

/// Between two pictures at least: 15 a second.
const SHORTEST: Duration = Duration::from_micros(66_666);
/// Between two pictures at most: 5 a second, whatever they cost.
const LONGEST: Duration = Duration::from_millis(200);
/// A source's pictures come with a little jitter; one that is early by this much is not left for the next.
const SLACK: Duration = Duration::from_millis(8);

/// Which pictures of a presentation are sent.
#[derive(Clone, Debug)]
pub struct Cadence {
    bitrate: Bitrate,
    /// Pictures captured before this are left out.
    next: Time,
}

impl Cadence {
    /// At most this much in the long run, as long as five pictures a second take no more.
    pub fn new(bitrate: Bitrate) -> Cadence {
        Cadence { bitrate, next: Time::ZERO }
    }

    /// Whether the picture captured at this moment is to be encoded.
    pub fn is_due(&self, captured: Time) -> bool {
        captured + SLACK >= self.next
    }

    /// The picture captured at this moment is encoded.
    pub fn admit(&mut self, captured: Time) {
        self.next = self.next.max(captured) + SHORTEST;
    }

    /// The picture that was admitted last has become so many bytes.
    pub fn charge(&mut self, size: DataSize) {
        self.next += size.time_at(self.bitrate).clamp(SHORTEST, LONGEST) - SHORTEST;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pictures sent in ten seconds of a source with this many a second, each of them of this size.
    fn sent(rate: u64, bytes: u64) -> u32 {
        let mut cadence = Cadence::new(Bitrate::kbps(2_000));
        let mut count = 0;
        for n in 0..10 * rate {
            // Half a millisecond early and late in turn.
            let captured = Time::from_micros(1_000_000 + n * 1_000_000 / rate + n % 2 * 500);
            if cadence.is_due(captured) {
                cadence.admit(captured);
                cadence.charge(DataSize::bytes(bytes));
                count += 1;
            }
        }
        count
    }

    #[test]
    fn a_still_screen_comes_at_fifteen_a_second_and_a_lively_one_at_five() {
        for rate in [15, 30, 60] {
            assert!((145..=151).contains(&sent(rate, 100)), "{} of {rate}", sent(rate, 100));
            assert!((48..=51).contains(&sent(rate, 500_000)), "{} of {rate}", sent(rate, 500_000));
        }
        assert_eq!(sent(10, 100), 100, "a slow source is not thinned out");
    }

    #[test]
    fn between_them_the_bitrate_decides() {
        // 25,000 bytes are 100 ms of 2 Mbit/s.
        let count = sent(60, 25_000);
        assert!((90..=101).contains(&count), "{count}");
    }
}
