//! At the door: whom one waits for, how one looks, and the way back.

use druid::{Rect, Size};

use super::frame::{Class, centered, take_left, take_right};
use super::home::own_or_reason;
use super::icons::Icon;
use super::scene::{Align, Canvas, Touch};
use super::text::Style;
use super::tokens;
use super::widget::button::{Button, Look};
use crate::kiosk::intent::Intent;
use crate::view::{View, WaitingView};

/// Draws the screen: the own picture on the right, the words and *Cancel* on the left.
pub(super) fn draw(c: &mut Canvas<'_>, view: &View, waiting: &WaitingView) {
    let frame = c.frame;
    let mut rect = frame.inner();
    let half = (rect.width() * 0.5).floor();
    let picture = take_right(&mut rect, half);
    take_right(&mut rect, frame.margin * 1.5);
    let initials: String = view.room_name.chars().take(1).collect();
    own_or_reason(c, picture, &initials, waiting.camera_missing.as_deref());

    let title =
        Style::strong(if frame.class == Class::Small { tokens::size::TITLE } else { tokens::size::BIG });
    let detail = Style::new(if frame.class == Class::Large { frame.title } else { frame.body });
    let title_lines = c.wrap(&waiting.title, title, rect.width()).len().min(3) as f64;
    let detail_lines = c.wrap(&waiting.detail, detail, rect.width()).len().min(4) as f64;
    let gap = frame.margin;
    let height = title_lines * title.line() + 12.0 + detail_lines * detail.line() + gap + frame.target;
    let block = centered(rect, Size::new(rect.width(), height));
    let words = Rect { y1: block.y0 + title_lines * title.line(), ..block };
    c.paragraph(words, &waiting.title, title, tokens::TEXT, Align::Start);
    let said = Rect { y0: words.y1 + 12.0, y1: words.y1 + 12.0 + detail_lines * detail.line(), ..block };
    c.paragraph(said, &waiting.detail, detail, tokens::DIM, Align::Start);
    let mut foot = Rect { y0: block.y1 - frame.target, ..block };
    let cancel = take_left(&mut foot, 3.5 * tokens::TOUCH);
    let label = c.words.cancel;
    Button::new(Icon::Cross, label, frame.body).look(Look::Exit).draw(
        c,
        cancel,
        Some(Touch::Tap(Intent::CancelKnock)),
    );
}
