//! Forward error correction: repair pieces from which a receiver works out lost ones without asking.
//!
//! A systematic Reed-Solomon code over the pieces of one frame: of a block of `k` pieces and any number of repairs,
//! any `k` are enough. Worth its bytes where a round trip is too long to send again. The code is the low-rate one of
//! Leopard-RS, whatever the counts, because its repairs do not depend on how many are made; PROTOCOL.md, section 13,
//! defines it.

mod rebuild;
mod shard;
mod stash;

use core::fmt;

use reed_solomon_simd::engine::DefaultEngine;
use reed_solomon_simd::rate::{LowRateEncoder, RateEncoder};

use super::packetizer::Pieces;
use crate::wire::{self, Kind, MAX_PAYLOAD, MediaFlags, MediaHeader};
pub(super) use rebuild::Rebuilder;
use shard::Shard;
pub(super) use stash::Stash;

/// The most pieces of one block.
pub const MAX_BLOCK: usize = 64;
/// The most bytes of a piece that repairs can protect: a repair carries two bytes more and still fits a datagram.
pub const MAX_PROTECTED: usize = MAX_PAYLOAD - shard::PREFIX;

/// How the pieces of a frame are dealt out to blocks, like cards: piece `p` and repair `r` belong to the blocks
/// `p % count` and `r % count`, so that pieces lost in a row hit all blocks alike.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) struct Blocks {
    pieces: usize,
    /// How many blocks there are: as few as [`MAX_BLOCK`] allows.
    pub(super) count: usize,
}

impl Blocks {
    pub(super) fn of(pieces: u16) -> Blocks {
        let pieces = usize::from(pieces).max(1);
        Blocks { pieces, count: pieces.div_ceil(MAX_BLOCK) }
    }

    /// Pieces of a block.
    pub(super) fn size(self, block: usize) -> usize {
        (self.pieces - block).div_ceil(self.count)
    }

    /// The block of a piece or of a repair, and its place there.
    pub(super) fn place(self, index: u16) -> (usize, usize) {
        (usize::from(index) % self.count, usize::from(index) / self.count)
    }

    /// Whether a frame may have a repair of this index: no block has more repairs than pieces.
    pub(super) fn allows(self, repair: u16) -> bool {
        let (block, at) = self.place(repair);
        at < self.size(block)
    }
}

/// How many repairs a frame of this many pieces needs so that it is whole without asking in at least 99 of 100 cases,
/// when each piece is lost with the probability `loss` (0 to 1), independently of the others.
///
/// The smallest `r` for which more than `r` of a block's `k + r` pieces and repairs are lost with a probability below
/// 1 %, the blocks sharing that percent; but at most half as many repairs as pieces, and one for a single piece (a
/// copy), so the aim is missed from about 20 % loss, and for two pieces from 6 %. 0 where the loss is too small to
/// matter. Where losses come in bursts, a frame sees far more of them than this reckons with, or none: repairs then
/// help less than they cost, and sending again must do the rest.
pub fn repairs_for(pieces: u16, loss: f64) -> u16 {
    const RESIDUAL: f64 = 0.01;
    let blocks = Blocks::of(pieces);
    let largest = blocks.size(0);
    let loss = if loss.is_nan() { 0.0 } else { loss.clamp(0.0, 1.0) };
    let aim = RESIDUAL / blocks.count as f64;
    let most = (largest / 2).max(1);
    let each =
        (0..most).find(|repairs| more_lost_than(*repairs, largest + repairs, loss) < aim).unwrap_or(most);
    (each * blocks.count).min((blocks.pieces / 2).max(1)) as u16
}

/// The probability that more than `lost` of `sent` are lost.
fn more_lost_than(lost: usize, sent: usize, loss: f64) -> f64 {
    let mut chance = (1.0 - loss).powi(sent as i32);
    let mut up_to = chance;
    for n in 1..=lost {
        // The binomial's next term from the one before; at a loss of 1 all terms below `sent` are 0.
        chance *= (sent - n + 1) as f64 / n as f64 * (loss / (1.0 - loss).max(f64::MIN_POSITIVE));
        up_to += chance;
    }
    1.0 - up_to
}

/// Why a frame can't be protected.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum RepairError {
    /// Its pieces have this many bytes, more than [`MAX_PROTECTED`]: cut them with
    /// [`Packetizer::with_repair_room`](super::Packetizer::with_repair_room).
    NoRoom(usize),
}

