//! What the speaker plays, lined up with what the microphone hears: the echo canceller's reference.
//!
//! Both sides stamp their periods with the kiosk's clock, so the reference of a period is looked up by time, whatever either
//! device lost, and whenever it was opened. Two sound cards run by two crystals: the lookup follows their drift sample by
//! sample, and jumps only where a device really lost or gained more.

use vestibule_common::media::{AudioFrame, FRAME_SAMPLES, SAMPLE_RATE, SILENCE};
use vestibule_common::time::{Duration, Time};

/// Samples kept, 341 ms: longer than a speaker's whole buffer.
const KEPT: usize = 16_384;
/// The reference runs ahead of the microphone by this much, so that an echo follows its sound even where both devices
/// tell their delays a little wrong. A speaker is given its sound 5 ms earlier than it plays it, at the least.
const AHEAD: Duration = Duration::from_millis(4);
/// Off by more than this is no drift and no jitter of a stamp.
const JUMP: f32 = FRAME_SAMPLES as f32;
/// Off by more for this many periods is followed at once.
const JUMP_AFTER: u32 = 5;
/// The lookup moves by one sample a period while it is off by more than this.
const SLACK: f32 = 24.0;
/// A single stamp counts for so much.
const SMOOTHING: f32 = 1.0 / 32.0;

/// The last third of a second of the speaker's sound.
pub(super) struct ReferenceLine {
    samples: Box<[i16; KEPT]>,
    /// Samples written so far.
    written: u64,
    /// When the sample after the last one written leaves the converter, as its stamp has it.
    end: Option<Time>,
    /// The next sample to be read.
    next: u64,
    placed: bool,
    off: f32,
    far_off: u32,
}

impl ReferenceLine {
    /// A line on which nothing was played.
    pub(super) fn new() -> ReferenceLine {
        ReferenceLine {
            samples: Box::new([0; KEPT]),
            written: 0,
            end: None,
            next: 0,
            placed: false,
            off: 0.0,
            far_off: 0,
        }
    }

    /// The speaker was handed `samples`, whose first leaves the converter at `leaves`.
    pub(super) fn played(&mut self, samples: &[i16], leaves: Time) {
        for sample in samples {
            self.samples[self.written as usize % KEPT] = *sample;
            self.written += 1;
        }
        let span = samples.len() as u64 * 1_000_000 / u64::from(SAMPLE_RATE);
        self.end = Some(leaves + Duration::from_micros(span));
    }

    /// What leaves the speaker about when the microphone's period does that began at `captured`. Silence where nothing is
    /// played. To be asked once for each period, in order.
    pub(super) fn period(&mut self, captured: Time, out: &mut AudioFrame) {
        *out = SILENCE;
        let Some(end) = self.end else { return };
        let wanted = self.written as f64 - samples_between(captured + AHEAD, end);
        self.follow(wanted);
        let oldest = self.written.saturating_sub(KEPT as u64);
        for (at, out) in (self.next..).zip(out.iter_mut()) {
            if (oldest..self.written).contains(&at) {
                *out = self.samples[at as usize % KEPT];
            }
        }
        self.next += FRAME_SAMPLES as u64;
    }

    /// Moves the place that is read next towards where the stamps say that it is.
    fn follow(&mut self, wanted: f64) {
        let off = (wanted - self.next as f64) as f32;
        self.far_off = if off.abs() > JUMP { self.far_off + 1 } else { 0 };
        if !self.placed || self.far_off >= JUMP_AFTER {
            // Before the first sample there is nothing: the line begins with silence.
            self.next = wanted.max(0.0) as u64;
            self.placed = true;
            self.off = 0.0;
            self.far_off = 0;
            return;
        }
        if off.abs() > JUMP {
            return; // a stamp that is wrong once
        }
        self.off += (off - self.off) * SMOOTHING;
        if self.off > SLACK {
            self.next += 1;
            self.off -= 1.0;
        } else if self.off < -SLACK {
            self.next = self.next.saturating_sub(1);
            self.off += 1.0;
        }
    }
}

