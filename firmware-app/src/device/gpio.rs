//! Which pins the buttons and lamps are on, by what the machine has. Pure: `real::gpio` looks and opens.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::device::DeviceError;
use crate::device::config::{ConfigError, Pins, RASPBERRY_PI_PINS, Wiring};

/// A GPIO chip.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GpioChip {
    /// Such as `/dev/gpiochip0`.
    pub path: PathBuf,
    /// Such as `gpiochip0`.
    pub name: String,
    /// What kind of chip, such as `pinctrl-bcm2835`.
    pub label: String,
    /// The names of its lines, empty where they have none.
    pub lines: Vec<String>,
}

impl GpioChip {
    /// The line of a name; case, `_` and `-` do not matter.
    pub fn line(&self, name: &str) -> Option<u32> {
        let plain = |name: &str| name.to_ascii_lowercase().replace('_', "-");
        let place = self.lines.iter().position(|line| plain(line) == plain(name))?;
        u32::try_from(place).ok()
    }

    /// Whether it is the one of a Raspberry Pi's header, which counts its lines as BCM does.
    pub fn is_raspberry_pi(&self) -> bool {
        self.label.starts_with("pinctrl-bcm2") || self.label == "pinctrl-rp1"
    }

    /// How many lines it has.
    pub fn count(&self) -> u32 {
        u32::try_from(self.lines.len()).unwrap_or(u32::MAX)
    }
}

/// The pins of this machine.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FoundGpio {
    /// The Raspberry Pi this is, or why its pins cannot be used.
    pub raspberry_pi: Result<String, String>,
    /// GPIO chips, by number.
    pub chips: Vec<GpioChip>,
}

/// Which pins to open. What that comes to is found out whenever they are opened: a chip may come back under another
/// node.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum GpioPlan {
    /// Through rppal.
    Rppal(Wiring),
    /// The chip of this name, label or node.
    Chip(String),
    /// The best there is.
    Best,
}

/// A way to the pins.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum GpioWay {
    /// Through rppal.
    Rppal(Wiring),
    /// Through the kernel's chip at this node.
    Chip(PathBuf, Wiring),
}

/// A chip that is not there, and those that are.
fn no_such_chip(name: &str, chips: &[GpioChip]) -> String {
    let there: Vec<&str> = chips.iter().map(|chip| chip.label.as_str()).collect();
    let there = if there.is_empty() { "none".to_owned() } else { there.join(", ") };
    format!(
        "no GPIO chip is called {name}; there are: {there}. Put one of them into devices.buttons (gpiocdev:CHIP)"
    )
}

impl GpioPlan {
    /// The way to the pins on this machine as it is now; `look` is asked only if that decides it.
    ///
    /// Errors: `Missing` if there is no such chip, `Unsupported` if it has not the pins configured.
    pub(super) fn way(&self, pins: &Pins, look: impl FnOnce() -> FoundGpio) -> Result<GpioWay, DeviceError> {
        let unsupported = |error: ConfigError| DeviceError::Unsupported(error.0);
        match self {
            GpioPlan::Rppal(wiring) => Ok(GpioWay::Rppal(*wiring)),
            GpioPlan::Chip(name) => {
                let found = look();
                let chip = named_chip(&found.chips, name)
                    .ok_or_else(|| DeviceError::Missing(no_such_chip(name, &found.chips)))?;
                let wiring = wiring_on(chip, pins).map_err(unsupported)?;
                Ok(GpioWay::Chip(chip.path.clone(), wiring))
            }
            GpioPlan::Best => match best_gpio(pins, &look()) {
                Ok((way, _)) => Ok(way),
                Err(NoGpio::None(why)) => Err(DeviceError::Missing(why)),
                Err(NoGpio::Pins(error)) => Err(unsupported(error)),
            },
        }
    }
}

/// Why there are no pins to use.
pub(super) enum NoGpio {
    /// There is no chip, or none that may be taken unasked.
    None(String),
    /// There is one, and the configured pins cannot be meant.
    Pins(ConfigError),
}

