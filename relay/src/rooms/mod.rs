//! The control half of the relay: who may be where, and in which order things happen. Pure: no clock, no socket.
//!
//! The shell reports connections, requests, time and what forwarding has confirmed, and after each of these takes
//! [`Action`]s until there are none. The relay carries out only what a host has signed; it can admit nobody itself.
//!
//! A member's media is cut off *before* anyone is told that it is gone: a departure first becomes a
//! [`RouteChange::Leave`], and its event and answers follow [`Rooms::handle_route_ack`]. Forwarding confirms every
//! `Leave`, also of a session that it does not know.

mod codes;
mod config;
mod departure;
mod ended;
mod entry;
mod guard;
mod hosting;
mod knock;
mod log;
mod outbox;
mod reopen;
mod room;
mod roster;
mod status;
mod talk;
#[cfg(test)]
mod tests;
mod timers;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use ::log::{debug, info};
use vestibule_common::control::{Ask, ErrorCode, Limits, RelayError, StoppingWhy, Tell, ToKiosk, ToRelay};
use vestibule_common::id::{KnockId, PeerId, RoomCode, RoomId, SessionId, StreamId};
use vestibule_common::name::RoomName;
use vestibule_common::time::Time;

pub use config::{ConfigError, MAX_MEMBERS, RoomsConfig};

use crate::rate::{Bucket, Rate};
use crate::route::{AckId, RouteChange};
use codes::Codes;
use departure::{Awaited, Ending, EndingId};
use ended::Ended;
use guard::Guard;
use outbox::{Outbox, not_yet, refusal};
use room::Room;
use timers::{Timer, Timers};

/// A control connection, named by the shell; a name is never used again.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ConnectionId(pub u64);

/// What the shell is to do, in this order.
#[allow(
    clippy::large_enum_variant,
    reason = "nearly all of them are messages, gone at once: a box costs more"
)]
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Action {
    /// Send a message. To one connection, messages arrive in the order of their actions.
    Tell {
        /// To whom.
        connection: ConnectionId,
        /// What.
        message: ToKiosk,
    },
    /// Pass a change on to forwarding.
    Route(RouteChange),
    /// Close a connection once what was told before has been sent. It need not be reported as disconnected.
    Disconnect {
        /// Which.
        connection: ConnectionId,
    },
    /// Keep what became of a code, so that [`Rooms::remember_codes`] can be told after a restart.
    Record(CodeRecord),
}

/// A code that was given to a meeting.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct CodeRecord {
    /// The code.
    pub code: RoomCode,
    /// Whose it is.
    pub room: RoomId,
    /// Until when nobody else gets it, as Unix time in milliseconds; `None` while the meeting goes on.
    pub until_ms: Option<u64>,
}

/// All meetings of a relay, and everyone connected to it.
pub struct Rooms {
    config: RoomsConfig,
    request_rate: Rate,
    codes: Codes,
    guard: Guard,
    connections: BTreeMap<ConnectionId, Connection>,
    peers: BTreeMap<PeerId, ConnectionId>,
    rooms: BTreeMap<RoomId, Room>,
    /// What happens when forwarding confirms.
    awaited: BTreeMap<AckId, Awaited>,
    endings: BTreeMap<EndingId, Ending>,
    ended: Ended,
    timers: Timers,
    out: Outbox,
    next_ack: u64,
    next_ending: u64,
    next_stream: u32,
    /// Unix time in milliseconds at a moment of the relay's own clock.
    wall_clock: (u64, Time),
    stopping: bool,
}

/// A kiosk that has greeted.
struct Connection {
    peer: PeerId,
    name: RoomName,
    source: SocketAddr,
    session: SessionId,
    place: Place,
    requests: Bucket,
}

