//! Rooms that are lost, come back, leave and rejoin.

use std::path::Path;
use std::time::Duration;

use vestibule_tests::programs::{Kiosk, Relay, wait_for};
use vestibule_tests::rooms::{
    DEVICES, Meeting, SMALL, confirm, home, join, logged, meet, meet_at, out, peer, read, see, tile,
    together, told,
};

/// A meeting at a relay that waits for the lost for some seconds only.
fn impatient(folder: &Path) -> Meeting {
    let options = ["--rooms-host-grace-s", "4", "--rooms-member-grace-s", "8"];
    meet_at(folder, Relay::start(folder, None, &options).unwrap()).unwrap()
}

fn rejoin(kiosk: &mut Kiosk) {
    see(kiosk, "an offer to rejoin", |view| {
        view["screen"]["Home"]["rejoin"].as_str().is_some_and(|words| words.starts_with("Rejoin "))
    })
    .unwrap();
}

#[test]
fn a_lost_host_is_waited_for_and_then_another_room_hosts() {
    let folder = tempfile::tempdir().unwrap();
    let mut meeting = impatient(folder.path());
    let mut third = Kiosk::start(folder.path(), "Studio", &meeting.relay, &SMALL, None).unwrap();
    home(&mut third).unwrap();
    join(&mut third, &mut meeting.host).unwrap();
    together(&mut [&mut meeting.host, &mut meeting.guest, &mut third]).unwrap();

    meeting.host.cut_power().unwrap();
    for kiosk in [&mut meeting.guest, &mut third] {
        kiosk
            .wait_for("Boardroom to be away", |kiosk| match tile(kiosk, "Boardroom")? {
                tile if tile["placeholder"] == "Reconnecting…" => Ok(()),
                tile => Err(tile.to_string()),
            })
            .unwrap();
    }
    let hosts = |kiosk: &mut Kiosk| Ok::<_, String>(kiosk.meeting()?["own"]["host"] == true);
    wait_for("a new host", || match [hosts(&mut meeting.guest)?, hosts(&mut third)?] {
        [false, false] => Err("nobody hosts".into()),
        _ => Ok(()),
    })
    .unwrap();
    let (host, other) = match hosts(&mut meeting.guest).unwrap() {
        true => (&mut meeting.guest, &mut third),
        false => (&mut third, &mut meeting.guest),
    };
    assert!(!hosts(other).unwrap(), "one room hosts");
    logged(host, "This room hosts the meeting now.").unwrap();
    logged(other, &format!("{} hosts the meeting now.", host.name)).unwrap();
    for kiosk in [&mut *host, &mut *other] {
        logged(kiosk, "Boardroom has left.").unwrap();
        see(kiosk, "one other room", |view| {
            view["screen"]["Meeting"]["tiles"].as_array().is_some_and(|tiles| tiles.len() == 1)
        })
        .unwrap();
    }
    together(&mut [&mut *host, &mut *other]).unwrap();

    // The meeting goes on as one: the new host lets rooms in, and the old one comes back as a plain member.
    let mut fourth = Kiosk::start(folder.path(), "Attic", &meeting.relay, &SMALL, None).unwrap();
    home(&mut fourth).unwrap();
    join(&mut fourth, host).unwrap();
    meeting.host = Kiosk::start(folder.path(), "Boardroom", &meeting.relay, &DEVICES, None).unwrap();
    together(&mut [&mut meeting.host, &mut meeting.guest, &mut third, &mut fourth]).unwrap();
    assert_eq!(meeting.host.meeting().unwrap()["own"]["host"], false);
    assert!(meeting.guest.view().unwrap()["knock"].is_null(), "nobody knocked again");
}

#[test]
fn a_lost_guest_is_shown_as_lost_then_gone_and_comes_back_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let mut meeting = impatient(folder.path());
    meeting.guest.cut_power().unwrap();
    read(&mut meeting.host, "Reconnecting…").unwrap();
    see(&mut meeting.host, "an empty meeting", |view| view["screen"]["Meeting"]["alone"].is_string())
        .unwrap();
    logged(&mut meeting.host, "Workshop has left.").unwrap();
    meeting.guest = Kiosk::start(folder.path(), "Workshop", &meeting.relay, &DEVICES, None).unwrap();
    meeting.together().unwrap();
    assert!(meeting.host.view().unwrap()["knock"].is_null(), "nobody knocked");
}

