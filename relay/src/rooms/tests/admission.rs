//! The door: who gets in, who does not, and what those who wait are told.

use vestibule_common::control::{DeniedWhy, KnockGoneWhy};

use super::*;

#[test]
fn a_knock_is_shown_to_the_host_and_approved() {
    let mut world = World::new(2);
    let room = world.start(0);
    let code = world.code_of(0);
    let answer = world.ask(1, Ask::Knock { code });
    let Some(Tell::Knocking { knock, host, host_name }) = answer else { panic!("{answer:?}") };
    assert_eq!((host, host_name.as_str()), (world.peer(0), "Room 0"));
    let shown = Tell::KnockArrived { knock, identity: world.peer(1), name: "Room 1".parse().unwrap() };
    assert_eq!(world.news(0).last(), Some(&shown));
    assert_eq!(world.news(1), [], "whoever waits is told nothing");
    assert_eq!(world.routed.len(), 1);
    world.approve(0, 1, knock);
    assert_eq!(world.room_of(1), room);
    assert_eq!(world.routed.len(), 2);
    assert_eq!(world.roster_of(0).members.len(), 2);
    world.end();
}

#[test]
fn a_waiting_kiosk_sees_nothing_of_the_meeting() {
    let mut world = World::meeting(2);
    world.add_kiosk();
    let code = world.code_of(0);
    world.knock(2, code);
    world.news(2);
    world.ask(0, Ask::Opaque { class: "chat".into(), to: vec![], bytes: vec![1] });
    world.done(
        1,
        Ask::State {
            state: vestibule_common::control::MemberState {
                muted: true,
                camera_off: true,
                ..Default::default()
            },
        },
    );
    world.disconnect(1);
    assert_eq!(world.news(2), []);
    let stranger = world.peer(2);
    let refused = world.error(0, Ask::Opaque { class: "chat".into(), to: vec![stranger], bytes: vec![1] });
    assert_eq!(refused, ErrorCode::NoSuchMember);
    for ask in [
        Ask::Leave,
        Ask::Opaque { class: "chat".into(), to: vec![], bytes: vec![1] },
        Ask::State { state: Default::default() },
        Ask::Lock { locked: true },
        Ask::End,
    ] {
        assert_eq!(world.error(2, ask), ErrorCode::NotInRoom);
    }
    world.end();
}

#[test]
fn only_the_host_answers_knocks_and_only_with_its_own_word() {
    let mut world = World::meeting(2);
    world.add_kiosk();
    world.add_kiosk();
    let (room, code) = (world.room_of(0), world.code_of(0));
    let knock = world.knock(2, code);
    let now_ms = world.wall_ms();
    let [host, member, guest, other] = [0, 1, 2, 3].map(|n| world.kiosks[n].identity.peer());
    let sign = |world: &World, by: usize, room, who, role, serial, ms| {
        Admission::issue(&world.kiosks[by].identity, room, who, role, serial, ms)
    };
    let good = sign(&world, 0, room, guest, Role::Member, 100, now_ms);
    assert_eq!(world.error(1, Ask::Approve { knock, admission: good }), ErrorCode::NotHost);
    assert_eq!(world.error(1, Ask::Deny { knock }), ErrorCode::NotHost);
    let bad = [
        sign(&world, 1, room, guest, Role::Member, 100, now_ms),
        sign(&world, 0, room, other, Role::Member, 100, now_ms),
        sign(&world, 0, room, member, Role::Member, 100, now_ms),
        sign(&world, 0, room, host, Role::Member, 100, now_ms),
        sign(&world, 0, RoomId([1; 16]), guest, Role::Member, 100, now_ms),
        sign(&world, 0, room, guest, Role::Host, 100, now_ms),
        sign(&world, 0, room, guest, Role::Member, 100, now_ms - Admission::VALID_MS),
        Admission { serial: 101, ..good },
    ];
    for admission in bad {
        assert_eq!(world.error(0, Ask::Approve { knock, admission }), ErrorCode::Refused);
    }
    let unknown = KnockId([9; 8]);
    assert_eq!(world.error(0, Ask::Approve { knock: unknown, admission: good }), ErrorCode::KnockGone);
    assert!(!world.is_in(2), "and still it waits");
    world.approve(0, 2, knock);
    assert_eq!(world.error(0, Ask::Approve { knock, admission: good }), ErrorCode::KnockGone);
    world.end();
}

