//! Ways down that carry less than is sent, and layers that fit them.

use super::*;

#[test]
fn each_receiver_gets_the_layer_it_shows_and_the_sender_is_told_what_is_wanted() {
    let mut world = World::wide(3);
    let video = world.kiosks[0].streams.video;
    show(&mut world, 1, &[(video, 3)]);
    show(&mut world, 2, &[(video, 0)]);
    let told = tick(&mut world, 100);
    let demand = Demand::parse(&of_kind(&told, 0, Kind::Demand)[0]).unwrap();
    let layers: Vec<(u8, u64)> =
        demand.layers.iter().map(|layer| (layer.spatial, layer.cap.as_bps() / 1000)).collect();
    assert_eq!(layers, [(3, 1630), (0, 250)]);

    world.send(0, &picture(video, 0, 1, true, 50));
    world.send(0, &picture(video, 3, 1, true, 100));
    world.drain();
    world.send(0, &picture(video, 0, 2, false, 51));
    world.send(0, &picture(video, 3, 2, false, 101));
    let bodies = world.drain_bodies();
    let lengths = |kiosk| -> Vec<usize> {
        of_kind(&bodies, kiosk, Kind::Video).iter().map(|body| payload_of(body).1).collect()
    };
    assert_eq!((lengths(1), lengths(2)), (vec![101], vec![51]));
    assert_eq!(world.forwarding.counters().not_chosen, 3);
}

#[test]
fn a_receiver_that_shows_no_sound_of_a_room_does_not_get_it() {
    let mut world = World::new(2);
    show(&mut world, 1, &[]);
    world.send_frame(0, Kind::Audio, 1, &[100]);
    assert!(world.drain_bodies().is_empty());
    let audio = world.kiosks[0].streams.audio;
    show(&mut world, 1, &[(audio, 0)]);
    world.send_frame(0, Kind::Audio, 2, &[100]);
    assert_eq!(world.drain_bodies().len(), 1);
}

#[test]
fn pictures_wait_for_a_slow_way_down_and_sound_does_not() {
    let mut world = World::new(2);
    let video = world.kiosks[0].streams.video;
    let audio = world.kiosks[0].streams.audio;
    show(&mut world, 1, &[(audio, 0), (video, 3)]);
    tick(&mut world, 1);

    // 20 kB at once, far above what leaves at once at 1.2 Mbit/s.
    for frame in 0..20 {
        world.send(0, &picture(video, 3, frame, frame == 0, 1000));
    }
    let at_once = of_kind(&world.drain_bodies(), 1, Kind::Video).len();
    assert!((1..10).contains(&at_once), "{at_once}");
    world.send_frame(0, Kind::Audio, 1, &[100]);
    assert_eq!(of_kind(&world.drain_bodies(), 1, Kind::Audio).len(), 1, "before the pictures that wait");
    let mut frames = Vec::new();
    for _ in 0..200 {
        let bodies = tick(&mut world, 1);
        frames.extend(of_kind(&bodies, 1, Kind::Video).iter().map(|body| payload_of(body).0.frame));
    }
    assert!(frames.is_sorted() && frames.len() == 20 - at_once, "{frames:?}");

    // What would be late is dropped, and the next keyframe goes on.
    for frame in 20..120 {
        world.send(0, &picture(video, 3, frame, false, 1000));
    }
    (0..1200).for_each(|_| drop(tick(&mut world, 1)));
    assert!(world.forwarding.counters().late > 0);
    world.send(0, &picture(video, 3, 121, false, 100));
    assert!(of_kind(&world.drain_bodies(), 1, Kind::Video).is_empty(), "it refers to what was dropped");
    world.send(0, &picture(video, 3, 122, true, 100));
    assert_eq!(of_kind(&world.drain_bodies(), 1, Kind::Video).len(), 1);
}

