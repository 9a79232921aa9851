//! The camera's thread and its encoder's: the newest picture wins, layers nobody receives are not encoded. A presentation's
//! grabber is a camera too, with threads of its own.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use vestibule_common::media::Packetizer;
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

/// Counts how often the camera was wanted: what was opened in one turn is closed before the next, however short the
/// pause between them.
type Turn = u64;

struct Wanted {
    /// The camera is to be open.
    open: Option<Turn>,
    turns: Turn,
    /// The turn for which the camera's thread opens it.
    opened: Option<Turn>,
    /// The other rooms are told that its pictures come.
    shown: bool,
    /// There are other rooms.
    sending: bool,
    /// How the camera of this turn stands.
    state: DeviceState,
}

/// What is wanted of the camera and the encoder, and how the camera stands.
pub(super) struct CameraSwitch {
    wanted: Mutex<Wanted>,
    changed: Condvar,
    shutter: Shutter,
}

impl Default for CameraSwitch {
    fn default() -> CameraSwitch {
        let wanted = Wanted {
            open: None,
            turns: 0,
            opened: None,
            shown: false,
            sending: false,
            state: DeviceState::Closed,
        };
        CameraSwitch { wanted: Mutex::new(wanted), changed: Condvar::new(), shutter: Shutter::default() }
    }
}

impl CameraSwitch {
    /// Opens the camera, or closes it, and lets its pictures leave that are captured from `now` on. When that is forbidden,
    /// none leaves from the return on.
    pub(super) fn want(&self, open: bool, shown: bool, now: Time) {
        self.change(now, |wanted| {
            wanted.shown = open && shown;
            if open != wanted.open.is_some() {
                wanted.turns += 1;
                wanted.open = open.then_some(wanted.turns);
                wanted.state = DeviceState::Closed;
            }
        });
    }

    /// Whether there are other rooms that want the pictures.
    pub(super) fn send(&self, on: bool, now: Time) {
        self.change(now, |wanted| wanted.sending = on);
    }

    /// Whether pictures may leave at this moment.
    pub(super) fn may_send(&self) -> bool {
        self.shutter.ticket().is_some()
    }

    /// Whether a picture with this ticket may still leave.
    pub(super) fn still_valid(&self, ticket: PictureTicket) -> bool {
        self.shutter.still_valid(ticket)
    }

    /// Sends if a picture with this ticket may still leave; see [`Shutter::pass`].
    pub(super) fn pass(&self, ticket: PictureTicket, send: impl FnOnce()) -> bool {
        self.shutter.pass(ticket, send)
    }

    /// How the camera stands since it was wanted last.
    pub(super) fn state(&self) -> DeviceState {
        lock(&self.wanted).state.clone()
    }

    /// The camera stands so. Of a turn that is over nobody wants to know.
    fn enter(&self, state: &DeviceState) {
        let mut wanted = lock(&self.wanted);
        if wanted.opened == wanted.open {
            wanted.state = state.clone();
        }
    }

    fn change(&self, now: Time, change: impl FnOnce(&mut Wanted)) {
        let mut wanted = lock(&self.wanted);
        change(&mut wanted);
        self.shutter.set(wanted.open.is_some() && wanted.shown && wanted.sending, now);
        drop(wanted);
        self.changed.notify_all();
    }

    fn is_wanted(&self) -> bool {
        lock(&self.wanted).open.is_some()
    }

    /// Whether the camera that is open now is still the one that is wanted.
    fn goes_on(&self) -> bool {
        let wanted = lock(&self.wanted);
        wanted.open.is_some() && wanted.open == wanted.opened
    }

