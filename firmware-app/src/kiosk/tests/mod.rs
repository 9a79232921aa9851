//! The kiosk's core in virtual time: several kiosks, a shell that obeys, and a relay of a few lines.

mod answers;
mod comeback;
mod contacts;
mod door;
mod meeting;
mod network;
mod presentation;
mod random;
mod relay;
mod screens;
mod world;
