//! Kiosks around the forwarding in virtual time: who gets what, who does not, and in which sends.

mod resending;
mod world;

use std::net::SocketAddr;

use vestibule_common::id::{RoomId, StreamId};
use vestibule_common::time::{Duration, Time};
use vestibule_common::wire::{
    Arrival, Demand, Ecn, Feedback, FileAck, FileSegment, KeyframeRequest, Kind, MAX_BODY, MAX_DATAGRAM,
    MediaHeader, Nack, PathProbe, StageTimes, TimeAnswer, TimeRequest, View, Viewed,
};

use super::Forwarding;
use crate::route::AckId;
use world::{Sent, World, media};

const ROOM: RoomId = RoomId([1; 16]);
const OTHER_ROOM: RoomId = RoomId([2; 16]);
const NOW: Time = Time::from_millis(1000);

fn payload_of(body: &[u8]) -> (MediaHeader, usize) {
    let (header, payload) = MediaHeader::parse(body).unwrap();
    assert!(payload.iter().all(|byte| *byte == 0x5a), "the payload came through unchanged");
    (header, payload.len())
}

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
    let mut world = World::new(3);
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
    let mut world = World::new(4);
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
    let mut world = World::new(2);
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
fn after_a_revocation_not_one_byte() {
    let mut world = World::new(3);
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
fn files_reach_everyone_and_their_acknowledgements_the_owner() {
    let mut world = World::new(3);
    let stream = world.kiosks[0].streams.file;
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

#[test]
fn the_relays_residence_time_is_added() {
    let mut world = World::new(2);
    world.send_frame(0, Kind::Video, 1, &[100]);
    world.now += Duration::from_micros(123);
    let bodies = world.drain_bodies();
    let stages = payload_of(&bodies[0].1).0.stages.unwrap();
    let expected = StageTimes { captured_to_encoded_us: 1, encoded_to_sent_us: 2, ..Default::default() };
    assert_eq!(stages, StageTimes { relayed_us: 123, ..expected });
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
fn more_than_the_buffers_hold_is_dropped_and_counted() {
    let mut world = World::new(2);
    let extra = 9;
    for frame in 0..Forwarding::INBOX + extra {
        world.send_frame(0, Kind::Audio, frame as u32, &[20]);
    }
    assert_eq!(world.drain_bodies().len(), Forwarding::INBOX);
    assert_eq!(world.forwarding.counters().overflow, extra as u64);
    world.send_frame(0, Kind::Audio, 0, &[20]);
    assert_eq!(world.drain_bodies().len(), 1, "and it goes on");
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
fn sizes_of_the_largest_piece() {
    let mut world = World::new(2);
    world.send_frame(0, Kind::Video, 1, &[vestibule_common::wire::MAX_PAYLOAD]);
    let sent = world.drain();
    assert!(sent[0].segments[0].len() <= MAX_DATAGRAM);
}

fn time_request() -> [u8; TimeRequest::LEN] {
    let mut body = [0; TimeRequest::LEN];
    TimeRequest { sent: Time::from_micros(42) }.emit(&mut body).unwrap();
    body
}

fn file_segment(stream: StreamId) -> FileSegment {
    FileSegment { stream, transfer: 1, offset: 2, sent: NOW, last: false }
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

/// A picture in one piece, with its layer.
fn picture(stream: StreamId, spatial: u8, frame: u32, keyframe: bool, payload: usize) -> Vec<u8> {
    let mut body = media(Kind::Video, stream, frame, 0, 1, payload);
    let (mut header, _) = MediaHeader::parse(&body).unwrap();
    header.layer.spatial = spatial;
    header.flags.keyframe = keyframe;
    header.emit(&mut body).unwrap();
    body
}

fn show(world: &mut World, kiosk: usize, entries: &[(StreamId, u8)]) {
    let viewed = |(stream, spatial): &(StreamId, u8)| Viewed { stream: *stream, spatial: *spatial };
    let mut body = [0; MAX_BODY];
    let len = View { streams: entries.iter().map(viewed).collect() }.emit(&mut body).unwrap();
    world.send(kiosk, &body[..len]);
}

/// What a kiosk got of a kind.
fn of_kind(bodies: &[(usize, Vec<u8>)], kiosk: usize, kind: Kind) -> Vec<Vec<u8>> {
    let wanted = |(to, body): &&(usize, Vec<u8>)| *to == kiosk && Kind::of(body) == Ok(kind);
    bodies.iter().filter(wanted).map(|(_, body)| body.clone()).collect()
}

fn tick(world: &mut World, ms: u64) -> Vec<(usize, Vec<u8>)> {
    world.now += Duration::from_millis(ms);
    world.forwarding.handle_timeout(world.now);
    world.drain_bodies()
}

#[test]
fn each_receiver_gets_the_layer_it_shows_and_the_sender_is_told_what_is_wanted() {
    let mut world = World::new(3);
    let video = world.kiosks[0].streams.video;
    show(&mut world, 1, &[(video, 3)]);
    show(&mut world, 2, &[(video, 0)]);
    let told = tick(&mut world, 100);
    let demand = Demand::parse(&of_kind(&told, 0, Kind::Demand)[0]).unwrap();
    let layers: Vec<(u8, u64)> =
        demand.layers.iter().map(|layer| (layer.spatial, layer.cap.as_bps() / 1000)).collect();
    assert_eq!(layers, [(3, 1700), (0, 250)]);

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
    // A first report makes the relay shape.
    let report = Feedback { first: 0, reported: world.now, arrivals: Default::default() };
    let mut body = [0; MAX_BODY];
    let len = report.emit(&mut body).unwrap();
    world.send(1, &body[..len]);
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

#[test]
fn what_waits_for_a_receiver_goes_nowhere_once_its_sender_has_left() {
    let mut world = World::new(2);
    let video = world.kiosks[0].streams.video;
    show(&mut world, 1, &[(video, 3)]);
    let report = Feedback { first: 0, reported: world.now, arrivals: Default::default() };
    let mut body = [0; MAX_BODY];
    let len = report.emit(&mut body).unwrap();
    world.send(1, &body[..len]);
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
    assert!((1..=16).contains(&requests), "{requests} in a second: one in 200 ms, and those held back");
}

/// Two receivers show the sender large; one way down carries it, the other does not.
#[test]
fn a_slow_receiver_gets_the_layer_below_and_the_fast_one_is_left_alone() {
    let mut world = World::new(3);
    let video = world.kiosks[0].streams.video;
    for kiosk in [1, 2] {
        show(&mut world, kiosk, &[(video, 3)]);
    }
    let mut report = [0; MAX_BODY];
    let len =
        Feedback { first: 0, reported: world.now, arrivals: Default::default() }.emit(&mut report).unwrap();
    world.send(2, &report[..len]);
    // Its estimate falls, as nothing is reported on what it is sent.
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

#[test]
fn whoever_left_is_sent_nothing_and_a_view_reaches_no_other_room() {
    let mut world = World::new(4);
    world.leave(3, ROOM, 1);
    world.join(3, OTHER_ROOM);
    let video = world.kiosks[0].streams.video;
    let mut report = [0; MAX_BODY];
    let len =
        Feedback { first: 0, reported: world.now, arrivals: Default::default() }.emit(&mut report).unwrap();
    for kiosk in [1, 2, 3] {
        show(&mut world, kiosk, &[(video, 3)]);
        world.send(kiosk, &report[..len]);
    }
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
