//! A world of kiosks around [`Rooms`], in virtual time. Every message is checked as it arrives against what may be told
//! to whom, and every route against what a host has signed; the tests beside this file only say what happens.

mod admission;
mod hosting;
mod limits;
mod meeting;
mod orders;
mod random;
mod restart;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use vestibule_common::control::{Entered, RoomEvent};
use vestibule_common::id::RoomCode;
use vestibule_common::identity::Identity;
use vestibule_common::signed::{Admission, Founding, Removal, Role, Succession};

use super::roster::Roster;
use super::*;

const WALL_MS: u64 = 1_700_000_000_000;

/// Wrong codes are answered after this, with some time to spare.
const PATIENCE: Duration = Duration::from_millis(1100);

struct World {
    rooms: Rooms,
    config: RoomsConfig,
    now: Time,
    kiosks: Vec<Kiosk>,
    /// Who may have a route: entered by the test when it signs an admission that is meant to hold.
    admitted: BTreeSet<(RoomId, PeerId)>,
    /// What forwarding forwards.
    routed: BTreeMap<SessionId, (RoomId, PeerId)>,
    unconfirmed: VecDeque<(AckId, SessionId)>,
    /// Whether forwarding confirms at once.
    confirms: bool,
    serial: u64,
    fresh: u64,
    streams: BTreeSet<StreamId>,
    /// What outlives the relay's process.
    codes: BTreeMap<RoomCode, CodeRecord>,
}

struct Kiosk {
    identity: Identity,
    source: SocketAddr,
    connection: Option<ConnectionId>,
    session: SessionId,
    pending: BTreeMap<u32, Ask>,
    answers: BTreeMap<u32, Tell>,
    news: Vec<Tell>,
    /// The knock that waits.
    knock: Option<KnockId>,
    /// The knock that waited last.
    last_knock: Option<KnockId>,
    /// The room it is in.
    meeting: Option<Meeting>,
    /// What it kept of the room it was in last.
    kept: Option<Meeting>,
}

#[derive(Clone, Debug)]
struct Meeting {
    entered: Entered,
    next: u64,
    roster: Roster,
}

impl Meeting {
    fn host(&self) -> PeerId {
        self.roster.successions.last().map_or(self.entered.founding.founder, |last| last.successor)
    }
}

impl World {
    fn new(kiosks: u8) -> World {
        World::with(kiosks, RoomsConfig::default())
    }

    /// Connected kiosks, each at its own address.
    fn with(kiosks: u8, config: RoomsConfig) -> World {
        config.check().unwrap();
        let mut rooms = Rooms::new(config.clone(), [7; 32]);
        rooms.set_wall_clock(WALL_MS, Time::ZERO);
        let mut world = World {
            rooms,
            config,
            now: Time::from_millis(1),
            kiosks: Vec::new(),
            admitted: BTreeSet::new(),
            routed: BTreeMap::new(),
            unconfirmed: VecDeque::new(),
            confirms: true,
            serial: 0,
            fresh: 0,
            streams: BTreeSet::new(),
            codes: BTreeMap::new(),
        };
        (0..kiosks).for_each(|_| world.add_kiosk());
        world
    }

    /// Another kiosk, connected and in no room.
    fn add_kiosk(&mut self) {
        let kiosk = self.kiosks.len();
        let n = u8::try_from(kiosk + 1).unwrap();
        self.kiosks.push(Kiosk {
            identity: Identity::from_seed(&[n; 32]),
            source: SocketAddr::from(([10, 0, 0, n], 40_000)),
            connection: None,
            session: SessionId::default(),
            pending: BTreeMap::new(),
            answers: BTreeMap::new(),
            news: Vec::new(),
            knock: None,
            last_knock: None,
            meeting: None,
            kept: None,
        });
        self.connect(kiosk);
    }

    fn fresh(&mut self) -> u64 {
        self.fresh += 1;
        self.fresh
    }

    fn serial(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }

    fn peer(&self, kiosk: usize) -> PeerId {
        self.kiosks[kiosk].identity.peer()
    }

    fn wall_ms(&self) -> u64 {
        WALL_MS + self.now.as_micros() / 1000
    }

