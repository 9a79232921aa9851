//! A meeting brought back by its host's kiosk after the relay was restarted.
//!
//! Everything is verified from the founder on, so a host can bring back only its own meeting and only members that a
//! host admitted. They keep their places and come in by `resume`.
//!
//! A former host that has not heard that hosting passed brings back an older meeting. The later host's kiosk sees that
//! in its `entered` and reopens it once more, from inside: the room then goes on from the longer chain.

use std::collections::BTreeMap;

use ::log::{info, warn};
use vestibule_common::control::{ErrorCode, LeftWhy, Member, MemberState, RoomEvent};
use vestibule_common::id::{PeerId, RoomCode, RoomId};
use vestibule_common::name::RoomName;
use vestibule_common::signed::{Admission, Authority, Founding, Removal, Succession};
use vestibule_common::time::Time;

use super::ended::How;
use super::entry::{no_code, refused};
use super::guard::Origin;
use super::room::{Presence, Room};
use super::roster::{MAX_REMOVALS, MAX_SUCCESSIONS, Roster};
use super::timers::Timer;
use super::{Answer, ConnectionId, Outcome, Rooms, refusal};

/// The highest event number that is believed: what a JSON number carries exactly (RFC 8259, section 6), with room for
/// the events to come.
const MAX_EVENT: u64 = 1 << 52;

/// What the host's kiosk kept.
pub(super) struct Told {
    pub(super) founding: Founding,
    pub(super) successions: Vec<Succession>,
    pub(super) code: RoomCode,
    pub(super) admission: Admission,
    pub(super) members: Vec<(RoomName, Admission)>,
    pub(super) removals: Vec<Removal>,
    pub(super) locked: bool,
    pub(super) next_event: u64,
}

impl Rooms {
    pub(super) fn reopen(
        &mut self,
        connection: ConnectionId,
        request: u32,
        told: Told,
        now: Time,
    ) -> Outcome {
        if told.members.len() > usize::from(self.config.members_per_room)
            || told.removals.len() > MAX_REMOVALS
            || told.successions.len() > MAX_SUCCESSIONS
            || told.next_event > MAX_EVENT
        {
            return Err(refusal(ErrorCode::TooLarge, "more than a meeting can have"));
        }
        let authority = Authority::new(&told.founding, &told.successions).map_err(refused)?;
        if self.room_of(connection).is_ok_and(|id| id == authority.room()) {
            return self.correct(connection, request, told, &authority, now);
        }
        let from = self.newcomer(connection)?;
        let (peer, name, source) = (from.peer, from.name.clone(), from.source);
        if self.rooms.contains_key(&authority.room()) {
            return self.reopen_open(connection, request, told, &authority, now);
        }
        if authority.host() != peer {
            return Err(refusal(ErrorCode::NotHost, "only the host's kiosk can bring the meeting back"));
        }
        if self.ended.how(authority.room(), now) == Some(How::ForAll) {
            return Err(refusal(ErrorCode::Ended, "the meeting was ended for all"));
        }
        let wall_ms = self.wall_ms(now);
        let removals = checked_removals(&authority, &told.removals);
        let removal_list: Vec<Removal> = removals.values().copied().collect();
        authority.check_admission(&told.admission, peer, &removal_list, wall_ms).map_err(refused)?;
        self.check_closed(authority.room())?;
        self.check_space(source)?;
        self.check_reopen(connection, told.code, authority.room(), now)?;

        let mut roster =
            Roster { removals, successions: told.successions, locked: told.locked, ..Roster::default() };
        let places = usize::from(self.config.members_per_room) - 1;
        for (name, admission) in told.members {
            let id = admission.member;
            if id == peer {
                continue;
            }
            let checked = authority.check_admission(&admission, id, &removal_list, wall_ms);
            if checked.is_err() || roster.members.len() >= places {
                warn!("{name} ({}) is not brought back with its meeting: {checked:?}", id.short());
                continue;
            }
            let (state, streams) = (MemberState::default(), self.fresh_streams()?);
            roster.members.insert(id, Member { name, admission, streams, state, present: false });
        }
        let streams = self.fresh_streams()?;
        let (id, next) = (authority.room(), told.next_event.max(1));
        let code = self.codes.reclaim(told.code, id, Origin::of(source), now).ok_or_else(no_code)?;
        info!("{name} ({}) brings its meeting back", peer.short());
        let members: Vec<PeerId> = roster.members.keys().copied().collect();
        let mut room = Room::new(told.founding, authority, code, roster, next, name, &self.config);
        for member in members {
            room.sit(member, Presence::Away { cut: None }, next);
            self.timers.set(Timer::Member(id, member), now + self.config.member_grace());
        }
        self.rooms.insert(id, room);
        self.ended.reopened(id);
        self.join(id, connection, streams, told.admission, None, Some(request));
        Ok(Answer::Elsewhere)
    }

