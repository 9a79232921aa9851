//! Simulated devices, paced like real ones. Part of the product: a kiosk on a desk uses them, and so do the
//! demonstration, the tests and the measurements.

pub mod buttons;
pub mod camera;
mod clip;
pub mod lamps;
pub mod microphone;
mod pages;
mod picture;
pub mod plugs;
pub mod speaker;
pub mod stamp;

use crate::device::clock::Clock;
use buttons::Presses;
use lamps::LampRecord;
use plugs::Plugs;
use speaker::Recording;

/// The other end of the simulated devices: what presses the buttons, pulls the plugs, and sees and hears the rest.
#[derive(Clone)]
pub struct SimHandles {
    /// Presses the simulated buttons.
    pub buttons: Presses,
    /// What the simulated lamps showed.
    pub lamps: LampRecord,
    /// What the simulated speaker played.
    pub speaker: Recording,
    /// Pulls the plugs of cameras, microphone and speaker.
    pub plugs: Plugs,
}

impl SimHandles {
    /// Nothing pressed, nothing lit, nothing heard.
    pub fn new(clock: Clock) -> SimHandles {
        SimHandles {
            buttons: Presses::new(clock),
            lamps: LampRecord::new(clock),
            speaker: Recording::new(),
            plugs: Plugs::default(),
        }
    }
}
