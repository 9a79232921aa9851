//! What a kiosk keeps over a power cut so that it comes back into its meeting without a new approval.
//!
//! Nothing in it is secret: an admission is useless without the kiosk's private key. The words that were exchanged are
//! not in it; a shared panel forgets.

use serde::{Deserialize, Serialize};

use vestibule_common::id::{RoomCode, RoomId};
use vestibule_common::name::RoomName;
use vestibule_common::signed::{Admission, Founding, Removal, Succession};

/// A kiosk's place in a meeting.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Ticket {
    /// Makes the room's id.
    pub founding: Founding,
    /// The code it had.
    pub code: RoomCode,
    /// From the founder to the host.
    pub successions: Vec<Succession>,
    /// The host's word for this kiosk.
    pub admission: Admission,
    /// The other members' admissions, with the names they had.
    pub members: Vec<(RoomName, Admission)>,
    /// Every removal that still counts.
    pub removals: Vec<Removal>,
    /// Newcomers were kept out.
    pub locked: bool,
    /// The last event this kiosk had.
    pub last_event: u64,
    /// The highest serial seen in the room's signed words.
    pub serial: u64,
    /// When it was last known to hold: Unix time in milliseconds, by the relay's clock.
    pub seen_ms: u64,
    /// The room had muted itself, and stays so when it comes back.
    pub muted: bool,
    /// The room had switched its camera off.
    pub camera_off: bool,
    /// Messages had been exchanged, which are lost with the power.
    pub chatted: bool,
    /// The kiosk was in the meeting, so that it comes back by itself; otherwise it had left, and "Rejoin" is offered.
    pub inside: bool,
}

impl Ticket {
    /// The room.
    pub fn room(&self) -> RoomId {
        self.founding.room()
    }
}
