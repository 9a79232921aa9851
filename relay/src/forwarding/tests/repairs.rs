//! Repairs go where the pictures go that they belong to, and are asked for where a way down is long and loses.

use vestibule_common::wire::{Arrival, Demand};

use super::*;

/// A repair of a picture of one piece.
fn repair(stream: StreamId, spatial: u8, frame: u32, keyframe: bool) -> Vec<u8> {
    let mut body = picture(stream, spatial, frame, keyframe, 300);
    let (mut header, _) = MediaHeader::parse(&body).unwrap();
    (header.kind, header.piece) = (Kind::Repair, header.pieces);
    header.flags.end_of_frame = false;
    header.emit(&mut body).unwrap();
    body
}

fn layers(bodies: &[(usize, Vec<u8>)], kiosk: usize, kind: Kind) -> Vec<u8> {
    of_kind(bodies, kiosk, kind).iter().map(|body| payload_of(body).0.layer.spatial).collect()
}

#[test]
fn repairs_go_with_their_layer_and_begin_none() {
    let mut world = World::new(3);
    let video = world.kiosks[0].streams.video;
    show(&mut world, 1, &[(video, 3)]);
    show(&mut world, 2, &[(video, 0)]);
    for spatial in [0, 3] {
        world.send(0, &repair(video, spatial, 1, true));
    }
    assert!(world.drain_bodies().is_empty(), "of a keyframe of which no piece came");
    for spatial in [0, 3] {
        world.send(0, &picture(video, spatial, 1, true, 300));
        world.send(0, &repair(video, spatial, 1, true));
    }
    let bodies = world.drain_bodies();
    for kind in [Kind::Video, Kind::Repair] {
        assert_eq!((layers(&bodies, 1, kind), layers(&bodies, 2, kind)), (vec![3], vec![0]));
    }
}

#[test]
fn repairs_that_wait_go_nowhere_once_their_sender_has_left() {
    let mut world = World::new(2);
    let video = world.kiosks[0].streams.video;
    show(&mut world, 1, &[(video, 3)]);
    let report = Feedback { first: 0, reported: world.now, arrivals: Default::default() };
    let mut body = [0; MAX_BODY];
    let len = report.emit(&mut body).unwrap();
    world.send(1, &body[..len]);
    tick(&mut world, 1);
    for frame in 0..40 {
        world.send(0, &picture(video, 3, frame, frame == 0, 300));
        world.send(0, &repair(video, 3, frame, frame == 0));
    }
    let at_once = of_kind(&world.drain_bodies(), 1, Kind::Repair).len();
    assert!((1..30).contains(&at_once), "{at_once}");
    let waited = of_kind(&tick(&mut world, 5), 1, Kind::Repair).len();
    assert!(waited > 0);
    world.leave(0, ROOM, 1);
    let later: usize = (0..200).map(|_| of_kind(&tick(&mut world, 1), 1, Kind::Repair).len()).sum();
    assert_eq!(later, 0);
}

/// The repairs that a sender is told of, whose only receiver loses every tenth datagram and has this round trip.
fn told(round_trip_ms: u64) -> u8 {
    let mut world = World::new(2);
    let (audio, video) = (world.kiosks[0].streams.audio, world.kiosks[0].streams.video);
    show(&mut world, 1, &[(audio, 0), (video, 3)]);
    let (mut first, mut sent) = (0, 0);
    let mut told = None;
    for round in 0..100_u32 {
        for n in 0..10 {
            world.send_frame(0, Kind::Audio, round * 10 + n, &[100]);
        }
        let began = sent;
        sent += world.drain_all().iter().filter(|(to, _)| *to == 1).count() as u64;
        world.now += Duration::from_millis(round_trip_ms);
        // Each is reported twice.
        let arrival = |n: u64| (n % 10 != 3).then_some(Arrival { ecn: Ecn::Ect0, age_quarter_ms: 0 });
        let report = Feedback { first, reported: world.now, arrivals: (first..sent).map(arrival).collect() };
        first = began;
        let mut body = [0; MAX_BODY];
        let len = report.emit(&mut body).unwrap();
        world.send(1, &body[..len]);
        world.forwarding.handle_timeout(world.now);
        let bodies = world.drain_all();
        sent += bodies.iter().filter(|(to, _)| *to == 1).count() as u64;
        told = of_kind(&bodies, 0, Kind::Demand).last().cloned().or(told);
    }
    let demand = Demand::parse(&told.unwrap()).unwrap();
    demand.layers.iter().find(|layer| layer.stream == video).unwrap().repairs
}

#[test]
fn a_long_way_down_that_loses_is_told_to_its_senders() {
    assert!((4..=6).contains(&told(60)), "{}", told(60));
    assert_eq!(told(12), 0, "sending again is quick enough");
}
