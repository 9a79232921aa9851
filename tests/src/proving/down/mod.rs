//! The ways down: the relay's real forwarding between cameras, whose ways up are wide, and receivers with a bottleneck before
//! each. Everything that goes over a link is sealed as on the wire.
//!
//! ```text
//! Camera --- wide ---> Forwarding --- bottleneck ---> Screen
//!        <-- Demand, keyframe requests                 | View, Feedback, Nack, keyframe requests
//!                      <-------------- wide -----------+
//! ```

mod camera;
pub mod case;
mod figures;
mod member;
mod run;
mod screen;

pub use case::DownCase;
pub use figures::table;
pub use run::{DownRecord, run};
