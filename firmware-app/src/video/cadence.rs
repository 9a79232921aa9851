//! How often pictures are sent: a camera's 30 times a second. A presentation's are each as sharp as the first; where the
//! bitrate does not carry fifteen of them a second, fewer are sent, down to five.
//!
//! Pure: a leaky bucket in virtual time. A still screen costs next to nothing and comes at the full rate, so what moves
//! on it moves at once.

use vestibule_common::time::{Duration, Time};
use vestibule_common::unit::{Bitrate, DataSize};

use super::kind::PictureKind;

/// Between two pictures of a presentation at most: 5 a second, whatever they cost.
const LONGEST: Duration = Duration::from_millis(200);
/// A camera with no more pictures a second than this is not thinned out, whatever its jitter.
const CAMERA_AS_IT_IS: u32 = 36;
/// A source's pictures come with a little jitter; one that is early by this much is not left for the next.
const SLACK: Duration = Duration::from_millis(8);

/// Which pictures of a source are sent.
#[derive(Clone, Debug)]
pub struct Cadence {
    kind: PictureKind,
    bitrate: Bitrate,
    /// Pictures captured before this are left out.
    next: Time,
}

impl Cadence {
    /// Of a presentation at most this much in the long run, as long as five pictures a second take no more.
    pub fn new(kind: PictureKind, bitrate: Bitrate) -> Cadence {
        Cadence { kind, bitrate, next: Time::ZERO }
    }

    /// From now on at most this much in the long run.
    pub fn set_bitrate(&mut self, bitrate: Bitrate) {
        self.bitrate = bitrate;
    }

    /// Whether the picture captured at this moment, by a source with so many a second, is to be encoded.
    pub fn is_due(&self, captured: Time, rate: u32) -> bool {
        let as_it_is = self.kind == PictureKind::Camera && rate <= CAMERA_AS_IT_IS;
        as_it_is || captured + SLACK >= self.next
    }

    /// The picture captured at this moment is encoded.
    pub fn admit(&mut self, captured: Time) {
        self.next = self.next.max(captured) + self.shortest();
    }

    /// The picture that was admitted last has become so many bytes. A camera's encoder keeps to its bitrate by itself.
    pub fn charge(&mut self, size: DataSize) {
        if self.kind == PictureKind::Presentation {
            let shortest = self.shortest();
            self.next += size.time_at(self.bitrate).clamp(shortest, LONGEST) - shortest;
        }
    }

    /// Between two pictures at least.
    fn shortest(&self) -> Duration {
        Duration::from_secs(1) / self.kind.max_rate()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use PictureKind::{Camera, Presentation};

    /// Pictures sent in ten seconds of a source with this many a second, each of them of this size.
    fn sent(kind: PictureKind, rate: u64, bytes: u64) -> u32 {
        let mut cadence = Cadence::new(kind, Bitrate::kbps(2_000));
        let mut count = 0;
        for n in 0..10 * rate {
            // Half a millisecond early and late in turn.
            let captured = Time::from_micros(1_000_000 + n * 1_000_000 / rate + n % 2 * 500);
            if cadence.is_due(captured, rate as u32) {
                cadence.admit(captured);
                cadence.charge(DataSize::bytes(bytes));
                count += 1;
            }
        }
        count
    }

    #[test]
    fn a_still_screen_comes_at_fifteen_a_second_and_a_lively_one_at_five() {
        let sent = |rate, bytes| sent(Presentation, rate, bytes);
        for rate in [15, 30, 60] {
            assert!((145..=151).contains(&sent(rate, 100)), "{} of {rate}", sent(rate, 100));
            assert!((48..=51).contains(&sent(rate, 500_000)), "{} of {rate}", sent(rate, 500_000));
        }
        assert_eq!(sent(10, 100), 100, "a slow source is not thinned out");
    }

    #[test]
    fn a_camera_comes_at_thirty_a_second_however_fast_it_is() {
        for rate in [50, 60, 120] {
            assert!((250..=301).contains(&sent(Camera, rate, 100_000)), "{}", sent(Camera, rate, 100_000));
        }
        for rate in [15, 25, 30] {
            assert_eq!(u64::from(sent(Camera, rate, 100_000)), 10 * rate);
        }
    }

    #[test]
    fn between_them_the_bitrate_decides() {
        // 25,000 bytes are 100 ms of 2 Mbit/s.
        let count = sent(Presentation, 60, 25_000);
        assert!((90..=101).contains(&count), "{count}");
    }
}
