//! What must hold on every screen: nothing outside, nothing cut, nothing overlapping, everything large enough.

use druid::{Rect, Size};

use super::catalogue::catalogue;
use crate::kiosk::intent::Step;
use crate::ui::labels::labels;
use crate::ui::local::{Local, Turn};
use crate::ui::root::scene;
use crate::ui::scene::{Align, Item, Scene};
use crate::ui::text::{Measure, Typesetter, tests::typesetter};
use crate::ui::tokens::{GAP, TOUCH};

const SIZES: [Size; 3] = [Size::new(1280.0, 800.0), Size::new(1024.0, 600.0), Size::new(800.0, 480.0)];

/// Runs a check over every scene; the name says which.
fn on_every_scene(mut check: impl FnMut(&str, Size, &Scene, &mut Typesetter)) {
    let mut words = typesetter();
    let views = catalogue();
    assert!(views.len() >= 30);
    let mut turned = Local::default();
    turned.turn(Turn::List(Step::Next));
    turned.turn(Turn::Chips);
    turned.turn(Turn::Detail);
    for (name, view) in &views {
        for size in SIZES {
            for local in [&Local::default(), &turned] {
                let scene = scene(view, local, size, &mut words);
                check(&format!("{name} {}x{}", size.width, size.height), size, &scene, &mut words);
            }
        }
    }
}

#[test]
fn every_touch_area_is_large_enough_inside_the_screen_and_apart_from_the_others() {
    on_every_scene(|name, size, scene, _| {
        for (place, area) in scene.areas.iter().enumerate() {
            let rect = area.rect;
            assert!(rect.width() >= TOUCH && rect.height() >= TOUCH, "{name}: {area:?} is too small");
            assert_eq!(size.to_rect().union(rect), size.to_rect(), "{name}: {area:?} is outside");
            for other in &scene.areas[place + 1..] {
                let apart = (other.rect.x0 - rect.x1)
                    .max(rect.x0 - other.rect.x1)
                    .max(other.rect.y0 - rect.y1)
                    .max(rect.y0 - other.rect.y1);
                assert!(apart >= GAP, "{name}: {apart} between {area:?} and {other:?}");
            }
        }
    });
}

/// Where the words of an item really are.
fn ink(item: &Item, words: &mut Typesetter) -> Option<(String, Rect)> {
    let Item::Text { rect, text, style, align, .. } = item else { return None };
    let width = words.width(text, *style);
    let x0 = match align {
        Align::Start => rect.x0,
        Align::Center => rect.x0 + (rect.width() - width) / 2.0,
        Align::End => rect.x1 - width,
    };
    let (top, bottom) = (rect.center().y - style.size * 0.5, rect.center().y + style.size * 0.5);
    Some((text.clone(), Rect::new(x0, top, x0 + width, bottom)))
}

#[test]
fn no_words_leave_their_box_or_the_screen() {
    on_every_scene(|name, size, scene, words| {
        for item in &scene.items {
            let (Some((text, ink)), rect) = (ink(item, words), item.rect()) else { continue };
            assert!(ink.width() <= rect.width() + 0.5, "{name}: {text:?} is wider than its box {rect:?}");
            assert!(ink.height() <= rect.height(), "{name}: {text:?} is higher than its box {rect:?}");
            assert_eq!(size.to_rect().union(rect), size.to_rect(), "{name}: {text:?} is outside: {rect:?}");
        }
    });
}

