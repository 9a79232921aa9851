//! The targets: each takes any bytes, and panics when a parser breaks one of its promises.
//!
//! A target does more than survive: what was read must be written back to something that reads the same, and the opener
//! must open exactly what was sealed, once. It returns whether the bytes were accepted, so that the driver can tell
//! whether it gets past the first check.

use vestibule_common::chat::{ChatMessage, HistoryPage};
use vestibule_common::control::{FrameDecoder, MAX_FRAME, encode_frame, parse_ask, parse_tell};
use vestibule_common::id::{KnockId, PeerId, RoomCode, RoomId, SessionId};
use vestibule_common::media::{FRAME_DURATION, JitterBuffer, SILENCE, VoicePacket};
use vestibule_common::name::RoomName;
use vestibule_common::seal::{Opener, Sealer, Suite};
use vestibule_common::signed::Signature;
use vestibule_common::time::Time;
use vestibule_common::wire::{
    Demand, Feedback, FileAck, FileSegment, HOP_HEADER, HopHeader, KeyframeRequest, Kind, MAX_BODY,
    MAX_DATAGRAM, MediaHeader, Nack, PathProbe, TAG, TimeAnswer, TimeRequest, View,
};
use vestibule_kiosk::audio::OpusDecoder;
use vestibule_kiosk::video::decoder::Decoder;
use vestibule_kiosk::video::kind::PictureKind;
use vestibule_kiosk::video::scale::Scaler;
use vestibule_kiosk::video::slot::TileSize;
use vestibule_kiosk::video::sps::{Sps, check};

/// A parser under test.
#[derive(Copy, Clone, Debug)]
pub struct Target {
    /// How it is called on the command line.
    pub name: &'static str,
    /// Takes any bytes; whether they were accepted. Panics when a promise is broken.
    pub run: fn(&[u8]) -> bool,
    /// Inputs of one round: fewer for a slow target, so that it leaves time to the others.
    pub round: u64,
}

/// Inputs of one round of a target that only parses.
pub const ROUND: u64 = 256;
/// Of one that starts a decoder and decodes.
const SLOW_ROUND: u64 = 8;
/// Of the one that decodes sound.
const SOUND_ROUND: u64 = 64;

const fn parser(name: &'static str, run: fn(&[u8]) -> bool) -> Target {
    Target { name, run, round: ROUND }
}

/// Every target.
pub const TARGETS: [Target; 19] = [
    parser("hop_header", hop_header),
    parser("media", media),
    parser("file", file),
    parser("file_ack", file_ack),
    parser("feedback", feedback),
    parser("nack", nack),
    parser("keyframe_request", keyframe_request),
    parser("view", view),
    parser("demand", demand),
    parser("path", path),
    parser("opener", opener),
    parser("frames", frames),
    parser("ask", ask),
    parser("tell", tell),
    parser("chat", chat),
    parser("text", text),
    parser("sps", sps),
    Target { name: "sound", run: sound, round: SOUND_ROUND },
    Target { name: "picture", run: picture, round: SLOW_ROUND },
];

/// Packets of coded sound, each behind how far its number lies from the one before and its length, through the jitter buffer and
/// the decoder.
pub fn sound(mut data: &[u8]) -> bool {
    let mut buffer = JitterBuffer::with_decoder(Box::new(OpusDecoder::new().expect("there is memory")));
    let (mut number, mut now, mut out) = (u32::MAX - 3, Time::from_millis(1_000), SILENCE);
    let mut accepted = false;
    while let [step, high, low, rest @ ..] = data {
        let (payload, after) = rest.split_at(rest.len().min(usize::from(u16::from_be_bytes([*high, *low]))));
        data = after;
        number = number.wrapping_add_signed(i32::from(*step as i8));
        if let Some(packet) = VoicePacket::parse(payload) {
            accepted = true;
            buffer.push_coded(number, now, &packet, now);
        } else {
            buffer.push(number, now, &out, now);
        }
        for _ in 0..*step % 3 {
            now += FRAME_DURATION;
            buffer.pop(&mut out, now);
        }
    }
    for _ in 0..100 {
        now += FRAME_DURATION;
        buffer.pop(&mut out, now);
    }
    assert_eq!(buffer.stats().buffered, 0, "all of it was played");
    accepted
}

