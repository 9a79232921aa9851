//! A line that is being written on the keyboard: what it is for, the end of what was written, where the next
//! character goes.

use druid::{Rect, Size};

use crate::ui::frame::centered;
use crate::ui::icons::Icon;
use crate::ui::scene::{Align, Canvas};
use crate::ui::text::Style;
use crate::ui::tokens::{self, CORNER};
use crate::ui::widget::label::marked;

/// Draws the field: a small line above (what it is for, or why it was refused), the text below.
pub fn field(c: &mut Canvas<'_>, rect: Rect, purpose: &str, text: &str, error: Option<&str>) {
    c.fill(rect, CORNER, tokens::SURFACE);
    let edge = if error.is_some() { tokens::STOP } else { tokens::ACTION };
    c.edge(rect, CORNER, edge, 2.0);
    let (small, body) = (Style::new(tokens::size::SMALL), Style::new(tokens::size::BODY));
    let block = centered(rect, Size::new(rect.width() - 32.0, small.line() + 4.0 + body.line()));
    let above = Rect { y1: block.y0 + small.line(), ..block };
    match error {
        Some(error) => {
            marked(c, above, (Icon::Warning, tokens::STOP), error, small, tokens::TEXT);
        }
        None => c.text(above, purpose, small, tokens::DIM, Align::Start),
    }
    let line = Rect { y0: block.y1 - body.line(), ..block };
    let written = c.tail(text, body, line.width() - 8.0);
    let width = c.width(&written, body);
    c.text(line, &written, body, tokens::TEXT, Align::Start);
    // A space at the end moves the mark too.
    let trailing = text.len() - text.trim_end_matches(' ').len();
    let x0 = (line.x0 + width + 3.0 + if trailing > 0 { 4.0 } else { 0.0 }).min(line.x1 - 2.0).round();
    c.fill(Rect::new(x0, line.y0 + 2.0, x0 + 2.0, line.y1 - 2.0), 1.0, tokens::ACTION);
}
