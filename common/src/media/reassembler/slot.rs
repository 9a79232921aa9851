//! One frame while its pieces come in. Every field comes from the network: pieces that contradict the first are
//! refused, and the buffer is as large as the pieces say, never larger than the largest frame.

use heapless::Vec as FixedVec;

use super::Accepted;
use super::missing::Holes;
use super::waits::QUIET;
use crate::media::packetizer::Packetizer;
use crate::media::repair::{Blocks, Rebuilder, Stash};
use crate::time::{Duration, Time};
use crate::wire::{Kind, Layer, MAX_PAYLOAD, MediaHeader, Nack, StageTimes};

/// The most bytes of one frame.
pub(super) const MAX_BYTES: usize = Packetizer::MAX_FRAME;

/// A piece that could have been made by a packetizer, or a repair of one.
pub(super) struct Piece<'a> {
    header: &'a MediaHeader,
    payload: &'a [u8],
}

impl<'a> Piece<'a> {
    pub(super) fn check(header: &'a MediaHeader, payload: &'a [u8]) -> Option<Piece<'a>> {
        let piece = Piece { header, payload };
        let possible = (1..=Packetizer::MAX_PIECES).contains(&usize::from(header.pieces))
            && (1..=MAX_PAYLOAD).contains(&payload.len())
            && match piece.repair() {
                Some(repair) => Blocks::of(header.pieces).allows(repair),
                None => header.kind != Kind::Repair && header.piece < header.pieces,
            };
        possible.then_some(piece)
    }

    /// The index of a repair.
    fn repair(&self) -> Option<u16> {
        let index = self.header.piece.checked_sub(self.header.pieces);
        index.filter(|_| self.header.kind == Kind::Repair)
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
    holes: Holes,
    repairs: Stash,
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
            holes: Holes::default(),
            repairs: Stash::default(),
        }
    }

    pub(super) fn is_whole(&self) -> bool {
        self.missing == 0
    }

    /// Bytes held.
    pub(super) fn memory(&self) -> usize {
        self.bytes.capacity() + self.repairs.memory()
    }

    /// Takes a piece or a repair. What was skipped before it is missing from `overdue` on.
    pub(super) fn add(
        &mut self,
        piece: &Piece<'_>,
        overdue: Time,
        rebuilder: &mut Rebuilder,
        now: Time,
    ) -> Accepted {
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
        let refused = match piece.repair() {
            Some(repair) => self.add_repair(repair, piece.payload, overdue),
            None => self.add_piece(header.piece, piece.payload, overdue),
        };
        if let Some(refused) = refused {
            return refused;
        }
        self.last_arrival = now;
        self.stages = header.stages.or(self.stages);
        let block = Blocks::of(self.pieces).place(piece.repair().unwrap_or(header.piece)).0;
        if !self.rebuild(block, rebuilder) {
            return Accepted::Invalid;
        }
        if self.missing > 0 {
            return Accepted::Stored;
        }
        self.repairs.clear();
        self.completed = Some(now);
        Accepted::Completed
    }

    /// A later frame came: what is not here of this one is missing from `overdue` on.
    pub(super) fn reveal(&mut self, overdue: Time) {
        self.holes.reveal(self.pieces, overdue);
    }

    /// When pieces are to be asked for.
    pub(super) fn asks(&self) -> impl Iterator<Item = Time> {
        let quiet = (self.holes.seen() < self.pieces).then(|| self.last_arrival + QUIET);
        self.holes.times(|piece| !self.has(piece)).chain(quiet)
    }

    /// The pieces to ask for now, if any.
    pub(super) fn ask(&mut self, round_trip: Duration, now: Time) -> FixedVec<u16, { Nack::MAX_PIECES }> {
        if now.since(self.last_arrival) >= QUIET {
            self.reveal(now);
        }
        let got = self.got;
        self.holes.ask(|piece| !is_set(&got, piece), round_trip, now)
    }

    fn has(&self, piece: u16) -> bool {
        is_set(&self.got, piece)
    }

    /// Gives the reason when it is not taken.
    fn add_piece(&mut self, piece: u16, payload: &[u8], overdue: Time) -> Option<Accepted> {
        if self.has(piece) {
            return Some(Accepted::Duplicate);
        }
        if !self.store(piece, payload) {
            return Some(Accepted::Invalid);
        }
        self.holes.came(piece, overdue);
        None
    }

    /// The same for a repair.
    fn add_repair(&mut self, repair: u16, payload: &[u8], overdue: Time) -> Option<Accepted> {
        let blocks = Blocks::of(self.pieces);
        let block = blocks.place(repair).0;
        if self.repairs.holds(repair) {
            return Some(Accepted::Duplicate);
        }
        if self.missing_of(blocks, block) <= self.repairs.held(blocks, block) {
            return Some(Accepted::Ignored);
        }
        if !self.repairs.add(repair, payload) {
            return Some(Accepted::Invalid);
        }
        // Repairs are sent behind the pieces.
        self.reveal(overdue);
        None
    }

    /// Works out a block's missing pieces as soon as its repairs suffice. `false` when they contradict the pieces.
    fn rebuild(&mut self, block: usize, rebuilder: &mut Rebuilder) -> bool {
        let blocks = Blocks::of(self.pieces);
        if self.repairs.is_empty() {
            return true;
        }
        let missing = self.missing_of(blocks, block);
        if missing == 0 || missing > self.repairs.held(blocks, block) {
            return true;
        }
        let loaded = rebuilder.load(&self.repairs, blocks, block, |piece| self.payload(piece));
        let rebuilt = loaded
            && rebuilder.restore(|place, payload| self.store((place * blocks.count + block) as u16, payload));
        if !rebuilt {
            self.repairs.clear();
        }
        rebuilt
    }

    fn missing_of(&self, blocks: Blocks, block: usize) -> usize {
        (block..usize::from(self.pieces))
            .step_by(blocks.count)
            .filter(|piece| !self.has(*piece as u16))
            .count()
    }

    /// A piece that came.
    fn payload(&self, piece: u16) -> Option<&[u8]> {
        // Until the size is known, the only piece that may be here is the last one, at the start.
        let start = self.size.unwrap_or(0) * usize::from(piece);
        let last = piece + 1 == self.pieces;
        let len = if last { self.last_len } else { self.size }?;
        self.bytes.get(start..start + len).filter(|_| self.has(piece))
    }

    /// Puts a piece that is not here yet at its place; `false` when its length contradicts the others'.
    fn store(&mut self, piece: u16, payload: &[u8]) -> bool {
        let last = piece + 1 == self.pieces;
        let stored = if last { self.add_last(payload) } else { self.add_inner(piece, payload) };
        if stored {
            self.got[usize::from(piece / 64)] |= 1 << (piece % 64);
            self.missing -= 1;
        }
        stored
    }

    fn add_last(&mut self, payload: &[u8]) -> bool {
        let len = payload.len();
        match self.size {
            Some(size) if len > size => return false,
            Some(size) => {
                let start = size * usize::from(self.pieces - 1);
                self.bytes.truncate(start);
                self.bytes.extend_from_slice(payload);
            }
            None => self.bytes.extend_from_slice(payload),
        }
        self.last_len = Some(len);
        true
    }

    fn add_inner(&mut self, piece: u16, payload: &[u8]) -> bool {
        let len = payload.len();
        if self.size.is_none_or(|size| size == len) && self.last_len.is_none_or(|last| last <= len) {
            self.lay_out(len);
            let start = len * usize::from(piece);
            self.bytes[start..start + len].copy_from_slice(payload);
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

fn is_set(bits: &[u64; Packetizer::MAX_PIECES / 64], piece: u16) -> bool {
    bits[usize::from(piece / 64)] >> (piece % 64) & 1 == 1
}
