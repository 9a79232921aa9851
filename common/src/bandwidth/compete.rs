//! Beside a flow that fills every queue, such as TCP's, whoever gives way to delay gets nothing. A queue that stands whatever
//! we do is not ours: then the rate is that of a TCP Reno in our place (RFC 5681: a packet more each round trip, half after
//! a loss), until the queue is gone. After some of the losses we give way for a moment, to see whether it is.

use crate::time::{Duration, Time};

use super::control::Observation;

/// A standing queue of this length presses,
const PRESSURE: Duration = Duration::from_millis(50);
/// and after so long it is not ours: our own we would have drained by then.
const PATIENCE: Duration = Duration::from_millis(2500);
/// Shorter than this part of what it was at most, it is ours and being drained.
const DRAINS: f64 = 0.35;
/// A standing queue below this says that we are alone.
const ALONE: Duration = Duration::from_millis(25);
/// While we find out, we take no less than this part of what got through when the pressure began.
const FLOOR: f64 = 0.6;
/// A competition that ended so shortly before goes on where it was, with this part of its rate.
const REMEMBERED: (Duration, f64) = (Duration::from_secs(20), 0.7);
/// So often we give way, after the next loss,
const TRUCE_EVERY: Duration = Duration::from_secs(12);
/// for so long.
const TRUCE: Duration = Duration::from_secs(2);
/// A full datagram, in bytes.
const SEGMENT: f64 = 1200.0;

/// Whether, and how, we compete.
#[derive(Clone, Debug, Default)]
pub(super) struct Competition {
    pressed_since: Option<Time>,
    /// How long the queue was at most since then.
    pressed_by: Duration,
    /// What got through soon after the pressure began, in bit/s; 0 without pressure.
    began_with: f64,
    reno: Option<Reno>,
    /// When the last one ended, and with which rate.
    ended: Option<(Time, f64)>,
}

#[derive(Clone, Debug)]
struct Reno {
    /// In bytes.
    window: f64,
    halved: Time,
    next_truce: Time,
    truce_until: Option<Time>,
}

impl Competition {
    /// `through` got through lately, `rate` is ours; both in bit/s.
    pub(super) fn handle(&mut self, seen: &Observation, through: f64, rate: f64) {
        if seen.standing < PRESSURE {
            (self.pressed_since, self.pressed_by, self.began_with) = (None, Duration::ZERO, 0.0);
        } else {
            let since = *self.pressed_since.get_or_insert(seen.now);
            self.pressed_by = self.pressed_by.max(seen.standing);
            // Only after a round trip does what gets through follow from a new capacity.
            if self.began_with == 0.0
                && seen.now.since(since) >= seen.round_trip.min(Duration::from_millis(300))
            {
                self.began_with = seen.sudden.map_or(rate, |rate| rate.as_bps() as f64);
            }
        }
        if self.reno.is_some() {
            self.go_on(seen, through, rate);
        } else if self.pressed_since.is_some_and(|since| seen.now.since(since) > PATIENCE)
            && seen.standing >= self.pressed_by.mul_f64(DRAINS)
        {
            let (span, part) = REMEMBERED;
            let remembered = self.ended.filter(|(at, _)| seen.now.since(*at) < span);
            let rate = through.max(self.began_with).max(remembered.map_or(0.0, |(_, rate)| part * rate));
            self.reno = Some(Reno {
                window: (rate * seen.round_trip.as_secs_f64() / 8.0).max(2.0 * SEGMENT),
                halved: seen.now,
                next_truce: seen.now + TRUCE_EVERY,
                truce_until: None,
            });
        }
    }

    fn go_on(&mut self, seen: &Observation, through: f64, rate: f64) {
        let Some(reno) = &mut self.reno else { return };
        if seen.standing < ALONE {
            self.ended = Some((seen.now, rate));
            self.reno = None;
            return;
        }
        if let Some(until) = reno.truce_until {
            if seen.now < until {
                return;
            }
            reno.truce_until = None;
            reno.next_truce = seen.now + TRUCE_EVERY;
        }
        if seen.lost == 0 {
            reno.window += SEGMENT * seen.delivered.as_bytes() as f64 / reno.window;
        } else if seen.now.since(reno.halved) > seen.round_trip {
            reno.halved = seen.now;
            reno.window = (reno.window / 2.0).max(2.0 * SEGMENT);
            reno.truce_until = (seen.now >= reno.next_truce).then(|| seen.now + TRUCE);
        }
        // A window that is not used does not grow (RFC 7661).
        let used = through * seen.round_trip.as_secs_f64() / 8.0;
        reno.window = reno.window.min(2.0 * used + 4.0 * SEGMENT);
    }

    pub(super) fn is_on(&self) -> bool {
        self.reno.is_some()
    }

    /// The rate in the competition, in bit/s; `None` while there is none, and in a truce.
    pub(super) fn rate(&self, round_trip: Duration) -> Option<f64> {
        let reno = self.reno.as_ref().filter(|reno| reno.truce_until.is_none())?;
        Some(reno.window * 8.0 / round_trip.as_secs_f64().max(0.01))
    }

    /// What is taken at least while the pressure is not understood, in bit/s.
    pub(super) fn floor(&self) -> f64 {
        FLOOR * self.began_with
    }
}
