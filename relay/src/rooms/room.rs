//! One meeting: its roster and event log, and what the relay alone knows of it (who is connected, who waits outside).
//!
//! It decides nothing; the files beside it do. It keeps two things together: every change of the roster is an event,
//! and every event reaches every seat that is taken.

use std::collections::{BTreeMap, BTreeSet};

use vestibule_common::control::{Entered, Member, RoomEvent, Tell};
use vestibule_common::id::{KnockId, PeerId, RoomCode, RoomId, SessionId};
use vestibule_common::name::RoomName;
use vestibule_common::signed::{Admission, Authority, Founding, Succession};

use super::ConnectionId;
use super::config::RoomsConfig;
use super::log::{EventLog, visible_to};
use super::outbox::Outbox;
use super::roster::Roster;
use crate::route::AckId;

/// The most identities whose denials are remembered; beyond, the one denied longest ago is forgotten.
const MAX_DENIED: usize = 256;

/// A meeting.
pub(super) struct Room {
    pub(super) founding: Founding,
    pub(super) code: RoomCode,
    pub(super) authority: Authority,
    /// As of the last event.
    pub(super) roster: Roster,
    log: EventLog,
    /// One for each member of the roster.
    pub(super) seats: BTreeMap<PeerId, Seat>,
    /// In the order in which they came.
    pub(super) knocks: Vec<Knock>,
    /// How often the host said no to whom, in this meeting.
    denials: Vec<(PeerId, u32)>,
    /// The present host's word on who may follow it: the latest for each member.
    pub(super) heirs: BTreeMap<PeerId, Succession>,
    /// The host's label, known even when the host is no longer a member.
    pub(super) host_name: RoomName,
    /// The host was waited for long enough: hosting passes as soon as an heir is present.
    pub(super) host_overdue: bool,
    /// Whoever came in by the host's act since the room was opened here. Only they may come back by showing an
    /// admission: one that a former host signed in its time and kept to itself opens no door.
    admitted: BTreeSet<PeerId>,
}

/// A member's place, as the relay knows it.
pub(super) struct Seat {
    pub(super) presence: Presence,
    /// The first event that is this member's to know: what was before it joined is not.
    since: u64,
}

/// Whether a member is connected.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum Presence {
    /// Media flows.
    Present { connection: ConnectionId, session: SessionId },
    /// The connection was lost. While `cut` is there, forwarding has not confirmed that media stopped and nobody has
    /// been told.
    Away { cut: Option<AckId> },
    /// It leaves or is removed for good as soon as forwarding has confirmed.
    Leaving { cut: AckId },
}

/// Somebody at the door.
#[derive(Clone, Debug)]
pub(super) struct Knock {
    pub(super) id: KnockId,
    pub(super) peer: PeerId,
    pub(super) name: RoomName,
    pub(super) connection: ConnectionId,
}

impl Room {
    /// A room without members in seats; `base` is its roster just before event `next`.
    pub(super) fn new(
        founding: Founding,
        authority: Authority,
        code: RoomCode,
        base: Roster,
        next: u64,
        host_name: RoomName,
        config: &RoomsConfig,
    ) -> Room {
        let admitted = base.members.keys().copied().collect();
        let log = EventLog::new(base.clone(), next, config.log_events as usize, config.log_bytes as usize);
        Room {
            founding,
            code,
            authority,
            roster: base,
            log,
            seats: BTreeMap::new(),
            knocks: Vec::new(),
            denials: Vec::new(),
            heirs: BTreeMap::new(),
            host_name,
            host_overdue: false,
            admitted,
        }
    }

    /// Whether `peer` came in by the host's act.
    pub(super) fn has_admitted(&self, peer: PeerId) -> bool {
        self.admitted.contains(&peer)
    }

    /// The host's kiosk says that `peer` came in by a host's act before the room was opened here.
    pub(super) fn admit_again(&mut self, peer: PeerId) {
        self.admitted.insert(peer);
    }

    pub(super) fn id(&self) -> RoomId {
        self.authority.room()
    }

    pub(super) fn host(&self) -> PeerId {
        self.authority.host()
    }

    /// The highest serial of the admissions and removals by the present host that are in force.
    pub(super) fn last_word_of_host(&self) -> u64 {
        let host = self.host();
        let admissions = self.roster.members.values().map(|member| &member.admission);
        let admitted = admissions.filter(|word| word.issuer == host).map(|word| word.serial).max();
        let removals = self.roster.removals.values().filter(|word| word.issuer == host);
        admitted.max(removals.map(|word| word.serial).max()).unwrap_or(0)
    }

