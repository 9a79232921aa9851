//! Pictures: converted, scaled, encoded, decoded, and handed to the screen.

pub mod allowance;
pub mod cadence;
mod codec_options;
pub mod convert;
pub mod decoder;
pub mod encoder;
pub mod i420;
pub mod kind;
pub mod ladder;
pub mod load;
pub mod plan;
pub mod recovery;
pub mod scale;
pub mod slot;
pub mod sps;
pub mod thinning;
