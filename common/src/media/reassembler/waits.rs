//! How long a missing piece is waited for, and when it is asked for: what a round trip makes worth it.
//!
//! A loss shows when something later has come and `reorder` has passed: for the last piece of a frame that is up to a picture's
//! interval after the first one. The first retransmission is here a round trip after that, a second one as long as it takes to ask
//! again later. Frames wait for two; only those that miss something do, so a longer wait costs nothing where nothing is
//! lost. Where the round trip is long, a viewer would see the picture stand for longer than a lost frame is worth: there, waiting
//! stays as short as without retransmission, and repairs must do. A keyframe is different: giving it up
//! means to ask for another one, a round trip too and many more bytes, so for its pieces it is always worth waiting.

use super::ReassemblerConfig;
use crate::time::Duration;

/// How often a piece is asked for.
pub(super) const MAX_TRIES: u8 = 4;
/// What is asked for must be here this long before its frame is given up: jitter, and the time the sender needs.
pub(super) const MARGIN: Duration = Duration::from_millis(10);
/// Pieces at a frame's end count as missing when no piece of it came for so long, though nothing later did: a presentation's
/// next picture may be 200 ms away.
pub(super) const QUIET: Duration = Duration::from_millis(60);
/// Between two pictures, usually.
const INTERVAL: Duration = Duration::from_millis(33);
const REPEAT_SHORTEST: Duration = Duration::from_millis(20);

/// What a piece that was asked for and did not come is asked for again after.
pub(super) fn repeat_after(round_trip: Duration) -> Duration {
    (round_trip.saturating_mul(5) / 4).max(REPEAT_SHORTEST)
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
        let twice = seen.saturating_add(round_trip).saturating_add(repeat_after(round_trip));
        let from_start = twice.saturating_add(INTERVAL);
        let keyframe = frame.max(from_start.min(config.keyframe_deadline));
        if round_trip > config.resend_round_trip {
            return Waits { reorder, frame, keyframe };
        }
        let most = config.frame_deadline_most;
        Waits { reorder: reorder.max(twice.min(most)), frame: frame.max(from_start.min(most)), keyframe }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_grows_with_the_round_trip_up_to_its_bound_and_not_where_it_is_not_worth_it() {
        let table =
            [None, Some(5), Some(40), Some(100), Some(150), Some(151), Some(400), Some(100_000)].map(|ms| {
                let waits = Waits::new(&ReassemblerConfig::default(), ms.map(Duration::from_millis));
                (ms, [waits.reorder, waits.frame, waits.keyframe].map(|wait| wait.as_millis()))
            });
        assert_eq!(
            table,
            [
                (None, [60, 150, 150]),
                (Some(5), [60, 150, 150]),
                (Some(40), [110, 150, 150]),
                (Some(100), [245, 278, 278]),
                (Some(150), [300, 300, 390]),
                (Some(151), [60, 150, 392]),
                (Some(400), [60, 150, 953]),
                (Some(100_000), [60, 150, 1000]),
            ]
        );
        Waits::new(&ReassemblerConfig::default(), Some(Duration::MAX));
    }
}
