//! At the door: refused, refused for good, taken back, not answered.

use std::time::Duration;

use vestibule_tests::programs::{Kiosk, Relay, wait_for};
use vestibule_tests::rooms::{
    SMALL, approve, digits, home, knock, lamp, out, read, see, start, together, told,
};

/// A host in its meeting, a guest at home, and the code.
fn before_the_door(folder: &std::path::Path, options: &[&str]) -> (Relay, Kiosk, Kiosk, String) {
    let relay = Relay::start(folder, None, options).unwrap();
    let mut host = Kiosk::start(folder, "Boardroom", &relay, &SMALL, None).unwrap();
    let mut guest = Kiosk::start(folder, "Workshop", &relay, &SMALL, None).unwrap();
    home(&mut host).unwrap();
    home(&mut guest).unwrap();
    let code = start(&mut host).unwrap();
    (relay, host, guest, code)
}

#[test]
fn a_room_that_is_refused_is_told_so_and_twice_is_enough() {
    let folder = tempfile::tempdir().unwrap();
    let (_relay, mut host, mut guest, code) = before_the_door(folder.path(), &[]);
    knock(&mut guest, &code).unwrap();
    for _ in 0..2 {
        see(&mut host, "an armed knock", |view| view["knock"]["armed"] == true).unwrap();
        host.press("approve", Duration::from_millis(1700)).unwrap();
        told(&mut guest, "Boardroom did not let this room in.").unwrap();
        lamp(&mut host, "Approve", false).unwrap();
        digits(&mut guest, &code).unwrap();
    }
    told(&mut guest, "The host has refused this room twice in this meeting.").unwrap();
    assert!(host.view().unwrap()["knock"].is_null(), "the host is left in peace");
    assert_eq!(guest.counter("pictures_decoded").unwrap() + guest.counter("audio_received").unwrap(), 0);
}

#[test]
fn a_knock_that_is_taken_back_admits_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let (_relay, mut host, mut guest, code) = before_the_door(folder.path(), &[]);
    knock(&mut guest, &code).unwrap();
    see(&mut host, "an armed knock", |view| view["knock"]["armed"] == true).unwrap();
    guest.touch("\"CancelKnock\"").unwrap();
    out(&mut guest).unwrap();
    see(&mut host, "no banner", |view| view["knock"].is_null()).unwrap();
    lamp(&mut host, "Approve", false).unwrap();
    host.press("approve", Duration::from_millis(100)).unwrap();
    std::thread::sleep(Duration::from_millis(500));
    assert!(host.meeting().unwrap()["alone"].is_string());
    out(&mut guest).unwrap();
}

#[test]
fn a_knock_that_nobody_answers_comes_to_an_end() {
    let folder = tempfile::tempdir().unwrap();
    let (_relay, mut host, mut guest, code) =
        before_the_door(folder.path(), &["--rooms-knock-timeout-s", "5"]);
    knock(&mut guest, &code).unwrap();
    read(&mut guest, "Waiting for Boardroom").unwrap();
    read(&mut host, "Workshop wants to join").unwrap();
    told(&mut guest, "Nobody answered at Boardroom.").unwrap();
    see(&mut host, "no banner", |view| view["knock"].is_null()).unwrap();
    lamp(&mut host, "Approve", false).unwrap();
}

#[test]
fn a_relay_that_is_lost_takes_the_knock_with_it_and_the_code_stays_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let (mut relay, mut host, mut guest, code) = before_the_door(folder.path(), &[]);
    knock(&mut guest, &code).unwrap();
    see(&mut host, "an armed knock", |view| view["knock"]["armed"] == true).unwrap();
    relay.process.kill();
    told(&mut guest, "The connection to the relay was lost. Try again when it is back.").unwrap();
    see(&mut host, "no banner", |view| view["knock"].is_null()).unwrap();
    lamp(&mut host, "Approve", false).unwrap();
    let ports = (relay.control.port(), relay.media.port());
    let again = || Relay::start(folder.path(), Some(ports), &[]);
    let _relay = wait_for("the ports to be free", again).unwrap();
    see(&mut host, "the meeting without trouble", |view| {
        view["screen"]["Meeting"].is_object() && view["notice"].is_null()
    })
    .unwrap();
    guest
        .wait_for("the door", |guest| {
            let view = guest.view()?;
            match &view["screen"]["Waiting"] {
                waiting if waiting.is_object() => Ok(()),
                // Its relay may not be back yet: the boxes are empty again then.
                _ if view["screen"]["Join"]["busy"] == false => {
                    digits(guest, &code)?;
                    Err(view.to_string())
                }
                _ => Err(view.to_string()),
            }
        })
        .unwrap();
    approve(&mut host).unwrap();
    together(&mut [&mut host, &mut guest]).unwrap();
}
