//! The reassembler under loss, duplication, reordering and hostile pieces, in virtual time.

use proptest::prelude::*;

use super::*;
use crate::id::StreamId;
use crate::media::packetizer::{FrameInfo, Packetizer};
use crate::media::testing::Rng;
use crate::wire::{AudioLevel, Layer, MAX_BODY, MAX_PAYLOAD, MediaFlags, StageTimes};

const MS: fn(u64) -> Time = Time::from_millis;

fn reassembler() -> Reassembler {
    Reassembler::new(ReassemblerConfig::default())
}

/// What a frame of this number contains.
pub(super) fn content(number: u32, len: usize) -> Vec<u8> {
    (0..len).map(|i| (number as usize * 31 + i * 7 % 256) as u8).collect()
}

pub(super) fn bodies(packetizer: &mut Packetizer, frame: &[u8], info: FrameInfo) -> Vec<Vec<u8>> {
    let pieces = packetizer.frame(frame, info).unwrap();
    (0..pieces.count())
        .map(|index| {
            let mut out = [0; MAX_BODY];
            let len = pieces.write(index, &mut out).unwrap();
            out[..len].to_vec()
        })
        .collect()
}

pub(super) fn give(reassembler: &mut Reassembler, body: &[u8], now: Time) -> Accepted {
    let (header, payload) = MediaHeader::parse(body).unwrap();
    reassembler.handle_piece(&header, payload, now)
}

pub(super) fn numbers(reassembler: &mut Reassembler, now: Time) -> Vec<u32> {
    std::iter::from_fn(|| reassembler.next_frame(now)).map(|frame| frame.number).collect()
}

/// A frame of a single piece.
pub(super) fn small(frame: u32, keyframe: bool, distance: u16) -> MediaHeader {
    MediaHeader {
        kind: Kind::Video,
        stream: StreamId(1),
        layer: Layer::default(),
        flags: MediaFlags { keyframe, end_of_frame: true, ..Default::default() },
        frame,
        reference_distance: distance,
        piece: 0,
        pieces: 1,
        captured: Time::ZERO,
        level: AudioLevel::SILENT,
        stages: None,
    }
}

#[test]
fn pieces_in_any_order_make_the_frame() {
    let frame = content(0, 5001);
    let mut packetizer = Packetizer::video(StreamId(1));
    let stages = Some(StageTimes { captured_to_encoded_us: 4, ..Default::default() });
    let pieces = bodies(&mut packetizer, &frame, FrameInfo::video(MS(1), true, stages));
    for seed in 0..50 {
        let mut rng = Rng(seed);
        let mut order: Vec<usize> = (0..pieces.len()).collect();
        for i in (1..order.len()).rev() {
            order.swap(i, rng.below(i as u64 + 1) as usize);
        }
        let mut reassembler = reassembler();
        for (at, index) in order.iter().enumerate() {
            let now = MS(10 + at as u64);
            let whole = at + 1 == order.len();
            let expected = if whole { Accepted::Completed } else { Accepted::Stored };
            assert_eq!(give(&mut reassembler, &pieces[*index], now), expected);
            let again = give(&mut reassembler, &pieces[*index], now);
            assert_eq!(again, Accepted::Duplicate);
        }
        let out = reassembler.next_frame(MS(20)).unwrap();
        assert_eq!(out.bytes, frame);
        assert_eq!((out.first_arrival, out.completed), (MS(10), MS(10 + pieces.len() as u64 - 1)));
        assert_eq!((out.captured, out.stages, out.keyframe), (MS(1), stages, true));
        assert_eq!(give(&mut reassembler, &pieces[0], MS(20)), Accepted::Late);
    }
}