    fn wait_for_next_turn(&self) {
        let wanted = lock(&self.wanted);
        let wanted = self.changed.wait_while(wanted, |wanted| wanted.open.is_none());
        let mut wanted = wanted.unwrap_or_else(PoisonError::into_inner);
        wanted.opened = wanted.open;
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
    let (camera, encoder) = match parts.kind {
        PictureKind::Camera => ("camera", "encode"),
        PictureKind::Presentation => ("grabber", "encode-shown"),
    };
    let newest = Arc::new(Newest::new(Cadence::new(parts.kind, parts.bitrate)));
    let parts = Arc::new(parts);
    let (capture, encode) = ((parts.clone(), newest.clone()), (parts, newest));
    watch.spawn(camera, move || run_camera(source, &capture.0, &capture.1))?;
    watch.spawn(encoder, move || EncodeThread::new(encode.0, encode.1).run())?;
    Ok(())
}

/// The newest picture, between both threads: one slot.
struct Newest {
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

struct Raw {
    picture: I420,
    captured: Time,
    /// None when it was captured while none may leave.
    ticket: Option<PictureTicket>,
}

impl Newest {
    fn new(cadence: Cadence) -> Newest {
        let slot = Slot { picture: None, spare: Vec::new(), rate: 0, cadence };
        Newest { slot: Mutex::new(slot), filled: Condvar::new() }
    }

    /// A buffer for the picture of this moment, if it is wanted.
    fn buffer(&self, captured: Time, rate: u32) -> Option<I420> {
        let mut slot = lock(&self.slot);
        let due = slot.cadence.is_due(captured, rate);
        due.then(|| slot.spare.pop().unwrap_or_default())
    }

    /// Takes a buffer back.
    fn give_back(&self, picture: I420) {
        let spare = &mut lock(&self.slot).spare;
        if spare.len() < 3 {
            spare.push(picture);
        }
    }

    /// The newest one has become so many bytes.
    fn charge(&self, size: DataSize) {
        lock(&self.slot).cadence.charge(size);
    }

    fn put(&self, raw: Raw, rate: u32, stats: &PictureStats) {
        let mut slot = lock(&self.slot);
        slot.rate = rate;
        slot.cadence.admit(raw.captured);
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
    let switch = parts.switch.clone();
    let enter = move |state: &DeviceState| {
        switch.enter(state);
        news.tell(MediaNews::Camera(kind));
    };
    let enter_else = enter.clone();
    // One that opens and delivers nothing is not said to be open.
    let tell = move |state: &DeviceState| match state {
        DeviceState::Open { .. } => {}
        DeviceState::Closed | DeviceState::Failed(_) => enter_else(state),
    };
    let mut camera = Reopening::new(source, parts.clock, tell);
    let mut opening = Opening::default();
    loop {
        if !parts.switch.goes_on() {
            camera.close();
            opening = Opening::default();
            parts.slots.clear(own);
            parts.screen.picture_changed(own);
            parts.switch.wait_for_next_turn();
        }
        let taken = camera.run(PATIENCE, |camera| {
            let format = camera.format();
            // Before the capture: a switch in between makes it void.
            let ticket = parts.switch.shutter.ticket();
            let frame = camera.next_frame()?;
            let ticket = ticket.filter(|ticket| ticket.is_for(frame.captured));
            stats.pictures_captured.one();
            let Some(mut picture) = newest.buffer(frame.captured, format.rate) else { return Ok(()) };
            if let Err(error) = to_i420(&format, frame.bytes, &mut picture) {
                log::debug!("{error}");
                stats.pictures_damaged.one();
                newest.give_back(picture);
                opening.damaged += 1;
                let hopeless = opening.damaged >= MAX_DAMAGED;
                return if hopeless { Err(DeviceError::Lost(error.to_string())) } else { Ok(()) };
            }
            opening.damaged = 0;
            opening.delivers = true;
            newest.put(Raw { picture, captured: frame.captured, ticket }, format.rate, stats);
            Ok(())
        });
        if taken.is_none() {
            opening = Opening::default();
        } else if opening.delivers && !opening.told {
            opening.told = true;
            enter(camera.state());
        }
    }
}

/// What the camera has done since it was opened.
#[derive(Default)]
struct Opening {
    /// Damaged frames in a row.
    damaged: u32,
    /// A picture has come.
    delivers: bool,
    /// That was said.
    told: bool,
}

struct EncodeThread {
    parts: Arc<CameraParts>,
    newest: Arc<Newest>,
    encoder: Option<(Encoder, EncoderSettings)>,
    /// The ticket under which a picture had more bytes than can be sent, and how coarse those under it are since.
    coarse: Option<(PictureTicket, u8)>,
    scaler: Scaler,
    sequence: u64,
}

impl EncodeThread {
    fn new(parts: Arc<CameraParts>, newest: Arc<Newest>) -> EncodeThread {
        EncodeThread { parts, newest, encoder: None, coarse: None, scaler: Scaler::default(), sequence: 0 }
    }

