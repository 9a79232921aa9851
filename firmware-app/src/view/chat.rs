//! The chat panel: a page of messages, who the next one is for, and what is being written.

use serde::Serialize;
use vestibule_common::id::PeerId;
use vestibule_common::time::Time;

use super::Language;
use super::words::Sentence;
use crate::kiosk::{Kiosk, WallClock};
use crate::session::Meeting;
use crate::session::chat::Entry;

/// The chat panel.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct ChatView {
    /// Everyone first, then each other room.
    pub recipients: Vec<Chip>,
    /// The page's messages, oldest first, grouped by room.
    pub messages: Vec<MessageView>,
    /// There are older messages.
    pub older: bool,
    /// There are newer messages.
    pub newer: bool,
    /// What is being written.
    pub draft: String,
    /// Shown in place of an empty draft: "Message to everyone".
    pub hint: String,
    /// The keyboard, when open.
    pub keyboard: Option<KeyboardView>,
    /// Under the draft: why a message was not sent.
    pub error: Option<String>,
}

/// A recipient to choose.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Chip {
    /// Nobody: everyone.
    pub to: Option<PeerId>,
    /// "Everyone" or the room's name.
    pub label: String,
    /// The one chosen.
    pub chosen: bool,
}

/// One message.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct MessageView {
    /// The room, or "You"; empty when the message above is the same room's.
    pub from: String,
    /// "14:05".
    pub time: String,
    /// What it says.
    pub text: String,
    /// Marked with a lock: "only for you", "only for Workshop".
    pub private: Option<String>,
    /// Written here.
    pub own: bool,
    /// Not acknowledged yet, or not sent: its mark.
    pub delivery: Delivery,
}

/// What became of an own message.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Serialize)]
pub enum Delivery {
    /// On its way.
    Sending,
    /// In the room's order.
    Sent,
    /// Could not be sent.
    Failed,
}

/// The on-screen keyboard.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Serialize)]
pub struct KeyboardView {
    /// Whose layout.
    pub language: Language,
    /// Upper case.
    pub shift: Shift,
    /// Symbols in place of letters.
    pub symbols: bool,
}

/// The shift key.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub enum Shift {
    /// Lower case.
    #[default]
    Off,
    /// The next letter only.
    Once,
    /// Every letter.
    Locked,
}

/// Characters that surely fit a line of the narrowest panel.
const LINE_CHARS: usize = 34;
/// Lines of a piece: a long message is shown in several, so that a page always has room for one.
const PIECE_LINES: usize = 5;

/// How many lines each piece of the chat has, in order.
pub(crate) fn lines(kiosk: &Kiosk) -> Vec<usize> {
    kiosk.session.meeting().map_or_else(Vec::new, |meeting| {
        pieces(kiosk, meeting).into_iter().map(|piece| piece.lines).collect()
    })
}

pub(super) fn of(kiosk: &Kiosk, meeting: &Meeting, now: Time, wall: WallClock) -> ChatView {
    let language = kiosk.settings.language;
    let say = |sentence: Sentence| sentence.say(language);
    let stay = &kiosk.stay;
    let me = meeting.roster.me;
    let everyone = Chip { to: None, label: say(Sentence::Everyone), chosen: stay.chat_to.is_none() };
    let rooms = meeting.roster.others().map(|member| Chip {
        to: Some(member.id()),
        label: meeting.label(&member.id()).unwrap_or_default().to_owned(),
        chosen: stay.chat_to == Some(member.id()),
    });
    let pieces = pieces(kiosk, meeting);
    let lines: Vec<usize> = pieces.iter().map(|piece| piece.lines).collect();
    let page = stay.reading.page(&lines, stay.draft.open);
    let (older, newer) = (page.start > 0, page.end < pieces.len());
    let mut messages: Vec<MessageView> = Vec::new();
    let mut above = None;
    for piece in &pieces[page] {
        let Some(entry) = piece.entry else {
            messages.push(remark(piece.text.clone()));
            continue;
        };
        let message = &entry.message;
        let own = message.from == me;
        let plate = (message.from, &message.to);
        let from = if above == Some(plate) { String::new() } else { author(kiosk, meeting, entry) };
        above = Some(plate);
        let private = message.is_private().then(|| {
            if own {
                let to = message.to.iter().map(|peer| label(kiosk, meeting, peer));
                say(Sentence::OnlyFor { room: to.collect::<Vec<_>>().join(", ") })
            } else {
                say(Sentence::OnlyForYou)
            }
        });
        messages.push(MessageView {
            from,
            time: time_of_day(kiosk.session.relay_ms(now).unwrap_or(0), message.written_ms, wall),
            text: piece.text.clone(),
            private,
            own,
            delivery: if own { entry.delivery } else { Delivery::Sent },
        });
    }
    let to = stay.chat_to.and_then(|peer| meeting.label(&peer));
    let failed = meeting.chat.entries().next_back().is_some_and(|entry| entry.delivery == Delivery::Failed);
    let error = stay.chat_error.clone().or(failed.then_some(Sentence::ChatFailed));
    ChatView {
        recipients: std::iter::once(everyone).chain(rooms).collect(),
        messages,
        older,
        newer,
        draft: stay.draft.text.clone(),
        hint: say(match to {
            Some(room) => Sentence::MessageTo { room: room.to_owned() },
            None => Sentence::MessageToEveryone,
        }),
        keyboard: stay.draft.keyboard(language),
        error: error.map(say),
    }
}

