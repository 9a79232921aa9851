//! Text being written on the on-screen keyboard: a message, or the room's name.

use unicode_segmentation::UnicodeSegmentation;

use crate::view::{KeyboardView, Language, Shift};

/// A draft and the state of its keyboard.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Draft {
    pub(crate) text: String,
    /// The keyboard is on the screen.
    pub(crate) open: bool,
    shift: Shift,
    symbols: bool,
    limit: usize,
}

impl Draft {
    /// An empty draft of at most `limit` characters.
    pub(crate) fn new(limit: usize) -> Draft {
        Draft { text: String::new(), open: false, shift: Shift::Once, symbols: false, limit }
    }

    /// Appends a character. Returns false when there is no place left.
    pub(crate) fn type_char(&mut self, c: char) -> bool {
        if c.is_control() && c != '\n' {
            return true;
        }
        if self.text.chars().count() >= self.limit {
            return false;
        }
        // The keyboard shows upper-case letters while shifted and sends what it shows; either way counts.
        match self.shift {
            Shift::Off => self.text.push(c),
            Shift::Once | Shift::Locked => self.text.push(upper(c)),
        }
        if self.shift == Shift::Once {
            self.shift = Shift::Off;
        }
        true
    }

    /// Erases what a person sees as one character.
    pub(crate) fn erase(&mut self) {
        if let Some((at, _)) = self.text.grapheme_indices(true).next_back() {
            self.text.truncate(at);
        }
    }

    pub(crate) fn shift(&mut self) {
        self.shift = match self.shift {
            Shift::Off => Shift::Once,
            Shift::Once => Shift::Locked,
            Shift::Locked => Shift::Off,
        };
    }

    pub(crate) fn symbols(&mut self) {
        self.symbols = !self.symbols;
    }

    /// Shows the keyboard or hides it; an empty draft begins with a capital.
    pub(crate) fn show(&mut self, open: bool) {
        self.open = open;
        self.symbols = false;
        self.shift = if self.text.is_empty() { Shift::Once } else { Shift::Off };
    }

    /// Empty again, with the keyboard as it was.
    pub(crate) fn clear(&mut self) {
        self.text.clear();
        self.shift = Shift::Once;
        self.symbols = false;
    }

    pub(crate) fn keyboard(&self, language: Language) -> Option<KeyboardView> {
        self.open.then_some(KeyboardView { language, shift: self.shift, symbols: self.symbols })
    }
}

/// The capital of a letter; letters without one of a single character, such as the German sharp s, stay.
fn upper(c: char) -> char {
    let mut capital = c.to_uppercase();
    match (capital.next(), capital.next()) {
        (Some(one), None) => one,
        (Some(_), Some(_)) | (None, _) => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draft_is_bounded_and_erased_by_what_people_see() {
        let mut draft = Draft::new(5);
        for c in ['g', 'e', '\u{301}', '\u{7}'] {
            assert!(draft.type_char(c));
        }
        assert_eq!(draft.text, "Ge\u{301}");
        draft.erase();
        assert_eq!(draft.text, "G");
        draft.shift();
        draft.shift();
        assert!(draft.type_char('ß'));
        assert_eq!(draft.text, "Gß");
        draft.shift();
        assert!(draft.type_char('x') && draft.type_char('y') && draft.type_char('z'));
        assert_eq!(draft.text, "Gßxyz");
        assert!(!draft.type_char('!'), "full");
        draft.clear();
        draft.erase();
        assert_eq!(draft.text, "");
    }
}
