//! How loud a frame of sound is, and whether somebody speaks in it.
//!
//! Not a recogniser: it compares the frame's energy with the quietest of the last three seconds, so a fan that starts
//! counts as speech until it has run that long. Good enough for a speaking mark and for "you are muted".

use super::pcm::AudioFrame;
use crate::wire::AudioLevel;

/// The level meter and voice activity detector of one microphone or stream.
#[derive(Clone, Debug)]
pub struct LevelMeter {
    /// Quietest level in dBov of each quarter of a second, the current one last; their minimum is the noise floor.
    quietest: [f32; WINDOWS],
    frames_in_window: u32,
    /// Level in dBov, smoothed so that a single zero crossing is no noise floor.
    smoothed: f32,
    loud_frames: u32,
    hangover: u32,
    peak_dbov: f32,
}

const WINDOWS: usize = 12;
const WINDOW_FRAMES: u32 = 25;
/// The floor assumed until three seconds were heard.
const FLOOR_AT_START: f32 = -60.0;
/// A floor below this is digital silence and says nothing of the room.
const FLOOR_LOWEST: f32 = -75.0;
/// Speech is at least this far over the floor, and at least this loud.
const SPEECH_OVER_FLOOR: f32 = 9.0;
const SPEECH_AT_LEAST: f32 = -55.0;
/// A click of fewer frames is no speech; pauses between words are shorter than the hangover.
const ONSET_FRAMES: u32 = 3;
const HANGOVER_FRAMES: u32 = 30;
const SILENT_DBOV: f32 = -127.0;
/// The peak falls by 20 dB a second.
const PEAK_FALL_PER_FRAME: f32 = 0.2;

impl LevelMeter {
    /// A meter that has heard nothing yet.
    pub fn new() -> LevelMeter {
        LevelMeter {
            quietest: [FLOOR_AT_START; WINDOWS],
            frames_in_window: 0,
            smoothed: FLOOR_AT_START,
            loud_frames: 0,
            hangover: 0,
            peak_dbov: SILENT_DBOV,
        }
    }

    /// Measures the next frame: its level in -dBov after RFC 6464, section 3, and whether somebody speaks.
    pub fn frame(&mut self, samples: &AudioFrame) -> AudioLevel {
        let energy: f64 = samples.iter().map(|sample| f64::from(*sample).powi(2)).sum();
        let level = dbov((energy / samples.len() as f64).sqrt());
        let peak = samples.iter().map(|sample| sample.unsigned_abs()).max().unwrap_or(0);
        self.peak_dbov = (self.peak_dbov - PEAK_FALL_PER_FRAME).max(dbov(f64::from(peak)));
        let voice = self.detect(level);
        AudioLevel { below_full_scale_db: (-level).round().clamp(0.0, 127.0) as u8, voice }
    }

    /// For a meter on the screen: the peak that falls slowly, 0 (at -60 dBov and below) to 1 (full scale).
    pub fn peak(&self) -> f32 {
        (1.0 + self.peak_dbov / 60.0).clamp(0.0, 1.0)
    }

    /// The noise floor in dBov.
    pub fn noise_floor_dbov(&self) -> f32 {
        self.quietest.iter().copied().fold(0.0, f32::min).max(FLOOR_LOWEST)
    }

    fn detect(&mut self, level: f32) -> bool {
        self.smoothed += (level - self.smoothed) * 0.2;
        let current = &mut self.quietest[WINDOWS - 1];
        *current = current.min(self.smoothed);
        self.frames_in_window += 1;
        if self.frames_in_window == WINDOW_FRAMES {
            self.frames_in_window = 0;
            self.quietest.copy_within(1.., 0);
            self.quietest[WINDOWS - 1] = self.smoothed;
        }
        let speech = level > SPEECH_AT_LEAST && level > self.noise_floor_dbov() + SPEECH_OVER_FLOOR;
        self.loud_frames = if speech { self.loud_frames + 1 } else { 0 };
        self.hangover = self.hangover.saturating_sub(1);
        if self.loud_frames >= ONSET_FRAMES {
            self.loud_frames = ONSET_FRAMES;
            self.hangover = HANGOVER_FRAMES;
        }
        self.hangover > 0
    }
}

