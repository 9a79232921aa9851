//! The real programs as child processes, and the kiosk's observer: what a test or a measurement holds on to.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use vestibule_common::id::PeerId;
use vestibule_common::identity::Identity;

/// How long anything may take on a busy machine before it counts as failed.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Finds a program of the workspace beside the one that runs.
///
/// Panics with the command that builds it when it is not there.
pub fn program(name: &str) -> PathBuf {
    let here = std::env::current_exe().expect("a running program has a path");
    let folders = here.ancestors().skip(1).take(2);
    let found = folders.map(|folder| folder.join(name)).find(|path| path.is_file());
    found.unwrap_or_else(|| panic!("{name} is not built; try: cargo build --workspace --bins"))
}

/// Waits until `look` gives something.
///
/// Errors: what was waited for and what was seen last, after [`PATIENCE`].
pub fn wait_for<T>(what: &str, mut look: impl FnMut() -> Result<T, String>) -> Result<T, String> {
    let begin = Instant::now();
    loop {
        match look() {
            Ok(found) => return Ok(found),
            Err(seen) if begin.elapsed() > PATIENCE => return Err(format!("{what}: {seen}")),
            Err(_) => thread::sleep(Duration::from_millis(20)),
        }
    }
}

/// A child process that ends with its owner.
pub struct Process {
    child: Child,
}

