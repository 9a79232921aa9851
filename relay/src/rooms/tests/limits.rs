//! Wrong codes, floods, frame sizes, the status.

use vestibule_common::control::{Hello, MAX_FRAME};
use vestibule_common::signed::Signature;

use super::*;

fn code(number: u32) -> RoomCode {
    RoomCode::new(number).unwrap()
}

/// A code that leads nowhere.
fn wrong_code(world: &World) -> RoomCode {
    (0..).map(code).find(|code| world.rooms.codes.find(*code).is_none()).unwrap()
}

/// Tries a code and returns the answer and after how many milliseconds it came.
fn try_code(world: &mut World, kiosk: usize, code: RoomCode) -> (Option<ErrorCode>, u64, Option<u64>) {
    let request = u32::try_from(world.fresh + 1).unwrap();
    let started = world.now;
    let mut answer = world.ask(kiosk, Ask::Knock { code });
    while answer.is_none() {
        assert!(world.now.since(started) < PATIENCE);
        world.advance(Duration::from_millis(10));
        answer = world.kiosks[kiosk].answers.remove(&request);
    }
    let ms = u64::try_from(world.now.since(started).as_millis()).unwrap();
    match answer {
        Some(Tell::Error(error)) => (Some(error.code), ms, error.retry_after_ms),
        _ => (None, ms, None),
    }
}

#[test]
fn wrong_and_former_codes_are_answered_alike_and_slowly() {
    let mut world = World::new(2);
    world.start(0);
    let former = world.code_of(0);
    world.done(0, Ask::End);
    let wrong = wrong_code(&world);
    assert_eq!(try_code(&mut world, 1, wrong), (Some(ErrorCode::NoSuchRoom), 1000, None));
    assert_eq!(try_code(&mut world, 1, former), (Some(ErrorCode::NoSuchRoom), 1000, None));
    world.end();
}

#[test]
fn while_an_answer_is_held_back_there_is_no_second_try() {
    let mut world = World::new(2);
    world.start(0);
    let (wrong, right) = (wrong_code(&world), world.code_of(0));
    assert_eq!(world.ask(1, Ask::Knock { code: wrong }), None);
    assert_eq!(world.error(1, Ask::Knock { code: right }), ErrorCode::Busy);
    world.end();
}

#[test]
fn a_limited_source_cannot_tell_right_codes_from_wrong_ones() {
    let mut world = World::new(3);
    world.start(0);
    let (wrong, right) = (wrong_code(&world), world.code_of(0));
    // The second kiosk is another identity at the same address.
    world.kiosks[2].source = SocketAddr::from(([10, 0, 0, 2], 50_000));
    world.connect(2);
    for _ in 0..5 {
        assert_eq!(try_code(&mut world, 1, wrong).0, Some(ErrorCode::NoSuchRoom));
    }
    for kiosk in [1, 2] {
        for code in [right, wrong] {
            let (error, ms, retry) = try_code(&mut world, kiosk, code);
            assert_eq!((error, ms), (Some(ErrorCode::TooManyAttempts), 1000));
            assert!((1..12_000).contains(&retry.unwrap()));
        }
    }
    let (_, _, retry) = try_code(&mut world, 1, right);
    world.advance(Duration::from_millis(retry.unwrap()));
    assert_eq!(try_code(&mut world, 1, right).0, None, "it may knock when it was told that it may");
    world.end();
}

#[test]
fn hosts_are_alarmed_when_wrong_codes_pile_up() {
    let mut world = World::new(5);
    world.start(0);
    let wrong = wrong_code(&world);
    for round in 0..10 {
        assert_eq!(try_code(&mut world, 1 + round % 4, wrong).0, Some(ErrorCode::NoSuchRoom));
    }
    let alarms =
        world.news(0).into_iter().filter(|tell| matches!(tell, Tell::Alarm { .. })).collect::<Vec<_>>();
    assert_eq!(alarms, [Tell::Alarm { wrong_codes: 10, within_ms: 60_000 }]);
    world.end();
}

