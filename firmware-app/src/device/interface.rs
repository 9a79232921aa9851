//! What a camera, a microphone, a speaker, a button and a lamp are to the rest of the kiosk: small blocking traits.
//!
//! Every device is used by one thread of its own and blocks it. A device that fails is dropped and opened again by
//! whoever uses it; no device mends itself.

use std::fmt;
use std::time::Duration;

use vestibule_common::media::AudioBlock;
use vestibule_common::time::Time;

/// Samples of one of a microphone's periods of 10 ms at 48 kHz, mono.
pub const PERIOD: usize = 480;

/// How the bytes of a camera's frame are laid out.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum PixelFormat {
    /// Packed 4:2:2, Y0 U Y1 V.
    Yuyv,
    /// Packed 4:2:2, U Y0 V Y1.
    Uyvy,
    /// Luma plane, then interleaved chroma, 4:2:0.
    Nv12,
    /// Three planes, 4:2:0.
    I420,
    /// One JPEG a frame.
    Mjpeg,
}

/// What a camera delivers.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct CameraFormat {
    /// Pixels, even.
    pub width: u32,
    /// Pixels, even.
    pub height: u32,
    /// Bytes from one row of the first plane to the next; 0 for JPEG.
    pub stride: u32,
    /// The layout.
    pub pixels: PixelFormat,
    /// Frames per second, as the driver promised.
    pub rate: u32,
    /// Luma and chroma go from 0 to 255, not as in ITU-R BT.601.
    pub full_range: bool,
}

/// A frame, valid until the camera is asked for the next one.
pub struct CameraFrame<'a> {
    /// In the camera's format.
    pub bytes: &'a [u8],
    /// When the sensor had it, on the kiosk's clock.
    pub captured: Time,
    /// The driver's count, with gaps where frames were dropped.
    pub sequence: u32,
}

/// A camera that is open and streams. Closing it is dropping it: its own lamp goes dark.
pub trait Camera: Send {
    /// What it delivers.
    fn format(&self) -> CameraFormat;
    /// Waits for the next frame.
    ///
    /// Errors: [`DeviceError`], also when none came for 0.7 s (or three frames' time, of a slow camera); the camera is of no further use then.
    fn next_frame(&mut self) -> Result<CameraFrame<'_>, DeviceError>;
}

/// A microphone that is open: 48 kHz, mono, 16 bit.
pub trait Microphone: Send {
    /// Waits for the next period and says when its first sample was taken, on the kiosk's clock.
    fn read(&mut self, period: &mut [i16; PERIOD]) -> Result<Time, DeviceError>;
    /// How often samples were lost since it was opened because nobody read in time (overruns).
    fn xruns(&self) -> u64 {
        0
    }
}

/// A speaker that is open: 48 kHz, mono, 16 bit, in blocks of 2.5 ms.
pub trait Speaker: Send {
    /// Waits until it needs the next block. What is made only now is played soonest.
    fn ready(&mut self) -> Result<(), DeviceError>;
    /// Hands over one block, for which there should be room. Says when its first sample will leave the converter, on
    /// the kiosk's clock.
    fn write(&mut self, block: &AudioBlock) -> Result<Time, DeviceError>;
    /// How often it ran dry since it was opened because nobody wrote in time (underruns).
    fn xruns(&self) -> u64 {
        0
    }
}

/// The two buttons, and the lamps in them.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Button {
    /// Mute.
    Mute,
    /// Approve.
    Approve,
}

/// A button was pressed or released; bouncing is gone already.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct ButtonEdge {
    /// Which.
    pub button: Button,
    /// Down, or up again.
    pub pressed: bool,
    /// When the first raw edge was seen, on the kiosk's clock.
    pub at: Time,
}

/// How a button's contact is, as of the edges handed out.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub enum Contact {
    /// Up.
    #[default]
    Open,
    /// Down. For how long already is for the listener to count.
    Closed,
    /// It changes faster than a finger can, and is ignored until it rests.
    Loose,
}

/// The buttons.
pub trait Buttons: Send {
    /// Waits for the next edge, or until the time is over.
    fn wait(&mut self, limit: Duration) -> Result<Option<ButtonEdge>, DeviceError>;
    /// How a button's contact is; also of one that was down when it was opened, which is no edge.
    fn contact(&self, button: Button) -> Contact;
}

/// The lamps in the two buttons.
pub trait Lamps: Send {
    /// Lights or darkens one of them.
    fn set(&mut self, lamp: Button, lit: bool) -> Result<(), DeviceError>;
}

/// Why a device cannot be used.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DeviceError {
    /// There is none.
    Missing(String),
    /// Another program has it.
    Busy(String),
    /// It offers nothing this program can use, or the configuration asks for what it has not.
    Unsupported(String),
    /// It was there and went away or stopped.
    Lost(String),
}

impl fmt::Display for DeviceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DeviceError::Missing(what) => write!(f, "not there: {what}"),
            DeviceError::Busy(what) => write!(f, "in use by another program: {what}"),
            DeviceError::Unsupported(what) => write!(f, "cannot be used: {what}"),
            DeviceError::Lost(what) => write!(f, "lost: {what}"),
        }
    }
}

impl std::error::Error for DeviceError {}

impl fmt::Display for Button {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Button::Mute => "mute",
            Button::Approve => "approve",
        })
    }
}

impl fmt::Display for PixelFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PixelFormat::Yuyv => "YUYV",
            PixelFormat::Uyvy => "UYVY",
            PixelFormat::Nv12 => "NV12",
            PixelFormat::I420 => "I420",
            PixelFormat::Mjpeg => "MJPEG",
        })
    }
}

impl fmt::Display for CameraFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{} {} at {} frames/s", self.width, self.height, self.pixels, self.rate)
    }
}