impl Default for ReferenceLine {
    fn default() -> ReferenceLine {
        ReferenceLine::new()
    }
}

/// From `from` to `to`, negative if `to` is earlier.
fn samples_between(from: Time, to: Time) -> f64 {
    (to.as_micros() as f64 - from.as_micros() as f64) * f64::from(SAMPLE_RATE) / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Plays a ramp whose samples tell their place, by a clock that is off by `ppm`, and returns by how many samples the
    /// period read at each 10 ms differs from what the clocks say.
    fn errors(ppm: f64, periods: u64, jitter_us: u64) -> Vec<i64> {
        let mut line = ReferenceLine::new();
        let mut played = 0_u64;
        let mut errors = Vec::new();
        let start = 1_000_000.0;
        // The speaker's n-th sample leaves at this moment.
        let leaves = |n: u64| start + n as f64 * 1e6 / 48_000.0 * (1.0 + ppm * 1e-6);
        for n in 0..periods {
            let captured = 1_000_000 + n * 10_000;
            let now = captured + 10_000;
            // It is handed over 25 ms before it leaves.
            while leaves(played * 480) - 25_000.0 <= now as f64 {
                let frame: AudioFrame =
                    core::array::from_fn(|i| ((played as usize * 480 + i) % 30_000) as i16);
                let wobble = (played * 7919) % (2 * jitter_us + 1);
                line.played(&frame, Time::from_micros(leaves(played * 480) as u64 + wobble - jitter_us));
                played += 1;
            }
            let mut out = SILENCE;
            line.period(Time::from_micros(captured), &mut out);
            let meant =
                (captured as f64 + AHEAD.as_micros() as f64 - start) * 48_000.0 / 1e6 / (1.0 + ppm * 1e-6);
            errors.push((i64::from(out[0]) - meant as i64 + 15_000).rem_euclid(30_000) - 15_000);
        }
        errors
    }

    #[test]
    fn a_period_is_what_leaves_the_speaker_four_milliseconds_later() {
        let errors = errors(0.0, 500, 0);
        assert!(errors.iter().all(|error| error.abs() <= 1), "{errors:?}");
    }

    #[test]
    fn drift_of_200_ppm_and_stamps_that_jitter_by_two_milliseconds_are_followed_without_a_jump() {
        for ppm in [-200.0, 200.0] {
            let errors = errors(ppm, 30_000, 2000);
            let worst = errors[100..].iter().map(|error| error.abs()).max().unwrap();
            assert!(worst < 130, "{worst} samples");
            let steps = errors[100..].windows(2).map(|pair| (pair[1] - pair[0]).abs()).max().unwrap();
            assert!(steps <= 2, "{steps}");
        }
    }

    #[test]
    fn what_the_speaker_lost_is_jumped_over_within_50_ms_and_silence_is_silence() {
        let mut line = ReferenceLine::new();
        let mut out = [1; FRAME_SAMPLES];
        line.period(Time::from_millis(1000), &mut out);
        assert_eq!(out, SILENCE, "nothing was played");
        let frame = |n: u64| [n as i16 + 1; FRAME_SAMPLES];
        let mut pause = 0;
        let mut found = Vec::new();
        for n in 0..100_u64 {
            if n == 50 {
                pause = 200; // the speaker ran dry for 200 ms
            }
            line.played(&frame(n), Time::from_millis(1020 + n * 10 + pause));
            line.period(Time::from_millis(1000 + n * 10 + pause), &mut out);
            found.push(i64::from(out[0]) - 1);
        }
        assert_eq!(found[20..50], (18..48).collect::<Vec<i64>>(), "4 ms ahead");
        assert_eq!(found[56..], (54..98).collect::<Vec<i64>>());
        // Much later nothing of that is left.
        line.period(Time::from_millis(60_000), &mut out);
        for n in 0..10 {
            line.period(Time::from_millis(60_010 + n * 10), &mut out);
        }
        assert_eq!(out, SILENCE);
    }
}
