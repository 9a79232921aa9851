//! What becomes of a period that passed the gate: plain samples, coded sound, or both, as they are wanted. One numbering for both.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use vestibule_common::bandwidth::SoundChoice;
use vestibule_common::bandwidth::sound::periods_for;
use vestibule_common::media::voice::{Coded, VoicePacker, VoicePayload};
use vestibule_common::media::{AudioFrame, Passed, Ticket};
use vestibule_common::time::Time;
use vestibule_common::wire::AudioLevel;

use super::encode::first_number;
use super::outbox::{AudioOut, SoundOut};
use crate::audio::SoundCoder;

/// Whoever goes over to coded sound still makes plain samples for so many periods, so that decoders are in step by then.
const BOTH: u32 = 8;
/// Below this many dB under full scale, and without a voice, there is nothing to hear,
const NOTHING: u8 = 60;
/// and after so many periods of it that is said instead of coding it: 200 ms.
const CALM: u32 = 20;
/// Silence is said so many times as it begins,
const SAID: u32 = 2;
/// and again after so many frames, so that others know that it lasts.
const AGAIN: u32 = 20;

/// How coded sound is made.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) struct CodedWish {
    /// How many earlier frames each packet repeats.
    pub repeats: u8,
    /// The periods of a frame: 1 or 2.
    pub periods: u8,
}

/// Which layers of sound there are to be.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) struct SoundLayers {
    /// Plain samples.
    pub plain: bool,
    /// Coded sound.
    pub coded: Option<CodedWish>,
}

impl SoundLayers {
    /// What is made while nobody says anything.
    pub(super) const PLAIN: SoundLayers = SoundLayers { plain: true, coded: None };

    /// Those that are made where these are wanted, on a way to the relay about which this is known.
    pub(super) fn made(self, choice: &SoundChoice) -> SoundLayers {
        let unwished = choice.is_coded().then_some(CodedWish { repeats: 0, periods: 1 });
        let Some(wish) = self.coded.or(unwished) else { return self };
        let repeats = wish.repeats.max(choice.repeats());
        let periods = wish.periods.max(periods_for(choice.coded_cap(), choice.repeats()));
        SoundLayers { plain: self.plain && !choice.is_coded(), coded: Some(CodedWish { repeats, periods }) }
    }

    fn packed(self) -> u64 {
        let coded =
            self.coded.map_or(0, |wish| u64::from(wish.repeats) << 8 | u64::from(wish.periods) << 16 | 2);
        coded | u64::from(self.plain)
    }

    fn unpacked(word: u64) -> SoundLayers {
        let wish = CodedWish { repeats: (word >> 8) as u8, periods: (word >> 16) as u8 };
        SoundLayers { plain: word & 1 == 1, coded: (word & 2 == 2).then_some(wish) }
    }
}

/// What is wanted of this room's sound, between the threads: no lock.
pub(super) struct SoundSwitch {
    /// By the others.
    wanted: AtomicU64,
    /// By the sending thread, which knows the way to the relay.
    made: AtomicU64,
    /// Counts how often what was said before was to be forgotten.
    forgotten: AtomicU32,
}

impl Default for SoundSwitch {
    fn default() -> SoundSwitch {
        let plain = SoundLayers::PLAIN.packed();
        SoundSwitch { wanted: plain.into(), made: plain.into(), forgotten: AtomicU32::new(0) }
    }
}

impl SoundSwitch {
    /// The others want these layers.
    pub(super) fn want(&self, layers: SoundLayers) {
        self.wanted.store(layers.packed(), Ordering::Relaxed);
    }

    /// What the others want.
    pub(super) fn wanted(&self) -> SoundLayers {
        SoundLayers::unpacked(self.wanted.load(Ordering::Relaxed))
    }

    /// Make these from now on.
    pub(super) fn make(&self, layers: SoundLayers) {
        self.made.store(layers.packed(), Ordering::Relaxed);
    }

    /// What is to be made.
    pub(super) fn made(&self) -> SoundLayers {
        SoundLayers::unpacked(self.made.load(Ordering::Relaxed))
    }

    /// Repeat nothing of what was said until now: somebody came for whom it was not.
    pub(super) fn forget(&self) {
        self.forgotten.fetch_add(1, Ordering::Relaxed);
    }

    /// How often that was said.
    #[cfg(test)]
    pub(super) fn forgotten(&self) -> u32 {
        self.forgotten.load(Ordering::Relaxed)
    }
}

