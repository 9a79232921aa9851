//! One body of every kind, with the fields it is made of.

use serde_json::{Value, json};
use vestibule_common::id::StreamId;
use vestibule_common::time::Time;
use vestibule_common::unit::Bitrate;
use vestibule_common::wire::{
    Arrival, AudioLevel, Demand, Demanded, Ecn, Feedback, FileAck, FileSegment, KeyframeRequest, Kind, Layer,
    MAX_BODY, MediaFlags, MediaHeader, Nack, PathProbe, SackRange, StageTimes, TimeAnswer, TimeRequest, View,
    Viewed,
};

/// A body of any kind.
#[expect(clippy::large_enum_variant, reason = "a handful of values in a test")]
#[derive(PartialEq, Debug)]
pub(crate) enum Body {
    Media(MediaHeader, Vec<u8>),
    File(FileSegment, Vec<u8>),
    FileAck(FileAck),
    Feedback(Feedback),
    Nack(Nack),
    Probe(PathProbe, usize),
    TimeRequest(TimeRequest),
    TimeAnswer(TimeAnswer),
    Keyframe(KeyframeRequest),
    View(View),
    Demand(Demand),
}

/// One body of every kind at least.
pub(crate) fn bodies() -> Vec<(&'static str, Body)> {
    let video = |piece, pieces, payload: &[u8]| {
        let keyframe = MediaFlags { keyframe: true, end_of_frame: piece + 1 == pieces, ..Default::default() };
        let header = MediaHeader {
            kind: Kind::Video,
            stream: StreamId(6),
            layer: Layer::default(),
            flags: keyframe,
            frame: 300,
            reference_distance: 0,
            piece,
            pieces,
            captured: Time::from_micros(10_000_000),
            level: AudioLevel::SILENT,
            stages: None,
        };
        (header, payload.to_vec())
    };
    let (first, first_bytes) = video(0, 2, &[0, 0, 0, 1, 0x67, 0x42]);
    let (last, last_bytes) = video(1, 2, &[0xc0, 0x1e]);
    let audio = MediaHeader {
        kind: Kind::Audio,
        stream: StreamId(5),
        flags: MediaFlags { keyframe: true, end_of_frame: true, ..Default::default() },
        frame: 1000,
        piece: 0,
        pieces: 1,
        level: AudioLevel { below_full_scale_db: 30, voice: true },
        stages: Some(StageTimes {
            captured_to_encoded_us: 150,
            encoded_to_sent_us: 90,
            relayed_us: 40,
            ..Default::default()
        }),
        ..last
    };
    let dependent = MediaFlags { discardable: true, end_of_frame: true, ..Default::default() };
    let presentation = MediaHeader {
        kind: Kind::Presentation,
        stream: StreamId(7),
        layer: Layer { spatial: 1, temporal: 2 },
        flags: dependent,
        reference_distance: 4,
        pieces: 1,
        ..first
    };
    let timed = MediaHeader {
        stages: Some(StageTimes {
            captured_to_encoded_us: 41_000,
            encoded_to_sent_us: 5_000,
            relayed_us: 300,
            captured_to_taken_us: Some(33_000),
            way_to_relay_us: Some(1_250),
        }),
        ..first
    };
    vec![
        ("audio with stage times", Body::Media(audio, vec![0x00, 0x01, 0xff, 0xfe])),
        ("video, first of two pieces of a keyframe", Body::Media(first, first_bytes.clone())),
        ("video, last of two pieces", Body::Media(last, last_bytes)),
        ("video with all stage times", Body::Media(timed, first_bytes.clone())),
        ("presentation in a higher layer", Body::Media(presentation, vec![9, 8, 7])),
        (
            "retransmission of the first video piece",
            Body::Media(MediaHeader { kind: Kind::Retransmission, ..first }, first_bytes),
        ),
        (
            "repair with index 0",
            Body::Media(
                MediaHeader { kind: Kind::Repair, piece: 2, ..first },
                vec![0xc0, 0x1e, 0, 1, 0x67, 0x42],
            ),
        ),
        (
            "file segment",
            Body::File(
                FileSegment {
                    stream: StreamId(8),
                    transfer: 1,
                    offset: 4096,
                    sent: Time::from_micros(11_000_000),
                    last: true,
                },
                b"the end".to_vec(),
            ),
        ),
        (
            "file acknowledgement",
            Body::FileAck(FileAck {
                stream: StreamId(8),
                transfer: 1,
                cumulative: 4096,
                window: 65_536,
                echo: Time::from_micros(11_000_000),
                ranges: [SackRange { start: 5000, end: 6000 }, SackRange { start: 4200, end: 4800 }]
                    .into_iter()
                    .collect(),
            }),
        ),
        (
            "feedback on three packets, the second one lost",
            Body::Feedback(Feedback {
                first: 4_294_967_300,
                reported: Time::from_micros(12_000_000),
                arrivals: [
                    Some(Arrival { ecn: Ecn::Ect0, age_quarter_ms: 40 }),
                    None,
                    Some(Arrival { ecn: Ecn::Ce, age_quarter_ms: 8191 }),
                ]
                .into_iter()
                .collect(),
            }),
        ),
        (
            "nack for two pieces",
            Body::Nack(Nack {
                stream: StreamId(6),
                spatial: 1,
                frame: 300,
                pieces: [0, 1].into_iter().collect(),
            }),
        ),
        ("probe with 6 bytes of padding", Body::Probe(PathProbe { kind: Kind::Probe, token: 1 }, 6)),
        (
            "path challenge",
            Body::Probe(PathProbe { kind: Kind::PathChallenge, token: 0x0123_4567_89ab_cdef }, 0),
        ),
        (
            "path response",
            Body::Probe(PathProbe { kind: Kind::PathResponse, token: 0x0123_4567_89ab_cdef }, 0),
        ),
        ("time request", Body::TimeRequest(TimeRequest { sent: Time::from_micros(13_000_000) })),
        (
            "time answer",
            Body::TimeAnswer(TimeAnswer {
                sent: Time::from_micros(13_000_000),
                received: Time::from_micros(99_000_000),
                answered: Time::from_micros(99_000_030),
            }),
        ),
        ("keyframe request", Body::Keyframe(KeyframeRequest { stream: StreamId(6), spatial: 0 })),
        (
            "a view of a large picture and a room's sound",
            Body::View(View {
                streams: [(6, 3), (5, 1)]
                    .into_iter()
                    .map(|(stream, spatial)| Viewed { stream: StreamId(stream), spatial })
                    .collect(),
            }),
        ),
        (
            "a demand for two layers of a camera",
            Body::Demand(Demand {
                estimate: Some(Bitrate::kbps(2_400)),
                allotted: Bitrate::kbps(1_900),
                strained: true,
                layers: [(3, 0, 1_400), (1, 5, 300)]
                    .into_iter()
                    .map(|(spatial, repairs, kbps)| Demanded {
                        stream: StreamId(6),
                        spatial,
                        repairs,
                        cap: Bitrate::kbps(kbps),
                    })
                    .collect(),
            }),
        ),
    ]
}

