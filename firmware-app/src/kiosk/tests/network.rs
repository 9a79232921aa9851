//! The network page: opened by the bar or the verdict, fed once a second, gone with the meeting but for the caretaker.

use vestibule_common::control::{Ask, MemberState, RoomEvent};
use vestibule_common::time::Duration;

use super::world::World;
use crate::kiosk::intent::Intent;
use crate::kiosk::network::{Limit, LinkQuality, LinkSample, NetworkSample, PerSecond, RoomSample, Share};
use crate::kiosk::*;

use crate::view::{Language, NetworkView, Panel, PanelView, Screen, Tone};

fn page(world: &World, n: usize) -> NetworkView {
    match world.meeting(n).panel {
        Some(PanelView::Network(page)) => page,
        other => panic!("{other:?}"),
    }
}

/// A second of a good link; what the other kiosk says of itself.
fn second(world: &mut World, n: usize, quality: LinkQuality) {
    world.ms(1000);
    let link = LinkSample { round_trip: Some(Duration::from_millis(3)), ..LinkSample::default() };
    let other = world.shells[1 - n].me;
    let sample = NetworkSample { link, rooms: [(other, RoomSample::default())].into() };
    let said = MemberState { link: Some(quality), ..MemberState::default() };
    let room = world.room();
    world.relay.publish(room, RoomEvent::State { member: other, state: said });
    world.run();
    world.news(n, News::Network(Box::new(sample)));
    world.run();
}

#[test]
fn it_opens_closes_and_shows_what_was_measured() {
    let mut world = World::met(&["Boardroom", "Workshop"]);
    assert_eq!(
        (world.meeting(0).network.text.as_str(), world.meeting(0).network.tone),
        ("Network", Tone::Unknown)
    );
    world.touch(0, Intent::TogglePanel(Panel::Network));
    assert!(page(&world, 0).graphs.graphs().is_empty());
    second(&mut world, 0, LinkQuality::Good);
    let first = page(&world, 0);
    assert_eq!(first.verdict.text, "Good: sound and pictures arrive as they should.");
    assert_eq!(
        first.rooms.iter().map(|room| room.label.as_str()).collect::<Vec<_>>(),
        ["This room", "Workshop"]
    );
    assert!(first.rooms[0].chosen && !first.graphs.graphs().is_empty() && first.graphs.stages().is_none());
    let other = world.shells[1].me;
    world.touch(0, Intent::NetworkOf(Some(other)));
    assert!(page(&world, 0).rooms[1].chosen && page(&world, 0).graphs.stages().is_some());
    world.touch(0, Intent::NetworkOf(Some(super::world::identity(7).peer())));
    assert!(page(&world, 0).rooms[1].chosen, "a stranger cannot be chosen");
    world.touch(0, Intent::TogglePanel(Panel::Network));
    assert_eq!(world.meeting(0).panel, None);
    world.touch(0, Intent::TogglePanel(Panel::Network));
    assert!(page(&world, 0).rooms[0].chosen, "it opens with this room");
    world.touch(0, Intent::Back);
    assert_eq!(world.meeting(0).panel, None);
}

#[test]
fn a_weak_room_is_named_and_marked_until_it_leaves() {
    let mut world = World::met(&["Boardroom", "Workshop"]);
    for _ in 0..6 {
        second(&mut world, 0, LinkQuality::WeakNetwork);
    }
    let meeting = world.meeting(0);
    assert_eq!((meeting.network.text.as_str(), meeting.tiles[0].weak), ("Weak: Workshop", true));
    let other = world.shells[1].me;
    world.touch(0, Intent::TogglePanel(Panel::Network));
    world.touch(0, Intent::NetworkOf(Some(other)));
    world.touch(1, Intent::Ask(intent::Destructive::Leave));
    world.touch(1, Intent::Confirm);
    let page = page(&world, 0);
    assert_eq!(page.rooms.len(), 1);
    assert!(page.rooms[0].chosen && page.graphs.stages().is_none());
    assert_eq!(world.meeting(0).network.text, "Good");
}

#[test]
fn without_the_relay_there_is_no_connection_whatever_was_measured() {
    let mut world = World::met(&["Boardroom", "Workshop"]);
    second(&mut world, 0, LinkQuality::Good);
    assert_eq!(world.meeting(0).network.text, "Good");
    world.kill_relay();
    let network = world.meeting(0).network;
    assert_eq!((network.text.as_str(), network.tone), ("No connection", Tone::Weak));
}

