//! Names in a row of which one is chosen, as many as fit, and an arrow to the others.

use druid::Rect;

use crate::ui::frame::{take_left, take_right};
use crate::ui::icons::Icon;
use crate::ui::local::Turn;
use crate::ui::scene::{Canvas, Touch};
use crate::ui::text::Style;
use crate::ui::tokens::{self, GAP, TOUCH};
use crate::ui::widget::button::{Button, Look};

/// One of them.
pub struct Chip<'a> {
    /// Its name.
    pub label: &'a str,
    /// A mark before the name.
    pub mark: Option<Icon>,
    /// It is the chosen one.
    pub chosen: bool,
    /// What choosing it does.
    pub touch: Touch,
}

/// Draws the row that holds the chosen one, or a later one if it is turned.
pub fn chips(c: &mut Canvas<'_>, rect: Rect, chips: &[Chip<'_>]) {
    let style = Style::strong(tokens::size::SMALL);
    let widths: Vec<f64> = (chips.iter())
        .map(|chip| {
            let mark = if chip.mark.is_some() { 36.0 } else { 0.0 };
            let width = c.width(chip.label, style) + 32.0 + mark;
            width.min((rect.width() * 0.62).floor()).max(TOUCH + 8.0)
        })
        .collect();
    let pages = rows(&widths, rect.width());
    let with_arrow = if pages.len() > 1 { rows(&widths, rect.width() - TOUCH - GAP) } else { pages };
    let chosen = chips.iter().position(|chip| chip.chosen).unwrap_or(0);
    let start = with_arrow.iter().position(|(from, to)| (*from..*to).contains(&chosen)).unwrap_or(0);
    let Some(&(from, to)) = with_arrow.get((start + c.local.chips) % with_arrow.len().max(1)) else { return };
    let mut row = rect;
    if with_arrow.len() > 1 {
        let arrow = take_right(&mut row, TOUCH);
        Button::icon(Icon::Right).draw(c, arrow, Some(Touch::Turn(Turn::Chips)));
    }
    for (chip, width) in chips[from..to].iter().zip(&widths[from..to]) {
        let place = take_left(&mut row, *width);
        take_left(&mut row, GAP);
        let look = if chip.chosen { Look::Chosen } else { Look::Plain };
        let button = match chip.mark {
            Some(icon) => Button::new(icon, chip.label, tokens::size::SMALL),
            None => Button::word(chip.label, tokens::size::SMALL),
        };
        button.look(look).draw(c, place, Some(chip.touch.clone()));
    }
}

/// Cuts a row of things with these widths into rows that fit: from, to.
fn rows(widths: &[f64], room: f64) -> Vec<(usize, usize)> {
    let mut rows = Vec::new();
    let (mut from, mut taken) = (0, 0.0);
    for (place, width) in widths.iter().enumerate() {
        if place > from && taken + width > room {
            rows.push((from, place));
            (from, taken) = (place, 0.0);
        }
        taken += width + GAP;
    }
    if from < widths.len() {
        rows.push((from, widths.len()));
    }
    rows
}
