//! Kiosks, their shells and a relay in one virtual time.

use std::collections::BTreeMap;

use vestibule_common::control::{Ask, Limits, MediaEndpoint, ToKiosk, ToRelay, Welcome};
use vestibule_common::id::{PeerId, RoomId, SessionId};
use vestibule_common::identity::Identity;
use vestibule_common::seal::Suite;
use vestibule_common::time::{Duration, Time};

use super::relay::Relay;
use crate::device::{Button, ButtonEdge, Contact, DeviceError};
use crate::kiosk::*;
use crate::view::{MeetingView, Screen, View};

/// The relay's clock at the start of the world.
pub(super) const EPOCH_MS: u64 = 1_700_000_000_000;
pub(super) const CAMERA: &str = "/dev/video0 (Camera), 640x360 YUYV at 30 frames/s";
pub(super) const RELAY: PeerId = PeerId([200; 32]);

/// What a shell has done.
pub(super) struct Shell {
    pub(super) kiosk: Kiosk,
    pub(super) me: PeerId,
    pub(super) connected: bool,
    pub(super) lamps: BTreeMap<Button, LampState>,
    pub(super) gate: GateState,
    /// The gate does not answer.
    pub(super) gate_stuck: bool,
    pub(super) camera: bool,
    /// The microphone is open although the gate may be closed.
    pub(super) listens: bool,
    pub(super) presentation: Grabber,
    /// This connection has carried last that the room presents, or that it does not.
    pub(super) announced: Option<bool>,
    /// Whose presentation is decoded.
    pub(super) presented: Option<PeerId>,
    /// Something to present with is plugged in.
    pub(super) grabber: bool,
    /// Whose sound and picture is played.
    pub(super) played: Vec<PeerId>,
    pub(super) in_media: bool,
    pub(super) ticket: Option<Ticket>,
    pub(super) settings: Option<Settings>,
    pub(super) chimes: Vec<Chime>,
    pub(super) sent: Vec<ToRelay>,
    pub(super) connects: Vec<Time>,
    pub(super) network_logs: Vec<String>,
    pub(super) log: Vec<(log::Level, String)>,
}

pub(super) struct World {
    pub(super) now: Time,
    pub(super) relay: Relay,
    pub(super) relay_up: bool,
    pub(super) shells: Vec<Shell>,
}

pub(super) fn identity(n: usize) -> Identity {
    Identity::from_seed(&[n as u8 + 1; 32])
}

pub(super) fn config(name: &str) -> KioskConfig {
    let mut config = KioskConfig::new(name.parse().unwrap(), "1234".parse().unwrap());
    config.relay = Some(RELAY);
    config
}

impl World {
    pub(super) fn new(names: &[&str]) -> World {
        let mut world =
            World { now: Time::from_millis(1000), relay: Relay::default(), relay_up: true, shells: vec![] };
        for (n, name) in names.iter().enumerate() {
            world.add(config(name), n, None);
        }
        world.run();
        world
    }

    pub(super) fn add(&mut self, config: KioskConfig, n: usize, ticket: Option<Ticket>) {
        let seed = [n as u8 + 100; 32];
        let kiosk = Kiosk::new(config, identity(n), seed, ticket.clone(), self.now);
        let shell = Shell {
            kiosk,
            me: identity(n).peer(),
            connected: false,
            lamps: BTreeMap::new(),
            gate: GateState::Closed,
            gate_stuck: false,
            camera: false,
            listens: false,
            presentation: Grabber::Closed,
            announced: None,
            presented: None,
            grabber: true,
            played: vec![],
            in_media: false,
            ticket,
            settings: None,
            chimes: vec![],
            sent: vec![],
            connects: vec![],
            network_logs: vec![],
            log: vec![],
        };
        if n < self.shells.len() {
            self.shells[n] = shell;
        } else {
            self.shells.push(shell);
        }
    }

    /// Carries everything until nothing moves.
    pub(super) fn run(&mut self) {
        for round in 0.. {
            assert!(round < 10_000, "the world does not come to rest");
            let mut moved = false;
            for n in 0..self.shells.len() {
                while let Some(effect) = self.shells[n].kiosk.next_effect() {
                    moved = true;
                    self.obey(n, effect);
                }
            }
            while let Some((to, message)) = self.relay.next() {
                moved = true;
                if let Some(n) = self.shells.iter().position(|shell| shell.me == to && shell.connected) {
                    self.news(n, News::Message(message));
                }
            }
            if !moved {
                return;
            }
        }
    }

