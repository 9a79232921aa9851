//! Runs a case: the two rooms, the relay and the four directions of the two hops in one virtual time.

use std::net::SocketAddr;

use vestibule_common::control::Streams;
use vestibule_common::id::{RoomId, StreamId};
use vestibule_common::time::{Duration, Time};
use vestibule_common::unit::{Bitrate, DataSize};
use vestibule_common::wire::Ecn;
use vestibule_relay::forwarding::Forwarding;
use vestibule_relay::route::RouteChange;

use super::case::{Case, Hop};
use super::hop::{HopEnd, IP_UDP};
use super::receiver::Receiver;
use super::sender::Sender;
use super::sound::{Played, Sound};
use crate::world::{Dice, Link, LinkConfig, Loss, Schedule};

/// How long a run is, and from when on it counts.
pub(super) const END: Time = Time::from_millis(35_000);
/// What comes before is for finding the rate.
pub(super) const FROM: Time = Time::from_millis(5_000);
/// Timers are looked at so often; what arrives is handled at its moment.
const TICK: Duration = Duration::from_millis(1);
/// Both hops carry more than is wanted.
const RATE: Bitrate = Bitrate::kbps(10_000);

/// A picture at the room that listens.
#[derive(Copy, Clone, Debug)]
pub struct Shown {
    /// When it was captured.
    pub captured: Time,
    /// When it could be decoded.
    pub playable: Time,
    /// When it is seen, held for its sound.
    pub seen: Time,
}

/// What was seen and heard.
#[derive(Clone, Debug, Default)]
pub struct Record {
    /// Every picture.
    pub pictures: Vec<Shown>,
    /// From when on how many pictures a second were sent.
    pub rates: Vec<(Time, u32)>,
    /// Bytes of pictures from `FROM` on.
    pub bytes: u64,
    /// Every period of sound, and when the speaker took it.
    pub sounds: Vec<(Played, Time)>,
    /// Bodies of pictures that came, and repairs among them.
    pub bodies: u64,
    /// See `bodies`.
    pub repairs: u64,
    /// Requests for keyframes and for missing pieces.
    pub keyframes: u64,
    /// See `keyframes`.
    pub nacks: u64,
}

impl Record {
    pub(super) fn handle_picture(&mut self, captured: Time, playable: Time, seen: Time, bytes: usize) {
        self.pictures.push(Shown { captured, playable, seen });
        if playable >= FROM {
            self.bytes += bytes as u64;
        }
    }
}

/// Runs a case with a sound that `make` makes of its stream.
pub fn run(case: &Case, seed: u64, make: &dyn Fn(StreamId) -> Box<dyn Sound>) -> Record {
    let mut world = World::new(case, seed, make);
    while world.now < END {
        world.deliver();
        world.work();
        let next = world.links.iter().filter_map(Link::poll_timeout).min().unwrap_or(END);
        let tick = Time::from_micros((world.now.as_micros() / 1000 + 1) * 1000);
        world.now = next.min(tick).max(world.now + Duration::from_micros(1)).min(tick);
    }
    Record { rates: world.sender.rates, ..world.record }
}

/// From the speaking room to the relay and back, from the relay to the listening room and back.
const UP: usize = 0;
const UP_BACK: usize = 1;
const DOWN: usize = 2;
const DOWN_BACK: usize = 3;

struct World {
    now: Time,
    links: [Link<Vec<u8>>; 4],
    relay: Forwarding,
    sender: Sender,
    receiver: Receiver,
    sound: Box<dyn Sound>,
    looked: Time,
    record: Record,
}

fn address(number: u8) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, number], 6000))
}

fn streams(number: u8) -> Streams {
    let first = u32::from(number) * 10;
    Streams {
        audio: StreamId(first),
        video: StreamId(first + 1),
        presentation: StreamId(first + 2),
        file: StreamId(first + 3),
    }
}

impl World {
    fn new(case: &Case, seed: u64, make: &dyn Fn(StreamId) -> Box<dyn Sound>) -> World {
        let mut relay = Forwarding::new();
        for number in [1, 2] {
            let (session, suite, secrets) = HopEnd::secrets(number);
            assert!(relay.open_session(session, suite, &secrets));
            let room = RoomId([7; 16]);
            let joined = RouteChange::Join { room, session, streams: streams(number) };
            assert_eq!(relay.handle_route_change(joined), None);
        }
        let mut what = 0;
        let mut link = |hop: Hop| {
            what += 1;
            let (delay, jitter) = match hop {
                Hop::Up => (Schedule::constant(case.up()), Duration::ZERO),
                Hop::Down => (case.down.clone(), case.jitter),
            };
            let loss = if case.lossy == hop { case.loss } else { Loss::None };
            let rate = Schedule::constant(RATE);
            Link::new(LinkConfig { rate, delay, jitter, loss, ..LinkConfig::default() }, seed, what)
        };
        let links = [link(Hop::Up), link(Hop::Up), link(Hop::Down), link(Hop::Down)];
        let mut dice = Dice::new(seed, 60);
        let mut begin = || Time::from_micros(20_000 + (dice.unit() * 33_000.0) as u64);
        World {
            now: Time::ZERO,
            links,
            relay,
            sender: Sender::new(1, streams(1), case.repairs, begin(), seed),
            receiver: Receiver::new(2, streams(1), begin()),
            sound: make(streams(1).audio),
            looked: Time::ZERO,
            record: Record::default(),
        }
    }

    fn deliver(&mut self) {
        let now = self.now;
        for (at, from) in [(UP, 1), (DOWN_BACK, 2)] {
            while let Some(mut arrival) = self.links[at].next_arrival(now) {
                let len = arrival.packet.len();
                self.relay.handle_batch(&mut arrival.packet, len, len, address(from), Ecn::NotEct, now);
            }
        }
        while let Some(mut arrival) = self.links[UP_BACK].next_arrival(now) {
            self.sender.handle_datagram(&mut arrival.packet, self.sound.as_mut(), now);
        }
        while let Some(mut arrival) = self.links[DOWN].next_arrival(now) {
            let World { receiver, sound, record, .. } = self;
            receiver.handle_datagram(&mut arrival.packet, sound.as_mut(), record, now);
        }
    }

    fn work(&mut self) {
        let now = self.now;
        if self.relay.poll_timeout().is_some_and(|due| due <= now) {
            self.relay.handle_timeout(now);
        }
        while let Some(transmit) = self.relay.next_transmit(now) {
            let link = if transmit.to.remote == address(1) { UP_BACK } else { DOWN };
            for datagram in transmit.bytes.chunks(transmit.segment_size) {
                send(&mut self.links[link], datagram.to_vec(), now);
            }
        }
        if now.since(self.looked) >= TICK {
            self.looked = now;
            self.sender.handle_timeout(self.sound.as_mut(), now);
            let World { receiver, sound, record, .. } = self;
            receiver.handle_timeout(sound.as_mut(), record, now);
        }
        while let Some(datagram) = self.sender.hop.next_datagram() {
            send(&mut self.links[UP], datagram, now);
        }
        while let Some(datagram) = self.receiver.hop.next_datagram() {
            send(&mut self.links[DOWN_BACK], datagram, now);
        }
    }
}

fn send(link: &mut Link<Vec<u8>>, datagram: Vec<u8>, now: Time) {
    let size = DataSize::bytes(datagram.len() as u64 + IP_UDP);
    link.send(datagram, size, now);
}
