//! The newest picture of each room, between the decoder's thread and the screen's: one slot a room, newest wins.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use vestibule_common::time::Time;

use crate::view::PictureId;

/// A picture ready to be painted, already in its tile's size.
#[derive(Clone)]
pub struct Picture {
    /// Pixels.
    pub width: usize,
    /// Pixels.
    pub height: usize,
    /// Blue, green, red and a byte that means nothing, as screens have it; `width * height * 4` bytes.
    pub bgrx: Arc<[u8]>,
    /// Rises with every picture of its slot.
    pub sequence: u64,
    /// When the sensor had it: on the sender's clock for other rooms, on the kiosk's own clock for the own picture.
    pub captured: Time,
}

/// How large the screen shows a room, in screen pixels. The decoder's thread scales to it.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct TileSize {
    /// Pixels.
    pub width: usize,
    /// Pixels.
    pub height: usize,
}

/// A picture that came on the screen.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Laid {
    /// Which of its slot's.
    pub sequence: u64,
    /// When the screen had it.
    pub at: Instant,
}

/// Of so many pictures it is remembered when the screen had them.
const MAX_LAID: usize = 16;

#[derive(Default)]
struct Slot {
    picture: Option<Picture>,
    /// Oldest first, until somebody asks.
    laid: VecDeque<Laid>,
    size: Option<TileSize>,
    /// The screen showed it once and does no longer.
    hidden: bool,
}

/// The slots, shared by reference.
#[derive(Clone, Default)]
pub struct PictureSlots {
    slots: Arc<Mutex<BTreeMap<PictureId, Slot>>>,
}

impl PictureSlots {
    /// Puts a newer picture in its slot; not one that comes when the screen shows that room no longer, or it would be shown
    /// as if it were new when the room is back.
    pub fn put(&self, id: PictureId, picture: Picture) {
        let mut slots = self.lock();
        let slot = slots.entry(id).or_default();
        if !slot.hidden {
            slot.picture = Some(picture);
        }
    }

    /// The newest picture, for painting.
    pub fn newest(&self, id: PictureId) -> Option<Picture> {
        self.lock().get(&id)?.picture.clone()
    }

    /// The screen says that it has another room's picture of this number now.
    pub fn handle_laid(&self, id: PictureId, laid: Laid) {
        if let (PictureId::Room(_), Some(slot)) = (id, self.lock().get_mut(&id)) {
            if slot.laid.len() == MAX_LAID {
                slot.laid.pop_front();
            }
            slot.laid.push_back(laid);
        }
    }

    /// What has come on the screen since this was asked last, the oldest of it first.
    pub fn next_laid(&self, id: PictureId) -> Option<Laid> {
        self.lock().get_mut(&id)?.laid.pop_front()
    }

    /// The screen says how large it shows a room; `None`: no longer at all.
    pub fn show_at(&self, id: PictureId, size: Option<TileSize>) {
        let mut slots = self.lock();
        let slot = slots.entry(id).or_default();
        slot.size = size;
        slot.hidden = size.is_none();
        if slot.hidden {
            slot.picture = None;
        }
    }

    /// How large the screen shows a room.
    pub fn size(&self, id: PictureId) -> Option<TileSize> {
        self.lock().get(&id).and_then(|slot| slot.size)
    }

    /// Whether there is a screen that shows anything. Without one, pictures go to whoever asks for them.
    pub fn is_watched(&self) -> bool {
        self.lock().values().any(|slot| slot.size.is_some() || slot.hidden)
    }

    /// Forgets a room's picture (it left, or its camera is off).
    pub fn clear(&self, id: PictureId) {
        if let Some(slot) = self.lock().get_mut(&id) {
            slot.picture = None;
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<PictureId, Slot>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use vestibule_common::id::PeerId;

    use super::*;

    #[test]
    fn what_came_on_the_screen_is_told_once_and_not_for_ever() {
        let (slots, at, id) = (PictureSlots::default(), Instant::now(), PictureId::Room(PeerId([1; 32])));
        let laid = |sequence| Laid { sequence, at };
        slots.handle_laid(id, laid(1));
        assert_eq!(slots.next_laid(id), None, "nobody knows this room");
        slots.show_at(id, Some(TileSize { width: 1, height: 1 }));
        (1..=20).for_each(|sequence| slots.handle_laid(id, laid(sequence)));
        let told = std::iter::from_fn(|| slots.next_laid(id)).map(|laid| laid.sequence);
        assert!(told.eq(5..=20));
    }

    #[test]
    fn the_newest_picture_wins_and_none_outlives_its_place() {
        let slots = PictureSlots::default();
        let picture = |sequence| Picture {
            width: 1,
            height: 1,
            bgrx: Arc::from([0; 4]),
            sequence,
            captured: Time::ZERO,
        };
        for sequence in 1..=3 {
            slots.put(PictureId::Own, picture(sequence));
        }
        assert_eq!(slots.newest(PictureId::Own).unwrap().sequence, 3);
        slots.show_at(PictureId::Own, None);
        slots.put(PictureId::Own, picture(4));
        slots.show_at(PictureId::Own, Some(TileSize { width: 1, height: 1 }));
        assert!(slots.newest(PictureId::Own).is_none(), "it is not what there is to see now");
        slots.put(PictureId::Own, picture(5));
        slots.clear(PictureId::Own);
        assert!(slots.newest(PictureId::Own).is_none());
    }
}
