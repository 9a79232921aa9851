//! Sound and pictures on their way: the threads between the devices and the media socket.
//!
//! ```text
//! camera -> newest picture -> encode -> outbox -> send ==> relay ==> receive -> decode -> picture slots -> screen
//! grabber (a presentation) --- the same -----^
//! microphone -> ring -> cleaning -> gate -> ring --^                    \-> ring -> speaker (-> when heard -> decode)
//!                         ^---------------- what is played -----------------------------/
//! ```
//!
//! The control thread holds a [`Media`] and tells the threads what to do; they tell it [`MediaNews`].

mod camera;
mod chime;
mod cleaning;
mod decode;
mod encode;
mod gauges;
mod layer;
mod link;
mod microphone;
mod newest;
mod orders;
mod outbox;
mod playout;
mod receive;
mod recording;
mod ring;
mod send;
mod sent;
mod shutter;
mod speaking;
pub mod stats;
mod switch;
#[cfg(test)]
mod tests;
mod wishes;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::Thread;

use heapless::spsc::{Consumer, Producer};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::watch;
use vestibule_common::control::Streams;
use vestibule_common::id::PeerId;
use vestibule_common::media::{ClockEstimate, Gate, GateHandle, Volume};
use vestibule_common::time::{Duration, Time};
use vestibule_common::unit::Bitrate;

use self::camera::CameraParts;
use self::chime::Sound;
use self::cleaning::{CleaningCommand, CleaningParts};
use self::decode::Decoding;
use self::gauges::Gauges;
pub use self::link::Link;
pub use self::microphone::MuteMode;
use self::microphone::{MicrophoneParts, MicrophoneReport};
use self::orders::Teller;
use self::outbox::Outbox;
use self::playout::{PlayoutCommand, Voice};
use self::receive::{ReceiveCommand, ReceiveParts, Wanted};
pub use self::recording::LONGEST_RECORDING;
use self::speaking::SoundSwitch;
use self::stats::Stats;
use self::switch::CameraSwitch;
use crate::audio::{Cleaner, Cleaning, EchoMode};
use crate::device::clock::Clock;
use crate::device::reopen::{DeviceState, Source};
use crate::device::{Camera, Microphone, Speaker};
use crate::kiosk::network::{NetworkSample, Sampler};
use crate::kiosk::{Chime, Grabber};
use crate::shell::watch::Watch;
use crate::video::kind::PictureKind;
use crate::video::slot::PictureSlots;
use crate::view::PictureId;

/// What the media threads notice.
#[derive(Clone, PartialEq, Debug)]
pub enum MediaNews {
    /// What takes pictures of this kind was opened, closed, or fails: look at [`Media::camera`].
    Camera(PictureKind),
    /// The microphone was opened or fails: look at [`Media::microphone`].
    Microphone,
    /// The speaker was opened or fails.
    Speaker(DeviceState),
    /// Another room begins or ceases to speak.
    Voice {
        /// Who.
        peer: PeerId,
        /// It speaks.
        speaking: bool,
    },
    /// Another room's pictures begin or cease to arrive.
    Pictures {
        /// Which.
        picture: PictureId,
        /// They arrive.
        arriving: bool,
    },
    /// A better estimate of the relay's clock, and of the round trip.
    Clock(ClockEstimate),
}

/// How the media threads tell their news. Never waits: when nobody listens fast enough, news of state is lost with a
/// warning and comes again with the next change.
#[derive(Clone)]
pub struct NewsSender {
    news: mpsc::Sender<MediaNews>,
    /// Notices when one of the threads ends.
    watch: Watch,
}

impl NewsSender {
    /// News go to `news`, the end of a thread to `watch`.
    pub fn new(news: mpsc::Sender<MediaNews>, watch: Watch) -> NewsSender {
        NewsSender { news, watch }
    }

    fn tell(&self, news: MediaNews) {
        match self.news.try_send(news) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => log::warn!("the room's logic does not keep up"),
            Err(TrySendError::Closed(_)) => log::debug!("the room has ended"),
        }
    }
}

/// Wakes the screen when there is a new picture.
#[derive(Clone)]
pub struct Screen(Arc<dyn Fn(PictureId) + Send + Sync>);

impl Screen {
    /// A screen that is woken by `wake`, from any thread.
    pub fn new(wake: impl Fn(PictureId) + Send + Sync + 'static) -> Screen {
        Screen(Arc::new(wake))
    }

    fn picture_changed(&self, id: PictureId) {
        (self.0)(id);
    }
}

