//! Out of a room: leaving, being removed, being lost, and the end for all.
//!
//! Each begins by cutting the media off and goes on when forwarding has confirmed that; only then is anyone told. So
//! nobody is heard in a room whose screens say that it left.

use std::collections::BTreeSet;

use ::log::{debug, info};
use vestibule_common::control::{ClosedWhy, DeniedWhy, ErrorCode, LeftWhy, RelayError, RoomEvent, Tell};
use vestibule_common::id::{KnockId, PeerId, RoomId, SessionId};
use vestibule_common::signed::Removal;
use vestibule_common::time::Time;

use super::ended::How;
use super::entry::refused;
use super::room::Presence;
use super::roster::MAX_REMOVALS;
use super::timers::Timer;
use super::{Answer, ConnectionId, DONE, Outcome, Place, RETRY_SOON, Rooms, not_yet, refusal};
use crate::route::{AckId, RouteChange};

/// What follows once forwarding has confirmed that a session is cut off.
#[derive(Debug)]
pub(super) enum Awaited {
    /// The others learn that the member is away.
    Away { room: RoomId, member: PeerId },
    /// The member is out for good.
    Gone(Box<Departure>),
    /// One member less to wait for at the end of a meeting.
    End(EndingId),
}

/// A member that is on its way out.
#[derive(Debug)]
pub(super) struct Departure {
    room: RoomId,
    member: PeerId,
    why: LeftWhy,
    /// Its connection, if it has one.
    connection: Option<ConnectionId>,
    /// The requests that this answers.
    answers: Vec<(ConnectionId, u32)>,
}

/// Names an [`Ending`].
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct EndingId(u64);

/// A meeting that is over as soon as everyone in it is cut off.
#[derive(Debug)]
pub(super) struct Ending {
    room: RoomId,
    waits_for: BTreeSet<AckId>,
    connections: Vec<ConnectionId>,
    /// The request that this answers; whoever asked is not told otherwise.
    answer: Option<(ConnectionId, u32)>,
}

impl Rooms {
    pub(super) fn leave(&mut self, connection: ConnectionId, request: u32) -> Outcome {
        let id = self.room_of(connection)?;
        let Some(member) = self.connections.get(&connection).map(|from| from.peer) else { return DONE };
        let departure = Departure {
            room: id,
            member,
            why: LeftWhy::Left,
            connection: Some(connection),
            answers: vec![(connection, request)],
        };
        self.cut_for_good(departure);
        Ok(Answer::Elsewhere)
    }

    pub(super) fn remove(
        &mut self,
        connection: ConnectionId,
        request: u32,
        removal: Removal,
        now: Time,
    ) -> Outcome {
        let room = self.hosted_by(connection)?;
        let (id, member) = (room.id(), removal.member);
        room.authority.check_removal(&removal).map_err(refused)?;
        if removal.issuer != room.host() {
            return Err(refusal(ErrorCode::Refused, "only the present host removes"));
        }
        if member == room.host() {
            return Err(refusal(ErrorCode::Refused, "the host cannot remove itself"));
        }
        let admitted = room.roster.members.get(&member).map(|member| member.admission.serial);
        let removed = room.roster.removals.get(&member).map(|removal| removal.serial);
        if admitted.max(removed).is_some_and(|serial| removal.serial <= serial) {
            return Err(refusal(ErrorCode::Refused, "an admission or removal of this member is newer"));
        }
        if removed.is_none() && room.roster.removals.len() >= MAX_REMOVALS {
            return Err(refusal(ErrorCode::Full, "too many were removed from this meeting; start another"));
        }
        let why = LeftWhy::Removed { removal };
        if self.put_out(id, member, why, Some((connection, request)), now) {
            DONE
        } else {
            Ok(Answer::Elsewhere)
        }
    }

    /// Puts a member out for good. True when that is done; false when forwarding has to confirm first, which answers
    /// `asked` too.
    pub(super) fn put_out(
        &mut self,
        id: RoomId,
        member: PeerId,
        why: LeftWhy,
        asked: Option<(ConnectionId, u32)>,
        now: Time,
    ) -> bool {
        let answers: Vec<_> = asked.into_iter().collect();
        let seat = self.rooms.get(&id).and_then(|room| room.seats.get(&member));
        match seat.map(|seat| seat.presence) {
            Some(Presence::Present { connection: its, .. }) => {
                self.cut_for_good(Departure { room: id, member, why, connection: Some(its), answers });
                return false;
            }
            Some(Presence::Away { cut: Some(cut) }) => {
                self.depart_at(cut, Departure { room: id, member, why, connection: None, answers });
                return false;
            }
            Some(Presence::Leaving { cut }) => {
                if let Some(Awaited::Gone(departure)) = self.awaited.get_mut(&cut) {
                    departure.why = why;
                    departure.answers.extend(answers);
                    return false;
                }
            }
            // Nothing to cut off. Also for one that is not a member now: its admission must not let it in again.
            Some(Presence::Away { cut: None }) | None => self.gone(id, member, why, now),
        }
        true
    }

