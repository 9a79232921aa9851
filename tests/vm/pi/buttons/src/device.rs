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

pub use interface::{Button, ButtonEdge, Buttons, Contact, DeviceError, Lamps};

/// Both buttons and both lamps, none of them open yet.
pub struct Controls {
    /// The way to the pins, and why it was taken.
    pub taken: String,
    /// The buttons.
    pub buttons: Source<dyn Buttons>,
    /// The lamps.
    pub lamps: Source<dyn Lamps>,
}

/// Takes the pins that a kiosk with this configuration takes: those of the chip of that name, or the best there are.
///
/// Errors: why there are none.
pub fn choose(chip: Option<String>, config: &DeviceConfig, clock: Clock) -> Result<Controls, String> {
    let plan = chip.map_or(GpioPlan::Best, GpioPlan::Chip);
    let found = real_gpio::find();
    let (way, why) = match &plan {
        GpioPlan::Best => gpio::best_gpio(&config.pins, &found).map_err(|error| match error {
            NoGpio::None(why) => why,
            NoGpio::Pins(error) => error.to_string(),
        })?,
        GpioPlan::Rppal(_) | GpioPlan::Chip(_) => {
            let way = plan.way(&config.pins, || found).map_err(|error| error.to_string())?;
            (way, "it was asked for".to_owned())
        }
    };
    Ok(Controls {
        taken: format!("{way}, because {why}"),
        buttons: real_gpio::buttons(plan.clone(), config, clock),
        lamps: real_gpio::lamps(plan, config),
    })
}
