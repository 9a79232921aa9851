//! What is said of a button that is stuck or loose, and for how long.

use super::world::World;
use crate::device::{Button, Contact, DeviceError};
use crate::kiosk::intent::{Intent, Setting};
use crate::kiosk::{Chime, DeviceState, News};
use crate::view::{Language, Microphone, Screen, Severity};

const STUCK: &str = "The mute button is stuck: it stays down. Use the screen and have it looked at.";
const LOOSE: &str = "The green button's contact is loose and is ignored until it rests. Use the screen and have it looked at.";

fn ready() -> News {
    News::Buttons(DeviceState::Ready("GPIO 17 and 27".into()))
}

fn home_state(world: &World) -> String {
    match world.view(0).screen {
        Screen::Home(home) => home.state,
        other => panic!("{other:?}"),
    }
}

fn open_test_page(world: &mut World) {
    world.touch(0, Intent::OpenSettings);
    for digit in [1, 2, 3, 4] {
        world.touch(0, Intent::Digit(digit));
    }
    world.touch(0, Intent::OpenTest);
}

fn buttons_line(world: &World) -> String {
    match world.view(0).screen {
        Screen::Test(test) => test.devices[3].1.clone(),
        other => panic!("{other:?}"),
    }
}

/// How often the log has this line.
fn logged(world: &World, line: &str) -> usize {
    world.shells[0].log.iter().filter(|(_, text)| text == line).count()
}

#[test]
fn a_button_held_for_a_minute_is_stuck_until_it_is_released() {
    let mut world = World::met(&["Boardroom", "Workshop"]);
    world.button(0, Button::Mute, true);
    world.ms(59_999);
    assert_eq!(world.notice(0), "", "somebody may hold it");
    world.ms(1);
    assert_eq!(
        (world.notice(0).as_str(), world.view(0).notice.unwrap().severity),
        (STUCK, Severity::Warning)
    );
    world.ms(600_000);
    assert_eq!(world.notice(0), STUCK, "as long as it holds");
    assert_eq!(logged(&world, STUCK), 1);
    assert!(!world.shells[0].chimes.contains(&Chime::Alarm));
    world.button(0, Button::Mute, false);
    assert_eq!(world.notice(0), "");
    assert_eq!(logged(&world, "the mute button is well again"), 1);
}

#[test]
fn what_passes_is_shown_before_a_stuck_button_which_may_be_read_and_put_away() {
    let mut world = World::met(&["Boardroom", "Workshop"]);
    world.button(0, Button::Mute, true);
    world.ms(60_000);
    world.touch(1, Intent::Ask(crate::kiosk::intent::Destructive::Leave));
    world.touch(1, Intent::Confirm);
    assert_eq!(world.notice(0), "Workshop has left.");
    world.ms(6000);
    assert_eq!(world.notice(0), STUCK);
    world.touch(0, Intent::DismissNotice);
    world.ms(60_000);
    assert_eq!(world.notice(0), "");
}

#[test]
fn a_loose_contact_is_said_once_until_it_has_rested() {
    let mut world = World::new(&["Boardroom"]);
    world.news(0, ready());
    for _ in 0..5 {
        world.contact(0, Button::Approve, Contact::Loose);
        assert_eq!(world.notice(0), LOOSE);
        world.ms(1000);
        world.contact(0, Button::Approve, Contact::Open);
        world.ms(2000);
        assert_eq!(world.notice(0), LOOSE, "a moment's rest is not yet health");
    }
    assert_eq!(home_state(&world), "Ready, but the green button does not work");
    world.ms(2999);
    assert_eq!(world.notice(0), LOOSE);
    world.ms(1);
    assert_eq!((world.notice(0).as_str(), home_state(&world).as_str()), ("", "Ready"));
    assert_eq!(logged(&world, LOOSE), 1);
    world.contact(0, Button::Approve, Contact::Loose);
    assert_eq!(logged(&world, LOOSE), 2);
}

#[test]
fn the_test_page_says_which_button_and_what() {
    let mut world = World::new(&["Boardroom"]);
    world.news(0, ready());
    // Stuck since before the kiosk was started: it was never pressed.
    world.contact(0, Button::Mute, Contact::Closed);
    open_test_page(&mut world);
    assert_eq!(buttons_line(&world), "working (GPIO 17 and 27)");
    let Screen::Test(test) = world.view(0).screen else { panic!() };
    assert_eq!(test.pressed, [true, false], "one sees that it is down");
    world.ms(60_000);
    assert_eq!(buttons_line(&world), "the mute button is stuck: it stays down (GPIO 17 and 27)");
    world.contact(0, Button::Approve, Contact::Loose);
    let both =
        "the mute button is stuck: it stays down, the green button's contact is loose (GPIO 17 and 27)";
    assert_eq!(buttons_line(&world), both);
    world.touch(0, Intent::Back);
    world.touch(0, Intent::Set(Setting::Language(Language::German)));
    world.touch(0, Intent::OpenTest);
    assert!(buttons_line(&world).starts_with("die Stumm-Taste klemmt: sie bleibt gedrückt, die grüne Taste"));
}

#[test]
fn buttons_that_are_unplugged_are_gone_and_not_stuck() {
    let mut world = World::new(&["Boardroom"]);
    world.news(0, ready());
    world.button(0, Button::Mute, true);
    world.ms(60_000);
    assert_eq!(world.notice(0), STUCK);
    world.news(0, News::Buttons(DeviceState::Failed(DeviceError::Lost("unplugged".into()))));
    assert_eq!(world.notice(0), "");
    assert_eq!(home_state(&world), "Ready, but the buttons are not connected");
    world.news(0, ready());
    world.ms(60_000);
    assert_eq!((world.notice(0).as_str(), home_state(&world).as_str()), ("", "Ready"));
}

#[test]
fn a_loose_button_does_nothing_until_it_has_rested() {
    let mut world = World::met(&["Boardroom", "Workshop"]);
    let muted = |world: &World| world.meeting(0).microphone == Microphone::Muted;
    world.touch(0, Intent::ToggleMute);
    for _ in 0..4 {
        world.contact(0, Button::Mute, Contact::Loose);
        world.ms(300);
        // What it came to rest at counts no more than the chatter did.
        world.button(0, Button::Mute, true);
        world.button(0, Button::Mute, false);
        world.ms(700);
        assert!(muted(&world));
    }
    world.ms(5000);
    world.button(0, Button::Mute, true);
    assert!(!muted(&world), "well again");
}

#[test]
fn a_button_that_turns_out_loose_or_vanishes_while_it_is_held_answers_no_knock() {
    for gone in [false, true] {
        let mut world = World::met(&["Boardroom", "Workshop"]);
        world.touch(1, Intent::Ask(crate::kiosk::intent::Destructive::Leave));
        world.touch(1, Intent::Confirm);
        world.knock(1);
        world.ms(1000);
        world.button(0, Button::Approve, true);
        if gone {
            world.news(0, News::Buttons(DeviceState::Failed(DeviceError::Lost("unplugged".into()))));
        } else {
            world.contact(0, Button::Approve, Contact::Loose);
        }
        world.ms(5000);
        assert!(world.view(0).knock.is_some(), "nobody answered it");
        assert!(!world.in_meeting(1));
    }
}
