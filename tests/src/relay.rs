//! The relay program as a child process with a folder and ports of its own, for tests over real sockets.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use vestibule_common::id::PeerId;
use vestibule_common::identity::Identity;

/// How long anything may take on a busy machine before a test gives up.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A running relay; killed with this value.
pub struct RunningRelay {
    child: Child,
    program: PathBuf,
    folder: TempDir,
    log: Arc<Mutex<Vec<String>>>,
    /// Its control listener.
    pub control: SocketAddr,
    /// Its media socket.
    pub media: SocketAddr,
    /// Its identity.
    pub identity: PeerId,
}

/// The seed of every relay's identity in tests.
const SEED: PeerId = PeerId([0x5e; 32]);

impl RunningRelay {
    /// Starts `program` on free ports of 127.0.0.1 with a state folder of its own and these flags besides.
    ///
    /// Panics when it does not come up: a test cannot go on.
    pub fn start(program: &Path, flags: &[&str]) -> RunningRelay {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(folder.path().join("identity.key"), format!("{SEED}\n")).expect("a key file");
        let mut command = Command::new(program);
        command
            .args([
                "--listen",
                "127.0.0.1",
                "--port",
                "0",
                "--no-announce",
                "--log-level",
                "debug",
                "--state-dir",
            ])
            .arg(folder.path())
            .args(flags)
            .env_remove("NOTIFY_SOCKET")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("the relay starts");
        let log = Arc::new(Mutex::new(Vec::new()));
        let stderr = BufReader::new(child.stderr.take().expect("its log is piped"));
        let lines = log.clone();
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                lines.lock().unwrap_or_else(PoisonError::into_inner).push(line);
            }
        });
        let mut first = String::new();
        let mut stdout = BufReader::new(child.stdout.take().expect("its output is piped"));
        stdout.read_line(&mut first).expect("its output can be read");
        let address = |key: &str| {
            let found = first.split_whitespace().find_map(|word| word.strip_prefix(key));
            found.and_then(|address| address.parse().ok())
        };
        let (Some(control), Some(media)) = (address("control="), address("media=")) else {
            let log = log.lock().unwrap_or_else(PoisonError::into_inner).join("\n");
            panic!("the relay did not come up: {first:?}\n{log}");
        };
        let (program, identity) = (program.to_owned(), Identity::from_seed(&SEED.0).peer());
        RunningRelay { child, program, folder, log, control, media, identity }
    }

    /// The key it has.
    pub fn key(&self) -> Identity {
        Identity::from_seed(&SEED.0)
    }

    /// Its process.
    pub fn process(&self) -> u32 {
        self.child.id()
    }

    /// Its state folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What it has logged so far.
    pub fn log(&self) -> Vec<String> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until it has logged a line with `part`; returns the line.
    pub fn wait_for_log(&self, part: &str) -> String {
        let found = wait_for(|| self.log().into_iter().find(|line| line.contains(part)));
        found.unwrap_or_else(|| panic!("{part:?} was never logged:\n{}", self.log().join("\n")))
    }

    /// Runs the same program with other arguments and the same state folder; returns status, output and errors.
    pub fn run_beside(&self, arguments: &[&str]) -> (ExitStatus, String, String) {
        let mut command = Command::new(&self.program);
        command.args(arguments).arg("--state-dir").arg(self.folder.path()).stdin(Stdio::null());
        let output = command.output().expect("the program runs");
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        (output.status, text(output.stdout), text(output.stderr))
    }

    /// Sends SIGTERM, as a service manager does.
    pub fn terminate(&self) {
        terminate(&self.child);
    }

    /// Waits until it has ended by itself.
    pub fn wait(&mut self) -> ExitStatus {
        let status = wait_for(|| self.child.try_wait().ok().flatten());
        status.unwrap_or_else(|| panic!("the relay does not end:\n{}", self.log().join("\n")))
    }

    /// A figure of the process in /proc/self/status, in KiB: `VmRSS`, `VmHWM`.
    pub fn memory_kib(&self, figure: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix(figure)?.strip_prefix(':'));
        line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
    }

    /// How many descriptors the process has open.
    pub fn descriptors(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).map_or(0, |entries| entries.count())
    }
}

impl Drop for RunningRelay {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("the relay's log:\n{}", self.log().join("\n"));
        }
    }
}

/// Sends SIGTERM to a child.
pub fn terminate(child: &Child) {
    let process = rustix::process::Pid::from_child(child);
    rustix::process::kill_process(process, rustix::process::Signal::TERM).expect("SIGTERM can be sent");
}

fn wait_for<T>(mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let start = Instant::now();
    loop {
        match look() {
            Some(found) => return Some(found),
            None if start.elapsed() > PATIENCE => return None,
            None => std::thread::sleep(Duration::from_millis(5)),
        }
    }
}
