//! Who hosts: the founder, then whoever the present host named, when it is lost or leaves. The relay chooses nobody.

use ::log::{info, warn};
use vestibule_common::control::{ErrorCode, RoomEvent};
use vestibule_common::id::{PeerId, RoomId};
use vestibule_common::signed::Succession;

use super::entry::refused;
use super::roster::MAX_SUCCESSIONS;
use super::timers::Timer;
use super::{ConnectionId, DONE, Outcome, Rooms, refusal};

impl Rooms {
    pub(super) fn name_successor(&mut self, connection: ConnectionId, succession: Succession) -> Outcome {
        let room = self.hosted_by(connection)?;
        room.authority.check_succession(&succession).map_err(refused)?;
        if room.roster.successions.len() >= MAX_SUCCESSIONS {
            return Err(refusal(ErrorCode::Full, "hosting has passed too often in this meeting"));
        }
        let heir = succession.successor;
        if heir == room.host() {
            return Err(refusal(ErrorCode::Refused, "the host cannot succeed itself"));
        }
        if !room.seats.contains_key(&heir) {
            return Err(refusal(ErrorCode::NoSuchMember, "the successor is not in the meeting"));
        }
        let newer = room.heirs.get(&heir).is_none_or(|known| known.serial < succession.serial);
        if newer {
            room.heirs.insert(heir, succession);
        }
        DONE
    }

    /// The lost host was waited for long enough.
    pub(super) fn host_timed_out(&mut self, id: RoomId) {
        if let Some(room) = self.rooms.get_mut(&id) {
            room.host_overdue = true;
            if !self.pass_hosting(id) {
                info!("a host is lost and nobody it named is there; the meeting goes on without newcomers");
            }
        }
    }

    /// Passes hosting to the heir named last among those who are present. False when there is none.
    pub(super) fn pass_hosting(&mut self, id: RoomId) -> bool {
        let Some(room) = self.rooms.get_mut(&id) else { return false };
        // By an older word, whatever the host has signed since would hold no more.
        let last = room.last_word_of_host();
        let heir = room
            .heirs
            .values()
            .filter(|word| word.serial > last && room.connection_of(&word.successor).is_some())
            .max_by_key(|word| word.serial)
            .copied();
        let Some(succession) = heir else { return false };
        if let Err(why) = room.authority.pass(&succession) {
            warn!("a succession that was checked does not hold: {why}");
            room.heirs.remove(&succession.successor);
            return false;
        }
        room.heirs.clear();
        room.host_overdue = false;
        self.timers.cancel(Timer::Host(id));
        if let Some(host) = room.roster.members.get(&succession.successor) {
            info!("hosting passes from {} to {}", room.host_name, host.name);
            room.host_name = host.name.clone();
        }
        room.publish(RoomEvent::HostChanged { succession }, &mut self.out);
        room.show_knocks(&mut self.out);
        true
    }

    /// A member is there, for the first time or again: it may be the host, or the heir that was missing.
    pub(super) fn greet_returned(&mut self, id: RoomId, peer: PeerId) {
        let Some(room) = self.rooms.get_mut(&id) else { return };
        if room.host() == peer {
            room.host_overdue = false;
            self.timers.cancel(Timer::Host(id));
            room.show_knocks(&mut self.out);
        } else if room.host_overdue {
            self.pass_hosting(id);
        }
    }
}
