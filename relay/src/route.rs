//! What the rooms tell the forwarding: the only way from the control half to the media half, through a bounded queue.

use vestibule_common::control::Streams;
use vestibule_common::id::{RoomId, SessionId};

/// Names a change whose effect must be certain before anyone is told of it.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct AckId(pub u64);

/// A change of who sends to whom. Within a room everybody gets everybody else's streams.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum RouteChange {
    /// From now on the session's datagrams on these streams go to the room's other sessions, and theirs to it.
    Join {
        /// The room.
        room: RoomId,
        /// The session of a member's present connection.
        session: SessionId,
        /// The only streams on which it may send.
        streams: Streams,
    },
    /// From now on no datagram of the session reaches the room, and none of the room's reaches it.
    Leave {
        /// The room.
        room: RoomId,
        /// The session.
        session: SessionId,
        /// To be reported back once the change is in force.
        ack: AckId,
    },
}
