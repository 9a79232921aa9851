//! The header of a piece of media: which stream, which frame, which piece of it, and when it was captured.
//!
//! ```text
//!  0 kind | 1 header length | 2 stream (4) | 6 spatial 4 bits, temporal 4 bits | 7 flags | 8 frame (4)
//! 12 reference distance (2) | 14 piece (2) | 16 pieces (2) | 18 sender clock (8) | 26 voice 1 bit, level 7 bits
//! 27 extensions ... | header length: payload ...
//! ```

use super::bytes::{Reader, Writer};
use super::extension::{Extensions, StageTimes};
use super::{Error, Kind, MAX_PAYLOAD};
use crate::id::StreamId;
use crate::time::Time;

/// Bytes of the fields before the extensions.
pub(super) const FIXED: usize = 27;

/// A simulcast or scalable layer: 0 is the smallest.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Layer {
    /// Picture size or audio codec, 0 to 15.
    pub spatial: u8,
    /// Frame rate, 0 to 15.
    pub temporal: u8,
}

/// What a frame is to its decoder.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct MediaFlags {
    /// Decodable without any frame before it.
    pub keyframe: bool,
    /// The last piece of its frame.
    pub end_of_frame: bool,
    /// No later frame needs this one.
    pub discardable: bool,
    /// The payload is sealed end to end.
    pub end_to_end: bool,
}

impl MediaFlags {
    fn to_byte(self) -> u8 {
        u8::from(self.keyframe)
            | u8::from(self.end_of_frame) << 1
            | u8::from(self.discardable) << 2
            | u8::from(self.end_to_end) << 3
    }

    /// Unknown flags are ignored: a later version may set them.
    fn from_byte(byte: u8) -> MediaFlags {
        MediaFlags {
            keyframe: byte & 1 != 0,
            end_of_frame: byte & 2 != 0,
            discardable: byte & 4 != 0,
            end_to_end: byte & 8 != 0,
        }
    }
}

/// Loudness of an audio frame (after RFC 6464): 0 is the loudest, 127 is silence, in -dBov; and whether it is speech.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
pub struct AudioLevel {
    /// 0 to 127, in decibels below full scale.
    pub below_full_scale_db: u8,
    /// Somebody is speaking.
    pub voice: bool,
}

impl AudioLevel {
    /// Silence.
    pub const SILENT: AudioLevel = AudioLevel { below_full_scale_db: 127, voice: false };
}

/// The header of a piece of an audio, video or presentation frame, sent first, again, or as a repair.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct MediaHeader {
    /// One of the kinds for which [`Kind::is_media`] holds.
    pub kind: Kind,
    /// The stream, as the relay numbered it.
    pub stream: StreamId,
    /// The layer within the stream.
    pub layer: Layer,
    /// What the frame is to its decoder.
    pub flags: MediaFlags,
    /// The sender's frame number: one more each frame, wrapping, never rewritten on the way.
    pub frame: u32,
    /// How many frames back the referenced frame lies; 0 for none.
    pub reference_distance: u16,
    /// This piece, counted from 0; for a repair, `pieces` plus the repair's index.
    pub piece: u16,
    /// Pieces of the frame, at least 1.
    pub pieces: u16,
    /// When the frame was captured, on the one clock that the sender uses for sound and picture.
    pub captured: Time,
    /// Loudness; [`AudioLevel::SILENT`] for pictures.
    pub level: AudioLevel,
    /// Extension 1, when present.
    pub stages: Option<StageTimes>,
}

impl MediaHeader {
    /// The most bytes that [`MediaHeader::emit`] writes.
    pub const MAX_LEN: usize = FIXED + 2 + StageTimes::MAX_LEN;

