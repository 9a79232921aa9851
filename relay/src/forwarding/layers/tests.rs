//! Who gets which layer.

use std::sync::atomic::{AtomicU32, Ordering};

use vestibule_common::wire::{AudioLevel, Kind, Layer, MediaFlags, Viewed};

use super::*;

static FRAME: AtomicU32 = AtomicU32::new(1);
const OWNER: Slot = 0;
const AT: Time = Time::from_millis(5000);

fn streams() -> Streams {
    Streams { audio: StreamId(1), video: StreamId(2), presentation: StreamId(3), file: StreamId(4) }
}

fn piece(spatial: u8, keyframe: bool) -> MediaHeader {
    MediaHeader {
        kind: Kind::Video,
        stream: StreamId(2),
        layer: Layer { spatial, temporal: 0 },
        flags: MediaFlags { keyframe, ..MediaFlags::default() },
        frame: 1,
        reference_distance: u16::from(!keyframe),
        piece: 0,
        pieces: 1,
        captured: AT,
        level: AudioLevel::SILENT,
        stages: None,
    }
}

fn view(entries: &[(u32, u8)]) -> View {
    let viewed = |(stream, spatial): &(u32, u8)| Viewed { stream: StreamId(*stream), spatial: *spatial };
    View { streams: entries.iter().map(viewed).collect() }
}

fn tell(layers: &mut Layers, view: View) {
    layers.handle_view(1, view, [1, 2, 3].map(StreamId).into_iter(), AT);
}

/// Layers 0 and 3 of the video come at this moment; which pieces the receiver gets.
fn got(layers: &mut Layers, slot: Slot, keyframes: [bool; 2], now: Time) -> [bool; 2] {
    let pieces = [piece(0, keyframes[0]), piece(3, keyframes[1])];
    let frame = FRAME.fetch_add(1, Ordering::Relaxed);
    let pieces = pieces.map(|piece| MediaHeader { frame, ..piece });
    pieces.map(|piece| {
        layers.see(&piece, now);
        layers.takes(slot, &piece, now)
    })
}

#[test]
fn who_told_nothing_gets_the_smallest_and_who_shows_nothing_gets_nothing() {
    let mut layers = Layers::default();
    layers.open(OWNER, streams(), &[]);
    layers.see(&piece(3, false), AT);
    assert!(layers.takes(1, &piece(3, false), AT), "while nothing smaller is sent");
    assert_eq!(got(&mut layers, 1, [false, false], AT), [true, false]);
    let sound = MediaHeader { kind: Kind::Audio, stream: StreamId(1), ..piece(0, false) };
    assert!(layers.takes(1, &sound, AT));
    assert_eq!([0, 3].map(|layer| layers.gets(1, StreamId(2), layer, AT)), [true, false]);
    tell(&mut layers, view(&[(1, 0)]));
    assert_eq!(got(&mut layers, 1, [true, true], AT), [false, false]);
    layers.forget(1);
    assert_eq!(got(&mut layers, 1, [false, false], AT), [true, false]);
}

#[test]
fn who_tells_what_it_shows_goes_on_with_the_layer_that_it_had() {
    let mut layers = Layers::default();
    layers.open(OWNER, streams(), &[]);
    assert_eq!(got(&mut layers, 1, [false, false], AT), [true, false]);
    tell(&mut layers, view(&[(2, 3)]));
    assert_eq!(got(&mut layers, 1, [false, false], AT), [true, false]);
    // Until a keyframe of the one that it wants.
    assert_eq!(got(&mut layers, 1, [false, true], AT), [true, true]);
    assert_eq!(got(&mut layers, 1, [true, false], AT), [false, true]);
}

#[test]
fn whoever_may_not_know_yet_that_a_sender_has_come_gets_what_there_is() {
    let mut layers = Layers::default();
    layers.handle_view(1, view(&[(77, 0)]), std::iter::empty(), AT);
    layers.open(OWNER, streams(), &[1]);
    assert_eq!(got(&mut layers, 1, [false, false], AT), [true, false], "the smallest");
    tell(&mut layers, view(&[(78, 0)]));
    assert!(layers.is_unaware(1, StreamId(1), AT), "it was under way before");
    tell(&mut layers, view(&[(1, 0), (2, 3)]));
    assert_eq!(got(&mut layers, 1, [false, false], AT), [true, false], "it goes on with what it has");
    assert!(!layers.is_unaware(1, StreamId(1), AT));
    tell(&mut layers, view(&[]));
    assert!(!layers.is_unaware(1, StreamId(1), AT), "it knows, and shows nothing");

    let mut layers = Layers::default();
    layers.handle_view(1, view(&[(77, 0)]), std::iter::empty(), AT);
    layers.open(OWNER, streams(), &[1]);
    assert!(layers.is_unaware(1, StreamId(1), AT));
    assert_eq!(got(&mut layers, 1, [false, false], AT + UNTOLD), [false, false], "it has had the time");
}

