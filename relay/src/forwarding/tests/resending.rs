//! Who is given again what it misses, by whom, and how much of it.

use vestibule_common::wire::Kind;

use super::*;

fn nack(stream: StreamId, spatial: u8, frame: u32, pieces: &[u16]) -> Vec<u8> {
    let nack = Nack { stream, spatial, frame, pieces: pieces.iter().copied().collect() };
    let mut body = vec![0; MAX_BODY];
    let len = nack.emit(&mut body).unwrap();
    body.truncate(len);
    body
}

/// Receivers and pieces of what was sent again.
fn again(bodies: &[(usize, Vec<u8>)]) -> Vec<(usize, u16)> {
    let again = bodies.iter().filter(|(_, body)| Kind::of(body) == Ok(Kind::Retransmission));
    again.map(|(kiosk, body)| (*kiosk, payload_of(body).0.piece)).collect()
}

#[test]
fn whoever_misses_a_piece_gets_it_from_the_relay_and_nobody_else_does() {
    let mut world = World::wide(3);
    let video = world.kiosks[0].streams.video;
    world.send_frame(0, Kind::Video, 4, &[1000, 1000, 1000, 300]);
    world.drain();
    world.send(1, &nack(video, 0, 4, &[1, 3]));
    let bodies = world.drain_bodies();
    assert_eq!(again(&bodies), [(1, 1), (1, 3)]);
    assert_eq!(bodies.len(), 2, "the sender is not asked");
    // Another one misses the same piece at the same moment, and a third all of it.
    world.send(2, &nack(video, 0, 4, &[1]));
    assert_eq!(again(&world.drain_bodies()), [(2, 1)]);
    world.send(2, &nack(video, 0, 4, &[]));
    assert_eq!(again(&world.drain_bodies()).len(), 4);
    let counters = world.forwarding.counters();
    assert_eq!((counters.nacks, counters.nacked_answered), (3, 7));
    assert_eq!((counters.nacked_passed_on, counters.nacks_refused), (0, 0));
    world.now += Duration::from_millis(601);
    world.send(1, &nack(video, 0, 4, &[1]));
    assert!(again(&world.drain_bodies()).is_empty(), "it is of no use any more");
}

#[test]
fn what_the_relay_has_not_got_is_asked_of_the_sender_once_and_goes_to_everybody() {
    let mut world = World::new(3);
    let video = world.kiosks[0].streams.video;
    // Piece 1 was lost on its way to the relay.
    for piece in [0, 2] {
        world.send(0, &media(Kind::Video, video, 9, piece, 3, 500));
    }
    world.drain();
    world.send(1, &nack(video, 0, 9, &[1, 2]));
    let bodies = world.drain_bodies();
    assert_eq!(again(&bodies), [(1, 2)]);
    let asked = |bodies: &[(usize, Vec<u8>)]| of_kind(bodies, 0, Kind::Nack);
    assert_eq!(asked(&bodies), [nack(video, 0, 9, &[1])]);
    world.send(2, &nack(video, 0, 9, &[1]));
    assert!(world.drain_bodies().is_empty(), "it was just asked for");
    world.now += Duration::from_millis(30);
    world.send(2, &nack(video, 0, 9, &[1]));
    assert_eq!(asked(&world.drain_bodies()), [nack(video, 0, 9, &[1])]);
    assert_eq!(world.forwarding.counters().nacked_passed_on, 2);

    world.send(0, &media(Kind::Retransmission, video, 9, 1, 3, 500));
    assert_eq!(again(&world.drain_bodies()), [(1, 1), (2, 1)]);
    world.send(1, &nack(video, 0, 9, &[1]));
    assert_eq!(again(&world.drain_bodies()), [(1, 1)], "now it is here");
    // Of a frame nothing came at all.
    world.send(1, &nack(video, 0, 10, &[]));
    world.send(2, &nack(video, 0, 10, &[]));
    assert_eq!(asked(&world.drain_bodies()), [nack(video, 0, 10, &[])]);
}

#[test]
fn a_flood_of_requests_costs_its_sender_alone() {
    let mut world = World::wide(3);
    let video = world.kiosks[0].streams.video;
    world.send_frame(0, Kind::Video, 1, &[1000; 40]);
    world.drain();
    let (mut flooded, mut asked) = (0, 0);
    for n in 0..500_u32 {
        world.now += Duration::from_millis(1);
        world.send(1, &nack(video, 0, if n % 2 == 0 { 1 } else { 1000 + n }, &[]));
        let bodies = world.drain_bodies();
        flooded += again(&bodies).len();
        asked += of_kind(&bodies, 0, Kind::Nack).len();
    }
    assert!((100..=50 + 75).contains(&(flooded + asked)), "{flooded} and {asked}");
    let counters = world.forwarding.counters();
    assert!(counters.nacks_refused + counters.excess_requests > 400);
    world.send(2, &nack(video, 0, 1, &[7, 8]));
    assert_eq!(again(&world.drain_bodies()), [(2, 7), (2, 8)]);
}