#[test]
fn a_room_that_left_may_rejoin_also_after_a_power_cut() {
    let folder = tempfile::tempdir().unwrap();
    let mut meeting = meet(folder.path()).unwrap();
    confirm(&mut meeting.guest, "\"Leave\"").unwrap();
    out(&mut meeting.guest).unwrap();
    rejoin(&mut meeting.guest);
    meeting.guest.cut_power().unwrap();
    meeting.guest = Kiosk::start(folder.path(), "Workshop", &meeting.relay, &DEVICES, None).unwrap();
    rejoin(&mut meeting.guest);
    std::thread::sleep(Duration::from_millis(500));
    assert!(out(&mut meeting.guest).unwrap()["screen"]["Home"].is_object(), "it does not go back by itself");
    meeting.guest.touch("\"Rejoin\"").unwrap();
    meeting.together().unwrap();
    assert!(meeting.host.view().unwrap()["knock"].is_null(), "nobody knocked");

    // A host that was the last to leave finds its meeting again, and whoever it let in finds the host.
    confirm(&mut meeting.guest, "\"Leave\"").unwrap();
    out(&mut meeting.guest).unwrap();
    confirm(&mut meeting.host, "\"Leave\"").unwrap();
    out(&mut meeting.host).unwrap();
    rejoin(&mut meeting.host);
    meeting.host.touch("\"Rejoin\"").unwrap();
    see(&mut meeting.host, "the meeting", |view| view["screen"]["Meeting"].is_object()).unwrap();
}

#[test]
fn a_room_that_gives_up_the_way_back_may_rejoin_when_the_host_is_there_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut meeting = meet(folder.path()).unwrap();
    let ports = (meeting.relay.control.port(), meeting.relay.media.port());
    meeting.guest.cut_power().unwrap();
    meeting.host.cut_power().unwrap();
    meeting.relay.process.kill();
    meeting.relay =
        wait_for("the ports to be free", || Relay::start(folder.path(), Some(ports), &[])).unwrap();
    meeting.guest = Kiosk::start(folder.path(), "Workshop", &meeting.relay, &DEVICES, None).unwrap();
    read(&mut meeting.guest, "Going back to ").unwrap();
    meeting.guest.touch("\"CancelKnock\"").unwrap();
    rejoin(&mut meeting.guest);
    meeting.host = Kiosk::start(folder.path(), "Boardroom", &meeting.relay, &DEVICES, None).unwrap();
    see(&mut meeting.host, "the meeting", |view| view["screen"]["Meeting"].is_object()).unwrap();
    meeting.guest.touch("\"Rejoin\"").unwrap();
    meeting.together().unwrap();
}

#[test]
fn a_host_whose_meeting_was_ended_by_its_successor_does_not_bring_it_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut meeting = impatient(folder.path());
    meeting.host.cut_power().unwrap();
    see(&mut meeting.guest, "hosting", |view| view["screen"]["Meeting"]["own"]["host"] == true).unwrap();
    confirm(&mut meeting.guest, "\"EndForAll\"").unwrap();
    out(&mut meeting.guest).unwrap();
    meeting.host = Kiosk::start(folder.path(), "Boardroom", &meeting.relay, &DEVICES, None).unwrap();
    told(&mut meeting.host, "The meeting has ended.").unwrap();
    out(&mut meeting.host).unwrap();
}

#[test]
fn a_room_that_was_removed_while_it_was_away_is_told_so() {
    let folder = tempfile::tempdir().unwrap();
    let mut meeting = meet(folder.path()).unwrap();
    let workshop = peer(&mut meeting.host, "Workshop").unwrap();
    meeting.guest.cut_power().unwrap();
    read(&mut meeting.host, "Reconnecting…").unwrap();
    confirm(&mut meeting.host, &format!("{{\"Remove\":\"{workshop}\"}}")).unwrap();
    logged(&mut meeting.host, "You removed Workshop.").unwrap();
    meeting.guest = Kiosk::start(folder.path(), "Workshop", &meeting.relay, &DEVICES, None).unwrap();
    told(&mut meeting.guest, "The host removed this room from the meeting.").unwrap();
    out(&mut meeting.guest).unwrap();
    join(&mut meeting.guest, &mut meeting.host).unwrap();
    meeting.together().unwrap();
}
