//! The jitter buffer under scripted delays, losses and drift, in virtual time.

use proptest::prelude::*;

use super::*;
use crate::media::testing::{Rng, frame_of, voiced};

const MS: fn(u64) -> Time = Time::from_millis;

/// A packet on its way: when it comes, its number, and when it was captured.
#[derive(Copy, Clone)]
struct Packet {
    arrival: Time,
    number: u32,
    captured: Time,
}

/// Packet `n` of a sender whose clock is an hour ahead, sent every 10 ms and `late_us` on its way.
fn packet(n: u32, late_us: u64) -> Packet {
    let sent = 10_000 * u64::from(n);
    let captured = Time::from_micros(sent + 3_600_000_000);
    Packet { arrival: Time::from_micros(sent + late_us), number: n, captured }
}

/// What the playout thread saw at each of its periods.
struct Run {
    buffer: JitterBuffer,
    heard: Vec<Playout>,
    targets_us: Vec<i64>,
    samples: Vec<i16>,
}

impl Run {
    fn frames(&self) -> Vec<u32> {
        let number = |captured: Time| ((captured.as_micros() - 3_600_000_000) / 10_000) as u32;
        let frame = |heard: &Playout| match heard {
            Playout::Frame { captured } => Some(number(*captured)),
            Playout::Concealed | Playout::Silence => None,
        };
        self.heard.iter().filter_map(frame).collect()
    }
}

/// Plays for `seconds`, with a playout period of `period_us`.
fn run(mut packets: Vec<Packet>, seconds: u64, period_us: u64) -> Run {
    packets.sort_by_key(|packet| packet.arrival);
    let mut packets = packets.into_iter().peekable();
    let buffer = JitterBuffer::new();
    let mut run = Run { buffer, heard: vec![], targets_us: vec![], samples: vec![] };
    let mut out = SILENCE;
    let mut now = 4_321;
    while now < seconds * 1_000_000 {
        let time = Time::from_micros(now);
        while let Some(packet) = packets.next_if(|packet| packet.arrival <= time) {
            let sound = frame_of(packet.number as usize, 0.3, |at| voiced(at, 125.0));
            run.buffer.push(packet.number, packet.captured, &sound, packet.arrival);
            assert!(run.buffer.buffered as usize <= CAPACITY);
        }
        run.heard.push(run.buffer.pop(&mut out, time));
        run.targets_us.push(run.buffer.target_us);
        run.samples.extend_from_slice(&out);
        now += period_us;
    }
    run
}

fn in_order(frames: &[u32]) -> bool {
    frames.windows(2).all(|pair| pair[1] > pair[0])
}

#[test]
fn a_still_network_plays_everything_after_twenty_milliseconds_and_settles_at_the_least() {
    let run = run((0..3000).map(|n| packet(n, 1500)).collect(), 30, 10_000);
    let silent = run.heard.iter().take_while(|heard| **heard == Playout::Silence).count();
    // Frame 0 came at 1.5 ms; the first period after 21.5 ms begins at 24.3 ms.
    assert_eq!(silent, 2);
    let frames = run.frames();
    assert!(in_order(&frames));
    let stats = run.buffer.stats();
    assert_eq!((stats.concealed, stats.late, stats.inserted, stats.silent), (0, 0, 0, 2));
    assert_eq!(stats.target, Duration::from_millis(5));
    assert!(stats.delay < Duration::from_millis(24), "{stats:?}");
    assert!(stats.dropped <= 2 && frames.len() >= 2990);
}

