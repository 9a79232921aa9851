//! The relay's shell: sockets, TLS, threads, signals, the service manager. It decides nothing about rooms or packets;
//! that is `rooms` and `forwarding`, which it feeds.
//!
//! Threads: the runtime's, for control connections and the hall; one for media. Between them: a bounded queue of events
//! to the hall, one of commands to the media thread, one of acknowledgements back, and one of frames to each kiosk.

mod announce;
mod clock;
mod code_file;
mod connection;
mod doorway;
mod greeting;
mod gso;
mod hall;
mod holder;
mod media;
mod outlet;
mod reception;
mod run;
mod runtime_file;
mod sockets;
mod status;
pub mod tls;

use std::fmt;
use std::io::Write;
use std::process::ExitCode;

use vestibule_host::keys::IdentityError;
use vestibule_host::{Command, Invocation, logging};

use crate::config::{Config, PROGRAM, STATUS};

/// Exit code for a command line or a configuration that is not right.
const WRONG_USAGE: u8 = 2;

/// Runs the program with these arguments (without its name) in this environment.
pub fn main(
    arguments: impl IntoIterator<Item = String>,
    environment: &dyn Fn(&str) -> Option<String>,
) -> ExitCode {
    let Invocation { command, config } =
        match vestibule_host::read::<Config>(&PROGRAM, arguments, environment) {
            Ok(invocation) => invocation,
            Err(error) => return fail(&error, WRONG_USAGE),
        };
    let done = match command {
        Command::Help => say(&PROGRAM.help::<Config>()),
        Command::Version => say(concat!("vestibule-relay ", env!("CARGO_PKG_VERSION"), "\n")),
        Command::CheckConfig => {
            say(&toml::to_string(&config).expect("a configuration can be written as TOML"))
        }
        Command::Sub(name, _) if name == STATUS.name => status::run(&config).map_err(Fatal::Status),
        Command::Sub(name, _) => unreachable!("{name} is not in the table of subcommands"),
        Command::Run => {
            logging::start(config.log_level.filter());
            run::run(config)
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error, 1),
    }
}

fn say(text: &str) -> Result<(), Fatal> {
    std::io::stdout().write_all(text.as_bytes()).map_err(Fatal::Output)
}

fn fail(error: &dyn fmt::Display, code: u8) -> ExitCode {
    eprintln!("vestibule-relay: {error}");
    ExitCode::from(code)
}

/// What keeps the program from doing what it was asked to.
#[derive(Debug)]
enum Fatal {
    Identity(IdentityError),
    Certificate(tls::CertificateFailed),
    Socket(sockets::SocketError),
    Status(status::StatusError),
    /// The operating system refuses something that it never should.
    System(&'static str, std::io::Error),
    Randomness(getrandom::Error),
    Output(std::io::Error),
    MediaEnded,
}

impl fmt::Display for Fatal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fatal::Identity(error) => error.fmt(f),
            Fatal::Certificate(error) => error.fmt(f),
            Fatal::Socket(error) => error.fmt(f),
            Fatal::Status(error) => error.fmt(f),
            Fatal::System(what, error) => write!(f, "{what}: {error}"),
            Fatal::Randomness(error) => write!(f, "the system gives no random bytes: {error}"),
            Fatal::Output(error) => write!(f, "nothing can be printed: {error}"),
            Fatal::MediaEnded => f.write_str("the media thread has ended; see the log"),
        }
    }
}