/// Where a connected kiosk is.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Place {
    /// In no room.
    Idle,
    /// Its code led nowhere; it will be told after a while.
    Trying { request: u32, error: RelayError },
    /// At a door.
    Knocking { room: RoomId, knock: KnockId },
    /// In a meeting.
    InRoom(RoomId),
    /// On its way out: forwarding has not confirmed yet.
    Leaving,
}

/// How a request that was carried out is answered.
enum Answer {
    /// With `done`.
    Done,
    /// It has been answered already, or something that was set going will answer it.
    Elsewhere,
}

/// The answer to a request, or why it was not carried out.
type Outcome = Result<Answer, RelayError>;

const DONE: Outcome = Ok(Answer::Done);

impl Rooms {
    /// No rooms yet. `config` has passed [`RoomsConfig::check`]; `seed` is 32 fresh bytes of the operating system's
    /// random generator, from which codes and knock ids are drawn.
    pub fn new(config: RoomsConfig, seed: [u8; 32]) -> Rooms {
        Rooms {
            request_rate: Rate::new(config.messages_per_s, Duration::from_secs(1), config.messages_burst),
            codes: Codes::new(seed, config.code_reuse_delay()),
            guard: Guard::new(&config),
            config,
            connections: BTreeMap::new(),
            peers: BTreeMap::new(),
            rooms: BTreeMap::new(),
            awaited: BTreeMap::new(),
            endings: BTreeMap::new(),
            ended: Ended::default(),
            timers: Timers::default(),
            out: Outbox::default(),
            next_ack: 0,
            next_ending: 0,
            next_stream: 1,
            wall_clock: (0, Time::ZERO),
            stopping: false,
        }
    }

    /// A kiosk has greeted and proved its key; its `welcome` has been sent. Another connection of the same kiosk is
    /// told `replaced` and closed.
    pub fn handle_connected(
        &mut self,
        connection: ConnectionId,
        peer: PeerId,
        name: RoomName,
        source: SocketAddr,
        session: SessionId,
        now: Time,
    ) {
        if let Some(&former) = self.peers.get(&peer) {
            info!("{name} ({}) connected again; its former connection is closed", peer.short());
            let detail = "this kiosk has connected again";
            self.out.tell(former, Tell::Error(refusal(ErrorCode::Replaced, detail)));
            self.out.disconnect(former);
            self.handle_disconnected(former, now);
        }
        self.peers.insert(peer, connection);
        let requests = Bucket::default();
        self.connections
            .insert(connection, Connection { peer, name, source, session, place: Place::Idle, requests });
        if self.stopping {
            self.out.tell(connection, Tell::Stopping { why: StoppingWhy::Shutdown });
        }
    }

    /// A request of a kiosk that has greeted. Every request is answered exactly once while its connection lasts.
    /// `time` and `status` are the shell's to answer.
    pub fn handle_ask(&mut self, connection: ConnectionId, ask: ToRelay, now: Time) {
        let request = ask.request;
        let Some(from) = self.connections.get_mut(&connection) else {
            debug!("a request on a connection that was replaced goes unanswered");
            return;
        };
        let outcome = match from.requests.try_take(&self.request_rate, now) {
            Ok(()) => self.carry_out(connection, request, ask.body, now),
            Err(wait) => Err(not_yet(ErrorCode::TooFast, "too many requests at once", wait)),
        };
        match outcome {
            Ok(Answer::Done) => self.out.answer(connection, request, Tell::Done),
            Ok(Answer::Elsewhere) => {}
            Err(error) => {
                debug!("request {request} of connection {}: {error}", connection.0);
                self.out.answer(connection, request, Tell::Error(error));
            }
        }
    }

    /// A connection is closed, by either end. One that is not known is ignored.
    pub fn handle_disconnected(&mut self, connection: ConnectionId, now: Time) {
        let Some(gone) = self.connections.remove(&connection) else { return };
        self.peers.remove(&gone.peer);
        match gone.place {
            Place::Idle | Place::Leaving => {}
            Place::Trying { .. } => self.timers.cancel(Timer::Answer(connection)),
            Place::Knocking { room, knock } => self.lose_knock(room, knock),
            Place::InRoom(room) => self.lose_member(room, gone.peer, now),
        }
    }

