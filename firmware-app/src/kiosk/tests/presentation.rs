//! Who presents, whose presentation every room shows, and what is said when nobody sees it.

use super::world::World;
use crate::kiosk::*;
use crate::view::{PictureId, Tile};

fn shown(world: &World, n: usize) -> Option<Tile> {
    world.meeting(n).presentation
}

fn name(world: &World, n: usize) -> String {
    shown(world, n).map(|tile| tile.name).unwrap_or_default()
}

#[test]
fn every_room_shows_the_newest_presentation_also_one_that_came_later() {
    let mut world = World::met(&["Boardroom", "Workshop", "Studio"]);
    let [boardroom, workshop] = [0, 1].map(|n| world.shells[n].me);
    world.touch(1, Intent::TogglePresentation);
    world.touch(0, Intent::TogglePresentation);
    assert_eq!(name(&world, 0), "You are presenting");
    for n in [1, 2] {
        assert_eq!(name(&world, n), "Boardroom presents");
        assert_eq!(world.shells[n].presented, Some(boardroom), "no other is decoded");
        assert_eq!(shown(&world, n).unwrap().picture, PictureId::Presentation(boardroom));
    }
    assert_eq!([0, 1].map(|n| world.shells[n].presentation), [Grabber::Sending; 2]);

    // Away for a while, and back: the order is what it was.
    world.cut(0);
    world.run();
    assert_eq!([1, 2].map(|n| name(&world, n)), ["You are presenting", "Workshop presents"]);
    assert_eq!(world.shells[2].presented, Some(workshop));
    world.ms(20_000);
    assert_eq!([1, 2].map(|n| name(&world, n)), ["Boardroom presents"; 2]);
    world.touch(0, Intent::TogglePresentation);
    assert_eq!(world.shells[0].presentation, Grabber::Closed);
    assert_eq!([0, 2].map(|n| name(&world, n)), ["Workshop presents"; 2]);
    world.touch(1, Intent::TogglePresentation);
    assert!((0..3).all(|n| shown(&world, n).is_none() && world.shells[n].presented.is_none()));
}

#[test]
fn while_the_relay_is_away_nobody_is_said_to_see_a_presentation() {
    let mut world = World::met(&["Boardroom", "Workshop"]);
    world.touch(0, Intent::TogglePresentation);
    assert_eq!(shown(&world, 0).unwrap().placeholder, None);
    world.kill_relay();
    for n in [0, 1] {
        let said = shown(&world, n).and_then(|tile| tile.placeholder);
        assert_eq!(said.as_deref(), Some("Reconnecting…"), "{n}");
    }
    assert_eq!(world.shells[0].presentation, Grabber::Open, "nothing leaves before it is announced again");
    world.relay_up = true;
    world.ms(15_000);
    assert_eq!(shown(&world, 0).unwrap().placeholder, None);
    assert_eq!(world.shells[0].presentation, Grabber::Sending);
    assert_eq!(name(&world, 1), "Boardroom presents");
}

#[test]
fn without_a_grabber_there_is_nothing_to_present_and_nobody_is_told_otherwise() {
    let mut world = World::met(&["Boardroom", "Workshop"]);
    world.shells[0].grabber = false;
    world.touch(0, Intent::TogglePresentation);
    assert!(world.notice(0).starts_with("There is nothing to present."), "{}", world.notice(0));
    assert_eq!((shown(&world, 0), shown(&world, 1)), (None, None));
    assert_eq!(world.shells[0].presentation, Grabber::Closed);
}
