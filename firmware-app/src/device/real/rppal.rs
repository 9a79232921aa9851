//! Buttons and lamps on a Raspberry Pi's pins through rppal.
//!
//! Interrupts wake the reader, and it looks at the pins every 20 ms as well: rppal opens an interrupt's line on a thread
//! of its own and answers Ok even if another program has it, and some boards never fire one. The looks alone are enough.

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};

use rppal::gpio::{Event, Gpio, InputPin, Level, OutputPin, Trigger};
use rppal::system::DeviceInfo;
use vestibule_common::time::{Duration, Time};

use super::{GpioOptions, gpiocdev};
use crate::device::clock::Clock;
use crate::device::config::{Pull, Wiring};
use crate::device::debounce::Contacts;
use crate::device::{Button, ButtonEdge, Buttons, DeviceError, Lamps};

/// Between two looks when interrupts work.
const LOOK: Duration = Duration::from_millis(20);

/// Between two looks without interrupts.
const LOOK_OFTEN: Duration = Duration::from_millis(5);

/// Interrupts waiting to be read. More are bouncing, and the next look sees how it ended.
const WAITING: usize = 32;

/// A button's edge as rppal tells it.
type Interrupt = (Button, Event);

/// Which Raspberry Pi this is, or why its pins cannot be used.
pub(in crate::device) fn find() -> Result<String, String> {
    Gpio::new().map_err(|error| error.to_string())?;
    Ok(DeviceInfo::new().map_or_else(|_| "Raspberry Pi".to_owned(), |info| info.model().to_string()))
}

fn explain(error: rppal::gpio::Error) -> DeviceError {
    use rppal::gpio::Error;
    match error {
        Error::UnknownModel => DeviceError::Missing("this is no Raspberry Pi that rppal knows".into()),
        Error::PinUsed(pin) => DeviceError::Busy(format!("pin {pin} is used twice by this program")),
        Error::PinNotAvailable(pin) => DeviceError::Unsupported(format!("there is no pin {pin}")),
        Error::PermissionDenied(path) => DeviceError::Unsupported(format!(
            "{path} may not be opened: the program's user must be in the group gpio"
        )),
        Error::Io(error) => DeviceError::Lost(format!("the pins: {error}")),
        Error::ThreadPanic => DeviceError::Lost("the pins: an interrupt's thread ended".into()),
    }
}

fn number(pin: u32) -> Result<u8, DeviceError> {
    u8::try_from(pin).map_err(|_| DeviceError::Unsupported(format!("there is no pin {pin}")))
}

/// The buttons.
pub(in crate::device) struct RppalButtons {
    mute: InputPin,
    approve: InputPin,
    active_low: bool,
    look: Duration,
    contacts: Contacts,
    /// The sender stays here too, so that the channel never closes.
    _wake: SyncSender<Interrupt>,
    interrupts: Receiver<Interrupt>,
    next_look: Time,
    chattering: usize,
    clock: Clock,
}

impl RppalButtons {
    /// Errors: `Busy` if another program has a pin, `Missing` on other boards.
    pub(in crate::device) fn open(
        wiring: Wiring,
        options: GpioOptions,
        clock: Clock,
    ) -> Result<RppalButtons, DeviceError> {
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
                    log::warn!(
                        "the {button} button has no interrupts ({error}); it is looked at every 20 ms"
                    );
                }
            }
        }
        let now = clock.now();
        let pressed = |pin: &InputPin| is_active(pin.read(), options.active_low);
        let contacts = Contacts::new(pressed(&mute), pressed(&approve), now);
        Ok(RppalButtons {
            mute,
            approve,
            active_low: options.active_low,
            look: if options.poll { LOOK_OFTEN } else { LOOK },
            contacts,
            _wake: wake,
            interrupts,
            next_look: now,
            chattering: 0,
            clock,
        })
    }

    /// Looks at both pins.
    fn look(&mut self) -> Option<ButtonEdge> {
        let now = self.clock.now();
        if let Some(edge) = self.contacts.handle_timeout(now) {
            return Some(edge);
        }
        let mute = is_active(self.mute.read(), self.active_low);
        let approve = is_active(self.approve.read(), self.active_low);
        // Both are looked at again next time if the first has something to report.
        let edge = self.contacts.handle_level(Button::Mute, mute, now);
        edge.or_else(|| self.contacts.handle_level(Button::Approve, approve, now))
    }
}

impl Buttons for RppalButtons {
    fn wait(&mut self, limit: Duration) -> Result<Option<ButtonEdge>, DeviceError> {
        let end = self.clock.now() + limit;
        loop {
            let now = self.clock.now();
            if now >= self.next_look || self.contacts.poll_timeout().is_some_and(|due| now >= due) {
                if let Some(edge) = self.look() {
                    return Ok(Some(edge));
                }
                self.next_look = now + self.look;
                super::tell_chattering(&mut self.chattering, &self.contacts);
            }
            if now >= end {
                return Ok(None);
            }
            let until = self.contacts.poll_timeout().map_or(self.next_look, |due| due.min(self.next_look));
            match self.interrupts.recv_timeout(until.min(end).since(now)) {
                Ok((button, event)) => {
                    let high = event.trigger == Trigger::RisingEdge;
                    let at = self.clock.from_monotonic(event.timestamp).min(self.clock.now());
                    if let Some(edge) = self.contacts.handle_level(button, high != self.active_low, at) {
                        return Ok(Some(edge));
                    }
                }
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
            }
        }
    }
}

fn is_active(level: Level, active_low: bool) -> bool {
    (level == Level::High) != active_low
}

/// The lamps. Dark when dropped.
pub(in crate::device) struct RppalLamps {
    mute: OutputPin,
    approve: OutputPin,
    active_low: bool,
}

impl RppalLamps {
    /// Errors: as [`RppalButtons::open`].
    pub(in crate::device) fn open(wiring: Wiring, options: GpioOptions) -> Result<RppalLamps, DeviceError> {
        let gpio = Gpio::new().map_err(explain)?;
        gpiocdev::refuse_used_on_raspberry_pi(&[wiring.mute_lamp, wiring.approve_lamp])?;
        let output = |pin: u32| -> Result<OutputPin, DeviceError> {
            let pin = gpio.get(number(pin)?).map_err(explain)?;
            Ok(if options.lamps_active_low { pin.into_output_high() } else { pin.into_output_low() })
        };
        let (mute, approve) = (output(wiring.mute_lamp)?, output(wiring.approve_lamp)?);
        Ok(RppalLamps { mute, approve, active_low: options.lamps_active_low })
    }

    fn write(&mut self, lamp: Button, lit: bool) {
        let level = if lit == self.active_low { Level::Low } else { Level::High };
        match lamp {
            Button::Mute => self.mute.write(level),
            Button::Approve => self.approve.write(level),
        }
    }
}

impl Lamps for RppalLamps {
    fn set(&mut self, lamp: Button, lit: bool) -> Result<(), DeviceError> {
        self.write(lamp, lit);
        Ok(())
    }
}

impl Drop for RppalLamps {
    fn drop(&mut self) {
        for (lamp, pin) in [(Button::Mute, 0), (Button::Approve, 1)] {
            self.write(lamp, false);
            // A pin that is active low would light its lamp as the input it was before.
            let pin = if pin == 0 { &mut self.mute } else { &mut self.approve };
            pin.set_reset_on_drop(!self.active_low);
        }
    }
}
