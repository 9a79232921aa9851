//! What the lines of a graph are: a mark, a word, a number each, in as many rows as they need. The numbers have
//! room to change without moving what follows.

use std::sync::{Arc, OnceLock};

use druid::{Color, Rect};

use crate::ui::frame::take_left;
use crate::ui::scene::{Align, Canvas, Dash};
use crate::ui::text::Style;
use crate::ui::tokens;
use crate::view::Points;

/// One thing to explain.
#[derive(Clone, Debug)]
pub struct Entry {
    /// How its line is drawn.
    pub dash: Dash,
    /// In which colour.
    pub color: Color,
    /// What it is; may be empty.
    pub label: &'static str,
    /// How much it is.
    pub value: String,
}

const MARK: f64 = 20.0;
const BESIDE_MARK: f64 = 6.0;
const BEFORE_VALUE: f64 = 5.0;
const BETWEEN: f64 = 12.0;
/// Values are set as wide as this, so that one digit more moves nothing.
const ROOM_FOR: &str = "88.8";

const WORD: Style = Style::new(tokens::size::SMALL);
const VALUE: Style = Style::figures(tokens::size::SMALL);

/// How wide an entry is.
fn width(c: &mut Canvas<'_>, entry: &Entry) -> f64 {
    let value = c.width(&entry.value, VALUE).max(c.width(ROOM_FOR, VALUE));
    let mark = if entry.label.is_empty() {
        0.0
    } else {
        MARK + BESIDE_MARK + c.width(entry.label, WORD) + BEFORE_VALUE
    };
    mark + value
}

/// The entries of each row that fit into a width: from, to.
fn rows(widths: &[f64], room: f64) -> Vec<(usize, usize)> {
    let mut rows: Vec<(usize, usize)> = Vec::new();
    let mut taken = 0.0;
    for (place, width) in widths.iter().enumerate() {
        match rows.last_mut() {
            Some(row) if taken + BETWEEN + width <= room => {
                row.1 = place + 1;
                taken += BETWEEN + width;
            }
            Some(_) | None => {
                rows.push((place, place + 1));
                taken = *width;
            }
        }
    }
    rows
}

/// How wide all entries are in one row.
pub fn in_one_row(c: &mut Canvas<'_>, entries: &[Entry]) -> f64 {
    let widths: f64 = entries.iter().map(|entry| width(c, entry)).sum();
    widths + BETWEEN * entries.len().saturating_sub(1) as f64
}

/// How many rows they take in a width.
pub fn height(c: &mut Canvas<'_>, entries: &[Entry], room: f64) -> f64 {
    let widths: Vec<f64> = entries.iter().map(|entry| width(c, entry)).collect();
    rows(&widths, room).len() as f64 * VALUE.line()
}

/// Draws as many rows as fit.
pub fn draw(c: &mut Canvas<'_>, rect: Rect, entries: &[Entry]) {
    let widths: Vec<f64> = entries.iter().map(|entry| width(c, entry)).collect();
    let fitting = (rect.height() / VALUE.line()).floor() as usize;
    for (row, (from, to)) in rows(&widths, rect.width()).into_iter().take(fitting).enumerate() {
        let y0 = rect.y0 + row as f64 * VALUE.line();
        let mut line = Rect { y0, y1: y0 + VALUE.line(), ..rect };
        for (entry, width) in entries[from..to].iter().zip(&widths[from..to]) {
            one(c, take_left(&mut line, *width), entry);
            take_left(&mut line, BETWEEN);
        }
    }
}

fn one(c: &mut Canvas<'_>, mut rect: Rect, entry: &Entry) {
    if !entry.label.is_empty() {
        let mark = take_left(&mut rect, MARK);
        let middle = mark.center().y;
        let band = Rect::new(mark.x0, middle - 3.0, mark.x1, middle + 3.0);
        c.series(band, level_line(), 2, entry.color, entry.dash);
        take_left(&mut rect, BESIDE_MARK);
        let word = c.width(entry.label, WORD);
        c.text(take_left(&mut rect, word), entry.label, WORD, tokens::DIM, Align::Start);
        take_left(&mut rect, BEFORE_VALUE);
    }
    // A number alone stands at the edge.
    let align = if entry.label.is_empty() { Align::End } else { Align::Start };
    c.text(rect, &entry.value, VALUE, tokens::TEXT, align);
}

/// A line at half the height, to show how a line is drawn.
fn level_line() -> Points {
    static LINE: OnceLock<Points> = OnceLock::new();
    LINE.get_or_init(|| Points(Arc::from([Some(1), Some(1)]))).clone()
}