/// Where the devices come from.
pub struct MediaDevices {
    /// Pictures.
    pub camera: Source<dyn Camera>,
    /// What a laptop shows.
    pub presentation: Source<dyn Camera>,
    /// Sound in.
    pub microphone: Source<dyn Microphone>,
    /// Sound out.
    pub speaker: Source<dyn Speaker>,
}

/// What is done to the microphone and its sound.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct SoundOptions {
    /// The gate is closed at first.
    pub muted: bool,
    /// What muting does to the microphone itself.
    pub mute: MuteMode,
    /// What is done to its sound.
    pub cleaning: Cleaning,
}

/// The control thread's grip on all media threads.
pub struct Media {
    outbox: Arc<Outbox>,
    gate: GateHandle,
    report: Arc<MicrophoneReport>,
    microphone: Thread,
    /// The microphone stays open behind the closed gate.
    listen: Arc<AtomicBool>,
    cleaning: Cleaning,
    cleaner: Producer<'static, CleaningCommand>,
    /// Of each kind of pictures.
    switches: [Arc<CameraSwitch>; 2],
    /// This room's own in its meeting.
    own: Option<Streams>,
    /// They leave: there are other rooms.
    sends: bool,
    send: Teller,
    receive: mpsc::Sender<ReceiveCommand>,
    wanted: watch::Sender<Wanted>,
    decoding: Decoding,
    playout: Producer<'static, PlayoutCommand>,
    gone: Consumer<'static, Box<Voice>>,
    stats: Arc<Stats>,
    gauges: Arc<Gauges>,
    /// When the network was looked at last, and how it was.
    before: Sampler,
    clock: Clock,
}

impl Media {
    /// Starts every thread; nothing is sent yet. The bitrates are what camera and presentation aim at.
    ///
    /// Errors: the system's, when a thread cannot be had.
    pub fn start(
        devices: MediaDevices,
        sound: SoundOptions,
        bitrates: [Bitrate; 2],
        slots: PictureSlots,
        screen: Screen,
        news: NewsSender,
        clock: Clock,
    ) -> io::Result<Media> {
        let watch = &news.watch;
        let stats = Arc::new(Stats::default());
        let gauges = Arc::new(Gauges::default());
        let outbox = Arc::new(Outbox::default());
        let sound_switch = Arc::new(SoundSwitch::default());
        let switches = PictureKind::ALL.map(|_| Arc::new(CameraSwitch::default()));
        let report = Arc::new(MicrophoneReport::default());
        let gate = Gate::new(sound.muted);
        let handle = gate.handle();
        let (receive, commands) = mpsc::channel(64);
        let (wanted, wanting) = watch::channel(Wanted::default());

        let sending = send::start(
            outbox.clone(),
            (handle.clone(), sound_switch.clone()),
            switches.clone(),
            bitrates,
            (stats.clone(), gauges.clone()),
            watch,
            clock,
        )?;
        let parts = CleaningParts {
            gate,
            cleaner: Box::new(Cleaner::new(sound.cleaning)),
            audio: sending.audio,
            switch: sound_switch.clone(),
            outbox: outbox.clone(),
            report: report.clone(),
            stats: stats.clone(),
        };
        let cleaned = cleaning::start(parts, watch, clock)?;
        let playing =
            playout::start(devices.speaker, cleaned.echo_path, news.clone(), stats.clone(), watch, clock)?;
        let (end, shown) = (watch.end("decode"), screen.clone());
        let decoding = decode::start(
            slots.clone(),
            // Only that thread has it, so it goes with the thread.
            Screen::new(move |id| {
                let _end = &end;
                shown.picture_changed(id);
            }),
            playing.heard,
            receive.clone(),
            news.clone(),
            (stats.clone(), gauges.clone()),
            clock,
        )?;
        let parts = ReceiveParts {
            outbox: outbox.clone(),
            switches: switches.clone(),
            sound: sound_switch,
            audio: playing.audio,
            slots: slots.clone(),
            decoding: decoding.clone(),
            stats: stats.clone(),
            gauges: gauges.clone(),
        };
        receive::start((commands, wanting), parts, news.clone(), clock)?;
        for (kind, source) in PictureKind::ALL.into_iter().zip([devices.camera, devices.presentation]) {
            let parts = CameraParts {
                kind,
                switch: switches[kind as usize].clone(),
                outbox: outbox.clone(),
                slots: slots.clone(),
                screen: screen.clone(),
                news: news.clone(),
                stats: stats.clone(),
                clock,
                bitrate: bitrates[kind as usize],
            };
            camera::start(source, parts, watch)?;
        }
        let listen = Arc::new(AtomicBool::new(false));
        let parts = MicrophoneParts {
            periods: cleaned.periods,
            cleaning: cleaned.thread,
            gate: handle.clone(),
            mute: sound.mute,
            listen: listen.clone(),
            report: report.clone(),
            stats: stats.clone(),
        };
        let microphone = microphone::start(devices.microphone, parts, news.clone(), watch, clock)?;
        Ok(Media {
            outbox,
            gate: handle,
            report,
            microphone,
            listen,
            cleaning: sound.cleaning,
            cleaner: cleaned.commands,
            switches,
            own: None,
            sends: false,
            send: sending.orders,
            receive,
            wanted,
            decoding,
            playout: playing.commands,
            gone: playing.gone,
            stats,
            gauges,
            before: Sampler::default(),
            clock,
        })
    }

