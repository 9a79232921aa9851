//! What the other threads and the screen's thread share: the newest view, where each picture is shown, and which of
//! them wait to be painted. Newest wins; nothing queues up.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use druid::Rect;

use crate::view::{PictureId, View};

/// Shared by the screen and its handles.
#[derive(Default)]
pub(super) struct Shared {
    view: Mutex<Option<Box<View>>>,
    told: AtomicBool,
    quit: AtomicBool,
    /// X11's number of the window, 0 until there is one.
    window: AtomicU32,
    places: Mutex<Places>,
    touchable: Mutex<Vec<(Rect, String)>>,
    painted: AtomicBool,
}

#[derive(Default)]
struct Places {
    shown: BTreeMap<PictureId, Place>,
    /// When a picture of another room came last.
    room: Option<Instant>,
}

/// Where a picture is shown, in the window's real pixels, and whether a newer one than the one on the screen waits.
#[derive(Copy, Clone)]
struct Place {
    rect: Rect,
    owed: bool,
    /// A newer one has been shown over what was painted.
    beneath: bool,
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

    /// The window is there, with this number.
    pub(super) fn set_window(&self, window: u32) {
        self.window.store(window, Ordering::Release);
    }

    /// X11's number of the window.
    pub(super) fn window(&self) -> Option<u32> {
        Some(self.window.load(Ordering::Acquire)).filter(|window| *window != 0)
    }

    /// Says where pictures are shown now. Returns those that are no longer.
    pub(super) fn set_places(&self, now: &BTreeMap<PictureId, Rect>) -> Vec<PictureId> {
        let shown = &mut lock(&self.places).shown;
        let gone = shown.keys().filter(|id| !now.contains_key(id)).copied().collect();
        let place = |(id, rect): (&PictureId, &Rect)| {
            let (owed, beneath) = shown.get(id).map_or((false, false), |place| (place.owed, place.beneath));
            (*id, Place { rect: *rect, owed, beneath })
        };
        *shown = now.iter().map(place).collect();
        gone
    }

    /// Where pictures are shown.
    pub(super) fn places(&self) -> Vec<(PictureId, Rect)> {
        lock(&self.places).shown.iter().map(|(id, place)| (*id, place.rect)).collect()
    }

    /// Says which parts of the screen answer a touch now, and what it does.
    pub(super) fn set_touchable(&self, areas: Vec<(Rect, String)>) {
        *lock(&self.touchable) = areas;
    }

    /// Which parts of the screen answer a touch: none before it has been painted for the first time.
    pub(super) fn touchable(&self) -> Vec<(Rect, String)> {
        if self.painted.load(Ordering::Acquire) { lock(&self.touchable).clone() } else { Vec::new() }
    }

    /// A picture is new. Returns the parts of the screen to be painted now.
    ///
    /// The own picture goes along with those of other rooms while they come, for each painting keeps the screen until
    /// its next refresh, and another room's picture must not wait for that.
    pub(super) fn owe(&self, id: PictureId, now: Instant) -> Vec<Rect> {
        let Places { shown, room } = &mut *lock(&self.places);
        let Some(place) = shown.get_mut(&id) else { return Vec::new() };
        let known = std::mem::replace(&mut place.owed, true);
        match id {
            PictureId::Own | PictureId::OwnPresentation
                if room.is_some_and(|room| now.duration_since(room) < ALONG) =>
            {
                return Vec::new();
            }
            PictureId::Own | PictureId::OwnPresentation => {}
            PictureId::Room(_) | PictureId::Presentation(_) => *room = Some(now),
        }
        if known && id != PictureId::Own {
            return Vec::new();
        }
        shown.values().filter(|place| place.owed).map(|place| place.rect).collect()
    }

    /// A new picture has been shown over what was painted.
    pub(super) fn shown_above(&self, id: PictureId) {
        if let Some(place) = lock(&self.places).shown.get_mut(&id) {
            place.beneath = true;
        }
    }

    /// The pictures that wait to be painted; if wanted also those that show through only where something lies over them.
    pub(super) fn owed(&self, beneath: bool) -> Vec<PictureId> {
        let waits = |place: &Place| place.owed || beneath && place.beneath;
        lock(&self.places).shown.iter().filter(|(_, place)| waits(place)).map(|(id, _)| *id).collect()
    }

    /// The screen is about to paint these pictures, or none.
    pub(super) fn painting(&self, pictures: impl Iterator<Item = PictureId>) {
        self.painted.store(true, Ordering::Release);
        let shown = &mut lock(&self.places).shown;
        for id in pictures {
            if let Some(place) = shown.get_mut(&id) {
                (place.owed, place.beneath) = (false, false);
            }
        }
    }
}

/// For this long after another room's picture the own one waits for the next of them.
const ALONG: Duration = Duration::from_millis(50);

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use vestibule_common::id::PeerId;

    use super::*;

    const OWN: PictureId = PictureId::Own;
    const RECT: Rect = Rect::new(0.0, 0.0, 64.0, 48.0);

    fn room(n: u8) -> PictureId {
        PictureId::Room(PeerId([n; 32]))
    }

    fn showing(pictures: &[PictureId]) -> Shared {
        let shared = Shared::default();
        let rect = |n: usize| RECT + druid::Vec2::new(100.0 * n as f64, 0.0);
        shared.set_places(&pictures.iter().enumerate().map(|(n, id)| (*id, rect(n))).collect());
        shared
    }

    #[test]
    fn a_picture_is_painted_once_and_only_where_it_is_shown() {
        let (shared, now) = (showing(&[room(1)]), Instant::now());
        assert!(shared.owe(room(2), now).is_empty());
        assert_eq!(shared.owe(room(1), now), [RECT]);
        assert!(shared.owe(room(1), now).is_empty(), "it is on its way");
        assert_eq!(shared.owed(false), [room(1)]);
        shared.painting([room(1)].into_iter());
        assert!(shared.owed(true).is_empty());
        shared.shown_above(room(1));
        assert!(shared.owed(false).is_empty() && shared.owed(true) == [room(1)]);
        assert_eq!(shared.owe(room(1), now), [RECT]);
        assert_eq!(shared.set_places(&BTreeMap::new()), [room(1)]);
    }

    #[test]
    fn the_own_picture_goes_along_with_the_others_while_they_come() {
        let (shared, now) = (showing(&[OWN, room(1)]), Instant::now());
        assert_eq!(shared.owe(OWN, now).len(), 1, "alone it is painted at once");
        shared.painting([OWN].into_iter());
        assert_eq!(shared.owe(room(1), now).len(), 1);
        shared.painting([room(1)].into_iter());
        assert!(shared.owe(OWN, now + Duration::from_millis(20)).is_empty());
        assert_eq!(shared.owe(room(1), now + Duration::from_millis(33)).len(), 2);
        // The other room's pictures have stopped, and the last one was painted without it.
        assert_eq!(shared.owe(OWN, now + Duration::from_millis(90)).len(), 2);
    }

    #[test]
    fn nothing_can_be_touched_before_it_is_on_the_screen() {
        let shared = Shared::default();
        shared.set_touchable(vec![(RECT, "Tap(StartMeeting)".into())]);
        assert!(shared.touchable().is_empty());
        shared.painting(std::iter::empty());
        assert_eq!(shared.touchable().len(), 1);
    }
}
