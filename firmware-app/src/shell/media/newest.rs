//! The newest picture of a camera or grabber, between the thread that takes it and the one that encodes it: one slot,
//! newest wins. The buffers go round.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use vestibule_common::time::Time;
use vestibule_common::unit::{Bitrate, DataSize};

use super::shutter::PictureTicket;
use super::stats::PictureStats;
use crate::video::cadence::Cadence;
use crate::video::i420::I420;

/// The newest picture, between both threads: one slot.
pub(super) struct Newest {
    slot: Mutex<Slot>,
    filled: Condvar,
}

struct Slot {
    picture: Option<Raw>,
    spare: Vec<I420>,
    rate: u32,
    /// Which pictures are taken at all.
    cadence: Cadence,
}

/// One picture, not encoded.
pub(super) struct Raw {
    /// The picture.
    pub picture: I420,
    /// When it was captured, on the kiosk's clock.
    pub captured: Time,
    /// None when it was captured while none may leave.
    pub ticket: Option<PictureTicket>,
}

impl Newest {
    /// An empty slot.
    pub(super) fn new(cadence: Cadence) -> Newest {
        let slot = Slot { picture: None, spare: Vec::new(), rate: 0, cadence };
        Newest { slot: Mutex::new(slot), filled: Condvar::new() }
    }

    /// A buffer for the picture of this moment, if it is wanted.
    pub(super) fn buffer(&self, captured: Time, rate: u32) -> Option<I420> {
        let mut slot = lock(&self.slot);
        let due = slot.cadence.is_due(captured, rate);
        due.then(|| slot.spare.pop().unwrap_or_default())
    }

    /// Takes a buffer back.
    pub(super) fn give_back(&self, picture: I420) {
        let spare = &mut lock(&self.slot).spare;
        if spare.len() < 3 {
            spare.push(picture);
        }
    }

    /// Pictures may take so much in the long run from now on.
    pub(super) fn set_bitrate(&self, bitrate: Bitrate) {
        lock(&self.slot).cadence.set_bitrate(bitrate);
    }

    /// The newest one has become so many bytes.
    pub(super) fn charge(&self, size: DataSize) {
        lock(&self.slot).cadence.charge(size);
    }

    /// Puts a picture of a source with `rate` a second; one that nobody has taken is given up.
    pub(super) fn put(&self, raw: Raw, rate: u32, stats: &PictureStats) {
        let mut slot = lock(&self.slot);
        slot.rate = rate;
        slot.cadence.admit(raw.captured);
        if let Some(unseen) = slot.picture.replace(raw) {
            stats.pictures_skipped.one();
            slot.spare.push(unseen.picture);
        }
        self.filled.notify_one();
    }

    /// Waits for a picture; with how many a second its source has, at least 1.
    pub(super) fn wait(&self) -> (Raw, u32) {
        let slot = lock(&self.slot);
        let mut slot = self
            .filled
            .wait_while(slot, |slot| slot.picture.is_none())
            .unwrap_or_else(PoisonError::into_inner);
        let raw = slot.picture.take().expect("the wait ended because it is there");
        (raw, slot.rate.max(1))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
