//! A meeting's two bars: what one must know above, what one may do below.

use druid::{Color, Rect};

use super::frame::{Class, take_left, take_right};
use super::icons::Icon;
use super::network;
use super::question;
use super::scene::{Align, Canvas, Touch};
use super::text::Style;
use super::tokens::{self, CORNER, GAP, GRID, TOUCH};
use super::widget::button::{Button, Look};
use super::widget::label::{beside_mark, marked};
use super::widget::meter;
use crate::kiosk::LEVELS;
use crate::kiosk::intent::{Destructive, Intent};
use crate::view::{MeetingView, Microphone, Panel, PanelView, Question, Tone, View};

/// Code, duration, network and lock on the left, the room and the time on the right.
pub(super) fn top(c: &mut Canvas<'_>, rect: Rect, own: Rect, view: &View, meeting: &MeetingView) {
    let size = if c.frame.class == Class::Small { tokens::size::SMALL } else { tokens::size::BODY };
    let mut rect = rect.inset((-16.0, 0.0));
    let words = c.words;
    let (dim, figures) = (Style::new(size), Style::figures(size));
    let mut put = |c: &mut Canvas<'_>, text: &str, style: Style, color: Color, gap: f64| {
        let width = c.width(text, style).min(rect.width());
        let place = take_left(&mut rect, width);
        c.text(place, text, style, color, Align::Start);
        take_left(&mut rect, gap);
    };
    let between = if c.frame.class == Class::Small { 16.0 } else { 24.0 };
    put(c, words.code, dim, tokens::DIM, 8.0);
    put(c, &meeting.code, Style::figures(if size < 20.0 { 20.0 } else { 28.0 }), tokens::TEXT, between);
    put(c, &meeting.duration, figures, tokens::DIM, between);
    let time = c.width(&view.clock, figures);
    let clock = take_right(&mut rect, time);
    c.text(clock, &view.clock, figures, tokens::TEXT, Align::End);
    take_right(&mut rect, between);
    let strong = Style::strong(size);
    let lock =
        if meeting.locked { beside_mark(strong) + c.width(words.locked, strong) + between } else { 0.0 };
    // Kept free while the verdict takes what it needs.
    let kept = take_right(&mut rect, if lock > 0.0 { lock + between } else { 0.0 });
    verdict(c, &mut rect, own, meeting, (strong, between));
    rect.x1 = kept.x1;
    if meeting.locked {
        marked(c, rect, (Icon::Lock, tokens::WARN), words.locked, strong, tokens::TEXT);
        take_left(&mut rect, lock);
    }
    // A few letters say nothing.
    if rect.width() >= c.width(&view.room_name, dim).min(96.0) {
        c.text(rect, &view.room_name, dim, tokens::DIM, Align::End);
    }
}

/// How the network is, which is a way to its page too, unless that is open or the own picture lies there.
fn verdict(c: &mut Canvas<'_>, rect: &mut Rect, own: Rect, meeting: &MeetingView, look: (Style, f64)) {
    let (icon, color) = network::mark(meeting.network.tone);
    let (style, between) = look;
    let mark = beside_mark(style);
    if is_open(meeting, Panel::Network) || rect.width() < mark {
        return;
    }
    let (wanted, room) = (c.width(&meeting.network.text, style), rect.width() - mark);
    // A few letters say less than the mark alone.
    let words = if room < wanted.min(80.0) { 0.0 } else { wanted.min(room) };
    let ink = if meeting.network.tone == Tone::Unknown { tokens::DIM } else { tokens::TEXT };
    let place = take_left(rect, mark + words);
    marked(c, place, (icon, color), &meeting.network.text, style, ink);
    take_left(rect, between);
    // Higher than the bar, for a finger: what is below it answers no touch but for the own picture.
    let middle = place.center().x;
    let half = (place.width() / 2.0 + GRID).max(TOUCH / 2.0);
    let x0 = (middle - half).max(0.0);
    let touch = Rect::new(x0, 0.0, x0 + 2.0 * half, TOUCH.max(c.frame.top_bar));
    if own.inset(GAP).intersect(touch).area() <= 0.0 {
        c.area(touch, CORNER, Touch::Tap(Intent::TogglePanel(Panel::Network)));
    }
}