    fn obey(&mut self, n: usize, effect: Effect) {
        let now = self.now;
        let relay_up = self.relay_up;
        let shell = &mut self.shells[n];
        match effect {
            Effect::Send(message) => {
                shell.sent.push(message.clone());
                if shell.connected {
                    if let Ask::State { state } = &message.body {
                        shell.announced = Some(state.presenting > 0);
                    }
                    self.relay.handle(shell.me, message);
                }
            }
            Effect::Gate(state) => {
                if state == GateState::Open {
                    let lamp = shell.lamps.get(&Button::Mute);
                    assert_ne!(lamp, Some(&LampState::On), "opened while the lamp says muted");
                }
                if !shell.gate_stuck {
                    shell.gate = state;
                    let report = if state == GateState::Open { GateReport::Open } else { GateReport::Closed };
                    shell.kiosk.handle_news(News::MicrophoneState(report), now);
                }
            }
            Effect::Lamp(lamp, state) => drop(shell.lamps.insert(lamp, state)),
            Effect::Presentation(wanted) => {
                let before = std::mem::replace(&mut shell.presentation, wanted);
                let state = match (before, wanted, shell.grabber) {
                    (_, Grabber::Closed, _) => CameraState::Off,
                    (Grabber::Closed, _, true) => CameraState::On("grabber".into()),
                    (Grabber::Closed, _, false) => {
                        CameraState::Failed(DeviceError::Missing("no grabber".into()))
                    }
                    // It is open already, and has nothing new to say.
                    (Grabber::Open | Grabber::Sending, _, _) => return,
                };
                shell.kiosk.handle_news(News::Presentation(state), now);
            }
            Effect::Camera(on) => {
                shell.camera = on;
                let state = if on { CameraState::On(CAMERA.into()) } else { CameraState::Off };
                shell.kiosk.handle_news(News::Camera(state), now);
            }
            Effect::Media(Media::Join { own: _, others }) => {
                shell.in_media = true;
                shell.played = others.into_iter().map(|(peer, _)| peer).collect();
            }
            Effect::Media(Media::Add(peer, _)) => {
                shell.played.retain(|known| *known != peer);
                shell.played.push(peer);
            }
            Effect::Media(Media::Drop(peer)) => shell.played.retain(|known| *known != peer),
            Effect::Media(Media::Present(peer)) => shell.presented = peer,
            Effect::Media(Media::Stop) => {
                shell.in_media = false;
                shell.played.clear();
            }
            Effect::WriteNetworkLog(table) => shell.network_logs.push(table),
            Effect::Listen(on) => shell.listens = on,
            Effect::Chime(chime) => shell.chimes.push(chime),
            Effect::KeepTicket(ticket) => shell.ticket = ticket.map(|ticket| *ticket),
            Effect::KeepSettings(settings) => shell.settings = Some(settings),
            Effect::Connect(_) => {
                shell.connects.push(now);
                shell.announced = None;
                if relay_up {
                    shell.connected = true;
                    let name = shell.kiosk.settings.name.clone();
                    let me = shell.me;
                    self.relay.greet(me, name);
                    self.news(n, connected(RELAY, now));
                } else {
                    let detail = "no answer".to_owned();
                    self.news(n, News::Disconnected { why: LinkLoss::RelayGone, detail });
                }
            }
            Effect::Disconnect => {
                if std::mem::take(&mut shell.connected) {
                    let me = shell.me;
                    self.relay.lost(me);
                }
            }
            Effect::Volume(_)
            | Effect::Echo(_)
            | Effect::FindRelays
            | Effect::Pin { .. }
            | Effect::Forget => {}
            Effect::Log { level, text } => shell.log.push((level, text)),
        }
    }

    pub(super) fn news(&mut self, n: usize, news: News) {
        let now = self.now;
        self.shells[n].kiosk.handle_news(news, now);
    }

    pub(super) fn tell(&mut self, n: usize, body: vestibule_common::control::Tell) {
        self.news(n, News::Message(ToKiosk { re: None, body }));
        self.run();
    }

    /// Lets time pass, with every timeout at its moment.
    pub(super) fn pass(&mut self, span: Duration) {
        let end = self.now + span;
        loop {
            let due = self.shells.iter().filter_map(|shell| shell.kiosk.poll_timeout()).min();
            let Some(at) = due.filter(|at| *at <= end) else { break };
            assert!(at > self.now, "a timeout that does not move on: {at:?} at {:?}", self.now);
            self.now = at;
            for shell in &mut self.shells {
                if shell.kiosk.poll_timeout().is_some_and(|due| due <= at) {
                    shell.kiosk.handle_timeout(at);
                }
            }
            self.run();
        }
        self.now = end;
    }

    pub(super) fn ms(&mut self, ms: u64) {
        self.pass(Duration::from_millis(ms));
    }

