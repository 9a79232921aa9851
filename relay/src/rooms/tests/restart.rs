//! The relay was killed and started again.

use vestibule_common::control::ClosedWhy;

use super::*;

/// A meeting of three, and then a new relay; everyone is connected to it and in no room.
fn restarted() -> World {
    let mut world = World::meeting(3);
    world.restart();
    (0..3).for_each(|kiosk| world.connect(kiosk));
    world
}

#[test]
fn members_wait_until_the_host_brings_the_meeting_back() {
    let mut world = restarted();
    let (code, next) = {
        let kept = world.kiosks[0].kept.as_ref().unwrap();
        (kept.entered.code, kept.next)
    };
    let Some(Tell::Error(error)) = world.resume(1) else { panic!("entered") };
    assert_eq!((error.code, error.retry_after_ms), (ErrorCode::WaitingForHost, Some(1000)));
    let reopen = world.reopen_ask(0);
    let Some(Tell::Entered(entered)) = world.ask(0, reopen) else { panic!("not reopened") };
    assert_eq!((entered.code, entered.next_event), (code, next + 1));
    assert_eq!(world.roster_of(0).members.values().filter(|member| member.present).count(), 1);
    for member in [1, 2] {
        assert!(matches!(world.resume(member), Some(Tell::Entered(_))));
    }
    assert_eq!(world.roster_of(0).members.values().filter(|member| member.present).count(), 3);
    assert_eq!(world.streams.len(), 3, "every member has its own streams");
    world.end();
}

#[test]
fn members_that_do_not_come_back_are_given_up() {
    let mut world = restarted();
    let reopen = world.reopen_ask(0);
    world.ask(0, reopen);
    world.resume(1);
    world.advance(Duration::from_secs(121));
    assert_eq!(world.roster_of(1).members.len(), 2);
    world.end();
}

#[test]
fn nobody_but_the_host_brings_a_meeting_back() {
    let mut world = restarted();
    let Ask::Reopen { founding, code, admission, members, next_event, .. } = world.reopen_ask(0) else {
        unreachable!()
    };
    let ask = |founding, successions, admission| Ask::Reopen {
        founding,
        successions,
        code,
        admission,
        members: members.clone(),
        removals: vec![],
        locked: false,
        next_event,
    };
    let own = world.kiosks[1].kept.as_ref().unwrap().entered.admission;
    assert_eq!(world.error(1, ask(founding, vec![], own)), ErrorCode::NotHost);
    assert_eq!(world.error(1, ask(founding, vec![], admission)), ErrorCode::NotHost);
    let room = founding.room();
    let forged = Succession::issue(&world.kiosks[1].identity, room, world.peer(1), 90);
    assert_eq!(world.error(1, ask(founding, vec![forged], own)), ErrorCode::Refused);
    let other = Founding { founder: world.peer(1), ..founding };
    assert_eq!(world.error(1, ask(other, vec![], own)), ErrorCode::Refused, "another room altogether");
    let absurd = Ask::Reopen {
        founding,
        successions: vec![],
        code,
        admission,
        members: vec![],
        removals: vec![],
        locked: false,
        next_event: u64::MAX,
    };
    assert_eq!(world.error(0, absurd), ErrorCode::TooLarge);
    world.end();
}

#[test]
fn what_does_not_hold_is_left_out() {
    let mut world = World::meeting(3);
    let removal = world.removal(0, 2);
    world.done(0, Ask::Remove { removal });
    let removed = world.kiosks[2].kept.as_ref().unwrap().entered.admission;
    world.restart();
    (0..3).for_each(|kiosk| world.connect(kiosk));
    let Ask::Reopen { founding, code, admission, mut members, mut removals, next_event, .. } =
        world.reopen_ask(0)
    else {
        unreachable!()
    };
    assert_eq!((members.len(), removals.len()), (1, 1));
    members.push(("Removed".parse().unwrap(), removed));
    members.push(("Forged".parse().unwrap(), Admission { member: PeerId([8; 32]), ..members[0].1 }));
    removals.push(Removal { member: world.peer(1), ..removals[0] });
    let ask = Ask::Reopen {
        founding,
        successions: vec![],
        code,
        admission,
        members,
        removals,
        locked: true,
        next_event,
    };
    let Some(Tell::Entered(entered)) = world.ask(0, ask) else { panic!("not reopened") };
    assert_eq!(entered.members.len(), 2);
    assert_eq!(entered.removals.len(), 1);
    assert!(entered.locked);
    assert!(matches!(world.resume(1), Some(Tell::Entered(_))));
    let resume = world.resume_ask(2);
    assert_eq!(world.error(2, resume), ErrorCode::Removed);
    world.end();
}

