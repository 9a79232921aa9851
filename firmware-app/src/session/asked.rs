//! What was asked of the relay and waits for its answer, which says only which question it belongs to.

use vestibule_common::id::{KnockId, RoomCode};
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
        code: RoomCode,
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
