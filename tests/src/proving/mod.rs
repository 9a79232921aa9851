//! The proving ground: media flows over the network in virtual time, through the test cases of RFC 8867.

pub mod flow;
pub mod peer;
