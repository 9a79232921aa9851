//! Two minutes of one quantity: its name and unit, its lines with their newest values, an axis with round ticks, the time
//! below. What is not known is a gap. The lines themselves are painted from the view's own points; nothing is copied.

use druid::{Color, Rect};

use super::legend::{self, Entry};
use super::scale::Scale;
use crate::ui::frame::{take_bottom, take_left, take_right, take_top};
use crate::ui::scene::{Align, Canvas, Dash};
use crate::ui::text::Style;
use crate::ui::tokens;
use crate::view::{GraphView, SeriesView};

/// How the lines of a graph are told apart.
const LINES: [(Color, Dash); 3] =
    [(tokens::SERIES[0], Dash::Solid), (tokens::SERIES[1], Dash::Dashed), (tokens::SERIES[2], Dash::Dotted)];

/// Between two ticks at least.
const TICK: f64 = 22.0;

const SMALL: Style = Style::new(tokens::size::SMALL);
const TITLE: Style = Style::strong(tokens::size::SMALL);
const FIGURES: Style = Style { size: tokens::size::SMALL, strong: false, tabular: true };

/// Draws a graph.
pub fn graph(c: &mut Canvas<'_>, rect: Rect, graph: &GraphView) {
    c.fill(rect, tokens::CORNER, tokens::GROUND);
    let mut rect = rect.inset((-12.0, -10.0));
    let labels = c.words.network;
    let (scale, largest) = Scale::of(graph.quantity, graph.series.iter().map(|series| &series.points));
    let entry = |(series, (color, dash)): (&SeriesView, (Color, Dash))| Entry {
        dash,
        color,
        label: labels.trace(series.trace),
        value: scale.value(series.points.newest(), labels.decimal),
    };
    let entries: Vec<Entry> = graph.series.iter().zip(LINES).map(entry).collect();
    head(c, &mut rect, labels.quantity(graph.quantity), scale.unit, &entries);
    take_top(&mut rect, 12.0);
    // Under a banner there may be little room; then the time goes first.
    let timed = rect.height() >= 2.0 * TICK + SMALL.line() + 4.0;
    let time = take_bottom(&mut rect, if timed { SMALL.line() } else { FIGURES.line() / 2.0 });
    if timed {
        take_bottom(&mut rect, 4.0);
    }
    if rect.height() < TICK {
        return;
    }

    let ticks = scale.ticks(largest, ((rect.height() / TICK) as u32).clamp(1, 5));
    let tick = |number: u32| scale.tick(number * ticks.step, ticks.step, labels.decimal);
    let axis = (0..=ticks.steps).map(|number| c.width(&tick(number), FIGURES)).fold(0.0, f64::max);
    let numbers = take_left(&mut rect, axis);
    take_left(&mut rect, 8.0);
    let plot = rect;
    for number in 0..=ticks.steps {
        let y = (plot.y1 - plot.height() * f64::from(number) / f64::from(ticks.steps)).round();
        let color = if number == 0 { tokens::RESTING } else { tokens::LINE };
        c.fill(Rect::new(plot.x0, y - 0.5, plot.x1, y + 0.5), 0.0, color);
        let half = FIGURES.line() / 2.0;
        let place = Rect { y0: y - half, y1: y + half, ..numbers };
        c.text(place, &tick(number), FIGURES, tokens::DIM, Align::End);
    }
    let middle = plot.center().x.round();
    c.fill(Rect::new(middle - 0.5, plot.y0, middle + 0.5, plot.y1), 0.0, tokens::LINE);
    if timed {
        times(c, Rect { x0: plot.x0, ..time }, labels.now);
    }
    // The solid line first, so that where they meet it shows between the dashes of the others.
    for (series, (color, dash)) in graph.series.iter().zip(LINES) {
        c.series(plot, series.points.clone(), ticks.top(), color, dash);
    }
}

/// The name with its unit, and the lines: beside it if there is room, else below.
fn head(c: &mut Canvas<'_>, rect: &mut Rect, name: &str, unit: &str, entries: &[Entry]) {
    let named = c.width(name, TITLE) + 8.0 + c.width(unit, SMALL);
    let beside = legend::in_one_row(c, entries);
    let mut line = take_top(rect, TITLE.line());
    if named + 24.0 + beside <= line.width() {
        legend::draw(c, take_right(&mut line, beside), entries);
        take_right(&mut line, 16.0);
    } else {
        take_top(rect, 4.0);
        let height = legend::height(c, entries, rect.width());
        legend::draw(c, take_top(rect, height), entries);
    }
    let word = c.width(name, TITLE);
    c.text(take_left(&mut line, word), name, TITLE, tokens::TEXT, Align::Start);
    take_left(&mut line, 8.0);
    c.text(line, unit, SMALL, tokens::DIM, Align::Start);
}

/// The axis of time: two minutes, one, now.
fn times(c: &mut Canvas<'_>, rect: Rect, now: &str) {
    for (text, align) in [("−2 min", Align::Start), ("−1 min", Align::Center), (now, Align::End)] {
        c.text(rect, text, SMALL, tokens::DIM, align);
    }
}
