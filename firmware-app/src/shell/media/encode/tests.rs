//! The encoding thread's work, picture by picture and with the real codec.

use vestibule_common::time::Time;

use super::*;
use crate::device::clock::Clock;
use crate::shell::media::outbox::Outbox;
use crate::shell::media::stats::Stats;
use crate::shell::media::switch::CameraSwitch;
use crate::shell::media::{NewsSender, Screen};
use crate::shell::watch;
use crate::video::cadence::Cadence;
use crate::video::decoder::Decoder;
use crate::video::i420::I420;
use crate::video::ladder::LayerWish;
use crate::video::plan::LayersWanted;
use crate::video::slot::{PictureSlots, TileSize};

/// A thread without its loop, and a camera of this size with 30 pictures a second.
struct World {
    thread: EncodeThread,
    size: (usize, usize),
    taken: u64,
}

impl World {
    fn new(kind: PictureKind, size: (usize, usize)) -> World {
        let (news, _) = tokio::sync::mpsc::channel(4);
        let (watch, _) = watch::watch();
        let switch = Arc::new(CameraSwitch::default());
        switch.send(true, Time::ZERO);
        switch.set_others(true);
        switch.want(true, true, Time::ZERO);
        let parts = CameraParts {
            kind,
            switch,
            outbox: Arc::new(Outbox::default()),
            slots: PictureSlots::default(),
            screen: Screen::new(|_| {}),
            news: NewsSender::new(news, watch),
            stats: Arc::new(Stats::default()),
            clock: Clock::start(),
            bitrate: Bitrate::kbps(2_000),
        };
        let newest = Arc::new(Newest::new(Cadence::new(kind, parts.bitrate)));
        World { thread: EncodeThread::new(Arc::new(parts), newest), size, taken: 0 }
    }

    fn want(&self, layers: &[(u8, u64)]) {
        let wish = |(layer, kbps): &(u8, u64)| LayerWish {
            layer: LayerIndex::of(*layer).unwrap(),
            cap: Bitrate::kbps(*kbps),
            repairs: 0,
        };
        let wanted: LayersWanted = layers.iter().map(wish).collect();
        self.thread.parts.switch.want_layers(Some(wanted));
    }

    /// What becomes of so many pictures.
    fn run(&mut self, pictures: u64) -> Vec<VideoOut> {
        let mut sent = Vec::new();
        for _ in 0..pictures {
            let mut picture = I420::new(self.size.0, self.size.1);
            let at = self.taken as usize;
            for (i, luma) in picture.planes_mut()[0].iter_mut().enumerate() {
                *luma = (((i % self.size.0 + at) / 16 + i / self.size.0 / 16) % 8 * 20 + 40) as u8;
            }
            let captured = Time::from_micros(1_000_000 + self.taken * 33_333);
            let ticket = self.thread.parts.switch.ticket();
            self.thread.handle(&Raw { picture, captured, ticket }, 30);
            self.taken += 1;
            sent.extend(std::iter::from_fn(|| self.thread.parts.outbox.pop_video(self.thread.parts.kind)));
        }
        sent
    }

    fn encoders(&self) -> Vec<usize> {
        (0..LAYERS).filter(|layer| self.thread.layers[*layer].is_some()).collect()
    }
}

fn of(sent: &[VideoOut], layer: usize) -> Vec<&VideoOut> {
    sent.iter().filter(|frame| frame.layer.index() == layer).collect()
}

/// Each layer begins with a keyframe, every other frame refers to the one before it in its layer, and the layer can be
/// decoded, in this size.
fn check_layer(frames: &[&VideoOut], size: (usize, usize)) {
    let mut decoder = Decoder::new(PictureKind::Camera).unwrap();
    let mut before = None;
    for frame in frames {
        let distance = before.map_or(0, |before: u32| frame.number.wrapping_sub(before));
        let distance = if frame.keyframe { 0 } else { distance };
        assert_eq!(u32::from(frame.reference_distance), distance);
        assert!(frame.keyframe || before.is_some());
        before = Some(frame.number);
        let shown = decoder.decode(&frame.bytes, |view| (view.width, view.height)).unwrap();
        assert_eq!(shown, Some(size));
    }
}

