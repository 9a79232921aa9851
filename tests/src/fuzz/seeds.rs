//! Where the generator starts: valid input for each target, made by the emitters and taken from the test vectors.

use serde_json::Value;
use vestibule_common::control::encode_frame;
use vestibule_common::id::{SessionId, StreamId};
use vestibule_common::media::{SILENCE, VoicePacker};
use vestibule_common::time::Time;
use vestibule_common::unit::Bitrate;
use vestibule_common::wire::{
    Arrival, AudioLevel, Demand, Demanded, Ecn, Feedback, FileAck, FileSegment, HopHeader, KeyframeRequest,
    Kind, Layer, MAX_BODY, MediaFlags, MediaHeader, Nack, PathProbe, SackRange, StageTimes, TimeAnswer,
    TimeRequest, View, Viewed,
};
use vestibule_kiosk::audio::SoundCoder;
use vestibule_kiosk::video::encoder::{Encoder, EncoderSettings};
use vestibule_kiosk::video::i420::I420;
use vestibule_kiosk::video::kind::PictureKind;

use super::random::Random;

const VECTORS: &str = include_str!("../../../common/tests/vectors/protocol.json");

/// Valid input, by target.
pub(super) struct Seeds {
    asks: Vec<Value>,
    tells: Vec<Value>,
    chats: Vec<Value>,
    texts: Vec<String>,
    streams: Vec<Vec<Vec<u8>>>,
}

impl Seeds {
    pub(super) fn new() -> Seeds {
        let file: Value = serde_json::from_str(VECTORS).expect("the vectors are JSON");
        let list = |section: &str| file[section].as_array().cloned().unwrap_or_default();
        let message = file["signed"]["private_chat"]["object"].clone();
        let page = serde_json::json!({ "messages": [file["signed"]["public_chat"]["object"]], "more": true, "incomplete": false });
        let mut texts = vec!["482913".to_owned(), "Boardroom 3A".to_owned(), "東京支社".to_owned()];
        let mut collect = |value: &Value| texts.extend(value.as_str().map(str::to_owned));
        collect(&file["founding"]["room"]);
        collect(&file["proof"]["proof"]);
        collect(&file["identities"][0]["public"]);
        collect(&file["media_exporter"]["context"]);
        Seeds {
            asks: list("to_relay"),
            tells: list("to_kiosk"),
            chats: vec![message, page],
            texts,
            streams: streams(),
        }
    }

    /// A fresh valid input for the target of this name.
    ///
    /// JSON comes as a value, so that the generator can change it where it is still JSON.
    pub(super) fn draw(&self, target: &str, random: &mut Random) -> Seed {
        match target {
            "ask" => Seed::Json(random.pick(&self.asks).clone()),
            "tell" => Seed::Json(random.pick(&self.tells).clone()),
            "chat" => Seed::Json(random.pick(&self.chats).clone()),
            "text" => Seed::Bytes(random.pick(&self.texts).clone().into_bytes()),
            "frames" => Seed::Bytes(self.stream(random)),
            "opener" => Seed::Bytes(script(random)),
            "hop_header" => Seed::Bytes(hop_header(random)),
            "media" => Seed::Bytes(media(random)),
            "file" => Seed::Bytes(file(random)),
            "file_ack" => Seed::Bytes(file_ack(random)),
            "feedback" => Seed::Bytes(feedback(random)),
            "nack" => Seed::Bytes(nack(random)),
            "keyframe_request" => Seed::Bytes(written(|out| {
                let spatial = random.byte() & 15;
                KeyframeRequest { stream: StreamId(random.number() as u32), spatial }.emit(out)
            })),
            "view" => Seed::Bytes(view(random)),
            "demand" => Seed::Bytes(demand(random)),
            "path" => Seed::Bytes(path(random)),
            "sound" => Seed::Bytes(sound(random)),
            "sps" => {
                let keyframe = &random.pick(&self.streams)[0];
                let at =
                    keyframe.windows(4).position(|window| window == [0, 0, 1, 0x67]).map_or(0, |at| at + 4);
                let len = keyframe[at..].windows(3).position(|window| window == [0, 0, 0]).unwrap_or(0);
                Seed::Bytes(keyframe[at..at + len].to_vec())
            }
            "picture" => {
                let units = random.pick(&self.streams);
                let count = 1 + random.below(units.len());
                Seed::Bytes(units[..count].iter().flat_map(|unit| with_length(unit)).collect())
            }
            other => panic!("no seeds for the target {other}"),
        }
    }

