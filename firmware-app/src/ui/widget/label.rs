//! Words with a mark before them: the one line of state, a note, a hint.

use druid::{Color, Rect};

use crate::ui::icons::Icon;
use crate::ui::scene::{Align, Canvas};
use crate::ui::text::Style;
use crate::ui::tokens;

/// An icon and one line after it, in a box; the icon takes the line's height. Returns the width used.
pub fn marked(
    c: &mut Canvas<'_>,
    rect: Rect,
    mark: (Icon, Color),
    text: &str,
    style: Style,
    color: Color,
) -> f64 {
    let icon = (style.size * 1.2).round();
    c.icon(Rect::new(rect.x0, rect.y0, rect.x0 + icon, rect.y1), mark.0, icon, mark.1);
    let x0 = rect.x0 + icon + 8.0;
    let y0 = (rect.y0 + (rect.height() - style.line()) / 2.0).round();
    let line = Rect::new(x0, y0, rect.x1.max(x0), y0 + style.line());
    let width = c.width(text, style).min(line.width());
    c.text(line, text, style, color, Align::Start);
    icon + 8.0 + width
}

/// What a mark before words takes of their line.
pub fn beside_mark(style: Style) -> f64 {
    (style.size * 1.2).round() + 8.0
}

/// A small plate with an icon and a line, as wide as they need but no wider than the box; at the box's left, or in
/// its middle. Returns where it is.
pub fn plate(
    c: &mut Canvas<'_>,
    within: Rect,
    mark: Option<(Icon, Color)>,
    text: &str,
    style: Style,
    ground: Color,
    align: Align,
) -> Rect {
    let pad = 12.0;
    let icon = if mark.is_some() { beside_mark(style) } else { 0.0 };
    let words = c.width(text, style).min((within.width() - 2.0 * pad - icon).max(0.0));
    let width = 2.0 * pad + icon + words;
    let x0 = match align {
        Align::Start => within.x0,
        Align::Center => (within.x0 + (within.width() - width) / 2.0).round(),
        Align::End => within.x1 - width,
    };
    let plate = Rect::new(x0, within.y0, x0 + width, within.y1);
    c.fill(plate, tokens::CORNER.min(plate.height() / 2.0), ground);
    let line = Rect::new(x0 + pad, within.y0, x0 + width - pad, within.y1);
    match mark {
        Some(mark) => {
            marked(c, line, mark, text, style, tokens::TEXT);
        }
        None => c.text(line, text, style, tokens::TEXT, Align::Start),
    }
    plate
}
