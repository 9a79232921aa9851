//! What the relay tells a kiosk: the answer to a request, or news.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::greeting::Welcome;
use super::room::{Entered, RoomEvent};
use crate::id::{KnockId, PeerId, RoomCode, RoomId};
use crate::name::RoomName;

/// A message to a kiosk.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ToKiosk {
    /// The request that this answers; absent for news.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub re: Option<u32>,
    /// What is told.
    #[serde(flatten)]
    pub body: Tell,
}

/// Answers and news. In JSON, `type` is the variant's name in snake case.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Tell {
    /// Answer to `hello`.
    Welcome(Welcome),
    /// The request could not be carried out; or, without `re`, the connection is about to be closed.
    Error(RelayError),
    /// The request was carried out.
    Done,
    /// The knock is waiting for the host.
    Knocking {
        /// To be named in `cancel`.
        knock: KnockId,
        /// Who hosts.
        host: PeerId,
        /// The host's label.
        host_name: RoomName,
    },
    /// Answer to `create`, `resume` and `reopen`; news after an approved knock.
    Entered(Box<Entered>),
    /// The opaque message has this place in the room's order.
    Accepted {
        /// Its event number.
        number: u64,
    },
    /// Answer to `time` (RFC 5905, section 8).
    Time {
        /// The kiosk's clock, repeated.
        sent_us: u64,
        /// The relay's media clock in microseconds when the request came.
        received_us: u64,
        /// The relay's media clock in microseconds when this answer left.
        answered_us: u64,
        /// The relay's clock: Unix time in milliseconds.
        time_ms: u64,
    },
    /// Answer to `status`.
    Status(Status),
    /// News for the host: somebody is at the door.
    KnockArrived {
        /// To be named in `approve` or `deny`.
        knock: KnockId,
        /// Who: the admission must name this key.
        identity: PeerId,
        /// Its label.
        name: RoomName,
    },
    /// News for the host: that knock can no longer be answered. Not said of knocks that the host's own doing ends (deny,
    /// lock, a full room, the meeting's end).
    KnockGone {
        /// Which.
        knock: KnockId,
        /// Why.
        why: KnockGoneWhy,
    },
    /// News for whoever knocked.
    Denied {
        /// Which knock.
        knock: KnockId,
        /// Why.
        why: DeniedWhy,
    },
    /// Something happened in the room.
    Event {
        /// One more than the event before.
        number: u64,
        /// What.
        #[serde(flatten)]
        event: RoomEvent,
    },
    /// The host asks this kiosk to close its gate.
    MuteRequested {
        /// The host.
        by: PeerId,
    },
    /// News for the host: wrong codes are piling up at the relay.
    Alarm {
        /// How many.
        wrong_codes: u32,
        /// Within how long, in milliseconds.
        within_ms: u64,
    },
    /// This kiosk is no longer in the room.
    Closed {
        /// The room.
        room: RoomId,
        /// Why.
        why: ClosedWhy,
    },
    /// The relay is about to stop.
    Stopping {
        /// Why.
        why: StoppingWhy,
    },
    /// This room is served elsewhere. Obeyed only towards a relay whose key is pinned or confirmed.
    Redirect {
        /// `host:port` of the other relay's control channel.
        endpoint: String,
        /// The other relay's key.
        identity: PeerId,
    },
}

impl Tell {
    /// The `type` of every message to a kiosk.
    pub const TYPES: &[&str] = &[
        "welcome",
        "error",
        "done",
        "knocking",
        "entered",
        "accepted",
        "time",
        "status",
        "knock_arrived",
        "knock_gone",
        "denied",
        "event",
        "mute_requested",
        "alarm",
        "closed",
        "stopping",
        "redirect",
    ];
}

/// Why a request was not carried out.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RelayError {
    /// For the program.
    pub code: ErrorCode,
    /// For the log; never shown to people as it is.
    #[serde(default)]
    pub detail: String,
    /// When it makes sense to ask again, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
}