    fn stream(&self, random: &mut Random) -> Vec<u8> {
        let mut stream = vec![random.byte()];
        for _ in 0..1 + random.below(4) {
            let json = random.pick(&self.asks).to_string();
            encode_frame(json.as_bytes(), &mut stream).expect("an example fits a frame");
        }
        stream
    }
}

/// Access units of a few small streams, each with a keyframe first and one in its midst.
fn streams() -> Vec<Vec<Vec<u8>>> {
    let sizes = [(16, 16), (48, 32), (64, 36)];
    let kinds = PictureKind::ALL;
    kinds.into_iter().flat_map(|kind| sizes.map(|size| encoded(kind, size))).collect()
}

fn encoded(kind: PictureKind, (width, height): (usize, usize)) -> Vec<Vec<u8>> {
    let settings = EncoderSettings { kind, bitrate: Bitrate::kbps(200), rate: 30, coarseness: 0 };
    let mut encoder = Encoder::new(settings).expect("the encoder starts");
    let mut picture = I420::new(width, height);
    let mut units = Vec::new();
    for n in 0..5_usize {
        for (at, luma) in picture.planes_mut()[0].iter_mut().enumerate() {
            *luma = 40 + ((at + 5 * n) * 7 % 170) as u8;
        }
        let frame = encoder.encode(picture.view(), n == 3).expect("a picture is encoded");
        units.extend(frame.map(|frame| frame.bytes.to_vec()));
    }
    units
}

fn with_length(unit: &[u8]) -> Vec<u8> {
    [&u16::try_from(unit.len()).unwrap_or(u16::MAX).to_be_bytes()[..], unit].concat()
}

/// A valid input.
pub(super) enum Seed {
    Bytes(Vec<u8>),
    Json(Value),
}

fn written<E: std::fmt::Debug>(emit: impl FnOnce(&mut [u8]) -> Result<usize, E>) -> Vec<u8> {
    let mut out = vec![0; MAX_BODY];
    let len = emit(&mut out).expect("a seed is valid");
    out.truncate(len);
    out
}

fn time(random: &mut Random) -> Time {
    Time::from_micros(random.number() >> random.below(64))
}

fn stream(random: &mut Random) -> StreamId {
    StreamId(random.number() as u32)
}

/// Bytes before the session of a datagram, the session, the number, and something behind.
fn hop_header(random: &mut Random) -> Vec<u8> {
    let session = SessionId(random.number().to_be_bytes());
    let header = HopHeader { phase: random.one_in(2), session, packet: random.number() as u32 };
    let mut out = written(|out| header.emit(out));
    let behind = random.below(40);
    out.extend(random.bytes(behind));
    out
}

fn media(random: &mut Random) -> Vec<u8> {
    let kind =
        *random.pick(&[Kind::Audio, Kind::Video, Kind::Presentation, Kind::Retransmission, Kind::Repair]);
    let pieces = 1 + random.below(300) as u16;
    let header = MediaHeader {
        kind,
        stream: stream(random),
        layer: Layer { spatial: random.byte() & 15, temporal: random.byte() & 15 },
        flags: MediaFlags {
            keyframe: random.one_in(2),
            end_of_frame: random.one_in(2),
            discardable: random.one_in(2),
            end_to_end: random.one_in(4),
        },
        frame: random.number() as u32,
        reference_distance: random.below(9) as u16,
        piece: random.below(pieces.into()) as u16,
        pieces,
        captured: time(random),
        level: AudioLevel { below_full_scale_db: random.byte() & 127, voice: random.one_in(2) },
        stages: random.one_in(2).then(|| {
            let taken = random.one_in(2).then(|| random.number() as u32);
            StageTimes {
                captured_to_encoded_us: random.number() as u32,
                encoded_to_sent_us: random.number() as u32,
                relayed_us: random.number() as u32,
                captured_to_taken_us: taken,
                way_to_relay_us: taken.filter(|_| random.one_in(2)),
            }
        }),
    };
    let mut body = written(|out| header.emit(out));
    if random.one_in(3) {
        // An extension of a later version, before or behind the known one.
        let len = random.below(20);
        let mut extension = vec![random.byte(), len as u8];
        extension.extend(random.bytes(len));
        let at = if random.one_in(2) { body.len() } else { 27 };
        body.splice(at..at, extension);
        body[1] = body.len() as u8;
    }
    let len = random.below(100);
    body.extend(random.bytes(len));
    body
}

