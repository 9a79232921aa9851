//! The last two minutes, a second at a time. Seconds of which nothing was heard are kept as unknown, so that a gap stays
//! a gap; bounded in seconds and rooms.

use std::collections::{BTreeMap, VecDeque};

use vestibule_common::id::PeerId;
use vestibule_common::time::{Duration, Time};

use super::sample::{LinkSample, NetworkSample, RoomSample};

/// Seconds kept.
pub const KEPT: usize = 120;
/// Rooms kept at most.
pub const MAX_ROOMS: usize = 32;

const SECOND: Duration = Duration::from_secs(1);

/// One second.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Moment {
    /// How long the room had been in the meeting.
    pub into: Duration,
    /// The own link.
    pub link: LinkSample,
    /// The other rooms that something is known of.
    pub rooms: BTreeMap<PeerId, RoomSample>,
}

/// The last two minutes of a meeting.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct NetworkHistory {
    /// Oldest first.
    moments: VecDeque<Moment>,
    /// What the rooms are called.
    names: BTreeMap<PeerId, String>,
    /// When the newest moment was.
    last: Option<Time>,
}

impl NetworkHistory {
    /// Keeps a sample taken now, `into` the meeting. Of rooms other than `others` nothing is kept, nor of more than
    /// [`MAX_ROOMS`].
    pub fn record<'n>(
        &mut self,
        sample: NetworkSample,
        others: impl Iterator<Item = (PeerId, &'n str)>,
        now: Time,
        into: Duration,
    ) {
        let mut before = std::mem::take(&mut self.names);
        for (peer, name) in others.take(MAX_ROOMS) {
            // A name seldom changes, and this runs once a second.
            let kept = before.remove(&peer).filter(|known| known == name);
            self.names.insert(peer, kept.unwrap_or_else(|| name.to_owned()));
        }
        let gone = !before.is_empty();
        let names = &self.names;
        let NetworkSample { link, mut rooms } = sample;
        rooms.retain(|peer, _| names.contains_key(peer));
        if let Some(last) = self.last {
            let passed = now.since(last);
            if passed < SECOND / 2 {
                // Two samples of the same second: the newer one knows more.
                self.moments.pop_back();
            }
            // One and a half: a sample that is a little late is no gap.
            let missed = ((passed + SECOND / 2).as_secs().saturating_sub(1)).min(KEPT as u64) as u32;
            for back in (1..=missed).rev() {
                self.push(Moment { into: into.saturating_sub(SECOND * back), ..Moment::default() });
            }
        }
        self.push(Moment { into, link, rooms });
        self.last = Some(now);
        if gone {
            self.drop_unnamed();
        }
    }

    /// Forgets every room that is not wanted.
    pub fn keep_only(&mut self, wanted: impl Fn(&PeerId) -> bool) {
        self.names.retain(|peer, _| wanted(peer));
        self.drop_unnamed();
    }

    /// The moments, oldest first, at most [`KEPT`].
    pub fn moments(&self) -> impl DoubleEndedIterator<Item = &Moment> + ExactSizeIterator {
        self.moments.iter()
    }

    /// The rooms it knows, with their names.
    pub fn rooms(&self) -> impl Iterator<Item = (&PeerId, &str)> {
        self.names.iter().map(|(peer, name)| (peer, name.as_str()))
    }

    /// Nothing was recorded.
    pub fn is_empty(&self) -> bool {
        self.moments.is_empty()
    }

    fn push(&mut self, moment: Moment) {
        if self.moments.len() == KEPT {
            self.moments.pop_front();
        }
        self.moments.push_back(moment);
    }

    fn drop_unnamed(&mut self) {
        let names = &self.names;
        for moment in &mut self.moments {
            moment.rooms.retain(|peer, _| names.contains_key(peer));
        }
    }
}