#[test]
fn the_target_follows_the_jitter_up_at_once_and_down_slowly() {
    for seed in 0..5 {
        let mut rng = Rng(seed);
        // 10 s still, 20 s with up to 40 ms of jitter, 40 s still.
        let late =
            |n: u32, rng: &mut Rng| 1000 + if (1000..3000).contains(&n) { rng.below(40_000) } else { 0 };
        let run = run((0..7000).map(|n| packet(n, late(n, &mut rng))).collect(), 70, 10_000);
        let at = |second: usize| run.targets_us[second * 100];
        assert_eq!(at(9), 5_000);
        assert!(at(11) > 25_000, "{}", at(11));
        for second in 16..30 {
            assert!((35_000..65_000).contains(&at(second)), "{second}: {}", at(second));
        }
        assert!(at(34) > 25_000 && at(34) < 65_000, "{}", at(34));
        assert_eq!(at(60), 5_000);
        let concealed = |range: std::ops::Range<usize>| {
            run.heard[range].iter().filter(|heard| **heard == Playout::Concealed).count()
        };
        assert!(concealed(1600..3000) <= 28, "{}", concealed(1600..3000));
        assert!(run.buffer.stats().delay < Duration::from_millis(24));
        assert!(in_order(&run.frames()));
    }
}

#[test]
fn lost_packets_are_concealed_and_do_not_deepen_the_buffer() {
    for seed in 0..5 {
        let mut rng = Rng(seed);
        let mut packets = Vec::new();
        let mut lost = 0;
        for n in 0..3000 {
            if n > 10 && n < 2990 && rng.chance(5) {
                lost += 1;
                continue;
            }
            packets.push(packet(n, 1000));
            if rng.chance(5) {
                packets.push(packet(n, 1000 + rng.below(50_000)));
            }
        }
        let run = run(packets, 30, 10_000);
        let stats = run.buffer.stats();
        assert!(in_order(&run.frames()));
        assert!(stats.concealed.abs_diff(lost) <= 3, "{lost} lost, {stats:?}");
        assert_eq!(stats.restarts, 0);
        assert!(stats.duplicates > 100 && stats.late == 0, "{stats:?}");
        // Copies that come later than the original are no reason to wait longer.
        assert!(stats.delay < Duration::from_millis(25), "{stats:?}");
    }
}

#[test]
fn reordered_packets_are_played_in_order() {
    for seed in 0..20 {
        let mut rng = Rng(seed);
        let run = run((0..2000).map(|n| packet(n, rng.below(25_000))).collect(), 20, 10_000);
        assert!(in_order(&run.frames()));
        assert!(run.frames().len() > 1900, "{:?}", run.buffer.stats());
    }
}

#[test]
fn a_late_packet_is_played_later_rather_than_lost_and_the_delay_shrinks_back() {
    // Everything from 5.00 to 5.05 s comes at 5.05 s.
    let late = |n: u32| if (500..505).contains(&n) { 1000 + 10_000 * u64::from(505 - n) } else { 1000 };
    let run = run((0..3000).map(|n| packet(n, late(n))).collect(), 30, 10_000);
    let frames = run.frames();
    assert!(in_order(&frames));
    assert!((500..505).all(|n| frames.contains(&n)), "nothing is lost");
    let stats = run.buffer.stats();
    assert!(stats.late >= 1 && stats.concealed <= 6, "{stats:?}");
    let most = run.targets_us.iter().max().unwrap();
    assert!((12_000..60_000).contains(most), "{most}");
    assert_eq!(stats.target, Duration::from_millis(5));
    assert!(stats.delay < Duration::from_millis(24), "{stats:?}");
}

#[test]
fn what_comes_late_once_is_no_reason_to_wait_longer_and_what_does_so_twice_is() {
    // Held up for 25 ms at 20 s, and again three seconds later.
    for (held_up, grows) in [(vec![2000], false), (vec![2000, 2300], true), (vec![2000, 2600], false)] {
        let late = |n: u32| if held_up.contains(&n) { 26_000 } else { 1000 };
        let run = run((0..3000).map(|n| packet(n, late(n))).collect(), 30, 10_000);
        let target = *run.targets_us[1900..].iter().max().unwrap();
        assert_eq!(target > 5_000, grows, "{held_up:?}: {target} us");
        assert_eq!(run.buffer.stats().late, held_up.len() as u64, "{held_up:?}: {:?}", run.buffer.stats());
    }
}

