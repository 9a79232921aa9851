//! Microphones and speakers through ALSA: a card by its id, 48 kHz and 16 bit, mono or the channels the card has.
//!
//! The PCMs do not block, so that a card that died is noticed; the waiting is done with a limit. Reading and writing
//! neither allocate nor log: overruns are counted, and mended on the spot.

use std::collections::BTreeSet;
use std::ffi::CString;
use std::fs;
use std::path::PathBuf;

use alsa::pcm::{Access, Format, HwParams, PCM, State, TstampType};
use alsa::{Card, Ctl, Direction, ValueOr};
use vestibule_common::time::{Duration, Time};

use super::users;
use crate::device::clock::Clock;
use crate::device::config::CardName;
use crate::device::found::SoundCard;
use crate::device::reopen::Opened;
use crate::device::{DeviceError, Microphone, PERIOD, Speaker};

const RATE: u32 = 48_000;

/// More channels than this are no room device.
const MOST_CHANNELS: usize = 8;

/// Bytes of a sample.
const WIDTH: usize = 2;

/// A sound card that takes or gives nothing for this long is gone.
const SILENCE_MS: u32 = 1000;

/// Mending an overrun more often than this in one period means that it cannot be mended.
const MENDS: u32 = 8;

/// The sound cards, by number.
pub(in crate::device) fn find() -> Vec<SoundCard> {
    alsa::card::Iter::new().flatten().filter_map(|card| describe(card).ok()).collect()
}

fn describe(card: Card) -> alsa::Result<SoundCard> {
    let control = Ctl::from_card(&card, true)?;
    let info = control.card_info()?;
    let (mut captures, mut plays) = (false, false);
    for device in alsa::ctl::DeviceIter::new(&control) {
        let Ok(device) = u32::try_from(device) else { continue };
        captures |= control.pcm_info(device, 0, Direction::Capture).is_ok();
        plays |= control.pcm_info(device, 0, Direction::Playback).is_ok();
    }
    Ok(SoundCard {
        id: info.get_id()?.to_owned(),
        name: info.get_name()?.to_owned(),
        driver: info.get_driver()?.to_owned(),
        captures,
        plays,
    })
}

/// Opens a microphone.
///
/// Errors: `Missing` without the card, `Busy` if another program records, `Unsupported` if no conversion helps.
pub(in crate::device) fn open_microphone(
    card: &CardName,
    buffer: Duration,
    clock: Clock,
) -> Result<Opened<dyn Microphone>, DeviceError> {
    let line = Line::open(card, Direction::Capture, buffer, clock)?;
    let description = line.description.clone();
    Ok(Opened { device: Box::new(AlsaMicrophone { line }), description })
}

/// Opens a speaker.
///
/// Errors: as [`open_microphone`].
pub(in crate::device) fn open_speaker(
    card: &CardName,
    buffer: Duration,
    clock: Clock,
) -> Result<Opened<dyn Speaker>, DeviceError> {
    let line = Line::open(card, Direction::Playback, buffer, clock)?;
    let description = line.description.clone();
    Ok(Opened { device: Box::new(AlsaSpeaker { line }), description })
}

/// A PCM that is set up, in one direction.
struct Line {
    pcm: PCM,
    channels: usize,
    /// One period of all channels, as the card has it.
    bytes: Vec<u8>,
    /// What a person calls it, for errors.
    name: String,
    description: String,
    xruns: u64,
    clock: Clock,
}

impl Line {
    /// Tries the card itself, and with ALSA's conversions in front if it cannot do 48 kHz in 16 bit.
    fn open(card: &CardName, way: Direction, buffer: Duration, clock: Clock) -> Result<Line, DeviceError> {
        let name = card.pcm().to_owned();
        let direct = Line::open_pcm(card.pcm(), &name, way, buffer, clock);
        match (direct, card.converting()) {
            (Err(DeviceError::Unsupported(why)), Some(converting)) => {
                let mut line = Line::open_pcm(&converting, &name, way, buffer, clock)?;
                line.description.push_str(&format!(", converted by ALSA ({why})"));
                Ok(line)
            }
            (direct, _) => direct,
        }
    }

