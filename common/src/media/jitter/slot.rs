//! A place of the jitter buffer: one period, as samples, as coded sound that was not decoded yet, or as both.

use crate::media::pcm::{AudioFrame, SILENCE};
use crate::media::voice::Coded;
use crate::time::Time;

#[derive(Clone, Debug)]
pub(super) struct Slot {
    pub(super) filled: bool,
    pub(super) captured: Time,
    /// What is to be played is in `samples`, and whether it was coded.
    pub(super) ready: bool,
    pub(super) decoded: bool,
    pub(super) samples: AudioFrame,
    /// A coded frame that was not decoded yet, or the end of silence: which of its periods this is, and how many it has.
    pub(super) part: Option<(u8, u8)>,
    pub(super) coded: Coded,
}

impl Slot {
    pub(super) const EMPTY: Slot = Slot {
        filled: false,
        captured: Time::ZERO,
        ready: false,
        decoded: false,
        samples: SILENCE,
        part: None,
        coded: Coded::new(),
    };

    /// Nothing is here any more.
    pub(super) fn clear(&mut self) {
        (self.filled, self.ready, self.decoded, self.part) = (false, false, false, None);
    }

    /// It says that silence begins.
    pub(super) fn is_quiet(&self) -> bool {
        self.filled && !self.ready && self.part.is_some() && self.coded.is_empty()
    }
}

/// What comes into a slot.
#[derive(Copy, Clone)]
pub(super) enum Content<'a> {
    Samples(&'a AudioFrame),
    /// A coded frame's bytes, which of its periods this is, and how many it has.
    Coded(&'a [u8], u8, u8),
}
