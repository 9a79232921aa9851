//! Chance from a seed, the same on every machine.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// A source of chance.
#[derive(Clone, Debug)]
pub struct Dice(ChaCha8Rng);

impl Dice {
    /// Two seeds give two worlds; `what` keeps apart those who draw from one seed, so that one more draw here changes nothing
    /// there.
    pub fn new(seed: u64, what: u64) -> Dice {
        let mut dice = ChaCha8Rng::seed_from_u64(seed);
        dice.set_stream(what);
        Dice(dice)
    }

    /// From 0 to just under 1, evenly.
    pub fn unit(&mut self) -> f64 {
        // As many bits as a double holds exactly.
        (self.0.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Whether something of this probability happens.
    pub fn happens(&mut self, probability: f64) -> bool {
        // Nothing is drawn for what cannot happen: switching a kind of loss on changes no other draw.
        probability > 0.0 && self.unit() < probability
    }

    /// Exponentially distributed with mean 1.
    pub fn exponential(&mut self) -> f64 {
        -(1.0 - self.unit()).ln()
    }

    /// Laplace distributed around 0 with mean absolute value 1.
    pub fn laplace(&mut self) -> f64 {
        let size = self.exponential();
        if self.unit() < 0.5 { size } else { -size }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_replays_and_two_draw_apart() {
        let draw = |seed, what| (0..5).map(|_| Dice::new(seed, what).unit()).collect::<Vec<_>>();
        assert_eq!(draw(1, 0), draw(1, 0));
        assert_ne!(draw(1, 0), draw(1, 1));
        assert_ne!(draw(1, 0), draw(2, 0));
    }

    #[test]
    fn distributions_have_their_means() {
        let mut dice = Dice::new(7, 0);
        let mut mean = |draw: fn(&mut Dice) -> f64| (0..100_000).map(|_| draw(&mut dice)).sum::<f64>() / 1e5;
        assert!((mean(Dice::unit) - 0.5).abs() < 0.01);
        assert!((mean(Dice::exponential) - 1.0).abs() < 0.02);
        assert!(mean(Dice::laplace).abs() < 0.02);
        assert!((mean(|dice| dice.laplace().abs()) - 1.0).abs() < 0.02);
    }
}
