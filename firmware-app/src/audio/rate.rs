//! Between a sound card's rate and the kiosk's 48 kHz, a frame of a microphone or a block for a speaker at a time.
//!
//! For fixed rates; what two clocks differ by is the matcher's. A windowed sinc, because ALSA's own conversion (1.2.8, measured
//! on 48 to 44.1 kHz) leaves a tone of 4 kHz 40 dB and one of 8 kHz 27 dB above what is wrong with it, and lets 10 kHz back
//! in as 6 on a card at 16 kHz; here it is more than 60.

use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{
    Async, FixedAsync, Resampler, SincInterpolationParameters, SincInterpolationType, WindowFunction,
};
use vestibule_common::media::{BLOCK_SAMPLES, FRAME_SAMPLES, SAMPLE_RATE};
use vestibule_common::time::Duration;

/// Samples of the lower of both rates that the filter looks at.
const FILTER: usize = 64;

/// One direction of one card. Allocates only when it is made.
pub struct RateConverter {
    resampler: Async<f32>,
    delay: Duration,
}

impl RateConverter {
    /// From a card at `rate` samples a second to frames of 48 kHz, [`FRAME_SAMPLES`] each. `None` if the rate is none
    /// that a room's card has (4 to 384 kHz).
    pub fn from_card(rate: u32) -> Option<RateConverter> {
        RateConverter::new(rate, SAMPLE_RATE, FRAME_SAMPLES, FixedAsync::Output)
    }

    /// From blocks of 48 kHz, [`BLOCK_SAMPLES`] each, to a card at `rate`. `None` as in [`RateConverter::from_card`].
    pub fn to_card(rate: u32) -> Option<RateConverter> {
        RateConverter::new(SAMPLE_RATE, rate, BLOCK_SAMPLES, FixedAsync::Input)
    }

    fn new(from: u32, to: u32, samples: usize, fixed: FixedAsync) -> Option<RateConverter> {
        if !(4_000..=384_000).contains(&from.min(to)) || from.max(to) > 384_000 {
            return None;
        }
        let filter = FILTER * from.div_ceil(to) as usize;
        let parameters = SincInterpolationParameters::new(filter, WindowFunction::Blackman)
            .oversampling_factor(256)
            .interpolation(SincInterpolationType::Linear);
        let ratio = f64::from(to) / f64::from(from);
        let resampler = Async::new_sinc(ratio, 1.0, &parameters, samples, 1, fixed).ok()?;
        // Half of the filter, but for the first step, which is made before the first sample.
        let delay = filter as f64 / 2.0 / f64::from(from) - 1.0 / f64::from(to);
        let delay = Duration::from_secs_f64(delay);
        Some(RateConverter { resampler, delay })
    }

    /// How many samples it takes next.
    pub fn needed(&self) -> usize {
        self.resampler.input_frames_next()
    }

    /// How many samples it gives next.
    pub fn gives(&self) -> usize {
        self.resampler.output_frames_next()
    }

    /// The most that it ever takes, and gives, at once.
    pub fn most(&self) -> (usize, usize) {
        (self.resampler.input_frames_max(), self.resampler.output_frames_max())
    }

    /// How much later a sample comes out than it went in.
    pub fn delay(&self) -> Duration {
        self.delay
    }

    /// Takes [`RateConverter::needed`] samples from the beginning of `input`, and says how many it put at the beginning of
    /// `output`, which must have room for the most it gives.
    pub fn convert(&mut self, input: &[f32], output: &mut [f32]) -> usize {
        let (taken, room) = (input.len(), output.len());
        let input = InterleavedSlice::new(input, 1, taken).expect("a slice is as long as it is");
        let mut output = InterleavedSlice::new_mut(output, 1, room).expect("a slice is as long as it is");
        let done = self.resampler.process_into_buffer(&input, &mut output, None);
        done.expect("the caller gives what is needed and room for what is made").1
    }
}

#[cfg(test)]
mod tests {
    use std::f64::consts::TAU;

    use super::*;
    use crate::audio::tone::fit;

    /// A second of a tone through a converter, in its periods; the sound that comes out.
    fn through(mut converter: RateConverter, from: u32, hertz: f64) -> Vec<f32> {
        let mut output = vec![0.0; converter.most().1];
        let mut heard = Vec::new();
        let mut n = 0_u32;
        while n < from {
            let needed = converter.needed();
            assert!(needed <= converter.most().0);
            let input: Vec<f32> = (n..n + needed as u32)
                .map(|n| ((f64::from(n) * TAU * hertz / f64::from(from)).sin() * 16_000.0) as f32)
                .collect();
            n += needed as u32;
            let made = converter.convert(&input, &mut output);
            heard.extend_from_slice(&output[..made]);
        }
        heard
    }

    #[test]
    fn tones_pass_pure_and_in_time_both_ways() {
        for card in [44_100, 96_000, 32_000, 22_050, 16_000, 11_025, 8_000] {
            for hertz in [150.0, 1000.0, f64::from(card.min(SAMPLE_RATE)) * 0.35] {
                for (converter, from, to) in [
                    (RateConverter::from_card(card), card, SAMPLE_RATE),
                    (RateConverter::to_card(card), SAMPLE_RATE, card),
                ] {
                    let converter = converter.unwrap();
                    let delay = converter.delay().as_secs_f64();
                    let heard = through(converter, from, hertz);
                    let lost = (f64::from(to) - heard.len() as f64) / f64::from(to);
                    assert!(lost.abs() < 0.03, "{from} to {to}: {lost}");
                    let (phase, purity) = fit(
                        heard[1000..heard.len() - 1000].iter().copied().map(f64::from),
                        hertz / f64::from(to),
                    );
                    assert!(purity > 60.0, "{hertz} Hz, {from} to {to}: {purity:.1} dB");
                    let expected = hertz * (1000.0 / f64::from(to) - delay);
                    let off = (phase - expected + 0.5).rem_euclid(1.0) - 0.5;
                    let samples = off / hertz * f64::from(from);
                    // A high tone cannot tell one turn from the next, but the low ones do.
                    assert!(samples.abs() < 0.2, "{hertz} Hz, {from} to {to}: {samples:.2} samples");
                }
            }
        }
    }

    #[test]
    fn what_the_card_cannot_carry_is_kept_from_it() {
        for card in [16_000, 8_000] {
            let heard = through(RateConverter::to_card(card).unwrap(), SAMPLE_RATE, f64::from(card) * 0.7);
            let loudest = heard[1000..].iter().fold(0.0f32, |most, sample| most.max(sample.abs()));
            assert!(loudest < 16.0, "{loudest} of 16000 comes back at another pitch");
        }
    }

    #[test]
    fn converting_allocates_nothing() {
        for card in [44_100, 8_000] {
            for mut converter in
                [RateConverter::from_card(card).unwrap(), RateConverter::to_card(card).unwrap()]
            {
                let input = vec![100.0; converter.most().0];
                let mut output = vec![0.0; converter.most().1];
                let convert = || {
                    for _ in 0..100 {
                        converter.convert(&input[..converter.needed()], &mut output);
                    }
                };
                assert_eq!(crate::allocations::allocations(convert), 0);
            }
        }
    }

    #[test]
    fn what_is_no_rate_is_refused() {
        for rate in [0, 1, 3_999, 384_001, u32::MAX] {
            assert!(RateConverter::from_card(rate).is_none() && RateConverter::to_card(rate).is_none());
        }
    }
}
