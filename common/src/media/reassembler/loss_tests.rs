//! Nacks, repairs and changes of the layer, step by step in virtual time.

use proptest::prelude::*;

use super::tests::{bodies, content, give, numbers, small};
use super::*;
use crate::media::packetizer::{FrameInfo, Packetizer};
use crate::media::repair::Repairer;
use crate::wire::{Layer, MAX_BODY, MAX_PAYLOAD, Nack};

const MS: fn(u64) -> Time = Time::from_millis;
const ROUND_TRIP: Duration = Duration::from_millis(40);

/// A reassembler that asks, and has delivered the keyframe 0.
fn started() -> Reassembler {
    let mut r = Reassembler::new(ReassemblerConfig::default());
    r.set_round_trip(ROUND_TRIP);
    r.handle_piece(&small(0, true, 0), b"k", MS(0));
    assert_eq!(numbers(&mut r, MS(0)), [0]);
    r
}

fn nacks(r: &mut Reassembler, now: u64) -> Vec<(u32, Vec<u16>)> {
    std::iter::from_fn(|| r.next_nack(ROUND_TRIP, MS(now)))
        .map(|nack| (nack.frame, nack.pieces.to_vec()))
        .collect()
}

/// Frame `number` in five pieces.
fn five(number: u32, keyframe: bool) -> Vec<Vec<u8>> {
    let mut packetizer = Packetizer::video(StreamId(1)).starting_at(number);
    bodies(&mut packetizer, &content(number, 5000), FrameInfo::video(MS(0), keyframe, None))
}

fn of_layer(header: MediaHeader, spatial: u8) -> MediaHeader {
    MediaHeader { layer: Layer { spatial, temporal: 0 }, ..header }
}

#[test]
fn a_piece_is_asked_for_ten_milliseconds_after_a_later_one_and_five_times() {
    let mut r = started();
    let pieces = five(1, false);
    give(&mut r, &pieces[0], MS(10));
    give(&mut r, &pieces[2], MS(12));
    assert!(nacks(&mut r, 21).is_empty());
    assert_eq!(r.poll_timeout(), Some(MS(22)));
    assert_eq!(nacks(&mut r, 22), [(1, vec![1])]);
    // The rest shows missing when a later frame begins.
    r.handle_piece(&small(2, false, 1), b"p", MS(43));
    assert_eq!(r.poll_timeout(), Some(MS(46)), "it or the question may be lost");
    let asked: Vec<_> =
        (23..260).filter_map(|now| nacks(&mut r, now).first().cloned().map(|nack| (now, nack))).collect();
    let expected = [
        (46, vec![1]),
        (53, vec![3, 4]),
        (72, vec![1]),
        (77, vec![3, 4]),
        (103, vec![3, 4]),
        (122, vec![1]),
        (153, vec![3, 4]),
        (172, vec![1]),
        (203, vec![3, 4]),
    ];
    assert_eq!(asked, expected.map(|(at, pieces)| (at, (1, pieces))));
    assert_eq!(r.stats().nacks, 10);
    // What comes again completes it.
    for index in [1, 3, 4] {
        let mut again = pieces[index].clone();
        again[0] = Kind::Retransmission as u8;
        give(&mut r, &again, MS(200));
    }
    assert_eq!(numbers(&mut r, MS(200)), [1, 2]);
}

#[test]
fn nothing_is_asked_for_that_would_be_late_and_giving_up_asks_for_a_keyframe() {
    let mut r = started();
    let far = Duration::from_millis(300);
    give(&mut r, &five(1, false)[0], MS(10));
    r.handle_piece(&small(2, false, 1), b"p", MS(43));
    for now in 43..103 {
        assert_eq!(r.next_nack(far, MS(now)), None);
        assert!(numbers(&mut r, MS(now)).is_empty() && !r.keyframe_needed(MS(now)));
    }
    assert_eq!(r.poll_timeout(), Some(MS(103)));
    numbers(&mut r, MS(103));
    assert!(r.keyframe_needed(MS(103)));
}

