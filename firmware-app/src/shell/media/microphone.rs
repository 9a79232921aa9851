//! The microphone's thread: from the device to the cleaning. Its loop allocates, locks and logs nothing.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, Thread};

use heapless::spsc::Producer;
use vestibule_common::media::{AudioFrame, GateHandle, GateState, SILENCE};
use vestibule_common::time::{Duration, Time};

use super::stats::{Stats, Xruns};
use super::{MediaNews, NewsSender};
use crate::device::Microphone;
use crate::device::clock::Clock;
use crate::device::realtime::{self, Priority};
use crate::device::reopen::{DeviceState, Reopening, Source};
use crate::shell::watch::Watch;

/// The longest pause between two looks at a microphone that is not there.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often a microphone that rests while muted looks whether it shall go on, should nobody wake it.
const REST: Duration = Duration::from_millis(100);

/// What muting does to the microphone itself.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MuteMode {
    /// It goes on, behind the closed gate: speaking while muted is noticed, and unmuting takes no time.
    #[default]
    Gate,
    /// It is closed too: no program hears anything, and unmuting waits for the device.
    Hard,
}

/// One period as the microphone gave it.
pub(super) struct Captured {
    /// The samples.
    pub samples: AudioFrame,
    /// When the first of them was taken.
    pub at: Time,
}

/// What is known of the microphone; no thread of sound takes a lock for it.
pub(super) struct MicrophoneReport {
    /// Periods that went through the gate, open or closed; it stands still while there is no microphone.
    pub periods: AtomicU64,
    /// Somebody in the room speaks.
    pub speech: AtomicBool,
    /// The peak for a meter on the screen, 0 to 1, as the bits of an `f32`.
    pub peak: AtomicU32,
    /// How the device stands, before its first sample: locked only when that changes.
    state: Mutex<DeviceState>,
}

impl Default for MicrophoneReport {
    fn default() -> MicrophoneReport {
        let state = Mutex::new(DeviceState::Closed);
        MicrophoneReport {
            periods: AtomicU64::default(),
            speech: AtomicBool::default(),
            peak: AtomicU32::default(),
            state,
        }
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
    /// Where its periods go.
    pub(super) periods: Producer<'static, Captured>,
    /// Who cleans them, woken for every one.
    pub(super) cleaning: Thread,
    /// Looked at where muting closes the device.
    pub(super) gate: GateHandle,
    /// What muting does to it.
    pub(super) mute: MuteMode,
    /// It stays open all the same.
    pub(super) listen: Arc<AtomicBool>,
    /// How it stands.
    pub(super) report: Arc<MicrophoneReport>,
    /// Counters.
    pub(super) stats: Arc<Stats>,
}

/// Starts the microphone's thread. Unpark what is returned when a gate was opened.
pub(super) fn start(
    source: Source<dyn Microphone>,
    parts: MicrophoneParts,
    news: NewsSender,
    watch: &Watch,
    clock: Clock,
) -> io::Result<Thread> {
    let (report, gate, mute) = (parts.report.clone(), parts.gate.clone(), parts.mute);
    let listen = parts.listen.clone();
    let entrance = gate.clone();
    let mut gone = false;
    let tell = move |state: &DeviceState| {
        // While it is gone the lamp says "muted". It goes dark before the gate is opened anew.
        match state {
            DeviceState::Failed(_) => gone = true,
            DeviceState::Open { .. } if std::mem::take(&mut gone) => drop(entrance.close()),
            DeviceState::Open { .. } | DeviceState::Closed => {}
        }
        report.enter(state);
        news.tell(MediaNews::Microphone);
    };
    let mut microphone = Reopening::new(source, clock, tell);
    let run = move || {
        realtime::raise_this_thread_or_say(Priority::Sound);
        let mut listener = Listener { parts, samples: SILENCE, xruns: Xruns::default() };
        loop {
            let unheard = gate.report() == GateState::Closed && !listen.load(Ordering::Acquire);
            if mute == MuteMode::Hard && unheard {
                microphone.close();
                listener.xruns.gone();
                thread::park_timeout(REST);
            } else {
                listener.period(&mut microphone);
            }
        }
    };
    watch.spawn("microphone", run)
}

/// What is done with each period.
struct Listener {
    parts: MicrophoneParts,
    samples: AudioFrame,
    xruns: Xruns,
}

impl Listener {
    /// Waits for the next period and hands it on; without a microphone, waits.
    fn period(&mut self, microphone: &mut Reopening<dyn Microphone>) {
        let MicrophoneParts { periods, cleaning, stats, .. } = &mut self.parts;
        let (samples, xruns) = (&mut self.samples, &mut self.xruns);
        let read = microphone.run(PATIENCE, |microphone| {
            let captured = microphone.read(samples)?;
            xruns.see(microphone.xruns(), &stats.microphone_xruns);
            Ok(captured)
        });
        let Some(at) = read else {
            xruns.gone();
            return;
        };
        if periods.enqueue(Captured { samples: *samples, at }).is_err() {
            stats.periods_uncleaned.one();
        }
        cleaning.unpark();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use vestibule_common::media::Gate;

    use super::*;
    use crate::allocations::allocations;
    use crate::device::reopen::Opened;
    use crate::device::{DeviceError, PERIOD};
    use crate::shell::media::NewsSender;
    use crate::shell::watch;

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
        let (periods, mut handed_on) = super::super::ring::ring::<Captured, 32>();
        let parts = MicrophoneParts { periods, ..parts(&Gate::new(false), MuteMode::Gate, &Arc::default()) };
        let stats = parts.stats.clone();
        let open =
            || Ok(Opened { device: Box::new(Hasty(0)) as Box<dyn Microphone>, description: String::new() });
        let mut microphone = Reopening::new(Source::new(open), Clock::start(), |_| {});
        let mut listener = Listener { parts, samples: SILENCE, xruns: Xruns::default() };
        listener.period(&mut microphone);
        let counted = allocations(|| (0..200).for_each(|_| listener.period(&mut microphone)));
        assert_eq!(counted, 0);
        assert!(handed_on.dequeue().is_some() && stats.periods_uncleaned.total() > 100);
        assert_eq!(stats.microphone_xruns.total(), 2);
    }

