//! Where the buttons and lamps are connected, and what cannot be connected so.

use serde::{Deserialize, Serialize};

use super::ConfigError;

/// Where the buttons and lamps are connected: BCM numbers on a Raspberry Pi, line numbers of the chip elsewhere. A pin
/// that is not set is the default on a Raspberry Pi, and the line of that name (`mute`, `approve`, `mute-lamp`,
/// `approve-lamp`) elsewhere.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Pins {
    /// The mute button; 17 on a Raspberry Pi unless set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mute: Option<u32>,
    /// The approve button; 27 on a Raspberry Pi unless set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approve: Option<u32>,
    /// The lamp in the mute button; 22 on a Raspberry Pi unless set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mute_lamp: Option<u32>,
    /// The lamp in the approve button; 23 on a Raspberry Pi unless set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approve_lamp: Option<u32>,
    /// A pressed button connects its pin to ground.
    pub active_low: bool,
    /// A lamp is lit by pulling its pin to ground.
    pub lamps_active_low: bool,
    /// The resistor inside the chip that holds an open button's pin.
    pub pull: Pull,
}

impl Default for Pins {
    fn default() -> Pins {
        Pins {
            mute: None,
            approve: None,
            mute_lamp: None,
            approve_lamp: None,
            active_low: true,
            lamps_active_low: false,
            pull: Pull::Up,
        }
    }
}

/// The resistor inside the chip.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pull {
    /// To the supply, for a button to ground.
    Up,
    /// To ground, for a button to the supply.
    Down,
    /// None: there is a resistor on the board.
    None,
}

/// The four pins, all known.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Wiring {
    /// The mute button.
    pub mute: u32,
    /// The approve button.
    pub approve: u32,
    /// The lamp in the mute button.
    pub mute_lamp: u32,
    /// The lamp in the approve button.
    pub approve_lamp: u32,
}

impl Wiring {
    /// Refuses a pin used twice or one of `count` lines or above.
    pub fn check(self, count: u32) -> Result<(), ConfigError> {
        let named = [
            ("mute", self.mute),
            ("approve", self.approve),
            ("mute_lamp", self.mute_lamp),
            ("approve_lamp", self.approve_lamp),
        ];
        for (place, &(name, pin)) in named.iter().enumerate() {
            if pin >= count {
                return Err(ConfigError(format!(
                    "devices.pins.{name} = {pin}: there is no such pin, they go from 0 to {}",
                    count.saturating_sub(1)
                )));
            }
            if let Some((other, _)) = named.iter().take(place).find(|(_, earlier)| *earlier == pin) {
                return Err(ConfigError(format!(
                    "devices.pins.{other} and devices.pins.{name} are both {pin}: every button and lamp needs a pin of \
                     its own"
                )));
            }
        }
        Ok(())
    }
}

/// Pins of a Raspberry Pi's header.
pub const RASPBERRY_PI_PINS: u32 = 28;

impl Pins {
    /// The pins on a Raspberry Pi.
    pub fn on_raspberry_pi(&self) -> Wiring {
        Wiring {
            mute: self.mute.unwrap_or(17),
            approve: self.approve.unwrap_or(27),
            mute_lamp: self.mute_lamp.unwrap_or(22),
            approve_lamp: self.approve_lamp.unwrap_or(23),
        }
    }

    /// The lines of another chip: those set, and the others by the lines' names.
    pub fn on_chip(&self, line_of: impl Fn(&str) -> Option<u32>) -> Result<Wiring, ConfigError> {
        let line = |set: Option<u32>, key: &str, name: &str| {
            set.or_else(|| line_of(name)).ok_or_else(|| {
                ConfigError(format!(
                    "devices.pins.{key} is not set, and the chip has no line named \"{name}\""
                ))
            })
        };
        Ok(Wiring {
            mute: line(self.mute, "mute", "mute")?,
            approve: line(self.approve, "approve", "approve")?,
            mute_lamp: line(self.mute_lamp, "mute_lamp", "mute-lamp")?,
            approve_lamp: line(self.approve_lamp, "approve_lamp", "approve-lamp")?,
        })
    }

    pub(super) fn check(&self, raspberry_pi: bool) -> Result<(), ConfigError> {
        if raspberry_pi {
            return self.on_raspberry_pi().check(RASPBERRY_PI_PINS);
        }
        // Which chip is not known yet; pins that are set must differ all the same.
        let free = u32::MAX - 4;
        Wiring {
            mute: self.mute.unwrap_or(free),
            approve: self.approve.unwrap_or(free + 1),
            mute_lamp: self.mute_lamp.unwrap_or(free + 2),
            approve_lamp: self.approve_lamp.unwrap_or(free + 3),
        }
        .check(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::config::{ButtonsName, DeviceConfig};

    #[test]
    fn pins_used_twice_or_out_of_range_are_refused() {
        let config = |pins: Pins, buttons| DeviceConfig { pins, buttons, ..DeviceConfig::default() };
        assert_eq!(config(Pins::default(), ButtonsName::Rppal).check(), Ok(()));
        let twice = Pins { mute: Some(5), approve_lamp: Some(5), ..Pins::default() };
        let error = config(twice.clone(), ButtonsName::Auto).check().unwrap_err();
        assert!(error.0.contains("pins.mute and devices.pins.approve_lamp are both 5"), "{error}");
        // 27 is the approve button's default on a Raspberry Pi.
        let default_too = Pins { mute: Some(27), ..Pins::default() };
        assert!(config(default_too.clone(), ButtonsName::Rppal).check().is_err());
        assert_eq!(config(default_too, ButtonsName::Gpiocdev("x".into())).check(), Ok(()));
        let high = Pins { mute: Some(28), ..Pins::default() };
        let error = config(high, ButtonsName::Rppal).check().unwrap_err();
        assert!(error.0.contains("from 0 to 27"), "{error}");
    }

    #[test]
    fn lines_of_a_chip_are_found_by_name_unless_set() {
        let names =
            |name: &str| ["mute", "approve", "mute-lamp"].iter().position(|n| *n == name).map(|n| n as u32);
        let pins = Pins { approve_lamp: Some(7), mute: Some(6), ..Pins::default() };
        let wiring = pins.on_chip(names).unwrap();
        assert_eq!((wiring.mute, wiring.approve, wiring.mute_lamp, wiring.approve_lamp), (6, 1, 2, 7));
        assert!(wiring.check(8).is_ok());
        assert!(wiring.check(7).unwrap_err().0.contains("from 0 to 6"));
        assert!(Pins::default().on_chip(names).unwrap_err().0.contains("\"approve-lamp\""));
    }
}
