//! The decoding thread: every room's pictures, in order, scaled to their tiles, held until their sound is heard.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Instant;

use heapless::spsc::Consumer;
use tokio::sync::mpsc;
use vestibule_common::id::PeerId;
use vestibule_common::media::{AssembledFrame, LipSync};
use vestibule_common::time::{Duration, Time};

use super::gauges::{Gauges, PictureTimes, RoomCount};
use super::receive::ReceiveCommand;
use super::stats::Stats;
use super::{MediaNews, NewsSender, Screen};
use crate::device::clock::Clock;
use crate::video::decoder::{Decoder, DecoderError};
use crate::video::kind::PictureKind;
use crate::video::recovery::{Recovery, Verdict};
use crate::video::scale::Scaler;
use crate::video::slot::{Picture, PictureSlots};
use crate::view::PictureId;

/// Frames that may wait for the decoder: about a tenth of a second of nine rooms.
const MAX_WAITING: usize = 32;
/// A room's pictures count as arriving for this long after the last one.
const PICTURES_LINGER: Duration = Duration::from_secs(2);
const TICK: Duration = Duration::from_millis(250);
/// From a picture in its slot to its light, for its sound: the way to its window, and half a refresh of a screen with 60 of
/// them a second. Some 20 ms more where druid paints it, which nobody notices.
const DISPLAY: Duration = Duration::from_millis(11);
/// Pictures of one room that may wait for their sound: the longest hold at 60 pictures a second.
const MAX_HELD: usize = 12;
/// A frame that has waited for the decoder this long is not worth showing any more.
const STALE: Duration = Duration::from_millis(150);

/// A whole frame of one room.
pub(super) struct DecodeJob {
    /// Whose stream.
    pub stream: PictureStream,
    /// The frame.
    pub frame: AssembledFrame,
}

/// The player says when a moment of a room's sound is heard.
pub(super) struct Heard {
    /// Whose.
    pub peer: PeerId,
    /// The moment, on the sender's clock.
    pub captured: Time,
    /// When it leaves our speaker, on our clock.
    pub heard: Time,
}

/// Another room's stream of pictures.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct PictureStream {
    /// Whose.
    pub peer: PeerId,
    /// What it shows.
    pub kind: PictureKind,
}

impl PictureStream {
    fn id(self) -> PictureId {
        PictureId::room(self.peer, self.kind)
    }
}

enum Job {
    Decode(DecodeJob),
    Rooms(Vec<PeerId>),
}

/// The way to the decoding thread.
#[derive(Clone)]
pub(super) struct Decoding {
    jobs: SyncSender<Job>,
}

impl Decoding {
    /// Queues a frame; `false` when the queue is full and the frame was dropped.
    pub(super) fn push(&self, job: DecodeJob) -> bool {
        self.jobs.try_send(Job::Decode(job)).is_ok()
    }

    /// From now on these rooms are shown, and no others.
    pub(super) fn show(&self, rooms: Vec<PeerId>) {
        if self.jobs.send(Job::Rooms(rooms)).is_err() {
            log::warn!("the decoding thread has stopped");
        }
    }
}

/// Starts the decoding thread.
pub(super) fn start(
    slots: PictureSlots,
    screen: Screen,
    heard: Consumer<'static, Heard>,
    failures: mpsc::Sender<ReceiveCommand>,
    news: NewsSender,
    (stats, gauges): (Arc<Stats>, Arc<Gauges>),
    clock: Clock,
) -> io::Result<Decoding> {
    let (jobs, inbox) = sync_channel(MAX_WAITING);
    let thread = DecodeThread {
        slots,
        screen,
        heard,
        failures,
        news,
        stats,
        gauges,
        clock,
        streams: BTreeMap::new(),
        scaler: Scaler::default(),
    };
    thread::Builder::new().name("decode".into()).spawn(move || thread.run(&inbox))?;
    Ok(Decoding { jobs })
}

