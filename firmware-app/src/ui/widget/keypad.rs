//! The number pad: 3 x 4 keys, 1 above. And the boxes that show what was typed.

use druid::Rect;

use crate::kiosk::intent::Intent;
use crate::ui::icons::Icon;
use crate::ui::scene::{Align, Canvas, Touch};
use crate::ui::text::Style;
use crate::ui::tokens::{self, GAP};
use crate::ui::widget::button::Button;

/// Draws the pad into a rectangle; at rest while it is busy.
pub fn keypad(c: &mut Canvas<'_>, rect: Rect, busy: bool) {
    let width = ((rect.width() - 2.0 * GAP) / 3.0).floor();
    let height = ((rect.height() - 3.0 * GAP) / 4.0).floor();
    let key = |column: usize, row: usize| {
        let (x0, y0) = (rect.x0 + column as f64 * (width + GAP), rect.y0 + row as f64 * (height + GAP));
        Rect::new(x0, y0, x0 + width, y0 + height)
    };
    let size = if height >= 96.0 { tokens::size::BIG } else { tokens::size::TITLE };
    for digit in 1..=9_u8 {
        let place = usize::from(digit - 1);
        digit_key(c, key(place % 3, place / 3), digit, size, busy);
    }
    digit_key(c, key(1, 3), 0, size, busy);
    let erase = Button::icon(Icon::Erase);
    erase.draw(c, key(2, 3), (!busy).then_some(Touch::Repeat(Intent::EraseDigit)));
}

fn digit_key(c: &mut Canvas<'_>, rect: Rect, digit: u8, size: f64, busy: bool) {
    let label = digit.to_string();
    Button::word(&label, size).draw(c, rect, (!busy).then_some(Touch::Tap(Intent::Digit(digit))));
}

/// Draws what was typed, one box a character; the next one to be typed has an edge.
pub fn boxes(c: &mut Canvas<'_>, rect: Rect, typed: &[Option<char>], wrong: bool) {
    if typed.is_empty() {
        return;
    }
    let count = typed.len() as f64;
    let between = tokens::GRID;
    // A code is read in two halves; so there is more room in the middle.
    let halves = if typed.len() == 6 { 16.0 } else { 0.0 };
    let width = ((rect.width() - between * (count - 1.0) - halves) / count).floor().min(rect.height());
    let next = typed.iter().position(Option::is_none);
    let mut x0 = rect.x0;
    for (place, digit) in typed.iter().enumerate() {
        if place == 3 {
            x0 += halves;
        }
        let one = Rect::new(x0, rect.y0, x0 + width, rect.y1);
        c.fill(one, 10.0, tokens::SURFACE);
        if wrong {
            c.edge(one, 10.0, tokens::STOP, 2.0);
        } else if next == Some(place) {
            c.edge(one, 10.0, tokens::ACTION, 2.0);
        } else {
            c.edge(one, 10.0, tokens::LINE, 2.0);
        }
        if let Some(digit) = digit {
            let size = if width >= 48.0 { tokens::size::BIG } else { tokens::size::TITLE };
            c.text(one, &digit.to_string(), Style::figures(size), tokens::TEXT, Align::Center);
        }
        x0 += width + between;
    }
}
