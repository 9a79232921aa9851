//! Buttons and lamps on any GPIO chip of the kernel through gpiocdev.
//!
//! The kernel tells edges with their time. The levels are read every 20 ms as well: a chip that is unplugged does not
//! wake its reader, and only reading notices.

use std::io;
use std::path::{Path, PathBuf};

use gpiocdev::Request;
use gpiocdev::chip::Chip;
use gpiocdev::line::{Bias, EdgeDetection, EdgeKind, EventClock, Offset, Value};
use vestibule_common::time::{Duration, Time};

use super::GpioOptions;
use crate::device::clock::Clock;
use crate::device::config::{Pull, Wiring};
use crate::device::debounce::Contacts;
use crate::device::found::GpioChip;
use crate::device::{Button, ButtonEdge, Buttons, DeviceError, Lamps};

/// How this program calls itself to `gpioinfo`.
const CONSUMER: &str = "vestibule-kiosk";

/// Between two looks when edges are told.
const LOOK: Duration = Duration::from_millis(20);

/// Between two looks without edges.
const LOOK_OFTEN: Duration = Duration::from_millis(5);

/// The GPIO chips, by number.
pub(in crate::device) fn find() -> Vec<GpioChip> {
    gpiocdev::chip::chips().unwrap_or_default().iter().filter_map(|path| describe(path)).collect()
}

fn describe(path: &Path) -> Option<GpioChip> {
    let chip = Chip::from_path(path).ok()?;
    let info = chip.info().ok()?;
    let name_of = |line| chip.line_info(line).map(|info| info.name).unwrap_or_default();
    let lines = (0..info.num_lines).map(name_of).collect();
    Some(GpioChip { path: path.to_owned(), name: info.name, label: info.label, lines })
}

/// On a Raspberry Pi, refuses pins that another program holds through the kernel; rppal would not notice.
///
/// Errors: `Busy`, with the name under which the other program holds the pin.
pub(super) fn refuse_used_on_raspberry_pi(pins: &[u32]) -> Result<(), DeviceError> {
    for path in gpiocdev::chip::chips().unwrap_or_default() {
        let Ok(chip) = Chip::from_path(&path) else { continue };
        let ours = |label: &str| label.starts_with("pinctrl-bcm2") || label == "pinctrl-rp1";
        if chip.info().is_ok_and(|info| ours(&info.label)) {
            return refuse_used(&chip, pins);
        }
    }
    Ok(())
}

fn refuse_used(chip: &Chip, lines: &[Offset]) -> Result<(), DeviceError> {
    for line in lines {
        if let Ok(info) = chip.line_info(*line)
            && info.used
        {
            return Err(DeviceError::Busy(format!("pin {line} is held by \"{}\"", info.consumer)));
        }
    }
    Ok(())
}

/// The kernel's answer, for the person who must act.
fn explain(path: &Path, error: &gpiocdev::Error) -> DeviceError {
    // The number is inside types of a crate below; its text is the system's own.
    let text = error.to_string();
    let says =
        |code| text.contains(&io::Error::from_raw_os_error(code).to_string()) || code_of(error) == Some(code);
    let path = path.display();
    if says(libc::EBUSY) {
        DeviceError::Busy(format!("a pin of {path} is held by another program"))
    } else if says(libc::ENODEV) || says(libc::ENXIO) {
        DeviceError::Lost(format!("{path} was unplugged"))
    } else if says(libc::EACCES) || says(libc::EPERM) {
        DeviceError::Unsupported(format!(
            "{path} may not be opened: the program's user must be in the group gpio"
        ))
    } else {
        DeviceError::Lost(format!("{path}: {error}"))
    }
}

fn code_of(error: &gpiocdev::Error) -> Option<i32> {
    match error {
        gpiocdev::Error::Os(code) => Some(code.0),
        _ => None,
    }
}

fn open_chip(path: &Path) -> Result<Chip, DeviceError> {
    if !path.exists() {
        return Err(DeviceError::Missing(format!("{} is not there", path.display())));
    }
    Chip::from_path(path).map_err(|error| explain(path, &error))
}

/// The buttons.
pub(in crate::device) struct ChipButtons {
    request: Request,
    chip: PathBuf,
    wiring: Wiring,
    look: Duration,
    contacts: Contacts,
    next_look: Time,
    chattering: usize,
    clock: Clock,
}

