//! The media path allocates nothing for a packet, whether it leaves at once or waits: proven by an allocator that counts.

#![allow(clippy::unwrap_used, reason = "a helper of a test may panic as the test itself may")]

use std::net::SocketAddr;

use vestibule_common::control::Streams;
use vestibule_common::id::{RoomId, SessionId, StreamId};
use vestibule_common::seal::{HopSecrets, Sealer, Suite};
use vestibule_common::time::{Duration, Time};
use vestibule_common::wire::{
    Arrival, AudioLevel, Ecn, Feedback, FileSegment, HOP_HEADER, KeyframeRequest, Kind, Layer, MAX_BODY,
    MediaFlags, MediaHeader, Nack, StageTimes, TAG, TimeRequest, View, Viewed,
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
    let mut run = |traffic: &mut [(SocketAddr, usize, Vec<u8>)]| {
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
    };
    // As much waits for every way down as ever does.
    let (before, after) = traffic.split_at_mut(each / 2 * usize::from(KIOSKS));
    run(before);
    let allocations = allocations::allocations(|| run(after));
    // Nobody reports: sound and what is small leaves at once, most pictures wait and are dropped.
    assert!(forwarding.counters().late > 0);
    assert!(sent > 3_000_000, "{sent} bytes went out: {:?}", forwarding.counters());
    assert!(forwarding.counters().keyframe_requests_sent > 0);
    assert!(forwarding.counters().nacked_answered > 0 && forwarding.counters().nacked_passed_on > 0);
    assert_eq!(forwarding.counters().forged + forwarding.counters().malformed, 0);
    assert_eq!(allocations, 0, "allocations for {} packets", forwarding.counters().received);
}

/// A kiosk of the second test, and how many datagrams came to it.
struct Member {
    sealer: Sealer,
    address: SocketAddr,
    streams: Streams,
    came: u64,
}

/// Hands a body to the relay and counts what that allocated.
fn send(forwarding: &mut Forwarding, member: &mut Member, body: &[u8], now: Time) -> u64 {
    let mut bytes = Vec::new();
    sealed(&mut member.sealer, body, &mut bytes);
    let (len, address) = (bytes.len(), member.address);
    allocations::allocations(|| forwarding.handle_batch(&mut bytes, len, len, address, Ecn::Ect0, now))
}

/// Takes out what is to be sent, and counts what that and the time allocated.
fn drain(forwarding: &mut Forwarding, members: &mut [Member], now: Time) -> u64 {
    allocations::allocations(|| {
        forwarding.handle_timeout(now);
        while let Some(transmit) = forwarding.next_transmit(now) {
            let count = transmit.bytes.len().div_ceil(transmit.segment_size) as u64;
            let member = members.iter_mut().find(|member| member.address == transmit.to.remote);
            member.unwrap().came += count;
        }
    })
}

/// Two kiosks show a third one, on ways down that carry less than it sends, with a file beside: after some seconds nothing is allocated
/// for what waits, is dropped, padded, reported and told.
#[test]
fn what_waits_for_a_way_down_costs_no_allocation_either() {
    let mut forwarding = Forwarding::new();
    let mut members: Vec<Member> = (0..3_u8)
        .map(|number| {
            let session = SessionId([number; 8]);
            let secrets = HopSecrets { kiosk_to_relay: [number; 32], relay_to_kiosk: [number | 64; 32] };
            assert!(forwarding.open_session(session, Suite::Aes128Gcm, &secrets));
            let stream = |n: u32| StreamId(u32::from(number) * 4 + n);
            let streams =
                Streams { audio: stream(1), video: stream(2), presentation: stream(3), file: stream(4) };
            forwarding.handle_route_change(RouteChange::Join { room: RoomId([1; 16]), session, streams });
            let sealer = Sealer::new(session, Suite::Aes128Gcm, &secrets.kiosk_to_relay);
            let address = SocketAddr::from(([10, 0, 0, number], 7000));
            Member { sealer, address, streams, came: 0 }
        })
        .collect();
    let Streams { audio, video, file, .. } = members[0].streams;
    let (mut waited, mut measured) = (0, 0);
    for ms in 0..16_000_u32 {
        let now = Time::from_millis(1000 + u64::from(ms));
        let before = forwarding.counters().late;
        let mut count = 0;
        if ms % 33 == 0 {
            for piece in 0..10 {
                let mut body = media(Kind::Video, video, ms / 33, piece, 10, 1000);
                let (mut header, _) = MediaHeader::parse(&body).unwrap();
                (header.layer.spatial, header.flags.keyframe) = (3, ms % 330 == 0);
                header.emit(&mut body).unwrap();
                count += send(&mut forwarding, &mut members[0], &body, now);
            }
        }
        if ms % 3 == 0 {
            let mut body = vec![0; FileSegment::LEN + 1000];
            let part = FileSegment { stream: file, transfer: 1, offset: ms.into(), sent: now, last: false };
            part.emit(&mut body).unwrap();
            count += send(&mut forwarding, &mut members[0], &body, now);
        }
        if ms % 10 == 0 {
            let body = media(Kind::Audio, audio, ms / 10, 0, 1, 960);
            count += send(&mut forwarding, &mut members[0], &body, now);
        }
        if ms % 500 == 0 {
            let shown = [(audio, 0), (video, 3)].map(|(stream, spatial)| Viewed { stream, spatial });
            let mut body = [0; MAX_BODY];
            let len = View { streams: shown.into_iter().collect() }.emit(&mut body).unwrap();
            count += send(&mut forwarding, &mut members[1], &body[..len], now);
            count += send(&mut forwarding, &mut members[2], &body[..len], now);
        }
        count += drain(&mut forwarding, &mut members, now);
        if ms % 50 == 0 {
            // The forty that came last, as if just now.
            for member in &mut members[1..] {
                let first = member.came.saturating_sub(40);
                let arrival = Arrival { ecn: Ecn::Ect0, age_quarter_ms: 0 };
                let arrivals = (first..member.came).map(|_| Some(arrival)).collect();
                let mut body = [0; MAX_BODY];
                let len = Feedback { first, reported: now, arrivals }.emit(&mut body).unwrap();
                // The one kind that allocates.
                send(&mut forwarding, member, &body[..len], now);
            }
            count += drain(&mut forwarding, &mut members, now);
        }
        if ms >= 8000 {
            waited += forwarding.counters().late - before;
            measured += count;
        }
    }
    let counters = forwarding.counters();
    assert!(waited > 100 && counters.files_dropped > 100, "{waited}: {counters:?}");
    assert_eq!((counters.feedback_refused, counters.overflow, counters.malformed), (0, 0, 0));
    assert_eq!(measured, 0, "allocations");
}
