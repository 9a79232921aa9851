//! A meeting between its bars: the other rooms' pictures, this room's small one, a panel beside them.

use druid::{Rect, Size, Vec2};

use super::frame::{Class, centered, take_bottom, take_left, take_right, take_top};
use super::grid;
use super::icons::Icon;
use super::scene::{Align, Canvas, Touch};
use super::text::Style;
use super::tokens::{self, CORNER, GAP, GRID, TOUCH};
use super::widget::button::{Button, Look};
use super::widget::label::{beside_mark, plate};
use super::widget::video_tile::{NAME_BELOW, own_tile, presented_tile, video_tile};
use super::{bars, chat, network, people};
use crate::kiosk::intent::Intent;
use crate::view::{Corner, MeetingView, Microphone, PanelView, Tile, View};

/// Draws the meeting.
pub(super) fn draw(c: &mut Canvas<'_>, view: &View, meeting: &MeetingView) {
    if let Some(PanelView::Chat(panel)) = &meeting.panel
        && let Some(keyboard) = panel.keyboard
    {
        chat::writing(c, meeting, panel, keyboard);
        return;
    }
    let mut rect = c.frame.screen();
    let bar = take_bottom(&mut rect, c.frame.bottom_bar);
    let panel = meeting.panel.as_ref().map(|open| {
        let width = match open {
            PanelView::Chat(_) | PanelView::People(_) => c.frame.panel(),
            PanelView::Network(_) => network::width(&c.frame),
        };
        (open, take_right(&mut rect, width))
    });
    // What lies across the top hides this bar and a little of the pictures, which must not jump when it comes and goes;
    // what the bar says can wait.
    let top = take_top(&mut rect, c.frame.top_bar);
    let stage = rect.inset((-GRID, 0.0));
    let own = own_rect(c, stage, meeting);
    if c.shelf == 0.0 {
        bars::top(c, top, own, view, meeting);
    }
    let hint = meeting.speaking_while_muted && meeting.microphone == Microphone::Muted;
    let hint = hint.then(|| hint_place(c, stage, own));
    pictures(c, stage, own, hint, meeting);
    own_tile(c, own, &meeting.own);
    c.area(own, CORNER, Touch::Tap(Intent::MoveOwnPicture));
    if let Some((open, place)) = panel {
        let place = below_shelf(c, place);
        c.fill(place, 0.0, tokens::SURFACE);
        let asked = view.question.as_ref();
        match open {
            PanelView::Chat(chat) => chat::panel(c, place.inset(-GAP), chat),
            PanelView::People(people) => people::panel(c, place.inset(-GAP), people, asked),
            PanelView::Network(view) => network::panel(c, place.inset(-GAP), view),
        }
    }
    if let Some(seconds) = meeting.anyone_there_s {
        anyone_there(c, stage, seconds);
    }
    bars::bottom(c, bar, meeting, view.question.as_ref());
    if let Some(place) = hint {
        speaking_while_muted(c, place);
    }
}

/// What of a place lies below the shelf.
fn below_shelf(c: &Canvas<'_>, rect: Rect) -> Rect {
    Rect { y0: rect.y0.max(c.shelf), ..rect }
}

/// The other rooms, or how to bring them here.
fn pictures(c: &mut Canvas<'_>, stage: Rect, own: Rect, said: Option<Rect>, meeting: &MeetingView) {
    let mut blocked = vec![own.inset(GRID)];
    blocked.extend(said.map(|said| said.inset(GRID)));
    if let Some(presentation) = &meeting.presentation {
        presented(c, stage, own, &blocked, presentation, &meeting.tiles);
        return;
    }
    if meeting.tiles.is_empty() {
        if let Some(alone) = &meeting.alone {
            invite(c, below_shelf(c, stage), own, &meeting.code, alone);
        }
        return;
    }
    if let Some((at, large)) = meeting.large.and_then(|at| Some((at, meeting.tiles.get(at)?))) {
        let others: Vec<&Tile> =
            meeting.tiles.iter().enumerate().filter(|(n, _)| *n != at).map(|(_, it)| it).collect();
        let place = beside_column(c, stage, own, &blocked, &others, 2);
        let shape = c.local.shape(large.picture);
        for rect in grid::tiles(place, &[shape]) {
            video_tile(c, rect, large, &blocked);
        }
        return;
    }
    let shapes: Vec<f64> = meeting.tiles.iter().map(|tile| c.local.shape(tile.picture)).collect();
    let mut places = grid::tiles(stage, &shapes);
    grid::make_way(&mut places, stage, own.inset(4.0));
    for (tile, rect) in meeting.tiles.iter().zip(places) {
        video_tile(c, rect, tile, &blocked);
    }
}

