//! The room's loop: everything that happens goes into the kiosk's core, everything it wants done comes out.
//!
//! One thread, one owner of the core; the other threads reach it through bounded queues.

mod devices;
mod network_log;
mod relay;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::{mpsc, oneshot};
use tokio::time::{MissedTickBehavior, interval, sleep};
use vestibule_common::identity::Identity;
use vestibule_common::media::{ClockEstimate, GateState as Gate};
use vestibule_common::name::RoomName;
use vestibule_common::time::Time;

use super::discovery::Discovery;
use super::link::{ControlLink, LinkEvent};
use super::media::{Media, MediaNews};
use super::store::{Keeper, PinnedRelay};
use super::watch::Ends;
use super::xruns::XrunLog;
use crate::device::clock::Clock;
use crate::device::reopen::DeviceState as Opening;
use crate::device::{Button, ButtonEdge, Contact};
use crate::kiosk::{
    DeviceState, Effect, FoundRelay, GateReport, GateState, Grabber, Intent, Kiosk, LampState,
    Media as MediaEffect, News, WallClock,
};
use crate::video::kind::PictureKind;
use crate::view::View;

/// How often the gate and the microphone are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// The network is looked at once a second.
const LOOKS_A_SECOND: u32 = 50;

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
    /// The network's newest numbers, one line for the own link and one for each room.
    pub network: Vec<String>,
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
    let (network_written, mut network_logs) = mpsc::channel(4);
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
        network_written,
        discovery: None,
        cameras: PictureKind::ALL.map(|_| Opening::Closed),
        microphone: Opening::Closed,
        gate_told: None,
        gate_since: Time::ZERO,
        gate_periods: (0, Time::ZERO),
        own_voice: false,
        recording: false,
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
    let end = 'room: loop {
        let now = room.now();
        let wait = room.kiosk.poll_timeout().map_or(Duration::from_secs(1), |when| when.since(now));
        tokio::select! {
            input = inputs.recv() => match input {
                Some(input) => if !room.handle_input(input) { break Ok(()) },
                None => break Ok(()),
            },
            news = media_news.recv() => if let Some(news) = news { room.handle_media(news) },
            event = links.recv() => if let Some((generation, event)) = event { room.handle_link(generation, event) },
            recorded = recordings.recv() => if recorded.is_some() { room.recording(false) },
            log = network_logs.recv() => if let Some(log) = log { room.tell(News::NetworkLog(log)) },
            relays = searches.recv() => if let Some(relays) = relays { room.tell(News::RelaysFound(relays)) },
            thread = ends.next() => break Err(thread),
            _ = look.tick() => {
                room.look_at_gate();
                PictureKind::ALL.into_iter().for_each(|kind| room.look_at_camera(kind));
                looks = looks.wrapping_add(1);
                if looks.is_multiple_of(25) {
                    (room.around.alive)();
                }
                if looks.is_multiple_of(LOOKS_A_SECOND) {
                    let sample = room.media.network();
                    room.tell(News::Network(Box::new(sample)));
                }
            }
            () = sleep(wait) => {}
        }
        // A release that waits here was before the timeout that would make its press a long one.
        for _ in 0..inputs.len() {
            if !inputs.try_recv().is_ok_and(|input| room.handle_input(input)) {
                break 'room Ok(());
            }
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
    /// The network's numbers were written, or could not be.
    network_written: mpsc::Sender<Result<String, String>>,
    discovery: Option<Discovery>,
    /// How what takes each kind of pictures stands.
    cameras: [Opening; 2],
    microphone: Opening,
    gate_told: Option<GateReport>,
    /// Since when the gate is as it is.
    gate_since: Time,
    gate_periods: (u64, Time),
    own_voice: bool,
    recording: bool,
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

    /// Returns false when the program ends.
    fn handle_input(&mut self, input: Input) -> bool {
        match input {
            Input::Intent(intent) => self.kiosk.handle_intent(intent, self.now()),
            Input::Button(edge) => self.kiosk.handle_button(edge, self.now()),
            Input::Contact(button, contact) => self.tell(News::Contact { button, contact }),
            Input::Buttons(state) => self.tell(News::Buttons(state)),
            // Whoever asked may be gone already.
            Input::Observe(reply) => drop(reply.send(self.observe())),
            Input::Record(length, reply) => self.record(length, reply),
            Input::Stop => return false,
        }
        true
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
            Effect::WriteNetworkLog(table) => self.write_network_log(table),
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

    fn observe(&self) -> Observation {
        let mut counters = self.media.stats().all();
        counters.push(("periods_captured", self.media.gate_periods()));
        counters.push(("files_unwritten", self.around.store.unwritten() as u64));
        Observation {
            view: self.kiosk.view(self.now(), wall_clock()),
            counters,
            network: self.kiosk.network_lines(),
            clock: self.clock_estimate,
            lamps: self.lamps.clone(),
            gate: (self.media.gate().report(), self.gate_since),
        }
    }
}

fn wall_clock() -> WallClock {
    use chrono::Timelike;
    let now = chrono::Local::now();
    let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let unix_ms = u64::try_from(unix.as_millis()).unwrap_or(u64::MAX);
    WallClock { unix_ms, hour: now.hour() as u8, minute: now.minute() as u8 }
}
