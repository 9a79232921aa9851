//! A PCM that is set up, in one direction: whole blocks of samples in or out, with what may go wrong mended on the spot or
//! told.
//!
//! The PCM does not block, so that a card that died is noticed; the waiting is done with a limit. Nothing here allocates,
//! locks or logs once the line is open.

use std::ffi::CString;
use std::thread;

use alsa::Direction;
use alsa::pcm::{PCM, State};
use vestibule_common::time::{Duration, Time};

use super::explain::{self, explain};
use super::setup::{Setup, set_capture, set_playback, set_up};
use crate::device::DeviceError;
use crate::device::clock::Clock;
use crate::device::config::CardName;
use crate::device::reserve::Reserve;

/// A sound card that takes or gives nothing for this long is gone.
const SILENCE_MS: u32 = 700;

/// Mending more often than this for one block means that it cannot be mended.
const MENDS: u32 = 8;

/// How often, at most, a card that wakes from suspension is asked whether it has, and how long between.
const WAKES: u32 = 50;
const WAKING: Duration = Duration::from_millis(10);

/// The line.
pub(super) struct Line {
    pcm: PCM,
    way: Direction,
    setup: Setup,
    /// How much a speaker has in hand, and how much it was last told to have, in blocks.
    reserve: Reserve,
    in_hand: u32,
    /// A block of all channels, as the card has it.
    bytes: Vec<u8>,
    /// What a person calls it, for errors.
    name: String,
    description: String,
    xruns: u64,
    clock: Clock,
}

