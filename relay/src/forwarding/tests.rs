//! Kiosks around the forwarding in virtual time: who gets what, who does not, and in which sends. Here is what all of these tests say
//! and look at.

mod datagrams;
mod files;
mod floods;
mod hostile;
mod loudest;
mod membership;
mod moving;
mod receiver;
mod repairs;
mod requests;
mod resending;
mod rooms;
mod sending;
mod shaping;
mod untold;
mod world;

use std::net::SocketAddr;

use vestibule_common::control::Streams;
use vestibule_common::id::{RoomId, StreamId};
use vestibule_common::time::{Duration, Time};
use vestibule_common::wire::{
    Arrival, Demand, Ecn, Feedback, FileAck, FileSegment, KeyframeRequest, Kind, MAX_BODY, MAX_DATAGRAM,
    MediaHeader, Nack, PathProbe, StageTimes, TimeAnswer, TimeRequest, View, Viewed,
};

use super::Forwarding;
use crate::route::AckId;
pub(in crate::forwarding) use world::media;
use world::{Sent, World};

const ROOM: RoomId = RoomId([1; 16]);
const OTHER_ROOM: RoomId = RoomId([2; 16]);
const NOW: Time = Time::from_millis(1000);

fn payload_of(body: &[u8]) -> (MediaHeader, usize) {
    let (header, payload) = MediaHeader::parse(body).unwrap();
    assert!(payload.iter().all(|byte| *byte == 0x5a), "the payload came through unchanged");
    (header, payload.len())
}

fn time_request() -> [u8; TimeRequest::LEN] {
    let mut body = [0; TimeRequest::LEN];
    TimeRequest { sent: Time::from_micros(42) }.emit(&mut body).unwrap();
    body
}

fn file_segment(stream: StreamId) -> FileSegment {
    FileSegment { stream, transfer: 1, offset: 2, sent: NOW, last: false }
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

/// A kiosk reports that as many datagrams came, the first `count`.
fn tell_arrivals(world: &mut World, kiosk: usize, count: usize) {
    let arrival = Arrival { ecn: Ecn::NotEct, age_quarter_ms: 0 };
    let arrivals = (0..count).map(|_| Some(arrival)).collect();
    let mut body = [0; MAX_BODY];
    let len = Feedback { first: 0, reported: world.now, arrivals }.emit(&mut body).unwrap();
    world.send(kiosk, &body[..len]);
}

/// All kiosks hear a sound of the first, and report that: files go to whoever reported.
fn know_ways(world: &mut World) {
    world.send_frame(0, Kind::Audio, 0, &[100]);
    world.drain();
    (1..world.kiosks.len()).for_each(|kiosk| tell_arrivals(world, kiosk, 1));
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
