//! One frame while its pieces come in. Every field comes from the network: pieces that contradict the first are
//! refused, and the buffer is as large as the pieces say, never larger than the largest frame.

use super::Accepted;
use crate::media::packetizer::Packetizer;
use crate::time::Time;
use crate::wire::{Layer, MAX_PAYLOAD, MediaHeader, StageTimes};

/// The most bytes of one frame.
pub(super) const MAX_BYTES: usize = Packetizer::MAX_FRAME;

/// A piece that could have been made by a packetizer.
pub(super) struct Piece<'a> {
    header: &'a MediaHeader,
    payload: &'a [u8],
}

impl<'a> Piece<'a> {
    pub(super) fn check(header: &'a MediaHeader, payload: &'a [u8]) -> Option<Piece<'a>> {
        let possible = (1..=Packetizer::MAX_PIECES).contains(&usize::from(header.pieces))
            && header.piece < header.pieces
            && (1..=MAX_PAYLOAD).contains(&payload.len());
        possible.then_some(Piece { header, payload })
    }

    fn is_last(&self) -> bool {
        self.header.piece + 1 == self.header.pieces
    }
}

/// A frame in flight.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) number: u32,
    pub(super) keyframe: bool,
    pub(super) discardable: bool,
    pub(super) layer: Layer,
    pub(super) reference_distance: u16,
    pub(super) captured: Time,
    pub(super) stages: Option<StageTimes>,
    pub(super) first_arrival: Time,
    pub(super) last_arrival: Time,
    pub(super) completed: Option<Time>,
    /// Until the size is known, the last piece alone; then every piece at its place.
    pub(super) bytes: Vec<u8>,
    pieces: u16,
    /// Bytes of every piece but the last, once one of them came.
    size: Option<usize>,
    last_len: Option<usize>,
    got: [u64; Packetizer::MAX_PIECES / 64],
    missing: u16,
}

impl Slot {
    /// `bytes` is an empty buffer, `header` that of the piece which is about to be added.
    pub(super) fn new(header: &MediaHeader, bytes: Vec<u8>, now: Time) -> Slot {
        Slot {
            number: header.frame,
            keyframe: header.flags.keyframe,
            discardable: header.flags.discardable,
            layer: header.layer,
            reference_distance: header.reference_distance,
            captured: header.captured,
            stages: header.stages,
            first_arrival: now,
            last_arrival: now,
            completed: None,
            bytes,
            pieces: header.pieces,
            size: None,
            last_len: None,
            got: [0; Packetizer::MAX_PIECES / 64],
            missing: header.pieces,
        }
    }

    pub(super) fn is_whole(&self) -> bool {
        self.missing == 0
    }

    pub(super) fn add(&mut self, piece: &Piece<'_>, now: Time) -> Accepted {
        let header = piece.header;
        let same_frame = header.pieces == self.pieces
            && header.flags.keyframe == self.keyframe
            && header.flags.discardable == self.discardable
            && header.layer == self.layer
            && header.reference_distance == self.reference_distance
            && header.captured == self.captured;
        if !same_frame {
            return Accepted::Invalid;
        }
        let (word, bit) = (usize::from(header.piece / 64), 1 << (header.piece % 64));
        if self.got[word] & bit != 0 {
            return Accepted::Duplicate;
        }
        let stored = if piece.is_last() { self.add_last(piece) } else { self.add_inner(piece) };
        if !stored {
            return Accepted::Invalid;
        }
        self.got[word] |= bit;
        self.missing -= 1;
        self.last_arrival = now;
        self.stages = header.stages.or(self.stages);
        if self.missing > 0 {
            return Accepted::Stored;
        }
        self.completed = Some(now);
        Accepted::Completed
    }

    fn add_last(&mut self, piece: &Piece<'_>) -> bool {
        let len = piece.payload.len();
        match self.size {
            Some(size) if len > size => return false,
            Some(size) => {
                let start = size * usize::from(self.pieces - 1);
                self.bytes.truncate(start);
                self.bytes.extend_from_slice(piece.payload);
            }
            None => self.bytes.extend_from_slice(piece.payload),
        }
        self.last_len = Some(len);
        true
    }

    fn add_inner(&mut self, piece: &Piece<'_>) -> bool {
        let len = piece.payload.len();
        if self.size.is_none_or(|size| size == len) && self.last_len.is_none_or(|last| last <= len) {
            self.lay_out(len);
            let start = len * usize::from(piece.header.piece);
            self.bytes[start..start + len].copy_from_slice(piece.payload);
            return true;
        }
        false
    }

    /// Makes room for all pieces, once it is known how large they are.
    fn lay_out(&mut self, size: usize) {
        if self.size.is_some() {
            return;
        }
        self.size = Some(size);
        let start = size * usize::from(self.pieces - 1);
        let last = self.last_len.unwrap_or(0);
        let total = start + self.last_len.unwrap_or(size);
        self.bytes.reserve_exact(total.saturating_sub(self.bytes.len()));
        self.bytes.resize(total, 0);
        self.bytes.copy_within(..last, start);
    }
}
