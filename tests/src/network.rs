//! A network of a test's own, for what would disturb the machine's or be disturbed by it: multicast.
//!
//! Linux only gives one to root, or to everyone where user namespaces are allowed. Where there is none the test says so
//! on the terminal; under CI it fails.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// One interface with an address, whose multicast comes back to this machine.
const MAKE: &str = "ip link set lo up && ip link add home0 type bridge && ip addr add 10.77.0.1/24 dev home0 && \
    ip link set home0 up && echo made && exec cat";

/// The network; it goes with this value, or with this program.
pub struct Network {
    /// Keeps it. Ends when its standard input does.
    holder: Child,
}

impl Network {
    /// Makes one.
    ///
    /// Errors: the system's words.
    pub fn new() -> Result<Network, String> {
        let mut command = Command::new("unshare");
        command.args(user_options()).args(["--net", "sh", "-c", MAKE]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut network = Network { holder: command.spawn().map_err(|error| format!("unshare: {error}"))? };
        let stdout = network.holder.stdout.take().ok_or("no standard output")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line).map_err(|error| error.to_string())?;
        if line.trim() == "made" {
            return Ok(network);
        }
        let mut why = String::new();
        if let Some(stderr) = network.holder.stderr.take() {
            BufReader::new(stderr).read_line(&mut why).map_err(|error| error.to_string())?;
        }
        Err(why.trim().to_owned())
    }

    /// Makes one for this test, or gives the test up loudly.
    pub fn or_say_so(test: &str) -> Option<Network> {
        Network::new().map_err(|why| forgo(test, &why)).ok()
    }

    /// A command that runs `program` in this network, as one process.
    pub fn command(&self, program: &Path) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["--net", "--target", &self.holder.id().to_string()]);
        if !user_options().is_empty() {
            command.args(["--user", "--preserve-credentials"]);
        }
        command.arg("--").arg(program);
        command
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        // Gone already: that is what was wanted.
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

/// What `unshare` needs to be told besides, for a user who is not root.
pub fn user_options() -> &'static [&'static str] {
    if rustix::process::geteuid().is_root() { &[] } else { &["--user", "--map-root-user"] }
}

/// A test that this machine does not allow.
///
/// Panics under CI, where every test has to run.
pub fn forgo(test: &str, why: &str) {
    assert!(std::env::var_os("CI").is_none(), "{test} cannot run here: {why}");
    // Not by `eprintln`, which the test harness keeps to itself.
    let line = format!("\n*** NOT RUN: {test}: this machine does not allow it: {}\n", why.trim());
    let _ = std::io::stderr().write_all(line.as_bytes());
}