/// Makes what leaves of the periods that passed the gate.
pub(super) struct Speaking {
    number: u32,
    coder: Option<Box<SoundCoder>>,
    /// Makes one that has heard nothing.
    new_coder: fn() -> Result<SoundCoder, String>,
    /// The last one could not be had; that was said.
    uncoded: bool,
    packer: VoicePacker,
    /// The gate's word on the last period: with another one, nothing of before may be in what is made.
    ticket: Option<Ticket>,
    forgotten: u32,
    /// When the frame that is being coded was captured, and its number.
    begun: (Time, u32),
    /// Periods in a row without anything to hear.
    calm: u32,
    /// Frames in a row for which silence was said.
    quiet: u32,
    /// Periods for which coded sound has been made.
    coded_for: u32,
}

impl Speaking {
    /// Numbers begin anywhere.
    pub(super) fn new() -> Speaking {
        Speaking {
            number: first_number(),
            coder: None,
            new_coder: SoundCoder::new,
            uncoded: false,
            packer: VoicePacker::new(),
            ticket: None,
            forgotten: 0,
            begun: (Time::ZERO, 0),
            calm: 0,
            quiet: 0,
            coded_for: 0,
        }
    }

    /// There is an encoder that has heard nothing from now on, or none: then plain samples leave.
    fn make_coder(&mut self) {
        match (self.new_coder)() {
            Ok(coder) => {
                self.coder = Some(Box::new(coder));
                self.uncoded = false;
            }
            Err(error) => {
                if !std::mem::replace(&mut self.uncoded, true) {
                    log::warn!("{error}");
                }
                self.coder = None;
                self.coded_for = 0;
            }
        }
    }

    /// Takes a period that passed, captured at `captured`, and hands `put` what leaves of it.
    pub(super) fn period(
        &mut self,
        passed: &Passed<'_>,
        (captured, level): (Time, AudioLevel),
        switch: &SoundSwitch,
        mut put: impl FnMut(AudioOut),
    ) {
        let number = self.number;
        self.number = number.wrapping_add(1);
        let (ticket, samples) = (passed.ticket, passed.samples);
        let SoundLayers { plain, coded } = switch.made();
        self.calm =
            if level.voice || level.below_full_scale_db < NOTHING { 0 } else { self.calm.saturating_add(1) };
        let forgotten = switch.forgotten.load(Ordering::Relaxed);
        if self.ticket.replace(ticket) != Some(ticket)
            || std::mem::replace(&mut self.forgotten, forgotten) != forgotten
        {
            self.packer.forget();
            self.quiet = 0;
            // A reset would keep what the encoder decided from what it heard: another one is made, or else there is none.
            self.coder = None;
        }
        // A frame that was begun becomes whole: what waits in it leaves in no other way.
        let begun = self.coder.as_ref().filter(|coder| !coder.begins());
        let coded = coded.or(begun.map(|coder| CodedWish { repeats: 0, periods: coder.periods() }));
        if coded.is_none() {
            self.coder = None;
            self.coded_for = 0;
        } else if self.coder.is_none() {
            self.packer.forget();
            self.quiet = 0;
            self.make_coder();
        }
        if plain || self.coder.is_none() || self.coded_for < BOTH {
            put(AudioOut { ticket, number, captured, level, sound: SoundOut::Plain(*samples) });
        }
        let (Some(coder), Some(wish)) = (&mut self.coder, coded) else { return };
        self.coded_for = self.coded_for.saturating_add(1);
        if coder.begins() {
            self.begun = (captured, number);
        }
        let silent = self.calm > CALM;
        if let Some(payload) = code(coder, &mut self.packer, samples, (wish, silent), &mut self.quiet) {
            let (captured, number) = self.begun;
            put(AudioOut { ticket, number, captured, level, sound: SoundOut::Coded(payload) });
        }
    }
}

/// Codes one period; what leaves, once a frame is whole and not one of many silent ones.
fn code(
    coder: &mut SoundCoder,
    packer: &mut VoicePacker,
    samples: &AudioFrame,
    (CodedWish { repeats, periods }, silent): (CodedWish, bool),
    quiet: &mut u32,
) -> Option<VoicePayload> {
    // It hears silence too, so that it goes on from there.
    let coded = coder.period(samples, periods, repeats)?;
    let coded = if silent { Coded::new() } else { coded };
    let payload = packer.pack(&coded, coder.periods(), repeats);
    let before = *quiet;
    *quiet = if silent { before + 1 } else { 0 };
    (*quiet == 0 || before < SAID || before.is_multiple_of(AGAIN)).then_some(payload)
}

