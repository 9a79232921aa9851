//! One direction of a path: a queue before a bottleneck, and what happens to a packet behind it.

use std::collections::{BTreeMap, VecDeque};

use vestibule_common::time::{Duration, Time};
use vestibule_common::unit::{Bitrate, DataSize};

use super::loss::{Losing, Loss};
use super::{Dice, Schedule};

/// What a link is like. Sizes are at IP level.
#[derive(Clone, Debug)]
pub struct LinkConfig {
    /// What it carries.
    pub rate: Schedule<Bitrate>,
    /// How long a packet is under way behind the bottleneck.
    pub delay: Schedule<Duration>,
    /// How long its queue is: so much time times the rate at the moment. What is queued when the rate falls, stays.
    pub queue: Duration,
    /// A packet that would wait longer than this is marked instead (RFC 3168).
    pub marks_above: Option<Duration>,
    /// What is lost behind the queue.
    pub loss: Loss,
    /// Up to so much delay is added to each packet, evenly; none overtakes another by it.
    pub jitter: Duration,
    /// With this probability a packet is held by so much more, and is overtaken.
    pub reordering: (f64, Duration),
    /// With this probability a packet arrives twice.
    pub duplication: f64,
}

impl Default for LinkConfig {
    /// 1 Mbit/s, 50 ms, a queue of 300 ms, nothing lost (ns3-rmcat's defaults).
    fn default() -> LinkConfig {
        LinkConfig {
            rate: Schedule::constant(Bitrate::kbps(1000)),
            delay: Schedule::constant(Duration::from_millis(50)),
            queue: Duration::from_millis(300),
            marks_above: None,
            loss: Loss::None,
            jitter: Duration::ZERO,
            reordering: (0.0, Duration::ZERO),
            duplication: 0.0,
        }
    }
}

/// A packet at the far end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Arrival<P> {
    /// The packet.
    pub packet: P,
    /// Its size.
    pub size: DataSize,
    /// When it was sent into the link.
    pub sent: Time,
    /// When it arrived.
    pub at: Time,
    /// It met a queue that marks.
    pub marked: bool,
}

/// What became of the packets.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Sent into the link.
    pub sent: u64,
    /// Dropped at the queue's tail.
    pub dropped: u64,
    /// Lost behind it.
    pub lost: u64,
    /// Marked.
    pub marked: u64,
    /// Delivered, each twice that came twice.
    pub delivered: u64,
}

/// One direction of a path.
#[derive(Clone, Debug)]
pub struct Link<P> {
    config: LinkConfig,
    losing: Losing,
    dice: Dice,
    /// When the bottleneck has carried all that it has taken, in nanoseconds; `None`: never.
    free_ns: Option<u64>,
    /// What is in the queue or at the bottleneck: until when, and how much.
    queued: VecDeque<(Option<u64>, DataSize)>,
    queued_bytes: u64,
    /// By arrival, and by order of sending where that is the same.
    under_way: BTreeMap<(Time, u64), Arrival<P>>,
    /// The latest arrival that was no straggler.
    latest: Time,
    order: u64,
    counts: Counts,
}

impl<P: Clone> Link<P> {
    /// An idle link. `what` tells links of one seed apart.
    pub fn new(config: LinkConfig, seed: u64, what: u64) -> Link<P> {
        Link {
            losing: Losing::new(config.loss, Dice::new(seed, 2 * what)),
            dice: Dice::new(seed, 2 * what + 1),
            config,
            free_ns: Some(0),
            queued: VecDeque::new(),
            queued_bytes: 0,
            under_way: BTreeMap::new(),
            latest: Time::ZERO,
            order: 0,
            counts: Counts::default(),
        }
    }