    /// Forwarding has carried out a [`RouteChange::Leave`].
    pub fn handle_route_ack(&mut self, ack: AckId, now: Time) {
        match self.awaited.remove(&ack) {
            Some(awaited) => self.confirm(ack, awaited, now),
            None => debug!("forwarding confirmed {ack:?}, which nobody waits for"),
        }
    }

    /// The relay is about to stop: everyone is told why, and nobody enters any more.
    pub fn handle_stopping(&mut self, _now: Time) {
        self.stopping = true;
        for &connection in self.connections.keys() {
            self.out.tell(connection, Tell::Stopping { why: StoppingWhy::Shutdown });
        }
    }

    /// The relay's clock, by which admissions expire: Unix time in milliseconds at the moment `at`. Until this is
    /// called, no admission expires.
    pub fn set_wall_clock(&mut self, unix_ms: u64, at: Time) {
        self.wall_clock = (unix_ms, at);
    }

    /// The last record of every code from former processes of this relay: a meeting that is brought back gets its code
    /// again only if it is known here that it had it. Set the wall clock before.
    pub fn remember_codes(&mut self, records: impl IntoIterator<Item = CodeRecord>, now: Time) {
        let wall_ms = self.wall_ms(now);
        for CodeRecord { code, room, until_ms } in records {
            let until = until_ms.map(|ms| now + Duration::from_millis(ms.saturating_sub(wall_ms)));
            self.codes.remember(code, room, until, now);
        }
    }

    /// When [`Rooms::handle_timeout`] is to be called, unless something else happens before.
    pub fn poll_timeout(&self) -> Option<Time> {
        self.timers.next()
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Time) {
        while let Some(timer) = self.timers.pop_due(now) {
            match timer {
                Timer::Answer(connection) => self.answer_late(connection),
                Timer::Knock(room, knock) => self.knock_timed_out(room, knock),
                Timer::Member(room, member) => self.member_timed_out(room, member, now),
                Timer::Host(room) => self.host_timed_out(room),
            }
        }
    }

    /// The next thing to do; `None` when all is done.
    pub fn next_action(&mut self) -> Option<Action> {
        self.out.pop().or_else(|| {
            let (code, room, until) = self.codes.next_change()?;
            Some(Action::Record(CodeRecord { code, room, until_ms: until.map(|until| self.wall_ms(until)) }))
        })
    }

    /// What kiosks are told of the limits in their `welcome`.
    pub fn limits(&self) -> Limits {
        let ms = |span: Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        Limits {
            members: self.config.members_per_room,
            member_grace_ms: ms(self.config.member_grace()),
            host_grace_ms: ms(self.config.host_grace()),
            knock_timeout_ms: ms(self.config.knock_timeout()),
            idle_timeout_ms: u64::from(self.config.idle_timeout_s) * 1000,
        }
    }

    fn carry_out(&mut self, connection: ConnectionId, request: u32, ask: Ask, now: Time) -> Outcome {
        match ask {
            Ask::Hello(_) => Err(refusal(ErrorCode::Greeting, "this connection has greeted already")),
            Ask::Create { founding, admission } => self.create(connection, request, founding, admission, now),
            Ask::Knock { code } => self.knock(connection, request, code, now),
            Ask::Cancel { knock } => self.cancel(connection, knock),
            Ask::Approve { knock, admission } => self.approve(connection, knock, admission, now),
            Ask::Deny { knock } => self.deny(connection, knock),
            Ask::Resume { room, admission, last_event } => {
                self.resume(connection, request, room, admission, last_event, now)
            }
            Ask::Reopen { founding, successions, code, admission, members, removals, locked, next_event } => {
                let told = reopen::Told {
                    founding,
                    successions,
                    code,
                    admission,
                    members,
                    removals,
                    locked,
                    next_event,
                };
                self.reopen(connection, request, told, now)
            }
            Ask::Leave => self.leave(connection, request),
            Ask::Remove { removal } => self.remove(connection, request, removal, now),
            Ask::Lock { locked } => self.lock(connection, locked),
            Ask::Mute { member } => self.mute(connection, member),
            Ask::End => self.end(connection, request, now),
            Ask::NameSuccessor { succession } => self.name_successor(connection, succession),
            Ask::State { state } => self.state(connection, state),
            Ask::Opaque { class, to, bytes } => self.opaque(connection, request, class, to, bytes),
            Ask::Time { .. } | Ask::Status { .. } => {
                Err(refusal(ErrorCode::UnknownType, "not answered by the rooms"))
            }
        }
    }

