//! A meeting over bad links in virtual time: a kiosk that sends, the relay, a kiosk that shows, each with the product's cores.
//!
//! Around them is the thinnest shell that does what the product's threads do; what those decide by themselves is written down
//! again here, next to the place where it is decided there. Encoding, decoding and the screen take no time and lose nothing.
//!
//! ```text
//! Sender: encoder's statistics, plan, packetizer, repairs, shaper, resend  --up-->  Forwarding  --down-->  Receiver: reassembler,
//!    ^----------------------- reports, requests, demands -----------------------------+<-- reports, requests, views --- jitter buffer,
//!                                                                                                           rate matcher, lip sync
//! ```

pub mod case;
mod encoder;
pub mod figures;
mod hop;
mod receiver;
mod run;
mod sender;
mod sound;

pub use case::{Case, Hop};
pub use figures::{Figures, table};
pub use run::{Record, run};
