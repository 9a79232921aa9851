//! A room in the grid: its picture or why there is none, its name, whether it is muted, speaks, hosts.

use druid::{Color, Rect, Size};

use crate::ui::frame::{Frame, centered};
use crate::ui::icons::Icon;
use crate::ui::scene::{Align, Canvas};
use crate::ui::text::Style;
use crate::ui::tokens::{self, CORNER, GRID};
use crate::view::Tile;

/// The ground of name plates: dark enough for words over any picture.
const PLATE: Color = Color::rgba8(0x0e, 0x11, 0x16, 0xd8);

/// Draws a tile. The name plate stands below left, or above left where `blocked` is in its way.
pub fn video_tile(c: &mut Canvas<'_>, rect: Rect, tile: &Tile, blocked: Option<Rect>) {
    ground(c, rect, tile, tokens::GROUND);
    if tile.speaking {
        c.edge(rect, CORNER, tokens::GO, 4.0);
    }
    name_plate(c, rect, tile, blocked);
}

/// Draws the own picture: small, with its marks, and no name but the word for "you".
pub fn own_tile(c: &mut Canvas<'_>, rect: Rect, tile: &Tile) {
    // A ring in the ground's colour keeps it apart from the pictures below.
    c.fill(rect.inset(4.0), CORNER + 4.0, tokens::GROUND);
    ground(c, rect, tile, tokens::GROUND);
    let color = if tile.speaking && !tile.muted { tokens::GO } else { tokens::LINE };
    c.edge(rect, CORNER, color, 2.0);
    let style = Style::strong(tokens::size::SMALL);
    let line = Rect::new(rect.x0 + GRID, rect.y1 - 32.0, rect.x1 - GRID, rect.y1 - 6.0);
    let you = c.words.you;
    let mark = tile.muted.then_some((Icon::MicrophoneOff, Color::rgb8(0xff, 0x7a, 0x7e)));
    super::label::plate(c, line, mark, you, style, PLATE, Align::Start);
    let corner = Rect::new(rect.x1 - 32.0, rect.y0 + 4.0, rect.x1 - 4.0, rect.y0 + 32.0);
    c.fill(corner, 10.0, PLATE);
    c.icon(corner, Icon::CornerMove, 20.0, tokens::TEXT);
}

fn ground(c: &mut Canvas<'_>, rect: Rect, tile: &Tile, behind: Color) {
    c.fill(rect, CORNER, tokens::RAISED);
    match &tile.placeholder {
        None => c.picture(rect, tile.picture, behind),
        Some(why) => placeholder(c, rect, &tile.initials, why),
    }
}

/// Initials and a sentence where there is no picture.
pub fn placeholder(c: &mut Canvas<'_>, rect: Rect, initials: &str, why: &str) {
    let small = rect.height() < 160.0;
    let disc = (rect.height() * if small { 0.4 } else { 0.36 }).clamp(40.0, 160.0);
    let size = match disc {
        d if d >= 120.0 => tokens::size::HERO,
        d if d >= 72.0 => tokens::size::BIG,
        d if d >= 48.0 => tokens::size::TITLE,
        _ => tokens::size::BODY,
    };
    let style = if rect.width() >= 320.0 { Style::new(tokens::size::BODY) } else { Style::new(tokens::size::SMALL) };
    let said = if small { 0.0 } else { 12.0 + style.line() };
    let middle = centered(rect, Size::new(disc, disc + said));
    let round = Rect::new(middle.x0, middle.y0, middle.x1, middle.y0 + disc);
    // The small own picture keeps its disc clear of the plate below it.
    let round = if small { round - druid::Vec2::new(0.0, (rect.height() * 0.1).round()) } else { round };
    c.fill(round, disc / 2.0, tokens::LINE);
    c.text(centered(round, Size::new(disc, style_line(size))), initials, Style::strong(size), tokens::TEXT, Align::Center);
    if !small {
        let y0 = round.y1 + 12.0;
        let line = Rect::new(rect.x0 + 16.0, y0, rect.x1 - 16.0, y0 + style.line());
        c.text(line, why, style, tokens::DIM, Align::Center);
    }
}

fn style_line(size: f64) -> f64 {
    tokens::line_height(size)
}

fn name_plate(c: &mut Canvas<'_>, rect: Rect, tile: &Tile, blocked: Option<Rect>) {
    let frame: Frame = c.frame;
    let (size, height) = if rect.width() >= 480.0 && frame.class > super::super::frame::Class::Small {
        (tokens::size::BODY, 40.0)
    } else {
        (tokens::size::SMALL, 32.0)
    };
    let style = Style::strong(size);
    let icon = (size * 1.2).round();
    let mut marks = Vec::new();
    if tile.muted {
        marks.push((Icon::MicrophoneOff, Color::rgb8(0xff, 0x7a, 0x7e)));
    } else if tile.speaking {
        marks.push((Icon::Speaking, Color::rgb8(0x4c, 0xd9, 0x89)));
    }
    if tile.host {
        marks.push((Icon::Host, tokens::WARN));
    }
    let pad = 12.0;
    let marks_width = marks.len() as f64 * (icon + 8.0);
    let inset = GRID;
    let room = rect.width() - 2.0 * inset - 2.0 * pad - marks_width;
    let words = c.width(&tile.name, style).min(room.max(0.0));
    let width = (2.0 * pad + marks_width + words).min(rect.width() - 2.0 * inset);
    let below = Rect::new(
        rect.x0 + inset,
        rect.y1 - inset - height,
        rect.x0 + inset + width,
        rect.y1 - inset,
    );
    let above = below - druid::Vec2::new(0.0, rect.height() - height - 2.0 * inset);
    let in_the_way = blocked.is_some_and(|blocked| blocked.intersect(below).area() > 0.0);
    let plate = if in_the_way { above } else { below };
    c.fill(plate, 10.0, PLATE);
    let mut x0 = plate.x0 + pad;
    for (mark, color) in marks {
        c.icon(Rect::new(x0, plate.y0, x0 + icon, plate.y1), mark, icon, color);
        x0 += icon + 8.0;
    }
    c.text(Rect::new(x0, plate.y0, plate.x1 - pad, plate.y1), &tile.name, style, tokens::TEXT, Align::Start);
}