    /// Sends a packet. Calls come in the order of their times.
    pub fn send(&mut self, packet: P, size: DataSize, now: Time) {
        self.counts.sent += 1;
        self.forget_carried(now);
        let limit = self.config.rate.at(now).as_bps() as u128 * self.config.queue.as_micros() / 8_000_000;
        let full = u128::from(self.queued_bytes + size.as_bytes()) > limit;
        // However short, it takes one.
        if full && !self.queued.is_empty() {
            self.counts.dropped += 1;
            return;
        }
        let marked = self.config.marks_above.is_some_and(|limit| self.waits(now) > limit);
        self.counts.marked += u64::from(marked);
        let begin = self.free_ns.map(|free| free.max(now.as_micros() * 1000));
        let carried = begin.and_then(|begin| self.config.rate.carried_ns(begin, size));
        self.free_ns = carried;
        self.queued.push_back((carried, size));
        self.queued_bytes += size.as_bytes();
        if self.losing.loses() {
            self.counts.lost += 1;
            return;
        }
        let Some(carried) = carried else { return };
        let left = Time::from_micros(carried.div_ceil(1000));
        let jitter =
            self.config.jitter.mul_f64(if self.config.jitter.is_zero() { 0.0 } else { self.dice.unit() });
        let in_order = (left + self.config.delay.at(left) + jitter).max(self.latest);
        let (probability, held) = self.config.reordering;
        let at = if self.dice.happens(probability) {
            in_order + held
        } else {
            self.latest = in_order;
            in_order
        };
        let arrival = Arrival { packet, size, sent: now, at, marked };
        if self.dice.happens(self.config.duplication) {
            self.put(arrival.clone());
        }
        self.put(arrival);
    }

    fn put(&mut self, arrival: Arrival<P>) {
        self.order += 1;
        self.under_way.insert((arrival.at, self.order), arrival);
    }

    /// When the next packet arrives.
    pub fn poll_timeout(&self) -> Option<Time> {
        self.under_way.first_key_value().map(|((at, _), _)| *at)
    }

    /// The next packet that has arrived by now.
    pub fn next_arrival(&mut self, now: Time) -> Option<Arrival<P>> {
        let first = self.under_way.first_entry()?;
        if first.key().0 > now {
            return None;
        }
        self.counts.delivered += 1;
        Some(first.remove())
    }

    /// How long a packet sent now would wait before the bottleneck takes it. [`Duration::MAX`] where it never does.
    pub fn waits(&self, now: Time) -> Duration {
        match self.free_ns {
            Some(free) => Duration::from_nanos(free.saturating_sub(now.as_micros() * 1000)),
            None => Duration::MAX,
        }
    }

    /// What it carries when.
    pub fn rate(&self) -> &Schedule<Bitrate> {
        &self.config.rate
    }

