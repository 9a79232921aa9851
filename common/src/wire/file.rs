//! A segment of a file and its acknowledgement. The receiving room acknowledges end to end; the relay only forwards.

use heapless::Vec;

use super::bytes::{Reader, Writer};
use super::{Error, Kind};
use crate::id::StreamId;
use crate::time::Time;

/// A run of bytes of one transfer.
///
/// ```text
/// 0 kind | 1 header length (27) | 2 stream (4) | 6 transfer (4) | 10 offset (8) | 18 sender clock (8) | 26 flags | payload
/// ```
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct FileSegment {
    /// The sending room's file stream.
    pub stream: StreamId,
    /// The transfer, numbered by the sending room.
    pub transfer: u32,
    /// Where in the transfer's bytes the payload belongs.
    pub offset: u64,
    /// The sender's clock, echoed by the acknowledgement.
    pub sent: Time,
    /// The transfer ends with this segment.
    pub last: bool,
}

impl FileSegment {
    /// Bytes before the payload.
    pub const LEN: usize = 27;

    /// Splits a body of kind [`Kind::File`] into header and payload.
    pub fn parse(body: &[u8]) -> Result<(FileSegment, &[u8]), Error> {
        if Kind::of(body)? != Kind::File {
            return Err(Error::Invalid("kind"));
        }
        let mut reader = Reader::new(body);
        reader.u8()?;
        let header_len = usize::from(reader.u8()?);
        if header_len < Self::LEN {
            return Err(Error::Invalid("header length"));
        }
        let stream = StreamId(reader.u32()?);
        let transfer = reader.u32()?;
        let offset = reader.u64()?;
        let sent = Time::from_micros(reader.u64()?);
        let last = reader.u8()? & 1 != 0;
        reader.take(header_len - Self::LEN)?;
        let payload = reader.rest();
        if offset.checked_add(payload.len() as u64).is_none() {
            return Err(Error::Invalid("offset"));
        }
        Ok((FileSegment { stream, transfer, offset, sent, last }, payload))
    }

    /// Writes the header and returns its length; the payload goes right behind.
    pub fn emit(&self, out: &mut [u8]) -> Result<usize, Error> {
        let mut writer = Writer::new(out);
        writer.u8(Kind::File as u8)?;
        writer.u8(Self::LEN as u8)?;
        writer.u32(self.stream.0)?;
        writer.u32(self.transfer)?;
        writer.u64(self.offset)?;
        writer.u64(self.sent.as_micros())?;
        writer.u8(u8::from(self.last))?;
        Ok(writer.len())
    }
}

/// Bytes `start..end` of a transfer that arrived beyond the first gap (RFC 2018).
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct SackRange {
    /// First byte.
    pub start: u64,
    /// One past the last byte; greater than `start`.
    pub end: u64,
}

/// What the receiver of a transfer has got.
///
/// ```text
/// 0 kind | 1 ranges | 2 stream (4) | 6 transfer (4) | 10 cumulative (8) | 18 window (8) | 26 echo (8) | 34 ranges (16 each)
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FileAck {
    /// The sending room's file stream, by which the relay finds the way back.
    pub stream: StreamId,
    /// The transfer.
    pub transfer: u32,
    /// Every byte before this one has arrived.
    pub cumulative: u64,
    /// How many bytes beyond `cumulative` the receiver has room for.
    pub window: u64,
    /// The sender clock of the segment that caused this acknowledgement.
    pub echo: Time,
    /// What arrived beyond the first gap, most recent first.
    pub ranges: Vec<SackRange, { FileAck::MAX_RANGES }>,
}

impl FileAck {
    /// The most ranges one acknowledgement names.
    pub const MAX_RANGES: usize = 32;

    /// Reads a body of kind [`Kind::FileAck`].
    pub fn parse(body: &[u8]) -> Result<FileAck, Error> {
        if Kind::of(body)? != Kind::FileAck {
            return Err(Error::Invalid("kind"));
        }
        let mut reader = Reader::new(body);
        reader.u8()?;
        let count = reader.u8()?;
        let stream = StreamId(reader.u32()?);
        let transfer = reader.u32()?;
        let cumulative = reader.u64()?;
        let window = reader.u64()?;
        let echo = Time::from_micros(reader.u64()?);
        let mut ranges = Vec::new();
        for _ in 0..count {
            let (start, end) = (reader.u64()?, reader.u64()?);
            if start >= end {
                return Err(Error::Invalid("acknowledged range"));
            }
            ranges.push(SackRange { start, end }).map_err(|_| Error::TooLong)?;
        }
        Ok(FileAck { stream, transfer, cumulative, window, echo, ranges })
    }

    /// Writes the body and returns its length.
    pub fn emit(&self, out: &mut [u8]) -> Result<usize, Error> {
        let mut writer = Writer::new(out);
        writer.u8(Kind::FileAck as u8)?;
        writer.u8(self.ranges.len() as u8)?;
        writer.u32(self.stream.0)?;
        writer.u32(self.transfer)?;
        writer.u64(self.cumulative)?;
        writer.u64(self.window)?;
        writer.u64(self.echo.as_micros())?;
        for range in &self.ranges {
            writer.u64(range.start)?;
            writer.u64(range.end)?;
        }
        Ok(writer.len())
    }
}

#[cfg(test)]
mod tests {
    use super::super::MAX_BODY;
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn segments_parse_back(stream: u32, transfer: u32, offset in 0u64..1 << 62, sent: u64, last: bool) {
            let segment = FileSegment { stream: StreamId(stream), transfer, offset, sent: Time::from_micros(sent), last };
            let mut out = [0; 64];
            let len = segment.emit(&mut out).unwrap();
            out[len] = 77;
            prop_assert_eq!(FileSegment::parse(&out[..=len]), Ok((segment, &[77][..])));
        }

        #[test]
        fn acknowledgements_parse_back(ids: [u32; 2], at: [u64; 3], raw in prop::collection::vec((0u64..1 << 40, 1u64..1 << 20), 0..32)) {
            let ranges = raw.into_iter().map(|(start, len)| SackRange { start, end: start + len }).collect();
            let ack = FileAck { stream: StreamId(ids[0]), transfer: ids[1], cumulative: at[0], window: at[1], echo: Time::from_micros(at[2]), ranges };
            let mut out = [0; MAX_BODY];
            let len = ack.emit(&mut out).unwrap();
            prop_assert_eq!(FileAck::parse(&out[..len]), Ok(ack));
        }

        #[test]
        fn any_bytes_survive(kind in 4u8..=5, mut bytes: std::vec::Vec<u8>) {
            bytes.insert(0, kind);
            let _ = FileSegment::parse(&bytes);
            let _ = FileAck::parse(&bytes);
        }
    }
}