    pub(super) fn touch(&mut self, n: usize, intent: Intent) {
        let now = self.now;
        self.shells[n].kiosk.handle_intent(intent, now);
        self.run();
    }

    pub(super) fn button(&mut self, n: usize, button: Button, pressed: bool) {
        let edge = ButtonEdge { button, pressed, at: self.now };
        self.shells[n].kiosk.handle_button(edge, self.now);
        self.contact(n, button, if pressed { Contact::Closed } else { Contact::Open });
    }

    pub(super) fn contact(&mut self, n: usize, button: Button, contact: Contact) {
        self.news(n, News::Contact { button, contact });
        self.run();
    }

    /// Presses and releases the approve button.
    pub(super) fn press_approve(&mut self, n: usize, ms: u64) {
        self.button(n, Button::Approve, true);
        self.ms(ms);
        self.button(n, Button::Approve, false);
    }

    pub(super) fn view(&self, n: usize) -> View {
        let minutes = self.now.as_micros() / 60_000_000;
        let wall = WallClock {
            unix_ms: self.now.as_micros() / 1000,
            hour: (9 + minutes / 60 % 12) as u8,
            minute: (minutes % 60) as u8,
        };
        self.shells[n].kiosk.view(self.now, wall)
    }

    pub(super) fn meeting(&self, n: usize) -> MeetingView {
        match self.view(n).screen {
            Screen::Meeting(meeting) => *meeting,
            other => panic!("kiosk {n} is not in a meeting: {other:?}"),
        }
    }

    pub(super) fn in_meeting(&self, n: usize) -> bool {
        matches!(self.view(n).screen, Screen::Meeting(_))
    }

    pub(super) fn notice(&self, n: usize) -> String {
        self.view(n).notice.map(|notice| notice.text).unwrap_or_default()
    }

    /// Types the code of kiosk 0's meeting at kiosk `n`.
    pub(super) fn knock(&mut self, n: usize) {
        let code: String = self.code().to_string();
        self.type_code(n, &code);
    }

    pub(super) fn code(&self) -> String {
        self.relay.rooms.values().next().unwrap().code.to_string()
    }

    pub(super) fn room(&self) -> RoomId {
        *self.relay.rooms.keys().next().unwrap()
    }

    pub(super) fn type_code(&mut self, n: usize, code: &str) {
        self.touch(n, Intent::OpenJoin);
        for digit in code.bytes() {
            self.touch(n, Intent::Digit(digit - b'0'));
        }
    }

    pub(super) fn type_text(&mut self, n: usize, text: &str) {
        for c in text.chars() {
            self.touch(n, Intent::Type(c));
        }
    }

    /// A meeting of all kiosks, hosted by the first.
    pub(super) fn met(names: &[&str]) -> World {
        let mut world = World::new(names);
        world.touch(0, Intent::StartMeeting);
        for n in 1..names.len() {
            world.knock(n);
            world.ms(1000);
            world.press_approve(0, 100);
            assert!(world.in_meeting(n), "kiosk {n}: {:?}", world.view(n).screen);
        }
        world.ms(30_000);
        world
    }

    /// The relay's process ends; connections with it.
    pub(super) fn kill_relay(&mut self) {
        self.relay = Relay::default();
        self.relay_up = false;
        for n in 0..self.shells.len() {
            self.cut(n);
        }
        self.run();
    }

    /// One connection breaks.
    pub(super) fn cut(&mut self, n: usize) {
        if std::mem::take(&mut self.shells[n].connected) {
            let me = self.shells[n].me;
            self.relay.lost(me);
            let detail = "reset".to_owned();
            self.news(n, News::Disconnected { why: LinkLoss::RelayGone, detail });
        }
    }

    pub(super) fn asks(&self, n: usize, wanted: impl Fn(&Ask) -> bool) -> usize {
        self.shells[n].sent.iter().filter(|message| wanted(&message.body)).count()
    }
}

pub(super) fn connected(relay: PeerId, now: Time) -> News {
    let limits = Limits {
        members: 9,
        member_grace_ms: 120_000,
        host_grace_ms: 60_000,
        knock_timeout_ms: 300_000,
        idle_timeout_ms: 30_000,
    };
    let welcome = Welcome {
        version: 1,
        features: vec![],
        software: "test".into(),
        identity: relay,
        suite: Suite::ChaCha20Poly1305,
        session: SessionId([1; 8]),
        media: vec![MediaEndpoint { address: None, port: 5001 }],
        time_ms: EPOCH_MS + now.as_micros() / 1000,
        limits,
    };
    News::Connected { welcome: Box::new(welcome), address: "192.0.2.1:5000".into() }
}
