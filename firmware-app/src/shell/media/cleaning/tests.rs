//! The whole thread, fed period by period.

use vestibule_common::media::{BLOCK_DURATION, BLOCK_SAMPLES, FRAME_SAMPLES};

use super::*;
use crate::audio::{Cleaning, EchoMode};
use crate::shell::watch;

const LOUD: AudioFrame = [8000; FRAME_SAMPLES];
const UNTOUCHED: Cleaning = Cleaning { echo: EchoMode::Off, noise_suppression: false, gain_control: false };

struct Bench {
    cleaned: Cleaned,
    sent: Consumer<'static, AudioOut>,
    gate: vestibule_common::media::GateHandle,
    report: Arc<MicrophoneReport>,
    at: Time,
    _ends: watch::Ends,
}

fn bench(muted: bool) -> Bench {
    let gate = Gate::new(muted);
    let handle = gate.handle();
    let (audio, sent) = ring::<AudioOut, 32>();
    let report = Arc::new(MicrophoneReport::default());
    let parts = CleaningParts {
        gate,
        cleaner: Box::new(Cleaner::new(UNTOUCHED)),
        audio,
        switch: Arc::default(),
        outbox: Arc::default(),
        report: report.clone(),
        stats: Arc::default(),
    };
    let (watch, ends) = watch::watch();
    let cleaned = start(parts, &watch, Clock::start()).unwrap();
    Bench { cleaned, sent, gate: handle, report, at: Time::from_millis(1000), _ends: ends }
}

impl Bench {
    /// Hands in a period and waits until it went through the gate.
    fn period(&mut self, samples: AudioFrame) {
        let before = self.report.periods.load(Ordering::Acquire);
        assert!(self.cleaned.periods.enqueue(Captured { samples, at: self.at }).is_ok());
        self.cleaned.thread.unpark();
        self.at += Duration::from_millis(10);
        until("the period went through", || self.report.periods.load(Ordering::Acquire) > before);
    }
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..30_000 {
        if holds() {
            return;
        }
        thread::sleep(Duration::from_millis(1));
    }
    panic!("{what}: not within 30 s");
}

#[test]
fn speaking_while_muted_is_noticed_and_not_sent_and_ends_without_a_microphone() {
    let mut bench = bench(true);
    for _ in 0..40 {
        bench.period(LOUD);
    }
    assert!(bench.report.speech.load(Ordering::Acquire));
    assert!(f32::from_bits(bench.report.peak.load(Ordering::Relaxed)) > 0.5);
    assert!(bench.sent.dequeue().is_none(), "the gate is closed");
    let report = bench.report.clone();
    until("nobody is heard", || !report.speech.load(Ordering::Acquire));
    assert_eq!(f32::from_bits(report.peak.load(Ordering::Relaxed)), 0.0);
}

#[test]
fn a_recording_holds_what_was_sent_and_nothing_of_what_was_not() {
    let mut bench = bench(false);
    let (recording, tracks) = std::sync::mpsc::sync_channel(64);
    assert!(bench.cleaned.commands.enqueue(CleaningCommand::Record(recording)).is_ok());
    for n in 0..8 {
        let played = Played { samples: [5; BLOCK_SAMPLES], leaves: bench.at + BLOCK_DURATION * n };
        assert!(bench.cleaned.echo_path.played.enqueue(played).is_ok());
    }
    bench.period(LOUD);
    bench.period(LOUD);
    bench.gate.close();
    bench.period(LOUD);
    let tracks: Vec<Tracks> = tracks.try_iter().collect();
    assert_eq!(tracks.len(), 3);
    assert_eq!(tracks[0].reference, [5; FRAME_SAMPLES], "lined up by time");
    assert_eq!((tracks[1].microphone, tracks[1].output), (LOUD, LOUD));
    assert_eq!((tracks[2].microphone, tracks[2].output), (SILENCE, SILENCE), "muted");
    assert_eq!(bench.sent.dequeue().map(|period| period.captured), Some(Time::from_millis(1000)));
}

#[test]
fn the_cleaner_is_exchanged_while_it_runs() {
    let mut bench = bench(false);
    let half = Cleaning { echo: EchoMode::HalfDuplex, ..UNTOUCHED };
    assert!(bench.cleaned.commands.enqueue(CleaningCommand::Clean(Box::new(Cleaner::new(half)))).is_ok());
    for _ in 0..20 {
        bench.period(LOUD);
        bench.sent.dequeue();
    }
    assert!(bench.cleaned.echo_path.near_speaks.load(Ordering::Relaxed), "this room has the word");
}
