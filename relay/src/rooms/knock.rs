//! The door: knocking, and the host's answer to it.
//!
//! Whoever waits learns its knock's id and who hosts, nothing else of the room. A code that leads nowhere is answered
//! late and alike, whatever the reason.

use ::log::{debug, info, warn};
use vestibule_common::control::{DeniedWhy, ErrorCode, KnockGoneWhy, RelayError, RoomEvent, Tell};
use vestibule_common::id::{KnockId, RoomCode, RoomId};
use vestibule_common::signed::{Admission, Role};
use vestibule_common::time::Time;

use super::entry::refused;
use super::room::{Knock, Presence};
use super::timers::Timer;
use super::{Answer, ConnectionId, DONE, Outcome, Place, RETRY_SOON, Rooms, not_yet, refusal};

impl Rooms {
    pub(super) fn knock(
        &mut self,
        connection: ConnectionId,
        request: u32,
        code: RoomCode,
        now: Time,
    ) -> Outcome {
        let from = self.newcomer(connection)?;
        let (peer, name, source) = (from.peer, from.name.clone(), from.source);
        if let Err(wait) = self.guard.check(source, peer, now) {
            debug!("{name} ({}) at {source} tries codes too often", peer.short());
            // Counted from when the answer is given.
            let wait = wait.saturating_sub(self.config.wrong_code_delay());
            let error = not_yet(ErrorCode::TooManyAttempts, "too many wrong codes were tried", wait);
            return self.hold_back(connection, request, error, now);
        }
        let Some(room) = self.codes.find(code).and_then(|id| self.rooms.get_mut(&id)) else {
            info!("{name} ({}) at {source} tries a wrong code", peer.short());
            if let Some(wrong_codes) = self.guard.record_wrong(source, peer, now) {
                self.alarm(wrong_codes);
            }
            let error = refusal(ErrorCode::NoSuchRoom, "no meeting has this code");
            return self.hold_back(connection, request, error, now);
        };
        if room.denials_of(peer) >= self.config.denials_before_silence {
            return Err(refusal(ErrorCode::Silenced, "the host has refused this kiosk before"));
        }
        if room.roster.locked {
            return Err(refusal(ErrorCode::Locked, "the host keeps newcomers out"));
        }
        if room.knocks.len() >= usize::from(self.config.knocks_per_room) {
            return Err(refusal(ErrorCode::Full, "too many are waiting at this door"));
        }
        let id = room.id();
        self.check_seat(id, peer)?;
        let Some(room) = self.rooms.get_mut(&id) else {
            return Err(refusal(ErrorCode::NoSuchRoom, "no meeting has this code"));
        };
        info!("{name} ({}) knocks at the meeting of {}", peer.short(), room.host_name);
        let knock = self.codes.knock_id();
        self.timers.set(Timer::Knock(id, knock), now + self.config.knock_timeout());
        let (host, host_name) = (room.host(), room.host_name.clone());
        self.out.answer(connection, request, Tell::Knocking { knock, host, host_name });
        if let Some(host) = room.host_connection() {
            self.out.tell(host, Tell::KnockArrived { knock, identity: peer, name: name.clone() });
        }
        room.knocks.push(Knock { id: knock, peer, name, connection });
        self.set_place(connection, Place::Knocking { room: id, knock });
        Ok(Answer::Elsewhere)
    }

    pub(super) fn cancel(&mut self, connection: ConnectionId, knock: KnockId) -> Outcome {
        let place = self.connections.get(&connection).map(|from| &from.place);
        match place {
            Some(&Place::Knocking { room, knock: own }) if own == knock => {
                self.withdraw(room, knock, KnockGoneWhy::Cancelled);
                self.set_place(connection, Place::Idle);
                DONE
            }
            Some(
                Place::Knocking { .. }
                | Place::Idle
                | Place::Trying { .. }
                | Place::InRoom(_)
                | Place::Leaving,
            )
            | None => Err(knock_gone()),
        }
    }

    pub(super) fn approve(
        &mut self,
        connection: ConnectionId,
        knock: KnockId,
        admission: Admission,
        now: Time,
    ) -> Outcome {
        let wall_ms = self.wall_ms(now);
        let room = self.hosted_by(connection)?;
        let id = room.id();
        let Some(waiting) = room.knocks.iter().find(|waiting| waiting.id == knock).cloned() else {
            return Err(knock_gone());
        };
        let removals = room.roster.removal_list();
        room.authority.check_admission(&admission, waiting.peer, &removals, wall_ms).map_err(refused)?;
        if admission.issuer != room.host() {
            return Err(refusal(ErrorCode::Refused, "only the present host admits"));
        }
        if admission.role != Role::Member {
            return Err(refusal(ErrorCode::Refused, "a newcomer is admitted as member"));
        }
        // Its former place in this room, if it lost its admission and had to knock again.
        let former = room.seats.get(&waiting.peer).map(|seat| seat.presence);
        let stale = match former {
            None => false,
            Some(Presence::Away { cut: None }) => true,
            Some(Presence::Away { cut: Some(_) } | Presence::Leaving { .. } | Presence::Present { .. }) => {
                return Err(not_yet(ErrorCode::Busy, "its former connection is still closing", RETRY_SOON));
            }
        };
        if let Err(full) = self.check_seat(id, waiting.peer) {
            self.turn_away(id, knock, DeniedWhy::Full);
            return Err(full);
        }
        let streams = self.fresh_streams()?;
        if stale {
            self.give_up_seat(id, waiting.peer);
        }
        self.timers.cancel(Timer::Knock(id, knock));
        if let Some(room) = self.rooms.get_mut(&id) {
            room.take_knock(knock);
            room.forget_denials(waiting.peer);
        }
        self.join(id, waiting.connection, streams, admission, Some(knock), None);
        DONE
    }

