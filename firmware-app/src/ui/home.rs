//! Home: the room's name, its state in one line, and the two things people come for.

use druid::{Rect, Size};

use super::frame::{Class, centered, take_bottom, take_left, take_right, take_top};
use super::grid::shaped;
use super::icons::Icon;
use super::scene::{Align, Canvas, Touch};
use super::text::Style;
use super::tokens::{self, CORNER, GAP};
use super::widget::button::{Button, Look};
use super::widget::label::marked;
use super::widget::video_tile::placeholder;
use crate::kiosk::intent::Intent;
use crate::view::{HomeView, PictureId, View};

/// Draws home.
pub(super) fn draw(c: &mut Canvas<'_>, view: &View, home: &HomeView) {
    let frame = c.frame;
    let mut rect = frame.inner();
    header(c, take_top(&mut rect, header_height(c)), view, home);
    let foot = take_bottom(&mut rect, frame.target);
    let between = frame.margin.max(GAP);
    rect = Rect::new(rect.x0, rect.y0 + between, rect.x1, rect.y1 - between);
    if home.own_picture {
        own_picture(c, rect, home);
    } else {
        meet(c, rect, home);
    }
    footer(c, foot, home);
}

fn header_height(c: &Canvas<'_>) -> f64 {
    let frame = c.frame;
    name_style(c).line() + Style::new(frame.title).line() + tokens::GRID
}

fn name_style(c: &Canvas<'_>) -> Style {
    match c.frame.class {
        Class::Small => Style::strong(tokens::size::BIG),
        Class::Medium => Style::strong(tokens::size::BIG),
        Class::Large => Style::strong(tokens::size::HERO),
    }
}

fn header(c: &mut Canvas<'_>, mut rect: Rect, view: &View, home: &HomeView) {
    let frame = c.frame;
    let clock = Style::figures(match frame.class {
        Class::Small | Class::Medium => tokens::size::BIG,
        Class::Large => tokens::size::HERO,
    });
    let width = c.width(&view.clock, clock);
    let right = rect.x1;
    let time = take_right(&mut rect, width);
    c.text(Rect { y1: time.y0 + clock.line(), ..time }, &view.clock, clock, tokens::TEXT, Align::End);
    take_right(&mut rect, 32.0);
    let style = name_style(c);
    let name = take_top(&mut rect, style.line());
    // A long name is set smaller before it is cut.
    let style = c.largest(
        &view.room_name,
        &[style, Style::strong(tokens::size::BIG), Style::strong(tokens::size::TITLE)],
        name.width(),
    );
    c.text(name, &view.room_name, style, tokens::TEXT, Align::Start);
    take_top(&mut rect, tokens::GRID);
    let mark = if home.ready { (Icon::Check, tokens::GO) } else { (Icon::Warning, tokens::WARN) };
    let color = if home.ready { tokens::DIM } else { tokens::TEXT };
    // Below the clock it may be as wide as the screen.
    let line = Rect { x1: right, ..rect };
    let styles = [frame.title, frame.body, tokens::size::SMALL].map(Style::new);
    let style = c.largest(&home.state, &styles, line.width() - 2.0 * frame.title);
    marked(c, line, mark, &home.state, style, color);
}

/// The two things people come for, as large as there is room.
fn meet(c: &mut Canvas<'_>, rect: Rect, home: &HomeView) {
    let large = c.frame.class == Class::Large;
    let height = rect.height().min(if large { 360.0 } else { 320.0 });
    let rect = centered(rect, Size::new(rect.width(), height));
    let gap = c.frame.margin.max(GAP);
    let half = ((rect.width() - gap) / 2.0).floor();
    let size = if c.frame.class == Class::Small { tokens::size::TITLE } else { tokens::size::BIG };
    let touch = |intent| home.can_meet.then_some(Touch::Tap(intent));
    let start = Rect { x1: rect.x0 + half, ..rect };
    let words = c.words;
    Button::new(Icon::Camera, words.start_meeting, size).stacked().look(Look::Action).draw(
        c,
        start,
        touch(Intent::StartMeeting),
    );
    let join = Rect { x0: rect.x1 - half, ..rect };
    Button::new(Icon::Enter, words.join_meeting, size).stacked().draw(c, join, touch(Intent::OpenJoin));
}

/// The own picture, only while a finger asks for it.
fn own_picture(c: &mut Canvas<'_>, rect: Rect, home: &HomeView) {
    let rect = shaped(rect, c.local.shape(PictureId::Own));
    c.fill(rect, CORNER, tokens::RAISED);
    match &home.camera_missing {
        None => c.picture(rect, PictureId::Own, tokens::GROUND),
        Some(why) => {
            let style = Style::new(c.frame.title);
            let middle = centered(rect, Size::new(rect.width() - 48.0, 72.0 + 2.0 * style.line()));
            c.icon(Rect { y1: middle.y0 + 56.0, ..middle }, Icon::CameraOff, 56.0, tokens::DIM);
            let lines = Rect { y0: middle.y0 + 72.0, ..middle };
            c.paragraph(lines, why, style, tokens::TEXT, Align::Center);
        }
    }
}

fn footer(c: &mut Canvas<'_>, mut rect: Rect, home: &HomeView) {
    let size = c.frame.body;
    let words = c.words;
    let side: f64 = match c.frame.class {
        Class::Small => 208.0,
        Class::Medium => 240.0,
        Class::Large => 272.0,
    };
    let side = side.min(((rect.width() - tokens::GAP) / 2.0).floor());
    let own = take_left(&mut rect, side);
    let icon = if home.camera_missing.is_some() { Icon::CameraOff } else { Icon::Camera };
    let hold = Touch::Hold(Intent::ShowOwnPicture(true), Intent::ShowOwnPicture(false));
    Button::new(icon, words.see_yourself, size).draw(c, own, Some(hold));
    let settings = take_right(&mut rect, side);
    Button::new(Icon::Settings, words.settings, size).draw(
        c,
        settings,
        Some(Touch::Tap(Intent::OpenSettings)),
    );
    if let Some(rejoin) = &home.rejoin {
        let rect = rect.inset((-c.frame.margin.max(GAP), 0.0));
        Button::new(Icon::Again, rejoin, size).look(Look::Go).draw(c, rect, Some(Touch::Tap(Intent::Rejoin)));
    }
}

/// A place for the own picture on other screens: the picture, or why there is none.
pub(super) fn own_or_reason(c: &mut Canvas<'_>, rect: Rect, initials: &str, missing: Option<&str>) {
    let rect = shaped(rect, c.local.shape(PictureId::Own));
    c.fill(rect, CORNER, tokens::RAISED);
    match missing {
        None => c.picture(rect, PictureId::Own, tokens::GROUND),
        Some(why) => placeholder(c, rect, initials, why),
    }
}
