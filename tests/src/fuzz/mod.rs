//! Fuzzing of every parser of network bytes.
//!
//! `targets` is what is driven, by libFuzzer (`common/fuzz`, which needs a nightly compiler) as well as by the driver
//! here, which needs nothing, replays from a seed and runs in CI.

pub mod driver;
mod generate;
mod random;
mod seeds;
pub mod targets;

pub use driver::{Finding, Report, fuzz};
pub use targets::{TARGETS, Target};