    /// Connects, also when it is connected already.
    fn connect(&mut self, kiosk: usize) {
        let (connection, session) = (ConnectionId(self.fresh()), SessionId(self.fresh().to_be_bytes()));
        let replaced = self.kiosks[kiosk].connection;
        self.forget_connection(kiosk);
        let own = &mut self.kiosks[kiosk];
        own.connection = Some(connection);
        own.session = session;
        let name = format!("Room {kiosk}").parse().unwrap();
        self.rooms.handle_connected(connection, own.identity.peer(), name, own.source, session, self.now);
        if let Some(replaced) = replaced {
            let told = self.rooms.next_action();
            assert!(
                matches!(&told, Some(Action::Tell { connection, message: ToKiosk { re: None, body: Tell::Error(error) } })
                    if *connection == replaced && error.code == ErrorCode::Replaced),
                "{told:?}"
            );
            assert_eq!(self.rooms.next_action(), Some(Action::Disconnect { connection: replaced }));
        }
        self.settle();
    }

    fn disconnect(&mut self, kiosk: usize) {
        if let Some(connection) = self.kiosks[kiosk].connection {
            self.forget_connection(kiosk);
            self.rooms.handle_disconnected(connection, self.now);
            self.settle();
        }
    }

    fn forget_connection(&mut self, kiosk: usize) {
        let own = &mut self.kiosks[kiosk];
        own.connection = None;
        own.pending.clear();
        own.knock = None;
        if let Some(meeting) = own.meeting.take() {
            own.kept = Some(meeting);
        }
    }

    /// Another relay process: everything it knew but the codes is gone, and everyone is disconnected.
    fn restart(&mut self) {
        for kiosk in 0..self.kiosks.len() {
            self.forget_connection(kiosk);
        }
        self.routed.clear();
        self.unconfirmed.clear();
        self.streams.clear();
        let seed = self.fresh() as u8;
        self.rooms = Rooms::new(self.config.clone(), [seed; 32]);
        self.rooms.set_wall_clock(self.wall_ms(), self.now);
        self.rooms.remember_codes(self.codes.values().copied(), self.now);
    }

    /// Asks, and returns the answer if there is one at once.
    fn ask(&mut self, kiosk: usize, body: Ask) -> Option<Tell> {
        let request = u32::try_from(self.fresh()).unwrap();
        let own = &mut self.kiosks[kiosk];
        let connection = own.connection?;
        own.pending.insert(request, body.clone());
        self.rooms.handle_ask(connection, ToRelay { request, body }, self.now);
        self.settle();
        self.kiosks[kiosk].answers.remove(&request)
    }

    /// Asks what must succeed with `done`.
    #[track_caller]
    fn done(&mut self, kiosk: usize, body: Ask) {
        assert_eq!(self.ask(kiosk, body), Some(Tell::Done));
    }

    /// Asks what must fail, and returns how.
    #[track_caller]
    fn error(&mut self, kiosk: usize, body: Ask) -> ErrorCode {
        match self.ask(kiosk, body) {
            Some(Tell::Error(error)) => error.code,
            other => panic!("no error but {other:?}"),
        }
    }

    fn advance(&mut self, span: Duration) {
        let until = self.now + span;
        while let Some(at) = self.rooms.poll_timeout().filter(|at| *at <= until) {
            assert!(at >= self.now || self.now == until, "a deadline in the past is left over");
            self.now = self.now.max(at);
            self.rooms.handle_timeout(self.now);
            self.settle();
            assert!(self.rooms.poll_timeout().is_none_or(|next| next > self.now), "what is due is done");
        }
        self.now = until;
    }

    fn confirm_one(&mut self) {
        if let Some((ack, session)) = self.unconfirmed.pop_front() {
            self.routed.remove(&session);
            self.rooms.handle_route_ack(ack, self.now);
        }
    }

    fn confirm_all(&mut self) {
        while !self.unconfirmed.is_empty() {
            self.confirm_one();
            self.drain();
        }
        self.check_agreement();
    }

    fn settle(&mut self) {
        self.drain();
        if self.confirms {
            self.confirm_all();
        }
    }