#[cfg(test)]
mod tests {
    use vestibule_common::media::voice::VoicePacket;
    use vestibule_common::media::{Gate, LevelMeter, SILENCE};
    use vestibule_common::time::Duration;

    use super::*;

    struct Bench {
        speaking: Speaking,
        switch: SoundSwitch,
        gate: Gate,
        meter: LevelMeter,
        now: Time,
    }

    fn bench() -> Bench {
        let (speaking, switch, gate) = (Speaking::new(), SoundSwitch::default(), Gate::new(false));
        Bench { speaking, switch, gate, meter: LevelMeter::new(), now: Time::from_millis(1_000) }
    }

    const CODED: Option<CodedWish> = Some(CodedWish { repeats: 0, periods: 1 });

    impl Bench {
        fn period(&mut self, samples: &AudioFrame) -> Vec<AudioOut> {
            self.now += Duration::from_millis(10);
            let mut out = Vec::new();
            if let Some(passed) = self.gate.pass(samples, self.now) {
                let what = (self.now, self.meter.frame(samples));
                self.speaking.period(&passed, what, &self.switch, |it| out.push(it));
            }
            out
        }

        /// Of so many periods, how many packets of plain samples and of coded sound left.
        fn count(&mut self, periods: usize, samples: &AudioFrame) -> (usize, usize) {
            let all: Vec<AudioOut> = (0..periods).flat_map(|_| self.period(samples)).collect();
            let plain = all.iter().filter(|it| matches!(it.sound, SoundOut::Plain(_))).count();
            (plain, all.len() - plain)
        }
    }

