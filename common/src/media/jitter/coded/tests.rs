//! Coded sound in the jitter buffer: a codec whose frames are their numbers.

use std::sync::{Arc, Mutex};

use proptest::prelude::*;

use super::*;
use crate::media::jitter::JitterStats;
use crate::media::testing::{Rng, frame_of, voiced};
use crate::media::voice::{SoundDecoder, VoicePacker};

/// What the decoder was asked for.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
enum Asked {
    Frame(u32),
    Before(u32),
    Nothing,
}

struct Numbers(Arc<Mutex<Vec<Asked>>>);

fn number(coded: &[u8]) -> u32 {
    u32::from_be_bytes(coded[..4].try_into().unwrap())
}

fn sound(first: u32, out: &mut [i16]) {
    for (at, out) in (first as usize..).zip(out.chunks_exact_mut(FRAME_SAMPLES)) {
        out.copy_from_slice(&frame_of(at, 0.3, |at| voiced(at, 125.0)));
    }
}

impl SoundDecoder for Numbers {
    fn decode(&mut self, coded: &[u8], out: &mut [i16]) {
        self.0.lock().unwrap().push(Asked::Frame(number(coded)));
        sound(number(coded), out);
    }

    fn rebuild(&mut self, coded: &[u8], out: &mut [i16]) -> bool {
        self.0.lock().unwrap().push(Asked::Before(number(coded)));
        // Every fifth byte says that nothing is in it.
        let periods = (out.len() / FRAME_SAMPLES) as u32;
        sound(number(coded) - periods, out);
        coded.len() == 5
    }

    fn make_up(&mut self, out: &mut AudioFrame) {
        self.0.lock().unwrap().push(Asked::Nothing);
        *out = [100; FRAME_SAMPLES];
    }

    fn delay(&self) -> Duration {
        Duration::from_micros(6_500)
    }
}

/// How the sender and the network are.
#[derive(Clone)]
struct Case {
    periods: u8,
    repeats: u8,
    fec: bool,
    lost: fn(u32, &mut Rng) -> bool,
    quiet: std::ops::Range<u32>,
    /// Below it, plain samples are sent; coded ones from this before on.
    plain_until: u32,
    coded_from: u32,
}

const STEADY: Case = Case {
    periods: 1,
    repeats: 0,
    fec: false,
    lost: |_, _| false,
    quiet: 0..0,
    plain_until: 0,
    coded_from: 0,
};

struct Run {
    stats: JitterStats,
    heard: Vec<Playout>,
    asked: Vec<Asked>,
    samples: Vec<i16>,
}

/// Twenty seconds.
fn run(case: Case) -> Run {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let mut buffer = JitterBuffer::with_decoder(Box::new(Numbers(asked.clone())));
    let mut packer = VoicePacker::new();
    let (mut heard, mut samples, mut rng) = (Vec::new(), Vec::new(), Rng(3));
    let mut out = SILENCE;
    for n in 0..2000_u32 {
        let at = |n: u32| Time::from_micros(3_600_000_000 + u64::from(n) * 10_000);
        // Sent once its last sample is there.
        let now = Time::from_micros(u64::from(n + 1) * 10_000 + 1_000);
        if n < case.plain_until && !(case.lost)(n, &mut rng) {
            buffer.push(n, at(n), &frame_of(n as usize, 0.3, |at| voiced(at, 125.0)), now);
        }
        let periods = u32::from(case.periods);
        if n >= case.coded_from && n % periods == periods - 1 {
            let first = n + 1 - periods;
            let mut coded = first.to_be_bytes().to_vec();
            coded.resize(if case.fec { 5 } else { 4 }, 0);
            let quiet = case.quiet.contains(&first);
            // Silence is said once, and now and then.
            let told = !quiet || first == case.quiet.start || first.is_multiple_of(20);
            let payload = packer.pack(if quiet { &[] } else { &coded }, case.periods, case.repeats);
            if told && !(case.lost)(n, &mut rng) {
                buffer.push_coded(first, at(first), &VoicePacket::parse(&payload).unwrap(), now);
            }
        }
        heard.push(buffer.pop(&mut out, now + Duration::from_millis(5)));
        samples.extend_from_slice(&out);
    }
    let asked = asked.lock().unwrap().clone();
    Run { stats: buffer.stats(), heard, asked, samples }
}

fn frames(run: &Run) -> Vec<u64> {
    let captured = |heard: &Playout| match heard {
        Playout::Frame { captured } => Some(captured.as_micros() + 6_500 - 3_600_000_000),
        Playout::Concealed | Playout::Silence => None,
    };
    run.heard.iter().filter_map(captured).collect()
}

