//! An aarch64 board: one program on Debian's kernel, with the test's fingers on its pins.
//!
//! A Raspberry Pi 3 (QEMU's `raspi3b`), whose pins are its SoC's registers, reached past the guest: QEMU has no edge
//! detection in them, so that a program sees a press by reading the pin, never as an interrupt. Or a board of no make
//! (`virt`) with a PL061 of eight lines, whose interrupts reach the program as edges. Nothing else of a board is here, no
//! camera, no sound, no screen.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use super::launch::{Emulator, forget_ended, fresh_folder, leashed};
use super::machine::lock;
use super::qmp::Qmp;
use super::{Error, LIMIT, Level, eventually, or_skip, run_script};

/// BCM2837 ARM Peripherals, chapter 6: where the pins' registers lie.
const GPSET0: u32 = 0x3f20_001c;
const GPCLR0: u32 = 0x3f20_0028;
const GPLEV0: u32 = 0x3f20_0034;
/// ARM PrimeCell GPIO (PL061), section 3.3.1: all eight lines' levels, where QEMU's `virt` has it.
const GPIODATA: u32 = 0x0903_0000 + 0x3fc;

/// Which board.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Make {
    /// A Raspberry Pi 3 B; pins by their BCM number, 0 to 31.
    RaspberryPi3,
    /// QEMU's `virt`; lines of its PL061, 0 to 7. The kernel keeps line 3 for a power button.
    Virt,
}

/// A running board.
pub struct Board {
    emulator: Emulator,
    pins: BufReader<UnixStream>,
    fingers: Fingers,
    console: Arc<Mutex<String>>,
}

/// How a pin is pulled from outside.
enum Fingers {
    /// By the SoC's own registers.
    Registers,
    /// By the input lines of this device of QEMU's.
    Lines(String),
}

