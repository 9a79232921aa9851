//! A TCP flow as cross traffic: Reno (RFC 5681) that recovers as NewReno (RFC 6582), with the timer of RFC 6298. Segments are
//! whole and numbered from 0, and each is acknowledged at once.

use std::collections::BTreeSet;

use vestibule_common::time::{Duration, Time};
use vestibule_common::unit::DataSize;

/// A full segment at IP level.
pub const SEGMENT: DataSize = DataSize::bytes(1500);

/// The timer's bounds (RFC 6298, 2.4 and 2.5).
const RTO: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));
/// The window at the start and after an idle time, in segments (RFC 6928 would allow ten).
const INITIAL_WINDOW: f64 = 3.0;
/// The receiver's window, in segments. Without one, a lost retransmission would leave the flow sending until its timer ends.
const RECEIVE_WINDOW: f64 = 512.0;

/// A segment of a flow.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Segment {
    /// Its number, from 0.
    pub number: u64,
}

/// A receiver's answer.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Ack {
    /// The first segment that is missing.
    pub next: u64,
}

/// The sender.
#[derive(Clone, Debug)]
pub struct Flow {
    /// How many segments there are to send; `None`: without end.
    length: Option<u64>,
    /// The first that is not acknowledged.
    unacknowledged: u64,
    /// The first that was not sent, or not since the last timeout.
    next: u64,
    /// The first that was never sent.
    unsent: u64,
    cwnd: f64,
    ssthresh: f64,
    duplicates: u32,
    /// In recovery, until this is acknowledged.
    recovery: bool,
    recover: u64,
    retransmit: Option<u64>,
    /// The segment whose round trip is being measured, and when it left (Karn's rule: none that was sent twice).
    timed: Option<(u64, Time)>,
    round_trip: Option<(Duration, Duration)>,
    rto: Duration,
    due: Option<Time>,
}

impl Flow {
    /// A flow of so many bytes, or without end.
    pub fn new(length: Option<DataSize>) -> Flow {
        Flow {
            length: length.map(|size| size.as_bytes().div_ceil(SEGMENT.as_bytes())),
            unacknowledged: 0,
            next: 0,
            unsent: 0,
            cwnd: INITIAL_WINDOW,
            ssthresh: RECEIVE_WINDOW,
            duplicates: 0,
            recovery: false,
            recover: 0,
            retransmit: None,
            timed: None,
            round_trip: None,
            rto: RTO.0,
            due: None,
        }
    }

    /// Everything was acknowledged.
    pub fn is_done(&self) -> bool {
        self.length.is_some_and(|length| self.unacknowledged >= length)
    }

    /// What was acknowledged so far.
    pub fn delivered(&self) -> DataSize {
        DataSize::bytes(self.unacknowledged * SEGMENT.as_bytes())
    }

    /// The next segment that may leave now.
    pub fn next_segment(&mut self, now: Time) -> Option<Segment> {
        if let Some(number) = self.retransmit.take() {
            self.timed = self.timed.filter(|(timed, _)| *timed != number);
            self.due.get_or_insert(now + self.rto);
            return Some(Segment { number });
        }
        let left = self.length.is_none_or(|length| self.next < length);
        if !left || self.flight() + 1.0 > self.cwnd.min(RECEIVE_WINDOW) {
            return None;
        }
        let number = self.next;
        self.next += 1;
        if number == self.unsent {
            self.unsent = self.next;
            if !self.recovery {
                self.timed.get_or_insert((number, now));
            }
        }
        self.due.get_or_insert(now + self.rto);
        Some(Segment { number })
    }

    /// An acknowledgement has come.
    pub fn handle_ack(&mut self, ack: Ack, now: Time) {
        if ack.next > self.unsent {
            return;
        }
        if ack.next > self.unacknowledged {
            self.advance(ack.next, now);
        } else if ack.next == self.unacknowledged && self.next > self.unacknowledged {
            self.duplicate();
        }
    }

