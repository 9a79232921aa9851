//! Answers that come late, not at all, or not as people wish.

use vestibule_common::control::ErrorCode;

use super::world::World;
use crate::kiosk::intent::Destructive;
use crate::kiosk::*;
use crate::view::Screen;

const TWO: &[&str] = &["Boardroom", "Workshop"];

fn confirmed(world: &mut World, n: usize, what: Destructive) {
    world.touch(n, Intent::Ask(what));
    world.touch(n, Intent::Confirm);
}

#[test]
fn an_heir_that_left_and_came_back_is_named_again() {
    let mut world = World::met(TWO);
    confirmed(&mut world, 1, Destructive::Leave);
    world.ms(1000);
    world.knock(1);
    world.ms(1000);
    world.press_approve(0, 100);
    assert!(world.in_meeting(1));
    confirmed(&mut world, 0, Destructive::Leave);
    assert_eq!(world.notice(1), "This room hosts the meeting now.");
}

#[test]
fn a_knock_that_was_taken_back_is_not_taken_for_the_next_one() {
    let mut world = World::new(&["Boardroom", "Workshop", "Studio"]);
    world.touch(0, Intent::StartMeeting);
    let first = world.code();
    world.touch(2, Intent::StartMeeting);
    let codes = world.relay.rooms.values().map(|room| room.code.to_string());
    let second = codes.into_iter().find(|code| *code != first).unwrap();

    world.relay.slow = true;
    world.type_code(1, &first);
    world.touch(1, Intent::CancelKnock);
    world.type_code(1, &second);
    world.relay.slow = false;
    world.run();
    world.ms(1000);
    let Screen::Waiting(waiting) = world.view(1).screen else { panic!("{:?}", world.view(1).screen) };
    assert!(format!("{waiting:?}").contains("Studio"), "{waiting:?}");
    assert!(world.view(0).knock.is_none() && world.view(2).knock.is_some());
    world.press_approve(2, 100);
    assert_eq!(world.meeting(1).tiles[0].name, "Studio");
}

#[test]
fn two_ways_back_at_once_lead_into_the_meeting_once() {
    let mut world = World::met(TWO);
    confirmed(&mut world, 1, Destructive::Leave);
    world.relay.slow = true;
    world.touch(1, Intent::Rejoin);
    world.touch(1, Intent::CancelKnock);
    world.touch(1, Intent::Rejoin);
    world.relay.slow = false;
    world.run();
    world.ms(30_000);
    let states =
        |world: &World| world.asks(1, |ask| matches!(ask, vestibule_common::control::Ask::State { .. }));
    let before = states(&world);
    world.touch(1, Intent::ToggleMute);
    assert!(states(&world) > before, "the others are told what is so");
    assert_eq!(world.meeting(0).tiles[0].name, "Workshop");
}

#[test]
fn a_knock_whose_answer_the_relay_did_not_take_is_shown_again() {
    let mut world = World::new(TWO);
    world.touch(0, Intent::StartMeeting);
    world.knock(1);
    world.ms(1000);
    world.relay.refusal = Some((ErrorCode::TooFast, None));
    world.press_approve(0, 100);
    assert!(!world.in_meeting(1));
    assert_eq!(world.notice(0), "The relay did not do that.");
    assert!(world.view(0).knock.is_some());
    world.ms(1000);
    world.press_approve(0, 100);
    assert!(world.in_meeting(1));
}

#[test]
fn what_a_host_asked_for_and_nobody_answered_is_said_to_have_failed() {
    let mut world = World::met(TWO);
    let workshop = world.shells[1].me;
    world.relay.mute = true;
    confirmed(&mut world, 0, Destructive::Remove(workshop));
    world.ms(8_100);
    world.relay.mute = false;
    world.ms(2_000);
    assert_eq!(world.notice(0), "The relay did not do that.");
}

#[test]
fn approvals_with_different_waits_are_each_asked_for_again_in_time() {
    let mut world = World::new(&["Boardroom", "Workshop", "Studio"]);
    world.touch(0, Intent::StartMeeting);
    world.knock(1);
    world.knock(2);
    for (guest, wait) in [(1, 20_000), (2, 500)] {
        world.ms(1000);
        world.relay.refusal = Some((ErrorCode::Busy, Some(wait)));
        world.press_approve(0, 100);
        assert!(!world.in_meeting(guest));
    }
    world.ms(1000);
    assert!(!world.in_meeting(1) && world.in_meeting(2));
    world.ms(20_000);
    assert!(world.in_meeting(1));
}
