//! Cameras, microphones, speakers, buttons and lamps behind small traits. `real` and `sim` implement them, chosen by
//! name; nothing outside `real` names v4l, alsa, rppal or gpiocdev.
//!
//! Missing hardware is a normal state: `reopen` keeps trying and says how it stands.

pub mod choice;
pub mod clock;
pub mod config;
pub mod debounce;
pub mod diagnose;
pub mod found;
pub mod gpio;
mod interface;
pub mod lamps;
mod plan;
mod real;
pub mod realtime;
pub mod reopen;
mod reserve;
pub mod sim;

pub use interface::{
    Button, ButtonEdge, Buttons, Camera, CameraFormat, CameraFrame, Contact, DeviceError, Lamps, Microphone,
    PERIOD, PixelFormat, Speaker,
};
