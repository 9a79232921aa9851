//! Devices of the Linux kernel: v4l for pictures, alsa for sound, rppal and gpiocdev for pins. The only files that name
//! those crates.

pub(super) mod alsa;
mod frames;
pub(super) mod gpiocdev;
pub(super) mod negotiate;
pub(super) mod rppal;
mod users;
pub(super) mod v4l;

use crate::device::Button;
use crate::device::config::{DeviceConfig, Pull};
use crate::device::debounce::Contacts;

/// The picture that the kiosk would like.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) struct WantedPicture {
    /// Pixels.
    pub(super) width: u32,
    /// Pixels.
    pub(super) height: u32,
    /// Frames per second.
    pub(super) rate: u32,
}

/// How the buttons and lamps are wired, beside their pins.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) struct GpioOptions {
    /// A pressed button connects its pin to ground.
    pub(super) active_low: bool,
    /// A lamp is lit by pulling its pin to ground.
    pub(super) lamps_active_low: bool,
    /// The resistor inside the chip.
    pub(super) pull: Pull,
    /// Look often instead of asking for interrupts.
    pub(super) poll: bool,
}

impl GpioOptions {
    pub(super) fn of(config: &DeviceConfig) -> GpioOptions {
        GpioOptions {
            active_low: config.pins.active_low,
            lamps_active_low: config.pins.lamps_active_low,
            pull: config.pins.pull,
            poll: config.gpio_poll,
        }
    }
}

/// Says once that a button chatters, and once that it stopped. `told` is how many were told before.
fn tell_chattering(told: &mut usize, contacts: &Contacts) {
    let buttons: Vec<Button> = contacts.chattering().collect();
    if buttons.len() > *told {
        for button in &buttons {
            log::warn!("the {button} button's contact is loose: it is ignored until it rests");
        }
    } else if buttons.len() < *told {
        log::info!("a loose button rests again");
    }
    *told = buttons.len();
}
