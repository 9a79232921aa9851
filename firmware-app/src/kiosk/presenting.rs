//! What is presented: whether this room wants to, what its grabber says of it, and whose presentation is shown.
//!
//! Every presentation has a turn, one more than the highest there was when it began; the highest is shown. So every room
//! shows the same one, also a room that came later or was away.

use vestibule_common::id::PeerId;

use super::effect::Grabber;
use super::news::CameraState;

/// The presentations of a stay.
#[derive(Clone, Debug, Default)]
pub(crate) struct Presenting {
    wanted: bool,
    /// What the grabber said last, since this room wants to present.
    grabber: Option<CameraState>,
    /// It has shown something since.
    begun: bool,
    /// This room's, from the moment on that it has begun.
    turn: Option<u32>,
    shown: Option<PeerId>,
}

/// What a grabber's news mean for people.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Turn {
    /// There is nothing to present with, and the wish is over: why.
    Never(String),
    /// What was presented is gone; it goes on when it is back: why.
    Lost(String),
    /// It is back.
    Back,
}

impl Presenting {
    /// Begins to present, or ceases.
    pub(super) fn toggle(&mut self) {
        *self = Presenting { wanted: !self.wanted, shown: self.shown, ..Presenting::default() };
    }

    /// This room wants to present.
    pub(crate) fn wanted(&self) -> bool {
        self.wanted
    }

    /// What the other rooms are told: the turn of what leaves this room, 0 while nothing does.
    pub(crate) fn announced(&self) -> u32 {
        let live = self.wanted && self.is_open();
        self.turn.filter(|_| live).unwrap_or(0)
    }

    /// What is wanted of the grabber, once the other rooms are told what is [announced](Self::announced).
    pub(super) fn grabber(&self) -> Grabber {
        match (self.wanted, self.announced()) {
            (false, _) => Grabber::Closed,
            (true, 0) => Grabber::Open,
            (true, _) => Grabber::Sending,
        }
    }

    /// This room's presentation, once begun, has no picture now.
    pub(crate) fn lost(&self) -> bool {
        self.begun && !self.is_open()
    }

    fn is_open(&self) -> bool {
        matches!(self.grabber, Some(CameraState::On(_)))
    }

    /// The grabber says something. Returns what of it people must know.
    pub(super) fn grabber_reports(&mut self, state: CameraState) -> Option<Turn> {
        if !self.wanted {
            return None;
        }
        let before = self.grabber.replace(state.clone());
        let failed_before = matches!(before, Some(CameraState::Failed(_)));
        match state {
            CameraState::On(_) => {
                let back = self.begun && failed_before;
                self.begun = true;
                back.then_some(Turn::Back)
            }
            CameraState::Off => None,
            CameraState::Failed(why) if !self.begun => {
                self.toggle();
                Some(Turn::Never(why.to_string()))
            }
            CameraState::Failed(why) => (!failed_before).then(|| Turn::Lost(why.to_string())),
        }
    }

    /// These are the turns of the other rooms that are here and present now; this one is `me`.
    pub(super) fn settle(&mut self, me: PeerId, others: impl Iterator<Item = (u32, PeerId)>) {
        let newest = others.max();
        if self.begun && self.turn.is_none() {
            self.turn = Some(newest.map_or(1, |(turn, _)| turn.saturating_add(1)));
        }
        // What is gone is said where it would be, unless there is something to see.
        let own = self.turn.filter(|_| newest.is_none() || !self.lost()).map(|turn| (turn, me));
        self.shown = newest.into_iter().chain(own).max().map(|(_, peer)| peer);
    }

