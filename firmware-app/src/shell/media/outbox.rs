//! What waits for the sending thread: sound first, then small control bodies, then pictures in order.
//!
//! Pictures overflow as a stream of references must: everything up to the next keyframe is dropped, and a keyframe is
//! asked of the encoder.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::Thread;

use heapless::Vec as Fixed;
use vestibule_common::media::{AudioFrame, Ticket};
use vestibule_common::time::Time;
use vestibule_common::wire::{AudioLevel, KeyframeRequest};

use super::shutter::PictureTicket;
use super::stats::Stats;

/// Frames that may wait; more means that the network is slower than the encoder.
const MAX_FRAMES: usize = 4;
/// Keyframe requests that may wait: one a room.
const MAX_REQUESTS: usize = 32;

/// One period of sound that passed the gate.
pub(super) struct AudioOut {
    /// Void once the gate was closed after it passed.
    pub ticket: Ticket,
    /// The samples.
    pub samples: AudioFrame,
    /// When its first sample was taken.
    pub captured: Time,
    /// How loud it is.
    pub level: AudioLevel,
}

/// One encoded picture.
pub(super) struct VideoOut {
    /// Void once the camera was switched off after it was captured.
    pub ticket: PictureTicket,
    /// The access unit.
    pub bytes: Vec<u8>,
    /// Decodable without any frame before it.
    pub keyframe: bool,
    /// When the sensor had it.
    pub captured: Time,
    /// When the encoder had it.
    pub encoded: Time,
}

/// The queues to the sending thread but for sound, which has a ring of its own.
#[derive(Default)]
pub(super) struct Outbox {
    queues: Mutex<Queues>,
    keyframe: AtomicBool,
    sender: OnceLock<Thread>,
}

#[derive(Default)]
struct Queues {
    video: VecDeque<VideoOut>,
    requests: Fixed<KeyframeRequest, MAX_REQUESTS>,
    needs_keyframe: bool,
    spare: Vec<Vec<u8>>,
}

impl Outbox {
    /// Queues a picture, unless it refers to one that was dropped.
    pub(super) fn push_video(&self, frame: VideoOut, stats: &Stats) {
        let mut queues = self.lock();
        if queues.video.len() >= MAX_FRAMES {
            stats.frames_unsent.add(queues.video.len() as u64);
            queues.video.clear();
            queues.needs_keyframe = true;
        }
        if queues.needs_keyframe && !frame.keyframe {
            stats.frames_unsent.one();
            self.want_keyframe();
            return;
        }
        queues.needs_keyframe = false;
        queues.video.push_back(frame);
        drop(queues);
        self.wake();
    }

    /// Queues a keyframe request; one for the same stream that still waits is enough.
    pub(super) fn push_request(&self, request: KeyframeRequest) {
        let mut queues = self.lock();
        if !queues.requests.contains(&request) && queues.requests.push(request).is_err() {
            log::debug!("a keyframe request found no room");
        }
        drop(queues);
        self.wake();
    }

    /// The next picture to send.
    pub(super) fn pop_video(&self) -> Option<VideoOut> {
        self.lock().video.pop_front()
    }

    /// The next keyframe request to send.
    pub(super) fn pop_request(&self) -> Option<KeyframeRequest> {
        self.lock().requests.pop()
    }

    /// Drops everything that waits (the meeting or the link ended).
    pub(super) fn clear(&self) {
        let mut queues = self.lock();
        queues.video.clear();
        queues.requests.clear();
        queues.needs_keyframe = true;
        drop(queues);
        self.want_keyframe();
    }

    /// Drops the pictures that wait; the next one starts anew.
    pub(super) fn drop_pictures(&self) {
        let mut queues = self.lock();
        queues.video.clear();
        queues.needs_keyframe = true;
        drop(queues);
        self.want_keyframe();
    }

    /// A buffer for the next picture, used before if possible.
    pub(super) fn buffer(&self) -> Vec<u8> {
        self.lock().spare.pop().unwrap_or_default()
    }

    /// Takes a buffer back.
    pub(super) fn recycle(&self, mut bytes: Vec<u8>) {
        bytes.clear();
        let mut queues = self.lock();
        if queues.spare.len() < MAX_FRAMES {
            queues.spare.push(bytes);
        }
    }

    /// The next picture should be a keyframe.
    pub(super) fn want_keyframe(&self) {
        self.keyframe.store(true, Ordering::Release);
    }

    /// Whether a keyframe was wanted; asking settles it.
    pub(super) fn take_keyframe(&self) -> bool {
        self.keyframe.swap(false, Ordering::AcqRel)
    }

    /// Whom to wake.
    pub(super) fn set_sender(&self, thread: Thread) {
        if self.sender.set(thread).is_err() {
            log::debug!("the outbox has its sender already");
        }
    }

    /// Wakes the sending thread: neither allocates nor waits.
    pub(super) fn wake(&self) {
        if let Some(thread) = self.sender.get() {
            thread.unpark();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queues> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shell::media::shutter::Shutter;

    fn frame(keyframe: bool) -> VideoOut {
        let shutter = Shutter::default();
        shutter.set(true);
        let ticket = shutter.ticket().unwrap();
        VideoOut { ticket, bytes: vec![1], keyframe, captured: Time::ZERO, encoded: Time::ZERO }
    }

    #[test]
    fn an_overflow_drops_up_to_the_next_keyframe_and_asks_for_one() {
        let (outbox, stats) = (Outbox::default(), Stats::default());
        outbox.push_video(frame(true), &stats);
        for _ in 1..MAX_FRAMES {
            outbox.push_video(frame(false), &stats);
        }
        assert!(!outbox.take_keyframe());
        outbox.push_video(frame(false), &stats);
        assert!(outbox.take_keyframe() && outbox.pop_video().is_none());
        outbox.push_video(frame(false), &stats);
        assert!(outbox.pop_video().is_none(), "it refers to a dropped picture");
        outbox.push_video(frame(true), &stats);
        assert!(outbox.pop_video().is_some_and(|frame| frame.keyframe));
        assert_eq!(stats.frames_unsent.total(), MAX_FRAMES as u64 + 2);
    }
}
