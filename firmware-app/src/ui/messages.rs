//! The messages of a page, newest at the bottom, in as many parts as their place needs: a message may be longer than
//! the screen.

use druid::Rect;

use super::chat::{ground, turns};
use super::icons::Icon;
use super::scene::{Align, Canvas, Touch};
use super::text::Style;
use super::tokens;
use super::widget::label::marked;
use crate::view::{ChatView, Delivery, MessageView};

/// What a row shows.
enum Row {
    /// Who and when.
    Head,
    /// Only for whom.
    Private,
    /// A line of the text.
    Line(String),
    /// That it was not sent.
    Failed,
}

struct Placed {
    message: usize,
    row: Row,
    /// With the space above and below it.
    height: f64,
    above: f64,
}

/// Inside a message, above its first and below its last row.
const PAD: f64 = 8.0;

/// Draws the list. Returns what the arrows up and down do, where there is more to see.
pub(super) fn list(c: &mut Canvas<'_>, rect: Rect, chat: &ChatView) -> (Option<Touch>, Option<Touch>) {
    if chat.messages.is_empty() {
        let style = Style::new(tokens::size::BODY);
        let words = c.words.no_messages;
        c.paragraph_centered(rect, words, style, tokens::DIM, Align::Center);
        return turns(0, 1, chat.older, chat.newer);
    }
    let rows = rows(c, rect.width(), &chat.messages);
    let parts = parts(&rows, rect.height());
    let part = c.local.list.min(parts.len().saturating_sub(1));
    let Some(&(from, to)) = parts.get(part) else { return (None, None) };
    let height: f64 = rows[from..to].iter().map(|placed| placed.height).sum();
    let mut y0 = rect.y1 - height;
    let mut shown = from;
    while shown < to {
        let message = rows[shown].message;
        let end = rows[shown..to].iter().take_while(|placed| placed.message == message).count() + shown;
        y0 = draw_message(c, Rect { y0, ..rect }, &chat.messages[message], &rows[shown..end]);
        shown = end;
    }
    turns(part, parts.len(), chat.older, chat.newer)
}

fn text_style(c: &Canvas<'_>) -> Style {
    Style::new(c.frame.body)
}

fn rows(c: &mut Canvas<'_>, width: f64, messages: &[MessageView]) -> Vec<Placed> {
    let (small, style) = (Style::new(tokens::size::SMALL), text_style(c));
    let mut rows = Vec::new();
    for (number, message) in messages.iter().enumerate() {
        let mut of_message = Vec::new();
        if !message.from.is_empty() {
            of_message.push((Row::Head, small.line()));
        }
        if message.private.is_some() {
            of_message.push((Row::Private, small.line()));
        }
        for line in c.wrap(&message.text, style, width - 2.0 * 12.0) {
            of_message.push((Row::Line(line), style.line()));
        }
        if message.delivery == Delivery::Failed {
            of_message.push((Row::Failed, small.line()));
        }
        let last = of_message.len() - 1;
        for (place, (row, height)) in of_message.into_iter().enumerate() {
            let between = if number == 0 {
                0.0
            } else if message.from.is_empty() {
                4.0
            } else {
                12.0
            };
            let above = if place == 0 { between } else { 0.0 };
            let pads = if place == 0 { PAD } else { 0.0 } + if place == last { PAD } else { 0.0 };
            rows.push(Placed { message: number, row, height: height + above + pads, above });
        }
    }
    rows
}

/// Cuts the rows into parts that fit, the newest first: from, to.
fn parts(rows: &[Placed], room: f64) -> Vec<(usize, usize)> {
    let mut parts = Vec::new();
    let (mut to, mut taken) = (rows.len(), 0.0);
    for place in (0..rows.len()).rev() {
        if place + 1 < to && taken + rows[place].height > room {
            // A message is not torn apart unless it fills the place by itself.
            let begins = |row: &usize| rows[*row].message != rows[row - 1].message;
            let from = (place + 1..to).find(begins).unwrap_or(place + 1);
            parts.push((from, to));
            taken = rows[place + 1..from].iter().map(|row| row.height).sum();
            to = from;
        }
        taken += rows[place].height;
    }
    if to > 0 {
        parts.push((0, to));
    }
    parts
}

/// Draws rows of one message and returns where they end.
fn draw_message(c: &mut Canvas<'_>, rect: Rect, message: &MessageView, rows: &[Placed]) -> f64 {
    let above = rows.first().map_or(0.0, |placed| placed.above);
    let height: f64 = rows.iter().map(|placed| placed.height).sum();
    let bubble = Rect { y0: rect.y0 + above, y1: rect.y0 + height, ..rect };
    c.fill(bubble, 10.0, ground(message.own, message.private.is_some()));
    if message.private.is_some() {
        c.edge(bubble, 10.0, tokens::ACTION, 1.0);
    }
    let (small, style) = (Style::new(tokens::size::SMALL), text_style(c));
    let inner = bubble.inset((-12.0, 0.0));
    let starts_here = matches!(rows.first().map(|p| &p.row), Some(Row::Head | Row::Private)) || above > 0.0;
    let mut y0 = bubble.y0 + if starts_here || is_first_line(rows, message) { PAD } else { 0.0 };
    for placed in rows {
        let high = match placed.row {
            Row::Line(_) => style.line(),
            Row::Head | Row::Private | Row::Failed => small.line(),
        };
        let line = Rect { y0, y1: y0 + high, ..inner };
        match &placed.row {
            Row::Head => head(c, line, message),
            Row::Private => {
                let words = message.private.as_deref().unwrap_or_default();
                marked(c, line, (Icon::Lock, tokens::DIM), words, small, tokens::DIM);
            }
            Row::Line(words) => c.text(line, words, style, tokens::TEXT, Align::Start),
            Row::Failed => {
                let words = c.words.not_sent;
                marked(c, line, (Icon::Warning, tokens::WARN), words, small, tokens::TEXT);
            }
        }
        y0 += high;
    }
    rect.y0 + height
}

/// Whether the rows begin with the message's first row though it has neither head nor mark.
fn is_first_line(rows: &[Placed], message: &MessageView) -> bool {
    let first = rows.first().map(|placed| &placed.row);
    message.from.is_empty()
        && message.private.is_none()
        && matches!(first, Some(Row::Line(line)) if message.text.starts_with(line.as_str()))
}

fn head(c: &mut Canvas<'_>, mut line: Rect, message: &MessageView) {
    let (strong, figures) =
        (Style::strong(tokens::size::SMALL), Style { strong: false, ..Style::figures(tokens::size::SMALL) });
    let time = c.width(&message.time, figures);
    let place = super::frame::take_right(&mut line, time);
    c.text(place, &message.time, figures, tokens::DIM, Align::End);
    super::frame::take_right(&mut line, 8.0);
    if message.delivery == Delivery::Sending {
        let mark = super::frame::take_right(&mut line, 20.0);
        c.icon(mark, Icon::Sending, 18.0, tokens::DIM);
        super::frame::take_right(&mut line, 8.0);
    }
    c.text(line, &message.from, strong, tokens::TEXT, Align::Start);
}