/// Loss, duplication, reordering, and pieces sent again: what comes out is whole, in order and decodable.
#[test]
fn a_bad_network_yields_only_whole_decodable_frames_in_order() {
    for seed in 0..40 {
        let mut rng = Rng(seed);
        let mut packetizer = Packetizer::video(StreamId(1)).starting_at(u32::MAX - 50);
        let mut sent = std::collections::BTreeMap::new();
        let mut network: Vec<(u64, Vec<u8>)> = Vec::new();
        let mut reassembler = reassembler();
        let mut out = Vec::new();
        let mut keyframe = true;
        let loss = seed % 4;
        for tick in 0..3000u64 {
            if tick % 33 == 0 {
                let number = packetizer.next_number();
                let len = if keyframe { 20_000 } else { 1 + rng.below(6000) as usize };
                let bytes = content(number, len);
                let info = FrameInfo::video(MS(tick), keyframe, None);
                for mut body in bodies(&mut packetizer, &bytes, info) {
                    if rng.chance(loss) {
                        if rng.chance(50) {
                            body[0] = Kind::Retransmission as u8;
                            network.push((tick + 20, body));
                        }
                        continue;
                    }
                    if rng.chance(5) {
                        network.push((tick + rng.below(40), body.clone()));
                    }
                    network.push((tick + rng.below(15), body));
                }
                sent.insert(number, (bytes, keyframe));
                keyframe = false;
            }
            let mut due: Vec<_> = network.extract_if(.., |(at, _)| *at <= tick).collect();
            due.sort_by_key(|(at, _)| *at);
            for (_, body) in due {
                give(&mut reassembler, &body, MS(tick));
            }
            out.extend(std::iter::from_fn(|| reassembler.next_frame(MS(tick))));
            keyframe |= reassembler.keyframe_needed(MS(tick));
            assert!(reassembler.memory() <= (2 << 20) + SPARE_BUFFERS * SPARE_LARGEST);
        }
        let mut last: Option<u32> = None;
        for frame in &out {
            let (bytes, key) = &sent[&frame.number];
            assert_eq!((&frame.bytes, frame.keyframe), (bytes, *key), "seed {seed}");
            if let Some(last) = last {
                let step = frame.number.wrapping_sub(last);
                assert!(step == 1 || frame.keyframe && step < 100, "seed {seed}: step {step}");
            }
            last = Some(frame.number);
        }
        let least = if loss == 0 { 90 } else { 45 };
        assert!(
            out.len() >= least,
            "seed {seed}: {} of {}, {:?}",
            out.len(),
            sent.len(),
            reassembler.stats()
        );
    }
}

#[test]
fn a_late_frame_is_given_up_sixty_milliseconds_after_a_later_one() {
    let mut r = reassembler();
    r.handle_piece(&small(0, true, 0), b"k", MS(0));
    assert_eq!(numbers(&mut r, MS(0)), [0]);
    r.handle_piece(&small(2, false, 1), b"p", MS(66));
    assert!(numbers(&mut r, MS(66)).is_empty());
    assert_eq!(r.poll_timeout(), Some(MS(126)));
    assert!(numbers(&mut r, MS(125)).is_empty());
    assert!(!r.keyframe_needed(MS(125)));
    // In time after all: both come out.
    let mut in_time = reassembler();
    in_time.handle_piece(&small(0, true, 0), b"k", MS(0));
    in_time.handle_piece(&small(2, false, 1), b"p", MS(66));
    in_time.handle_piece(&small(1, false, 1), b"p", MS(125));
    assert_eq!(numbers(&mut in_time, MS(125)), [0, 1, 2]);
    // Too late: all is dropped up to the next keyframe.
    assert!(numbers(&mut r, MS(126)).is_empty());
    assert!(r.keyframe_needed(MS(126)));
    assert_eq!(r.handle_piece(&small(1, false, 1), b"p", MS(127)), Accepted::Late);
    r.handle_piece(&small(3, false, 1), b"p", MS(130));
    assert!(numbers(&mut r, MS(130)).is_empty());
    r.handle_piece(&small(4, true, 0), b"k", MS(133));
    r.handle_piece(&small(5, false, 1), b"p", MS(134));
    assert_eq!(numbers(&mut r, MS(134)), [4, 5]);
    assert!(!r.keyframe_needed(MS(1000)));
    let stats = r.stats();
    assert_eq!((stats.delivered, stats.undecodable, stats.late), (3, 2, 1));
}

