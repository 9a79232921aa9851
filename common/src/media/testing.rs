//! A seeded generator and test signals for the tests of this module.

use super::pcm::{AudioFrame, FRAME_SAMPLES, SAMPLE_RATE};

/// SplitMix64: small, and good enough to shuffle packets.
pub(crate) struct Rng(pub(crate) u64);

impl Rng {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    /// True `percent` times in a hundred.
    pub(crate) fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

/// Sample `at` of a voiced sound: a pitch and its harmonics, with an amplitude below 1.
pub(crate) fn voiced(at: usize, pitch_hz: f32) -> f32 {
    let t = at as f32 / SAMPLE_RATE as f32;
    let w = core::f32::consts::TAU * pitch_hz * t;
    0.5 * w.sin() + 0.25 * (2.0 * w + 0.3).sin() + 0.15 * (3.0 * w + 1.0).sin()
}

/// Frame `n` of a sound that is a function of the sample's number.
pub(crate) fn frame_of(n: usize, amplitude: f32, sound: impl Fn(usize) -> f32) -> AudioFrame {
    core::array::from_fn(|i| (sound(n * FRAME_SAMPLES + i) * amplitude * 32767.0) as i16)
}

/// A sine at full scale 1.
pub(crate) fn sine(at: usize, hz: f32) -> f32 {
    (core::f32::consts::TAU * hz * (at % SAMPLE_RATE as usize) as f32 / SAMPLE_RATE as f32).sin()
}
