//! The room's buttons and lamps: a GPIO chip of the kernel's gpio-sim driver, of which the test holds the other end.
//!
//! A test speaks of levels, as a wire does; which level means "pressed" or "lit" is the kiosk's configuration.

use super::{Error, Machine, Socket};

/// The voltage on a pin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Ground.
    Low,
    /// Supply.
    High,
}

impl Level {
    fn other(self) -> Level {
        match self {
            Level::Low => Level::High,
            Level::High => Level::Low,
        }
    }
}

/// What a shell of the guest waits on, without a program for it: `read -t` from this never has anything.
const PAUSE: &str = "[ -p /run/pause ] || mkfifo /run/pause; exec 9<>/run/pause";

/// A plugged-in GPIO chip.
pub struct Pins<'a> {
    machine: &'a Machine,
    label: String,
    chip: String,
    sysfs: String,
}

impl<'a> Pins<'a> {
    /// Plugs in a chip of `count` lines, of which `names` gives some a name. `label` is the chip's, and must be unique
    /// in the machine. Every line reads low until it is pulled.
    ///
    /// # Errors
    /// When the driver does not take it.
    pub fn plug(
        machine: &'a Machine,
        label: &str,
        count: u32,
        names: &[(u32, &str)],
    ) -> Result<Pins<'a>, Error> {
        let mut script = format!(
            "set -e; modprobe gpio-sim; cd /sys/kernel/config/gpio-sim; mkdir -p {label}/bank0; cd {label}\n\
             echo {count} >bank0/num_lines; echo {label} >bank0/label\n"
        );
        for (line, name) in names {
            script.push_str(&format!("mkdir bank0/line{line}; echo {name} >bank0/line{line}/name\n"));
        }
        script.push_str("echo 1 >live; udevadm settle; cat dev_name bank0/chip_name");
        let names = machine.sh(&script)?;
        let (chip, sysfs) = places(&names)?;
        Ok(Pins { machine, label: label.to_owned(), chip, sysfs })
    }

    /// Where the chip is plugged in. After a replug its node may be another: ask with [`Pins::find_again`].
    pub fn socket(&self) -> Socket<'a> {
        Socket::of_chip(self.machine, &self.label)
    }

    /// Finds the chip after it was plugged in again: its node is the first that was free. Pulls these lines high, as
    /// resistors do.
    ///
    /// # Errors
    /// When it is not plugged in.
    pub fn find_again(&mut self, high: &[u32]) -> Result<(), Error> {
        let lines = high.iter().map(|line| format!("sim_gpio{line}/pull ")).collect::<String>();
        let names = self.machine.sh(&format!(
            "set -e; cd /sys/kernel/config/gpio-sim/{}; cat dev_name bank0/chip_name; read -r device <dev_name\n\
             read -r chip <bank0/chip_name; cd /sys/devices/platform/$device/$chip\n\
             for line in {lines}; do echo pull-up >$line; done",
            self.label
        ))?;
        (self.chip, self.sysfs) = places(&names)?;
        Ok(())
    }

    /// The chip's node, such as `/dev/gpiochip0`.
    pub fn node(&self) -> &str {
        &self.chip
    }

    /// Pulls an input line to a level, as a button does.
    ///
    /// # Errors
    /// When the line does not exist.
    pub fn pull(&self, line: u32, level: Level) -> Result<(), Error> {
        self.machine.sh(&self.pull_command(line, level)).map(drop)
    }

    /// Pulls a line to `level`, holds it for `milliseconds` of the guest's time, and lets it go back. One command, so
    /// that the time is kept as well as the guest keeps time.
    ///
    /// # Errors
    /// When the line does not exist.
    pub fn pulse(&self, line: u32, level: Level, milliseconds: u32) -> Result<(), Error> {
        let back = level.other();
        // The shell waits by itself: starting sleep may take longer here than a press lasts.
        self.machine
            .sh(&format!(
                "{PAUSE}; {}; read -r -t {}.{:03} -u 9; {}",
                self.pull_command(line, level),
                milliseconds / 1000,
                milliseconds % 1000,
                self.pull_command(line, back)
            ))
            .map(drop)
    }

    /// Waits until a line is at `level`. The guest looks by itself, which takes less of its time than being asked.
    ///
    /// # Errors
    /// [`Error::Timeout`] when it does not come to it.
    pub fn wait_for(&self, line: u32, level: Level) -> Result<(), Error> {
        self.machine.sh(&format!("{PAUSE}; {}", self.wait_command(line, level))).map(drop)
    }

    /// Pulls a line to `level` until `answer` is at its level, and lets it go back: a press that is as long as it has to be
    /// on a machine that may be busy for longer than a tap lasts.
    ///
    /// # Errors
    /// [`Error::Timeout`] when there is no answer.
    pub fn hold_until(&self, line: u32, level: Level, answer: (u32, Level)) -> Result<(), Error> {
        let (hold, wait) = (self.pull_command(line, level), self.wait_command(answer.0, answer.1));
        let back = self.pull_command(line, level.other());
        self.machine.sh(&format!("{PAUSE}; {hold}; {wait}; {back}")).map(drop)
    }

    /// The level on a line: what drives it if it is an output, how it is pulled otherwise.
    ///
    /// # Errors
    /// When the line does not exist.
    pub fn level(&self, line: u32) -> Result<Level, Error> {
        match self
            .machine
            .sh(&format!("read -r level <{}/sim_gpio{line}/value; echo $level", self.sysfs))?
            .trim()
        {
            "0" => Ok(Level::Low),
            "1" => Ok(Level::High),
            other => Err(Error::Malformed(format!("a pin's level is {other:?}"))),
        }
    }

    /// Removes the chip, also while a program has it open.
    ///
    /// # Errors
    /// When the driver does not take it.
    pub fn unplug(self) -> Result<(), Error> {
        let label = &self.label;
        self.machine
            .sh(&format!(
                "set -e; cd /sys/kernel/config/gpio-sim; echo 0 >{label}/live; rmdir {label}/bank0/line* || true; \
                 rmdir {label}/bank0 {label}"
            ))
            .map(drop)
    }

    fn wait_command(&self, line: u32, level: Level) -> String {
        let wanted = u32::from(level == Level::High);
        let value = format!("{}/sim_gpio{line}/value", self.sysfs);
        format!(
            "until read -r level <{value} && [ \"$level\" = {wanted} ]; do read -r -t 0.05 -u 9 || :; done"
        )
    }

    fn pull_command(&self, line: u32, level: Level) -> String {
        let pull = match level {
            Level::Low => "pull-down",
            Level::High => "pull-up",
        };
        format!("echo {pull} >{}/sim_gpio{line}/pull", self.sysfs)
    }
}

/// The chip's node and its folder in sysfs, from the lines in which gpio-sim names its device and its chip.
fn places(names: &str) -> Result<(String, String), Error> {
    match names.lines().collect::<Vec<_>>()[..] {
        [device, chip] => Ok((format!("/dev/{chip}"), format!("/sys/devices/platform/{device}/{chip}"))),
        _ => Err(Error::Malformed(format!("gpio-sim named its chip {names:?}"))),
    }
}
