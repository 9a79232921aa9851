//! What is asked and answered: files, missing pieces, keyframes, the time, the path, reports.

use super::*;

#[test]
fn files_reach_everyone_and_their_acknowledgements_the_owner() {
    let mut world = World::new(3);
    let stream = world.kiosks[0].streams.file;
    know_ways(&mut world);
    let mut segment = [7; FileSegment::LEN + 50];
    file_segment(stream).emit(&mut segment).unwrap();
    world.send(0, &segment);
    let bodies = world.drain_bodies();
    assert_eq!(bodies.len(), 2);
    assert!(bodies.iter().all(|(_, body)| body[..] == segment[..]));

    let ack = |stream| {
        let ranges = Default::default();
        let ack = FileAck { stream, transfer: 1, cumulative: 2, window: 3, echo: NOW, ranges };
        let mut body = vec![0; 100];
        let len = ack.emit(&mut body).unwrap();
        body.truncate(len);
        body
    };
    world.send(2, &ack(stream));
    assert_eq!(world.drain_bodies(), [(0, ack(stream))]);
    world.send(2, &ack(world.kiosks[0].streams.video));
    world.send(0, &ack(stream));
    assert_eq!(world.drain().len(), 0, "not for another kind of stream, not to oneself");
    assert_eq!(world.forwarding.counters().no_such_stream, 2);
}

#[test]
fn a_nack_goes_to_the_streams_owner_only() {
    let mut world = World::new(3);
    let nack = Nack {
        stream: world.kiosks[0].streams.video,
        spatial: 0,
        frame: 4,
        pieces: [1, 3].into_iter().collect(),
    };
    let mut body = [0; 16];
    assert_eq!(nack.emit(&mut body), Ok(16));
    world.send(1, &body);
    assert_eq!(world.drain_bodies(), [(0, body.to_vec())]);
    world.leave(1, ROOM, 1);
    world.join(1, OTHER_ROOM);
    world.send(1, &body);
    assert_eq!(world.drain().len(), 0, "a stream of another room is none");
}

#[test]
fn keyframe_requests_are_joined_and_none_is_lost() {
    let mut world = World::new(4);
    let stream = world.kiosks[0].streams.video;
    let request = |stream| {
        let mut body = [0; KeyframeRequest::LEN];
        KeyframeRequest { stream, spatial: 0 }.emit(&mut body).unwrap();
        body
    };
    world.send(1, &request(stream));
    assert_eq!(world.drain_bodies(), [(0, request(stream).to_vec())], "the first goes on at once");
    for kiosk in [1, 2, 3] {
        world.now += Duration::from_millis(10);
        world.send(kiosk, &request(stream));
    }
    assert_eq!(world.drain().len(), 0);
    let due = world.forwarding.keyframes.due().expect("the rest is remembered");
    assert_eq!(due, NOW + Duration::from_millis(200));
    world.forwarding.handle_timeout(world.now);
    assert_eq!(world.drain().len(), 0, "not before it is due");
    world.now = due;
    world.forwarding.handle_timeout(due);
    assert_eq!(world.drain_bodies(), [(0, request(stream).to_vec())], "one for all three");
    assert_eq!(world.forwarding.keyframes.due(), None);

    world.now += Duration::from_millis(200);
    world.send(2, &request(stream));
    assert_eq!(world.drain_bodies().len(), 1, "after a pause at once again");
    world.send(2, &request(world.kiosks[0].streams.audio));
    world.send(0, &request(stream));
    assert_eq!(world.forwarding.counters().no_such_stream, 2, "of sound, of oneself");
}

#[test]
fn a_waiting_keyframe_request_dies_with_its_stream() {
    let mut world = World::new(2);
    let mut body = [0; KeyframeRequest::LEN];
    KeyframeRequest { stream: world.kiosks[0].streams.video, spatial: 0 }.emit(&mut body).unwrap();
    world.send(1, &body);
    world.send(1, &body);
    assert!(world.forwarding.keyframes.due().is_some());
    world.leave(0, ROOM, 1);
    assert_eq!(world.forwarding.keyframes.due(), None);
    assert_eq!(world.drain().len(), 0);
}

#[test]
fn a_time_request_is_answered_with_both_clocks() {
    let mut world = World::new(1);
    world.send(0, &time_request());
    world.now += Duration::from_micros(5);
    let bodies = world.drain_bodies();
    let answer = TimeAnswer::parse(&bodies[0].1).unwrap();
    let expected =
        TimeAnswer { sent: Time::from_micros(42), received: NOW, answered: NOW + Duration::from_micros(5) };
    assert_eq!(answer, expected);
}

#[test]
fn a_path_challenge_is_answered_where_it_came_from() {
    let mut world = World::new(1);
    let mut body = [0; PathProbe::LEN];
    PathProbe { kind: Kind::PathChallenge, token: 77 }.emit(&mut body).unwrap();
    world.send(0, &body);
    let bodies = world.drain_bodies();
    assert_eq!(PathProbe::parse(&bodies[0].1), Ok(PathProbe { kind: Kind::PathResponse, token: 77 }));
    let late = world.kiosks[0].seal(&body);
    world.probe(0);
    world.deliver(&late, SocketAddr::from(([192, 168, 7, 7], 999)));
    assert_eq!(world.drain().len(), 0);
}

#[test]
fn members_are_told_when_their_datagrams_came_and_what_they_tell_is_checked() {
    let mut world = World::new(2);
    world.send_frame(0, Kind::Audio, 1, &[100]);
    world.drain();
    world.now = NOW + Duration::from_millis(60);
    world.forwarding.handle_timeout(world.now);
    let (kiosk, body) = world.drain_all().remove(0);
    let report = Feedback::parse(&body).unwrap();
    assert_eq!((kiosk, report.first, report.arrivals.len()), (0, 0, 2), "the probe and the sound");
    assert_eq!(report.arrivals[1].unwrap().age_quarter_ms, 240);

    // The second kiosk reports, the first time before anything is known, then truly, then on what was never sent.
    let tell = |world: &mut World, first: u64, count: usize| {
        let arrival = Arrival { ecn: Ecn::NotEct, age_quarter_ms: 0 };
        let arrivals = (0..count).map(|_| Some(arrival)).collect();
        let mut body = [0; MAX_BODY];
        let len = Feedback { first, reported: world.now, arrivals }.emit(&mut body).unwrap();
        world.send(1, &body[..len]);
        world.forwarding.counters().feedback_refused
    };
    assert_eq!(tell(&mut world, 0, 1), 0);
    world.send_frame(0, Kind::Audio, 2, &[100]);
    world.drain();
    assert_eq!(tell(&mut world, 0, 3), 0);
    assert_eq!(tell(&mut world, 2, 100), 1);
    assert_eq!(tell(&mut world, u64::MAX, 1), 2);
    assert_eq!(world.forwarding.counters().feedback, 4);
}