#[test]
fn a_frame_is_given_up_after_its_own_deadline_and_a_slow_keyframe_is_not() {
    let mut packetizer = Packetizer::video(StreamId(1));
    let key = bodies(&mut packetizer, &content(0, 20_000), FrameInfo::video(MS(0), true, None));
    let delta = bodies(&mut packetizer, &content(1, 5000), FrameInfo::video(MS(0), false, None));
    let mut r = reassembler();
    // 18 pieces, one every 50 ms: slow, but it gets there.
    for (at, body) in key.iter().enumerate() {
        let now = MS(at as u64 * 50);
        give(&mut r, body, now);
        assert!(!r.keyframe_needed(now));
        assert_eq!(numbers(&mut r, now).len(), usize::from(at + 1 == key.len()));
    }
    for (at, body) in delta[1..].iter().enumerate() {
        give(&mut r, body, MS(1000 + at as u64 * 10));
    }
    numbers(&mut r, MS(1149));
    assert!(!r.keyframe_needed(MS(1149)));
    assert_eq!(r.poll_timeout(), Some(MS(1150)));
    numbers(&mut r, MS(1150));
    assert!(r.keyframe_needed(MS(1150)));
    assert_eq!(give(&mut r, &delta[0], MS(1151)), Accepted::Late);
}

#[test]
fn a_keyframe_is_asked_for_again_every_quarter_second_and_less_often_into_silence() {
    let mut r = reassembler();
    assert!(!r.keyframe_needed(MS(0)), "nothing flows yet");
    r.handle_piece(&small(7, false, 1), b"p", MS(0));
    let mut asked = Vec::new();
    for now in 0..1000 {
        if now % 33 == 0 {
            r.handle_piece(&small(8 + now as u32 / 33, false, 1), b"p", MS(now));
        }
        numbers(&mut r, MS(now));
        if r.keyframe_needed(MS(now)) {
            asked.push(now);
        }
    }
    assert_eq!(asked, [0, 250, 500, 750]);
    asked.clear();
    for now in 1000..20_000 {
        numbers(&mut r, MS(now));
        if r.keyframe_needed(MS(now)) {
            asked.push(now);
        }
    }
    assert_eq!(asked, [1000, 1250, 1750, 2750, 4750, 8750, 12750, 16750]);
    // A keyframe on its way stops the asking.
    let piece = MediaHeader { pieces: 2, ..small(100, true, 0) };
    r.handle_piece(&piece, b"k", MS(30_000));
    assert!(!r.keyframe_needed(MS(30_001)));
    // Lost, it starts again.
    numbers(&mut r, MS(30_150));
    assert!(r.keyframe_needed(MS(30_250)));
}

#[test]
fn a_lost_frame_that_none_needs_does_no_harm() {
    let mut r = reassembler();
    r.handle_piece(&small(0, true, 0), b"k", MS(0));
    // 1 was left out or is lost, and 2 refers to 0: no reason to wait.
    r.handle_piece(&small(2, false, 2), b"p", MS(66));
    r.handle_piece(&small(3, false, 1), b"p", MS(99));
    assert_eq!(numbers(&mut r, MS(99)), [0, 2, 3]);
    assert_eq!(r.handle_piece(&small(1, false, 1), b"p", MS(100)), Accepted::Late);
    // 4 is lost; the upper-layer frame 5 needs it, but 6 refers to 3. It waits only for 5, which is here.
    let mut upper = small(5, false, 1);
    upper.flags.discardable = true;
    r.handle_piece(&upper, b"p", MS(160));
    r.handle_piece(&small(6, false, 3), b"p", MS(190));
    assert!(numbers(&mut r, MS(219)).is_empty());
    assert_eq!(numbers(&mut r, MS(220)), [6]);
    assert!(!r.keyframe_needed(MS(220)));
    assert_eq!((r.stats().undecodable, r.stats().skipped, r.stats().lost), (1, 1, 1));
}

#[test]
fn numbers_that_other_layers_have_are_not_waited_for() {
    let mut r = reassembler();
    r.handle_piece(&small(u32::MAX - 1, true, 0), b"k", MS(0));
    r.handle_piece(&small(2, false, 4), b"p", MS(133));
    assert_eq!(numbers(&mut r, MS(133)), [u32::MAX - 1, 2]);
    // What 4 refers to has not come: 3 may be on its way.
    r.handle_piece(&small(5, false, 1), b"p", MS(166));
    assert!(numbers(&mut r, MS(166)).is_empty());
    r.handle_piece(&small(4, false, 2), b"p", MS(170));
    assert_eq!(numbers(&mut r, MS(170)), [4, 5]);
    // A frame that names no reference depends on the number before it.
    r.handle_piece(&small(8, false, 0), b"p", MS(200));
    assert!(numbers(&mut r, MS(200)).is_empty());
    assert!(!r.keyframe_needed(MS(200)));
    assert_eq!(r.stats().lost, 0);
}

