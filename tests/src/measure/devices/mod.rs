//! `make measure NAME=devices`: the room's devices and what happens to their sound and pictures, a part a file.

mod drift;
mod echo;
mod room;

use std::path::Path;

/// Runs every part; traces go to `out`.
///
/// Errors: the first part's that could not be measured.
pub fn run(out: &Path) -> Result<(), String> {
    drift::run(out)?;
    echo::run(out)
}
