//! The control channel: length-prefixed JSON over TLS, a request and its one answer, and what the relay tells unasked.
//!
//! PROTOCOL.md describes every message; the types here are its exact form. Unknown fields are ignored, unknown message
//! types are answered with an error and survived.

mod ask;
mod frame;
mod greeting;
mod room;
mod tell;

use std::fmt;

use serde::Deserialize;

pub use ask::{Ask, ToRelay};
pub use frame::{FrameDecoder, FrameError, LENGTH_PREFIX, MAX_FRAME, encode_frame};
pub use greeting::{Hello, Limits, MediaEndpoint, Welcome, feature};
pub use room::{Entered, LeftWhy, LinkQuality, Member, MemberState, RoomEvent, Streams};
pub use tell::{
    ClosedWhy, DeniedWhy, ErrorCode, KioskStatus, KnockGoneWhy, RelayError, RoomStatus, Status, StoppingWhy,
    Tell, ToKiosk,
};

/// The lowest protocol version this program speaks.
pub const LOWEST_VERSION: u16 = 1;
/// The highest protocol version this program speaks.
pub const HIGHEST_VERSION: u16 = 1;
/// The TLS application protocol (RFC 7301).
pub const ALPN: &[u8] = b"vestibule/1";
/// The relay's control port unless configured otherwise.
pub const DEFAULT_TCP_PORT: u16 = 5000;
/// The relay's media port unless configured otherwise.
pub const DEFAULT_UDP_PORT: u16 = 5001;
/// The service by which relays are found (RFC 6763).
pub const SERVICE: &str = "_vestibule._tcp.local.";
/// The most bytes of an opaque message, before Base64.
pub const MAX_OPAQUE: usize = 16 * 1024;
/// The most characters of an opaque message's class.
pub const MAX_CLASS: usize = 16;

/// A frame that is not a message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ParseError {
    /// JSON of a type that this program does not know; it is answered and survived.
    UnknownType {
        /// The type's name.
        kind: String,
        /// The request to answer, if it had a number.
        request: Option<u32>,
    },
    /// No JSON object, a missing field, a field out of range. The text says which.
    Malformed {
        /// For the log.
        detail: String,
        /// The request to answer, if it had a number.
        request: Option<u32>,
    },
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ParseError::UnknownType { kind, .. } => write!(f, "unknown message type {kind:?}"),
            ParseError::Malformed { detail, .. } => write!(f, "malformed message: {detail}"),
        }
    }
}

impl std::error::Error for ParseError {}

/// Reads a message to the relay from one frame's JSON.
pub fn parse_ask(json: &[u8]) -> Result<ToRelay, ParseError> {
    parse(json, Ask::TYPES)
}

/// Reads a message to a kiosk from one frame's JSON.
pub fn parse_tell(json: &[u8]) -> Result<ToKiosk, ParseError> {
    parse(json, Tell::TYPES)
}

fn parse<'a, T: Deserialize<'a>>(json: &'a [u8], types: &[&str]) -> Result<T, ParseError> {
    #[derive(Deserialize)]
    struct Envelope {
        #[serde(rename = "type")]
        kind: String,
        #[serde(default)]
        request: Option<u32>,
    }
    let malformed =
        |error: serde_json::Error, request| ParseError::Malformed { detail: error.to_string(), request };
    let envelope: Envelope = serde_json::from_slice(json).map_err(|error| malformed(error, None))?;
    if !types.contains(&envelope.kind.as_str()) {
        let kind = envelope.kind.chars().take(40).collect();
        return Err(ParseError::UnknownType { kind, request: envelope.request });
    }
    serde_json::from_slice(json).map_err(|error| malformed(error, envelope.request))
}

/// Bytes as Base64 (RFC 4648, section 4) in JSON.
pub(crate) mod base64_bytes {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(crate) fn serialize<S: Serializer>(bytes: &[u8], out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(&STANDARD.encode(bytes))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(input: D) -> Result<Vec<u8>, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(input)?;
        STANDARD.decode(text.as_bytes()).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_types_and_fields_are_survived() {
        let ask = parse_ask(br#"{"type":"leave","request":3,"colour":"blue"}"#).unwrap();
        assert_eq!(ask, ToRelay { request: 3, body: Ask::Leave });
        let unknown = parse_ask(br#"{"type":"dance","request":4}"#);
        assert_eq!(unknown, Err(ParseError::UnknownType { kind: "dance".into(), request: Some(4) }));
        let malformed = parse_ask(br#"{"type":"lock","request":5}"#);
        assert!(matches!(malformed, Err(ParseError::Malformed { request: Some(5), .. })));
        for bad in ["", "[]", "{}", "{\"type\":3}", "{\"type\":\"leave\"", "\u{0}"] {
            assert!(
                matches!(parse_ask(bad.as_bytes()), Err(ParseError::Malformed { request: None, .. })),
                "{bad}"
            );
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_survive(bytes: Vec<u8>) {
            let _ = parse_ask(&bytes);
            let _ = parse_tell(&bytes);
        }
    }
}
