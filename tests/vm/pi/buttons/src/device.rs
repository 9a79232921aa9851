//! The kiosk's own files, as many of them as buttons and lamps need, in the places where they look for each other.
//!
//! No copy: what is tested is what a kiosk runs.

#[path = "../../../../../firmware-app/src/device/clock.rs"]
pub mod clock;
#[path = "../../../../../firmware-app/src/device/config/mod.rs"]
pub mod config;
#[path = "../../../../../firmware-app/src/device/debounce.rs"]
mod debounce;
#[path = "../../../../../firmware-app/src/device/gpio.rs"]
mod gpio;
#[path = "../../../../../firmware-app/src/device/interface.rs"]
mod interface;
#[path = "../../../../../firmware-app/src/device/lamps.rs"]
pub mod lamps;
#[path = "../../../../../firmware-app/src/device/real/gpio/mod.rs"]
mod real_gpio;
#[path = "../../../../../firmware-app/src/device/reopen.rs"]
pub mod reopen;

use clock::Clock;
use config::DeviceConfig;
use gpio::{GpioPlan, NoGpio};
use reopen::Source;

pub use interface::{Button, ButtonEdge, Buttons, DeviceError, Lamps};

/// Both buttons and both lamps, none of them open yet.
pub struct Controls {
    /// The way to the pins, and why it was taken.
    pub taken: String,
    /// The buttons.
    pub buttons: Source<dyn Buttons>,
    /// The lamps.
    pub lamps: Source<dyn Lamps>,
}

/// Takes the pins that a kiosk with this configuration takes by itself.
///
/// Errors: why there are none.
pub fn choose(config: &DeviceConfig, clock: Clock) -> Result<Controls, String> {
    config.check().map_err(|error| error.to_string())?;
    let (way, why) = gpio::best_gpio(&config.pins, &real_gpio::find()).map_err(|error| match error {
        NoGpio::None(why) => why,
        NoGpio::Pins(error) => error.to_string(),
    })?;
    Ok(Controls {
        taken: format!("{way}, because {why}"),
        buttons: real_gpio::buttons(GpioPlan::Best, config, clock),
        lamps: real_gpio::lamps(GpioPlan::Best, config),
    })
}