impl ChipButtons {
    /// Errors: `Busy` if another program has a line, `Missing` without the chip.
    pub(in crate::device) fn open(
        path: &Path,
        wiring: Wiring,
        options: GpioOptions,
        clock: Clock,
    ) -> Result<ChipButtons, DeviceError> {
        let lines = [wiring.mute, wiring.approve];
        refuse_used(&open_chip(path)?, &lines)?;
        let bias = match options.pull {
            Pull::Up => Bias::PullUp,
            Pull::Down => Bias::PullDown,
            Pull::None => Bias::Disabled,
        };
        let ask = |bias: Option<Bias>, edges: Option<EdgeDetection>| {
            let mut builder = Request::builder();
            builder.on_chip(path).with_consumer(CONSUMER).with_lines(&lines).as_input();
            if options.active_low {
                builder.as_active_low();
            }
            builder
                .with_bias(bias)
                .with_edge_detection(edges)
                .with_event_clock(EventClock::Monotonic)
                .request()
        };
        let edges = (!options.poll).then_some(EdgeDetection::BothEdges);
        // Some chips have no resistors inside, and some no interrupts; the levels are there all the same.
        let (request, look) = match ask(Some(bias), edges).or_else(|_| ask(None, edges)) {
            Ok(request) => (request, if options.poll { LOOK_OFTEN } else { LOOK }),
            Err(error) => {
                log::info!("{} tells no edges ({error}); it is looked at every 5 ms", path.display());
                let request = ask(Some(bias), None).or_else(|_| ask(None, None));
                (request.map_err(|error| explain(path, &error))?, LOOK_OFTEN)
            }
        };
        let now = clock.now();
        let mut buttons = ChipButtons {
            request,
            chip: path.to_owned(),
            wiring,
            look,
            contacts: Contacts::new(false, false, now),
            next_look: now,
            chattering: 0,
            clock,
        };
        buttons.contacts = Contacts::new(buttons.level(Button::Mute)?, buttons.level(Button::Approve)?, now);
        Ok(buttons)
    }

    fn level(&self, button: Button) -> Result<bool, DeviceError> {
        let line = match button {
            Button::Mute => self.wiring.mute,
            Button::Approve => self.wiring.approve,
        };
        let value = self.request.value(line).map_err(|error| explain(&self.chip, &error))?;
        Ok(value == Value::Active)
    }

    /// Looks at both lines.
    fn look(&mut self) -> Result<Option<ButtonEdge>, DeviceError> {
        let now = self.clock.now();
        if let Some(edge) = self.contacts.handle_timeout(now) {
            return Ok(Some(edge));
        }
        let (mute, approve) = (self.level(Button::Mute)?, self.level(Button::Approve)?);
        let edge = self.contacts.handle_level(Button::Mute, mute, now);
        Ok(edge.or_else(|| self.contacts.handle_level(Button::Approve, approve, now)))
    }

    /// Reads one edge that the kernel told.
    fn told(&mut self) -> Result<Option<ButtonEdge>, DeviceError> {
        let event = self.request.read_edge_event().map_err(|error| explain(&self.chip, &error))?;
        let button = if event.offset == self.wiring.mute { Button::Mute } else { Button::Approve };
        let at = self.clock.from_monotonic(Duration::from_nanos(event.timestamp_ns)).min(self.clock.now());
        // The kernel turns levels into active and inactive already.
        Ok(self.contacts.handle_level(button, event.kind == EdgeKind::Rising, at))
    }
}

impl Buttons for ChipButtons {
    fn wait(&mut self, limit: Duration) -> Result<Option<ButtonEdge>, DeviceError> {
        let end = self.clock.now() + limit;
        loop {
            let now = self.clock.now();
            // What the kernel told comes first, with its exact time, but not so much that looking starves.
            if now >= self.next_look || self.contacts.poll_timeout().is_some_and(|due| now >= due) {
                while self.request.has_edge_event().map_err(|error| explain(&self.chip, &error))? {
                    if let Some(edge) = self.told()? {
                        return Ok(Some(edge));
                    }
                    if self.clock.now().since(now) > self.look {
                        break;
                    }
                }
                if let Some(edge) = self.look()? {
                    return Ok(Some(edge));
                }
                self.next_look = now + self.look;
                super::tell_chattering(&mut self.chattering, &self.contacts);
            }
            if now >= end {
                return Ok(None);
            }
            let until = self.contacts.poll_timeout().map_or(self.next_look, |due| due.min(self.next_look));
            let pause = until.min(end).since(now);
            if self.request.wait_edge_event(pause).map_err(|error| explain(&self.chip, &error))?
                && let Some(edge) = self.told()?
            {
                return Ok(Some(edge));
            }
        }
    }
}

/// The lamps. Dark when dropped.
pub(in crate::device) struct ChipLamps {
    request: Request,
    chip: PathBuf,
    wiring: Wiring,
}

impl ChipLamps {
    /// Errors: as [`ChipButtons::open`].
    pub(in crate::device) fn open(
        path: &Path,
        wiring: Wiring,
        options: GpioOptions,
    ) -> Result<ChipLamps, DeviceError> {
        let lines = [wiring.mute_lamp, wiring.approve_lamp];
        refuse_used(&open_chip(path)?, &lines)?;
        let mut builder = Request::builder();
        builder.on_chip(path).with_consumer(CONSUMER).with_lines(&lines);
        if options.lamps_active_low {
            builder.as_active_low();
        }
        let request = builder.as_output(Value::Inactive).request().map_err(|error| explain(path, &error))?;
        Ok(ChipLamps { request, chip: path.to_owned(), wiring })
    }
}

impl Lamps for ChipLamps {
    fn set(&mut self, lamp: Button, lit: bool) -> Result<(), DeviceError> {
        let line = match lamp {
            Button::Mute => self.wiring.mute_lamp,
            Button::Approve => self.wiring.approve_lamp,
        };
        let value = if lit { Value::Active } else { Value::Inactive };
        self.request.set_value(line, value).map_err(|error| explain(&self.chip, &error))
    }
}

impl Drop for ChipLamps {
    fn drop(&mut self) {
        for lamp in [Button::Mute, Button::Approve] {
            // A chip that is gone is dark.
            let _ = self.set(lamp, false);
        }
    }
}
