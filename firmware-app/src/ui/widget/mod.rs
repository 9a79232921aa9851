//! The parts screens are made of. Each draws itself into a canvas and names what its touch means; none knows a screen.

pub mod button;
pub mod chips;
pub mod field;
pub mod graph;
pub mod keyboard;
pub mod keypad;
pub mod label;
pub mod legend;
pub mod meter;
pub mod pager;
pub mod scale;
pub mod stages;
pub mod video_tile;
