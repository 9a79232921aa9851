//! Cuts a frame into equal pieces and writes the body of each: a media header and its part of the frame.
//!
//! Not the seal and not the socket. All pieces but the last have the same size, so that the kernel can send a frame
//! in one call, and there are as few as the limit of a datagram allows.

use core::fmt;

use super::pcm::FRAME_BYTES;
use super::repair::MAX_PROTECTED;
use crate::id::StreamId;
use crate::time::Time;
use crate::wire::{self, AudioLevel, Kind, Layer, MAX_PAYLOAD, MediaFlags, MediaHeader, StageTimes};

/// What is known of a frame besides its bytes.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct FrameInfo {
    /// When it was captured, on the one clock that this sender uses for sound and picture.
    pub captured: Time,
    /// Decodable without any frame before it.
    pub keyframe: bool,
    /// How many numbers back the referenced frame's lies; 0 for none.
    pub reference_distance: u16,
    /// Which layer of its stream it is.
    pub layer: Layer,
    /// No later frame needs it.
    pub discardable: bool,
    /// Loudness; [`AudioLevel::SILENT`] for pictures.
    pub level: AudioLevel,
    /// The time it spent in each stage so far.
    pub stages: Option<StageTimes>,
}

impl FrameInfo {
    /// A frame of sound: needs no other, and no other needs it.
    pub fn audio(captured: Time, level: AudioLevel) -> FrameInfo {
        FrameInfo {
            captured,
            keyframe: true,
            reference_distance: 0,
            layer: Layer::default(),
            discardable: true,
            level,
            stages: None,
        }
    }

    /// A picture of a single-layer stream: a keyframe, or one that refers to the picture before it.
    pub fn video(captured: Time, keyframe: bool, stages: Option<StageTimes>) -> FrameInfo {
        FrameInfo {
            captured,
            keyframe,
            reference_distance: u16::from(!keyframe),
            layer: Layer::default(),
            discardable: false,
            level: AudioLevel::SILENT,
            stages,
        }
    }
}

/// Why a frame can't be sent.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum PacketizeError {
    /// It has no bytes.
    Empty,
    /// It has this many bytes, more than [`Packetizer::MAX_FRAME`].
    TooLarge(usize),
}

impl fmt::Display for PacketizeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PacketizeError::Empty => f.write_str("the frame is empty"),
            PacketizeError::TooLarge(bytes) => {
                write!(f, "the frame has {bytes} bytes; {} are the most", Packetizer::MAX_FRAME)
            }
        }
    }
}

impl std::error::Error for PacketizeError {}

/// Numbers the frames of one stream and cuts them.
#[derive(Clone, Debug)]
pub struct Packetizer {
    kind: Kind,
    stream: StreamId,
    next: u32,
    most: usize,
}

impl Packetizer {
    /// The most pieces of one frame.
    pub const MAX_PIECES: usize = 512;
    /// The most bytes of one frame: 560 KiB.
    pub const MAX_FRAME: usize = Self::MAX_PIECES * MAX_PAYLOAD;

    /// For a microphone.
    pub fn audio(stream: StreamId) -> Packetizer {
        Self::with_kind(Kind::Audio, stream)
    }

    /// For a camera.
    pub fn video(stream: StreamId) -> Packetizer {
        Self::with_kind(Kind::Video, stream)
    }

    /// For a presentation.
    pub fn presentation(stream: StreamId) -> Packetizer {
        Self::with_kind(Kind::Presentation, stream)
    }

    fn with_kind(kind: Kind, stream: StreamId) -> Packetizer {
        Packetizer { kind, stream, next: 0, most: MAX_PAYLOAD }
    }

    /// The first frame gets the number `next`: a random one when the program starts (as in RFC 3550, section 5.1), or
    /// receivers that remember the stream would take a sender that was started again for an old one.
    pub fn starting_at(self, next: u32) -> Packetizer {
        Packetizer { next, ..self }
    }

    /// Pieces are cut a little smaller, so that [`Repairer`](super::Repairer) can protect them. Only the last KiB
    /// below [`Packetizer::MAX_FRAME`] leaves no room for that: such a frame is cut as if this had not been called.
    pub fn with_repair_room(self) -> Packetizer {
        Packetizer { most: MAX_PROTECTED, ..self }
    }

    /// The number that the next frame will get.
    pub fn next_number(&self) -> u32 {
        self.next
    }

