//! The on-screen keyboard: English QWERTY or German QWERTZ with umlauts, a number row, a page of symbols, shift. It
//! remembers nothing; its state is in the view.

use druid::Rect;

use crate::kiosk::intent::Intent;
use crate::ui::icons::Icon;
use crate::ui::scene::{Canvas, Touch};
use crate::ui::tokens::{self, GAP, TOUCH};
use crate::ui::widget::button::{Button, Look};
use crate::view::{KeyboardView, Language, Shift};

/// A key.
#[derive(Copy, Clone, PartialEq, Debug)]
enum Key {
    Char(char),
    Shift,
    Erase,
    Symbols,
    Space,
    Submit,
    Close,
}

/// Rows of keys.
const ROWS: f64 = 5.0;

/// How high the keyboard is on a screen of this height.
pub fn height(screen: f64) -> f64 {
    let key = (screen * 0.1 / 8.0).floor() * 8.0;
    key.clamp(TOUCH, 80.0) * ROWS + (ROWS - 1.0) * GAP
}

/// Draws the keyboard into a rectangle. `submit` is the word on the key that ends writing, at rest unless
/// `submittable`.
pub fn keyboard(c: &mut Canvas<'_>, rect: Rect, view: KeyboardView, submit: &str, submittable: bool) {
    let wide = rect.width() >= 12.0 * TOUCH + 11.0 * GAP;
    let rows = rows(view, wide);
    let height = ((rect.height() - (ROWS - 1.0) * GAP) / ROWS).floor();
    let columns = rows.iter().map(|row| span(row)).fold(0.0, f64::max);
    let unit = ((rect.width() - (columns - 1.0) * GAP) / columns).floor();
    for (number, row) in rows.iter().enumerate() {
        let y0 = rect.y0 + number as f64 * (height + GAP);
        let length = |keys: f64| keys * unit + (keys - 1.0) * GAP;
        // A shorter row stands in the middle, as on every keyboard.
        let mut x0 = (rect.x0 + (rect.width() - length(span(row))) / 2.0).round();
        for (key, span) in row {
            let place = Rect::new(x0, y0, x0 + length(*span), y0 + height);
            draw_key(c, place, *key, view, submit, submittable);
            x0 += length(*span) + GAP;
        }
    }
}

fn draw_key(c: &mut Canvas<'_>, rect: Rect, key: Key, view: KeyboardView, submit: &str, submittable: bool) {
    let words = c.words;
    match key {
        Key::Char(char) => {
            let char = if view.shift == Shift::Off { char } else { upper(char) };
            let label = char.to_string();
            let touch = Touch::Tap(Intent::Type(char));
            Button::word(&label, tokens::size::TITLE).draw(c, rect, Some(touch));
        }
        Key::Shift => {
            let (icon, look) = match view.shift {
                Shift::Off => (Icon::Shift, Look::Plain),
                Shift::Once => (Icon::Shift, Look::Chosen),
                Shift::Locked => (Icon::ShiftLocked, Look::Chosen),
            };
            Button::icon(icon).look(look).draw(c, rect, Some(Touch::Tap(Intent::Shift)));
        }
        Key::Erase => Button::icon(Icon::Erase).draw(c, rect, Some(Touch::Repeat(Intent::Erase))),
        Key::Symbols => {
            let label = if view.symbols { words.letters } else { words.symbols };
            Button::word(label, tokens::size::BODY).draw(c, rect, Some(Touch::Tap(Intent::Symbols)));
        }
        Key::Space => {
            Button::word(words.space, tokens::size::SMALL).draw(c, rect, Some(Touch::Tap(Intent::Type(' '))));
        }
        Key::Submit => {
            let touch = submittable.then_some(Touch::Tap(Intent::Submit));
            Button::new(Icon::Send, submit, tokens::size::BODY).look(Look::Action).draw(c, rect, touch);
        }
        Key::Close => {
            let touch = Touch::Tap(Intent::ShowKeyboard(false));
            Button::icon(Icon::KeyboardDown).draw(c, rect, Some(touch));
        }
    }
}

