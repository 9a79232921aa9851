//! The threads and sockets around the kiosk's pure logic.

pub mod control;
mod controls;
pub mod discovery;
mod link;
pub mod media;
mod observe;
pub mod program;
pub mod room;
pub mod store;
pub mod tls;
pub mod watch;
mod xruns;