#[test]
fn layers_that_are_given_up_go_to_nobody() {
    let mut layers = Layers::default();
    layers.open(OWNER, streams(), &[]);
    tell(&mut layers, view(&[(2, 3), (3, 0)]));
    got(&mut layers, 1, [true, true], AT);
    for (given_up, highest) in [(0, 3), (1, 2), (3, 0), (0, 3)] {
        layers.give_up_layers(given_up);
        layers.allot(1, Bitrate::kbps(9000), 1.0, AT);
        let allowed = layers.choices(StreamId(2)).map(|(_, choice)| choice.allowed).max();
        assert_eq!(allowed, Some(highest), "{given_up} given up");
    }
}

#[test]
fn one_layer_at_a_time_and_a_change_at_a_keyframe() {
    let mut layers = Layers::default();
    layers.open(OWNER, streams(), &[]);
    tell(&mut layers, view(&[(2, 3)]));
    assert_eq!(got(&mut layers, 1, [false, false], AT), [false, false], "nothing to begin with");
    assert_eq!(layers.next_request(1, AT).map(|request| request.spatial), Some(3));
    assert_eq!(layers.next_request(1, AT), None, "asked for sparingly");
    assert_eq!(got(&mut layers, 1, [true, true], AT), [false, true]);
    assert_eq!(layers.next_request(1, AT + ASK_EVERY), None, "it has what it wants");

    assert_eq!(layers.allot(1, Bitrate::kbps(100), 1.0, AT), (Bitrate::kbps(1630), Bitrate::kbps(100)));
    assert_eq!(got(&mut layers, 1, [false, false], AT), [false, true], "until the keyframe");
    let later = AT + ASK_EVERY;
    assert_eq!(layers.next_request(1, later).map(|request| request.spatial), Some(0));
    assert_eq!(got(&mut layers, 1, [true, true], later), [true, false]);
    assert_eq!(got(&mut layers, 1, [false, true], later), [true, false], "above what its way carries");
    let asked = KeyframeRequest { stream: StreamId(2), spatial: 3 };
    assert_eq!(layers.resolve(1, asked, later).spatial, 0);

    layers.interrupt(1, StreamId(2));
    assert_eq!(got(&mut layers, 1, [false, false], later), [false, false]);
}

#[test]
fn a_camera_that_is_off_takes_nothing_from_the_others() {
    let mut layers = Layers::default();
    layers.open(OWNER, streams(), &[]);
    let dark = StreamId(12);
    let others = Streams { audio: StreamId(11), video: dark, presentation: StreamId(13), file: StreamId(14) };
    layers.open(2, others, &[]);
    layers.handle_view(1, view(&[(12, 3), (2, 3)]), [2, 12].map(StreamId).into_iter(), AT);
    got(&mut layers, 1, [true, true], AT);
    let kbps = Bitrate::kbps;
    assert_eq!(layers.allot(1, kbps(2000), 1.0, AT), (kbps(1630), kbps(1630)));
    let mut cap = |id| layers.choices(id).find(|(slot, _)| *slot == 1).map(|(_, choice)| choice.cap);
    assert_eq!((cap(StreamId(2)), cap(dark)), (Some(kbps(1630)), Some(kbps(1000))), "as beside the other");
    assert_eq!(layers.allot(1, kbps(2000), 1.0, AT + LIVE), (kbps(0), kbps(0)), "now both are");
}

#[test]
fn a_layer_that_is_not_sent_any_more_is_replaced() {
    let mut layers = Layers::default();
    layers.open(OWNER, streams(), &[]);
    tell(&mut layers, view(&[(2, 3)]));
    got(&mut layers, 1, [true, true], AT);
    let later = AT + LIVE;
    let newer = MediaHeader { frame: 100_000, ..piece(0, true) };
    layers.see(&newer, later);
    assert!(layers.takes(1, &newer, later));
    let second = MediaHeader { piece: 1, pieces: 2, ..newer };
    layers.interrupt(1, StreamId(2));
    layers.see(&second, later);
    assert!(!layers.takes(1, &second, later), "half of a keyframe is none");
}

#[test]
fn naming_a_stream_again_gets_no_more_of_it() {
    let mut layers = Layers::default();
    layers.open(OWNER, streams(), &[]);
    let again: Vec<(u32, u8)> = (0..32).flat_map(|_| [(2, 3), (1, 1), (77, 0)]).collect();
    tell(&mut layers, view(&again));
    got(&mut layers, 1, [true, true], AT);
    let kbps = Bitrate::kbps;
    assert_eq!(layers.allot(1, kbps(9000), 1.0, AT), (kbps(1630), kbps(1630)));
    assert_eq!(layers.sounds(1), 1, "and none of nobody's");
}
