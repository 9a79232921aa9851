//! What can go wrong with the rig, worded for whoever reads a failed test.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Why the rig did not do what it was asked.
pub enum Error {
    /// QEMU or the packages the rig is built from cannot be had on this machine: what is missing, and what to do.
    Unavailable(String),
    /// The rig's kernel or root file system could not be built: the end of the build's output.
    Build(String),
    /// A file, a socket or a process of the host failed.
    Io {
        /// What was being done.
        doing: String,
        /// What the system said.
        source: io::Error,
    },
    /// The emulator ended while it was needed: its own words, and the end of the guest's console.
    Gone(String),
    /// A command in the guest ended with a status other than 0.
    Command {
        /// The command, as given.
        command: String,
        /// Its exit status.
        status: i32,
        /// What it wrote to its output and error output.
        output: String,
    },
    /// Something took too long.
    Timeout {
        /// A command, or a condition.
        what: String,
        /// How long was waited.
        limit: Duration,
        /// What there was to see by then.
        output: String,
    },
    /// The emulator refused a QMP command.
    Qmp {
        /// The command's name.
        command: String,
        /// The emulator's reason.
        reason: String,
    },
    /// A file or an answer is not what it should be.
    Malformed(String),
}

impl Error {
    /// For `map_err`: wraps an error of the host, saying what was being done.
    pub(crate) fn io(doing: impl fmt::Display) -> impl FnOnce(io::Error) -> Error {
        move |source| Error::Io { doing: doing.to_string(), source }
    }

    pub(crate) fn file(doing: &str, path: &std::path::Path) -> impl FnOnce(io::Error) -> Error + use<> {
        Error::io(format!("{doing} {}", PathBuf::from(path).display()))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Unavailable(reason) => write!(f, "the hardware rig cannot run here: {reason}"),
            Error::Build(output) => write!(f, "the hardware rig could not be built:\n{output}"),
            Error::Io { doing, source } => write!(f, "{doing}: {source}"),
            Error::Gone(why) => write!(f, "the virtual machine ended by itself:\n{why}"),
            Error::Command { command, status, output } => {
                write!(f, "status {status} from the guest's command\n{command}\nwhich wrote\n{output}")
            }
            Error::Timeout { what, limit, output } => {
                write!(f, "not within {} s: {what}\n{output}", limit.as_secs())
            }
            Error::Qmp { command, reason } => write!(f, "the emulator refused {command}: {reason}"),
            Error::Malformed(what) => write!(f, "{what}"),
        }
    }
}

/// The same words as `Display`, so that a test that returns or unwraps an error prints them readably.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl std::error::Error for Error {}
