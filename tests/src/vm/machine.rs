//! One virtual machine: boot it, run commands in it, exchange files with it, and be sure that it ends.
//!
//! Commands travel over a virtio serial port and files over 9p, so that the guest's network is left to the tests.
//! The emulator ends with its [`Machine`]; if the test process is killed, the guest notices and powers itself off.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{self, Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::qmp::Qmp;
use super::{Error, LIMIT};

/// EX_UNAVAILABLE: what the rig's scripts exit with where its packages cannot be had.
const UNAVAILABLE: i32 = 69;

/// What a machine is made of.
#[derive(Clone, Debug)]
pub struct Options {
    /// Memory, MiB. Programs put with [`Machine::install`] take theirs from it.
    pub memory_mib: u32,
    /// Processors.
    pub processors: u32,
    /// Width and height of a screen with multi-touch, pixels; none by default.
    pub screen: Option<(u32, u32)>,
    /// Further arguments for the guest's kernel.
    pub kernel_arguments: String,
    /// Further arguments for QEMU.
    pub emulator_arguments: Vec<String>,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            memory_mib: 1024,
            processors: 2,
            screen: None,
            kernel_arguments: String::new(),
            emulator_arguments: Vec::new(),
        }
    }
}

/// A running virtual machine.
pub struct Machine {
    folder: PathBuf,
    share: PathBuf,
    screen: Option<(u32, u32)>,
    emulator: Mutex<Child>,
    qmp: Mutex<Qmp>,
    port: Mutex<UnixStream>,
    answers: Arc<Answers>,
    next_id: AtomicU64,
}

