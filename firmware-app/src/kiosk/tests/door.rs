//! Every order of knock, approve, cancel and deny, and every length of a press.

use vestibule_common::control::{Ask, KnockGoneWhy, Tell};

use super::world::World;
use crate::device::{Button, ButtonEdge};
use crate::kiosk::*;
use crate::view::{Backlight, Screen};

fn knocking(names: &[&str]) -> World {
    let mut world = World::new(names);
    world.touch(0, Intent::StartMeeting);
    for n in 1..names.len() {
        world.knock(n);
    }
    world
}

fn approvals(world: &World) -> usize {
    world.asks(0, |ask| matches!(ask, Ask::Approve { .. }))
}

fn denials(world: &World) -> usize {
    world.asks(0, |ask| matches!(ask, Ask::Deny { .. }))
}

#[test]
fn the_length_of_the_press_decides() {
    for (ms, approved, denied) in
        [(0, 1, 0), (600, 1, 0), (601, 0, 0), (1499, 0, 0), (1500, 0, 1), (5000, 0, 1)]
    {
        let mut world = knocking(&["Boardroom", "Workshop"]);
        world.ms(1000);
        world.press_approve(0, ms);
        assert_eq!((approvals(&world), denials(&world)), (approved, denied), "{ms} ms");
        assert_eq!(world.in_meeting(1), approved == 1, "{ms} ms");
        assert_eq!(world.view(0).knock.is_some(), approved + denied == 0, "{ms} ms");
    }
}

#[test]
fn a_long_press_denies_while_it_is_held() {
    let mut world = knocking(&["Boardroom", "Workshop"]);
    world.ms(1000);
    world.button(0, Button::Approve, true);
    world.ms(1499);
    assert_eq!(denials(&world), 0);
    world.ms(1);
    assert_eq!(denials(&world), 1);
    let Screen::Join(join) = world.view(1).screen else { panic!("{:?}", world.view(1).screen) };
    assert_eq!(join.error.as_deref(), Some("Boardroom did not let this room in."));
    assert!(join.boxes.iter().all(Option::is_none));
    world.button(0, Button::Approve, false);
    assert_eq!((approvals(&world), denials(&world)), (0, 1));
}

#[test]
fn a_knock_must_have_been_shown_for_a_second() {
    let mut world = knocking(&["Boardroom", "Workshop"]);
    let knock = world.view(0).knock.unwrap();
    assert_eq!((knock.title.as_str(), knock.armed), ("Workshop wants to join", false));
    world.ms(999);
    world.touch(0, Intent::Approve(knock.knock));
    world.button(0, Button::Approve, true);
    world.ms(100);
    world.button(0, Button::Approve, false);
    assert_eq!(approvals(&world), 0, "the press began too early");
    assert!(world.view(0).knock.unwrap().armed);
    world.touch(0, Intent::Approve(knock.knock));
    assert!(world.in_meeting(1));
}

#[test]
fn a_knock_that_was_taken_back_admits_nobody() {
    let mut world = knocking(&["Boardroom", "Workshop"]);
    world.ms(1000);
    let shown = world.view(0).knock.unwrap().knock;
    world.button(0, Button::Approve, true);
    world.touch(1, Intent::CancelKnock);
    world.button(0, Button::Approve, false);
    world.touch(0, Intent::Approve(shown));
    assert_eq!(approvals(&world), 0);
    assert!(!world.in_meeting(1) && world.view(0).knock.is_none());
    assert_eq!(world.shells[0].lamps[&Button::Approve], LampState::Off);
}

#[test]
fn a_press_for_one_room_never_lets_the_next_one_in() {
    let mut world = knocking(&["Boardroom", "Workshop", "Studio"]);
    world.ms(5000);
    let first = world.view(0).knock.unwrap();
    assert_eq!(first.detail, "or press the green button · 1 more waits");
    world.button(0, Button::Approve, true);
    world.touch(1, Intent::CancelKnock);
    assert_eq!(world.view(0).knock.unwrap().title, "Studio wants to join");
    world.ms(300);
    world.button(0, Button::Approve, false);
    world.ms(699);
    world.press_approve(0, 10);
    assert_eq!(approvals(&world), 0, "the second one has not been shown for a second");
    world.ms(291);
    world.press_approve(0, 10);
    assert!(world.in_meeting(2) && !world.in_meeting(1));
}

#[test]
fn sound_lamp_and_banner_go_on_until_the_knock_is_answered() {
    let mut world = knocking(&["Boardroom", "Workshop"]);
    world.ms(20_000);
    let chimes = |world: &World| world.shells[0].chimes.iter().filter(|c| **c == Chime::Knock).count();
    assert_eq!(chimes(&world), 6);
    assert_eq!(world.shells[0].lamps[&Button::Approve], LampState::Blinking);
    assert_eq!(world.view(0).backlight, Backlight::Lit);
    world.press_approve(0, 100);
    world.ms(20_000);
    assert_eq!(chimes(&world), 6);
    assert_eq!(world.shells[0].lamps[&Button::Approve], LampState::Off);
}

#[test]
fn a_lost_or_timed_out_knock_is_gone() {
    for why in [KnockGoneWhy::Lost, KnockGoneWhy::TimedOut, KnockGoneWhy::Cancelled] {
        let mut world = knocking(&["Boardroom", "Workshop"]);
        world.ms(2000);
        let knock = world.view(0).knock.unwrap().knock;
        world.tell(0, Tell::KnockGone { knock, why });
        world.press_approve(0, 100);
        assert_eq!((approvals(&world), world.view(0).knock), (0, None));
    }
}

#[test]
fn an_approval_that_crosses_the_guests_change_of_mind_lets_nobody_in() {
    let mut world = knocking(&["Boardroom", "Workshop"]);
    world.ms(1000);
    // The guest's cancel is still on its way when the host approves: the relay lets it in, and it leaves at once.
    let now = world.now;
    world.button(0, Button::Approve, true);
    world.shells[0].kiosk.handle_button(ButtonEdge { button: Button::Approve, pressed: false, at: now }, now);
    world.shells[1].kiosk.handle_intent(Intent::CancelKnock, now);
    world.run();
    assert!(!world.in_meeting(1));
    assert!(!world.shells[1].in_media && !world.shells[0].played.contains(&world.shells[1].me));
}

#[test]
fn a_knock_for_a_kiosk_that_does_not_host_is_not_shown() {
    let mut world = World::met(&["Boardroom", "Workshop"]);
    let (knock, identity) = (Default::default(), world.shells[0].me);
    world.tell(1, Tell::KnockArrived { knock, identity, name: "Eve".parse().unwrap() });
    world.ms(2000);
    world.press_approve(1, 100);
    assert_eq!(world.view(1).knock, None);
    assert_eq!(world.asks(1, |ask| matches!(ask, Ask::Approve { .. })), 0);
}

#[test]
fn nobody_is_at_a_locked_door() {
    let mut world = knocking(&["Boardroom", "Workshop"]);
    world.ms(1000);
    world.touch(0, Intent::Lock(true));
    assert_eq!(world.view(0).knock, None);
    assert_eq!(world.shells[0].lamps[&Button::Approve], LampState::Off);
    world.press_approve(0, 100);
    assert_eq!(approvals(&world), 0);
}
