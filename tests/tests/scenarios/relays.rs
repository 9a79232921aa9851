//! The relay is not there, is another one, speaks another language, stops: what the room reads, and how it comes back.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use vestibule_common::control::{ErrorCode, FrameDecoder, RelayError, Tell, ToKiosk, encode_frame};
use vestibule_common::identity::Identity;
use vestibule_relay::shell::tls;
use vestibule_tests::network::forgo;
use vestibule_tests::programs::{Kiosk, Relay, program, wait_for};
use vestibule_tests::rooms::{SMALL, home, logged, meet, meet_at, out, read, see, told};

fn again(folder: &Path, relay: &Relay) -> Relay {
    let ports = (relay.control.port(), relay.media.port());
    wait_for("the ports to be free", || Relay::start(folder, Some(ports), &[])).unwrap()
}

#[test]
fn a_kiosk_waits_for_a_relay_that_is_not_there_yet() {
    let folder = tempfile::tempdir().unwrap();
    let mut relay = Relay::start(folder.path(), None, &[]).unwrap();
    relay.process.kill();
    let mut kiosk = Kiosk::start(folder.path(), "Boardroom", &relay, &SMALL, None).unwrap();
    told(&mut kiosk, "The relay isn't answering. Trying again in ").unwrap();
    let view = out(&mut kiosk).unwrap();
    assert_eq!(view["screen"]["Home"]["can_meet"], false, "{view}");
    let _relay = again(folder.path(), &relay);
    home(&mut kiosk).unwrap();
}

#[test]
fn a_relay_with_another_key_is_not_trusted() {
    let folder = tempfile::tempdir().unwrap();
    let mut relay = Relay::start(folder.path(), None, &[]).unwrap();
    let mut kiosk = Kiosk::start(folder.path(), "Boardroom", &relay, &SMALL, None).unwrap();
    home(&mut kiosk).unwrap();
    relay.process.kill();
    std::fs::remove_file(relay.folder.join("relay/identity.key")).unwrap();
    let stranger = again(folder.path(), &relay);
    assert_ne!(stranger.key, relay.key);
    told(&mut kiosk, "This is not the relay this room trusts.").unwrap();
    logged(&mut kiosk, &stranger.key.to_string()).unwrap();
    let view = out(&mut kiosk).unwrap();
    assert_eq!(view["screen"]["Home"]["can_meet"], false, "{view}");
    let log = std::fs::read_to_string(folder.path().join("relay.log")).unwrap();
    assert!(!log.contains("Boardroom"), "a stranger learns nothing: {log}");
}

/// A relay that speaks only versions to come. Answers every greeting so.
fn relay_of_the_future() -> (u16, Identity) {
    let seed = [0x77; 32];
    let (tell, port) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            tell.send(listener.local_addr().unwrap().port()).unwrap();
            let acceptor = TlsAcceptor::from(Arc::clone(&tls::server_config(&seed).unwrap()));
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let Ok(mut stream) = acceptor.accept(stream).await else { continue };
                let (mut decoder, mut buffer) = (FrameDecoder::default(), [0; 4096]);
                while decoder.next_frame().unwrap().is_none() {
                    let len = stream.read(&mut buffer).await.unwrap();
                    assert!(len > 0, "it greets");
                    decoder.push(&buffer[..len]);
                }
                let detail = "this relay speaks versions 7 to 9".to_owned();
                let error = RelayError { code: ErrorCode::Version, detail, retry_after_ms: None };
                let answer = ToKiosk { re: Some(0), body: Tell::Error(error) };
                let mut frame = Vec::new();
                encode_frame(&serde_json::to_vec(&answer).unwrap(), &mut frame).unwrap();
                stream.write_all(&frame).await.unwrap();
                stream.shutdown().await.unwrap();
            }
        });
    });
    (port.recv().unwrap(), Identity::from_seed(&seed))
}

