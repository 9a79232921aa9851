//! What is done with the microphone's sound: muting that closes the device, ways to treat echo, a recording for diagnosis.

use std::time::Duration;

use serde_json::Value;
use vestibule_tests::programs::{Kiosk, Relay};
use vestibule_tests::rooms::{DEVICES, digits, home, join, lamp, logged, meet, see, silent, start, together};

#[test]
fn a_room_that_mutes_hard_closes_its_microphone_and_is_heard_again_after() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Relay::start(folder.path(), None, &[]).unwrap();
    let options: Vec<&str> = DEVICES.into_iter().chain(["--mute", "hard"]).collect();
    let mut host = Kiosk::start(folder.path(), "Boardroom", &relay, &options, None).unwrap();
    let mut guest = Kiosk::start(folder.path(), "Workshop", &relay, &DEVICES, None).unwrap();
    home(&mut host).unwrap();
    home(&mut guest).unwrap();
    start(&mut host).unwrap();
    join(&mut guest, &mut host).unwrap();
    together(&mut [&mut host, &mut guest]).unwrap();
    for _ in 0..2 {
        host.press("mute", Duration::from_millis(60)).unwrap();
        lamp(&mut host, "Mute", true).unwrap();
        logged(&mut host, "microphone: closed").unwrap();
        silent(&mut guest).unwrap();
        see(&mut host, "muted, and no fault", |view| view["screen"]["Meeting"]["microphone"] == "Muted")
            .unwrap();
        host.press("mute", Duration::from_millis(60)).unwrap();
        lamp(&mut host, "Mute", false).unwrap();
        together(&mut [&mut host, &mut guest]).unwrap();
    }
}

/// The meter in the mute button shows what the microphone hears, also while nothing of it leaves, and nothing without one.
#[test]
fn the_meter_follows_the_microphone_and_not_the_gate() {
    let folder = tempfile::tempdir().unwrap();
    let mut meeting = meet(folder.path()).unwrap();
    let host = &mut meeting.host;
    let level = |view: &Value| view["screen"]["Meeting"]["own_level"].as_u64();
    see(host, "a level", |view| level(view).is_some_and(|level| (1..=10).contains(&level))).unwrap();
    host.press("mute", Duration::from_millis(60)).unwrap();
    lamp(host, "Mute", true).unwrap();
    see(host, "a level while muted", |view| {
        view["screen"]["Meeting"]["microphone"] == "Muted" && level(view).is_some_and(|level| level >= 1)
    })
    .unwrap();
    host.ask("unplug microphone").unwrap();
    see(host, "no level", |view| level(view).is_none()).unwrap();
    host.ask("plug microphone").unwrap();
    see(host, "a level again", |view| level(view).is_some_and(|level| level >= 1)).unwrap();
}

#[test]
fn the_way_to_treat_echo_is_chosen_in_the_settings_and_kept() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Relay::start(folder.path(), None, &[]).unwrap();
    for chosen in ["cancel", "half-duplex"] {
        let mut kiosk = Kiosk::start(folder.path(), "Boardroom", &relay, &DEVICES, None).unwrap();
        home(&mut kiosk).unwrap();
        kiosk.touch("\"OpenSettings\"").unwrap();
        digits(&mut kiosk, "0000").unwrap();
        see(&mut kiosk, chosen, |view| view["screen"]["Settings"]["echo"] == chosen).unwrap();
        kiosk.touch("{\"Set\":{\"Echo\":\"half-duplex\"}}").unwrap();
        see(&mut kiosk, "half-duplex", |view| view["screen"]["Settings"]["echo"] == "half-duplex").unwrap();
        kiosk.cut_power().unwrap();
    }
}

#[test]
fn the_caretaker_records_what_was_heard_played_and_sent_and_nothing_of_it_while_muted() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Relay::start(folder.path(), None, &[]).unwrap();
    let plain: Vec<&str> =
        DEVICES.into_iter().chain(["--sound-echo", "off", "--no-sound-noise-suppression"]).collect();
    let mut host = Kiosk::start(folder.path(), "Boardroom", &relay, &plain, None).unwrap();
    let mut guest = Kiosk::start(folder.path(), "Workshop", &relay, &plain, None).unwrap();
    home(&mut host).unwrap();
    home(&mut guest).unwrap();
    start(&mut host).unwrap();
    join(&mut guest, &mut host).unwrap();
    together(&mut [&mut host, &mut guest]).unwrap();

    let loudest = |kiosk: &mut Kiosk| {
        let answer = kiosk.ask("record 1").unwrap();
        let said = answer["recorded"].as_str().unwrap_or_else(|| panic!("{answer}"));
        let (path, _) = said.split_once(": ").unwrap();
        let mut wav = hound::WavReader::open(path).unwrap();
        assert_eq!((wav.spec().channels, wav.spec().sample_rate), (3, 48_000));
        let samples: Vec<i16> = wav.samples().collect::<Result<_, _>>().unwrap();
        [0, 1, 2].map(|track| samples.chunks(3).map(|of| of[track].unsigned_abs()).max().unwrap())
    };
    let [microphone, reference, output] = loudest(&mut host);
    assert!(microphone > 1000 && reference > 500 && output > 1000, "{microphone} {reference} {output}");
    host.press("mute", Duration::from_millis(60)).unwrap();
    lamp(&mut host, "Mute", true).unwrap();
    silent(&mut guest).unwrap();
    let [microphone, reference, output] = loudest(&mut host);
    assert_eq!((microphone, output), (0, 0), "muted");
    assert!(reference > 500, "the other room is heard all the same");
    assert!(
        host.ask("record 3600").unwrap()["error"].as_str().is_some_and(|error| error.contains("1 to 60"))
    );
}