impl Process {
    /// Starts `command` with its log in `log`.
    pub fn start(mut command: Command, log: &Path) -> io::Result<Process> {
        command.stdin(Stdio::null()).stderr(File::create(log)?);
        Ok(Process { child: command.spawn()? })
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Its standard output, once.
    pub fn stdout(&mut self) -> Option<std::process::ChildStdout> {
        self.child.stdout.take()
    }

    /// Sends SIGTERM and waits; `true` when it ended with success.
    pub fn stop(&mut self) -> io::Result<bool> {
        self.signal(Signal::TERM)?;
        self.ended()
    }

    /// Waits until it ends by itself; `true` when it ended with success.
    pub fn ended(&mut self) -> io::Result<bool> {
        let begin = Instant::now();
        while begin.elapsed() < PATIENCE {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status.success());
            }
            thread::sleep(Duration::from_millis(10));
        }
        Err(io::Error::other("it does not end"))
    }

    /// Kills it at once, like a power cut.
    pub fn kill(&mut self) {
        // Gone already: that is what was wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Stops its time (SIGSTOP), like a cable that was pulled; `false` lets it go on.
    pub fn freeze(&self, frozen: bool) -> io::Result<()> {
        self.signal(if frozen { Signal::STOP } else { Signal::CONT })
    }

    fn signal(&self, signal: Signal) -> io::Result<()> {
        Ok(kill_process(Pid::from_child(&self.child), signal)?)
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A running relay.
pub struct Relay {
    /// The process.
    pub process: Process,
    /// Its control address.
    pub control: SocketAddr,
    /// Its media address.
    pub media: SocketAddr,
    /// Its key.
    pub key: PeerId,
    /// Its state folder, to start it again with the same key.
    pub folder: PathBuf,
}

impl Relay {
    /// Starts a relay on loopback with its state and log under `folder`, on free ports unless told otherwise.
    pub fn start(folder: &Path, ports: Option<(u16, u16)>, options: &[&str]) -> Result<Relay, String> {
        let (tcp, udp) = ports.unwrap_or((0, 0));
        let (tcp, udp) = (tcp.to_string(), udp.to_string());
        let here = ["--listen", "127.0.0.1", "--no-announce", "--port", &tcp, "--media-port", &udp];
        Relay::launch(Command::new(program("vestibule-relay")), folder, &[&here, options].concat())
    }

    /// Starts a relay by `command`, which may put it into surroundings of its own, with its state and log under `folder`.
    pub fn launch(mut command: Command, folder: &Path, options: &[&str]) -> Result<Relay, String> {
        std::fs::create_dir_all(folder).map_err(|error| error.to_string())?;
        command.arg("--state-dir").arg(folder.join("relay")).args(options).stdout(Stdio::piped());
        let log = folder.join("relay.log");
        let mut process = Process::start(command, &log).map_err(|error| error.to_string())?;
        let mut line = String::new();
        let stdout = process.stdout().ok_or("no standard output")?;
        BufReader::new(stdout).read_line(&mut line).map_err(|error| error.to_string())?;
        let address = |key: &str| {
            let found = line.split_whitespace().find_map(|word| word.strip_prefix(key));
            found.and_then(|address| address.parse().ok())
        };
        let says =
            || format!("the relay says {line:?} and {}", std::fs::read_to_string(&log).unwrap_or_default());
        let control = address("control=").ok_or_else(says)?;
        let media = address("media=").ok_or_else(says)?;
        let seed =
            std::fs::read_to_string(folder.join("relay/identity.key")).map_err(|error| error.to_string())?;
        let seed: PeerId = seed.trim().parse().map_err(|_| "the relay's key is damaged")?;
        let key = Identity::from_seed(&seed.0).peer();
        Ok(Relay { process, control, media, key, folder: folder.into() })
    }
}

/// A running kiosk and its observer.
pub struct Kiosk {
    /// The process.
    pub process: Process,
    /// The room's name.
    pub name: String,
    /// Its log.
    pub log: PathBuf,
    observer: BufReader<UnixStream>,
}

impl Kiosk {
    /// Starts a kiosk that trusts `relay`, with its state, socket and log under `folder`.
    pub fn start(
        folder: &Path,
        name: &str,
        relay: &Relay,
        options: &[&str],
        display: Option<&str>,
    ) -> Result<Kiosk, String> {
        let (control, key) = (relay.control.to_string(), relay.key.to_string());
        let trusts = ["--no-discover", "--relay", &control, "--relay-key", &key];
        Kiosk::launch(
            Command::new(program("vestibule-kiosk")),
            folder,
            name,
            &[&trusts, options].concat(),
            display,
        )
    }

    /// Starts a kiosk by `command`, which may put it into surroundings of its own, and says nothing about relays but what
    /// is in `options`. State, socket and log are under `folder`.
    pub fn launch(
        mut command: Command,
        folder: &Path,
        name: &str,
        options: &[&str],
        display: Option<&str>,
    ) -> Result<Kiosk, String> {
        std::fs::create_dir_all(folder).map_err(|error| error.to_string())?;
        let slug: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
        let socket = folder.join(format!("{slug}.socket"));
        command.args(["--name", name, "--state-dir"]).arg(folder.join(&slug));
        command.arg("--observe").arg(&socket).args(options).stdout(Stdio::null());
        match display {
            Some(display) => command.env("DISPLAY", display),
            None => command.args(["--screen", "none"]),
        };
        let log = folder.join(format!("{slug}.log"));
        let mut process = Process::start(command, &log).map_err(|error| error.to_string())?;
        let stream = wait_for("the kiosk's observer", || {
            if !process.is_running() {
                return Err(std::fs::read_to_string(&log).unwrap_or_default());
            }
            UnixStream::connect(&socket).map_err(|error| error.to_string())
        })?;
        Ok(Kiosk { process, name: name.into(), log, observer: BufReader::new(stream) })
    }

    /// Cuts its power, once it has written down what happened last: a cut before that finds it as it was a moment earlier,
    /// and how long that moment is depends on the disk.
    pub fn cut_power(&mut self) -> Result<(), String> {
        self.wait_for("its files to be written", |kiosk| match kiosk.counter("files_unwritten")? {
            0 => Ok(()),
            files => Err(format!("{files} files are not")),
        })?;
        self.process.kill();
        Ok(())
    }

    /// Sends one command to the observer and reads its answer.
    pub fn ask(&mut self, command: &str) -> Result<Value, String> {
        let fault = |error: io::Error| error.to_string();
        self.observer.get_mut().write_all(format!("{command}\n").as_bytes()).map_err(fault)?;
        let mut line = String::new();
        self.observer.read_line(&mut line).map_err(fault)?;
        serde_json::from_str(&line).map_err(|error| format!("{error} in {line:?}"))
    }

    /// What the screen shows.
    pub fn view(&mut self) -> Result<Value, String> {
        Ok(self.ask("view")?["view"].take())
    }

    /// What the screen shows of a meeting; an error that says what it shows instead.
    pub fn meeting(&mut self) -> Result<Value, String> {
        let mut view = self.view()?;
        match view["screen"]["Meeting"].take() {
            Value::Null => Err(format!("{} is not in a meeting: {view}", self.name)),
            meeting => Ok(meeting),
        }
    }

    /// One counter.
    pub fn counter(&mut self, name: &str) -> Result<u64, String> {
        self.ask("counters")?[name].as_u64().ok_or_else(|| format!("no counter {name}"))
    }

    /// Does what a touch on the screen would mean; `intent` as in `touch`.
    pub fn touch(&mut self, intent: &str) -> Result<(), String> {
        let answer = self.ask(&format!("touch {intent}"))?;
        if answer["touched"] == true { Ok(()) } else { Err(answer.to_string()) }
    }

    /// Waits until the view satisfies `look`.
    pub fn wait_for<T>(
        &mut self,
        what: &str,
        mut look: impl FnMut(&mut Kiosk) -> Result<T, String>,
    ) -> Result<T, String> {
        let name = self.name.clone();
        wait_for(&format!("{name}: {what}"), || look(self))
    }

    /// Presses a simulated button for a while.
    pub fn press(&mut self, button: &str, hold: Duration) -> Result<(), String> {
        self.ask(&format!("press {button}"))?;
        thread::sleep(hold);
        self.ask(&format!("release {button}")).map(|_| ())
    }
}
