//! What one member may have passed on or answered. Pictures and files are bounded by each receiver's budget; all else goes past it,
//! so that a member's flood would fill the others' ways down.
//!
//! Every bound leaves a kiosk room to spare over the most that it ever sends. What is above it is dropped and counted; nobody else loses
//! by it.

use vestibule_common::media::{Pacer, Permit};
use vestibule_common::time::{Duration, Time};
use vestibule_common::unit::{Bitrate, DataSize};
use vestibule_common::wire::Kind;

use crate::rate::{Bucket, Rate};

/// Packets of sound: so many a second, and at once. A kiosk sends 100 a second, of plain and of coded sound each.
const SOUND: (u32, u32) = (250, 64);
/// What they take at IP level: plain sound is 840 kbit/s, coded sound with everything repeated three times 230.
const SOUND_RATE: Bitrate = Bitrate::kbps(1250);
const SOUND_BURST: DataSize = DataSize::bytes(64 * 1024);
/// Requests for missing pieces, each of which a kiosk has answered or passed on within 150 pieces a second anyway.
const NACKS: (u32, u32) = (200, 64);
/// Acknowledgements of files, which are cumulative.
const FILE_ACKS: (u32, u32) = (200, 64);
/// Time requests and path challenges; a kiosk sends one a second.
const QUESTIONS: (u32, u32) = (10, 20);
/// Requests for keyframes; a kiosk sends four a second for each stream that it waits for.
const KEYFRAMES: (u32, u32) = (100, 64);
/// What is shown; a kiosk tells it twice a second and when it changes.
const VIEWS: (u32, u32) = (20, 20);
/// Reports on what came; a kiosk sends twenty a second.
const REPORTS: (u32, u32) = (100, 50);

/// What one session has used of its bounds.
pub(super) struct Allowances {
    sound: Allowance,
    sound_bytes: Pacer,
    nacks: Allowance,
    file_acks: Allowance,
    questions: Allowance,
    keyframes: Allowance,
    views: Allowance,
    reports: Allowance,
}

impl Allowances {
    pub(super) fn new() -> Allowances {
        Allowances {
            sound: Allowance::new(SOUND),
            sound_bytes: Pacer::new(SOUND_RATE, SOUND_BURST, Time::ZERO),
            nacks: Allowance::new(NACKS),
            file_acks: Allowance::new(FILE_ACKS),
            questions: Allowance::new(QUESTIONS),
            keyframes: Allowance::new(KEYFRAMES),
            views: Allowance::new(VIEWS),
            reports: Allowance::new(REPORTS),
        }
    }

    /// Whether a packet on the stream of sound, of this size at IP level, is passed on.
    pub(super) fn takes_sound(&mut self, size: DataSize, now: Time) -> bool {
        self.sound.take(now) && self.sound_bytes.poll(size, now) == Permit::Now
    }

    /// Whether a body of this kind is looked at. Media and files are not bounded here.
    pub(super) fn takes(&mut self, kind: Kind, now: Time) -> bool {
        let allowance = match kind {
            Kind::Nack => &mut self.nacks,
            Kind::FileAck => &mut self.file_acks,
            Kind::TimeRequest | Kind::PathChallenge => &mut self.questions,
            Kind::KeyframeRequest => &mut self.keyframes,
            Kind::View => &mut self.views,
            Kind::Feedback => &mut self.reports,
            Kind::Audio | Kind::Video | Kind::Presentation | Kind::Retransmission | Kind::Repair => {
                return true;
            }
            // Ends here, but for files.
            Kind::File | Kind::Probe | Kind::PathResponse | Kind::TimeAnswer | Kind::Demand => return true,
        };
        allowance.take(now)
    }
}

struct Allowance {
    rate: Rate,
    bucket: Bucket,
}

impl Allowance {
    fn new((a_second, at_once): (u32, u32)) -> Allowance {
        Allowance { rate: Rate::new(a_second, Duration::from_secs(1), at_once), bucket: Bucket::default() }
    }

    fn take(&mut self, now: Time) -> bool {
        self.bucket.try_take(&self.rate, now).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many of `count` in each millisecond are taken in ten seconds.
    fn taken(count: u32, mut take: impl FnMut(&mut Allowances, Time) -> bool) -> u32 {
        let mut allowances = Allowances::new();
        let moments = (0..10_000).flat_map(|ms| (0..count).map(move |_| Time::from_millis(ms)));
        moments.filter(|now| take(&mut allowances, *now)).count() as u32
    }

    #[test]
    fn what_a_kiosk_sends_is_taken_and_a_flood_is_not() {
        let plain = DataSize::bytes(1050);
        let mut allowances = Allowances::new();
        for period in 0..6000 {
            let now = Time::from_millis(1000 + period * 10);
            assert!(allowances.takes_sound(plain, now), "plain sound, period {period}");
            assert!(allowances.takes_sound(DataSize::bytes(280), now), "coded sound beside it");
            assert!(period % 5 != 0 || allowances.takes(Kind::Feedback, now));
            assert!(period % 50 != 0 || allowances.takes(Kind::View, now));
            assert!(period % 100 != 0 || allowances.takes(Kind::TimeRequest, now));
        }
        let small = taken(10, |allowances, now| allowances.takes_sound(DataSize::bytes(60), now));
        assert!((2500..2570).contains(&small), "{small}");
        let large = taken(10, |allowances, now| allowances.takes_sound(DataSize::bytes(1228), now));
        assert!((1270..1330).contains(&large), "{large} of 1,228 bytes are 1.25 Mbit/s and a burst");
        for (kind, most) in [
            (Kind::Nack, 2064),
            (Kind::FileAck, 2064),
            (Kind::TimeRequest, 120),
            (Kind::PathChallenge, 120),
            (Kind::KeyframeRequest, 1064),
            (Kind::View, 220),
            (Kind::Feedback, 1050),
        ] {
            let count = taken(3, |allowances, now| allowances.takes(kind, now));
            assert!((most - 1..=most).contains(&count), "{kind:?}: {count}");
        }
    }
}
