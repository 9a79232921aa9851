//! The measurements behind `make measure`: what is measured, from where to where, is defined in `tests/MEASURES.md`.
//!
//! Each prints lines `key value` and leaves every event that its figures come from in a file, so that anyone can
//! compute them again. Not tests: nothing here passes or fails by a figure.

pub mod bare;
pub mod congestion;
pub mod devices;
pub mod figures;
mod layers;
pub mod load;
pub mod loss;
pub mod meet;
pub mod process;
pub mod relay;
pub mod screen;
pub mod sound;
pub mod ssim;
pub mod video;