    /// The room that the connection is a member of.
    fn room_of(&self, connection: ConnectionId) -> Result<RoomId, RelayError> {
        match self.connections.get(&connection).map(|from| &from.place) {
            Some(Place::InRoom(room)) => Ok(*room),
            Some(Place::Idle | Place::Trying { .. } | Place::Knocking { .. } | Place::Leaving) | None => {
                Err(refusal(ErrorCode::NotInRoom, "this kiosk is in no meeting"))
            }
        }
    }

    /// The room that the connection hosts.
    fn hosted_by(&mut self, connection: ConnectionId) -> Result<&mut Room, RelayError> {
        let room = self.room_of(connection)?;
        match self.rooms.get_mut(&room) {
            Some(room) if room.host_connection() == Some(connection) => Ok(room),
            Some(_) => Err(refusal(ErrorCode::NotHost, "only the host may do this")),
            None => Err(refusal(ErrorCode::NotInRoom, "this kiosk is in no meeting")),
        }
    }

    /// The connection, if it is free to enter or knock.
    fn newcomer(&self, connection: ConnectionId) -> Result<&Connection, RelayError> {
        let Some(from) = self.connections.get(&connection) else {
            return Err(refusal(ErrorCode::Greeting, "this connection has not greeted"));
        };
        if self.stopping {
            return Err(refusal(ErrorCode::Stopping, "the relay is about to stop"));
        }
        match &from.place {
            Place::Idle => Ok(from),
            Place::Trying { .. } | Place::Knocking { .. } => {
                Err(refusal(ErrorCode::Busy, "this kiosk is knocking already"))
            }
            Place::InRoom(_) => Err(refusal(ErrorCode::Busy, "this kiosk is in a meeting already")),
            Place::Leaving => {
                Err(not_yet(ErrorCode::Busy, "this kiosk is still leaving a meeting", RETRY_SOON))
            }
        }
    }

    fn set_place(&mut self, connection: ConnectionId, place: Place) {
        if let Some(from) = self.connections.get_mut(&connection) {
            from.place = place;
        }
    }

    /// Unix time in milliseconds.
    fn wall_ms(&self, now: Time) -> u64 {
        let (unix_ms, at) = self.wall_clock;
        unix_ms.saturating_add(u64::try_from(now.since(at).as_millis()).unwrap_or(u64::MAX))
    }

    /// Four streams that nobody had since the relay started; `None` when the numbers are used up.
    fn fresh_streams(&mut self) -> Result<vestibule_common::control::Streams, RelayError> {
        let first = self.next_stream;
        let Some(next) = first.checked_add(4) else {
            return Err(refusal(ErrorCode::Full, "the relay has no stream numbers left; restart it"));
        };
        self.next_stream = next;
        let [audio, video, presentation, file] = [0, 1, 2, 3].map(|n| StreamId(first + n));
        Ok(vestibule_common::control::Streams { audio, video, presentation, file })
    }
}

/// When to ask again after something that forwarding is about to confirm.
const RETRY_SOON: Duration = Duration::from_millis(100);