#[test]
fn the_caretaker_writes_down_the_last_meeting_and_the_next_begins_anew() {
    let mut world = World::met(&["Boardroom", "Workshop"]);
    let mut sample = NetworkSample::default();
    sample.link.up.loss = Some(Share::from_ppm(5));
    world.news(0, News::Network(Box::new(sample.clone())));
    world.touch(0, Intent::SaveNetworkLog);
    assert!(world.shells[0].network_logs.is_empty(), "in a meeting nobody has typed a PIN");
    world.touch(0, Intent::Ask(intent::Destructive::Leave));
    world.touch(0, Intent::Confirm);
    let open_test = |world: &mut World| {
        world.touch(0, Intent::OpenSettings);
        for digit in [1, 2, 3, 4] {
            world.touch(0, Intent::Digit(digit));
        }
        world.touch(0, Intent::OpenTest);
    };
    open_test(&mut world);
    let offered = |world: &World| matches!(world.view(0).screen, Screen::Test(test) if test.network_log);
    assert!(offered(&world));
    // What is sampled now is of no meeting.
    world.news(0, News::Network(Box::new(sample)));
    world.touch(0, Intent::SaveNetworkLog);
    assert_eq!(world.shells[0].network_logs.len(), 1);
    assert_eq!(world.shells[0].network_logs[0].lines().count(), 3, "a header, the link, a room");
    world.news(0, News::NetworkLog(Ok("/var/lib/x/network-1.csv".into())));
    assert_eq!(world.notice(0), "The network's numbers are in /var/lib/x/network-1.csv.");
    world.news(0, News::NetworkLog(Err("the disk is full".into())));
    assert_eq!(world.notice(0), "The network's numbers could not be written.");
    world.touch(0, Intent::Back);
    world.touch(0, Intent::Back);
    world.touch(0, Intent::StartMeeting);
    world.ms(1000);
    assert!(world.in_meeting(0));
    world.touch(0, Intent::Ask(intent::Destructive::Leave));
    world.touch(0, Intent::Confirm);
    open_test(&mut world);
    assert!(!offered(&world), "the new meeting measured nothing");
    world.touch(0, Intent::SaveNetworkLog);
    assert_eq!(world.shells[0].network_logs.len(), 1);
}

/// The verdict after ten seconds in which nothing came of the other room's pictures.
fn without_pictures(world: &mut World) -> String {
    for _ in 0..10 {
        world.ms(1000);
        let link = LinkSample { round_trip: Some(Duration::from_millis(3)), ..LinkSample::default() };
        let none = PerSecond::of(0, Duration::from_secs(1));
        let room = RoomSample { frames_received: none, frames_decoded: none, ..RoomSample::default() };
        let sample = NetworkSample { link, rooms: [(world.shells[1].me, room)].into() };
        world.news(0, News::Network(Box::new(sample)));
    }
    world.meeting(0).network.text
}

#[test]
fn pictures_are_missing_while_the_room_says_that_its_camera_is_on() {
    let mut world = World::met(&["Boardroom", "Workshop"]);
    assert_eq!(without_pictures(&mut world), "No pictures: Workshop");
    assert!(world.meeting(0).tiles[0].weak);
    world.touch(1, Intent::ToggleCamera);
    assert_eq!(without_pictures(&mut world), "Good", "its camera is off");
    world.touch(1, Intent::ToggleCamera);
    assert_eq!(without_pictures(&mut world), "No pictures: Workshop");
}

#[test]
fn a_room_whose_own_network_is_weak_says_so_and_the_others_name_it() {
    let mut world = World::met(&["Boardroom", "Workshop"]);
    let link = |loss: u32| {
        let mut sample = NetworkSample::default();
        sample.link.up.loss = Some(Share::from_ppm(loss));
        sample
    };
    let told = |world: &World| -> Vec<Option<LinkQuality>> {
        let asks = world.shells[1].sent.iter().filter_map(|sent| match sent.body {
            Ask::State { state } => Some(state.link),
            _ => None,
        });
        asks.collect()
    };
    let seconds = |world: &mut World, count: usize, loss: u32| {
        for _ in 0..count {
            world.ms(1000);
            world.news(1, News::Network(Box::new(link(loss))));
            let other = world.shells[1].me;
            let sample = NetworkSample { rooms: [(other, RoomSample::default())].into(), ..link(0) };
            world.news(0, News::Network(Box::new(sample)));
            world.run();
        }
    };
    seconds(&mut world, 20, 0);
    let before = told(&world);
    assert!(before.iter().all(Option::is_none), "all is well, and nobody is told so");
    seconds(&mut world, 20, 50_000);
    assert_eq!(world.meeting(1).network.text, "Weak: this room");
    assert_eq!(world.meeting(0).network.text, "Weak: Workshop");
    assert_eq!(told(&world)[before.len()..], [Some(LinkQuality::WeakNetwork)], "once");
    let lines = world.shells[0].kiosk.network_lines();
    assert!(lines[1].contains("says_of_itself=weak network"), "{lines:?}");
    seconds(&mut world, 30, 0);
    assert_eq!(told(&world)[before.len()..], [Some(LinkQuality::WeakNetwork), Some(LinkQuality::Good)]);
    assert_eq!(world.meeting(0).network.text, "Good");
}

#[test]
fn a_device_that_does_not_keep_up_says_so_here_and_there_in_both_languages() {
    let mut world = World::met(&["Boardroom", "Workshop"]);
    let mut sample = NetworkSample::default();
    sample.link.limit = Some(Limit::Device);
    for _ in 0..15 {
        world.ms(1000);
        world.news(1, News::Network(Box::new(sample.clone())));
        let other = world.shells[1].me;
        let rooms = [(other, RoomSample::default())].into();
        let link = LinkSample { round_trip: Some(Duration::from_millis(3)), ..LinkSample::default() };
        world.news(0, News::Network(Box::new(NetworkSample { link, rooms })));
        world.run();
    }
    world.touch(1, Intent::TogglePanel(Panel::Network));
    assert_eq!(world.meeting(1).network.text, "Busy: this device");
    assert_eq!(
        page(&world, 1).verdict.text,
        "Weak: this device is busy, so it sends fewer or smaller pictures"
    );
    world.shells[1].kiosk.settings.language = Language::German;
    assert_eq!(world.meeting(1).network.text, "Ausgelastet: dieses Gerät");
    assert_eq!(
        page(&world, 1).verdict.text,
        "Schwach: Dieses Gerät ist ausgelastet und sendet weniger oder kleinere Bilder"
    );
    assert_eq!(world.meeting(0).network.text, "Busy: Workshop");
}
