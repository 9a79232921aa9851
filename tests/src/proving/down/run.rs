//! Runs a case: cameras, the relay's forwarding, receivers, TCP and links in one virtual time.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::SocketAddr;

use vestibule_common::bandwidth::IP_UDP;
use vestibule_common::id::StreamId;
use vestibule_common::time::{Duration, Time};
use vestibule_common::unit::{Bitrate, DataSize};
use vestibule_common::wire::{Demand, Ecn, KeyframeRequest, Kind};
use vestibule_relay::forwarding::{Forwarding, Transmit};

use super::camera::Camera;
use super::case::DownCase;
use super::member::Member;
use super::screen::{Got, Screen};
use crate::proving::cross::Cross;
use crate::proving::run::{ACK, LOOK};
use crate::world::{Ack, Counts, Dice, Link, LinkConfig, SEGMENT, Schedule, Segment};

/// What was seen, in the order of cameras and receivers.
#[derive(Clone, Debug, Default)]
pub struct DownRecord {
    /// Bytes of pictures sent for the first time that came to each receiver of each camera in each second, at IP level.
    pub media: Vec<Vec<Vec<u64>>>,
    /// When each receiver could show a picture of each camera.
    pub shown: Vec<Vec<Vec<Time>>>,
    /// TCP senders at work on each receiver's way in each second, on average.
    pub tcp_active: Vec<Vec<f64>>,
    /// The queue of each receiver's way at each look, in milliseconds.
    pub queues: Vec<Vec<f64>>,
    /// What became of the packets on each receiver's way down.
    pub counts: Vec<Counts>,
    /// What the relay told its members of their ways down and of what is wanted of them, and what came in each second, a line
    /// each.
    pub trace: String,
}

/// What goes over links.
#[derive(Clone, Debug)]
enum Load {
    Datagram(Vec<u8>),
    Segment(u64, Segment),
    Ack(u64, Ack),
}

/// A member with its links.
struct Place {
    member: Member,
    up: Link<Load>,
    down: Link<Load>,
    role: Role,
}

enum Role {
    Camera(Box<Camera>),
    /// With its number among the receivers.
    Screen(usize, Box<Screen>, Option<Box<Cross>>),
}

/// Runs a case from a seed.
pub fn run(case: &DownCase, seed: u64) -> DownRecord {
    let mut world = World::new(case, seed);
    let seconds = case.seconds as usize;
    let end = Time::from_millis(case.seconds * 1000);
    let mut look = Time::ZERO;
    while world.now < end {
        world.deliver();
        world.send();
        world.drain();
        if world.now >= look {
            world.look();
            look += LOOK;
        }
        // A timer that is due again at once must not hold time up.
        world.now = world.poll_timeout().min(look).max(world.now + Duration::from_micros(1));
    }
    let mut record = world.record;
    for place in &world.places {
        if let Role::Screen(..) = place.role {
            record.counts.push(place.down.counts());
        }
    }
    for (n, cameras) in record.media.iter().enumerate() {
        for (camera, second) in
            (0..cameras.len()).flat_map(|camera| (0..seconds).map(move |second| (camera, second)))
        {
            let kbit = cameras[camera][second] * 8 / 1000;
            // Writing to a string does not fail.
            let _ =
                writeln!(record.trace, "second {second}, way {n}, camera {camera}: {kbit} kbit of pictures");
        }
    }
    record
}

struct World {
    now: Time,
    forwarding: Forwarding,
    /// Cameras first.
    places: Vec<Place>,
    /// Each camera's number by its stream.
    cameras: BTreeMap<StreamId, usize>,
    record: DownRecord,
}

/// A link that delays by so much and carries whatever comes.
fn wide(ms: u64) -> LinkConfig {
    let delay = Schedule::constant(Duration::from_millis(ms));
    LinkConfig { rate: Schedule::constant(Bitrate::kbps(100_000)), delay, ..LinkConfig::default() }
}

impl World {
    fn new(case: &DownCase, seed: u64) -> World {
        let mut forwarding = Forwarding::new();
        let mut dice = Dice::new(seed, 999);
        let mut places: Vec<Place> = Vec::new();
        let mut cameras = BTreeMap::new();
        for (number, second) in case.cameras.iter().enumerate() {
            let member = Member::join(&mut forwarding, number as u8);
            let phase = Duration::from_secs_f64(dice.unit() / 30.0);
            let begin = Time::from_millis(second * 1000) + phase;
            let camera = Camera::new(member.streams.video, begin, seed, 100 + number as u64);
            cameras.insert(member.streams.video, number);
            let links = [0, 1].map(|n| Link::new(wide(5), seed, 20 + 2 * number as u64 + n));
            let [up, down] = links;
            places.push(Place { member, up, down, role: Role::Camera(Box::new(camera)) });
        }
        let shown: Vec<StreamId> = cameras.keys().copied().collect();
        for (number, way) in case.ways.iter().enumerate() {
            let member = Member::join(&mut forwarding, (case.cameras.len() + number) as u8);
            let cross = case.tcp.then(|| Box::new(Cross::new(false, seed, 500 + number as u64)));
            // Alike in everything, they would never differ.
            let begin = Time::ZERO + Duration::from_secs_f64(dice.unit());
            places.push(Place {
                member,
                up: Link::new(wide(50), seed, 10 + number as u64),
                down: Link::new(way.clone(), seed, number as u64),
                role: Role::Screen(number, Box::new(Screen::new(&shown, begin)), cross),
            });
        }
        let (receivers, seconds) = (case.ways.len(), case.seconds as usize);
        World {
            now: Time::ZERO,
            forwarding,
            places,
            record: DownRecord {
                media: vec![vec![vec![0; seconds]; cameras.len()]; receivers],
                shown: vec![vec![Vec::new(); cameras.len()]; receivers],
                tcp_active: vec![vec![0.0; seconds]; receivers],
                queues: vec![Vec::new(); receivers],
                ..DownRecord::default()
            },
            cameras,
        }
    }