#[test]
fn after_a_long_stall_what_piled_up_is_skipped() {
    let late = |n: u32| if (500..530).contains(&n) { 1000 + 10_000 * u64::from(530 - n) } else { 1000 };
    let run = run((0..1500).map(|n| packet(n, late(n))).collect(), 15, 10_000);
    let stats = run.buffer.stats();
    assert!(in_order(&run.frames()));
    assert!(stats.restarts == 0 && stats.concealed <= 8, "{stats:?}");
    assert!(stats.delay <= Duration::from_micros(213_000));
    assert!(stats.dropped > 5, "{stats:?}");
}

#[test]
fn a_sender_that_was_muted_comes_back_with_its_next_number() {
    let mut packets: Vec<Packet> = (0..300).map(|n| packet(n, 1000)).collect();
    // Muted for four seconds: the numbers go on where they were.
    packets.extend((700..1000).map(|n| Packet { number: n - 400, ..packet(n, 1000) }));
    let run = run(packets, 10, 10_000);
    let stats = run.buffer.stats();
    assert_eq!((stats.restarts, stats.late), (0, 0));
    // The ends of the two halves fade.
    assert_eq!(stats.concealed, 6 + u64::from(run.heard.last() == Some(&Playout::Concealed)));
    assert!(stats.silent > 380 && stats.silent < 400, "{stats:?}");
    assert!(stats.played >= 594);
}

/// A relay that passes on the loudest only leaves out some of a sender's sound, whose numbers go on meanwhile.
#[test]
fn a_sender_that_was_not_passed_on_is_no_lossy_one() {
    for left_out in [30, 70, 400] {
        let packets = (0..300).chain(300 + left_out..900).map(|n| packet(n, 1000)).collect();
        let run = run(packets, 9, 10_000);
        let stats = run.buffer.stats();
        assert_eq!((stats.restarts, stats.late, stats.inserted), (0, 0, 0), "{left_out}: {stats:?}");
        // The end of what was heard before fades; after the pause the delay may be a frame longer, which is taken back.
        assert_eq!(stats.concealed, 6 + u64::from(run.heard.last() == Some(&Playout::Concealed)));
        assert!(stats.dropped <= 1, "{left_out}: {stats:?}");
        let came = stats.played + stats.dropped + u64::from(stats.buffered);
        assert_eq!(came, u64::from(900 - left_out), "every frame that came is played");
        assert!(stats.target <= Duration::from_millis(20), "{left_out}: {stats:?}");
    }
}

#[test]
fn a_sender_that_starts_anew_is_followed() {
    let mut packets: Vec<Packet> = (0..300).map(|n| packet(n + 5000, 1000)).collect();
    for packet in &mut packets {
        packet.arrival = packet.arrival - Duration::from_secs(50);
    }
    packets.extend((300..600).map(|n| {
        let arrival = packet(n, 1000).arrival;
        Packet { number: n - 300, captured: arrival - Duration::from_millis(2), arrival }
    }));
    let mut buffer = JitterBuffer::new();
    let (mut played, mut out) = (0, SILENCE);
    for packet in packets {
        let sound = [100; FRAME_SAMPLES];
        assert_eq!(buffer.push(packet.number, packet.captured, &sound, packet.arrival), Pushed::Stored);
        let heard = buffer.pop(&mut out, packet.arrival + Duration::from_millis(1));
        played += u32::from(matches!(heard, Playout::Frame { .. }));
    }
    assert_eq!(buffer.stats().restarts, 1);
    assert!(played > 590, "{played}");
}

#[test]
fn numbers_wrap() {
    let mut buffer = JitterBuffer::new();
    let mut out = SILENCE;
    let mut played = 0;
    for n in 0..200u32 {
        let Packet { captured, arrival, .. } = packet(n, 1000);
        let number = n.wrapping_sub(100);
        assert_eq!(buffer.push(number, captured, &[5; FRAME_SAMPLES], arrival), Pushed::Stored);
        played += u32::from(matches!(buffer.pop(&mut out, arrival), Playout::Frame { .. }));
    }
    assert!(played >= 197);
    assert_eq!(buffer.stats().restarts, 0);
}