impl Board {
    /// Boots a board that runs `program/run`, a file of the host folder `program`, which the guest sees as
    /// `/program`. The program starts once the given pins have been pulled high, as the buttons' resistors do; all
    /// others are low. Builds the kernel first if needed.
    ///
    /// # Errors
    /// [`Error::Unavailable`] where QEMU or the arm64 packages cannot be had; otherwise a broken rig.
    pub fn boot(make: Make, name: &str, program: &Path, pulled_up: &[u32]) -> Result<Board, Error> {
        let rig = PathBuf::from(run_script("tests/vm/pi/build.sh", &[])?.trim());
        let folders = rig.with_file_name("run");
        forget_ended(&folders, name);
        let folder = fresh_folder(&folders, name)?;
        let initrd = initrd(&rig, &folder, program)?;

        let sockets = fresh_folder(&std::env::temp_dir(), "vestibule-board")?;
        let listen = |file: &str| {
            UnixListener::bind(sockets.join(file)).map_err(Error::io("listening for the emulator"))
        };
        let (pins, serial) = (listen("pins")?, listen("serial")?);
        let mut command = leashed("qemu-system-aarch64");
        command.args(["-display", "none", "-no-reboot"]).arg("-kernel").arg(rig.join("vmlinux"));
        match make {
            Make::RaspberryPi3 => command
                .args(["-M", "raspi3b", "-dtb"])
                .arg(rig.join("bcm2837-rpi-3-b.dtb"))
                // iomem=relaxed: Debian's kernel has no gpiomem driver, so that the program maps /dev/mem.
                .args(["-append", "console=ttyS1,115200 iomem=relaxed panic=-1 quiet", "-serial", "null"]),
            Make::Virt => command
                .args(["-M", "virt", "-cpu", "cortex-a53", "-m", "512", "-nodefaults"])
                .args(["-append", "console=ttyAMA0 panic=-1 quiet"]),
        };
        command
            .arg("-initrd")
            .arg(initrd)
            .args(["-chardev", "stdio,id=control", "-mon", "chardev=control,mode=control"])
            .arg("-qtest")
            .arg(format!("unix:{}", sockets.join("pins").display()))
            .args(["-qtest-log", "/dev/null", "-serial"])
            .arg(format!("unix:{}", sockets.join("serial").display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut emulator = Emulator::start(command, &folder.join("qemu.log"))?;
        let connected = accept(&serial, &mut emulator.child, &folder).and_then(|serial| {
            let pins = accept(&pins, &mut emulator.child, &folder)?;
            Ok((serial, pins, fingers(make, &mut emulator.child)?))
        });
        fs::remove_dir_all(&sockets).map_err(Error::file("removing", &sockets))?;
        let (mut serial, pins, fingers) = match connected {
            Ok(all) => all,
            Err(error) => {
                emulator.kill();
                return Err(error);
            }
        };

        let console = Arc::new(Mutex::new(String::new()));
        let mut board =
            Board { emulator, pins: BufReader::new(pins), fingers, console: Arc::clone(&console) };
        let mut reader = serial.try_clone().map_err(Error::io("sharing the board's serial port"))?;
        thread::spawn(move || {
            let mut bytes = [0; 1024];
            while let Ok(count @ 1..) = reader.read(&mut bytes) {
                lock(&console).push_str(&String::from_utf8_lossy(&bytes[..count]));
            }
        });
        board.wait_for("the board's first sign of life", |said| said.contains("rig: up"))?;
        for pin in pulled_up {
            board.pull(*pin, Level::High)?;
        }
        serial.write_all(b"\n").map_err(Error::io("writing to the board's serial port"))?;
        Ok(board)
    }

    /// [`Board::boot`] for tests: see [`or_skip`].
    ///
    /// # Panics
    /// When the board does not boot, or cannot run here although `CI` is set.
    pub fn boot_or_skip(make: Make, name: &str, program: &Path, pulled_up: &[u32]) -> Option<Board> {
        or_skip(name, Board::boot(make, name, program, pulled_up))
    }

    /// Pulls a pin to a level, as a button does.
    ///
    /// # Errors
    /// When the emulator is gone.
    pub fn pull(&mut self, pin: u32, level: Level) -> Result<(), Error> {
        let command = match (&self.fingers, level) {
            (Fingers::Registers, Level::Low) => format!("writel {GPCLR0:#x} {:#x}", 1_u32 << pin),
            (Fingers::Registers, Level::High) => format!("writel {GPSET0:#x} {:#x}", 1_u32 << pin),
            (Fingers::Lines(device), level) => {
                format!("set_irq_in {device} unnamed-gpio-in {pin} {}", u8::from(level == Level::High))
            }
        };
        self.qtest(&command).map(drop)
    }

    /// The level on a pin, whoever drives it.
    ///
    /// # Errors
    /// When the emulator is gone.
    pub fn level(&mut self, pin: u32) -> Result<Level, Error> {
        let register = match self.fingers {
            Fingers::Registers => GPLEV0,
            Fingers::Lines(_) => GPIODATA,
        };
        let answer = self.qtest(&format!("readl {register:#x}"))?;
        let levels = answer
            .strip_prefix("0x")
            .and_then(|hex| u64::from_str_radix(hex, 16).ok())
            .ok_or_else(|| Error::Malformed(format!("the pins' levels are {answer:?}")))?;
        Ok(if levels >> pin & 1 == 1 { Level::High } else { Level::Low })
    }

    /// Waits until a pin has a level.
    ///
    /// # Errors
    /// [`Error::Timeout`] after [`LIMIT`].
    pub fn wait_for_level(&mut self, pin: u32, level: Level) -> Result<(), Error> {
        eventually(&format!("pin {pin} at {level:?}"), || Ok((self.level(pin)? == level).then_some(())))
    }

    /// All that the kernel and the program have written so far.
    pub fn console(&self) -> String {
        lock(&self.console).clone()
    }

    /// Waits until what was written so far satisfies `done`, and returns it.
    ///
    /// # Errors
    /// [`Error::Timeout`] after [`LIMIT`], [`Error::Gone`] when the emulator ends.
    pub fn wait_for(&mut self, what: &str, done: impl Fn(&str) -> bool) -> Result<String, Error> {
        let end = Instant::now() + LIMIT;
        loop {
            let output = self.console();
            if done(&output) {
                return Ok(output);
            }
            if let Ok(Some(status)) = self.emulator.child.try_wait() {
                return Err(Error::Gone(format!("{status}, before {what}\n{output}")));
            }
            if Instant::now() > end {
                return Err(Error::Timeout { what: what.to_owned(), limit: LIMIT, output });
            }
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// Sends a qtest command and returns what follows OK in its answer.
    fn qtest(&mut self, command: &str) -> Result<String, Error> {
        let mut answer = String::new();
        writeln!(self.pins.get_mut(), "{command}")
            .and_then(|()| self.pins.read_line(&mut answer))
            .map_err(Error::io("reaching the board's pins"))?;
        match answer.trim().strip_prefix("OK") {
            Some(value) => Ok(value.trim().to_owned()),
            None => Err(Error::Qmp { command: command.to_owned(), reason: answer }),
        }
    }
}

impl Drop for Board {
    fn drop(&mut self) {
        self.emulator.kill();
        // Shown by the test harness where the test failed.
        eprintln!("the board's console:\n{}", self.console());
    }
}

/// Finds what pulls the pins of a board that has just started.
fn fingers(make: Make, emulator: &mut Child) -> Result<Fingers, Error> {
    let mut qmp = Qmp::greet(emulator)?;
    if make == Make::RaspberryPi3 {
        return Ok(Fingers::Registers);
    }
    let found = qmp.execute("qom-list", &json!({ "path": "/machine/unattached" }))?;
    let chip = found.as_array().and_then(|all| all.iter().find(|child| child["type"] == "child<pl061>"));
    let name = chip.and_then(|chip| chip["name"].as_str());
    let name = name.ok_or_else(|| Error::Malformed(format!("the board has no PL061: {found}")))?;
    Ok(Fingers::Lines(format!("/machine/unattached/{name}")))
}

/// Waits for QEMU to connect, unless it ends before that.
fn accept(listener: &UnixListener, emulator: &mut Child, folder: &Path) -> Result<UnixStream, Error> {
    listener.set_nonblocking(true).map_err(Error::io("listening for the emulator"))?;
    eventually("the emulator connected", || {
        if let Ok(Some(status)) = emulator.try_wait() {
            let said = fs::read_to_string(folder.join("qemu.log")).unwrap_or_default();
            return Err(Error::Gone(format!("{status}\n{said}")));
        }
        let Ok((stream, _)) = listener.accept() else { return Ok(None) };
        stream.set_nonblocking(false).map_err(Error::io("listening for the emulator"))?;
        Ok(Some(stream))
    })
}

/// The rig's initial file system and after it, as the kernel allows, one with the program.
fn initrd(rig: &Path, folder: &Path, program: &Path) -> Result<PathBuf, Error> {
    let staged = folder.join("root");
    let doing = || Error::io(format!("packing {}", program.display()));
    fs::create_dir_all(staged.join("program")).map_err(doing())?;
    for entry in fs::read_dir(program).map_err(doing())? {
        let entry = entry.map_err(doing())?;
        fs::copy(entry.path(), staged.join("program").join(entry.file_name())).map_err(doing())?;
    }
    let packed = Command::new("sh")
        .args(["-c", "find . | cpio --quiet -o -H newc"])
        .current_dir(&staged)
        .output()
        .map_err(doing())?;
    let mut image = fs::read(rig.join("initrd.img")).map_err(doing())?;
    image.extend(packed.stdout);
    let file = folder.join("initrd.img");
    fs::write(&file, image).map_err(Error::file("writing", &file))?;
    Ok(file)
}
