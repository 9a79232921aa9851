//! What a host does: lock, mute another room, end for all.

use std::time::Duration;

use vestibule_tests::programs::{Kiosk, Relay};
use vestibule_tests::rooms::{
    DEVICES, SMALL, approve, code, confirm, digits, home, join, knock, lamp, logged, meet, meet_at, out,
    peer, read, see, silent, start, tile, together, told,
};

#[test]
fn a_locked_meeting_keeps_newcomers_out_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Relay::start(folder.path(), None, &[]).unwrap();
    let mut host = Kiosk::start(folder.path(), "Boardroom", &relay, &DEVICES, None).unwrap();
    let mut guest = Kiosk::start(folder.path(), "Workshop", &relay, &DEVICES, None).unwrap();
    home(&mut host).unwrap();
    home(&mut guest).unwrap();
    let code = start(&mut host).unwrap();

    // Whoever waits already is turned away when the door is locked.
    knock(&mut guest, &code).unwrap();
    read(&mut guest, "Waiting for Boardroom").unwrap();
    read(&mut host, "Workshop wants to join").unwrap();
    host.touch("{\"Lock\":true}").unwrap();
    let locked = "The meeting is locked. The host can unlock it.";
    told(&mut guest, locked).unwrap();
    see(&mut host, "a locked meeting and no knock", |view| {
        view["screen"]["Meeting"]["locked"] == true && view["knock"].is_null()
    })
    .unwrap();

    // So is whoever knocks at the locked door: the sentence goes with the first digit and comes again.
    digits(&mut guest, &code[..5]).unwrap();
    see(&mut guest, "no error while typing", |view| view["screen"]["Join"]["error"].is_null()).unwrap();
    digits(&mut guest, &code[5..]).unwrap();
    see(&mut guest, locked, |view| view["screen"]["Join"]["error"] == locked).unwrap();
    assert!(host.view().unwrap()["knock"].is_null(), "the host is not disturbed");

    host.touch("{\"Lock\":false}").unwrap();
    see(&mut host, "an open meeting", |view| view["screen"]["Meeting"]["locked"] == false).unwrap();
    digits(&mut guest, &code).unwrap();
    approve(&mut host).unwrap();
    together(&mut [&mut host, &mut guest]).unwrap();
}

#[test]
fn a_room_muted_by_the_host_is_muted_and_only_itself_unmutes() {
    let folder = tempfile::tempdir().unwrap();
    let mut meeting = meet(folder.path()).unwrap();
    let (host, guest) = (&mut meeting.host, &mut meeting.guest);
    let workshop = peer(host, "Workshop").unwrap();
    host.touch(&format!("{{\"MuteMember\":\"{workshop}\"}}")).unwrap();
    told(guest, "Boardroom muted this room. Only you can unmute it.").unwrap();
    lamp(guest, "Mute", true).unwrap();
    see(guest, "Muted", |view| view["screen"]["Meeting"]["microphone"] == "Muted").unwrap();
    host.wait_for("the muted mark", |host| match tile(host, "Workshop")? {
        tile if tile["muted"] == true => Ok(()),
        tile => Err(tile.to_string()),
    })
    .unwrap();
    silent(host).unwrap();

    // Asking once more opens nothing, and a guest mutes nobody.
    host.touch(&format!("{{\"MuteMember\":\"{workshop}\"}}")).unwrap();
    let boardroom = peer(guest, "Boardroom").unwrap();
    guest.touch(&format!("{{\"MuteMember\":\"{boardroom}\"}}")).unwrap();
    let sent = guest.counter("audio_sent").unwrap();
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(guest.counter("audio_sent").unwrap(), sent, "not one packet more");
    assert_eq!(guest.meeting().unwrap()["microphone"], "Muted");
    assert_eq!(host.meeting().unwrap()["microphone"], "Live");

    guest.press("mute", Duration::from_millis(60)).unwrap();
    lamp(guest, "Mute", false).unwrap();
    host.wait_for("no muted mark", |host| match tile(host, "Workshop")? {
        tile if tile["muted"] == false => Ok(()),
        tile => Err(tile.to_string()),
    })
    .unwrap();
    meeting.together().unwrap();
}

#[test]
fn a_meeting_ended_for_all_ends_for_all_also_for_a_room_that_was_away() {
    let folder = tempfile::tempdir().unwrap();
    let mut meeting = meet(folder.path()).unwrap();
    let mut third = Kiosk::start(folder.path(), "Studio", &meeting.relay, &SMALL, None).unwrap();
    home(&mut third).unwrap();
    join(&mut third, &mut meeting.host).unwrap();
    together(&mut [&mut meeting.host, &mut meeting.guest, &mut third]).unwrap();
    let code = code(&mut meeting.host).unwrap();
    third.cut_power().unwrap();
    see(&mut meeting.host, "Studio to be away", |view| view.to_string().contains("Reconnecting…")).unwrap();

    confirm(&mut meeting.host, "\"EndForAll\"").unwrap();
    let ended = "The meeting has ended.";
    for kiosk in [&mut meeting.host, &mut meeting.guest] {
        let view = out(kiosk).unwrap();
        assert!(view["screen"]["Home"]["rejoin"].is_null(), "there is nothing to go back into: {view}");
        logged(kiosk, ended).unwrap();
        lamp(kiosk, "Approve", false).unwrap();
    }
    // The words stay for six seconds; the guest read them last.
    read(&mut meeting.guest, ended).unwrap();

    let mut third = Kiosk::start(folder.path(), "Studio", &meeting.relay, &SMALL, None).unwrap();
    told(&mut third, ended).unwrap();
    let view = out(&mut third).unwrap();
    assert!(view["screen"]["Home"]["rejoin"].is_null(), "{view}");

    // Its code leads nowhere now.
    knock(&mut third, &code).unwrap();
    told(&mut third, "There is no meeting with the code").unwrap();
}

#[test]
fn a_room_that_was_cut_off_when_the_meeting_ended_is_told_so_when_it_is_back() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Relay::start(folder.path(), None, &["--rooms-idle-timeout-s", "3"]).unwrap();
    let mut meeting = meet_at(folder.path(), relay).unwrap();
    meeting.guest.process.freeze(true).unwrap();
    read(&mut meeting.host, "Reconnecting…").unwrap();
    confirm(&mut meeting.host, "\"EndForAll\"").unwrap();
    out(&mut meeting.host).unwrap();
    meeting.guest.process.freeze(false).unwrap();
    told(&mut meeting.guest, "The meeting has ended.").unwrap();
    out(&mut meeting.guest).unwrap();
}
