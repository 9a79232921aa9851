//! What waits for its turn on one way down, copied out of the inbox: pieces of pictures, or bodies of files, each flow in its order and the
//! flows in turn, so that one that floods holds up none of the others. Sound never waits here.
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
    /// The least that waited since it was asked, and in the time before that.
    least: [DataSize; 2],
    spare: Vec<Vec<u8>>,
    /// Whose turn it was last.
    last: Option<u32>,
}

impl Held {
    /// A piece of a keyframe may wait longer, see [`Held::late_flow`].
    pub(super) fn push(&mut self, entry: &Entry, body: &[u8], keyframe: bool) {
        let mut bytes = self.spare.pop().unwrap_or_else(|| Vec::with_capacity(MAX_BODY));
        bytes.clear();
        bytes.extend_from_slice(body);
        self.size += size_at_ip(body);
        let Entry { source, flow, arrived, stamp, .. } = *entry;
        self.pieces.push_back(Piece { body: bytes, source, flow, arrived, stamp, keyframe });
    }

    /// The piece whose turn it is: the first of another flow than the last one, if there is one.
    pub(super) fn first(&self) -> Option<&Piece> {
        self.pieces.get(self.turn()?)
    }

    pub(super) fn pop(&mut self) -> Option<Piece> {
        let piece = self.pieces.remove(self.turn()?)?;
        self.last = Some(piece.flow);
        self.take_off(&piece);
        Some(piece)
    }

    fn turn(&self) -> Option<usize> {
        let other = self.pieces.iter().position(|piece| Some(piece.flow) != self.last);
        other.or_else(|| (!self.pieces.is_empty()).then_some(0))
    }

    fn take_off(&mut self, piece: &Piece) {
        self.size = DataSize::bytes(self.size.as_bytes().saturating_sub(size_at_ip(&piece.body).as_bytes()));
        self.least[0] = self.least[0].min(self.size);
    }

    pub(super) fn recycle(&mut self, piece: Piece) {
        if self.spare.len() + self.pieces.len() < BUFFERS {
            self.spare.push(piece.body);
        }
    }

    /// A flow of which what waits is of no use any more: it waited too long, or is most of what is too much.
    pub(super) fn late_flow(&self, now: Time) -> Option<u32> {
        let waits = |piece: &&Piece| {
            now.since(piece.arrived) > if piece.keyframe { LONGEST_KEYFRAME } else { LONGEST }
        };
        let late = self.pieces.front().filter(waits).map(|piece| piece.flow);
        let of = |flow: u32| self.pieces.iter().filter(move |piece| piece.flow == flow).count();
        late.or_else(|| {
            let too_much = self.size > MOST;
            too_much.then(|| self.pieces.iter().map(|piece| piece.flow).max_by_key(|flow| of(*flow)))?
        })
    }

    /// Bytes that waited all the time since this was asked the time before last, at IP level: a picture that is just leaving
    /// is no debt.
    pub(super) fn take_standing(&mut self) -> DataSize {
        let [since, before] = self.least;
        self.least = [self.size, since];
        since.min(before)
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
        self.drop_where(|piece| piece.source == Some(source))
    }

    /// Drops what waits of a flow, and says how many pieces that were.
    pub(super) fn drop_flow(&mut self, flow: u32) -> u64 {
        self.drop_where(|piece| piece.flow == flow)
    }

    fn drop_where(&mut self, goes: impl Fn(&Piece) -> bool) -> u64 {
        let before = self.pieces.len();
        for _ in 0..before {
            match self.pieces.pop_front() {
                Some(piece) if goes(&piece) => {
                    self.take_off(&piece);
                    self.recycle(piece);
                }
                Some(piece) => self.pieces.push_back(piece),
                None => break,
            }
        }
        (before - self.pieces.len()) as u64
    }

    /// Drops everything.
    pub(super) fn clear(&mut self) -> u64 {
        let count = self.drop_where(|_| true);
        self.least = Default::default();
        count
    }
}

#[cfg(test)]
mod tests {
    use super::super::inbox::Inbox;
    use super::*;

    #[test]
    fn only_what_waits_all_the_time_is_a_debt() {
        let (mut inbox, mut held) = (Inbox::new(), Held::default());
        let body = [0; 943];
        let place = inbox.push(&body, None, 1, Stamp::Nothing, Time::ZERO).unwrap();
        let (entry, body) = inbox.get(place).unwrap();
        // Every picture of two pieces has left before the next one comes.
        for _ in 0..4 {
            held.push(entry, body, false);
            held.push(entry, body, false);
            assert_eq!(held.take_standing(), DataSize::default());
            held.pop();
            held.pop();
        }
        (0..5).for_each(|_| held.push(entry, body, false));
        held.take_standing();
        held.pop();
        held.take_standing();
        held.push(entry, body, false);
        assert_eq!(held.take_standing(), DataSize::bytes(4000));
        held.clear();
        assert_eq!(held.take_standing(), DataSize::default());
    }
}
