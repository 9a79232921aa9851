//! What needs more than one package: fuzz targets and their stable driver, a client that speaks the protocol, scenarios,
//! measurements, the hardware rig.

#![forbid(unsafe_code)]

pub mod client;
pub mod fuzz;
pub mod relay;
