//! QMP, the emulator's control protocol: one JSON object a line over its standard input and output.
//!
//! One command at a time and no events: the tests ask for conditions instead of waiting for notices.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout};

use serde_json::{Value, json};

use super::Error;

/// The control connection of one emulator.
pub(crate) struct Qmp {
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl Qmp {
    /// Takes the emulator's standard input and output and greets it. Waits for its first line.
    pub(crate) fn greet(emulator: &mut Child) -> Result<Qmp, Error> {
        let (Some(to), Some(from)) = (emulator.stdin.take(), emulator.stdout.take()) else {
            return Err(Error::Malformed("the emulator was started without pipes".into()));
        };
        let mut qmp = Qmp { to, from: BufReader::new(from) };
        qmp.line()?;
        qmp.execute("qmp_capabilities", &json!({}))?;
        Ok(qmp)
    }

    /// Runs one command and returns what it returned.
    pub(crate) fn execute(&mut self, command: &str, arguments: &Value) -> Result<Value, Error> {
        let request = json!({ "execute": command, "arguments": arguments });
        writeln!(self.to, "{request}")
            .and_then(|()| self.to.flush())
            .map_err(Error::io(format!("sending the emulator {command}")))?;
        loop {
            let mut answer = self.line()?;
            if let Some(reason) = answer.get("error") {
                return Err(Error::Qmp { command: command.to_owned(), reason: reason.to_string() });
            }
            if let Some(value) = answer.get_mut("return") {
                return Ok(value.take());
            }
        }
    }

    fn line(&mut self) -> Result<Value, Error> {
        let mut line = String::new();
        let read = self.from.read_line(&mut line).map_err(Error::io("reading from the emulator"))?;
        if read == 0 {
            return Err(Error::Gone("its control connection closed".into()));
        }
        serde_json::from_str(&line).map_err(|e| Error::Malformed(format!("the emulator said {line:?}: {e}")))
    }
}
