//! Meetings: who is in them, what is said, who may do what, and a relay that lies.

use vestibule_common::chat::ChatMessage;
use vestibule_common::control::{Ask, Member, MemberState, RoomEvent, Tell};
use vestibule_common::id::PeerId;
use vestibule_common::signed::{Admission, Role, Succession};

use super::world::{EPOCH_MS, World, identity};
use crate::device::Button;
use crate::kiosk::intent::Destructive;
use crate::kiosk::*;
use crate::view::{ChatView, Delivery, Microphone, Panel, PanelView, PeopleView, Severity};

const THREE: &[&str] = &["Boardroom", "Workshop", "Studio"];

pub(super) fn chat(world: &World, n: usize) -> ChatView {
    match world.meeting(n).panel {
        Some(PanelView::Chat(chat)) => chat,
        other => panic!("no chat: {other:?}"),
    }
}

fn people(world: &World, n: usize) -> PeopleView {
    match world.meeting(n).panel {
        Some(PanelView::People(people)) => people,
        other => panic!("no people: {other:?}"),
    }
}

pub(super) fn texts(chat: &ChatView) -> Vec<&str> {
    chat.messages.iter().map(|message| message.text.as_str()).collect()
}

fn say(world: &mut World, n: usize, text: &str) {
    world.type_text(n, text);
    world.touch(n, Intent::Submit);
}

#[test]
fn everyone_sees_and_plays_everyone_else() {
    let world = World::met(THREE);
    for n in 0..3 {
        let meeting = world.meeting(n);
        assert_eq!(meeting.tiles.len(), 2);
        assert_eq!(meeting.microphone, Microphone::Live);
        let mut played = world.shells[n].played.clone();
        let mut others: Vec<PeerId> = (0..3).filter(|m| *m != n).map(|m| identity(m).peer()).collect();
        played.sort();
        others.sort();
        assert_eq!(played, others);
        assert!(world.shells[n].camera && world.shells[n].gate == GateState::Open);
        assert_eq!(meeting.tiles.iter().filter(|tile| tile.host).count(), usize::from(n != 0));
    }
    let names: Vec<String> = world.meeting(2).tiles.into_iter().map(|tile| tile.name).collect();
    assert_eq!(names, ["Boardroom", "Workshop"], "in the order of their admissions");
}

#[test]
fn mute_is_seen_by_the_others_and_undone_by_this_room_only() {
    let mut world = World::met(THREE);
    world.button(1, Button::Mute, true);
    assert_eq!(world.meeting(1).microphone, Microphone::Muted);
    assert_eq!(world.shells[1].lamps[&Button::Mute], LampState::On);
    assert!(world.meeting(0).tiles[0].muted && world.meeting(2).tiles[1].muted);
    world.button(1, Button::Mute, false);
    world.tell(1, Tell::MuteRequested { by: identity(0).peer() });
    assert_eq!(world.meeting(1).microphone, Microphone::Muted, "a request never opens");
    world.touch(1, Intent::ToggleMute);
    assert_eq!(world.meeting(1).microphone, Microphone::Live);
    world.touch(0, Intent::TogglePanel(Panel::People));
    world.touch(0, Intent::MuteMember(identity(1).peer()));
    assert_eq!(world.meeting(1).microphone, Microphone::Muted);
    assert_eq!(world.notice(1), "Boardroom muted this room. Only you can unmute it.");
    world.touch(1, Intent::ToggleMute);
    world.tell(1, Tell::MuteRequested { by: identity(2).peer() });
    assert_eq!(world.meeting(1).microphone, Microphone::Live, "only the host may ask");
}

#[test]
fn the_lamp_goes_dark_before_the_gate_opens_and_lights_after_it_has_closed() {
    let mut world = World::met(&["Boardroom", "Workshop"]);
    for wanted in [GateState::Closed, GateState::Open] {
        let now = world.now;
        world.shells[0].kiosk.handle_intent(Intent::ToggleMute, now);
        let mut order = vec![];
        while let Some(effect) = world.shells[0].kiosk.next_effect() {
            match effect {
                Effect::Gate(state) => {
                    order.push(format!("{state:?}"));
                    let report = if state == GateState::Open { GateReport::Open } else { GateReport::Closed };
                    world.shells[0].kiosk.handle_news(News::MicrophoneState(report), now);
                }
                Effect::Lamp(Button::Mute, state) => order.push(format!("lamp {state:?}")),
                _ => {}
            }
        }
        match wanted {
            GateState::Closed => assert_eq!(order, ["Closed", "lamp On"]),
            GateState::Open => assert_eq!(order, ["lamp Off", "Open"]),
        }
    }
}

