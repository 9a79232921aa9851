//! The microphone's gate: the only place that makes an audio frame that may leave the room.
//!
//! Not a volume and not the lamp: the lamp, the screen and the other rooms follow [`GateHandle::report`]. A frame that
//! passed carries a [`Ticket`]; the socket's thread asks [`GateHandle::still_valid`] as the last thing before it
//! sends, so that what was queued before a close never leaves, not even after the gate was opened again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::pcm::{AudioFrame, SAMPLE_RATE, SILENCE};
use crate::time::Time;

/// What the gate does with sound from now on.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum GateState {
    /// No sample leaves.
    Closed,
    /// The microphone is live.
    Open,
}

/// Proof that a frame passed while the gate was open; only the gate makes one.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Ticket(u64);

/// A frame that passed; only the gate makes one.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Passed<'a> {
    /// The samples to send.
    pub samples: &'a AudioFrame,
    /// To be asked about just before the frame leaves.
    pub ticket: Ticket,
}

/// The gate's switch, shared between threads: no lock.
#[derive(Clone, Debug)]
pub struct GateHandle(Arc<Switch>);

#[derive(Debug)]
struct Switch {
    /// Counts changes; it is odd while the gate is open. One word, so that no thread ever sees a state together with another
    /// state's count.
    word: AtomicU64,
    /// The microseconds at which the gate was opened last. Written before the word, and only ever later: whoever sees the
    /// gate open sees this opening's moment or a later one.
    opened: AtomicU64,
}

impl GateHandle {
    /// Closes the gate. When this returns, every ticket given out so far is void. `false` if it was closed already,
    /// so that only the first of several edges of a button counts.
    pub fn close(&self) -> bool {
        self.switch(GateState::Closed)
    }

    /// Opens the gate for what is captured from `now` on, which is on the clock of the samples. `false` if it was open
    /// already. Tickets from before the last close stay void.
    pub fn open(&self, now: Time) -> bool {
        if self.report() == GateState::Closed {
            self.0.opened.fetch_max(now.as_micros(), Ordering::SeqCst);
        }
        self.switch(GateState::Open)
    }

    /// Whether the microphone is live: what lamp, screen and other rooms are told.
    pub fn report(&self) -> GateState {
        state(self.0.word.load(Ordering::SeqCst))
    }

    /// Whether a frame with this ticket may still leave: the gate has not been closed since it passed. Ask for every
    /// datagram, a repair or one sent again included, directly before the socket's call: what the kernel was given
    /// before a close is gone.
    pub fn still_valid(&self, ticket: Ticket) -> bool {
        self.0.word.load(Ordering::SeqCst) == ticket.0
    }

    fn switch(&self, to: GateState) -> bool {
        // At one change a microsecond the count lasts 580,000 years.
        let step = |word| (state(word) != to).then(|| word + 1);
        self.0.word.fetch_update(Ordering::SeqCst, Ordering::SeqCst, step).is_ok()
    }
}

fn state(word: u64) -> GateState {
    if word % 2 == 1 { GateState::Open } else { GateState::Closed }
}

/// The audio thread's end.
#[derive(Debug)]
pub struct Gate {
    handle: GateHandle,
    /// The switch's word when the last frame passed, or was held back.
    seen: u64,
    /// The next frame that passes is the first after an opening.
    fades: bool,
    /// The frame that passed last; silence while closed.
    frame: AudioFrame,
    passed: u64,
    withheld: u64,
}

impl Gate {
    /// A gate, closed when `muted`.
    pub fn new(muted: bool) -> Gate {
        let seen = if muted { 0 } else { 1 };
        let handle = GateHandle(Arc::new(Switch { word: AtomicU64::new(seen), opened: AtomicU64::new(0) }));
        // The first frame of an open gate fades in like any other.
        Gate { handle, seen, fades: true, frame: SILENCE, passed: 0, withheld: 0 }
    }

    /// The switch, for the threads that press it, show it or send.
    pub fn handle(&self) -> GateHandle {
        self.handle.clone()
    }

    /// [`GateHandle::close`].
    pub fn close(&self) -> bool {
        self.handle.close()
    }

    /// [`GateHandle::open`].
    pub fn open(&self, now: Time) -> bool {
        self.handle.open(now)
    }

    /// [`GateHandle::report`].
    pub fn report(&self) -> GateState {
        self.handle.report()
    }

    /// Lets a frame through, or keeps nothing of it. `captured` is the moment of its first sample: a frame that began
    /// before the gate was opened is held back whole, however late it comes. The first one that passes fades in over
    /// 5 ms, so that it does not click.
    pub fn pass(&mut self, samples: &AudioFrame, captured: Time) -> Option<Passed<'_>> {
        let Switch { word, opened } = &*self.handle.0;
        let word = word.load(Ordering::SeqCst);
        if self.seen != word {
            self.seen = word;
            self.frame = SILENCE;
            self.fades = true;
        }
        if state(word) == GateState::Closed || captured.as_micros() < opened.load(Ordering::SeqCst) {
            self.withheld += 1;
            return None;
        }
        self.frame = *samples;
        if std::mem::take(&mut self.fades) {
            fade_in(&mut self.frame);
        }
        self.passed += 1;
        Some(Passed { samples: &self.frame, ticket: Ticket(word) })
    }

    /// Frames let through so far.
    pub fn passed(&self) -> u64 {
        self.passed
    }

    /// Frames held back so far.
    pub fn withheld(&self) -> u64 {
        self.withheld
    }
}