    /// Whose presentation is shown.
    pub(crate) fn shown(&self) -> Option<PeerId> {
        self.shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::DeviceError;

    const ME: PeerId = PeerId([0; 32]);

    fn open() -> CameraState {
        CameraState::On("a grabber".into())
    }

    fn failed() -> CameraState {
        CameraState::Failed(DeviceError::Missing("no grabber".into()))
    }

    fn settled(presenting: &mut Presenting, others: &[(u32, PeerId)]) -> Option<PeerId> {
        presenting.settle(ME, others.iter().copied());
        presenting.shown()
    }

    #[test]
    fn without_a_grabber_the_wish_is_over_and_with_one_it_outlives_its_loss() {
        let mut presenting = Presenting::default();
        assert_eq!(presenting.grabber_reports(failed()), None, "nobody wants it");
        presenting.toggle();
        assert!(matches!(presenting.grabber_reports(failed()), Some(Turn::Never(_))));
        assert_eq!(presenting.grabber(), Grabber::Closed);

        presenting.toggle();
        assert_eq!(presenting.grabber(), Grabber::Open);
        assert_eq!(presenting.grabber_reports(open()), None);
        assert_eq!(settled(&mut presenting, &[]), Some(ME));
        assert_eq!((presenting.announced(), presenting.grabber()), (1, Grabber::Sending));
        assert!(!presenting.lost());
        assert!(matches!(presenting.grabber_reports(failed()), Some(Turn::Lost(_))));
        assert_eq!(presenting.grabber_reports(failed()), None, "said once");
        assert!(presenting.lost());
        assert_eq!((presenting.announced(), presenting.grabber()), (0, Grabber::Open));
        assert_eq!(presenting.grabber_reports(open()), Some(Turn::Back));
        assert_eq!(presenting.announced(), 1, "its turn is still the same");
        presenting.toggle();
        assert_eq!((presenting.announced(), presenting.grabber()), (0, Grabber::Closed));
        assert!(!presenting.lost());
    }

    #[test]
    fn off_and_on_again_sends_nothing_before_the_grabber_has_said_anew_that_it_is_open() {
        let mut presenting = Presenting::default();
        presenting.toggle();
        presenting.grabber_reports(open());
        settled(&mut presenting, &[]);
        presenting.toggle();
        presenting.toggle();
        assert_eq!((presenting.announced(), presenting.grabber()), (0, Grabber::Open));
    }

    #[test]
    fn the_newest_presentation_is_shown_and_the_one_before_comes_back() {
        let [a, b] = [1, 2].map(|n| PeerId([n; 32]));
        let mut presenting = Presenting::default();
        assert_eq!(settled(&mut presenting, &[(4, a)]), Some(a));
        presenting.toggle();
        assert_eq!(settled(&mut presenting, &[(4, a)]), Some(a), "not begun yet");
        presenting.grabber_reports(open());
        assert_eq!(settled(&mut presenting, &[(4, a)]), Some(ME));
        assert_eq!(presenting.announced(), 5);
        presenting.grabber_reports(failed());
        assert_eq!(settled(&mut presenting, &[(4, a), (6, b)]), Some(b));
        assert_eq!(settled(&mut presenting, &[(4, a)]), Some(a), "all rooms show the same one");
        assert_eq!(settled(&mut presenting, &[]), Some(ME), "what is missing is said in its place");
        presenting.toggle();
        assert_eq!(settled(&mut presenting, &[(4, a)]), Some(a));
        assert_eq!(settled(&mut presenting, &[]), None);
    }

    #[test]
    fn two_that_begin_at_once_are_shown_in_the_same_order_everywhere() {
        let [a, b] = [1, 2].map(|n| PeerId([n; 32]));
        let mut presenting = Presenting::default();
        assert_eq!(settled(&mut presenting, &[(1, b), (1, a)]), Some(b));
        assert_eq!(settled(&mut presenting, &[(1, a), (1, b)]), Some(b));
        // A turn beyond which there is none does not keep others out for good: the greater key is shown.
        presenting.toggle();
        presenting.grabber_reports(open());
        assert_eq!(settled(&mut presenting, &[(u32::MAX, a)]), Some(a));
        assert_eq!(presenting.announced(), u32::MAX);
    }
}
