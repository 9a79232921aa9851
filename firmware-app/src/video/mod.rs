//! Pictures: converted, scaled, encoded, decoded, and handed to the screen.

pub mod slot;
