//! What the decoding thread makes of frames, with the real codec.

use vestibule_common::media::AssembledFrame;
use vestibule_common::unit::Bitrate;

use super::*;
use crate::kiosk::network::Sampler;
use crate::shell::media::ring::ring;
use crate::shell::watch;
use crate::video::encoder::{Encoder, EncoderSettings};
use crate::video::i420::I420;
use crate::video::ladder::LayerIndex;
use crate::video::slot::{Laid, TileSize};

#[test]
fn a_panic_is_one_rooms_failure() {
    assert!(matches!(
        contained(|| -> Result<(), _> { panic!("a picture without width") }),
        Err(Failure::Panicked)
    ));
    let size = DecoderError::Size { width: 0, height: 480 };
    assert!(matches!(contained(|| -> Result<(), _> { Err(size) }), Err(Failure::Refused(_))));
    assert!(matches!(contained(|| Ok(7)), Ok(7)));
}

/// Waits for up to ten seconds.
fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    for _ in 0..10_000 {
        if is_so() {
            return;
        }
        thread::sleep(Duration::from_millis(1));
    }
    panic!("in vain: {what}");
}

#[test]
fn a_stream_may_change_its_size_at_every_keyframe() {
    let (_sound, heard) = ring::<Heard, 8>();
    let (failures, mut failed) = mpsc::channel(8);
    let (news, _news) = mpsc::channel(8);
    let (watch, _ends) = watch::watch();
    let (slots, stats, clock) = (PictureSlots::default(), Arc::new(Stats::default()), Clock::start());
    let decoding = start(
        slots.clone(),
        Screen::new(|_| {}),
        heard,
        failures,
        NewsSender::new(news, watch),
        (stats.clone(), Arc::default()),
        clock,
    )
    .unwrap();
    let stream = PictureStream { peer: PeerId([7; 32]), kind: PictureKind::Camera };
    let tile = TileSize { width: 320, height: 240 };
    slots.show_at(stream.id(), Some(tile));
    decoding.show(vec![stream.peer]);
    let counters = stats.of(PictureKind::Camera);
    let mut number = 0;
    // As a relay passes on one layer after the other, each with an encoder of its own.
    for (layer, width, height) in [(3, 640, 480), (0, 192, 144), (1, 320, 240), (3, 640, 480), (2, 480, 360)]
    {
        let mut encoder = Encoder::new(EncoderSettings::camera(Bitrate::kbps(800), 30)).unwrap();
        for n in 0..4_u8 {
            let mut picture = I420::new(width, height);
            let luma = 60 + 30 * layer + n;
            picture.planes_mut()[0].fill(luma);
            let encoded = encoder.encode(picture.view(), false).unwrap().unwrap();
            number += 1;
            let frame = AssembledFrame {
                number,
                keyframe: encoded.keyframe,
                discardable: false,
                layer: LayerIndex::of(layer).unwrap().wire(),
                captured: Time::from_millis(u64::from(number) * 33),
                stages: None,
                first_arrival: clock.now(),
                completed: clock.now(),
                bytes: encoded.bytes.to_vec(),
            };
            let captured = frame.captured;
            assert!(decoding.push(DecodeJob { stream, frame }));
            let shown = || slots.newest(stream.id()).filter(|picture| picture.captured == captured);
            wait_until("a picture in the slot", || shown().is_some());
            let shown = shown().unwrap();
            assert_eq!((shown.width, shown.height), (tile.width, tile.height));
            // Limited range: 16 to 235.
            let grey = (u32::from(luma) - 16) * 255 / 219;
            let off = |pixel: &[u8]| pixel[..3].iter().any(|it| u32::from(*it).abs_diff(grey) > 8);
            assert!(!shown.bgrx.chunks(4).any(off), "{width} x {height}, picture {n}: not all is {grey}");
        }
    }
    assert_eq!(counters.pictures_decoded.total(), u64::from(number));
    assert_eq!((counters.frames_undecodable.total(), counters.frames_overflowed.total()), (0, 0));
    assert!(failed.try_recv().is_err(), "no keyframe had to be asked for");
}

#[test]
fn how_long_the_screen_took_is_measured_and_what_it_left_out_is_not_shown() {
    let (_sound, heard) = ring::<Heard, 8>();
    let (failures, _failed) = mpsc::channel(8);
    let (news, _news) = mpsc::channel(8);
    let (watch, _ends) = watch::watch();
    let (slots, clock) = (PictureSlots::default(), Clock::start());
    let (gauges, mut sampler) = (Arc::new(Gauges::default()), Sampler::default());
    let peer = PeerId([7; 32]);
    gauges.add(peer);
    let id = PictureId::Room(peer);
    slots.show_at(id, Some(TileSize { width: 320, height: 240 }));
    // A screen that has every second picture, 40 ms after it was told of it.
    let (screen, lays) = (slots.clone(), std::sync::atomic::AtomicU64::new(0));
    let screen = Screen::new(move |id| {
        if lays.fetch_add(1, std::sync::atomic::Ordering::Relaxed) % 2 == 0 {
            let at = Instant::now() + Duration::from_millis(40);
            screen.handle_laid(id, Laid { sequence: screen.newest(id).unwrap().sequence, at });
        }
    });
    let (stats, news) = (Arc::new(Stats::default()), NewsSender::new(news, watch));
    let decoding =
        start(slots.clone(), screen, heard, failures, news, (stats.clone(), gauges.clone()), clock).unwrap();
    decoding.show(vec![peer]);
    gauges.sample(&mut sampler, &stats, Time::from_millis(1000));
    let stream = PictureStream { peer, kind: PictureKind::Camera };
    let mut encoder = Encoder::new(EncoderSettings::camera(Bitrate::kbps(800), 30)).unwrap();
    let decoded = &stats.of(PictureKind::Camera).pictures_decoded;
    for number in 0..6_u32 {
        let picture = I420::new(320, 240);
        let encoded = encoder.encode(picture.view(), false).unwrap().unwrap();
        let frame = AssembledFrame {
            number,
            keyframe: encoded.keyframe,
            discardable: false,
            layer: LayerIndex::of(1).unwrap().wire(),
            captured: Time::from_millis(u64::from(number) * 33),
            stages: None,
            first_arrival: clock.now(),
            completed: clock.now(),
            bytes: encoded.bytes.to_vec(),
        };
        assert!(decoding.push(DecodeJob { stream, frame }));
        wait_until("it is decoded", || decoded.total() > u64::from(number));
    }
    let (mut second, mut shown, mut decoded, mut paint) = (1, 0, 0, None);
    wait_until("the thread has asked the screen", || {
        second += 1;
        let at = Time::from_millis(1000 * second);
        gauges.of(peer, |room| room.handle_picture(1, at));
        let sample = gauges.sample(&mut sampler, &stats, at);
        let room = &sample.rooms[&peer];
        shown += room.frames_shown.unwrap().as_milli();
        decoded += room.frames_decoded.unwrap().as_milli();
        paint = paint.max(room.stages.paint);
        shown > 0
    });
    assert_eq!(decoded, 6_000);
    assert!(shown <= 3_000, "every second one at most: {shown}");
    assert!(paint >= Some(Duration::from_millis(40)), "{paint:?}");
}
