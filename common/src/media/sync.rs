//! Clocks of other machines: how far off the relay's is, and when a sender's picture belongs to its sound.
//!
//! Neither corrects a clock: both only say by how much, and how sure that is.

use heapless::Deque;

use crate::time::{Duration, Time};
use crate::wire::TimeAnswer;

/// What is known of the other end's clock.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct ClockEstimate {
    /// The other end's clock minus ours, in microseconds.
    pub offset_us: i64,
    /// The true offset lies within this of `offset_us`.
    pub error: Duration,
    /// The shortest round trip of the last 16 seconds, without the time that the answer took over there.
    pub rtt: Duration,
}

impl ClockEstimate {
    /// A moment of our clock, on the other end's.
    pub fn to_remote(&self, local: Time) -> Time {
        Time::from_micros(local.as_micros().saturating_add_signed(self.offset_us))
    }

    /// A moment of the other end's clock, on ours.
    pub fn to_local(&self, remote: Time) -> Time {
        Time::from_micros(remote.as_micros().saturating_add_signed(self.offset_us.saturating_neg()))
    }
}

/// Estimates the other end's clock from requests and answers (the four timestamps of RFC 5905, section 8).
///
/// The exchange with the shortest round trip waited least in queues, so it has the smallest error.
#[derive(Clone, Debug, Default)]
pub struct ClockOffset {
    samples: Deque<Sample, 32>,
}

#[derive(Copy, Clone, Debug)]
struct Sample {
    at: Time,
    offset_us: i64,
    rtt: Duration,
}

const WINDOW: Duration = Duration::from_secs(16);
/// Two crystals drift apart by at most this many microseconds a second.
const DRIFT_PPM: u32 = 100;

impl ClockOffset {
    /// Nothing known yet.
    pub fn new() -> ClockOffset {
        ClockOffset::default()
    }

    /// Takes an answer that came at `now`. `false` if it can't be one to a request of the last 16 seconds.
    pub fn handle_answer(&mut self, answer: &TimeAnswer, now: Time) -> bool {
        let TimeAnswer { sent, received, answered } = *answer;
        let round = now.since(sent);
        let there = answered.since(received);
        if sent > now || round > WINDOW || answered < received || there > round {
            return false;
        }
        let outward = i128::from(received.as_micros()) - i128::from(sent.as_micros());
        let inward = i128::from(answered.as_micros()) - i128::from(now.as_micros());
        let Ok(offset_us) = i64::try_from((outward + inward) / 2) else { return false };
        if self.samples.is_full() {
            self.samples.pop_front();
        }
        // There is room: a full queue has just lost its first.
        let _ = self.samples.push_back(Sample { at: now, offset_us, rtt: round - there });
        while self.samples.len() > 1 && self.samples.front().is_some_and(|old| now.since(old.at) > WINDOW) {
            self.samples.pop_front();
        }
        true
    }

    /// The best estimate; its error is half the round trip, and grows with the age of the exchange.
    pub fn estimate(&self, now: Time) -> Option<ClockEstimate> {
        let best = self.samples.iter().min_by_key(|sample| error(sample, now))?;
        let rtt = self.samples.iter().map(|sample| sample.rtt).min()?;
        Some(ClockEstimate { offset_us: best.offset_us, error: error(best, now), rtt })
    }
}

fn error(sample: &Sample, now: Time) -> Duration {
    let drift_us = now.since(sample.at).as_micros() * u128::from(DRIFT_PPM) / 1_000_000;
    // Half a microsecond is lost in halving.
    sample.rtt / 2 + Duration::from_micros(u64::try_from(drift_us).unwrap_or(u64::MAX) + 1)
}

/// Lip sync of one sender: how long to hold a picture so that it is seen when its sound is heard.
///
/// Sound is never delayed for pictures: people bear a late picture better than a late answer. Pictures that are early
/// by more than [`LipSync::TOLERANCE`] are held, by at most [`LipSync::LONGEST_HOLD`]. Both delays contain the unknown distance between
/// the sender's clock and ours, which is the same for both and drops out.
#[derive(Clone, Debug)]
pub struct LipSync {
    /// From presenting a picture to its light, as far as known.
    display: Duration,
    sound: Option<Delay>,
    picture: Option<Delay>,
    holding: bool,
}

/// A smoothed capture-to-output delay in microseconds, with the unknown clock distance in it.
#[derive(Copy, Clone, Debug)]
struct Delay {
    us: f64,
    updated: Time,
}

