//! Coming back: after a broken connection, a restarted relay, a power cut, and by hand.

use vestibule_common::control::{Ask, Tell};
use vestibule_common::time::Duration;

use super::meeting::{chat, texts};
use super::world::{World, config};
use crate::kiosk::intent::Destructive;
use crate::kiosk::*;
use crate::view::{Delivery, Microphone, Panel, Screen};

const TWO: &[&str] = &["Boardroom", "Workshop"];

#[test]
fn a_broken_connection_is_mended_without_a_new_approval() {
    let mut world = World::met(TWO);
    world.touch(0, Intent::TogglePanel(Panel::Chat));
    world.touch(1, Intent::TogglePanel(Panel::Chat));
    world.relay_up = false;
    world.cut(1);
    world.run();
    assert_eq!(world.meeting(0).tiles[0].placeholder.as_deref(), Some("Reconnecting…"));
    world.ms(2000);
    assert!(world.notice(1).starts_with("The relay isn't answering. Trying again in"));
    world.type_text(1, "are you there");
    world.touch(1, Intent::Submit);
    assert_eq!(chat(&world, 1).messages[0].delivery, Delivery::Sending);
    world.type_text(0, "yes");
    world.touch(0, Intent::Submit);
    world.relay_up = true;
    world.ms(6000);
    assert_eq!(texts(&chat(&world, 0)), ["Yes", "Are you there"]);
    let mut seen: Vec<String> = texts(&chat(&world, 1)).into_iter().map(str::to_owned).collect();
    seen.sort();
    assert_eq!(seen, ["Are you there", "Yes"], "nothing twice, nothing missing");
    assert!(chat(&world, 1).messages.iter().all(|message| message.delivery == Delivery::Sent));
    assert_eq!(world.notice(1), "");
    assert_eq!(world.asks(0, |ask| matches!(ask, Ask::Approve { .. })), 1);
}

#[test]
fn the_back_off_grows_and_never_ends() {
    let mut world = World::new(TWO);
    world.relay_up = false;
    world.cut(0);
    world.shells[0].connects.clear();
    world.pass(Duration::from_secs(600));
    let at = &world.shells[0].connects;
    let gaps: Vec<u128> = at.windows(2).map(|pair| pair[1].since(pair[0]).as_millis()).collect();
    assert!(gaps[0] < 1300 && gaps.iter().skip(4).all(|gap| (2900..=5100).contains(gap)), "{gaps:?}");
    assert!(at.len() > 100 && at[at.len() - 1] + Duration::from_secs(6) > world.now);
    world.relay_up = true;
    world.ms(6000);
    let Screen::Home(home) = world.view(0).screen else { panic!() };
    assert_eq!((home.state.as_str(), home.can_meet), ("Ready", true));
}

#[test]
fn the_hosts_kiosk_brings_the_meeting_back_to_a_restarted_relay() {
    let mut world = World::met(&["Boardroom", "Workshop", "Studio"]);
    world.touch(2, Intent::ToggleMute);
    world.kill_relay();
    world.ms(3000);
    world.relay_up = true;
    world.ms(15_000);
    for n in 0..3 {
        assert_eq!(world.meeting(n).tiles.len(), 2);
        assert!(
            world.meeting(n).tiles.iter().all(|tile| tile.placeholder.as_deref() != Some("Reconnecting…"))
        );
        assert_eq!(world.notice(n), "");
    }
    assert_eq!(world.meeting(2).microphone, Microphone::Muted);
    assert!(world.meeting(0).tiles[1].muted);
    assert_eq!(world.asks(0, |ask| matches!(ask, Ask::Reopen { .. })), 1);
    assert_eq!(world.asks(1, |ask| matches!(ask, Ask::Reopen { .. })), 0);
    // Newcomers go on being let in, and the chain of serials goes on.
    world.add(config("Attic"), 3, None);
    world.run();
    world.knock(3);
    world.ms(1000);
    world.press_approve(0, 100);
    assert_eq!(world.meeting(3).tiles.len(), 3);
}

#[test]
fn members_wait_for_their_host_and_then_give_up() {
    let mut world = World::met(TWO);
    world.kill_relay();
    world.shells.remove(0);
    world.relay_up = true;
    world.ms(60_000);
    assert!(world.in_meeting(0));
    assert_eq!(world.notice(0), "Going back to 482 913…");
    world.pass(Duration::from_secs(550));
    assert_eq!(world.notice(0), "The meeting could not be reached again.");
}