/// The buttons, or what is asked in their place.
pub(super) fn bottom(c: &mut Canvas<'_>, rect: Rect, meeting: &MeetingView, asked: Option<&Question>) {
    let inset = if c.frame.class == Class::Small { 8.0 } else { 16.0 };
    let mut rect = rect.inset((-inset, -GRID));
    let asked = asked.filter(|question| match question.about {
        Destructive::Leave => true,
        // Asked in the people panel; here only if that is not open.
        Destructive::EndForAll | Destructive::Remove(_) => {
            !matches!(meeting.panel, Some(PanelView::People(_)))
        }
        Destructive::ForgetRelay => true,
    });
    mute(c, &mut rect, meeting);
    take_left(&mut rect, GAP);
    if let Some(question) = asked {
        question::strip(c, rect, question);
        return;
    }
    let level = match c.frame.class {
        Class::Small => 28.0,
        Class::Medium => 48.0,
        Class::Large => 72.0,
    };
    let volume_width = 2.0 * c.frame.target + level;
    let size = if c.frame.class == Class::Large { tokens::size::BODY } else { tokens::size::SMALL };
    let words = c.words;
    let [camera_width, present_width, network_width, people_width, chat_width, leave_width] =
        widths(c, rect.width() - volume_width, size);
    let camera = take_left(&mut rect, camera_width);
    let (icon, label, look) = if meeting.camera_off {
        (Icon::CameraOff, words.camera_off, Look::Stop)
    } else {
        (Icon::Camera, words.camera, Look::Plain)
    };
    Button::new(icon, label, size).stacked().look(look).draw(
        c,
        camera,
        Some(Touch::Tap(Intent::ToggleCamera)),
    );
    take_left(&mut rect, GAP);
    let present = take_left(&mut rect, present_width);
    let (label, look) =
        if meeting.presenting { (words.stop_presenting, Look::Chosen) } else { (words.present, Look::Plain) };
    Button::new(Icon::Presentation, label, size).stacked().look(look).draw(
        c,
        present,
        Some(Touch::Tap(Intent::TogglePresentation)),
    );
    take_left(&mut rect, GAP);
    let volume = take_left(&mut rect, volume_width);
    meter::volume(c, volume, meeting.volume, Intent::Volume);

    let leave = take_right(&mut rect, leave_width);
    Button::new(Icon::Leave, words.leave, size).stacked().look(Look::Exit).draw(
        c,
        leave,
        Some(Touch::Tap(Intent::Ask(Destructive::Leave))),
    );
    for (panel, icon, label, width, badge) in [
        (Panel::Network, Icon::Network, words.network_page, network_width, 0),
        (Panel::People, Icon::People, words.people, people_width, 0),
        (Panel::Chat, Icon::Chat, words.chat, chat_width, meeting.unread),
    ] {
        take_right(&mut rect, GAP);
        let place = take_right(&mut rect, width);
        let look = if is_open(meeting, panel) { Look::Chosen } else { Look::Plain };
        Button::new(icon, label, size).stacked().look(look).badge(badge).draw(
            c,
            place,
            Some(Touch::Tap(Intent::TogglePanel(panel))),
        );
    }
}

/// How wide the buttons with words are, in a room that holds them and the gaps beside each: all alike if every word fits so,
/// else each as its words need. Words that take each other's place count both, so that nothing moves at a touch.
fn widths(c: &mut Canvas<'_>, room: f64, size: f64) -> [f64; 6] {
    let words = c.words;
    let room = room - 7.0 * GAP + GAP;
    let alike = (room / 6.0).floor();
    let style = Style::strong(size.min(tokens::size::SMALL));
    let needed = [
        [words.camera, words.camera_off],
        [words.present, words.stop_presenting],
        [words.network_page, ""],
        [words.people, ""],
        [words.chat, ""],
        [words.leave, ""],
    ]
    .map(|either| either.map(|word| c.width(word, style)).into_iter().fold(0.0, f64::max) + 8.0)
    .map(|width| width.max(TOUCH));
    if needed.iter().all(|width| *width <= alike) {
        return [alike; 6];
    }
    let spare = ((room - needed.iter().sum::<f64>()) / 6.0).floor().max(0.0);
    needed.map(|width| width + spare)
}

fn is_open(meeting: &MeetingView, panel: Panel) -> bool {
    match (&meeting.panel, panel) {
        (Some(PanelView::Chat(_)), panel) => panel == Panel::Chat,
        (Some(PanelView::People(_)), panel) => panel == Panel::People,
        (Some(PanelView::Network(_)), panel) => panel == Panel::Network,
        (None, _) => false,
    }
}

/// The largest button: what the gate is, in shape, word and colour.
fn mute(c: &mut Canvas<'_>, rect: &mut Rect, meeting: &MeetingView) {
    let width = match c.frame.class {
        Class::Small => 128.0,
        Class::Medium => 184.0,
        Class::Large => 240.0,
    };
    let place = take_left(rect, width);
    mute_button(c, place, meeting);
}

/// The mute button in any place.
pub(super) fn mute_button(c: &mut Canvas<'_>, place: Rect, meeting: &MeetingView) {
    let words = c.words;
    let tap = Some(Touch::Tap(Intent::ToggleMute));
    let (icon, label, look, touch) = match meeting.microphone {
        Microphone::Live => (Icon::Microphone, words.live, Look::Go, tap),
        Microphone::Muted => (Icon::MicrophoneOff, words.muted, Look::Stop, tap),
        Microphone::Missing => (Icon::MicrophoneOff, words.no_microphone, Look::Plain, None),
        Microphone::Fault => (Icon::Warning, words.microphone_fault, Look::Warn, tap),
    };
    let size = if c.frame.class == Class::Small { tokens::size::BODY } else { tokens::size::TITLE };
    let button = Button::new(icon, label, size).look(look);
    // The longest word of them has no meter below it.
    let stacked = c.frame.class == Class::Small && meeting.microphone == Microphone::Missing;
    let button = if stacked { button.stacked() } else { button };
    button.draw(c, place, touch);
    if let Some(level) = meeting.own_level {
        // Grey while nothing of it leaves.
        let ink = if meeting.microphone == Microphone::Live { tokens::TEXT } else { tokens::DIM };
        let track = Rect::new(place.x0 + 16.0, place.y1 - 12.0, place.x1 - 16.0, place.y1 - 6.0);
        meter::level(c, track, f64::from(level) / f64::from(LEVELS), ink);
    }
}