/// The header in clear.
pub fn hop_header(data: &[u8]) -> bool {
    let Ok(header) = HopHeader::parse(data) else { return false };
    let mut out = [0; HOP_HEADER];
    assert_eq!(header.emit(&mut out), Ok(HOP_HEADER));
    assert_eq!(out, data[..HOP_HEADER]);
    true
}

/// A media body, and what the relay does to it in place.
pub fn media(data: &[u8]) -> bool {
    let mut stamped = data.to_vec();
    MediaHeader::add_relay_time(&mut stamped, 1000);
    let Ok((header, payload)) = MediaHeader::parse(data) else { return false };
    assert!(Kind::of(data).is_ok_and(Kind::is_media));
    let mut out = vec![0; MediaHeader::MAX_LEN];
    let len = header.emit(&mut out).expect("what was read can be written");
    out.truncate(len);
    out.extend_from_slice(payload);
    assert_eq!(MediaHeader::parse(&out), Ok((header, payload)));

    let (after, same_payload) = MediaHeader::parse(&stamped).expect("a stamped body still reads");
    assert_eq!(same_payload, payload);
    let unstamped = |header: MediaHeader| MediaHeader { stages: None, ..header };
    assert_eq!(unstamped(after), unstamped(header));
    assert_eq!(after.stages.is_some(), header.stages.is_some());
    true
}

/// A segment of a file.
pub fn file(data: &[u8]) -> bool {
    let Ok((segment, payload)) = FileSegment::parse(data) else { return false };
    assert!(segment.offset.checked_add(payload.len() as u64).is_some());
    let mut out = vec![0; FileSegment::LEN];
    assert_eq!(segment.emit(&mut out), Ok(FileSegment::LEN));
    out.extend_from_slice(payload);
    assert_eq!(FileSegment::parse(&out), Ok((segment, payload)));
    true
}

/// An acknowledgement of a file's segments.
pub fn file_ack(data: &[u8]) -> bool {
    let Ok(ack) = FileAck::parse(data) else { return false };
    assert!(ack.ranges.iter().all(|range| range.start < range.end));
    rewritten(data, |out| ack.emit(out), FileAck::parse, &ack)
}

/// A report of arrivals.
pub fn feedback(data: &[u8]) -> bool {
    let Ok(feedback) = Feedback::parse(data) else { return false };
    rewritten(data, |out| feedback.emit(out), Feedback::parse, &feedback)
}

/// A request for missing pieces.
pub fn nack(data: &[u8]) -> bool {
    let Ok(nack) = Nack::parse(data) else { return false };
    rewritten(data, |out| nack.emit(out), Nack::parse, &nack)
}

/// A request for a keyframe.
pub fn keyframe_request(data: &[u8]) -> bool {
    let Ok(request) = KeyframeRequest::parse(data) else { return false };
    rewritten(data, |out| request.emit(out), KeyframeRequest::parse, &request)
}

/// What a receiver shows.
pub fn view(data: &[u8]) -> bool {
    let Ok(view) = View::parse(data) else { return false };
    rewritten(data, |out| view.emit(out), View::parse, &view)
}

/// What is wanted of a sender.
pub fn demand(data: &[u8]) -> bool {
    let Ok(demand) = Demand::parse(data) else { return false };
    rewritten(data, |out| demand.emit(out), Demand::parse, &demand)
}

/// Probes, challenges, and questions about the time.
pub fn path(data: &[u8]) -> bool {
    if let Ok(probe) = PathProbe::parse(data) {
        return rewritten(data, |out| probe.emit(out), PathProbe::parse, &probe);
    }
    if let Ok(request) = TimeRequest::parse(data) {
        return rewritten(data, |out| request.emit(out), TimeRequest::parse, &request);
    }
    let Ok(answer) = TimeAnswer::parse(data) else { return false };
    rewritten(data, |out| answer.emit(out), TimeAnswer::parse, &answer)
}

