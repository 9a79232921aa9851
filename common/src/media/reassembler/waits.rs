//! How long a missing piece is waited for, and when it is asked for: what a round trip makes worth it.
//!
//! Giving a frame up means to ask for a keyframe, and the picture stands until that is here: a round trip at least,
//! many more bytes, each of which may be lost too. A piece that is asked for is here after the same round trip. So
//! waiting for a retransmission never shows the next picture later than giving up would, and only frames that miss
//! something wait: try after try, until [`MAX_TRIES`], or until the pictures behind it would be too old to be worth
//! showing: `resend_wait` and a round trip.
//!
//! A loss shows when something later has come and `reorder` has passed; for the last piece of a frame that is up to a
//! picture's interval after the first one. From there each try takes [`repeat_after`], and the last one a round trip.
//! Where one round trip alone is too long (`resend_round_trip`), waiting stays as short as if nothing were asked for.
//! A keyframe's pieces are always worth the wait, since asking for another one takes as long.

use super::ReassemblerConfig;
use crate::time::Duration;

/// How often a piece is asked for.
pub(super) const MAX_TRIES: u8 = 5;
/// What is asked for must be here this long before its frame is given up: jitter, and the time the sender needs.
pub(super) const MARGIN: Duration = Duration::from_millis(10);
/// Pieces at a frame's end count as missing when no piece of it came for so long, though nothing later did: a
/// presentation's next picture may be 200 ms away.
pub(super) const QUIET: Duration = Duration::from_millis(60);
/// Between two pictures, usually, and some jitter.
const INTERVAL: Duration = Duration::from_millis(40);
const REPEAT_SHORTEST: Duration = Duration::from_millis(20);

/// What a piece that was asked for so often and did not come is asked for again after. The first time it is not waited until it
/// could be here: where one packet in ten is lost either way, one question in five fails, and the second one makes up for that
/// before the pictures stand for long. It costs as many pieces as were lost. Where the question came and the answer was lost, a sender does not
/// answer the second one, which is too near to the first; so the third one follows as if there had been no second.
pub(super) fn repeat_after(round_trip: Duration, tries: u8) -> Duration {
    let (parts, of) = match tries {
        0 | 1 => (3, 5),
        2 => (13, 20),
        _ => (5, 4),
    };
    let after = round_trip.saturating_mul(parts) / of;
    after.max(REPEAT_SHORTEST)
}

/// The times after which the reassembler gives up.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) struct Waits {
    /// A missing frame, after a later one was whole.
    pub(super) reorder: Duration,
    /// A frame, after its first piece.
    pub(super) frame: Duration,
    /// A keyframe, after its latest piece.
    pub(super) keyframe: Duration,
}

impl Waits {
    /// `None` while nothing is asked for.
    pub(super) fn new(config: &ReassemblerConfig, round_trip: Option<Duration>) -> Waits {
        let (reorder, frame) = (config.reorder_wait, config.frame_deadline);
        let Some(round_trip) = round_trip else { return Waits { reorder, frame, keyframe: frame } };
        let seen = config.reorder.saturating_add(MARGIN);
        let repeats = (1..MAX_TRIES).map(|tries| repeat_after(round_trip, tries));
        let repeats = repeats.fold(Duration::ZERO, Duration::saturating_add);
        let from_seen = seen.saturating_add(round_trip).saturating_add(repeats);
        let from_start = from_seen.saturating_add(INTERVAL);
        let keyframe = frame.max(from_start.min(config.keyframe_deadline));
        if round_trip > config.resend_round_trip {
            return Waits { reorder, frame, keyframe };
        }
        let most = config.resend_wait.saturating_add(round_trip);
        Waits { reorder: reorder.max(from_seen.min(most)), frame: frame.max(from_start.min(most)), keyframe }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_grows_with_the_round_trip_up_to_its_bound_and_not_where_it_is_not_worth_it() {
        let table =
            [None, Some(5), Some(20), Some(40), Some(100), Some(250), Some(251), Some(100_000)].map(|ms| {
                let waits = Waits::new(&ReassemblerConfig::default(), ms.map(Duration::from_millis));
                (ms, [waits.reorder, waits.frame, waits.keyframe].map(|wait| wait.as_millis()))
            });
        assert_eq!(
            table,
            [
                (None, [60, 150, 150]),
                (Some(5), [105, 150, 150]),
                (Some(20), [130, 170, 170]),
                (Some(40), [210, 250, 250]),
                (Some(100), [420, 420, 535]),
                (Some(250), [570, 570, 1000]),
                (Some(251), [60, 150, 1000]),
                (Some(100_000), [60, 150, 1000]),
            ]
        );
        Waits::new(&ReassemblerConfig::default(), Some(Duration::MAX));
    }
}