#[test]
fn unasked_there_is_the_top_layer_alone_in_the_cameras_size_and_without_gaps() {
    let mut world = World::new(PictureKind::Camera, (640, 360));
    let sent = world.run(20);
    assert_eq!(world.encoders(), [2]);
    check_layer(&of(&sent, 2), (640, 360));
    assert!(sent.len() >= 18 && of(&sent, 2).len() == sent.len());
    assert!(sent.windows(2).all(|pair| pair[1].number == pair[0].number.wrapping_add(1)));
    assert_eq!(sent.iter().filter(|frame| frame.keyframe).count(), 1);
}

#[test]
fn layers_of_one_picture_share_its_number_and_a_slower_one_has_gaps() {
    let mut world = World::new(PictureKind::Camera, (640, 480));
    // 144p gets its least, which carries 10 pictures a second.
    world.want(&[(0, 60), (1, 400), (3, 900)]);
    let sent = world.run(45);
    assert_eq!(world.encoders(), [0, 1, 3]);
    for (layer, size) in [(0, (192, 144)), (1, (320, 240)), (3, (640, 480))] {
        check_layer(&of(&sent, layer), size);
    }
    let small = of(&sent, 0);
    assert!((8..=16).contains(&small.len()), "{} of 45", small.len());
    assert!(small[1..].iter().all(|frame| (2..=6).contains(&frame.reference_distance)));
    for frame in &sent {
        let same = sent.iter().filter(|other| other.captured == frame.captured);
        assert!(same.into_iter().all(|other| other.number == frame.number));
    }
    let stats = &world.thread.parts.stats;
    assert_eq!(stats.encoded(LayerIndex::of(0).unwrap()).total(), small.len() as u64);
    assert_eq!(stats.of(PictureKind::Camera).frames_encoded.total(), sent.len() as u64);
}

#[test]
fn a_layer_nobody_wants_any_more_is_gone_and_begins_with_a_keyframe_when_it_is_back() {
    let mut world = World::new(PictureKind::Camera, (640, 480));
    world.want(&[(0, 250), (2, 900)]);
    world.run(5);
    world.want(&[(0, 250)]);
    let sent = world.run(5);
    assert_eq!((world.encoders(), of(&sent, 2).len()), (vec![0], 0));
    assert!(sent.iter().all(|frame| !frame.keyframe), "the other goes on");
    world.want(&[(0, 250), (2, 900)]);
    let sent = world.run(5);
    check_layer(&of(&sent, 2), (480, 360));
    assert!(of(&sent, 0).iter().all(|frame| !frame.keyframe));
    world.want(&[]);
    assert!(world.run(5).is_empty() && world.encoders().is_empty());
}

#[test]
fn a_keyframe_comes_in_the_layer_that_it_is_wished_for() {
    let mut world = World::new(PictureKind::Camera, (640, 480));
    world.want(&[(1, 500), (3, 1_500)]);
    world.run(5);
    // A layer that is not encoded: 360p means 240p, and 144p the smallest there is.
    for (wished, made) in [(1, 1), (3, 3), (2, 1), (0, 1)] {
        let layer = LayerIndex::of(wished).unwrap();
        world.thread.parts.outbox.want_keyframe(PictureKind::Camera, layer);
        let sent = world.run(3);
        let keyframes: Vec<usize> =
            sent.iter().filter(|frame| frame.keyframe).map(|frame| frame.layer.index()).collect();
        assert_eq!(keyframes, [made]);
    }
}

