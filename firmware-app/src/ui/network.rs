//! The network page beside the pictures, which go on being shown, since hiding them would change what is measured: whose
//! numbers, the verdict, and as many graphs as fit.

use druid::{Color, Rect};

use super::frame::{Class, Frame, grid, take_left, take_right, take_top};
use super::icons::Icon;
use super::local::Turn;
use super::scene::{Align, Canvas, Touch};
use super::text::Style;
use super::tokens::{self, GAP, TOUCH};
use super::widget::chips::{Chip, chips};
use super::widget::graph::graph;
use super::widget::pager;
use super::widget::stages::stages;
use crate::kiosk::intent::{Intent, Step};
use crate::view::{GraphView, NetworkView, StagesView, Tone};

/// The page's width: graphs need more than a list does.
pub(super) fn width(frame: &Frame) -> f64 {
    let part = match frame.class {
        Class::Small => 0.6,
        Class::Medium | Class::Large => 0.55,
    };
    grid(frame.size.width * part).max(336.0).min(frame.size.width)
}

/// Side by side graphs are at least so wide,
const WIDE: f64 = 300.0;
/// and so high, as their lines are named in rows below the title;
const HIGH: f64 = 220.0;
/// those across the whole page at least so high.
const LOW: f64 = 150.0;

/// One cell of the page.
enum Cell<'a> {
    Stages(&'a StagesView),
    Graph(&'a GraphView),
}

/// Draws the page.
pub(super) fn panel(c: &mut Canvas<'_>, mut rect: Rect, view: &NetworkView) {
    let rooms: Vec<Chip<'_>> = (view.rooms.iter())
        .map(|room| Chip {
            label: &room.label,
            mark: room.weak.then_some(Icon::WeakNetwork),
            chosen: room.chosen,
            touch: Touch::Tap(Intent::NetworkOf(room.of)),
        })
        .collect();
    chips(c, take_top(&mut rect, TOUCH), &rooms);
    take_top(&mut rect, GAP);
    let mut said = take_top(&mut rect, TOUCH);
    take_top(&mut rect, GAP);

    let graphs = view.graphs.graphs();
    let cells: Vec<Cell<'_>> =
        view.graphs.stages().into_iter().map(Cell::Stages).chain(graphs.iter().map(Cell::Graph)).collect();
    let columns = if rect.width() >= 2.0 * WIDE + GAP { 2 } else { 1 };
    let least = if columns > 1 { HIGH } else { LOW };
    let rows = (((rect.height() + GAP) / (least + GAP)).floor() as usize).max(1);
    let pages = cells.len().div_ceil(rows * columns).max(1);
    let page = c.local.list.min(pages - 1);
    if pages > 1 {
        let up = (page > 0).then_some(Touch::Turn(Turn::List(Step::Previous)));
        let down = (page + 1 < pages).then_some(Touch::Turn(Turn::List(Step::Next)));
        pager::arrows(c, take_right(&mut said, pager::WIDTH), up, down);
        take_right(&mut said, 16.0);
    }
    verdict(c, said, view);
    if cells.is_empty() {
        let words = c.words.network.nothing;
        c.paragraph_centered(rect, words, Style::new(c.frame.body), tokens::DIM, Align::Center);
    }
    let width = ((rect.width() - GAP * (columns - 1) as f64) / columns as f64).floor();
    let height = ((rect.height() - GAP * (rows - 1) as f64) / rows as f64).floor();
    for (place, cell) in cells.iter().skip(page * rows * columns).take(rows * columns).enumerate() {
        let x0 = rect.x0 + (place % columns) as f64 * (width + GAP);
        let y0 = rect.y0 + (place / columns) as f64 * (height + GAP);
        let at = Rect::new(x0, y0, x0 + width, y0 + height);
        match cell {
            Cell::Stages(view) => stages(c, at, view),
            Cell::Graph(view) => graph(c, at, view),
        }
    }
}

/// The verdict in a sentence, with its mark.
fn verdict(c: &mut Canvas<'_>, mut rect: Rect, view: &NetworkView) {
    let (icon, color) = mark(view.verdict.tone);
    c.icon(take_left(&mut rect, 32.0), icon, 32.0, color);
    take_left(&mut rect, 12.0);
    let whole = Style::strong(tokens::size::BODY);
    let style = if c.wrap(&view.verdict.text, whole, rect.width()).len() > 2 {
        Style::strong(tokens::size::SMALL)
    } else {
        whole
    };
    c.paragraph_centered(rect, &view.verdict.text, style, tokens::TEXT, Align::Start);
}

/// The mark of a verdict: its shape says the same as its colour.
pub(super) fn mark(tone: Tone) -> (Icon, Color) {
    match tone {
        Tone::Unknown => (Icon::Network, tokens::DIM),
        Tone::Good => (Icon::Network, tokens::GO),
        Tone::Weak => (Icon::WeakNetwork, tokens::WARN),
    }
}
