//! The media half of the relay: whose datagrams go where, opened once and sealed anew for each receiver.
//!
//! Pure: datagrams, route changes and the time come in, datagrams go out. It never decodes media and has no socket, lock
//! or clock, so that every rule of who may hear whom is tested exactly.
//!
//! What a way down carries is estimated from the kiosk's reports; pictures are kept to it, each receiver getting the layer that fits.
//!
//! A receive batch is opened into the `inbox`; each receiver only remembers which bodies are meant for it. They are
//! copied and sealed when the shell asks for the next transmit, into one buffer that stays in the cache, and whatever
//! has the same size leaves in one GSO send. Pictures and files are copied once more while they wait for a way down. Nothing is
//! allocated for a packet but for a kiosk's report on its way down; what a stream or a way down needs is allocated when it is first
//! used, and grows to what it holds at most.

mod allowances;
mod counters;
mod demand;
mod held;
mod inbox;
mod keyframes;
mod layers;
mod loudest;
mod outbox;
mod receive;
mod reports;
mod resending;
mod routes;
mod session;
mod shaping;
mod sound;
mod thinking;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use vestibule_common::id::SessionId;
use vestibule_common::seal::{HopSecrets, Suite};
use vestibule_common::time::Time;
use vestibule_common::wire::Ecn;

use crate::route::{AckId, RouteChange};
pub use counters::Counters;
use inbox::Inbox;
use keyframes::Keyframes;
use layers::Layers;
use loudest::Loudest;
use outbox::Outbox;
pub use outbox::{MAX_SEGMENTS, Transmit};
use reports::Reports;
use resending::Resending;
use routes::Routes;
use session::Session;
use shaping::Shaping;

/// Where a session's datagrams come from and go to.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Path {
    /// The kiosk's address.
    pub remote: SocketAddr,
    /// The relay's own address that the kiosk sent to, if the system tells: answers leave from there.
    pub local: Option<IpAddr>,
}

impl From<SocketAddr> for Path {
    fn from(remote: SocketAddr) -> Path {
        Path { remote, local: None }
    }
}

/// Index of a session in [`Forwarding`]; reused after the session was closed.
type Slot = u16;

/// The forwarding core. See the module's text.
pub struct Forwarding {
    sessions: Vec<Option<Session>>,
    by_id: BTreeMap<SessionId, Slot>,
    routes: Routes,
    inbox: Inbox,
    outbox: Outbox,
    keyframes: Keyframes,
    reports: Reports,
    resending: Resending,
    layers: Layers,
    loudest: Loudest,
    shaping: Shaping,
    counters: Counters,
}

impl Default for Forwarding {
    fn default() -> Forwarding {
        Forwarding::new()
    }
}

impl Forwarding {
    /// The most sessions that can be open at a time.
    pub const MAX_SESSIONS: usize = Slot::MAX as usize;
    /// Datagrams that are held between two rounds of [`Forwarding::next_transmit`]; more are dropped and counted.
    pub const INBOX: usize = Inbox::CAPACITY;

    /// No sessions, no routes; every buffer that packets need.
    pub fn new() -> Forwarding {
        Forwarding {
            sessions: Vec::new(),
            by_id: BTreeMap::new(),
            routes: Routes::default(),
            inbox: Inbox::new(),
            outbox: Outbox::new(),
            keyframes: Keyframes::default(),
            reports: Reports::default(),
            resending: Resending::new(),
            layers: Layers::default(),
            loudest: Loudest::default(),
            shaping: Shaping::default(),
            counters: Counters::default(),
        }
    }

    /// Opens a session with the keys that both ends derived. It is in no room until a route says so.
    ///
    /// A session of the same id is closed first. Returns `false`, and opens nothing, above
    /// [`Forwarding::MAX_SESSIONS`].
    pub fn open_session(&mut self, id: SessionId, suite: Suite, secrets: &HopSecrets) -> bool {
        self.close_session(id);
        let slot = match self.sessions.iter().position(Option::is_none) {
            Some(free) => free,
            None if self.sessions.len() < Self::MAX_SESSIONS => {
                self.sessions.push(None);
                self.sessions.len() - 1
            }
            None => return false,
        };
        self.sessions[slot] = Some(Session::new(id, suite, secrets));
        self.by_id.insert(id, slot as Slot);
        self.outbox.reserve(self.sessions.len());
        true
    }