#[test]
fn a_gate_that_does_not_close_is_called_a_fault() {
    let mut world = World::met(&["Boardroom", "Workshop"]);
    world.shells[0].gate_stuck = true;
    world.button(0, Button::Mute, true);
    world.ms(299);
    assert_eq!(world.meeting(0).microphone, Microphone::Live, "it is live");
    assert!(!world.meeting(1).tiles[0].muted);
    world.ms(1);
    assert_eq!(world.meeting(0).microphone, Microphone::Fault);
    assert_eq!(world.shells[0].lamps[&Button::Mute], LampState::Fault);
    assert_eq!(world.view(0).notice.unwrap().severity, Severity::Alarm);
    assert!(!world.meeting(1).tiles[0].muted, "nobody is told that it is muted");
    world.shells[0].gate_stuck = false;
    world.ms(1000);
    assert_eq!(world.meeting(0).microphone, Microphone::Muted, "asked again until it obeys");
}

#[test]
fn the_camera_is_open_in_meetings_while_waiting_and_under_a_finger() {
    let mut world = World::new(&["Boardroom", "Workshop"]);
    world.touch(0, Intent::ShowOwnPicture(true));
    assert!(world.shells[0].camera);
    world.touch(0, Intent::ShowOwnPicture(false));
    assert!(!world.shells[0].camera);
    world.touch(0, Intent::StartMeeting);
    world.knock(1);
    assert!(world.shells[0].camera && world.shells[1].camera);
    world.touch(0, Intent::ToggleCamera);
    assert!(!world.shells[0].camera);
    world.ms(1000);
    world.press_approve(0, 100);
    assert_eq!(world.meeting(1).tiles[0].placeholder.as_deref(), Some("Camera off"));
    world.touch(0, Intent::Ask(Destructive::Leave));
    world.touch(0, Intent::Confirm);
    world.touch(1, Intent::Ask(Destructive::Leave));
    world.touch(1, Intent::Confirm);
    assert!(!world.shells[0].camera && !world.shells[1].camera);
    assert_eq!(world.shells[1].gate, GateState::Closed);
}

#[test]
fn chat_reaches_everyone_or_one_room_in_one_order() {
    let mut world = World::met(THREE);
    for n in 0..3 {
        world.touch(n, Intent::TogglePanel(Panel::Chat));
    }
    say(&mut world, 0, "hello");
    world.touch(1, Intent::ChatTo(Some(identity(2).peer())));
    say(&mut world, 1, "psst");
    say(&mut world, 2, "yes?");
    assert_eq!(texts(&chat(&world, 0)), ["Hello", "Yes?"]);
    assert_eq!(texts(&chat(&world, 1)), ["Hello", "Psst", "Yes?"]);
    assert_eq!(texts(&chat(&world, 2)), ["Hello", "Psst", "Yes?"]);
    let (own, received) = (&chat(&world, 1).messages[1], &chat(&world, 2).messages[1]);
    assert_eq!(own.private.as_deref(), Some("only for Studio"));
    assert_eq!((own.own, own.delivery, own.from.as_str()), (true, Delivery::Sent, "You"));
    assert_eq!(received.private.as_deref(), Some("only for you"));
    assert_eq!(received.from, "Workshop");
    world.touch(0, Intent::TogglePanel(Panel::Chat));
    say(&mut world, 2, "one");
    say(&mut world, 2, "two");
    assert_eq!(world.meeting(0).unread, 2);
    world.touch(0, Intent::TogglePanel(Panel::Chat));
    assert_eq!(world.meeting(0).unread, 0);
    world.touch(0, Intent::Submit);
    assert_eq!(chat(&world, 0).error.as_deref(), Some("There is nothing to send."));
    world.type_text(0, &"ü".repeat(2001));
    assert_eq!(chat(&world, 0).draft.chars().count(), 2000);
    assert!(chat(&world, 0).error.unwrap().contains("2,000"));
}

#[test]
fn forged_words_are_dropped() {
    let mut world = World::met(THREE);
    world.touch(1, Intent::TogglePanel(Panel::Chat));
    let (room, studio, host) = (world.room(), identity(2), identity(0).peer());
    let good = ChatMessage::write(&studio, room, vec![], 1, EPOCH_MS, "signed").unwrap();
    let forged = ChatMessage { text: "forged".into(), ..good.clone() };
    let mut put = |from: PeerId, to: Vec<PeerId>, message: &ChatMessage| {
        let bytes = serde_json::to_vec(message).unwrap();
        world.relay.publish(room, RoomEvent::Opaque { from, class: "chat".into(), to, bytes });
        world.run();
    };
    put(studio.peer(), vec![], &forged);
    put(host, vec![], &good);
    put(studio.peer(), vec![identity(1).peer()], &good);
    put(studio.peer(), vec![], &good);
    put(studio.peer(), vec![], &good);
    assert_eq!(texts(&chat(&world, 1)), ["signed"]);
    let warned = world.shells[1].log.iter().filter(|(level, _)| *level == log::Level::Warn).count();
    assert_eq!(warned, 3);
}

