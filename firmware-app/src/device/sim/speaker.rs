//! A speaker that nobody hears: paced like a converter that has 5 ms in hand, more where it ran dry, and its last
//! seconds can be read back or are written to a WAV file.

use std::collections::VecDeque;
use std::fs::File;
use std::io::BufWriter;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hound::{SampleFormat, WavSpec, WavWriter};
use vestibule_common::media::{AudioBlock, BLOCK_DURATION};
use vestibule_common::time::{Duration, Time};

use crate::device::clock::Clock;
use crate::device::reserve::Reserve;
use crate::device::{DeviceError, Speaker};

/// Blocks kept in the recording: ten seconds.
const KEPT: usize = 4000;

/// Blocks in hand when the next is taken, at the least and at most.
const IN_HAND: (u32, u32) = (2, 8);

/// A block that was played.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Heard {
    /// When its first sample left the converter, on the kiosk's clock.
    pub at: Time,
    /// 48 kHz, mono.
    pub samples: AudioBlock,
}

/// The last ten seconds that the speaker played. Clones read the same speaker.
#[derive(Clone)]
pub struct Recording {
    heard: Arc<Mutex<VecDeque<Heard>>>,
}

impl Recording {
    pub(super) fn new() -> Recording {
        Recording { heard: Arc::new(Mutex::new(VecDeque::with_capacity(KEPT))) }
    }

    /// The blocks played after a moment, oldest first. With the last one's time, a reader misses none.
    pub fn after(&self, moment: Time) -> Vec<Heard> {
        self.lock().iter().filter(|heard| heard.at > moment).cloned().collect()
    }

    /// The root mean square of what was played after a moment, 0 to 32768; 0 if nothing was.
    pub fn level_after(&self, moment: Time) -> f64 {
        let heard = self.lock();
        let samples = heard.iter().filter(|heard| heard.at > moment).flat_map(|heard| &heard.samples);
        let (count, sum) = samples.fold((0_u32, 0.0_f64), |(count, sum), sample| {
            (count + 1, sum + f64::from(*sample) * f64::from(*sample))
        });
        (sum / f64::from(count.max(1))).sqrt()
    }