    /// Closes a session and drops what is queued for and from it. Unknown ids are no error: it may be closed already.
    pub fn close_session(&mut self, id: SessionId) {
        let Some(slot) = self.by_id.remove(&id) else { return };
        self.leave(slot);
        self.sessions[usize::from(slot)] = None;
    }

    /// Puts a change of routes into force. When this returns, it is; the id of a revocation comes back to be
    /// acknowledged.
    pub fn handle_route_change(&mut self, change: RouteChange) -> Option<AckId> {
        match change {
            RouteChange::Join { room, session, streams } => {
                let Some(&slot) = self.by_id.get(&session) else {
                    log::warn!("route for a session that is not open: {session}");
                    return None;
                };
                self.leave(slot);
                self.routes.join(slot, room, streams);
                self.keyframes.open(streams);
                self.loudest.open(slot);
                let others: Vec<Slot> = self.routes.others(slot).collect();
                self.layers.open(slot, streams, &others);
                // What was sent before it came is not for it.
                others.iter().for_each(|other| self.resending.clear(*other));
                None
            }
            RouteChange::Leave { room, session, ack } => {
                if let Some(&slot) = self.by_id.get(&session)
                    && self.routes.room_of(slot) == Some(room)
                {
                    self.leave(slot);
                }
                Some(ack)
            }
        }
    }

    /// Takes the slot out of its room, with everything that is queued for and from it.
    fn leave(&mut self, slot: Slot) {
        let room = self.routes.room_of(slot);
        for stream in self.routes.leave(slot) {
            self.keyframes.close(stream);
            self.layers.close(stream);
        }
        if let Some(room) = room.filter(|room| self.routes.members_of(*room).is_empty()) {
            self.shaping.forget(room);
        }
        self.layers.forget(slot);
        self.loudest.forget(slot);
        self.resending.forget(slot);
        self.counters.revoked += self.inbox.revoke_from(slot);
        self.revoke_held(slot);
        if let Some(Some(session)) = self.sessions.get_mut(usize::from(slot)) {
            self.counters.revoked += session.pending.len() as u64;
            self.counters.revoked += session.held.clear() + session.files.clear();
            session.pending.clear();
            session.stand_outside();
        }
    }

    /// Handles what one receive call gave: one datagram, or several of one sender.
    ///
    /// `datagrams[..len]` holds datagrams of `stride` bytes, the last one perhaps shorter, all from `from`, which
    /// arrived at `arrived` with this ECN mark. Its bytes are spoilt. Call [`Forwarding::next_transmit`] until it returns `None` before more
    /// than [`Forwarding::INBOX`] datagrams are handled.
    pub fn handle_batch(
        &mut self,
        datagrams: &mut [u8],
        stride: usize,
        len: usize,
        from: impl Into<Path>,
        ecn: Ecn,
        arrived: Time,
    ) {
        let from = from.into();
        let len = len.min(datagrams.len());
        for datagram in datagrams[..len].chunks_mut(stride.max(1)) {
            self.handle_datagram(datagram, from, ecn, arrived);
        }
    }

    /// When [`Forwarding::handle_timeout`] has something to do.
    pub fn poll_timeout(&self) -> Option<Time> {
        [self.keyframes.due(), self.reports.due(), self.shaping.due()].into_iter().flatten().min()
    }

    /// Sends the keyframe requests that were held back until now, the reports that are due, and what waited for its turn.
    pub fn handle_timeout(&mut self, now: Time) {
        if self.reports.take_due(now) {
            self.send_reports(now);
        }
        self.handle_shaping(now);
        self.send_keyframe_requests(now);
    }

    fn send_keyframe_requests(&mut self, now: Time) {
        while !self.inbox.is_full()
            && let Some(request) = self.keyframes.take_due(now)
        {
            self.send_keyframe_request(request, now);
        }
    }

    /// The next datagrams to send, all to one address; `None` when everything is sent. `now` is when they leave.
    pub fn next_transmit(&mut self, now: Time) -> Option<Transmit<'_>> {
        let Forwarding { sessions, inbox, outbox, counters, .. } = self;
        outbox.next(sessions, inbox, counters, now)
    }

    /// The most datagrams that one transmit may hold from now on: what the system's GSO can do, 1 without it.
    pub fn set_max_segments(&mut self, segments: usize) {
        self.outbox.set_max_segments(segments);
    }

    /// What has been counted so far.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }
}
