//! Two real kiosks (simulated devices, no screen) and a real relay: what a room lives through besides the main job.

use std::path::Path;
use std::time::Duration;

use vestibule_tests::programs::{Kiosk, Relay, wait_for};

const DEVICES: [&str; 4] = ["--devices-devices", "sim", "--devices-microphone", "sim:tone"];

struct Meeting {
    relay: Relay,
    host: Kiosk,
    guest: Kiosk,
}

fn home(kiosk: &mut Kiosk) -> Result<(), String> {
    kiosk.wait_for("ready at home", |kiosk| {
        let view = kiosk.view()?;
        if view["screen"]["Home"]["ready"] == true { Ok(()) } else { Err(view.to_string()) }
    })
}

/// Both rooms in one meeting, seen and heard.
fn meet(folder: &Path) -> Result<Meeting, String> {
    let relay = Relay::start(folder, None, &[])?;
    let mut host = Kiosk::start(folder, "Boardroom", &relay, &DEVICES, None)?;
    let mut guest = Kiosk::start(folder, "Workshop", &relay, &DEVICES, None)?;
    home(&mut host)?;
    home(&mut guest)?;
    host.touch("\"StartMeeting\"")?;
    let code = host.wait_for("a code", |kiosk| {
        Ok(kiosk.meeting()?["code"].as_str().unwrap_or_default().replace(' ', ""))
    })?;
    knock(&mut guest, &code)?;
    approve(&mut host)?;
    let mut meeting = Meeting { relay, host, guest };
    together(&mut meeting)?;
    Ok(meeting)
}

fn knock(guest: &mut Kiosk, code: &str) -> Result<(), String> {
    guest.touch("\"OpenJoin\"")?;
    code.chars().try_for_each(|digit| guest.touch(&format!("{{\"Digit\":{digit}}}")))
}

fn approve(host: &mut Kiosk) -> Result<(), String> {
    host.wait_for("an armed knock", |kiosk| {
        let view = kiosk.view()?;
        if view["knock"]["armed"] == true { Ok(()) } else { Err(view.to_string()) }
    })?;
    host.press("approve", Duration::from_millis(100))
}

/// Waits until each room sees and hears the other *now*.
fn together(meeting: &mut Meeting) -> Result<(), String> {
    for kiosk in [&mut meeting.host, &mut meeting.guest] {
        let before = (kiosk.counter("pictures_decoded")?, kiosk.counter("audio_received")?);
        kiosk.wait_for("the other room", |kiosk| {
            let tiles = kiosk.meeting()?["tiles"].clone();
            let now = (kiosk.counter("pictures_decoded")?, kiosk.counter("audio_received")?);
            let arrives =
                tiles.as_array().is_some_and(|tiles| tiles.len() == 1 && tiles[0]["placeholder"].is_null());
            if arrives && now.0 > before.0 && now.1 > before.1 {
                Ok(())
            } else {
                Err(format!("{tiles} {now:?}"))
            }
        })?;
    }
    Ok(())
}

/// Waits until nothing of the other room arrives any more.
fn silent(kiosk: &mut Kiosk) -> Result<(), String> {
    let mut before = kiosk.counter("audio_received")?;
    kiosk.wait_for("silence", |kiosk| {
        std::thread::sleep(Duration::from_millis(300));
        let now = kiosk.counter("audio_received")?;
        let result = if now == before { Ok(()) } else { Err(format!("{now} packets after {before}")) };
        before = now;
        result
    })
}

#[test]
fn a_relay_that_was_killed_and_started_again_finds_the_meeting_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut meeting = meet(folder.path()).unwrap();
    let ports = (meeting.relay.control.port(), meeting.relay.media.port());
    meeting.relay.process.kill();
    for kiosk in [&mut meeting.host, &mut meeting.guest] {
        kiosk
            .wait_for("a word about the relay", |kiosk| {
                let view = kiosk.view()?;
                if view["notice"].is_object() && view["screen"]["Meeting"].is_object() {
                    Ok(())
                } else {
                    Err(view.to_string())
                }
            })
            .unwrap();
    }
    meeting.relay =
        wait_for("the ports to be free", || Relay::start(folder.path(), Some(ports), &[])).unwrap();
    together(&mut meeting).unwrap();
}

#[test]
fn a_kiosk_that_lost_its_power_comes_back_without_a_new_approval() {
    let folder = tempfile::tempdir().unwrap();
    let mut meeting = meet(folder.path()).unwrap();
    meeting.guest.process.kill();
    meeting.guest = Kiosk::start(folder.path(), "Workshop", &meeting.relay, &DEVICES, None).unwrap();
    together(&mut meeting).unwrap();
    assert!(meeting.host.view().unwrap()["knock"].is_null(), "nobody knocked");
}

#[test]
fn a_removed_room_gets_nothing_more_and_has_to_knock_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut meeting = meet(folder.path()).unwrap();
    let peer = meeting.host.meeting().unwrap()["tiles"][0]["picture"]["Room"].as_str().unwrap().to_owned();
    meeting.host.touch(&format!("{{\"Ask\":{{\"Remove\":\"{peer}\"}}}}")).unwrap();
    meeting.host.touch("\"Confirm\"").unwrap();
    let home = |kiosk: &mut Kiosk| {
        let view = kiosk.view()?;
        if view["screen"]["Home"].is_object() { Ok(()) } else { Err(view.to_string()) }
    };
    meeting.guest.wait_for("being out", home).unwrap();
    silent(&mut meeting.guest).unwrap();
    silent(&mut meeting.host).unwrap();
    let code = meeting.host.meeting().unwrap()["code"].as_str().unwrap().replace(' ', "");
    knock(&mut meeting.guest, &code).unwrap();
    approve(&mut meeting.host).unwrap();
    together(&mut meeting).unwrap();
}

#[test]
fn a_host_that_leaves_passes_the_meeting_on() {
    let folder = tempfile::tempdir().unwrap();
    let mut meeting = meet(folder.path()).unwrap();
    meeting.host.touch("{\"Ask\":\"Leave\"}").unwrap();
    meeting.host.touch("\"Confirm\"").unwrap();
    meeting
        .guest
        .wait_for("hosting", |kiosk| {
            let meeting = kiosk.meeting()?;
            if meeting["own"]["host"] == true { Ok(()) } else { Err(meeting.to_string()) }
        })
        .unwrap();
    // The former host is a room like any other now: it comes back with its old admission, without a knock.
    meeting.host.touch("\"Rejoin\"").unwrap();
    together(&mut meeting).unwrap();
}

#[test]
fn muting_lets_no_packet_out_and_the_lamp_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let mut meeting = meet(folder.path()).unwrap();
    meeting.host.press("mute", Duration::from_millis(60)).unwrap();
    meeting
        .host
        .wait_for("the lamp", |kiosk| {
            let lamps = kiosk.ask("lamps")?;
            if lamps["lit"]["Mute"] == true { Ok(()) } else { Err(lamps.to_string()) }
        })
        .unwrap();
    silent(&mut meeting.guest).unwrap();
    assert_eq!(meeting.host.meeting().unwrap()["microphone"], "Muted");
    let sent = meeting.host.counter("audio_sent").unwrap();
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(meeting.host.counter("audio_sent").unwrap(), sent, "not one packet more");
    meeting.host.press("mute", Duration::from_millis(60)).unwrap();
    together(&mut meeting).unwrap();
}