    fn parts(gate: &Gate, mute: MuteMode, report: &Arc<MicrophoneReport>) -> MicrophoneParts {
        MicrophoneParts {
            periods: super::super::ring::ring::<Captured, 32>().0,
            cleaning: thread::current(),
            gate: gate.handle(),
            mute,
            listen: Arc::default(),
            report: report.clone(),
            stats: Arc::default(),
        }
    }

    fn until(what: &str, mut holds: impl FnMut() -> bool) {
        for _ in 0..3000 {
            if holds() {
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
        panic!("{what}: not within 30 s");
    }

    #[test]
    fn how_the_microphone_stands_is_known_although_the_news_are_lost() {
        let (sender, full) = tokio::sync::mpsc::channel(1);
        sender.try_send(MediaNews::Microphone).unwrap();
        let (watch, _ends) = watch::watch();
        let report = Arc::new(MicrophoneReport::default());
        let news = NewsSender::new(sender, watch.clone());
        let parts = parts(&Gate::new(true), MuteMode::Gate, &report);
        start(Source::missing("pulled out"), parts, news, &watch, Clock::start()).unwrap();
        until("it is known to be missing", || matches!(report.state(), DeviceState::Failed(_)));
        drop(full);
    }

    /// Counts how many of it are open.
    struct Counted(Arc<AtomicUsize>);

    impl Microphone for Counted {
        fn read(&mut self, _: &mut [i16; PERIOD]) -> Result<Time, DeviceError> {
            thread::sleep(Duration::from_millis(10));
            Ok(Time::ZERO)
        }
    }

    impl Drop for Counted {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn where_muting_closes_the_microphone_it_is_open_only_while_the_gate_is() {
        let open = Arc::new(AtomicUsize::new(0));
        let count = open.clone();
        let source = Source::<dyn Microphone>::new(move || {
            count.fetch_add(1, Ordering::SeqCst);
            Ok(Opened { device: Box::new(Counted(count.clone())), description: "counted".into() })
        });
        let (sender, _news) = tokio::sync::mpsc::channel(64);
        let (watch, _ends) = watch::watch();
        let gate = Gate::new(true);
        let report = Arc::new(MicrophoneReport::default());
        let parts = parts(&gate, MuteMode::Hard, &report);
        let listen = parts.listen.clone();
        let news = NewsSender::new(sender, watch.clone());
        let thread = start(source, parts, news, &watch, Clock::start()).unwrap();
        thread::sleep(Duration::from_millis(30));
        assert_eq!(open.load(Ordering::SeqCst), 0, "muted from the start");
        for _ in 0..3 {
            gate.open(Time::ZERO);
            thread.unpark();
            until("it is open", || open.load(Ordering::SeqCst) == 1);
            gate.close();
            until("it is closed", || open.load(Ordering::SeqCst) == 0);
            until("that is said", || report.state() == DeviceState::Closed);
        }
        for (on, devices) in [(true, 1), (false, 0)] {
            listen.store(on, Ordering::Release);
            until("it is open while somebody looks at the meter", || open.load(Ordering::SeqCst) == devices);
            assert_eq!(gate.handle().report(), GateState::Closed);
        }
    }
}