#[test]
fn references_reach_neither_behind_a_keyframe_nor_beyond_memory() {
    let mut r = reassembler();
    for (number, key) in [(0, true), (1, true)] {
        r.handle_piece(&small(number, key, 0), b"k", MS(0));
    }
    r.handle_piece(&small(2, false, 2), b"p", MS(0));
    assert_eq!(numbers(&mut r, MS(0)), [0, 1]);
    assert!(r.keyframe_needed(MS(0)));
    r.handle_piece(&small(3, true, 0), b"k", MS(1));
    r.handle_piece(&small(4, false, u16::MAX), b"p", MS(1));
    assert_eq!(numbers(&mut r, MS(1)), [3]);
}

#[test]
fn a_decoder_that_failed_gets_a_keyframe_next() {
    let mut r = reassembler();
    r.handle_piece(&small(0, true, 0), b"k", MS(0));
    assert_eq!(numbers(&mut r, MS(0)), [0]);
    r.handle_decoder_failure();
    r.handle_piece(&small(1, false, 1), b"p", MS(1));
    assert!(numbers(&mut r, MS(1)).is_empty());
    assert!(r.keyframe_needed(MS(1)));
    r.handle_piece(&small(2, true, 0), b"k", MS(2));
    assert_eq!(numbers(&mut r, MS(2)), [2]);
}

#[test]
fn a_sender_that_starts_anew_is_followed() {
    let mut r = reassembler();
    r.handle_piece(&small(5000, true, 0), b"k", MS(0));
    assert_eq!(numbers(&mut r, MS(0)), [5000]);
    r.handle_piece(&small(0, true, 0), b"k", MS(100));
    r.handle_piece(&small(1, false, 1), b"p", MS(100));
    assert_eq!(numbers(&mut r, MS(100)), [0, 1]);
    assert_eq!(r.stats().restarts, 1);
}

#[test]
fn pieces_that_contradict_each_other_are_refused() {
    let base = MediaHeader { pieces: 3, ..small(0, true, 0) };
    let mut r = reassembler();
    assert_eq!(r.handle_piece(&base, &[1; 100], MS(0)), Accepted::Stored);
    let bad = [
        (MediaHeader { pieces: 4, piece: 1, ..base }, 100),
        (MediaHeader { piece: 1, captured: MS(9), ..base }, 100),
        (MediaHeader { piece: 1, reference_distance: 1, ..base }, 100),
        (MediaHeader { piece: 1, flags: MediaFlags::default(), ..base }, 100),
        (MediaHeader { piece: 1, layer: Layer { spatial: 0, temporal: 1 }, ..base }, 100),
        (MediaHeader { piece: 1, ..base }, 99),
        (MediaHeader { piece: 1, ..base }, 0),
        (MediaHeader { piece: 2, ..base }, 101),
        (MediaHeader { frame: 1, pieces: 513, ..base }, 100),
        (MediaHeader { frame: 1, pieces: 0, ..base }, 100),
        (MediaHeader { frame: 1, piece: 3, ..base }, 100),
        (MediaHeader { frame: 1, ..base }, MAX_PAYLOAD + 1),
    ];
    for (header, len) in bad {
        assert_eq!(r.handle_piece(&header, &vec![2; len], MS(0)), Accepted::Invalid, "{header:?} {len}");
    }
    assert_eq!(r.handle_piece(&MediaHeader { kind: Kind::Audio, ..base }, &[1], MS(0)), Accepted::Ignored);
    // The last piece first, then a smaller one: refused as well.
    let mut r = reassembler();
    assert_eq!(r.handle_piece(&MediaHeader { piece: 2, ..base }, &[1; 50], MS(0)), Accepted::Stored);
    assert_eq!(r.handle_piece(&MediaHeader { piece: 1, ..base }, &[2; 49], MS(0)), Accepted::Invalid);
    assert_eq!(r.handle_piece(&MediaHeader { piece: 1, ..base }, &[2; 50], MS(0)), Accepted::Stored);
    assert_eq!(r.handle_piece(&base, &[3; 50], MS(0)), Accepted::Completed);
    let bytes = r.next_frame(MS(0)).unwrap().bytes;
    assert_eq!(bytes, [[3; 50], [2; 50], [1; 50]].concat());
}