impl Machine {
    /// Builds the rig if it is not built yet (the first time takes minutes), boots a machine, and returns once it
    /// takes commands. `name` is for file names and messages.
    ///
    /// # Errors
    /// [`Error::Unavailable`] where QEMU cannot be had; otherwise a broken rig.
    pub fn boot(name: &str, options: Options) -> Result<Machine, Error> {
        let rig = build()?;
        let folder = fresh_folder(&rig.with_file_name("run"), name)?;
        let (share, agent) = (folder.join("share"), folder.join("agent"));
        for folder in [&share, &agent] {
            fs::create_dir(folder).map_err(Error::file("making", folder))?;
        }
        // A socket's path must be short, the target folder's may be long.
        let socket_folder = fresh_folder(&env::temp_dir(), "vestibule-vm")?;
        let socket = socket_folder.join("port");
        let listener = UnixListener::bind(&socket).map_err(Error::file("listening on", &socket))?;

        let log = fs::File::create(folder.join("qemu.log")).map_err(Error::file("writing in", &folder))?;
        let mut emulator = emulator(&rig, &folder, &socket, &options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .map_err(Error::io("starting qemu-system-x86_64"))?;
        let connected = Qmp::greet(&mut emulator).and_then(|qmp| {
            // QEMU has connected before it greets.
            let (port, _) = listener.accept().map_err(Error::io("waiting for the command port"))?;
            let reader = port.try_clone().map_err(Error::io("sharing the command port"))?;
            Ok((qmp, port, reader))
        });
        fs::remove_dir_all(&socket_folder).map_err(Error::file("removing", &socket_folder))?;
        let (qmp, port, reader) = match connected {
            Ok(all) => all,
            Err(error) => {
                let _ = emulator.kill();
                let _ = emulator.wait();
                return Err(Error::Gone(format!("{error}\n{}", last_words(&folder))));
            }
        };

        let answers = Arc::new(Answers::default());
        let collected = Arc::clone(&answers);
        thread::spawn(move || collected.collect(reader));
        let machine = Machine {
            folder,
            share,
            screen: options.screen,
            emulator: Mutex::new(emulator),
            qmp: Mutex::new(qmp),
            port: Mutex::new(port),
            answers,
            next_id: AtomicU64::new(1),
        };
        machine.answer("HELLO", "the guest's first sign of life", LIMIT)?;
        Ok(machine)
    }

    /// [`Machine::boot`] for tests: where the rig cannot run, says so loudly and returns `None`, and the test ends
    /// without having tested. In continuous integration (environment variable `CI`) nothing is skipped.
    ///
    /// # Panics
    /// When the machine does not boot, or cannot run here although `CI` is set.
    pub fn boot_or_skip(name: &str, options: Options) -> Option<Machine> {
        match Machine::boot(name, options) {
            Ok(machine) => Some(machine),
            Err(Error::Unavailable(reason)) if env::var_os("CI").is_none() => {
                // Not eprintln!, which the test harness holds back.
                let _ = writeln!(io::stderr(), "\n*** SKIPPED, NOT TESTED: {name}\n*** {reason}\n");
                None
            }
            Err(error) => panic!("{name}: {error}"),
        }
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
        self.screen
    }

    fn agent_file(&self, id: &str, kind: &str) -> PathBuf {
        self.folder.join("agent").join(format!("{id}.{kind}"))
    }

    /// Waits for the guest's answer to `id` and returns the status in it.
    fn answer(&self, id: &str, what: &str, limit: Duration) -> Result<i32, Error> {
        let end = Instant::now() + limit;
        loop {
            if let Some(status) = self.answers.take(id, Duration::from_millis(250)) {
                return Ok(status);
            }
            let ended = lock(&self.emulator).try_wait().map_err(Error::io("asking for the emulator"))?;
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
    /// Ends the emulator. The machine's folder stays when the test is failing, and is named.
    fn drop(&mut self) {
        let _ = self.qmp("quit", &json!({}));
        let mut emulator = lock(&self.emulator);
        let end = Instant::now() + Duration::from_secs(5);
        while matches!(emulator.try_wait(), Ok(None)) && Instant::now() < end {
            thread::sleep(Duration::from_millis(20));
        }
        let _ = emulator.kill();
        let _ = emulator.wait();
        if thread::panicking() {
            eprintln!("the machine's console, commands and their output are in {}", self.folder.display());
        } else {
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

/// A command that runs in the guest. Dropping it leaves the command running.
pub struct Task<'a> {
    machine: &'a Machine,
    id: String,
    command: String,
}

impl Task<'_> {
    /// What the command has written so far.
    ///
    /// # Errors
    /// When the output cannot be read.
    pub fn output(&self) -> Result<String, Error> {
        let file = self.machine.agent_file(&self.id, "out");
        match fs::read(&file) {
            Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
            Err(source) => Err(Error::file("reading", &file)(source)),
        }
    }

    /// Whether the command is still running.
    pub fn is_running(&self) -> bool {
        !self.machine.answers.has(&self.id)
    }

    /// Waits for the command's end and returns what it wrote.
    ///
    /// # Errors
    /// [`Error::Command`] for a status other than 0, [`Error::Timeout`] after [`LIMIT`].
    pub fn wait(self) -> Result<String, Error> {
        let status = self.machine.answer(&self.id, &self.command, LIMIT)?;
        let output = self.output()?;
        if status == 0 { Ok(output) } else { Err(Error::Command { command: self.command, status, output }) }
    }

    /// Waits until the command's output so far satisfies `done`, and returns it.
    ///
    /// # Errors
    /// [`Error::Timeout`] after [`LIMIT`], or [`Error::Command`] when the command ended before that.
    pub fn wait_for_output(&self, what: &str, done: impl Fn(&str) -> bool) -> Result<String, Error> {
        let end = Instant::now() + LIMIT;
        loop {
            // Asked before reading, so that what an ending command wrote last is not missed.
            let running = self.is_running();
            let output = self.output()?;
            if done(&output) {
                return Ok(output);
            }
            if !running || Instant::now() > end {
                let what = format!("{what}, from: {}", self.command);
                let limit = LIMIT;
                return Err(if running {
                    Error::Timeout { what, limit, output }
                } else {
                    Error::Command { command: what, status: 0, output }
                });
            }
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// Ends the command and all it started with SIGTERM, waits for the end, and returns what it wrote.
    ///
    /// # Errors
    /// [`Error::Timeout`] if it does not end.
    pub fn stop(self) -> Result<String, Error> {
        self.signal("TERM")?;
        self.machine.answer(&self.id, &self.command, LIMIT)?;
        self.output()
    }

    /// Sends a signal (`TERM`, `KILL`, `STOP`, ...) to the command and all it started. None is sent to a command
    /// that has ended.
    ///
    /// # Errors
    /// When the guest does not answer.
    pub fn signal(&self, signal: &str) -> Result<(), Error> {
        // The command's process group has the number of its first process.
        let pid = format!("/run/agent/{}.pid", self.id);
        self.machine
            .sh(&format!(
                "for i in $(seq 100); do [ ! -s {pid} ] || break; sleep 0.1; done; kill -{signal} -- -$(cat {pid}) || true"
            ))
            .map(drop)
    }
}

/// The guest's answers: the exit status of each command that has ended.
#[derive(Default)]
struct Answers {
    ended: Mutex<BTreeMap<String, i32>>,
    news: Condvar,
}

impl Answers {
    /// Reads `ID STATUS` lines until the port closes.
    fn collect(&self, port: UnixStream) {
        for line in BufReader::new(port).lines().map_while(Result::ok) {
            if let Some((id, status)) = line.split_once(' ')
                && let Ok(status) = status.trim().parse()
            {
                lock(&self.ended).insert(id.to_owned(), status);
                self.news.notify_all();
            }
        }
    }

    fn has(&self, id: &str) -> bool {
        lock(&self.ended).contains_key(id)
    }

    fn take(&self, id: &str, patience: Duration) -> Option<i32> {
        let (mut ended, _) = self
            .news
            .wait_timeout_while(lock(&self.ended), patience, |ended| !ended.contains_key(id))
            .unwrap_or_else(PoisonError::into_inner);
        ended.remove(id)
    }
}

/// Runs `tests/vm/build.sh` and returns the folder that it prints.
fn build() -> Result<PathBuf, Error> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("vm/build.sh");
    let output = Command::new(&script)
        .stdin(Stdio::null())
        .output()
        .map_err(Error::file("running", &script))?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let path = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    match output.status.code() {
        Some(0) => Ok(path),
        Some(UNAVAILABLE) => Err(Error::Unavailable(tail(&said, 3))),
        Some(_) | None => Err(Error::Build(tail(&said, 30))),
    }
}

fn emulator(rig: &Path, folder: &Path, socket: &Path, options: &Options) -> Command {
    let mut qemu = Command::new("qemu-system-x86_64");
    qemu.args(["-nodefaults", "-no-user-config", "-no-reboot", "-display", "none", "-machine", "q35"])
        // Never KVM: where /dev/kvm opens in a container it may still not boot a stock kernel.
        .args(["-accel", "tcg,thread=multi", "-cpu", "max", "-bios", "qboot.rom"])
        .args(["-smp", &options.processors.to_string(), "-m", &options.memory_mib.to_string()])
        .args(["-chardev", "stdio,id=control", "-mon", "chardev=control,mode=control"])
        .arg("-kernel")
        .arg(rig.join("vmlinux"))
        .arg("-initrd")
        .arg(rig.join("initrd.img"))
        // The time stamp counter drifts under emulation, the HPET does not.
        .arg("-append")
        .arg(format!(
            "console=ttyS0 panic=-1 quiet mitigations=off audit=0 random.trust_cpu=on clocksource=hpet \
             no_timer_check {}",
            options.kernel_arguments
        ))
        .arg("-serial")
        .arg(option("file:", &folder.join("console.log")))
        .args(["-device", "virtio-serial-pci"])
        .arg("-chardev")
        .arg(option("socket,id=port,path=", socket))
        .args(["-device", "virtserialport,chardev=port,name=agent,nr=1"]);
    for (id, image) in [("root", "root.squashfs"), ("modules", "modules.squashfs")] {
        qemu.arg("-drive").arg(option(
            &format!("if=none,format=raw,readonly=on,id={id},file="),
            &rig.join(image),
        ));
        qemu.args(["-device", &format!("virtio-blk-pci,drive={id}")]);
    }
    for tag in ["share", "agent"] {
        qemu.arg("-fsdev")
            .arg(option(&format!("local,security_model=none,id={tag},path="), &folder.join(tag)))
            .args(["-device", &format!("virtio-9p-pci,fsdev={tag},mount_tag={tag}")]);
    }
    if let Some((width, height)) = options.screen {
        qemu.args(["-device", &format!("virtio-gpu-pci,xres={width},yres={height}")])
            .args(["-device", "virtio-multitouch-pci,id=touch"]);
    }
    qemu.args(&options.emulator_arguments);
    qemu
}

/// A QEMU option that ends with a path, in which QEMU wants a comma doubled.
fn option(start: &str, path: &Path) -> String {
    format!("{start}{}", path.to_string_lossy().replace(',', ",,"))
}

/// Makes a folder that nobody else has, `name` first in its name.
fn fresh_folder(parent: &Path, name: &str) -> Result<PathBuf, Error> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    fs::create_dir_all(parent).map_err(Error::file("making", parent))?;
    let folder =
        parent.join(format!("{name}-{}-{}", process::id(), NUMBER.fetch_add(1, Ordering::Relaxed)));
    // A folder of that name can only be left from an earlier process that had the same number.
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir(&folder).map_err(Error::file("making", &folder))?;
    Ok(folder)
}

/// What the emulator and the guest's console said last.
fn last_words(folder: &Path) -> String {
    let read = |file: &str| {
        let bytes = fs::read(folder.join(file)).unwrap_or_default();
        tail(&String::from_utf8_lossy(&bytes), 20)
    };
    format!("qemu: {}\nconsole: {}", read("qemu.log"), read("console.log"))
}

fn tail(text: &str, lines: usize) -> String {
    let all: Vec<&str> = text.trim_end().lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}

/// A test that panicked elsewhere must not keep the machine from being ended.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
