//! Devices of the Linux kernel: v4l for pictures, alsa for sound, rppal and gpiocdev for pins. The only files that name
//! those crates.

pub(super) mod alsa;
mod frames;
pub(super) mod gpio;
pub(super) mod negotiate;
mod users;
pub(super) mod v4l;

/// The picture that the kiosk would like.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) struct WantedPicture {
    /// Pixels.
    pub(super) width: u32,
    /// Pixels.
    pub(super) height: u32,
    /// Frames per second.
    pub(super) rate: u32,
    /// Frames per second; below, a smaller picture is of more use.
    pub(super) slowest: u32,
}