impl fmt::Display for RepairError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RepairError::NoRoom(bytes) => {
                write!(f, "pieces of {bytes} bytes leave no room for repairs; {MAX_PROTECTED} are the most")
            }
        }
    }
}

impl std::error::Error for RepairError {}

const SUPPORTED: &str = "1 to 64 pieces and repairs of an even size are within the code's limits";

/// Makes repairs. Keeps its working space, so make one for each sending thread.
pub struct Repairer {
    encoder: LowRateEncoder<DefaultEngine>,
    shard: Shard,
    /// The repairs of the present frame, in the order of their index.
    made: Vec<u8>,
}

impl fmt::Debug for Repairer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Repairer").finish_non_exhaustive()
    }
}

impl Default for Repairer {
    fn default() -> Self {
        Repairer::new()
    }
}

impl Repairer {
    /// The code's tables (8 MiB for the whole program) are computed by the first call in a program, which takes some
    /// ten milliseconds: make it before sound flows.
    pub fn new() -> Repairer {
        let encoder = LowRateEncoder::new(1, 1, 2, DefaultEngine::new(), None).expect(SUPPORTED);
        Repairer { encoder, shard: Shard::default(), made: Vec::new() }
    }

    /// Makes `count` repairs for a frame, or one for each piece when that is less.
    ///
    /// Errors: [`RepairError`].
    pub fn protect(&mut self, pieces: &Pieces<'_>, count: u16) -> Result<Repairs<'_>, RepairError> {
        let longest = pieces.payload(0).len();
        if longest > MAX_PROTECTED {
            return Err(RepairError::NoRoom(longest));
        }
        let count = count.min(pieces.count());
        let blocks = Blocks::of(pieces.count());
        let size = shard::size_for(longest);
        self.made.clear();
        self.made.resize(usize::from(count) * size, 0);
        for block in 0..blocks.count {
            self.encode(pieces, blocks, block, count, size);
        }
        Ok(Repairs { header: *pieces.header(), size, count, made: &self.made })
    }

    fn encode(&mut self, pieces: &Pieces<'_>, blocks: Blocks, block: usize, count: u16, size: usize) {
        let places = (block..usize::from(count)).step_by(blocks.count);
        if places.len() == 0 {
            return;
        }
        let originals = blocks.size(block);
        let encoder = &mut self.encoder;
        encoder.reset(originals, places.len(), size).expect(SUPPORTED);
        for piece in (block..blocks.pieces).step_by(blocks.count) {
            encoder.add_original_shard(self.shard.fill(pieces.payload(piece as u16), size)).expect(SUPPORTED);
        }
        let encoded = encoder.encode().expect(SUPPORTED);
        for (place, repair) in places.zip(encoded.recovery_iter()) {
            self.made[place * size..][..size].copy_from_slice(repair);
        }
    }
}

/// The repairs of one frame, written like its pieces.
#[derive(Clone, Debug)]
pub struct Repairs<'a> {
    header: MediaHeader,
    size: usize,
    count: u16,
    made: &'a [u8],
}

impl Repairs<'_> {
    /// How many there are.
    pub fn count(&self) -> u16 {
        self.count
    }

    /// Writes the body of repair `index`, header and payload, to the start of `out` and returns its length.
    /// [`wire::MAX_BODY`] bytes are always enough.
    ///
    /// Errors: [`wire::Error::Invalid`] for an index of [`Repairs::count`] or more; [`wire::Error::TooLong`] when
    /// `out` is too short.
    pub fn write(&self, index: u16, out: &mut [u8]) -> Result<usize, wire::Error> {
        if index >= self.count {
            return Err(wire::Error::Invalid("repair number"));
        }
        let header = MediaHeader {
            kind: Kind::Repair,
            piece: self.header.pieces + index,
            flags: MediaFlags { end_of_frame: false, ..self.header.flags },
            ..self.header
        };
        let start = header.emit(out)?;
        let payload = &self.made[usize::from(index) * self.size..][..self.size];
        let end = start + payload.len();
        out.get_mut(start..end).ok_or(wire::Error::TooLong)?.copy_from_slice(payload);
        Ok(end)
    }
}

#[cfg(test)]
mod tests;