/// Writes a body again: it must be no longer than what it was read from, and read the same.
fn rewritten<T: PartialEq + std::fmt::Debug, E: std::fmt::Debug + PartialEq>(
    data: &[u8],
    emit: impl FnOnce(&mut [u8]) -> Result<usize, E>,
    parse: fn(&[u8]) -> Result<T, E>,
    read: &T,
) -> bool {
    let mut out = [0; MAX_BODY];
    if data.len() > MAX_BODY {
        return true;
    }
    let len = emit(&mut out).expect("what was read can be written");
    assert!(len <= data.len());
    assert_eq!(parse(&out[..len]).as_ref(), Ok(read));
    true
}

/// A receiver under attack. The bytes are a script: which genuine datagrams come, lost, late, again or altered, and
/// which invented ones. Exactly the genuine ones must open, and each once.
pub fn opener(data: &[u8]) -> bool {
    let Some((&first, mut script)) = data.split_first() else { return false };
    let suite = if first & 1 == 0 { Suite::Aes128Gcm } else { Suite::ChaCha20Poly1305 };
    let session = SessionId([first; 8]);
    let mut sealer = Sealer::new(session, suite, &[first; 32]);
    let mut opener = Opener::new(session, suite, &[first; 32]);
    let mut sealed: Vec<(Vec<u8>, u8, bool)> = Vec::new();
    let mut any_opened = false;
    while let Some((&step, rest)) = script.split_first() {
        let argument = rest.first().copied().unwrap_or(0);
        script = rest;
        match step % 4 {
            // A genuine datagram is made, and comes later or never.
            0 => {
                let mut datagram = vec![argument; HOP_HEADER + 3 + TAG];
                sealer.seal(&mut datagram, 3);
                sealed.push((datagram, argument, false));
            }
            // One that was made comes, perhaps again.
            1 => {
                let count = sealed.len();
                let Some((datagram, byte, opened)) = sealed.get_mut(usize::from(argument) % count.max(1))
                else {
                    continue;
                };
                let mut copy = datagram.clone();
                match opener.open(&mut copy) {
                    Ok(new) => {
                        assert!(!*opened, "a datagram opened twice");
                        assert_eq!(new.body, [*byte; 3]);
                        (*opened, any_opened) = (true, true);
                    }
                    Err(_) => assert!(*opened, "a genuine datagram did not open"),
                }
            }
            // One that was made comes with one bit flipped.
            2 => {
                let Some((datagram, _, _)) = sealed.last() else { continue };
                let mut altered = datagram.clone();
                let bit = usize::from(argument) % (altered.len() * 8);
                altered[bit / 8] ^= 1 << (bit % 8);
                assert!(opener.open(&mut altered).is_err(), "an altered datagram opened");
            }
            // Invented bytes come, with a right header or without.
            _ => {
                let invented = &rest[..rest.len().min(usize::from(argument))];
                assert!(opener.open(&mut invented.to_vec()).is_err(), "invented bytes opened");
                let mut framed = vec![0x10 | (argument & 1) << 3];
                framed.extend(session.0);
                framed.extend(invented);
                framed.truncate(MAX_DATAGRAM);
                assert!(opener.open(&mut framed).is_err(), "an invented datagram opened");
                script = &rest[invented.len()..];
            }
        }
    }
    any_opened
}

/// The control stream, cut into chunks of changing size: the cut must not matter.
pub fn frames(data: &[u8]) -> bool {
    let Some((&chunk, stream)) = data.split_first() else { return false };
    let read = |chunk: usize| {
        let (mut decoder, mut frames) = (FrameDecoder::default(), Vec::new());
        for bytes in stream.chunks(chunk) {
            decoder.push(bytes);
            loop {
                match decoder.next_frame() {
                    Ok(Some(frame)) => frames.push(frame.to_vec()),
                    Ok(None) => break,
                    Err(error) => return (frames, Some(error)),
                }
            }
        }
        (frames, None)
    };
    let whole = read(stream.len().max(1));
    assert_eq!(read(usize::from(chunk) + 1), whole);
    let mut rewritten = Vec::new();
    for frame in &whole.0 {
        assert!(frame.len() <= MAX_FRAME);
        encode_frame(frame, &mut rewritten).expect("what was read can be written");
    }
    assert!(stream.starts_with(&rewritten));
    !whole.0.is_empty()
}

