//! The microphone's thread: level, gate, ring. Its loop allocates, locks and logs nothing.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use heapless::spsc::Producer;
use vestibule_common::media::{AudioFrame, Gate, LevelMeter, SILENCE};
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
    let stands = parts.report.clone();
    let tell = move |state: &DeviceState| {
        stands.enter(state);
        news.tell(MediaNews::Microphone);
    };
    let mut microphone = Reopening::new(source, clock, tell);
    let run = move || {
        realtime::raise_this_thread_or_say();
        let mut listener = Listener::new(parts);
        loop {
            listener.period(&mut microphone);
        }
    };
    watch.spawn("microphone", run)?;
    Ok(())
}

/// What is done with each period.
struct Listener {
    parts: MicrophoneParts,
    meter: LevelMeter,
    samples: AudioFrame,
    /// Periods since somebody spoke, as far as it matters.
    quiet: u32,
    xruns: Xruns,
}

impl Listener {
    fn new(parts: MicrophoneParts) -> Listener {
        let (meter, xruns) = (LevelMeter::new(), Xruns::default());
        Listener { parts, meter, samples: SILENCE, quiet: SPEECH_LINGERS, xruns }
    }

    /// Waits for the next period, and takes it on its way; without a microphone, waits.
    fn period(&mut self, microphone: &mut Reopening<dyn Microphone>) {
        let MicrophoneParts { gate, audio, outbox, report, stats } = &mut self.parts;
        let (samples, xruns) = (&mut self.samples, &mut self.xruns);
        let read = microphone.run(PATIENCE, |microphone| {
            let captured = microphone.read(samples)?;
            xruns.see(microphone.xruns(), &stats.microphone_xruns);
            Ok(captured)
        });
        let Some(captured) = read else {
            xruns.gone();
            report.speech.store(false, Ordering::Release);
            self.quiet = SPEECH_LINGERS;
            return;
        };
        let level = self.meter.frame(samples);
        self.quiet = if level.voice { 0 } else { (self.quiet + 1).min(SPEECH_LINGERS) };
        report.speech.store(self.quiet < SPEECH_LINGERS, Ordering::Release);
        if let Some(passed) = gate.pass(samples, captured) {
            let period = AudioOut { ticket: passed.ticket, samples: *passed.samples, captured, level };
            if audio.enqueue(period).is_err() {
                stats.audio_unsent.one();
            }
            outbox.wake();
        }
        report.periods.fetch_add(1, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::allocations::allocations;
    use crate::device::reopen::Opened;
    use crate::device::{DeviceError, PERIOD};
    use crate::shell::media::NewsSender;
    use crate::shell::watch;
    use vestibule_common::time::Time;

    /// A microphone that hears a tone as fast as it is asked.
    struct Hasty(u64);

    impl Microphone for Hasty {
        fn read(&mut self, period: &mut [i16; PERIOD]) -> Result<Time, DeviceError> {
            self.0 += 10;
            *period = std::array::from_fn(|at| ((at as f32 * 0.1).sin() * 8000.0) as i16);
            Ok(Time::from_millis(self.0))
        }

        fn xruns(&self) -> u64 {
            self.0 / 1000
        }
    }

    #[test]
    fn a_period_allocates_nothing() {
        let (audio, mut sent) = super::super::ring::ring::<AudioOut, 32>();
        let gate = Gate::new(false);
        let parts = MicrophoneParts {
            gate,
            audio,
            outbox: Arc::default(),
            report: Arc::default(),
            stats: Arc::default(),
        };
        let stats = parts.stats.clone();
        let open =
            || Ok(Opened { device: Box::new(Hasty(0)) as Box<dyn Microphone>, description: String::new() });
        let mut microphone = Reopening::new(Source::new(open), Clock::start(), |_| {});
        let mut listener = Listener::new(parts);
        listener.period(&mut microphone);
        let counted = allocations(|| (0..200).for_each(|_| listener.period(&mut microphone)));
        assert_eq!(counted, 0);
        assert!(sent.dequeue().is_some() && stats.audio_unsent.total() > 100);
        assert_eq!(stats.microphone_xruns.total(), 2);
    }

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
