//! Where another room's pictures spend their time: one bar, a block for each stage as long as it takes, and what each is.

use druid::{Color, Rect};

use super::scale::number;
use crate::ui::frame::{take_left, take_right, take_top};
use crate::ui::scene::{Align, Canvas};
use crate::ui::text::Style;
use crate::ui::tokens;
use crate::view::StagesView;

const BAR: f64 = 32.0;
const BETWEEN: f64 = 2.0;

/// Draws the bar with its legend.
pub fn stages(c: &mut Canvas<'_>, rect: Rect, view: &StagesView) {
    c.fill(rect, tokens::CORNER, tokens::GROUND);
    let mut rect = rect.inset((-12.0, -10.0));
    let labels = c.words.network;
    let ms = |tenths: u32| {
        let decimals = usize::from((1..100).contains(&tenths));
        number(tenths, 10, decimals, labels.decimal)
    };
    let unknown = || "–".to_owned();
    let title = Style::strong(tokens::size::SMALL);
    let total = view.total.map_or_else(unknown, |total| {
        let error = view.error.map(|error| format!(" ± {}", ms(error))).unwrap_or_default();
        format!("{}{error} ms", ms(total))
    });
    let figures = Style::figures(tokens::size::SMALL);
    let mut line = take_top(&mut rect, title.line());
    let width = c.width(&total, figures);
    let value = take_right(&mut line, width);
    c.text(value, &total, figures, tokens::TEXT, Align::End);
    take_right(&mut line, 12.0);
    c.text(line, labels.delay, title, tokens::TEXT, Align::Start);

    take_top(&mut rect, 10.0);
    let mut bar = take_top(&mut rect, BAR);
    let known: u32 = view.stages.iter().flatten().sum();
    if known == 0 {
        c.edge(bar, 6.0, tokens::LINE, 2.0);
    }
    let shown = view.stages.iter().filter(|stage| stage.is_some_and(|time| time > 0)).count();
    let room = bar.width() - BETWEEN * shown.saturating_sub(1) as f64;
    for (time, color) in view.stages.iter().zip(tokens::STAGES) {
        let Some(time) = time.filter(|time| *time > 0) else { continue };
        let block = take_left(&mut bar, room * f64::from(time) / f64::from(known.max(1)));
        take_left(&mut bar, BETWEEN);
        c.fill(block, 3.0, color);
        let text = ms(time);
        if c.width(&text, figures) + 8.0 <= block.width() {
            c.text(block, &text, figures, tokens::GROUND, Align::Center);
        }
    }
    take_top(&mut rect, 8.0);
    let entries = labels.stages.into_iter().zip(view.stages).zip(tokens::STAGES);
    table(
        c,
        rect,
        &entries
            .map(|((name, time), color)| (name, time.map_or_else(unknown, ms), color))
            .collect::<Vec<_>>(),
    );
}

/// What each block is, in columns from top to bottom.
fn table(c: &mut Canvas<'_>, rect: Rect, entries: &[(&str, String, Color)]) {
    const MARK: f64 = 22.0;
    let (word, figures) = (Style::new(tokens::size::SMALL), Style::figures(tokens::size::SMALL));
    let name = entries.iter().map(|(name, ..)| c.width(name, word)).fold(0.0, f64::max);
    let value = c.width("888", figures);
    let least = MARK + name + 8.0 + value;
    let columns = (((rect.width() + 20.0) / (least + 20.0)).floor() as usize).clamp(1, 4);
    let rows = entries.len().div_ceil(columns);
    let height = (rect.height() / rows as f64).min(32.0).floor();
    if height < word.line() {
        return;
    }
    let width = ((rect.width() - 20.0 * (columns - 1) as f64) / columns as f64).floor().min(1.4 * least);
    for (place, (name, time, color)) in entries.iter().enumerate() {
        let x0 = rect.x0 + (place / rows) as f64 * (width + 20.0);
        let y0 = rect.y0 + (place % rows) as f64 * height;
        let mut line = Rect::new(x0, y0, x0 + width, y0 + height);
        let mark = take_left(&mut line, MARK);
        let middle = mark.center().y;
        c.fill(Rect::new(mark.x0, middle - 7.0, mark.x0 + 14.0, middle + 7.0), 3.0, *color);
        c.text(take_right(&mut line, value), time, figures, tokens::TEXT, Align::End);
        c.text(line, name, word, tokens::DIM, Align::Start);
    }
}