fn span(row: &[(Key, f64)]) -> f64 {
    row.iter().map(|(_, span)| span).sum()
}

fn chars(keys: &str) -> Vec<(Key, f64)> {
    keys.chars().map(|key| (Key::Char(key), 1.0)).collect()
}

fn rows(view: KeyboardView, wide: bool) -> [Vec<(Key, f64)>; 5] {
    let [first, second, third, fourth] = letters(view, wide);
    // Where there is room for twelve columns, shift and erase are wider.
    let side = if wide { 1.5 } else { 1.0 };
    let mut fourth = chars(fourth);
    if view.symbols {
        fourth.push((Key::Erase, side));
    } else {
        fourth.insert(0, (Key::Shift, side));
        fourth.push((Key::Erase, side));
    }
    let mut last = vec![(Key::Close, 1.0), (Key::Symbols, 1.0)];
    let (before, after) = match (view.language, wide, view.symbols) {
        (Language::German, false, false) => ("üß", "."),
        (Language::English, false, false) => (",'", "."),
        (Language::German | Language::English, _, _) => (",", "."),
    };
    last.extend(chars(before));
    let columns = if wide { 11.0 } else { 10.0 };
    let taken = span(&last) + 1.0 + 2.0;
    last.push((Key::Space, columns - taken));
    last.extend(chars(after));
    last.push((Key::Submit, 2.0));
    [chars(first), chars(second), chars(third), fourth, last]
}

/// The rows of characters. On narrow screens the German ü and ß stand beside the space bar, so that no row has more
/// than ten keys of full size.
fn letters(view: KeyboardView, wide: bool) -> [&'static str; 4] {
    match (view.symbols, view.language, wide) {
        (true, Language::English, _) => ["1234567890", "@#$%&*-+()", "!\"':;/?_=~", "€£[]{}<>"],
        (true, Language::German, _) => ["1234567890", "@#€%&*-+()", "!\"':;/?_=~", "§°[]{}<>"],
        (false, Language::English, _) => ["1234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm"],
        (false, Language::German, true) => ["1234567890ß", "qwertzuiopü", "asdfghjklöä", "yxcvbnm"],
        (false, Language::German, false) => ["1234567890", "qwertzuiop", "asdfghjklö", "yxcvbnmä"],
    }
}

/// The capital of a letter, where it is one character ("ß" has none of its own on keyboards).
fn upper(char: char) -> char {
    let mut capitals = char.to_uppercase();
    match (capitals.next(), capitals.next()) {
        (Some(capital), None) => capital,
        (Some(_) | None, _) => char,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(language: Language, shift: Shift, symbols: bool) -> KeyboardView {
        KeyboardView { language, shift, symbols }
    }

    #[test]
    fn every_letter_of_the_language_can_be_typed() {
        for wide in [false, true] {
            for (language, alphabet) in [
                (Language::English, "abcdefghijklmnopqrstuvwxyz0123456789,."),
                (Language::German, "abcdefghijklmnopqrstuvwxyzäöüß0123456789."),
            ] {
                let rows = rows(view(language, Shift::Off, false), wide);
                let keys: Vec<Key> = rows.iter().flatten().map(|(key, _)| *key).collect();
                for letter in alphabet.chars() {
                    assert_eq!(
                        keys.iter().filter(|key| **key == Key::Char(letter)).count(),
                        1,
                        "{letter} {wide}"
                    );
                }
                let limit = if wide { 11.0 } else { 10.0 };
                assert!(rows.iter().all(|row| span(row) <= limit), "{language:?} {wide}");
            }
        }
    }

    #[test]
    fn capitals_are_those_of_the_language() {
        assert_eq!(upper('ä'), 'Ä');
        assert_eq!(upper('ß'), 'ß');
        assert_eq!(upper('1'), '1');
    }
}