    fn run(mut self) {
        loop {
            let (raw, rate) = self.wait();
            if let Some(ticket) = raw.ticket.filter(|ticket| self.parts.switch.still_valid(*ticket)) {
                self.encode(&raw, ticket, rate);
            }
            if self.parts.switch.is_wanted() {
                self.show(&raw);
                // Switched off meanwhile, it was put where the camera's thread had cleared away already.
                if !self.parts.switch.is_wanted() {
                    self.parts.slots.clear(PictureId::own(self.parts.kind));
                }
            }
            self.newest.give_back(raw.picture);
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
        let coarseness =
            self.coarse.filter(|(under, _)| *under == ticket).map_or(0, |(_, coarseness)| coarseness);
        let rate = rate.min(kind.max_rate());
        let settings = EncoderSettings { kind, bitrate: parts.bitrate, rate, coarseness };
        if self.encoder.as_ref().is_none_or(|(_, made_for)| *made_for != settings) {
            self.encoder = Encoder::new(settings)
                .map_err(|error| log::warn!("pictures cannot be encoded: {error}"))
                .ok()
                .map(|encoder| (encoder, settings));
        }
        let Some((encoder, _)) = &mut self.encoder else { return };
        let keyframe = parts.outbox.take_keyframe(kind);
        match encoder.encode(raw.picture.view(), keyframe) {
            Ok(Some(frame)) if frame.bytes.len() > Packetizer::MAX_FRAME => {
                stats.frames_too_large.one();
                self.coarse = Some((ticket, (coarseness + 1).min(EncoderSettings::COARSEST)));
                parts.outbox.want_keyframe(kind);
            }
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

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

    use super::*;
    use crate::device::reopen::Opened;
    use crate::device::{CameraFormat, CameraFrame, PixelFormat};
    use crate::shell::watch;

    /// A camera that delivers a frame whenever it is told to.
    struct Patient {
        number: u32,
        next: Arc<Mutex<Receiver<()>>>,
        asked: SyncSender<u32>,
        frame: [u8; 384],
    }

    impl Camera for Patient {
        fn format(&self) -> CameraFormat {
            CameraFormat {
                width: 16,
                height: 16,
                stride: 16,
                pixels: PixelFormat::I420,
                rate: 15,
                full_range: false,
            }
        }

        fn next_frame(&mut self) -> Result<CameraFrame<'_>, DeviceError> {
            self.asked.send(self.number).unwrap();
            lock(&self.next).recv().map_err(|_| DeviceError::Lost("the test is over".into()))?;
            Ok(CameraFrame { bytes: &self.frame, captured: Time::from_millis(1), sequence: 0 })
        }
    }

    #[test]
    fn off_and_on_again_within_one_frame_closes_the_camera_and_forgets_how_it_stood() {
        let (frame, next) = sync_channel(0);
        let (asked, asks) = sync_channel(16);
        let next = Arc::new(Mutex::new(next));
        let mut opened = 0;
        let source = Source::<dyn Camera>::new(move || {
            opened += 1;
            let camera =
                Patient { number: opened, next: next.clone(), asked: asked.clone(), frame: [128; 384] };
            Ok(Opened { device: Box::new(camera), description: format!("camera {opened}") })
        });
        let switch = started(source);
        switch.send(true, Time::ZERO);
        switch.want(true, false, Time::ZERO);
        assert_eq!(asks.recv().unwrap(), 1);
        assert_eq!(switch.state(), DeviceState::Closed, "it has delivered nothing yet");
        frame.send(()).unwrap();
        assert_eq!(asks.recv().unwrap(), 1);
        assert_eq!(switch.state(), DeviceState::Open { description: "camera 1".into() });
        assert!(!switch.may_send(), "nobody was told of it");
        switch.want(true, true, Time::ZERO);
        let ticket = switch.shutter.ticket().unwrap();

        switch.want(false, false, Time::ZERO);
        switch.want(true, false, Time::ZERO);
        assert_eq!(switch.state(), DeviceState::Closed, "what is known is of the time before");
        assert!(!switch.still_valid(ticket) && !switch.may_send());
        frame.send(()).unwrap();
        assert_eq!(asks.recv().unwrap(), 2, "another one was opened");
        frame.send(()).unwrap();
        assert_eq!(asks.recv().unwrap(), 2);
        assert_eq!(switch.state(), DeviceState::Open { description: "camera 2".into() });
    }

    /// The switch of the threads of a camera with this source.
    fn started(source: Source<dyn Camera>) -> Arc<CameraSwitch> {
        // Nobody hears the news: how the camera stands is looked at.
        let (sender, _news) = tokio::sync::mpsc::channel(64);
        let (watch, ends) = watch::watch();
        // The threads go on until the tests end.
        std::mem::forget(ends);
        let switch = Arc::new(CameraSwitch::default());
        let parts = CameraParts {
            kind: PictureKind::Camera,
            switch: switch.clone(),
            outbox: Arc::default(),
            slots: PictureSlots::default(),
            screen: Screen::new(|_| {}),
            news: NewsSender::new(sender, watch.clone()),
            stats: Arc::default(),
            clock: Clock::start(),
            bitrate: Bitrate::kbps(2_000),
        };
        start(source, parts, &watch).unwrap();
        switch
    }

    /// The first frames of every opening are cut short, so many of them.
    struct Starter {
        damaged: u32,
        frame: [u8; 384],
        sequence: u32,
        clock: Clock,
    }

    impl Camera for Starter {
        fn format(&self) -> CameraFormat {
            CameraFormat {
                width: 16,
                height: 16,
                stride: 16,
                pixels: PixelFormat::I420,
                rate: 15,
                full_range: false,
            }
        }

        fn next_frame(&mut self) -> Result<CameraFrame<'_>, DeviceError> {
            std::thread::sleep(Duration::from_millis(1));
            self.sequence += 1;
            let bytes = if self.sequence <= self.damaged { &self.frame[..10] } else { &self.frame[..] };
            Ok(CameraFrame { bytes, captured: self.clock.now(), sequence: self.sequence })
        }
    }

    #[test]
    fn a_camera_given_up_for_damaged_frames_begins_anew_although_its_next_first_one_is_damaged_too() {
        let opened = Arc::new(Mutex::new(0));
        let (count, clock) = (opened.clone(), Clock::start());
        let source = Source::<dyn Camera>::new(move || {
            let mut opened = lock(&count);
            *opened += 1;
            let damaged = if *opened == 1 { MAX_DAMAGED } else { 1 };
            let device = Box::new(Starter { damaged, frame: [128; 384], sequence: 0, clock });
            Ok(Opened { device, description: format!("camera {opened}") })
        });
        let switch = started(source);
        switch.want(true, false, Time::ZERO);
        let mut seen = Vec::new();
        for _ in 0..60_000 {
            let state = switch.state();
            if seen.last() != Some(&state) {
                seen.push(state.clone());
            }
            if matches!(state, DeviceState::Open { .. }) {
                break;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        let [DeviceState::Closed, DeviceState::Failed(_), DeviceState::Open { description }] = &seen[..]
        else {
            panic!("it was never given up and taken again: {seen:?}");
        };
        assert_eq!(description, "camera 2", "and the first was never said to be open");
        std::thread::sleep(Duration::from_millis(50));
        assert_eq!(*lock(&opened), 2);
    }
}