    /// Splits a sealed body's plaintext into header and payload. Unknown extensions are skipped.
    ///
    /// Errors: [`Error`], for every body that is not one whole piece of media.
    pub fn parse(body: &[u8]) -> Result<(MediaHeader, &[u8]), Error> {
        let kind = Kind::of(body)?;
        if !kind.is_media() {
            return Err(Error::Invalid("kind for a media header"));
        }
        let mut reader = Reader::new(body);
        reader.u8()?;
        let header_len = usize::from(reader.u8()?);
        if header_len < FIXED {
            return Err(Error::Invalid("header length"));
        }
        let stream = StreamId(reader.u32()?);
        let layer = reader.u8()?;
        let flags = MediaFlags::from_byte(reader.u8()?);
        let frame = reader.u32()?;
        let reference_distance = reader.u16()?;
        let piece = reader.u16()?;
        let pieces = reader.u16()?;
        let captured = Time::from_micros(reader.u64()?);
        let level = reader.u8()?;
        let extensions = reader.take(header_len - FIXED)?;
        let payload = reader.rest();

        Extensions::check(extensions)?;
        if pieces == 0 || (piece >= pieces && kind != Kind::Repair) {
            return Err(Error::Invalid("piece number"));
        }
        if payload.len() > MAX_PAYLOAD {
            return Err(Error::TooLong);
        }
        let mut stages = None;
        for extension in Extensions::new(extensions) {
            if extension.kind == StageTimes::KIND {
                stages = Some(StageTimes::parse(extension.value)?);
            }
        }
        let header = MediaHeader {
            kind,
            stream,
            layer: Layer { spatial: layer >> 4, temporal: layer & 0xf },
            flags,
            frame,
            reference_distance,
            piece,
            pieces,
            captured,
            level: AudioLevel { below_full_scale_db: level & 0x7f, voice: level & 0x80 != 0 },
            stages,
        };
        Ok((header, payload))
    }

    /// Writes the header to the start of `out`; the payload goes right behind. Returns the header's length.
    ///
    /// Errors: [`Error::Invalid`] for fields outside their range, [`Error::TooLong`] when `out` is too short.
    pub fn emit(&self, out: &mut [u8]) -> Result<usize, Error> {
        if !self.kind.is_media() {
            return Err(Error::Invalid("kind for a media header"));
        }
        if self.pieces == 0 || (self.piece >= self.pieces && self.kind != Kind::Repair) {
            return Err(Error::Invalid("piece number"));
        }
        if self.layer.spatial > 15 || self.layer.temporal > 15 || self.level.below_full_scale_db > 127 {
            return Err(Error::Invalid("layer or audio level"));
        }
        let header_len = FIXED + self.stages.map_or(0, |stages| 2 + stages.len());
        let mut writer = Writer::new(out);
        writer.u8(self.kind as u8)?;
        writer.u8(header_len as u8)?;
        writer.u32(self.stream.0)?;
        writer.u8(self.layer.spatial << 4 | self.layer.temporal)?;
        writer.u8(self.flags.to_byte())?;
        writer.u32(self.frame)?;
        writer.u16(self.reference_distance)?;
        writer.u16(self.piece)?;
        writer.u16(self.pieces)?;
        writer.u64(self.captured.as_micros())?;
        writer.u8(self.level.below_full_scale_db | u8::from(self.level.voice) << 7)?;
        if let Some(stages) = self.stages {
            stages.emit(&mut writer)?;
        }
        debug_assert_eq!(writer.len(), header_len);
        Ok(writer.len())
    }

