//! The label a room carries. A name identifies nobody: two rooms may share one.

use std::fmt;
use std::str::FromStr;

use crate::id::text_serde;

/// A room's label: 1 to 40 characters, no control characters, no space at either end.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RoomName(String);

/// Why a text cannot be a room's name, worded for whoever types it.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum NameError {
    /// Nothing, or spaces only.
    Empty,
    /// More than [`RoomName::MAX_CHARS`] characters.
    TooLong,
    /// A line break, a bidirectional override or another character that cannot be seen.
    Control,
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            NameError::Empty => "A name is needed.",
            NameError::TooLong => "The name is too long: 40 characters at most.",
            NameError::Control => "The name has characters that cannot be shown.",
        })
    }
}

impl std::error::Error for NameError {}

impl RoomName {
    /// The most characters a name may have.
    pub const MAX_CHARS: usize = 40;

    /// The text, never empty.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RoomName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<RoomName, NameError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(NameError::Empty);
        }
        if text.chars().any(is_invisible) {
            return Err(NameError::Control);
        }
        if text.chars().count() > Self::MAX_CHARS {
            return Err(NameError::TooLong);
        }
        Ok(RoomName(text.to_owned()))
    }
}

impl fmt::Display for RoomName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

text_serde!(RoomName);

/// Control characters, and the format characters that let one name pass for another (zero width, bidirectional).
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{ad}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_trimmed_and_bounded() {
        assert_eq!("  Boardroom 3A ".parse::<RoomName>().unwrap().as_str(), "Boardroom 3A");
        assert_eq!("東京支社".parse::<RoomName>().unwrap().as_str(), "東京支社");
        assert_eq!("é".repeat(40).parse::<RoomName>().unwrap().as_str().chars().count(), 40);
        assert_eq!("   ".parse::<RoomName>(), Err(NameError::Empty));
        assert_eq!("x".repeat(41).parse::<RoomName>(), Err(NameError::TooLong));
        for bad in ["a\nb", "a\u{202e}b", "a\u{200b}b", "a\0b"] {
            assert_eq!(bad.parse::<RoomName>(), Err(NameError::Control), "{bad:?}");
        }
    }
}