    pub(super) fn end(&mut self, connection: ConnectionId, request: u32, now: Time) -> Outcome {
        let id = self.hosted_by(connection)?.id();
        self.end_room(id, Some((connection, request)), now);
        self.ended.remember(id, How::ForAll, now);
        Ok(Answer::Elsewhere)
    }

    /// A member's connection is gone: its place is kept for a while.
    pub(super) fn lose_member(&mut self, id: RoomId, member: PeerId, now: Time) {
        let cut = self.next_ack();
        let Some(room) = self.rooms.get_mut(&id) else { return };
        let is_host = room.host() == member;
        let Some(seat) = room.seats.get_mut(&member) else { return };
        let Presence::Present { session, .. } = seat.presence else { return };
        seat.presence = Presence::Away { cut: Some(cut) };
        info!("{} lost its connection in the meeting of {}", member.short(), room.host_name);
        self.timers.set(Timer::Member(id, member), now + self.config.member_grace());
        if is_host {
            self.timers.set(Timer::Host(id), now + self.config.host_grace());
        }
        self.cut(cut, id, session, Awaited::Away { room: id, member });
    }

    /// A lost member did not come back.
    pub(super) fn member_timed_out(&mut self, id: RoomId, member: PeerId, now: Time) {
        let seat = self.rooms.get(&id).and_then(|room| room.seats.get(&member));
        match seat.map(|seat| seat.presence) {
            Some(Presence::Away { cut: None }) => self.gone(id, member, LeftWhy::Lost, now),
            Some(Presence::Away { cut: Some(cut) }) => {
                let (connection, answers) = (None, Vec::new());
                self.depart_at(cut, Departure { room: id, member, why: LeftWhy::Lost, connection, answers });
            }
            Some(Presence::Present { .. } | Presence::Leaving { .. }) | None => {}
        }
    }

    /// Forwarding has confirmed.
    pub(super) fn confirm(&mut self, ack: AckId, awaited: Awaited, now: Time) {
        match awaited {
            Awaited::Away { room: id, member } => {
                let Some(room) = self.rooms.get_mut(&id) else { return };
                let Some(seat) = room.seats.get_mut(&member) else { return };
                // Unless it is back already, or lost once more.
                if seat.presence == (Presence::Away { cut: Some(ack) }) {
                    seat.presence = Presence::Away { cut: None };
                    let grace_ms = u64::from(self.config.member_grace_s) * 1000;
                    room.publish(RoomEvent::Away { member, grace_ms }, &mut self.out);
                }
            }
            Awaited::Gone(departure) => self.depart(ack, *departure, now),
            Awaited::End(id) => {
                if let Some(ending) = self.endings.get_mut(&id) {
                    ending.waits_for.remove(&ack);
                }
                self.finish_ending(id);
            }
        }
    }

    /// Gives up the kept place of a member that enters anew.
    pub(super) fn give_up_seat(&mut self, id: RoomId, member: PeerId) {
        self.timers.cancel(Timer::Member(id, member));
        if let Some(room) = self.rooms.get_mut(&id) {
            room.seats.remove(&member);
            room.heirs.remove(&member);
            room.publish(RoomEvent::Left { member, why: LeftWhy::Lost }, &mut self.out);
        }
    }

    /// Ends a meeting: everyone is cut off, then told. `asked`: whose request this answers.
    pub(super) fn end_room(&mut self, id: RoomId, asked: Option<(ConnectionId, u32)>, now: Time) {
        let knocks: Vec<KnockId> = self
            .rooms
            .get(&id)
            .map_or_else(Vec::new, |room| room.knocks.iter().map(|knock| knock.id).collect());
        for knock in knocks {
            self.turn_away(id, knock, DeniedWhy::Ended);
        }
        let Some(room) = self.rooms.remove(&id) else { return };
        info!("the meeting of {} is over", room.host_name);
        self.codes.release(room.code, now);
        self.timers.cancel(Timer::Host(id));
        let ending_id = EndingId(self.next_ending);
        self.next_ending += 1;
        let mut ending =
            Ending { room: id, waits_for: BTreeSet::new(), connections: Vec::new(), answer: asked };
        for (member, seat) in room.seats {
            self.timers.cancel(Timer::Member(id, member));
            match seat.presence {
                Presence::Present { connection, session } => {
                    let cut = self.next_ack();
                    self.cut(cut, id, session, Awaited::End(ending_id));
                    ending.waits_for.insert(cut);
                    ending.connections.push(connection);
                    self.set_place(connection, Place::Leaving);
                }
                Presence::Away { cut: Some(cut) } => {
                    self.awaited.insert(cut, Awaited::End(ending_id));
                    ending.waits_for.insert(cut);
                }
                // Its own departure tells it.
                Presence::Leaving { .. } | Presence::Away { cut: None } => {}
            }
        }
        self.endings.insert(ending_id, ending);
        self.finish_ending(ending_id);
    }

