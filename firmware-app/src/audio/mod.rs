//! What happens to sound between the jitter buffers and the devices. No device, thread or clock: times are arguments,
//! and nothing here allocates for a period once it is made.

mod drift;
mod matcher;
mod rate;

pub use drift::DriftControl;
pub use matcher::{Matched, RateMatcher};
pub use rate::RateConverter;
