//! The host is lost, leaves, comes back.

use vestibule_common::control::{ClosedWhy, DeniedWhy};

use super::*;

#[test]
fn a_lost_host_is_waited_for_then_its_heir_hosts() {
    let mut world = World::meeting(4);
    for heir in [1, 2] {
        let succession = world.succession(0, heir);
        world.done(0, Ask::NameSuccessor { succession });
    }
    world.done(3, Ask::Leave);
    world.disconnect(0);
    let code = world.code_of(1);
    let knock = world.knock(3, code);
    // The one that was named last is away itself.
    world.disconnect(2);
    world.advance(Duration::from_secs(59));
    assert_eq!(world.kiosks[1].meeting.as_ref().unwrap().host(), world.peer(0));
    world.news(1);
    world.advance(Duration::from_secs(2));
    assert_eq!(world.kiosks[1].meeting.as_ref().unwrap().host(), world.peer(1));
    assert!(matches!(world.news(1)[..], [
        Tell::Event { event: RoomEvent::HostChanged { .. }, .. },
        Tell::KnockArrived { knock: shown, .. },
    ] if shown == knock));
    world.approve(1, 3, knock);
    // The old host comes back as a plain member.
    world.connect(0);
    assert!(matches!(world.resume(0), Some(Tell::Entered(_))));
    assert_eq!(world.error(0, Ask::Lock { locked: true }), ErrorCode::NotHost);
    let removal = world.removal(1, 0);
    world.done(1, Ask::Remove { removal });
    world.end();
}

#[test]
fn a_host_that_is_back_in_time_goes_on_hosting() {
    let mut world = World::meeting(2);
    let succession = world.succession(0, 1);
    world.done(0, Ask::NameSuccessor { succession });
    world.add_kiosk();
    world.disconnect(0);
    let code = world.code_of(1);
    let knock = world.knock(2, code);
    world.advance(Duration::from_secs(59));
    world.connect(0);
    world.news(0);
    world.resume(0);
    assert!(matches!(world.news(0).last(), Some(Tell::KnockArrived { .. })));
    world.advance(Duration::from_secs(60));
    world.approve(0, 2, knock);
    world.end();
}

#[test]
fn without_an_heir_nothing_passes_and_knocks_time_out() {
    let mut world = World::meeting(3);
    world.done(2, Ask::Leave);
    world.disconnect(0);
    let code = world.code_of(1);
    let knock = world.knock(2, code);
    world.advance(Duration::from_secs(301));
    assert_eq!(world.news(2).last(), Some(&Tell::Denied { knock, why: DeniedWhy::TimedOut }));
    assert!(world.is_in(1), "the meeting goes on");
    assert_eq!(world.error(1, Ask::Lock { locked: true }), ErrorCode::NotHost);
    // Even after its place was given up, the host hosts when it returns.
    world.connect(0);
    world.resume(0);
    world.done(0, Ask::Lock { locked: true });
    world.end();
}

#[test]
fn an_heir_that_comes_back_late_hosts_at_once() {
    let mut world = World::meeting(3);
    let succession = world.succession(0, 2);
    world.done(0, Ask::NameSuccessor { succession });
    world.disconnect(2);
    world.disconnect(0);
    world.advance(Duration::from_secs(90));
    assert_eq!(world.kiosks[1].meeting.as_ref().unwrap().host(), world.peer(0));
    world.connect(2);
    world.resume(2);
    assert_eq!(world.kiosks[1].meeting.as_ref().unwrap().host(), world.peer(2));
    world.end();
}

#[test]
fn hosting_does_not_pass_by_a_word_older_than_what_the_host_signed_since() {
    let mut world = World::meeting(3);
    let old = world.succession(0, 1);
    world.done(0, Ask::NameSuccessor { succession: old });
    world.disconnect(1);
    world.add_kiosk();
    world.join(0, 3);
    let succession = world.succession(0, 2);
    world.done(0, Ask::NameSuccessor { succession });
    world.disconnect(0);
    world.disconnect(2);
    world.advance(Duration::from_secs(61));
    world.connect(1);
    world.resume(1);
    assert_eq!(world.kiosks[3].meeting.as_ref().unwrap().host(), world.peer(0), "the fourth would be out");
    assert!(world.is_in(1) && world.is_in(3));
    world.connect(3);
    assert!(matches!(world.resume(3), Some(Tell::Entered(_))));
    // One that was named anew since hosts as soon as it comes.
    world.connect(2);
    world.resume(2);
    assert_eq!(world.kiosks[3].meeting.as_ref().unwrap().host(), world.peer(2));
    world.end();
}