    fn open_pcm(
        pcm_name: &str,
        name: &str,
        way: Direction,
        buffer: Duration,
        clock: Clock,
    ) -> Result<Line, DeviceError> {
        let text = CString::new(pcm_name)
            .map_err(|_| DeviceError::Unsupported(format!("{pcm_name:?} is no name of a PCM")))?;
        let pcm = PCM::open(&text, way, true).map_err(|error| explain(name, way, error))?;
        let setup = set_up(&pcm, way, buffer)?;
        let description = format!(
            "{name}, {RATE} Hz, {}, periods of {:.1} ms, buffer {:.1} ms",
            match setup.channels {
                1 => "mono".to_owned(),
                2 => "stereo".to_owned(),
                more => format!("{more} channels"),
            },
            milliseconds(setup.period),
            milliseconds(setup.buffer),
        );
        if way == Direction::Capture {
            pcm.start().map_err(|error| explain(name, way, error))?;
        }
        Ok(Line {
            pcm,
            channels: setup.channels,
            bytes: vec![0; PERIOD * WIDTH * setup.channels],
            name: name.to_owned(),
            description,
            xruns: 0,
            clock,
        })
    }

    /// Waits until there are samples, or room for them.
    fn wait(&mut self) -> Result<(), DeviceError> {
        match self.pcm.wait(Some(SILENCE_MS)) {
            Ok(true) => Ok(()),
            // Looking makes the driver count anew: on a machine that was busy for a second its timer may be late
            // while the card is not.
            Ok(false) => match self.pcm.avail() {
                Ok(frames) if frames >= PERIOD as i64 => Ok(()),
                Ok(_) => Err(DeviceError::Lost(format!("{} stood still for a second", self.name))),
                Err(error) => self.mend(error),
            },
            Err(error) => self.mend(error),
        }
    }

    /// Starts again after an overrun or an underrun; anything else is the end of the device.
    fn mend(&mut self, error: alsa::Error) -> Result<(), DeviceError> {
        let mended = match error.errno() {
            libc::EPIPE => {
                self.xruns += 1;
                self.pcm.prepare()
            }
            libc::ESTRPIPE => {
                self.xruns += 1;
                // A card that cannot resume is prepared anew.
                self.pcm.resume().or_else(|_| self.pcm.prepare())
            }
            libc::EINTR | libc::EAGAIN => Ok(()),
            _ => Err(error),
        };
        mended.map_err(|error| self.lost(error))
    }

    fn lost(&self, error: alsa::Error) -> DeviceError {
        match error.errno() {
            libc::ENODEV | libc::ENOENT | libc::EBADFD => {
                DeviceError::Lost(format!("{} was unplugged", self.name))
            }
            _ => DeviceError::Lost(format!("{}: {error}", self.name)),
        }
    }

    /// When the card looked, on the kiosk's clock, and how many samples lie between it and this program then.
    fn position(&self) -> Result<(Time, i64), alsa::Error> {
        let status = self.pcm.status()?;
        let stamp = status.get_htstamp();
        let seconds = u64::try_from(stamp.tv_sec).unwrap_or(0);
        let nanoseconds = u32::try_from(stamp.tv_nsec).unwrap_or(0);
        let now = self.clock.now();
        let at = self.clock.from_monotonic(Duration::new(seconds, nanoseconds));
        // Plug-ins and cards that do not run yet give no time, or one that is not of this clock.
        let believable = at <= now && now.since(at) < Duration::from_secs(1);
        Ok((if believable { at } else { now }, status.get_delay()))
    }
}

struct AlsaMicrophone {
    line: Line,
}

impl Microphone for AlsaMicrophone {
    fn read(&mut self, period: &mut [i16; PERIOD]) -> Result<Time, DeviceError> {
        let line = &mut self.line;
        let frame = WIDTH * line.channels;
        let (mut got, mut mends) = (0, 0);
        while got < PERIOD {
            let xruns = line.xruns;
            let read = line.pcm.io_bytes().readi(&mut line.bytes[got * frame..]);
            match read {
                Ok(0) => line.wait()?,
                Ok(frames) => got += frames,
                Err(error) if error.errno() == libc::EAGAIN => line.wait()?,
                Err(error) => {
                    mends += 1;
                    if mends == MENDS {
                        return Err(line.lost(error));
                    }
                    line.mend(error)?;
                }
            }
            if line.xruns != xruns {
                // What was read before the gap does not belong to what comes after it.
                got = 0;
                if line.pcm.state() == State::Prepared {
                    line.pcm.start().map_err(|error| line.lost(error))?;
                }
            }
        }
        mix_down(&line.bytes, line.channels, period);
        let (at, waiting) = line.position().map_err(|error| line.lost(error))?;
        Ok(at - span(waiting.max(0) + PERIOD as i64))
    }

