//! Two real kiosks (simulated devices, no screen) and a real relay: what a room lives through besides the main job.

use std::time::Duration;

use vestibule_tests::programs::{Kiosk, Relay, wait_for};
use vestibule_tests::rooms::{DEVICES, approve, code, confirm, knock, lamp, meet, out, peer, see, silent};

#[test]
fn a_relay_that_was_killed_and_started_again_finds_the_meeting_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut meeting = meet(folder.path()).unwrap();
    let ports = (meeting.relay.control.port(), meeting.relay.media.port());
    meeting.relay.process.kill();
    for kiosk in [&mut meeting.host, &mut meeting.guest] {
        see(kiosk, "a word about the relay", |view| {
            view["notice"].is_object() && view["screen"]["Meeting"].is_object()
        })
        .unwrap();
    }
    meeting.relay =
        wait_for("the ports to be free", || Relay::start(folder.path(), Some(ports), &[])).unwrap();
    meeting.together().unwrap();
}

#[test]
fn a_kiosk_that_lost_its_power_comes_back_without_a_new_approval() {
    let folder = tempfile::tempdir().unwrap();
    let mut meeting = meet(folder.path()).unwrap();
    meeting.guest.cut_power().unwrap();
    meeting.guest = Kiosk::start(folder.path(), "Workshop", &meeting.relay, &DEVICES, None).unwrap();
    meeting.together().unwrap();
    assert!(meeting.host.view().unwrap()["knock"].is_null(), "nobody knocked");
}

#[test]
fn a_removed_room_gets_nothing_more_and_has_to_knock_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut meeting = meet(folder.path()).unwrap();
    let peer = peer(&mut meeting.host, "Workshop").unwrap();
    confirm(&mut meeting.host, &format!("{{\"Remove\":\"{peer}\"}}")).unwrap();
    out(&mut meeting.guest).unwrap();
    silent(&mut meeting.guest).unwrap();
    silent(&mut meeting.host).unwrap();
    let code = code(&mut meeting.host).unwrap();
    knock(&mut meeting.guest, &code).unwrap();
    approve(&mut meeting.host).unwrap();
    meeting.together().unwrap();
}

#[test]
fn a_host_that_leaves_passes_the_meeting_on() {
    let folder = tempfile::tempdir().unwrap();
    let mut meeting = meet(folder.path()).unwrap();
    confirm(&mut meeting.host, "\"Leave\"").unwrap();
    see(&mut meeting.guest, "hosting", |view| view["screen"]["Meeting"]["own"]["host"] == true).unwrap();
    // The former host is a room like any other now: it comes back with its old admission, without a knock.
    meeting.host.touch("\"Rejoin\"").unwrap();
    meeting.together().unwrap();
}

#[test]
fn muting_lets_no_packet_out_and_the_lamp_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let mut meeting = meet(folder.path()).unwrap();
    meeting.host.press("mute", Duration::from_millis(60)).unwrap();
    lamp(&mut meeting.host, "Mute", true).unwrap();
    silent(&mut meeting.guest).unwrap();
    assert_eq!(meeting.host.meeting().unwrap()["microphone"], "Muted");
    let sent = meeting.host.counter("audio_sent").unwrap();
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(meeting.host.counter("audio_sent").unwrap(), sent, "not one packet more");
    meeting.host.press("mute", Duration::from_millis(60)).unwrap();
    meeting.together().unwrap();
}
