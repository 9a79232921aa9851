//! Gauges: how long packets wait in queues, how much gets through, how much is sent.

use std::collections::VecDeque;

use crate::time::{Duration, Time};
use crate::unit::{Bitrate, DataSize};

use super::sent::Delivered;

/// The shortest delay is sought over so many spans
const SPANS: usize = 10;
/// of this length: long enough that a queue was empty once, short enough that a new path is soon known and two clocks do not
/// drift apart.
const SPAN: Duration = Duration::from_secs(3);
/// What waits longer than every packet of this span waits in a queue that never became empty: a standing queue. It is longer
/// than the interval between two pictures, whose bursts are none.
const STANDING: Duration = Duration::from_millis(100);
/// More than this is no jitter.
const MOST_NOISE: Duration = Duration::from_millis(20);
/// No more packets than this are kept, whatever the receiver's clock says: a second at 20 Mbit/s.
const MOST: usize = 2048;
/// How far back throughput can be asked for.
const THROUGHPUT: Duration = Duration::from_secs(1);

/// How long packets wait. A delay is the receiver's clock at the arrival less the sender's at the departure: only its
/// differences mean anything.
#[derive(Clone, Debug, Default)]
pub(super) struct Delay {
    /// The shortest delay of each span, and when the span began (the receiver's clock).
    shortest: VecDeque<(Time, i64)>,
    recent: VecDeque<(Time, i64)>,
    /// The longest delay since it was asked for.
    longest: Option<i64>,
    /// How much the delay changes from packet to packet, on average, in microseconds (RFC 3550, section 6.4.1).
    jitter: f64,
}

impl Delay {
    pub(super) fn handle(&mut self, packet: &Delivered) {
        let delay = (packet.arrived.as_micros() as i64).wrapping_sub(packet.sent.as_micros() as i64);
        let now = packet.arrived;
        self.longest = Some(self.longest.map_or(delay, |longest| longest.max(delay)));
        match self.shortest.back_mut() {
            Some((began, shortest)) if now.since(*began) < SPAN => *shortest = (*shortest).min(delay),
            _ => self.shortest.push_back((now, delay)),
        }
        if self.shortest.len() > SPANS {
            self.shortest.pop_front();
        }
        if let Some((_, before)) = self.recent.back() {
            self.jitter += (delay.wrapping_sub(*before).unsigned_abs() as f64 - self.jitter) / 16.0;
        }
        self.recent.push_back((now, delay));
        let old = |(at, _): &(Time, i64)| now.since(*at) > STANDING;
        while self.recent.len() > 3 && self.recent.front().is_some_and(old) || self.recent.len() > MOST {
            self.recent.pop_front();
        }
    }

    fn base(&self) -> Option<i64> {
        self.shortest.iter().map(|(_, delay)| *delay).min()
    }

    /// How long the standing queue is.
    pub(super) fn standing(&self) -> Duration {
        let least = self.recent.iter().map(|(_, delay)| *delay).min();
        span(least, self.base())
    }

    /// The way became longer: what was the shortest delay before says nothing any more.
    pub(super) fn begin_anew(&mut self) {
        if let (Some((at, _)), Some(least)) =
            (self.recent.back(), self.recent.iter().map(|(_, delay)| *delay).min())
        {
            self.shortest.clear();
            self.shortest.push_back((*at, least));
        }
    }

    /// How long the packet waited that waited longest since this was asked.
    pub(super) fn take_longest(&mut self) -> Duration {
        span(self.longest.take(), self.base())
    }

    /// How much of that may be chance: delays that jitter evenly within a span change by a third of it on average, and the
    /// shortest of n of them is a span's (n + 1)th part too long. Twice that, for the unlucky.
    pub(super) fn noise(&self) -> Duration {
        let noise = 6.0 * self.jitter / (self.recent.len() + 1) as f64;
        Duration::from_micros(noise as u64).min(MOST_NOISE)
    }

    /// How much the delay changes from packet to packet, on average.
    pub(super) fn jitter(&self) -> Duration {
        Duration::from_micros(self.jitter as u64)
    }
}

fn span(delay: Option<i64>, base: Option<i64>) -> Duration {
    let over = delay.zip(base).map_or(0, |(delay, base)| delay.saturating_sub(base));
    Duration::from_micros(u64::try_from(over).unwrap_or(0))
}

/// How much gets through, by the receiver's clock.
#[derive(Clone, Debug, Default)]
pub(super) struct Throughput {
    arrived: VecDeque<(Time, DataSize)>,
}

impl Throughput {
    pub(super) fn handle(&mut self, packet: &Delivered) {
        self.arrived.push_back((packet.arrived, packet.size));
        let old = |(at, _): &(Time, DataSize)| packet.arrived.since(*at) > THROUGHPUT;
        while self.arrived.front().is_some_and(old) || self.arrived.len() > MOST {
            self.arrived.pop_front();
        }
    }

    /// What got through in the last `window` of arrivals; `None` unless packets fill it.
    pub(super) fn rate(&self, window: Duration) -> Option<Bitrate> {
        let (last, _) = *self.arrived.back()?;
        let mut size = DataSize::default();
        for (at, bytes) in self.arrived.iter().rev() {
            // The packet that begins the span is not of it: it came at its first moment.
            if last.since(*at) >= window {
                return Some(size.per(last.since(*at)));
            }
            size += *bytes;
        }
        None
    }
}

/// How much is sent, as an average that forgets.
#[derive(Clone, Debug, Default)]
pub struct Usage {
    bytes: f64,
    at: Time,
}

/// It forgets all but a third in this time.
const MEMORY: Duration = Duration::from_millis(500);

impl Usage {
    /// So much is sent.
    pub fn handle(&mut self, size: DataSize, now: Time) {
        self.bytes = self.left(now) + size.as_bytes() as f64;
        self.at = self.at.max(now);
    }

    /// What is sent at the moment.
    pub fn rate(&self, now: Time) -> Bitrate {
        Bitrate::bps((self.left(now) * 8.0 / MEMORY.as_secs_f64()) as u64)
    }

    fn left(&self, now: Time) -> f64 {
        self.bytes * (-now.since(self.at).as_secs_f64() / MEMORY.as_secs_f64()).exp()
    }
}
