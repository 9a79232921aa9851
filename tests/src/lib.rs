//! What needs more than one package: fuzz targets and their stable driver, scenarios, measurements, the hardware rig.

#![forbid(unsafe_code)]

pub mod client;
pub mod display;
pub mod fuzz;
pub mod losses;
pub mod measure;
pub mod network;
pub mod panel;
pub mod programs;
pub mod proving;
pub mod relay;
pub mod rooms;
pub mod vm;
pub mod world;
