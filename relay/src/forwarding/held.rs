//! What waits for its turn on one way down, copied out of the inbox, in order: pieces of pictures, or bodies of files. Sound never waits here.
//!
//! Buffers go round: once as much has waited as ever does, nothing more is allocated.

use std::collections::VecDeque;

use vestibule_common::time::{Duration, Time};
use vestibule_common::unit::DataSize;
use vestibule_common::wire::{MAX_BODY, MediaHeader};

use super::Slot;
use super::inbox::{Entry, Stamp};
use super::outbox::size_at_ip;

/// More than so many bytes never wait for one receiver.
const MOST: DataSize = DataSize::bytes(256 * 1024);
/// A picture waits so long at most; a keyframe, on which the next ones build, as long as a receiver waits for it.
const LONGEST: Duration = Duration::from_millis(300);
const LONGEST_KEYFRAME: Duration = Duration::from_secs(1);
/// So many buffers go round: more than pieces of pictures that are [`MOST`] together. Only tiny ones could be more at a time.
const BUFFERS: usize = 256;

/// One piece.
pub(super) struct Piece {
    pub(super) body: Vec<u8>,
    pub(super) source: Option<Slot>,
    pub(super) flow: u32,
    pub(super) arrived: Time,
    pub(super) stamp: Stamp,
    pub(super) keyframe: bool,
}

#[derive(Default)]
pub(super) struct Held {
    pieces: VecDeque<Piece>,
    size: DataSize,
    spare: Vec<Vec<u8>>,
}

impl Held {
    /// A piece of a keyframe may wait longer, see [`Held::is_late`].
    pub(super) fn push(&mut self, entry: &Entry, body: &[u8], keyframe: bool) {
        let mut bytes = self.spare.pop().unwrap_or_else(|| Vec::with_capacity(MAX_BODY));
        bytes.clear();
        bytes.extend_from_slice(body);
        self.size += size_at_ip(body);
        let Entry { source, flow, arrived, stamp, .. } = *entry;
        self.pieces.push_back(Piece { body: bytes, source, flow, arrived, stamp, keyframe });
    }

    pub(super) fn first(&self) -> Option<&Piece> {
        self.pieces.front()
    }

    pub(super) fn pop(&mut self) -> Option<Piece> {
        let piece = self.pieces.pop_front()?;
        self.size = DataSize::bytes(self.size.as_bytes().saturating_sub(size_at_ip(&piece.body).as_bytes()));
        Some(piece)
    }

    pub(super) fn recycle(&mut self, piece: Piece) {
        if self.spare.len() + self.pieces.len() < BUFFERS {
            self.spare.push(piece.body);
        }
    }

    /// What waits is of no use any more: it waited too long, or is too much.
    pub(super) fn is_late(&self, now: Time) -> bool {
        let waits = |piece: &Piece| {
            now.since(piece.arrived) > if piece.keyframe { LONGEST_KEYFRAME } else { LONGEST }
        };
        self.pieces.front().is_some_and(waits) || self.size > MOST
    }

    /// Bytes that wait, at IP level.
    pub(super) fn size(&self) -> DataSize {
        self.size
    }

    pub(super) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Whether this piece of a picture, perhaps as one sent again, waits here.
    pub(super) fn holds(&self, body: &[u8]) -> bool {
        let place = |body| {
            let (header, _) = MediaHeader::parse(body).ok()?;
            Some((header.stream, header.layer.spatial, header.frame, header.piece))
        };
        let Some(wanted) = place(body) else { return false };
        let flow = wanted.0.0;
        self.pieces.iter().any(|piece| piece.flow == flow && place(&piece.body) == Some(wanted))
    }

    /// Drops what came from this sender, and says how many pieces that were.
    pub(super) fn revoke_from(&mut self, source: Slot) -> u64 {
        let before = self.pieces.len();
        for _ in 0..before {
            match self.pop() {
                Some(piece) if piece.source == Some(source) => self.recycle(piece),
                Some(piece) => {
                    self.size += size_at_ip(&piece.body);
                    self.pieces.push_back(piece);
                }
                None => break,
            }
        }
        (before - self.pieces.len()) as u64
    }

    /// Drops everything.
    pub(super) fn clear(&mut self) -> u64 {
        let count = self.pieces.len() as u64;
        while let Some(piece) = self.pop() {
            self.recycle(piece);
        }
        count
    }

    /// The flows of which something waits.
    pub(super) fn flows(&self) -> impl Iterator<Item = u32> {
        self.pieces.iter().map(|piece| piece.flow)
    }
}
