//! A room in the grid: its picture or why there is none, its name, whether it is muted, speaks, hosts. What is presented
//! has its name below it, since it is there to be read to its corners.

use druid::{Color, Rect, Size};

use crate::ui::frame::{Class, centered};
use crate::ui::icons::Icon;
use crate::ui::scene::{Align, Canvas};
use crate::ui::text::Style;
use crate::ui::tokens::{self, CORNER, GRID};
use crate::view::Tile;

/// The ground of name plates: dark enough for words over any picture.
const PLATE: Color = Color::rgba8(0x0e, 0x11, 0x16, 0xd8);

/// Marks of what is closed, bright enough for a plate.
const CLOSED: Color = Color::rgb8(0xff, 0x7a, 0x7e);
/// The mark of who speaks, bright enough for a plate.
const SPEAKING: Color = Color::rgb8(0x4c, 0xd9, 0x89);

/// Draws a tile. Words and initials keep clear of `blocked`, where other things lie over the tiles.
pub fn video_tile(c: &mut Canvas<'_>, rect: Rect, tile: &Tile, blocked: &[Rect]) {
    let plate = Plate::of(c, rect, rect.inset(-GRID), tile, blocked);
    tile_with(c, rect, tile, blocked, plate);
}

/// What [`presented_tile`] needs below the picture.
pub const NAME_BELOW: f64 = 40.0;

/// Draws what is presented, and its name in a line of its own below it, for which there must be [`NAME_BELOW`] of room.
pub fn presented_tile(c: &mut Canvas<'_>, rect: Rect, tile: &Tile, blocked: &[Rect]) {
    let below = Rect { y0: rect.y1, y1: rect.y1 + NAME_BELOW, ..rect };
    let plate = Plate::of(c, rect, below, tile, blocked);
    tile_with(c, rect, tile, blocked, plate);
}

fn tile_with(c: &mut Canvas<'_>, rect: Rect, tile: &Tile, blocked: &[Rect], plate: Plate) {
    c.fill(rect, CORNER, tokens::RAISED);
    match &tile.placeholder {
        None => c.picture(rect, tile.picture, tokens::GROUND),
        Some(why) => {
            let mut blocked = blocked.to_vec();
            blocked.extend(plate.place);
            placeholder(c, visible(rect, &blocked), &tile.initials, why);
        }
    }
    if tile.speaking {
        c.edge(rect, CORNER, tokens::GO, 4.0);
    }
    plate.draw(c, &tile.name);
}

/// Draws the own picture: small, with its marks, and no name but the word for "you".
pub fn own_tile(c: &mut Canvas<'_>, rect: Rect, tile: &Tile) {
    // A ring in the ground's colour keeps it apart from the pictures below.
    c.fill(rect.inset(4.0), CORNER + 4.0, tokens::GROUND);
    c.fill(rect, CORNER, tokens::RAISED);
    match &tile.placeholder {
        None => c.picture(rect, tile.picture, tokens::GROUND),
        Some(_) => {
            let upper = Rect { y1: rect.y1 - 24.0, ..rect };
            c.icon(upper, Icon::CameraOff, (rect.height() * 0.32).round(), tokens::DIM);
        }
    }
    let color = if tile.speaking && !tile.muted { tokens::GO } else { tokens::LINE };
    c.edge(rect, CORNER, color, 2.0);
    let style = Style::strong(tokens::size::SMALL);
    let line = Rect::new(rect.x0 + 6.0, rect.y1 - 34.0, rect.x1 - 6.0, rect.y1 - 6.0);
    let you = c.words.you;
    let mark = tile.muted.then_some((Icon::MicrophoneOff, CLOSED));
    super::label::plate(c, line, mark, you, style, PLATE, Align::Start);
    let corner = Rect::new(rect.x1 - 34.0, rect.y0 + 6.0, rect.x1 - 6.0, rect.y0 + 34.0);
    c.fill(corner, 10.0, PLATE);
    c.icon(corner, Icon::CornerMove, 20.0, tokens::TEXT);
}

/// The largest part of a rectangle beside, above or below what lies over it.
fn visible(rect: Rect, blocked: &[Rect]) -> Rect {
    blocked.iter().fold(rect, |rect, over| {
        if over.intersect(rect).area() <= 0.0 {
            return rect;
        }
        let clear = |part: Rect| Rect { x1: part.x1.max(part.x0), y1: part.y1.max(part.y0), ..part };
        [
            clear(Rect { x1: over.x0, ..rect }),
            clear(Rect { x0: over.x1, ..rect }),
            clear(Rect { y1: over.y0, ..rect }),
            clear(Rect { y0: over.y1, ..rect }),
        ]
        .into_iter()
        .max_by(|a, b| a.area().total_cmp(&b.area()))
        .unwrap_or(rect)
    })
}

