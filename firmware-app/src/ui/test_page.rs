//! The caretaker's test page: see yourself, hear a tone, speak and see the meter, press each button and see it light; and
//! each device's state, with what to do about it. The last meeting's network can be written down here too.

use druid::Rect;

use super::frame::{take_bottom, take_left, take_right, take_top};
use super::home::own_or_reason;
use super::icons::Icon;
use super::scene::{Align, Canvas, Touch};
use super::settings::devices;
use super::text::Style;
use super::tokens::{self, CORNER, GAP, TOUCH};
use super::widget::button::Button;
use super::widget::label::marked;
use super::widget::meter;
use crate::kiosk::LEVELS;
use crate::kiosk::intent::Intent;
use crate::view::TestView;

/// Draws the test page.
pub(super) fn draw(c: &mut Canvas<'_>, test: &TestView) {
    let (frame, words) = (c.frame, c.words);
    let mut rect = frame.inner();
    let mut foot = take_bottom(&mut rect, frame.target);
    let back = take_left(&mut foot, 3.0 * TOUCH);
    Button::new(Icon::Back, words.back, frame.body).draw(c, back, Some(Touch::Tap(Intent::Back)));
    take_left(&mut foot, frame.margin);
    let tone = take_left(&mut foot, 4.0 * TOUCH);
    Button::new(Icon::Volume, words.play_tone, frame.body).draw(c, tone, Some(Touch::Tap(Intent::PlayTone)));
    take_left(&mut foot, frame.margin);
    let save = take_left(&mut foot, 4.0 * TOUCH);
    let touch = test.network_log.then_some(Touch::Tap(Intent::SaveNetworkLog));
    Button::new(Icon::Network, words.save_network_log, frame.body).draw(c, save, touch);
    take_bottom(&mut rect, frame.margin);
    let right_width = (rect.width() * 0.5).floor();
    let right = take_right(&mut rect, right_width);
    take_right(&mut rect, frame.margin);
    devices(c, right, &test.devices, 4.0);

    let title = Style::strong(frame.title);
    let mut heading = take_top(&mut rect, title.line());
    let width = c.width(words.test_devices, title);
    c.text(take_left(&mut heading, width), words.test_devices, title, tokens::TEXT, Align::Start);
    take_left(&mut heading, 16.0);
    c.text(heading, &test.version, Style::new(tokens::size::SMALL), tokens::DIM, Align::End);
    take_top(&mut rect, 8.0);
    buttons(c, &mut rect, test);
    take_bottom(&mut rect, GAP);
    microphone(c, &mut rect, test);
    take_bottom(&mut rect, GAP);
    own_or_reason(c, rect, "", test.camera_missing.as_deref());
}

/// One field a button, lit while it is down.
fn buttons(c: &mut Canvas<'_>, rect: &mut Rect, test: &TestView) {
    let words = c.words;
    let style = Style::new(tokens::size::SMALL);
    let mut fields = take_bottom(rect, TOUCH * 0.75);
    let said = take_bottom(rect, style.line() + 4.0);
    c.text(said, words.press_buttons, style, tokens::DIM, Align::Start);
    let half = ((fields.width() - GAP) / 2.0).floor();
    let left = take_left(&mut fields, half);
    take_left(&mut fields, GAP);
    let names = [(Icon::MicrophoneOff, words.mute), (Icon::Knock, words.approve)];
    for ((place, (icon, name)), down) in [left, fields].into_iter().zip(names).zip(test.pressed) {
        let (ground, ink) =
            if down { (tokens::GO_GROUND, tokens::TEXT) } else { (tokens::SURFACE, tokens::DIM) };
        c.fill(place, CORNER, ground);
        let edge = if down { tokens::GO } else { tokens::LINE };
        c.edge(place, CORNER, edge, 2.0);
        marked(c, place.inset((-16.0, 0.0)), (icon, ink), name, Style::strong(tokens::size::BODY), ink);
    }
}

/// The meter, and whether speech is heard.
fn microphone(c: &mut Canvas<'_>, rect: &mut Rect, test: &TestView) {
    let words = c.words;
    let style = Style::new(tokens::size::SMALL);
    let track = take_bottom(rect, 12.0);
    let said = take_bottom(rect, style.line() + 4.0);
    let (text, color) =
        if test.speech { (words.hears_you, tokens::TEXT) } else { (words.speak, tokens::DIM) };
    c.text(said, text, style, color, Align::Start);
    match test.level {
        Some(level) => meter::level(c, track, f64::from(level) / f64::from(LEVELS), tokens::GO),
        None => c.edge(track, 3.0, tokens::LINE, 2.0),
    }
}