    fn noise(seed: u32) -> AudioFrame {
        let mut state = seed;
        std::array::from_fn(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 18) as i16
        })
    }

    #[test]
    fn layers_are_made_while_they_are_wanted_and_both_for_a_moment() {
        let mut bench = bench();
        assert_eq!(bench.count(10, &noise(1)), (10, 0));
        bench.switch.make(SoundLayers { plain: true, coded: CODED });
        assert_eq!(bench.count(10, &noise(1)), (10, 10));
        bench.switch.make(SoundLayers { plain: false, coded: CODED });
        assert_eq!(bench.count(10, &noise(1)), (0, 10), "it was made long enough");
        bench.switch.make(SoundLayers::PLAIN);
        assert_eq!(bench.count(10, &noise(1)), (10, 0));
        let long = Some(CodedWish { repeats: 3, periods: 2 });
        bench.switch.make(SoundLayers { plain: false, coded: long });
        assert_eq!(bench.switch.made(), SoundLayers { plain: false, coded: long });
        assert_eq!(bench.count(20, &noise(1)), (BOTH as usize, 10));
    }

    #[test]
    fn both_layers_have_one_numbering() {
        let mut bench = bench();
        bench.switch.make(SoundLayers { plain: true, coded: Some(CodedWish { repeats: 0, periods: 2 }) });
        let out: Vec<(u32, Time)> =
            (0..6).flat_map(|_| bench.period(&noise(2))).map(|it| (it.number, it.captured)).collect();
        let first = out[0].0;
        let numbers: Vec<u32> = out.iter().map(|it| it.0.wrapping_sub(first)).collect();
        assert_eq!(numbers, [0, 1, 0, 2, 3, 2, 4, 5, 4]);
        assert!(
            out.iter().all(|it| it.1 == Time::from_millis(1_010 + 10 * u64::from(it.0.wrapping_sub(first))))
        );
    }

    #[test]
    fn a_frame_that_was_begun_becomes_whole_whatever_is_wanted_meanwhile() {
        let long = |repeats| Some(CodedWish { repeats, periods: 2 });
        for (before, after) in [(long(0), CODED), (long(2), CODED), (long(0), None), (long(0), long(2))] {
            let mut bench = bench();
            bench.switch.make(SoundLayers { plain: false, coded: before });
            // It ends in the middle of a frame.
            bench.count(2 * BOTH as usize + 1, &noise(6));
            let mut next = bench.speaking.begun.1;
            bench.switch.make(SoundLayers { plain: after.is_none(), coded: after });
            let out: Vec<AudioOut> = (0..8).flat_map(|_| bench.period(&noise(6))).collect();
            let last = bench.speaking.number;
            let coded = |it: &AudioOut| match &it.sound {
                SoundOut::Coded(payload) => Some(u32::from(VoicePacket::parse(payload).unwrap().periods)),
                SoundOut::Plain(_) => None,
            };
            assert_eq!((out.iter().find_map(coded), next), (Some(2), last - 9), "{before:?} {after:?}");
            for it in &out {
                // Plain samples of what the frame holds too may come before it.
                if coded(it).is_none() && it.number == next + 1 {
                    continue;
                }
                assert_eq!(it.number, next, "{before:?} {after:?}");
                let captured = Time::from_millis(1_010) + Duration::from_millis(10) * (next - (last - 25));
                assert_eq!(it.captured, captured);
                next += coded(it).unwrap_or(1);
            }
            let waits = if after == long(2) { 1 } else { 0 };
            assert_eq!(next, last - waits, "each period's sound left once");
        }
    }

    #[test]
    fn silence_is_said_and_then_only_now_and_then() {
        let mut bench = bench();
        bench.switch.make(SoundLayers { plain: false, coded: CODED });
        bench.count(50, &noise(3));
        bench.count(100, &SILENCE);
        let (_, coded) = bench.count(200, &SILENCE);
        assert!((8..=30).contains(&coded), "{coded} of 200");
        assert_eq!(bench.count(20, &noise(4)).1, 20);
    }

    #[test]
    fn nothing_from_before_a_mute_is_in_what_is_coded_after_it() {
        for periods in [1, 2] {
            let after = |before: u32| {
                let mut bench = bench();
                let coded = Some(CodedWish { repeats: 0, periods });
                bench.switch.make(SoundLayers { plain: false, coded });
                // With two periods a frame that is half whole is forgotten too.
                (0..before).for_each(|n| drop(bench.period(&noise(n))));
                bench.gate.close();
                bench.gate.open(bench.now);
                let out: Vec<AudioOut> = (0..20).flat_map(|n| bench.period(&noise(n + 7))).collect();
                let coded = out.into_iter().filter_map(|it| match it.sound {
                    SoundOut::Coded(payload) => Some(payload),
                    SoundOut::Plain(_) => None,
                });
                coded.collect::<Vec<_>>()
            };
            assert_eq!(after(0).len(), 20 / usize::from(periods));
            assert_eq!(after(0), after(51));
        }
    }

    #[test]
    fn without_a_new_encoder_the_old_one_says_nothing_more_and_plain_samples_leave() {
        let mut bench = bench();
        bench.switch.make(SoundLayers { plain: false, coded: CODED });
        bench.count(20, &noise(8));
        bench.speaking.new_coder = || Err("there is no memory".into());
        assert_eq!(bench.count(5, &noise(8)), (0, 5), "none is needed yet");
        bench.gate.close();
        bench.gate.open(bench.now);
        assert_eq!(bench.count(5, &noise(8)), (5, 0));
        bench.speaking.new_coder = SoundCoder::new;
        assert_eq!(bench.count(20, &noise(8)), (BOTH as usize, 20));
    }

    #[test]
    fn nothing_from_before_a_mute_is_repeated_after_it() {
        let mut bench = bench();
        let repeating = Some(CodedWish { repeats: 2, periods: 1 });
        bench.switch.make(SoundLayers { plain: false, coded: repeating });
        let repeats = |bench: &mut Bench| {
            let out = bench.period(&noise(5));
            let SoundOut::Coded(payload) = &out.last().unwrap().sound else { panic!("it is coded") };
            VoicePacket::parse(payload).unwrap().repeats.len()
        };
        bench.count(20, &noise(5));
        assert_eq!(repeats(&mut bench), 2);
        bench.gate.close();
        assert!(bench.period(&noise(5)).is_empty());
        bench.gate.open(bench.now);
        assert_eq!([0, 1, 2].map(|_| repeats(&mut bench)), [0, 1, 2]);
        // Closed and opened between two periods; and somebody came.
        bench.gate.close();
        bench.gate.open(bench.now);
        assert_eq!([0, 1].map(|_| repeats(&mut bench)), [0, 1]);
        bench.switch.forget();
        assert_eq!([0, 1].map(|_| repeats(&mut bench)), [0, 1]);
    }
}
