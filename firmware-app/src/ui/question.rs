//! A question in the place of the button that was touched, never a pop-up over everything.

use druid::{Rect, Size};

use super::frame::{centered, take_right};
use super::scene::{Align, Canvas, Touch};
use super::text::Style;
use super::tokens::{self, CORNER, GAP};
use super::widget::button::{Button, Look};
use crate::kiosk::intent::Intent;
use crate::view::Question;

/// Draws a question as a strip: the words, the answer that does it, the answer that does not. The safe answer stands
/// outermost, where the finger still is, so that a double tap ends nothing.
pub(super) fn strip(c: &mut Canvas<'_>, rect: Rect, question: &Question) {
    c.fill(rect, CORNER, tokens::LINE);
    let mut rect = rect.inset((-GAP, 0.0));
    let size = c.frame.body;
    let style = Style::strong(size);
    let height = rect.height().min(c.frame.target);
    for (label, look, intent) in
        [(&question.no, Look::Plain, Intent::Decline), (&question.yes, Look::Stop, Intent::Confirm)]
    {
        let width = (c.width(label, style) + 48.0).max(2.0 * tokens::TOUCH).min((rect.width() * 0.4).floor());
        let place = centered(take_right(&mut rect, width), Size::new(width, height));
        Button::word(label, size).look(look).draw(c, place, Some(Touch::Tap(intent)));
        take_right(&mut rect, GAP);
    }
    c.paragraph_centered(
        rect,
        &question.text,
        Style::strong(c.frame.title.min(28.0)),
        tokens::TEXT,
        Align::Start,
    );
}

/// Draws a question as a block for narrow places: the words above, the two answers side by side below.
pub(super) fn block(c: &mut Canvas<'_>, rect: Rect, question: &Question) {
    c.fill(rect, CORNER, tokens::LINE);
    let inner = rect.inset(-GAP);
    let answers = Rect { y0: inner.y1 - tokens::TOUCH, ..inner };
    let words = Rect { y1: answers.y0 - 8.0, ..inner };
    c.paragraph_centered(
        words,
        &question.text,
        Style::strong(tokens::size::BODY),
        tokens::TEXT,
        Align::Start,
    );
    let half = ((answers.width() - GAP) / 2.0).floor();
    let size = tokens::size::BODY;
    let yes = Rect { x1: answers.x0 + half, ..answers };
    Button::word(&question.yes, size).look(Look::Stop).draw(c, yes, Some(Touch::Tap(Intent::Confirm)));
    let no = Rect { x0: answers.x1 - half, ..answers };
    Button::word(&question.no, size).draw(c, no, Some(Touch::Tap(Intent::Decline)));
}

/// The height of [`block`].
pub(super) const BLOCK: f64 = tokens::TOUCH + 3.0 * GAP + 56.0;
