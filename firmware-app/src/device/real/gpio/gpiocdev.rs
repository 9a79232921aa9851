//! Buttons and lamps on any GPIO chip of the kernel through gpiocdev. The kernel tells edges with their time.

use std::io;
use std::path::{Path, PathBuf};

use gpiocdev::Request;
use gpiocdev::chip::Chip;
use gpiocdev::line::{Bias, EdgeDetection, EdgeKind, EventClock, Offset, Value};
use vestibule_common::time::Duration;

use super::watch::{LOOK, LOOK_OFTEN, Lines, ToldEdge, Watched};
use super::{GpioOptions, no_access};
use crate::device::clock::Clock;
use crate::device::config::{Pull, Wiring};
use crate::device::gpio::GpioChip;
use crate::device::{Button, Buttons, DeviceError, Lamps};

/// How this program calls itself to `gpioinfo`.
const CONSUMER: &str = "vestibule-kiosk";

/// The GPIO chips, by number.
pub(super) fn find() -> Vec<GpioChip> {
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
    match find().into_iter().find(GpioChip::is_raspberry_pi) {
        Some(chip) => Chip::from_path(&chip.path).map_or(Ok(()), |chip| refuse_used(&chip, pins)),
        None => Ok(()),
    }
}

fn refuse_used(chip: &Chip, lines: &[Offset]) -> Result<(), DeviceError> {
    for line in lines {
        if let Ok(info) = chip.line_info(*line)
            && info.used
        {
            return Err(DeviceError::Busy(format!(
                "pin {line} is held by \"{}\": end that program, or configure another pin (devices.pins)",
                info.consumer
            )));
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
        DeviceError::Busy(format!("a pin of {path} is held by another program; `gpioinfo` names it"))
    } else if says(libc::ENODEV) || says(libc::ENXIO) {
        DeviceError::Lost(format!("{path} was unplugged"))
    } else if says(libc::EACCES) || says(libc::EPERM) {
        no_access(path)
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

/// The buttons on the chip at `path`.
///
/// Errors: `Busy` if another program has a line, `Missing` without the chip.
pub(super) fn buttons(
    path: &Path,
    wiring: Wiring,
    options: GpioOptions,
    clock: Clock,
) -> Result<Box<dyn Buttons>, DeviceError> {
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
        builder.with_bias(bias).with_edge_detection(edges).with_event_clock(EventClock::Monotonic).request()
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
    let lines = ChipLines { request, chip: path.to_owned(), wiring };
    Ok(Box::new(Watched::new(lines, look, clock)?))
}

struct ChipLines {
    request: Request,
    chip: PathBuf,
    wiring: Wiring,
}

impl Lines for ChipLines {
    fn is_pressed(&self, button: Button) -> Result<bool, DeviceError> {
        let line = match button {
            Button::Mute => self.wiring.mute,
            Button::Approve => self.wiring.approve,
        };
        let value = self.request.value(line).map_err(|error| explain(&self.chip, &error))?;
        Ok(value == Value::Active)
    }

    fn wait_edge(&mut self, limit: Duration) -> Result<Option<ToldEdge>, DeviceError> {
        let explain = |error| explain(&self.chip, &error);
        if !self.request.wait_edge_event(limit).map_err(explain)? {
            return Ok(None);
        }
        let event = self.request.read_edge_event().map_err(explain)?;
        Ok(Some(ToldEdge {
            button: if event.offset == self.wiring.mute { Button::Mute } else { Button::Approve },
            // The kernel turns levels into active and inactive already.
            pressed: event.kind == EdgeKind::Rising,
            at: Duration::from_nanos(event.timestamp_ns),
        }))
    }
}

/// The lamps on the chip at `path`. Dark when dropped.
///
/// Errors: as [`buttons`].
pub(super) fn lamps(
    path: &Path,
    wiring: Wiring,
    options: GpioOptions,
) -> Result<Box<dyn Lamps>, DeviceError> {
    let lines = [wiring.mute_lamp, wiring.approve_lamp];
    refuse_used(&open_chip(path)?, &lines)?;
    let mut builder = Request::builder();
    builder.on_chip(path).with_consumer(CONSUMER).with_lines(&lines);
    if options.lamps_active_low {
        builder.as_active_low();
    }
    let request = builder.as_output(Value::Inactive).request().map_err(|error| explain(path, &error))?;
    Ok(Box::new(ChipLamps { request, chip: path.to_owned(), wiring }))
}

struct ChipLamps {
    request: Request,
    chip: PathBuf,
    wiring: Wiring,
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
