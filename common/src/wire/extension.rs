//! Type-length-value extensions at the end of a media header. An older reader skips what it does not know.

use super::Error;
use super::bytes::{Reader, Writer};

/// One extension: its type and its value.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Extension<'a> {
    /// What it is; see PROTOCOL.md for the numbers.
    pub kind: u8,
    /// At most 255 bytes.
    pub value: &'a [u8],
}

/// The extensions of one header: an iterator that ends at the first malformed one.
#[derive(Clone, Debug)]
pub struct Extensions<'a> {
    bytes: &'a [u8],
}

impl<'a> Extensions<'a> {
    /// `bytes` is what follows the fixed fields; it must be whole extensions, as `MediaHeader::parse` has checked.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Extensions { bytes }
    }

    /// Whether every extension is whole.
    pub(super) fn check(bytes: &'a [u8]) -> Result<(), Error> {
        let mut reader = Reader::new(bytes);
        while !reader.is_empty() {
            let _kind = reader.u8()?;
            let len = reader.u8()?;
            reader.take(usize::from(len))?;
        }
        Ok(())
    }
}

impl<'a> Iterator for Extensions<'a> {
    type Item = Extension<'a>;

    fn next(&mut self) -> Option<Extension<'a>> {
        let mut reader = Reader::new(self.bytes);
        let kind = reader.u8().ok()?;
        let len = reader.u8().ok()?;
        let value = reader.take(usize::from(len)).ok()?;
        self.bytes = reader.rest();
        Some(Extension { kind, value })
    }
}

/// Extension 1: how long a frame spent in each stage so far, in microseconds. The relay adds its own part in place. The last
/// two came later: an older writer leaves them out, and a value has the second only with the first.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub struct StageTimes {
    /// From the sensor's timestamp to the encoder's output.
    pub captured_to_encoded_us: u32,
    /// From the encoder's output to the socket.
    pub encoded_to_sent_us: u32,
    /// Within the relay; zero until it writes it.
    pub relayed_us: u32,
    /// Of the first: until the encoder took the picture, so in the camera, its driver and what waits behind them.
    pub captured_to_taken_us: Option<u32>,
    /// Half of the sender's round trip to the relay: what the first part of the way takes.
    pub way_to_relay_us: Option<u32>,
}

impl StageTimes {
    /// The extension's type.
    pub const KIND: u8 = 1;
    /// The least bytes of its value: the first three times.
    pub const LEN: usize = 12;
    /// The most that are written: all of them.
    pub const MAX_LEN: usize = 20;

    /// The bytes of its value as [`MediaHeader::emit`](super::MediaHeader::emit) writes it.
    pub(super) fn len(&self) -> usize {
        match (self.captured_to_taken_us, self.way_to_relay_us) {
            (Some(_), Some(_)) => Self::MAX_LEN,
            (Some(_), None) => Self::LEN + 4,
            (None, _) => Self::LEN,
        }
    }

    /// Reads the value of an extension of type [`StageTimes::KIND`].
    pub fn parse(value: &[u8]) -> Result<StageTimes, Error> {
        let mut reader = Reader::new(value);
        Ok(StageTimes {
            captured_to_encoded_us: reader.u32()?,
            encoded_to_sent_us: reader.u32()?,
            relayed_us: reader.u32()?,
            captured_to_taken_us: reader.u32().ok(),
            way_to_relay_us: reader.u32().ok(),
        })
    }

    pub(super) fn emit(&self, writer: &mut Writer<'_>) -> Result<(), Error> {
        writer.u8(Self::KIND)?;
        writer.u8(self.len() as u8)?;
        writer.u32(self.captured_to_encoded_us)?;
        writer.u32(self.encoded_to_sent_us)?;
        writer.u32(self.relayed_us)?;
        let later = [self.captured_to_taken_us, self.way_to_relay_us];
        later.into_iter().map_while(|time| time).try_for_each(|time| writer.u32(time))
    }
}