/// rppal on a Raspberry Pi that lets it; else a chip of the kernel, if it is clear which. Lines of an unknown board are
/// never driven on a guess.
pub(super) fn best_gpio(pins: &Pins, found: &FoundGpio) -> Result<(GpioWay, String), NoGpio> {
    let no_pi = match &found.raspberry_pi {
        Ok(model) => {
            let wiring = pins.on_raspberry_pi();
            wiring.check(RASPBERRY_PI_PINS).map_err(NoGpio::Pins)?;
            return Ok((GpioWay::Rppal(wiring), format!("this is a {model}")));
        }
        Err(why) => why,
    };
    if let Some(chip) = found.chips.iter().find(|chip| chip.is_raspberry_pi()) {
        let wiring = wiring_on(chip, pins).map_err(NoGpio::Pins)?;
        let why =
            format!("it is a Raspberry Pi's chip, and its pins cannot be reached past the kernel ({no_pi})");
        return Ok((GpioWay::Chip(chip.path.clone(), wiring), why));
    }
    if let Some(chip) = found.chips.iter().find(|chip| chip.line("mute").is_some()) {
        let wiring = wiring_on(chip, pins).map_err(NoGpio::Pins)?;
        return Ok((
            GpioWay::Chip(chip.path.clone(), wiring),
            "the chip's lines bear the buttons' names".into(),
        ));
    }
    let all_set = pins.mute.and(pins.approve).and(pins.mute_lamp).and(pins.approve_lamp).is_some();
    match found.chips.as_slice() {
        [] => Err(NoGpio::None(format!(
            "there is no GPIO chip, and this is no Raspberry Pi ({no_pi}); without buttons: devices.buttons = \"none\""
        ))),
        [chip] if all_set => {
            let wiring = wiring_on(chip, pins).map_err(NoGpio::Pins)?;
            let why = format!("it is the only GPIO chip, and this is no Raspberry Pi ({no_pi})");
            Ok((GpioWay::Chip(chip.path.clone(), wiring), why))
        }
        [chip] => Err(NoGpio::None(format!(
            "{chip} is no Raspberry Pi, none of its lines is named \"mute\", and devices.pins are not all set"
        ))),
        chips => Err(NoGpio::None(format!(
            "there are {} GPIO chips and none has lines named for the buttons; say which with devices.buttons = \
             \"gpiocdev:CHIP\"",
            chips.len()
        ))),
    }
}

/// The chip that the configuration names.
pub(super) fn named_chip<'a>(chips: &'a [GpioChip], name: &str) -> Option<&'a GpioChip> {
    chips.iter().find(|chip| chip.name == name || chip.label == name || chip.path == Path::new(name))
}

/// The pins on a chip. A Raspberry Pi's chip counts its lines as BCM does.
pub(super) fn wiring_on(chip: &GpioChip, pins: &Pins) -> Result<Wiring, ConfigError> {
    if chip.is_raspberry_pi() {
        let wiring = pins.on_raspberry_pi();
        return wiring.check(RASPBERRY_PI_PINS).map(|()| wiring);
    }
    let wiring = pins
        .on_chip(|name| chip.line(name))
        .map_err(|ConfigError(error)| ConfigError(format!("{error} ({chip})")))?;
    wiring.check(chip.count()).map(|()| wiring)
}

impl fmt::Display for GpioChip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}, {} lines)", self.path.display(), self.label, self.lines.len())
    }
}

impl fmt::Display for GpioWay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let wiring = match self {
            GpioWay::Rppal(wiring) => {
                f.write_str("rppal")?;
                wiring
            }
            GpioWay::Chip(path, wiring) => {
                write!(f, "gpiocdev on {}", path.display())?;
                wiring
            }
        };
        write!(
            f,
            ", pins mute {} approve {} lamps {} {}",
            wiring.mute, wiring.approve, wiring.mute_lamp, wiring.approve_lamp
        )
    }
}