    fn advance(&mut self, to: u64, now: Time) {
        let acknowledged = (to - self.unacknowledged) as f64;
        self.unacknowledged = to;
        self.next = self.next.max(to);
        self.duplicates = 0;
        if let Some((_, sent)) = self.timed.take_if(|(timed, _)| *timed < to) {
            self.measured(now.since(sent));
        }
        if !self.recovery {
            let slow_start = self.cwnd < self.ssthresh;
            let grown = if slow_start { acknowledged.min(1.0) } else { 1.0 / self.cwnd };
            self.cwnd = (self.cwnd + grown).min(RECEIVE_WINDOW);
        } else if to >= self.recover {
            self.recovery = false;
            // No burst (RFC 6582, 3.2, step 3, first option).
            self.cwnd = self.ssthresh.min(self.flight().max(1.0) + 1.0);
        } else {
            // The next hole (RFC 6582, 3.2, step 3).
            self.retransmit = Some(to);
            self.cwnd = (self.cwnd - acknowledged + 1.0).max(1.0);
        }
        self.due = (self.unacknowledged < self.next).then(|| now + self.rto);
    }

    fn duplicate(&mut self) {
        self.duplicates += 1;
        if self.recovery {
            self.cwnd += 1.0;
        } else if self.duplicates == 3 && self.unacknowledged >= self.recover {
            self.halve();
            self.cwnd = self.ssthresh + 3.0;
            self.recovery = true;
            // What is acknowledged together with a hole tells nothing of the path.
            self.timed = None;
            self.recover = self.unsent;
            self.retransmit = Some(self.unacknowledged);
        }
    }

    /// When [`Flow::handle_timeout`] is due.
    pub fn poll_timeout(&self) -> Option<Time> {
        self.due
    }

    /// A moment has come.
    pub fn handle_timeout(&mut self, now: Time) {
        if self.due.is_none_or(|due| now < due) {
            return;
        }
        self.halve();
        self.cwnd = 1.0;
        self.duplicates = 0;
        self.recovery = false;
        // Duplicates of what was sent before say nothing (RFC 6582, 4).
        self.recover = self.unsent;
        self.next = self.unacknowledged;
        self.retransmit = None;
        self.timed = None;
        self.rto = (self.rto * 2).min(RTO.1);
        self.due = None;
    }

    /// What was under way, as far as the window allowed it (RFC 5681, equation 4).
    fn halve(&mut self) {
        self.ssthresh = (self.flight().min(self.cwnd) / 2.0).max(2.0);
    }

    fn flight(&self) -> f64 {
        (self.next - self.unacknowledged) as f64
    }

    fn measured(&mut self, round_trip: Duration) {
        let (smoothed, varies) = match self.round_trip {
            None => (round_trip, round_trip / 2),
            Some((smoothed, varies)) => {
                (smoothed * 7 / 8 + round_trip / 8, varies * 3 / 4 + smoothed.abs_diff(round_trip) / 4)
            }
        };
        self.round_trip = Some((smoothed, varies));
        self.rto = (smoothed + varies * 4).clamp(RTO.0, RTO.1);
    }
}

/// The receiver.
#[derive(Clone, Debug, Default)]
pub struct Receiver {
    next: u64,
    ahead: BTreeSet<u64>,
}

impl Receiver {
    /// Takes a segment and answers it.
    pub fn handle_segment(&mut self, segment: Segment) -> Ack {
        if segment.number >= self.next {
            self.ahead.insert(segment.number);
        }
        while self.ahead.remove(&self.next) {
            self.next += 1;
        }
        Ack { next: self.next }
    }
}

#[cfg(test)]
mod tests {
    use vestibule_common::unit::Bitrate;

    use super::*;
    use crate::world::{Link, LinkConfig, Loss, Schedule};

