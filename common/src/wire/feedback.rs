//! What a receiver tells the sender of its hop: when packets came, which pieces are missing, that a keyframe is needed.

use heapless::Vec;

use super::bytes::{Reader, Writer};
use super::{Error, Kind};
use crate::id::StreamId;
use crate::time::Time;

/// A packet's ECN mark as it arrived (RFC 3168).
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum Ecn {
    /// Not ECN-capable.
    NotEct = 0,
    /// ECN-capable, codepoint 1.
    Ect1 = 1,
    /// ECN-capable, codepoint 0.
    Ect0 = 2,
    /// Congestion experienced.
    Ce = 3,
}

impl Ecn {
    /// The mark in the two lowest bits, as in the IP header.
    pub fn from_bits(bits: u8) -> Ecn {
        match bits & 3 {
            0 => Ecn::NotEct,
            1 => Ecn::Ect1,
            2 => Ecn::Ect0,
            _ => Ecn::Ce,
        }
    }
}

/// How one packet arrived.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Arrival {
    /// Its ECN mark.
    pub ecn: Ecn,
    /// How long before [`Feedback::reported`] it arrived, in units of 1/4 ms, 0 to 8191 (2 s; older ones say 8191).
    pub age_quarter_ms: u16,
}

/// Arrival of consecutive packets of one hop and direction (after RFC 8888).
///
/// ```text
/// 0 kind | 1 zero | 2 first packet number (8) | 10 reported (8) | 18 count (2) | 20 entries (2 each):
/// received 1 bit, ECN 2 bits, age 13 bits
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Feedback {
    /// The full packet number of the first entry.
    pub first: u64,
    /// The receiver's clock when it wrote this report.
    pub reported: Time,
    /// One entry a packet; `None` for one that has not come.
    pub arrivals: Vec<Option<Arrival>, { Feedback::MAX_ENTRIES }>,
}

impl Feedback {
    /// The most packets one report covers.
    pub const MAX_ENTRIES: usize = 512;
    const AGE_MAX: u16 = 0x1fff;

    /// Reads a body of kind [`Kind::Feedback`].
    pub fn parse(body: &[u8]) -> Result<Feedback, Error> {
        let mut reader = start(body, Kind::Feedback)?;
        let first = reader.u64()?;
        let reported = Time::from_micros(reader.u64()?);
        let count = reader.u16()?;
        let mut arrivals = Vec::new();
        for _ in 0..count {
            let entry = reader.u16()?;
            let arrival = (entry & 0x8000 != 0).then_some(Arrival {
                ecn: Ecn::from_bits((entry >> 13) as u8),
                age_quarter_ms: entry & Self::AGE_MAX,
            });
            arrivals.push(arrival).map_err(|_| Error::TooLong)?;
        }
        Ok(Feedback { first, reported, arrivals })
    }

    /// Writes the body and returns its length. Ages above the format's limit are written as the limit.
    pub fn emit(&self, out: &mut [u8]) -> Result<usize, Error> {
        let mut writer = Writer::new(out);
        writer.u8(Kind::Feedback as u8)?;
        writer.u8(0)?;
        writer.u64(self.first)?;
        writer.u64(self.reported.as_micros())?;
        writer.u16(self.arrivals.len() as u16)?;
        for arrival in &self.arrivals {
            writer.u16(arrival.map_or(0, |arrival| {
                0x8000 | (arrival.ecn as u16) << 13 | arrival.age_quarter_ms.min(Self::AGE_MAX)
            }))?;
        }
        Ok(writer.len())
    }
}

/// Pieces of one frame that are missing and would still be in time.
///
/// ```text
/// 0 kind | 1 layer (spatial 4 bits, zero 4 bits) | 2 stream (4) | 6 frame (4) | 10 count (2) | 12 piece numbers (2 each)
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Nack {
    /// The stream.
    pub stream: StreamId,
    /// The spatial layer, 0 to 15: the layers of one captured picture share its frame number.
    pub spatial: u8,
    /// The frame.
    pub frame: u32,
    /// The pieces; none means the whole frame.
    pub pieces: Vec<u16, { Nack::MAX_PIECES }>,
}

impl Nack {
    /// The most pieces one request names.
    pub const MAX_PIECES: usize = 256;

    /// Reads a body of kind [`Kind::Nack`].
    pub fn parse(body: &[u8]) -> Result<Nack, Error> {
        let (spatial, mut reader) = start_layer(body, Kind::Nack)?;
        let stream = StreamId(reader.u32()?);
        let frame = reader.u32()?;
        let count = reader.u16()?;
        let mut pieces = Vec::new();
        for _ in 0..count {
            pieces.push(reader.u16()?).map_err(|_| Error::TooLong)?;
        }
        Ok(Nack { stream, spatial, frame, pieces })
    }

