//! The opened bodies of one receive batch, until every receiver has got its copy.
//!
//! A fixed number of places, each large enough for any body. All are freed at once when nobody is left to be served.

use vestibule_common::time::Time;
use vestibule_common::wire::MAX_BODY;

use super::Slot;

/// What the relay writes into a body at the moment it leaves.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum Stamp {
    /// Nothing.
    Nothing,
    /// How long it was here, into a media header's stage times.
    RelayTime,
    /// The time it leaves, into a time answer.
    Answered,
}

/// One body.
#[derive(Copy, Clone, Debug)]
pub(super) struct Entry {
    /// Bytes of the body.
    pub(super) len: u16,
    /// Whose body it is; `None` for one that the relay made.
    pub(super) source: Option<Slot>,
    /// Bodies of one flow keep their order.
    pub(super) flow: u32,
    /// What is written when it leaves.
    pub(super) stamp: Stamp,
    /// When it came.
    pub(super) arrived: Time,
    /// Its sender has left: it goes nowhere.
    revoked: bool,
}

/// Index of a body in the inbox.
pub(super) type Place = u16;

/// The bodies.
pub(super) struct Inbox {
    bytes: Box<[u8]>,
    entries: Vec<Entry>,
}

impl Inbox {
    /// Eight receive calls with the 64 datagrams that GRO joins at most.
    pub(super) const CAPACITY: usize = 512;

    pub(super) fn new() -> Inbox {
        Inbox {
            bytes: vec![0; Self::CAPACITY * MAX_BODY].into_boxed_slice(),
            entries: Vec::with_capacity(Self::CAPACITY),
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.entries.len() == Self::CAPACITY
    }

    /// Keeps a copy of `body`, which is at most [`MAX_BODY`] bytes; `None` when the inbox is full.
    pub(super) fn push(
        &mut self,
        body: &[u8],
        source: Option<Slot>,
        flow: u32,
        stamp: Stamp,
        arrived: Time,
    ) -> Option<Place> {
        if self.is_full() {
            return None;
        }
        let place = self.entries.len();
        let start = place * MAX_BODY;
        self.bytes[start..start + body.len()].copy_from_slice(body);
        self.entries.push(Entry { len: body.len() as u16, source, flow, stamp, arrived, revoked: false });
        Some(place as Place)
    }

    /// The body at a place that was pushed since the last [`Inbox::clear`]; `None` when its sender has left.
    pub(super) fn get(&self, place: Place) -> Option<(&Entry, &[u8])> {
        let entry = &self.entries[usize::from(place)];
        let start = usize::from(place) * MAX_BODY;
        (!entry.revoked).then(|| (entry, &self.bytes[start..start + usize::from(entry.len)]))
    }

    /// Marks what came from `source`, and says how many bodies that are.
    pub(super) fn revoke_from(&mut self, source: Slot) -> u64 {
        let mut revoked = 0;
        for entry in &mut self.entries {
            if entry.source == Some(source) && !entry.revoked {
                entry.revoked = true;
                revoked += 1;
            }
        }
        revoked
    }

    /// Forgets every body.
    pub(super) fn clear(&mut self) {
        self.entries.clear();
    }
}
