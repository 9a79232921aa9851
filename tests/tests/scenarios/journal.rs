//! Under systemd the log goes to the journal, with fields, and the service manager is told how it goes. Here the test is both.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use vestibule_tests::network::{forgo, user_options};
use vestibule_tests::programs::{Kiosk, PATIENCE, program};
use vestibule_tests::rooms::SMALL;

/// Puts the test's journal where the system's is, for one program only.
const WITH_JOURNAL: &str = "mount -t tmpfs none /run && mkdir -p /run/systemd/journal && \
    mount --bind \"$0\" /run/systemd/journal && exec \"$@\"";

fn relay(journal: &Path, state: &Path) -> Child {
    let (stderr, _journals_end) = UnixStream::pair().unwrap();
    let stderr = File::from(OwnedFd::from(stderr));
    let stream = stderr.metadata().unwrap();
    let mut command = Command::new("unshare");
    command.args(user_options()).args(["--mount", "sh", "-c", WITH_JOURNAL]).arg(journal);
    command.arg(program("vestibule-relay"));
    command.args([
        "--listen",
        "127.0.0.1",
        "--port",
        "0",
        "--media-port",
        "0",
        "--no-announce",
        "--state-dir",
    ]);
    command.arg(state).env("JOURNAL_STREAM", format!("{}:{}", stream.dev(), stream.ino()));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(stderr).spawn().unwrap()
}

#[test]
fn under_systemd_the_journal_has_the_log() {
    let mut probe = Command::new("unshare");
    probe.args(user_options()).args(["--mount", "sh", "-c", "mount -t tmpfs none /run"]);
    match probe.output() {
        Ok(output) if output.status.success() => {}
        Ok(output) => {
            return forgo("under_systemd_the_journal_has_the_log", &String::from_utf8_lossy(&output.stderr));
        }
        Err(error) => return forgo("under_systemd_the_journal_has_the_log", &error.to_string()),
    }
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal");
    std::fs::create_dir(&journal).unwrap();
    let socket = UnixDatagram::bind(journal.join("socket")).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut relay = relay(&journal, &folder.path().join("state"));
    let mut seen = String::new();
    let mut buffer = [0; 65536];
    while !seen.contains("kiosks reach it at") {
        let len = socket.recv(&mut buffer).unwrap_or_else(|error| panic!("{error} after {seen}"));
        seen.push_str(&String::from_utf8_lossy(&buffer[..len]));
        seen.push('\n');
    }
    relay.kill().unwrap();
    relay.wait().unwrap();
    for field in ["PRIORITY=", "SYSLOG_IDENTIFIER=vestibule-relay", "MESSAGE", "\nRELAY\n"] {
        assert!(seen.contains(field), "{field} in {seen}");
    }
}

#[test]
fn the_service_manager_hears_that_a_kiosk_is_ready_alive_and_stopping() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let manager = UnixDatagram::bind(&path).unwrap();
    manager.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut hear = {
        let mut buffer = [0; 500];
        move |word: &str| loop {
            let len = manager.recv(&mut buffer).unwrap_or_else(|error| panic!("{word}: {error}"));
            if String::from_utf8_lossy(&buffer[..len]).contains(word) {
                return;
            }
        }
    };
    let mut command = Command::new(program("vestibule-kiosk"));
    command.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "10000000").env_remove("WATCHDOG_PID");
    let options = [&SMALL[..], &["--no-discover"]].concat();
    let mut kiosk = Kiosk::launch(command, folder.path(), "Boardroom", &options, None).unwrap();
    hear("READY=1");
    hear("WATCHDOG=1");
    assert!(kiosk.process.stop().unwrap(), "it ends well");
    hear("STOPPING=1");
}