/// Writes a body as this crate does.
pub(crate) fn emit(body: &Body) -> Vec<u8> {
    let mut out = [0; MAX_BODY];
    let (len, payload): (usize, Vec<u8>) = match body {
        Body::Media(header, payload) => (header.emit(&mut out).unwrap(), payload.clone()),
        Body::File(header, payload) => (header.emit(&mut out).unwrap(), payload.clone()),
        Body::FileAck(ack) => (ack.emit(&mut out).unwrap(), vec![]),
        Body::Feedback(feedback) => (feedback.emit(&mut out).unwrap(), vec![]),
        Body::Nack(nack) => (nack.emit(&mut out).unwrap(), vec![]),
        Body::Probe(probe, padding) => (probe.emit(&mut out).unwrap(), vec![0; *padding]),
        Body::TimeRequest(request) => (request.emit(&mut out).unwrap(), vec![]),
        Body::TimeAnswer(answer) => (answer.emit(&mut out).unwrap(), vec![]),
        Body::Keyframe(request) => (request.emit(&mut out).unwrap(), vec![]),
        Body::View(view) => (view.emit(&mut out).unwrap(), vec![]),
        Body::Demand(demand) => (demand.emit(&mut out).unwrap(), vec![]),
    };
    [&out[..len], &payload].concat()
}

/// Reads a body as this crate does.
pub(crate) fn read(bytes: &[u8]) -> Body {
    match Kind::of(bytes).unwrap() {
        Kind::Audio | Kind::Video | Kind::Presentation | Kind::Retransmission | Kind::Repair => {
            let (header, payload) = MediaHeader::parse(bytes).unwrap();
            Body::Media(header, payload.to_vec())
        }
        Kind::File => {
            let (header, payload) = FileSegment::parse(bytes).unwrap();
            Body::File(header, payload.to_vec())
        }
        Kind::FileAck => Body::FileAck(FileAck::parse(bytes).unwrap()),
        Kind::Feedback => Body::Feedback(Feedback::parse(bytes).unwrap()),
        Kind::Nack => Body::Nack(Nack::parse(bytes).unwrap()),
        Kind::Probe | Kind::PathChallenge | Kind::PathResponse => {
            Body::Probe(PathProbe::parse(bytes).unwrap(), bytes.len() - PathProbe::LEN)
        }
        Kind::TimeRequest => Body::TimeRequest(TimeRequest::parse(bytes).unwrap()),
        Kind::TimeAnswer => Body::TimeAnswer(TimeAnswer::parse(bytes).unwrap()),
        Kind::KeyframeRequest => Body::Keyframe(KeyframeRequest::parse(bytes).unwrap()),
        Kind::View => Body::View(View::parse(bytes).unwrap()),
        Kind::Demand => Body::Demand(Demand::parse(bytes).unwrap()),
    }
}

