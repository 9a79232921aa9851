//! The proving ground: media flows over the network in virtual time, through the test cases of RFC 8867.
//!
//! A [`case`] says which links there are and what goes over them, [`run()`] carries it out with any [`Flow`] (ours, or the
//! peer's), [`figures`] says what it comes to. Everything follows from a seed.

pub mod case;
mod cross;
pub mod down;
pub mod figures;
pub mod flow;
pub mod ours;
pub mod peer;
pub mod run;
pub mod table;

pub use case::{Case, FlowPlan};
pub use flow::Flow;
pub use run::run;
