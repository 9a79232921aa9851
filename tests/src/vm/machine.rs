//! One virtual machine: boot it, run commands in it, exchange files with it, and be sure that it ends.
//!
//! Commands travel over a virtio serial port and files over 9p, so that the guest's network is left to the tests.
//! The emulator ends with its [`Machine`], and if the test process is killed, with that.

use std::env;
use std::fs;
use std::io::Write;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::launch::{Emulator, emulator, forget_ended, fresh_folder, last_words};
use super::qmp::Qmp;
use super::task::{Answers, Task};
use super::{Error, LIMIT, eventually, or_skip, run_script};

/// Where the guest finds this machine's loopback (QEMU's user network).
pub const OUTSIDE: &str = "10.0.2.2";

/// What a machine is made of.
#[derive(Clone, Debug)]
pub struct Options {
    /// Memory, MiB. Programs put with [`Machine::install`] take theirs from it.
    pub memory_mib: u32,
    /// Processors.
    pub processors: u32,
    /// Width and height of a screen with multi-touch, pixels; none by default.
    pub screen: Option<(u32, u32)>,
    /// Whether programs in the guest reach those outside: what listens on this machine's loopback is at [`OUTSIDE`].
    pub outside: bool,
    /// Further arguments for QEMU.
    pub emulator_arguments: Vec<String>,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            memory_mib: 1024,
            processors: 2,
            screen: None,
            outside: false,
            emulator_arguments: Vec::new(),
        }
    }
}

/// A running virtual machine.
pub struct Machine {
    folder: PathBuf,
    share: PathBuf,
    options: Options,
    emulator: Mutex<Emulator>,
    qmp: Mutex<Qmp>,
    port: Mutex<UnixStream>,
    pub(crate) answers: Arc<Answers>,
    next_id: AtomicU64,
}

impl Machine {
    /// Builds the rig if it is not built yet (the first time takes minutes), boots a machine, and returns once it
    /// takes commands. `name` is for file names and messages.
    ///
    /// # Errors
    /// [`Error::Unavailable`] where QEMU cannot be had; otherwise a broken rig.
    pub fn boot(name: &str, options: Options) -> Result<Machine, Error> {
        let machine = Machine::launch(name, options, None)?;
        machine.answer("HELLO", "the guest's first sign of life", LIMIT)?;
        if machine.options.outside {
            machine.sh("until [ -e /sys/class/net/eth0 ]; do sleep 0.1; done\n\
                 ip address add 10.0.2.15/24 dev eth0 && ip link set eth0 up")?;
        }
        Ok(machine)
    }

    /// Starts the emulator, with what a snapshot kept or from nothing.
    fn launch(name: &str, options: Options, kept: Option<&Path>) -> Result<Machine, Error> {
        let rig = PathBuf::from(run_script("tests/vm/build.sh", &[])?.trim());
        let folders = rig.with_file_name("run");
        forget_ended(&folders, name);
        let folder = fresh_folder(&folders, name)?;
        let (share, agent) = (folder.join("share"), folder.join("agent"));
        for folder in [&share, &agent] {
            fs::create_dir(folder).map_err(Error::file("making", folder))?;
        }
        // A socket's path must be short, the target folder's may be long.
        let socket_folder = fresh_folder(&env::temp_dir(), "vestibule-vm")?;
        let socket = socket_folder.join("port");
        let listener = UnixListener::bind(&socket).map_err(Error::file("listening on", &socket))?;

        let mut command = emulator(&rig, &folder, &socket, &options);
        if let Some(kept) = kept {
            command.arg("-incoming").arg(format!("file:{}", kept.display()));
        }
        let mut emulator = Emulator::start(command, &folder.join("qemu.log"))?;
        let connected = Qmp::greet(&mut emulator.child).and_then(|qmp| {
            // QEMU has connected before it greets.
            let (port, _) = listener.accept().map_err(Error::io("waiting for the command port"))?;
            let reader = port.try_clone().map_err(Error::io("sharing the command port"))?;
            Ok((qmp, port, reader))
        });
        fs::remove_dir_all(&socket_folder).map_err(Error::file("removing", &socket_folder))?;
        let (qmp, port, reader) = match connected {
            Ok(all) => all,
            Err(error) => {
                emulator.kill();
                return Err(Error::Gone(format!("{error}\n{}", last_words(&folder))));
            }
        };

        let answers = Arc::new(Answers::default());
        let collected = Arc::clone(&answers);
        thread::spawn(move || collected.collect(reader));
        Ok(Machine {
            folder,
            share,
            options,
            emulator: Mutex::new(emulator),
            qmp: Mutex::new(qmp),
            port: Mutex::new(port),
            answers,
            next_id: AtomicU64::new(1),
        })
    }