    fn drain(&mut self) {
        while let Some(action) = self.rooms.next_action() {
            match action {
                Action::Tell { connection, message } => {
                    let kiosk = self.kiosks.iter().position(|kiosk| kiosk.connection == Some(connection));
                    let kiosk = kiosk.unwrap_or_else(|| panic!("{message:?} for a closed connection"));
                    let json = serde_json::to_vec(&message).unwrap();
                    assert!(json.len() <= vestibule_common::control::MAX_FRAME);
                    self.check_news(kiosk, &message);
                    self.kiosks[kiosk].receive(message);
                }
                Action::Route(RouteChange::Join { room, session, streams }) => {
                    let kiosk = self.kiosks.iter().find(|kiosk| kiosk.session == session).unwrap();
                    let peer = kiosk.identity.peer();
                    assert!(kiosk.connection.is_some(), "a route for a closed connection");
                    assert!(self.admitted.contains(&(room, peer)), "a route without a host's word");
                    assert_eq!(kiosk.meeting.as_ref().unwrap().entered.room, room);
                    let own = &kiosk.meeting.as_ref().unwrap().roster.members[&peer];
                    assert_eq!(own.streams, streams, "the streams it was told are its own");
                    self.streams.insert(streams.audio);
                    assert_eq!(self.routed.insert(session, (room, peer)), None);
                }
                Action::Route(RouteChange::Leave { room, session, ack }) => {
                    assert_eq!(self.routed.get(&session).map(|route| route.0), Some(room));
                    self.unconfirmed.push_back((ack, session));
                }
                Action::Record(record) => {
                    self.codes.insert(record.code, record);
                }
                Action::Disconnect { .. } => panic!("only a replaced connection is closed"),
            }
        }
    }

    fn check_news(&self, kiosk: usize, message: &ToKiosk) {
        let peer = self.peer(kiosk);
        match &message.body {
            Tell::Entered(entered) => {
                assert!(self.admitted.contains(&(entered.room, peer)), "entered without a host's word");
                assert_eq!(entered.admission.member, peer);
            }
            Tell::Event {
                number,
                event: RoomEvent::Left { member, .. } | RoomEvent::Away { member, .. },
            } => {
                let room =
                    &self.kiosks[kiosk].meeting.as_ref().expect("events are for members only").entered.room;
                // Events that are told again may be of a member that is back by now.
                let again = self.rooms.rooms.get(room).is_some_and(|room| number + 1 < room.next_event());
                assert!(again || !self.routes_in(*room, *member), "told before its media was cut off");
            }
            _ => {}
        }
    }

    fn routes_in(&self, room: RoomId, member: PeerId) -> bool {
        self.routed.values().any(|route| *route == (room, member))
    }

    /// Everyone who is in a room knows the same of it as the relay.
    fn check_agreement(&self) {
        for kiosk in &self.kiosks {
            let Some(meeting) = &kiosk.meeting else { continue };
            let Some(room) = self.rooms.rooms.get(&meeting.entered.room) else {
                panic!("a kiosk is in a room that is over")
            };
            assert_eq!(meeting.next, room.next_event(), "events without gaps, up to the last");
            assert_eq!(meeting.roster, room.roster);
            assert_eq!(meeting.host(), room.host());
            assert!(self.routes_in(meeting.entered.room, kiosk.identity.peer()));
        }
    }

    fn founding(&mut self, kiosk: usize) -> Founding {
        let mut nonce = RoomId::default();
        nonce.0[..8].copy_from_slice(&self.fresh().to_be_bytes());
        Founding { founder: self.peer(kiosk), nonce }
    }

    /// Starts a meeting.
    fn start(&mut self, kiosk: usize) -> RoomId {
        let founding = self.founding(kiosk);
        let room = founding.room();
        let admission = self.admission(kiosk, room, kiosk, Role::Host);
        let answer = self.ask(kiosk, Ask::Create { founding, admission });
        assert!(matches!(answer, Some(Tell::Entered(_))), "{answer:?}");
        room
    }