fn file(random: &mut Random) -> Vec<u8> {
    let segment = FileSegment {
        stream: stream(random),
        transfer: random.number() as u32,
        offset: random.number() >> 1,
        sent: time(random),
        last: random.one_in(2),
    };
    let mut body = written(|out| segment.emit(out));
    let len = random.below(100);
    body.extend(random.bytes(len));
    body
}

fn file_ack(random: &mut Random) -> Vec<u8> {
    let ranges = (0..random.below(FileAck::MAX_RANGES + 1))
        .map(|_| {
            let start = random.number() >> 1;
            SackRange { start, end: start + 1 + random.below(1 << 20) as u64 }
        })
        .collect();
    let ack = FileAck {
        stream: stream(random),
        transfer: random.number() as u32,
        cumulative: random.number(),
        window: random.number(),
        echo: time(random),
        ranges,
    };
    written(|out| ack.emit(out))
}

fn feedback(random: &mut Random) -> Vec<u8> {
    let arrivals = (0..random.below(Feedback::MAX_ENTRIES + 1))
        .map(|_| {
            let ecn = *random.pick(&[Ecn::NotEct, Ecn::Ect1, Ecn::Ect0, Ecn::Ce]);
            (!random.one_in(4)).then_some(Arrival { ecn, age_quarter_ms: random.below(8192) as u16 })
        })
        .collect();
    let feedback = Feedback { first: random.number(), reported: time(random), arrivals };
    written(|out| feedback.emit(out))
}

fn nack(random: &mut Random) -> Vec<u8> {
    let pieces = (0..random.below(Nack::MAX_PIECES + 1)).map(|_| random.number() as u16).collect();
    let nack = Nack {
        stream: stream(random),
        spatial: random.below(16) as u8,
        frame: random.number() as u32,
        pieces,
    };
    written(|out| nack.emit(out))
}

fn view(random: &mut Random) -> Vec<u8> {
    let viewed = |random: &mut Random| Viewed { stream: stream(random), spatial: random.byte() & 15 };
    let streams = (0..random.below(View::MAX_STREAMS + 1)).map(|_| viewed(random)).collect();
    written(|out| View { streams }.emit(out))
}

fn demand(random: &mut Random) -> Vec<u8> {
    let rate = |random: &mut Random| Bitrate::kbps(random.number() >> 32);
    let demanded = |random: &mut Random| Demanded {
        stream: stream(random),
        spatial: random.byte() & 15,
        repairs: random.byte() & 15,
        cap: rate(random),
    };
    let layers = (0..random.below(Demand::MAX_LAYERS + 1)).map(|_| demanded(random)).collect();
    let (estimate, allotted) = (random.one_in(2).then(|| rate(random)), rate(random));
    let strained = random.byte() & 1 == 1;
    written(|out| Demand { estimate, allotted, strained, layers }.emit(out))
}

fn path(random: &mut Random) -> Vec<u8> {
    match random.below(5) {
        0 => written(|out| TimeRequest { sent: time(random) }.emit(out)),
        1 => {
            let answer = TimeAnswer { sent: time(random), received: time(random), answered: time(random) };
            written(|out| answer.emit(out))
        }
        _ => {
            let kind = *random.pick(&[Kind::Probe, Kind::PathChallenge, Kind::PathResponse]);
            let mut body = written(|out| PathProbe { kind, token: random.number() }.emit(out));
            let padding = random.below(50);
            body.resize(body.len() + padding, 0);
            body
        }
    }
}

/// Steps for the target `opener`: mostly genuine datagrams, made and delivered.
fn script(random: &mut Random) -> Vec<u8> {
    let mut script = vec![random.byte()];
    for _ in 0..random.below(60) {
        // Four for one step: its argument is the byte behind, which is the next step too.
        script.push(*random.pick(&[0, 1, 4, 5, 8, 9, 2, 3]));
    }
    script
}

/// Some packets of coded sound, as the target reads them.
fn sound(random: &mut Random) -> Vec<u8> {
    let mut coder = SoundCoder::new().expect("there is memory");
    let (mut packer, mut bytes) = (VoicePacker::new(), Vec::new());
    let periods = 1 + random.byte() % 2;
    for _ in 0..1 + random.byte() % 6 {
        let mut loud = SILENCE;
        loud.iter_mut().for_each(|sample| *sample = i16::from(random.byte()) * 20);
        let repeats = random.byte() % 4;
        let Some(coded) = coder.period(&loud, periods, repeats) else { continue };
        let payload = packer.pack(&coded, periods, repeats);
        bytes.push(periods);
        bytes.extend((payload.len() as u16).to_be_bytes());
        bytes.extend(payload);
    }
    bytes
}