struct DecodeThread {
    slots: PictureSlots,
    screen: Screen,
    heard: Consumer<'static, Heard>,
    failures: mpsc::Sender<ReceiveCommand>,
    news: NewsSender,
    stats: Arc<Stats>,
    gauges: Arc<Gauges>,
    clock: Clock,
    streams: BTreeMap<PictureStream, Stream>,
    scaler: Scaler,
}

struct Stream {
    decoder: Option<Decoder>,
    sync: LipSync,
    sequence: u64,
    recovery: Recovery,
    /// When its last picture was decoded, as long as they count as arriving.
    seen: Option<Time>,
    /// The room's logic was told that they arrive.
    told: bool,
    /// Decoded pictures that wait for their sound, oldest first, each with its moment.
    held: VecDeque<Held>,
    /// Pictures in their slot of which the screen has not said that it has them: which, and since when.
    put: VecDeque<(u64, Instant)>,
}

/// A decoded picture that waits for its sound.
struct Held {
    picture: Picture,
    due: Time,
    /// Where it spent its time until it was decoded.
    times: PictureTimes,
    decoded: Time,
}

impl DecodeThread {
    fn run(mut self, inbox: &Receiver<Job>) {
        loop {
            match inbox.recv_timeout(self.wait()) {
                Ok(Job::Decode(job)) => self.decode(&job),
                Ok(Job::Rooms(rooms)) => self.show(&rooms),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            while let Some(heard) = self.heard.dequeue() {
                for (_, stream) in self.streams.iter_mut().filter(|(id, _)| id.peer == heard.peer) {
                    stream.sync.handle_sound(heard.captured, heard.heard);
                }
            }
            self.release();
        }
    }

    fn show(&mut self, rooms: &[PeerId]) {
        let gone: Vec<PictureStream> =
            self.streams.keys().filter(|stream| !rooms.contains(&stream.peer)).copied().collect();
        for stream in gone {
            self.streams.remove(&stream);
            self.slots.clear(stream.id());
        }
        // Whoever names the rooms anew may have forgotten whose pictures arrive.
        self.streams.values_mut().for_each(|stream| stream.told = false);
        for (peer, kind) in rooms.iter().flat_map(|peer| PictureKind::ALL.map(|kind| (*peer, kind))) {
            self.streams.entry(PictureStream { peer, kind }).or_insert_with(|| Stream {
                decoder: None,
                recovery: Recovery::default(),
                sync: LipSync::new(DISPLAY),
                sequence: 0,
                seen: None,
                told: false,
                held: VecDeque::new(),
                put: VecDeque::new(),
            });
        }
    }

    fn decode(&mut self, job: &DecodeJob) {
        let Some(stream) = self.streams.get_mut(&job.stream) else { return };
        let (id, stats) = (job.stream.id(), self.stats.of(job.stream.kind));
        // A decoder that falls behind shows fewer pictures, never old ones: the backlog goes, and a keyframe begins anew.
        let begun = self.clock.now();
        let stale = begun.since(job.frame.completed) > STALE;
        if let Verdict::Drop { ask } = stream.recovery.admit(job.frame.keyframe, stale, begun) {
            stats.frames_overflowed.one();
            if ask {
                self.tell_failure(job.stream);
            }
            return;
        }
        if stream.decoder.is_none() {
            stream.decoder =
                Decoder::new(job.stream.kind).map_err(|error| log::warn!("no decoder: {error}")).ok();
        }
        let Some(decoder) = &mut stream.decoder else { return };
        let tile = self.slots.size(id);
        let scaler = &mut self.scaler;
        // Without a tile the picture is decoded all the same: later ones refer to it.
        let decoded = contained(|| {
            decoder.decode(&job.frame.bytes, |view| tile.map(|tile| scaler.to_bgrx(view, tile)))
        });
        match decoded {
            Ok(Some(pixels)) => {
                stats.pictures_decoded.one();
                if job.stream.kind == PictureKind::Camera {
                    self.gauges.of(job.stream.peer, RoomCount::handle_decoded);
                }
                let now = self.clock.now();
                // Told before there is a tile: the screen makes one for pictures that arrive.
                stream.seen = Some(now);
                if !std::mem::replace(&mut stream.told, true) {
                    self.news.tell(MediaNews::Pictures { picture: id, arriving: true });
                }
                let hold = stream.sync.handle_picture(job.frame.captured, now);
                if let Some((bgrx, width, height)) = pixels {
                    stream.sequence += 1;
                    let captured = job.frame.captured;
                    let picture = Picture { width, height, bgrx, sequence: stream.sequence, captured };
                    if stream.held.len() == MAX_HELD {
                        stream.held.pop_front();
                    }
                    let times = PictureTimes {
                        sender: job.frame.stages,
                        waited: begun.since(job.frame.first_arrival),
                        decoded: now.since(begun),
                    };
                    stream.held.push_back(Held { picture, due: now + hold, times, decoded: now });
                }
            }
            Ok(None) => {}
            Err(failure) => {
                match failure {
                    Failure::Refused(error) => {
                        log::debug!("a picture of {} could not be decoded: {error}", job.stream.peer.short());
                    }
                    Failure::Panicked => {
                        log::warn!(
                            "decoding a picture of {} broke off; its decoder begins anew",
                            job.stream.peer.short()
                        );
                        // It was in the midst of something.
                        self.scaler = Scaler::default();
                    }
                }
                stats.frames_undecodable.one();
                stream.decoder = None;
                if stream.recovery.handle_failure(self.clock.now()) {
                    self.tell_failure(job.stream);
                }
            }
        }
    }

    /// Only a keyframe helps this stream; the receiving thread asks for one.
    fn tell_failure(&self, stream: PictureStream) {
        if self.failures.try_send(ReceiveCommand::Undecodable(stream)).is_err() {
            log::debug!("the receiving thread does not listen");
        }
    }

    /// Shows what is due, and notices whose pictures have stopped.
    fn release(&mut self) {
        let now = self.clock.now();
        for (key, stream) in &mut self.streams {
            let id = key.id();
            // Of several that are due the newest is shown.
            let mut shown = None;
            while let Some(held) = stream.held.pop_front_if(|held| held.due <= now) {
                shown = Some(held);
            }
            if let Some(Held { picture, mut times, decoded, .. }) = shown {
                if stream.put.len() == MAX_HELD {
                    stream.put.pop_front();
                }
                stream.put.push_back((picture.sequence, Instant::now()));
                self.slots.put(id, picture);
                self.screen.picture_changed(id);
                times.waited += now.since(decoded);
                if key.kind == PictureKind::Camera {
                    self.gauges.of(key.peer, |room| room.handle_ready(&times));
                }
            }
            while let Some(laid) = self.slots.next_laid(id) {
                // Those before it were not laid any more: a newer one was there.
                while let Some((sequence, put)) =
                    stream.put.pop_front_if(|(sequence, _)| *sequence <= laid.sequence)
                {
                    if sequence == laid.sequence {
                        let took = laid.at.saturating_duration_since(put);
                        self.gauges.of(key.peer, |room| room.handle_shown(took));
                    }
                }
            }
            if stream.seen.is_some_and(|seen| now.since(seen) > PICTURES_LINGER) {
                (stream.seen, stream.told) = (None, false);
                self.news.tell(MediaNews::Pictures { picture: id, arriving: false });
            }
        }
    }

    fn wait(&self) -> Duration {
        let now = self.clock.now();
        let due =
            self.streams.values().filter_map(|stream| stream.held.front()).map(|held| held.due.since(now));
        due.min().unwrap_or(TICK).min(TICK)
    }
}

/// Why there is no picture.
#[derive(Debug)]
enum Failure {
    Refused(DecoderError),
    Panicked,
}

/// Keeps a panic over one room's picture from ending the thread that decodes every room's.
fn contained<T>(decode: impl FnOnce() -> Result<T, DecoderError>) -> Result<T, Failure> {
    match catch_unwind(AssertUnwindSafe(decode)) {
        Ok(decoded) => decoded.map_err(Failure::Refused),
        Err(_) => Err(Failure::Panicked),
    }
}

#[cfg(test)]
mod tests;