    /// A host's word that is meant to hold.
    fn admission(&mut self, host: usize, room: RoomId, guest: usize, role: Role) -> Admission {
        let (peer, serial, now_ms) = (self.peer(guest), self.serial(), self.wall_ms());
        self.admitted.insert((room, peer));
        Admission::issue(&self.kiosks[host].identity, room, peer, role, serial, now_ms)
    }

    fn room_of(&self, kiosk: usize) -> RoomId {
        self.kiosks[kiosk].meeting.as_ref().expect("it is in a room").entered.room
    }

    fn code_of(&self, kiosk: usize) -> RoomCode {
        self.kiosks[kiosk].meeting.as_ref().expect("it is in a room").entered.code
    }

    fn roster_of(&self, kiosk: usize) -> &Roster {
        &self.kiosks[kiosk].meeting.as_ref().expect("it is in a room").roster
    }

    /// Knocks; the knock must wait.
    #[track_caller]
    fn knock(&mut self, guest: usize, code: RoomCode) -> KnockId {
        match self.ask(guest, Ask::Knock { code }) {
            Some(Tell::Knocking { knock, .. }) => knock,
            other => panic!("not knocking: {other:?}"),
        }
    }

    #[track_caller]
    fn approve(&mut self, host: usize, guest: usize, knock: KnockId) {
        let room = self.room_of(host);
        let admission = self.admission(host, room, guest, Role::Member);
        self.done(host, Ask::Approve { knock, admission });
    }

    /// Knocks and is approved.
    #[track_caller]
    fn join(&mut self, host: usize, guest: usize) {
        let code = self.code_of(host);
        let knock = self.knock(guest, code);
        self.approve(host, guest, knock);
        assert!(self.is_in(guest));
    }

    /// A meeting with the first kiosk as host and all others as members.
    fn meeting(kiosks: u8) -> World {
        let mut world = World::new(kiosks);
        world.start(0);
        for guest in 1..usize::from(kiosks) {
            world.join(0, guest);
        }
        world
    }

    fn resume_ask(&self, kiosk: usize) -> Ask {
        let kept = self.kiosks[kiosk].kept.as_ref().expect("it was in a room");
        Ask::Resume { room: kept.entered.room, admission: kept.entered.admission, last_event: kept.next - 1 }
    }

    fn resume(&mut self, kiosk: usize) -> Option<Tell> {
        let ask = self.resume_ask(kiosk);
        self.ask(kiosk, ask)
    }

    fn reopen_ask(&self, kiosk: usize) -> Ask {
        let kept = self.kiosks[kiosk].kept.as_ref().expect("it was in a room");
        let own = self.peer(kiosk);
        let others = kept.roster.members.values().filter(|member| member.id() != own);
        Ask::Reopen {
            founding: kept.entered.founding,
            successions: kept.roster.successions.clone(),
            code: kept.entered.code,
            admission: kept.entered.admission,
            members: others.map(|member| (member.name.clone(), member.admission)).collect(),
            removals: kept.roster.removal_list(),
            locked: kept.roster.locked,
            next_event: kept.next,
        }
    }

    fn removal(&mut self, host: usize, member: usize) -> Removal {
        let (room, member, serial) = (self.room_of(host), self.peer(member), self.serial());
        Removal::issue(&self.kiosks[host].identity, room, member, serial, self.wall_ms())
    }

    fn succession(&mut self, host: usize, heir: usize) -> Succession {
        let (room, heir, serial) = (self.room_of(host), self.peer(heir), self.serial());
        Succession::issue(&self.kiosks[host].identity, room, heir, serial)
    }

    fn is_in(&self, kiosk: usize) -> bool {
        self.kiosks[kiosk].meeting.is_some()
    }

    /// What was told unasked since the last call.
    fn news(&mut self, kiosk: usize) -> Vec<Tell> {
        std::mem::take(&mut self.kiosks[kiosk].news)
    }

    /// Everyone has gone and every grace is over: every request was answered, and nothing is left behind.
    fn end(mut self) {
        self.confirms = true;
        self.confirm_all();
        self.advance(PATIENCE);
        for kiosk in &self.kiosks {
            assert_eq!(kiosk.pending, BTreeMap::new(), "unanswered");
        }
        for kiosk in 0..self.kiosks.len() {
            self.disconnect(kiosk);
        }
        self.advance(self.config.member_grace() + self.config.knock_timeout());
        assert_eq!(self.leftovers(), 0);
        assert_eq!(self.routed.len(), 0);
    }

