//! A microphone that hears a made-up sound or a WAV file, period by period in real time.

use std::f64::consts::TAU;
use std::path::Path;

use hound::{SampleFormat, WavReader};
use rubato::audioadapter_buffers::owned::InterleavedOwned;
use rubato::{Fft, FixedSync, Resampler};
use vestibule_common::media::FRAME_DURATION;
use vestibule_common::time::{Duration, Time};

use crate::device::clock::Clock;
use crate::device::config::SimSound;
use crate::device::{DeviceError, Microphone, PERIOD};

const RATE: u32 = 48_000;

/// A card's buffer: who reads later than this has lost what was said meanwhile.
const BUFFER: Duration = Duration::from_millis(100);

/// A longer file is refused; it would sit in memory. Half an hour.
const LONGEST: u64 = 30 * 60;

/// The chirp lasts this many samples (100 ms) and rises from its first to its second frequency, in hertz.
pub const CHIRP_SAMPLES: usize = 4800;
const CHIRP_HZ: (f64, f64) = (400.0, 3400.0);

/// A simulated microphone.
pub struct SimMicrophone {
    sound: Sound,
    clock: Clock,
    opened: Time,
    /// Periods since it was opened, lost ones included.
    next: u64,
    xruns: u64,
}

enum Sound {
    Silence,
    /// Repeated for ever, sample 0 at `from` samples after the opening.
    Loop {
        samples: Vec<i16>,
        from: u64,
    },
}

impl SimMicrophone {
    /// A made-up sound. Pips are at a pitch of the `room`'s own: two rooms that hear the same at the same time would be each
    /// other's echo, and be cancelled.
    pub fn sound(sound: SimSound, room: &str, clock: Clock) -> SimMicrophone {
        let opened = clock.now();
        let second = RATE as usize;
        let sound = match sound {
            SimSound::Silence => Sound::Silence,
            SimSound::Tone => Sound::Loop { samples: tone(440.0, second, second), from: 0 },
            SimSound::Pips => Sound::Loop { samples: tone(pitch(room), second, second / 5), from: 0 },
            SimSound::Chirp => {
                let mut samples = chirp();
                samples.resize(second, 0);
                // The next full second of the monotonic clock, in samples from now.
                let into = clock.to_monotonic_us(opened) % 1_000_000;
                Sound::Loop { samples, from: (1_000_000 - into) * u64::from(RATE) / 1_000_000 }
            }
        };
        SimMicrophone::new(sound, opened, clock)
    }

    /// A WAV file in a loop: any rate, its channels mixed.
    ///
    /// Errors: `Missing` without the file, `Unsupported` if it is no WAV file or longer than half an hour.
    pub fn clip(path: &Path, clock: Clock) -> Result<SimMicrophone, DeviceError> {
        let samples = load(path)?;
        Ok(SimMicrophone::new(Sound::Loop { samples, from: 0 }, clock.now(), clock))
    }

    fn new(sound: Sound, opened: Time, clock: Clock) -> SimMicrophone {
        SimMicrophone { sound, clock, opened, next: 0, xruns: 0 }
    }
}

impl Microphone for SimMicrophone {
    fn read(&mut self, period: &mut [i16; PERIOD]) -> Result<Time, DeviceError> {
        let start = |number: u64| self.opened + Duration::from_millis(number.saturating_mul(10));
        let late = self.clock.now().since(start(self.next) + FRAME_DURATION);
        if late > BUFFER {
            self.xruns += 1;
            self.next += late.as_millis() as u64 / 10;
        }
        let begins = start(self.next);
        match &self.sound {
            Sound::Silence => period.fill(0),
            Sound::Loop { samples, from } => {
                let length = samples.len() as u64;
                // Counted so that nothing goes below zero before the loop begins.
                let first = self.next * PERIOD as u64 + length - from % length;
                for (n, sample) in (first..).zip(period.iter_mut()) {
                    *sample = samples[(n % length) as usize];
                }
            }
        }
        self.next += 1;
        // A period is there when its last sample is.
        self.clock.sleep_until(begins + FRAME_DURATION);
        Ok(begins)
    }

    fn xruns(&self) -> u64 {
        self.xruns
    }
}

