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
    places: Mutex<BTreeMap<PictureId, Place>>,
    touchable: Mutex<Vec<(Rect, String)>>,
}

/// Where a picture is shown, in the window's real pixels.
#[derive(Copy, Clone)]
struct Place {
    rect: Rect,
    owed: Owed,
}

/// Whether a picture newer than the one on the screen waits.
#[derive(Copy, Clone, PartialEq, Eq)]
enum Owed {
    No,
    /// It waits for company: the own picture is painted together with another room's.
    Deferred,
    /// The screen was told to paint it and has not yet.
    Told,
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
        *places = now.iter().map(|(id, rect)| (*id, Place { rect: *rect, owed: Owed::No })).collect();
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

    /// What the screen must be told to paint now that a picture is new; nothing if it knows already or does not show
    /// it.
    ///
    /// The event loop paints at most once a display period, so a painting of the own picture alone would hold up
    /// another room's. In company it waits for that, but never for longer than until its own next picture.
    pub(super) fn tell_picture(&self, id: PictureId) -> Vec<Rect> {
        let mut places = lock(&self.places);
        let company = places.keys().any(|other| *other != PictureId::Own);
        let Some(place) = places.get_mut(&id) else { return Vec::new() };
        match (id, place.owed) {
            (PictureId::Own, Owed::No) if company => {
                place.owed = Owed::Deferred;
                return Vec::new();
            }
            (PictureId::Own | PictureId::Room(_), Owed::No | Owed::Deferred) => place.owed = Owed::Told,
            (PictureId::Own | PictureId::Room(_), Owed::Told) => return Vec::new(),
        }
        let mut told = vec![place.rect];
        if let Some(own) = places.get_mut(&PictureId::Own)
            && own.owed == Owed::Deferred
        {
            own.owed = Owed::Told;
            told.push(own.rect);
        }
        told
    }

    /// The screen is about to paint a picture: a newer one must be told again.
    pub(super) fn painting(&self, id: PictureId) {
        if let Some(place) = lock(&self.places).get_mut(&id) {
            place.owed = Owed::No;
        }
    }

    /// Whether a picture waits to be painted.
    pub(super) fn is_owed(&self, id: PictureId) -> bool {
        lock(&self.places).get(&id).is_some_and(|place| place.owed != Owed::No)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECT: Rect = Rect::new(0.0, 0.0, 64.0, 48.0);
    const OTHER: Rect = Rect::new(64.0, 0.0, 128.0, 48.0);

    #[test]
    fn a_picture_is_told_once_until_it_is_painted() {
        let shared = Shared::default();
        assert!(shared.tell_picture(PictureId::Own).is_empty());
        shared.set_places(&BTreeMap::from([(PictureId::Own, RECT)]));
        assert_eq!(shared.tell_picture(PictureId::Own), [RECT]);
        assert!(shared.tell_picture(PictureId::Own).is_empty());
        assert!(shared.is_owed(PictureId::Own));
        shared.painting(PictureId::Own);
        assert_eq!(shared.tell_picture(PictureId::Own), [RECT]);
        assert_eq!(shared.set_places(&BTreeMap::new()), [PictureId::Own]);
    }

    #[test]
    fn the_own_picture_goes_with_another_rooms_or_with_its_own_next_one() {
        let shared = Shared::default();
        let room = PictureId::Room(vestibule_common::id::PeerId([1; 32]));
        shared.set_places(&BTreeMap::from([(PictureId::Own, RECT), (room, OTHER)]));
        assert!(shared.tell_picture(PictureId::Own).is_empty());
        assert_eq!(shared.tell_picture(room), [OTHER, RECT]);
        shared.painting(PictureId::Own);
        shared.painting(room);
        assert!(shared.tell_picture(PictureId::Own).is_empty());
        assert_eq!(shared.tell_picture(PictureId::Own), [RECT]);
    }
}