    /// Errors when forwarding has not confirmed yet that an earlier meeting of this id is over: it must not be opened
    /// again while somebody's media may still flow there.
    pub(super) fn check_closed(&self, id: RoomId) -> Result<(), RelayError> {
        let closing = self.endings.values().any(|ending| ending.room == id)
            || self.awaited.values().any(|awaited| match awaited {
                Awaited::Away { room, .. } => *room == id,
                Awaited::Gone(departure) => departure.room == id,
                Awaited::End(_) => false,
            });
        if closing {
            return Err(not_yet(ErrorCode::Busy, "the meeting is still being closed", RETRY_SOON));
        }
        Ok(())
    }

    fn finish_ending(&mut self, id: EndingId) {
        if !self.endings.get(&id).is_some_and(|ending| ending.waits_for.is_empty()) {
            return;
        }
        let Some(ending) = self.endings.remove(&id) else { return };
        for connection in ending.connections {
            if !self.release(connection) {
                continue;
            }
            match ending.answer {
                Some((asked, request)) if asked == connection => {
                    self.out.answer(connection, request, Tell::Done);
                }
                Some(_) | None => {
                    let (room, why) = (ending.room, ClosedWhy::Ended);
                    self.out.tell(connection, Tell::Closed { room, why });
                }
            }
        }
    }

    /// Cuts off a member that is present and will not come back to its seat.
    fn cut_for_good(&mut self, departure: Departure) {
        let cut = self.next_ack();
        let Some(room) = self.rooms.get_mut(&departure.room) else { return };
        let Some(seat) = room.seats.get_mut(&departure.member) else { return };
        let Presence::Present { connection, session } = seat.presence else { return };
        seat.presence = Presence::Leaving { cut };
        self.set_place(connection, Place::Leaving);
        self.cut(cut, departure.room, session, Awaited::Gone(Box::new(departure)));
    }

    /// Makes a member whose media is being cut off anyway leave for good when that is confirmed.
    fn depart_at(&mut self, cut: AckId, departure: Departure) {
        self.timers.cancel(Timer::Member(departure.room, departure.member));
        let seat = self.rooms.get_mut(&departure.room).and_then(|room| room.seats.get_mut(&departure.member));
        if let Some(seat) = seat {
            seat.presence = Presence::Leaving { cut };
        }
        self.awaited.insert(cut, Awaited::Gone(Box::new(departure)));
    }

    fn depart(&mut self, ack: AckId, departure: Departure, now: Time) {
        let Departure { room: id, member, why, connection, answers } = departure;
        // One that is connected and did not ask to leave has to be told.
        let removed = match why {
            LeftWhy::Removed { .. } | LeftWhy::Lost => true,
            LeftWhy::Left => false,
        };
        if let Some(connection) = connection
            && self.release(connection)
            && removed
        {
            self.out.tell(connection, Tell::Closed { room: id, why: ClosedWhy::Removed });
        }
        let seat = self.rooms.get(&id).and_then(|room| room.seats.get(&member));
        if seat.is_some_and(|seat| seat.presence == (Presence::Leaving { cut: ack })) {
            self.gone(id, member, why, now);
        }
        for (connection, request) in answers {
            if self.connections.contains_key(&connection) {
                self.out.answer(connection, request, Tell::Done);
            }
        }
    }

    /// A member is out, and its media is certainly cut off. Hosting passes, or the room ends, if need be.
    fn gone(&mut self, id: RoomId, member: PeerId, why: LeftWhy, now: Time) {
        self.timers.cancel(Timer::Member(id, member));
        let Some(room) = self.rooms.get_mut(&id) else { return };
        info!("{} is no longer in the meeting of {}", member.short(), room.host_name);
        room.seats.remove(&member);
        room.heirs.remove(&member);
        let deliberate = match why {
            LeftWhy::Left | LeftWhy::Removed { .. } => true,
            LeftWhy::Lost => false,
        };
        room.publish(RoomEvent::Left { member, why }, &mut self.out);
        if room.seats.is_empty() {
            self.end_room(id, None, now);
            if deliberate {
                self.ended.remember(id, How::Deserted, now);
            }
        } else if room.host() == member {
            room.host_overdue = true;
            self.timers.cancel(Timer::Host(id));
            if !self.pass_hosting(id) && deliberate {
                debug!("the host left and no heir of its choice is there");
                self.end_room(id, None, now);
                self.ended.remember(id, How::Deserted, now);
            }
        }
    }

    /// Makes a connection that was leaving free again; false if it is closed.
    fn release(&mut self, connection: ConnectionId) -> bool {
        match self.connections.get_mut(&connection) {
            Some(from) if from.place == Place::Leaving => {
                from.place = Place::Idle;
                true
            }
            Some(_) | None => false,
        }
    }

    fn cut(&mut self, ack: AckId, room: RoomId, session: SessionId, then: Awaited) {
        self.awaited.insert(ack, then);
        self.out.route(RouteChange::Leave { room, session, ack });
    }

    fn next_ack(&mut self) -> AckId {
        self.next_ack += 1;
        AckId(self.next_ack)
    }
}
