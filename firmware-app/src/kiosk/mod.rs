//! What the room is doing: touches, buttons and news go in, effects and a view come out. Pure.

pub mod intent;
