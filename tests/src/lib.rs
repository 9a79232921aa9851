//! What needs more than one package: fuzz targets and their stable driver, scenarios, measurements, the hardware rig.

#![forbid(unsafe_code)]

pub mod fuzz;
pub mod vm;