fn power_cut(world: &mut World, n: usize) -> Option<Ticket> {
    world.shells[n].connected = false;
    let me = world.shells[n].me;
    world.relay.lost(me);
    world.run();
    let ticket = world.shells[n].ticket.take();
    let text = serde_json::to_string(&ticket).unwrap();
    serde_json::from_str(&text).unwrap()
}

#[test]
fn a_kiosk_whose_power_was_cut_goes_back_by_itself_and_stays_muted() {
    for n in [0, 1] {
        let mut world = World::met(TWO);
        world.touch(n, Intent::ToggleMute);
        world.ms(5000);
        let ticket = power_cut(&mut world, n);
        world.ms(20_000);
        world.add(config(TWO[n]), n, ticket);
        world.run();
        assert_eq!(world.meeting(n).microphone, Microphone::Muted);
        assert_eq!(world.shells[n].gate, GateState::Closed);
        assert_eq!(world.meeting(n).tiles.len(), 1);
        assert_eq!(world.asks(0, |ask| matches!(ask, Ask::Approve { .. })), usize::from(n == 1));
    }
}

#[test]
fn after_too_long_a_power_cut_a_kiosk_stays_out() {
    let mut world = World::met(TWO);
    let ticket = power_cut(&mut world, 1);
    world.pass(Duration::from_secs(11 * 60));
    world.add(config(TWO[1]), 1, ticket);
    world.run();
    let Screen::Home(home) = world.view(1).screen else { panic!() };
    assert_eq!(home.rejoin, None);
    assert!(!world.shells[1].camera && world.shells[1].ticket.is_none());
}

#[test]
fn rejoin_is_offered_for_ten_minutes() {
    let mut world = World::met(TWO);
    world.touch(1, Intent::Ask(Destructive::Leave));
    world.touch(1, Intent::Decline);
    assert!(world.in_meeting(1));
    world.touch(1, Intent::Ask(Destructive::Leave));
    world.touch(1, Intent::Confirm);
    let rejoin = |world: &World| match world.view(1).screen {
        Screen::Home(home) => home.rejoin,
        other => panic!("{other:?}"),
    };
    assert_eq!(rejoin(&world).as_deref(), Some("Rejoin 482 913"));
    world.touch(1, Intent::Rejoin);
    assert!(world.in_meeting(1));
    assert_eq!(world.asks(0, |ask| matches!(ask, Ask::Approve { .. })), 1);
    world.touch(1, Intent::Ask(Destructive::Leave));
    world.touch(1, Intent::Confirm);
    let ticket = power_cut(&mut world, 1);
    world.ms(60_000);
    world.add(config(TWO[1]), 1, ticket);
    world.run();
    assert!(rejoin(&world).is_some(), "also after a power cut, but not by itself");
    world.pass(Duration::from_secs(9 * 60 + 1));
    assert_eq!(rejoin(&world), None);
    assert!(world.shells[1].ticket.is_none());
}

#[test]
fn a_host_that_left_alone_finds_its_meeting_again() {
    let mut world = World::new(&["Boardroom"]);
    world.touch(0, Intent::StartMeeting);
    let before = world.room();
    world.touch(0, Intent::Ask(Destructive::Leave));
    world.touch(0, Intent::Confirm);
    assert!(world.relay.rooms.is_empty());
    world.touch(0, Intent::Rejoin);
    assert!(world.in_meeting(0));
    assert_eq!(world.room(), before);
}

#[test]
fn a_lost_event_is_noticed_and_what_is_missing_is_said() {
    let mut world = World::met(TWO);
    world.touch(1, Intent::TogglePanel(Panel::Chat));
    let event = vestibule_common::control::RoomEvent::Withheld;
    world.tell(1, Tell::Event { number: 500, event });
    world.ms(3000);
    assert_eq!(texts(&chat(&world, 1)), ["Some messages are missing"]);
    assert_eq!(world.meeting(1).tiles.len(), 1);
    assert_eq!(world.asks(1, |ask| matches!(ask, Ask::Resume { .. })), 1);
}

#[test]
fn a_relay_that_falls_silent_is_left_for_another_try() {
    let mut world = World::met(TWO);
    world.relay.mute = true;
    world.ms(20_000);
    assert!(world.asks(1, |ask| matches!(ask, Ask::Resume { .. })) >= 1);
    world.relay.mute = false;
    world.ms(15_000);
    assert_eq!(world.meeting(1).tiles.len(), 1);
    assert_eq!(world.notice(1), "");
}

