//! The room's loop: everything that happens goes into the kiosk's core, everything it wants done comes out.
//!
//! One thread, one owner of the core; the other threads reach it through bounded queues.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::{mpsc, oneshot};
use tokio::time::{MissedTickBehavior, interval, sleep};
use vestibule_common::control::StoppingWhy;
use vestibule_common::id::PeerId;
use vestibule_common::identity::Identity;
use vestibule_common::media::{ClockEstimate, GateState as Gate};
use vestibule_common::name::RoomName;
use vestibule_common::time::Time;

use super::control::{self, ConnectError, Place};
use super::discovery::Discovery;
use super::link::{ControlLink, LinkEvent};
use super::media::{Link, Media, MediaNews};
use super::store::{Keeper, PinnedRelay};
use super::watch::Ends;
use super::xruns::XrunLog;
use crate::device::clock::Clock;
use crate::device::reopen::DeviceState as Opening;
use crate::device::{Button, ButtonEdge, Contact, DeviceError};
use crate::kiosk::{
    CameraState, Destination, DeviceState, Effect, FoundRelay, GateReport, GateState, Grabber, Intent, Kiosk,
    LEVELS, LampState, LinkLoss, Media as MediaEffect, News, WallClock,
};
use crate::video::kind::PictureKind;
use crate::view::View;

/// How often the gate and the microphone are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// How often the screen's meter follows the microphone.
const LEVEL_EVERY: Duration = Duration::from_millis(100);
/// A microphone that is open and delivers nothing for this long does not report its gate.
const GATE_SILENCE: Duration = Duration::from_secs(2);
/// How long a search for relays listens before it says what it found.
const SEARCH_FOR: Duration = Duration::from_millis(1500);

/// What reaches the room from other threads.
pub enum Input {
    /// A touch.
    Intent(Intent),
    /// A button.
    Button(ButtonEdge),
    /// A button's contact is now so.
    Contact(Button, Contact),
    /// The buttons were found, or cannot be used.
    Buttons(DeviceState),
    /// Somebody wants to know what the screen shows (a test, a measurement, the caretaker).
    Observe(oneshot::Sender<Observation>),
    /// The caretaker wants the room's sound recorded for so long; the answer is how it ended.
    Record(Duration, oneshot::Sender<Result<String, String>>),
    /// The program ends.
    Stop,
}

