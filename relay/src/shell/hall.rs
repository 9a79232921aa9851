//! The one task that owns the rooms. Connections report to it, it tells them, and it passes route changes on to the
//! media thread. Every queue it touches is bounded, and it never waits for a kiosk.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};
use tokio::time::sleep_until;
use vestibule_common::control::{Tell, ToKiosk, ToRelay};
use vestibule_common::id::{PeerId, RoomId, SessionId};
use vestibule_common::name::RoomName;
use vestibule_common::seal::{HopSecrets, Suite};
use vestibule_common::time::{Duration, Time};
use vestibule_host::service;

use super::clock::{Clock, unix_ms};
use super::code_file::CodeFile;
use super::media::{Command, Figures};
use super::outlet::{Outlet, OutletError};
use crate::rooms::{Action, ConnectionId, Rooms};
use crate::route::AckId;

/// What connections report.
pub(super) enum Event {
    /// A kiosk has greeted.
    Came(Box<Guest>),
    /// It asks something.
    Asked { connection: ConnectionId, ask: Box<ToRelay> },
    /// Whoever has the relay's own key asks for the status.
    StatusAsked { connection: ConnectionId, request: u32, after: Option<RoomId> },
    /// Its connection is closed.
    Gone(ConnectionId),
}

/// A kiosk that has greeted, and how to reach it.
pub(super) struct Guest {
    pub(super) connection: ConnectionId,
    pub(super) peer: PeerId,
    pub(super) name: RoomName,
    pub(super) source: SocketAddr,
    pub(super) session: SessionId,
    pub(super) suite: Suite,
    pub(super) secrets: HopSecrets,
    /// It has the relay's own key: it may ask for the status, and nothing else.
    pub(super) operator: bool,
    pub(super) welcome: ToKiosk,
    pub(super) outlet: Outlet,
    /// Ends the connection at once; dropped, the connection ends once everything was said.
    pub(super) dismiss: oneshot::Sender<()>,
}

/// Where a connected kiosk sits.
struct Seat {
    peer: PeerId,
    session: SessionId,
    operator: bool,
    outlet: Outlet,
    dismiss: oneshot::Sender<()>,
}

/// Events that wait for the hall.
pub(super) const EVENTS: usize = 1024;
/// How often the wall clock is read anew.
const WALL_CLOCK: Duration = Duration::from_secs(1);
/// How often the figures are logged, if anything has happened.
const FIGURES: Duration = Duration::from_secs(60);
/// The media thread is stuck if it has not gone round for this long.
const MEDIA_STUCK: Duration = Duration::from_secs(5);

/// The rooms with everything around them.
pub(super) struct Hall {
    pub(super) rooms: Rooms,
    codes: CodeFile,
    pub(super) clock: Clock,
    pub(super) events: mpsc::Receiver<Event>,
    pub(super) commands: mpsc::Sender<Command>,
    pub(super) acks: mpsc::Receiver<AckId>,
    pub(super) figures: Arc<Figures>,
    seats: BTreeMap<ConnectionId, Seat>,
    /// Commands that the media thread has had no room for. While there are any, no more events are taken.
    backlog: VecDeque<Command>,
    next_wall_clock: Time,
    next_figures: Time,
    last_figures: Vec<(&'static str, u64)>,
}

impl Hall {
    pub(super) fn new(
        rooms: Rooms,
        codes: CodeFile,
        clock: Clock,
        events: mpsc::Receiver<Event>,
        commands: mpsc::Sender<Command>,
        acks: mpsc::Receiver<AckId>,
        figures: Arc<Figures>,
    ) -> Hall {
        Hall {
            rooms,
            codes,
            clock,
            events,
            commands,
            acks,
            figures,
            seats: BTreeMap::new(),
            backlog: VecDeque::new(),
            next_wall_clock: Time::ZERO,
            next_figures: Time::ZERO + FIGURES,
            last_figures: Vec::new(),
        }
    }

    /// Runs until `stop` says so; then everyone is told and shown out.
    pub(super) async fn run(mut self, mut stop: oneshot::Receiver<()>) {
        let commands = self.commands.clone();
        let watchdog = service::watchdog();
        let mut next_ping = Time::ZERO;
        loop {
            let now = self.clock.now();
            self.look_at_clocks(now);
            if let Some(interval) = watchdog
                && now >= next_ping
            {
                self.ping(now);
                next_ping = now + interval / 2;
            }
            let ping = if watchdog.is_some() { next_ping } else { Time::MAX };
            let due = self.rooms.poll_timeout().unwrap_or(Time::MAX);
            let wake = due.min(self.next_wall_clock).min(self.next_figures).min(ping);
            let is_free = self.backlog.is_empty();
            tokio::select! {
                biased;
                _ = &mut stop => break,
                ack = self.acks.recv() => match ack {
                    Some(ack) => self.rooms.handle_route_ack(ack, self.clock.now()),
                    None => {
                        log::error!("the media thread has ended");
                        break;
                    }
                },
                permit = commands.reserve(), if !is_free => {
                    if let (Ok(permit), Some(command)) = (permit, self.backlog.pop_front()) {
                        permit.send(command);
                    }
                }
                event = self.events.recv(), if is_free => match event {
                    Some(event) => self.handle(event),
                    None => break,
                },
                () = sleep_until(self.clock.instant(wake)) => {}
            }
            self.rooms.handle_timeout(self.clock.now());
            self.carry_out();
        }
        self.stop();
    }