#[test]
fn a_host_that_leaves_passes_hosting_at_once() {
    let mut world = World::meeting(3);
    let succession = world.succession(0, 1);
    world.done(0, Ask::NameSuccessor { succession });
    world.done(0, Ask::Leave);
    assert_eq!(world.kiosks[2].meeting.as_ref().unwrap().host(), world.peer(1));
    // It comes back by its admission, as a plain member.
    world.resume(0);
    assert_eq!(world.error(0, Ask::End), ErrorCode::NotHost);
    world.done(1, Ask::End);
    world.end();
}

#[test]
fn a_host_that_leaves_without_an_heir_ends_the_meeting() {
    let mut world = World::meeting(3);
    let succession = world.succession(0, 1);
    world.done(0, Ask::NameSuccessor { succession });
    world.disconnect(1);
    world.done(0, Ask::Leave);
    assert!(matches!(world.news(2).last(), Some(Tell::Closed { why: ClosedWhy::Ended, .. })));
    assert_eq!(world.rooms.room_count(), 0);
    world.end();
}

#[test]
fn only_the_host_names_its_successor_among_the_members() {
    let mut world = World::meeting(3);
    let room = world.room_of(0);
    let own = Succession::issue(&world.kiosks[1].identity, room, world.peer(1), 50);
    assert_eq!(world.error(1, Ask::NameSuccessor { succession: own }), ErrorCode::NotHost);
    assert_eq!(world.error(0, Ask::NameSuccessor { succession: own }), ErrorCode::Refused);
    let stranger = Succession::issue(&world.kiosks[0].identity, room, PeerId([9; 32]), 50);
    assert_eq!(world.error(0, Ask::NameSuccessor { succession: stranger }), ErrorCode::NoSuchMember);
    let itself = world.succession(0, 0);
    assert_eq!(world.error(0, Ask::NameSuccessor { succession: itself }), ErrorCode::Refused);
    // A successor that is removed is none any more, not even when it is admitted again.
    let succession = world.succession(0, 1);
    world.done(0, Ask::NameSuccessor { succession });
    let removal = world.removal(0, 1);
    world.done(0, Ask::Remove { removal });
    world.join(0, 1);
    world.disconnect(0);
    world.advance(Duration::from_secs(61));
    assert_eq!(world.kiosks[1].meeting.as_ref().unwrap().host(), world.peer(0));
    world.end();
}

#[test]
fn hosting_passes_a_bounded_number_of_times() {
    let mut world = World::meeting(2);
    let mut host = 0;
    for _ in 0..super::super::roster::MAX_SUCCESSIONS {
        let heir = 1 - host;
        let succession = world.succession(host, heir);
        world.done(host, Ask::NameSuccessor { succession });
        world.done(host, Ask::Leave);
        assert!(matches!(world.resume(host), Some(Tell::Entered(_))));
        host = heir;
        world.advance(Duration::from_secs(1));
    }
    let succession = world.succession(host, 1 - host);
    assert_eq!(world.error(host, Ask::NameSuccessor { succession }), ErrorCode::Full);
    world.end();
}

#[test]
fn whoever_was_away_when_a_meeting_ended_is_told_so() {
    let mut world = World::meeting(3);
    world.disconnect(2);
    world.done(0, Ask::End);
    world.connect(2);
    let again = world.resume_ask(2);
    assert_eq!(world.error(2, again.clone()), ErrorCode::Ended);
    let reopen = world.reopen_ask(0);
    assert_eq!(world.error(0, reopen), ErrorCode::Ended, "for all is for all");
    world.advance(Duration::from_secs(24 * 3600));
    assert_eq!(world.error(2, again), ErrorCode::WaitingForHost, "nothing is remembered for ever");
    world.end();
}

#[test]
fn a_meeting_that_was_left_has_ended_until_its_host_opens_it_again() {
    let mut world = World::meeting(2);
    world.disconnect(1);
    world.done(0, Ask::Leave);
    world.connect(1);
    let again = world.resume_ask(1);
    assert_eq!(world.error(1, again), ErrorCode::Ended);
    let reopen = world.reopen_ask(0);
    assert!(matches!(world.ask(0, reopen), Some(Tell::Entered(_))));
    assert!(matches!(world.resume(1), Some(Tell::Entered(_))));
    world.end();
}

#[test]
fn a_meeting_that_lost_everybody_waits_for_its_host() {
    let mut world = World::meeting(2);
    (0..2).for_each(|kiosk| world.disconnect(kiosk));
    world.advance(Duration::from_secs(200));
    (0..2).for_each(|kiosk| world.connect(kiosk));
    let again = world.resume_ask(1);
    assert_eq!(world.error(1, again), ErrorCode::WaitingForHost);
    let reopen = world.reopen_ask(0);
    assert!(matches!(world.ask(0, reopen), Some(Tell::Entered(_))));
    assert!(matches!(world.resume(1), Some(Tell::Entered(_))));
    world.end();
}