    fn leftovers(&self) -> usize {
        let rooms = &self.rooms;
        let waiting = usize::from(rooms.timers.next().is_some());
        rooms.rooms.len()
            + rooms.codes.used()
            + rooms.awaited.len()
            + rooms.endings.len()
            + rooms.connections.len()
            + rooms.peers.len()
            + waiting
    }
}

impl Kiosk {
    fn receive(&mut self, message: ToKiosk) {
        let asked = message.re.map(|request| {
            self.pending.remove(&request).unwrap_or_else(|| panic!("{message:?} answers nothing"))
        });
        match &message.body {
            Tell::Entered(entered) => {
                match &asked {
                    None => {
                        assert!(
                            self.knock.is_some() && entered.knock == self.knock,
                            "entered out of the blue"
                        );
                        self.knock = None;
                    }
                    Some(Ask::Create { .. } | Ask::Resume { .. } | Ask::Reopen { .. }) => {
                        assert_eq!(entered.knock, None);
                    }
                    Some(other) => panic!("{other:?} is answered with entered"),
                }
                let corrects = matches!(asked, Some(Ask::Reopen { .. }));
                assert!(self.meeting.is_none() || corrects, "entered twice");
                let roster = Roster {
                    members: entered.members.iter().map(|member| (member.id(), member.clone())).collect(),
                    removals: entered.removals.iter().map(|removal| (removal.member, *removal)).collect(),
                    successions: entered.successions.clone(),
                    locked: entered.locked,
                };
                assert!(roster.members.contains_key(&self.identity.peer()), "it is a member itself");
                let entered = (**entered).clone();
                self.meeting = Some(Meeting { next: entered.next_event, roster, entered });
            }
            Tell::Event { number, event } => {
                let own = self.identity.peer();
                let meeting = self.meeting.as_mut().expect("events are for members only");
                assert_eq!(*number, meeting.next, "gapless");
                meeting.next += 1;
                meeting.roster.apply(event);
                if let RoomEvent::Opaque { from, to, .. } = event {
                    assert!(to.is_empty() || *from == own || to.contains(&own), "for others");
                }
            }
            Tell::Knocking { knock, .. } => {
                assert!(matches!(asked, Some(Ask::Knock { .. })));
                (self.knock, self.last_knock) = (Some(*knock), Some(*knock));
            }
            Tell::Denied { knock, .. } => assert_eq!(self.knock.take(), Some(*knock)),
            Tell::Closed { room, .. } => {
                let meeting = self.meeting.take().expect("closed once");
                assert_eq!(meeting.entered.room, *room);
                self.kept = Some(meeting);
            }
            Tell::Done => match &asked {
                // One that was removed while it left has been told so before.
                Some(Ask::Leave | Ask::End) => match self.meeting.take() {
                    Some(meeting) => self.kept = Some(meeting),
                    None => assert!(matches!(self.news.last(), Some(Tell::Closed { .. }))),
                },
                Some(Ask::Cancel { .. }) => self.knock = None,
                Some(_) => {}
                None => panic!("done with what?"),
            },
            Tell::KnockArrived { .. } | Tell::KnockGone { .. } | Tell::Alarm { .. } => {
                let meeting = self.meeting.as_ref().expect("only hosts are told of knocks");
                assert_eq!(meeting.host(), self.identity.peer(), "only the present host is told");
            }
            Tell::MuteRequested { .. } => assert!(self.meeting.is_some()),
            Tell::Error(_) => assert!(asked.is_some()),
            Tell::Accepted { .. } => assert!(matches!(asked, Some(Ask::Opaque { .. }))),
            Tell::Stopping { .. } => {}
            other @ (Tell::Welcome(_) | Tell::Time { .. } | Tell::Status(_) | Tell::Redirect { .. }) => {
                panic!("the rooms never say {other:?}")
            }
        }
        match message.re {
            Some(request) => {
                self.answers.insert(request, message.body);
            }
            None => self.news.push(message.body),
        }
    }
}
