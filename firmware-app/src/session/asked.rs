//! What was asked of the relay and waits for its answer, which says only which question it belongs to.

use vestibule_common::id::KnockId;
use vestibule_common::signed::{Admission, Founding};

use super::told::Wish;

/// A request that was sent, and what its answer is about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Asked {
    Create {
        retried: bool,
        founding: Founding,
    },
    Knock {
        retried: bool,
    },
    Resume,
    Reopen,
    /// Reopening a meeting from inside, of which the relay knows less than this kiosk.
    Correct,
    Parcel,
    State,
    NameSuccessor,
    Renewal,
    Time,
    /// Leaving or taking a knock back: the answer changes nothing.
    Farewell,
    Approve {
        knock: KnockId,
        admission: Admission,
    },
    Wish(Wish),
}

impl Asked {
    /// Asked for a place in a meeting or at its door: as long as that is not answered, nothing else happens.
    pub(super) fn is_way_in(&self) -> bool {
        match self {
            Asked::Create { .. } | Asked::Knock { .. } | Asked::Resume | Asked::Reopen | Asked::Correct => {
                true
            }
            Asked::Parcel
            | Asked::State
            | Asked::NameSuccessor
            | Asked::Renewal
            | Asked::Time
            | Asked::Farewell
            | Asked::Approve { .. }
            | Asked::Wish(_) => false,
        }
    }

    /// What was asked for, for the log.
    pub(super) fn words(&self) -> &'static str {
        match self {
            Asked::Create { .. } => " to start a meeting",
            Asked::Knock { .. } => " the knock",
            Asked::Resume => " to let this room back in",
            Asked::Reopen => " to bring the meeting back",
            Asked::Correct => " what this room knows of the meeting",
            Asked::Parcel => " a chat message",
            Asked::State => " to tell this room's state",
            Asked::NameSuccessor => " the named successor",
            Asked::Renewal => " a renewed admission",
            Asked::Time => " to tell the time",
            Asked::Farewell => " the farewell",
            Asked::Approve { .. } | Asked::Wish(Wish::Approve(_)) => " the approval",
            Asked::Wish(Wish::Deny(_)) => " to turn the knocking room away",
            Asked::Wish(Wish::Remove) => " to put a room out",
            Asked::Wish(Wish::Lock) => " to lock or open the meeting",
            Asked::Wish(Wish::MuteMember) => " to mute another room",
            Asked::Wish(Wish::End) => " to end the meeting",
        }
    }
}