    /// Takes one encoded frame. Its number is one more than that of the frame before, wrapping; a frame that is
    /// refused uses up no number.
    ///
    /// Errors: [`PacketizeError`].
    pub fn frame<'a>(&mut self, bytes: &'a [u8], info: FrameInfo) -> Result<Pieces<'a>, PacketizeError> {
        let pieces = self.frame_numbered(self.next, bytes, info)?;
        self.next = self.next.wrapping_add(1);
        Ok(pieces)
    }

    /// Takes one encoded frame that has its number already: the frames of all layers of one captured picture have the same.
    ///
    /// Errors: [`PacketizeError`].
    pub fn frame_numbered<'a>(
        &self,
        number: u32,
        bytes: &'a [u8],
        info: FrameInfo,
    ) -> Result<Pieces<'a>, PacketizeError> {
        if bytes.is_empty() {
            return Err(PacketizeError::Empty);
        }
        if bytes.len() > Self::MAX_FRAME {
            return Err(PacketizeError::TooLarge(bytes.len()));
        }
        let few = bytes.len().div_ceil(MAX_PAYLOAD);
        let roomy = bytes.len().div_ceil(self.most);
        let pieces = if roomy <= Self::MAX_PIECES { roomy } else { few };
        // The last piece is never empty: that would take more pieces than MAX_PAYLOAD.
        let size = bytes.len().div_ceil(pieces);
        let header = MediaHeader {
            kind: self.kind,
            stream: self.stream,
            layer: info.layer,
            flags: MediaFlags {
                keyframe: info.keyframe,
                end_of_frame: false,
                discardable: info.discardable,
                end_to_end: false,
            },
            frame: number,
            reference_distance: info.reference_distance,
            piece: 0,
            pieces: pieces as u16,
            captured: info.captured,
            level: info.level,
            stages: info.stages,
        };
        Ok(Pieces { header, bytes, size })
    }
}

/// The pieces of one frame, written one by one into the caller's buffers, in any order and as often as wanted.
#[derive(Clone, Debug)]
pub struct Pieces<'a> {
    header: MediaHeader,
    bytes: &'a [u8],
    size: usize,
}

impl Pieces<'_> {
    /// How many there are: 1 to [`Packetizer::MAX_PIECES`].
    pub fn count(&self) -> u16 {
        self.header.pieces
    }

    /// The frame's number.
    pub fn number(&self) -> u32 {
        self.header.frame
    }

    /// The header that all pieces have in common; `piece` and end of frame are those of no piece.
    pub fn header(&self) -> &MediaHeader {
        &self.header
    }

    /// The bytes of the frame that piece `index` carries; none for an index of [`Pieces::count`] or more.
    pub fn payload(&self, index: u16) -> &[u8] {
        let from = (usize::from(index) * self.size).min(self.bytes.len());
        &self.bytes[from..self.bytes.len().min(from + self.size)]
    }

    /// Writes the body of piece `index`, header and payload, to the start of `out` and returns its length.
    /// [`wire::MAX_BODY`] bytes are always enough.
    ///
    /// Errors: [`wire::Error::Invalid`] for an index of [`Pieces::count`] or more, or a layer or level outside its
    /// range; [`wire::Error::TooLong`] when `out` is too short.
    pub fn write(&self, index: u16, out: &mut [u8]) -> Result<usize, wire::Error> {
        let header = MediaHeader {
            piece: index,
            flags: MediaFlags {
                end_of_frame: index.saturating_add(1) >= self.header.pieces,
                ..self.header.flags
            },
            ..self.header
        };
        let start = header.emit(out)?;
        let payload = self.payload(index);
        let end = start + payload.len();
        out.get_mut(start..end).ok_or(wire::Error::TooLong)?.copy_from_slice(payload);
        Ok(end)
    }
}

