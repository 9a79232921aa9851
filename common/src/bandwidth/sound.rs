//! Which layer of sound a path is given: plain samples where they fit beside the pictures and arrive, coded sound otherwise, with as
//! much of it repeated as the losses ask for. Decided by the relay for each way down, and by a kiosk for its way up.

use crate::media::voice::{PCM_RATE, coded_rate};
use crate::time::{Duration, Time};
use crate::unit::Bitrate;

/// Losses are counted over so long,
const WINDOW: Duration = Duration::from_millis(1_000);
/// and of so many packets at least.
const COUNTED: u64 = 40;
/// A new window counts for so much.
const NEW: f64 = 0.4;
/// Plain samples are not worth it where more than this share is lost,
const LOSSY: f64 = 0.015;
/// and are again where it is less than this.
const WHOLE: f64 = 0.004;
/// From these shares on, one, two and three earlier frames are repeated.
const REPEATED: [f64; 3] = [0.01, 0.03, 0.12];
/// The path has to carry too little for so long before it changes; where not even the sounds fit, nothing is waited for.
const SCARCE: Duration = Duration::from_millis(500);
/// It has to be good for so long before plain samples come back; and before they come at all, on a path whose estimate still grows.
const GOOD: Duration = Duration::from_secs(5);
const GOOD_AT_FIRST: Duration = Duration::from_secs(1);
/// And carry this much more than they need with the pictures, in hundredths.
const AMPLE: u64 = 103;
/// A path is not judged by what it carries before so long has passed.
const GRACE: Duration = Duration::from_secs(3);
/// Below this for each sound, frames are long; above the second they are short again.
const LONG: [Bitrate; 2] = [Bitrate::kbps(400), Bitrate::kbps(550)];

/// What a path is like, as its sender sees it.
#[derive(Copy, Clone, Debug)]
pub struct SoundNeeds {
    /// What it is thought to carry, at IP level.
    pub estimate: Bitrate,
    /// Packets that are known to have arrived, and not to, since it began.
    pub fates: (u64, u64),
    /// How many sounds it is to carry.
    pub sounds: usize,
    /// What its pictures could use.
    pub pictures: Bitrate,
}

/// The decision for one path.
#[derive(Clone, Debug, Default)]
pub struct SoundChoice {
    coded: bool,
    long: bool,
    /// It was good before.
    proven: bool,
    began: Option<Time>,
    scarce: Option<Time>,
    good: Option<Time>,
    /// When the window of losses began, and what was known then.
    counted: Option<(Time, (u64, u64))>,
    loss: f64,
    repeats: u8,
}

impl SoundChoice {
    /// Takes what is known now. To be called a few times a second.
    pub fn handle(&mut self, needs: SoundNeeds, now: Time) {
        let began = *self.began.get_or_insert(now);
        self.count(needs.fates, now);
        let sounds = needs.sounds.max(1) as u64;
        let plain = PCM_RATE.as_bps() * sounds;
        let needed = plain + needs.pictures.as_bps();
        let estimate = needs.estimate.as_bps();
        let judged = now.since(began) >= GRACE || estimate < plain;
        let (holds, ample) = (!judged || estimate >= needed, estimate >= needed * AMPLE / 100);
        let since = |since: &mut Option<Time>, is: bool| {
            *since = is.then_some(since.unwrap_or(now));
            since.map(|since| now.since(since))
        };
        let scarce = since(&mut self.scarce, !holds);
        let good = since(&mut self.good, ample && self.loss < WHOLE);
        if self.coded {
            let wait = if self.proven { GOOD } else { GOOD_AT_FIRST };
            self.coded = good.is_none_or(|good| good < wait);
        } else {
            let short = scarce.is_some_and(|scarce| scarce >= SCARCE || estimate < plain);
            self.coded = short || self.loss > LOSSY;
        }
        // A path whose estimate never got so far has not been too narrow yet.
        self.proven |= good.is_some_and(|good| good >= GOOD_AT_FIRST);
        self.long = estimate < LONG[usize::from(self.long)].as_bps() * sounds;
        // Repeats go down later than they go up.
        let repeats = |loss: f64| REPEATED.iter().filter(|least| loss >= **least).count() as u8;
        self.repeats = repeats(self.loss).max(self.repeats.min(repeats(self.loss * 2.0)));
    }

    /// Plain samples are not for this path.
    pub fn is_coded(&self) -> bool {
        self.coded
    }

    /// How many earlier frames a packet of coded sound should repeat.
    pub fn repeats(&self) -> u8 {
        self.repeats
    }

    /// What coded sound may take, at IP level: enough for frames of one period, or of two where the path is narrow.
    pub fn coded_cap(&self) -> Bitrate {
        coded_rate(self.repeats, if self.long { 2 } else { 1 })
    }