    fn xruns(&self) -> u64 {
        self.line.xruns
    }
}

struct AlsaSpeaker {
    line: Line,
}

impl Speaker for AlsaSpeaker {
    fn ready(&mut self) -> Result<(), DeviceError> {
        let line = &mut self.line;
        for _ in 0..MENDS {
            match line.pcm.avail_update() {
                Ok(room) if room >= PERIOD as i64 => return Ok(()),
                Ok(_) => line.wait()?,
                Err(error) => line.mend(error)?,
            }
        }
        // Each wait said that there is room, and there never was: the writing will find out why.
        Ok(())
    }

    fn write(&mut self, period: &[i16; PERIOD]) -> Result<Time, DeviceError> {
        let line = &mut self.line;
        spread(period, line.channels, &mut line.bytes);
        let frame = WIDTH * line.channels;
        let (mut put, mut mends) = (0, 0);
        while put < PERIOD {
            let written = line.pcm.io_bytes().writei(&line.bytes[put * frame..]);
            match written {
                Ok(0) => line.wait()?,
                Ok(frames) => put += frames,
                Err(error) if error.errno() == libc::EAGAIN => line.wait()?,
                Err(error) => {
                    mends += 1;
                    if mends == MENDS {
                        return Err(line.lost(error));
                    }
                    line.mend(error)?;
                }
            }
        }
        let (at, ahead) = line.position().map_err(|error| line.lost(error))?;
        // `ahead` counts to the end of this period.
        Ok(at + span((ahead - PERIOD as i64).max(0)))
    }

    fn xruns(&self) -> u64 {
        self.line.xruns
    }
}

struct Setup {
    channels: usize,
    period: usize,
    buffer: usize,
}

/// 48 kHz, 16 bit, mono or the fewest channels there are, periods of 10 ms.
///
/// Errors: `Unsupported`, saying what the card lacks; `Busy` if it was taken meanwhile.
fn set_up(pcm: &PCM, way: Direction, buffer: Duration) -> Result<Setup, DeviceError> {
    let lacks = |what: &'static str| {
        move |error: alsa::Error| DeviceError::Unsupported(format!("it has no {what}: {error}"))
    };
    let wanted_buffer = i64::try_from(buffer.as_micros() * u128::from(RATE) / 1_000_000).unwrap_or(i64::MAX);
    {
        let hardware = HwParams::any(pcm).map_err(lacks("settings"))?;
        hardware.set_access(Access::RWInterleaved).map_err(lacks("interleaved samples"))?;
        hardware.set_format(Format::s16()).map_err(lacks("16-bit samples"))?;
        hardware.set_rate(RATE, ValueOr::Nearest).map_err(lacks("48 kHz"))?;
        let channels = hardware.set_channels_near(1).map_err(lacks("channels"))?;
        if channels as usize > MOST_CHANNELS {
            return Err(DeviceError::Unsupported(format!("it has {channels} channels at least")));
        }
        hardware.set_period_size_near(PERIOD as i64, ValueOr::Nearest).map_err(lacks("short periods"))?;
        hardware.set_buffer_size_near(wanted_buffer.max(2 * PERIOD as i64)).map_err(lacks("short buffer"))?;
        pcm.hw_params(&hardware).map_err(|error| match error.errno() {
            libc::EBUSY => DeviceError::Busy("its settings are those of another program".into()),
            _ => lacks("such settings")(error),
        })?;
    }
    let (period, buffer, channels) = {
        let set = pcm.hw_params_current().map_err(lacks("settings"))?;
        let rate = set.get_rate().map_err(lacks("settings"))?;
        if rate != RATE {
            return Err(DeviceError::Unsupported(format!("it runs at {rate} Hz")));
        }
        let read = |value: alsa::Result<i64>| value.map_err(lacks("settings"));
        (
            read(set.get_period_size())?,
            read(set.get_buffer_size())?,
            set.get_channels().map_err(lacks("settings"))? as usize,
        )
    };
    let software = pcm.sw_params_current().map_err(lacks("settings"))?;
    software.set_avail_min(PERIOD as i64).map_err(lacks("settings"))?;
    if way == Direction::Playback {
        // It begins once it is full but for one period: then a writer that is one period late is not heard.
        let threshold = (buffer - PERIOD as i64).max(PERIOD as i64);
        software.set_start_threshold(threshold).map_err(lacks("settings"))?;
    }
    // Without these the times are those of the call, which will do.
    let _ = software.set_tstamp_mode(true);
    let _ = software.set_tstamp_type(TstampType::Monotonic);
    pcm.sw_params(&software).map_err(lacks("settings"))?;
    let whole = |frames: i64| usize::try_from(frames).unwrap_or(0);
    Ok(Setup { channels, period: whole(period), buffer: whole(buffer) })
}