/// What `kiosk` asks to bring its meeting back, but with another code.
fn with_code(world: &World, kiosk: usize, wanted: RoomCode) -> Ask {
    let Ask::Reopen { founding, successions, admission, members, removals, locked, next_event, .. } =
        world.reopen_ask(kiosk)
    else {
        unreachable!()
    };
    Ask::Reopen { founding, successions, code: wanted, admission, members, removals, locked, next_event }
}

#[test]
fn nobody_gets_the_code_of_another_meeting() {
    let mut world = restarted();
    let wanted = world.kiosks[0].kept.as_ref().unwrap().entered.code;
    // A former guest brings a meeting of its own back and claims the code of the one it was in.
    world.start(1);
    world.connect(1);
    world.advance(Duration::from_secs(200));
    let squat = with_code(&world, 1, wanted);
    assert!(matches!(world.ask(1, squat), Some(Tell::Entered(_))));
    assert_ne!(world.code_of(1), wanted);
    let reopen = world.reopen_ask(0);
    assert!(matches!(world.ask(0, reopen), Some(Tell::Entered(_))));
    assert_eq!(world.code_of(0), wanted);
    world.end();
}

#[test]
fn what_is_given_instead_of_a_claimed_code_tells_nothing() {
    for number in [1, 2, 3] {
        let mut world = World::new(2);
        world.start(0);
        let in_use = world.code_of(0);
        let free = RoomCode::new(number).filter(|code| *code != in_use).unwrap();
        for claimed in [in_use, free] {
            world.start(1);
            world.connect(1);
            world.advance(Duration::from_secs(200));
            let ask = with_code(&world, 1, claimed);
            assert!(matches!(world.ask(1, ask), Some(Tell::Entered(_))));
            assert_ne!(world.code_of(1), claimed);
            world.done(1, Ask::End);
        }
        world.end();
    }
}

#[test]
fn meetings_that_are_not_known_are_counted_like_wrong_codes() {
    let config = RoomsConfig { alarm_wrong_codes: 5, ..RoomsConfig::default() };
    let mut world = World::with(3, config);
    world.start(0);
    let claimed = RoomCode::new(7).unwrap();
    let unknown = |world: &mut World, kiosk: usize| {
        let founding = world.founding(kiosk);
        let admission = world.admission(kiosk, founding.room(), kiosk, Role::Host);
        let (successions, members, removals) = (vec![], vec![], vec![]);
        let (code, locked, next_event) = (claimed, false, 5);
        Ask::Reopen { founding, successions, code, admission, members, removals, locked, next_event }
    };
    for _ in 0..5 {
        let ask = unknown(&mut world, 1);
        assert!(matches!(world.ask(1, ask), Some(Tell::Entered(_))));
        world.done(1, Ask::End);
    }
    let ask = unknown(&mut world, 1);
    assert_eq!(world.error(1, ask), ErrorCode::TooFast);
    assert!(world.news(0).iter().any(|tell| matches!(tell, Tell::Alarm { .. })), "the host is told");
    // Its own meeting comes back whatever else was tried from there.
    world.kiosks[0].source = world.kiosks[1].source;
    world.restart();
    (0..2).for_each(|kiosk| world.connect(kiosk));
    for _ in 0..5 {
        let ask = unknown(&mut world, 1);
        assert!(matches!(world.ask(1, ask), Some(Tell::Entered(_))));
        world.done(1, Ask::End);
    }
    let reopen = world.reopen_ask(0);
    assert!(matches!(world.ask(0, reopen), Some(Tell::Entered(_))));
    world.end();
}

#[test]
fn one_address_opens_only_so_many_meetings() {
    let config = RoomsConfig { rooms_per_source: 2, ..RoomsConfig::default() };
    let mut world = World::with(4, config);
    for kiosk in 0..3 {
        world.kiosks[kiosk].source = world.kiosks[0].source;
        world.connect(kiosk);
    }
    world.start(0);
    world.start(1);
    world.disconnect(1);
    let founding = world.founding(2);
    let admission = world.admission(2, founding.room(), 2, Role::Host);
    assert_eq!(world.error(2, Ask::Create { founding, admission }), ErrorCode::Full, "a lost meeting counts");
    world.start(3);
    world.done(0, Ask::End);
    world.start(2);
    world.end();
}

#[test]
fn reopening_an_open_meeting_is_coming_back() {
    let mut world = World::meeting(2);
    world.connect(0);
    world.ask(1, Ask::Opaque { class: "chat".into(), to: vec![], bytes: vec![1] });
    let reopen = world.reopen_ask(0);
    let kept = world.kiosks[0].kept.as_ref().unwrap().next;
    let Some(Tell::Entered(entered)) = world.ask(0, reopen) else { panic!("not back") };
    assert_eq!(entered.next_event, kept);
    world.done(0, Ask::Lock { locked: true });
    world.end();
}