    fn look_at_clocks(&mut self, now: Time) {
        if now >= self.next_wall_clock {
            self.rooms.set_wall_clock(unix_ms(), now);
            self.next_wall_clock = now + WALL_CLOCK;
        }
        if now >= self.next_figures {
            self.next_figures = now + FIGURES;
            let figures: Vec<_> = self.figures.named().filter(|(_, count)| *count > 0).collect();
            if figures != self.last_figures {
                let (rooms, kiosks) = (self.rooms.room_count(), self.rooms.kiosk_count());
                log::debug!("{rooms} meetings, {kiosks} kiosks; media since the start: {figures:?}");
                self.last_figures = figures;
            }
        }
    }

    /// Tells the service manager that this task and the media thread are alive.
    fn ping(&self, now: Time) {
        if now.since(self.figures.heartbeat()) < MEDIA_STUCK {
            service::ping();
        } else {
            log::error!("the media thread is stuck");
        }
    }

    fn handle(&mut self, event: Event) {
        let now = self.clock.now();
        match event {
            Event::Came(guest) => self.seat(*guest, now),
            Event::Asked { connection, ask } => self.rooms.handle_ask(connection, *ask, now),
            Event::StatusAsked { connection, request, after } => {
                let status = self.rooms.status(after, now);
                self.tell(connection, &ToKiosk { re: Some(request), body: Tell::Status(status) });
            }
            Event::Gone(connection) => self.unseat(connection, now),
        }
    }

    fn seat(&mut self, guest: Guest, now: Time) {
        let Guest { connection, peer, name, source, session, suite, secrets, operator, .. } = guest;
        let Guest { welcome, outlet, dismiss, .. } = guest;
        self.seats.insert(connection, Seat { peer, session, operator, outlet, dismiss });
        if operator {
            log::debug!("status asked for from {source}");
            self.tell(connection, &welcome);
            return;
        }
        log::info!(peer:% = peer; "{name} ({}) connected from {source}", peer.short());
        self.command(Command::Open { session, suite, secrets: Box::new(secrets) });
        self.tell(connection, &welcome);
        self.rooms.handle_connected(connection, peer, name, source, session, now);
    }

    /// Takes a kiosk's seat away; its connection ends once everything was said, or has ended already.
    fn unseat(&mut self, connection: ConnectionId, now: Time) {
        let Some(seat) = self.seats.remove(&connection) else { return };
        if seat.operator {
            return;
        }
        log::info!(peer:% = seat.peer; "connection of {} closed", seat.peer.short());
        self.rooms.handle_disconnected(connection, now);
        // What the rooms have to say about its routes goes before its session is closed.
        self.carry_out();
        self.command(Command::Close(seat.session));
    }

    /// Does what the rooms want done.
    fn carry_out(&mut self) {
        while let Some(action) = self.rooms.next_action() {
            match action {
                Action::Tell { connection, message } => self.tell(connection, &message),
                Action::Route(change) => self.command(Command::Route(change)),
                Action::Disconnect { connection } => self.unseat(connection, self.clock.now()),
                Action::Record(record) => self.codes.record(record, unix_ms()),
            }
        }
    }

    /// Tells a kiosk, or shows it out if it does not listen.
    fn tell(&mut self, connection: ConnectionId, message: &ToKiosk) {
        let Some(seat) = self.seats.get(&connection) else { return };
        match seat.outlet.tell(message) {
            Ok(()) => {}
            // Its end is being reported.
            Err(OutletError::Closed) => {}
            Err(error @ (OutletError::Full | OutletError::Frame(_))) => {
                log::warn!(peer:% = seat.peer; "{} is disconnected: {error}", seat.peer.short());
                if let Some(seat) = self.seats.remove(&connection) {
                    let _ = seat.dismiss.send(());
                    self.rooms.handle_disconnected(connection, self.clock.now());
                    self.command(Command::Close(seat.session));
                }
            }
        }
    }

    fn command(&mut self, command: Command) {
        let command = match self.backlog.is_empty() {
            true => match self.commands.try_send(command) {
                Ok(()) => return,
                Err(mpsc::error::TrySendError::Full(command)) => command,
                Err(mpsc::error::TrySendError::Closed(_)) => return,
            },
            false => command,
        };
        self.backlog.push_back(command);
    }

    /// Tells everyone that the relay stops. With the hall, every outlet goes, and the connections end once it is said.
    fn stop(&mut self) {
        self.rooms.handle_stopping(self.clock.now());
        self.carry_out();
        let figures: Vec<_> = self.figures.named().filter(|(_, count)| *count > 0).collect();
        log::info!("{} kiosks are told that the relay stops", self.seats.len());
        log::debug!("media since the start: {figures:?}");
    }
}
