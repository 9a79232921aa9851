//! Commands in the guest: one that runs, and the guest's answers about those that have ended.
//!
//! The guest's side is `tests/vm/guest/kinit`: a command is a file in a shared folder, its output another.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, BufRead, BufReader};
use std::os::unix::net::UnixStream;
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::machine::{Machine, lock};
use super::{Error, LIMIT};

/// A command that runs in the guest. Dropping it leaves the command running.
pub struct Task<'a> {
    pub(crate) machine: &'a Machine,
    pub(crate) id: String,
    pub(crate) command: String,
}

impl Task<'_> {
    /// What the command has written so far.
    ///
    /// # Errors
    /// When the output cannot be read.
    pub fn output(&self) -> Result<String, Error> {
        let file = self.machine.agent_file(&self.id, "out");
        match fs::read(&file) {
            Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
            Err(source) => Err(Error::file("reading", &file)(source)),
        }
    }

    /// Whether the command is still running.
    pub fn is_running(&self) -> bool {
        !self.machine.answers.has(&self.id)
    }

    /// Waits for the command's end and returns what it wrote.
    ///
    /// # Errors
    /// [`Error::Command`] for a status other than 0, [`Error::Timeout`] after [`LIMIT`].
    pub fn wait(self) -> Result<String, Error> {
        let status = self.machine.answer(&self.id, &self.command, LIMIT)?;
        let output = self.output()?;
        if status == 0 { Ok(output) } else { Err(Error::Command { command: self.command, status, output }) }
    }

    /// Waits until the command's output so far satisfies `done`, and returns it.
    ///
    /// # Errors
    /// [`Error::Timeout`] after [`LIMIT`], or [`Error::Command`] when the command ended before that.
    pub fn wait_for_output(&self, what: &str, done: impl Fn(&str) -> bool) -> Result<String, Error> {
        let end = Instant::now() + LIMIT;
        loop {
            // Asked before reading, so that what an ending command wrote last is not missed.
            let running = self.is_running();
            let output = self.output()?;
            if done(&output) {
                return Ok(output);
            }
            if !running || Instant::now() > end {
                let what = format!("{what}, from: {}", self.command);
                let limit = LIMIT;
                return Err(if running {
                    Error::Timeout { what, limit, output }
                } else {
                    Error::Command { command: what, status: 0, output }
                });
            }
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// Ends the command and all it started with SIGTERM, waits for the end, and returns what it wrote.
    ///
    /// # Errors
    /// [`Error::Timeout`] if it does not end.
    pub fn stop(self) -> Result<String, Error> {
        self.signal("TERM")?;
        self.machine.answer(&self.id, &self.command, LIMIT)?;
        self.output()
    }

    /// Sends a signal (`TERM`, `KILL`, `STOP`, ...) to the command and all it started. None is sent to a command
    /// that has ended.
    ///
    /// # Errors
    /// When the guest does not answer.
    pub fn signal(&self, signal: &str) -> Result<(), Error> {
        // The command's process group has the number of its first process.
        let pid = format!("/run/agent/{}.pid", self.id);
        self.machine
            .sh(&format!(
                "for i in $(seq 100); do [ ! -s {pid} ] || break; sleep 0.1; done; kill -{signal} -- -$(cat {pid}) || true"
            ))
            .map(drop)
    }
}

/// The guest's answers: the exit status of each command that has ended.
#[derive(Default)]
pub(crate) struct Answers {
    ended: Mutex<BTreeMap<String, i32>>,
    news: Condvar,
}

impl Answers {
    /// Reads `ID STATUS` lines until the port closes.
    pub(crate) fn collect(&self, port: UnixStream) {
        for line in BufReader::new(port).lines().map_while(Result::ok) {
            if let Some((id, status)) = line.split_once(' ')
                && let Ok(status) = status.trim().parse()
            {
                lock(&self.ended).insert(id.to_owned(), status);
                self.news.notify_all();
            }
        }
    }

    pub(crate) fn has(&self, id: &str) -> bool {
        lock(&self.ended).contains_key(id)
    }

    pub(crate) fn take(&self, id: &str, patience: Duration) -> Option<i32> {
        let (mut ended, _) = self
            .news
            .wait_timeout_while(lock(&self.ended), patience, |ended| !ended.contains_key(id))
            .unwrap_or_else(PoisonError::into_inner);
        ended.remove(id)
    }
}
