//! Remembers what was sent a moment ago, so that a receiver who misses a piece can have it again.
//!
//! Not the decision whether sending again is worth it: the receiver asks only for what would be in time, and the
//! sender's pacer and bandwidth estimate have the last word. A hostile receiver gains nothing by asking often: a
//! piece is given out once in a while, however many ask, so what leaves is bounded by what is kept.

use std::collections::VecDeque;

use super::packetizer::Packetizer;
use crate::id::StreamId;
use crate::time::{Duration, Time};
use crate::wire::{Kind, MAX_BODY, MediaHeader, Nack};

/// Limits of a [`Resend`].
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct ResendConfig {
    /// Bytes of bodies kept, reserved at once; at least one datagram's.
    pub max_bytes: usize,
    /// The most bodies kept.
    pub max_bodies: usize,
    /// Bodies older than this are forgotten: no receiver waits so long.
    pub max_age: Duration,
}

impl Default for ResendConfig {
    /// One second of 4 Mbit/s.
    fn default() -> Self {
        ResendConfig { max_bytes: 512 << 10, max_bodies: 2048, max_age: Duration::from_secs(1) }
    }
}

/// The pieces sent last, oldest first, in a ring of bytes.
#[derive(Debug)]
pub struct Resend {
    config: ResendConfig,
    bytes: Box<[u8]>,
    /// The bodies, in the order in which they lie in the ring.
    bodies: VecDeque<Body>,
}

#[derive(Copy, Clone, Debug)]
struct Body {
    stream: StreamId,
    spatial: u8,
    frame: u32,
    piece: u16,
    start: usize,
    len: usize,
    sent: Time,
    repeated: Option<Time>,
}

impl Body {
    fn end(&self) -> usize {
        self.start + self.len
    }

    fn same_piece(&self, other: &Body) -> bool {
        (self.stream, self.spatial, self.frame, self.piece)
            == (other.stream, other.spatial, other.frame, other.piece)
    }
}

impl Resend {
    /// Reserves all the memory it will use.
    pub fn new(config: ResendConfig) -> Resend {
        let config = ResendConfig {
            max_bytes: config.max_bytes.max(MAX_BODY),
            max_bodies: config.max_bodies.max(1),
            ..config
        };
        Resend {
            config,
            bytes: vec![0; config.max_bytes].into_boxed_slice(),
            bodies: VecDeque::with_capacity(config.max_bodies),
        }
    }

    /// Keeps a plaintext body that is being sent: a piece of sound or of a picture, or one sent again that is not
    /// known here (a relay's case). Other bodies, repairs among them, are not kept. The oldest make room.
    pub fn remember(&mut self, body: &[u8], now: Time) {
        let Ok((header, _)) = MediaHeader::parse(body) else { return };
        self.forget_old(now);
        let mut kept = Body {
            stream: header.stream,
            spatial: header.layer.spatial,
            frame: header.frame,
            piece: header.piece,
            start: 0,
            len: body.len(),
            sent: now,
            repeated: None,
        };
        let wanted = match header.kind {
            Kind::Audio | Kind::Video | Kind::Presentation => true,
            Kind::Retransmission => !self.bodies.iter().any(|body| body.same_piece(&kept)),
            Kind::Repair
            | Kind::File
            | Kind::FileAck
            | Kind::Feedback
            | Kind::Nack
            | Kind::Probe
            | Kind::PathChallenge
            | Kind::PathResponse
            | Kind::TimeRequest
            | Kind::TimeAnswer
            | Kind::KeyframeRequest
            | Kind::View
            | Kind::Demand => false,
        };
        if !wanted || body.len() > self.bytes.len() || usize::from(header.piece) >= Packetizer::MAX_PIECES {
            return;
        }
        kept.start = self.make_room(body.len());
        let place = &mut self.bytes[kept.start..kept.end()];
        place.copy_from_slice(body);
        // It only ever leaves as this.
        place[0] = Kind::Retransmission as u8;
        self.bodies.push_back(kept);
    }