#[test]
fn what_is_coded_is_decoded_in_order_and_each_frame_once() {
    for periods in [1, 2] {
        let run = run(Case { periods, ..STEADY });
        let numbers: Vec<u32> = (0..).step_by(usize::from(periods)).take(run.asked.len()).collect();
        assert!(run.asked == numbers.iter().map(|n| Asked::Frame(*n)).collect::<Vec<_>>());
        assert!(run.asked.len() > 1980 / usize::from(periods));
        let frames = frames(&run);
        assert!(
            frames.windows(2).all(|pair| pair[1] == pair[0] + 10_000 || pair[1] == pair[0] + 20_000),
            "by its delay older"
        );
        assert_eq!((run.stats.concealed, run.stats.duplicates, run.stats.late), (0, 0, 0), "{:?}", run.stats);
    }
}

#[test]
fn a_repeat_stands_in_for_what_is_lost_and_the_buffer_waits_for_it() {
    let lost = |_: u32, rng: &mut Rng| rng.chance(10);
    let concealed = |repeats| {
        let run = run(Case { repeats, lost, ..STEADY });
        let numbers: Vec<u32> = run
            .asked
            .iter()
            .filter_map(|asked| match asked {
                Asked::Frame(n) => Some(*n),
                _ => None,
            })
            .collect();
        assert!(numbers.windows(2).all(|pair| pair[1] > pair[0]), "in order");
        (run.stats.concealed, run.stats.target)
    };
    let [without, one, two] = [0, 1, 2].map(concealed);
    assert!((150..260).contains(&without.0), "{without:?}");
    assert!(one.0 < 40, "{one:?}");
    assert!(two.0 < 12, "{two:?}");
    assert!(two.1 <= Duration::from_millis(30), "{two:?}");
}

#[test]
fn what_the_next_packet_holds_of_a_lost_one_is_used() {
    for periods in [1, 2] {
        // The first loss shows how long the next packet has to be waited for.
        let case = Case { periods, fec: true, lost: |n, _| n % 50 == 49, ..STEADY };
        let run = run(case);
        let lost = 40 * u64::from(periods);
        assert!(run.stats.rebuilt >= lost * 8 / 10, "{:?}", run.stats);
        assert!(run.stats.rebuilt + run.stats.concealed <= lost + 10, "{:?}", run.stats);
    }
}

#[test]
fn silence_that_is_said_is_no_loss() {
    let quiet = run(Case { quiet: 500..900, ..STEADY });
    assert_eq!(quiet.stats.concealed, 0, "{:?}", quiet.stats);
    assert!((380..420).contains(&quiet.stats.silent), "{:?}", quiet.stats);
    let frames = frames(&quiet);
    assert!(
        frames.contains(&(10_000 * 499)) && frames.contains(&(10_000 * 900)),
        "the words around it are whole"
    );
    let two = run(Case { quiet: 500..900, periods: 2, repeats: 1, ..STEADY });
    assert_eq!(two.stats.concealed, 0, "{:?}", two.stats);
    assert!(two.stats.target <= Duration::from_millis(6), "{:?}", two.stats);
}

/// A sender's numbers stand still while it is muted, here from a moment in a silence that it has said.
#[test]
fn what_is_said_after_a_mute_within_a_silence_is_heard_from_its_first_word() {
    for (quiet, muted) in [(2, 20), (2, 500), (20, 10), (20, 300), (63, 5), (64, 400), (200, 50)] {
        let mut buffer = JitterBuffer::with_decoder(Box::new(Numbers(Arc::default())));
        let (mut packer, mut out) = (VoicePacker::new(), SILENCE);
        let (mut number, mut heard) = (0_u32, Vec::new());
        for n in 0..300 + quiet + muted + 200_u32 {
            let now = Time::from_micros(u64::from(n + 1) * 10_000 + 1_000);
            let captured = Time::from_micros(3_600_000_000 + u64::from(n) * 10_000);
            let since = n.saturating_sub(300);
            let (is_quiet, is_muted) = (since < quiet, (quiet..quiet + muted).contains(&since));
            if n < 300 || !is_quiet && !is_muted || n == 300 {
                let coded = number.to_be_bytes();
                let coded = if n == 300 { &[][..] } else { &coded };
                let payload = packer.pack(coded, 1, 0);
                buffer.push_coded(number, captured, &VoicePacket::parse(&payload).unwrap(), now);
            }
            number += u32::from(n < 300 || !is_muted);
            if let Playout::Frame { captured } = buffer.pop(&mut out, now + Duration::from_millis(5)) {
                heard.push((captured.as_micros() + 6_500 - 3_600_000_000) / 10_000);
            }
        }
        let after = heard.iter().filter(|n| **n >= u64::from(300 + quiet + muted)).count();
        assert!(after >= 195, "{quiet} quiet, {muted} muted: {after} of 200 heard, {:?}", buffer.stats());
        assert_eq!(buffer.stats().concealed, 0, "{quiet} quiet, {muted} muted");
    }
}