    /// Keeps the machine as it is now, and lets it go on. No command may be running: one that is to live on in the
    /// snapshot is left behind in the background, with its output in a file of the guest's.
    ///
    /// # Errors
    /// [`Error::Command`] while a command runs.
    pub fn snapshot(&self) -> Result<Snapshot, Error> {
        self.tell("DETACH")?;
        let kept = self.keep();
        // Whatever came of it, this machine goes on.
        self.attach()?;
        kept
    }

    fn keep(&self) -> Result<Snapshot, Error> {
        let file = self.folder.join(format!("snapshot-{}", self.next_id.fetch_add(1, Ordering::Relaxed)));
        let snapshot = Snapshot { file, options: self.options.clone() };
        self.qmp("stop", &json!({}))?;
        self.qmp("migrate", &json!({ "uri": format!("file:{}", snapshot.file.display()) }))?;
        eventually("the snapshot kept", || {
            let state = self.qmp("query-migrate", &json!({}))?;
            match state["status"].as_str() {
                Some("completed") => Ok(Some(())),
                Some("failed" | "cancelled") => Err(Error::Malformed(format!("no snapshot: {state}"))),
                _ => Ok(None),
            }
        })?;
        Ok(snapshot)
    }

    /// Lets a machine that stands still go on, with the shared folders and the right time.
    fn attach(&self) -> Result<(), Error> {
        self.qmp("cont", &json!({}))?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.tell(&format!("ATTACH {}", now.as_secs()))
    }

    /// Says a word to the guest's first process and waits until it has done it.
    fn tell(&self, words: &str) -> Result<(), Error> {
        writeln!(lock(&self.port), "{words}").map_err(Error::io("sending the guest a command"))?;
        let id = words.split(' ').next().unwrap_or_default();
        match self.answer(id, words, LIMIT)? {
            0 => Ok(()),
            status => {
                let output = "a command is still running".to_owned();
                Err(Error::Command { command: words.to_owned(), status, output })
            }
        }
    }

    /// [`Machine::boot`] for tests: where the rig cannot run, says so loudly and returns `None`, and the test ends
    /// without having tested. In continuous integration (environment variable `CI`) nothing is skipped.
    ///
    /// # Panics
    /// When the machine does not boot, or cannot run here although `CI` is set.
    pub fn boot_or_skip(name: &str, options: Options) -> Option<Machine> {
        or_skip(name, Machine::boot(name, options))
    }

    /// Runs a bash command in the guest, as root, and returns what it wrote to its output and error output.
    /// Background processes it leaves run on.
    ///
    /// # Errors
    /// [`Error::Command`] for a status other than 0, [`Error::Timeout`] after [`LIMIT`].
    pub fn sh(&self, command: &str) -> Result<String, Error> {
        self.start(command)?.wait()
    }

