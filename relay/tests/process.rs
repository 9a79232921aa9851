//! The program as whoever runs it meets it: flags, ports, signals, status.

#![allow(clippy::unwrap_used, reason = "a helper of a test may panic as the test itself may")]

use std::path::Path;
use std::process::{Command, Output};

use vestibule_common::control::{Ask, StoppingWhy, Tell};
use vestibule_common::signed::{Founding, Role};
use vestibule_tests::client::{Client, patiently};
use vestibule_tests::relay::{RunningRelay, terminate};

const PROGRAM: &str = env!("CARGO_BIN_EXE_vestibule-relay");

fn relay(flags: &[&str]) -> RunningRelay {
    RunningRelay::start(Path::new(PROGRAM), flags)
}

fn run(arguments: &[&str]) -> Output {
    Command::new(PROGRAM).args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[tokio::test]
async fn on_sigterm_every_kiosk_is_told_and_the_program_ends_well() {
    let mut relay = relay(&[]);
    let mut idle = Client::greeted(&relay, 1, "Boardroom").await;
    let mut host = Client::greeted(&relay, 2, "Workshop").await;
    host.create().await;
    let _silent = std::net::TcpStream::connect(relay.control).unwrap();
    relay.terminate();
    for client in [&mut idle, &mut host] {
        let told = client.receive().await.unwrap().body;
        assert_eq!(told, Tell::Stopping { why: StoppingWhy::Shutdown });
        assert_eq!(client.receive().await, None, "and the connection is closed");
    }
    assert!(relay.wait().success());
    assert!(!relay.folder().join("control.address").exists());
}

#[test]
fn a_taken_port_is_explained() {
    let first = relay(&[]);
    let port = first.control.port().to_string();
    let (status, _, errors) =
        first.run_beside(&["--listen", "127.0.0.1", "--port", &port, "--media-port", "0"]);
    assert_eq!(status.code(), Some(1));
    assert!(errors.contains(&format!("TCP port {port} is taken by ")), "{errors}");
    assert!(errors.contains("choose another port with --port"), "{errors}");
    if cfg!(target_os = "linux") {
        assert!(errors.contains(&format!("vestibule-relay (process {})", first.process())), "{errors}");
    }
    let port = first.media.port().to_string();
    let (_, _, errors) = first.run_beside(&["--listen", "127.0.0.1", "--port", "0", "--media-port", &port]);
    assert!(errors.contains("UDP port") && errors.contains("--media-port"), "{errors}");
}

#[tokio::test]
async fn status_lists_meetings_and_kiosks() {
    let relay = relay(&[]);
    let mut host = Client::greeted(&relay, 1, "Boardroom").await;
    let meeting = host.create().await;
    let mut guest = Client::greeted(&relay, 2, "Workshop").await;
    guest.join(&mut host, &meeting).await;
    let _lobby = Client::greeted(&relay, 3, "Lobby").await;
    let (status, table, errors) = relay.run_beside(&["status"]);
    assert!(status.success(), "{errors}");
    assert!(table.contains(&format!("meeting {}: 2 rooms", meeting.code.spaced())), "{table}");
    for part in ["host Boardroom", "Workshop", "127.0.0.1:", "in no meeting: 1 room", "Lobby"] {
        assert!(table.contains(part), "{part:?} in\n{table}");
    }
}

#[test]
fn status_without_a_relay_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().to_str().unwrap();
    let output = run(&["status", "--state-dir", dir]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("there is no key"), "{}", text(&output.stderr));
    std::fs::write(folder.path().join("identity.key"), "ab".repeat(32)).unwrap();
    std::fs::write(folder.path().join("control.address"), "127.0.0.1:1\n").unwrap();
    let output = run(&["status", "--state-dir", dir]);
    assert!(text(&output.stderr).contains("Is it running?"), "{}", text(&output.stderr));
}

