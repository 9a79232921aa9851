//! The media path allocates nothing for a packet: proven by an allocator that counts.

#![allow(clippy::unwrap_used, reason = "a helper of a test may panic as the test itself may")]

use std::net::SocketAddr;

use vestibule_common::control::Streams;
use vestibule_common::id::{RoomId, SessionId, StreamId};
use vestibule_common::seal::{HopSecrets, Sealer, Suite};
use vestibule_common::time::{Duration, Time};
use vestibule_common::wire::{
    AudioLevel, Ecn, HOP_HEADER, KeyframeRequest, Kind, Layer, MediaFlags, MediaHeader, Nack, StageTimes,
    TAG, TimeRequest,
};
use vestibule_relay::forwarding::Forwarding;
use vestibule_relay::route::RouteChange;

#[path = "../../firmware-app/src/allocations.rs"]
mod allocations;

const KIOSKS: u8 = 10;

fn sealed(sealer: &mut Sealer, body: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(start + HOP_HEADER + body.len() + TAG, 0);
    out[start + HOP_HEADER..start + HOP_HEADER + body.len()].copy_from_slice(body);
    sealer.seal(&mut out[start..], body.len());
}

fn media(kind: Kind, stream: StreamId, frame: u32, piece: u16, pieces: u16, payload: usize) -> Vec<u8> {
    let header = MediaHeader {
        kind,
        stream,
        layer: Layer::default(),
        flags: MediaFlags::default(),
        frame,
        reference_distance: 1,
        piece,
        pieces,
        captured: Time::ZERO,
        level: AudioLevel::SILENT,
        stages: Some(StageTimes::default()),
    };
    let mut body = vec![0; MediaHeader::MAX_LEN + payload];
    header.emit(&mut body).unwrap();
    body
}

#[test]
fn a_packet_costs_no_allocation() {
    let mut forwarding = Forwarding::new();
    let mut traffic: Vec<(SocketAddr, usize, Vec<u8>)> = Vec::new();
    // A stream's first picture gets the memory for all later ones.
    let mut first: Vec<(SocketAddr, usize, Vec<u8>)> = Vec::new();
    for number in 0..KIOSKS {
        let session = SessionId([number; 8]);
        let suite = if number % 2 == 0 { Suite::Aes128Gcm } else { Suite::ChaCha20Poly1305 };
        let secrets = HopSecrets { kiosk_to_relay: [number; 32], relay_to_kiosk: [number | 64; 32] };
        assert!(forwarding.open_session(session, suite, &secrets));
        let stream = |n: u32| StreamId(u32::from(number) * 4 + n);
        let streams =
            Streams { audio: stream(1), video: stream(2), presentation: stream(3), file: stream(4) };
        forwarding.handle_route_change(RouteChange::Join { room: RoomId([1; 16]), session, streams });

        let mut sealer = Sealer::new(session, suite, &secrets.kiosk_to_relay);
        let address = SocketAddr::from(([10, 0, 0, number], 7000));
        let mut one = Vec::new();
        sealed(&mut sealer, &media(Kind::Video, streams.video, 0, 0, 1, 700), &mut one);
        first.push((address, one.len(), one));
        for frame in 0..50 {
            let mut bytes = Vec::new();
            for piece in 0..4 {
                let size = if piece == 3 { 700 } else { 1100 };
                sealed(&mut sealer, &media(Kind::Video, streams.video, frame, piece, 4, size), &mut bytes);
            }
            traffic.push((address, HOP_HEADER + MediaHeader::MAX_LEN + 1100 + TAG, bytes));
            let mut one = Vec::new();
            sealed(&mut sealer, &media(Kind::Audio, streams.audio, frame, 0, 1, 960), &mut one);
            traffic.push((address, one.len(), one));
            let mut request = [0; KeyframeRequest::LEN];
            let other = StreamId((u32::from(number) * 4 + 6) % (u32::from(KIOSKS) * 4));
            KeyframeRequest { stream: other, spatial: 0 }.emit(&mut request).unwrap();
            let mut one = Vec::new();
            sealed(&mut sealer, &request, &mut one);
            traffic.push((address, one.len(), one));
            let mut request = [0; 16];
            Nack { stream: other, spatial: 0, frame, pieces: [3, 9].into_iter().collect() }
                .emit(&mut request)
                .unwrap();
            let mut one = Vec::new();
            sealed(&mut sealer, &request, &mut one);
            traffic.push((address, one.len(), one));
            let mut request = [0; TimeRequest::LEN];
            TimeRequest { sent: Time::ZERO }.emit(&mut request).unwrap();
            let mut one = Vec::new();
            sealed(&mut sealer, &request, &mut one);
            traffic.push((address, one.len(), one));
        }
    }

    // All of them at the same time.
    let each = traffic.len() / usize::from(KIOSKS);
    let mut numbered: Vec<_> = traffic.into_iter().enumerate().collect();
    numbered.sort_by_key(|(index, _)| index % each);
    let mut traffic: Vec<_> = numbered.into_iter().map(|(_, datagrams)| datagrams).collect();

    let mut now = Time::from_millis(1);
    let mut sent = 0;
    for (from, stride, bytes) in &mut first {
        let len = bytes.len();
        forwarding.handle_batch(bytes, *stride, len, *from, Ecn::Ect0, now);
    }
    while forwarding.next_transmit(now).is_some() {}
    let allocations = allocations::allocations(|| {
        for (index, (from, stride, bytes)) in traffic.iter_mut().enumerate() {
            now += Duration::from_millis(3);
            let len = bytes.len();
            forwarding.handle_batch(bytes, *stride, len, *from, Ecn::Ect0, now);
            forwarding.handle_timeout(now);
            if index % 7 == 0 {
                while let Some(transmit) = forwarding.next_transmit(now) {
                    sent += transmit.bytes.len();
                }
            }
        }
    });
    assert!(sent > 10_000_000, "{sent} bytes went out: {:?}", forwarding.counters());
    assert!(forwarding.counters().keyframe_requests_sent > 0);
    assert!(forwarding.counters().nacked_answered > 0 && forwarding.counters().nacked_passed_on > 0);
    assert_eq!(forwarding.counters().forged + forwarding.counters().malformed, 0);
    assert_eq!(allocations, 0, "allocations for {} packets", forwarding.counters().received);
}
