//! A piece as the code sees it: its length in two bytes, its payload, and zeros up to the size that all shards share.
//!
//! The length is inside because the last piece of a frame is shorter and a receiver who misses it knows its length
//! from nowhere else. Sizes are even because the code's symbols have two bytes.

use crate::wire::MAX_PAYLOAD;

/// Bytes of the length in front.
pub(super) const PREFIX: usize = 2;

/// The shards' size for pieces of at most `longest` bytes.
pub(super) fn size_for(longest: usize) -> usize {
    (PREFIX + longest).next_multiple_of(2)
}

/// A buffer for one shard.
#[derive(Debug)]
pub(super) struct Shard([u8; MAX_PAYLOAD]);

impl Default for Shard {
    fn default() -> Self {
        Shard([0; MAX_PAYLOAD])
    }
}

impl Shard {
    /// The shard of a payload that is short enough for `size`, which is at most [`MAX_PAYLOAD`].
    pub(super) fn fill(&mut self, payload: &[u8], size: usize) -> &[u8] {
        let shard = &mut self.0[..size];
        let end = PREFIX + payload.len();
        shard[..PREFIX].copy_from_slice(&(payload.len() as u16).to_be_bytes());
        shard[PREFIX..end].copy_from_slice(payload);
        shard[end..].fill(0);
        shard
    }
}

/// A shard in chunks of 64 bytes, as the engine multiplies it: the low bytes of 32 symbols, then their high bytes.
pub(super) type Chunks = [[u8; 64]; MAX_PAYLOAD.div_ceil(64)];
pub(super) const ZEROS: Chunks = [[0; 64]; MAX_PAYLOAD.div_ceil(64)];

/// The chunks of a shard of at most [`MAX_PAYLOAD`] bytes. Of a last chunk that is not full, both halves are.
pub(super) fn spread(shard: &[u8]) -> Chunks {
    let mut chunks = ZEROS;
    let (full, tail) = shard.as_chunks::<64>();
    chunks[..full.len()].copy_from_slice(full);
    if let Some(last) = chunks.get_mut(full.len()) {
        let (low, high) = tail.split_at(tail.len() / 2);
        last[..low.len()].copy_from_slice(low);
        last[32..32 + high.len()].copy_from_slice(high);
    }
    chunks
}

/// The shard of `size` bytes whose chunks these are.
pub(super) fn gather<'a>(chunks: &Chunks, size: usize, shard: &'a mut Shard) -> &'a [u8] {
    let bytes = &mut shard.0[..size];
    bytes.copy_from_slice(&chunks.as_flattened()[..size]);
    let (full, half) = (size / 64, size % 64 / 2);
    if half > 0 {
        let last = &chunks[full];
        bytes[full * 64..][..half].copy_from_slice(&last[..half]);
        bytes[full * 64 + half..].copy_from_slice(&last[32..32 + half]);
    }
    bytes
}

/// The payload within a shard; `None` for bytes that are the shard of none.
pub(super) fn payload(shard: &[u8]) -> Option<&[u8]> {
    let (prefix, rest) = shard.split_first_chunk::<PREFIX>()?;
    let (payload, padding) = rest.split_at_checked(usize::from(u16::from_be_bytes(*prefix)))?;
    (!payload.is_empty() && padding.iter().all(|byte| *byte == 0)).then_some(payload)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_in_chunks_comes_back() {
        for size in (2..=MAX_PAYLOAD).step_by(2) {
            let bytes: Vec<u8> = (0..size).map(|at| at as u8).collect();
            assert_eq!(gather(&spread(&bytes), size, &mut Shard::default()), bytes);
        }
        assert_eq!((spread(&[1, 2, 3, 4])[0][1], spread(&[1, 2, 3, 4])[0][32]), (2, 3));
    }

    #[test]
    fn a_payload_comes_back_and_what_is_none_does_not() {
        let mut shard = Shard::default();
        assert_eq!(shard.fill(&[7, 8, 9], size_for(3)), [0, 3, 7, 8, 9, 0]);
        assert_eq!(payload(shard.fill(&[7, 8], size_for(7))), Some(&[7, 8][..]));
        for none in [&[][..], &[0], &[0, 0, 0, 0], &[0, 3, 1, 2], &[0, 1, 1, 2]] {
            assert_eq!(payload(none), None);
        }
    }
}
