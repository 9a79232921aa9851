//! The forwarding and kiosks around it, in virtual time: what tests send from and look at.

use std::net::SocketAddr;

use vestibule_common::bandwidth::{EstimatorConfig, Shaper};
use vestibule_common::control::Streams;
use vestibule_common::id::{RoomId, SessionId, StreamId};
use vestibule_common::seal::{HopSecrets, Opener, Sealer, Suite};
use vestibule_common::time::Time;
use vestibule_common::unit::{Bitrate, DataSize};
use vestibule_common::wire::{
    AudioLevel, Ecn, HOP_HEADER, Kind, Layer, MediaFlags, MediaHeader, PathProbe, StageTimes, TAG,
};

use super::super::{Forwarding, Transmit};
use super::{NOW, ROOM};
use crate::route::{AckId, RouteChange};

/// The far end of a session.
pub(super) struct Kiosk {
    pub(super) session: SessionId,
    pub(super) address: SocketAddr,
    pub(super) streams: Streams,
    pub(super) sealer: Sealer,
    pub(super) opener: Opener,
}

impl Kiosk {
    pub(super) fn new(number: u8) -> Kiosk {
        let suite = if number.is_multiple_of(2) { Suite::Aes128Gcm } else { Suite::ChaCha20Poly1305 };
        let session = SessionId([number; 8]);
        let first = u32::from(number) * 10;
        let secrets = secrets(number);
        Kiosk {
            session,
            address: SocketAddr::from(([10, 0, 0, number], 6000)),
            streams: Streams {
                audio: StreamId(first),
                video: StreamId(first + 1),
                presentation: StreamId(first + 2),
                file: StreamId(first + 3),
            },
            sealer: Sealer::new(session, suite, &secrets.kiosk_to_relay),
            opener: Opener::new(session, suite, &secrets.relay_to_kiosk),
        }
    }

    pub(super) fn suite(&self) -> Suite {
        if self.session.0[0].is_multiple_of(2) { Suite::Aes128Gcm } else { Suite::ChaCha20Poly1305 }
    }

    pub(super) fn seal(&mut self, body: &[u8]) -> Vec<u8> {
        let mut datagram = vec![0; HOP_HEADER + body.len() + TAG];
        datagram[HOP_HEADER..HOP_HEADER + body.len()].copy_from_slice(body);
        self.sealer.seal(&mut datagram, body.len());
        datagram
    }

    pub(super) fn open(&mut self, datagram: &[u8]) -> Vec<u8> {
        let mut datagram = datagram.to_vec();
        self.opener.open(&mut datagram).expect("what the relay sends can be opened").body.to_vec()
    }

    /// Sealed pieces of one frame, one behind the other, and the bytes of each.
    pub(super) fn frame(&mut self, kind: Kind, frame: u32, sizes: &[usize]) -> (Vec<u8>, usize) {
        let stream = match kind {
            Kind::Audio => self.streams.audio,
            _ => self.streams.video,
        };
        let mut bytes = Vec::new();
        let mut stride = 0;
        for (piece, size) in sizes.iter().enumerate() {
            let body = media(kind, stream, frame, piece as u16, sizes.len() as u16, *size);
            let datagram = self.seal(&body);
            stride = stride.max(datagram.len());
            bytes.extend(datagram);
        }
        (bytes, stride)
    }
}

pub(super) fn secrets(number: u8) -> HopSecrets {
    HopSecrets { kiosk_to_relay: [number; 32], relay_to_kiosk: [number | 128; 32] }
}

pub(in crate::forwarding) fn media(
    kind: Kind,
    stream: StreamId,
    frame: u32,
    piece: u16,
    pieces: u16,
    payload: usize,
) -> Vec<u8> {
    let header = MediaHeader {
        kind,
        stream,
        layer: Layer::default(),
        flags: MediaFlags { end_of_frame: piece + 1 == pieces, ..Default::default() },
        frame,
        reference_distance: 1,
        piece,
        pieces,
        captured: Time::from_micros(9),
        level: AudioLevel::SILENT,
        stages: Some(StageTimes { captured_to_encoded_us: 1, encoded_to_sent_us: 2, ..Default::default() }),
    };
    let mut body = vec![0x5a; MediaHeader::MAX_LEN + payload];
    let len = header.emit(&mut body).unwrap();
    body.truncate(len + payload);
    body
}

/// One transmit, as it was handed to the socket.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) to: SocketAddr,
    pub(super) segments: Vec<Vec<u8>>,
}

/// The forwarding with kiosks 1 to `kiosks` in one room, their addresses known.
pub(super) struct World {
    pub(super) forwarding: Forwarding,
    pub(super) kiosks: Vec<Kiosk>,
    pub(super) now: Time,
}

