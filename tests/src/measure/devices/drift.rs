//! What two sound cards' different clocks do to the delay in an hour: the kiosk's own jitter buffer and rate matcher, in
//! virtual time, with the delay read off the sound that comes out.

use std::f64::consts::TAU;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use vestibule_common::media::{
    AudioBlock, BLOCK_SAMPLES, FRAME_SAMPLES, JitterBuffer, JitterStats, SAMPLE_RATE,
};
use vestibule_common::time::Time;
use vestibule_kiosk::audio::RateMatcher;

use crate::measure::figures;

/// How much faster than ours the sender's card runs, either way.
const DRIFT_PPM: f64 = 200.0;
const MINUTES: u32 = 60;
/// How long a buffer may take to find its place before anything counts.
const SETTLING_S: u32 = 60;
/// The tone, Hz. A frame that is left out or made up puts it out of step by a tenth of a turn.
const TONE: f64 = 110.0;
/// Packets are under way for this long, and up to so much longer by chance.
const WAY_US: u64 = 500;
const JITTER_US: u64 = 2000;
/// The sender's clock is this far ahead.
const AHEAD_US: u64 = 3_600_000_000;
/// Sound that goes on elsewhere than it stopped by so many samples is a gap.
const GAP: f64 = 5.0;

/// Measures 60 minutes of either drift; a line a second goes to `drift.txt` in `out`.
///
/// Errors: when the trace cannot be written.
pub(super) fn run(out: &Path) -> Result<(), String> {
    let path = out.join("drift.txt");
    let fault = |error: std::io::Error| format!("{}: {error}", path.display());
    let mut trace = BufWriter::new(File::create(&path).map_err(fault)?);
    writeln!(trace, "drift_ppm second delay_ms rate_ppm gaps").map_err(fault)?;
    let (mut growth, mut gaps) = (f64::NEG_INFINITY, 0);
    for drift in [-DRIFT_PPM, DRIFT_PPM] {
        let seconds = hear(drift, MINUTES * 60);
        for (number, second) in seconds.iter().enumerate() {
            let Second { delay_ms, rate_ppm, gaps } = second;
            writeln!(trace, "{drift} {number} {delay_ms:.4} {rate_ppm:.2} {gaps}").map_err(fault)?;
        }
        let outcome = Outcome::of(&seconds);
        growth = growth.max(outcome.growth_ms);
        gaps += outcome.gaps;
    }
    trace.flush().map_err(fault)?;
    figures::print("drift_delay_growth_ms", growth);
    figures::print("drift_gaps", f64::from(gaps));
    Ok(())
}

/// What was heard in a second.
struct Second {
    /// From capturing a sample to handing it to the speaker, the mean of its periods.
    delay_ms: f64,
    rate_ppm: f32,
    /// Periods with a frame made up, left out or missing, and places where the sound jumped.
    gaps: u32,
}

struct Outcome {
    /// The second with the longest delay over the mean of the first minute that counts.
    growth_ms: f64,
    gaps: u32,
}

impl Outcome {
    fn of(seconds: &[Second]) -> Outcome {
        let counted = &seconds[SETTLING_S as usize..];
        let first = &counted[..60.min(counted.len())];
        let before = first.iter().map(|second| second.delay_ms).sum::<f64>() / first.len() as f64;
        let longest = counted.iter().map(|second| second.delay_ms).fold(f64::NEG_INFINITY, f64::max);
        Outcome { growth_ms: longest - before, gaps: counted.iter().map(|second| second.gaps).sum() }
    }
}