    /// Uses this link from now on, or none. What was known of layers and budget is forgotten: it was another's.
    pub fn set_link(&mut self, link: Option<&Link>) {
        self.outbox.clear();
        let sending = link.map(Link::sending).map(|(socket, sealer)| (socket, Box::new(sealer)));
        let receiving = link.map(Link::receiving).map(|(socket, opener)| (socket, Box::new(opener)));
        self.send.link(sending);
        if self.receive.try_send(ReceiveCommand::Link(receiving)).is_err() {
            log::warn!("the receiving thread does not listen");
        }
    }

    /// Sends these streams as soon as there are other rooms, and plays and shows these rooms, and no others.
    pub fn join(&mut self, own: Streams, others: Vec<(PeerId, Streams)>) {
        self.outbox.clear();
        self.send_to_others(false);
        self.own = Some(own);
        self.wanted.send_modify(|wanted| wanted.own = Some(own));
        self.switches.iter().for_each(|switch| switch.send(true, self.clock.now()));
        self.set_rooms(others);
    }

    /// Plays and shows this room too; its first picture will be a keyframe, and so will the next one of ours.
    pub fn add(&mut self, peer: PeerId, streams: Streams) {
        let mut rooms = self.rooms_without(peer);
        rooms.push((peer, streams));
        PictureKind::ALL.into_iter().for_each(|kind| self.outbox.want_keyframes(kind));
        self.send.forget();
        self.set_rooms(rooms);
    }

    /// No longer plays and shows this room.
    pub fn drop(&mut self, peer: PeerId) {
        self.set_rooms(self.rooms_without(peer));
    }

    /// Sends, plays and shows nothing.
    pub fn stop(&mut self) {
        self.switches.iter().for_each(|switch| switch.send(false, self.clock.now()));
        self.own = None;
        self.set_rooms(Vec::new());
        self.outbox.clear();
    }

    /// Opens the camera, or closes it. When a close returns, no picture of it leaves any more.
    pub fn want_camera(&self, on: bool) {
        self.want_pictures(PictureKind::Camera, on, on);
    }

    /// Opens the presentation's grabber, lets its pictures leave, or closes it. When this returns, none leaves unless
    /// it was allowed.
    pub fn want_presentation(&self, grabber: Grabber) {
        self.want_pictures(
            PictureKind::Presentation,
            grabber != Grabber::Closed,
            grabber == Grabber::Sending,
        );
    }

    fn want_pictures(&self, kind: PictureKind, open: bool, shown: bool) {
        let switch = &self.switches[kind as usize];
        switch.want(open, shown, self.clock.now());
        if !switch.may_send() {
            self.outbox.drop_pictures(kind);
        }
    }

    /// Keeps the microphone open behind the closed gate too, where muting closes it, or no longer.
    pub fn listen(&self, on: bool) {
        self.listen.store(on, Ordering::Release);
        self.microphone.unpark();
    }

    /// How what takes pictures of this kind stands, since it was wanted last. It is looked at, because what is said of
    /// it may not get lost.
    pub fn camera(&self, kind: PictureKind) -> DeviceState {
        self.switches[kind as usize].state()
    }

    /// Of all presentations shows this room's, or none.
    pub fn present(&self, peer: Option<PeerId>) {
        self.wanted.send_modify(|wanted| wanted.presented = peer);
    }

    /// Opens the gate for what is captured from `now` on; whether it was closed.
    pub fn open_gate(&self, now: Time) -> bool {
        let changed = self.gate.open(now);
        // It may rest while muted.
        self.microphone.unpark();
        changed
    }

    /// Closes the gate; whether it was open. When this returns, no sound leaves any more.
    pub fn close_gate(&self) -> bool {
        let changed = self.gate.close();
        self.outbox.wait_for_sound();
        changed
    }

