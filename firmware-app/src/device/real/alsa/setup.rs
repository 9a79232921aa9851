//! What a PCM is asked for, and what it agrees to: 48 kHz if it can, else another rate; 16 bit, else wider; mono, else the
//! fewest channels; periods of 10 ms of a microphone, 5 ms of a speaker.

use alsa::pcm::{Access, Format, HwParams, PCM, TstampType};
use alsa::{Direction, ValueOr};
use vestibule_common::time::Duration;

use super::samples::{Layout, SampleFormat};
use crate::device::DeviceError;

/// The kiosk's own rate.
pub(super) const RATE: u32 = 48_000;

/// Rates in the order in which they are taken: what loses nothing, then what loses least.
const RATES: [u32; 11] =
    [RATE, 96_000, 44_100, 88_200, 192_000, 32_000, 24_000, 22_050, 16_000, 11_025, 8_000];

/// More channels than this are no room device.
const MOST_CHANNELS: usize = 32;

/// Periods of the card's in a second.
fn periods(way: Direction) -> u32 {
    match way {
        Direction::Capture => 100,
        Direction::Playback => 200,
    }
}

/// What the kiosk reads or writes at once: a microphone's period, a speaker's block; so many in a second.
fn blocks(way: Direction) -> u32 {
    match way {
        Direction::Capture => 100,
        Direction::Playback => 400,
    }
}

/// What a PCM agreed to.
pub(super) struct Setup {
    /// How its samples lie.
    pub(super) layout: Layout,
    /// Samples a second of one channel.
    pub(super) rate: u32,
    /// Frames of a period of the card's.
    pub(super) period: usize,
    /// Frames that the kiosk reads or writes at once, rounded up.
    pub(super) block: usize,
    /// Frames of its buffer.
    pub(super) buffer: usize,
}

impl Setup {
    /// How it runs, for a person.
    pub(super) fn describe(&self) -> String {
        let milliseconds = |frames: usize| frames as f64 * 1000.0 / f64::from(self.rate);
        let channels = match self.layout.channels {
            1 => "mono".to_owned(),
            2 => "stereo".to_owned(),
            more => format!("{more} channels"),
        };
        let resampled = if self.rate == RATE { "" } else { " (resampled)" };
        format!(
            "{} Hz{resampled}, {}, {channels}, periods of {:.1} ms, buffer {:.1} ms",
            self.rate,
            self.layout.format.name(),
            milliseconds(self.period),
            milliseconds(self.buffer),
        )
    }
}

/// Sets a PCM up, with a buffer of about this length. When it wakes and starts is for [`set_capture`] or [`set_playback`].
///
/// Errors: `Unsupported`, saying what the card lacks; `Busy` if it was taken meanwhile.
pub(super) fn set_up(pcm: &PCM, way: Direction, buffer: Duration) -> Result<Setup, DeviceError> {
    let (rate, format) = set_hardware(pcm, way, buffer)?;
    let set = pcm.hw_params_current().map_err(lacks("settings"))?;
    let whole = |frames: alsa::Result<i64>| {
        frames.map(|frames| usize::try_from(frames).unwrap_or(0)).map_err(lacks("settings"))
    };
    let channels = set.get_channels().map_err(lacks("settings"))?.max(1) as usize;
    let setup = Setup {
        layout: Layout { format, channels },
        rate,
        period: whole(set.get_period_size())?,
        block: rate.div_ceil(blocks(way)) as usize,
        buffer: whole(set.get_buffer_size())?,
    };
    drop(set);
    Ok(setup)
}

