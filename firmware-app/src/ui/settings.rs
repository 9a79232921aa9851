//! The caretaker's settings: the room's name, language, relay, volume; what the devices are doing.

use druid::Rect;

use super::frame::{Class, take_bottom, take_left, take_right, take_top};
use super::icons::Icon;
use super::labels::own_name;
use super::question;
use super::scene::{Align, Canvas, Touch};
use super::text::Style;
use super::tokens::{self, CORNER, GAP, TOUCH};
use super::widget::button::{Button, Look};
use super::widget::field::field;
use super::widget::keyboard::{self, keyboard};
use super::widget::meter;
use crate::audio::EchoMode;
use crate::kiosk::intent::{Destructive, Intent, Setting};
use crate::view::{KeyboardView, Language, Question, SettingsView, View};

/// Draws the settings.
pub(super) fn draw(c: &mut Canvas<'_>, view: &View, settings: &SettingsView) {
    if let Some(view) = settings.keyboard {
        writing(c, settings, view);
        return;
    }
    let frame = c.frame;
    let words = c.words;
    let mut rect = frame.inner();
    let mut foot = take_bottom(&mut rect, frame.target);
    let back = take_left(&mut foot, 3.0 * TOUCH);
    Button::new(Icon::Back, words.back, frame.body).draw(c, back, Some(Touch::Tap(Intent::Back)));
    take_left(&mut foot, frame.margin);
    echo(c, &mut foot, settings.echo);
    let test = take_right(&mut foot, 3.5 * TOUCH);
    Button::word(words.test_devices, frame.body).draw(c, test, Some(Touch::Tap(Intent::OpenTest)));
    take_bottom(&mut rect, frame.margin);
    let title = Style::strong(frame.title);
    let heading = take_top(&mut rect, title.line());
    c.text(heading, words.settings, title, tokens::TEXT, Align::Start);
    take_top(&mut rect, if frame.class == Class::Small { 8.0 } else { 24.0 });

    let left_width = match frame.class {
        Class::Small => 480.0_f64,
        Class::Medium => 584.0,
        Class::Large => 704.0,
    };
    let left_width = left_width.min(rect.width() * 0.64);
    let mut left = take_left(&mut rect, left_width);
    take_left(&mut rect, frame.margin);
    let between = match frame.class {
        Class::Small => GAP,
        Class::Medium | Class::Large => 16.0,
    };
    let height = ((left.height() - 3.0 * between) / 4.0).floor().clamp(TOUCH, 96.0);
    let row = |left: &mut Rect| {
        let row = take_top(left, height);
        take_top(left, between);
        row
    };
    let name = row(&mut left);
    let change = choice(c, Icon::Edit, words.edit);
    setting(c, name, words.room_name, &settings.name, &[(change, Intent::Set(Setting::EditName))]);
    language(c, row(&mut left), view.language);
    let relay_row = row(&mut left);
    relay(c, relay_row, settings, view.question.as_ref());
    volume(c, row(&mut left), settings.volume);
    devices(c, rect, &settings.devices, 2.0);
}

/// What a setting is called and is, and its buttons on the right.
fn setting(c: &mut Canvas<'_>, rect: Rect, name: &str, value: &str, buttons: &[(Button<'_>, Intent)]) {
    c.fill(rect, CORNER, tokens::SURFACE);
    let mut rest = rect;
    for (number, (button, intent)) in buttons.iter().enumerate() {
        if number > 0 {
            take_right(&mut rest, GAP);
        }
        let width = button_width(c);
        let place = take_right(&mut rest, width);
        button.clone().draw(c, place, Some(Touch::Tap(intent.clone())));
    }
    let (small, body) = (Style::new(tokens::size::SMALL), Style::strong(tokens::size::BODY));
    let words = rest.inset((-16.0, 0.0));
    let block =
        super::frame::centered(words, druid::Size::new(words.width(), small.line() + body.line() + 2.0));
    if c.width(value, body) > words.width() && rect.height() >= 3.0 * small.line() + 4.0 {
        let strong = Style::strong(tokens::size::SMALL);
        let block = super::frame::centered(words, druid::Size::new(words.width(), 3.0 * small.line()));
        c.text(Rect { y1: block.y0 + small.line(), ..block }, name, small, tokens::DIM, Align::Start);
        c.paragraph(Rect { y0: block.y0 + small.line(), ..block }, value, strong, tokens::TEXT, Align::Start);
        return;
    }
    c.text(Rect { y1: block.y0 + small.line(), ..block }, name, small, tokens::DIM, Align::Start);
    c.text(Rect { y0: block.y1 - body.line(), ..block }, value, body, tokens::TEXT, Align::Start);
}