#[test]
fn a_flood_is_answered_with_too_fast() {
    let mut world = World::meeting(2);
    world.advance(Duration::from_secs(60));
    let state =
        |muted| Ask::State { state: vestibule_common::control::MemberState { muted, ..Default::default() } };
    let mut carried_out = 0;
    for n in 0..200 {
        match world.ask(1, state(n % 2 == 0)) {
            Some(Tell::Done) => carried_out += 1,
            Some(Tell::Error(error)) => assert_eq!(error.code, ErrorCode::TooFast),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(carried_out, 60);
    world.done(0, Ask::Lock { locked: true });
    world.advance(Duration::from_millis(50));
    world.done(1, state(false));
    world.end();
}

#[test]
fn only_so_many_wait_at_a_door_and_only_so_many_meet() {
    let config = RoomsConfig { knocks_per_room: 2, max_rooms: 1, ..RoomsConfig::default() };
    let mut world = World::with(4, config);
    world.start(0);
    let code = world.code_of(0);
    world.knock(1, code);
    world.knock(2, code);
    assert_eq!(world.error(3, Ask::Knock { code }), ErrorCode::Full);
    let founding = world.founding(3);
    let admission = world.admission(3, founding.room(), 3, Role::Host);
    assert_eq!(world.error(3, Ask::Create { founding, admission }), ErrorCode::Full);
    world.end();
}

#[test]
fn what_the_shell_answers_is_refused_here() {
    let mut world = World::new(1);
    let hello = Hello {
        lowest: 1,
        highest: 1,
        features: vec![],
        software: String::new(),
        identity: world.peer(0),
        proof: Signature([0; 64]),
        name: "Again".parse().unwrap(),
        suites: vec![],
    };
    assert_eq!(world.error(0, Ask::Hello(hello)), ErrorCode::Greeting);
    assert_eq!(world.error(0, Ask::Time { sent_us: 0 }), ErrorCode::UnknownType);
    assert_eq!(world.error(0, Ask::Status { after: None }), ErrorCode::UnknownType);
    world.end();
}

#[test]
fn the_largest_meeting_fits_a_frame() {
    let config = RoomsConfig { members_per_room: MAX_MEMBERS, ..RoomsConfig::default() };
    let mut world = World::with(2, config);
    let room = world.start(0);
    world.join(0, 1);
    let name: RoomName = "\u{10ffff}".repeat(40).parse().unwrap();
    let state = world.rooms.rooms.get_mut(&room).unwrap();
    let mut member = state.roster.members[&world.kiosks[1].identity.peer()].clone();
    member.name = name;
    member.present = false;
    member.state = vestibule_common::control::MemberState {
        presenting: u32::MAX,
        link: Some(vestibule_common::control::LinkQuality::WeakNetwork),
        ..Default::default()
    };
    let most = StreamId(u32::MAX);
    member.streams =
        vestibule_common::control::Streams { audio: most, video: most, presentation: most, file: most };
    let admission = &mut member.admission;
    (admission.serial, admission.issued_ms, admission.expires_ms) = (u64::MAX, u64::MAX, u64::MAX);
    let removal = Removal::issue(&world.kiosks[0].identity, room, PeerId([1; 32]), u64::MAX, u64::MAX);
    let succession = Succession::issue(&world.kiosks[0].identity, room, PeerId([1; 32]), u64::MAX);
    let entered = Entered {
        knock: Some(KnockId::default()),
        members: vec![member.clone(); MAX_MEMBERS.into()],
        removals: vec![removal; super::super::roster::MAX_REMOVALS],
        successions: vec![succession; super::super::roster::MAX_SUCCESSIONS],
        admission: member.admission,
        next_event: u64::MAX,
        ..world.kiosks[0].meeting.as_ref().unwrap().entered.clone()
    };
    let reopen = Ask::Reopen {
        founding: entered.founding,
        successions: entered.successions.clone(),
        code: entered.code,
        admission: entered.admission,
        members: vec![(member.name.clone(), member.admission); MAX_MEMBERS.into()],
        removals: entered.removals.clone(),
        locked: false,
        next_event: u64::MAX,
    };
    let told = ToKiosk { re: Some(u32::MAX), body: Tell::Entered(Box::new(entered)) };
    let asked = ToRelay { request: u32::MAX, body: reopen };
    for size in [serde_json::to_vec(&told).unwrap().len(), serde_json::to_vec(&asked).unwrap().len()] {
        assert!(size <= MAX_FRAME, "{size} bytes");
    }
    world.end();
}

#[test]
fn the_status_comes_in_pages() {
    let mut world =
        World::with(2, RoomsConfig { max_rooms: 1000, rooms_per_source: 1000, ..RoomsConfig::default() });
    world.start(0);
    world.join(0, 1);
    let mut crowd = Vec::new();
    for n in 0..900u32 {
        let mut seed = [0; 32];
        seed[..4].copy_from_slice(&(n + 1000).to_be_bytes());
        let identity = Identity::from_seed(&seed);
        let connection = ConnectionId(1_000_000 + u64::from(n));
        let mut session = SessionId::default();
        session.0[..4].copy_from_slice(&(n + 1).to_be_bytes());
        let name = "\"Crowd\"".parse().unwrap();
        let source = SocketAddr::from(([10, 1, 0, 1], 1));
        world.rooms.handle_connected(connection, identity.peer(), name, source, session, world.now);
        if n % 2 == 0 {
            let founding = Founding { founder: identity.peer(), nonce: RoomId::default() };
            let room = founding.room();
            let admission =
                Admission::issue(&identity, room, identity.peer(), Role::Host, 1, world.wall_ms());
            let ask = ToRelay { request: 1, body: Ask::Create { founding, admission } };
            world.rooms.handle_ask(connection, ask, world.now);
        }
        crowd.push(connection);
    }
    while world.rooms.next_action().is_some() {}
    let (mut rooms, mut idle, mut after, mut pages) = (Vec::new(), 0, None, 0);
    loop {
        let page = world.rooms.status(after, Time::from_millis(90_000));
        assert_eq!(page.uptime_s, 90);
        assert!(serde_json::to_vec(&page).unwrap().len() <= 48 * 1024);
        rooms.extend(page.rooms.iter().map(|room| room.room));
        pages += 1;
        if !page.more {
            idle += page.idle.len() + page.idle_left_out as usize;
            assert!(page.idle_left_out > 0);
            break;
        }
        assert_eq!((page.idle.len(), page.idle_left_out), (0, 0));
        after = rooms.last().copied();
    }
    assert!(pages > 2);
    assert!(rooms.is_sorted());
    assert_eq!((rooms.len(), idle), (451, 450));
    assert_eq!((world.rooms.room_count(), world.rooms.kiosk_count()), (451, 902));
    for connection in crowd {
        world.rooms.handle_disconnected(connection, world.now);
    }
    while let Some(action) = world.rooms.next_action() {
        if let Action::Route(RouteChange::Leave { ack, .. }) = action {
            world.rooms.handle_route_ack(ack, world.now);
        }
    }
    world.end();
}
