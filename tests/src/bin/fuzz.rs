//! Fuzzes every parser of network bytes for a while: `fuzz --seconds N [--seed S] [--target NAME] [--hex INPUT]`.
//!
//! Ends with an error and the input that did it when a parser panics.

#![forbid(unsafe_code)]

use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime};

use vestibule_tests::fuzz::{TARGETS, Target, driver, fuzz};

const USAGE: &str = "usage: fuzz --seconds N [--seed S] [--target NAME] [--hex INPUT]
  --seconds N     how long to go on
  --seed S        a number: the same inputs in the same order (default: from the clock, and printed)
  --target NAME   only this target
  --hex INPUT     no fuzzing: only this input, in hexadecimal digits (needs --target)";

#[derive(Default)]
struct Options {
    seconds: Option<u64>,
    seed: Option<u64>,
    target: Option<Target>,
    hex: Option<Vec<u8>>,
}

fn main() -> ExitCode {
    match options(std::env::args().skip(1)).and_then(carry_out) {
        Ok(()) => ExitCode::SUCCESS,
        Err(text) => {
            eprintln!("{text}");
            ExitCode::FAILURE
        }
    }
}

fn carry_out(options: Options) -> Result<(), String> {
    if let Some(input) = options.hex {
        let target = options.target.ok_or("--hex needs --target")?;
        return match driver::run(&target, &input) {
            Some(accepted) => {
                println!("{}: {}", target.name, if accepted { "accepted" } else { "refused" });
                Ok(())
            }
            None => Err(format!("{} panics", target.name)),
        };
    }
    let seconds = options.seconds.ok_or(USAGE)?;
    let clock =
        SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |now| now.as_nanos() as u64);
    let seed = options.seed.unwrap_or(clock);
    println!("fuzzing for {seconds} s with --seed {seed}");
    let targets = options.target.map_or(TARGETS.to_vec(), |target| vec![target]);
    let end = Instant::now() + Duration::from_secs(seconds);
    let reports = fuzz(&targets, seed, || Instant::now() < end).map_err(|finding| {
        let hex: String = finding.input.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{} panics; to see it again:\n  fuzz --target {0} --hex {hex}", finding.target)
    })?;
    println!("{:<18}{:>12}{:>12}", "target", "inputs", "accepted");
    for report in reports {
        println!("{:<18}{:>12}{:>12}", report.target, report.inputs, report.accepted);
    }
    Ok(())
}

fn options(mut arguments: impl Iterator<Item = String>) -> Result<Options, String> {
    let mut options = Options::default();
    while let Some(name) = arguments.next() {
        let mut value = || arguments.next().ok_or_else(|| format!("{name} needs a value\n{USAGE}"));
        match name.as_str() {
            "--seconds" => options.seconds = Some(number(&value()?)?),
            "--seed" => options.seed = Some(number(&value()?)?),
            "--target" => {
                let wanted = value()?;
                let found = TARGETS.into_iter().find(|target| target.name == wanted);
                let names = TARGETS.map(|target| target.name).join(", ");
                options.target =
                    Some(found.ok_or_else(|| format!("no target is called {wanted:?}; there are {names}"))?);
            }
            "--hex" => options.hex = Some(bytes(&value()?)?),
            _ => return Err(format!("{name:?} is not an option\n{USAGE}")),
        }
    }
    Ok(options)
}

fn number(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("{text:?} is not a whole number"))
}

fn bytes(text: &str) -> Result<Vec<u8>, String> {
    let digits: Option<Vec<u8>> =
        text.chars().map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok())).collect();
    match digits {
        Some(digits) if digits.len() % 2 == 0 => {
            Ok(digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect())
        }
        _ => Err(format!("{text:?} is not pairs of hexadecimal digits")),
    }
}
