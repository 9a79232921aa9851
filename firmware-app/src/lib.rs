//! The room kiosk: what a room is doing (`kiosk`, `session`, `view`: pure), the devices it does it with (`device`,
//! `video`), the screen (`ui`), and the threads and sockets around them (`shell`).

pub mod config;
pub mod device;
pub mod kiosk;
pub mod session;
pub mod shell;
pub mod ui;
pub mod video;
pub mod view;
