//! The parts screens are made of. Each draws itself into a canvas and names what its touch means; none knows a screen.

pub mod button;
pub mod field;
pub mod keyboard;
pub mod keypad;
pub mod label;
pub mod meter;
pub mod pager;
pub mod video_tile;
