//! A network in virtual time: what packets meet between two cores, exact to the nanosecond and replayed from a seed.
//!
//! Links are one-way and put together by whoever drives them, so that a test reads as a topology: what arrives from one is
//! sent into the next. Nothing here knows what a packet holds, and no clock runs: every call is handed the time.
//!
//! ```text
//! send -> [queue, tail drop] -> [rate schedule] -> [loss] -> [delay, jitter, reordering, duplication] -> next_arrival
//! ```

mod dice;
mod link;
mod loss;
mod schedule;
mod source;
mod tcp;

pub use dice::Dice;
pub use link::{Arrival, Counts, Link, LinkConfig};
pub use loss::Loss;
pub use schedule::Schedule;
pub use source::{Frame, Source, SourceConfig};
pub use tcp::{Ack, Flow, Receiver, SEGMENT, Segment};