/// What the room is at one moment.
pub struct Observation {
    /// What the screen shows.
    pub view: View,
    /// Every counter of the media threads.
    pub counters: Vec<(&'static str, u64)>,
    /// The relay's clock as seen from here.
    pub clock: Option<ClockEstimate>,
    /// What the lamps were last told.
    pub lamps: BTreeMap<Button, LampState>,
    /// What the gate says of itself, and since when.
    pub gate: (Gate, Time),
}

/// What the room needs of its surroundings.
pub struct Surroundings {
    /// The kiosk's key, for the greeting.
    pub identity: Arc<Identity>,
    /// The label it greets with at first.
    pub name: RoomName,
    /// `host:port` of the configured relay.
    pub relay_address: Option<String>,
    /// The relay trusted so far.
    pub pinned: Option<PinnedRelay>,
    /// Whether relays are looked for on the network.
    pub discover: bool,
    /// The files.
    pub store: Keeper,
    /// Where recordings for diagnosis go.
    pub recordings: PathBuf,
    /// The kiosk's clock.
    pub clock: Clock,
    /// Shows a view.
    pub show: Box<dyn Fn(View) + Send>,
    /// Switches a lamp.
    pub lamp: Box<dyn Fn(Button, LampState) + Send>,
    /// Called about twice a second while the loop turns.
    pub alive: Box<dyn Fn() + Send>,
}

/// Runs until told to stop. Errors: the name of a thread that ended by itself; without it the room only looks alive.
pub async fn run(
    kiosk: Kiosk,
    media: Media,
    around: Surroundings,
    mut inputs: mpsc::Receiver<Input>,
    mut media_news: mpsc::Receiver<MediaNews>,
    mut ends: Ends,
) -> Result<(), &'static str> {
    let (link_events, mut links) = mpsc::channel(64);
    let (found, mut searches) = mpsc::channel(4);
    let (recorded, mut recordings) = mpsc::channel(4);
    let mut room = Room {
        name: around.name.clone(),
        pinned: around.pinned.clone(),
        kiosk,
        media,
        around,
        link: None,
        generation: 0,
        link_events,
        found,
        recorded,
        discovery: None,
        cameras: PictureKind::ALL.map(|_| Opening::Closed),
        microphone: Opening::Closed,
        gate_told: None,
        gate_since: Time::ZERO,
        gate_periods: (0, Time::ZERO),
        own_voice: false,
        own_level: (0, Time::ZERO),
        xruns: [XrunLog::new("microphone"), XrunLog::new("speaker")],
        shown: None,
        lamps: BTreeMap::new(),
        clock_estimate: None,
        stopping: false,
    };
    room.settle();
    let mut look = interval(LOOK_EVERY);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut looks = 0_u32;
    let end = loop {
        let now = room.now();
        let wait = room.kiosk.poll_timeout().map_or(Duration::from_secs(1), |when| when.since(now));
        tokio::select! {
            input = inputs.recv() => match input {
                Some(Input::Intent(intent)) => room.kiosk.handle_intent(intent, room.now()),
                Some(Input::Button(edge)) => room.kiosk.handle_button(edge, room.now()),
                Some(Input::Contact(button, contact)) => room.tell(News::Contact { button, contact }),
                Some(Input::Buttons(state)) => room.tell(News::Buttons(state)),
                // Whoever asked may be gone already.
                Some(Input::Observe(reply)) => drop(reply.send(room.observe())),
                Some(Input::Record(length, reply)) => room.record(length, reply),
                Some(Input::Stop) | None => break Ok(()),
            },
            news = media_news.recv() => if let Some(news) = news { room.handle_media(news) },
            event = links.recv() => if let Some((generation, event)) = event { room.handle_link(generation, event) },
            recorded = recordings.recv() => if recorded.is_some() { room.tell(News::Recording(false)) },
            relays = searches.recv() => if let Some(relays) = relays { room.tell(News::RelaysFound(relays)) },
            thread = ends.next() => break Err(thread),
            _ = look.tick() => {
                room.look_at_gate();
                PictureKind::ALL.into_iter().for_each(|kind| room.look_at_camera(kind));
                looks = looks.wrapping_add(1);
                if looks.is_multiple_of(25) {
                    (room.around.alive)();
                }
            }
            () = sleep(wait) => {}
        }
        room.settle();
    };
    // From here on threads end because they are let go.
    drop(ends);
    room.media.stop();
    room.media.want_camera(false);
    room.media.want_presentation(Grabber::Closed);
    if let Some(discovery) = &room.discovery {
        discovery.stop();
    }
    end
}

struct Room {
    name: RoomName,
    pinned: Option<PinnedRelay>,
    kiosk: Kiosk,
    media: Media,
    around: Surroundings,
    link: Option<ControlLink>,
    /// Which link events count.
    generation: u64,
    link_events: mpsc::Sender<(u64, LinkEvent)>,
    found: mpsc::Sender<Vec<FoundRelay>>,
    /// A recording has ended.
    recorded: mpsc::Sender<()>,
    discovery: Option<Discovery>,
    /// How what takes each kind of pictures stands.
    cameras: [Opening; 2],
    microphone: Opening,
    gate_told: Option<GateReport>,
    /// Since when the gate is as it is.
    gate_since: Time,
    gate_periods: (u64, Time),
    own_voice: bool,
    /// The level that was told last, and when it was looked at.
    own_level: (u8, Time),
    xruns: [XrunLog; 2],
    shown: Option<View>,
    lamps: BTreeMap<Button, LampState>,
    clock_estimate: Option<ClockEstimate>,
    /// The relay said that it stops.
    stopping: bool,
}

impl Room {
    fn now(&self) -> Time {
        self.around.clock.now()
    }

    fn tell(&mut self, news: News) {
        let now = self.now();
        self.kiosk.handle_news(news, now);
    }

    /// Lets time act on the core, does what it wants, and shows what came of it.
    fn settle(&mut self) {
        let now = self.now();
        if self.kiosk.poll_timeout().is_some_and(|when| when <= now) {
            self.kiosk.handle_timeout(now);
        }
        while let Some(effect) = self.kiosk.next_effect() {
            self.carry_out(effect);
        }
        let view = self.kiosk.view(self.now(), wall_clock());
        if self.shown.as_ref() != Some(&view) {
            (self.around.show)(view.clone());
            self.shown = Some(view);
        }
    }

    fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Send(ask) => {
                if !self.link.as_ref().is_some_and(|link| link.send(ask)) {
                    log::debug!("a request found no connection");
                }
            }
            Effect::Gate(state) => {
                let now = self.now();
                let changed = match state {
                    GateState::Open => self.media.open_gate(now),
                    GateState::Closed => self.media.close_gate(),
                };
                if changed {
                    // Closed from the moment that it says so, which is a little later.
                    self.gate_since = if state == GateState::Open { now } else { self.now() };
                }
                self.gate_told = None;
                self.look_at_gate();
            }
            Effect::Listen(on) => self.media.listen(on),
            Effect::Lamp(button, state) => {
                self.lamps.insert(button, state);
                (self.around.lamp)(button, state);
            }
            Effect::Camera(on) => {
                self.media.want_camera(on);
                self.look_at_camera(PictureKind::Camera);
            }
            Effect::Presentation(grabber) => {
                self.media.want_presentation(grabber);
                // Before it may be opened again: a close is never overlooked.
                self.look_at_camera(PictureKind::Presentation);
            }
            Effect::Media(MediaEffect::Present(peer)) => self.media.present(peer),
            Effect::Media(MediaEffect::Join { own, others }) => self.media.join(own, others),
            Effect::Media(MediaEffect::Add(peer, streams)) => self.media.add(peer, streams),
            Effect::Media(MediaEffect::Drop(peer)) => self.media.drop(peer),
            Effect::Media(MediaEffect::Stop) => self.media.stop(),
            Effect::Volume(percent) => self.media.volume(percent),
            Effect::Echo(mode) => self.media.echo(mode),
            Effect::Chime(chime) => self.media.chime(chime),
            Effect::KeepTicket(ticket) => self.around.store.save("ticket.json", ticket.as_deref()),
            Effect::KeepSettings(settings) => {
                self.name = settings.name.clone();
                self.around.store.save("settings.json", Some(&settings));
            }
            Effect::FindRelays => self.search(),
            Effect::Connect(destination) => self.connect(&destination),
            Effect::Disconnect => self.disconnect(),
            Effect::Pin { peer, address } => {
                let relay = PinnedRelay { peer, address };
                self.around.store.save("relay.json", Some(&relay));
                self.pinned = Some(relay);
            }
            Effect::Forget => {
                self.around.store.save::<PinnedRelay>("relay.json", None);
                self.pinned = None;
            }
            Effect::Log { level, text } => log::log!(level, "{text}"),
        }
    }

    // ---- the relay

    fn connect(&mut self, destination: &Destination) {
        self.disconnect();
        let (peer, mut places) = match destination {
            Destination::Pinned(peer) => (*peer, self.places_of(*peer)),
            // Somebody else may announce that key at an address that is not its own: then where else it is seen.
            Destination::At { peer, address } => {
                let mut places = vec![Place::new(address)];
                places.extend(self.seen(*peer));
                (*peer, places)
            }
        };
        let mut unique = Vec::new();
        for place in places.drain(..) {
            if !unique.contains(&place) {
                unique.push(place);
            }
        }
        if unique.is_empty() {
            let detail = "discovery does not find it, and no address is known".to_owned();
            return self.tell(News::Disconnected { why: LinkLoss::NotFound, detail });
        }
        self.stopping = false;
        let me = self.around.identity.clone();
        let (clock, events) = (self.around.clock, self.link_events.clone());
        self.link =
            Some(ControlLink::start(self.generation, unique, peer, me, self.name.clone(), clock, events));
    }

    fn disconnect(&mut self) {
        self.generation += 1;
        self.link = None;
        self.media.set_link(None);
    }

    /// The configured address first, then where it was last, then where discovery sees that key: anybody can announce
    /// anything there.
    fn places_of(&mut self, peer: PeerId) -> Vec<Place> {
        let mut places: Vec<Place> =
            self.around.relay_address.as_deref().map(Place::new).into_iter().collect();
        if let Some(pinned) = self.pinned.as_ref().filter(|pinned| pinned.peer == peer) {
            places.push(Place::new(&pinned.address));
        }
        places.extend(self.seen(peer));
        places
    }

    /// Where discovery sees a relay.
    fn seen(&mut self, peer: PeerId) -> Vec<Place> {
        self.start_discovery();
        let relays = self.discovery.as_ref().map(Discovery::relays).unwrap_or_default();
        let seen = relays.into_iter().filter(|(found, _)| *found == peer);
        seen.flat_map(|(_, addresses)| addresses).map(Place::At).collect()
    }

    /// Remembers where the trusted relay is now, for a start without discovery and names.
    fn found_at(&mut self, peer: PeerId, address: SocketAddr) {
        let address = address.to_string();
        if let Some(pinned) = self.pinned.as_mut()
            && pinned.peer == peer
            && pinned.address != address
        {
            pinned.address = address;
            self.around.store.save("relay.json", Some(pinned));
        }
    }

    fn start_discovery(&mut self) {
        if self.around.discover && self.discovery.is_none() {
            self.discovery = Some(Discovery::start(|| {}));
        }
    }

    fn search(&mut self) {
        self.tell(News::Searching);
        self.start_discovery();
        let (discovery, found) = (self.discovery.clone(), self.found.clone());
        let configured = self.around.relay_address.clone();
        tokio::spawn(async move {
            let mut relays = Vec::new();
            if let Some(address) = configured {
                match control::identify(Place::new(&address)).await {
                    Ok((peer, _)) => relays.push(FoundRelay { peer, address }),
                    Err(error) => log::info!("the configured relay {address}: {error}"),
                }
            }
            if let Some(discovery) = discovery {
                sleep(SEARCH_FOR).await;
                for (peer, addresses) in discovery.relays() {
                    if let (Some(address), false) =
                        (addresses.first(), relays.iter().any(|known| known.peer == peer))
                    {
                        relays.push(FoundRelay { peer, address: address.to_string() });
                    }
                }
            }
            // The room has ended meanwhile.
            drop(found.send(relays).await);
        });
    }

    fn handle_link(&mut self, generation: u64, event: LinkEvent) {
        if generation != self.generation {
            return;
        }
        match event {
            LinkEvent::Up { welcome, address, secrets } => {
                match Link::open(&welcome, address, secrets) {
                    Ok(link) => self.media.set_link(Some(&link)),
                    Err(error) => log::warn!("no media: {error}"),
                }
                self.found_at(welcome.identity, address);
                self.tell(News::Connected { welcome, address: address.to_string() });
            }
            LinkEvent::Message(message) => {
                use vestibule_common::control::{ErrorCode, Tell};
                if let Tell::Stopping { why: StoppingWhy::Shutdown } = &message.body {
                    self.stopping = true;
                }
                let replaced =
                    matches!(&message.body, Tell::Error(error) if error.code == ErrorCode::Replaced);
                self.tell(News::Message(message));
                if replaced {
                    self.disconnect();
                    let detail = "another kiosk with the same key has connected".to_owned();
                    self.tell(News::Disconnected { why: LinkLoss::Replaced, detail });
                }
            }
            LinkEvent::Down(error) => {
                log::info!("{error}");
                let why = match &error {
                    ConnectError::NotFound(_) => LinkLoss::NotFound,
                    ConnectError::Unreachable(_) if self.stopping => LinkLoss::Stopping,
                    ConnectError::Unreachable(_) | ConnectError::NotARelay(_) => LinkLoss::RelayGone,
                    ConnectError::ChangedIdentity(_) => LinkLoss::ChangedIdentity,
                    ConnectError::OtherVersion(_) => LinkLoss::OtherVersion,
                    ConnectError::Refused(_) => LinkLoss::Refused,
                };
                self.disconnect();
                self.tell(News::Disconnected { why, detail: error.to_string() });
            }
        }
    }

    // ---- the devices

    fn handle_media(&mut self, news: MediaNews) {
        match news {
            MediaNews::Camera(kind) => self.look_at_camera(kind),
            MediaNews::Microphone => self.look_at_gate(),
            MediaNews::Speaker(state) => {
                log_device("speaker", &state);
                let state = match state {
                    Opening::Open { description } => DeviceState::Ready(description),
                    Opening::Failed(error) => DeviceState::Failed(error),
                    Opening::Closed => DeviceState::Failed(DeviceError::Missing("closed".into())),
                };
                self.tell(News::Speaker(state));
            }
            MediaNews::Voice { peer, speaking } => self.tell(News::VoiceActive { peer, speaking }),
            MediaNews::Pictures { picture, arriving } => self.tell(News::PictureState { picture, arriving }),
            MediaNews::Clock(estimate) => self.clock_estimate = Some(estimate),
        }
    }

    /// How what takes pictures of this kind stands.
    fn look_at_camera(&mut self, kind: PictureKind) {
        let state = self.media.camera(kind);
        let known = &mut self.cameras[kind as usize];
        if state == *known {
            return;
        }
        *known = state.clone();
        let state = match state {
            Opening::Open { description } => {
                let name = match kind {
                    PictureKind::Camera => "camera",
                    PictureKind::Presentation => "presentation",
                };
                log::info!("{name}: {description}");
                CameraState::On(description)
            }
            Opening::Closed => CameraState::Off,
            Opening::Failed(error) => CameraState::Failed(error),
        };
        self.tell(match kind {
            PictureKind::Camera => News::Camera(state),
            PictureKind::Presentation => News::Presentation(state),
        });
    }

    /// What the gate says of itself, and whether it still says anything.
    fn look_at_gate(&mut self) {
        let now = self.now();
        let periods = self.media.gate_periods();
        let microphone = self.media.microphone();
        if microphone != self.microphone {
            log_device("microphone", &microphone);
            self.microphone = microphone;
            self.gate_periods = (periods, now);
        }
        if periods != self.gate_periods.0 {
            self.gate_periods = (periods, now);
        }
        let silent = now.since(self.gate_periods.1) > GATE_SILENCE;
        let report = match (&self.microphone, self.media.gate().report()) {
            (Opening::Failed(error), _) => GateReport::Missing(error.clone()),
            (Opening::Open { .. }, _) if silent => {
                GateReport::Fault("the microphone's thread stands still".into())
            }
            (Opening::Open { .. } | Opening::Closed, Gate::Open) => GateReport::Open,
            (Opening::Open { .. } | Opening::Closed, Gate::Closed) => GateReport::Closed,
        };
        if self.gate_told.as_ref() != Some(&report) {
            self.gate_told = Some(report.clone());
            self.tell(News::MicrophoneState(report));
        }
        let own_voice = self.media.own_voice();
        if own_voice != self.own_voice {
            self.own_voice = own_voice;
            self.tell(News::OwnVoice { speaking: own_voice });
        }
        if now.since(self.own_level.1) >= LEVEL_EVERY {
            let level = (self.media.own_peak() * f32::from(LEVELS)).round() as u8;
            let changed = level != self.own_level.0;
            self.own_level = (level, now);
            if changed {
                self.tell(News::OwnLevel(level));
            }
        }
        let stats = self.media.stats();
        let lost = [stats.microphone_xruns.total(), stats.speaker_xruns.total()];
        for (log, total) in self.xruns.iter_mut().zip(lost) {
            if let Some(line) = log.look(total, now) {
                log::info!("{line}");
            }
        }
    }

    /// Records the room's sound, and says so on the screen while it does.
    fn record(&mut self, length: Duration, reply: oneshot::Sender<Result<String, String>>) {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let path = self.around.recordings.join(format!("sound-{}.wav", unix.as_millis()));
        let recorded = self.recorded.clone();
        // Whoever asked may be gone when it ends, and so may the room.
        let (answer, asked) = oneshot::channel();
        let done = move |outcome| {
            if recorded.blocking_send(()).is_err() {
                log::debug!("the room has ended before its recording");
            }
            drop(answer.send(outcome));
        };
        log::info!("the caretaker has the room's sound recorded: {}", path.display());
        match self.media.record(path, length, done) {
            Ok(()) => {
                self.tell(News::Recording(true));
                tokio::spawn(async move {
                    let outcome = asked.await.unwrap_or_else(|_| Err("the recording was broken off".into()));
                    drop(reply.send(outcome));
                });
            }
            Err(error) => drop(reply.send(Err(error))),
        }
    }

    fn observe(&self) -> Observation {
        let mut counters = self.media.stats().all();
        counters.push(("periods_captured", self.media.gate_periods()));
        counters.push(("files_unwritten", self.around.store.unwritten() as u64));
        Observation {
            view: self.kiosk.view(self.now(), wall_clock()),
            counters,
            clock: self.clock_estimate,
            lamps: self.lamps.clone(),
            gate: (self.media.gate().report(), self.gate_since),
        }
    }
}

fn log_device(what: &str, state: &Opening) {
    match state {
        Opening::Open { description } => log::info!("{what}: {description}"),
        Opening::Closed => log::info!("{what}: closed"),
        Opening::Failed(error) => log::warn!("{what}: {error}"),
    }
}

fn wall_clock() -> WallClock {
    use chrono::Timelike;
    let now = chrono::Local::now();
    let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let unix_ms = u64::try_from(unix.as_millis()).unwrap_or(u64::MAX);
    WallClock { unix_ms, hour: now.hour() as u8, minute: now.minute() as u8 }
}
