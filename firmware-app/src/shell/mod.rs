//! The threads and sockets around the kiosk's pure logic.

pub mod control;
pub mod discovery;
pub mod tls;