fn fade_in(frame: &mut AudioFrame) {
    const FADE: i32 = SAMPLE_RATE as i32 / 200;
    for (at, sample) in (0..FADE).zip(frame) {
        *sample = (i32::from(*sample) * at / FADE) as i16;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Duration;
    use proptest::prelude::*;
    use std::sync::atomic::AtomicBool;

    const LOUD: AudioFrame = [12_000; 480];
    const NOW: Time = Time::from_millis(5_000);

    #[test]
    fn a_closed_gate_passes_nothing_and_keeps_nothing() {
        let mut gate = Gate::new(false);
        assert_eq!(gate.report(), GateState::Open);
        assert!(gate.pass(&LOUD, NOW).is_some());
        assert!(gate.close());
        assert_eq!(gate.report(), GateState::Closed);
        assert!(gate.pass(&LOUD, NOW).is_none());
        assert_eq!(gate.frame, SILENCE);
        assert_eq!((gate.passed(), gate.withheld()), (1, 1));
        assert!(Gate::new(true).pass(&LOUD, NOW).is_none());
    }

    #[test]
    fn a_frame_that_began_before_the_opening_never_leaves_however_late_it_comes() {
        let mut gate = Gate::new(true);
        let before = |us: u64| Time::from_micros(NOW.as_micros() - us);
        assert!(gate.open(NOW));
        for captured in [before(20_000), before(10_000), before(1)] {
            assert!(gate.pass(&LOUD, captured).is_none());
        }
        assert_eq!(gate.pass(&LOUD, NOW).unwrap().samples[0], 0, "the first one that passes fades in");
        // Opened again while it is open: nothing is held back.
        assert!(!gate.open(NOW + Duration::from_secs(1)));
        assert_eq!(gate.pass(&LOUD, NOW).unwrap().samples, &LOUD);
    }

    #[test]
    fn only_the_first_edge_counts() {
        let gate = Gate::new(true);
        assert!(!gate.close());
        assert!(gate.open(NOW));
        assert!(!gate.open(NOW));
        assert!(gate.close());
        assert!(!gate.close());
    }

    #[test]
    fn opening_fades_in_over_five_milliseconds_and_once() {
        let mut gate = Gate::new(true);
        gate.open(NOW);
        let first = *gate.pass(&LOUD, NOW).unwrap().samples;
        assert_eq!(first[0], 0);
        assert!(first.windows(2).all(|pair| (0..=50).contains(&(pair[1] - pair[0]))));
        assert_eq!(first[240..], LOUD[240..]);
        assert_eq!(gate.pass(&LOUD, NOW).unwrap().samples, &LOUD);
    }

    #[test]
    fn a_frame_queued_before_a_close_is_void_even_after_opening_again() {
        let mut gate = Gate::new(false);
        let handle = gate.handle();
        let old = gate.pass(&LOUD, NOW).unwrap().ticket;
        assert!(handle.still_valid(old));
        handle.close();
        assert!(!handle.still_valid(old));
        handle.open(NOW);
        assert!(!handle.still_valid(old));
        let new = gate.pass(&LOUD, NOW).unwrap().ticket;
        assert!(handle.still_valid(new));
        // Closed and opened between two frames: the audio thread never saw it closed, and still fades in.
        handle.close();
        handle.open(NOW);
        assert!(!handle.still_valid(new));
        assert_eq!(gate.pass(&LOUD, NOW).unwrap().samples[0], 0);
    }

    proptest! {
        #[test]
        fn mute_truth(steps in prop::collection::vec(0u8..4, 1..200), muted: bool) {
            let mut gate = Gate::new(muted);
            let handle = gate.handle();
            let mut open = !muted;
            let mut before_close = Vec::new();
            let mut live = Vec::new();
            for step in steps {
                match step {
                    0 => {
                        prop_assert_eq!(handle.close(), open);
                        open = false;
                        before_close.append(&mut live);
                    }
                    1 => {
                        prop_assert_eq!(handle.open(NOW), !open);
                        open = true;
                    }
                    _ => match gate.pass(&LOUD, NOW) {
                        Some(passed) => {
                            prop_assert!(open);
                            live.push(passed.ticket);
                        }
                        None => prop_assert!(!open),
                    },
                }
                prop_assert!(before_close.iter().all(|ticket| !handle.still_valid(*ticket)));
                prop_assert!(live.iter().all(|ticket| handle.still_valid(*ticket)));
                prop_assert_eq!(handle.report() == GateState::Open, open);
            }
        }
    }

    #[test]
    fn between_threads_no_ticket_from_before_a_close_is_valid_after_it() {
        let mut gate = Gate::new(false);
        let handle = gate.handle();
        let done = AtomicBool::new(false);
        let newest = AtomicU64::new(0);
        std::thread::scope(|scope| {
            let (done, newest) = (&done, &newest);
            scope.spawn(move || {
                while !done.load(Ordering::SeqCst) {
                    if let Some(passed) = gate.pass(&LOUD, NOW) {
                        newest.store(passed.ticket.0, Ordering::SeqCst);
                    }
                }
            });
            for _ in 0..20_000 {
                handle.close();
                // Whatever the audio thread has made or is making just now, it may not leave any more.
                for _ in 0..3 {
                    assert!(!handle.still_valid(Ticket(newest.load(Ordering::SeqCst))));
                }
                handle.open(NOW);
            }
            done.store(true, Ordering::SeqCst);
        });
    }
}
