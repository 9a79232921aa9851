//! The camera's thread and its encoder's: the newest picture wins, layers nobody receives are not encoded. A presentation's
//! grabber is a camera too, with threads of its own.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use vestibule_common::time::{Duration, Time};
use vestibule_common::unit::{Bitrate, DataSize};

use super::outbox::{Outbox, VideoOut};
use super::shutter::{PictureTicket, Shutter};
use super::stats::{PictureStats, Stats};
use super::{MediaNews, NewsSender, Screen};
use crate::device::clock::Clock;
use crate::device::reopen::{DeviceState, Reopening, Source};
use crate::device::{Camera, DeviceError};
use crate::shell::watch::Watch;
use crate::video::cadence::Cadence;
use crate::video::convert::to_i420;
use crate::video::encoder::{Encoder, EncoderSettings};
use crate::video::i420::I420;
use crate::video::kind::PictureKind;
use crate::video::scale::Scaler;
use crate::video::slot::{Picture, PictureSlots};
use crate::view::PictureId;

/// While the camera cannot be opened, this often is looked whether it is still wanted.
const PATIENCE: Duration = Duration::from_millis(100);
/// A camera that delivers this many damaged frames in a row is opened again.
const MAX_DAMAGED: u32 = 30;

#[derive(Default)]
struct Wanted {
    camera: bool,
    sending: bool,
}

/// What is wanted of the camera and the encoder.
#[derive(Default)]
pub(super) struct CameraSwitch {
    wanted: Mutex<Wanted>,
    changed: Condvar,
    shutter: Shutter,
}

impl CameraSwitch {
    /// Opens the camera, or closes it.
    pub(super) fn want(&self, on: bool) {
        self.change(|wanted| wanted.camera = on);
    }

    /// Whether other rooms want the pictures.
    pub(super) fn send(&self, on: bool) {
        self.change(|wanted| wanted.sending = on);
    }

    /// Whether a picture with this ticket may still leave. Ask directly before the socket.
    pub(super) fn still_valid(&self, ticket: PictureTicket) -> bool {
        self.shutter.still_valid(ticket)
    }

    fn change(&self, change: impl FnOnce(&mut Wanted)) {
        let mut wanted = lock(&self.wanted);
        change(&mut wanted);
        self.shutter.set(wanted.camera && wanted.sending);
        drop(wanted);
        self.changed.notify_all();
    }

    fn is_wanted(&self) -> bool {
        lock(&self.wanted).camera
    }

    fn wait_until_wanted(&self) {
        let wanted = lock(&self.wanted);
        drop(
            self.changed.wait_while(wanted, |wanted| !wanted.camera).unwrap_or_else(PoisonError::into_inner),
        );
    }
}

/// Everything both threads share.
pub(super) struct CameraParts {
    /// What the pictures show.
    pub kind: PictureKind,
    /// What is wanted.
    pub switch: Arc<CameraSwitch>,
    /// Where encoded frames go.
    pub outbox: Arc<Outbox>,
    /// Where the own picture goes.
    pub slots: PictureSlots,
    /// Woken for the own picture.
    pub screen: Screen,
    /// Told about the camera's state.
    pub news: NewsSender,
    /// Counters.
    pub stats: Arc<Stats>,
    /// The kiosk's clock.
    pub clock: Clock,
    /// What the encoder aims at.
    pub bitrate: Bitrate,
}

/// Starts both threads.
pub(super) fn start(source: Source<dyn Camera>, parts: CameraParts, watch: &Watch) -> io::Result<()> {
    let (camera, encoder, cadence) = match parts.kind {
        PictureKind::Camera => ("camera", "encode", None),
        PictureKind::Presentation => ("grabber", "encode-shown", Some(Cadence::new(parts.bitrate))),
    };
    let parts = Arc::new(parts);
    let newest =
        Arc::new(Newest { slot: Mutex::new(Slot { cadence, ..Slot::default() }), ..Newest::default() });
    let (capture, encode) = ((parts.clone(), newest.clone()), (parts, newest));
    watch.spawn(camera, move || run_camera(source, &capture.0, &capture.1))?;
    watch.spawn(encoder, move || EncodeThread::new(encode.0, encode.1).run())?;
    Ok(())
}

/// The newest picture, between both threads: one slot.
#[derive(Default)]
struct Newest {
    slot: Mutex<Slot>,
    filled: Condvar,
}

#[derive(Default)]
struct Slot {
    picture: Option<Raw>,
    spare: Vec<I420>,
    rate: u32,
    /// Which pictures are taken at all; absent: every one.
    cadence: Option<Cadence>,
}

struct Raw {
    picture: I420,
    captured: Time,
    /// None when it was captured while none may leave.
    ticket: Option<PictureTicket>,
}

impl Newest {
    /// Whether a picture of this moment is wanted; if so, a buffer for it.
    fn admit(&self, captured: Time) -> Option<I420> {
        let mut slot = lock(&self.slot);
        let admitted = slot.cadence.as_mut().is_none_or(|cadence| cadence.admit(captured));
        admitted.then(|| slot.spare.pop().unwrap_or_default())
    }

    /// The newest one has become so many bytes.
    fn charge(&self, size: DataSize) {
        if let Some(cadence) = &mut lock(&self.slot).cadence {
            cadence.charge(size);
        }
    }

