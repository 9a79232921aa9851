//! What happens to sound between the jitter buffers and the devices. No device, thread or clock: times are arguments,
//! and but for the [`Cleaner`] nothing here allocates for a period once it is made.

mod cleaner;
mod coder;
mod drift;
mod half_duplex;
mod matcher;
mod rate;
mod reference;
#[cfg(test)]
mod tone;

pub use cleaner::{Cleaner, Cleaning, EchoMode};
pub use coder::{OpusDecoder, SoundCoder};
pub use drift::DriftControl;
pub use half_duplex::{Direction, glide, level_dbov};
pub use matcher::{Matched, RateMatcher};
pub use rate::RateConverter;
