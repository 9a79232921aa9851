//! `make measure NAME=devices`: the room's devices and what happens to their sound and pictures, a part a file.

mod acoustics;
mod drift;
mod echo;
mod hotplug;
mod mute;
mod pictures;
mod receiver;
mod room;

use std::path::Path;

use self::room::Room;

/// Runs every part; traces go to `out`.
///
/// Errors: the first part's that could not be measured.
pub fn run(out: &Path) -> Result<(), String> {
    let mut room = Room::start(out)?;
    pictures::run(out, &mut room)?;
    mute::run(out, &mut room)?;
    pictures::run_unplugged(out, &mut room)?;
    hotplug::run(out, &mut room)?;
    drop(room);
    drift::run(out)?;
    echo::run(out)
}
