//! The relay: rooms (who may be where) and forwarding (whose packets go where), and the shell around both.

#![forbid(unsafe_code)]

pub mod config;
pub mod forwarding;
mod rate;
pub mod rooms;
pub mod route;
pub mod shell;