#[test]
fn a_whole_frame_is_asked_for_unless_the_next_one_does_not_refer_to_it() {
    let mut r = started();
    r.handle_piece(&small(2, false, 1), b"p", MS(60));
    assert!(nacks(&mut r, 69).is_empty());
    assert_eq!(nacks(&mut r, 70), [(1, vec![])]);
    assert_eq!(nacks(&mut r, 120), [(1, vec![])]);
    r.handle_piece(&small(1, false, 1), b"p", MS(160));
    assert_eq!(numbers(&mut r, MS(160)), [1, 2]);
    // 4 was left out, or nobody needs it; 3 is needed.
    let partial = MediaHeader { pieces: 2, ..small(5, false, 2) };
    r.handle_piece(&partial, b"p", MS(200));
    assert_eq!(nacks(&mut r, 210), [(3, vec![])]);
    // Too many: a keyframe is the answer.
    let mut r = started();
    r.handle_piece(&small(20, false, 1), b"p", MS(60));
    assert!(nacks(&mut r, 70).is_empty());
}

#[test]
fn while_only_a_keyframe_helps_only_its_pieces_are_asked_for() {
    let mut r = Reassembler::new(ReassemblerConfig::default());
    let (before, key, after) = (five(1, false), five(2, true), five(3, false));
    give(&mut r, &before[4], MS(0));
    give(&mut r, &key[3], MS(10));
    give(&mut r, &after[4], MS(20));
    assert_eq!(nacks(&mut r, 40), [(2, vec![0, 1, 2, 4])]);
    for index in [0, 1, 2, 4] {
        give(&mut r, &key[index], MS(60));
    }
    assert_eq!(numbers(&mut r, MS(60)), [2]);
    assert_eq!(nacks(&mut r, 60), [(3, vec![0, 1, 2, 3])]);
}

#[test]
fn the_end_of_a_slow_streams_frame_is_asked_for_though_nothing_came_behind_it() {
    let mut r = started();
    let pieces = five(1, false);
    for piece in &pieces[..4] {
        give(&mut r, piece, MS(10));
    }
    assert!(nacks(&mut r, 69).is_empty());
    assert_eq!(r.poll_timeout(), Some(MS(70)));
    assert_eq!(nacks(&mut r, 70), [(1, vec![4])]);
    assert_eq!(r.poll_timeout(), Some(MS(94)));
}

#[test]
fn a_frame_that_none_needs_holds_up_the_others_no_longer_than_reordering_may() {
    for (discardable, waited) in [(true, 60), (false, 210)] {
        let mut r = started();
        let mut upper = MediaHeader { pieces: 2, ..small(1, false, 1) };
        upper.flags.discardable = discardable;
        r.handle_piece(&upper, b"p", MS(33));
        r.handle_piece(&small(2, false, 2), b"p", MS(40));
        let shown = (40..400).find(|now| !numbers(&mut r, MS(*now)).is_empty());
        assert_eq!(shown, Some(40 + waited));
    }
}

#[test]
fn another_layer_is_ignored_until_its_keyframe_is_whole() {
    let mut r = started();
    assert_eq!(r.handle_piece(&of_layer(small(1, false, 1), 1), b"B", MS(10)), Accepted::Ignored);
    r.handle_piece(&small(1, false, 1), b"a", MS(33));
    assert_eq!(numbers(&mut r, MS(33)), [1]);
    // The new layer's keyframe of the same number as the old one's frame: the old one is shown while it is alone ...
    let key = of_layer(MediaHeader { pieces: 2, ..small(2, true, 0) }, 1);
    assert_eq!(r.handle_piece(&key, b"B", MS(66)), Accepted::Stored);
    assert_eq!(r.handle_piece(&of_layer(small(3, false, 1), 1), b"B", MS(67)), Accepted::Completed);
    r.handle_piece(&small(2, false, 1), b"a", MS(67));
    assert_eq!(numbers(&mut r, MS(67)), [2]);
    // ... and the new layer goes on from its keyframe.
    r.handle_piece(&MediaHeader { piece: 1, ..key }, b"B", MS(70));
    let frames: Vec<_> =
        std::iter::from_fn(|| r.next_frame(MS(70))).map(|f| (f.number, f.layer.spatial)).collect();
    assert_eq!(frames, [(2, 1), (3, 1)]);
    assert_eq!(r.handle_piece(&small(4, false, 1), b"a", MS(71)), Accepted::Ignored);
    assert_eq!(r.heard_layer(), 0);
}

