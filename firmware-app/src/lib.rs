//! The room kiosk: what a room is doing (`kiosk`, `session`, `view`: pure), the devices it does it with (`device`,
//! `video`, `audio`), the screen (`ui`), and the threads and sockets around them (`shell`).

// The screen's tests share the gallery's catalogue, which names this crate as any example does.
#[cfg(test)]
extern crate self as vestibule_kiosk;

#[cfg(test)]
mod allocations;
pub mod audio;
pub mod config;
pub mod device;
pub mod kiosk;
pub mod session;
pub mod shell;
pub mod ui;
pub mod video;
pub mod view;
