//! `measure loss`: sound and pictures over links that lose, in virtual time, ten seeds a case.

use std::fmt::Write;
use std::path::Path;

use crate::losses::figures::sound;
use crate::losses::{Case, case, run, table};

/// Seeds of a measurement.
const SEEDS: u64 = 10;

/// Measures, prints, and leaves traces of the first seed's runs in `out`.
///
/// Errors: when a trace cannot be written.
pub fn run_all(out: &Path) -> Result<(), String> {
    for case in case::all() {
        print!("{}", table(std::slice::from_ref(&case), SEEDS).lines());
        let path = out.join(format!("loss_{}.txt", case.name));
        std::fs::write(&path, trace(&case)).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(())
}

/// A picture and a period of sound a line: captured, playable or played, seen.
fn trace(case: &Case) -> String {
    let record = run(case, 1, &|stream| sound(case, stream));
    let mut lines = String::new();
    for picture in &record.pictures {
        let [captured, playable, seen] =
            [picture.captured, picture.playable, picture.seen].map(|at| at.as_micros());
        // Writing to a string does not fail.
        let _ = writeln!(lines, "picture captured {captured} playable {playable} seen {seen}");
    }
    for (played, at) in &record.sounds {
        let captured = played.captured.map_or_else(|| "made up".to_owned(), |at| at.as_micros().to_string());
        let _ = writeln!(lines, "sound captured {captured} played {}", at.as_micros());
    }
    lines
}
