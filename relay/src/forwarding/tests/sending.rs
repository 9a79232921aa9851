//! In which sends datagrams leave, and to whom.

use super::*;

#[test]
fn media_reaches_everyone_else_in_the_room() {
    let mut world = World::new(4);
    world.leave(3, ROOM, 1);
    world.join(3, OTHER_ROOM);
    world.send_frame(0, Kind::Audio, 7, &[960]);
    let bodies = world.drain_bodies();
    assert_eq!(bodies.iter().map(|(kiosk, _)| *kiosk).collect::<Vec<_>>(), [1, 2]);
    for (_, body) in bodies {
        let (header, len) = payload_of(&body);
        assert_eq!((header.kind, header.stream, header.frame, len), (Kind::Audio, StreamId(10), 7, 960));
    }
}

#[test]
fn a_frame_leaves_in_one_send_for_each_destination() {
    let mut world = World::wide(3);
    world.send_frame(0, Kind::Video, 1, &[1100, 1100, 1100, 300]);
    let sent = world.drain();
    assert_eq!(sent.len(), 2, "one transmit a receiver");
    for sent in sent {
        let sizes: Vec<usize> = sent.segments.iter().map(Vec::len).collect();
        assert_eq!(sizes.len(), 4);
        assert!(sizes[..3].iter().all(|size| *size == sizes[0]) && sizes[3] < sizes[0]);
    }
}

#[test]
fn equal_sizes_of_several_senders_share_a_send_and_no_stream_is_reordered() {
    let mut world = World::wide(4);
    for frame in 0..3 {
        for sender in 0..3 {
            world.send_frame(sender, Kind::Audio, frame, &[960]);
            world.send_frame(sender, Kind::Video, frame, &[1100, 1100, 200]);
        }
    }
    let sent = world.drain();
    let to_last: Vec<&Sent> = sent.iter().filter(|sent| sent.to == world.kiosks[3].address).collect();
    assert_eq!(to_last.iter().map(|sent| sent.segments.len()).sum::<usize>(), 36);
    assert!(to_last.len() <= 12, "{} sends for 36 datagrams", to_last.len());
    let mut last_seen = std::collections::BTreeMap::new();
    for segment in to_last.iter().flat_map(|sent| &sent.segments) {
        let (header, _) = payload_of(&world.kiosks[3].open(segment));
        let at = (header.frame, header.piece);
        let before = last_seen.insert(header.stream, at);
        assert!(before.is_none_or(|before| before < at), "{:?} after {before:?}", at);
    }
}

#[test]
fn a_transmit_stays_within_gso_limits() {
    let mut world = World::wide(2);
    for frame in 0..100 {
        world.send_frame(0, Kind::Video, frame, &[1100; 4]);
    }
    let sent = world.drain();
    assert_eq!(sent.iter().map(|sent| sent.segments.len()).sum::<usize>(), 400);
    for sent in &sent {
        assert!(sent.segments.len() <= 64);
        assert!(sent.segments.iter().map(Vec::len).sum::<usize>() <= 65_507);
    }
    world.forwarding.set_max_segments(1);
    world.send_frame(0, Kind::Video, 100, &[1100; 4]);
    assert_eq!(world.drain().len(), 4, "without GSO each datagram is a send");
}

#[test]
fn the_relays_residence_time_is_added() {
    let mut world = World::new(2);
    world.send_frame(0, Kind::Video, 1, &[100]);
    world.now += Duration::from_micros(123);
    let bodies = world.drain_bodies();
    let stages = payload_of(&bodies[0].1).0.stages.unwrap();
    assert_eq!(
        stages,
        StageTimes {
            captured_to_encoded_us: 1,
            encoded_to_sent_us: 2,
            relayed_us: 123,
            ..Default::default()
        }
    );
}

#[test]
fn more_than_the_buffers_hold_is_dropped_and_counted() {
    let mut world = World::wide(2);
    let extra = 9;
    for frame in 0..Forwarding::INBOX + extra {
        world.send_frame(0, Kind::Video, frame as u32, &[20]);
    }
    assert_eq!(world.drain_bodies().len(), Forwarding::INBOX);
    assert_eq!(world.forwarding.counters().overflow, extra as u64);
    world.send_frame(0, Kind::Audio, 0, &[20]);
    assert_eq!(world.drain_bodies().len(), 1, "and it goes on");
}

#[test]
fn sizes_of_the_largest_piece() {
    let mut world = World::new(2);
    world.send_frame(0, Kind::Video, 1, &[vestibule_common::wire::MAX_PAYLOAD]);
    let sent = world.drain();
    assert!(sent[0].segments[0].len() <= MAX_DATAGRAM);
}