impl World {
    pub(super) fn new(kiosks: u8) -> World {
        let mut world = World { forwarding: Forwarding::new(), kiosks: Vec::new(), now: NOW };
        for number in 1..=kiosks {
            world.open(number);
            world.join(usize::from(number - 1), ROOM);
            world.probe(usize::from(number - 1));
        }
        assert_eq!(world.drain().len(), 0, "nothing is sent before anybody speaks");
        world
    }

    /// The same where every way down carries more than anybody sends, reported or not.
    pub(super) fn wide(kiosks: u8) -> World {
        let mut world = World::new(kiosks);
        (0..usize::from(kiosks)).for_each(|kiosk| world.widen(kiosk));
        world
    }

    /// From now on this kiosk's way down carries more than anybody sends.
    pub(super) fn widen(&mut self, kiosk: usize) {
        let rate = Bitrate::kbps(10_000_000);
        let config =
            EstimatorConfig { initial: rate, smallest: rate, largest: rate, ..EstimatorConfig::default() };
        let slot = self.forwarding.by_id[&self.kiosks[kiosk].session];
        let session = self.forwarding.sessions[usize::from(slot)].as_mut().unwrap();
        session.down = Shaper::new(config, Time::ZERO);
        // Until now its bucket fills to what that rate lets go of at once.
        let _ = session.down.poll(DataSize::default(), Time::ZERO);
    }

    pub(super) fn open(&mut self, number: u8) {
        let kiosk = Kiosk::new(number);
        assert!(self.forwarding.open_session(kiosk.session, kiosk.suite(), &secrets(number)));
        self.kiosks.push(kiosk);
    }

    pub(super) fn join(&mut self, kiosk: usize, room: RoomId) {
        let Kiosk { session, streams, .. } = self.kiosks[kiosk];
        assert_eq!(self.forwarding.handle_route_change(RouteChange::Join { room, session, streams }), None);
    }

    pub(super) fn leave(&mut self, kiosk: usize, room: RoomId, ack: u64) -> Option<AckId> {
        let session = self.kiosks[kiosk].session;
        self.forwarding.handle_route_change(RouteChange::Leave { room, session, ack: AckId(ack) })
    }

    /// Sends one body from a kiosk.
    pub(super) fn send(&mut self, kiosk: usize, body: &[u8]) {
        let datagram = self.kiosks[kiosk].seal(body);
        self.deliver(&datagram, self.kiosks[kiosk].address);
    }

    pub(super) fn send_frame(&mut self, kiosk: usize, kind: Kind, frame: u32, sizes: &[usize]) {
        let (mut bytes, stride) = self.kiosks[kiosk].frame(kind, frame, sizes);
        let (len, from) = (bytes.len(), self.kiosks[kiosk].address);
        self.forwarding.handle_batch(&mut bytes, stride, len, from, Ecn::NotEct, self.now);
    }

    pub(super) fn probe(&mut self, kiosk: usize) {
        let mut body = [0; PathProbe::LEN];
        PathProbe { kind: Kind::Probe, token: 0 }.emit(&mut body).unwrap();
        self.send(kiosk, &body);
    }

    pub(super) fn deliver(&mut self, datagram: &[u8], from: SocketAddr) {
        let mut bytes = datagram.to_vec();
        self.forwarding.handle_batch(&mut bytes, datagram.len(), datagram.len(), from, Ecn::NotEct, self.now);
    }

    pub(super) fn drain(&mut self) -> Vec<Sent> {
        let mut sent = Vec::new();
        while let Some(Transmit { to, segment_size, bytes }) = self.forwarding.next_transmit(self.now) {
            let segments = bytes.chunks(segment_size).map(<[u8]>::to_vec).collect();
            sent.push(Sent { to: to.remote, segments });
        }
        sent
    }

    /// Drains, and returns the bodies that reached each kiosk, but for reports.
    pub(super) fn drain_bodies(&mut self) -> Vec<(usize, Vec<u8>)> {
        let is_report = |body: &[u8]| Kind::of(body) == Ok(Kind::Feedback);
        self.drain_all().into_iter().filter(|(_, body)| !is_report(body)).collect()
    }

    /// The same with reports.
    pub(super) fn drain_all(&mut self) -> Vec<(usize, Vec<u8>)> {
        let mut bodies = Vec::new();
        for sent in self.drain() {
            let kiosk = self.kiosks.iter().position(|kiosk| kiosk.address == sent.to).unwrap();
            for segment in sent.segments {
                bodies.push((kiosk, self.kiosks[kiosk].open(&segment)));
            }
        }
        bodies
    }
}
