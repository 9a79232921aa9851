//! The receiving end of the code: repairs kept until there are enough, and the pieces that they give back.
//!
//! What comes out of repairs that contradict the pieces is arbitrary bytes; most are no shard and are refused, and the rest is the
//! decoder's to survive, as with any frame of a peer that means harm.

use core::fmt;

use reed_solomon_simd::engine::DefaultEngine;
use reed_solomon_simd::rate::{LowRateDecoder, RateDecoder};

use super::Blocks;
use super::shard::{self, Shard};
use crate::wire::MAX_PAYLOAD;

/// The repairs of one frame that are not used up yet, all of one size.
#[derive(Debug, Default)]
pub(in crate::media) struct Stash {
    size: usize,
    indexes: Vec<u16>,
    bytes: Vec<u8>,
}

impl Stash {
    pub(in crate::media) fn is_empty(&self) -> bool {
        self.indexes.is_empty()
    }

    /// Bytes held.
    pub(in crate::media) fn memory(&self) -> usize {
        self.bytes.capacity() + self.indexes.capacity() * size_of::<u16>()
    }

    pub(in crate::media) fn holds(&self, repair: u16) -> bool {
        self.indexes.contains(&repair)
    }

    /// How many repairs of a block are here.
    pub(in crate::media) fn held(&self, blocks: Blocks, block: usize) -> usize {
        self.indexes.iter().filter(|repair| blocks.place(**repair).0 == block).count()
    }

    /// Keeps a repair; `false` when it can be none, or not of the same frame as the others.
    pub(in crate::media) fn add(&mut self, repair: u16, payload: &[u8]) -> bool {
        let size = payload.len();
        let possible = size % 2 == 0 && (shard::size_for(1)..=MAX_PAYLOAD).contains(&size);
        if !possible || !self.is_empty() && size != self.size {
            return false;
        }
        self.size = size;
        self.indexes.push(repair);
        self.bytes.extend_from_slice(payload);
        true
    }

    /// Forgets all and gives back the memory.
    pub(in crate::media) fn clear(&mut self) {
        *self = Stash::default();
    }

    fn of_block(&self, blocks: Blocks, block: usize) -> impl Iterator<Item = (usize, &[u8])> {
        self.indexes.iter().zip(self.bytes.chunks_exact(self.size.max(1))).filter_map(
            move |(repair, bytes)| {
                let (of, place) = blocks.place(*repair);
                (of == block).then_some((place, bytes))
            },
        )
    }
}

/// The decoder and its working space: one for a receiver, made when the first repair is needed.
#[derive(Default)]
pub(in crate::media) struct Rebuilder {
    decoder: Option<Box<LowRateDecoder<DefaultEngine>>>,
}

impl fmt::Debug for Rebuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rebuilder").finish_non_exhaustive()
    }
}

impl Rebuilder {
    /// Takes the pieces and repairs of a block in; `payload` gives those pieces that came. `false` when they contradict
    /// each other or are too few.
    pub(in crate::media) fn load<'p>(
        &mut self,
        stash: &Stash,
        blocks: Blocks,
        block: usize,
        payload: impl Fn(u16) -> Option<&'p [u8]>,
    ) -> bool {
        let (size, pieces) = (stash.size, blocks.size(block));
        let repairs = stash.of_block(blocks, block).map(|(place, _)| place + 1).max().unwrap_or(0);
        let Some(decoder) = self.reset(pieces, repairs, size) else { return false };
        let mut shard = Shard::default();
        for place in 0..pieces {
            let Some(piece) = payload((place * blocks.count + block) as u16) else { continue };
            let fits = shard::size_for(piece.len()) <= size;
            if !fits || decoder.add_original_shard(place, shard.fill(piece, size)).is_err() {
                return false;
            }
        }
        stash.of_block(blocks, block).all(|(place, bytes)| decoder.add_recovery_shard(place, bytes).is_ok())
    }

    /// Works out what is missing of the block that was loaded, and gives each piece's place in the block and its payload
    /// to `each`. `false` when `each` says so, or when what comes out is no piece.
    pub(in crate::media) fn restore(&mut self, mut each: impl FnMut(usize, &[u8]) -> bool) -> bool {
        let Some(Ok(restored)) = self.decoder.as_mut().map(|decoder| decoder.decode()) else { return false };
        restored
            .restored_original_iter()
            .all(|(place, shard)| shard::payload(shard).is_some_and(|payload| each(place, payload)))
    }

    fn reset(
        &mut self,
        pieces: usize,
        repairs: usize,
        size: usize,
    ) -> Option<&mut LowRateDecoder<DefaultEngine>> {
        if let Some(decoder) = &mut self.decoder {
            decoder.reset(pieces, repairs, size).ok()?;
        } else {
            let decoder = LowRateDecoder::new(pieces, repairs, size, DefaultEngine::new(), None).ok()?;
            self.decoder = Some(Box::new(decoder));
        }
        self.decoder.as_deref_mut()
    }
}