/// A sender whose card is `drift_ppm` fast, heard for so many seconds. Our card and both kiosks' clocks are exact.
fn hear(drift_ppm: f64, seconds: u32) -> Vec<Second> {
    let (mut buffer, mut matcher) = (JitterBuffer::new(), RateMatcher::new());
    let speed = 1.0 + drift_ppm * 1e-6;
    let captured_us = |frame: u32| (f64::from(frame) * 1e4 / speed) as u64;
    let mut chance = 1_u64;
    let mut arrival = |frame: u32| {
        chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        captured_us(frame + 1) + WAY_US + (chance >> 33) % JITTER_US
    };
    let (mut frame, mut arrives) = (0, arrival(0));
    let mut out = [0; BLOCK_SAMPLES];
    let mut position: Option<f64> = None;
    let mut before = buffer.stats();
    let mut heard = Vec::new();
    for second in 0..seconds {
        let (mut delays, mut gaps) = (Vec::new(), 0);
        for block in 0..400 {
            let now = u64::from(second) * 1_000_000 + block * 2_500 + 4_321;
            while arrives <= now {
                let samples: [i16; FRAME_SAMPLES] = std::array::from_fn(|at| {
                    let n = f64::from(frame) * FRAME_SAMPLES as f64 + at as f64;
                    ((n * TAU * TONE / f64::from(SAMPLE_RATE)).sin() * 16_000.0).round() as i16
                });
                let captured = Time::from_micros(captured_us(frame) + AHEAD_US);
                buffer.push(frame, captured, &samples, Time::from_micros(arrives));
                frame += 1;
                arrives = arrival(frame);
            }
            let played = 1.0 + 1e-6 * f64::from(matcher.rate_ppm());
            let matched = matcher.block(&mut buffer, &mut out, Time::from_micros(now));
            let after = buffer.stats();
            let mut gap = disturbed(&after) != disturbed(&before);
            before = after;
            // Which of the tone's turns it is follows from where the last block ended; at first the matcher is believed.
            let turn = f64::from(SAMPLE_RATE) / TONE;
            let dated = matched.captured.map(|at| (at.as_micros() as f64 - AHEAD_US as f64) * 0.048 * speed);
            let expected = position.map(|last| last + BLOCK_SAMPLES as f64 * played).or(dated);
            let place = phase(&out, played) * turn;
            position = expected.map(|expected| {
                let off = (place - expected + turn / 2.0).rem_euclid(turn) - turn / 2.0;
                gap |= position.is_some() && off.abs() > GAP;
                delays.push(now as f64 / 1e3 - (expected + off) / 48.0 / speed);
                expected + off
            });
            gaps += u32::from(gap);
        }
        let delay_ms = delays.iter().sum::<f64>() / delays.len().max(1) as f64;
        heard.push(Second { delay_ms, rate_ppm: matcher.rate_ppm(), gaps });
    }
    heard
}

fn disturbed(stats: &JitterStats) -> u64 {
    stats.concealed + stats.inserted + stats.dropped + stats.silent
}

/// Where in its turn the tone is at the first sample, in turns: the best fit of a sine and a cosine.
fn phase(samples: &AudioBlock, speed: f64) -> f64 {
    let step = TAU * TONE / f64::from(SAMPLE_RATE) * speed;
    let (mut ss, mut cc, mut sc, mut xs, mut xc) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for (n, sample) in samples.iter().enumerate() {
        let (sin, cos) = (n as f64 * step).sin_cos();
        let sample = f64::from(*sample);
        (ss, cc, sc) = (ss + sin * sin, cc + cos * cos, sc + sin * cos);
        (xs, xc) = (xs + sample * sin, xc + sample * cos);
    }
    (xc * ss - xs * sc).atan2(xs * cc - xc * sc) / TAU
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_minutes_of_drift_make_no_gap_and_no_delay() {
        for drift in [-DRIFT_PPM, DRIFT_PPM] {
            let outcome = Outcome::of(&hear(drift, 180));
            assert!(outcome.growth_ms < 1.0, "{drift} ppm: {} ms", outcome.growth_ms);
            assert_eq!(outcome.gaps, 0, "{drift} ppm");
        }
    }

    #[test]
    fn a_drift_that_nothing_follows_is_seen() {
        // Four times what the matcher does.
        let outcome = Outcome::of(&hear(2000.0, 180));
        assert!(outcome.gaps > 3, "{} gaps", outcome.gaps);
    }
}
