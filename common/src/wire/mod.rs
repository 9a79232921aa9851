//! The media datagram, byte by byte: a header in clear, a body sealed for one hop.
//!
//! ```text
//! 0               1               9              13                          len-16      len
//! | ver 4 | phase 1 | zero 3 | session id | packet number | sealed body ........ | AEAD tag |
//! |<--------- in clear, authenticated ------------------->|
//! ```
//!
//! Everything is big-endian. Parsing is checked: no input panics, and what is written parses back. This module needs
//! neither `std` nor an allocator.

mod bytes;
mod demand;
mod extension;
mod feedback;
mod file;
mod header;
mod media;
mod path;

use core::fmt;

pub use demand::{Demand, Demanded, View, Viewed};
pub use extension::{Extension, Extensions, StageTimes};
pub use feedback::{Arrival, Ecn, Feedback, KeyframeRequest, Nack};
pub use file::{FileAck, FileSegment, SackRange};
pub use header::{HopHeader, reconstruct_packet_number};
pub use media::{AudioLevel, Layer, MediaFlags, MediaHeader};
pub use path::{PathProbe, TimeAnswer, TimeRequest};

/// The version this crate speaks, in the header's upper four bits.
pub const VERSION: u8 = 1;
/// The most bytes a datagram may have, with everything: fits IPv6's smallest MTU of 1,280 less IP and UDP headers.
pub const MAX_DATAGRAM: usize = 1200;
/// Bytes of the header in clear.
pub const HOP_HEADER: usize = 13;
/// Bytes of the AEAD tag behind the body.
pub const TAG: usize = 16;
/// The most bytes a sealed body may have.
pub const MAX_BODY: usize = MAX_DATAGRAM - HOP_HEADER - TAG;
/// The most payload bytes of one piece of a frame (10 ms of 48 kHz 16-bit mono PCM is 960).
pub const MAX_PAYLOAD: usize = 1120;

/// Why bytes from the network are not what they should be.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Error {
    /// Fewer bytes than the fields need.
    Truncated,
    /// A version this program does not speak.
    Version(u8),
    /// A kind of body this program does not know; it is skipped.
    UnknownKind(u8),
    /// A field outside its range, or fields that contradict each other.
    Invalid(&'static str),
    /// More than fits the format's limits.
    TooLong,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Truncated => f.write_str("the datagram ends too early"),
            Error::Version(version) => write!(f, "datagram version {version} is not spoken here"),
            Error::UnknownKind(kind) => write!(f, "unknown kind of datagram {kind}"),
            Error::Invalid(what) => write!(f, "invalid {what}"),
            Error::TooLong => f.write_str("more than fits a datagram"),
        }
    }
}

impl core::error::Error for Error {}

/// What a sealed body is: its first byte.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum Kind {
    /// A piece of an audio frame.
    Audio = 1,
    /// A piece of a camera's frame.
    Video = 2,
    /// A piece of a presentation's frame.
    Presentation = 3,
    /// A segment of a file.
    File = 4,
    /// What a file's receiver has got.
    FileAck = 5,
    /// When packets arrived, and how they were marked.
    Feedback = 6,
    /// Pieces that are missing and still wanted.
    Nack = 7,
    /// A piece sent again.
    Retransmission = 8,
    /// A piece made by forward error correction.
    Repair = 9,
    /// Sent to find room, or to keep a path open; the rest is padding.
    Probe = 10,
    /// Is this address yours?
    PathChallenge = 11,
    /// Yes, it is.
    PathResponse = 12,
    /// What time is it there?
    TimeRequest = 13,
    /// This time.
    TimeAnswer = 14,
    /// The next frame of this stream should be a keyframe.
    KeyframeRequest = 15,
    /// What a receiver shows, and how large.
    View = 16,
    /// Which layers of a sender's anybody wants.
    Demand = 17,
}

impl Kind {
    /// Every kind, in the order of its number.
    pub const ALL: [Kind; 17] = [
        Kind::Audio,
        Kind::Video,
        Kind::Presentation,
        Kind::File,
        Kind::FileAck,
        Kind::Feedback,
        Kind::Nack,
        Kind::Retransmission,
        Kind::Repair,
        Kind::Probe,
        Kind::PathChallenge,
        Kind::PathResponse,
        Kind::TimeRequest,
        Kind::TimeAnswer,
        Kind::KeyframeRequest,
        Kind::View,
        Kind::Demand,
    ];

    /// The kind of a sealed body, from its first byte.
    pub fn of(body: &[u8]) -> Result<Kind, Error> {
        let number = *body.first().ok_or(Error::Truncated)?;
        let index = usize::from(number).wrapping_sub(1);
        Self::ALL.get(index).copied().ok_or(Error::UnknownKind(number))
    }

    /// Whether bodies of this kind begin with a [`MediaHeader`].
    pub fn is_media(self) -> bool {
        match self {
            Kind::Audio | Kind::Video | Kind::Presentation | Kind::Retransmission | Kind::Repair => true,
            Kind::File
            | Kind::FileAck
            | Kind::Feedback
            | Kind::Nack
            | Kind::Probe
            | Kind::PathChallenge
            | Kind::PathResponse
            | Kind::TimeRequest
            | Kind::TimeAnswer
            | Kind::KeyframeRequest
            | Kind::View
            | Kind::Demand => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_read_back_from_their_number() {
        for kind in Kind::ALL {
            assert_eq!(Kind::of(&[kind as u8, 9]), Ok(kind));
        }
        assert_eq!(Kind::of(&[0]), Err(Error::UnknownKind(0)));
        assert_eq!(Kind::of(&[18]), Err(Error::UnknownKind(18)));
        assert_eq!(Kind::of(&[]), Err(Error::Truncated));
    }

    #[test]
    fn a_full_piece_with_every_extension_fits_a_datagram() {
        let header = media::FIXED + 2 + StageTimes::MAX_LEN;
        assert!(HOP_HEADER + header + MAX_PAYLOAD + TAG <= MAX_DATAGRAM);
    }
}
