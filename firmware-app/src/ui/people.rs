//! Who is here, and what the host may do about it.

use druid::{Rect, Size};

use super::chat::turns;
use super::frame::{Class, centered, take_bottom, take_left, take_right, take_top};
use super::icons::Icon;
use super::question;
use super::scene::{Align, Canvas, Touch};
use super::text::Style;
use super::tokens::{self, CORNER, GAP, TOUCH};
use super::widget::button::{Button, Look};
use super::widget::pager;
use crate::kiosk::intent::{Destructive, Intent};
use crate::view::{PeopleView, PersonView, Question};

/// Draws the panel.
pub(super) fn panel(c: &mut Canvas<'_>, rect: Rect, people: &PeopleView, asked: Option<&Question>) {
    let mut list = rect;
    if c.frame.class > Class::Small {
        let style = Style::strong(tokens::size::BODY);
        let heading = take_top(&mut list, style.line() + 8.0);
        let words = c.words.who_is_here;
        c.text(heading, words, style, tokens::TEXT, Align::Start);
    }
    if people.hosting {
        host(c, take_bottom(&mut list, TOUCH), people.locked);
        take_bottom(&mut list, GAP);
    }
    let fit = |height: f64| (((height + GAP) / (TOUCH + GAP)).floor() as usize).max(1);
    let paged = people.previous || people.next || people.people.len() > fit(list.height());
    let pages_at = paged.then(|| {
        let strip = take_bottom(&mut list, TOUCH);
        take_bottom(&mut list, GAP);
        strip
    });
    let room = fit(list.height());
    let parts = people.people.len().div_ceil(room).max(1);
    let part = c.local.list.min(parts - 1);
    if let Some(strip) = pages_at {
        // Down goes on in this list, up goes back; in the chat it is the other way round.
        let (on, back) = turns(part, parts, people.next, people.previous);
        let swap = |touch: Option<Touch>| touch.map(swap_pages);
        pager::arrows(c, strip, swap(back), swap(on));
    }
    let mut question_at = None;
    for (place, person) in people.people.iter().skip(part * room).take(room).enumerate() {
        let y0 = list.y0 + place as f64 * (TOUCH + GAP);
        let row = Rect { y0, y1: y0 + TOUCH, ..list };
        draw_person(c, row, person);
        if asked.is_some_and(|question| question.about == Destructive::Remove(person.peer)) {
            question_at = Some(row);
        }
    }
    match asked.map(|question| (question, question.about)) {
        Some((question, Destructive::EndForAll)) => asked_at(c, rect, rect.y1 - question::BLOCK, question),
        Some((question, Destructive::Remove(_))) => {
            let y0 = question_at.map_or(rect.y0, |row| row.y0.min(list.y1 - question::BLOCK).max(rect.y0));
            asked_at(c, rect, y0, question);
        }
        Some((_, Destructive::Leave | Destructive::ForgetRelay)) | None => {}
    }
}

fn asked_at(c: &mut Canvas<'_>, rect: Rect, y0: f64, question: &Question) {
    let place = Rect { y0, y1: y0 + question::BLOCK, ..rect };
    c.cover(place.inset(GAP));
    c.fill(place.inset(GAP), 0.0, tokens::SURFACE);
    question::block(c, place, question);
}

/// The list of people is in reading order: its next page is after it, not before.
fn swap_pages(touch: Touch) -> Touch {
    use crate::kiosk::intent::Step;
    match touch {
        Touch::Tap(Intent::Page(Step::Next)) => Touch::Tap(Intent::Page(Step::Previous)),
        Touch::Tap(Intent::Page(Step::Previous)) => Touch::Tap(Intent::Page(Step::Next)),
        other @ (Touch::Tap(_) | Touch::Repeat(_) | Touch::Hold(..) | Touch::Turn(_)) => other,
    }
}

fn host(c: &mut Canvas<'_>, rect: Rect, locked: bool) {
    let words = c.words;
    let half = ((rect.width() - GAP) / 2.0).floor();
    let (icon, label, look) = if locked {
        (Icon::Unlock, words.unlock, Look::Chosen)
    } else {
        (Icon::Lock, words.lock, Look::Plain)
    };
    let size = tokens::size::SMALL;
    let lock = Rect { x1: rect.x0 + half - 24.0, ..rect };
    Button::new(icon, label, size).look(look).draw(c, lock, Some(Touch::Tap(Intent::Lock(!locked))));
    let end = Rect { x0: rect.x1 - half - 24.0, ..rect };
    let touch = Touch::Tap(Intent::Ask(Destructive::EndForAll));
    Button::new(Icon::End, words.end_for_all, size).look(Look::Exit).draw(c, end, Some(touch));
}

fn draw_person(c: &mut Canvas<'_>, rect: Rect, person: &PersonView) {
    let mut row = rect;
    if person.manageable {
        let remove = take_right(&mut row, TOUCH);
        let touch = Touch::Tap(Intent::Ask(Destructive::Remove(person.peer)));
        Button::icon(Icon::Cross).look(Look::Exit).draw(c, remove, Some(touch));
        take_right(&mut row, GAP);
        let mute = take_right(&mut row, TOUCH);
        let touch = (!person.muted).then_some(Touch::Tap(Intent::MuteMember(person.peer)));
        Button::icon(Icon::MicrophoneOff).draw(c, mute, touch);
        take_right(&mut row, GAP);
    }
    c.fill(row, CORNER, tokens::RAISED);
    let mut row = row.inset((-GAP, 0.0));
    for (shown, icon) in [(person.camera_off, Icon::CameraOff), (person.muted, Icon::MicrophoneOff)] {
        if shown && !(person.manageable && icon == Icon::MicrophoneOff) {
            let mark = take_right(&mut row, 24.0);
            c.icon(mark, icon, 24.0, tokens::DIM);
            take_right(&mut row, 8.0);
        }
    }
    take_left(&mut row, 0.0);
    let (name, note) = (Style::strong(tokens::size::BODY), Style::new(tokens::size::SMALL));
    if person.note.is_empty() {
        c.text(
            centered(row, Size::new(row.width(), name.line())),
            &person.name,
            name,
            tokens::TEXT,
            Align::Start,
        );
        return;
    }
    let block = centered(row, Size::new(row.width(), name.line() + note.line()));
    c.text(Rect { y1: block.y0 + name.line(), ..block }, &person.name, name, tokens::TEXT, Align::Start);
    c.text(Rect { y0: block.y0 + name.line(), ..block }, &person.note, note, tokens::DIM, Align::Start);
}
