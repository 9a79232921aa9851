//! The room kiosk: what a room is doing (`kiosk`, `session`, `view`: pure), the devices it does it with (`device`,
//! `audio`, `video`), the screen (`ui`), and the threads and sockets around them (`shell`).

#[cfg(test)]
extern crate self as vestibule_kiosk;

pub mod device;
pub mod kiosk;
pub mod session;
pub mod shell;
pub mod ui;
pub mod video;
pub mod view;