/// What is presented as large as it can be with its name below it, the rooms in a column on the own picture's side, so that
/// nothing lies over it.
fn presented(
    c: &mut Canvas<'_>,
    stage: Rect,
    own: Rect,
    blocked: &[Rect],
    presentation: &Tile,
    tiles: &[Tile],
) {
    let mut large = beside_column(c, stage, own, blocked, &tiles.iter().collect::<Vec<_>>(), 3);
    let shape = c.local.shape(presentation.picture);
    // The same room above as below, where there is more of it than the name needs.
    let (name, spare) = (NAME_BELOW, large.height() - large.width() / shape);
    large.y1 -= name;
    large.y0 += name.min((spare - name).max(0.0));
    for rect in grid::tiles(large, &[shape]) {
        presented_tile(c, rect, presentation, blocked);
    }
}

/// Draws rooms in a column on the own picture's side, so that nothing lies over what is large; the place beside it. Up to
/// `narrow` of them get no more than the own picture's width.
fn beside_column(
    c: &mut Canvas<'_>,
    stage: Rect,
    own: Rect,
    blocked: &[Rect],
    tiles: &[&Tile],
    narrow: usize,
) -> Rect {
    let mut large = stage;
    // Many rooms in a narrow column would be too small to be told apart.
    let width = own.width() * if tiles.len() > narrow { 1.5 } else { 1.0 } + 2.0 * GRID;
    let at_left = own.center().x < stage.center().x;
    let mut column = if at_left { take_left(&mut large, width) } else { take_right(&mut large, width) };
    let shapes: Vec<f64> = tiles.iter().map(|tile| c.local.shape(tile.picture)).collect();
    if own.center().y < stage.center().y {
        column.y0 = own.y1 + GRID;
    } else {
        column.y1 = own.y0 - GRID;
    }
    for (tile, rect) in tiles.iter().zip(grid::tiles(column.inset((-GRID, 0.0)), &shapes)) {
        video_tile(c, rect, tile, blocked);
    }
    large
}

fn invite(c: &mut Canvas<'_>, rect: Rect, own: Rect, code: &str, sentence: &str) {
    let style = Style::new(c.frame.title);
    let width = (rect.width() - 2.0 * own.width() - 48.0).max(rect.width() * 0.5);
    let sizes = [tokens::size::HERO, tokens::size::BIG, tokens::size::TITLE].map(Style::figures);
    let code_style = c.largest(code, &sizes, width);
    let lines = c.wrap(sentence, style, width).len().min(3) as f64;
    let height = code_style.line() + 16.0 + lines * style.line();
    let block = centered(rect, Size::new(width, height));
    c.text(Rect { y1: block.y0 + code_style.line(), ..block }, code, code_style, tokens::TEXT, Align::Center);
    let said = Rect { y0: block.y1 - lines * style.line(), ..block };
    c.paragraph(said, sentence, style, tokens::DIM, Align::Center);
}

