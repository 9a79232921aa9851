//! Six boxes and a keypad; the same for the PIN.

use druid::Rect;

use super::frame::{Class, take_bottom, take_left, take_right};
use super::icons::Icon;
use super::scene::{Align, Canvas, Touch};
use super::text::Style;
use super::tokens::{self, GAP};
use super::widget::button::Button;
use super::widget::keypad::{boxes, keypad};
use super::widget::label::marked;
use crate::kiosk::intent::Intent;
use crate::view::KeypadView;

/// Draws the screen: words, boxes and the way back on the left, the keypad on the right.
pub(super) fn draw(c: &mut Canvas<'_>, view: &KeypadView) {
    let frame = c.frame;
    let mut rect = frame.inner();
    let (key_width, key_height) = match frame.class {
        Class::Small => (88.0, 76.0),
        Class::Medium => (104.0, 96.0),
        Class::Large => (136.0, 120.0),
    };
    let pad_width = (3.0 * key_width + 2.0 * GAP).min(rect.width() * 0.5);
    let pad_height = (4.0 * key_height + 3.0 * GAP).min(rect.height());
    let right = take_right(&mut rect, pad_width);
    let from_top = ((right.height() - pad_height) / 2.0).floor();
    keypad(c, Rect { y0: right.y0 + from_top, y1: right.y0 + from_top + pad_height, ..right }, view.busy);
    take_right(&mut rect, frame.margin * 1.5);

    let mut foot = take_bottom(&mut rect, frame.target);
    let back = take_left(&mut foot, 3.0 * tokens::TOUCH);
    let words = c.words;
    Button::new(Icon::Back, words.back, frame.body).draw(c, back, Some(Touch::Tap(Intent::Back)));

    let title = Style::strong(if frame.class == Class::Large { frame.big } else { frame.title });
    let box_height = if frame.class == Class::Small { 64.0 } else { 88.0 };
    let (gap, below) = (frame.margin, 2.0 * Style::new(frame.body).line());
    let block = 2.0 * title.line() + gap + box_height + gap + below;
    let y0 = rect.y0 + ((rect.height() - block) / 2.0).floor().max(0.0);
    let heading = Rect::new(rect.x0, y0, rect.x1, y0 + 2.0 * title.line());
    // One line stands next to the boxes, two have the room they need.
    let lines = c.wrap(&view.title, title, rect.width()).len().min(2) as f64;
    let heading = Rect { y0: heading.y1 - lines * title.line(), ..heading };
    c.paragraph(heading, &view.title, title, tokens::TEXT, Align::Start);
    let typed = Rect::new(rect.x0, heading.y1 + gap, rect.x1, heading.y1 + gap + box_height);
    boxes(c, typed, &view.boxes, view.error.is_some());
    let said = Rect::new(rect.x0, typed.y1 + gap, rect.x1, typed.y1 + gap + below);
    match &view.error {
        Some(error) => {
            let style = Style::new(frame.body);
            let icon = (frame.body * 1.2).round();
            let mark = Rect::new(said.x0, said.y0, said.x0 + icon, said.y0 + style.line());
            c.icon(mark, Icon::Warning, icon, tokens::STOP);
            c.paragraph(Rect { x0: mark.x1 + 8.0, ..said }, error, style, tokens::TEXT, Align::Start);
        }
        None if view.busy => {
            let style = Style::new(frame.body);
            let line = Rect { y1: said.y0 + style.line(), ..said };
            marked(c, line, (Icon::Sending, tokens::DIM), words.one_moment, style, tokens::DIM);
        }
        None => {}
    }
}