impl Line {
    /// Tries the card itself, and with ALSA's conversions in front if nothing that it offers can be used.
    ///
    /// Errors: `Missing`, `Busy` or `Unsupported`, in words for the person who must act.
    pub(super) fn open(
        card: &CardName,
        way: Direction,
        buffer: Duration,
        clock: Clock,
    ) -> Result<Line, DeviceError> {
        let name = card.pcm().to_owned();
        let direct = Line::open_pcm(card.pcm(), &name, way, buffer, clock);
        match (direct, card.converting()) {
            (Err(DeviceError::Unsupported(why)), Some(converting)) if !explain::is_forbidden(&why) => {
                let converted = Line::open_pcm(&converting, &name, way, buffer, clock);
                let mut line = converted.map_err(|error| explain::neither(&name, &why, error))?;
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
        if way == Direction::Capture {
            set_capture(&pcm, &setup)?;
            pcm.start().map_err(|error| explain(name, way, error))?;
        }
        let reserve = reserve(&setup);
        // Two samples more where a resampler needs them.
        let block = (setup.block + 2) * setup.layout.frame();
        Ok(Line {
            pcm,
            way,
            reserve,
            in_hand: 0,
            bytes: vec![0; block],
            name: name.to_owned(),
            description: format!("{name}, {}", setup.describe()),
            setup,
            xruns: 0,
            clock,
        })
    }

    /// Samples a second.
    pub(super) fn rate(&self) -> u32 {
        self.setup.rate
    }

    /// What it is and how it runs, for a person.
    pub(super) fn description(&self) -> String {
        self.description.clone()
    }

    /// Room for blocks of this many frames. Allocates.
    pub(super) fn reserve(&mut self, frames: usize) {
        self.bytes.resize(frames * self.setup.layout.frame(), 0);
    }

    /// How often samples were lost, or missing, since it was opened.
    pub(super) fn xruns(&self) -> u64 {
        self.xruns
    }

    /// How long so many frames last.
    pub(super) fn span(&self, frames: i64) -> Duration {
        Duration::from_micros(frames.unsigned_abs() * 1_000_000 / u64::from(self.setup.rate.max(1)))
    }

    /// Waits for as many frames as `mono` has room for, all of them without a gap, and mixes their channels down. Says
    /// when the first of them was captured.
    pub(super) fn read(&mut self, mono: &mut [f32]) -> Result<Time, DeviceError> {
        let (frame, wanted) = (self.setup.layout.frame(), mono.len());
        let (mut got, mut mends, mut gaps) = (0, 0, 0);
        while got < wanted {
            let xruns = self.xruns;
            let read = self.pcm.io_bytes().readi(&mut self.bytes[got * frame..wanted * frame]);
            match read {
                Ok(0) => self.wait()?,
                Ok(frames) => got += frames,
                Err(error) => self.after(error, &mut mends)?,
            }
            if self.xruns != xruns {
                // What was read before the gap does not belong to what comes after it.
                got = 0;
                gaps += 1;
                if gaps == MENDS {
                    return Err(self.lost(alsa::Error::new("snd_pcm_readi", libc::EPIPE)));
                }
                if self.pcm.state() == State::Prepared {
                    self.pcm.start().map_err(|error| self.lost(error))?;
                }
            }
        }
        self.setup.layout.mix_down(&self.bytes, mono);
        let (at, waiting) = self.position().map_err(|error| self.lost(error))?;
        Ok(at - self.span(waiting.max(0) + wanted as i64))
    }

    /// Waits until there is room for so many frames, and no more in hand than there should be.
    pub(super) fn ready(&mut self, frames: usize) -> Result<(), DeviceError> {
        for _ in 0..MENDS {
            let in_hand = self.keep_in_hand()?;
            let room_at = self.setup.buffer.saturating_sub(in_hand).max(frames);
            match self.pcm.avail_update() {
                Ok(room) if room >= room_at as i64 => return Ok(()),
                Ok(_) => self.wait()?,
                Err(error) => self.mend(error)?,
            }
        }
        // Each wait said that there is room, and there never was: the writing will find out why.
        Ok(())
    }

    /// How many frames the speaker should have in hand, of which the card is told when they change.
    fn keep_in_hand(&mut self) -> Result<usize, DeviceError> {
        let blocks = self.reserve.at(self.clock.now());
        let frames = blocks as usize * self.setup.block;
        if blocks != self.in_hand {
            set_playback(&self.pcm, &self.setup, frames)?;
            self.in_hand = blocks;
        }
        Ok(frames)
    }

    /// Hands over a block, in every channel, and says when its first sample will leave the converter.
    pub(super) fn write(&mut self, mono: &[f32]) -> Result<Time, DeviceError> {
        self.setup.layout.spread(mono, &mut self.bytes);
        let (frame, all) = (self.setup.layout.frame(), mono.len());
        let (mut put, mut mends) = (0, 0);
        while put < all {
            let written = self.pcm.io_bytes().writei(&self.bytes[put * frame..all * frame]);
            match written {
                Ok(0) => self.wait()?,
                Ok(frames) => put += frames,
                Err(error) => self.after(error, &mut mends)?,
            }
        }
        let (at, ahead) = self.position().map_err(|error| self.lost(error))?;
        // `ahead` counts to the end of this block.
        Ok(at + self.span((ahead - all as i64).max(0)))
    }

    /// Reading or writing did not go on: waits or mends, but not for ever.
    fn after(&mut self, error: alsa::Error, mends: &mut u32) -> Result<(), DeviceError> {
        if error.errno() == libc::EAGAIN {
            return self.wait();
        }
        *mends += 1;
        if *mends == MENDS {
            return Err(self.lost(error));
        }
        self.mend(error)
    }

    /// Waits until there are samples, or room for them.
    fn wait(&mut self) -> Result<(), DeviceError> {
        let before = self.pcm.avail_update().unwrap_or(0);
        match self.pcm.wait(Some(SILENCE_MS)) {
            Ok(true) => Ok(()),
            // Looking makes the driver count anew: on a machine that was busy for a second its timer may be late
            // while the card is not.
            Ok(false) => match self.pcm.avail() {
                Ok(frames) if frames > before => Ok(()),
                Ok(_) => Err(DeviceError::Lost(format!("{} stood still for {SILENCE_MS} ms", self.name))),
                Err(error) => self.mend(error),
            },
            Err(error) => self.mend(error),
        }
    }

    /// Starts again after an overrun, an underrun or a suspension; anything else is the end of the device.
    fn mend(&mut self, error: alsa::Error) -> Result<(), DeviceError> {
        let mended = match error.errno() {
            libc::EPIPE => {
                self.xruns += 1;
                self.reserve.ran_dry(self.clock.now());
                self.pcm.prepare()
            }
            libc::ESTRPIPE => {
                self.xruns += 1;
                // A card that cannot resume is prepared anew.
                self.wake().or_else(|_| self.pcm.prepare())
            }
            libc::EINTR | libc::EAGAIN => Ok(()),
            _ => Err(error),
        };
        mended.map_err(|error| self.lost(error))
    }

    /// A card whose machine wakes from suspension asks for patience.
    fn wake(&self) -> Result<(), alsa::Error> {
        for _ in 0..WAKES {
            match self.pcm.resume() {
                Err(error) if error.errno() == libc::EAGAIN => thread::sleep(WAKING),
                resumed => return resumed,
            }
        }
        self.pcm.resume()
    }

    fn lost(&self, error: alsa::Error) -> DeviceError {
        explain::lost(&self.name, self.way, error)
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

/// What a speaker has in hand. The card plays up to a period of its own before this program hears of it; that and two blocks are the
/// least. The next block needs room too.
fn reserve(setup: &Setup) -> Reserve {
    let block = setup.block.max(1);
    let least = setup.period.div_ceil(block) + 2;
    let most = (setup.buffer / block).saturating_sub(1);
    let blocks = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    Reserve::new(blocks(least), blocks(most))
}