/// A setting's button; on all but large panels the word alone, so that it is not cut.
fn choice<'w>(c: &Canvas<'_>, icon: Icon, label: &'w str) -> Button<'w> {
    let size = c.frame.body;
    if c.frame.class < Class::Large { Button::word(label, size) } else { Button::new(icon, label, size) }
}

fn button_width(c: &Canvas<'_>) -> f64 {
    match c.frame.class {
        Class::Small => 128.0,
        Class::Medium => 152.0,
        Class::Large => 176.0,
    }
}

fn language(c: &mut Canvas<'_>, rect: Rect, chosen: Language) {
    let size = c.frame.body;
    let buttons = [Language::German, Language::English].map(|language| {
        let button = Button::word(own_name(language), size);
        let button = if language == chosen { button.look(Look::Chosen) } else { button };
        (button, Intent::Set(Setting::Language(language)))
    });
    let words = c.words;
    setting(c, rect, words.language, own_name(chosen), &buttons);
}

fn relay(c: &mut Canvas<'_>, rect: Rect, settings: &SettingsView, asked: Option<&Question>) {
    if let Some(question) = asked.filter(|question| question.about == Destructive::ForgetRelay) {
        question::strip(c, rect, question);
        return;
    }
    let words = c.words;
    let buttons = [
        (choice(c, Icon::Cross, words.forget).look(Look::Exit), Intent::Ask(Destructive::ForgetRelay)),
        (choice(c, Icon::Search, words.find), Intent::Set(Setting::FindRelay)),
    ];
    setting(c, rect, words.relay, &settings.relay, &buttons);
}

fn volume(c: &mut Canvas<'_>, rect: Rect, level: u8) {
    let words = c.words;
    let value = format!("{} %", level.min(100));
    setting(c, rect, words.volume, &value, &[]);
    let mut rest = rect;
    let width = 2.0 * button_width(c) + GAP;
    meter::volume(c, take_right(&mut rest, width), level, |step| Intent::Set(Setting::Volume(step)));
}

/// What is done about echo; a touch goes on to the next way.
fn echo(c: &mut Canvas<'_>, foot: &mut Rect, chosen: EchoMode) {
    let at = EchoMode::ALL.iter().position(|mode| *mode == chosen).unwrap_or(0);
    let next = EchoMode::ALL[(at + 1) % EchoMode::ALL.len()];
    let words = c.words;
    let place = take_left(foot, 4.5 * TOUCH);
    let button = Button::word(words.echo[at], c.frame.body);
    button.draw(c, place, Some(Touch::Tap(Intent::Set(Setting::Echo(next)))));
    take_left(foot, c.frame.margin);
}

/// What the devices are doing, each with its state.
pub(super) fn devices(c: &mut Canvas<'_>, rect: Rect, devices: &[(String, String)], lines: f64) {
    c.fill(rect, CORNER, tokens::SURFACE);
    let mut rect = rect.inset(-16.0);
    let (small, strong) = (Style::new(tokens::size::SMALL), Style::strong(tokens::size::SMALL));
    let words = c.words;
    let heading = take_top(&mut rect, small.line());
    c.text(heading, words.devices, small, tokens::DIM, Align::Start);
    take_top(&mut rect, 8.0);
    let between = if c.frame.class == Class::Small { 6.0 } else { 16.0 };
    for (name, state) in devices {
        if rect.height() < 2.0 * small.line() {
            break;
        }
        c.text(take_top(&mut rect, strong.line()), name, strong, tokens::TEXT, Align::Start);
        let rest = rect.height().min(lines * small.line());
        let used = c.paragraph(Rect { y1: rect.y0 + rest, ..rect }, state, small, tokens::DIM, Align::Start);
        take_top(&mut rect, used + between);
    }
}

/// The room's name being written.
fn writing(c: &mut Canvas<'_>, settings: &SettingsView, view: KeyboardView) {
    let frame = c.frame;
    let mut rect = frame.inner();
    let keys = take_bottom(&mut rect, keyboard::height(frame.size.height));
    let words = c.words;
    keyboard(c, keys, view, words.save, !settings.name.trim().is_empty());
    take_bottom(&mut rect, 16.0);
    let line = take_bottom(&mut rect, TOUCH);
    field(c, line, words.room_name, &settings.name, settings.name_error.as_deref());
    take_bottom(&mut rect, 16.0);
    let title = Style::strong(frame.title);
    if rect.height() >= title.line() {
        let heading = take_top(&mut rect, title.line());
        c.text(heading, words.settings, title, tokens::TEXT, Align::Start);
    }
}
