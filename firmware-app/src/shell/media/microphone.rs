//! The microphone's thread: level, gate, ring. Its loop allocates, locks and logs nothing.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use heapless::spsc::Producer;
use vestibule_common::media::{Gate, LevelMeter, SILENCE};
use vestibule_common::time::Duration;

use super::outbox::{AudioOut, Outbox};
use super::stats::{Stats, Xruns};
use super::{MediaNews, NewsSender};
use crate::device::clock::Clock;
use crate::device::reopen::{DeviceState, Reopening, Source};
use crate::device::{Microphone, realtime};
use crate::shell::watch::Watch;

/// The longest pause between two looks at a microphone that is not there.
const PATIENCE: Duration = Duration::from_secs(1);
/// Somebody counts as speaking for this many periods after the last one with speech.
const SPEECH_LINGERS: u32 = 50;

/// What the microphone's thread says of itself; its loop takes no lock for it.
pub(super) struct MicrophoneReport {
    /// Periods that went through the gate, open or closed; it stands still while there is no microphone.
    pub periods: AtomicU64,
    /// Somebody in the room speaks.
    pub speech: AtomicBool,
    /// How the device stands, before its first sample: locked only when that changes.
    state: Mutex<DeviceState>,
}

impl Default for MicrophoneReport {
    fn default() -> MicrophoneReport {
        let state = Mutex::new(DeviceState::Closed);
        MicrophoneReport { periods: AtomicU64::default(), speech: AtomicBool::default(), state }
    }
}

impl MicrophoneReport {
    /// How the device stands.
    pub(super) fn state(&self) -> DeviceState {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn enter(&self, state: &DeviceState) {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = state.clone();
    }
}

/// What the microphone's thread works on.
pub(super) struct MicrophoneParts {
    /// The only way out.
    pub(super) gate: Gate,
    /// To the sending thread.
    pub(super) audio: Producer<'static, AudioOut>,
    /// Woken for every period.
    pub(super) outbox: Arc<Outbox>,
    /// What the thread says of itself.
    pub(super) report: Arc<MicrophoneReport>,
    /// Counters.
    pub(super) stats: Arc<Stats>,
}

/// Starts the microphone's thread.
pub(super) fn start(
    source: Source<dyn Microphone>,
    parts: MicrophoneParts,
    news: NewsSender,
    watch: &Watch,
    clock: Clock,
) -> io::Result<()> {
    let MicrophoneParts { mut gate, mut audio, outbox, report, stats } = parts;
    let stands = report.clone();
    let tell = move |state: &DeviceState| {
        stands.enter(state);
        news.tell(MediaNews::Microphone);
    };
    let mut microphone = Reopening::new(source, clock, tell);
    let run = move || {
        realtime::raise_this_thread_or_say();
        let mut xruns = Xruns::default();
        let mut meter = LevelMeter::new();
        let mut samples = SILENCE;
        let mut quiet = SPEECH_LINGERS;
        loop {
            let read = microphone.run(PATIENCE, |microphone| {
                let captured = microphone.read(&mut samples)?;
                xruns.see(microphone.xruns(), &stats.microphone_xruns);
                Ok(captured)
            });
            let Some(captured) = read else {
                xruns.gone();
                report.speech.store(false, Ordering::Release);
                quiet = SPEECH_LINGERS;
                continue;
            };
            let level = meter.frame(&samples);
            quiet = if level.voice { 0 } else { (quiet + 1).min(SPEECH_LINGERS) };
            report.speech.store(quiet < SPEECH_LINGERS, Ordering::Release);
            if let Some(passed) = gate.pass(&samples) {
                let period = AudioOut { ticket: passed.ticket, samples: *passed.samples, captured, level };
                if audio.enqueue(period).is_err() {
                    stats.audio_unsent.one();
                }
                outbox.wake();
            }
            report.periods.fetch_add(1, Ordering::Release);
        }
    };
    watch.spawn("microphone", run)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shell::media::NewsSender;
    use crate::shell::watch;

    #[test]
    fn how_the_microphone_stands_is_known_although_the_news_are_lost() {
        let (sender, full) = tokio::sync::mpsc::channel(1);
        sender.try_send(MediaNews::Microphone).unwrap();
        let (watch, _ends) = watch::watch();
        let report = Arc::new(MicrophoneReport::default());
        let parts = MicrophoneParts {
            gate: Gate::new(true),
            audio: super::super::ring::ring::<AudioOut, 32>().0,
            outbox: Arc::default(),
            report: report.clone(),
            stats: Arc::default(),
        };
        let news = NewsSender::new(sender, watch.clone());
        start(Source::missing("pulled out"), parts, news, &watch, Clock::start()).unwrap();
        for _ in 0..3000 {
            if report.state() != DeviceState::Closed {
                break;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        assert!(matches!(report.state(), DeviceState::Failed(_)));
        drop(full);
    }
}
