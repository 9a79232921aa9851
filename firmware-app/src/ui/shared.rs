//! What the other threads and the screen's thread share: the newest view, where each picture is shown, and whether
//! the screen has been told already. Newest wins; nothing queues up.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use druid::Rect;

use crate::view::{PictureId, View};

/// Shared by the screen and its handles.
#[derive(Default)]
pub(super) struct Shared {
    view: Mutex<Option<Box<View>>>,
    told: AtomicBool,
    quit: AtomicBool,
    pacing: AtomicBool,
    places: Mutex<BTreeMap<PictureId, Place>>,
    touchable: Mutex<Vec<(Rect, String)>>,
}

/// Where a picture is shown, in the window's real pixels, and whether a newer one than the one on the screen waits.
#[derive(Copy, Clone)]
struct Place {
    rect: Rect,
    owed: bool,
}

impl Shared {
    /// Leaves the newest view. Returns whether the screen must be told.
    pub(super) fn put_view(&self, view: View) -> bool {
        *lock(&self.view) = Some(Box::new(view));
        !self.told.swap(true, Ordering::AcqRel)
    }

    /// Takes the newest view, on the screen's thread.
    pub(super) fn take_view(&self) -> Option<Box<View>> {
        self.told.store(false, Ordering::Release);
        lock(&self.view).take()
    }

    /// Asks the screen to end.
    pub(super) fn ask_quit(&self) {
        self.quit.store(true, Ordering::Release);
    }

    /// Whether the screen was asked to end.
    pub(super) fn quit_asked(&self) -> bool {
        self.quit.load(Ordering::Acquire)
    }

    /// Says where pictures are shown now. Returns those that are no longer.
    pub(super) fn set_places(&self, now: &BTreeMap<PictureId, Rect>) -> Vec<PictureId> {
        let mut places = lock(&self.places);
        let gone = places.keys().filter(|id| !now.contains_key(id)).copied().collect();
        let owed = |id| places.get(id).is_some_and(|place: &Place| place.owed);
        *places = now.iter().map(|(id, rect)| (*id, Place { rect: *rect, owed: owed(id) })).collect();
        gone
    }

    /// Where pictures are shown.
    pub(super) fn places(&self) -> Vec<(PictureId, Rect)> {
        lock(&self.places).iter().map(|(id, place)| (*id, place.rect)).collect()
    }

    /// Says which parts of the screen answer a touch now, and what it does.
    pub(super) fn set_touchable(&self, areas: Vec<(Rect, String)>) {
        *lock(&self.touchable) = areas;
    }

    /// Which parts of the screen answer a touch.
    pub(super) fn touchable(&self) -> Vec<(Rect, String)> {
        lock(&self.touchable).clone()
    }

    /// A picture is new. Returns whether the screen must be told: not when it shows none of this room, nor while it
    /// looks for pictures by itself.
    pub(super) fn owe(&self, id: PictureId) -> bool {
        let mut places = lock(&self.places);
        let Some(place) = places.get_mut(&id) else { return false };
        !std::mem::replace(&mut place.owed, true) && !self.pacing.load(Ordering::Acquire)
    }

    /// The pictures that wait to be painted.
    pub(super) fn owed(&self) -> Vec<PictureId> {
        lock(&self.places).iter().filter(|(_, place)| place.owed).map(|(id, _)| *id).collect()
    }

    /// The screen is about to paint a picture.
    pub(super) fn painting(&self, id: PictureId) {
        if let Some(place) = lock(&self.places).get_mut(&id) {
            place.owed = false;
        }
    }

    /// The screen looks for pictures by itself, or stops doing so.
    pub(super) fn set_pacing(&self, pacing: bool) {
        self.pacing.store(pacing, Ordering::Release);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_told_once_until_it_is_painted_and_never_while_the_screen_looks_by_itself() {
        let shared = Shared::default();
        assert!(!shared.owe(PictureId::Own));
        let rect = Rect::new(0.0, 0.0, 64.0, 48.0);
        shared.set_places(&BTreeMap::from([(PictureId::Own, rect)]));
        assert!(shared.owe(PictureId::Own));
        assert!(!shared.owe(PictureId::Own));
        assert_eq!(shared.owed(), [PictureId::Own]);
        shared.painting(PictureId::Own);
        assert!(shared.owed().is_empty());
        shared.set_pacing(true);
        assert!(!shared.owe(PictureId::Own));
        assert_eq!(shared.owed(), [PictureId::Own]);
        assert_eq!(shared.set_places(&BTreeMap::new()), [PictureId::Own]);
    }
}