#[test]
fn the_keyframe_of_the_new_layer_wins_over_the_old_layers_frame() {
    let mut r = started();
    // 1 is on its way yet, so both wait.
    let late = MediaHeader { pieces: 2, ..small(1, false, 1) };
    r.handle_piece(&late, b"a", MS(33));
    r.handle_piece(&small(2, false, 1), b"a", MS(66));
    r.handle_piece(&of_layer(small(2, true, 0), 1), b"B", MS(66));
    r.handle_piece(&of_layer(small(3, false, 1), 1), b"B", MS(99));
    assert!(numbers(&mut r, MS(99)).is_empty());
    r.handle_piece(&MediaHeader { piece: 1, ..late }, b"a", MS(100));
    let frames: Vec<_> =
        std::iter::from_fn(|| r.next_frame(MS(100))).map(|f| (f.number, f.layer.spatial)).collect();
    assert_eq!(frames, [(1, 0), (2, 1), (3, 1)]);
    // A frame of one layer never refers to one of another.
    r.handle_piece(&small(4, false, 1), b"a", MS(133));
    assert!(numbers(&mut r, MS(133)).is_empty());
}

#[test]
fn a_layer_whose_keyframe_never_comes_is_noticed() {
    let mut r = started();
    for n in 1..20 {
        r.handle_piece(&of_layer(small(n, false, 1), 1), b"B", MS(u64::from(n) * 33));
        numbers(&mut r, MS(u64::from(n) * 33));
    }
    assert!(r.keyframe_needed(MS(700)));
    assert_eq!(r.heard_layer(), 1);
    // The same when it comes in part.
    let mut r = started();
    r.handle_piece(&of_layer(MediaHeader { pieces: 2, ..small(1, true, 0) }, 1), b"B", MS(33));
    r.handle_piece(&of_layer(small(2, false, 1), 1), b"B", MS(66));
    assert_eq!(nacks(&mut r, 76), [(1, vec![1])]);
    let given_up = (77..2000).find(|now| {
        numbers(&mut r, MS(*now));
        r.keyframe_needed(MS(*now))
    });
    assert_eq!(given_up, Some(33 + 250));
}

/// Bodies of a frame and its repairs.
fn protected(number: u32, len: usize, repairs: u16) -> (Vec<u8>, Vec<Vec<u8>>, Vec<Vec<u8>>) {
    let frame = content(number, len);
    let mut packetizer = Packetizer::video(StreamId(1)).starting_at(number).with_repair_room();
    let info = FrameInfo::video(MS(0), true, None);
    let pieces = bodies(&mut packetizer.clone(), &frame, info);
    let cut = packetizer.frame(&frame, info).unwrap();
    let mut repairer = Repairer::new();
    let made = repairer.protect(&cut, repairs).unwrap();
    let mut out = [0; MAX_BODY];
    let repairs = (0..made.count())
        .map(|index| {
            let len = made.write(index, &mut out).unwrap();
            out[..len].to_vec()
        })
        .collect();
    (frame, pieces, repairs)
}

