//! Into a room: starting one, coming back to one, and what every way in ends with.
//!
//! Nobody gets a seat or a route here without an admission that was verified against the chain of hosts.

use std::net::SocketAddr;

use ::log::{info, warn};
use vestibule_common::control::{ErrorCode, Member, MemberState, RelayError, RoomEvent, Streams};
use vestibule_common::id::{KnockId, PeerId, RoomId};
use vestibule_common::signed::{Admission, Authority, Founding, Refused, Role};
use vestibule_common::time::Time;

use super::guard::Origin;
use super::room::{Presence, Room};
use super::roster::Roster;
use super::timers::Timer;
use super::{Answer, ConnectionId, Outcome, Place, RETRY_SOON, Rooms, not_yet, refusal};
use crate::route::RouteChange;

/// When a kiosk whose room is not open yet may ask again.
const RETRY_REOPENED: std::time::Duration = std::time::Duration::from_secs(1);

impl Rooms {
    pub(super) fn create(
        &mut self,
        connection: ConnectionId,
        request: u32,
        founding: Founding,
        admission: Admission,
        now: Time,
    ) -> Outcome {
        let from = self.newcomer(connection)?;
        let (peer, name, source) = (from.peer, from.name.clone(), from.source);
        if founding.founder != peer {
            return Err(refusal(ErrorCode::Refused, "the meeting names another founder"));
        }
        let authority = Authority::new(&founding, &[]).map_err(refused)?;
        let id = authority.room();
        if self.rooms.contains_key(&id) {
            return Err(refusal(ErrorCode::Refused, "this meeting was started before; choose another nonce"));
        }
        authority.check_admission(&admission, peer, &[], self.wall_ms(now)).map_err(refused)?;
        if admission.role != Role::Host {
            return Err(refusal(ErrorCode::Refused, "a founder admits itself as host"));
        }
        self.check_closed(id)?;
        self.check_space(source)?;
        let streams = self.fresh_streams()?;
        let code = self.codes.draw(id, Origin::of(source), now).ok_or_else(no_code)?;
        info!("{name} ({}) starts a meeting", peer.short());
        let room = Room::new(founding, authority, code, Roster::default(), 1, name, &self.config);
        self.rooms.insert(id, room);
        self.join(id, connection, streams, admission, None, Some(request));
        Ok(Answer::Elsewhere)
    }

    pub(super) fn resume(
        &mut self,
        connection: ConnectionId,
        request: u32,
        id: RoomId,
        admission: Admission,
        last_event: u64,
        now: Time,
    ) -> Outcome {
        let peer = self.newcomer(connection)?.peer;
        let wall_ms = self.wall_ms(now);
        let Some(room) = self.rooms.get(&id) else {
            if self.ended.how(id, now).is_some() {
                return Err(refusal(ErrorCode::Ended, "the meeting is over"));
            }
            let detail = "the meeting is not open here; its host's kiosk can bring it back";
            return Err(not_yet(ErrorCode::WaitingForHost, detail, RETRY_REOPENED));
        };
        let removals = room.roster.removal_list();
        let checked = room.authority.check_admission(&admission, peer, &removals, wall_ms);
        if let Err(why) = checked {
            match why {
                Refused::Forged | Refused::OtherMember | Refused::NotHost => {
                    warn!("{} shows an admission that is not its own: {why}", peer.short());
                }
                Refused::Removed => return Err(refusal(ErrorCode::Removed, why.to_string())),
                Refused::OtherRoom | Refused::Expired | Refused::NotFounded => {}
            }
            return Err(refused(why));
        }
        match room.seats.get(&peer).map(|seat| seat.presence) {
            Some(Presence::Away { cut }) => {
                self.come_back(id, connection, request, admission, last_event, cut.is_none());
            }
            Some(Presence::Leaving { .. } | Presence::Present { .. }) => {
                return Err(not_yet(ErrorCode::Busy, "this kiosk is still leaving the meeting", RETRY_SOON));
            }
            None if !room.has_admitted(peer) => {
                warn!("{} shows an admission by which it never came in", peer.short());
                return Err(refusal(ErrorCode::Refused, "this kiosk has not been let in by the host; knock"));
            }
            // It left, or was away for too long. The host's word still holds.
            None => {
                self.check_seat(id, peer)?;
                let streams = self.fresh_streams()?;
                self.join(id, connection, streams, admission, None, Some(request));
            }
        }
        Ok(Answer::Elsewhere)
    }