#[test]
fn drift_between_the_clocks_is_followed_one_frame_at_a_time() {
    // 500 ppm is five times what two bad crystals do: ten minutes make 300 ms, thirty frames.
    for (period_us, least, most) in [(9_995, 25, 36), (10_005, 25, 36)] {
        let run = run((0..60_000).map(|n| packet(n, 1000)).collect(), 600, period_us);
        let stats = run.buffer.stats();
        assert!(in_order(&run.frames()));
        let corrections = if period_us < 10_000 { stats.inserted } else { stats.dropped };
        assert!((least..=most).contains(&corrections), "{stats:?}");
        assert_eq!(stats.concealed, 0, "{stats:?}");
        assert!(stats.delay < Duration::from_millis(24), "{stats:?}");
    }
}

#[test]
fn corrections_wait_for_a_quiet_moment() {
    let mut buffer = JitterBuffer::new();
    let mut out = SILENCE;
    let loud = |n: u32| n % 40 < 35;
    let mut dropped_at = Vec::new();
    for n in 0..2000 {
        let Packet { captured, arrival, .. } = packet(n, 1000);
        let amplitude = if loud(n) { 0.5 } else { 0.001 };
        buffer.push(n, captured, &frame_of(n as usize, amplitude, |at| voiced(at, 100.0)), arrival);
        let before = buffer.stats().dropped;
        buffer.pop(&mut out, arrival + Duration::from_millis(4));
        if buffer.stats().dropped > before {
            dropped_at.push(buffer.next.wrapping_sub(2));
        }
    }
    assert!(!dropped_at.is_empty());
    assert!(dropped_at.iter().all(|n| !loud(*n)), "{dropped_at:?}");
}

#[test]
fn nothing_clicks_when_the_buffer_changes_its_depth() {
    let mut rng = Rng(3);
    let late = |n: u32, rng: &mut Rng| 1000 + if n > 500 { rng.below(30_000) } else { 0 };
    let packets = (0..2000).filter(|n| n % 61 != 60).map(|n| packet(n, late(n, &mut rng))).collect();
    let run = run(packets, 20, 10_000);
    let steepest = |samples: &[i16]| {
        samples.windows(2).map(|w| (i32::from(w[0]) - i32::from(w[1])).abs()).max().unwrap()
    };
    let original: Vec<i16> = (0..20).flat_map(|n| frame_of(n, 0.3, |at| voiced(at, 125.0))).collect();
    assert!(steepest(&run.samples) <= steepest(&original) * 3 / 2);
}

#[test]
fn what_is_no_frame_is_refused() {
    let mut buffer = JitterBuffer::new();
    for len in [0, 1, 479, 481, 960] {
        assert_eq!(buffer.push(1, MS(1), &vec![0; len], MS(1)), Pushed::Invalid);
    }
    assert_eq!(buffer.stats().invalid, 5);
    assert_eq!(buffer.pop(&mut SILENCE.clone(), MS(1)), Playout::Silence);
}

proptest! {
    #[test]
    fn any_packets_are_survived(
        packets in prop::collection::vec(
            (prop_oneof![0u32..200, any::<u32>()], prop_oneof![0u64..10_000_000, any::<u64>()], 0u64..40_000, 0u8..3),
            0..400,
        )
    ) {
        let mut buffer = JitterBuffer::new();
        let mut out = SILENCE;
        let mut now = 0;
        for (number, captured, wait, pops) in packets {
            now += wait;
            buffer.push(number, Time::from_micros(captured), &[7; FRAME_SAMPLES], Time::from_micros(now));
            for _ in 0..pops {
                buffer.pop(&mut out, Time::from_micros(now));
            }
            let filled = buffer.slots.iter().filter(|slot| slot.filled).count();
            prop_assert_eq!(filled, buffer.buffered as usize);
            prop_assert!((TARGET_LEAST..=TARGET_MOST).contains(&buffer.target_us));
            let priming_without_frame = buffer.phase == Phase::Priming && !buffer.slots[index(buffer.next)].filled;
            prop_assert!(!priming_without_frame);
        }
    }
}
