//! Wrong codes: each is answered, many are slowed down and shown to the host.

use vestibule_tests::programs::{Kiosk, Relay};
use vestibule_tests::rooms::{SMALL, digits, home, knock, logged, read, see, start, told, wrong};

#[test]
fn wrong_codes_are_answered_slowed_down_and_shown_to_the_host() {
    let folder = tempfile::tempdir().unwrap();
    let options = [
        "--rooms-alarm-wrong-codes",
        "3",
        "--rooms-wrong-codes-per-source-burst",
        "3",
        "--rooms-wrong-codes-per-source-per-minute",
        "1",
    ];
    let relay = Relay::start(folder.path(), None, &options).unwrap();
    let mut host = Kiosk::start(folder.path(), "Boardroom", &relay, &SMALL, None).unwrap();
    let mut guest = Kiosk::start(folder.path(), "Workshop", &relay, &SMALL, None).unwrap();
    home(&mut host).unwrap();
    home(&mut guest).unwrap();
    let code = start(&mut host).unwrap();
    for by in 1..=3 {
        let code = wrong(&code, by);
        knock(&mut guest, &code).unwrap();
        let spaced = format!("{} {}", &code[..3], &code[3..]);
        told(&mut guest, &format!("There is no meeting with the code {spaced} at the relay ")).unwrap();
        let view = guest.view().unwrap();
        let boxes = view["screen"]["Join"]["boxes"].as_array().unwrap();
        assert!(boxes.iter().all(serde_json::Value::is_null), "the next try begins empty: {view}");
    }
    let alarm = "Someone is trying codes: 3 wrong ones within a minute.";
    let view = read(&mut host, alarm).unwrap();
    assert_eq!(view["notice"]["severity"], "Alarm");
    logged(&mut host, alarm).unwrap();

    // From now on a right code gets the same answer as a wrong one.
    for code in [wrong(&code, 4), code.clone()] {
        digits(&mut guest, &code[..1]).unwrap();
        see(&mut guest, "no error while typing", |view| view["screen"]["Join"]["error"].is_null()).unwrap();
        digits(&mut guest, &code[1..]).unwrap();
        told(&mut guest, "Too many wrong codes. Wait a moment, then try again.").unwrap();
    }
    assert!(host.view().unwrap()["knock"].is_null());
    host.touch("\"DismissNotice\"").unwrap();
    see(&mut host, "no alarm", |view| view["notice"].is_null()).unwrap();
}