/// What stands on one plate: a message or a part of it, or a remark of the kiosk.
struct Piece<'a> {
    entry: Option<&'a Entry>,
    text: String,
    lines: usize,
}

fn pieces<'a>(kiosk: &Kiosk, meeting: &'a Meeting) -> Vec<Piece<'a>> {
    let mut pieces = Vec::new();
    if meeting.chat.missing {
        let text = Sentence::SomeMissing.say(kiosk.settings.language);
        pieces.push(Piece { entry: None, text, lines: 1 });
    }
    for entry in meeting.chat.entries() {
        let lines = wrap(&entry.message.text);
        for part in lines.chunks(PIECE_LINES) {
            pieces.push(Piece { entry: Some(entry), text: part.concat(), lines: part.len() });
        }
    }
    pieces
}

/// Cuts a text into lines, each with what ended it, so that joined they are the text without what cannot be seen.
fn wrap(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut width = 0;
    let visible = |c: &char| *c == '\n' || !(c.is_control() || is_override(*c));
    for c in text.chars().filter(visible) {
        if width >= LINE_CHARS {
            // A word that reached the edge goes on in the next line, whole if it is no longer than that.
            let full = lines.last_mut().expect("there is always a line");
            let cut = full.rfind(' ').map_or(full.len(), |space| space + 1);
            let rest = full.split_off(cut);
            width = rest.chars().count();
            lines.push(rest);
        }
        let line = lines.last_mut().expect("there is always a line");
        line.push(c);
        width += 1;
        if c == '\n' {
            lines.push(String::new());
            width = 0;
        }
    }
    if lines.len() > 1 && lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    lines
}

/// Characters that turn the direction of what follows, beyond their own message.
fn is_override(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn remark(text: String) -> MessageView {
    MessageView {
        from: String::new(),
        time: String::new(),
        text,
        private: None,
        own: false,
        delivery: Delivery::Sent,
    }
}

fn author(kiosk: &Kiosk, meeting: &Meeting, entry: &Entry) -> String {
    if entry.message.from == meeting.roster.me {
        Sentence::You.say(kiosk.settings.language)
    } else {
        label(kiosk, meeting, &entry.message.from)
    }
}

fn label(kiosk: &Kiosk, meeting: &Meeting, peer: &vestibule_common::id::PeerId) -> String {
    let known = meeting.label(peer).map(str::to_owned);
    known.unwrap_or_else(|| Sentence::FormerRoom.say(kiosk.settings.language))
}

/// The room's time of day when something was written, counted back from now: both ages are by the relay's clock, so a
/// kiosk whose clock is wrong shows times that fit the clock on its wall.
fn time_of_day(relay_ms: u64, written_ms: u64, wall: WallClock) -> String {
    const DAY: u64 = 24 * 3600;
    let second = u64::from(wall.hour) * 3600 + u64::from(wall.minute) * 60 + wall.unix_ms / 1000 % 60;
    let age = relay_ms.saturating_sub(written_ms) / 1000 % DAY;
    let then = (second % DAY + DAY - age) % DAY;
    format!("{:02}:{:02}", then / 3600, then / 60 % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_hold_the_whole_text_and_break_between_words() {
        let text = "The quick brown fox jumps over the lazy dog.\nAnd\n\nagain ".repeat(4) + &"x".repeat(100);
        let lines = wrap(&text);
        assert_eq!(lines.concat(), text);
        assert!(lines.iter().all(|line| line.chars().count() <= LINE_CHARS + 1), "{lines:?}");
        assert_eq!(lines[0], "The quick brown fox jumps over ");
        assert_eq!(wrap("short"), ["short"]);
        assert_eq!(wrap("a\u{202e}b\u{7}c"), ["abc"], "what turns or hides text is not shown");
    }

    #[test]
    fn times_are_the_rooms_own() {
        let wall = WallClock { unix_ms: 30_000, hour: 0, minute: 5 };
        assert_eq!(time_of_day(1_000_000_000, 1_000_000_000, wall), "00:05");
        assert_eq!(time_of_day(1_000_000_000, 1_000_000_000 - 31_000, wall), "00:04");
        assert_eq!(time_of_day(1_000_000_000, 1_000_000_000 - 600_000, wall), "23:55");
        assert_eq!(time_of_day(5, 1_000_000_000, wall), "00:05", "written in the future");
    }
}
