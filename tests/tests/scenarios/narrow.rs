//! A narrow network: sound is coded there and goes on, and is plain again once there is room.

use std::path::Path;

use vestibule_tests::network::Network;
use vestibule_tests::programs::{Kiosk, Relay, program, wait_for};
use vestibule_tests::rooms::{DEVICES, home, join, start, together};

/// Runs `tc` in the network; the words that it failed with.
fn tc(network: &Network, words: &str) {
    let out = network.command(Path::new("tc")).args(words.split(' ')).output().unwrap();
    assert!(out.status.success(), "tc {words}: {}", String::from_utf8_lossy(&out.stderr));
}

/// The loudest sample that a room played of the others in a second.
fn loudest_played(kiosk: &mut Kiosk) -> u16 {
    let answer = kiosk.ask("record 1").unwrap();
    let said = answer["recorded"].as_str().unwrap_or_else(|| panic!("{answer}"));
    let (path, _) = said.split_once(": ").unwrap();
    let samples: Vec<i16> =
        hound::WavReader::open(path).unwrap().samples().collect::<Result<_, _>>().unwrap();
    samples.chunks(3).map(|tracks| tracks[1].unsigned_abs()).max().unwrap()
}

#[test]
fn where_the_network_is_narrow_sound_is_coded_and_goes_on() {
    let Some(network) = Network::or_say_so("where_the_network_is_narrow_sound_is_coded_and_goes_on") else {
        return;
    };
    let link = network.command(Path::new("ip")).args(["link", "set", "lo", "mtu", "1500"]).status();
    assert!(link.unwrap().success());
    let folder = tempfile::tempdir().unwrap();
    let ports = ["--listen", "127.0.0.1", "--no-announce", "--port", "0", "--media-port", "0"];
    let relay =
        Relay::launch(network.command(&program("vestibule-relay")), &folder.path().join("relay"), &ports)
            .unwrap();
    let kiosk = |name: &str| {
        let (address, key) = (relay.control.to_string(), relay.key.to_string());
        let mut options = vec!["--no-discover", "--relay", &address, "--relay-key", &key];
        options.extend(DEVICES);
        Kiosk::launch(network.command(&program("vestibule-kiosk")), folder.path(), name, &options, None)
            .unwrap()
    };
    let (mut host, mut guest) = (kiosk("Boardroom"), kiosk("Workshop"));
    home(&mut host).unwrap();
    home(&mut guest).unwrap();
    start(&mut host).unwrap();
    join(&mut guest, &mut host).unwrap();
    together(&mut [&mut host, &mut guest]).unwrap();

    // All four directions share it; plain samples alone would take 3.4 Mbit/s.
    tc(&network, "qdisc add dev lo root tbf rate 1800kbit burst 10kb latency 200ms");
    let coded = |kiosk: &mut Kiosk| kiosk.counter("audio_coded_received");
    for kiosk in [&mut host, &mut guest] {
        let before = coded(kiosk).unwrap();
        kiosk
            .wait_for("coded sound", |kiosk| match coded(kiosk)? {
                now if now > before + 300 => Ok(()),
                now => Err(format!("{now} packets")),
            })
            .unwrap();
    }
    together(&mut [&mut host, &mut guest]).unwrap();
    for kiosk in [&mut host, &mut guest] {
        let loudest = loudest_played(kiosk);
        assert!(loudest > 500, "{loudest}: the other room's tone is heard");
    }

    tc(&network, "qdisc del dev lo root");
    for kiosk in [&mut host, &mut guest] {
        let mut before = (0, 0);
        wait_for("plain samples again", || {
            let now = (coded(kiosk)?, kiosk.counter("audio_received")?);
            let (coded, all) = (now.0 - before.0, now.1 - before.1);
            if all < 100 {
                return Err(format!("{coded} of {all} packets are coded"));
            }
            before = now;
            if coded == 0 { Ok(()) } else { Err(format!("{coded} of {all} packets are coded")) }
        })
        .unwrap();
    }
    together(&mut [&mut host, &mut guest]).unwrap();
}
