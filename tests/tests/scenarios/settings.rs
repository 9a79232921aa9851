//! The settings behind the PIN, and a room's new name.

use vestibule_tests::programs::{Kiosk, Relay};
use vestibule_tests::rooms::{
    DEVICES, SMALL, digits, home, join, lamp, logged, out, read, see, start, tile, together, told, type_text,
};

#[test]
fn the_settings_ask_for_the_pin_and_a_new_name_holds() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Relay::start(folder.path(), None, &[]).unwrap();
    let options = [&DEVICES[..], &["--pin", "2468"]].concat();
    let mut host = Kiosk::start(folder.path(), "Boardroom", &relay, &SMALL, None).unwrap();
    let mut guest = Kiosk::start(folder.path(), "Workshop", &relay, &options, None).unwrap();
    home(&mut host).unwrap();
    home(&mut guest).unwrap();

    guest.touch("\"OpenSettings\"").unwrap();
    let view = read(&mut guest, "Type the PIN").unwrap();
    assert_eq!(view["screen"]["Pin"]["boxes"].as_array().unwrap().len(), 4);
    guest.touch("{\"Set\":\"EditName\"}").unwrap();
    assert!(guest.view().unwrap()["screen"]["Pin"].is_object(), "nothing is changed before the PIN");
    digits(&mut guest, "246").unwrap();
    let shown = guest.view().unwrap()["screen"]["Pin"]["boxes"].to_string();
    assert!(!shown.contains('2') && shown.contains('•'), "{shown}");
    digits(&mut guest, "9").unwrap();
    read(&mut guest, "That is not the PIN.").unwrap();
    logged(&mut guest, "a wrong PIN was typed").unwrap();
    digits(&mut guest, "2468").unwrap();
    see(&mut guest, "the settings", |view| view["screen"]["Settings"].is_object()).unwrap();
    logged(&mut guest, "the settings were opened").unwrap();

    guest.touch("{\"Set\":\"EditName\"}").unwrap();
    ("Workshop".chars()).for_each(|_| guest.touch("\"Erase\"").unwrap());
    guest.touch("\"Submit\"").unwrap();
    read(&mut guest, "The room needs a name.").unwrap();
    type_text(&mut guest, "Studio").unwrap();
    guest.touch("\"Submit\"").unwrap();
    told(&mut guest, "The room has a new name.").unwrap();
    guest.touch("\"Back\"").unwrap();
    home(&mut guest).unwrap();
    assert_eq!(guest.view().unwrap()["room_name"], "Studio");

    start(&mut host).unwrap();
    join(&mut guest, &mut host).unwrap();
    together(&mut [&mut host, &mut guest]).unwrap();
    tile(&mut host, "Studio").unwrap();

    // Over a power cut, and against the name that it was started with.
    guest.cut_power().unwrap();
    let mut guest = Kiosk::start(folder.path(), "Workshop", &relay, &options, None).unwrap();
    together(&mut [&mut host, &mut guest]).unwrap();
    tile(&mut host, "Studio").unwrap();
    assert_eq!(guest.view().unwrap()["room_name"], "Studio");
}

#[test]
fn wrong_pins_make_the_keys_rest() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Relay::start(folder.path(), None, &[]).unwrap();
    let mut kiosk = Kiosk::start(folder.path(), "Boardroom", &relay, &SMALL, None).unwrap();
    home(&mut kiosk).unwrap();
    kiosk.touch("\"OpenSettings\"").unwrap();
    (0..5).for_each(|_| digits(&mut kiosk, "1111").unwrap());
    read(&mut kiosk, "Too many wrong PINs. Wait ").unwrap();
    // Going back and coming again shortens nothing, and the right PIN has to wait too.
    kiosk.touch("\"Back\"").unwrap();
    out(&mut kiosk).unwrap();
    kiosk.touch("\"OpenSettings\"").unwrap();
    digits(&mut kiosk, "0000").unwrap();
    read(&mut kiosk, "Too many wrong PINs. Wait ").unwrap();
}