    /// Whether the relay has room for another meeting, opened from there.
    pub(super) fn check_space(&self, source: SocketAddr) -> Result<(), RelayError> {
        if self.codes.opened_from(Origin::of(source)) >= self.config.rooms_per_source as usize {
            let detail = "too many meetings were opened from this address";
            return Err(refusal(ErrorCode::Full, detail));
        }
        if self.rooms.len() >= self.config.max_rooms as usize {
            return Err(refusal(ErrorCode::Full, "the relay has no place for another meeting"));
        }
        Ok(())
    }

    /// Whether the room has a place for `peer`; a place that is kept for it counts.
    pub(super) fn check_seat(&self, id: RoomId, peer: PeerId) -> Result<(), RelayError> {
        let taken =
            self.rooms.get(&id).map_or(0, |room| room.seats.keys().filter(|seat| **seat != peer).count());
        if taken >= usize::from(self.config.members_per_room) {
            return Err(refusal(ErrorCode::Full, "the meeting has no place left"));
        }
        Ok(())
    }

    /// Gives the connection a seat and a route. Its admission has been verified.
    pub(super) fn join(
        &mut self,
        id: RoomId,
        connection: ConnectionId,
        streams: Streams,
        admission: Admission,
        knock: Option<KnockId>,
        request: Option<u32>,
    ) {
        let (Some(room), Some(from)) = (self.rooms.get_mut(&id), self.connections.get_mut(&connection))
        else {
            return;
        };
        from.place = Place::InRoom(id);
        info!("{} ({}) joins the meeting of {}", from.name, from.peer.short(), room.host_name);
        let (peer, session) = (from.peer, from.session);
        let name = from.name.clone();
        let member = Member { name, admission, streams, state: MemberState::default(), present: true };
        room.join(member, connection, session, knock, request, &mut self.out);
        self.out.route(RouteChange::Join { room: id, session, streams });
        self.greet_returned(id, peer);
    }

    /// Gives a member that was away its seat again. `announced`: the others know that it was away.
    fn come_back(
        &mut self,
        id: RoomId,
        connection: ConnectionId,
        request: u32,
        admission: Admission,
        last_event: u64,
        announced: bool,
    ) {
        let (Some(room), Some(from)) = (self.rooms.get_mut(&id), self.connections.get_mut(&connection))
        else {
            return;
        };
        let (peer, session) = (from.peer, from.session);
        from.place = Place::InRoom(id);
        info!("{} ({}) is back in the meeting of {}", from.name, peer.short(), room.host_name);
        self.timers.cancel(Timer::Member(id, peer));
        room.catch_up(admission, connection, request, last_event, &mut self.out);
        if let Some(seat) = room.seats.get_mut(&peer) {
            seat.presence = Presence::Present { connection, session };
        }
        if announced {
            room.publish(RoomEvent::Back { member: peer }, &mut self.out);
        }
        if let Some(member) = room.roster.members.get(&peer) {
            self.out.route(RouteChange::Join { room: id, session, streams: member.streams });
        }
        self.greet_returned(id, peer);
    }
}

/// A host's word that does not hold.
pub(super) fn refused(why: Refused) -> RelayError {
    refusal(ErrorCode::Refused, why.to_string())
}

/// All codes are in use or resting.
pub(super) fn no_code() -> RelayError {
    refusal(ErrorCode::Full, "the relay has no code left")
}