#[test]
fn speech_that_begins_later_than_the_silence_before_it_is_whole() {
    // From the word after the silence on everything is 40 ms longer under way.
    let mut buffer = JitterBuffer::with_decoder(Box::new(Numbers(Arc::default())));
    let (mut packer, mut out) = (VoicePacker::new(), SILENCE);
    let (mut packets, mut heard) = (Vec::new(), Vec::new());
    for n in (0..=300_u32).chain(340..600) {
        let late = if n >= 340 { 40_000 } else { 0 };
        let coded = n.to_be_bytes();
        let payload = packer.pack(if n == 300 { &[] } else { &coded }, 1, 0);
        packets.push((Time::from_micros(u64::from(n + 1) * 10_000 + 1_000 + late), n, payload));
    }
    let mut packets = packets.into_iter().peekable();
    for n in 0..600_u64 {
        let now = Time::from_micros((n + 1) * 10_000 + 6_000);
        while let Some((at, n, payload)) = packets.next_if(|(at, ..)| *at <= now) {
            let captured = Time::from_micros(3_600_000_000 + u64::from(n) * 10_000);
            buffer.push_coded(n, captured, &VoicePacket::parse(&payload).unwrap(), at);
        }
        if let Playout::Frame { captured } = buffer.pop(&mut out, now) {
            heard.push((captured.as_micros() + 6_500 - 3_600_000_000) / 10_000);
        }
    }
    assert!((340..590).all(|n| heard.contains(&n)), "{:?}", buffer.stats());
}

#[test]
fn in_a_silence_nobody_plays_faster_or_slower() {
    let mut buffer = JitterBuffer::with_decoder(Box::new(Numbers(Arc::default())));
    let (mut packer, mut out) = (VoicePacker::new(), SILENCE);
    let mut excess = Vec::new();
    for n in 0..400_u32 {
        let now = Time::from_micros(u64::from(n + 1) * 10_000 + 1_000);
        if n <= 300 || n.is_multiple_of(20) {
            let coded = n.to_be_bytes();
            let payload = packer.pack(if n >= 300 { &[] } else { &coded }, 1, 0);
            let captured = Time::from_micros(u64::from(n) * 10_000);
            buffer.push_coded(n, captured, &VoicePacket::parse(&payload).unwrap(), now);
        }
        buffer.pop(&mut out, now + Duration::from_millis(5));
        excess.push(buffer.excess_us().is_some());
    }
    assert!(excess[100..299].iter().all(|known| *known) && excess[305..].iter().all(|known| !known));
}

#[test]
fn from_one_layer_to_the_other_there_is_no_gap() {
    let to_coded = run(Case { plain_until: 1000, coded_from: 994, ..STEADY });
    let to_plain = run(Case { plain_until: 2000, coded_from: 1000, ..STEADY });
    for run in [&to_coded, &to_plain] {
        assert!(run.stats.concealed + run.stats.inserted <= 2, "{:?}", run.stats);
        let loudness = |window: &[i16]| window.iter().map(|it| f64::from(*it).powi(2)).sum::<f64>() / 480.0;
        let usual = loudness(&run.samples[480 * 500..480 * 501]);
        for window in run.samples[480 * 400..480 * 1900].chunks_exact(480) {
            assert!(loudness(window) > usual / 3.0, "a gap");
        }
    }
    assert_eq!(to_plain.stats.duplicates + to_plain.stats.late, 0, "both layers of a frame are welcome");
    assert!(to_coded.asked.len() > 950 && to_plain.asked.len() > 950, "the decoder is kept in step");
}

#[test]
fn without_a_decoder_coded_sound_is_refused() {
    let mut buffer = JitterBuffer::new();
    let payload = VoicePacker::new().pack(&[1, 2, 3, 4], 1, 0);
    let packet = VoicePacket::parse(&payload).unwrap();
    assert_eq!(buffer.push_coded(5, Time::ZERO, &packet, Time::ZERO), Pushed::Invalid);
    assert_eq!(buffer.stats().invalid, 1);
}

proptest! {
    #[test]
    fn any_mixture_of_both_layers_is_survived(
        packets in prop::collection::vec((0u32..90, any::<bool>(), 1u8..3, 0u8..4, 0usize..8, 0u64..3), 1..200),
        start: u32,
    ) {
        let mut buffer = JitterBuffer::with_decoder(Box::new(Numbers(Arc::default())));
        let mut packer = VoicePacker::new();
        let mut out = SILENCE;
        let mut now = Time::ZERO;
        for (n, coded, periods, repeats, len, pops) in packets {
            let number = start.wrapping_add(n);
            let captured = Time::from_millis(u64::from(n) * 10);
            if coded {
                let bytes = number.max(2).to_be_bytes();
                let coded = if len < 4 { &[][..] } else { &bytes };
                let payload = packer.pack(coded, periods, repeats);
                buffer.push_coded(number, captured, &VoicePacket::parse(&payload).unwrap(), now);
            } else {
                buffer.push(number, captured, &[1000; FRAME_SAMPLES], now);
            }
            for _ in 0..pops {
                now += FRAME_DURATION;
                buffer.pop(&mut out, now);
            }
            let filled = buffer.slots.iter().filter(|slot| slot.filled).count();
            prop_assert_eq!(filled, buffer.buffered as usize);
        }
        (0..200).for_each(|_| { now += FRAME_DURATION; buffer.pop(&mut out, now); });
        prop_assert!(matches!(buffer.phase, Phase::Fresh | Phase::Empty));
    }
}
