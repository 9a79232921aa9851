//! A room at the door: a banner across the top of every screen until it is answered.

use druid::{Rect, Size};

use super::frame::{Class, centered, take_left, take_right};
use super::icons::Icon;
use super::scene::{Align, Canvas, Touch};
use super::text::Style;
use super::tokens::{self, CORNER, GAP, GRID, TOUCH};
use super::widget::button::{Button, Look};
use crate::kiosk::intent::Intent;
use crate::view::KnockBanner;

/// Where the banner is.
pub(super) fn place(c: &Canvas<'_>) -> Rect {
    let screen = c.frame.screen();
    Rect::new(GRID, GRID, screen.x1 - GRID, GRID + c.frame.banner()).intersect(screen)
}

/// Draws the banner. Its buttons answer the knock shown, and only once it was shown long
/// enough: a finger on its way to something else lets nobody in.
pub(super) fn draw(c: &mut Canvas<'_>, banner: Rect, knock: &KnockBanner) {
    let frame = c.frame;
    c.fill(banner, CORNER, tokens::LINE);
    c.edge(banner, CORNER, tokens::GO, 2.0);
    let mut rect = banner.inset((-GRID, 0.0));
    take_left(&mut rect, GRID);
    let buttons = |width: f64, rect: &mut Rect| {
        let strip = take_right(rect, width);
        centered(strip, Size::new(width, frame.target))
    };
    let (approve, deny) = match frame.class {
        Class::Small => (2.5 * TOUCH, 2.0 * TOUCH),
        Class::Medium => (3.0 * TOUCH, 2.75 * TOUCH),
        Class::Large => (4.0 * TOUCH, 2.75 * TOUCH),
    };
    let words = c.words;
    let touch = |intent| knock.armed.then_some(Touch::Tap(intent));
    Button::new(Icon::Check, words.approve, frame.body).look(Look::Go).draw(
        c,
        buttons(approve, &mut rect),
        touch(Intent::Approve(knock.knock)),
    );
    take_right(&mut rect, GAP);
    Button::new(Icon::Cross, words.deny, frame.body).look(Look::Exit).draw(
        c,
        buttons(deny, &mut rect),
        touch(Intent::Deny(knock.knock)),
    );
    take_right(&mut rect, GAP);
    let icon = if frame.class == Class::Small { 32.0 } else { 40.0 };
    let mark = take_left(&mut rect, icon + 4.0);
    c.icon(mark, Icon::Knock, icon, tokens::TEXT);
    take_left(&mut rect, GAP);
    let (title, detail) = (Style::strong(frame.title), Style::new(tokens::size::SMALL));
    let block = centered(rect, Size::new(rect.width(), title.line() + detail.line()));
    let heading = Rect { y1: block.y0 + title.line(), ..block };
    let fitting = c.largest(&knock.title, &[title, Style::strong(frame.body)], heading.width());
    c.text(heading, &knock.title, fitting, tokens::TEXT, Align::Start);
    c.text(Rect { y0: heading.y1, ..block }, &knock.detail, detail, tokens::TEXT, Align::Start);
}
