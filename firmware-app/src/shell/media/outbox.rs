//! What waits for the sending thread: sound first, then small control bodies, then the pictures of each kind in order.
//!
//! Pictures overflow as a stream of references must: everything of that layer up to its next keyframe is dropped, and a
//! keyframe is asked of its encoder.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::Thread;

use heapless::Vec as Fixed;
use vestibule_common::media::voice::VoicePayload;
use vestibule_common::media::{AudioFrame, Ticket};
use vestibule_common::time::Time;
use vestibule_common::unit::DataSize;
use vestibule_common::wire::{AudioLevel, Feedback, KeyframeRequest, Nack, View};

use super::shutter::PictureTicket;
use super::stats::Stats;
use crate::video::kind::PictureKind;
use crate::video::ladder::{LAYERS, LayerIndex};

/// Frames of one layer that may wait; more means that the network is slower than the encoder.
const MAX_FRAMES: usize = 4;
/// Keyframe requests that may wait: one a stream.
const MAX_REQUESTS: usize = 64;
/// Reports that may wait, each way: more than come while the sending thread waits for its turn.
const MAX_REPORTS: usize = 8;

/// Requests for missing pieces that may wait, each way.
const MAX_NACKS: usize = 32;

/// One packet of sound that passed the gate.
pub(super) struct AudioOut {
    /// Void once the gate was closed after it passed.
    pub ticket: Ticket,
    /// The number of its period, or of its first one.
    pub number: u32,
    /// When its first sample was taken.
    pub captured: Time,
    /// How loud it is.
    pub level: AudioLevel,
    /// In which layer.
    pub sound: SoundOut,
}

/// Sound in one of its layers.
pub(super) enum SoundOut {
    /// Samples.
    Plain(AudioFrame),
    /// A packet of coded sound.
    Coded(VoicePayload),
}

/// One encoded picture.
pub(super) struct VideoOut {
    /// What it shows.
    pub kind: PictureKind,
    /// Which of its layers it is.
    pub layer: LayerIndex,
    /// The picture's number in its stream, the same in all layers.
    pub number: u32,
    /// How many numbers back the frame lies that it refers to; 0 for none.
    pub reference_distance: u16,
    /// Void once its camera or grabber was switched off after it was captured.
    pub ticket: PictureTicket,
    /// The access unit.
    pub bytes: Vec<u8>,
    /// Decodable without any frame before it.
    pub keyframe: bool,
    /// When it was captured.
    pub captured: Time,
    /// When the encoder took it.
    pub taken: Time,
    /// When the encoder had it.
    pub encoded: Time,
}

/// The queues to the sending thread but for sound, which has a ring of its own.
#[derive(Default)]
pub(super) struct Outbox {
    queues: Mutex<Queues>,
    /// Of each kind and layer.
    keyframe: [[AtomicBool; LAYERS]; 2],
    /// Held while a period of sound is asked for its ticket and handed to the kernel.
    sound: Mutex<()>,
    sender: OnceLock<Thread>,
}

#[derive(Default)]
struct Queues {
    /// Of each kind.
    pictures: [Pictures; 2],
    requests: Fixed<KeyframeRequest, MAX_REQUESTS>,
    /// On what came from the relay, to be sent.
    reports: Fixed<Box<Feedback>, MAX_REPORTS>,
    /// The relay's, on what was sent.
    told: Fixed<Box<Feedback>, MAX_REPORTS>,
    /// For pieces that are missing here, to be sent.
    nacks: Fixed<Box<Nack>, MAX_NACKS>,
    /// Others', for pieces that were sent.
    nacked: Fixed<Box<Nack>, MAX_NACKS>,
    /// What is shown; the newest counts.
    view: Option<Box<View>>,
    spare: Vec<Vec<u8>>,
}

#[derive(Default)]
struct Pictures {
    frames: VecDeque<VideoOut>,
    /// Of each layer: what comes before its next keyframe refers to what was dropped.
    needs_keyframe: [bool; LAYERS],
}

impl Pictures {
    fn clear(&mut self) {
        self.frames.clear();
        self.needs_keyframe = [true; LAYERS];
    }
}

