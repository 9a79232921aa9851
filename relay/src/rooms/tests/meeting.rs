//! Inside: roster, order, messages, breaks, removal, the end.

use vestibule_common::control::{ClosedWhy, LeftWhy, MemberState};

use super::*;

fn say(to: Vec<PeerId>, text: &str) -> Ask {
    Ask::Opaque { class: "chat".into(), to, bytes: text.as_bytes().to_vec() }
}

/// The messages among what a kiosk was told.
fn heard(news: &[Tell]) -> Vec<String> {
    let text = |tell: &Tell| match tell {
        Tell::Event { event: RoomEvent::Opaque { bytes, .. }, .. } => {
            Some(String::from_utf8(bytes.clone()).unwrap())
        }
        _ => None,
    };
    news.iter().filter_map(text).collect()
}

#[test]
fn everyone_sees_one_order_and_private_words_stay_private() {
    let mut world = World::meeting(3);
    for kiosk in 0..3 {
        world.news(kiosk);
    }
    let second = world.peer(1);
    for round in 0..10 {
        for kiosk in 0..3 {
            let answer = world.ask(kiosk, say(vec![], &format!("{round} from {kiosk}")));
            assert!(matches!(answer, Some(Tell::Accepted { .. })));
        }
        world.ask(0, say(vec![second], &format!("{round} in private")));
        world.advance(Duration::from_secs(1));
    }
    let [host, member, other] = [0, 1, 2].map(|kiosk| heard(&world.news(kiosk)));
    assert_eq!(host.len(), 40);
    assert_eq!(host, member);
    let public: Vec<String> = host.iter().filter(|text| !text.ends_with("private")).cloned().collect();
    assert_eq!(other, public);
    world.end();
}

#[test]
fn the_author_learns_the_number_before_the_event() {
    let mut world = World::meeting(2);
    let next = world.kiosks[1].meeting.as_ref().unwrap().next;
    assert_eq!(world.ask(1, say(vec![], "hello")), Some(Tell::Accepted { number: next }));
    assert!(matches!(world.news(1).last(), Some(Tell::Event { number, .. }) if *number == next));
    world.end();
}

#[test]
fn messages_are_bounded() {
    let mut world = World::meeting(2);
    let ask = |class: &str, len| Ask::Opaque { class: class.into(), to: vec![], bytes: vec![0; len] };
    assert_eq!(world.error(1, ask("chat", 16 * 1024 + 1)), ErrorCode::TooLarge);
    assert_eq!(world.error(1, ask("12345678901234567", 1)), ErrorCode::TooLarge);
    assert_eq!(world.error(1, ask("", 1)), ErrorCode::Malformed);
    let own = world.peer(1);
    let many = Ask::Opaque { class: "chat".into(), to: vec![own; 10], bytes: vec![] };
    assert_eq!(world.error(1, many), ErrorCode::TooLarge);
    assert!(matches!(world.ask(1, ask("1234567890123456", 16 * 1024)), Some(Tell::Accepted { .. })));
    world.end();
}

#[test]
fn a_state_is_told_when_it_changes() {
    let mut world = World::meeting(2);
    let state = MemberState { muted: true, ..MemberState::default() };
    world.done(1, Ask::State { state });
    assert_eq!(world.roster_of(0).members[&world.peer(1)].state, state);
    let next = world.kiosks[0].meeting.as_ref().unwrap().next;
    world.done(1, Ask::State { state });
    assert_eq!(world.kiosks[0].meeting.as_ref().unwrap().next, next);
    world.end();
}

#[test]
fn only_the_host_asks_for_silence() {
    let mut world = World::meeting(3);
    let [host, member, _] = [0, 1, 2].map(|kiosk| world.peer(kiosk));
    assert_eq!(world.error(2, Ask::Mute { member }), ErrorCode::NotHost);
    world.done(0, Ask::Mute { member });
    assert_eq!(world.news(1).last(), Some(&Tell::MuteRequested { by: host }));
    assert!(!world.roster_of(0).members[&member].state.muted, "only its own word says that it is muted");
    assert_eq!(world.error(0, Ask::Mute { member: PeerId([9; 32]) }), ErrorCode::NoSuchMember);
    world.disconnect(1);
    assert_eq!(world.error(0, Ask::Mute { member }), ErrorCode::NoSuchMember);
    world.end();
}

#[test]
fn a_break_loses_nothing() {
    let mut world = World::meeting(3);
    let streams = world.roster_of(0).members[&world.peer(1)].streams;
    world.disconnect(1);
    assert!(!world.roster_of(0).members[&world.peer(1)].present);
    let second = world.peer(1);
    world.ask(0, say(vec![], "public"));
    world.ask(0, say(vec![second], "for you"));
    world.ask(0, say(vec![world.peer(2)], "not for you"));
    world.done(2, Ask::Leave);
    world.join(0, 2);
    world.advance(Duration::from_secs(119));
    world.connect(1);
    world.news(1);
    let kept = world.kiosks[1].kept.as_ref().unwrap().next;
    let Some(Tell::Entered(entered)) = world.resume(1) else { panic!("not back") };
    assert_eq!(entered.next_event, kept);
    assert_eq!(heard(&world.news(1)), ["public", "for you"]);
    let member = &world.roster_of(0).members[&world.peer(1)];
    assert_eq!((member.streams, member.present), (streams, true));
    world.end();
}