#[test]
fn a_newcomer_reads_what_was_said_to_everyone_in_pages() {
    let mut world = World::new(THREE);
    world.touch(0, Intent::StartMeeting);
    world.knock(1);
    world.ms(1000);
    world.press_approve(0, 100);
    world.touch(0, Intent::TogglePanel(Panel::Chat));
    for n in 0..30 {
        say(&mut world, 0, &format!("{n} {}", "long ".repeat(180)));
        world.ms(1000);
    }
    world.touch(0, Intent::ChatTo(Some(identity(1).peer())));
    say(&mut world, 0, "private");
    world.knock(2);
    world.ms(1000);
    world.press_approve(0, 100);
    let history = world.asks(0, |ask| matches!(ask, Ask::Opaque { class, .. } if class == "history"));
    assert_eq!(history, 3, "30 messages of a kilobyte in pages of 16");
    let said = |n: usize| -> Vec<String> {
        let meeting = world.shells[n].kiosk.session.meeting().unwrap();
        meeting.chat.entries().map(|entry| entry.message.text.clone()).collect()
    };
    let mut all = said(0);
    assert_eq!(all.pop().as_deref(), Some("Private"));
    assert_eq!(said(2), all);
}

#[test]
fn a_room_let_in_by_the_relay_alone_ends_the_stay_at_once() {
    let mut world = World::met(&["Boardroom", "Workshop"]);
    let (room, eve) = (world.room(), identity(9));
    let admission = Admission::issue(&eve, room, eve.peer(), Role::Member, 99, EPOCH_MS);
    let member = Member {
        name: "Eve".parse().unwrap(),
        admission,
        streams: Default::default(),
        state: MemberState::default(),
        present: true,
    };
    world.relay.publish(room, RoomEvent::Joined { member });
    world.run();
    for n in 0..2 {
        assert!(!world.in_meeting(n) && !world.shells[n].in_media && !world.shells[n].camera);
        assert!(!world.shells[n].played.contains(&eve.peer()));
        assert_eq!(world.shells[n].gate, GateState::Closed);
        let notice = world.view(n).notice.unwrap();
        assert_eq!(notice.severity, Severity::Alarm);
        assert!(notice.text.starts_with("The relay let a room in without the host's approval: Eve."));
        assert_eq!(world.asks(n, |ask| matches!(ask, Ask::Leave)), 1);
        assert!(world.shells[n].ticket.is_none(), "no way back into that meeting");
    }
    world.ms(600_000);
    assert!(world.view(0).notice.is_some(), "it stays until it was read");
    world.touch(0, Intent::Wake);
    world.touch(0, Intent::DismissNotice);
    assert!(world.view(0).notice.is_none());
}

#[test]
fn a_removed_room_is_out_and_cannot_be_brought_back_by_the_relay() {
    let mut world = World::met(THREE);
    let (room, studio) = (world.room(), identity(2).peer());
    let old = world.relay.rooms[&room].members[&studio].clone();
    world.touch(0, Intent::TogglePanel(Panel::People));
    assert!(people(&world, 0).people[2].manageable);
    world.touch(0, Intent::Ask(Destructive::Remove(studio)));
    assert_eq!(world.view(0).question.unwrap().text, "Remove Studio from the meeting?");
    world.touch(0, Intent::Confirm);
    assert_eq!(world.notice(2), "The host removed this room from the meeting.");
    assert_eq!(world.notice(1), "Studio was removed by the host.");
    assert_eq!(world.notice(0), "You removed Studio.");
    assert_eq!(world.meeting(1).tiles.len(), 1);
    world.relay.publish(room, RoomEvent::Joined { member: old });
    world.run();
    assert_eq!(world.meeting(1).tiles.len(), 1, "not shown");
    assert!(!world.shells[1].played.contains(&studio), "not played");
    world.ms(5000);
    assert!(!world.in_meeting(1), "and when it does not go, this room does");
}

