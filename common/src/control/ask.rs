//! What a kiosk asks of the relay. Every request has a number and gets exactly one answer that repeats it.

use serde::{Deserialize, Serialize};

use super::greeting::Hello;
use super::room::MemberState;
use crate::id::{KnockId, PeerId, RoomCode, RoomId};
use crate::signed::{Admission, Founding, Removal, Succession};

/// A message to the relay.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ToRelay {
    /// Chosen by the kiosk; the answer repeats it as `re`.
    pub request: u32,
    /// What is asked.
    #[serde(flatten)]
    pub body: Ask,
}

/// The requests. In JSON, `type` is the variant's name in snake case.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Ask {
    /// The greeting, first and once. Answer: `welcome`.
    Hello(Hello),
    /// Starts a meeting. Answer: `entered`.
    Create {
        /// Makes the room's id.
        founding: Founding,
        /// The founder's admission of itself, as host.
        admission: Admission,
    },
    /// Asks to be let into the room with this code. Answer: `knocking`; later `entered` or `denied`.
    Knock {
        /// As typed.
        code: RoomCode,
    },
    /// Takes a knock back. Answer: `done`.
    Cancel {
        /// The kiosk's own knock.
        knock: KnockId,
    },
    /// The host lets a knocking room in. Answer: `done`.
    Approve {
        /// The knock that was shown.
        knock: KnockId,
        /// The host's word for the room that knocked.
        admission: Admission,
    },
    /// The host refuses a knocking room. Answer: `done`.
    Deny {
        /// The knock that was shown.
        knock: KnockId,
    },
    /// Comes back into a meeting: after a break, or after having left, as long as the admission holds. Answer: `entered`,
    /// then the events after `last_event`.
    Resume {
        /// The room.
        room: RoomId,
        /// The host's word for this kiosk.
        admission: Admission,
        /// The last event number that this kiosk has.
        last_event: u64,
    },
    /// The host's kiosk brings a meeting back after the relay was restarted. Answer: `entered`. A meeting that is open
    /// is entered as by `resume`; hosting passes if `successions` go on where the room's end.
    Reopen {
        /// Makes the room's id.
        founding: Founding,
        /// From the founder to this kiosk.
        successions: Vec<Succession>,
        /// The code it had; kept if it is still free.
        code: RoomCode,
        /// This kiosk's own admission.
        admission: Admission,
        /// The other members' admissions, with the names they had. Any that do not hold are left out.
        members: Vec<(crate::name::RoomName, Admission)>,
        /// Every removal that still counts.
        removals: Vec<Removal>,
        /// Whether newcomers are kept out.
        locked: bool,
        /// The number of the next event.
        next_event: u64,
    },
    /// Leaves the meeting. Answer: `done`, after the kiosk's media was cut off. When the host leaves, hosting passes to
    /// the successor it named last among those who are there; if none is, the meeting ends.
    Leave,
    /// The host removes a member, or one that was there before. Answer: `done`, after the member's media was cut off.
    Remove {
        /// The host's word.
        removal: Removal,
    },
    /// The host keeps newcomers out (those who are knocking are denied), or lets them knock again. Answer: `done`.
    Lock {
        /// Keep out.
        locked: bool,
    },
    /// The host asks a member's kiosk to close its gate. Nobody can open it from afar. Answer: `done`.
    Mute {
        /// The member.
        member: PeerId,
    },
    /// The host ends the meeting for all. Answer: `done`.
    End,
    /// The host says who hosts after it; several may be named, in the order of their serials. Answer: `done`.
    NameSuccessor {
        /// The host's word.
        succession: Succession,
    },
    /// What the others should know of this kiosk. Answer: `done`.
    State {
        /// The whole state, as it is now.
        state: MemberState,
    },
    /// A message to other rooms that the relay carries unread. Answer: `accepted`; then its author gets the event, too.
    Opaque {
        /// What it is; at most 16 characters.
        class: String,
        /// Who gets it; empty means everyone else in the room.
        #[serde(default)]
        to: Vec<PeerId>,
        /// At most 16 KiB.
        #[serde(with = "super::base64_bytes")]
        bytes: Vec<u8>,
    },
    /// Asks the relay's clock, and keeps the connection alive. Answer: `time`.
    Time {
        /// The kiosk's clock in microseconds, repeated in the answer.
        sent_us: u64,
    },
    /// Lists rooms and kiosks; answered only to whoever proves the relay's own key. Answer: `status`.
    Status {
        /// Skips rooms up to and including this one.
        #[serde(default)]
        after: Option<RoomId>,
    },
}

impl Ask {
    /// The `type` of every request.
    pub const TYPES: &[&str] = &[
        "hello",
        "create",
        "knock",
        "cancel",
        "approve",
        "deny",
        "resume",
        "reopen",
        "leave",
        "remove",
        "lock",
        "mute",
        "end",
        "name_successor",
        "state",
        "opaque",
        "time",
        "status",
    ];
}
