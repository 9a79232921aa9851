//! Who may hear whom: nobody who waits, nobody who left, nobody of another room.

use super::*;

#[test]
fn after_a_revocation_not_one_byte() {
    let mut world = World::wide(3);
    world.send_frame(0, Kind::Video, 1, &[1100; 4]);
    world.send_frame(1, Kind::Video, 1, &[1100; 4]);
    world.send_frame(2, Kind::Audio, 1, &[960]);
    assert_eq!(world.leave(1, ROOM, 77), Some(AckId(77)), "the revocation is acknowledged");
    let bodies = world.drain_bodies();
    assert!(bodies.iter().all(|(kiosk, _)| *kiosk != 1), "nothing queued reaches who left");
    assert!(bodies.iter().all(|(_, body)| payload_of(body).0.stream != StreamId(21)), "nor comes from it");
    assert_eq!(bodies.len(), 5, "the others' meeting goes on");
    assert!(world.forwarding.counters().revoked >= 5 + 4);

    world.send_frame(1, Kind::Video, 2, &[1100; 4]);
    world.send_frame(0, Kind::Audio, 2, &[960]);
    assert!(world.drain_bodies().iter().all(|(kiosk, _)| *kiosk == 2));
    assert_eq!(world.forwarding.counters().not_joined, 4);
}

#[test]
fn a_revocation_is_acknowledged_whatever_has_happened_before() {
    let mut world = World::new(2);
    assert_eq!(world.leave(0, OTHER_ROOM, 5), Some(AckId(5)), "another room than it is in");
    world.send_frame(0, Kind::Audio, 1, &[960]);
    assert_eq!(world.drain().len(), 1, "which changes nothing for this one");
    world.forwarding.close_session(world.kiosks[0].session);
    assert_eq!(world.leave(0, ROOM, 6), Some(AckId(6)), "a session that is closed");
    world.send_frame(0, Kind::Audio, 2, &[960]);
    assert_eq!(world.drain().len(), 0);
    assert_eq!(world.forwarding.counters().unknown_session, 1);
}

#[test]
fn a_closed_sessions_place_is_not_its_successors() {
    let mut world = World::new(3);
    world.send_frame(0, Kind::Audio, 1, &[960]);
    world.send_frame(1, Kind::Audio, 1, &[960]);
    world.forwarding.close_session(world.kiosks[0].session);
    world.open(9);
    world.join(3, ROOM);
    world.probe(3);
    let bodies = world.drain_bodies();
    assert_eq!(bodies.len(), 1, "{bodies:?}");
    assert_eq!((bodies[0].0, payload_of(&bodies[0].1).0.stream), (2, StreamId(20)));
}

#[test]
fn nobody_who_waits_gets_a_byte() {
    let mut world = World::new(2);
    world.open(3);
    world.probe(2);
    world.send(2, &time_request());
    world.send_frame(0, Kind::Video, 1, &[1100; 4]);
    let sent = world.drain();
    assert!(sent.iter().all(|sent| sent.to == world.kiosks[1].address), "{sent:?}");
    world.send_frame(2, Kind::Video, 1, &[1100; 4]);
    assert_eq!(world.drain().len(), 0, "and nobody gets one from it");
    assert_eq!(world.forwarding.counters().not_joined, 6);
}

#[test]
fn media_on_a_foreign_stream_is_dropped() {
    let mut world = World::new(3);
    let [first, second] = [world.kiosks[0].streams, world.kiosks[1].streams];
    for (kind, stream) in [
        (Kind::Video, second.video),
        (Kind::Video, first.audio),
        (Kind::Audio, first.video),
        (Kind::Presentation, first.video),
        (Kind::Retransmission, second.video),
        (Kind::Repair, first.file),
        (Kind::Audio, StreamId(0)),
    ] {
        world.send(0, &media(kind, stream, 1, 0, 1, 100));
    }
    let mut segment = [0; FileSegment::LEN];
    file_segment(second.file).emit(&mut segment).unwrap();
    world.send(0, &segment);
    assert_eq!(world.drain().len(), 0);
    assert_eq!(world.forwarding.counters().not_own_stream, 8);
    for (kind, stream) in [
        (Kind::Video, first.video),
        (Kind::Audio, first.audio),
        (Kind::Presentation, first.presentation),
        (Kind::Retransmission, first.video),
        (Kind::Repair, first.audio),
    ] {
        world.send(0, &media(kind, stream, 1, 0, 1, 100));
        assert_eq!(world.drain_bodies().len(), 2, "{kind:?}");
    }
}

#[test]
fn a_member_that_comes_back_keeps_its_streams() {
    let mut world = World::new(2);
    world.open(3);
    world.kiosks[2].streams = world.kiosks[0].streams;
    world.join(2, ROOM);
    world.probe(2);
    world.leave(0, ROOM, 1);
    let mut body = [0; KeyframeRequest::LEN];
    KeyframeRequest { stream: world.kiosks[2].streams.video, spatial: 0 }.emit(&mut body).unwrap();
    world.send(1, &body);
    assert_eq!(world.drain_bodies(), [(2, body.to_vec())], "the new session owns the stream");
}

#[test]
fn what_waits_for_a_receiver_goes_nowhere_once_its_sender_has_left() {
    let mut world = World::new(2);
    let video = world.kiosks[0].streams.video;
    show(&mut world, 1, &[(video, 3)]);
    for frame in 0..20 {
        world.send(0, &picture(video, 3, frame, frame == 0, 1000));
    }
    world.drain();
    let held =
        |world: &World| world.forwarding.sessions.iter().flatten().any(|session| !session.held.is_empty());
    assert!(held(&world));
    world.leave(0, ROOM, 1);
    assert!(!held(&world));
    for _ in 0..300 {
        assert!(of_kind(&tick(&mut world, 1), 1, Kind::Video).is_empty());
    }
}

#[test]
fn whoever_left_is_sent_nothing_and_a_view_reaches_no_other_room() {
    let mut world = World::new(4);
    world.leave(3, ROOM, 1);
    world.join(3, OTHER_ROOM);
    let video = world.kiosks[0].streams.video;
    for kiosk in [1, 2, 3] {
        show(&mut world, kiosk, &[(video, 3)]);
        world.send(kiosk, &time_request());
    }
    world.drain();
    // What was sent to it came: so it may be padded.
    tell_arrivals(&mut world, 1, 1);
    world.leave(2, ROOM, 2);
    let mut padded = 0;
    for n in 0..500_u32 {
        if n % 33 == 0 {
            world.send(0, &picture(video, 3, n / 33, false, 100));
        }
        let bodies = tick(&mut world, 1);
        assert!(of_kind(&bodies, 2, Kind::Probe).is_empty() && of_kind(&bodies, 3, Kind::Video).is_empty());
        padded += of_kind(&bodies, 1, Kind::Probe).len();
    }
    assert!(padded > 0, "a way down that might carry more is tried");
    // The stranger's view named a stream of this room: only this room's receiver asks for its keyframes.
    world.leave(1, ROOM, 3);
    let before = world.forwarding.counters().layer_changes;
    for n in 500..1500_u32 {
        if n % 33 == 0 {
            world.send(0, &picture(video, 3, n / 33, false, 100));
        }
        tick(&mut world, 1);
    }
    assert_eq!(world.forwarding.counters().layer_changes, before);
}
