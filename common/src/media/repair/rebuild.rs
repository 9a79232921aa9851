//! The receiving end of the code: the pieces that enough repairs give back.
//!
//! Not the crate's decoder: that is made for thousands of shards and takes a millisecond and 128 KiB of stack for any
//! number of them. For at most [`MAX_BLOCK`](super::MAX_BLOCK) pieces, Lagrange's formula with the crate's vectorised
//! multiplication takes a few microseconds, as much as making the repairs.
//!
//! What comes out of repairs that contradict the pieces is arbitrary bytes; most are no shard and are refused, and
//! the rest is the decoder's to survive, as with any frame of a peer that means harm.

use core::fmt;

use reed_solomon_simd::engine::{DefaultEngine, Engine, GF_MODULUS, tables};

use super::Blocks;
use super::shard::{self, Chunks, Shard};
use super::stash::Stash;

/// A block's shards that came, and its working space: one for a receiver.
#[derive(Default)]
pub(in crate::media) struct Rebuilder {
    /// Made when the first repair is needed.
    engine: Option<DefaultEngine>,
    known: Vec<Known>,
    missing: Vec<u16>,
    /// The code's points beyond the pieces, where all is zero.
    zeros: core::ops::Range<u16>,
    /// Bytes of a shard.
    size: usize,
}

struct Known {
    point: u16,
    chunks: Chunks,
}

impl fmt::Debug for Rebuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rebuilder").finish_non_exhaustive()
    }
}

impl Rebuilder {
    /// Takes the pieces and repairs of a block in; `payload` gives those pieces that came. `false` when they
    /// contradict each other or are too few.
    pub(in crate::media) fn load<'p>(
        &mut self,
        stash: &Stash,
        blocks: Blocks,
        block: usize,
        payload: impl Fn(u16) -> Option<&'p [u8]>,
    ) -> bool {
        let pieces = blocks.size(block);
        let points = pieces.next_power_of_two() as u16;
        self.size = stash.size();
        self.zeros = pieces as u16..points;
        self.known.clear();
        self.missing.clear();
        let mut shard = Shard::default();
        for place in 0..pieces {
            let Some(piece) = payload((place * blocks.count + block) as u16) else {
                self.missing.push(place as u16);
                continue;
            };
            if shard::size_for(piece.len()) > self.size {
                return false;
            }
            self.known
                .push(Known { point: place as u16, chunks: shard::spread(shard.fill(piece, self.size)) });
        }
        let repairs = stash.of_block(blocks, block).take(self.missing.len());
        self.known.extend(
            repairs
                .map(|(place, bytes)| Known { point: points + place as u16, chunks: shard::spread(bytes) }),
        );
        self.known.len() == pieces
    }

    /// Works out what is missing of the block that was loaded, and gives each piece's place in the block and its
    /// payload to `each`. `false` when `each` says so, or when what comes out is no piece.
    pub(in crate::media) fn restore(&mut self, mut each: impl FnMut(usize, &[u8]) -> bool) -> bool {
        let Rebuilder { engine, known, missing, zeros, size } = self;
        let engine = engine.get_or_insert_default();
        let log = &tables::get_exp_log().log;
        // Of the differences from `at` to all points but itself: what is zero has no logarithm.
        let product = |at: u16| {
            let points = known.iter().map(|known| known.point).chain(zeros.clone());
            points
                .filter(|point| *point != at)
                .map(|point| u64::from(log[usize::from(at ^ point)]))
                .sum::<u64>()
        };
        let order = u64::from(GF_MODULUS);
        let denominators: Vec<u64> = known.iter().map(|known| product(known.point) % order).collect();
        let chunks = size.div_ceil(64);
        missing.iter().all(|at| {
            let numerator = product(*at);
            let mut sum: Chunks = shard::ZEROS;
            for (known, denominator) in known.iter().zip(&denominators) {
                let own = u64::from(log[usize::from(at ^ known.point)]);
                let weight = (numerator + 2 * order - own - denominator) % order;
                let mut term = known.chunks;
                engine.mul(&mut term[..chunks], weight as u16);
                let terms = term[..chunks].as_flattened();
                sum.as_flattened_mut().iter_mut().zip(terms).for_each(|(sum, term)| *sum ^= term);
            }
            let mut bytes = Shard::default();
            let shard = shard::gather(&sum, *size, &mut bytes);
            shard::payload(shard).is_some_and(|payload| each(usize::from(*at), payload))
        })
    }
}