#[test]
fn a_budget_moves_bitrates_without_keyframes() {
    let mut world = World::new(PictureKind::Camera, (640, 480));
    world.want(&[(0, 250), (3, 1_500)]);
    world.run(5);
    for kbps in [900, 1_200, 2_000] {
        world.thread.parts.switch.set_budget(Some(Bitrate::kbps(kbps)));
        let sent = world.run(5);
        assert!(sent.iter().all(|frame| !frame.keyframe) && world.encoders() == [0, 3]);
    }
    world.thread.parts.switch.set_budget(Some(Bitrate::kbps(100)));
    world.run(1);
    assert_eq!(world.encoders(), [0], "the top layer would not get its least");
}

#[test]
fn a_presentation_is_one_layer_whatever_the_camera_is_wanted_in() {
    let mut world = World::new(PictureKind::Presentation, (1280, 720));
    world.want(&[(2, 250)]);
    let sent = world.run(3);
    assert_eq!(world.encoders(), [0]);
    assert!(sent.len() == 3 && sent[0].keyframe && sent[2].reference_distance == 1);
}

#[test]
fn a_presentation_takes_what_its_receivers_can_and_no_less_than_is_of_use() {
    let world = World::new(PictureKind::Presentation, (1280, 720));
    let given = |layers: &[(u8, u64)]| {
        world.want(layers);
        world.thread.plan((1280, 720)).1.first().map(|it| it.bitrate.as_bps() / 1000)
    };
    assert_eq!(
        [given(&[(0, 9_000)]), given(&[(0, 700)]), given(&[(0, 90)]), given(&[])],
        [Some(2_000), Some(700), Some(200), None]
    );
}

#[test]
fn a_processor_that_does_not_keep_up_gets_less_to_do() {
    let mut world = World::new(PictureKind::Camera, (640, 480));
    world.want(&[(0, 250), (3, 1_500)]);
    world.run(3);
    let late = Duration::from_millis(60);
    (0..90).for_each(|_| world.thread.weigh(late, 30, 2));
    assert_eq!(world.thread.parts.stats.encoding_lowered.total(), 1);
    world.run(1);
    assert_eq!(world.encoders(), [0]);
    (0..62).for_each(|_| world.thread.weigh(late, 30, 2));
    let sent = world.run(20);
    assert!((9..=11).contains(&sent.len()), "{} of 20 at 15 a second", sent.len());
    (0..900).for_each(|_| world.thread.weigh(Duration::ZERO, 30, 2));
    let sent = world.run(3);
    assert_eq!((world.encoders(), world.thread.load.step()), (vec![0, 3], 0));
    assert!(of(&sent, 3)[0].keyframe);
}

#[test]
fn without_another_room_nothing_is_encoded_and_the_first_that_comes_gets_a_keyframe_of_the_next_picture() {
    let mut world = World::new(PictureKind::Camera, (640, 480));
    let own = PictureId::own(PictureKind::Camera);
    let parts = world.thread.parts.clone();
    parts.slots.show_at(own, Some(TileSize { width: 160, height: 120 }));
    parts.switch.set_others(false);
    assert!(world.run(5).is_empty() && world.encoders().is_empty());
    let shown = parts.slots.newest(own).map(|picture| picture.captured);
    assert_eq!(shown, Some(Time::from_micros(1_000_000 + 4 * 33_333)), "this room sees itself");
    parts.switch.set_others(true);
    parts.outbox.want_keyframes(PictureKind::Camera);
    assert!(world.run(1)[0].keyframe);
    assert_eq!(world.run(5).len(), 5);
    // The last one leaves, and another comes.
    parts.switch.set_others(false);
    assert!(world.run(5).is_empty());
    parts.switch.set_others(true);
    parts.outbox.want_keyframes(PictureKind::Camera);
    let sent = world.run(2);
    assert_eq!([0, 1].map(|n| sent[n].keyframe), [true, false]);
    assert_eq!(parts.stats.of(PictureKind::Camera).frames_encoded.total(), 8);
}