#[test]
fn frames_that_never_end_hold_bounded_memory() {
    for keyframe in [true, false] {
        let mut r = reassembler();
        r.handle_piece(&small(0, true, 0), b"k", MS(0));
        numbers(&mut r, MS(0));
        for n in 1..2000 {
            let header = MediaHeader { pieces: 512, ..small(n, keyframe, 1) };
            r.handle_piece(&header, &[0; MAX_PAYLOAD], MS(0));
            assert!(r.in_flight() <= 2 << 20);
            assert!(r.memory() <= (2 << 20) + SPARE_BUFFERS * SPARE_LARGEST);
        }
        assert!(r.stats().overflowed > 1900);
        r.handle_piece(&small(2000, true, 0), b"k", MS(2000));
        assert_eq!(numbers(&mut r, MS(2000)), [2000]);
    }
}

#[test]
fn buffers_are_used_again() {
    let mut r = reassembler();
    let mut pointers = std::collections::BTreeSet::new();
    for n in 0..100 {
        r.handle_piece(&small(n, true, 0), &[1; 1000], MS(u64::from(n)));
        let frame = r.next_frame(MS(u64::from(n))).unwrap();
        pointers.insert(frame.bytes.as_ptr());
        r.recycle(frame.bytes);
    }
    assert_eq!(pointers.len(), 1);
}

prop_compose! {
    fn any_piece()(
        frame in prop_oneof![0u32..40, any::<u32>()],
        pieces in prop_oneof![1u16..5, Just(512), any::<u16>()],
        piece in prop_oneof![0u16..5, any::<u16>()],
        flags in any::<(bool, bool, bool)>(),
        distance in prop_oneof![0u16..3, any::<u16>()],
        len in prop_oneof![Just(100usize), 0usize..200, Just(MAX_PAYLOAD)],
        kind in prop::sample::select(Kind::ALL.to_vec()),
        spatial in 0u8..3,
        wait in 0u64..80,
    ) -> (MediaHeader, usize, u64) {
        let flags = MediaFlags { keyframe: flags.0, end_of_frame: flags.1, discardable: flags.2, end_to_end: false };
        let layer = Layer { spatial, temporal: 0 };
        (MediaHeader { kind, layer, pieces, piece, flags, ..small(frame, false, distance) }, len, wait)
    }
}

proptest! {
    #[test]
    fn any_pieces_are_survived_in_bounded_memory(pieces in prop::collection::vec(any_piece(), 0..300)) {
        let mut r = reassembler();
        let payload = [9; MAX_PAYLOAD];
        let mut now = 0;
        for (header, len, wait) in pieces {
            now += wait;
            r.handle_piece(&header, &payload[..len], MS(now));
            while let Some(frame) = r.next_frame(MS(now)) {
                prop_assert!(!frame.bytes.is_empty() && frame.bytes.iter().all(|byte| *byte == 9));
                r.recycle(frame.bytes);
            }
            r.keyframe_needed(MS(now));
            while r.next_nack(Duration::from_millis(40), MS(now)).is_some() {}
            // No busy loop: what is due now has been done.
            prop_assert!(r.poll_timeout().is_none_or(|at| at > MS(now)), "{:?} {}", r.poll_timeout(), now);
            prop_assert!(r.slots.len() <= 32);
            prop_assert!(r.memory() <= (2 << 20) + SPARE_BUFFERS * SPARE_LARGEST);
            let places: Vec<_> = r.slots.iter().map(|slot| (slot.number, slot.layer.spatial)).collect();
            let in_order = |pair: &[(u32, u8)]| match pair[1].0.wrapping_sub(pair[0].0) as i32 {
                0 => pair[1].1 > pair[0].1,
                step => step > 0,
            };
            prop_assert!(places.windows(2).all(in_order));
        }
    }
}
