//! The microphone's sound without the speaker's echo and the room's noise, at an even level: WebRTC's audio processing
//! (the `sonora` crate), a period of 10 ms at a time.
//!
//! Not for the sound cards' own threads: the crate allocates for every period. Times are arguments.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sonora::config::{
    AdaptiveDigital, EchoCanceller, GainController2, HighPassFilter, MaxProcessingRate, NoiseSuppression,
    Pipeline,
};
use sonora::{AudioProcessing, Config, StreamConfig};
use vestibule_common::media::{AudioFrame, FRAME_DURATION, LevelMeter, SAMPLE_RATE, SILENCE};
use vestibule_common::time::{Duration, Time};

use super::half_duplex::{Direction, HalfDuplex};
use super::reference::ReferenceLine;

/// What is done about the speaker's sound in the microphone.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EchoMode {
    /// It is cancelled; everybody speaks and hears at once.
    #[default]
    Cancel,
    /// One direction at a time.
    HalfDuplex,
    /// Nothing: for headsets, and for devices that cancel echo themselves.
    Off,
}

impl EchoMode {
    /// Every mode, in the order in which they are offered.
    pub const ALL: [EchoMode; 3] = [EchoMode::Cancel, EchoMode::HalfDuplex, EchoMode::Off];
}

impl FromStr for EchoMode {
    type Err = String;

    fn from_str(text: &str) -> Result<EchoMode, String> {
        match text {
            "cancel" => Ok(EchoMode::Cancel),
            "half-duplex" => Ok(EchoMode::HalfDuplex),
            "off" => Ok(EchoMode::Off),
            other => Err(format!("{other:?} is no way to treat echo: say cancel, half-duplex or off")),
        }
    }
}

impl fmt::Display for EchoMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            EchoMode::Cancel => "cancel",
            EchoMode::HalfDuplex => "half-duplex",
            EchoMode::Off => "off",
        })
    }
}

/// What is done to the microphone's sound.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Cleaning {
    /// About the speaker's sound in it.
    pub echo: EchoMode,
    /// Steady noise is turned down, by about 12 dB.
    pub noise_suppression: bool,
    /// Quiet voices are turned up.
    pub gain_control: bool,
}

/// A longer gap in the microphone's sound is a new beginning: to make up for it would take time that may be what is
/// lacking.
const LONGEST_GAP: u32 = 10;

/// The processing of one microphone.
pub struct Cleaner {
    cleaning: Cleaning,
    /// `None` if there is nothing for it to do.
    processing: Option<AudioProcessing>,
    half_duplex: Option<(HalfDuplex, LevelMeter)>,
    line: ReferenceLine,
    reference: AudioFrame,
    /// When the next period should begin.
    expected: Option<Time>,
}

impl Cleaner {
    /// A cleaned period may hold sound taken this much before it began: the filters that split and join its bands.
    pub const MEMORY: Duration = Duration::from_millis(5);

    /// A cleaner that knows nothing of the room yet.
    pub fn new(cleaning: Cleaning) -> Cleaner {
        let mono = StreamConfig::new(SAMPLE_RATE, 1);
        let Cleaning { echo, noise_suppression, gain_control } = cleaning;
        let cancel = echo == EchoMode::Cancel;
        let config = Config {
            pipeline: Pipeline {
                maximum_internal_processing_rate: MaxProcessingRate::Rate48kHz,
                ..Pipeline::default()
            },
            high_pass_filter: Some(HighPassFilter::default()),
            echo_canceller: cancel.then(EchoCanceller::default),
            noise_suppression: noise_suppression.then(NoiseSuppression::default),
            gain_controller2: gain_control.then(|| GainController2 {
                adaptive_digital: Some(AdaptiveDigital::default()),
                ..GainController2::default()
            }),
            ..Config::default()
        };
        let processing = (cancel || noise_suppression || gain_control).then(|| {
            AudioProcessing::builder().config(config).capture_config(mono).render_config(mono).build()
        });
        Cleaner {
            cleaning,
            processing,
            half_duplex: (echo == EchoMode::HalfDuplex).then(Default::default),
            line: ReferenceLine::new(),
            reference: SILENCE,
            expected: None,
        }
    }

    /// What it does.
    pub fn cleaning(&self) -> Cleaning {
        self.cleaning
    }

    /// The speaker was handed `samples`, whose first leaves the converter at `leaves`.
    pub fn played(&mut self, samples: &[i16], leaves: Time) {
        self.line.played(samples, leaves);
    }

    /// Cleans the next period in place; `captured` is when its first sample was taken. Periods that the microphone lost in
    /// between count as silence, so that the echo's delay stays what it was.
    pub fn period(&mut self, samples: &mut AudioFrame, captured: Time) {
        let gap = self.expected.map_or(0, |expected| periods_between(expected, captured));
        if gap > LONGEST_GAP {
            *self = Cleaner { line: std::mem::take(&mut self.line), ..Cleaner::new(self.cleaning) };
        } else {
            for n in (1..=gap).rev() {
                self.process(&mut SILENCE.clone(), captured - FRAME_DURATION * n);
            }
        }
        self.process(samples, captured);
        self.expected = Some(captured + FRAME_DURATION);
    }

    /// What the speaker played during the last period, as the canceller saw it.
    pub fn reference(&self) -> &AudioFrame {
        &self.reference
    }

    /// Who has the word, where only one direction is open at a time.
    pub fn direction(&self) -> Direction {
        self.half_duplex.as_ref().map_or(Direction::Both, |(duplex, _)| duplex.direction())
    }

    fn process(&mut self, samples: &mut AudioFrame, captured: Time) {
        self.line.period(captured, &mut self.reference);
        if let Some(processing) = &mut self.processing {
            let mut out = SILENCE;
            // It copies what it needs of the reference; what it gives back is the reference again.
            let done = processing
                .process_render_i16(&self.reference, &mut out)
                .and_then(|()| processing.process_capture_i16(samples, &mut out));
            // It refuses only frames of another length than it was made for: the sound is better uncleaned than gone.
            if done.is_ok() {
                *samples = out;
            }
        }
        if let Some((duplex, meter)) = &mut self.half_duplex {
            let level = meter.frame(samples);
            duplex.period(samples, -f32::from(level.below_full_scale_db), level.voice, &self.reference);
        }
    }
}

/// Whole periods from `expected` to `captured`, if it is later; stamps jitter by a few milliseconds.
fn periods_between(expected: Time, captured: Time) -> u32 {
    let late = captured.since(expected).as_millis() + 3;
    u32::try_from(late / FRAME_DURATION.as_millis()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