    /// Treats the speaker's sound in the microphone so from now on.
    pub fn echo(&mut self, mode: EchoMode) {
        if self.cleaning.echo == mode {
            return;
        }
        self.cleaning.echo = mode;
        let cleaner = Box::new(Cleaner::new(self.cleaning));
        if self.cleaner.enqueue(CleaningCommand::Clean(cleaner)).is_err() {
            log::warn!("the cleaning's thread does not listen");
        }
    }

    /// Records microphone, reference and output to `path`; `done` is told how it ended, in a sentence.
    ///
    /// Errors: a sentence, when it cannot begin.
    pub fn record(
        &mut self,
        path: PathBuf,
        length: Duration,
        done: impl FnOnce(Result<String, String>) + Send + 'static,
    ) -> Result<(), String> {
        let (sender, tracks) = std::sync::mpsc::sync_channel(recording::WAITING);
        recording::start(path.clone(), length, tracks, done)
            .map_err(|error| format!("{} cannot be made: {error}", path.display()))?;
        self.cleaner
            .enqueue(CleaningCommand::Record(sender))
            .map_err(|_| "the cleaning's thread does not listen".to_owned())
    }

    /// The audio gate.
    pub fn gate(&self) -> &GateHandle {
        &self.gate
    }

    /// How the microphone stands. Like the gate it is looked at, because what is said of muting may not get lost.
    pub fn microphone(&self) -> DeviceState {
        self.report.state()
    }

    /// How many periods have gone through the gate. Stands still without a microphone.
    pub fn gate_periods(&self) -> u64 {
        self.report.periods.load(Ordering::Acquire)
    }

    /// The microphone's peak for a meter on the screen, from 0 (silence) to 1 (full scale), muted or not.
    pub fn own_peak(&self) -> f32 {
        f32::from_bits(self.report.peak.load(Ordering::Relaxed))
    }

    /// Somebody in this room speaks, muted or not.
    pub fn own_voice(&self) -> bool {
        self.report.speech.load(Ordering::Acquire)
    }

    /// The speaker's volume, 0 to 100.
    pub fn volume(&mut self, percent: u8) {
        self.tell_player(PlayoutCommand::Volume(Volume::new(percent)));
    }

    /// Plays one of the kiosk's own sounds.
    pub fn chime(&mut self, chime: Chime) {
        self.tell_player(PlayoutCommand::Play(Sound::of(chime)));
    }

    /// What has become of the network since this was asked last.
    pub fn network(&mut self) -> NetworkSample {
        self.gauges.sample(&mut self.before, &self.stats, self.clock.now())
    }

    /// What was counted.
    pub fn stats(&self) -> &Arc<Stats> {
        &self.stats
    }

    fn rooms_without(&self, peer: PeerId) -> Vec<(PeerId, Streams)> {
        let wanted = self.wanted.borrow();
        wanted.rooms.iter().filter(|(known, _)| *known != peer).copied().collect()
    }

    fn set_rooms(&mut self, rooms: Vec<(PeerId, Streams)>) {
        self.send_to_others(!rooms.is_empty());
        let before = self.wanted.borrow().rooms.clone();
        for (peer, _) in before.iter().filter(|room| !rooms.contains(room)) {
            self.tell_player(PlayoutCommand::Drop(*peer));
        }
        for (peer, streams) in rooms.iter().filter(|room| !before.contains(room)) {
            let gauge = self.gauges.add(*peer);
            self.tell_player(PlayoutCommand::Add(Voice::new(*peer, streams.audio, gauge)));
        }
        while self.gone.dequeue().is_some() {}
        self.gauges.keep(|peer| rooms.iter().any(|(known, _)| known == peer));
        self.decoding.show(rooms.iter().map(|(peer, _)| *peer).collect());
        self.wanted.send_modify(|wanted| wanted.rooms = rooms);
    }

    /// Sound and pictures leave while there are other rooms. The sending thread knows it before anything is encoded.
    fn send_to_others(&mut self, others: bool) {
        let sends = others && self.own.is_some();
        if sends == self.sends {
            return;
        }
        self.sends = sends;
        self.send.streams(self.own.filter(|_| sends));
        self.switches.iter().for_each(|switch| switch.set_others(sends));
        if !sends {
            PictureKind::ALL.into_iter().for_each(|kind| self.outbox.drop_pictures(kind));
        }
    }

    fn tell_player(&mut self, command: PlayoutCommand) {
        if self.playout.enqueue(command).is_err() {
            log::warn!("the speaker's thread does not listen");
        }
    }
}