/// One of eight pitches from 300 to 1900 Hz, for a room's name.
fn pitch(room: &str) -> f64 {
    let sum = room.bytes().fold(0_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
    300.0 * 1.3_f64.powf(f64::from(sum % 8))
}

/// A tone at a tenth of full scale for `lasting` of `length` samples, faded in and out.
fn tone(hertz: f64, length: usize, lasting: usize) -> Vec<i16> {
    let fade = |n: usize| if lasting == length { 1.0 } else { (n.min(lasting - n) as f64 / 480.0).min(1.0) };
    (0..length)
        .map(|n| {
            if n < lasting {
                (3277.0 * fade(n) * (n as f64 / f64::from(RATE) * hertz * TAU).sin()) as i16
            } else {
                0
            }
        })
        .collect()
}

/// The chirp as it is heard, [`CHIRP_SAMPLES`] samples at 48 kHz: what a measurement correlates with.
pub fn chirp() -> Vec<i16> {
    let length = CHIRP_SAMPLES as f64 / f64::from(RATE);
    (0..CHIRP_SAMPLES)
        .map(|n| {
            let t = n as f64 / f64::from(RATE);
            let turns = CHIRP_HZ.0 * t + (CHIRP_HZ.1 - CHIRP_HZ.0) * t * t / (2.0 * length);
            let fade = (n.min(CHIRP_SAMPLES - n) as f64 / 240.0).min(1.0);
            (9830.0 * fade * (turns * TAU).sin()) as i16
        })
        .collect()
}

/// Reads a WAV file as 48 kHz mono.
fn load(path: &Path) -> Result<Vec<i16>, DeviceError> {
    let unsupported = |why: String| DeviceError::Unsupported(format!("{}: {why}", path.display()));
    let file = WavReader::open(path).map_err(|error| match error {
        hound::Error::IoError(error) if error.kind() == std::io::ErrorKind::NotFound => {
            DeviceError::Missing(format!("{}: {error}", path.display()))
        }
        error => unsupported(format!("not a WAV file: {error}")),
    })?;
    let spec = file.spec();
    if spec.channels == 0 || !(4_000..=384_000).contains(&spec.sample_rate) || file.duration() == 0 {
        return Err(unsupported(format!("{} channels at {} Hz, or empty", spec.channels, spec.sample_rate)));
    }
    if u64::from(file.duration()) > LONGEST * u64::from(spec.sample_rate) {
        return Err(unsupported("longer than half an hour".into()));
    }
    let scale = 1.0 / (1_u64 << (spec.bits_per_sample.clamp(1, 32) - 1)) as f32;
    let samples: Result<Vec<f32>, hound::Error> = match spec.sample_format {
        SampleFormat::Float => file.into_samples::<f32>().collect(),
        SampleFormat::Int => file.into_samples::<i32>().map(|s| s.map(|s| s as f32 * scale)).collect(),
    };
    let samples = samples.map_err(|error| unsupported(error.to_string()))?;
    let channels = usize::from(spec.channels);
    let mono: Vec<f32> =
        samples.chunks_exact(channels).map(|frame| frame.iter().sum::<f32>() / channels as f32).collect();
    let mono = resample(mono, spec.sample_rate).map_err(unsupported)?;
    if mono.is_empty() {
        return Err(unsupported("has no samples".into()));
    }
    // Out of range is clipped by the conversion.
    Ok(mono.iter().map(|sample| (sample * 32_767.0) as i16).collect())
}

fn resample(samples: Vec<f32>, rate: u32) -> Result<Vec<f32>, String> {
    if rate == RATE {
        return Ok(samples);
    }
    let length = samples.len();
    let input = InterleavedOwned::new_from(samples, 1, length).map_err(|error| error.to_string())?;
    let mut resampler = Fft::<f32>::new(rate as usize, RATE as usize, 1024, 1, FixedSync::Input)
        .map_err(|error| error.to_string())?;
    let output = resampler.process_all(&input, length, None).map_err(|error| error.to_string())?;
    Ok(output.take_data())
}

#[cfg(test)]
mod tests {
    use hound::{WavSpec, WavWriter};

    use super::*;

    fn heard(microphone: &mut SimMicrophone, periods: usize) -> Vec<(Time, [i16; PERIOD])> {
        let mut period = [0; PERIOD];
        (0..periods).map(|_| (microphone.read(&mut period).unwrap(), period)).collect()
    }

    fn level(samples: &[i16]) -> f64 {
        (samples.iter().map(|s| f64::from(*s).powi(2)).sum::<f64>() / samples.len() as f64).sqrt()
    }

    fn wav(folder: &Path, rate: u32, channels: u16, hertz: f64) -> std::path::PathBuf {
        let path = folder.join(format!("{rate}.wav"));
        let spec =
            WavSpec { channels, sample_rate: rate, bits_per_sample: 16, sample_format: SampleFormat::Int };
        let mut file = WavWriter::create(&path, spec).unwrap();
        for n in 0..rate {
            let sample = (f64::from(n) / f64::from(rate) * hertz * TAU).sin() * 10_000.0;
            for _ in 0..channels {
                file.write_sample(sample as i16).unwrap();
            }
        }
        file.finalize().unwrap();
        path
    }

    #[test]
    fn periods_follow_each_other_and_are_not_early() {
        let clock = Clock::start();
        let mut microphone = SimMicrophone::sound(SimSound::Tone, "Boardroom", clock);
        let periods = heard(&mut microphone, 20);
        assert!(clock.now() >= periods[19].0 + FRAME_DURATION);
        if microphone.xruns() == 0 {
            for pair in periods.windows(2) {
                assert_eq!(pair[1].0.since(pair[0].0), FRAME_DURATION);
            }
        }
        // A sine of a tenth of full scale.
        assert!((level(&periods[5].1) - 2317.0).abs() < 150.0, "{}", level(&periods[5].1));
    }

    #[test]
    fn who_reads_too_late_has_lost_samples_and_it_is_counted() {
        let clock = Clock::start();
        let mut microphone = SimMicrophone::sound(SimSound::Silence, "Boardroom", clock);
        let first = heard(&mut microphone, 1)[0].0;
        clock.sleep_until(first + Duration::from_millis(300));
        let (at, samples) = heard(&mut microphone, 1)[0];
        assert!(at >= first + Duration::from_millis(200), "{:?} later", at.since(first));
        assert!(microphone.xruns() >= 1);
        assert_eq!(samples, [0; PERIOD]);
    }

    #[test]
    fn the_chirp_begins_at_full_seconds_of_the_monotonic_clock() {
        let clock = Clock::start();
        let mut microphone = SimMicrophone::sound(SimSound::Chirp, "Boardroom", clock);
        let mut starts = Vec::new();
        let mut quiet = 0;
        for (at, samples) in heard(&mut microphone, 220) {
            for (n, sample) in (0_u64..).zip(samples) {
                if sample != 0 {
                    if quiet > 1000 {
                        starts.push(clock.to_monotonic_us(at) + n * 1_000_000 / 48_000);
                    }
                    quiet = 0;
                } else {
                    quiet += 1;
                }
            }
        }
        assert!(!starts.is_empty());
        for start in starts {
            let off = start % 1_000_000;
            // The first samples of the fade are zero; half a millisecond covers them.
            assert!(!(500..=999_950).contains(&off), "a chirp began {off} us into a second");
        }
    }

    #[test]
    fn a_file_of_any_rate_is_heard_at_its_own_pitch() {
        let folder = tempfile::tempdir().unwrap();
        for (rate, channels) in [(48_000, 1), (44_100, 2), (16_000, 1), (8_000, 1)] {
            let samples = load(&wav(folder.path(), rate, channels, 1000.0)).unwrap();
            assert!(samples.len().abs_diff(48_000) < 200, "{rate} Hz gave {} samples", samples.len());
            let middle = &samples[10_000..34_000];
            let crossings = middle.windows(2).filter(|pair| pair[0] < 0 && pair[1] >= 0).count();
            assert!(crossings.abs_diff(500) <= 1, "{rate} Hz: {crossings} turns in half a second");
            assert!((level(middle) - 7071.0).abs() < 200.0, "{rate} Hz: level {}", level(middle));
        }
    }

    #[test]
    fn what_is_no_wav_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let text = folder.path().join("text.wav");
        std::fs::write(&text, "not a sound").unwrap();
        let clock = Clock::start();
        assert!(matches!(SimMicrophone::clip(&text, clock).err(), Some(DeviceError::Unsupported(_))));
        let nowhere = folder.path().join("nowhere.wav");
        assert!(matches!(SimMicrophone::clip(&nowhere, clock).err(), Some(DeviceError::Missing(_))));
    }
}