    pub(super) fn deny(&mut self, connection: ConnectionId, knock: KnockId) -> Outcome {
        let room = self.hosted_by(connection)?;
        let id = room.id();
        let Some(peer) = room.knocks.iter().find(|waiting| waiting.id == knock).map(|waiting| waiting.peer)
        else {
            return Err(knock_gone());
        };
        room.count_denial(peer);
        self.turn_away(id, knock, DeniedWhy::Denied);
        DONE
    }

    pub(super) fn lock(&mut self, connection: ConnectionId, locked: bool) -> Outcome {
        let room = self.hosted_by(connection)?;
        let id = room.id();
        self.set_lock(id, locked);
        DONE
    }

    /// Locks or opens a room by its host's word.
    pub(super) fn set_lock(&mut self, id: RoomId, locked: bool) {
        let Some(room) = self.rooms.get_mut(&id).filter(|room| room.roster.locked != locked) else { return };
        let waiting: Vec<KnockId> = room.knocks.iter().map(|knock| knock.id).collect();
        room.publish(RoomEvent::Locked { locked }, &mut self.out);
        if locked {
            for knock in waiting {
                self.turn_away(id, knock, DeniedWhy::Locked);
            }
        }
    }

    /// The knocking kiosk's connection is gone.
    pub(super) fn lose_knock(&mut self, room: RoomId, knock: KnockId) {
        self.withdraw(room, knock, KnockGoneWhy::Lost);
    }

    pub(super) fn knock_timed_out(&mut self, id: RoomId, knock: KnockId) {
        self.turn_away(id, knock, DeniedWhy::TimedOut);
        self.tell_host(id, Tell::KnockGone { knock, why: KnockGoneWhy::TimedOut });
    }

    /// Gives the answer that was held back.
    pub(super) fn answer_late(&mut self, connection: ConnectionId) {
        let Some(from) = self.connections.get_mut(&connection) else { return };
        match std::mem::replace(&mut from.place, Place::Idle) {
            Place::Trying { request, error } => self.out.answer(connection, request, Tell::Error(error)),
            other @ (Place::Idle | Place::Knocking { .. } | Place::InRoom(_) | Place::Leaving) => {
                from.place = other;
            }
        }
    }

    /// Tells a knocking kiosk that it does not come in.
    pub(super) fn turn_away(&mut self, id: RoomId, knock: KnockId, why: DeniedWhy) {
        self.timers.cancel(Timer::Knock(id, knock));
        let Some(waiting) = self.rooms.get_mut(&id).and_then(|room| room.take_knock(knock)) else { return };
        info!("{} ({}) is not let in: {why:?}", waiting.name, waiting.peer.short());
        self.set_place(waiting.connection, Place::Idle);
        self.out.tell(waiting.connection, Tell::Denied { knock, why });
    }

    /// Takes a knock from the door that can no longer be answered, and tells the host.
    fn withdraw(&mut self, id: RoomId, knock: KnockId, why: KnockGoneWhy) {
        self.timers.cancel(Timer::Knock(id, knock));
        if self.rooms.get_mut(&id).and_then(|room| room.take_knock(knock)).is_some() {
            self.tell_host(id, Tell::KnockGone { knock, why });
        }
    }

    fn tell_host(&mut self, id: RoomId, news: Tell) {
        if let Some(host) = self.rooms.get(&id).and_then(|room| room.host_connection()) {
            self.out.tell(host, news);
        }
    }

    fn hold_back(&mut self, connection: ConnectionId, request: u32, error: RelayError, now: Time) -> Outcome {
        self.set_place(connection, Place::Trying { request, error });
        self.timers.set(Timer::Answer(connection), now + self.config.wrong_code_delay());
        Ok(Answer::Elsewhere)
    }

    pub(super) fn alarm(&mut self, wrong_codes: u32) {
        warn!("{wrong_codes} wrong codes within {} s", self.config.alarm_window_s);
        let within_ms = u64::from(self.config.alarm_window_s) * 1000;
        for host in self.rooms.values().filter_map(|room| room.host_connection()) {
            self.out.tell(host, Tell::Alarm { wrong_codes, within_ms });
        }
    }
}

fn knock_gone() -> RelayError {
    refusal(ErrorCode::KnockGone, "the knock was cancelled or answered before")
}
