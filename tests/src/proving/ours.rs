//! Our own transport over the simulated path: the product's shaper and reports, packets and reports numbered and written as on
//! the wire. Only the seal is left out; its bytes are counted.

use std::collections::VecDeque;

use vestibule_common::bandwidth::{Arrivals, EstimatorConfig, IP_UDP, Shaper};
use vestibule_common::media::Permit;
use vestibule_common::time::{Duration, Time};
use vestibule_common::unit::{Bitrate, DataSize};
use vestibule_common::wire::{Ecn, Feedback, HOP_HEADER, MAX_BODY, MAX_PAYLOAD, TAG};

use super::flow::{Flow, Packet};
use crate::world::Frame;

/// What every datagram has around its body, at IP level.
const AROUND: u64 = IP_UDP.as_bytes() + (HOP_HEADER + TAG) as u64;
/// What a piece has besides its payload.
const HEADERS: u64 = AROUND + 27;
/// A picture is left out while so much waits, as the kiosk does.
const LONGEST_WAIT: Duration = Duration::from_millis(300);

/// A flow of ours.
pub struct OurFlow {
    shaper: Shaper,
    arrivals: Arrivals,
    /// Sizes of the pieces that wait, at IP level.
    queue: VecDeque<DataSize>,
    waiting: DataSize,
    number: u64,
    /// When the first of the queue may leave.
    permitted: Time,
    now: Time,
}

impl OurFlow {
    /// A flow that begins at `initial`, whose source makes no more than `largest`, and with a weight beside others.
    pub fn new(initial: Bitrate, largest: Bitrate, weight: f64) -> OurFlow {
        let config = EstimatorConfig { initial, weight, ..EstimatorConfig::default() };
        let mut shaper = Shaper::new(config, Time::ZERO);
        // A tenth of head room, or the source would never make what it can.
        shaper.estimator_mut().set_wanted(Bitrate::bps(largest.as_bps() * 11 / 10));
        OurFlow {
            shaper,
            arrivals: Arrivals::new(),
            queue: VecDeque::new(),
            waiting: DataSize::default(),
            number: 0,
            permitted: Time::ZERO,
            now: Time::ZERO,
        }
    }
}

impl Flow for OurFlow {
    fn handle_frame(&mut self, frame: Frame, now: Time) {
        self.now = now;
        if self.shaper.takes(self.waiting) > LONGEST_WAIT {
            return;
        }
        let bytes = frame.size.as_bytes();
        let pieces = bytes.div_ceil(MAX_PAYLOAD as u64).max(1);
        let piece = bytes.div_ceil(pieces);
        for n in 0..pieces {
            let size = DataSize::bytes(piece.min(bytes - n * piece) + HEADERS);
            self.queue.push_back(size);
            self.waiting += size;
        }
        self.permitted = now;
    }

    fn target(&self) -> Bitrate {
        self.shaper.picture_budget(self.waiting, self.now)
    }

    fn next_packet(&mut self, now: Time) -> Option<Packet> {
        let size = *self.queue.front()?;
        if let Permit::At(at) = self.shaper.poll(size, now) {
            self.permitted = at;
            return None;
        }
        self.queue.pop_front();
        self.waiting = DataSize::bytes(self.waiting.as_bytes() - size.as_bytes());
        let number = self.number;
        self.number += 1;
        self.shaper.handle_sent(number, size, now);
        Some(Packet { bytes: number.to_be_bytes().to_vec(), size, media: size })
    }

    fn handle_packet(&mut self, packet: Packet, marked: bool, now: Time) {
        let number = u64::from_be_bytes(packet.bytes.try_into().expect("what `next_packet` wrote"));
        self.arrivals.handle_arrival(number, if marked { Ecn::Ce } else { Ecn::Ect0 }, now);
    }

    fn next_report(&mut self, now: Time) -> Option<Packet> {
        let report = self.arrivals.next_report(now)?;
        let mut bytes = vec![0; MAX_BODY];
        let len = report.emit(&mut bytes).expect("a report fits a datagram");
        bytes.truncate(len);
        let size = DataSize::bytes(len as u64 + AROUND);
        Some(Packet { bytes, size, media: DataSize::default() })
    }

    fn handle_report(&mut self, packet: Packet, now: Time) {
        self.now = now;
        let report = Feedback::parse(&packet.bytes).expect("what `next_report` wrote");
        self.shaper.handle_feedback(&report, now).expect("an honest receiver is believed");
        // At a higher rate the next one leaves sooner.
        self.permitted = now;
    }

    fn poll_timeout(&self) -> Option<Time> {
        let permitted = (!self.queue.is_empty()).then_some(self.permitted);
        [permitted, self.arrivals.poll_timeout(), self.shaper.poll_timeout()].into_iter().flatten().min()
    }

    fn handle_timeout(&mut self, now: Time) {
        self.now = now;
        self.shaper.handle_timeout(now);
    }

    fn trace(&self) -> String {
        let estimator = self.shaper.estimator();
        format!(
            "estimate {} standing {} ms waiting {} bytes{}",
            estimator.estimate(),
            estimator.standing_queue().as_millis(),
            self.waiting.as_bytes(),
            if estimator.is_competing() { " competing" } else { "" }
        )
    }
}