#[test]
fn a_cancelled_knock_admits_nobody() {
    let mut world = World::new(2);
    let room = world.start(0);
    let code = world.code_of(0);
    let knock = world.knock(1, code);
    assert_eq!(world.error(1, Ask::Cancel { knock: KnockId([1; 8]) }), ErrorCode::KnockGone);
    world.done(1, Ask::Cancel { knock });
    let gone = Tell::KnockGone { knock, why: KnockGoneWhy::Cancelled };
    assert_eq!(world.news(0).last(), Some(&gone));
    let admission = world.admission(0, room, 1, Role::Member);
    assert_eq!(world.error(0, Ask::Approve { knock, admission }), ErrorCode::KnockGone);
    assert_eq!(world.error(1, Ask::Cancel { knock }), ErrorCode::KnockGone);
    // A new knock has a new id; the old approval does not fit it.
    let again = world.knock(1, code);
    assert_ne!(again, knock);
    assert_eq!(world.error(0, Ask::Approve { knock, admission }), ErrorCode::KnockGone);
    world.approve(0, 1, again);
    assert_eq!(world.error(1, Ask::Cancel { knock: again }), ErrorCode::KnockGone);
    world.end();
}

#[test]
fn a_knock_ends_with_its_connection() {
    let mut world = World::new(2);
    let room = world.start(0);
    let code = world.code_of(0);
    let knock = world.knock(1, code);
    world.connect(1);
    assert_eq!(world.news(0).last(), Some(&Tell::KnockGone { knock, why: KnockGoneWhy::Lost }));
    let admission = world.admission(0, room, 1, Role::Member);
    assert_eq!(world.error(0, Ask::Approve { knock, admission }), ErrorCode::KnockGone);
    assert!(!world.is_in(1));
    world.end();
}

#[test]
fn a_knock_that_nobody_answers_times_out() {
    let mut world = World::new(2);
    world.start(0);
    let code = world.code_of(0);
    let knock = world.knock(1, code);
    world.advance(Duration::from_secs(299));
    assert_eq!(world.news(1), []);
    world.advance(Duration::from_secs(2));
    assert_eq!(world.news(1), [Tell::Denied { knock, why: DeniedWhy::TimedOut }]);
    assert_eq!(world.news(0).last(), Some(&Tell::KnockGone { knock, why: KnockGoneWhy::TimedOut }));
    world.knock(1, code);
    world.end();
}

#[test]
fn two_denials_silence_an_identity_for_this_meeting() {
    let mut world = World::new(3);
    world.start(0);
    world.start(2);
    let code = world.code_of(0);
    for _ in 0..2 {
        let knock = world.knock(1, code);
        world.done(0, Ask::Deny { knock });
        assert_eq!(world.news(1), [Tell::Denied { knock, why: DeniedWhy::Denied }]);
    }
    assert_eq!(world.error(1, Ask::Knock { code }), ErrorCode::Silenced);
    let elsewhere = world.code_of(2);
    world.knock(1, elsewhere);
    world.end();
}

#[test]
fn an_approval_forgets_a_denial() {
    let mut world = World::new(2);
    world.start(0);
    let code = world.code_of(0);
    let knock = world.knock(1, code);
    world.done(0, Ask::Deny { knock });
    world.join(0, 1);
    world.done(1, Ask::Leave);
    let knock = world.knock(1, code);
    world.done(0, Ask::Deny { knock });
    world.knock(1, code);
    world.end();
}

#[test]
fn a_locked_meeting_keeps_newcomers_out() {
    let mut world = World::new(3);
    world.start(0);
    world.join(0, 2);
    let code = world.code_of(0);
    let knock = world.knock(1, code);
    assert_eq!(world.error(2, Ask::Lock { locked: true }), ErrorCode::NotHost);
    world.done(0, Ask::Lock { locked: true });
    world.done(0, Ask::Lock { locked: true });
    assert_eq!(world.news(1), [Tell::Denied { knock, why: DeniedWhy::Locked }]);
    assert_eq!(world.error(1, Ask::Knock { code }), ErrorCode::Locked);
    assert!(world.roster_of(2).locked);
    // Whoever was let in before is no newcomer.
    world.connect(2);
    assert!(matches!(world.resume(2), Some(Tell::Entered(_))));
    world.done(0, Ask::Lock { locked: false });
    world.join(0, 1);
    world.end();
}

