//! What a machine is started from: the built rig, a folder of its own, and QEMU's command line.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{self, Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Sender};
use std::thread;

use super::script::tail;
use super::{Error, Options};

/// A running emulator, which ends with this process in any case: the kernel kills it when this process is killed.
pub(crate) struct Emulator {
    pub(crate) child: Child,
    _leash: Sender<()>,
}

impl Emulator {
    /// Starts `command`, which begins with [`leashed`].
    pub(crate) fn start(mut command: Command, log: &Path) -> Result<Emulator, Error> {
        let file = fs::File::create(log).map_err(Error::file("writing", log))?;
        command.stderr(file);
        // The kernel's notice is about the thread that started the child, so that one stays until the emulator goes.
        let (started, child) = mpsc::sync_channel(1);
        let (leash, end) = mpsc::channel::<()>();
        thread::spawn(move || {
            let _ = started.send(command.spawn());
            let _ = end.recv();
        });
        let child = child.recv().map_err(|_| Error::Malformed("the starting thread ended".into()))?;
        Ok(Emulator { child: child.map_err(Error::io("starting the emulator"))?, _leash: leash })
    }

    /// Ends the emulator if it has not ended.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A program that the kernel kills when this process ends.
pub(crate) fn leashed(program: &str) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--", program]);
    command
}

/// The command that starts the emulator of a machine whose folder is `folder`, with its command port at `socket`.
pub(crate) fn emulator(rig: &Path, folder: &Path, socket: &Path, options: &Options) -> Command {
    let mut qemu = leashed("qemu-system-x86_64");
    qemu.args(["-nodefaults", "-no-user-config", "-no-reboot", "-display", "none", "-machine", "q35"])
        // Never KVM: where /dev/kvm opens in a container it may still not boot a stock kernel. Without the wide vectors,
        // which are emulated so slowly that sound could not keep up: a period of it takes 18 ms with them, 3 without.
        .args(["-accel", "tcg,thread=multi", "-cpu", "max,avx=off,avx2=off,fma=off", "-bios", "qboot.rom"])
        .args(["-smp", &options.processors.to_string(), "-m", &options.memory_mib.to_string()])
        .args(["-chardev", "stdio,id=control", "-mon", "chardev=control,mode=control"])
        .arg("-kernel")
        .arg(rig.join("vmlinux"))
        .arg("-initrd")
        .arg(rig.join("initrd.img"))
        // The time stamp counter drifts under emulation, the HPET does not.
        .arg("-append")
        .arg(
            "console=ttyS0 panic=-1 quiet mitigations=off audit=0 random.trust_cpu=on clocksource=hpet \
             no_timer_check net.ifnames=0",
        )
        .arg("-serial")
        .arg(option("file:", &folder.join("console.log")))
        .args(["-device", "virtio-serial-pci"])
        .arg("-chardev")
        .arg(option("socket,id=port,path=", socket))
        .args(["-device", "virtserialport,chardev=port,name=agent,nr=1"]);
    for (id, image) in [("root", "root.squashfs"), ("modules", "modules.squashfs")] {
        qemu.arg("-drive")
            .arg(option(&format!("if=none,format=raw,readonly=on,id={id},file="), &rig.join(image)));
        qemu.args(["-device", &format!("virtio-blk-pci,drive={id}")]);
    }
    for tag in ["share", "agent"] {
        qemu.arg("-fsdev")
            .arg(option(&format!("local,security_model=none,id={tag},path="), &folder.join(tag)))
            .args(["-device", &format!("virtio-9p-pci,fsdev={tag},mount_tag={tag}")]);
    }
    if let Some((width, height)) = options.screen {
        qemu.args(["-device", &format!("virtio-gpu-pci,xres={width},yres={height}")])
            .args(["-device", "pcie-root-port,id=touch-port"])
            .args(["-device", "virtio-multitouch-pci,id=touch,bus=touch-port"]);
    }
    if options.outside {
        qemu.args(["-netdev", "user,id=outside", "-device", "virtio-net-pci,netdev=outside"]);
    }
    qemu.args(&options.emulator_arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
    qemu
}

/// A QEMU option that ends with a path, in which QEMU wants a comma doubled.
fn option(start: &str, path: &Path) -> String {
    format!("{start}{}", path.to_string_lossy().replace(',', ",,"))
}

/// Makes a folder that nobody else has, `name` first in its name.
pub(crate) fn fresh_folder(parent: &Path, name: &str) -> Result<PathBuf, Error> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    fs::create_dir_all(parent).map_err(Error::file("making", parent))?;
    let folder = parent.join(format!("{name}-{}-{}", process::id(), NUMBER.fetch_add(1, Ordering::Relaxed)));
    // A folder of that name can only be left from an earlier process that had the same number.
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir(&folder).map_err(Error::file("making", &folder))?;
    Ok(folder)
}

/// Removes the folders that processes which have ended left behind under this name.
pub(crate) fn forget_ended(parent: &Path, name: &str) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    for entry in entries.flatten() {
        let file_name = entry.file_name();
        let process = file_name
            .to_str()
            .and_then(|folder| folder.strip_prefix(name)?.strip_prefix('-')?.split_once('-'))
            .and_then(|(process, _)| process.parse::<u32>().ok());
        if process.is_some_and(|process| !Path::new("/proc").join(process.to_string()).exists()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// What the emulator and the guest's console said last.
pub(crate) fn last_words(folder: &Path) -> String {
    let read = |file: &str| {
        let bytes = fs::read(folder.join(file)).unwrap_or_default();
        tail(&String::from_utf8_lossy(&bytes), 20)
    };
    format!("qemu: {}\nconsole: {}", read("qemu.log"), read("console.log"))
}