#[test]
fn a_room_that_was_away_when_the_meeting_ended_is_told_so() {
    for by_hand in [false, true] {
        let mut world = World::met(TWO);
        if by_hand {
            world.touch(1, Intent::Ask(Destructive::Leave));
            world.touch(1, Intent::Confirm);
        }
        let ticket = power_cut(&mut world, 1);
        world.touch(0, Intent::Ask(Destructive::EndForAll));
        world.touch(0, Intent::Confirm);
        assert!(!world.in_meeting(0), "whoever ended it is out too");
        assert_eq!(world.notice(0), "The meeting has ended.");
        world.add(config(TWO[1]), 1, ticket);
        world.run();
        if by_hand {
            world.touch(1, Intent::Rejoin);
        }
        assert_eq!(world.notice(1), "The meeting has ended.");
        let Screen::Home(home) = world.view(1).screen else { panic!("{:?}", world.view(1).screen) };
        assert_eq!(home.rejoin, None);
    }
}

/// The founder and the third room lost their power; the second hosts, removed the third, and admitted the fourth.
/// Returns the tickets of the two.
fn passed_on() -> (World, [Option<Ticket>; 2]) {
    let mut world = World::met(&["Boardroom", "Workshop", "Studio"]);
    let (room, removed) = (world.room(), world.shells[2].me);
    let tickets = [power_cut(&mut world, 0), power_cut(&mut world, 2)];
    world.relay.pass_hosting(room);
    world.run();
    let now = world.now;
    assert!(world.shells[1].kiosk.session.remove(removed, now));
    world.shells[1].kiosk.handle_timeout(now);
    world.run();
    world.add(config("Attic"), 3, None);
    world.run();
    world.knock(3);
    world.ms(1000);
    world.press_approve(1, 100);
    assert!(world.in_meeting(3));
    world.ms(100);
    (world, tickets)
}

fn host(world: &World, n: usize) -> vestibule_common::id::PeerId {
    world.shells[n].kiosk.session.meeting().expect("in a meeting").roster.host()
}

#[test]
fn a_former_host_that_comes_first_does_not_bring_an_older_meeting_back() {
    let (mut world, [founder, removed]) = passed_on();
    let (later, out) = (world.shells[1].me, world.shells[2].me);
    world.kill_relay();
    world.relay_up = true;
    world.add(config("Boardroom"), 0, founder);
    world.run();
    assert_eq!(host(&world, 0), world.shells[0].me, "it has not heard that hosting passed");
    world.add(config("Studio"), 2, removed);
    world.run();
    assert!(world.in_meeting(2), "back in the older meeting");
    for _ in 0..150 {
        world.ms(100);
        for n in [1, 3] {
            assert!(
                !world.shells[n].in_media || !world.shells[n].played.contains(&out),
                "kiosk {n} plays it"
            );
        }
    }
    for n in [0, 1, 3] {
        assert_eq!(host(&world, n), later, "kiosk {n}");
        assert_eq!(world.meeting(n).tiles.len(), 2, "kiosk {n}");
    }
    assert!(!world.in_meeting(2));
    assert_eq!(world.asks(1, |ask| matches!(ask, Ask::Reopen { .. })), 1);
    let knocks = world.asks(3, |ask| matches!(ask, Ask::Knock { .. }));
    assert_eq!(knocks, 1, "the newcomer needs no new approval");
}

#[test]
fn in_a_meeting_of_two_days_every_admission_is_fresh() {
    let mut world = World::met(TWO);
    // Somebody speaks often enough for nobody to be asked whether anyone is there.
    for _ in 0..200 {
        for n in 0..2 {
            world.news(n, News::OwnVoice { speaking: true });
            world.news(n, News::OwnVoice { speaking: false });
        }
        world.pass(Duration::from_secs(15 * 60));
    }
    let now_ms = super::world::EPOCH_MS + world.now.as_micros() / 1000;
    for n in 0..2 {
        // As after a broken connection: the relay shows the admissions by which everyone came in.
        world.cut(n);
        world.ms(5000);
        assert!(world.in_meeting(n), "{n} {:?}", world.notice(n));
        let ticket = world.shells[n].kiosk.session.ticket(world.now).unwrap();
        let words = ticket.members.iter().map(|(_, word)| word).chain([&ticket.admission]);
        for word in words {
            assert!(word.expires_ms > now_ms + 11 * 3600 * 1000, "kiosk {n}: {word:?}");
        }
    }
}
