//! Buttons and lamps on a Raspberry Pi's pins through rppal.
//!
//! Interrupts wake the reader, but they are not relied on: rppal opens an interrupt's line on a thread of its own and
//! answers Ok even if another program has it, and some boards never fire one. `watch` looks as well.

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};

use rppal::gpio::{Event, Gpio, InputPin, Level, OutputPin, Trigger};
use rppal::system::DeviceInfo;
use vestibule_common::time::Duration;

use super::watch::{LOOK, LOOK_OFTEN, Lines, ToldEdge, Watched};
use super::{GpioOptions, gpiocdev, no_access};
use crate::device::clock::Clock;
use crate::device::config::{Pull, Wiring};
use crate::device::{Button, Buttons, DeviceError, Lamps};

/// Interrupts waiting to be read. More are bouncing, and the next look sees how it ended.
const WAITING: usize = 32;

/// A button's edge as rppal tells it.
type Interrupt = (Button, Event);

/// Which Raspberry Pi this is, or why its pins cannot be used.
pub(super) fn find() -> Result<String, String> {
    Gpio::new().map_err(|error| error.to_string())?;
    Ok(DeviceInfo::new().map_or_else(|_| "Raspberry Pi".to_owned(), |info| info.model().to_string()))
}

fn explain(error: rppal::gpio::Error) -> DeviceError {
    use rppal::gpio::Error;
    match error {
        Error::UnknownModel => DeviceError::Missing("this is no Raspberry Pi that rppal knows".into()),
        Error::PinUsed(pin) => DeviceError::Busy(format!("pin {pin} is used twice by this program")),
        Error::PinNotAvailable(pin) => DeviceError::Unsupported(format!("there is no pin {pin}")),
        Error::PermissionDenied(path) => no_access(path),
        Error::Io(error) => DeviceError::Lost(format!("the pins: {error}")),
        Error::ThreadPanic => DeviceError::Lost("the pins: an interrupt's thread ended".into()),
    }
}

fn number(pin: u32) -> Result<u8, DeviceError> {
    u8::try_from(pin).map_err(|_| DeviceError::Unsupported(format!("there is no pin {pin}")))
}

/// The buttons.
///
/// Errors: `Busy` if another program has a pin, `Missing` on other boards.
pub(super) fn buttons(
    wiring: Wiring,
    options: GpioOptions,
    clock: Clock,
) -> Result<Box<dyn Buttons>, DeviceError> {
    let gpio = Gpio::new().map_err(explain)?;
    gpiocdev::refuse_used_on_raspberry_pi(&[wiring.mute, wiring.approve])?;
    let input = |pin: u32| -> Result<InputPin, DeviceError> {
        let pin = gpio.get(number(pin)?).map_err(explain)?;
        Ok(match options.pull {
            Pull::Up => pin.into_input_pullup(),
            Pull::Down => pin.into_input_pulldown(),
            Pull::None => pin.into_input(),
        })
    };
    let (mut mute, mut approve) = (input(wiring.mute)?, input(wiring.approve)?);
    let (wake, interrupts) = sync_channel(WAITING);
    if !options.poll {
        for (button, pin) in [(Button::Mute, &mut mute), (Button::Approve, &mut approve)] {
            let send: SyncSender<Interrupt> = wake.clone();
            // A full channel is bouncing; the next look sees how it ended.
            let wake = move |event| {
                let _ = send.try_send((button, event));
            };
            if let Err(error) = pin.set_async_interrupt(Trigger::Both, None, wake) {
                log::warn!("the {button} button has no interrupts ({error}); it is looked at every 20 ms");
            }
        }
    }
    let look = if options.poll { LOOK_OFTEN } else { LOOK };
    let lines = PiLines { mute, approve, active_low: options.active_low, _wake: wake, interrupts };
    Ok(Box::new(Watched::new(lines, look, clock)?))
}

struct PiLines {
    mute: InputPin,
    approve: InputPin,
    active_low: bool,
    /// The sender stays here too, so that the channel never closes.
    _wake: SyncSender<Interrupt>,
    interrupts: Receiver<Interrupt>,
}

impl Lines for PiLines {
    fn is_pressed(&self, button: Button) -> Result<bool, DeviceError> {
        let pin = match button {
            Button::Mute => &self.mute,
            Button::Approve => &self.approve,
        };
        Ok((pin.read() == Level::High) != self.active_low)
    }

    fn wait_edge(&mut self, limit: Duration) -> Result<Option<ToldEdge>, DeviceError> {
        match self.interrupts.recv_timeout(limit) {
            Ok((button, event)) => {
                let high = event.trigger == Trigger::RisingEdge;
                Ok(Some(ToldEdge { button, pressed: high != self.active_low, at: event.timestamp }))
            }
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => Ok(None),
        }
    }
}

/// The lamps. Dark when dropped.
///
/// Errors: as [`buttons`].
pub(super) fn lamps(wiring: Wiring, options: GpioOptions) -> Result<Box<dyn Lamps>, DeviceError> {
    let gpio = Gpio::new().map_err(explain)?;
    gpiocdev::refuse_used_on_raspberry_pi(&[wiring.mute_lamp, wiring.approve_lamp])?;
    let output = |pin: u32| -> Result<OutputPin, DeviceError> {
        let pin = gpio.get(number(pin)?).map_err(explain)?;
        Ok(if options.lamps_active_low { pin.into_output_high() } else { pin.into_output_low() })
    };
    let (mute, approve) = (output(wiring.mute_lamp)?, output(wiring.approve_lamp)?);
    Ok(Box::new(PiLamps { mute, approve, active_low: options.lamps_active_low }))
}

struct PiLamps {
    mute: OutputPin,
    approve: OutputPin,
    active_low: bool,
}

impl Lamps for PiLamps {
    fn set(&mut self, lamp: Button, lit: bool) -> Result<(), DeviceError> {
        let pin = match lamp {
            Button::Mute => &mut self.mute,
            Button::Approve => &mut self.approve,
        };
        pin.write(if lit == self.active_low { Level::Low } else { Level::High });
        Ok(())
    }
}

impl Drop for PiLamps {
    fn drop(&mut self) {
        for pin in [&mut self.mute, &mut self.approve] {
            pin.write(if self.active_low { Level::High } else { Level::Low });
            // A pin that is active low would light its lamp as the input it was before.
            pin.set_reset_on_drop(!self.active_low);
        }
    }
}
