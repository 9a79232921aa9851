//! What both programs need of the machine they run on: options, log, service manager, key file, state folder.
//!
//! Not pure, unlike `vestibule_common`: this crate reads the environment, files and the clock, so that the programs'
//! shells need not each do it their own way.

#![forbid(unsafe_code)]

pub mod keys;
pub mod level;
pub mod logging;
pub mod options;
pub mod service;
pub mod sources;
mod words;

use std::path::PathBuf;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use level::LogLevel;
pub use options::{Opt, Program, Shape, Subcommand};
pub use sources::{Command, ConfigError, Invocation, read};

/// A program's configuration. Every field has a default; unknown keys are refused (serde's `deny_unknown_fields`).
pub trait Configuration: Default + Serialize + DeserializeOwned {
    /// Checks what the types leave open. Errors: a sentence for whoever set the value.
    fn check(&self) -> Result<(), String>;

    /// Fills in what depends on other values and on the system; `environment` looks a variable up.
    fn complete(self, environment: &dyn Fn(&str) -> Option<String>) -> Result<Self, String>;
}

/// The system's folder for the state of the program `name`: systemd's, else the user's.
pub fn default_state_dir(name: &str, environment: &dyn Fn(&str) -> Option<String>) -> Option<PathBuf> {
    let set = |name: &str| environment(name).filter(|value| !value.is_empty());
    // systemd names several folders with colons between them; the first is ours.
    if let Some(dirs) = set("STATE_DIRECTORY") {
        return dirs.split(':').next().map(PathBuf::from);
    }
    let base = if cfg!(windows) {
        set("LOCALAPPDATA").map(PathBuf::from)
    } else {
        let home = || set("HOME").map(|home| PathBuf::from(home).join(".local/state"));
        set("XDG_STATE_HOME").map(PathBuf::from).or_else(home)
    };
    base.map(|base| base.join(name))
}

#[cfg(test)]
mod tests;