impl Default for LevelMeter {
    fn default() -> Self {
        Self::new()
    }
}

/// Of an amplitude in sample steps; a square wave of full scale is 0 dBov.
fn dbov(amplitude: f64) -> f32 {
    if amplitude < 1e-3 {
        return SILENT_DBOV;
    }
    (20.0 * (amplitude / 32768.0).log10()).max(f64::from(SILENT_DBOV)) as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::pcm::SILENCE;
    use crate::media::testing::{Rng, frame_of, sine, voiced};

    fn noise(rng: &mut Rng, amplitude: i64) -> AudioFrame {
        core::array::from_fn(|_| (rng.below(2 * amplitude as u64 + 1) as i64 - amplitude) as i16)
    }

    #[test]
    fn levels_are_those_of_the_rfc() {
        let level = |frame: &AudioFrame| LevelMeter::new().frame(frame).below_full_scale_db;
        assert_eq!(level(&SILENCE), 127);
        assert_eq!(level(&[i16::MIN; 480]), 0);
        // A sine of full scale is 3 dB below the overload point; one of a tenth 23 dB.
        assert_eq!(level(&frame_of(0, 1.0, |at| sine(at, 1000.0))), 3);
        assert_eq!(level(&frame_of(0, 0.1, |at| sine(at, 1000.0))), 23);
        assert_eq!(level(&[1; 480]), 90);
    }

    #[test]
    fn speech_over_a_fan_is_found_and_ends_with_a_hangover() {
        let mut meter = LevelMeter::new();
        let mut rng = Rng(1);
        for _ in 0..400 {
            meter.frame(&noise(&mut rng, 300));
        }
        assert!(!meter.frame(&noise(&mut rng, 300)).voice);
        let mut first = None;
        for n in 0..100 {
            let voice = meter.frame(&frame_of(n, 0.2, |at| voiced(at, 120.0))).voice;
            first = first.or(voice.then_some(n));
        }
        assert_eq!(first, Some(2));
        let after = (0..100).take_while(|_| meter.frame(&noise(&mut rng, 300)).voice).count();
        assert_eq!(after, 29);
    }

    #[test]
    fn a_click_is_no_speech_and_long_speech_with_pauses_stays_speech() {
        let mut meter = LevelMeter::new();
        let mut rng = Rng(2);
        for n in 0..300 {
            let frame = if n % 50 == 0 { [20_000; 480] } else { noise(&mut rng, 50) };
            assert!(!meter.frame(&frame).voice);
        }
        for n in 0..3000 {
            let speaking = n % 60 < 45;
            let frame = if speaking { frame_of(n, 0.2, |at| voiced(at, 150.0)) } else { noise(&mut rng, 50) };
            let voice = meter.frame(&frame).voice;
            assert!(voice || n < 3, "{n}");
        }
    }

    #[test]
    fn a_fan_that_starts_is_noise_after_three_seconds() {
        let mut meter = LevelMeter::new();
        let mut rng = Rng(3);
        for _ in 0..300 {
            meter.frame(&noise(&mut rng, 20));
        }
        let voice: Vec<bool> = (0..500).map(|_| meter.frame(&noise(&mut rng, 1500)).voice).collect();
        assert!(voice[50]);
        assert!(voice[350..].iter().all(|voice| !voice));
    }

    #[test]
    fn the_peak_falls_slowly() {
        let mut meter = LevelMeter::new();
        assert_eq!(meter.peak(), 0.0);
        meter.frame(&[i16::MIN; 480]);
        assert_eq!(meter.peak(), 1.0);
        for _ in 0..100 {
            meter.frame(&SILENCE);
        }
        assert!((meter.peak() - (1.0 - 20.0 / 60.0)).abs() < 0.01);
    }
}
