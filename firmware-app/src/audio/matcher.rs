//! Plays another room's sound at this room's pace: between its jitter buffer and the mixer, resampled by what its sound
//! card's clock differs from ours.
//!
//! Not a converter of sample rates: both sides are 48 kHz, by two crystals. What is held here counts towards the delay
//! that the jitter buffer sees, so that the two never work against each other. In pauses it leaves out what was held longer than need be.

use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{
    Adjustable, Async, FixedAsync, Resampler, SincInterpolationParameters, SincInterpolationType,
    WindowFunction,
};
use vestibule_common::media::{
    AudioBlock, BLOCK_SAMPLES, FRAME_DURATION, FRAME_SAMPLES, JitterBuffer, Playout, SAMPLE_RATE, SILENCE,
};
use vestibule_common::time::{Duration, Time};

use super::drift::DriftControl;

/// Samples that the filter looks at: its delay is half of them, a third of a millisecond. Twice as many would take twice the
/// time and keep what is above 16 kHz.
const FILTER: usize = 32;
/// From the newest sample handed to the resampler back to the one that it puts out last; a fraction of a sample more at
/// times, as it takes whole ones.
const DELAY: usize = FILTER / 2;
/// What is left of one block and what the next needs: two frames and the filter's.
const CAPACITY: usize = 2 * FRAME_SAMPLES + 2 * FILTER;

/// The matcher of one voice.
pub struct RateMatcher {
    resampler: Async<f32>,
    control: DriftControl,
    /// Popped and not yet resampled: the first `held` of these.
    input: Box<[f32; CAPACITY]>,
    held: usize,
    output: Box<[f32; BLOCK_SAMPLES]>,
    /// When what follows the last held sample was captured; `None` if that one was made up.
    end: Option<Time>,
    rate_ppm: f32,
}

/// What became of one block.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub struct Matched {
    /// When the block's first sample was captured, on the sender's clock; `None` if nobody said it.
    pub captured: Option<Time>,
    /// Frames that were taken from the jitter buffer for it: 0 or 1.
    pub frames: u64,
    /// Those of them that were made up.
    pub concealed: u64,
}

impl RateMatcher {
    /// A matcher that holds nothing and assumes equal clocks.
    pub fn new() -> RateMatcher {
        let filter = SincInterpolationParameters::new(FILTER, WindowFunction::Blackman)
            .oversampling_factor(256)
            .interpolation(SincInterpolationType::Linear);
        let most = 1.0 + 2e-6 * f64::from(DriftControl::MOST_PPM);
        let resampler = Async::new_sinc(1.0, most, &filter, BLOCK_SAMPLES, 1, FixedAsync::Output)
            .expect("a ratio of 1 and a block of one channel are in rubato's bounds");
        RateMatcher {
            resampler,
            control: DriftControl::default(),
            input: Box::new([0.0; CAPACITY]),
            held: 0,
            output: Box::new([0.0; BLOCK_SAMPLES]),
            end: None,
            rate_ppm: 0.0,
        }
    }

    /// The next block of `buffer`'s sound. To be called every 2.5 ms of this room's sound card; `now` is when they are
    /// handed to the speaker. Pops as many frames as are needed: one for four blocks, as a rule.
    pub fn block(&mut self, buffer: &mut JitterBuffer, out: &mut AudioBlock, now: Time) -> Matched {
        let needed = self.resampler.input_frames_next();
        let (mut frames, mut concealed) = (0, 0);
        let mut frame = SILENCE;
        while self.held < needed {
            let heard = now + span(self.held + DELAY);
            self.end = match buffer.pop(&mut frame, heard) {
                Playout::Frame { captured } => Some(captured + FRAME_DURATION),
                Playout::Concealed => {
                    concealed += 1;
                    None
                }
                Playout::Silence => None,
            };
            for (held, sample) in self.input[self.held..].iter_mut().zip(&frame) {
                *held = f32::from(*sample);
            }
            self.held += shorten(&mut self.input[self.held..][..FRAME_SAMPLES], buffer.take_surplus());
            frames += 1;
        }
        let captured = self.end.map(|end| end - span(self.held + DELAY));
        self.resample(out);
        self.steer(buffer);
        Matched { captured, frames, concealed }
    }

    /// By how many parts a million faster than its sender's the sound is played.
    pub fn rate_ppm(&self) -> f32 {
        self.rate_ppm
    }

    fn resample(&mut self, out: &mut AudioBlock) {
        let input = InterleavedSlice::new(&self.input[..self.held], 1, self.held);
        let output = InterleavedSlice::new_mut(&mut self.output[..], 1, BLOCK_SAMPLES);
        let (input, mut output) = input
            .and_then(|input| output.map(|output| (input, output)))
            .expect("the slices are as long as said");
        let (taken, _) = self
            .resampler
            .process_into_buffer(&input, &mut output, None)
            .expect("as much is held as the resampler needs, and a block is what it makes");
        self.input.copy_within(taken..self.held, 0);
        self.held -= taken;
        for (sample, made) in out.iter_mut().zip(self.output.iter()) {
            // Out of range is clipped by the conversion.
            *sample = made.round() as i16;
        }
    }

    fn steer(&mut self, buffer: &JitterBuffer) {
        self.rate_ppm = self.control.steer(buffer.excess_us().map(|us| us as f32 / 1e3));
        let ratio = 1.0 / (1.0 + 1e-6 * f64::from(self.rate_ppm));
        // The new rate is reached at the end of the next block, without a step.
        self.resampler
            .set_resample_ratio(ratio, true)
            .expect("the controller's limit is half of the resampler's");
    }
}

impl Default for RateMatcher {
    fn default() -> RateMatcher {
        RateMatcher::new()
    }
}

/// Leaves out so many samples, by blending what is before them into what is after them. Says how many are left.
fn shorten(frame: &mut [f32], surplus: usize) -> usize {
    let left = frame.len().saturating_sub(surplus);
    for at in 0..left {
        let share = at as f32 / left as f32;
        frame[at] += (frame[at + surplus] - frame[at]) * share;
    }
    left
}

fn span(samples: usize) -> Duration {
    Duration::from_micros(samples as u64 * 1_000_000 / u64::from(SAMPLE_RATE))
}

#[cfg(test)]
mod tests;