impl LipSync {
    /// Pictures are never held longer.
    pub const LONGEST_HOLD: Duration = Duration::from_millis(200);
    /// Holding begins when pictures are this early, and ends when they are half as early. Nobody notices sound that is
    /// up to 45 ms late (ITU-R BT.1359-1, the threshold of detectability is 125 ms), and a picture held is a picture late.
    pub const TOLERANCE: Duration = Duration::from_millis(45);

    /// `display` is what passes between presenting a picture and its light: one refresh, or zero if unknown.
    pub fn new(display: Duration) -> LipSync {
        LipSync { display, sound: None, picture: None, holding: false }
    }

    /// A frame of sound captured at `captured` (sender's clock) is heard at `heard` (our clock, the speaker's delay
    /// included).
    pub fn handle_sound(&mut self, captured: Time, heard: Time) {
        smooth(&mut self.sound, delay_us(captured, heard), heard);
    }

    /// A picture captured at `captured` (sender's clock) could be presented at `ready` (our clock). Returns how long
    /// to hold it; zero when the sound is unknown, silent for two seconds, or later than the longest hold.
    pub fn handle_picture(&mut self, captured: Time, ready: Time) -> Duration {
        let seen = delay_us(captured, ready + self.display);
        smooth(&mut self.picture, seen, ready);
        let Some(skew_us) = self.skew_us(ready) else {
            self.holding = false;
            return Duration::ZERO;
        };
        let early_us = -skew_us;
        let tolerance = Self::TOLERANCE.as_micros() as f64;
        self.holding = early_us > if self.holding { tolerance / 2.0 } else { tolerance };
        let longest = Self::LONGEST_HOLD.as_micros() as f64;
        if !self.holding || early_us > 5.0 * longest {
            return Duration::ZERO;
        }
        // Each picture is held until its own sound, so that its jitter on the way is not seen either.
        let hold = self.sound.map_or(0.0, |sound| sound.us - seen);
        Duration::from_micros(hold.clamp(0.0, longest) as u64)
    }

    /// How much later pictures would be seen than their sound is heard, without holding them, in microseconds;
    /// negative when they are early. `None` while either is unknown or older than two seconds.
    pub fn skew_us(&self, now: Time) -> Option<f64> {
        let fresh = |delay: &Delay| now.since(delay.updated) <= STALE;
        let sound = self.sound.filter(fresh)?;
        let picture = self.picture.filter(fresh)?;
        Some(picture.us - sound.us)
    }
}

const STALE: Duration = Duration::from_secs(2);
/// A step this large is a new clock or a new route, not jitter.
const STEP_US: f64 = 300_000.0;

fn delay_us(captured: Time, out: Time) -> f64 {
    out.as_micros() as f64 - captured.as_micros() as f64
}

