//! Losses without a queue: is it us? A shallow queue and a policer lose what is too much; a bad radio loses its share of
//! whatever is sent. The difference shows when less is sent: the first stop losing, the other does not. So that is tried.

use crate::time::{Duration, Time};

use super::control::Observation;

/// Losses are looked at in windows of at least so long
const WINDOW: Duration = Duration::from_millis(1000);
/// and so many packets.
const PACKETS: u32 = 60;
/// More than the path's own losses by this, and by twice the standard deviation of chance, is suspicious.
const SUSPICIOUS: f64 = 0.03;
/// The test sends less by the lost share and by this, at least and at most.
const CUT: (f64, f64) = (0.10, 0.40);
/// So long after a queue losses are still due to it.
const SETTLED: Duration = Duration::from_millis(1000);
/// What is lost anyway is forgotten by this part each window, so that a path that became worse is tested anew.
const FORGET: f64 = 0.98;

/// What to do about the losses.
#[derive(Copy, Clone, PartialEq, Debug)]
pub(super) enum Verdict {
    /// Nothing.
    Nothing,
    /// Go on with this rate, in bit/s.
    Go(f64),
}

/// A test that is running.
#[derive(Copy, Clone, Debug)]
struct Test {
    /// The rate before it, in bit/s.
    rate: f64,
    /// The share that was lost then.
    lost: f64,
    /// What was sent before this is not of it.
    from: Time,
}

/// The losses of one link.
#[derive(Clone, Debug, Default)]
pub(super) struct LossTest {
    since: Option<Time>,
    packets: u32,
    lost: u32,
    /// The share that is lost whatever we do.
    own: f64,
    test: Option<Test>,
    /// Our losses stopped when we sent less: no growth before this.
    rests_until: Option<Time>,
    /// A queue or a silence was there: what was lost until then is explained.
    not_before: Time,
    now: Time,
}

impl LossTest {
    /// Whether the rate may not grow.
    pub(super) fn holds(&self) -> bool {
        self.test.is_some() || self.rests_until.is_some_and(|until| self.now < until)
    }

    /// The share that is lost whatever we do, 0 to 1.
    pub(super) fn own(&self) -> f64 {
        self.own
    }

    /// Nothing was reported for long: what was lost meanwhile says nothing.
    pub(super) fn handle_silence(&mut self, now: Time) {
        (self.since, self.test) = (None, None);
        self.not_before = now + SETTLED;
    }

    /// `rate` is ours, in bit/s.
    pub(super) fn handle(&mut self, seen: &Observation, no_queue: bool, rate: f64) -> Verdict {
        self.now = seen.now;
        if !no_queue {
            // What is lost at a full queue is answered by its delay, and told later than that.
            (self.since, self.test) = (None, None);
            self.not_before = seen.now + SETTLED;
        }
        if seen.now < self.not_before {
            return Verdict::Nothing;
        }
        if self.test.is_some_and(|test| seen.now < test.from) {
            self.since = None;
            return Verdict::Nothing;
        }
        let since = *self.since.get_or_insert_with(|| {
            (self.packets, self.lost) = (0, 0);
            seen.now
        });
        self.packets += seen.packets + seen.lost;
        self.lost += seen.lost;
        if seen.now.since(since) < WINDOW || self.packets < PACKETS {
            return Verdict::Nothing;
        }
        self.since = None;
        let packets = f64::from(self.packets);
        let lost = f64::from(self.lost) / packets;
        match self.test.take() {
            None => {
                let chance = (self.own.max(0.01) * (1.0 - self.own) / packets).sqrt();
                if lost <= self.own + SUSPICIOUS + 2.0 * chance {
                    self.own = (self.own * FORGET).max(lost.min(self.own));
                    return Verdict::Nothing;
                }
                let cut = (lost + CUT.0).min(CUT.1);
                // What left before the cut comes back a round trip later.
                let from = seen.now + seen.round_trip + Duration::from_millis(100);
                self.test = Some(Test { rate, lost, from });
                Verdict::Go(rate * (1.0 - cut))
            }
            Some(test) if lost < test.lost / 2.0 => {
                self.rests_until = Some(seen.now + Duration::from_secs(5));
                // Between both: what was lost is what was too much.
                Verdict::Go(rate.max(test.rate * (1.0 - test.lost) * 0.97))
            }
            Some(test) => {
                self.own = lost.max((test.lost + lost) / 2.0);
                Verdict::Go(test.rate)
            }
        }
    }
}
