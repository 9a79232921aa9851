//! The screen: what the view says, drawn; what fingers do, understood. It decides nothing and remembers nothing but
//! how far a list is turned.
//!
//! `root::scene` is a pure function from the view to items and touch areas; `surface` is the one druid widget that
//! paints them and turns touches into intents; `bridge` opens the window and connects it to the other threads.

mod bars;
pub mod bridge;
mod chat;
mod cutout;
pub mod frame;
mod grid;
mod home;
pub mod icons;
mod idle;
mod join;
mod keys;
mod knock;
pub mod labels;
pub mod local;
mod meeting;
mod messages;
mod network;
pub mod network_labels;
mod notice;
mod paint;
mod panes;
mod people;
mod question;
mod relays;
mod repaint;
pub mod root;
pub mod scene;
mod settings;
mod shared;
pub mod surface;
mod test_page;
#[cfg(test)]
mod tests;
pub mod text;
pub mod tokens;
mod waiting;
pub mod widget;