    /// Flows that share a bottleneck for so long; their acknowledgements come back in 50 ms. What each has delivered, and the
    /// bottleneck's counts.
    fn race(config: LinkConfig, flows: &mut [Flow], seconds: u64) -> Vec<f64> {
        let back = LinkConfig { rate: Schedule::constant(Bitrate::kbps(100_000)), ..LinkConfig::default() };
        let (mut there, mut back) = (Link::new(config, 1, 0), Link::new(back, 1, 1));
        let mut receivers = vec![Receiver::default(); flows.len()];
        let mut now = Time::ZERO;
        while now < Time::from_millis(seconds * 1000) {
            for (n, flow) in flows.iter_mut().enumerate() {
                flow.handle_timeout(now);
                while let Some(segment) = flow.next_segment(now) {
                    there.send((n, segment), SEGMENT, now);
                }
            }
            let timers = flows.iter().filter_map(Flow::poll_timeout);
            let Some(next) = timers.chain(there.poll_timeout()).chain(back.poll_timeout()).min() else {
                break;
            };
            now = next.max(now);
            while let Some(arrival) = there.next_arrival(now) {
                let (n, segment) = arrival.packet;
                back.send((n, receivers[n].handle_segment(segment)), DataSize::bytes(40), now);
            }
            while let Some(arrival) = back.next_arrival(now) {
                let (n, ack) = arrival.packet;
                flows[n].handle_ack(ack, now);
            }
        }
        flows.iter().map(|flow| flow.delivered().per(now.since(Time::ZERO)).as_bps() as f64 / 1e6).collect()
    }

    fn two_mbps() -> LinkConfig {
        LinkConfig { rate: Schedule::constant(Bitrate::kbps(2000)), ..LinkConfig::default() }
    }

    #[test]
    fn a_long_flow_fills_a_deep_queue() {
        let rates = race(two_mbps(), &mut [Flow::new(None)], 120);
        assert!((1.85..=2.0).contains(&rates[0]), "{rates:?}");
    }

    #[test]
    fn two_long_flows_share() {
        // Without a little jitter the drops fall on the same flow again and again (Floyd and Jacobson, "Traffic Phase
        // Effects in Packet-Switched Gateways", 1991).
        let config = LinkConfig { jitter: Duration::from_millis(8), ..two_mbps() };
        let rates = race(config, &mut [Flow::new(None), Flow::new(None)], 300);
        assert!(rates.iter().sum::<f64>() > 1.85, "{rates:?}");
        assert!(rates.iter().all(|rate| *rate > 0.6), "{rates:?}");
    }

    #[test]
    fn a_short_queue_leaves_some_of_the_rate() {
        let config = LinkConfig { queue: Duration::from_millis(20), ..two_mbps() };
        let rates = race(config, &mut [Flow::new(None)], 120);
        assert!((1.2..1.95).contains(&rates[0]), "half a window after each loss: {rates:?}");
    }

    #[test]
    fn a_short_flow_ends_whatever_is_lost_or_reordered() {
        for (loss, reordering) in [
            (Loss::None, (0.0, Duration::ZERO)),
            (Loss::Random(0.2), (0.0, Duration::ZERO)),
            (Loss::Bursts { share: 0.2, length: 10.0 }, (0.0, Duration::ZERO)),
            (Loss::Random(0.05), (0.1, Duration::from_millis(80))),
        ] {
            let mut flow = [Flow::new(Some(DataSize::bytes(300_000)))];
            race(LinkConfig { loss, reordering, ..two_mbps() }, &mut flow, 3000);
            assert!(
                flow[0].is_done() && flow[0].delivered() == DataSize::bytes(300_000),
                "{loss:?}: {flow:?}"
            );
        }
    }

    #[test]
    fn an_acknowledgement_of_what_was_never_sent_is_ignored() {
        let mut flow = Flow::new(None);
        flow.next_segment(Time::ZERO);
        flow.handle_ack(Ack { next: 5 }, Time::from_millis(10));
        assert_eq!(flow.delivered(), DataSize::bytes(0));
    }
}
