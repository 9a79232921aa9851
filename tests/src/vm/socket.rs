//! Where a device is plugged in: pulls it out and plugs it in again as a hand does, whoever has it open.
//!
//! Four ways, because devices differ: a driver let go of and taken again (unbind and bind in sysfs: vivid, snd-aloop),
//! a chip of gpio-sim switched off and on, a device of the emulator (QMP), and vivid's own
//! disconnect, which breaks one of several cameras and leaves its node.

use serde_json::{Value, json};

use super::{Error, Machine, Task, eventually};

/// Where a device is plugged in.
pub struct Socket<'a> {
    machine: &'a Machine,
    way: Way,
}

enum Way {
    /// A device of the guest's kernel: the folder of its driver, and its name there.
    Driver { folder: String, device: String },
    /// A chip of gpio-sim, by its folder in configfs.
    Chip(String),
    /// A device of the emulator: what `device_add` is given. Its `id` names it.
    Emulator(Value),
}

/// Seconds since the guest booted, which is its `CLOCK_MONOTONIC`, with two digits. The shell reads them by itself.
const MOMENT: &str = "read -r now _ </proc/uptime; echo $now";

/// Waits for udev, which now and then hangs up on whoever asks while it is busy.
const SETTLE: &str = "until udevadm settle; do :; done";

impl<'a> Socket<'a> {
    /// The socket of the device behind a folder of sysfs, such as `/sys/class/sound/card0/device`.
    ///
    /// # Errors
    /// When there is no such device, or no driver has it.
    pub fn of_sysfs(machine: &'a Machine, device: &str) -> Result<Socket<'a>, Error> {
        let found =
            machine.sh(&format!("set -e; cd {device}; readlink -e driver; basename $(readlink -e .)"))?;
        match found.lines().collect::<Vec<_>>()[..] {
            [folder, device] => {
                Ok(Socket { machine, way: Way::Driver { folder: folder.into(), device: device.into() } })
            }
            _ => Err(Error::Malformed(format!("the driver of {device} is {found:?}"))),
        }
    }

    /// The socket of a chip of gpio-sim, by its name in configfs.
    pub(crate) fn of_chip(machine: &'a Machine, label: &str) -> Socket<'a> {
        Socket { machine, way: Way::Chip(format!("/sys/kernel/config/gpio-sim/{label}")) }
    }

    /// The touch panel of a machine with a screen, device and all.
    pub(crate) fn for_touch(machine: &'a Machine) -> Socket<'a> {
        let device = json!({ "driver": "virtio-multitouch-pci", "id": "touch", "bus": "touch-port" });
        Socket { machine, way: Way::Emulator(device) }
    }

    /// A USB sound card that plays and has not been plugged in yet; udev calls it `Kiosk`. The machine needs the
    /// emulator's arguments [`USB_SOUND`].
    pub fn for_usb_sound(machine: &'a Machine) -> Socket<'a> {
        let device = json!({ "driver": "usb-audio", "id": "speakerphone", "audiodev": "quiet" });
        Socket { machine, way: Way::Emulator(device) }
    }

    /// Another USB sound card for the same place, which has up to eight channels; whichever of the two is plugged in, both
    /// sockets pull it out.
    pub fn for_usb_surround(machine: &'a Machine) -> Socket<'a> {
        let device =
            json!({ "driver": "usb-audio", "id": "speakerphone", "audiodev": "quiet", "multi": true });
        Socket { machine, way: Way::Emulator(device) }
    }

    /// Pulls the device out. Returns when that was, in microseconds of the guest's `CLOCK_MONOTONIC` (to 10 ms), and not
    /// before the kernel is rid of the device: for a sound card, once nobody has it open any more.
    ///
    /// # Errors
    /// When the kernel does not let go of it: a program kept it open.
    pub fn pull(&self) -> Result<u64, Error> {
        match &self.way {
            Way::Driver { folder, device } => self.timed(&format!("echo {device} >{folder}/unbind")),
            Way::Chip(folder) => self.timed(&format!("echo 0 >{folder}/live")),
            Way::Emulator(device) => {
                let at = self.timed(":")?;
                self.machine.qmp("device_del", &json!({ "id": device["id"] }))?;
                eventually("the device gone", || {
                    let there = self.machine.qmp("qom-list", &json!({ "path": "/machine/peripheral" }))?;
                    let id = &device["id"];
                    let there = there.as_array().into_iter().flatten().any(|child| child["name"] == *id);
                    Ok((!there).then_some(()))
                })?;
                Ok(at)
            }
        }
    }

    /// Plugs the device in again. Returns when that was, as [`Socket::pull`], once the kernel and udev have it.
    ///
    /// # Errors
    /// When the driver does not take it.
    pub fn replug(&self) -> Result<u64, Error> {
        match &self.way {
            Way::Driver { folder, device } => self.timed(&format!("echo {device} >{folder}/bind; {SETTLE}")),
            Way::Chip(folder) => self.timed(&format!("echo 1 >{folder}/live; {SETTLE}")),
            Way::Emulator(device) => {
                let at = self.timed(":")?;
                self.machine.qmp("device_add", device)?;
                Ok(at)
            }
        }
    }

    /// Starts the guest's USB controllers anew if one has died since the last time, with what is plugged into them. The emulated ones do
    /// now and then ("HC died") while devices come and go, and a real one would be a fault of the board.
    ///
    /// # Errors
    /// When the driver does not take them.
    pub fn revive_usb(machine: &Machine) -> Result<(), Error> {
        machine
            .sh(&format!(
                "died=$(dmesg | grep -c 'HC died' || true); [ \"$died\" = \"$(cat /run/revived 2>/dev/null || echo 0)\" ] || {{
                    set -e; cd /sys/bus/pci/drivers/xhci_hcd
                    for controller in 0000:*; do echo $controller >unbind; echo $controller >bind; done
                    echo $died >/run/revived; {SETTLE}
                }}"
            ))
            .map(drop)
    }

    fn timed(&self, command: &str) -> Result<u64, Error> {
        let said = self.machine.sh(&format!("set -e; {MOMENT}; {command}"))?;
        let seconds: f64 = said
            .lines()
            .next()
            .and_then(|line| line.parse().ok())
            .ok_or_else(|| Error::Malformed(format!("the guest's time is {said:?}")))?;
        Ok((seconds * 1e6) as u64)
    }
}

/// What the emulator needs for [`Socket::for_usb_sound`].
pub const USB_SOUND: [&str; 4] = ["-device", "qemu-xhci", "-audiodev", "none,id=quiet"];

/// A camera whose cable is out while its node stays: vivid's disconnect. Plugged in again by [`Disconnected::reconnect`].
pub struct Disconnected<'a> {
    /// vivid reconnects when the last program closes the node, so one keeps it open.
    holder: Task<'a>,
}

impl<'a> Disconnected<'a> {
    /// Breaks the streams of the camera at `node`, and refuses new ones.
    pub(crate) fn new(machine: &'a Machine, node: &str) -> Result<Disconnected<'a>, Error> {
        let holder = machine.start(&format!("exec 9<>{node}; echo open; sleep infinity"))?;
        holder.wait_for_output("the camera's node held", |said| said.contains("open"))?;
        machine.sh(&format!("v4l2-ctl -d {node} -c disconnect=1"))?;
        Ok(Disconnected { holder })
    }

    /// Plugs the cable in again.
    ///
    /// # Errors
    /// When the machine is gone.
    pub fn reconnect(self) -> Result<(), Error> {
        self.holder.stop().map(drop)
    }
}
