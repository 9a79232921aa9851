//! Who is to be served, and the one buffer in which a transmit is put together and sealed.

use std::collections::VecDeque;

use vestibule_common::bandwidth::IP_UDP;
use vestibule_common::time::Time;
use vestibule_common::unit::DataSize;
use vestibule_common::wire::{HOP_HEADER, MediaHeader, TAG, TimeAnswer};

use super::inbox::{Entry, Inbox, Place, Stamp};
use super::session::Session;
use super::{Counters, Path, Slot};

/// The most datagrams in one transmit (Linux `UDP_MAX_SEGMENTS`).
pub const MAX_SEGMENTS: usize = 64;
/// The most bytes in one transmit: what one UDP datagram over IPv4 could hold, since GSO starts from one.
const MAX_BYTES: usize = 65_507;

/// Datagrams for one address, to be sent in one go.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Transmit<'a> {
    /// Where they go, and from which of the relay's addresses.
    pub to: Path,
    /// Bytes of each datagram; the last one may be shorter.
    pub segment_size: usize,
    /// The datagrams, one behind the other.
    pub bytes: &'a [u8],
}

pub(super) struct Outbox {
    /// Receivers that have something pending, each listed once.
    receivers: VecDeque<Slot>,
    bytes: Box<[u8]>,
    max_segments: usize,
}

impl Outbox {
    pub(super) fn new() -> Outbox {
        Outbox {
            receivers: VecDeque::new(),
            bytes: vec![0; MAX_BYTES].into_boxed_slice(),
            max_segments: MAX_SEGMENTS,
        }
    }

    /// Makes room for `sessions` receivers, so that none is listed with an allocation.
    pub(super) fn reserve(&mut self, sessions: usize) {
        self.receivers.reserve(sessions.saturating_sub(self.receivers.len()));
    }

    pub(super) fn set_max_segments(&mut self, segments: usize) {
        self.max_segments = segments.clamp(1, MAX_SEGMENTS);
    }

    /// Notes that `to` must get the body at `place`; `false` if its address is not known.
    pub(super) fn enqueue(&mut self, sessions: &mut [Option<Session>], to: Slot, place: Place) -> bool {
        let Some(session) = sessions[usize::from(to)].as_mut().filter(|session| session.path.is_some())
        else {
            return false;
        };
        session.pending.push(place);
        if !session.listed {
            session.listed = true;
            self.receivers.push_back(to);
        }
        true
    }

    /// Puts the next transmit together. When there is none, the inbox is free again.
    pub(super) fn next(
        &mut self,
        sessions: &mut [Option<Session>],
        inbox: &mut Inbox,
        counters: &mut Counters,
        now: Time,
    ) -> Option<Transmit<'_>> {
        while let Some(&slot) = self.receivers.front() {
            if let Some(session) = sessions[usize::from(slot)].as_mut()
                && let Some(to) = session.path
            {
                let (segments, segment_size, len) = self.fill(session, inbox, now);
                if segments > 0 {
                    counters.transmits += 1;
                    counters.sent += segments as u64;
                    counters.sent_bytes += len as u64;
                    return Some(Transmit { to, segment_size, bytes: &self.bytes[..len] });
                }
                session.listed = false;
            }
            self.receivers.pop_front();
        }
        inbox.clear();
        None
    }

    /// Seals as many pending bodies as one GSO send can hold: the first one, every later one of its size, and at the
    /// end a shorter one. A body never overtakes another of its flow. Returns segments, segment size and length.
    fn fill(&mut self, session: &mut Session, inbox: &Inbox, now: Time) -> (usize, usize, usize) {
        let mut pending = std::mem::take(&mut session.pending);
        let mut run = Run { bytes: &mut self.bytes, session, now, segments: 0, len: 0 };
        let (mut segment_size, mut kept) = (0, 0);
        let mut passed_over = Flows::default();
        for index in 0..pending.len() {
            let place = pending[index];
            let Some((entry, body)) = inbox.get(place) else { continue };
            if run.segments == 0 {
                segment_size = sealed_size(body);
            }
            let room = run.segments < self.max_segments && run.len + segment_size <= MAX_BYTES;
            if room && sealed_size(body) == segment_size && !passed_over.contains(entry.flow) {
                run.push(entry, body);
            } else {
                passed_over.insert(entry.flow);
                pending[kept] = place;
                kept += 1;
            }
        }
        pending.truncate(kept);

        let mut passed_over = Flows::default();
        let shorter = pending.iter().position(|place| {
            inbox.get(*place).is_some_and(|(entry, body)| {
                let is_first = !passed_over.contains(entry.flow);
                passed_over.insert(entry.flow);
                is_first && sealed_size(body) < segment_size
            })
        });
        if run.segments < self.max_segments
            && run.len + segment_size <= MAX_BYTES
            && let Some(index) = shorter
            && let Some((entry, body)) = inbox.get(pending.remove(index))
        {
            run.push(entry, body);
        }
        let Run { segments, len, .. } = run;
        session.pending = pending;
        (segments, segment_size, len)
    }
}

/// The datagrams of one transmit, as they are put together.
struct Run<'a> {
    bytes: &'a mut [u8],
    session: &'a mut Session,
    now: Time,
    segments: usize,
    len: usize,
}

impl Run<'_> {
    fn push(&mut self, entry: &Entry, body: &[u8]) {
        let out = &mut self.bytes[self.len..self.len + sealed_size(body)];
        let plain = &mut out[HOP_HEADER..HOP_HEADER + body.len()];
        plain.copy_from_slice(body);
        match entry.stamp {
            Stamp::Nothing => {}
            Stamp::RelayTime => {
                let here = self.now.since(entry.arrived).as_micros();
                MediaHeader::add_relay_time(plain, u32::try_from(here).unwrap_or(u32::MAX));
            }
            Stamp::Answered => {
                if let Ok(answer) = TimeAnswer::parse(plain) {
                    let written = TimeAnswer { answered: self.now, ..answer }.emit(plain);
                    debug_assert!(written.is_ok(), "it has just been read from these bytes");
                }
            }
        }
        let number = self.session.sealer.next_packet();
        let len = self.session.sealer.seal(out, body.len());
        let size = DataSize::bytes(len as u64) + IP_UDP;
        self.session.handle_sent(number, size, self.now);
        self.len += len;
        self.segments += 1;
    }
}

/// A body's size on the wire, at IP level.
pub(super) fn size_at_ip(body: &[u8]) -> DataSize {
    DataSize::bytes(sealed_size(body) as u64) + IP_UDP
}

fn sealed_size(body: &[u8]) -> usize {
    HOP_HEADER + body.len() + TAG
}

/// A set of flows, a bit for each 64th: two that share a bit only keep each other's order without need.
#[derive(Default)]
struct Flows(u64);

impl Flows {
    fn insert(&mut self, flow: u32) {
        self.0 |= 1 << (flow % 64);
    }

    fn contains(&self, flow: u32) -> bool {
        self.0 & 1 << (flow % 64) != 0
    }
}