#[test]
fn hosting_passes_by_the_hosts_word_only() {
    let mut world = World::met(THREE);
    let (room, studio) = (world.room(), identity(2));
    let usurped = Succession::issue(&studio, room, studio.peer(), 50);
    world.relay.publish(room, RoomEvent::HostChanged { succession: usurped });
    world.run();
    assert!(world.meeting(1).tiles[0].host, "not followed");
    world.relay.rooms.get_mut(&room).unwrap().successions.clear();
    world.touch(0, Intent::Ask(Destructive::Leave));
    world.touch(0, Intent::Confirm);
    assert_eq!(world.notice(1), "This room hosts the meeting now.");
    assert_eq!(world.notice(2), "Workshop hosts the meeting now.");
    world.touch(1, Intent::TogglePanel(Panel::People));
    assert!(people(&world, 1).hosting);
    world.touch(1, Intent::Lock(true));
    assert!(world.meeting(2).locked);
    let named = world.shells[1].sent.iter().rev().find_map(|message| match &message.body {
        Ask::NameSuccessor { succession } => Some(*succession),
        _ => None,
    });
    let named = named.unwrap();
    assert_eq!(named.successor, studio.peer());
    assert!(named.serial > 4, "serials go on above every serial seen: {}", named.serial);
}

#[test]
fn the_host_ends_the_meeting_for_all_and_nothing_is_left() {
    let mut world = World::met(THREE);
    world.touch(1, Intent::TogglePanel(Panel::Chat));
    say(&mut world, 1, "secret");
    world.touch(1, Intent::Ask(Destructive::EndForAll));
    assert_eq!(world.view(1).question, None, "only the host may");
    world.touch(0, Intent::Ask(Destructive::EndForAll));
    world.touch(0, Intent::Confirm);
    for n in 0..3 {
        assert_eq!(world.notice(n), "The meeting has ended.");
        assert!(world.shells[n].ticket.is_none() && !world.shells[n].in_media);
    }
    world.touch(1, Intent::StartMeeting);
    world.touch(1, Intent::TogglePanel(Panel::Chat));
    assert!(chat(&world, 1).messages.is_empty() && chat(&world, 1).draft.is_empty());
}

#[test]
fn rooms_of_one_name_are_told_apart() {
    let world = World::met(&["Boardroom", "Workshop", "Workshop"]);
    let names = |n: usize| world.meeting(n).tiles.into_iter().map(|tile| tile.name).collect::<Vec<_>>();
    assert_eq!(names(0), ["Workshop", "Workshop 2"]);
    assert_eq!(names(1), ["Boardroom", "Workshop 2"]);
    assert_eq!(world.meeting(2).own.name, "Workshop 2");
    let told = "Two rooms are called Workshop. They are shown with numbers.";
    for shell in &world.shells {
        assert_eq!(shell.log.iter().filter(|(_, text)| text == told).count(), 1);
    }
}

#[test]
fn a_state_that_the_relay_took_too_fast_is_told_again() {
    let mut world = World::met(&["Boardroom", "Workshop"]);
    world.relay.states_refused = 2;
    world.touch(0, Intent::ToggleMute);
    assert!(!world.meeting(1).tiles[0].muted);
    let told = world.asks(0, |ask| matches!(ask, Ask::State { .. }));
    world.ms(10_000);
    assert!(world.meeting(1).tiles[0].muted, "the others are not left with what is not so");
    assert!(
        world.asks(0, |ask| matches!(ask, Ask::State { .. })) <= told + 2,
        "and the relay is not pestered"
    );
}

#[test]
fn of_many_rooms_the_one_that_speaks_for_a_while_is_shown_large() {
    let mut world = World::met(&["A", "B", "C", "D", "E"]);
    let voice = |world: &mut World, n: usize, speaking| {
        let peer = world.shells[n].me;
        world.news(0, News::VoiceActive { peer, speaking });
        world.run();
    };
    let large = |world: &World| {
        let meeting = world.meeting(0);
        meeting.large.map(|at| meeting.tiles[at].name.clone())
    };
    voice(&mut world, 2, true);
    world.ms(1_400);
    assert_eq!(large(&world), None);
    assert!(
        world.meeting(0).tiles.iter().any(|tile| tile.name == "C" && tile.speaking),
        "it is marked at once"
    );
    world.ms(100);
    assert_eq!(large(&world).as_deref(), Some("C"));
    voice(&mut world, 2, false);
    voice(&mut world, 3, true);
    world.ms(3_900);
    assert_eq!(large(&world).as_deref(), Some("C"), "it stays for four seconds");
    world.ms(100);
    assert_eq!(large(&world).as_deref(), Some("D"));
    world.touch(3, Intent::Ask(intent::Destructive::Leave));
    world.touch(3, Intent::Confirm);
    assert_eq!(large(&world), None, "of four rooms all are equally large");
}
