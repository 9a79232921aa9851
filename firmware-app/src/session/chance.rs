//! Chance from a seed: jitter of back-offs and the nonces of meetings. Not for keys: nothing made here is a secret.
//!
//! xoshiro256** (Blackman and Vigna, 2018): two kiosks with different seeds do not come upon the same meeting, and a
//! test replays.

use std::time::Duration;

/// A source of chance.
#[derive(Clone, Debug)]
pub(crate) struct Chance {
    state: [u64; 4],
}

impl Chance {
    pub(crate) fn new(seed: [u8; 32]) -> Chance {
        let (words, _) = seed.as_chunks::<8>();
        let mut state = [0; 4];
        for (word, bytes) in state.iter_mut().zip(words) {
            *word = u64::from_le_bytes(*bytes);
        }
        if state == [0; 4] {
            // The one state that the generator never leaves.
            state = [1, 2, 3, 4];
        }
        let mut chance = Chance { state };
        for _ in 0..16 {
            chance.number();
        }
        chance
    }

    pub(crate) fn number(&mut self) -> u64 {
        let s = &mut self.state;
        let result = s[1].wrapping_mul(5).rotate_left(7).wrapping_mul(9);
        let t = s[1] << 17;
        s[2] ^= s[0];
        s[3] ^= s[1];
        s[1] ^= s[2];
        s[0] ^= s[3];
        s[2] ^= t;
        s[3] = s[3].rotate_left(45);
        result
    }

    pub(crate) fn nonce(&mut self) -> [u8; 16] {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.number().to_le_bytes());
        bytes[8..].copy_from_slice(&self.number().to_le_bytes());
        bytes
    }

    /// Between three quarters of `span` and five quarters of it.
    pub(crate) fn around(&mut self, span: Duration) -> Duration {
        span * 3 / 4 + span.mul_f64((self.number() >> 11) as f64 / (1u64 << 53) as f64) / 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_stays_around_its_span_and_replays() {
        let (mut a, mut b) = (Chance::new([7; 32]), Chance::new([7; 32]));
        let span = Duration::from_secs(4);
        let drawn: Vec<Duration> = (0..200).map(|_| a.around(span)).collect();
        assert!(drawn.iter().all(|d| (span * 3 / 4..=span * 5 / 4).contains(d)));
        assert!(drawn.iter().max().unwrap().as_millis() > drawn.iter().min().unwrap().as_millis() + 1000);
        assert_eq!(drawn, (0..200).map(|_| b.around(span)).collect::<Vec<_>>());
        assert_ne!(Chance::new([0; 32]).nonce(), Chance::new([1; 32]).nonce());
    }
}