#[test]
fn nobody_is_given_a_layer_that_it_does_not_get() {
    let mut world = World::new(3);
    let video = world.kiosks[0].streams.video;
    show(&mut world, 1, &[(video, 3)]);
    show(&mut world, 2, &[]);
    for spatial in [0, 3] {
        world.send(0, &picture(video, spatial, 1, true, 100));
    }
    world.drain();
    for spatial in [0, 3] {
        world.send(1, &nack(video, spatial, 1, &[0]));
        world.send(2, &nack(video, spatial, 1, &[0]));
        world.send(2, &nack(video, spatial, 2, &[]));
    }
    let bodies = world.drain_bodies();
    assert_eq!(again(&bodies), [(1, 0)]);
    assert_eq!(MediaHeader::parse(&of_kind(&bodies, 1, Kind::Retransmission)[0]).unwrap().0.layer.spatial, 3);
    assert_eq!((bodies.len(), world.forwarding.counters().nacks_refused), (1, 5));
}

#[test]
fn what_a_sender_sent_is_gone_when_it_leaves_and_not_for_who_comes_later() {
    let mut world = World::new(2);
    let video = world.kiosks[0].streams.video;
    world.send_frame(0, Kind::Video, 1, &[1000; 4]);
    world.drain();
    world.send(1, &nack(video, 0, 1, &[0]));
    world.leave(0, ROOM, 1);
    assert!(world.drain_bodies().is_empty(), "not even what was asked for before");
    world.join(0, ROOM);
    world.send(1, &nack(video, 0, 1, &[0]));
    let bodies = world.drain_bodies();
    assert!(again(&bodies).is_empty());
    assert_eq!(of_kind(&bodies, 0, Kind::Nack).len(), 1);

    world.send_frame(0, Kind::Video, 2, &[1000; 4]);
    world.drain();
    world.open(3);
    world.join(2, ROOM);
    world.probe(2);
    world.send(2, &nack(video, 0, 2, &[0]));
    assert!(again(&world.drain_bodies()).is_empty(), "it was sent before the third came");
}

#[test]
fn what_waits_for_its_turn_is_not_sent_twice() {
    let mut world = World::new(2);
    let video = world.kiosks[0].streams.video;
    show(&mut world, 1, &[(video, 3)]);
    tick(&mut world, 1);
    for frame in 0..20 {
        world.send(0, &picture(video, 3, frame, frame == 0, 1000));
    }
    world.drain();
    world.send(1, &nack(video, 3, 19, &[]));
    assert!(world.drain_bodies().is_empty(), "it waits");
    world.send(1, &nack(video, 3, 0, &[]));
    assert_eq!(again(&world.drain_bodies()), [(1, 0)], "before what waits");
}

/// Nothing is looked up for whoever has used up its allowance, nor does what waits grow without bound, however small its pieces are.
#[test]
fn a_flood_of_requests_for_what_waits_is_cheap() {
    let mut world = World::new(2);
    let video = world.kiosks[0].streams.video;
    show(&mut world, 1, &[(video, 3)]);
    tick(&mut world, 1);
    for frame in 0..1000 {
        world.send(0, &picture(video, 3, frame, frame == 0, 0));
        let session = world.forwarding.sessions[1].as_ref().unwrap();
        assert!(session.held.len() <= 256, "frame {frame}");
        if frame % 50 == 0 {
            world.drain();
        }
    }
    for frame in 1000..1200 {
        world.send(0, &picture(video, 3, frame, frame == 1000, 0));
        world.drain();
    }
    // It asks for all that is gone, and has used up its allowance.
    for frame in 500..560 {
        world.send(1, &nack(video, 3, frame, &[]));
        world.drain();
    }
    let refused = world.forwarding.counters().nacks_refused;
    assert_eq!(refused, 10);
    world.send(1, &nack(video, 3, 1199, &[]));
    assert!(of_kind(&world.drain_bodies(), 1, Kind::Retransmission).is_empty());
    assert_eq!(world.forwarding.counters().nacks_refused, refused + 1, "it waits, which nobody looked up");
}