/// The founder was lost; the second room hosts, removed the third, admitted the fourth and locked. Then a new relay, to
/// which the founder's kiosk comes first: it knows nothing of all that.
fn brought_back_by_a_former_host() -> World {
    let mut world = World::meeting(3);
    let succession = world.succession(0, 1);
    world.done(0, Ask::NameSuccessor { succession });
    world.disconnect(0);
    world.advance(Duration::from_secs(61));
    assert_eq!(world.kiosks[2].meeting.as_ref().unwrap().host(), world.peer(1));
    let removal = world.removal(1, 2);
    world.done(1, Ask::Remove { removal });
    world.add_kiosk();
    world.join(1, 3);
    world.done(1, Ask::Lock { locked: true });
    world.restart();
    (0..4).for_each(|kiosk| world.connect(kiosk));
    let again = world.resume_ask(0);
    assert_eq!(world.error(0, again), ErrorCode::WaitingForHost);
    let stale = world.reopen_ask(0);
    assert!(matches!(world.ask(0, stale), Some(Tell::Entered(_))));
    world
}

#[test]
fn the_later_host_hosts_whoever_comes_first() {
    let mut world = brought_back_by_a_former_host();
    // The removed room comes in by the older meeting, and the later one's newcomer does not.
    assert!(matches!(world.resume(2), Some(Tell::Entered(_))));
    let again = world.resume_ask(3);
    assert_eq!(world.error(3, again), ErrorCode::Refused);
    // A guest of the former host, whose time is over.
    world.add_kiosk();
    world.join(0, 4);
    // The later host's kiosk asks to come back, sees less than it knows, and says what it knows.
    let whole = world.reopen_ask(1);
    assert!(matches!(world.resume(1), Some(Tell::Entered(_))));
    let Some(Tell::Entered(entered)) = world.ask(1, whole) else { panic!("not corrected") };
    assert_eq!((entered.successions.len(), entered.locked), (1, true));
    assert_eq!(world.kiosks[0].meeting.as_ref().unwrap().host(), world.peer(1));
    let members: Vec<PeerId> = world.roster_of(1).members.keys().copied().collect();
    assert!(members.contains(&world.peer(0)) && members.contains(&world.peer(1)) && members.len() == 2);
    for out in [2, 4] {
        assert!(matches!(world.news(out).last(), Some(Tell::Closed { why: ClosedWhy::Removed, .. })));
    }
    let again = world.resume_ask(2);
    assert_eq!(world.error(2, again), ErrorCode::Removed);
    let again = world.resume_ask(4);
    assert_eq!(world.error(4, again), ErrorCode::Refused);
    assert!(matches!(world.resume(3), Some(Tell::Entered(_))));
    assert_eq!(world.error(0, Ask::Lock { locked: false }), ErrorCode::NotHost);
    world.done(1, Ask::Lock { locked: false });
    world.end();
}

#[test]
fn the_later_host_may_reopen_from_outside_too() {
    let mut world = brought_back_by_a_former_host();
    let whole = world.reopen_ask(1);
    assert!(matches!(world.ask(1, whole), Some(Tell::Entered(_))));
    assert_eq!(world.kiosks[0].meeting.as_ref().unwrap().host(), world.peer(1));
    let again = world.resume_ask(2);
    assert_eq!(world.error(2, again), ErrorCode::Removed);
    assert!(matches!(world.resume(3), Some(Tell::Entered(_))));
    assert!(world.roster_of(0).locked);
    world.end();
}

#[test]
fn nobody_takes_hosting_back_by_an_older_chain() {
    let mut world = brought_back_by_a_former_host();
    let (old, whole) = (world.reopen_ask(0), world.reopen_ask(1));
    assert!(matches!(world.ask(1, whole), Some(Tell::Entered(_))));
    assert_eq!(world.error(0, old), ErrorCode::NotHost, "from inside");
    assert_eq!(world.kiosks[0].meeting.as_ref().unwrap().host(), world.peer(1));
    world.end();
}

#[test]
fn everyone_is_told_that_the_relay_stops() {
    let mut world = World::meeting(2);
    world.add_kiosk();
    world.rooms.handle_stopping(world.now);
    world.settle();
    for kiosk in 0..3 {
        assert_eq!(world.news(kiosk).last(), Some(&Tell::Stopping { why: StoppingWhy::Shutdown }));
    }
    let code = world.code_of(0);
    assert_eq!(world.error(2, Ask::Knock { code }), ErrorCode::Stopping);
    world.done(1, Ask::Leave);
    world.end();
}
