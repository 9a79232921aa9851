//! The relay: rooms (who may be where) and forwarding (whose packets go where), and the shell around both.

pub mod rooms;
pub mod route;
