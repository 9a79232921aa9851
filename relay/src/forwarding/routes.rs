//! Who is in which room, and which stream is whose. Within a room everybody gets everybody else's streams.

use std::collections::BTreeMap;

use vestibule_common::control::Streams;
use vestibule_common::id::{RoomId, StreamId};

use super::Slot;

/// A session's place in a room.
#[derive(Copy, Clone, Debug)]
struct Membership {
    room: RoomId,
    streams: Streams,
}

#[derive(Default)]
pub(super) struct Routes {
    rooms: BTreeMap<RoomId, Vec<Slot>>,
    members: Vec<Option<Membership>>,
    owners: BTreeMap<StreamId, Slot>,
}

impl Routes {
    /// The slot must be in no room.
    pub(super) fn join(&mut self, slot: Slot, room: RoomId, streams: Streams) {
        let index = usize::from(slot);
        if self.members.len() <= index {
            self.members.resize(index + 1, None);
        }
        self.members[index] = Some(Membership { room, streams });
        self.rooms.entry(room).or_default().push(slot);
        for stream in each(&streams) {
            self.owners.insert(stream, slot);
        }
    }

    /// Takes the slot out of its room and returns the streams that nobody owns any more.
    pub(super) fn leave(&mut self, slot: Slot) -> impl Iterator<Item = StreamId> + use<> {
        let membership = self.members.get_mut(usize::from(slot)).and_then(Option::take);
        if let Some(Membership { room, .. }) = &membership
            && let Some(slots) = self.rooms.get_mut(room)
        {
            slots.retain(|other| *other != slot);
            if slots.is_empty() {
                self.rooms.remove(room);
            }
        }
        let mut freed = [None; 4];
        if let Some(Membership { streams, .. }) = &membership {
            for (place, stream) in freed.iter_mut().zip(each(streams)) {
                // A newer session of the same member may own its streams by now.
                if self.owners.get(&stream) == Some(&slot) {
                    self.owners.remove(&stream);
                    *place = Some(stream);
                }
            }
        }
        freed.into_iter().flatten()
    }

    /// The room that the slot is in.
    pub(super) fn room_of(&self, slot: Slot) -> Option<RoomId> {
        self.membership(slot).map(|membership| membership.room)
    }

    /// The streams on which the slot may send.
    pub(super) fn streams_of(&self, slot: Slot) -> Option<Streams> {
        self.membership(slot).map(|membership| membership.streams)
    }

    /// The other members of the slot's room.
    pub(super) fn others(&self, slot: Slot) -> impl Iterator<Item = Slot> {
        let slots = self.room_of(slot).and_then(|room| self.rooms.get(&room));
        slots.into_iter().flatten().copied().filter(move |other| *other != slot)
    }

    /// All members of the slot's room, itself among them.
    pub(super) fn members_beside(&self, slot: Slot) -> &[Slot] {
        self.room_of(slot).map_or(&[], |room| self.members_of(room))
    }

    /// All members of a room.
    pub(super) fn members_of(&self, room: RoomId) -> &[Slot] {
        self.rooms.get(&room).map_or(&[], Vec::as_slice)
    }

    /// The owner of a stream, if it is another member of the slot's room, with all its streams.
    pub(super) fn owner_beside(&self, slot: Slot, stream: StreamId) -> Option<(Slot, Streams)> {
        let owner = *self.owners.get(&stream)?;
        let (here, there) = (self.membership(slot)?, self.membership(owner)?);
        (owner != slot && here.room == there.room).then_some((owner, there.streams))
    }

    /// The owner of a stream.
    pub(super) fn owner(&self, stream: StreamId) -> Option<Slot> {
        self.owners.get(&stream).copied()
    }

    fn membership(&self, slot: Slot) -> Option<&Membership> {
        self.members.get(usize::from(slot))?.as_ref()
    }
}

fn each(streams: &Streams) -> [StreamId; 4] {
    [streams.audio, streams.video, streams.presentation, streams.file]
}
