//! What a network loses.

use super::Dice;

/// How packets are lost that the queue has let pass.
#[derive(Copy, Clone, PartialEq, Debug, Default)]
pub enum Loss {
    /// None is.
    #[default]
    None,
    /// Each with this probability, whatever happened to the one before.
    Random(f64),
    /// In bursts: all in a bad state, none in a good one (Gilbert, "Capacity of a Burst-Noise Channel", 1960, with h = 0).
    Bursts {
        /// The share that is lost in the long run, under 1.
        share: f64,
        /// Packets in a burst, on average, from 1 on.
        length: f64,
    },
}

/// A loss and the state that it is in.
#[derive(Clone, Debug)]
pub(super) struct Losing {
    loss: Loss,
    bad: bool,
    dice: Dice,
}

impl Losing {
    pub(super) fn new(loss: Loss, dice: Dice) -> Losing {
        Losing { loss, bad: false, dice }
    }

    /// Whether the next packet is lost.
    pub(super) fn loses(&mut self) -> bool {
        match self.loss {
            Loss::None => false,
            Loss::Random(share) => self.dice.happens(share),
            Loss::Bursts { share, length } => {
                let leave = 1.0 / length;
                // In the long run as many bursts begin as end: (1 - share) * enter = share * leave.
                let enter = share * leave / (1.0 - share);
                self.bad = if self.bad { !self.dice.happens(leave) } else { self.dice.happens(enter) };
                self.bad
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The share that is lost of a million packets, and how long bursts are.
    fn lost(loss: Loss) -> (f64, f64) {
        let mut losing = Losing::new(loss, Dice::new(3, 1));
        let (mut lost, mut bursts, mut before) = (0.0, 0.0, false);
        for _ in 0..1_000_000 {
            let now = losing.loses();
            lost += f64::from(u8::from(now));
            bursts += f64::from(u8::from(now && !before));
            before = now;
        }
        (lost / 1e6, lost / f64::max(bursts, 1.0))
    }

    #[test]
    fn the_share_and_the_bursts_are_as_told() {
        assert_eq!(lost(Loss::None).0, 0.0);
        assert!((lost(Loss::Random(0.1)).0 - 0.1).abs() < 0.002);
        assert!((lost(Loss::Random(0.1)).1 - 1.11).abs() < 0.02, "seldom two in a row");
        let (share, length) = lost(Loss::Bursts { share: 0.05, length: 8.0 });
        assert!((share - 0.05).abs() < 0.003 && (length - 8.0).abs() < 0.3, "{share} in bursts of {length}");
    }
}