/// Before the first report comes, a queue may stand already: it is no part of the way's length.
#[test]
fn a_queue_that_stood_before_the_first_report_is_seen() {
    let mut world = World::new(2);
    let video = world.kiosks[0].streams.video;
    show(&mut world, 1, &[(video, 3)]);
    // The way carries a piece of a thousand bytes in 16 ms, after 10 ms; the sender makes one every 10 ms.
    let (mut free, mut arrivals) = (world.now, vestibule_common::bandwidth::Arrivals::new());
    let mut under_way = std::collections::VecDeque::new();
    let mut longest = Duration::ZERO;
    for n in 0..4000_u32 {
        if n % 10 == 0 {
            world.send(0, &picture(video, 3, n / 10, n == 0, 1000));
        }
        world.now += Duration::from_millis(1);
        world.forwarding.handle_timeout(world.now);
        let to = world.kiosks[1].address;
        for sent in world.drain().into_iter().filter(|sent| sent.to == to) {
            for segment in sent.segments {
                let opened = world.kiosks[1].opener.open(&mut segment.clone()).map(|opened| opened.packet);
                free = free.max(world.now) + Duration::from_millis(16);
                under_way.push_back((free + Duration::from_millis(10), opened.unwrap()));
            }
        }
        if n > 3000 {
            longest = longest.max(free.since(world.now));
        }
        while let Some((_, number)) = under_way.pop_front_if(|(at, _)| *at <= world.now) {
            arrivals.handle_arrival(number, Ecn::NotEct, world.now);
        }
        // The first report waits for half a second.
        if n > 500
            && let Some(report) = arrivals.next_report(world.now)
        {
            let mut body = [0; MAX_BODY];
            let len = report.emit(&mut body).unwrap();
            world.send(1, &body[..len]);
        }
    }
    assert!(longest < Duration::from_millis(100), "{longest:?}");
}

/// A receiver asks for everything at once, in floods: it gets what fits, the sender is asked for few keyframes.
#[test]
fn a_greedy_receiver_is_bounded() {
    let mut world = World::new(2);
    let video = world.kiosks[0].streams.video;
    let mut requests = 0;
    for n in 0..1000_u32 {
        show(&mut world, 1, &[(video, (n % 16) as u8), (StreamId(n), 15), (video, 3)]);
        let mut body = [0; KeyframeRequest::LEN];
        KeyframeRequest { stream: video, spatial: (n % 16) as u8 }.emit(&mut body).unwrap();
        world.send(1, &body);
        if n % 33 == 0 {
            world.send(0, &picture(video, 3, n / 33, n == 0, 100));
        }
        let bodies = tick(&mut world, 1);
        requests += of_kind(&bodies, 0, Kind::KeyframeRequest).len();
    }
    assert!((1..=5).contains(&requests), "{requests} in a second: four, and one more after it");
}

/// Two receivers show the sender large; one way down carries it, the other does not.
#[test]
fn a_slow_receiver_gets_the_layer_below_and_the_fast_one_is_left_alone() {
    let mut world = World::new(3);
    let video = world.kiosks[0].streams.video;
    for kiosk in [1, 2] {
        show(&mut world, kiosk, &[(video, 3)]);
    }
    world.widen(1);
    // The estimate of the other one falls, as nothing is reported on what it is sent.
    let (mut got, mut asked) = ([0; 2], [0; 4]);
    let mut wanted = [true; 4];
    for n in 0..3000_u32 {
        if n % 33 == 0 {
            for spatial in [3, 2, 1, 0] {
                let keyframe = std::mem::take(&mut wanted[usize::from(spatial)]);
                world.send(0, &picture(video, spatial, n / 33, keyframe, 900));
            }
        }
        let bodies = tick(&mut world, 1);
        for request in of_kind(&bodies, 0, Kind::KeyframeRequest) {
            let spatial = usize::from(KeyframeRequest::parse(&request).unwrap().spatial);
            wanted[spatial] = true;
            asked[spatial] += usize::from(n > 2000);
        }
        for (kiosk, got) in [1, 2].into_iter().zip(&mut got) {
            let layers = of_kind(&bodies, kiosk, Kind::Video);
            for body in layers.iter().filter(|_| n > 2000) {
                let layer = MediaHeader::parse(body).unwrap().0.layer.spatial;
                assert_eq!(layer == 3, kiosk == 1, "kiosk {kiosk} gets layer {layer}");
                *got += 1;
            }
        }
    }
    assert!(got[0] >= 29 && got[1] >= 10, "{got:?}");
    assert_eq!(asked[3], 0, "nobody is to change to the layer above");
}
