//! A piece as the code sees it: its length in two bytes, its payload, and zeros up to the size that all shards share.
//!
//! The length is inside because the last piece of a frame is shorter and a receiver who misses it knows its length from
//! nowhere else. Sizes are even because the code's symbols have two bytes.

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
    fn a_payload_comes_back_and_what_is_none_does_not() {
        let mut shard = Shard::default();
        assert_eq!(shard.fill(&[7, 8, 9], size_for(3)), [0, 3, 7, 8, 9, 0]);
        assert_eq!(payload(shard.fill(&[7, 8], size_for(7))), Some(&[7, 8][..]));
        for none in [&[][..], &[0], &[0, 0, 0, 0], &[0, 3, 1, 2], &[0, 1, 1, 2]] {
            assert_eq!(payload(none), None);
        }
    }
}