impl Outbox {
    /// Queues a picture, unless it refers to one that was dropped.
    pub(super) fn push_video(&self, frame: VideoOut, stats: &Stats) {
        let mut queues = self.lock();
        let pictures = &mut queues.pictures[frame.kind as usize];
        let unsent = &stats.of(frame.kind).frames_unsent;
        let waiting = pictures.frames.iter().filter(|waits| waits.layer == frame.layer).count();
        let needs_keyframe = &mut pictures.needs_keyframe[frame.layer.index()];
        if waiting >= MAX_FRAMES {
            unsent.add(waiting as u64);
            pictures.frames.retain(|waits| waits.layer != frame.layer);
            *needs_keyframe = true;
        }
        if *needs_keyframe && !frame.keyframe {
            unsent.one();
            self.want_keyframe(frame.kind, frame.layer);
            return;
        }
        *needs_keyframe = false;
        pictures.frames.push_back(frame);
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

    /// Queues a report on what came from the relay.
    pub(super) fn push_report(&self, report: Box<Feedback>) {
        if self.lock().reports.push(report).is_err() {
            log::debug!("a report found no room");
        }
        self.wake();
    }

    /// The next report to send.
    pub(super) fn pop_report(&self) -> Option<Box<Feedback>> {
        take_first(&mut self.lock().reports)
    }

    /// Hands the relay's report to the sending thread.
    pub(super) fn push_told(&self, report: Box<Feedback>) {
        if self.lock().told.push(report).is_err() {
            log::debug!("the relay's report found no room");
        }
        self.wake();
    }

    /// The relay's next report.
    pub(super) fn pop_told(&self) -> Option<Box<Feedback>> {
        take_first(&mut self.lock().told)
    }

    /// Queues a request for missing pieces.
    pub(super) fn push_nack(&self, nack: Box<Nack>) {
        if self.lock().nacks.push(nack).is_err() {
            log::debug!("a request for missing pieces found no room");
        }
        self.wake();
    }

    /// The next request for missing pieces to send.
    pub(super) fn pop_nack(&self) -> Option<Box<Nack>> {
        take_first(&mut self.lock().nacks)
    }

    /// Hands another room's request for pieces that were sent to the sending thread.
    pub(super) fn push_nacked(&self, nack: Box<Nack>) {
        if self.lock().nacked.push(nack).is_err() {
            log::debug!("a request to send pieces again found no room");
        }
        self.wake();
    }

    /// The next request for pieces that were sent.
    pub(super) fn pop_nacked(&self) -> Option<Box<Nack>> {
        take_first(&mut self.lock().nacked)
    }

    /// Tells the relay what is shown.
    pub(super) fn set_view(&self, view: Box<View>) {
        self.lock().view = Some(view);
        self.wake();
    }

    /// What the relay is to be told that is shown.
    pub(super) fn take_view(&self) -> Option<Box<View>> {
        self.lock().view.take()
    }

    /// Bytes of pictures of this kind that wait.
    pub(super) fn waiting(&self, kind: PictureKind) -> DataSize {
        let queues = self.lock();
        let frames = &queues.pictures[kind as usize].frames;
        DataSize::bytes(frames.iter().map(|frame| frame.bytes.len() as u64).sum())
    }

    /// The next picture of this kind to send.
    pub(super) fn pop_video(&self, kind: PictureKind) -> Option<VideoOut> {
        self.lock().pictures[kind as usize].frames.pop_front()
    }

    /// The next keyframe request to send.
    pub(super) fn pop_request(&self) -> Option<KeyframeRequest> {
        self.lock().requests.pop()
    }

    /// Drops everything that waits (the meeting or the link ended).
    pub(super) fn clear(&self) {
        {
            let mut queues = self.lock();
            queues.requests.clear();
            queues.reports.clear();
            queues.told.clear();
            queues.nacks.clear();
            queues.nacked.clear();
            queues.view = None;
        }
        PictureKind::ALL.into_iter().for_each(|kind| self.drop_pictures(kind));
    }

    /// Drops the pictures of this kind that wait; the next one starts anew.
    pub(super) fn drop_pictures(&self, kind: PictureKind) {
        self.lock().pictures[kind as usize].clear();
        self.want_keyframes(kind);
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

    /// The next picture of this layer should be a keyframe.
    pub(super) fn want_keyframe(&self, kind: PictureKind, layer: LayerIndex) {
        self.keyframe[kind as usize][layer.index()].store(true, Ordering::Release);
    }

    /// The next picture of every layer should be a keyframe.
    pub(super) fn want_keyframes(&self, kind: PictureKind) {
        LayerIndex::ALL.into_iter().for_each(|layer| self.want_keyframe(kind, layer));
    }

    /// Of which layers a keyframe was wanted; asking settles it.
    pub(super) fn take_keyframes(&self, kind: PictureKind) -> [bool; LAYERS] {
        self.keyframe[kind as usize].each_ref().map(|wanted| wanted.swap(false, Ordering::AcqRel))
    }

    /// Sends a period of sound if it still may leave, as `valid` says.
    pub(super) fn pass_sound(&self, valid: impl FnOnce() -> bool, send: impl FnOnce()) -> bool {
        let _passing = self.sound.lock().unwrap_or_else(PoisonError::into_inner);
        let valid = valid();
        if valid {
            send();
        }
        valid
    }

    /// Returns when no period of sound is between its ticket and the kernel.
    pub(super) fn wait_for_sound(&self) {
        drop(self.sound.lock().unwrap_or_else(PoisonError::into_inner));
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

fn take_first<T, const N: usize>(queue: &mut Fixed<T, N>) -> Option<T> {
    (!queue.is_empty()).then(|| queue.remove(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shell::media::shutter::Shutter;

    use PictureKind::{Camera, Presentation};

    fn frame(kind: PictureKind, layer: u8, keyframe: bool) -> VideoOut {
        let shutter = Shutter::default();
        shutter.set(true, Time::ZERO);
        VideoOut {
            kind,
            layer: LayerIndex::of(layer).unwrap(),
            number: 0,
            reference_distance: u16::from(!keyframe),
            ticket: shutter.ticket().unwrap(),
            bytes: vec![1],
            keyframe,
            captured: Time::ZERO,
            taken: Time::ZERO,
            encoded: Time::ZERO,
        }
    }

    #[test]
    fn an_overflow_drops_up_to_the_next_keyframe_and_asks_for_one() {
        let (outbox, stats) = (Outbox::default(), Stats::default());
        outbox.push_video(frame(Presentation, 0, true), &stats);
        outbox.push_video(frame(Camera, 3, true), &stats);
        for _ in 1..MAX_FRAMES {
            outbox.push_video(frame(Camera, 3, false), &stats);
        }
        assert_eq!(outbox.take_keyframes(Camera), [false; LAYERS]);
        outbox.push_video(frame(Camera, 3, false), &stats);
        assert_eq!(outbox.take_keyframes(Camera), [false, false, false, true]);
        assert!(outbox.pop_video(Camera).is_none());
        outbox.push_video(frame(Camera, 3, false), &stats);
        assert!(outbox.pop_video(Camera).is_none(), "it refers to a dropped picture");
        outbox.push_video(frame(Camera, 3, true), &stats);
        assert!(outbox.pop_video(Camera).is_some_and(|frame| frame.keyframe));
        assert_eq!(stats.of(Camera).frames_unsent.total(), MAX_FRAMES as u64 + 2);
        assert_eq!(outbox.take_keyframes(Presentation), [false; LAYERS], "the other kind has its own queue");
        assert!(outbox.pop_video(Presentation).is_some());
    }

    #[test]
    fn a_layer_that_overflows_takes_no_other_with_it() {
        let (outbox, stats) = (Outbox::default(), Stats::default());
        outbox.push_video(frame(Camera, 0, true), &stats);
        outbox.push_video(frame(Camera, 3, true), &stats);
        for _ in 0..MAX_FRAMES {
            outbox.push_video(frame(Camera, 3, false), &stats);
        }
        outbox.push_video(frame(Camera, 0, false), &stats);
        let left: Vec<usize> =
            std::iter::from_fn(|| outbox.pop_video(Camera)).map(|frame| frame.layer.index()).collect();
        assert_eq!(left, [0, 0]);
        assert_eq!(outbox.take_keyframes(Camera), [false, false, false, true]);
        outbox.drop_pictures(Camera);
        assert_eq!(outbox.take_keyframes(Camera), [true; LAYERS]);
    }
}