// A frame of sound is one piece.
const _: () = assert!(FRAME_BYTES <= MAX_PAYLOAD);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::MAX_BODY;
    use proptest::prelude::*;

    fn info() -> FrameInfo {
        FrameInfo::video(Time::from_millis(3), true, Some(StageTimes::default()))
    }

    fn bodies(pieces: &Pieces<'_>) -> Vec<Vec<u8>> {
        (0..pieces.count())
            .map(|index| {
                let mut out = [0; MAX_BODY];
                let len = pieces.write(index, &mut out).unwrap();
                out[..len].to_vec()
            })
            .collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn pieces_are_equal_few_and_whole(len in 1usize..=Packetizer::MAX_FRAME) {
            let frame: Vec<u8> = (0..len).map(|i| (i % 251) as u8).collect();
            let mut packetizer = Packetizer::video(StreamId(5));
            let pieces = packetizer.frame(&frame, info()).unwrap();
            prop_assert_eq!(usize::from(pieces.count()), len.div_ceil(MAX_PAYLOAD));
            let bodies = bodies(&pieces);
            let parsed: Vec<_> = bodies.iter().map(|body| MediaHeader::parse(body).unwrap()).collect();
            let mut joined = Vec::new();
            for (index, (header, payload)) in parsed.iter().enumerate() {
                let last = index + 1 == parsed.len();
                prop_assert_eq!(usize::from(header.piece), index);
                prop_assert_eq!(header.flags.end_of_frame, last);
                prop_assert!(payload.len() <= MAX_PAYLOAD);
                prop_assert!(last || payload.len() == parsed[0].1.len());
                prop_assert!(!payload.is_empty() && payload.len() <= parsed[0].1.len());
                joined.extend_from_slice(payload);
            }
            prop_assert_eq!(joined, frame);
        }
    }

    #[test]
    fn room_for_repairs_makes_pieces_smaller_where_there_is_room() {
        let sizes = |len: usize| {
            let frame = vec![7; len];
            let pieces =
                Packetizer::video(StreamId(1)).with_repair_room().frame(&frame, info()).unwrap().clone();
            (pieces.count(), pieces.payload(0).len(), pieces.payload(pieces.count()).len())
        };
        assert_eq!(sizes(1118), (1, 1118, 0));
        assert_eq!(sizes(1120), (2, 560, 0));
        assert_eq!(sizes(512 * 1118), (512, 1118, 0));
        assert_eq!(sizes(Packetizer::MAX_FRAME), (512, 1120, 0));
    }

    #[test]
    fn numbers_rise_and_wrap_and_a_refused_frame_uses_none() {
        let mut packetizer = Packetizer::audio(StreamId(1)).starting_at(u32::MAX);
        assert_eq!(packetizer.frame(&[1], info()).unwrap().number(), u32::MAX);
        assert_eq!(packetizer.frame(&[], info()).unwrap_err(), PacketizeError::Empty);
        let large = vec![0; Packetizer::MAX_FRAME + 1];
        assert_eq!(packetizer.frame(&large, info()).unwrap_err(), PacketizeError::TooLarge(573_441));
        assert_eq!(packetizer.frame(&large[1..], info()).unwrap().count(), 512);
        assert_eq!(packetizer.frame(&[1], info()).unwrap().number(), 1);
    }

    #[test]
    fn layers_of_one_picture_share_its_number_and_leave_the_count_alone() {
        let mut packetizer = Packetizer::video(StreamId(1)).starting_at(7);
        for spatial in [0, 3] {
            let info = FrameInfo { layer: Layer { spatial, temporal: 0 }, reference_distance: 6, ..info() };
            let pieces = packetizer.frame_numbered(99, &[1], info).unwrap();
            let bodies = bodies(&pieces);
            let (header, _) = MediaHeader::parse(&bodies[0]).unwrap();
            assert_eq!((header.frame, header.layer.spatial, header.reference_distance), (99, spatial, 6));
        }
        assert_eq!(packetizer.frame(&[1], info()).unwrap().number(), 7);
    }

    #[test]
    fn a_piece_that_is_not_there_and_a_short_buffer_are_errors() {
        let mut packetizer = Packetizer::video(StreamId(1));
        let frame = [7; 2000];
        let pieces = packetizer.frame(&frame, info()).unwrap();
        let mut out = [0; MAX_BODY];
        assert_eq!(pieces.count(), 2);
        assert_eq!(pieces.write(2, &mut out), Err(wire::Error::Invalid("piece number")));
        assert_eq!(pieces.write(u16::MAX, &mut out), Err(wire::Error::Invalid("piece number")));
        assert_eq!(pieces.write(0, &mut out[..500]), Err(wire::Error::TooLong));
        assert_eq!(pieces.write(0, &mut out[..20]), Err(wire::Error::TooLong));
    }
}
