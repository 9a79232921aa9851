//! Which relay? Each with the words one compares.

use druid::{Rect, Size};

use super::chat::turns;
use super::frame::{Class, centered, take_bottom, take_left, take_right, take_top};
use super::icons::Icon;
use super::scene::{Align, Canvas, Touch};
use super::text::Style;
use super::tokens::{self, CORNER, GAP, TOUCH};
use super::widget::button::{Button, Look};
use super::widget::label::marked;
use super::widget::pager;
use crate::kiosk::intent::Intent;
use crate::view::{RelayChoice, RelaysView};

/// Draws the chooser.
pub(super) fn draw(c: &mut Canvas<'_>, relays: &RelaysView) {
    let frame = c.frame;
    let words = c.words;
    let mut rect = frame.inner();
    let title = Style::strong(frame.big);
    let title_lines = c.wrap(&relays.title, title, rect.width()).len().min(2) as f64;
    c.paragraph(
        take_top(&mut rect, title_lines * title.line()),
        &relays.title,
        title,
        tokens::TEXT,
        Align::Start,
    );
    take_top(&mut rect, 8.0);
    let body = Style::new(frame.body);
    let lines = c.wrap(&relays.detail, body, rect.width()).len().min(2) as f64;
    c.paragraph(take_top(&mut rect, lines * body.line()), &relays.detail, body, tokens::DIM, Align::Start);
    take_top(&mut rect, frame.margin);

    let row = if frame.class == Class::Small { 80.0 } else { 96.0 };
    let fit = |height: f64| (((height + GAP) / (row + GAP)).floor() as usize).max(1);
    let with_foot = rect.height() - frame.target - frame.margin;
    let paged = relays.relays.len() > fit(if relays.can_go_back { with_foot } else { rect.height() });
    let room = if relays.can_go_back || paged { fit(with_foot) } else { fit(rect.height()) };
    let parts = relays.relays.len().div_ceil(room).max(1);
    let part = c.local.list.min(parts - 1);
    if relays.can_go_back || paged {
        let mut foot = take_bottom(&mut rect, frame.target);
        take_bottom(&mut rect, frame.margin);
        if paged {
            let (on, back) = turns(part, parts, false, false);
            pager::arrows(c, take_right(&mut foot, pager::WIDTH), back, on);
        }
        if relays.can_go_back {
            let back = take_left(&mut foot, 3.0 * TOUCH);
            Button::new(Icon::Back, words.back, frame.body).draw(c, back, Some(Touch::Tap(Intent::Back)));
        }
    }
    if relays.relays.is_empty() {
        let style = Style::new(frame.title);
        let width = c.width(words.looking, style) + (style.size * 1.2).round() + 8.0;
        let line = centered(rect, Size::new(width.min(rect.width()), style.line()));
        marked(c, line, (Icon::Search, tokens::DIM), words.looking, style, tokens::DIM);
    }
    for relay in relays.relays.iter().skip(part * room).take(room) {
        draw_relay(c, take_top(&mut rect, row), relay);
        take_top(&mut rect, GAP);
    }
}

fn draw_relay(c: &mut Canvas<'_>, rect: Rect, relay: &RelayChoice) {
    c.fill(rect, CORNER, tokens::SURFACE);
    let mut rest = rect;
    let words = c.words;
    let choose = take_right(&mut rest, 3.0 * TOUCH);
    let size = c.frame.body;
    Button::new(Icon::Check, words.choose, size).look(Look::Action).draw(
        c,
        choose,
        Some(Touch::Tap(Intent::ChooseRelay(relay.peer))),
    );
    let mut rest = rest.inset((-16.0, 0.0));
    c.icon(take_left(&mut rest, 32.0), Icon::Relay, 32.0, tokens::TEXT);
    take_left(&mut rest, 16.0);
    let (strong, small) = (Style::strong(c.frame.title), Style::new(tokens::size::SMALL));
    let block = centered(rest, Size::new(rest.width(), strong.line() + small.line()));
    let line = Rect { y1: block.y0 + strong.line(), ..block };
    let fitting = c.largest(&relay.words, &[strong, Style::strong(tokens::size::SMALL)], line.width());
    c.text(line, &relay.words, fitting, tokens::TEXT, Align::Start);
    c.text(Rect { y0: line.y1, ..block }, &relay.address, small, tokens::DIM, Align::Start);
}