#[test]
fn the_configuration_can_be_checked() {
    let output = run(&["--check-config", "--port", "7000", "--state-dir", "/nowhere"]);
    assert!(output.status.success());
    let printed = text(&output.stdout);
    assert!(printed.contains("port = 7000") && printed.contains("media_port = 7001"), "{printed}");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("relay.toml");
    std::fs::write(&file, "port = 1\nprot = 2\n").unwrap();
    let output = run(&["--check-config", "--config", file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    let errors = text(&output.stderr);
    assert!(errors.contains("line 2") && errors.contains("prot"), "{errors}");
}

#[test]
fn help_and_version() {
    assert!(text(&run(&["--help"]).stdout).contains("--media-port <number>"));
    assert!(text(&run(&["--version"]).stdout).starts_with("vestibule-relay "));
    let output = run(&["--colour", "blue"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("no option --colour"));
}

#[test]
fn a_damaged_key_stops_the_start() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("identity.key"), "not a key").unwrap();
    let dir = folder.path().to_str().unwrap();
    let output = run(&["--listen", "127.0.0.1", "--port", "0", "--no-announce", "--state-dir", dir]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("is damaged"), "{}", text(&output.stderr));
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_service_manager_hears_that_the_relay_is_ready_alive_and_stopping() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let manager = tokio::net::UnixDatagram::bind(&path).unwrap();
    let mut relay = Command::new(PROGRAM)
        .args(["--listen", "127.0.0.1", "--port", "0", "--no-announce", "--state-dir"])
        .arg(folder.path())
        .env("NOTIFY_SOCKET", &path)
        .env("WATCHDOG_USEC", "200000")
        .env_remove("WATCHDOG_PID")
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let mut heard = Vec::new();
    let mut buffer = [0; 500];
    while heard.iter().filter(|word: &&String| word.contains("WATCHDOG=1")).count() < 3 {
        let len = patiently("a sign of life", manager.recv(&mut buffer)).await.unwrap();
        heard.push(text(&buffer[..len]));
    }
    assert!(heard.iter().any(|word| word.contains("READY=1")), "{heard:?}");
    terminate(&relay);
    loop {
        let len = patiently("the farewell", manager.recv(&mut buffer)).await.unwrap();
        if text(&buffer[..len]).contains("STOPPING=1") {
            break;
        }
    }
    assert!(relay.wait().unwrap().success());
}

#[tokio::test]
async fn a_meeting_has_its_code_again_after_the_relay_was_killed() {
    let first = relay(&[]);
    let mut host = Client::greeted(&first, 1, "Boardroom").await;
    let meeting = host.create().await;
    // Answered once everything before it is done.
    assert!(matches!(host.ask(Ask::Lock { locked: false }).await, Tell::Done));
    // What the relay left behind when it was killed.
    let folder = tempfile::tempdir().unwrap();
    for name in ["codes", "identity.key"] {
        std::fs::copy(first.folder().join(name), folder.path().join(name)).unwrap();
    }
    drop(first);
    let second = relay(&["--state-dir", folder.path().to_str().unwrap()]);
    let mut guest = Client::greeted(&second, 2, "Workshop").await;
    let own = Founding { founder: guest.identity.peer(), nonce: meeting.founding.nonce };
    let admission = guest.admit(own.room(), guest.identity.peer(), Role::Host, 1);
    let reopen = |founding, admission| Ask::Reopen {
        founding,
        successions: vec![],
        code: meeting.code,
        admission,
        members: vec![],
        removals: vec![],
        locked: false,
        next_event: meeting.next_event,
    };
    match guest.ask(reopen(own, admission)).await {
        Tell::Entered(entered) => assert_ne!(entered.code, meeting.code, "nobody takes it over"),
        other => panic!("{other:?}"),
    }
    let mut host = Client::greeted(&second, 1, "Boardroom").await;
    match host.ask(reopen(meeting.founding, meeting.admission)).await {
        Tell::Entered(entered) => assert_eq!(entered.code, meeting.code),
        other => panic!("{other:?}"),
    }
}