    /// Starts a bash command in the guest and returns at once.
    ///
    /// # Errors
    /// When the machine is gone.
    pub fn start(&self, command: &str) -> Result<Task<'_>, Error> {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed).to_string();
        let script = self.agent_file(&id, "sh");
        fs::write(&script, command).map_err(Error::file("writing", &script))?;
        writeln!(lock(&self.port), "{id}").map_err(Error::io("sending the guest a command"))?;
        Ok(Task { machine: self, id, command: command.to_owned() })
    }

    /// The host's side of the folder that the guest sees as `/share`. Fit for small files; what a program reads or
    /// writes often should lie in the guest's `/tmp`.
    pub fn share_path(&self) -> &Path {
        &self.share
    }

    /// Copies a program into the guest's `/usr/local/bin` and returns its path there. The libraries it links against
    /// must be in `image-build/kiosk.packages`.
    ///
    /// # Errors
    /// When the file cannot be read, or lacks a library in the guest: which one.
    pub fn install(&self, program: &Path) -> Result<String, Error> {
        let name = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let staged = self.share.join(&name);
        fs::copy(program, &staged).map_err(Error::file("copying", program))?;
        let target = format!("/usr/local/bin/{name}");
        self.sh(&format!(
            "install -m 755 '/share/{name}' '{target}' && ! ldd '{target}' | grep 'not found'"
        ))?;
        fs::remove_file(&staged).map_err(Error::file("removing", &staged))?;
        Ok(target)
    }

    /// Sends the emulator a QMP command and returns what it returned.
    ///
    /// # Errors
    /// [`Error::Qmp`] with the emulator's reason.
    pub fn qmp(&self, command: &str, arguments: &Value) -> Result<Value, Error> {
        lock(&self.qmp).execute(command, arguments)
    }

    /// The screen's size in pixels, if the machine has one.
    pub fn screen_size(&self) -> Option<(u32, u32)> {
        self.options.screen
    }

    pub(crate) fn agent_file(&self, id: &str, kind: &str) -> PathBuf {
        self.folder.join("agent").join(format!("{id}.{kind}"))
    }

    /// Waits for the guest's answer to `id` and returns the status in it.
    pub(crate) fn answer(&self, id: &str, what: &str, limit: Duration) -> Result<i32, Error> {
        let end = Instant::now() + limit;
        loop {
            if let Some(status) = self.answers.take(id, Duration::from_millis(250)) {
                return Ok(status);
            }
            let ended =
                lock(&self.emulator).child.try_wait().map_err(Error::io("asking for the emulator"))?;
            if let Some(status) = ended {
                return Err(Error::Gone(format!("during: {what}\n{status}\n{}", last_words(&self.folder))));
            }
            if Instant::now() > end {
                let mut output = fs::read(self.agent_file(id, "out"))
                    .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
                    .unwrap_or_default();
                output.push_str(&last_words(&self.folder));
                return Err(Error::Timeout { what: what.to_owned(), limit, output });
            }
        }
    }
}

impl Drop for Machine {
    /// Ends the emulator. The machine's folder stays until a later process boots a machine of that name.
    fn drop(&mut self) {
        let _ = self.qmp("quit", &json!({}));
        let mut emulator = lock(&self.emulator);
        let end = Instant::now() + Duration::from_secs(5);
        while matches!(emulator.child.try_wait(), Ok(None)) && Instant::now() < end {
            thread::sleep(Duration::from_millis(20));
        }
        emulator.kill();
        // Shown by the test harness where the test failed.
        eprintln!("the machine's console, commands and their output are in {}", self.folder.display());
    }
}

/// A machine as it was at one moment: memory, devices and running programs. Its file goes with it.
pub struct Snapshot {
    file: PathBuf,
    options: Options,
}

impl Snapshot {
    /// A machine that goes on from that moment, with the time of today and empty shared folders. Faster than booting.
    ///
    /// # Errors
    /// As [`Machine::boot`].
    pub fn restore(&self, name: &str) -> Result<Machine, Error> {
        let machine = Machine::launch(name, self.options.clone(), Some(&self.file))?;
        eventually("the snapshot restored", || {
            let state = machine.qmp("query-status", &json!({}))?;
            Ok((state["status"] != "inmigrate").then_some(()))
        })?;
        machine.attach()?;
        Ok(machine)
    }
}

impl Drop for Snapshot {
    fn drop(&mut self) {
        // It may never have been written.
        let _ = fs::remove_file(&self.file);
    }
}

/// A test that panicked elsewhere must not keep the machine from being ended.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
