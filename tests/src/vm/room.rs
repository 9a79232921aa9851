//! A kiosk in the guest, used as a person uses it, by touches on the glass, and watched through its observer.
//!
//! Its relay and the other rooms run outside, where they are not emulated: the guest has time for one kiosk.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Mutex;

use serde_json::Value;

use super::machine::{OUTSIDE, lock};
use super::{Error, LIMIT, Machine, Screen, Task, eventually};
use crate::programs::Relay;

/// What a program holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resources {
    /// Threads.
    pub threads: u64,
    /// Open descriptors.
    pub descriptors: u64,
    /// Memory of its own in use (`RssAnon`), KiB.
    pub memory_kib: u64,
}

/// A kiosk in the guest.
pub struct GuestKiosk<'a> {
    machine: &'a Machine,
    /// The process; its output is the kiosk's log.
    pub task: Task<'a>,
    /// The room's name: one word.
    pub name: String,
    /// One connection to the observer for all questions: a program started for each takes longer than its answer.
    observer: Mutex<BufReader<TcpStream>>,
}

impl<'a> GuestKiosk<'a> {
    /// Starts an installed kiosk that trusts `relay`, which runs outside; returns once it can be watched. `name` is one
    /// word. The machine needs [`super::Options::outside`].
    ///
    /// # Errors
    /// When it does not start: its log.
    pub fn start(
        machine: &'a Machine,
        program: &str,
        name: &str,
        relay: &Relay,
        options: &str,
    ) -> Result<GuestKiosk<'a>, Error> {
        // Without the right to real-time priority: on a machine this slow the sound's threads would leave no time to
        // anything else, this watcher included.
        let task = machine.start(&format!(
            "exec setpriv --bounding-set=-sys_nice --inh-caps=-sys_nice {program} --name {name} --no-discover --relay {OUTSIDE}:{} --relay-key {} --state-dir /tmp/{name} \
             --observe /tmp/{name}.socket {options}",
            relay.control.port(),
            relay.key
        ))?;
        eventually("the kiosk's observer", || {
            if !task.is_running() {
                return Err(Error::Malformed(format!("{name} ended:\n{}", task.output()?)));
            }
            Ok(machine.sh(&format!("test -S /tmp/{name}.socket")).ok())
        })?;
        let observer = Mutex::new(BufReader::new(connect(machine, name)?));
        Ok(GuestKiosk { machine, task, name: name.to_owned(), observer })
    }

    /// Sends one command to the observer and returns its answer.
    ///
    /// # Errors
    /// When the kiosk does not answer, or not in JSON.
    pub fn ask(&self, command: &str) -> Result<Value, Error> {
        let name = &self.name;
        let mut observer = lock(&self.observer);
        let mut answer = String::new();
        let asked = writeln!(observer.get_mut(), "{command}").and_then(|()| observer.read_line(&mut answer));
        let understood = asked
            .map_err(|error| error.to_string())
            .and_then(|_| serde_json::from_str(&answer).map_err(|error| format!("{error} in {answer:?}")));
        understood.map_err(|error| {
            let log = super::script::tail(&self.task.output().unwrap_or_default(), 30);
            Error::Malformed(format!("{name} on {command}: {error}\nits log:\n{log}"))
        })
    }

    /// Does what a finger would have meant: an intent in JSON.
    ///
    /// # Errors
    /// When the kiosk does not take it.
    pub fn touch(&self, intent: &str) -> Result<(), Error> {
        let answer = self.ask(&format!("touch {intent}"))?;
        if answer["touched"] == true { Ok(()) } else { Err(Error::Malformed(format!("{intent}: {answer}"))) }
    }

    /// The nodes under `/dev` that the program has open, of those that a pattern of `find -lname` fits.
    ///
    /// # Errors
    /// When it has ended.
    pub fn opened(&self, nodes: &str) -> Result<Vec<String>, Error> {
        let process = format!("/proc/$(cat /run/agent/{}.pid)/fd", self.task.id);
        let found = self.machine.sh(&format!("find {process} -lname '{nodes}' -printf '%l\\n' | sort -u"))?;
        Ok(found.lines().map(str::to_owned).collect())
    }

    /// What the program holds of the guest's kernel now.
    ///
    /// # Errors
    /// When it has ended.
    pub fn resources(&self) -> Result<Resources, Error> {
        let said = self.machine.sh(&format!(
            "cd /proc/$(cat /run/agent/{}.pid) && ls task | wc -l && ls fd | wc -l && \
             sed -n 's/^RssAnon:[^0-9]*\\([0-9]*\\) kB/\\1/p' status",
            self.task.id
        ))?;
        let numbers: Vec<u64> = said.lines().filter_map(|line| line.trim().parse().ok()).collect();
        match numbers[..] {
            [threads, descriptors, memory_kib] => Ok(Resources { threads, descriptors, memory_kib }),
            _ => Err(Error::Malformed(format!("/proc says {said:?}"))),
        }
    }

    /// One counter.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn counter(&self, name: &str) -> Result<u64, Error> {
        let counters = self.ask("counters")?;
        counters[name].as_u64().ok_or_else(|| Error::Malformed(format!("no {name} in {counters}")))
    }

    /// Waits until the view is as wanted, and returns it.
    ///
    /// # Errors
    /// [`Error::Timeout`] with the last view and the end of the kiosk's log.
    pub fn see(&self, what: &str, wanted: impl Fn(&Value) -> bool) -> Result<Value, Error> {
        let mut last = Value::Null;
        let seen = eventually(&format!("{}: {what}", self.name), || {
            last = self.ask("view")?["view"].take();
            Ok(wanted(&last).then(|| last.clone()))
        });
        self.explained(seen, || last.to_string())
    }

    /// Waits for a meeting that the room has started, and returns its code.
    ///
    /// # Errors
    /// [`Error::Timeout`] when there is none.
    pub fn code(&self) -> Result<String, Error> {
        let view = self.see("a meeting", |view| view["screen"]["Meeting"]["code"].is_string())?;
        Ok(view["screen"]["Meeting"]["code"].as_str().unwrap_or_default().to_owned())
    }

    /// Presses the simulated approve button.
    ///
    /// # Errors
    /// When the kiosk does not take it.
    pub fn press_approve(&self) -> Result<(), Error> {
        ["press", "release"].iter().try_for_each(|way| self.ask(&format!("{way} approve")).map(drop))
    }

    /// Waits until it has played for three seconds more, of its own time.
    ///
    /// # Errors
    /// [`Error::Timeout`] when it does not play.
    pub fn plays_on(&self) -> Result<(), Error> {
        let played = self.counter("blocks_played")?;
        eventually("three seconds played", || {
            Ok((self.counter("blocks_played")? >= played + 1200).then_some(()))
        })
    }

    /// Touches the glass where the kiosk says that it means `intent`, as Rust prints it.
    ///
    /// # Errors
    /// [`Error::Timeout`] when there is no such place.
    pub fn tap(&self, screen: &Screen<'_>, intent: &str) -> Result<(), Error> {
        let (x, y, width, height) = self.touchable(intent)?;
        screen.tap(x + width / 2, y + height / 2)
    }

    /// Where the glass means `intent`, whole pixels: x, y, width, height.
    ///
    /// # Errors
    /// [`Error::Timeout`] when there is no such place.
    pub fn touchable(&self, intent: &str) -> Result<(u32, u32, u32, u32), Error> {
        let wanted = format!("({intent})");
        self.area("areas", "touch", intent, |touch| touch.contains(&wanted))
    }

    /// Where a picture is on the screen, whole pixels: x, y, width, height. `whose` begins its id, as Rust prints it.
    ///
    /// # Errors
    /// [`Error::Timeout`] when there is none.
    pub fn picture(&self, whose: &str) -> Result<(u32, u32, u32, u32), Error> {
        self.area("pictures", "picture", whose, |picture| picture.starts_with(whose))
    }

    fn area(
        &self,
        command: &str,
        key: &str,
        what: &str,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<(u32, u32, u32, u32), Error> {
        let mut last = Value::Null;
        let found = eventually(&format!("{}: a place for {what}", self.name), || {
            last = self.ask(command)?;
            let areas = last.as_array().into_iter().flatten();
            let number = |area: &Value, key: &str| area[key].as_f64().unwrap_or(0.0).max(0.0).round() as u32;
            // Before the window has its size there are places without any.
            let there = |area: &&Value| {
                area[key].as_str().is_some_and(&wanted) && number(area, "width") * number(area, "height") > 0
            };
            Ok(areas.into_iter().find(there).map(|area| {
                (number(area, "x"), number(area, "y"), number(area, "width"), number(area, "height"))
            }))
        });
        self.explained(found, || last.to_string())
    }

    /// Adds to a timeout what the kiosk showed and logged last.
    fn explained<T>(&self, result: Result<T, Error>, last: impl Fn() -> String) -> Result<T, Error> {
        result.map_err(|error| match error {
            Error::Timeout { what, limit, .. } => {
                let log = self.task.output().unwrap_or_default();
                let output = format!("{}\nits log:\n{}", last(), super::script::tail(&log, 30));
                Error::Timeout { what, limit, output }
            }
            other => other,
        })
    }

    /// Ends the kiosk as the system does, and returns its log.
    ///
    /// # Errors
    /// When it does not end.
    pub fn stop(self) -> Result<String, Error> {
        self.task.stop()
    }
}

/// Has the observer of a kiosk in the guest connected to this process.
fn connect(machine: &Machine, name: &str) -> Result<TcpStream, Error> {
    let failed = || Error::io("connecting the kiosk's observer");
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(failed())?;
    listener.set_nonblocking(true).map_err(failed())?;
    let port = listener.local_addr().map_err(failed())?.port();
    // It ends with the kiosk.
    machine.start(&format!("exec socat UNIX-CONNECT:/tmp/{name}.socket,retry=20 TCP:{OUTSIDE}:{port}"))?;
    let (stream, _) = eventually("the kiosk's observer connected", || match listener.accept() {
        Ok(connected) => Ok(Some(connected)),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(failed()(error)),
    })?;
    stream
        .set_nonblocking(false)
        .and_then(|()| stream.set_nodelay(true))
        .and_then(|()| stream.set_read_timeout(Some(LIMIT)))
        .map_err(failed())?;
    Ok(stream)
}