    /// Writes the body and returns its length.
    pub fn emit(&self, out: &mut [u8]) -> Result<usize, Error> {
        let mut writer = Writer::new(out);
        writer.u8(Kind::Nack as u8)?;
        writer.u8(self.spatial << 4)?;
        writer.u32(self.stream.0)?;
        writer.u32(self.frame)?;
        writer.u16(self.pieces.len() as u16)?;
        for piece in &self.pieces {
            writer.u16(*piece)?;
        }
        Ok(writer.len())
    }
}

/// A receiver cannot decode a stream until a keyframe comes.
///
/// ```text
/// 0 kind | 1 layer (spatial 4 bits, temporal 4 bits) | 2 stream (4)
/// ```
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct KeyframeRequest {
    /// The stream.
    pub stream: StreamId,
    /// The spatial layer, 0 to 15.
    pub spatial: u8,
}

impl KeyframeRequest {
    /// Bytes of the body.
    pub const LEN: usize = 6;

    /// Reads a body of kind [`Kind::KeyframeRequest`].
    pub fn parse(body: &[u8]) -> Result<KeyframeRequest, Error> {
        let (spatial, mut reader) = start_layer(body, Kind::KeyframeRequest)?;
        Ok(KeyframeRequest { stream: StreamId(reader.u32()?), spatial })
    }

    /// Writes the body and returns its length.
    pub fn emit(&self, out: &mut [u8]) -> Result<usize, Error> {
        let mut writer = Writer::new(out);
        writer.u8(Kind::KeyframeRequest as u8)?;
        writer.u8(self.spatial << 4)?;
        writer.u32(self.stream.0)?;
        Ok(writer.len())
    }
}

/// Checks the kind and skips the reserved byte behind it.
pub(super) fn start(body: &[u8], kind: Kind) -> Result<Reader<'_>, Error> {
    Ok(start_layer(body, kind)?.1)
}

/// Checks the kind and takes the spatial layer from the byte behind it.
fn start_layer(body: &[u8], kind: Kind) -> Result<(u8, Reader<'_>), Error> {
    if Kind::of(body)? != kind {
        return Err(Error::Invalid("kind"));
    }
    let mut reader = Reader::new(body);
    reader.u8()?;
    Ok((reader.u8()? >> 4, reader))
}

#[cfg(test)]
mod tests {
    use super::super::MAX_BODY;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_longest_messages_fit_a_datagram() {
        let mut out = [0; MAX_BODY];
        let arrivals = core::iter::repeat_n(None, Feedback::MAX_ENTRIES).collect();
        assert!(Feedback { first: 0, reported: Time::ZERO, arrivals }.emit(&mut out).is_ok());
        let pieces = core::iter::repeat_n(1, Nack::MAX_PIECES).collect();
        assert!(Nack { stream: StreamId(1), spatial: 15, frame: 2, pieces }.emit(&mut out).is_ok());
    }

    proptest! {
        #[test]
        fn feedback_parses_back(first: u64, reported: u64, raw in prop::collection::vec(prop::option::of((0u8..4, 0u16..0x2000)), 0..512)) {
            let arrivals = raw.into_iter()
                .map(|entry| entry.map(|(ecn, age_quarter_ms)| Arrival { ecn: Ecn::from_bits(ecn), age_quarter_ms }))
                .collect();
            let feedback = Feedback { first, reported: Time::from_micros(reported), arrivals };
            let mut out = [0; MAX_BODY];
            let len = feedback.emit(&mut out).unwrap();
            prop_assert_eq!(Feedback::parse(&out[..len]).unwrap(), feedback);
        }

        #[test]
        fn nack_parses_back(stream: u32, spatial in 0u8..16, frame: u32, pieces in prop::collection::vec(any::<u16>(), 0..256)) {
            let nack = Nack { stream: StreamId(stream), spatial, frame, pieces: pieces.into_iter().collect() };
            let mut out = [0; MAX_BODY];
            let len = nack.emit(&mut out).unwrap();
            prop_assert_eq!(Nack::parse(&out[..len]).unwrap(), nack);
        }

        #[test]
        fn keyframe_request_parses_back(stream: u32, spatial in 0u8..16) {
            let request = KeyframeRequest { stream: StreamId(stream), spatial };
            let mut out = [0; KeyframeRequest::LEN];
            let len = request.emit(&mut out).unwrap();
            prop_assert_eq!(KeyframeRequest::parse(&out[..len]).unwrap(), request);
        }

        #[test]
        fn any_bytes_survive(kind in 0u8..20, mut bytes: std::vec::Vec<u8>) {
            bytes.insert(0, kind);
            let _ = Feedback::parse(&bytes);
            let _ = Nack::parse(&bytes);
            let _ = KeyframeRequest::parse(&bytes);
        }
    }
}
