//! The camera's thread and the encoder's: the newest picture wins, layers nobody receives are not encoded.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use vestibule_common::time::{Duration, Time};
use vestibule_common::unit::Bitrate;

use super::outbox::{Outbox, VideoOut};
use super::shutter::{PictureTicket, Shutter};
use super::stats::Stats;
use super::{MediaNews, NewsSender, Screen};
use crate::device::clock::Clock;
use crate::device::reopen::{DeviceState, Reopening, Source};
use crate::device::{Camera, DeviceError};
use crate::shell::watch::Watch;
use crate::video::convert::to_i420;
use crate::video::encoder::{Encoder, EncoderSettings};
use crate::video::i420::I420;
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
    let parts = Arc::new(parts);
    let newest = Arc::new(Newest::default());
    let (capture, encode) = ((parts.clone(), newest.clone()), (parts, newest));
    watch.spawn("camera", move || run_camera(source, &capture.0, &capture.1))?;
    watch.spawn("encode", move || EncodeThread::new(encode.0, encode.1).run())?;
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
}

struct Raw {
    picture: I420,
    captured: Time,
    /// None when it was captured while none may leave.
    ticket: Option<PictureTicket>,
}

impl Newest {
    fn put(&self, raw: Raw, rate: u32, stats: &Stats) {
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
    let news = parts.news.clone();
    let tell = move |state: &DeviceState| news.tell(MediaNews::Camera(state.clone()));
    let mut camera = Reopening::new(source, parts.clock, tell);
    let mut damaged = 0;
    loop {
        if !parts.switch.is_wanted() {
            camera.close();
            parts.slots.clear(PictureId::Own);
            parts.screen.picture_changed(PictureId::Own);
            parts.switch.wait_until_wanted();
        }
        camera.run(PATIENCE, |camera| {
            let format = camera.format();
            // Before the capture: a switch in between makes it void.
            let ticket = parts.switch.shutter.ticket();
            let frame = camera.next_frame()?;
            parts.stats.pictures_captured.one();
            let mut picture = lock(&newest.slot).spare.pop().unwrap_or_default();
            if let Err(error) = to_i420(&format, frame.bytes, &mut picture) {
                log::debug!("{error}");
                parts.stats.pictures_damaged.one();
                damaged += 1;
                return if damaged > MAX_DAMAGED {
                    Err(DeviceError::Lost(error.to_string()))
                } else {
                    Ok(())
                };
            }
            damaged = 0;
            newest.put(Raw { picture, captured: frame.captured, ticket }, format.rate, &parts.stats);
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
        if self.encoder.as_ref().is_none_or(|(_, for_rate)| *for_rate != rate) {
            let settings = EncoderSettings { bitrate: parts.bitrate, rate };
            self.encoder = Encoder::new(settings)
                .map_err(|error| log::warn!("pictures cannot be encoded: {error}"))
                .ok()
                .map(|encoder| (encoder, rate));
        }
        let Some((encoder, _)) = &mut self.encoder else { return };
        let keyframe = parts.outbox.take_keyframe();
        match encoder.encode(raw.picture.view(), keyframe) {
            Ok(Some(frame)) => {
                parts.stats.frames_encoded.one();
                if frame.keyframe {
                    parts.stats.keyframes_encoded.one();
                }
                let mut bytes = parts.outbox.buffer();
                bytes.extend_from_slice(frame.bytes);
                let encoded = parts.clock.now();
                let frame =
                    VideoOut { ticket, bytes, keyframe: frame.keyframe, captured: raw.captured, encoded };
                parts.outbox.push_video(frame, &parts.stats);
            }
            Ok(None) if keyframe => parts.outbox.want_keyframe(),
            Ok(None) => {}
            Err(error) => {
                log::warn!("a picture could not be encoded, starting the encoder anew: {error}");
                self.encoder = None;
                parts.outbox.want_keyframe();
            }
        }
    }

    fn show(&mut self, raw: &Raw) {
        let Some(tile) = self.parts.slots.size(PictureId::Own) else { return };
        let (bgrx, width, height) = self.scaler.to_bgrx(raw.picture.view(), tile);
        self.sequence += 1;
        let picture = Picture { width, height, bgrx, sequence: self.sequence, captured: raw.captured };
        self.parts.slots.put(PictureId::Own, picture);
        self.parts.screen.picture_changed(PictureId::Own);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