    /// The host's connection, if it is there.
    pub(super) fn host_connection(&self) -> Option<ConnectionId> {
        self.connection_of(&self.host())
    }

    /// The connection of a member that is there.
    pub(super) fn connection_of(&self, member: &PeerId) -> Option<ConnectionId> {
        match self.seats.get(member)?.presence {
            Presence::Present { connection, .. } => Some(connection),
            Presence::Away { .. } | Presence::Leaving { .. } => None,
        }
    }

    /// The number that the next event will have.
    pub(super) fn next_event(&self) -> u64 {
        self.log.next()
    }

    /// Makes an event happen and tells everyone who is there.
    pub(super) fn publish(&mut self, event: RoomEvent, out: &mut Outbox) -> u64 {
        self.roster.apply(&event);
        for (peer, seat) in &self.seats {
            match seat.presence {
                Presence::Present { connection, .. } => {
                    let event = visible_to(&event, *peer);
                    out.tell(connection, Tell::Event { number: self.log.next(), event });
                }
                Presence::Away { .. } | Presence::Leaving { .. } => {}
            }
        }
        self.log.push(event)
    }

    /// Makes a member join: it is told first, then everyone else. Returns what answers its request.
    pub(super) fn join(
        &mut self,
        member: Member,
        connection: ConnectionId,
        session: SessionId,
        knock: Option<KnockId>,
        request: Option<u32>,
        out: &mut Outbox,
    ) {
        let (peer, admission) = (member.id(), member.admission);
        self.admitted.insert(peer);
        let since = self.log.next() + 1;
        let mut roster = self.roster.clone();
        let joined = RoomEvent::Joined { member };
        roster.apply(&joined);
        let entered = Tell::Entered(Box::new(self.entered(roster, since, admission, knock)));
        match request {
            Some(request) => out.answer(connection, request, entered),
            None => out.tell(connection, entered),
        }
        self.publish(joined, out);
        self.sit(peer, Presence::Present { connection, session }, since);
    }

    /// Takes a seat for a member that is in the roster already.
    pub(super) fn sit(&mut self, peer: PeerId, presence: Presence, since: u64) {
        self.seats.insert(peer, Seat { presence, since });
    }

    /// Answers a member that is back: the room as of the first event it missed and that is kept, then those events.
    pub(super) fn catch_up(
        &self,
        admission: Admission,
        connection: ConnectionId,
        request: u32,
        last_event: u64,
        out: &mut Outbox,
    ) {
        let peer = admission.member;
        let since = self.seats.get(&peer).map_or(self.log.next(), |seat| seat.since);
        let next = last_event.saturating_add(1).max(self.log.first()).max(since).min(self.log.next());
        let entered = self.entered(self.log.roster_before(next), next, admission, None);
        out.answer(connection, request, Tell::Entered(Box::new(entered)));
        for (number, event) in self.log.since(next) {
            out.tell(connection, Tell::Event { number, event: visible_to(event, peer) });
        }
    }

    fn entered(
        &self,
        roster: Roster,
        next_event: u64,
        admission: Admission,
        knock: Option<KnockId>,
    ) -> Entered {
        Entered {
            knock,
            room: self.id(),
            code: self.code,
            founding: self.founding,
            removals: roster.removal_list(),
            successions: roster.successions,
            admission,
            members: roster.members.into_values().collect(),
            locked: roster.locked,
            next_event,
        }
    }

    /// Shows every waiting knock to the host, if it is there.
    pub(super) fn show_knocks(&self, out: &mut Outbox) {
        if let Some(host) = self.host_connection() {
            for knock in &self.knocks {
                let (identity, name) = (knock.peer, knock.name.clone());
                out.tell(host, Tell::KnockArrived { knock: knock.id, identity, name });
            }
        }
    }

    /// Takes a knock from the door.
    pub(super) fn take_knock(&mut self, id: KnockId) -> Option<Knock> {
        let at = self.knocks.iter().position(|knock| knock.id == id)?;
        Some(self.knocks.remove(at))
    }

    /// How often the host said no to this identity.
    pub(super) fn denials_of(&self, peer: PeerId) -> u32 {
        self.denials.iter().find(|(denied, _)| *denied == peer).map_or(0, |(_, count)| *count)
    }

    pub(super) fn count_denial(&mut self, peer: PeerId) {
        let count = self.denials_of(peer) + 1;
        self.forget_denials(peer);
        if self.denials.len() >= MAX_DENIED {
            self.denials.remove(0);
        }
        self.denials.push((peer, count));
    }

    pub(super) fn forget_denials(&mut self, peer: PeerId) {
        self.denials.retain(|(denied, _)| *denied != peer);
    }
}
