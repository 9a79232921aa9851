//! What rooms live through, on the real programs: relay and kiosks as child processes, simulated devices, mostly without a screen. Every
//! sentence that a person should read is looked for on the screen, and its counterpart in the log.

#![allow(clippy::unwrap_used, reason = "a helper of a test may panic as the test itself may")]

mod codes;
mod config;
mod devices;
mod door;
mod hosting;
mod journal;
mod loss;
mod many;
mod narrow;
mod network;
mod presentation;
mod relays;
mod screens;
mod settings;
mod sound;
