//! A way that became longer looks like one with a queue: every packet is later than before. But a queue becomes shorter when less is sent,
//! and a way does not. So where a queue seems to stand for a while, clearly less than what gets through is sent for a moment: if the
//! delay stays, it is the way's, and what is measured as a queue begins anew.
//!
//! Longer queues than [`MOST`] may be somebody else's and are left to the competition (`compete`).

use crate::time::{Duration, Time};

use super::control::Observation;

/// A queue is suspicious when it is longer than aimed at by this, in seconds, and shorter than [`MOST`],
const OVER: f64 = 0.008;
const MOST: Duration = Duration::from_millis(50);
/// for so long.
const WATCHED: Duration = Duration::from_millis(700);
/// One that came all at once, by this in seconds from one report to the next,
const JUMP: f64 = 0.010;
/// and has stayed as it is since, within this, is more so: a queue still grows, or drains, by then.
const FLAT: f64 = 0.004;
const WATCHED_FLAT: Duration = Duration::from_millis(150);
/// The test sends this part of what gets through, for a round trip and so long. Half of that shows, as what stands is the least of a
/// tenth of a second: of a queue of [`MOST`] more than the part that must be gone.
const LESS: f64 = 0.8;
const TESTED: Duration = Duration::from_millis(200);
/// A queue of which less than this part is left was one.
const LEFT: f64 = 0.6;
/// Of what was sent when it began to stand, so much is sent again.
const AGAIN: f64 = 0.95;
/// A queue that was one is not suspected again for so long.
const TRUSTED: Duration = Duration::from_secs(5);

/// What to do.
#[derive(Copy, Clone, PartialEq, Debug)]
pub(super) enum Verdict {
    /// Nothing.
    Nothing,
    /// Go on with this rate, in bit/s, whatever the queue is.
    Go(f64),
    /// The way became longer. Go on with this rate.
    Moved(f64),
}

#[derive(Copy, Clone, Debug)]
struct Test {
    until: Time,
    rate: f64,
    before: f64,
    /// The queue when it began, in seconds.
    stood: f64,
}

/// A queue that may be none.
#[derive(Clone, Debug, Default)]
pub(super) struct Moved {
    /// What was sent, at most, since the queue stands, in bit/s.
    sent: f64,
    /// Since when it is suspicious, and the aim then, in seconds: that grows as less is sent.
    watched: Option<(Time, f64)>,
    /// The last standing queue, in seconds; and since when it is what it became all at once, where it did.
    last: f64,
    jumped: Option<(Time, f64)>,
    test: Option<Test>,
    not_before: Time,
}

impl Moved {
    /// Whether a test runs.
    pub(super) fn tests(&self) -> bool {
        self.test.is_some()
    }