#[test]
fn no_words_lie_on_other_words_or_are_half_hidden() {
    on_every_scene(|name, _, scene, words| {
        let inks: Vec<_> = scene.items.iter().map(|item| ink(item, words)).collect();
        for (place, (text, rect)) in inks.iter().enumerate().filter_map(|(n, ink)| Some((n, ink.as_ref()?))) {
            let later = || scene.items.iter().zip(&inks).skip(place + 1);
            // Something opaque may hide words, but all of them.
            let hidden = later().any(|(item, _)| is_opaque(item) && item.rect().union(*rect) == item.rect());
            if hidden {
                continue;
            }
            for (item, ink) in later() {
                let over =
                    if is_opaque(item) { Some(item.rect()) } else { ink.as_ref().map(|(_, rect)| *rect) };
                let overlap = over.map_or(0.0, |over| over.intersect(*rect).area());
                assert!(overlap < 1.0, "{name}: {text:?} at {rect:?} lies under {item:?}");
            }
        }
    });
}

fn is_opaque(item: &Item) -> bool {
    match item {
        Item::Fill { color, .. } => color.as_rgba8().3 > 0xc0,
        Item::Picture { .. } => true,
        Item::Edge { .. } | Item::Text { .. } | Item::Icon { .. } | Item::Series { .. } => false,
    }
}

#[test]
fn no_button_has_its_word_cut() {
    let views = catalogue();
    let mut words = typesetter();
    for (name, view) in &views {
        let l = labels(view.language);
        let known = [
            l.start_meeting,
            l.join_meeting,
            l.see_yourself,
            l.settings,
            l.back,
            l.cancel,
            l.live,
            l.muted,
            l.no_microphone,
            l.microphone_fault,
            l.camera,
            l.camera_off,
            l.chat,
            l.people,
            l.network_page,
            l.present,
            l.stop_presenting,
            l.save_network_log,
            l.leave,
            l.you,
            l.locked,
            l.anyone_there,
            l.still_here,
            l.lock,
            l.unlock,
            l.end_for_all,
            l.send,
            l.save,
            l.symbols,
            l.space,
            l.approve,
            l.deny,
            l.find,
            l.forget,
            l.edit,
            l.choose,
            l.speaking_while_muted,
            "Everyone",
        ];
        for size in SIZES {
            for item in scene(view, &Local::default(), size, &mut words).items {
                let Item::Text { text, .. } = item else { continue };
                let Some(stem) = text.strip_suffix('…').filter(|stem| stem.len() > 1) else { continue };
                let cut = known.iter().find(|word| word.starts_with(stem));
                assert_eq!(cut, None, "{name} {size}");
            }
        }
    }
}

#[test]
fn odd_sizes_still_show_something_that_can_be_touched() {
    let mut words = typesetter();
    for (name, view) in catalogue().iter().filter(|(name, _)| !name.starts_with("idle")) {
        for size in [
            Size::new(640.0, 480.0),
            Size::new(1920.0, 1080.0),
            Size::new(600.0, 1024.0),
            Size::new(3.0, 2.0),
        ] {
            let scene = scene(view, &Local::default(), size, &mut words);
            let touchable = scene.areas.iter().any(|area| size.to_rect().intersect(area.rect).area() > 0.0);
            let at_rest = name.ends_with("busy");
            assert!(touchable || at_rest || size.width < 10.0, "{name} at {size}");
        }
    }
}

#[test]
fn a_long_message_can_be_read_to_its_beginning() {
    let mut words = typesetter();
    let views = catalogue();
    let (_, view) = views.iter().find(|(name, _)| *name == "chat-long-message").unwrap();
    let mut local = Local::default();
    let mut lines = Vec::new();
    for _ in 0..40 {
        let scene = scene(view, &local, SIZES[2], &mut words);
        let part: Vec<String> = (scene.items.iter())
            .filter_map(|item| ink(item, &mut words))
            .filter(|(text, _)| {
                ["fox", "dog", "quick", "lazy", "over", "the"].iter().any(|word| text.contains(word))
            })
            .map(|(text, _)| text)
            .collect();
        lines.splice(0..0, part);
        let up = Turn::List(Step::Next);
        if !scene.areas.iter().any(|area| area.touch == crate::ui::scene::Touch::Turn(up)) {
            break;
        }
        local.turn(up);
    }
    assert_eq!(lines.join(" ").matches("fox").count(), 44);
}