/// Initials, and a sentence where there is room for it, in place of a picture.
pub fn placeholder(c: &mut Canvas<'_>, rect: Rect, initials: &str, why: &str) {
    let sentence = rect.height() >= 112.0;
    let part = if sentence { 0.36 } else { 0.4 };
    let disc = (rect.height().min(rect.width()) * part).clamp(40.0, 160.0).round();
    let size = match disc {
        d if d >= 120.0 => tokens::size::HERO,
        d if d >= 72.0 => tokens::size::BIG,
        d if d >= 48.0 => tokens::size::TITLE,
        _ => tokens::size::BODY,
    };
    let said = if rect.width() >= 320.0 { tokens::size::BODY } else { tokens::size::SMALL };
    let said = Style::new(said);
    let below = if sentence { 12.0 + said.line() } else { 0.0 };
    let middle = centered(rect, Size::new(disc, disc + below));
    let round = Rect { y1: middle.y0 + disc, ..middle };
    c.fill(round, disc / 2.0, tokens::LINE);
    let style = Style::strong(size);
    let letter = centered(round, Size::new(disc, style.line()));
    c.text(letter, initials, style, tokens::TEXT, Align::Center);
    if sentence {
        let y0 = round.y1 + 12.0;
        let line = Rect::new(rect.x0 + 16.0, y0, rect.x1 - 16.0, y0 + said.line());
        c.text(line, why, said, tokens::DIM, Align::Center);
    }
}

/// A name plate: its place, its marks, its look.
struct Plate {
    place: Option<Rect>,
    marks: Vec<(Icon, Color)>,
    style: Style,
}

impl Plate {
    /// Inside a plate, beside the first and the last thing.
    const PAD: f64 = 12.0;

    /// The plate of a tile at `rect`, to go somewhere within another place.
    fn of(c: &mut Canvas<'_>, rect: Rect, within: Rect, tile: &Tile, blocked: &[Rect]) -> Plate {
        let large = rect.width() >= 480.0 && c.frame.class > Class::Small;
        let (size, height) = if large { (tokens::size::BODY, 40.0) } else { (tokens::size::SMALL, 32.0) };
        let style = Style::strong(size);
        let mut marks = Vec::new();
        if tile.muted {
            marks.push((Icon::MicrophoneOff, CLOSED));
        } else if tile.speaking {
            marks.push((Icon::Speaking, SPEAKING));
        }
        if tile.weak {
            marks.push((Icon::WeakNetwork, tokens::WARN));
        }
        if tile.host {
            marks.push((Icon::Host, tokens::WARN));
        }
        let beside = 2.0 * Plate::PAD + marks.len() as f64 * (mark_size(style) + 8.0);
        let wanted = beside + c.width(&tile.name, style);
        let place = plate_place(within, Size::new(wanted, height), blocked);
        Plate { place, marks, style }
    }

    fn draw(self, c: &mut Canvas<'_>, name: &str) {
        let Some(plate) = self.place else { return };
        c.fill(plate, 10.0, PLATE);
        let mut x0 = plate.x0 + Plate::PAD;
        for (mark, color) in self.marks {
            let size = mark_size(self.style);
            c.icon(Rect::new(x0, plate.y0, x0 + size, plate.y1), mark, size, color);
            x0 += size + 8.0;
        }
        let words = Rect::new(x0, plate.y0, (plate.x1 - Plate::PAD).max(x0), plate.y1);
        c.text(words, name, self.style, tokens::TEXT, Align::Start);
    }
}

fn mark_size(style: Style) -> f64 {
    (style.size * 1.2).round()
}

/// A tile narrower than this has no name plate: it would show three letters and hide the picture.
const NAMED: f64 = 96.0;

/// Where a name plate goes: below left, or where it is least cut by what lies over the tile.
fn plate_place(within: Rect, size: Size, blocked: &[Rect]) -> Option<Rect> {
    let width = size.width.min(within.width());
    let below = Rect::new(within.x0, within.y1 - size.height, within.x0 + width, within.y1);
    let above = Rect { y0: within.y0, y1: within.y0 + size.height, ..below };
    let cut = |plate: Rect| {
        // Once more, because what makes way for one may come under another.
        blocked.iter().chain(blocked).fold(plate, |plate, over| {
            if plate.intersect(*over).area() <= 0.0 {
                return plate;
            }
            let left = Rect { x1: over.x0.max(plate.x0), ..plate };
            let right = Rect { x0: over.x1, x1: (over.x1 + width).min(within.x1).max(over.x1), ..plate };
            if left.width() >= right.width() { left } else { right }
        })
    };
    let (below, above) = (cut(below), cut(above));
    let best = if above.width() > below.width() { above } else { below };
    (within.width() >= NAMED && best.width() >= 48.0).then_some(best)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_goes_where_nothing_lies_over_it() {
        let (tile, size) = (Rect::new(0.0, 0.0, 500.0, 400.0), Size::new(120.0, 40.0));
        let own = Rect::new(380.0, 300.0, 500.0, 400.0);
        assert_eq!(plate_place(tile, size, &[own]), Some(Rect::new(0.0, 360.0, 120.0, 400.0)));
        // Beside the warning it would come under the own picture.
        let warning = Rect::new(0.0, 350.0, 300.0, 400.0);
        for over in [[own, warning], [warning, own]] {
            assert_eq!(plate_place(tile, size, &over), Some(Rect::new(0.0, 0.0, 120.0, 40.0)));
        }
    }
}
