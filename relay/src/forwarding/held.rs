//! What waits for its turn on one way down, copied out of the inbox: pieces of pictures, or bodies of files, each flow in its order and the
//! flows in turn, so that one that floods holds up none of the others. Sound never waits here.
//!
//! What waits is bounded in bytes, for the way down, and in pieces, for the memory: each has a buffer of the largest body, however
//! small it is. Buffers go round: once as much has waited as ever does, nothing more is allocated.

use std::collections::VecDeque;

use vestibule_common::id::StreamId;
use vestibule_common::media::Packetizer;
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
/// Nor more pieces than this: as many of the largest are more than [`MOST`], and all their buffers are 300 kB.
pub(super) const MOST_PIECES: usize = 256;

/// The pieces of one frame that wait, by their numbers.
pub(super) struct Waiting([u64; Packetizer::MAX_PIECES / 64]);

impl Waiting {
    pub(super) fn contains(&self, piece: u16) -> bool {
        self.0.get(usize::from(piece / 64)).is_some_and(|word| word >> (piece % 64) & 1 == 1)
    }
}

/// One piece.
pub(super) struct Piece {
    pub(super) body: Vec<u8>,
    pub(super) source: Option<Slot>,
    pub(super) flow: u32,
    pub(super) arrived: Time,
    pub(super) stamp: Stamp,
    pub(super) keyframe: bool,
    /// Of a picture: its layer, frame and number, read once.
    place: Option<(u8, u32, u16)>,
}

