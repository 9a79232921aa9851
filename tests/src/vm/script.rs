//! The rig's shell scripts, and what becomes of a test where they cannot do their work.

use std::env;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::Error;
use crate::programs::program;

/// EX_UNAVAILABLE: what the scripts exit with where their packages cannot be had.
const UNAVAILABLE: i32 = 69;

/// Runs one of the project's scripts, named by its path in the project, and returns its output.
///
/// # Errors
/// [`Error::Unavailable`] where what it needs cannot be had, [`Error::Build`] when it fails.
pub fn run_script(script: &str, arguments: &[&str]) -> Result<String, Error> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(script);
    let output = Command::new(&path)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .map_err(Error::file("running", &path))?;
    let said = String::from_utf8_lossy(&output.stderr);
    let wrote = String::from_utf8_lossy(&output.stdout).into_owned();
    match output.status.code() {
        Some(0) => Ok(wrote),
        Some(UNAVAILABLE) => Err(Error::Unavailable(tail(&said, 3))),
        Some(_) | None => Err(Error::Build(format!("{script}:\n{}\n{}", tail(&wrote, 30), tail(&said, 30)))),
    }
}

/// For tests: what there is to test with, or `None` where it cannot be had, which is said loudly; the test then ends
/// without having tested. In continuous integration (environment variable `CI`) nothing is skipped.
///
/// # Panics
/// On every other error, and on this one where `CI` is set.
pub fn or_skip<T>(name: &str, result: Result<T, Error>) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(Error::Unavailable(reason)) if env::var_os("CI").is_none() => {
            // Not eprintln!, which the test harness holds back.
            let _ = writeln!(io::stderr(), "\n*** SKIPPED, NOT TESTED: {name}\n*** {reason}\n");
            None
        }
        Err(error) => panic!("{name}: {error}"),
    }
}

/// A program of the workspace without its debugging symbols, which would fill the guest's memory.
///
/// # Errors
/// When `strip` fails or is not there.
pub fn small_program(name: &str) -> Result<PathBuf, Error> {
    let built = program(name);
    let folder = built.with_file_name("vm-programs");
    fs::create_dir_all(&folder).map_err(Error::file("making", &folder))?;
    let small = folder.join(name);
    let status = Command::new("strip")
        .arg("-o")
        .args([&small, &built])
        .status()
        .map_err(Error::io("running strip (package binutils)"))?;
    if status.success() { Ok(small) } else { Err(Error::Malformed(format!("strip {name}: {status}"))) }
}

/// Where pictures of screens are kept for people: `target/vm/screenshots`, made if need be.
///
/// # Errors
/// When it cannot be made.
pub fn screenshots() -> Result<PathBuf, Error> {
    // target/debug/vestibule-kiosk
    let kiosk = program("vestibule-kiosk");
    let target = kiosk.ancestors().nth(2).unwrap_or_else(|| Path::new("/"));
    let folder = target.join("vm").join("screenshots");
    fs::create_dir_all(&folder).map_err(Error::file("making", &folder))?;
    Ok(folder)
}

/// The last lines of a text.
pub(crate) fn tail(text: &str, lines: usize) -> String {
    let all: Vec<&str> = text.trim_end().lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}
