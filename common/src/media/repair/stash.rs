//! The repairs of one frame that came and are not used up yet, all of one size.

use super::Blocks;
use super::shard;
use crate::wire::MAX_PAYLOAD;

/// Repairs in the order in which they came.
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
        let possible = size.is_multiple_of(2) && (shard::size_for(1)..=MAX_PAYLOAD).contains(&size);
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

    /// Bytes of each repair.
    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// The repairs of a block, each with its place there.
    pub(super) fn of_block(&self, blocks: Blocks, block: usize) -> impl Iterator<Item = (usize, &[u8])> {
        self.indexes.iter().zip(self.bytes.chunks_exact(self.size.max(1))).filter_map(
            move |(repair, bytes)| {
                let (of, place) = blocks.place(*repair);
                (of == block).then_some((place, bytes))
            },
        )
    }
}