    /// What a receiver asked for and is still here, to be drained at once: each piece at most once in `min_repeat`,
    /// whoever asks. A round trip is right for `min_repeat`, or a little less: receivers ask again after
    /// 0.6 and 1.25 of them.
    pub fn answer(&mut self, nack: &Nack, min_repeat: Duration, now: Time) -> Answer<'_> {
        self.forget_old(now);
        let mut pieces = [0; Packetizer::MAX_PIECES / 64];
        for piece in &nack.pieces {
            if let Some(word) = pieces.get_mut(usize::from(piece / 64)) {
                *word |= 1 << (piece % 64);
            }
        }
        if nack.pieces.is_empty() {
            pieces.fill(u64::MAX);
        }
        let (stream, spatial, frame) = (nack.stream, nack.spatial, nack.frame);
        Answer { resend: self, at: 0, stream, spatial, frame, pieces, min_repeat, now }
    }

    /// What a receiver asked for and is not here: whoever sent it to us may still have it. Of a whole frame nothing is
    /// missing when some of it is here: once that has come, the rest is asked for piece by piece.
    pub fn missing(&mut self, nack: &Nack, now: Time) -> Option<Nack> {
        self.forget_old(now);
        let mut here = [0; Packetizer::MAX_PIECES / 64];
        let place = (nack.stream, nack.spatial, nack.frame);
        for body in self.bodies.iter().filter(|body| (body.stream, body.spatial, body.frame) == place) {
            here[usize::from(body.piece / 64)] |= 1_u64 << (body.piece % 64);
        }
        if nack.pieces.is_empty() {
            return here.iter().all(|word| *word == 0).then(|| nack.clone());
        }
        let is_here =
            |piece: u16| here.get(usize::from(piece / 64)).is_some_and(|word| word >> (piece % 64) & 1 == 1);
        let pieces: heapless::Vec<u16, { Nack::MAX_PIECES }> =
            nack.pieces.iter().copied().filter(|piece| !is_here(*piece)).collect();
        (!pieces.is_empty()).then(|| Nack { pieces, ..*nack })
    }

    /// How many bodies are kept.
    pub fn len(&self) -> usize {
        self.bodies.len()
    }

    /// Whether nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.bodies.is_empty()
    }

    /// Forgets everything: what was sent before a picture was withdrawn must not leave after it.
    pub fn clear(&mut self) {
        self.bodies.clear();
    }

    fn forget_old(&mut self, now: Time) {
        while self.bodies.front().is_some_and(|oldest| now.since(oldest.sent) > self.config.max_age) {
            self.bodies.pop_front();
        }
    }

    /// Where the next `len` bytes go, behind the newest body or, where the ring ends, at its start.
    fn make_room(&mut self, len: usize) -> usize {
        if self.bodies.len() == self.config.max_bodies {
            self.bodies.pop_front();
        }
        let end = self.bodies.back().map_or(0, Body::end);
        let wraps = end + len > self.bytes.len();
        let start = if wraps { 0 } else { end };
        while let Some(oldest) = self.bodies.front() {
            // Those between the newest body and the ring's end are the oldest.
            let skipped = wraps && oldest.start >= end;
            let overlaps = oldest.start < start + len && start < oldest.end();
            if !skipped && !overlaps {
                break;
            }
            self.bodies.pop_front();
        }
        start
    }
}

/// The bodies that answer one [`Nack`].
#[derive(Debug)]
pub struct Answer<'a> {
    resend: &'a mut Resend,
    at: usize,
    stream: StreamId,
    spatial: u8,
    frame: u32,
    pieces: [u64; Packetizer::MAX_PIECES / 64],
    min_repeat: Duration,
    now: Time,
}

impl Answer<'_> {
    /// The next body, of kind [`Kind::Retransmission`] and otherwise as it was sent; it counts as sent again.
    pub fn next_body(&mut self) -> Option<&[u8]> {
        loop {
            let body = self.resend.bodies.get_mut(self.at)?;
            self.at += 1;
            let same_frame =
                (body.stream, body.spatial, body.frame) == (self.stream, self.spatial, self.frame);
            let asked = self.pieces[usize::from(body.piece / 64)] >> (body.piece % 64) & 1 == 1;
            let rested = body.repeated.is_none_or(|at| self.now.since(at) >= self.min_repeat);
            if same_frame && asked && rested {
                body.repeated = Some(self.now);
                let range = body.start..body.end();
                return self.resend.bytes.get(range);
            }
        }
    }
}

#[cfg(test)]
mod tests;