fn own_rect(c: &Canvas<'_>, seen: Rect, meeting: &MeetingView) -> Rect {
    let width: f64 = match c.frame.class {
        Class::Small => 152.0,
        Class::Medium => 192.0,
        Class::Large => 240.0,
    };
    // Never more than a quarter of what is left beside a panel.
    let width = width.min((seen.width() * 0.25).floor()).max(96.0);
    let height = (width / c.local.shape(meeting.own.picture)).round().clamp(TOUCH, seen.height().max(TOUCH));
    let place = seen.inset(-GRID);
    let (left, top) = match meeting.own_corner {
        Corner::BottomRight => (false, false),
        Corner::BottomLeft => (true, false),
        Corner::TopLeft => (true, true),
        Corner::TopRight => (false, true),
    };
    let x0 = if left { place.x0 } else { place.x1 - width };
    let y0 = if top { place.y0 } else { place.y1 - height };
    Rect::from_origin_size((x0, y0), (width, height))
}

/// Above the mute button, beside the own picture if that is there.
fn hint_place(c: &mut Canvas<'_>, stage: Rect, own: Rect) -> Rect {
    let style = Style::strong(c.frame.body);
    let height = style.line() + 20.0;
    let mut strip = Rect::new(stage.x0 + GRID, stage.y1 - height - GRID, stage.x1 - GRID, stage.y1 - GRID);
    if own.intersect(strip).area() > 0.0 {
        if own.x0 < stage.center().x {
            strip.x0 = own.x1 + 16.0;
        } else {
            strip.x1 = own.x0 - 16.0;
        }
    }
    let words = warning(c, strip, style);
    let words = c.width(words, style) + beside_warning(style);
    Rect { x1: (strip.x0 + words).min(strip.x1), ..strip }
}

/// Whole if there is room for it, else its beginning, which says the main thing.
fn warning(c: &mut Canvas<'_>, place: Rect, style: Style) -> &'static str {
    let (whole, short) = (c.words.speaking_while_muted, c.words.you_are_muted);
    if c.width(whole, style) + beside_warning(style) <= place.width() { whole } else { short }
}

/// What the warning's mark and the plate's edges take of its width.
fn beside_warning(style: Style) -> f64 {
    24.0 + beside_mark(style)
}

fn speaking_while_muted(c: &mut Canvas<'_>, place: Rect) {
    let style = Style::strong(c.frame.body);
    let words = warning(c, place, style);
    let mark = Some((Icon::MicrophoneOff, tokens::TEXT));
    plate(c, place, mark, words, style, tokens::STOP_GROUND, Align::Start);
}

/// Nobody has spoken or touched anything for long.
fn anyone_there(c: &mut Canvas<'_>, stage: Rect, seconds: u16) {
    let words = c.words;
    let frame = c.frame;
    let (title, body) = (Style::strong(frame.big), Style::new(frame.body));
    let button = frame.target;
    let width = (frame.size.width * 0.5).min(stage.width() - 32.0);
    let said = words.leaving_in.replace("{}", &seconds.to_string());
    let lines = c.wrap(&said, body, width - 48.0).len().min(2) as f64;
    let height = 24.0 + title.line() + 8.0 + lines * body.line() + 24.0 + button + 24.0;
    let card = centered(stage, Size::new(width, height));
    c.cover(card);
    c.fill(card.inset(4.0), CORNER + 4.0, tokens::GROUND);
    c.fill(card, CORNER, tokens::SURFACE);
    c.edge(card, CORNER, tokens::LINE, 2.0);
    let inner = card.inset((-24.0, -24.0));
    let heading = Rect { y1: inner.y0 + title.line(), ..inner };
    let style = c.largest(words.anyone_there, &[title, Style::strong(frame.title)], heading.width());
    c.text(heading, words.anyone_there, style, tokens::TEXT, Align::Center);
    let sentence = heading + Vec2::new(0.0, title.line() + 8.0);
    let sentence = Rect { y1: sentence.y0 + lines * body.line(), ..sentence };
    c.paragraph(sentence, &said, body, tokens::DIM, Align::Center);
    let yes = Rect { y0: inner.y1 - button, ..inner };
    Button::new(Icon::Check, words.still_here, frame.title).look(Look::Go).draw(
        c,
        yes,
        Some(Touch::Tap(Intent::StillHere)),
    );
}