#[test]
fn a_break_that_is_too_long_for_the_log_says_what_is_missing() {
    let config = RoomsConfig { log_events: 10, ..RoomsConfig::default() };
    let mut world = World::with(3, config);
    world.start(0);
    world.join(0, 1);
    world.join(0, 2);
    world.disconnect(1);
    for n in 0..30 {
        world.ask(0, say(vec![], &n.to_string()));
    }
    world.connect(1);
    world.news(1);
    let kept = world.kiosks[1].kept.as_ref().unwrap().next;
    let Some(Tell::Entered(entered)) = world.resume(1) else { panic!("not back") };
    assert!(entered.next_event > kept);
    assert_eq!(heard(&world.news(1)).len(), 10);
    world.end();
}

#[test]
fn an_absurd_last_event_is_survived() {
    let mut world = World::meeting(2);
    for last_event in [0, 1, 1 << 60, u64::MAX] {
        world.connect(1);
        let kept = world.kiosks[1].kept.as_ref().unwrap().entered.clone();
        let ask = Ask::Resume { room: kept.room, admission: kept.admission, last_event };
        assert!(matches!(world.ask(1, ask), Some(Tell::Entered(_))));
        world.advance(Duration::from_secs(1));
    }
    world.end();
}

#[test]
fn what_was_said_before_a_member_came_is_not_its_to_know() {
    let mut world = World::new(2);
    world.start(0);
    world.ask(0, say(vec![], "before"));
    world.join(0, 1);
    world.connect(1);
    let kept = world.kiosks[1].kept.as_ref().unwrap().entered.clone();
    world.news(1);
    world.ask(1, Ask::Resume { room: kept.room, admission: kept.admission, last_event: 0 });
    assert!(world.is_in(1));
    assert_eq!(heard(&world.news(1)), [""; 0]);
    world.end();
}

#[test]
fn a_lost_member_is_given_up_after_its_grace_and_may_still_return() {
    let mut world = World::meeting(2);
    world.disconnect(1);
    world.advance(Duration::from_secs(121));
    let lost = RoomEvent::Left { member: world.peer(1), why: LeftWhy::Lost };
    assert!(matches!(world.news(0).last(), Some(Tell::Event { event, .. }) if *event == lost));
    world.connect(1);
    assert!(matches!(world.resume(1), Some(Tell::Entered(_))));
    assert_eq!(world.roster_of(0).members.len(), 2);
    world.end();
}

#[test]
fn nobody_is_told_before_the_media_is_cut_off() {
    let mut world = World::meeting(3);
    world.confirms = false;
    let removal = world.removal(0, 1);
    for kiosk in 0..3 {
        world.news(kiosk);
    }
    assert_eq!(world.ask(0, Ask::Remove { removal }), None);
    assert_eq!(world.ask(2, Ask::Leave), None);
    assert_eq!((world.news(0), world.news(1), world.news(2)), (vec![], vec![], vec![]));
    // On the way out, nothing more is heard or said.
    world.ask(0, say(vec![], "secret"));
    assert_eq!((world.news(1), world.news(2)), (vec![], vec![]));
    assert_eq!(world.error(1, say(vec![], "still here")), ErrorCode::NotInRoom);
    let code = world.code_of(0);
    assert_eq!(world.error(2, Ask::Knock { code }), ErrorCode::Busy);
    world.confirm_one();
    world.drain();
    assert!(matches!(world.news(1)[..], [Tell::Closed { why: ClosedWhy::Removed, .. }]));
    world.confirm_one();
    world.drain();
    assert!(world.kiosks[0].pending.is_empty() && world.kiosks[2].pending.is_empty());
    assert_eq!(world.roster_of(0).members.len(), 1);
    world.end();
}

#[test]
fn a_quick_reconnection_is_not_worth_telling() {
    let mut world = World::meeting(2);
    world.confirms = false;
    world.news(0);
    world.connect(1);
    assert!(matches!(world.resume(1), Some(Tell::Entered(_))));
    world.confirm_all();
    assert_eq!(world.news(0), []);
    world.end();
}

#[test]
fn a_member_that_is_lost_twice_is_away_once_it_is_cut_off_twice() {
    let mut world = World::meeting(2);
    world.confirms = false;
    world.news(0);
    world.connect(1);
    world.resume(1);
    world.disconnect(1);
    world.confirm_one();
    world.drain();
    assert_eq!(world.news(0), [], "its second connection is not cut off yet");
    world.confirm_one();
    world.drain();
    assert!(matches!(world.news(0)[..], [Tell::Event { event: RoomEvent::Away { .. }, .. }]));
    world.end();
}