/// The mean of all channels.
fn mix_down(bytes: &[u8], channels: usize, period: &mut [i16; PERIOD]) {
    let count = i32::try_from(channels.max(1)).unwrap_or(1);
    for (sample, frame) in period.iter_mut().zip(bytes.chunks_exact(WIDTH * channels.max(1))) {
        let sum: i32 =
            frame.chunks_exact(WIDTH).map(|pair| i32::from(i16::from_ne_bytes([pair[0], pair[1]]))).sum();
        // A mean of 16-bit values is one.
        *sample = (sum / count) as i16;
    }
}

/// The same in every channel.
fn spread(period: &[i16; PERIOD], channels: usize, bytes: &mut [u8]) {
    for (sample, frame) in period.iter().zip(bytes.chunks_exact_mut(WIDTH * channels.max(1))) {
        for pair in frame.chunks_exact_mut(WIDTH) {
            pair.copy_from_slice(&sample.to_ne_bytes());
        }
    }
}

/// How long so many samples last.
fn span(samples: i64) -> Duration {
    Duration::from_micros(samples.unsigned_abs() * 1_000_000 / u64::from(RATE))
}

fn milliseconds(samples: usize) -> f64 {
    samples as f64 * 1000.0 / f64::from(RATE)
}

/// ALSA's answer to opening, for the person who must act.
fn explain(name: &str, way: Direction, error: alsa::Error) -> DeviceError {
    match error.errno() {
        libc::EBUSY => DeviceError::Busy(holder(name, way)),
        libc::ENODEV | libc::ENOENT | libc::ENXIO => {
            DeviceError::Missing(format!("there is no sound card {name}, or it has no such direction"))
        }
        libc::EACCES | libc::EPERM => DeviceError::Unsupported(format!(
            "{name} may not be opened: the program's user must be in the group audio"
        )),
        _ => DeviceError::Lost(format!("{name}: {error}")),
    }
}

/// Which program has the card open in a direction.
fn holder(name: &str, way: Direction) -> String {
    let id = name.trim_start_matches("hw:").trim_start_matches("CARD=").split(',').next().unwrap_or_default();
    let Ok(number) = fs::read_link(format!("/proc/asound/{id}")) else {
        return format!("{name} is held by another program");
    };
    let number = number.to_string_lossy().trim_start_matches("card").to_owned();
    let ending = match way {
        Direction::Capture => 'c',
        Direction::Playback => 'p',
    };
    let mut holders = BTreeSet::new();
    for entry in fs::read_dir("/dev/snd").into_iter().flatten().flatten() {
        let file = entry.file_name().to_string_lossy().into_owned();
        if file.starts_with(&format!("pcmC{number}D")) && file.ends_with(ending) {
            holders.extend(users::of(&PathBuf::from("/dev/snd").join(file)));
        }
    }
    if holders.is_empty() {
        return format!("{name} is held by a program that cannot be seen from here");
    }
    format!("{name} is held by {}", holders.into_iter().collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stereo_is_mixed_down_and_mono_spread() {
        let mut bytes = vec![0; PERIOD * WIDTH * 2];
        for frame in bytes.chunks_exact_mut(4) {
            frame[..2].copy_from_slice(&i16::MAX.to_ne_bytes());
            frame[2..].copy_from_slice(&(i16::MAX - 2).to_ne_bytes());
        }
        let mut period = [0; PERIOD];
        mix_down(&bytes, 2, &mut period);
        assert!(period.iter().all(|sample| *sample == i16::MAX - 1));
        spread(&period, 2, &mut bytes);
        let mut again = [0; PERIOD];
        mix_down(&bytes, 2, &mut again);
        assert_eq!(again, period);
    }

    #[test]
    fn a_card_that_is_not_there_is_missing() {
        let card = CardName::of_card("NoSuchCard");
        let error = open_microphone(&card, Duration::from_millis(40), Clock::start()).err().unwrap();
        assert!(matches!(error, DeviceError::Missing(_)), "{error}");
    }
}
