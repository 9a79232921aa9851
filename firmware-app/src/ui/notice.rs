//! One sentence that matters now, in a strip below the top edge; the caretaker's detail is one tap away.

use druid::{Color, Rect, Size};

use super::frame::{centered, take_left, take_right};
use super::icons::Icon;
use super::local::Turn;
use super::scene::{Align, Canvas, Touch};
use super::text::Style;
use super::tokens::{self, CORNER, GAP, GRID, TOUCH};
use super::widget::button::Button;
use crate::kiosk::intent::Intent;
use crate::view::{Notice, Severity};

/// How many lines of the sentence and of its detail there are room for.
struct Lines {
    sentence: f64,
    detail: f64,
}

fn style(c: &Canvas<'_>) -> Style {
    Style::strong(c.frame.body)
}

const SMALL: Style = Style::new(tokens::size::SMALL);

fn lines(c: &mut Canvas<'_>, notice: &Notice) -> Lines {
    let more = if notice.detail.is_some() { TOUCH + GAP } else { 0.0 };
    let room = c.frame.size.width - 2.0 * GRID - 16.0 - TOUCH - more - GAP - 8.0 - 32.0 - GAP;
    let style = style(c);
    let sentence = c.wrap(&notice.text, style, room).len().min(2) as f64;
    let detail = notice.detail.as_deref().filter(|_| c.local.detail);
    let detail = detail.map_or(0.0, |detail| c.wrap(detail, SMALL, room).len().min(3) as f64);
    Lines { sentence, detail }
}

/// Where the notice is: below a knock's banner if there is one.
pub(super) fn place(c: &mut Canvas<'_>, notice: &Notice, below: Option<Rect>) -> Rect {
    let y0 = below.map_or(GRID, |banner| banner.y1 + GRID);
    let lines = lines(c, notice);
    let words = lines.sentence * style(c).line() + lines.detail * SMALL.line();
    Rect::new(GRID, y0, c.frame.size.width - GRID, y0 + (words + 16.0).max(TOUCH + 16.0))
}

/// Draws the notice.
pub(super) fn draw(c: &mut Canvas<'_>, strip: Rect, notice: &Notice) {
    let (lines, style) = (lines(c, notice), style(c));
    let words = lines.sentence * style.line() + lines.detail * SMALL.line();
    let (ground, edge, icon) = look(notice.severity);
    c.fill(strip, CORNER, ground);
    c.edge(strip, CORNER, edge, 2.0);
    let mut rect = strip.inset((-8.0, 0.0));
    let square = |rect: &mut Rect| centered(take_right(rect, TOUCH), Size::new(TOUCH, TOUCH));
    let away = square(&mut rect);
    Button::icon(Icon::Cross).draw(c, away, Some(Touch::Tap(Intent::DismissNotice)));
    if notice.detail.is_some() {
        take_right(&mut rect, GAP);
        let more = square(&mut rect);
        Button::icon(Icon::Info).draw(c, more, Some(Touch::Turn(Turn::Detail)));
    }
    take_right(&mut rect, GAP);
    take_left(&mut rect, 8.0);
    let mark = take_left(&mut rect, 32.0);
    c.icon(mark, icon, 28.0, tokens::TEXT);
    take_left(&mut rect, GAP);
    let block = centered(rect, Size::new(rect.width(), words));
    let sentence = Rect { y1: block.y0 + lines.sentence * style.line(), ..block };
    c.paragraph(sentence, &notice.text, style, tokens::TEXT, Align::Start);
    if let Some(detail) = notice.detail.as_deref().filter(|_| c.local.detail) {
        c.paragraph(Rect { y0: sentence.y1, ..block }, detail, SMALL, tokens::TEXT, Align::Start);
    }
}

fn look(severity: Severity) -> (Color, Color, Icon) {
    match severity {
        Severity::Info => (tokens::LINE, tokens::ACTION, Icon::Info),
        Severity::Warning => (tokens::WARN_GROUND, tokens::WARN, Icon::Warning),
        Severity::Alarm => (tokens::STOP_GROUND, tokens::STOP, Icon::Warning),
    }
}