fn smooth(delay: &mut Option<Delay>, us: f64, now: Time) {
    match delay {
        Some(delay) if now.since(delay.updated) <= STALE && (us - delay.us).abs() < STEP_US => {
            delay.us += (us - delay.us) / 16.0;
            delay.updated = delay.updated.max(now);
        }
        Some(_) | None => *delay = Some(Delay { us, updated: now }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::testing::Rng;
    use proptest::prelude::*;

    const MS: fn(u64) -> Time = Time::from_millis;

    /// An exchange over a path with these delays, with a clock that is `offset` ahead; returns answer and arrival.
    fn exchange(at: u64, offset: i64, out: u64, back: u64) -> (TimeAnswer, Time) {
        let received = (at + out).saturating_add_signed(offset);
        let answered = received + 50;
        let answer = TimeAnswer {
            sent: Time::from_micros(at),
            received: Time::from_micros(received),
            answered: Time::from_micros(answered),
        };
        (answer, Time::from_micros(at + out + 50 + back))
    }

    #[test]
    fn the_truth_lies_within_the_error_and_the_shortest_round_trip_wins() {
        for seed in 0..50 {
            let mut rng = Rng(seed);
            let mut clock = ClockOffset::new();
            let offset = rng.below(2_000_000_000) as i64 - 1_000_000_000;
            let start = 2_000_000_000;
            for second in 0..60u64 {
                let at = start + second * 1_000_000;
                let (answer, now) = exchange(at, offset, 200 + rng.below(30_000), 200 + rng.below(30_000));
                assert!(clock.handle_answer(&answer, now));
                let estimate = clock.estimate(now).unwrap();
                let wrong = (estimate.offset_us - offset).unsigned_abs();
                assert!(u128::from(wrong) <= estimate.error.as_micros(), "{wrong} {estimate:?}");
            }
            let now = Time::from_micros(start + 60_000_000);
            assert!(clock.estimate(now).unwrap().error < Duration::from_millis(13));
            assert!(clock.samples.len() <= 17);
        }
    }

    #[test]
    fn estimates_age_and_convert() {
        let mut clock = ClockOffset::new();
        assert_eq!(clock.estimate(MS(0)), None);
        let (answer, now) = exchange(1_000_000, 5_000_000, 300, 100);
        assert!(clock.handle_answer(&answer, now));
        let estimate = clock.estimate(now).unwrap();
        assert_eq!((estimate.offset_us, estimate.rtt.as_micros()), (5_000_100, 400));
        assert_eq!(estimate.to_local(estimate.to_remote(MS(70))), MS(70));
        let later = clock.estimate(now + Duration::from_secs(100)).unwrap();
        assert_eq!(later.error - estimate.error, Duration::from_millis(10));
    }

    #[test]
    fn answers_that_cannot_be_are_refused() {
        let mut clock = ClockOffset::new();
        let answer = |sent, received, answered| TimeAnswer {
            sent: MS(sent),
            received: MS(received),
            answered: MS(answered),
        };
        assert!(!clock.handle_answer(&answer(100, 5, 5), MS(99)), "from the future");
        assert!(!clock.handle_answer(&answer(0, 5, 5), MS(17_000)), "too old");
        assert!(!clock.handle_answer(&answer(0, 6, 5), MS(9)), "backwards over there");
        assert!(!clock.handle_answer(&answer(0, 0, 10), MS(9)), "longer over there than here");
        assert_eq!(clock.estimate(MS(0)), None);
    }

    proptest! {
        #[test]
        fn any_answer_is_survived(answers in prop::collection::vec(any::<[u64; 4]>(), 0..50)) {
            let mut clock = ClockOffset::new();
            for [sent, received, answered, now] in answers {
                let [sent, received, answered, now] = [sent, received, answered, now].map(Time::from_micros);
                clock.handle_answer(&TimeAnswer { sent, received, answered }, now);
                if let Some(estimate) = clock.estimate(now) {
                    estimate.to_local(estimate.to_remote(now));
                }
            }
        }

        #[test]
        fn any_times_hold_a_bounded_while(times in prop::collection::vec(any::<(bool, u64, u64)>(), 0..50)) {
            let mut lips = LipSync::new(Duration::from_millis(16));
            for (sound, captured, now) in times {
                let (captured, now) = (Time::from_micros(captured), Time::from_micros(now));
                if sound {
                    lips.handle_sound(captured, now);
                } else {
                    prop_assert!(lips.handle_picture(captured, now) <= LipSync::LONGEST_HOLD);
                }
            }
        }
    }

    /// Feeds two seconds of a sender whose clock is ten minutes ahead; returns the last picture's skew in ms.
    fn run(lips: &mut LipSync, sound_ms: u64, picture_ms: u64, jitter_ms: u64) -> Vec<i64> {
        const AHEAD: Duration = Duration::from_secs(600);
        let mut rng = Rng(9);
        let mut skews = Vec::new();
        for at in 1000..3000 {
            if at % 10 == 0 {
                lips.handle_sound(MS(at) + AHEAD, MS(at + sound_ms));
            }
            if at % 33 == 0 {
                let ready = at + picture_ms + rng.below(jitter_ms + 1);
                let hold = lips.handle_picture(MS(at) + AHEAD, MS(ready)).as_millis() as u64;
                skews.push((ready + hold) as i64 - (at + sound_ms) as i64);
            }
        }
        skews.split_off(skews.len() - 20)
    }

    #[test]
    fn early_pictures_are_held_until_their_sound() {
        let skews = run(&mut LipSync::new(Duration::ZERO), 130, 30, 20);
        assert!(skews.iter().all(|skew| (-2..=2).contains(skew)), "{skews:?}");
        // A screen that takes 16 ms is shown to that much earlier.
        let skews = run(&mut LipSync::new(Duration::from_millis(16)), 130, 30, 0);
        assert!(skews.iter().all(|skew| (-18..=-14).contains(skew)), "{skews:?}");
    }

    #[test]
    fn late_and_slightly_early_pictures_are_shown_at_once() {
        assert!(run(&mut LipSync::new(Duration::ZERO), 40, 60, 0).iter().all(|skew| *skew == 20));
        assert!(run(&mut LipSync::new(Duration::ZERO), 40, 32, 0).iter().all(|skew| *skew == -8));
        // Two seconds without sound: nothing to wait for.
        let mut lips = LipSync::new(Duration::ZERO);
        run(&mut lips, 90, 30, 0);
        assert_eq!(lips.handle_picture(MS(605_200), MS(5230)), Duration::ZERO);
    }
}
