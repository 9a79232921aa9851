//! Devices that are missing, taken or pulled: a sentence on the screen, one in the log, and the rest goes on.

use vestibule_tests::programs::{Kiosk, Relay};
use vestibule_tests::rooms::{
    SMALL, home, join, lamp, logged, meet, out, read, see, silent, start, tile, told,
};

fn other(kiosk: &mut Kiosk, name: &str, what: &str, look: impl Fn(&serde_json::Value) -> bool) {
    kiosk
        .wait_for(what, |kiosk| match tile(kiosk, name)? {
            tile if look(&tile) => Ok(()),
            tile => Err(tile.to_string()),
        })
        .unwrap();
}

#[test]
fn a_camera_that_another_program_takes_is_named_and_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut meeting = meet(folder.path()).unwrap();
    let (host, guest) = (&mut meeting.host, &mut meeting.guest);
    guest.ask("take camera").unwrap();
    see(guest, "the reason in place of the own picture", |view| {
        view["screen"]["Meeting"]["own"]["placeholder"] == "Another program uses the camera"
    })
    .unwrap();
    logged(guest, "camera: in use by another program").unwrap();
    other(host, "Workshop", "no picture", |tile| tile["placeholder"] == "Camera off");
    guest.ask("plug camera").unwrap();
    meeting.together().unwrap();
}

#[test]
fn a_camera_that_is_turned_off_is_closed_and_the_others_see_that_it_is_off() {
    let folder = tempfile::tempdir().unwrap();
    let mut meeting = meet(folder.path()).unwrap();
    let (host, guest) = (&mut meeting.host, &mut meeting.guest);
    guest.touch("\"ToggleCamera\"").unwrap();
    see(guest, "the camera to be off", |view| {
        let meeting = &view["screen"]["Meeting"];
        meeting["camera_off"] == true && meeting["own"]["placeholder"] == "Camera off"
    })
    .unwrap();
    other(host, "Workshop", "no picture", |tile| tile["placeholder"] == "Camera off");
    let mut before = host.counter("pictures_decoded").unwrap();
    host.wait_for("no more pictures", |host| {
        std::thread::sleep(std::time::Duration::from_millis(300));
        let now = host.counter("pictures_decoded")?;
        let result = if now == before { Ok(()) } else { Err(format!("{now} after {before}")) };
        before = now;
        result
    })
    .unwrap();
    guest.touch("\"ToggleCamera\"").unwrap();
    meeting.together().unwrap();
}

#[test]
fn a_camera_that_is_pulled_at_home_is_named_there() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Relay::start(folder.path(), None, &[]).unwrap();
    let mut kiosk = Kiosk::start(folder.path(), "Boardroom", &relay, &SMALL, None).unwrap();
    home(&mut kiosk).unwrap();
    kiosk.ask("unplug camera").unwrap();
    kiosk.touch("{\"ShowOwnPicture\":true}").unwrap();
    let view = read(&mut kiosk, "Ready, but there is no camera").unwrap();
    assert_eq!(view["screen"]["Home"]["camera_missing"], "No camera");
    assert_eq!(view["screen"]["Home"]["can_meet"], true);
    kiosk.ask("take camera").unwrap();
    read(&mut kiosk, "Ready, but another program uses the camera").unwrap();
    kiosk.ask("plug camera").unwrap();
    home(&mut kiosk).unwrap();
}

#[test]
fn a_microphone_and_a_speaker_that_vanish_are_said_to_be_gone_and_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut meeting = meet(folder.path()).unwrap();
    let (host, guest) = (&mut meeting.host, &mut meeting.guest);
    guest.ask("unplug microphone").unwrap();
    told(guest, "There is no microphone. The others cannot hear this room.").unwrap();
    see(guest, "no microphone", |view| view["screen"]["Meeting"]["microphone"] == "Missing").unwrap();
    other(host, "Workshop", "the muted mark", |tile| tile["muted"] == true);
    silent(host).unwrap();
    lamp(guest, "Mute", true).unwrap();
    guest.ask("plug microphone").unwrap();
    told(guest, "The microphone is back.").unwrap();
    lamp(guest, "Mute", false).unwrap();
    other(host, "Workshop", "no muted mark", |tile| tile["muted"] == false);

    guest.ask("unplug speaker").unwrap();
    told(guest, "There is no speaker. This room cannot hear the others.").unwrap();
    guest.ask("plug speaker").unwrap();
    meeting.together().unwrap();
    meeting
        .guest
        .wait_for("sound", |kiosk| {
            let heard = kiosk.ask("heard")?;
            if heard["dbfs"].as_f64().is_some_and(|level| level > -50.0) {
                Ok(())
            } else {
                Err(heard.to_string())
            }
        })
        .unwrap();
}

#[test]
fn a_room_whose_real_devices_are_not_there_meets_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Relay::start(folder.path(), None, &[]).unwrap();
    // Names that no machine has, so that the real back ends find nothing also where there is hardware.
    let bare = [
        "--devices-camera",
        "/dev/vestibule-nothing",
        "--devices-microphone",
        "hw:CARD=VestibuleNothing",
        "--devices-speaker",
        "hw:CARD=VestibuleNothing",
        "--devices-buttons",
        "gpiocdev:vestibule-nothing",
    ];
    let mut host = Kiosk::start(folder.path(), "Boardroom", &relay, &SMALL, None).unwrap();
    let mut guest = Kiosk::start(folder.path(), "Workshop", &relay, &bare, None).unwrap();
    home(&mut host).unwrap();
    read(&mut guest, "Ready, but there is no ").unwrap();
    for line in ["microphone: not there", "speaker: not there"] {
        logged(&mut guest, line).unwrap();
    }
    assert_eq!(out(&mut guest).unwrap()["screen"]["Home"]["can_meet"], true);
    start(&mut host).unwrap();
    join(&mut guest, &mut host).unwrap();
    see(&mut guest, "no camera and no microphone", |view| {
        let meeting = &view["screen"]["Meeting"];
        meeting["own"]["placeholder"] == "No camera" && meeting["microphone"] == "Missing"
    })
    .unwrap();
    logged(&mut guest, "camera: not there").unwrap();
    other(&mut guest, "Boardroom", "the host's picture", |tile| tile["placeholder"].is_null());
    other(&mut host, "Workshop", "no picture and no sound", |tile| {
        tile["placeholder"] == "Camera off" && tile["muted"] == true
    });
}
