//! Relays that are found by multicast DNS, in a network of the test's own.

use vestibule_tests::network::Network;
use vestibule_tests::programs::{Kiosk, Relay, program};
use vestibule_tests::rooms::{SMALL, home, logged, read, see};

#[test]
fn two_relays_are_offered_and_the_chosen_one_is_kept() {
    let Some(network) = Network::or_say_so("two_relays_are_offered_and_the_chosen_one_is_kept") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let relay = |name: &str| {
        let options = ["--name", name, "--port", "0", "--media-port", "0"];
        Relay::launch(network.command(&program("vestibule-relay")), &folder.path().join(name), &options)
            .unwrap()
    };
    let kiosk = || {
        let command = network.command(&program("vestibule-kiosk"));
        Kiosk::launch(command, folder.path(), "Boardroom", &SMALL, None).unwrap()
    };
    let (mut hall, annex) = (relay("Hall"), relay("Annex"));

    let mut room = kiosk();
    let view = see(&mut room, "both relays", |view| {
        view["screen"]["Relays"]["relays"].as_array().is_some_and(|relays| relays.len() == 2)
    })
    .unwrap();
    let relays = view["screen"]["Relays"]["relays"].as_array().unwrap().clone();
    for (relay, name) in [(&hall, "Hall"), (&annex, "Annex")] {
        let entry = relays.iter().find(|entry| entry["peer"] == relay.key.to_string()).unwrap();
        let log = std::fs::read_to_string(folder.path().join(name).join("relay.log")).unwrap();
        let words = entry["words"].as_str().unwrap();
        assert!(words.split(' ').count() == 4 && log.contains(words), "{words:?} in\n{log}");
        let port = relay.control.port().to_string();
        assert!(entry["address"].as_str().unwrap().ends_with(&format!(":{port}")), "{entry}");
    }
    room.touch(&format!("{{\"ChooseRelay\":\"{}\"}}", hall.key)).unwrap();
    home(&mut room).unwrap();
    logged(&mut room, "was confirmed").unwrap();

    // It is kept over a restart, and no other one takes its place.
    room.cut_power().unwrap();
    let mut room = kiosk();
    home(&mut room).unwrap();
    hall.process.kill();
    read(&mut room, "The relay isn't answering. Trying again in ").unwrap();
    // Started again it has another port; its key is what the kiosk knows it by.
    hall = relay("Hall");
    home(&mut room).unwrap();
    logged(&mut room, &format!(":{}", hall.control.port())).unwrap();
    let log = std::fs::read_to_string(folder.path().join("Annex").join("relay.log")).unwrap();
    assert!(!log.contains("Boardroom"), "the other one was never greeted: {log}");
}