#[test]
fn a_silent_room_is_asked_whether_anyone_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Relay::start(folder.path(), None, &[]).unwrap();
    // A minute is the shortest that can be set; leaving after another one is shown by the core's tests.
    let silent =
        ["--devices-devices", "sim", "--devices-microphone", "sim:silence", "--anyone-there-min", "1"];
    let mut host = Kiosk::start(folder.path(), "Boardroom", &relay, &silent, None).unwrap();
    home(&mut host).unwrap();
    start(&mut host).unwrap();
    std::thread::sleep(std::time::Duration::from_secs(50));
    see(&mut host, "the question", |view| view["screen"]["Meeting"]["anyone_there_s"].is_u64()).unwrap();
    logged(&mut host, "asking whether anyone is there").unwrap();
    host.touch("\"StillHere\"").unwrap();
    see(&mut host, "no question", |view| view["screen"]["Meeting"]["anyone_there_s"].is_null()).unwrap();
}

/// The caretaker sees the room, hears a tone, speaks and presses the buttons, and nothing of it is more than a test.
#[test]
fn the_test_page_tries_every_device() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Relay::start(folder.path(), None, &[]).unwrap();
    let mut kiosk = Kiosk::start(folder.path(), "Boardroom", &relay, &DEVICES, None).unwrap();
    home(&mut kiosk).unwrap();
    lamp(&mut kiosk, "Mute", true).unwrap();
    kiosk.touch("\"OpenTest\"").unwrap();
    assert!(kiosk.view().unwrap()["screen"]["Home"].is_object(), "only from the settings, behind the PIN");
    kiosk.touch("\"OpenSettings\"").unwrap();
    digits(&mut kiosk, "0000").unwrap();
    see(&mut kiosk, "the settings", |view| view["screen"]["Settings"].is_object()).unwrap();
    kiosk.touch("\"OpenTest\"").unwrap();
    see(&mut kiosk, "the test page, and a level", |view| {
        view["screen"]["Test"]["level"].as_u64().is_some_and(|level| level >= 1)
    })
    .unwrap();
    logged(&mut kiosk, "camera: the test picture").unwrap();
    lamp(&mut kiosk, "Mute", false).unwrap();
    for (n, (button, name)) in [("mute", "Mute"), ("approve", "Approve")].into_iter().enumerate() {
        kiosk.ask(&format!("press {button}")).unwrap();
        lamp(&mut kiosk, name, true).unwrap();
        see(&mut kiosk, "the button pressed", |view| view["screen"]["Test"]["pressed"][n] == true).unwrap();
        kiosk.ask(&format!("release {button}")).unwrap();
        lamp(&mut kiosk, name, false).unwrap();
    }
    // A loose contact, as a hand cannot be.
    kiosk
        .wait_for("the loose contact", |kiosk| {
            for _ in 0..20 {
                kiosk.ask("press approve")?;
                kiosk.ask("release approve")?;
            }
            let view = kiosk.view()?;
            let state = &view["screen"]["Test"]["devices"][3][1];
            match state.as_str() {
                Some(state) if state.contains("the green button's contact is loose") => Ok(()),
                _ => Err(state.to_string()),
            }
        })
        .unwrap();
    logged(&mut kiosk, "The green button's contact is loose").unwrap();
    see(&mut kiosk, "the button well again", |view| {
        view["screen"]["Test"]["devices"][3][1].as_str().is_some_and(|state| state.starts_with("working"))
    })
    .unwrap();
    kiosk.touch("\"PlayTone\"").unwrap();
    kiosk
        .wait_for("the tone", |kiosk| {
            let heard = kiosk.ask("heard")?;
            if heard["dbfs"].as_f64().is_some_and(|dbfs| dbfs > -50.0) {
                Ok(())
            } else {
                Err(heard.to_string())
            }
        })
        .unwrap();
    kiosk.ask("take camera").unwrap();
    see(&mut kiosk, "what is wrong with the camera", |view| {
        view["screen"]["Test"]["devices"][0][1]
            .as_str()
            .is_some_and(|state| state.contains("the simulated camera"))
    })
    .unwrap();
    kiosk.ask("plug camera").unwrap();
    kiosk.touch("\"Back\"").unwrap();
    see(&mut kiosk, "the settings", |view| view["screen"]["Settings"].is_object()).unwrap();
    lamp(&mut kiosk, "Mute", true).unwrap();
}