    /// The share of packets that is lost, smoothed.
    pub fn loss(&self) -> f64 {
        self.loss
    }

    fn count(&mut self, fates: (u64, u64), now: Time) {
        let (at, before) = *self.counted.get_or_insert((now, fates));
        let (came, lost) = (fates.0.saturating_sub(before.0), fates.1.saturating_sub(before.1));
        if now.since(at) < WINDOW || came + lost < COUNTED {
            return;
        }
        let share = lost as f64 / (came + lost) as f64;
        self.loss += (share - self.loss) * NEW;
        self.counted = Some((now, fates));
    }
}

/// The periods of a frame of coded sound that may take `cap` with so many repeats: 1, or 2 where that is too little. Whole
/// kbit/s are compared: a Demand tells no more of a cap.
pub fn periods_for(cap: Bitrate, repeats: u8) -> u8 {
    let kbps = |rate: Bitrate| rate.as_bps() / 1000;
    if kbps(cap) >= kbps(coded_rate(repeats, 1)) { 1 } else { 2 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One path of one sound and pictures of 1,700 kbit/s, 50 packets a 100 ms, for so many seconds; when it was coded, in
    /// tenths of a second.
    struct Path(SoundChoice, u64, (u64, u64));

    impl Path {
        fn new() -> Path {
            Path(SoundChoice::default(), 0, (0, 0))
        }

        fn run(&mut self, seconds: u64, kbps: u64, lost_of_50: u64) -> u64 {
            let mut coded = 0;
            for _ in 0..seconds * 10 {
                self.1 += 1;
                self.2 = (self.2.0 + 50 - lost_of_50, self.2.1 + lost_of_50);
                let needs = SoundNeeds {
                    estimate: Bitrate::kbps(kbps),
                    fates: self.2,
                    sounds: 1,
                    pictures: Bitrate::kbps(1_700),
                };
                self.0.handle(needs, Time::from_millis(self.1 * 100));
                coded += u64::from(self.0.is_coded());
            }
            coded
        }
    }

    #[test]
    fn plain_samples_go_where_they_fit_beside_the_pictures() {
        assert_eq!(Path::new().run(20, 2_700, 0), 0);
        let mut narrow = Path::new();
        assert_eq!(narrow.run(3, 2_000, 0), 0, "it may still grow");
        assert!(narrow.run(10, 2_000, 0) >= 93);
        let mut grows = Path::new();
        assert_eq!(grows.run(1, 700, 0), 10, "not even the sound fits");
        assert_eq!(grows.run(10, 3_000, 0), 10, "now it does");
        let mut idle = Path::new();
        idle.run(30, 1_200, 0);
        assert_eq!(idle.run(10, 3_000, 0), 10, "once there is something to send");
    }

    #[test]
    fn they_come_back_once_it_is_good_for_long_and_a_dip_changes_nothing() {
        let mut path = Path::new();
        path.run(10, 3_000, 0);
        for _ in 0..10 {
            path.1 += 3;
            assert_eq!(path.run(1, 3_000, 0), 0);
            let needs = SoundNeeds {
                estimate: Bitrate::kbps(2_000),
                fates: path.2,
                sounds: 1,
                pictures: Bitrate::kbps(1_700),
            };
            path.0.handle(needs, Time::from_millis(path.1 * 100));
            assert!(!path.0.is_coded());
        }
        path.run(2, 1_000, 0);
        assert_eq!(path.run(30, 2_580, 0), 300, "that is not ample");
        assert!((48..=51).contains(&path.run(10, 2_700, 0)));
    }

    #[test]
    fn where_packets_are_lost_sound_is_coded_and_repeated_as_often_as_that_takes() {
        let repeats = |lost| {
            let mut path = Path::new();
            path.run(10, 5_000, lost);
            (path.0.is_coded(), path.0.repeats())
        };
        assert_eq!([0, 1, 2, 5, 10].map(repeats), [(false, 0), (true, 1), (true, 2), (true, 2), (true, 3)]);
        let mut path = Path::new();
        path.run(10, 5_000, 10);
        path.run(30, 5_000, 0);
        assert_eq!((path.0.is_coded(), path.0.repeats()), (false, 0));
    }

    #[test]
    fn a_narrow_path_has_long_frames() {
        let cap = |kbps| {
            let mut path = Path::new();
            path.run(5, kbps, 0);
            path.0.coded_cap()
        };
        assert_eq!([cap(300), cap(1_000)], [coded_rate(0, 2), coded_rate(0, 1)]);
        assert_eq!([cap(300), cap(1_000)].map(|cap| periods_for(cap, 0)), [2, 1]);
    }
}
