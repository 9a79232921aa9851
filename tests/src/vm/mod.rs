//! The hardware rig: a virtual machine with real kernel drivers in the place of a room's camera, sound card, pins and
//! touchscreen, for tests that must meet V4L2, ALSA, GPIO and Xorg as a kiosk does.
//!
//! Behaviour is tested here, speed is not: the machine is emulated, so everything is several times slower than the
//! machine it runs on. Pictures are best kept at 640x360 and 15 frames a second. `tests/vm/README.md` tells how to run
//! it by hand and how to add a scenario.

mod board;
mod camera;
mod error;
mod launch;
mod machine;
mod network;
mod pins;
mod qmp;
mod room;
mod screen;
mod script;
mod socket;
mod sound;
mod task;
mod workshop;
mod yuyv;

pub use board::{Board, Make};
pub use camera::Camera;
pub use error::Error;
pub use machine::{Machine, OUTSIDE, Options, Snapshot};
pub use network::{Network, Shape};
pub use pins::{Level, Pins};
pub use room::{GuestKiosk, Resources};
pub use screen::{Picture, Screen};
pub use script::{or_skip, run_script, screenshots, small_program};
pub use socket::{Disconnected, Socket, USB_SOUND};
pub use sound::{Recording, Sound, Wav};
pub use task::Task;
pub use workshop::{SMALL_PICTURES, UNCLEANED, Workshop};
pub use yuyv::Yuyv;

use std::thread;
use std::time::{Duration, Instant};

/// How long a command or a condition may take before a test gives up: thirty times what a quiet machine needs for the
/// longest, booting.
pub const LIMIT: Duration = Duration::from_secs(240);

/// Asks `probe` again and again until it yields a value, and returns that; after [`LIMIT`], fails with `what`.
///
/// # Errors
/// [`Error::Timeout`], or what `probe` failed with.
pub fn eventually<T>(what: &str, mut probe: impl FnMut() -> Result<Option<T>, Error>) -> Result<T, Error> {
    let end = Instant::now() + LIMIT;
    loop {
        if let Some(value) = probe()? {
            return Ok(value);
        }
        if Instant::now() > end {
            return Err(Error::Timeout { what: what.to_owned(), limit: LIMIT, output: String::new() });
        }
        thread::sleep(Duration::from_millis(100));
    }
}
