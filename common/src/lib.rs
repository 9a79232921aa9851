//! What relay and kiosk share: identities, units, the wire format, the control messages, seals and signatures,
//! and what sound and pictures pass between a device and the network.
//!
//! Everything here is pure: bytes, time and randomness are arguments. There is no socket, clock, thread or device in
//! this crate, so every test of it is exact and instant. Without the feature `std` only what a datagram needs is left
//! (`id`, `time`, `unit`, `wire`), and that part needs no allocator: a microcontroller could speak it.

#![cfg_attr(not(feature = "std"), no_std)]
#![forbid(unsafe_code)]

pub mod id;
pub mod time;
pub mod unit;
pub mod wire;

#[cfg(feature = "std")]
pub mod bandwidth;
#[cfg(feature = "std")]
pub mod chat;
#[cfg(feature = "std")]
pub mod control;
#[cfg(feature = "std")]
pub mod identity;
#[cfg(feature = "std")]
pub mod media;
#[cfg(feature = "std")]
pub mod name;
#[cfg(feature = "std")]
pub mod seal;
#[cfg(feature = "std")]
pub mod signed;