/// The kinds of failure.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// No protocol version in common; `detail` says which the relay speaks.
    Version,
    /// The identity's proof does not fit this TLS session.
    BadProof,
    /// No cipher in common.
    NoSuite,
    /// The message could not be read.
    Malformed,
    /// The message's type is not known here.
    UnknownType,
    /// A greeting is needed first, or came twice.
    Greeting,
    /// No room has this code, or no longer. Said after a delay.
    NoSuchRoom,
    /// Too many wrong codes; for a while no code is looked up, a right one neither. Said after the same delay.
    TooManyAttempts,
    /// The host keeps newcomers out.
    Locked,
    /// The room, its door or the relay has no place left.
    Full,
    /// The host has refused this room twice in this meeting.
    Silenced,
    /// Only the host may do this.
    NotHost,
    /// The kiosk is in no room, or not in this one.
    NotInRoom,
    /// The kiosk is in a room or knocking already. With `retry_after_ms`: it, or the room, is still being closed.
    Busy,
    /// The knock was cancelled or answered before.
    KnockGone,
    /// A signature, an admission or a room's founding does not hold; `detail` says why.
    Refused,
    /// The room is waiting for its host's kiosk to bring it back.
    WaitingForHost,
    /// The meeting is over, and nobody comes back into it.
    Ended,
    /// The host has removed this kiosk since it was admitted; it has to knock again.
    Removed,
    /// A member named in the request is not in the room.
    NoSuchMember,
    /// A field is longer than allowed.
    TooLarge,
    /// Too many messages in too short a time.
    TooFast,
    /// The relay is about to stop.
    Stopping,
    /// Replaced by a newer connection of the same kiosk.
    Replaced,
    /// A code of a later version.
    #[serde(other)]
    Other,
}

impl fmt::Display for RelayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.code, self.detail)
    }
}

/// Why a knock can no longer be answered.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KnockGoneWhy {
    /// Whoever knocked took it back.
    Cancelled,
    /// Whoever knocked lost its connection.
    Lost,
    /// Nobody answered in time.
    TimedOut,
}

/// Why a knock did not lead in.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeniedWhy {
    /// The host said no.
    Denied,
    /// The host locked the meeting.
    Locked,
    /// The room filled up meanwhile.
    Full,
    /// Nobody answered in time.
    TimedOut,
    /// The meeting ended.
    Ended,
}

/// Why a kiosk is out of its room.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClosedWhy {
    /// The host ended the meeting for all.
    Ended,
    /// The host removed this kiosk.
    Removed,
}

/// Why the relay stops.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StoppingWhy {
    /// It was told to, and may be started again.
    Shutdown,
}

/// What `vestibule-relay status` shows. Larger ones come in pages.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Status {
    /// Rooms, ordered by id.
    pub rooms: Vec<RoomStatus>,
    /// Kiosks that are connected and in no room; only on the last page.
    pub idle: Vec<KioskStatus>,
    /// How many more kiosks in no room there are than fit.
    #[serde(default)]
    pub idle_left_out: u32,
    /// More rooms follow after the last one here.
    pub more: bool,
    /// Seconds since the relay started.
    pub uptime_s: u64,
}

/// A room in the status.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RoomStatus {
    /// Its id.
    pub room: RoomId,
    /// Its code.
    pub code: RoomCode,
    /// Whether newcomers are kept out.
    pub locked: bool,
    /// Its host.
    pub host: PeerId,
    /// Its members.
    pub members: Vec<KioskStatus>,
    /// How many are knocking.
    pub knocking: u16,
}

/// A kiosk in the status.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct KioskStatus {
    /// Who.
    pub identity: PeerId,
    /// Its label.
    pub name: RoomName,
    /// Where it is connected from; absent while it is away.
    pub address: Option<std::net::SocketAddr>,
}