    fn push(&self, at: Time, samples: &AudioBlock) {
        let mut heard = self.lock();
        if heard.len() == KEPT {
            heard.pop_front();
        }
        heard.push_back(Heard { at, samples: *samples });
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Heard>> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The speaker that [`Recording`] records.
pub struct SimSpeaker {
    recording: Recording,
    clock: Clock,
    /// When the converter runs out of what was written; `None` before the first block.
    empty_at: Option<Time>,
    reserve: Reserve,
    xruns: u64,
    file: Option<WavWriter<BufWriter<File>>>,
    written: u64,
}

impl SimSpeaker {
    /// A speaker that plays into `recording`.
    pub fn new(recording: Recording, clock: Clock) -> SimSpeaker {
        let reserve = Reserve::new(IN_HAND.0, IN_HAND.1);
        SimSpeaker { recording, clock, empty_at: None, reserve, xruns: 0, file: None, written: 0 }
    }

    /// One that writes a WAV file as well, starting it anew.
    ///
    /// Errors: `Unsupported` if the file cannot be written.
    pub fn with_file(recording: Recording, clock: Clock, path: &Path) -> Result<SimSpeaker, DeviceError> {
        let spec = WavSpec {
            channels: 1,
            sample_rate: 48_000,
            bits_per_sample: 16,
            sample_format: SampleFormat::Int,
        };
        let file = WavWriter::create(path, spec).map_err(|error| {
            DeviceError::Unsupported(format!("{} cannot be written: {error}", path.display()))
        })?;
        Ok(SimSpeaker { file: Some(file), ..SimSpeaker::new(recording, clock) })
    }

    /// A second's samples at a time reach the disk, so that a killed program leaves a file that plays.
    fn in_hand(&mut self) -> Duration {
        BLOCK_DURATION * self.reserve.at(self.clock.now())
    }

    fn append(&mut self, block: &AudioBlock) -> Result<(), hound::Error> {
        let Some(file) = self.file.as_mut() else { return Ok(()) };
        for sample in block {
            file.write_sample(*sample)?;
        }
        self.written += 1;
        if self.written.is_multiple_of(400) {
            file.flush()?;
        }
        Ok(())
    }
}

impl Speaker for SimSpeaker {
    fn ready(&mut self) -> Result<(), DeviceError> {
        if let Some(empty_at) = self.empty_at {
            let in_hand = self.in_hand();
            self.clock.sleep_until(empty_at - in_hand);
        }
        Ok(())
    }

    fn write(&mut self, block: &AudioBlock) -> Result<Time, DeviceError> {
        let now = self.clock.now();
        let at = match self.empty_at {
            Some(empty_at) if empty_at >= now => empty_at,
            Some(_) => {
                self.xruns += 1;
                self.reserve.ran_dry(now);
                now + self.in_hand()
            }
            None => now + self.in_hand(),
        };
        self.empty_at = Some(at + BLOCK_DURATION);
        self.recording.push(at, block);
        self.append(block)
            .map_err(|error| DeviceError::Lost(format!("its file cannot be written: {error}")))?;
        Ok(at)
    }

    fn xruns(&self) -> u64 {
        self.xruns
    }
}

#[cfg(test)]
mod tests {
    use vestibule_common::media::BLOCK_SAMPLES;

    use super::*;

    #[test]
    fn blocks_play_one_after_the_other_and_can_be_read_back() {
        let clock = Clock::start();
        let recording = Recording::new();
        let mut speaker = SimSpeaker::new(recording.clone(), clock);
        let mut times = Vec::new();
        for n in 0..20_i16 {
            speaker.ready().unwrap();
            times.push(speaker.write(&[n * 100; BLOCK_SAMPLES]).unwrap());
        }
        // Room for the last came at the earliest when so much was in hand.
        assert!(clock.now() >= times[19] - BLOCK_DURATION * IN_HAND.1);
        let heard = recording.after(times[4]);
        assert_eq!(heard.len(), 15);
        assert_eq!((heard[0].at, heard[0].samples[0]), (times[5], 500));
        for pair in times.windows(2) {
            assert!(pair[1].since(pair[0]) >= BLOCK_DURATION, "blocks must not overlap");
        }
        assert!((recording.level_after(times[18]) - 1900.0).abs() < 1.0);
        assert!(recording.level_after(times[19]).abs() < 1e-9);
    }

    #[test]
    fn running_dry_is_counted() {
        let clock = Clock::start();
        let mut speaker = SimSpeaker::new(Recording::new(), clock);
        let first = speaker.write(&[0; BLOCK_SAMPLES]).unwrap();
        clock.sleep_until(first + BLOCK_DURATION * 4);
        let late = speaker.write(&[0; BLOCK_SAMPLES]).unwrap();
        assert!(late > first + BLOCK_DURATION * 4);
        assert_eq!(speaker.xruns(), 1);
    }

    #[test]
    fn the_file_holds_what_was_played() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.wav");
        let mut speaker = SimSpeaker::with_file(Recording::new(), Clock::start(), &path).unwrap();
        for n in 0..5 {
            speaker.ready().unwrap();
            speaker.write(&[n; BLOCK_SAMPLES]).unwrap();
        }
        drop(speaker);
        let mut file = hound::WavReader::open(&path).unwrap();
        let samples: Vec<i16> = file.samples().map(Result::unwrap).collect();
        assert_eq!(
            (file.spec().sample_rate, samples.len(), samples[BLOCK_SAMPLES * 4]),
            (48_000, BLOCK_SAMPLES * 5, 4)
        );
        let nowhere = folder.path().join("missing/out.wav");
        assert!(SimSpeaker::with_file(Recording::new(), Clock::start(), &nowhere).is_err());
    }
}