/// The fields of a body, named as in PROTOCOL.md.
pub(crate) fn fields(body: &Body) -> Value {
    match body {
        Body::Media(header, payload) => json!({
            "kind": header.kind as u8,
            "stream": header.stream.0,
            "spatial": header.layer.spatial,
            "temporal": header.layer.temporal,
            "keyframe": header.flags.keyframe,
            "end_of_frame": header.flags.end_of_frame,
            "discardable": header.flags.discardable,
            "end_to_end": header.flags.end_to_end,
            "frame": header.frame,
            "reference_distance": header.reference_distance,
            "piece": header.piece,
            "pieces": header.pieces,
            "sender_clock_us": header.captured.as_micros(),
            "voice": header.level.voice,
            "level": header.level.below_full_scale_db,
            "stage_times": header.stages.map(|stages| json!({
                "captured_to_encoded_us": stages.captured_to_encoded_us,
                "encoded_to_sent_us": stages.encoded_to_sent_us,
                "relayed_us": stages.relayed_us,
                "captured_to_taken_us": stages.captured_to_taken_us,
                "way_to_relay_us": stages.way_to_relay_us,
            })),
            "payload": hex(payload),
        }),
        Body::File(segment, payload) => json!({
            "kind": Kind::File as u8,
            "stream": segment.stream.0,
            "transfer": segment.transfer,
            "offset": segment.offset,
            "sender_clock_us": segment.sent.as_micros(),
            "last": segment.last,
            "payload": hex(payload),
        }),
        Body::FileAck(ack) => json!({
            "kind": Kind::FileAck as u8,
            "stream": ack.stream.0,
            "transfer": ack.transfer,
            "cumulative": ack.cumulative,
            "window": ack.window,
            "echo_us": ack.echo.as_micros(),
            "ranges": ack.ranges.iter().map(|range| json!([range.start, range.end])).collect::<Vec<_>>(),
        }),
        Body::Feedback(feedback) => json!({
            "kind": Kind::Feedback as u8,
            "first_packet": feedback.first,
            "reported_us": feedback.reported.as_micros(),
            "entries": feedback.arrivals.iter().map(|entry| match entry {
                Some(arrival) => json!({ "ecn": arrival.ecn as u8, "age_quarter_ms": arrival.age_quarter_ms }),
                None => Value::Null,
            }).collect::<Vec<_>>(),
        }),
        Body::Nack(nack) => json!({
            "kind": Kind::Nack as u8,
            "stream": nack.stream.0,
            "spatial": nack.spatial,
            "frame": nack.frame,
            "pieces": nack.pieces.iter().collect::<Vec<_>>(),
        }),
        Body::Probe(probe, padding) => {
            json!({ "kind": probe.kind as u8, "token": format!("{:016x}", probe.token), "padding": padding })
        }
        Body::TimeRequest(request) => {
            json!({ "kind": Kind::TimeRequest as u8, "sent_us": request.sent.as_micros() })
        }
        Body::TimeAnswer(answer) => json!({
            "kind": Kind::TimeAnswer as u8,
            "sent_us": answer.sent.as_micros(),
            "received_us": answer.received.as_micros(),
            "answered_us": answer.answered.as_micros(),
        }),
        Body::Keyframe(request) => json!({
            "kind": Kind::KeyframeRequest as u8,
            "stream": request.stream.0,
            "spatial": request.spatial,
        }),
        Body::View(view) => json!({
            "kind": Kind::View as u8,
            "entries": view.streams.iter().map(|viewed| json!({
                "stream": viewed.stream.0,
                "spatial": viewed.spatial,
            })).collect::<Vec<_>>(),
        }),
        Body::Demand(demand) => json!({
            "kind": Kind::Demand as u8,
            "estimate_kbps": demand.estimate.map_or(0, |rate| rate.as_bps() / 1000),
            "allotted_kbps": demand.allotted.as_bps() / 1000,
            "strained": demand.strained,
            "entries": demand.layers.iter().map(|demanded| json!({
                "stream": demanded.stream.0,
                "spatial": demanded.spatial,
                "repairs": demanded.repairs,
                "cap_kbps": demanded.cap.as_bps() / 1000,
            })).collect::<Vec<_>>(),
        }),
    }
}

/// Bytes as lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The bytes of hexadecimal digits.
pub(crate) fn unhex(text: &Value) -> Vec<u8> {
    let digits = text.as_str().expect("a text of hexadecimal digits");
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}
