//! Plays another room's sound at this room's pace: between its jitter buffer and the mixer, resampled by what its sound
//! card's clock differs from ours.
//!
//! Not a converter of sample rates: both sides are 48 kHz, by two crystals. What is held here counts towards the delay
//! that the jitter buffer sees, so that the two never work against each other.

use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{
    Adjustable, Async, FixedAsync, Resampler, SincInterpolationParameters, SincInterpolationType,
    WindowFunction,
};
use vestibule_common::media::{
    AudioFrame, FRAME_DURATION, FRAME_SAMPLES, JitterBuffer, Playout, SAMPLE_RATE, SILENCE,
};
use vestibule_common::time::{Duration, Time};

use super::drift::DriftControl;

/// Samples that the filter looks at: its delay is half of them, a third of a millisecond. Twice as many would take twice the
/// time and keep what is above 16 kHz.
const FILTER: usize = 32;
/// From the newest sample handed to the resampler back to the one that it puts out last; a fraction of a sample more at
/// times, as it takes whole ones.
const DELAY: usize = FILTER / 2;
/// What is left of one period and what the next needs: two frames and the filter's.
const CAPACITY: usize = 2 * FRAME_SAMPLES + 2 * FILTER;

/// The matcher of one voice.
pub struct RateMatcher {
    resampler: Async<f32>,
    control: DriftControl,
    /// Popped and not yet resampled: the first `held` of these.
    input: Box<[f32; CAPACITY]>,
    held: usize,
    output: Box<[f32; FRAME_SAMPLES]>,
    /// When what follows the last held sample was captured; `None` if that one was made up.
    end: Option<Time>,
    rate_ppm: f32,
}

/// What became of one period.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub struct Matched {
    /// When the period's first sample was captured, on the sender's clock; `None` if nobody said it.
    pub captured: Option<Time>,
    /// Frames that were made up for it: 0, 1 or 2.
    pub concealed: u64,
}

impl RateMatcher {
    /// A matcher that holds nothing and assumes equal clocks.
    pub fn new() -> RateMatcher {
        let filter = SincInterpolationParameters::new(FILTER, WindowFunction::Blackman)
            .oversampling_factor(256)
            .interpolation(SincInterpolationType::Linear);
        let most = 1.0 + 2e-6 * f64::from(DriftControl::MOST_PPM);
        let resampler = Async::new_sinc(1.0, most, &filter, FRAME_SAMPLES, 1, FixedAsync::Output)
            .expect("a ratio of 1 and a frame of one channel are in rubato's bounds");
        RateMatcher {
            resampler,
            control: DriftControl::default(),
            input: Box::new([0.0; CAPACITY]),
            held: 0,
            output: Box::new([0.0; FRAME_SAMPLES]),
            end: None,
            rate_ppm: 0.0,
        }
    }

    /// The next 10 ms of `buffer`'s sound. To be called every 10 ms of this room's sound card; `now` is when they are
    /// handed to the speaker. Pops as many frames as are needed: one, rarely none or two.
    pub fn period(&mut self, buffer: &mut JitterBuffer, out: &mut AudioFrame, now: Time) -> Matched {
        let needed = self.resampler.input_frames_next();
        let mut concealed = 0;
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
            self.held += FRAME_SAMPLES;
        }
        let captured = self.end.map(|end| end - span(self.held + DELAY));
        self.resample(out);
        self.steer(buffer);
        Matched { captured, concealed }
    }

    /// By how many parts a million faster than its sender's the sound is played.
    pub fn rate_ppm(&self) -> f32 {
        self.rate_ppm
    }

    fn resample(&mut self, out: &mut AudioFrame) {
        let input = InterleavedSlice::new(&self.input[..self.held], 1, self.held);
        let output = InterleavedSlice::new_mut(&mut self.output[..], 1, FRAME_SAMPLES);
        let (input, mut output) = input
            .and_then(|input| output.map(|output| (input, output)))
            .expect("the slices are as long as said");
        let (taken, _) = self
            .resampler
            .process_into_buffer(&input, &mut output, None)
            .expect("as much is held as the resampler needs, and a frame is what it makes");
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
        // The new rate is reached at the end of the next period, without a step.
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

fn span(samples: usize) -> Duration {
    Duration::from_micros(samples as u64 * 1_000_000 / u64::from(SAMPLE_RATE))
}

#[cfg(test)]
mod tests;
