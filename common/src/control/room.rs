//! A room as its members see it: who is there, and what happens in one gapless order.

use serde::de::IntoDeserializer;
use serde::{Deserialize, Deserializer, Serialize};

use crate::id::{KnockId, PeerId, RoomCode, RoomId, StreamId};
use crate::name::RoomName;
use crate::signed::{Admission, Founding, Removal, Succession};

/// The streams that the relay gave a member. They stay its own for the whole meeting.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Streams {
    /// Its microphone.
    pub audio: StreamId,
    /// Its camera.
    pub video: StreamId,
    /// Its presentation.
    pub presentation: StreamId,
    /// Its files.
    pub file: StreamId,
}

/// What a kiosk says of itself.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct MemberState {
    /// Its audio gate is closed: nothing leaves.
    pub muted: bool,
    /// Its camera is off or missing.
    pub camera_off: bool,
    /// The turn of what it presents on its `presentation` stream, one more than the highest of any member when it began.
    /// The highest turn is shown, of equal ones that of the greater key. 0, and left out of the message, while it
    /// presents nothing.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub presenting: u32,
    /// How its own network and device do, as far as it says. An unknown word counts as none.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "known_link")]
    pub link: Option<LinkQuality>,
}

/// What a room says of its own network and device.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkQuality {
    /// All is well.
    Good,
    /// Its network is weak.
    WeakNetwork,
    /// Its processor does no more, so it sends less.
    BusyDevice,
}

fn known_link<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<LinkQuality>, D::Error> {
    let word = Option::<String>::deserialize(deserializer)?;
    Ok(word.and_then(|word| LinkQuality::deserialize(word.into_deserializer()).map_err(|_: Unknown| ()).ok()))
}

/// A word of a later version.
type Unknown = serde::de::value::Error;

fn is_zero(turn: &u32) -> bool {
    *turn == 0
}

/// A room in the meeting.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Member {
    /// Its label.
    pub name: RoomName,
    /// The host's word that it may be here. Everyone checks it; it also says who the member is and in which role.
    pub admission: Admission,
    /// Its streams.
    pub streams: Streams,
    /// What it says of itself.
    pub state: MemberState,
    /// Whether it is connected now; if not, its place is kept for a while.
    pub present: bool,
}

impl Member {
    /// Who it is.
    pub fn id(&self) -> PeerId {
        self.admission.member
    }
}

/// Everything a kiosk needs to know of the room it enters or comes back to. Events from `next_event` on follow.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Entered {
    /// The knock that was approved; absent after `create`, `resume` and `reopen`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub knock: Option<KnockId>,
    /// The room.
    pub room: RoomId,
    /// Its code.
    pub code: RoomCode,
    /// Makes the room's id.
    pub founding: Founding,
    /// From the founder to the present host.
    pub successions: Vec<Succession>,
    /// The host's word for this kiosk.
    pub admission: Admission,
    /// Every member, this kiosk included, as of just before `next_event`.
    pub members: Vec<Member>,
    /// Every removal that still counts.
    pub removals: Vec<Removal>,
    /// Whether newcomers are kept out.
    pub locked: bool,
    /// The number of the first event that follows. Above `last_event + 1` of a `resume`: those between are missing.
    /// Not above `last_event`: the meeting was brought back by a host that had not seen the last events, and their
    /// numbers are used anew.
    pub next_event: u64,
}

/// Why a member is no longer there.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "why", rename_all = "snake_case")]
pub enum LeftWhy {
    /// It left.
    Left,
    /// It was lost and did not come back in time.
    Lost,
    /// The host removed it.
    Removed {
        /// The host's word.
        removal: Removal,
    },
}

/// What happens in a room. Each has a number, one more than the one before, the same for every member.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum RoomEvent {
    /// A room has joined.
    Joined {
        /// With its admission, to be checked.
        member: Member,
    },
    /// A room is no longer there. Said with a removal also of one that was not there at that moment.
    Left {
        /// Who.
        member: PeerId,
        /// Why.
        #[serde(flatten)]
        why: LeftWhy,
    },
    /// A member's connection was lost; its place is kept.
    Away {
        /// Who; may be the host.
        member: PeerId,
        /// For how long, in milliseconds.
        grace_ms: u64,
    },
    /// A member that was away is back.
    Back {
        /// Who.
        member: PeerId,
    },
    /// A member says something new of itself.
    State {
        /// Who.
        member: PeerId,
        /// What.
        state: MemberState,
    },
    /// The host keeps newcomers out, or no longer does.
    Locked {
        /// Kept out.
        locked: bool,
    },
    /// Hosting has passed, by the former host's word.
    HostChanged {
        /// The word.
        succession: Succession,
    },
    /// A message between rooms.
    Opaque {
        /// Who sent it.
        from: PeerId,
        /// What it is.
        class: String,
        /// Who gets it; empty means everyone.
        #[serde(default)]
        to: Vec<PeerId>,
        /// Unread by the relay.
        #[serde(with = "super::base64_bytes")]
        bytes: Vec<u8>,
    },
    /// A message that is for others; it only keeps the numbers gapless.
    Withheld,
}
