//! What is presented: whether this room wants to, what its grabber says of it, and which rooms do, in the order in which
//! they began. The newest one is shown.

use vestibule_common::id::PeerId;

use super::news::CameraState;

/// The presentations of a stay.
#[derive(Clone, Debug, Default)]
pub(crate) struct Presenting {
    wanted: bool,
    /// What the grabber said last, since this room wants to present.
    grabber: Option<CameraState>,
    /// It has shown something since.
    begun: bool,
    /// Who presents, the newest last.
    order: Vec<PeerId>,
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
        *self = Presenting {
            wanted: !self.wanted,
            order: std::mem::take(&mut self.order),
            ..Presenting::default()
        };
    }

    /// This room wants to present.
    pub(crate) fn wanted(&self) -> bool {
        self.wanted
    }

    /// Its grabber is open, so that what it shows leaves this room.
    pub(crate) fn live(&self) -> bool {
        self.wanted && self.grabber == Some(CameraState::On)
    }

    /// This room's presentation, once begun, has no picture now.
    pub(crate) fn lost(&self) -> bool {
        self.begun && !self.live()
    }

    /// The grabber says something. Returns what of it people must know.
    pub(super) fn grabber_reports(&mut self, state: CameraState) -> Option<Turn> {
        if !self.wanted {
            return None;
        }
        let before = self.grabber.replace(state.clone());
        let failed_before = matches!(before, Some(CameraState::Failed(_)));
        match state {
            CameraState::On => {
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

    /// These rooms present now, this one (`me`) if it has begun to.
    pub(super) fn settle(&mut self, me: PeerId, others: impl Iterator<Item = PeerId>) {
        let own = (self.wanted && self.begun).then_some(me);
        let now: Vec<PeerId> = others.chain(own).collect();
        self.order.retain(|peer| now.contains(peer));
        for peer in now {
            if !self.order.contains(&peer) {
                self.order.push(peer);
            }
        }
    }

    /// Whose presentation is shown.
    pub(crate) fn shown(&self) -> Option<PeerId> {
        self.order.last().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::DeviceError;

    const ME: PeerId = PeerId([0; 32]);

    fn failed() -> CameraState {
        CameraState::Failed(DeviceError::Missing("no grabber".into()))
    }

    #[test]
    fn without_a_grabber_the_wish_is_over_and_with_one_it_outlives_its_loss() {
        let mut presenting = Presenting::default();
        assert_eq!(presenting.grabber_reports(failed()), None, "nobody wants it");
        presenting.toggle();
        assert!(matches!(presenting.grabber_reports(failed()), Some(Turn::Never(_))));
        assert!(!presenting.wanted());

        presenting.toggle();
        assert!(!presenting.live());
        assert_eq!(presenting.grabber_reports(CameraState::On), None);
        assert!(presenting.live() && !presenting.lost());
        assert!(matches!(presenting.grabber_reports(failed()), Some(Turn::Lost(_))));
        assert_eq!(presenting.grabber_reports(failed()), None, "said once");
        assert!(presenting.wanted() && presenting.lost());
        assert_eq!(presenting.grabber_reports(CameraState::On), Some(Turn::Back));
        presenting.toggle();
        assert!(!presenting.wanted() && !presenting.live() && !presenting.lost());
    }

    #[test]
    fn the_newest_presentation_is_shown_and_the_one_before_comes_back() {
        let [a, b] = [1, 2].map(|n| PeerId([n; 32]));
        let mut presenting = Presenting::default();
        presenting.settle(ME, [a].into_iter());
        assert_eq!(presenting.shown(), Some(a));
        presenting.toggle();
        presenting.settle(ME, [a].into_iter());
        assert_eq!(presenting.shown(), Some(a), "not begun yet");
        presenting.grabber_reports(CameraState::On);
        presenting.settle(ME, [a].into_iter());
        assert_eq!(presenting.shown(), Some(ME));
        presenting.grabber_reports(failed());
        presenting.settle(ME, [a, b].into_iter());
        assert_eq!(presenting.shown(), Some(b));
        presenting.settle(ME, [a].into_iter());
        assert_eq!(presenting.shown(), Some(ME), "what is missing is said in its place");
        presenting.toggle();
        presenting.settle(ME, [a].into_iter());
        assert_eq!(presenting.shown(), Some(a));
        presenting.settle(ME, std::iter::empty());
        assert_eq!(presenting.shown(), None);
    }
}