#[test]
fn any_pieces_and_repairs_that_suffice_make_the_frame() {
    for (len, seed) in [(1, 1), (900, 2), (1119, 3), (2500, 4), (20_001, 5), (100_000, 6)] {
        let (frame, pieces, repairs) = protected(7, len, 512);
        for round in 0..20 {
            let mut rng = crate::media::testing::Rng(seed * 100 + round);
            let mut all: Vec<_> = pieces.iter().chain(&repairs).collect();
            for i in (1..all.len()).rev() {
                all.swap(i, rng.below(i as u64 + 1) as usize);
            }
            let mut r = Reassembler::new(ReassemblerConfig::default());
            let took =
                all.iter().position(|body| give(&mut r, body, MS(0)) == Accepted::Completed).unwrap() + 1;
            // Of several blocks each needs its share.
            assert!(took == pieces.len() || pieces.len() > 64 && took < pieces.len() + 30, "{took} of {len}");
            assert_eq!(r.next_frame(MS(0)).unwrap().bytes, frame);
            assert_eq!(r.stats().invalid, 0);
        }
    }
}

#[test]
fn a_repair_that_is_not_needed_is_ignored_and_one_that_contradicts_is_invalid() {
    let (_, pieces, repairs) = protected(7, 2500, 3);
    let mut r = Reassembler::new(ReassemblerConfig::default());
    give(&mut r, &pieces[0], MS(0));
    give(&mut r, &pieces[1], MS(0));
    let (header, payload) = MediaHeader::parse(&repairs[0]).unwrap();
    // Of another size, of no shard's size, beyond the block, and one that makes nonsense of the rest.
    let beyond = MediaHeader { piece: 6, ..header };
    for (header, payload) in
        [(header, &[0; 3][..]), (header, &[]), (beyond, payload), (header, &[0; 100]), (header, &[9; 836])]
    {
        assert_eq!(r.handle_piece(&header, payload, MS(0)), Accepted::Invalid, "{} bytes", payload.len());
    }
    assert_eq!(give(&mut r, &repairs[0], MS(0)), Accepted::Completed);
    assert_eq!(give(&mut r, &repairs[1], MS(0)), Accepted::Ignored);
    assert_eq!(r.stats().repaired, 1);
}

proptest! {
    /// True pieces among repairs and pieces of anything: no panic, bounded memory, and no time-out that is over.
    #[test]
    fn hostile_repairs_are_survived(
        steps in prop::collection::vec(
            (
                (0u32..3, any::<bool>(), prop_oneof![1u16..6, 100u16..=512], any::<u16>()),
                (prop_oneof![Just(836usize), 0..=MAX_PAYLOAD], 0u8..4, any::<u8>()),
            ),
            0..200,
        ),
    ) {
        let mut r = Reassembler::new(ReassemblerConfig { max_bytes: 0, ..ReassemblerConfig::default() });
        r.set_round_trip(ROUND_TRIP);
        for (at, ((frame, repair, pieces, index), (len, spatial, byte))) in steps.into_iter().enumerate() {
            let now = MS(at as u64 * 3);
            let index = index % pieces;
            let (kind, piece) = if repair { (Kind::Repair, pieces + index) } else { (Kind::Video, index) };
            let keyframe = byte % 2 == 0;
            let header = MediaHeader { kind, pieces, piece, ..of_layer(small(frame, keyframe, 1), spatial % 2) };
            // A length that a shard may have, often.
            let mut payload = vec![byte; len];
            if byte > 200 && len > 4 {
                payload[..2].copy_from_slice(&(len as u16 - 2 - u16::from(byte % 2)).to_be_bytes());
            }
            r.handle_piece(&header, &payload, now);
            while let Some(frame) = r.next_frame(now) {
                r.recycle(frame.bytes);
            }
            r.keyframe_needed(now);
            let mut asked = 0;
            while let Some(Nack { pieces, .. }) = r.next_nack(ROUND_TRIP, now) {
                asked += 1;
                prop_assert!(pieces.len() <= Nack::MAX_PIECES && asked < 200);
            }
            prop_assert!(r.poll_timeout().is_none_or(|at| at > now), "{:?} {now:?}", r.poll_timeout());
            prop_assert!(r.memory() <= (2 << 20) + SPARE_BUFFERS * SPARE_LARGEST);
        }
    }
}