    /// The meeting is open: it was never closed, or somebody who hosted it before brought it back first. The asking
    /// kiosk comes back like every member; if it hosts by a chain that goes on where the room's ends, hosting passes.
    fn reopen_open(
        &mut self,
        connection: ConnectionId,
        request: u32,
        told: Told,
        authority: &Authority,
        now: Time,
    ) -> Outcome {
        let id = authority.room();
        let follows = self.follow(connection, &told, authority, now);
        let last_event = told.next_event.saturating_sub(1);
        let outcome = self.resume(connection, request, id, told.admission, last_event, now)?;
        // Only now, so that the room is not empty even if everyone else has to go.
        if let Some(further) = follows {
            self.catch_up_with_host(id, &told, further, now);
        }
        Ok(outcome)
    }

    /// The asking kiosk is in the meeting and knows more of it than the room does.
    fn correct(
        &mut self,
        connection: ConnectionId,
        request: u32,
        told: Told,
        authority: &Authority,
        now: Time,
    ) -> Outcome {
        let id = authority.room();
        let Some(further) = self.follow(connection, &told, authority, now) else {
            return Err(refusal(
                ErrorCode::NotHost,
                "the chain of hosts does not go on where the room's ends",
            ));
        };
        self.greet_returned(id, authority.host());
        self.catch_up_with_host(id, &told, further, now);
        if let Some(room) = self.rooms.get(&id) {
            // It has had every event.
            room.catch_up(told.admission, connection, request, u64::MAX, &mut self.out);
        }
        Ok(Answer::Elsewhere)
    }

    /// Passes hosting on to the asking kiosk if it hosts by a chain that goes on where the room's ends. Returns whether
    /// it goes further, or nothing when it is not such a chain.
    fn follow(
        &mut self,
        connection: ConnectionId,
        told: &Told,
        authority: &Authority,
        now: Time,
    ) -> Option<bool> {
        let wall_ms = self.wall_ms(now);
        let room = self.rooms.get_mut(&authority.room())?;
        let from = self.connections.get(&connection)?;
        let removals = room.roster.removal_list();
        let further = told.successions.strip_prefix(&room.roster.successions[..])?;
        let hosts = authority.host() == from.peer
            && authority.check_admission(&told.admission, from.peer, &removals, wall_ms).is_ok();
        if !hosts {
            return None;
        }
        for succession in further {
            if let Err(why) = room.authority.pass(succession) {
                warn!("a chain of hosts that was checked does not hold: {why}");
                break;
            }
            info!("{} ({}) shows that it hosts the meeting now", from.name, from.peer.short());
            room.heirs.clear();
            room.host_name = from.name.clone();
            room.publish(RoomEvent::HostChanged { succession: *succession }, &mut self.out);
        }
        room.admit_again(from.peer);
        for (_, admission) in &told.members {
            if authority.check_admission(admission, admission.member, &removals, wall_ms).is_ok() {
                room.admit_again(admission.member);
            }
        }
        Some(!further.is_empty())
    }

    /// The removals and, if it hosts by a chain that went `further`, the lock that the host's kiosk kept. Whoever came
    /// in by a word that does not hold in its chain is cut off.
    fn catch_up_with_host(&mut self, id: RoomId, told: &Told, further: bool, now: Time) {
        let Some(room) = self.rooms.get(&id) else { return };
        let host = room.host();
        for removal in checked_removals(&room.authority, &told.removals).into_values() {
            let Some(room) = self.rooms.get(&id) else { return };
            let (member, known) = (removal.member, &room.roster.removals);
            let removed = known.get(&member).map(|known| known.serial);
            let admitted = room.roster.members.get(&member).map(|member| member.admission.serial);
            if member == host || removed.max(admitted).is_some_and(|serial| serial >= removal.serial) {
                continue;
            }
            if removed.is_none() && known.len() >= MAX_REMOVALS {
                warn!("the removal of {} finds no place any more", member.short());
                continue;
            }
            self.put_out(id, member, LeftWhy::Removed { removal }, None, now);
        }
        let Some(room) = self.rooms.get(&id) else { return };
        let lapsed = |peer: &PeerId, member: &Member| {
            *peer != host && room.authority.check_admission(&member.admission, *peer, &[], 0).is_err()
        };
        let lapsed: Vec<PeerId> =
            room.roster.members.iter().filter(|(peer, seat)| lapsed(peer, seat)).map(|(p, _)| *p).collect();
        for member in lapsed {
            warn!("{} came in by the word of a host whose time was over", member.short());
            self.put_out(id, member, LeftWhy::Lost, None, now);
        }
        if further {
            self.set_lock(id, told.locked);
        }
    }
}

/// The removals that are a host's word, the latest of each member.
fn checked_removals(authority: &Authority, told: &[Removal]) -> BTreeMap<PeerId, Removal> {
    let mut removals: BTreeMap<PeerId, Removal> = BTreeMap::new();
    for removal in told {
        if let Err(why) = authority.check_removal(removal) {
            warn!("a removal is not brought back with its meeting: {why}");
        } else if removals.get(&removal.member).is_none_or(|known| known.serial < removal.serial) {
            removals.insert(removal.member, *removal);
        }
    }
    removals
}
