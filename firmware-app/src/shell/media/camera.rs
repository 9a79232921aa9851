//! The camera's thread: takes pictures as long as they are wanted, converts them and puts each into the newest-picture slot.
//! A presentation's grabber is a camera too, with threads of its own.

use std::io;
use std::sync::Arc;

use vestibule_common::time::Duration;
use vestibule_common::unit::Bitrate;

use super::encode::EncodeThread;
use super::newest::{Newest, Raw};
use super::outbox::Outbox;
use super::stats::Stats;
use super::switch::CameraSwitch;
use super::{MediaNews, NewsSender, Screen};
use crate::device::clock::Clock;
use crate::device::reopen::{DeviceState, Reopening, Source};
use crate::device::{Camera, DeviceError};
use crate::shell::watch::Watch;
use crate::video::cadence::Cadence;
use crate::video::convert::to_i420;
use crate::video::kind::PictureKind;
use crate::video::slot::PictureSlots;
use crate::view::PictureId;

/// While the camera cannot be opened, this often is looked whether it is still wanted.
const PATIENCE: Duration = Duration::from_millis(100);
/// A camera that delivers this many damaged frames in a row is opened again.
const MAX_DAMAGED: u32 = 30;

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
    /// What all that is encoded may take.
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
            let ticket = parts.switch.ticket();
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

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
    use std::sync::{Mutex, MutexGuard, PoisonError};

    use vestibule_common::time::Time;

    use super::*;
    use crate::device::reopen::Opened;
    use crate::device::{CameraFormat, CameraFrame, PixelFormat};
    use crate::shell::watch;
    use crate::video::ladder::{LayerIndex, LayerWish};
    use crate::video::plan::LayersWanted;

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
        let (switch, _) = started(source);
        switch.send(true, Time::ZERO);
        switch.set_others(true);
        switch.want(true, false, Time::ZERO);
        assert_eq!(asks.recv().unwrap(), 1);
        assert_eq!(switch.state(), DeviceState::Closed, "it has delivered nothing yet");
        frame.send(()).unwrap();
        assert_eq!(asks.recv().unwrap(), 1);
        assert_eq!(switch.state(), DeviceState::Open { description: "camera 1".into() });
        assert!(!switch.may_send(), "nobody was told of it");
        switch.want(true, true, Time::ZERO);
        let ticket = switch.ticket().unwrap();

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

    /// The switch and the outbox of the threads of a camera with this source.
    fn started(source: Source<dyn Camera>) -> (Arc<CameraSwitch>, Arc<Outbox>) {
        // Nobody hears the news: how the camera stands is looked at.
        let (sender, _news) = tokio::sync::mpsc::channel(64);
        let (watch, ends) = watch::watch();
        // The threads go on until the tests end.
        std::mem::forget(ends);
        let (switch, outbox) = (Arc::new(CameraSwitch::default()), Arc::new(Outbox::default()));
        let parts = CameraParts {
            kind: PictureKind::Camera,
            switch: switch.clone(),
            outbox: outbox.clone(),
            slots: PictureSlots::default(),
            screen: Screen::new(|_| {}),
            news: NewsSender::new(sender, watch.clone()),
            stats: Arc::default(),
            clock: Clock::start(),
            bitrate: Bitrate::kbps(2_000),
        };
        start(source, parts, &watch).unwrap();
        (switch, outbox)
    }

    /// A grey camera of 320 x 240 pixels with a picture every few milliseconds.
    struct Grey {
        frame: Vec<u8>,
        clock: Clock,
    }

    impl Camera for Grey {
        fn format(&self) -> CameraFormat {
            CameraFormat {
                width: 320,
                height: 240,
                stride: 320,
                pixels: PixelFormat::I420,
                rate: 30,
                full_range: false,
            }
        }

        fn next_frame(&mut self) -> Result<CameraFrame<'_>, DeviceError> {
            std::thread::sleep(Duration::from_millis(5));
            Ok(CameraFrame { bytes: &self.frame, captured: self.clock.now(), sequence: 0 })
        }
    }

    #[test]
    fn what_is_wanted_while_the_camera_runs_is_what_it_sends_from_then_on() {
        let clock = Clock::start();
        let source = Source::<dyn Camera>::new(move || {
            let camera = Grey { frame: vec![120; 320 * 240 * 3 / 2], clock };
            Ok(Opened { device: Box::new(camera), description: "grey".into() })
        });
        let (switch, outbox) = started(source);
        switch.send(true, Time::ZERO);
        switch.set_others(true);
        switch.want(true, true, Time::ZERO);
        // Waits until frames of just these layers have come twice in a row each.
        let sends = |layers: &[usize]| {
            let mut last = Vec::new();
            for _ in 0..10_000 {
                while let Some(frame) = outbox.pop_video(PictureKind::Camera) {
                    last.push((frame.number, frame.layer.index()));
                }
                let newest: Vec<usize> =
                    last.iter().rev().take(2 * layers.len()).map(|it| it.1).rev().collect();
                if newest == layers.repeat(2) {
                    return;
                }
                std::thread::sleep(Duration::from_millis(1));
            }
            panic!("not {layers:?}, but {last:?}");
        };
        sends(&[1]);
        let wish = |layer| LayerWish {
            layer: LayerIndex::of(layer).unwrap(),
            cap: Bitrate::kbps(9_000),
            repairs: 0,
        };
        switch.want_layers(Some(LayersWanted::from_iter([wish(1), wish(0)])));
        sends(&[0, 1]);
        switch.want_layers(Some(LayersWanted::from_iter([wish(0)])));
        sends(&[0]);
        switch.want_layers(None);
        sends(&[1]);
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
        let (switch, _) = started(source);
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

    fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
        mutex.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
