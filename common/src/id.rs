//! Who and what is meant: rooms, members, knocks, sessions, streams.
//!
//! A member of a room *is* its Ed25519 key; names are labels (see `name`). Identities of fixed size are plain bytes
//! here; how they look in JSON stands beside each one.

use core::fmt;
use core::str::FromStr;

/// Text that does not name the identity it was parsed as.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct ParseIdError;

impl fmt::Display for ParseIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not the digits that are expected here (a key has 64 hexadecimal ones, a code six)")
    }
}

impl core::error::Error for ParseIdError {}

macro_rules! hex_id {
    ($(#[$doc:meta])* $name:ident, $len:literal) => {
        $(#[$doc])*
        #[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(pub [u8; $len]);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;
            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                let mut bytes = [0; $len];
                parse_hex(text, &mut bytes)?;
                Ok($name(bytes))
            }
        }

        #[cfg(feature = "std")]
        text_serde!($name);
    };
}

/// Serialises a type as its `Display` text and reads it back with `FromStr`.
#[cfg(feature = "std")]
macro_rules! text_serde {
    ($name:ident) => {
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
                out.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(input)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}
#[cfg(feature = "std")]
pub(crate) use text_serde;

hex_id! {
    /// A kiosk or a relay: its Ed25519 public key (RFC 8032). In JSON: 64 lower-case hexadecimal digits.
    PeerId, 32
}
hex_id! {
    /// A room, derived from its founder's key (see `signed::Founding`). In JSON: 32 hexadecimal digits.
    RoomId, 16
}
hex_id! {
    /// A media session between one kiosk and the relay, chosen by the relay at random. In JSON: 16 hexadecimal digits.
    SessionId, 8
}
hex_id! {
    /// One knock at one room, chosen by the relay at random. In JSON: 16 hexadecimal digits.
    KnockId, 8
}

impl PeerId {
    /// The first eight digits, for logs and labels where rooms share a name.
    pub fn short(&self) -> impl fmt::Display {
        struct Short([u8; 4]);
        impl fmt::Display for Short {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }
        Short([self.0[0], self.0[1], self.0[2], self.0[3]])
    }
}

fn parse_hex(text: &str, out: &mut [u8]) -> Result<(), ParseIdError> {
    let digits = text.as_bytes();
    if digits.len() != out.len() * 2 {
        return Err(ParseIdError);
    }
    let value = |digit: u8| match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'a'..=b'f' => Ok(digit - b'a' + 10),
        _ => Err(ParseIdError),
    };
    for (byte, pair) in out.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = value(pair[0])? << 4 | value(pair[1])?;
    }
    Ok(())
}

/// One media stream of one member, given out by the relay, unique while the relay runs. In JSON: a number.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
#[cfg_attr(feature = "std", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct StreamId(pub u32);

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// The six digits by which people find a room. Only a way to find it, never a right to enter. In JSON: `"482913"`.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RoomCode(u32);

impl RoomCode {
    /// How many codes there are.
    pub const COUNT: u32 = 1_000_000;

    /// The code with this number, if it is below [`RoomCode::COUNT`].
    pub fn new(number: u32) -> Option<RoomCode> {
        (number < Self::COUNT).then_some(RoomCode(number))
    }

    /// As shown to people: `482 913`.
    pub fn spaced(self) -> impl fmt::Display {
        struct Spaced(u32);
        impl fmt::Display for Spaced {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:03} {:03}", self.0 / 1000, self.0 % 1000)
            }
        }
        Spaced(self.0)
    }
}

impl fmt::Display for RoomCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:06}", self.0)
    }
}

impl FromStr for RoomCode {
    type Err = ParseIdError;

    /// Exactly six ASCII digits.
    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        if text.len() != 6 || !text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(ParseIdError);
        }
        text.parse().map(RoomCode).map_err(|_| ParseIdError)
    }
}

#[cfg(feature = "std")]
text_serde!(RoomCode);

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn a_code_is_six_digits_with_its_zeros() {
        let code: RoomCode = "004711".parse().unwrap();
        assert_eq!(code.to_string(), "004711");
        assert_eq!(code.spaced().to_string(), "004 711");
        for bad in ["", "12345", "1234567", "12 456", "12345a", "+12345", "１２３４５６"] {
            assert!(bad.parse::<RoomCode>().is_err(), "{bad}");
        }
        assert!(RoomCode::new(1_000_000).is_none());
    }

    #[test]
    fn identities_read_back_from_their_text() {
        let id = SessionId([0, 1, 2, 0xab, 0xcd, 0xef, 254, 255]);
        assert_eq!(id.to_string(), "000102abcdeffeff");
        assert_eq!(id.to_string().parse(), Ok(id));
        for bad in ["", "00", "000102abcdeffef", "000102ABCDEFFEFF", "000102abcdeffeffg0", "g00102abcdeffeff"]
        {
            assert!(bad.parse::<SessionId>().is_err(), "{bad}");
        }
    }
}
