//! The thirteen bytes in clear: which session, which packet. They are the AEAD's associated data.
//!
//! The session id, not the address, finds the key, so a kiosk may change its address in the middle of a meeting. The
//! packet number belongs to one hop and one direction: it gives the nonce, the replay window and the transport's
//! feedback, whatever is inside.

use super::bytes::{Reader, Writer};
use super::{Error, HOP_HEADER, VERSION};
use crate::id::SessionId;

/// The header in clear.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct HopHeader {
    /// Flips when the sender moves on to its next key.
    pub phase: bool,
    /// Names the session, and so the key.
    pub session: SessionId,
    /// The low 32 bits of this hop's and direction's packet number.
    pub packet: u32,
}

impl HopHeader {
    /// Reads the header from the start of a datagram.
    ///
    /// Errors: [`Error::Truncated`]; [`Error::Version`]; [`Error::Invalid`] when reserved bits are set.
    pub fn parse(datagram: &[u8]) -> Result<HopHeader, Error> {
        let mut reader = Reader::new(datagram);
        let first = reader.u8()?;
        if first >> 4 != VERSION {
            return Err(Error::Version(first >> 4));
        }
        if first & 0b111 != 0 {
            return Err(Error::Invalid("reserved bits"));
        }
        let session = SessionId(reader.array()?);
        let packet = reader.u32()?;
        Ok(HopHeader { phase: first & 0b1000 != 0, session, packet })
    }

    /// Writes the header to the first [`HOP_HEADER`] bytes of `out`.
    ///
    /// Errors: [`Error::TooLong`] when `out` is shorter.
    pub fn emit(&self, out: &mut [u8]) -> Result<usize, Error> {
        let mut writer = Writer::new(out);
        writer.u8(VERSION << 4 | u8::from(self.phase) << 3)?;
        writer.put(&self.session.0)?;
        writer.u32(self.packet)?;
        debug_assert_eq!(writer.len(), HOP_HEADER);
        Ok(writer.len())
    }
}

/// The full packet number whose low 32 bits are `truncated` and which lies closest to one past `largest`, the largest
/// that was authenticated so far (RFC 9000, appendix A.3).
pub fn reconstruct_packet_number(largest: Option<u64>, truncated: u32) -> u64 {
    const WINDOW: u64 = 1 << 32;
    let expected = largest.map_or(0, |n| n.saturating_add(1));
    let candidate = expected & !(WINDOW - 1) | u64::from(truncated);
    if candidate.saturating_add(WINDOW / 2) <= expected {
        candidate.saturating_add(WINDOW)
    } else if candidate > expected.saturating_add(WINDOW / 2) && candidate >= WINDOW {
        candidate - WINDOW
    } else {
        candidate
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_layout_is_the_documented_one() {
        let header = HopHeader { phase: true, session: SessionId(*b"SESSION!"), packet: 0x0102_0304 };
        let mut out = [0; HOP_HEADER];
        assert_eq!(header.emit(&mut out), Ok(HOP_HEADER));
        assert_eq!(&out, b"\x18SESSION!\x01\x02\x03\x04");
    }

    #[test]
    fn foreign_versions_and_reserved_bits_are_refused() {
        let mut bytes = [0; HOP_HEADER];
        assert_eq!(HopHeader::parse(&bytes), Err(Error::Version(0)));
        bytes[0] = 0x14;
        assert_eq!(HopHeader::parse(&bytes), Err(Error::Invalid("reserved bits")));
        assert_eq!(HopHeader::parse(&[0x10; 12]), Err(Error::Truncated));
    }

    proptest! {
        #[test]
        fn parses_back(phase: bool, session: [u8; 8], packet: u32) {
            let header = HopHeader { phase, session: SessionId(session), packet };
            let mut out = [0; HOP_HEADER];
            header.emit(&mut out).unwrap();
            prop_assert_eq!(HopHeader::parse(&out), Ok(header));
        }

        #[test]
        fn any_bytes_survive(bytes: Vec<u8>) {
            let _ = HopHeader::parse(&bytes);
        }

        #[test]
        fn numbers_near_the_largest_come_back(largest in 0u64..1 << 62, delta in -1_000_000i64..1_000_000) {
            let number = (largest + 1).saturating_add_signed(delta);
            prop_assert_eq!(reconstruct_packet_number(Some(largest), number as u32), number);
        }
    }
}