    /// What became of the packets so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    fn forget_carried(&mut self, now: Time) {
        let now = now.as_micros() * 1000;
        while let Some((_, size)) =
            self.queued.pop_front_if(|(until, _)| until.is_some_and(|until| until <= now))
        {
            self.queued_bytes -= size.as_bytes();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Time {
        Time::from_millis(ms)
    }

    /// Sends packets of 1250 bytes, numbered, one every so many microseconds, and returns the link and all that arrives.
    fn flood(config: LinkConfig, count: u64, every_us: u64) -> (Link<u64>, Vec<Arrival<u64>>) {
        let mut link = Link::new(config, 1, 0);
        let mut arrived = Vec::new();
        for n in 0..count {
            link.send(n, DataSize::bytes(1250), Time::from_micros(n * every_us));
        }
        while let Some(at) = link.poll_timeout() {
            arrived.extend(link.next_arrival(at));
        }
        (link, arrived)
    }

    #[test]
    fn an_idle_link_takes_its_time_and_a_busy_one_its_rate() {
        // 10 ms at the bottleneck, 50 ms under way.
        let (_, arrived) = flood(LinkConfig::default(), 3, 100_000);
        let times: Vec<Time> = arrived.iter().map(|arrival| arrival.at).collect();
        assert_eq!(times, [ms(60), ms(160), ms(260)]);
        let (link, arrived) = flood(LinkConfig::default(), 20, 1000);
        assert_eq!(arrived.last().unwrap().at, ms(250));
        assert_eq!(link.counts(), Counts { sent: 20, delivered: 20, ..Counts::default() });
    }

    #[test]
    fn the_queue_holds_so_much_time_and_drops_the_newest() {
        // 300 ms at 1 Mbit/s are 30 packets.
        let (link, arrived) = flood(LinkConfig::default(), 100, 1);
        assert_eq!((arrived.len(), link.counts().dropped), (30, 70));
        assert!(arrived.iter().map(|arrival| arrival.packet).eq(0..30));
    }

    #[test]
    fn what_is_queued_when_the_rate_falls_stays() {
        let rate = Schedule::of_seconds(&[(0, Bitrate::kbps(1000)), (1, Bitrate::kbps(100))]);
        let mut link = Link::new(LinkConfig { rate, ..LinkConfig::default() }, 1, 0);
        (0..30).for_each(|n| link.send(n, DataSize::bytes(1250), Time::from_micros(999_000)));
        assert_eq!(link.waits(ms(1000)), Duration::from_millis(2990));
        link.send(30, DataSize::bytes(1250), ms(1001));
        assert_eq!(
            (link.counts().dropped, link.counts().sent),
            (1, 31),
            "a tenth of the queue is left for new ones"
        );
    }

    #[test]
    fn an_outage_delays_and_an_end_of_the_rate_delivers_nothing() {
        let rate = Schedule::of_seconds(&[(0, Bitrate::bps(0)), (2, Bitrate::kbps(1000))]);
        let (_, arrived) = flood(LinkConfig { rate, ..LinkConfig::default() }, 1, 1);
        assert_eq!(arrived[0].at, ms(2060));
        let rate = Schedule::constant(Bitrate::bps(0));
        let (link, arrived) = flood(LinkConfig { rate, ..LinkConfig::default() }, 5, 1);
        assert_eq!((arrived.len(), link.counts().dropped), (0, 4));
        assert_eq!(link.waits(ms(5)), Duration::MAX);
    }

    #[test]
    fn jitter_overtakes_nothing_and_reordering_does() {
        let jitter = Duration::from_millis(30);
        let (_, arrived) = flood(LinkConfig { jitter, ..LinkConfig::default() }, 500, 10_000);
        assert!(arrived.iter().map(|arrival| arrival.packet).eq(0..500));
        let late = |arrival: &Arrival<u64>| arrival.at.since(arrival.sent) > Duration::from_millis(75);
        assert!((100..400).contains(&arrived.iter().filter(|arrival| late(arrival)).count()));

        let reordering = (0.1, Duration::from_millis(25));
        let (_, arrived) = flood(LinkConfig { reordering, ..LinkConfig::default() }, 500, 10_000);
        let overtaken = arrived.windows(2).filter(|pair| pair[0].packet > pair[1].packet).count();
        assert!((30..80).contains(&overtaken), "{overtaken}");
        assert_eq!(arrived.len(), 500);
    }

    #[test]
    fn losses_and_doubles_are_counted() {
        let config = LinkConfig { loss: Loss::Random(0.2), duplication: 0.1, ..LinkConfig::default() };
        let (link, arrived) = flood(config, 10_000, 10_000);
        let counts = link.counts();
        assert_eq!((counts.dropped, counts.delivered), (0, arrived.len() as u64));
        assert!((1800..2200).contains(&counts.lost), "{counts:?}");
        assert!((8600..9000).contains(&counts.delivered), "{counts:?}");
    }

    #[test]
    fn a_queue_that_grows_marks() {
        let marks_above = Some(Duration::from_millis(50));
        let (link, arrived) = flood(LinkConfig { marks_above, ..LinkConfig::default() }, 20, 1);
        // The first waits for nothing, the seventh for 60 ms.
        assert_eq!(link.counts().marked, 14);
        assert!(arrived.iter().all(|arrival| arrival.marked == (arrival.packet >= 6)));
    }
}
