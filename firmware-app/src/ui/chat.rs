//! Chat: beside the pictures to read, on the whole screen with the keyboard to write.

use druid::{Color, Rect};

use super::bars::mute_button;
use super::frame::{Class, take_bottom, take_left, take_right, take_top};
use super::icons::Icon;
use super::local::Turn;
use super::messages;
use super::scene::{Align, Canvas, Touch};
use super::text::Style;
use super::tokens::{self, CORNER, GAP, TOUCH};
use super::widget::chips::Chip;
use super::widget::field::field;
use super::widget::keyboard::{self, keyboard};
use super::widget::pager;
use super::{grid, widget};
use crate::kiosk::intent::{Intent, Step};
use crate::view::{ChatView, KeyboardView, MeetingView};

/// Draws the panel: recipients, messages, and the line that opens the keyboard.
pub(super) fn panel(c: &mut Canvas<'_>, mut rect: Rect, chat: &ChatView) {
    recipients(c, take_top(&mut rect, TOUCH), chat);
    take_top(&mut rect, GAP);
    let mut foot = take_bottom(&mut rect, TOUCH);
    take_bottom(&mut rect, GAP);
    if let Some(error) = &chat.error {
        let style = Style::new(tokens::size::SMALL);
        let line = take_bottom(&mut rect, style.line() + 8.0);
        widget::label::marked(c, line, (Icon::Warning, tokens::STOP), error, style, tokens::TEXT);
    }
    let (up, down) = messages::list(c, rect, chat);
    if up.is_some() || down.is_some() {
        pager::arrows(c, take_right(&mut foot, pager::WIDTH), up, down);
        take_right(&mut foot, GAP);
    }
    draft(c, foot, chat);
}

/// The line that opens the keyboard.
fn draft(c: &mut Canvas<'_>, rect: Rect, chat: &ChatView) {
    c.fill(rect, CORNER, tokens::RAISED);
    c.area(rect, CORNER, Touch::Tap(Intent::ShowKeyboard(true)));
    let mut inner = rect.inset((-16.0, 0.0));
    c.icon(take_left(&mut inner, 24.0), Icon::Edit, 24.0, tokens::TEXT);
    take_left(&mut inner, GAP);
    let (text, color) =
        if chat.draft.is_empty() { (&chat.hint, tokens::DIM) } else { (&chat.draft, tokens::TEXT) };
    let style = Style::new(tokens::size::SMALL);
    let inner = inner.inset((0.0, -8.0));
    c.paragraph_centered(inner, text, style, color, Align::Start);
}

/// Everyone and each room.
fn recipients(c: &mut Canvas<'_>, rect: Rect, chat: &ChatView) {
    let chips: Vec<Chip<'_>> = (chat.recipients.iter())
        .map(|chip| Chip {
            label: &chip.label,
            mark: None,
            chosen: chip.chosen,
            touch: Touch::Tap(Intent::ChatTo(chip.to)),
        })
        .collect();
    widget::chips::chips(c, rect, &chips);
}

/// Draws the whole screen while a message is being written: keyboard below, the line above it, and what room is left
/// for messages and pictures above that. The gate stays in sight.
pub(super) fn writing(c: &mut Canvas<'_>, meeting: &MeetingView, chat: &ChatView, view: KeyboardView) {
    let frame = c.frame;
    let mut rect = frame.inner();
    let keys = take_bottom(&mut rect, keyboard::height(frame.size.height));
    let send = c.words.send;
    keyboard(c, keys, view, send, !chat.draft.trim().is_empty());
    take_bottom(&mut rect, 16.0);
    let mut line = take_bottom(&mut rect, TOUCH);
    let gate = take_left(&mut line, if frame.class == Class::Small { 2.0 * TOUCH } else { 3.0 * TOUCH });
    mute_button(c, gate, meeting);
    take_left(&mut line, GAP);
    field(c, line, &chat.hint, &chat.draft, chat.error.as_deref());
    take_bottom(&mut rect, 16.0);
    rect.y0 = rect.y0.max(c.shelf);
    if rect.height() < 72.0 {
        return;
    }
    if frame.class == Class::Large {
        let right = take_right(&mut rect, frame.panel() + 80.0);
        take_right(&mut rect, 16.0);
        let shapes: Vec<f64> = meeting.tiles.iter().map(|tile| c.local.shape(tile.picture)).collect();
        for (tile, place) in meeting.tiles.iter().zip(grid::tiles(rect, &shapes)) {
            widget::video_tile::video_tile(c, place, tile, &[]);
        }
        rect = right;
    }
    messages::list(c, rect, chat);
}

/// What an arrow up and an arrow down do for a list shown in parts of which one is seen, where the view may have more
/// before and after.
pub(super) fn turns(part: usize, parts: usize, older: bool, newer: bool) -> (Option<Touch>, Option<Touch>) {
    let up = if part + 1 < parts {
        Some(Touch::Turn(Turn::List(Step::Next)))
    } else {
        older.then_some(Touch::Tap(Intent::Page(Step::Previous)))
    };
    let down = if part > 0 {
        Some(Touch::Turn(Turn::List(Step::Previous)))
    } else {
        newer.then_some(Touch::Tap(Intent::Page(Step::Next)))
    };
    (up, down)
}

/// The ground of a message.
pub(super) fn ground(own: bool, private: bool) -> Color {
    match (own, private) {
        (_, true) => Color::rgb8(0x1a, 0x2a, 0x48),
        (true, false) => tokens::LINE,
        (false, false) => tokens::RAISED,
    }
}