    fn put(&self, raw: Raw, rate: u32, stats: &PictureStats) {
        let mut slot = lock(&self.slot);
        slot.rate = rate;
        if let Some(unseen) = slot.picture.replace(raw) {
            stats.pictures_skipped.one();
            slot.spare.push(unseen.picture);
        }
        self.filled.notify_one();
    }
}

fn run_camera(source: Source<dyn Camera>, parts: &CameraParts, newest: &Newest) {
    let (news, kind) = (parts.news.clone(), parts.kind);
    let (own, stats) = (PictureId::own(kind), parts.stats.of(kind));
    let tell = move |state: &DeviceState| news.tell(MediaNews::Camera { kind, state: state.clone() });
    let mut camera = Reopening::new(source, parts.clock, tell);
    let mut damaged = 0;
    loop {
        if !parts.switch.is_wanted() {
            camera.close();
            parts.slots.clear(own);
            parts.screen.picture_changed(own);
            parts.switch.wait_until_wanted();
        }
        camera.run(PATIENCE, |camera| {
            let format = camera.format();
            // Before the capture: a switch in between makes it void.
            let ticket = parts.switch.shutter.ticket();
            let frame = camera.next_frame()?;
            stats.pictures_captured.one();
            let Some(mut picture) = newest.admit(frame.captured) else { return Ok(()) };
            if let Err(error) = to_i420(&format, frame.bytes, &mut picture) {
                log::debug!("{error}");
                stats.pictures_damaged.one();
                damaged += 1;
                return if damaged > MAX_DAMAGED {
                    Err(DeviceError::Lost(error.to_string()))
                } else {
                    Ok(())
                };
            }
            damaged = 0;
            newest.put(Raw { picture, captured: frame.captured, ticket }, format.rate, stats);
            Ok(())
        });
    }
}

struct EncodeThread {
    parts: Arc<CameraParts>,
    newest: Arc<Newest>,
    encoder: Option<(Encoder, u32)>,
    scaler: Scaler,
    sequence: u64,
}

impl EncodeThread {
    fn new(parts: Arc<CameraParts>, newest: Arc<Newest>) -> EncodeThread {
        EncodeThread { parts, newest, encoder: None, scaler: Scaler::default(), sequence: 0 }
    }

    fn run(mut self) {
        loop {
            let (raw, rate) = self.wait();
            if let Some(ticket) = raw.ticket.filter(|ticket| self.parts.switch.still_valid(*ticket)) {
                self.encode(&raw, ticket, rate);
            }
            if self.parts.switch.is_wanted() {
                self.show(&raw);
            }
            let mut slot = lock(&self.newest.slot);
            if slot.spare.len() < 3 {
                slot.spare.push(raw.picture);
            }
        }
    }

    fn wait(&self) -> (Raw, u32) {
        let slot = lock(&self.newest.slot);
        let mut slot = self
            .newest
            .filled
            .wait_while(slot, |slot| slot.picture.is_none())
            .unwrap_or_else(PoisonError::into_inner);
        let raw = slot.picture.take().expect("the wait ended because it is there");
        (raw, slot.rate.max(1))
    }

    fn encode(&mut self, raw: &Raw, ticket: PictureTicket, rate: u32) {
        let parts = &self.parts;
        let (kind, stats) = (parts.kind, parts.stats.of(parts.kind));
        if self.encoder.as_ref().is_none_or(|(_, for_rate)| *for_rate != rate) {
            let settings = EncoderSettings { kind, bitrate: parts.bitrate, rate };
            self.encoder = Encoder::new(settings)
                .map_err(|error| log::warn!("pictures cannot be encoded: {error}"))
                .ok()
                .map(|encoder| (encoder, rate));
        }
        let Some((encoder, _)) = &mut self.encoder else { return };
        let keyframe = parts.outbox.take_keyframe(kind);
        match encoder.encode(raw.picture.view(), keyframe) {
            Ok(Some(frame)) => {
                stats.frames_encoded.one();
                if frame.keyframe {
                    stats.keyframes_encoded.one();
                }
                let mut bytes = parts.outbox.buffer();
                bytes.extend_from_slice(frame.bytes);
                let (keyframe, captured, encoded) = (frame.keyframe, raw.captured, parts.clock.now());
                self.newest.charge(DataSize::bytes(bytes.len() as u64));
                let frame = VideoOut { kind, ticket, bytes, keyframe, captured, encoded };
                parts.outbox.push_video(frame, &parts.stats);
            }
            Ok(None) if keyframe => parts.outbox.want_keyframe(kind),
            Ok(None) => {}
            Err(error) => {
                log::warn!("a picture could not be encoded, starting the encoder anew: {error}");
                self.encoder = None;
                parts.outbox.want_keyframe(kind);
            }
        }
    }

    fn show(&mut self, raw: &Raw) {
        let own = PictureId::own(self.parts.kind);
        let Some(tile) = self.parts.slots.size(own) else { return };
        let (bgrx, width, height) = self.scaler.to_bgrx(raw.picture.view(), tile);
        self.sequence += 1;
        let picture = Picture { width, height, bgrx, sequence: self.sequence, captured: raw.captured };
        self.parts.slots.put(own, picture);
        self.parts.screen.picture_changed(own);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