#[test]
fn a_removed_member_stays_out_until_it_is_admitted_anew() {
    let mut world = World::meeting(3);
    let (room, second) = (world.room_of(0), world.peer(1));
    let old = world.kiosks[1].meeting.as_ref().unwrap().entered.admission;
    let forged = Removal::issue(&world.kiosks[2].identity, room, second, 500, 0);
    assert_eq!(world.error(2, Ask::Remove { removal: forged }), ErrorCode::NotHost);
    assert_eq!(world.error(0, Ask::Remove { removal: forged }), ErrorCode::Refused);
    let itself = world.removal(0, 0);
    assert_eq!(world.error(0, Ask::Remove { removal: itself }), ErrorCode::Refused);
    let stale = Removal::issue(&world.kiosks[0].identity, room, second, 0, 0);
    assert_eq!(
        world.error(0, Ask::Remove { removal: stale }),
        ErrorCode::Refused,
        "it would not keep it out"
    );
    let removal = world.removal(0, 1);
    world.done(0, Ask::Remove { removal });
    assert!(matches!(world.news(1).last(), Some(Tell::Closed { why: ClosedWhy::Removed, .. })));
    assert!(world.roster_of(2).removals.contains_key(&second));
    assert_eq!(world.routed.len(), 2);
    assert_eq!(world.error(1, Ask::Resume { room, admission: old, last_event: 0 }), ErrorCode::Removed);
    let code = world.code_of(0);
    let knock = world.knock(1, code);
    assert_eq!(world.error(0, Ask::Approve { knock, admission: old }), ErrorCode::Refused);
    world.approve(0, 1, knock);
    assert_eq!(world.roster_of(0).members.len(), 3);
    world.end();
}

#[test]
fn one_who_is_away_or_gone_can_be_removed_too() {
    let mut world = World::meeting(3);
    world.disconnect(1);
    world.done(2, Ask::Leave);
    for gone in [1, 2] {
        let removal = world.removal(0, gone);
        world.done(0, Ask::Remove { removal });
    }
    assert_eq!(world.roster_of(0).members.len(), 1);
    world.connect(1);
    for gone in [1, 2] {
        let resume = world.resume_ask(gone);
        assert_eq!(world.error(gone, resume), ErrorCode::Removed);
    }
    world.end();
}

#[test]
fn removing_one_who_is_just_leaving_or_being_lost_answers_everyone() {
    let mut world = World::meeting(3);
    world.confirms = false;
    world.ask(1, Ask::Leave);
    let leaving = world.removal(0, 1);
    assert_eq!(world.ask(0, Ask::Remove { removal: leaving }), None);
    world.disconnect(2);
    let lost = world.removal(0, 2);
    assert_eq!(world.ask(0, Ask::Remove { removal: lost }), None);
    world.confirm_all();
    assert_eq!(world.roster_of(0).removals.len(), 2);
    world.end();
}

#[test]
fn the_end_is_for_all_and_leaves_nothing() {
    let mut world = World::meeting(3);
    world.add_kiosk();
    let code = world.code_of(0);
    let knock = world.knock(3, code);
    world.disconnect(2);
    assert_eq!(world.error(1, Ask::End), ErrorCode::NotHost);
    world.done(0, Ask::End);
    assert!(matches!(world.news(1).last(), Some(Tell::Closed { why: ClosedWhy::Ended, .. })));
    let denied = Tell::Denied { knock, why: vestibule_common::control::DeniedWhy::Ended };
    assert_eq!(world.news(3), [denied]);
    assert_eq!(world.routed.len(), 0);
    assert_eq!((world.rooms.room_count(), world.leftovers()), (0, 6), "three connections and their peers");
    world.end();
}

#[test]
fn the_end_waits_for_every_cut() {
    let mut world = World::meeting(3);
    world.confirms = false;
    world.disconnect(2);
    world.news(1);
    assert_eq!(world.ask(0, Ask::End), None);
    for _ in 0..2 {
        world.confirm_one();
        world.drain();
        assert_eq!(world.news(1), []);
    }
    world.confirm_one();
    world.drain();
    assert!(!world.is_in(0) && !world.is_in(1));
    world.end();
}

#[test]
fn a_meeting_is_not_opened_again_before_its_end_is_certain() {
    let mut world = World::meeting(2);
    world.confirms = false;
    world.ask(0, Ask::Leave);
    world.confirm_one();
    world.drain();
    let reopen = world.reopen_ask(0);
    assert_eq!(world.error(0, reopen.clone()), ErrorCode::Busy, "its guest is still being cut off");
    world.confirm_all();
    assert!(matches!(world.ask(0, reopen), Some(Tell::Entered(_))));
    world.end();
}

#[test]
fn empty_rooms_vanish() {
    let mut world = World::meeting(2);
    let code = world.code_of(0);
    world.done(1, Ask::Leave);
    world.done(0, Ask::Leave);
    assert_eq!(world.rooms.room_count(), 0);
    world.ask(1, Ask::Knock { code });
    world.advance(PATIENCE);

    let mut deserted = World::meeting(2);
    deserted.disconnect(0);
    deserted.disconnect(1);
    deserted.advance(Duration::from_secs(119));
    assert_eq!(deserted.rooms.room_count(), 1);
    deserted.advance(Duration::from_secs(2));
    assert_eq!((deserted.rooms.room_count(), deserted.leftovers()), (0, 0));
    world.end();
}
