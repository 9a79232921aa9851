//! Between members: what they say of themselves, and messages that the relay carries unread.

use vestibule_common::control::{ErrorCode, MAX_CLASS, MAX_OPAQUE, MemberState, RelayError, RoomEvent, Tell};
use vestibule_common::id::PeerId;

use super::room::Room;
use super::{Answer, ConnectionId, DONE, Outcome, Rooms, refusal};

impl Rooms {
    pub(super) fn state(&mut self, connection: ConnectionId, state: MemberState) -> Outcome {
        let (member, room) = self.member(connection)?;
        let known = room.roster.members.get(&member).map(|member| member.state);
        if known != Some(state) {
            let (id, event) = (room.id(), RoomEvent::State { member, state });
            if let Some(room) = self.rooms.get_mut(&id) {
                room.publish(event, &mut self.out);
            }
        }
        DONE
    }

    pub(super) fn opaque(
        &mut self,
        connection: ConnectionId,
        request: u32,
        class: String,
        to: Vec<PeerId>,
        bytes: Vec<u8>,
    ) -> Outcome {
        let members = usize::from(self.config.members_per_room);
        let (from, room) = self.member(connection)?;
        if class.chars().count() > MAX_CLASS || bytes.len() > MAX_OPAQUE || to.len() > members {
            return Err(refusal(ErrorCode::TooLarge, "the message is too large or has too many recipients"));
        }
        if class.is_empty() {
            return Err(refusal(ErrorCode::Malformed, "the message has no class"));
        }
        if let Some(stranger) = to.iter().find(|recipient| !room.seats.contains_key(recipient)) {
            return Err(refusal(
                ErrorCode::NoSuchMember,
                format!("{} is not in the meeting", stranger.short()),
            ));
        }
        let id = room.id();
        if let Some(room) = self.rooms.get_mut(&id) {
            // Before the event, so that its author knows the message by number when it comes back.
            self.out.answer(connection, request, Tell::Accepted { number: room.next_event() });
            room.publish(RoomEvent::Opaque { from, class, to, bytes }, &mut self.out);
        }
        Ok(Answer::Elsewhere)
    }

    pub(super) fn mute(&mut self, connection: ConnectionId, member: PeerId) -> Outcome {
        let room = self.hosted_by(connection)?;
        let by = room.host();
        let Some(its) = room.connection_of(&member) else {
            return Err(refusal(ErrorCode::NoSuchMember, "that member is not there"));
        };
        self.out.tell(its, Tell::MuteRequested { by });
        DONE
    }

    /// Who the connection is, and the room it is a member of.
    fn member(&mut self, connection: ConnectionId) -> Result<(PeerId, &Room), RelayError> {
        let id = self.room_of(connection)?;
        match (self.connections.get(&connection), self.rooms.get(&id)) {
            (Some(from), Some(room)) => Ok((from.peer, room)),
            (None, _) | (_, None) => Err(refusal(ErrorCode::NotInRoom, "this kiosk is in no meeting")),
        }
    }
}