#[test]
fn a_relay_of_another_version_is_named_as_such() {
    let folder = tempfile::tempdir().unwrap();
    let (port, key) = relay_of_the_future();
    let (address, key) = (format!("127.0.0.1:{port}"), key.peer().to_string());
    let options = [&SMALL[..], &["--no-discover", "--relay", &address, "--relay-key", &key]].concat();
    let command = Command::new(program("vestibule-kiosk"));
    let mut kiosk = Kiosk::launch(command, folder.path(), "Boardroom", &options, None).unwrap();
    told(&mut kiosk, "The relay has another version. One of the two needs an update.").unwrap();
    logged(&mut kiosk, "this relay speaks versions 7 to 9").unwrap();
    assert_eq!(out(&mut kiosk).unwrap()["screen"]["Home"]["can_meet"], false);
}

#[test]
fn two_kiosks_with_one_key_do_not_fight() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Relay::start(folder.path(), None, &[]).unwrap();
    let mut first = Kiosk::start(&folder.path().join("one"), "Boardroom", &relay, &SMALL, None).unwrap();
    home(&mut first).unwrap();
    let copied: [PathBuf; 2] = ["one", "two"].map(|place| folder.path().join(place).join("Boardroom"));
    std::fs::create_dir_all(&copied[1]).unwrap();
    std::fs::copy(copied[0].join("identity.key"), copied[1].join("identity.key")).unwrap();
    let mut second = Kiosk::start(&folder.path().join("two"), "Boardroom", &relay, &SMALL, None).unwrap();
    told(&mut first, "Another kiosk uses this room's identity. A caretaker should look at it.").unwrap();
    home(&mut second).unwrap();
}

#[test]
fn a_relay_that_is_stopped_says_so_and_lists_its_rooms_before() {
    let folder = tempfile::tempdir().unwrap();
    let mut meeting = meet(folder.path()).unwrap();
    let mut idle = Kiosk::start(folder.path(), "Lobby", &meeting.relay, &SMALL, None).unwrap();
    home(&mut idle).unwrap();

    let mut status = Command::new(program("vestibule-relay"));
    let output = status.arg("status").arg("--state-dir").arg(folder.path().join("relay")).output().unwrap();
    let table = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let code = meeting.host.meeting().unwrap()["code"].as_str().unwrap().to_owned();
    for part in [
        &format!("meeting {code}: 2 rooms"),
        "host Boardroom",
        "Workshop",
        "127.0.0.1:",
        "in no meeting: 1",
        "Lobby",
    ] {
        assert!(table.contains(part), "{part:?} in\n{table}");
    }

    assert!(meeting.relay.process.stop().unwrap(), "it ends well");
    for kiosk in [&mut meeting.host, &mut meeting.guest] {
        logged(kiosk, "The relay is about to stop.").unwrap();
        see(kiosk, "why there is nobody", |view| {
            let text = view["notice"]["text"].as_str().unwrap_or_default();
            view["screen"]["Meeting"].is_object() && text.starts_with("The relay ")
        })
        .unwrap();
        logged(kiosk, "The relay was stopped. Trying again in ").unwrap();
    }
    read(&mut idle, "The relay ").unwrap();
    logged(&mut idle, "The relay was stopped. Trying again in ").unwrap();
    meeting.relay = again(folder.path(), &meeting.relay);
    meeting.together().unwrap();
    home(&mut idle).unwrap();
}

#[test]
fn a_relay_whose_port_is_taken_names_the_program_that_has_it() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Relay::start(folder.path(), None, &[]).unwrap();
    let ports = (relay.control.port(), 0);
    let error = Relay::start(&folder.path().join("second"), Some(ports), &[]).err().unwrap();
    let words = format!("TCP port {} is taken by vestibule-relay (process {})", ports.0, relay.process.id());
    assert!(error.contains(&words), "{error}");
}

#[test]
fn rooms_meet_over_ipv6() {
    if let Err(error) = std::net::UdpSocket::bind("[::1]:0") {
        return forgo("rooms_meet_over_ipv6", &error.to_string());
    }
    let folder = tempfile::tempdir().unwrap();
    let options = ["--listen", "::1", "--no-announce", "--port", "0", "--media-port", "0"];
    let command = Command::new(program("vestibule-relay"));
    let relay = Relay::launch(command, folder.path(), &options).unwrap();
    assert!(relay.control.is_ipv6());
    meet_at(folder.path(), relay).unwrap();
}
