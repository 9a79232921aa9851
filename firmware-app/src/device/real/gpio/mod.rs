//! Buttons and lamps on pins, through rppal on a Raspberry Pi and through gpiocdev elsewhere.
//!
//! Needs nothing of cameras, sound or the screen: the Raspberry Pi scenario (`tests/vm/pi/buttons`) builds these files,
//! and what they name, by themselves.

mod gpiocdev;
mod rppal;
mod watch;

use std::fmt;

use crate::device::clock::Clock;
use crate::device::config::{DeviceConfig, Pull};
use crate::device::gpio::{FoundGpio, GpioPlan, GpioWay};
use crate::device::reopen::{Opened, Source};
use crate::device::{Buttons, DeviceError, Lamps};

/// How the buttons and lamps are wired, beside their pins.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
struct GpioOptions {
    /// A pressed button connects its pin to ground.
    active_low: bool,
    /// A lamp is lit by pulling its pin to ground.
    lamps_active_low: bool,
    /// The resistor inside the chip.
    pull: Pull,
    /// Look often instead of asking for interrupts.
    poll: bool,
}

impl GpioOptions {
    fn of(config: &DeviceConfig) -> GpioOptions {
        GpioOptions {
            active_low: config.pins.active_low,
            lamps_active_low: config.pins.lamps_active_low,
            pull: config.pins.pull,
            poll: config.gpio_poll,
        }
    }
}

/// Looks for pins.
pub(in crate::device) fn find() -> FoundGpio {
    FoundGpio { raspberry_pi: rppal::find(), chips: gpiocdev::find() }
}

/// The buttons, opened as planned whenever they are needed.
pub(in crate::device) fn buttons(plan: GpioPlan, config: &DeviceConfig, clock: Clock) -> Source<dyn Buttons> {
    let (pins, options) = (config.pins.clone(), GpioOptions::of(config));
    Source::<dyn Buttons>::new(move || {
        let way = plan.way(&pins, find)?;
        let device = match &way {
            GpioWay::Rppal(wiring) => rppal::buttons(*wiring, options, clock)?,
            GpioWay::Chip(path, wiring) => gpiocdev::buttons(path, *wiring, options, clock)?,
        };
        Ok(Opened { device, description: way.to_string() })
    })
}

/// The lamps, opened as planned whenever they are needed. Dark when dropped.
pub(in crate::device) fn lamps(plan: GpioPlan, config: &DeviceConfig) -> Source<dyn Lamps> {
    let (pins, options) = (config.pins.clone(), GpioOptions::of(config));
    Source::<dyn Lamps>::new(move || {
        let way = plan.way(&pins, find)?;
        let device = match &way {
            GpioWay::Rppal(wiring) => rppal::lamps(*wiring, options)?,
            GpioWay::Chip(path, wiring) => gpiocdev::lamps(path, *wiring, options)?,
        };
        Ok(Opened { device, description: way.to_string() })
    })
}

/// For the person who must act when the system refuses a node.
fn no_access(path: impl fmt::Display) -> DeviceError {
    DeviceError::Unsupported(format!(
        "{path} may not be opened by the program's user: run `sudo make install-udev`, let the user join the group gpio \
         (usermod -aG gpio USER) and start it again"
    ))
}