    /// `aim` is in seconds, `rate` is ours and `through` what gets through, both in bit/s; `stands`: a queue does.
    pub(super) fn handle(
        &mut self,
        seen: &Observation,
        stands: bool,
        aim: f64,
        rate: f64,
        through: f64,
    ) -> Verdict {
        let standing = seen.standing.as_secs_f64();
        if let Some(test) = self.test {
            if seen.now < test.until {
                return Verdict::Go(test.rate);
            }
            let sent = std::mem::take(&mut self.sent);
            (self.test, self.watched) = (None, None);
            if standing < test.stood * LEFT {
                self.not_before = seen.now + TRUSTED;
                return Verdict::Go(test.before);
            }
            return Verdict::Moved(sent * AGAIN);
        }
        let by = standing - std::mem::replace(&mut self.last, standing);
        let flat = |(_, level): &(Time, f64)| (standing - level).abs() <= FLAT;
        self.jumped = if by >= JUMP { Some((seen.now, standing)) } else { self.jumped.filter(flat) };
        if !stands {
            (self.sent, self.watched) = (0.0, None);
            return Verdict::Nothing;
        }
        self.sent = self.sent.max(rate.min(seen.used.as_bps() as f64));
        let aim = self.watched.map_or(aim, |(_, then)| then.min(aim));
        if standing < aim + OVER || seen.standing > MOST || seen.now < self.not_before {
            self.watched = None;
            return Verdict::Nothing;
        }
        let (watched, _) = *self.watched.get_or_insert((seen.now, aim));
        let flat = self.jumped.is_some_and(|(at, _)| seen.now.since(at) >= WATCHED_FLAT);
        if !flat && seen.now.since(watched) < WATCHED {
            return Verdict::Nothing;
        }
        let before = rate.min(through);
        let rate = before * LESS;
        self.test = Some(Test { until: seen.now + TESTED + seen.round_trip, rate, before, stood: standing });
        Verdict::Go(rate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::unit::{Bitrate, DataSize};

    const AIM: f64 = 0.012;

    fn seen(ms: u64, standing_ms: u64) -> Observation {
        Observation {
            now: Time::from_millis(ms),
            since: Duration::from_millis(50),
            standing: Duration::from_millis(standing_ms),
            noise: Duration::ZERO,
            longest: Duration::from_millis(standing_ms),
            steady: None,
            sudden: None,
            delivered: DataSize::bytes(10_000),
            packets: 10,
            marked: 0,
            lost: 0,
            round_trip: Duration::from_millis(50),
            used: Bitrate::kbps(2_000),
            padded: false,
        }
    }

    /// A report every 50 ms of a path that shows this queue when so much is sent: what was said to do but nothing, and when.
    fn run(queue_ms: impl Fn(u64, f64) -> u64) -> Vec<(u64, Verdict)> {
        let (mut moved, mut rate) = (Moved::default(), 2e6);
        let mut said = Vec::new();
        for ms in (0..3000).step_by(50) {
            let seen = seen(ms, queue_ms(ms, rate));
            let verdict = moved.handle(&seen, !seen.standing.is_zero(), AIM, rate, rate);
            if let Verdict::Go(to) | Verdict::Moved(to) = verdict {
                rate = to;
                said.push((ms, verdict));
            }
            if let Verdict::Moved(_) = verdict {
                break;
            }
        }
        said
    }

    #[test]
    fn a_delay_that_stays_though_less_is_sent_is_the_ways() {
        let said = run(|ms, _| if ms < 500 { 0 } else { 25 });
        let (at, verdict) = *said.last().unwrap();
        assert_eq!((at, verdict), (500 + 150 + 250, Verdict::Moved(2e6 * AGAIN)));
        assert!(said[..said.len() - 1].iter().all(|(_, verdict)| *verdict == Verdict::Go(2e6 * LESS)));
    }

    #[test]
    fn a_queue_that_drains_is_a_queue_and_trusted_for_a_while() {
        let said = run(|ms, rate| if ms >= 500 && rate > 1.7e6 { 25 } else { 2 });
        assert_eq!(said.first(), Some(&(650, Verdict::Go(2e6 * LESS))));
        assert_eq!(said.last(), Some(&(900, Verdict::Go(2e6))), "and no second test");
    }

    #[test]
    fn what_came_little_by_little_or_changes_is_watched_for_longer() {
        // 30 ms within half a second; and 25 ms at once, which go up and down since.
        let slowly = run(|ms, _| if ms < 500 { 0 } else { (5 * (ms - 450) / 50).min(30) });
        let unsteady = run(|ms, _| if ms < 500 { 0 } else { 25 + 6 * (ms / 50 % 2) });
        for said in [slowly, unsteady] {
            assert!((1200..1500).contains(&said[0].0), "{said:?}");
            assert!(matches!(said.last(), Some((_, Verdict::Moved(_)))), "{said:?}");
        }
    }

    #[test]
    fn short_and_long_queues_are_left_alone() {
        assert_eq!(run(|_, _| 18), []);
        assert_eq!(run(|_, _| 51), []);
    }
}
