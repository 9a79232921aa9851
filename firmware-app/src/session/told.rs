//! What the session tells the kiosk: what to send, and what a person in the room would want to know.

use vestibule_common::control::{DeniedWhy, ErrorCode, ToRelay};
use vestibule_common::id::{KnockId, PeerId};
use vestibule_common::name::RoomName;
use vestibule_common::signed::Refused;

use crate::kiosk::effect::Media;

/// One thing, in order.
#[allow(clippy::large_enum_variant, reason = "few at a time, gone at once: a box costs more")]
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Told {
    /// For the relay.
    Send(ToRelay),
    /// For the media threads.
    Media(Media),
    /// This kiosk is in a meeting, for the first time or back after a break.
    Entered { back: bool },
    /// Somebody is at the door.
    KnockArrived { knock: KnockId, identity: PeerId, name: RoomName },
    /// That knock can no longer be answered.
    KnockGone { knock: KnockId },
    /// This kiosk is in no meeting any more, or did not get into one.
    Out(Out),
    /// The host asks this room to close its gate.
    MuteRequested { by: PeerId },
    /// A message from another room is in the chat.
    Chat,
    /// A room has joined.
    Joined(PeerId),
    /// A room has left; `removed` by the host.
    Left { label: String, removed: bool },
    /// Another room hosts.
    HostIs(PeerId),
    /// The meeting was locked: the relay turns away whoever waits at the door.
    DoorLocked,
    /// Two rooms in the meeting share this name.
    Twins(RoomName),
    /// Wrong codes pile up at the relay.
    WrongCodes { count: u32, minutes: u64 },
    /// The relay is about to stop.
    RelayStopping,
    /// The relay does not answer any more, or lost count: the connection is of no use.
    Hopeless(&'static str),
    /// This kiosk is asked to go to another relay.
    Redirect { endpoint: String, identity: PeerId },
    /// Something a person asked for was not carried out.
    Failed { what: Wish, code: ErrorCode },
    /// What is to be kept over a power cut has changed.
    TicketChanged,
    /// For the log.
    Log(log::Level, String),
}

/// Why this kiosk is in no meeting.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Out {
    /// The relay refused to start a meeting.
    NotStarted(ErrorCode),
    /// The relay refused the knock.
    NotKnocked(ErrorCode),
    /// The host said no, or nobody said anything.
    Denied { why: DeniedWhy, host: Option<RoomName> },
    /// The connection was lost before this kiosk was in.
    LinkLost,
    /// The meeting was ended for all.
    Ended,
    /// The host removed this room.
    Removed,
    /// The relay does not let this kiosk come back.
    NoWayBack(ErrorCode),
    /// Coming back took longer than it makes sense.
    TooLate,
    /// The relay let somebody in without the host's word; this kiosk left at once.
    Unapproved { name: RoomName },
    /// The meeting that the relay offered is not what it claims to be.
    FalseMeeting(Refused),
}

/// What a person asked for.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) enum Wish {
    Approve(KnockId),
    Deny(KnockId),
    Remove,
    Lock,
    MuteMember,
    End,
}
