//! What is done with datagrams that nobody should have sent, and with addresses.

use super::*;

#[test]
fn nothing_is_sent_to_an_unknown_address() {
    let mut world = World::new(1);
    world.open(2);
    world.join(1, ROOM);
    world.send_frame(0, Kind::Audio, 1, &[960]);
    assert_eq!(world.drain().len(), 0);
    assert_eq!(world.forwarding.counters().no_receiver, 1);
    world.probe(1);
    world.send_frame(0, Kind::Audio, 2, &[960]);
    assert_eq!(world.drain().len(), 1);
}

#[test]
fn only_a_newest_authentic_datagram_moves_the_address() {
    let mut world = World::new(2);
    let elsewhere = SocketAddr::from(([192, 168, 7, 7], 999));
    let body = media(Kind::Audio, world.kiosks[1].streams.audio, 1, 0, 1, 10);
    let late = world.kiosks[1].seal(&body);
    world.probe(1);
    let home = world.kiosks[1].address;
    let destination = |world: &mut World| {
        world.send_frame(0, Kind::Audio, 1, &[960]);
        world.drain().into_iter().find(|sent| sent.to != world.kiosks[0].address).unwrap().to
    };
    world.deliver(&late, elsewhere);
    assert_eq!(destination(&mut world), home, "an overtaken datagram");
    let mut forged = late.clone();
    forged[12] = 99;
    world.deliver(&forged, elsewhere);
    assert_eq!(destination(&mut world), home, "a forged one");
    world.deliver(&late, elsewhere);
    assert_eq!(destination(&mut world), home, "a replayed one");
    let fresh = world.kiosks[1].seal(&time_request());
    world.deliver(&fresh, SocketAddr::from(([192, 168, 7, 7], 0)));
    assert_eq!(destination(&mut world), home, "port 0, to which nothing can be sent");
    let fresh = world.kiosks[1].seal(&time_request());
    world.deliver(&fresh, elsewhere);
    assert_eq!(destination(&mut world), elsewhere, "a fresh one");
    assert_eq!(world.forwarding.counters().address_changes, 1);
}

#[test]
fn forged_and_replayed_datagrams_reach_nobody() {
    let mut world = World::new(2);
    let from = world.kiosks[0].address;
    let body = media(Kind::Audio, world.kiosks[0].streams.audio, 1, 0, 1, 100);
    let good = world.kiosks[0].seal(&body);
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 0x40;
        world.deliver(&bad, from);
    }
    for len in 0..good.len() {
        world.deliver(&good[..len], from);
    }
    assert_eq!(world.drain().len(), 0);
    world.deliver(&good, from);
    assert_eq!(world.drain().len(), 1);
    world.deliver(&good, from);
    assert_eq!(world.drain().len(), 0);
    let counters = world.forwarding.counters();
    assert_eq!(counters.replayed, 1);
    assert!(counters.forged > 200 && counters.unknown_session >= 8 && counters.malformed > 0);
}

#[test]
fn unknown_kinds_and_broken_bodies_are_dropped() {
    let mut world = World::new(2);
    world.send(0, &[99, 1, 2, 3]);
    world.send(0, &[]);
    world.send(0, &[Kind::Video as u8, 3, 1]);
    world.send(0, &[Kind::Feedback as u8, 0]);
    world.send(0, &[Kind::TimeAnswer as u8; 30]);
    assert_eq!(world.drain().len(), 0);
    let counters = world.forwarding.counters();
    assert_eq!((counters.unknown_kind, counters.malformed), (1, 3));
    assert_eq!((counters.feedback, counters.ignored), (0, 3), "two probes and a time answer");
}
