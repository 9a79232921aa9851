//! Lights the lamp of each button while it is held, through the kiosk's own back ends, and says what it sees. The
//! Raspberry Pi scenario runs this; it is no kiosk, and knows no relay and no screen.
//!
//! Holding both buttons ends it, because its only input are the pins. `vestibule-pi-buttons [--poll]` looks at the pins
//! without asking for interrupts, like `gpio_poll`.

#![forbid(unsafe_code)]

#[allow(dead_code, unused_imports, reason = "the kiosk uses all of its files, this program a part")]
mod device;

use std::process::ExitCode;
use std::time::Duration;

use device::clock::Clock;
use device::config::DeviceConfig;
use device::lamps::KeptLamps;
use device::reopen::{DeviceState, Reopening};
use device::{Button, Controls};

/// How often lamps are told again what they show, at least.
const REFRESH: Duration = Duration::from_millis(250);

/// What became of one button.
#[derive(Default)]
struct Seen {
    held: bool,
    presses: u32,
}

fn main() -> ExitCode {
    // Set once, before anything logs.
    let _ = log::set_logger(&Console);
    log::set_max_level(log::LevelFilter::Info);
    let gpio_poll = match std::env::args().nth(1).as_deref() {
        None => false,
        Some("--poll") => true,
        Some(other) => {
            println!("there is no option {other}; there is --poll");
            return ExitCode::FAILURE;
        }
    };
    match follow(&DeviceConfig { gpio_poll, ..DeviceConfig::default() }) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            println!("no pins: {why}");
            ExitCode::FAILURE
        }
    }
}

fn follow(config: &DeviceConfig) -> Result<(), String> {
    let clock = Clock::start();
    let Controls { taken, buttons, lamps } = device::choose(config, clock)?;
    println!("taken: {taken}");
    let mut lamps = KeptLamps::new(lamps, clock, |state| tell("lamps", state));
    lamps.refresh();
    let mut buttons = Reopening::new(buttons, clock, |state| tell("buttons", state));
    let (mut mute, mut approve) = (Seen::default(), Seen::default());
    while !(mute.held && approve.held) {
        let Some(Some(edge)) = buttons.run(REFRESH, |buttons| buttons.wait(REFRESH)) else {
            lamps.refresh();
            continue;
        };
        let seen = match edge.button {
            Button::Mute => &mut mute,
            Button::Approve => &mut approve,
        };
        seen.held = edge.pressed;
        seen.presses += u32::from(edge.pressed);
        let what = if edge.pressed { "pressed" } else { "released" };
        println!("{} {what} {}", edge.button, seen.presses);
        lamps.set(edge.button, edge.pressed);
    }
    println!("ended: mute pressed {} times, approve {} times", mute.presses, approve.presses);
    Ok(())
}

fn tell(what: &str, state: &DeviceState) {
    match state {
        DeviceState::Open { description } => println!("{what}: {description}"),
        DeviceState::Failed(error) => println!("{what}: {error}"),
        DeviceState::Closed => println!("{what}: closed"),
    }
}

/// What the back ends log goes where everything goes.
struct Console;

impl log::Log for Console {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.level() <= log::Level::Info
    }
    fn log(&self, record: &log::Record<'_>) {
        println!("{}: {}", record.level(), record.args());
    }
    fn flush(&self) {}
}