    fn second(&self) -> usize {
        (self.now.as_micros() / 1_000_000) as usize
    }

    /// Hands on what has reached the end of a link.
    fn deliver(&mut self) {
        let (now, second) = (self.now, self.second());
        for place in &mut self.places {
            while let Some(arrival) = place.up.next_arrival(now) {
                match (arrival.packet, &mut place.role) {
                    (Load::Datagram(mut bytes), _) => {
                        let (len, from) = (bytes.len(), place.member.address);
                        self.forwarding.handle_batch(&mut bytes, len, len, from, Ecn::NotEct, now);
                    }
                    (Load::Ack(file, ack), Role::Screen(_, _, Some(cross))) => {
                        cross.handle_ack(file, ack, now)
                    }
                    (Load::Ack(..) | Load::Segment(..), _) => {}
                }
            }
            while let Some(arrival) = place.down.next_arrival(now) {
                match (arrival.packet, &mut place.role) {
                    (Load::Datagram(mut bytes), Role::Camera(camera)) => {
                        let (_, body) = place.member.open(&mut bytes);
                        trace(&mut self.record.trace, place.member.address, body, now);
                        camera.handle_body(body, now);
                    }
                    (Load::Datagram(mut bytes), Role::Screen(number, screen, _)) => {
                        let (packet, body) = place.member.open(&mut bytes);
                        trace(&mut self.record.trace, place.member.address, body, now);
                        if let Got::Media(stream) = screen.handle_body(packet, body, now) {
                            self.record.media[*number][self.cameras[&stream]][second] +=
                                arrival.size.as_bytes();
                        }
                    }
                    (Load::Segment(file, segment), Role::Screen(_, _, Some(cross))) => {
                        if let Some(ack) = cross.handle_segment(file, segment) {
                            place.up.send(Load::Ack(file, ack), ACK, now);
                        }
                    }
                    (Load::Ack(..) | Load::Segment(..), _) => {}
                }
            }
        }
    }

    /// What members and TCP senders send by themselves.
    fn send(&mut self) {
        let now = self.now;
        for Place { member, up, down, role } in &mut self.places {
            let mut send = |body: &[u8]| {
                let datagram = member.seal(body);
                let size = at_ip(&datagram);
                up.send(Load::Datagram(datagram), size, now);
            };
            match role {
                Role::Camera(camera) => {
                    for body in camera.poll(now) {
                        send(&body);
                    }
                }
                Role::Screen(number, screen, cross) => {
                    let shown = &mut self.record.shown[*number];
                    let bodies = screen.poll(now, |stream| shown[self.cameras[&stream]].push(now));
                    bodies.iter().for_each(|body| send(body));
                    while let Some((file, segment)) = cross.as_mut().and_then(|cross| cross.next_segment(now))
                    {
                        down.send(Load::Segment(file, segment), SEGMENT, now);
                    }
                }
            }
        }
        if self.forwarding.poll_timeout().is_some_and(|due| due <= now) {
            self.forwarding.handle_timeout(now);
        }
    }

    /// Sends what the relay has for its members.
    fn drain(&mut self) {
        while let Some(Transmit { to, segment_size, bytes }) = self.forwarding.next_transmit(self.now) {
            let place = self.places.iter_mut().find(|place| place.member.address == to.remote);
            let place = place.expect("nobody else's address is known");
            for datagram in bytes.chunks(segment_size) {
                place.down.send(Load::Datagram(datagram.to_vec()), at_ip(datagram), self.now);
            }
        }
    }

    fn look(&mut self) {
        let second = self.second();
        for place in &self.places {
            let Role::Screen(number, _, cross) = &place.role else { continue };
            self.record.queues[*number].push(place.down.waits(self.now).as_secs_f64() * 1000.0);
            let active = cross.as_ref().is_some_and(|cross| cross.is_active());
            self.record.tcp_active[*number][second] += f64::from(u8::from(active)) * LOOK.as_secs_f64();
        }
    }

    fn poll_timeout(&self) -> Time {
        let links = self.places.iter().flat_map(|place| [place.up.poll_timeout(), place.down.poll_timeout()]);
        let roles = self.places.iter().flat_map(|place| match &place.role {
            Role::Camera(camera) => [Some(camera.poll_timeout()), None],
            Role::Screen(_, screen, cross) => {
                [Some(screen.poll_timeout()), cross.as_ref().and_then(|cross| cross.poll_timeout())]
            }
        });
        let all = links.chain(roles).chain([self.forwarding.poll_timeout()]);
        all.flatten().min().unwrap_or(Time::MAX)
    }
}

fn trace(lines: &mut String, to: SocketAddr, body: &[u8], now: Time) {
    let told: &dyn std::fmt::Debug = match Kind::of(body) {
        Ok(Kind::Demand) => &Demand::parse(body),
        Ok(Kind::KeyframeRequest) => &KeyframeRequest::parse(body),
        Ok(_) | Err(_) => return,
    };
    // Writing to a string does not fail.
    let _ = writeln!(lines, "{:.2} s, {}: {told:?}", now.as_micros() as f64 / 1e6, to.ip());
}

/// A datagram's size at IP level.
fn at_ip(datagram: &[u8]) -> DataSize {
    DataSize::bytes(datagram.len() as u64) + IP_UDP
}