/// The rate and the format it took.
fn set_hardware(pcm: &PCM, way: Direction, buffer: Duration) -> Result<(u32, SampleFormat), DeviceError> {
    let hardware = HwParams::any(pcm).map_err(lacks("settings"))?;
    hardware.set_access(Access::RWInterleaved).map_err(lacks("interleaved samples"))?;
    match RATES.into_iter().find(|rate| hardware.test_rate(*rate).is_ok()) {
        Some(rate) => hardware.set_rate(rate, ValueOr::Nearest).map_err(lacks("such a rate"))?,
        None => drop(hardware.set_rate_near(RATE, ValueOr::Nearest).map_err(lacks("such a rate"))?),
    }
    let rate = hardware.get_rate().map_err(lacks("one rate"))?;
    let format =
        SampleFormat::ALL.into_iter().find(|format| hardware.test_format(alsa_format(*format)).is_ok());
    let format = format.ok_or_else(|| no_format(&hardware))?;
    hardware.set_format(alsa_format(format)).map_err(lacks("such samples"))?;
    let channels = hardware.set_channels_near(1).map_err(lacks("channels"))?;
    if channels as usize > MOST_CHANNELS {
        return Err(DeviceError::Unsupported(format!(
            "it has {channels} channels at least, and {MOST_CHANNELS} are the most that a room's device may have"
        )));
    }
    let period = i64::from(rate.div_ceil(periods(way)));
    hardware.set_period_size_near(period, ValueOr::Nearest).map_err(lacks("short periods"))?;
    let wanted = buffer.as_micros() * u128::from(rate) / 1_000_000;
    let wanted = i64::try_from(wanted).unwrap_or(i64::MAX).max(2 * period);
    hardware.set_buffer_size_near(wanted).map_err(lacks("short buffer"))?;
    pcm.hw_params(&hardware).map_err(|error| match error.errno() {
        libc::EBUSY => DeviceError::Busy("its settings are those of another program".into()),
        _ => lacks("such settings")(error),
    })?;
    Ok((rate, format))
}

/// A microphone wakes its reader for every block.
///
/// Errors: `Unsupported`, saying what the card lacks.
pub(super) fn set_capture(pcm: &PCM, setup: &Setup) -> Result<(), DeviceError> {
    // Where samples are resampled, 10 ms are one sample more at times.
    let resampled = usize::from(setup.rate != RATE);
    set_software(pcm, setup.block + resampled, None)
}

/// A speaker wakes its writer once no more than `in_hand` frames are left to be played, and begins once it has more.
///
/// Errors: `Unsupported`, saying what the card lacks.
pub(super) fn set_playback(pcm: &PCM, setup: &Setup, in_hand: usize) -> Result<(), DeviceError> {
    set_software(pcm, setup.buffer.saturating_sub(in_hand).max(1), Some(in_hand + 1))
}

fn set_software(pcm: &PCM, wake: usize, start: Option<usize>) -> Result<(), DeviceError> {
    let software = pcm.sw_params_current().map_err(lacks("settings"))?;
    software.set_avail_min(wake as i64).map_err(lacks("settings"))?;
    if let Some(start) = start {
        software.set_start_threshold(start as i64).map_err(lacks("settings"))?;
    }
    // Without these the times are those of the call, which will do.
    let _ = software.set_tstamp_mode(true);
    let _ = software.set_tstamp_type(TstampType::Monotonic);
    pcm.sw_params(&software).map_err(lacks("settings"))
}

fn lacks(what: &'static str) -> impl Fn(alsa::Error) -> DeviceError {
    move |error| DeviceError::Unsupported(format!("it has no {what}: {error}"))
}

fn no_format(hardware: &HwParams<'_>) -> DeviceError {
    let found: Vec<String> = Format::all()
        .iter()
        // ALSA itself stops the program when it is asked for that one.
        .filter(|format| **format != Format::Unknown)
        .filter(|format| hardware.test_format(**format).is_ok())
        .map(|format| format!("{format}"))
        .collect();
    let found = if found.is_empty() { "none that is known".to_owned() } else { found.join(", ") };
    DeviceError::Unsupported(format!("it has no samples of 16, 24 or 32 bit; found: {found}"))
}

fn alsa_format(format: SampleFormat) -> Format {
    match format {
        SampleFormat::S16 => Format::S16LE,
        SampleFormat::S32 => Format::S32LE,
        SampleFormat::S24In3 => Format::S243LE,
        SampleFormat::S24In4 => Format::S24LE,
    }
}
