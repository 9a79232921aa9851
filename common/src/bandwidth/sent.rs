//! What was sent and not reported on yet, and what a report says about it. What it says of packets that were never sent, or
//! says for the third time, counts for nothing.

use std::collections::VecDeque;

use crate::time::{Duration, Time};
use crate::unit::DataSize;
use crate::wire::{Ecn, Feedback};

/// The most packets that are remembered: 2 s at 40 Mbit/s.
const CAPACITY: usize = 8192;
/// As many as usually are.
pub(super) const USUAL: usize = 1024;
/// So many numbers in a row may be left out.
const LEFT_OUT: u64 = 256;
/// A packet of which nothing is said for so long is forgotten.
const FORGOTTEN: Duration = Duration::from_secs(5);
/// A report's clock may go faster than ours by this part of the time between two reports, and by so much more: then its
/// times are not believed.
const CLOCK_SLACK: Duration = Duration::from_millis(500);

/// A packet that has arrived.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) struct Delivered {
    /// When it left, on our clock.
    pub(super) sent: Time,
    /// When it came, on the receiver's.
    pub(super) arrived: Time,
    /// Its size.
    pub(super) size: DataSize,
    /// How it was marked.
    pub(super) ecn: Ecn,
}

/// Why a report is not believed.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum FeedbackError {
    /// It is about packets that were never sent.
    NeverSent,
    /// Its clock goes backwards, or faster than time does.
    Clock,
}

#[derive(Copy, Clone, PartialEq, Eq, Debug)]
enum Fate {
    Unknown,
    /// A report passed over it: once more, and it is lost.
    Missed,
    Delivered,
    Lost,
}

#[derive(Copy, Clone, Debug)]
struct Packet {
    sent: Time,
    size: DataSize,
    fate: Fate,
}

/// What one report says that is new.
#[derive(Clone, Debug, Default)]
pub(super) struct Told {
    /// In the order of their arrival.
    pub(super) delivered: Vec<Delivered>,
    /// What is lost.
    pub(super) lost: u32,
    /// When the newest of all packets that it tells of left.
    pub(super) newest_sent: Option<Time>,
    /// How long the newest was there before the report left.
    pub(super) held: Duration,
}

/// The packets under way.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    /// The number of the first.
    first: u64,
    packets: VecDeque<Packet>,
    /// The newest report's clock, and ours when it came.
    clocks: Option<(Time, Time)>,
}

impl Sent {
    /// Nothing was sent. As much as usually is under way needs no further allocation.
    pub(super) fn new() -> Sent {
        Sent { first: 0, packets: VecDeque::with_capacity(USUAL), clocks: None }
    }

    /// A packet leaves. Numbers ascend; those that are left out never left. After a far jump everything before it is forgotten.
    pub(super) fn push(&mut self, number: u64, size: DataSize, now: Time) {
        let end = self.first + self.packets.len() as u64;
        match number.checked_sub(end) {
            Some(left_out) if left_out <= LEFT_OUT => {
                let never = Packet { sent: now, size: DataSize::default(), fate: Fate::Lost };
                self.packets.extend((0..left_out).map(|_| never));
            }
            Some(_) | None => {
                self.packets.clear();
                self.first = number;
            }
        }
        let old = |packet: &Packet| now.since(packet.sent) > FORGOTTEN;
        while self.packets.len() >= CAPACITY || self.packets.front().is_some_and(old) {
            self.packets.pop_front();
            self.first += 1;
        }
        self.packets.push_back(Packet { sent: now, size, fate: Fate::Unknown });
    }

    /// Takes a report.
    ///
    /// Errors: [`FeedbackError`]; then nothing of it counts.
    pub(super) fn handle_feedback(&mut self, report: &Feedback, now: Time) -> Result<Told, FeedbackError> {
        let end = self.first + self.packets.len() as u64;
        let says_end = report.first.checked_add(report.arrivals.len() as u64);
        if says_end.is_none_or(|says| says > end) {
            return Err(FeedbackError::NeverSent);
        }
        let mut in_order = true;
        if let Some((clock, came)) = self.clocks {
            let ours = now.since(came);
            if report.reported.since(clock) > ours + ours / 100 + CLOCK_SLACK {
                return Err(FeedbackError::Clock);
            }
            if clock.since(report.reported) > CLOCK_SLACK {
                return Err(FeedbackError::Clock);
            }
            in_order = report.reported >= clock;
        }
        if in_order {
            self.clocks = Some((report.reported, now));
        }
        let mut told = Told::default();
        for (entry, number) in report.arrivals.iter().zip(report.first..) {
            let Some(index) = number.checked_sub(self.first) else { continue };
            let packet = &mut self.packets[index as usize];
            match (entry, packet.fate) {
                (Some(arrival), Fate::Unknown | Fate::Missed) => {
                    packet.fate = Fate::Delivered;
                    let age = Duration::from_micros(u64::from(arrival.age_quarter_ms) * 250);
                    let arrived = report.reported - age;
                    told.delivered.push(Delivered {
                        sent: packet.sent,
                        arrived,
                        size: packet.size,
                        ecn: arrival.ecn,
                    });
                    if told.newest_sent.is_none_or(|newest| newest <= packet.sent) {
                        (told.newest_sent, told.held) = (Some(packet.sent), age);
                    }
                }
                (None, Fate::Unknown) => packet.fate = Fate::Missed,
                (None, Fate::Missed) if in_order => {
                    packet.fate = Fate::Lost;
                    told.lost += 1;
                }
                (None, Fate::Missed) | (_, Fate::Delivered | Fate::Lost) => {}
            }
        }
        told.delivered.sort_by_key(|packet| packet.arrived);
        Ok(told)
    }
}