#[test]
fn a_full_meeting_is_full_at_the_door_and_at_the_approval() {
    let config = RoomsConfig { members_per_room: 2, ..RoomsConfig::default() };
    let mut world = World::with(4, config);
    let room = world.start(0);
    let code = world.code_of(0);
    let (first, second) = (world.knock(1, code), world.knock(2, code));
    world.approve(0, 1, first);
    let admission = world.admission(0, room, 2, Role::Member);
    assert_eq!(world.error(0, Ask::Approve { knock: second, admission }), ErrorCode::Full);
    assert_eq!(world.news(2), [Tell::Denied { knock: second, why: DeniedWhy::Full }]);
    assert_eq!(world.error(3, Ask::Knock { code }), ErrorCode::Full);
    // A place that is kept is taken; an admission that was signed and never took effect opens no door.
    world.disconnect(1);
    assert_eq!(world.error(3, Ask::Knock { code }), ErrorCode::Full);
    assert_eq!(world.error(2, Ask::Resume { room, admission, last_event: 0 }), ErrorCode::Refused);
    world.connect(1);
    assert!(matches!(world.resume(1), Some(Tell::Entered(_))));
    world.end();
}

#[test]
fn one_place_at_a_time() {
    let mut world = World::meeting(2);
    let code = world.code_of(0);
    assert_eq!(world.error(1, Ask::Knock { code }), ErrorCode::Busy);
    let founding = world.founding(1);
    let admission = world.admission(1, founding.room(), 1, Role::Host);
    assert_eq!(world.error(1, Ask::Create { founding, admission }), ErrorCode::Busy);
    world.add_kiosk();
    world.knock(2, code);
    assert_eq!(world.error(2, Ask::Knock { code }), ErrorCode::Busy);
    world.end();
}

#[test]
fn a_founder_must_be_who_asks_and_its_room_new() {
    let mut world = World::new(2);
    let founding = world.founding(0);
    let room = founding.room();
    let own = world.admission(0, room, 0, Role::Host);
    let as_member = world.admission(0, room, 0, Role::Member);
    let other = world.admission(1, room, 1, Role::Host);
    world.admitted.clear();
    for (kiosk, admission) in [(1, own), (1, other), (0, as_member), (0, other)] {
        assert_eq!(world.error(kiosk, Ask::Create { founding, admission }), ErrorCode::Refused);
    }
    world.admitted.insert((room, world.peer(0)));
    assert!(matches!(world.ask(0, Ask::Create { founding, admission: own }), Some(Tell::Entered(_))));
    world.connect(0);
    assert_eq!(world.error(0, Ask::Create { founding, admission: own }), ErrorCode::Refused);
    world.end();
}

#[test]
fn a_stolen_admission_is_useless() {
    let mut world = World::meeting(2);
    world.add_kiosk();
    let room = world.room_of(1);
    let stolen = world.kiosks[1].meeting.as_ref().unwrap().entered.admission;
    let resume = |admission| Ask::Resume { room, admission, last_event: 0 };
    assert_eq!(world.error(2, resume(stolen)), ErrorCode::Refused);
    let renamed = Admission { member: world.peer(2), ..stolen };
    assert_eq!(world.error(2, resume(renamed)), ErrorCode::Refused);
    let thief = &world.kiosks[2].identity;
    let own = Admission::issue(thief, room, thief.peer(), Role::Member, 99, world.wall_ms());
    assert_eq!(world.error(2, resume(own)), ErrorCode::Refused);
    world.end();
}

#[test]
fn an_admission_expires() {
    let mut world = World::meeting(2);
    world.disconnect(1);
    let later = world.wall_ms() + Admission::VALID_MS;
    world.rooms.set_wall_clock(later, world.now);
    world.connect(1);
    let resume = world.resume_ask(1);
    assert_eq!(world.error(1, resume), ErrorCode::Refused);
    world.end();
}

#[test]
fn a_member_that_lost_its_admission_may_knock_again() {
    let mut world = World::meeting(2);
    let before = world.roster_of(0).members[&world.peer(1)].streams;
    world.connect(1);
    assert!(!world.roster_of(0).members[&world.peer(1)].present);
    world.join(0, 1);
    assert_eq!(world.roster_of(0).members.len(), 2);
    assert_ne!(world.roster_of(0).members[&world.peer(1)].streams, before);
    // Its old deadline does not throw it out.
    world.advance(Duration::from_secs(500));
    assert!(world.is_in(1));
    world.end();
}
