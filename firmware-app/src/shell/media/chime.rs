//! The kiosk's own sounds: a few soft tones each, made once.

use std::f32::consts::TAU;
use std::sync::OnceLock;

use vestibule_common::media::{AudioBlock, BLOCK_SAMPLES, SAMPLE_RATE};

use crate::kiosk::Chime;

/// A sound, in blocks of 2.5 ms.
pub(super) struct Sound {
    blocks: Vec<AudioBlock>,
}

/// Frequency in hertz, start and length in milliseconds.
type Tone = (f32, u32, u32);

const KNOCK: &[Tone] = &[(659.3, 0, 450), (523.3, 220, 600)];
const JOINED: &[Tone] = &[(523.3, 0, 250), (784.0, 120, 350)];
const LEFT: &[Tone] = &[(784.0, 0, 250), (523.3, 120, 350)];
const ANYONE: &[Tone] = &[(587.3, 0, 300), (587.3, 400, 300), (587.3, 800, 500)];
const TEST: &[Tone] = &[(440.0, 0, 700), (554.4, 300, 700), (659.3, 600, 900)];
const ALARM: &[Tone] = &[(880.0, 0, 180), (698.5, 200, 180), (880.0, 400, 180), (698.5, 600, 300)];

/// Quiet enough for a room where somebody speaks: -15 dBFS.
const LOUDNESS: f32 = 0.18;

impl Sound {
    /// The sound for an occasion.
    pub(super) fn of(chime: Chime) -> &'static Sound {
        static SOUNDS: OnceLock<[Sound; 6]> = OnceLock::new();
        let sounds = SOUNDS.get_or_init(|| [KNOCK, JOINED, LEFT, ANYONE, ALARM, TEST].map(Sound::new));
        match chime {
            Chime::Knock => &sounds[0],
            Chime::Joined => &sounds[1],
            Chime::Left => &sounds[2],
            Chime::AnyoneThere => &sounds[3],
            Chime::Alarm => &sounds[4],
            Chime::Test => &sounds[5],
        }
    }

    fn new(tones: &[Tone]) -> Sound {
        let length_ms = tones.iter().map(|(_, start, length)| start + length).max().unwrap_or(0);
        let samples = (length_ms * SAMPLE_RATE / 1000) as usize;
        let mut wave = vec![0.0; samples.next_multiple_of(BLOCK_SAMPLES)];
        for (hertz, start_ms, length_ms) in tones {
            let start = (start_ms * SAMPLE_RATE / 1000) as usize;
            let length = (length_ms * SAMPLE_RATE / 1000) as usize;
            for (i, sample) in wave[start..start + length].iter_mut().enumerate() {
                let t = i as f32 / SAMPLE_RATE as f32;
                // A struck tone: quick attack, exponential decay, silent at its end.
                let left = 1.0 - i as f32 / length as f32;
                let envelope = (t / 0.008).min(1.0) * (-t * 5.0).exp() * left;
                let tone = (TAU * hertz * t).sin() + 0.3 * (TAU * 2.0 * hertz * t).sin();
                *sample += LOUDNESS * envelope * tone;
            }
        }
        let blocks = wave.chunks_exact(BLOCK_SAMPLES);
        let blocks =
            blocks.map(|chunk| std::array::from_fn(|i| (chunk[i].clamp(-1.0, 1.0) * 32767.0) as i16));
        Sound { blocks: blocks.collect() }
    }

    /// How many blocks it has.
    pub(super) fn blocks(&self) -> usize {
        self.blocks.len()
    }

    /// One of its blocks.
    pub(super) fn block(&self, at: usize) -> AudioBlock {
        self.blocks[at]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sound_is_heard_and_ends_in_silence() {
        use Chime::{Alarm, AnyoneThere, Joined, Knock, Left, Test};
        for chime in [Knock, Joined, Left, AnyoneThere, Alarm, Test] {
            let sound = Sound::of(chime);
            let peak = sound.blocks.iter().flatten().map(|s| s.unsigned_abs()).max().unwrap();
            assert!((3000..14000).contains(&peak), "{chime:?} peaks at {peak}");
            assert!(sound.blocks.last().unwrap().last().unwrap().abs() < 300, "{chime:?} ends with a click");
        }
    }
}