    /// Adds `us` to the relay's stage time within a body, in place, without parsing the rest. Bodies that carry no
    /// stage times stay as they are. `body` must have passed [`MediaHeader::parse`].
    pub fn add_relay_time(body: &mut [u8], us: u32) {
        let Some(header_len) = body.get(1).map(|len| usize::from(*len)) else { return };
        let mut at = FIXED;
        while at + 2 <= header_len {
            let (kind, len) = match body.get(at..at + 2) {
                Some(&[kind, len]) => (kind, usize::from(len)),
                _ => return,
            };
            if kind == StageTimes::KIND && len >= StageTimes::LEN {
                if let Some(field) = body.get_mut(at + 10..at + 14) {
                    let before = field.iter().fold(0, |value, byte| value << 8 | u32::from(*byte));
                    field.copy_from_slice(&before.saturating_add(us).to_be_bytes());
                }
                return;
            }
            at += 2 + len;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::vec::Vec;

    fn any_header() -> impl Strategy<Value = MediaHeader> {
        let kind = prop::sample::select(std::vec![
            Kind::Audio,
            Kind::Video,
            Kind::Presentation,
            Kind::Retransmission
        ]);
        let place = (1u16..=u16::MAX).prop_flat_map(|pieces| (0..pieces, Just(pieces)));
        let later = prop::option::of((any::<u32>(), prop::option::of(any::<u32>())));
        let stages = prop::option::of((any::<u32>(), any::<u32>(), any::<u32>(), later));
        (
            kind,
            any::<u32>(),
            0u8..16,
            0u8..16,
            0u8..16,
            any::<u32>(),
            any::<u16>(),
            place,
            any::<u64>(),
            any::<u8>(),
            stages,
        )
            .prop_map(
                |(kind, stream, spatial, temporal, flags, frame, distance, place, clock, level, stages)| {
                    MediaHeader {
                        kind,
                        stream: StreamId(stream),
                        layer: Layer { spatial, temporal },
                        flags: MediaFlags::from_byte(flags),
                        frame,
                        reference_distance: distance,
                        piece: place.0,
                        pieces: place.1,
                        captured: Time::from_micros(clock),
                        level: AudioLevel { below_full_scale_db: level & 0x7f, voice: level & 0x80 != 0 },
                        stages: stages.map(|(a, b, c, later)| StageTimes {
                            captured_to_encoded_us: a,
                            encoded_to_sent_us: b,
                            relayed_us: c,
                            captured_to_taken_us: later.map(|(taken, _)| taken),
                            way_to_relay_us: later.and_then(|(_, way)| way),
                        }),
                    }
                },
            )
    }

    proptest! {
        #[test]
        fn parses_back(header in any_header(), payload in prop::collection::vec(any::<u8>(), 0..64)) {
            let mut body = [0; 128];
            let len = header.emit(&mut body).unwrap();
            body[len..len + payload.len()].copy_from_slice(&payload);
            let (read, rest) = MediaHeader::parse(&body[..len + payload.len()]).unwrap();
            prop_assert_eq!(read, header);
            prop_assert_eq!(rest, &payload[..]);
        }

        #[test]
        fn any_bytes_survive(mut bytes: Vec<u8>, kind in 1u8..=15, len in 0u8..60) {
            let _ = MediaHeader::parse(&bytes);
            if bytes.len() > 1 {
                bytes[0] = kind;
                bytes[1] = len;
            }
            let _ = MediaHeader::parse(&bytes);
            MediaHeader::add_relay_time(&mut bytes, 7);
        }
    }

    fn example() -> MediaHeader {
        MediaHeader {
            kind: Kind::Video,
            stream: StreamId(7),
            layer: Layer { spatial: 1, temporal: 2 },
            flags: MediaFlags { keyframe: true, end_of_frame: false, discardable: false, end_to_end: false },
            frame: 9,
            reference_distance: 0,
            piece: 0,
            pieces: 3,
            captured: Time::from_micros(0x0102_0304_0506_0708),
            level: AudioLevel::SILENT,
            stages: None,
        }
    }

    #[test]
    fn the_layout_is_the_documented_one() {
        let mut body = [0; FIXED];
        assert_eq!(example().emit(&mut body), Ok(FIXED));
        assert_eq!(
            &body,
            b"\x02\x1b\x00\x00\x00\x07\x12\x01\x00\x00\x00\x09\x00\x00\x00\x00\x00\x03\x01\x02\x03\x04\x05\x06\x07\x08\x7f"
        );
    }

    #[test]
    fn an_unknown_extension_is_skipped_and_the_relay_adds_its_time_behind_it() {
        let header =
            MediaHeader { stages: Some(StageTimes { relayed_us: 5, ..Default::default() }), ..example() };
        let mut plain = [0; 64];
        let len = header.emit(&mut plain).unwrap();
        let mut body = Vec::from(&plain[..FIXED]);
        body.extend_from_slice(&[200, 3, 1, 2, 3]);
        body.extend_from_slice(&plain[FIXED..len]);
        body[1] += 5;
        body.push(42);
        MediaHeader::add_relay_time(&mut body, 6);
        let (read, payload) = MediaHeader::parse(&body).unwrap();
        assert_eq!(read.stages.unwrap().relayed_us, 11);
        assert_eq!(payload, [42]);
    }

    #[test]
    fn impossible_pieces_are_refused() {
        let mut body = [0; 64];
        for (piece, pieces) in [(0, 0), (3, 3)] {
            assert!(MediaHeader { piece, pieces, ..example() }.emit(&mut body).is_err());
        }
        let len = example().emit(&mut body).unwrap();
        body[17] = 0;
        assert_eq!(MediaHeader::parse(&body[..len]), Err(Error::Invalid("piece number")));
    }
}
