//! Three and four rooms in one meeting, and one too many.

use vestibule_tests::programs::{Kiosk, Relay};
use vestibule_tests::rooms::{
    SMALL, chat, confirm, digits, home, join, knock, logged, message, open_chat, out, peer, see, start,
    together, told, write,
};

#[test]
fn four_rooms_see_and_hear_each_other_and_private_words_stay_private() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Relay::start(folder.path(), None, &[]).unwrap();
    let names = ["Boardroom", "Workshop", "Studio", "Attic"];
    let mut rooms = names.map(|name| Kiosk::start(folder.path(), name, &relay, &SMALL, None).unwrap());
    let [boardroom, workshop, studio, attic] = &mut rooms;
    for kiosk in [&mut *boardroom, &mut *workshop, &mut *studio, &mut *attic] {
        home(kiosk).unwrap();
    }
    start(boardroom).unwrap();
    join(workshop, boardroom).unwrap();
    join(studio, boardroom).unwrap();
    together(&mut [&mut *boardroom, &mut *workshop, &mut *studio]).unwrap();

    for kiosk in [&mut *boardroom, &mut *workshop, &mut *studio] {
        open_chat(kiosk).unwrap();
    }
    write(boardroom, "Hello all", None).unwrap();
    for kiosk in [&mut *boardroom, &mut *workshop, &mut *studio] {
        assert!(message(kiosk, "Hello all").unwrap()["private"].is_null());
    }
    write(boardroom, "For the workshop", Some("Workshop")).unwrap();
    assert_eq!(message(workshop, "For the workshop").unwrap()["private"], "only for you");
    write(workshop, "For the studio", Some("Studio")).unwrap();
    assert_eq!(message(studio, "For the studio").unwrap()["private"], "only for you");
    assert_eq!(message(workshop, "For the studio").unwrap()["private"], "only for Studio");
    assert_eq!(message(boardroom, "For the workshop").unwrap()["delivery"], "Sent");

    // A newcomer gets what was said to everyone, and nothing that was not.
    join(attic, boardroom).unwrap();
    together(&mut [&mut *boardroom, &mut *workshop, &mut *studio, &mut *attic]).unwrap();
    open_chat(attic).unwrap();
    message(attic, "Hello all").unwrap();
    write(attic, "I am here too", None).unwrap();
    for kiosk in [&mut *boardroom, &mut *workshop, &mut *studio, &mut *attic] {
        message(kiosk, "I am here too").unwrap();
    }
    let hidden: [(&mut Kiosk, &[&str]); 3] = [
        (&mut *boardroom, &["For the studio"]),
        (&mut *studio, &["For the workshop"]),
        (&mut *attic, &["For the workshop", "For the studio"]),
    ];
    for (kiosk, hidden) in hidden {
        let view = kiosk.view().unwrap();
        let shown = chat(&view).to_string();
        assert!(hidden.iter().all(|text| !shown.contains(text)), "{}: {view}", kiosk.name);
    }

    // One is removed; the others go on undisturbed.
    let removed = peer(boardroom, "Studio").unwrap();
    confirm(boardroom, &format!("{{\"Remove\":\"{removed}\"}}")).unwrap();
    told(studio, "The host removed this room from the meeting.").unwrap();
    let view = out(studio).unwrap();
    assert!(view["screen"]["Home"]["rejoin"].is_null(), "{view}");
    logged(boardroom, "You removed Studio.").unwrap();
    for kiosk in [&mut *workshop, &mut *attic] {
        logged(kiosk, "Studio was removed by the host.").unwrap();
    }
    together(&mut [&mut *boardroom, &mut *workshop, &mut *attic]).unwrap();
    message(attic, "I am here too").unwrap();
}

#[test]
fn a_full_meeting_takes_nobody_else_until_somebody_leaves() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Relay::start(folder.path(), None, &["--rooms-members-per-room", "2"]).unwrap();
    let names = ["Boardroom", "Workshop", "Studio"];
    let mut rooms = names.map(|name| Kiosk::start(folder.path(), name, &relay, &SMALL, None).unwrap());
    let [boardroom, workshop, studio] = &mut rooms;
    for kiosk in [&mut *boardroom, &mut *workshop, &mut *studio] {
        home(kiosk).unwrap();
    }
    let code = start(boardroom).unwrap();
    join(workshop, boardroom).unwrap();
    knock(studio, &code).unwrap();
    told(studio, "The meeting is full.").unwrap();
    together(&mut [&mut *boardroom, &mut *workshop]).unwrap();
    confirm(workshop, "\"Leave\"").unwrap();
    see(boardroom, "an empty meeting", |view| view["screen"]["Meeting"]["alone"].is_string()).unwrap();
    digits(studio, &code).unwrap();
    vestibule_tests::rooms::approve(boardroom).unwrap();
    together(&mut [&mut *boardroom, &mut *studio]).unwrap();
}

#[test]
fn two_rooms_of_one_name_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Relay::start(folder.path(), None, &[]).unwrap();
    let mut host = Kiosk::start(folder.path(), "Boardroom", &relay, &SMALL, None).unwrap();
    let mut twins = ["one", "two"]
        .map(|place| Kiosk::start(&folder.path().join(place), "Workshop", &relay, &SMALL, None).unwrap());
    let [one, two] = &mut twins;
    for kiosk in [&mut host, &mut *one, &mut *two] {
        home(kiosk).unwrap();
    }
    let code = start(&mut host).unwrap();
    join(one, &mut host).unwrap();
    knock(two, &code).unwrap();
    vestibule_tests::rooms::read(&mut host, "Another room of this name is already here").unwrap();
    vestibule_tests::rooms::approve(&mut host).unwrap();
    for kiosk in [&mut host, &mut *one, &mut *two] {
        told(kiosk, "Two rooms are called Workshop. They are shown with numbers.").unwrap();
    }
    together(&mut [&mut host, &mut *one, &mut *two]).unwrap();
    let tiles = host.meeting().unwrap()["tiles"].clone();
    assert_ne!(tiles[0]["name"], tiles[1]["name"], "{tiles}");
    assert!(
        tiles.as_array().unwrap().iter().all(|tile| tile["name"].as_str().unwrap().starts_with("Workshop"))
    );
}

#[test]
fn a_relay_without_room_for_another_meeting_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Relay::start(folder.path(), None, &["--rooms-max-rooms", "1"]).unwrap();
    let mut first = Kiosk::start(folder.path(), "Boardroom", &relay, &SMALL, None).unwrap();
    let mut second = Kiosk::start(folder.path(), "Workshop", &relay, &SMALL, None).unwrap();
    home(&mut first).unwrap();
    home(&mut second).unwrap();
    start(&mut first).unwrap();
    second.touch("\"StartMeeting\"").unwrap();
    told(&mut second, "The relay has no place for another meeting.").unwrap();
    confirm(&mut first, "\"Leave\"").unwrap();
    out(&mut first).unwrap();
    // The relay hears of it a moment later.
    second
        .wait_for("a meeting", |kiosk| match kiosk.meeting() {
            Ok(_) => Ok(()),
            Err(elsewhere) => kiosk.touch("\"StartMeeting\"").and(Err(elsewhere)),
        })
        .unwrap();
}