/// A message to the relay.
pub fn ask(data: &[u8]) -> bool {
    let Ok(message) = parse_ask(data) else { return false };
    let json = serde_json::to_vec(&message).expect("a message is written as JSON");
    assert_eq!(parse_ask(&json), Ok(message));
    true
}

/// A message to a kiosk.
pub fn tell(data: &[u8]) -> bool {
    let Ok(message) = parse_tell(data) else { return false };
    // A code of a later version is read as `Other`, which is written as a text of its own.
    let json = serde_json::to_vec(&message).expect("a message is written as JSON");
    assert_eq!(parse_tell(&json), Ok(message));
    true
}

/// What rooms say to each other: a chat message, a page of history. None may be taken for genuine.
pub fn chat(data: &[u8]) -> bool {
    let message = serde_json::from_slice::<ChatMessage>(data);
    if let Ok(message) = &message {
        assert!(message.check(RoomId([0xee; 16])).is_err(), "a message for another room was taken");
        let json = serde_json::to_vec(message).expect("a message is written as JSON");
        assert_eq!(serde_json::from_slice::<ChatMessage>(&json).ok().as_ref(), Some(message));
    }
    let page = serde_json::from_slice::<HistoryPage>(data);
    message.is_ok() || page.is_ok()
}

/// The texts within messages: identities, codes, names, signatures.
pub fn text(data: &[u8]) -> bool {
    fn reads_back<T: std::str::FromStr + ToString>(text: &str) -> bool {
        let Ok(value) = text.parse::<T>() else { return false };
        assert_eq!(value.to_string(), text);
        true
    }
    let Ok(text) = std::str::from_utf8(data) else { return false };
    let named = text.parse::<RoomName>().is_ok_and(|name| {
        assert!((1..=RoomName::MAX_CHARS).contains(&name.as_str().chars().count()));
        assert_eq!(name.as_str().parse().as_ref(), Ok(&name));
        true
    });
    [
        reads_back::<PeerId>(text),
        reads_back::<RoomId>(text),
        reads_back::<SessionId>(text),
        reads_back::<KnockId>(text),
        reads_back::<RoomCode>(text),
        reads_back::<Signature>(text),
        named,
    ]
    .contains(&true)
}

/// A sequence parameter set behind its NAL header; what is accepted is a size that a room may show.
pub fn sps(data: &[u8]) -> bool {
    PictureKind::ALL.map(|kind| sps_of(data, kind)).contains(&true)
}

fn sps_of(data: &[u8], kind: PictureKind) -> bool {
    let Ok(size) = Sps::parse(data, kind) else { return false };
    assert!(kind.allows(size.width, size.height), "{size:?}");
    assert!(size.width.is_multiple_of(2) && size.height.is_multiple_of(2), "{size:?}");
    let clean = !data.windows(3).any(|window| matches!(window, [0, 0, 0..=3])) && data.last() != Some(&0);
    if clean {
        let unit = [&[0, 0, 0, 1, 0x67], data].concat();
        assert_eq!(check(&unit, kind), Ok(()), "the same inside of an access unit");
    }
    true
}

/// Access units in the order of their arrival, each behind its length in two bytes, through decoder and scaler.
/// Accepted when a picture comes of it. A presentation's limits hold a camera's.
pub fn picture(data: &[u8]) -> bool {
    let kind = PictureKind::Presentation;
    let Ok(mut decoder) = Decoder::new(kind) else { return false };
    let (mut scaler, mut rest, mut shown) = (Scaler::default(), data, false);
    while let Some((len, behind)) = rest.split_first_chunk() {
        let (unit, behind) = behind.split_at(usize::from(u16::from_be_bytes(*len)).min(behind.len()));
        rest = behind;
        let decoded = decoder.decode(unit, |view| {
            assert!(kind.allows(view.width, view.height), "{} x {}", view.width, view.height);
            let (bgrx, width, height) = scaler.to_bgrx(view, TileSize { width: 100, height: 60 });
            assert!(width <= 100 && height <= 60);
            assert_eq!(bgrx.len(), width * height * 4);
        });
        match decoded {
            Ok(picture) => shown |= picture.is_some(),
            // As in the kiosk: what was refused ends the decoder.
            Err(_) => match Decoder::new(kind) {
                Ok(anew) => decoder = anew,
                Err(_) => return shown,
            },
        }
    }
    shown
}