#[derive(Default)]
pub(super) struct Held {
    pieces: VecDeque<Piece>,
    /// How many pieces of each flow wait.
    flows: Vec<(u32, usize)>,
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
        match self.flows.iter_mut().find(|(known, _)| *known == flow) {
            Some((_, count)) => *count += 1,
            None => self.flows.push((flow, 1)),
        }
        let place = MediaHeader::parse(body).ok();
        let place = place.map(|(header, _)| (header.layer.spatial, header.frame, header.piece));
        self.pieces.push_back(Piece { body: bytes, source, flow, arrived, stamp, keyframe, place });
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
        let alone = self.flows.len() == 1;
        let other = self.pieces.iter().position(|piece| alone || Some(piece.flow) != self.last);
        other.or_else(|| (!self.pieces.is_empty()).then_some(0))
    }

    fn take_off(&mut self, piece: &Piece) {
        if let Some(index) = self.flows.iter().position(|(flow, _)| *flow == piece.flow) {
            self.flows[index].1 -= 1;
            if self.flows[index].1 == 0 {
                self.flows.swap_remove(index);
            }
        }
        self.size = DataSize::bytes(self.size.as_bytes().saturating_sub(size_at_ip(&piece.body).as_bytes()));
        self.least[0] = self.least[0].min(self.size);
    }

    pub(super) fn recycle(&mut self, piece: Piece) {
        // One more is there while it is seen that it is one too many.
        if self.spare.len() + self.pieces.len() <= MOST_PIECES {
            self.spare.push(piece.body);
        }
    }

    /// A flow of which what waits is of no use any more: it waited too long, or is most of what is too much.
    pub(super) fn late_flow(&self, now: Time) -> Option<u32> {
        let waits = |piece: &Piece| {
            now.since(piece.arrived) > if piece.keyframe { LONGEST_KEYFRAME } else { LONGEST }
        };
        // Only the first piece of each flow counts: what comes behind a keyframe waits with it. Those that came later are not late.
        let old = self.pieces.iter().take_while(|piece| now.since(piece.arrived) > LONGEST);
        let is_first = |index: usize, flow: u32| self.pieces.range(..index).all(|piece| piece.flow != flow);
        let mut late = old.enumerate().filter(|(_, piece)| waits(piece));
        let late = late.find(|(index, piece)| is_first(*index, piece.flow)).map(|(_, piece)| piece.flow);
        let too_much = self.size > MOST || self.pieces.len() > MOST_PIECES;
        late.or_else(|| {
            let most = self.flows.iter().filter(|_| too_much).max_by_key(|(_, count)| *count);
            most.map(|(flow, _)| *flow)
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

    /// How many pieces wait.
    pub(super) fn len(&self) -> usize {
        self.pieces.len()
    }

    /// Which pieces of a frame of pictures wait here, perhaps as ones sent again.
    pub(super) fn waiting(&self, stream: StreamId, spatial: u8, frame: u32) -> Waiting {
        let mut waiting = Waiting([0; Packetizer::MAX_PIECES / 64]);
        for piece in self.pieces.iter().filter(|piece| piece.flow == stream.0) {
            if let Some((layer, number, piece)) = piece.place
                && (layer, number) == (spatial, frame)
                && let Some(word) = waiting.0.get_mut(usize::from(piece / 64))
            {
                *word |= 1 << (piece % 64);
            }
        }
        waiting
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
    use vestibule_common::wire::Kind;

    use super::super::inbox::Inbox;
    use super::super::tests::media;
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

    /// However small the pieces are, each costs a buffer.
    #[test]
    fn pieces_are_bounded_and_the_flow_with_the_most_goes() {
        let (mut inbox, mut held) = (Inbox::new(), Held::default());
        let places = [1, 2].map(|flow| inbox.push(&[0; 27], None, flow, Stamp::Nothing, Time::ZERO).unwrap());
        for n in 0..=MOST_PIECES {
            assert_eq!(held.late_flow(Time::ZERO), None, "{n} pieces");
            let (entry, body) = inbox.get(places[usize::from(n % 3 == 0)]).unwrap();
            held.push(entry, body, false);
        }
        assert_eq!(held.late_flow(Time::ZERO), Some(1));
        assert_eq!((held.drop_flow(1), held.len()), (171, MOST_PIECES + 1 - 171));
        assert_eq!(held.late_flow(Time::ZERO), None);
        assert!(held.spare.len() + held.len() <= MOST_PIECES + 1);
    }

    #[test]
    fn a_keyframe_that_waits_hides_no_other_flow_that_is_late() {
        let (mut inbox, mut held) = (Inbox::new(), Held::default());
        for (flow, ms, keyframe) in [(1, 0, true), (1, 1, false), (2, 2, false), (3, 150, false)] {
            let place = inbox.push(&[0; 27], None, flow, Stamp::Nothing, Time::from_millis(ms)).unwrap();
            let (entry, body) = inbox.get(place).unwrap();
            held.push(entry, body, keyframe);
        }
        let late = |held: &Held, ms| held.late_flow(Time::from_millis(ms));
        assert_eq!(
            (late(&held, 302), late(&held, 303)),
            (None, Some(2)),
            "what is behind the keyframe waits"
        );
        held.drop_flow(2);
        assert_eq!((late(&held, 450), late(&held, 451)), (None, Some(3)));
        held.drop_flow(3);
        assert_eq!((late(&held, 1000), late(&held, 1001)), (None, Some(1)));
    }

    #[test]
    fn what_waits_of_a_frame_is_known_by_its_pieces() {
        let (mut inbox, mut held) = (Inbox::new(), Held::default());
        for (frame, piece) in [(7, 0), (7, 65), (8, 1), (7, 511)] {
            let body = media(Kind::Video, StreamId(3), frame, piece, 512, 10);
            let place = inbox.push(&body, None, 3, Stamp::Nothing, Time::ZERO).unwrap();
            let (entry, body) = inbox.get(place).unwrap();
            held.push(entry, body, false);
        }
        let pieces = |stream, spatial, frame| -> Vec<u16> {
            let waiting = held.waiting(StreamId(stream), spatial, frame);
            (0..600).filter(|piece| waiting.contains(*piece)).collect()
        };
        assert_eq!((pieces(3, 0, 7), pieces(3, 0, 8)), (vec![0, 65, 511], vec![1]));
        assert_eq!((pieces(3, 1, 7), pieces(4, 0, 7)), (vec![], vec![]));
    }
}
