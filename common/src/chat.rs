//! A chat message as rooms exchange it: opaque to the relay, signed by its author.
//!
//! The signature lets a newcomer check the history that the host's kiosk resends, and keeps the relay from putting
//! words into a room's mouth.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::id::{PeerId, RoomId};
use crate::identity::{Identity, SIGNATURE, verify};
use crate::signed::{Signature, Text};

/// Class of an opaque message that carries one [`ChatMessage`] as JSON.
pub const CLASS_CHAT: &str = "chat";
/// Class of an opaque message that carries a [`HistoryPage`] as JSON, from the host to a newcomer.
pub const CLASS_HISTORY: &str = "history";

/// Why a message cannot be sent or is not shown.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum ChatError {
    /// Nothing but spaces.
    Empty,
    /// More than [`ChatMessage::MAX_CHARS`] characters.
    TooLong,
    /// Too many recipients.
    TooManyRecipients,
    /// The author's signature does not fit.
    Forged,
}

impl fmt::Display for ChatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ChatError::Empty => "There is nothing to send.",
            ChatError::TooLong => "The message is too long: 2,000 characters at most.",
            ChatError::TooManyRecipients => "The message has too many recipients.",
            ChatError::Forged => "The message was not signed by the room it claims to be from.",
        })
    }
}

impl std::error::Error for ChatError {}

/// One message, to everyone or to some.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ChatMessage {
    /// The author.
    pub from: PeerId,
    /// Who may read it; empty means everyone in the room.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub to: Vec<PeerId>,
    /// Rises with every message of its author in a room.
    pub sequence: u64,
    /// When it was written: Unix time in milliseconds, by the relay's clock.
    pub written_ms: u64,
    /// 1 to 2,000 characters; no control characters but line breaks.
    pub text: String,
    /// Ed25519 of the author over all of the above and the room.
    pub signature: Signature,
}

impl ChatMessage {
    /// The most characters a message may have.
    pub const MAX_CHARS: usize = 2000;
    /// The most recipients a message may name.
    pub const MAX_RECIPIENTS: usize = 64;

    /// Writes and signs a message; control characters other than line breaks are dropped, outer spaces trimmed.
    ///
    /// Errors: [`ChatError::Empty`], [`ChatError::TooLong`], [`ChatError::TooManyRecipients`].
    pub fn write(
        author: &Identity,
        room: RoomId,
        to: Vec<PeerId>,
        sequence: u64,
        written_ms: u64,
        text: &str,
    ) -> Result<ChatMessage, ChatError> {
        let text: String = text.trim().chars().filter(|c| *c == '\n' || !c.is_control()).collect();
        let from = author.peer();
        let mut message =
            ChatMessage { from, to, sequence, written_ms, text, signature: Signature([0; SIGNATURE]) };
        message.check_form()?;
        message.signature = Signature(author.sign(&message.signed_text(room)));
        Ok(message)
    }

    /// Checks a message that was received in `room`.
    ///
    /// Errors: as for [`ChatMessage::write`], and [`ChatError::Forged`].
    pub fn check(&self, room: RoomId) -> Result<(), ChatError> {
        self.check_form()?;
        verify(&self.from, &self.signed_text(room), &self.signature.0).map_err(|_| ChatError::Forged)
    }

    /// Whether it was written to some rooms only.
    pub fn is_private(&self) -> bool {
        !self.to.is_empty()
    }

    fn check_form(&self) -> Result<(), ChatError> {
        if self.text.trim().is_empty() {
            return Err(ChatError::Empty);
        }
        if self.text.chars().count() > Self::MAX_CHARS {
            return Err(ChatError::TooLong);
        }
        if self.to.len() > Self::MAX_RECIPIENTS {
            return Err(ChatError::TooManyRecipients);
        }
        Ok(())
    }

    fn signed_text(&self, room: RoomId) -> Vec<u8> {
        let mut text = Text::new("chat");
        text.put(&room.0).put(&self.from.0).number(self.to.len() as u64);
        for recipient in &self.to {
            text.put(&recipient.0);
        }
        text.number(self.sequence).number(self.written_ms).put(self.text.as_bytes());
        text.0
    }
}

/// What was written before a newcomer joined: public messages, oldest first.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct HistoryPage {
    /// The messages.
    pub messages: Vec<ChatMessage>,
    /// Another page follows.
    pub more: bool,
    /// The host knows that older messages are missing (after a restart).
    pub incomplete: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_its_authors_and_its_rooms() {
        let (author, reader) = (Identity::from_seed(&[1; 32]), Identity::from_seed(&[2; 32]));
        let room = RoomId([3; 16]);
        let message = ChatMessage::write(&author, room, vec![reader.peer()], 1, 2, " Grüße\u{7} ").unwrap();
        assert_eq!(message.text, "Grüße");
        assert_eq!(message.check(room), Ok(()));
        let json = serde_json::to_string(&message).unwrap();
        assert_eq!(serde_json::from_str::<ChatMessage>(&json).unwrap().check(room), Ok(()));
        assert_eq!(message.check(RoomId([4; 16])), Err(ChatError::Forged));
        let altered = [
            ChatMessage { text: "Grüße!".into(), ..message.clone() },
            ChatMessage { from: reader.peer(), ..message.clone() },
            ChatMessage { to: vec![], ..message.clone() },
            ChatMessage { sequence: 2, ..message.clone() },
            ChatMessage { written_ms: 3, ..message.clone() },
        ];
        for message in altered {
            assert_eq!(message.check(room), Err(ChatError::Forged));
        }
    }

    #[test]
    fn messages_are_bounded() {
        let author = Identity::from_seed(&[1; 32]);
        let write =
            |text: &str| ChatMessage::write(&author, RoomId::default(), vec![], 1, 2, text).map(|_| ());
        assert_eq!(write(" \n "), Err(ChatError::Empty));
        assert_eq!(write(&"ü".repeat(2000)), Ok(()));
        assert_eq!(write(&"ü".repeat(2001)), Err(ChatError::TooLong));
    }
}
