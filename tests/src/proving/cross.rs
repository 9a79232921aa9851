//! A TCP sender as cross traffic: one flow without end, or file after file with pauses (RFC 8867, section 5.7).

use vestibule_common::time::{Duration, Time};
use vestibule_common::unit::DataSize;

use crate::world::{Ack, Dice, Flow, Receiver, Segment};

/// What a file has, at least and at most, in bytes.
const FILE: (u64, u64) = (100_000, 1_000_000);
/// How long a pause is, on average.
const PAUSE: Duration = Duration::from_secs(10);

/// The sender and its receiver.
pub(super) struct Cross {
    short: bool,
    flow: Option<Flow>,
    receiver: Receiver,
    /// Which file it is: segments of an earlier one are told apart by it.
    file: u64,
    begins: Time,
    dice: Dice,
}

impl Cross {
    /// Begins at once, or with a pause when its files are `short`. `what` tells senders of one seed apart.
    pub(super) fn new(short: bool, seed: u64, what: u64) -> Cross {
        let mut dice = Dice::new(seed, what);
        let begins = if short { Time::ZERO + PAUSE.mul_f64(dice.exponential()) } else { Time::ZERO };
        Cross { short, flow: None, receiver: Receiver::default(), file: 0, begins, dice }
    }

    pub(super) fn is_active(&self) -> bool {
        self.flow.is_some()
    }

    pub(super) fn handle_segment(&mut self, file: u64, segment: Segment) -> Option<Ack> {
        (file == self.file).then(|| self.receiver.handle_segment(segment))
    }

    pub(super) fn handle_ack(&mut self, file: u64, ack: Ack, now: Time) {
        if let Some(flow) = self.flow.as_mut().filter(|_| file == self.file) {
            flow.handle_ack(ack, now);
        }
    }

    /// The next segment that leaves at this moment, and of which file it is.
    pub(super) fn next_segment(&mut self, now: Time) -> Option<(u64, Segment)> {
        if self.flow.as_ref().is_some_and(Flow::is_done) {
            self.flow = None;
            self.begins = now + PAUSE.mul_f64(self.dice.exponential());
        }
        if self.flow.is_none() && self.begins <= now {
            let (least, most) = FILE;
            let size = least + (self.dice.unit() * (most - least) as f64) as u64;
            self.flow = Some(Flow::new(self.short.then_some(DataSize::bytes(size))));
            self.receiver = Receiver::default();
            self.file += 1;
        }
        let flow = self.flow.as_mut()?;
        flow.handle_timeout(now);
        flow.next_segment(now).map(|segment| (self.file, segment))
    }

    pub(super) fn poll_timeout(&self) -> Option<Time> {
        self.flow.as_ref().map_or(Some(self.begins), Flow::poll_timeout)
    }
}