/// A relay that changes the layer at keyframes, an encoder that leaves pictures out, and a network that loses, delays
/// and sends again: every frame that comes out is whole and refers to one of its own layer that came out since the
/// last keyframe.
#[test]
fn no_frame_ever_refers_to_one_that_was_not_delivered() {
    let mut switches = 0;
    for seed in 0..60 {
        let mut rng = crate::media::testing::Rng(seed);
        let mut r = Reassembler::new(ReassemblerConfig::default());
        let (mut layer, mut wanted, mut keyframe) = (0, 0, true);
        let mut last_sent = [None::<u32>; 2];
        let mut network: Vec<(u64, MediaHeader)> = Vec::new();
        let mut sent = std::collections::BTreeMap::new();
        let mut shown: Vec<(u32, u8)> = Vec::new();
        let mut delivered = 0;
        for now in 0..6000u64 {
            if now % 33 == 0 && rng.chance(90) {
                let number = 100 + now as u32 / 33;
                let mut layers = vec![(layer, keyframe)];
                if rng.chance(4) {
                    wanted = 1 - layer;
                }
                if wanted != layer {
                    // The old layer's picture may come along with the new one's keyframe.
                    if rng.chance(50) {
                        layers.clear();
                    }
                    layers.push((wanted, true));
                    layer = wanted;
                }
                keyframe = false;
                for (spatial, keyframe) in layers {
                    let before = last_sent[usize::from(spatial)].replace(number);
                    let distance = before.map_or(1, |before| number - before) as u16;
                    let pieces = if keyframe { 6 } else { 3 };
                    let base =
                        of_layer(small(number, keyframe, if keyframe { 0 } else { distance }), spatial);
                    for piece in 0..pieces {
                        let header = MediaHeader { pieces, piece, ..base };
                        sent.insert((number, spatial, piece), header);
                        if !rng.chance(seed % 10) {
                            network.push((now + rng.below(25), header));
                        }
                    }
                }
            }
            for (_, header) in network.extract_if(.., |(at, _)| *at <= now) {
                r.handle_piece(&header, &[header.piece as u8, header.layer.spatial], MS(now));
            }
            while let Some(frame) = r.next_frame(MS(now)) {
                let header = sent[&(frame.number, frame.layer.spatial, 0)];
                assert_eq!(frame.bytes.len(), 2 * usize::from(header.pieces));
                assert!(frame.bytes.chunks(2).all(|piece| piece[1] == frame.layer.spatial));
                if frame.keyframe {
                    switches += u32::from(shown.last().is_some_and(|last| last.1 != frame.layer.spatial));
                    shown.clear();
                } else {
                    let reference = frame.number - u32::from(header.reference_distance);
                    assert!(shown.contains(&(reference, frame.layer.spatial)), "seed {seed}: {frame:?}");
                }
                shown.push((frame.number, frame.layer.spatial));
                delivered += 1;
            }
            while let Some(nack) = r.next_nack(ROUND_TRIP, MS(now)) {
                let asked = sent.range((nack.frame, nack.spatial, 0)..=(nack.frame, nack.spatial, 511));
                for (_, header) in
                    asked.filter(|((.., piece), _)| nack.pieces.is_empty() || nack.pieces.contains(piece))
                {
                    if rng.chance(80) {
                        network.push((now + 40, MediaHeader { kind: Kind::Retransmission, ..*header }));
                    }
                }
            }
            keyframe |= r.keyframe_needed(MS(now));
            assert!(
                r.poll_timeout().is_none_or(|at| at > MS(now)),
                "seed {seed}: {:?} at {now}",
                r.poll_timeout()
            );
        }
        assert!(delivered > 120, "seed {seed}: {delivered} frames, {:?}", r.stats());
    }
    assert!(switches > 200, "{switches} switches");
}
