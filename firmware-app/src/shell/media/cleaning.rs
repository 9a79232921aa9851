//! The cleaning's thread: echo, noise and gain, then the level, then the gate, then coding, then the ring to the sending thread.
//!
//! The level is measured before the gate, so that speaking while muted is noticed, and after the cleaning, so that the other
//! rooms' voices are not taken for it. The cleaning goes on while muted: unmuting brings no burst of echo.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;
use std::thread::{self, Thread};

use heapless::spsc::{Consumer, Producer};
use vestibule_common::media::{AudioBlock, AudioFrame, Gate, LevelMeter, SILENCE};
use vestibule_common::time::{Duration, Time};

use super::microphone::{Captured, MicrophoneReport};
use super::outbox::{AudioOut, Outbox};
use super::ring::ring;
use super::speaking::{SoundSwitch, Speaking};
use super::stats::Stats;
use crate::audio::{Cleaner, Direction};
use crate::device::clock::Clock;
use crate::device::realtime::{self, Priority};
use crate::shell::watch::Watch;

/// Somebody counts as speaking for this many periods after the last one with speech.
const SPEECH_LINGERS: u32 = 50;
/// Without a period for this long nobody is heard.
const SILENT: Duration = Duration::from_millis(200);
/// Periods that may wait: 310 ms; the thread wakes within one.
const PERIODS: usize = 32;
/// Of four blocks.
const BLOCKS: usize = 4 * PERIODS;

/// One block as the speaker was given it.
pub(super) struct Played {
    /// The samples.
    pub samples: AudioBlock,
    /// When the first of them leaves the converter.
    pub leaves: Time,
}

/// The speaker's ends.
pub(super) struct EchoPath {
    /// Everything that is played.
    pub played: Producer<'static, Played>,
    /// This room has the word, and only one direction is open: the other rooms are turned down.
    pub near_speaks: Arc<AtomicBool>,
}

/// One period of each track of a recording for diagnosis.
pub(super) struct Tracks {
    /// As captured; silence while the gate is closed.
    pub microphone: AudioFrame,
    /// As played, lined up with it.
    pub reference: AudioFrame,
    /// As sent; silence while the gate is closed.
    pub output: AudioFrame,
}

/// What the thread is told.
pub(super) enum CleaningCommand {
    /// Clean with this from now on.
    Clean(Box<Cleaner>),
    /// Hand out every period's tracks until the other end is gone.
    Record(SyncSender<Tracks>),
}

/// What the thread works on.
pub(super) struct CleaningParts {
    /// The only way out.
    pub(super) gate: Gate,
    /// The first cleaner.
    pub(super) cleaner: Box<Cleaner>,
    /// To the sending thread.
    pub(super) audio: Producer<'static, AudioOut>,
    /// Which layers of sound are made.
    pub(super) switch: Arc<SoundSwitch>,
    /// Woken for every period.
    pub(super) outbox: Arc<Outbox>,
    /// What is known of the microphone.
    pub(super) report: Arc<MicrophoneReport>,
    /// Counters.
    pub(super) stats: Arc<Stats>,
}

/// The thread's other ends.
pub(super) struct Cleaned {
    /// For the microphone's thread.
    pub periods: Producer<'static, Captured>,
    /// To be woken with it.
    pub thread: Thread,
    /// For the speaker's thread.
    pub echo_path: EchoPath,
    /// For the control thread.
    pub commands: Producer<'static, CleaningCommand>,
}

/// Starts the cleaning's thread.
///
/// Errors: the system's, when a thread cannot be had.
pub(super) fn start(parts: CleaningParts, watch: &Watch, clock: Clock) -> io::Result<Cleaned> {
    let (periods, mut captured) = ring::<Captured, PERIODS>();
    let (played, references) = ring::<Played, BLOCKS>();
    let (commands, inbox) = ring::<CleaningCommand, 8>();
    let near_speaks = Arc::new(AtomicBool::new(false));
    let mut room = Room {
        parts,
        references,
        inbox,
        near_speaks: near_speaks.clone(),
        meter: LevelMeter::new(),
        quiet: SPEECH_LINGERS,
        speaking: Speaking::new(),
        recording: None,
    };
    let run = move || {
        realtime::raise_this_thread_or_say(Priority::Sound);
        let mut heard = clock.now();
        loop {
            while let Some(period) = captured.dequeue() {
                room.period(period);
                heard = clock.now();
            }
            if clock.now().since(heard) >= SILENT {
                room.silent();
            }
            thread::park_timeout(SILENT);
        }
    };
    let thread = watch.spawn("cleaning", run)?;
    Ok(Cleaned { periods, thread, echo_path: EchoPath { played, near_speaks }, commands })
}

struct Room {
    parts: CleaningParts,
    references: Consumer<'static, Played>,
    inbox: Consumer<'static, CleaningCommand>,
    near_speaks: Arc<AtomicBool>,
    meter: LevelMeter,
    /// Periods since speech was heard.
    quiet: u32,
    speaking: Speaking,
    recording: Option<SyncSender<Tracks>>,
}

impl Room {
    fn period(&mut self, period: Captured) {
        self.obey();
        let CleaningParts { gate, cleaner, audio, switch, outbox, report, stats } = &mut self.parts;
        while let Some(Played { samples, leaves }) = self.references.dequeue() {
            cleaner.played(&samples, leaves);
        }
        let Captured { mut samples, at } = period;
        let raw = samples;
        cleaner.period(&mut samples, at);
        self.near_speaks.store(cleaner.direction() == Direction::Near, Ordering::Relaxed);
        let level = self.meter.frame(&samples);
        self.quiet = if level.voice { 0 } else { (self.quiet + 1).min(SPEECH_LINGERS) };
        report.speech.store(self.quiet < SPEECH_LINGERS, Ordering::Release);
        report.peak.store(self.meter.peak().to_bits(), Ordering::Relaxed);
        // Sound from before its opening stays in the room.
        let passed = gate.pass(&samples, at - Cleaner::MEMORY);
        if let Some(recording) = &self.recording {
            // What the gate keeps in the room is kept out of recordings too.
            let (microphone, output) =
                passed.as_ref().map_or((SILENCE, SILENCE), |passed| (raw, *passed.samples));
            let tracks = Tracks { microphone, reference: *cleaner.reference(), output };
            if let Err(std::sync::mpsc::TrySendError::Disconnected(_)) = recording.try_send(tracks) {
                self.recording = None;
            }
        }
        if let Some(passed) = passed {
            self.speaking.period(&passed, (at, level), switch, |packet| {
                if audio.enqueue(packet).is_err() {
                    stats.audio_unsent.one();
                }
            });
            outbox.wake();
        }
        report.periods.fetch_add(1, Ordering::Release);
    }

    /// There is no microphone.
    fn silent(&mut self) {
        self.obey();
        while self.references.dequeue().is_some() {}
        self.quiet = SPEECH_LINGERS;
        self.meter = LevelMeter::new();
        self.near_speaks.store(false, Ordering::Relaxed);
        self.parts.report.speech.store(false, Ordering::Release);
        self.parts.report.peak.store(0.0_f32.to_bits(), Ordering::Relaxed);
    }

    fn obey(&mut self) {
        while let Some(command) = self.inbox.dequeue() {
            match command {
                CleaningCommand::Clean(cleaner) => self.parts.cleaner = cleaner,
                CleaningCommand::Record(recording) => self.recording = Some(recording),
            }
        }
    }
}

#[cfg(test)]
mod tests;
