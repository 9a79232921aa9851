//! Lights the lamp of each button while it is held, through the kiosk's own back ends, and says what it sees. The
//! Raspberry Pi scenario runs this; it is no kiosk, and knows no relay and no screen.
//!
//! Holding both buttons ends it, because its only input are the pins. With `--poll` it asks for no interrupts, like
//! `gpio_poll`; with `--chip NAME` it takes that chip of the kernel, like `gpiocdev:NAME`; with `--pins` and four numbers
//! (mute, approve, their lamps) those pins.

#![forbid(unsafe_code)]

#[allow(dead_code, unused_imports, reason = "the kiosk uses all of its files, this program a part")]
#[allow(clippy::wrong_self_convention, reason = "the names are public in the kiosk, and its own")]
mod device;

use std::process::ExitCode;
use std::time::Duration;

use device::clock::Clock;
use device::config::{DeviceConfig, Pins};
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
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (mut config, mut chip) = (DeviceConfig::default(), None);
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => {}
        ["--poll"] => config.gpio_poll = true,
        ["--chip", name] => chip = Some((*name).to_owned()),
        ["--pins", mute, approve, mute_lamp, approve_lamp] => {
            let [mute, approve, mute_lamp, approve_lamp] =
                [mute, approve, mute_lamp, approve_lamp].map(|pin| pin.parse().ok());
            config.pins = Pins { mute, approve, mute_lamp, approve_lamp, ..Pins::default() };
        }
        other => {
            println!("not understood: {other:?}; there are --poll, --chip NAME and --pins A B C D");
            return ExitCode::FAILURE;
        }
    }
    match follow(chip, &config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            println!("no pins: {why}");
            ExitCode::FAILURE
        }
    }
}

fn follow(chip: Option<String>, config: &DeviceConfig) -> Result<(), String> {
    let clock = Clock::start();
    let Controls { taken, buttons, lamps } = device::choose(chip, config, clock)?;
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
    println!("interrupts: {}", interrupts());
    println!("ended: mute pressed {} times, approve {} times", mute.presses, approve.presses);
    Ok(())
}

/// How often the kernel was interrupted for the pins that this program holds, of all kinds together.
fn interrupts() -> u64 {
    let all = std::fs::read_to_string("/proc/interrupts").unwrap_or_default();
    let ours = all.lines().filter(|line| line.contains("vestibule"));
    // "50:", a count for each processor, then the chip and the line's number on it.
    ours.flat_map(|line| line.split_whitespace().skip(1).map_while(|word| word.parse::<u64>().ok())).sum()
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
