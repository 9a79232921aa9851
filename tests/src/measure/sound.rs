//! When the chirps of the simulated microphone leave the other kiosk's simulated speaker.

use std::collections::BTreeMap;

use serde_json::Value;
use vestibule_common::media::{AudioBlock, BLOCK_SAMPLES};
use vestibule_kiosk::device::sim::microphone::chirp;

/// How late a chirp may be and still be found, in samples: half a second.
const LATEST: usize = 24_000;
/// A place that is less like the chirp than this is none.
const LIKENESS: f32 = 0.5;

/// What a speaker played.
#[derive(Default)]
pub struct Played {
    /// By the moment its first sample left, in microseconds of `CLOCK_MONOTONIC`.
    blocks: BTreeMap<u64, AudioBlock>,
}

impl Played {
    /// The last moment that is known; what came after it is asked for next.
    pub fn until_us(&self) -> u64 {
        self.blocks.last_key_value().map_or(0, |(us, _)| *us)
    }

    /// Takes the observer's answer to `played`.
    pub fn take(&mut self, answer: &Value) -> Result<(), String> {
        for block in answer.as_array().ok_or_else(|| answer.to_string())? {
            let us = block["us"].as_u64().ok_or("a block without its time")?;
            let digits = block["samples"].as_str().unwrap_or_default();
            let mut samples = [0; BLOCK_SAMPLES];
            for (sample, digits) in samples.iter_mut().zip(digits.as_bytes().chunks_exact(4)) {
                let digits = std::str::from_utf8(digits).map_err(|error| error.to_string())?;
                *sample = u16::from_str_radix(digits, 16).map_err(|error| error.to_string())?.cast_signed();
            }
            self.blocks.insert(us, samples);
        }
        Ok(())
    }

    /// How long after `begins_us` the chirp that began then left the speaker, in milliseconds, and how much it was like
    /// one. `None` when it never came.
    pub fn find(&self, begins_us: u64) -> Option<(f64, f32)> {
        let (mut moments, mut samples) = (Vec::new(), Vec::<f32>::new());
        let chirp: Vec<f32> = chirp().into_iter().map(f32::from).collect();
        // The block in which a sound without any delay would begin is the first that counts.
        for (us, block) in self.blocks.range(begins_us.saturating_sub(2_499)..) {
            if samples.len() > LATEST + chirp.len() {
                break;
            }
            moments.push(*us);
            samples.extend(block.iter().map(|sample| f32::from(*sample)));
        }
        let own = product(&chirp, &chirp).sqrt();
        let mut best: Option<(usize, f32)> = None;
        let last = samples.len().checked_sub(chirp.len())?;
        for place in 0..=last.min(LATEST) {
            let part = &samples[place..place + chirp.len()];
            let loud = product(part, part).sqrt();
            if loud < own * 0.05 {
                continue;
            }
            let alike = product(part, &chirp) / (own * loud);
            if alike > best.map_or(LIKENESS, |(_, best)| best) {
                best = Some((place, alike));
            }
        }
        let (place, alike) = best?;
        let at_us = moments[place / BLOCK_SAMPLES] as f64 + (place % BLOCK_SAMPLES) as f64 / 0.048;
        Some(((at_us - begins_us as f64) / 1000.0, alike))
    }
}

/// Sum of products, in lanes that the compiler turns into vectors.
fn product(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes = [0.0; 16];
    for (a, b) in a.chunks_exact(16).zip(b.chunks_exact(16)) {
        for (lane, (a, b)) in lanes.iter_mut().zip(a.iter().zip(b)) {
            *lane += a * b;
        }
    }
    lanes.iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chirp_is_found_to_the_sample() {
        let mut sound = vec![0; 48_000];
        for (n, sample) in chirp().into_iter().enumerate() {
            sound[2_345 + n] = sample / 2;
        }
        let mut played = Played::default();
        for (n, block) in (0..).zip(sound.chunks_exact(BLOCK_SAMPLES)) {
            played.blocks.insert(7_000_000 + n * 2_500, block.try_into().unwrap());
        }
        let (late, alike) = played.find(7_000_000).unwrap();
        assert!((late - 2_345.0 / 48.0).abs() < 0.001 && alike > 0.99, "{late} ms, {alike}");
        assert_eq!(Played::default().find(7_000_000), None);
    }
}
