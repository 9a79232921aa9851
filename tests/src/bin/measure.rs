//! One measurement: `measure meet|relay|video|devices|congestion|loss --out DIR [...]`. Prints `key value` lines; `tests/MEASURES.md` defines
//! them. Run by `tests/scripts/measure.sh`, which adds the conditions.

#![forbid(unsafe_code)]

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use vestibule_tests::measure::{bare, congestion, devices, loss, meet, relay, screen, video};

const USAGE: &str =
    "usage: measure meet|relay|video|devices|congestion|loss --out DIR [--seconds N] [--runs N] [--clip FILE.y4m]...
  --out DIR      where traces go
  --seconds N    meet: how long is measured (60); relay: how long one run is (3)
  --runs N       relay: how many runs of each (5)
  --clip FILE    meet: both cameras; video: what is encoded";

fn main() -> ExitCode {
    match carry_out(std::env::args().skip(1).collect()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("measure: {error}");
            ExitCode::FAILURE
        }
    }
}

fn carry_out(arguments: Vec<String>) -> Result<(), String> {
    let (name, rest) = arguments.split_first().ok_or(USAGE)?;
    let fault = |error: std::io::Error| error.to_string();
    match (name.as_str(), rest) {
        // The processes that a measurement starts from itself.
        ("watch-screen", [path, place @ ..]) => {
            let place: Vec<usize> = numbers(place)?;
            let place = place.try_into().map_err(|_| "left, top, width and height are needed")?;
            screen::watch(Path::new(path), place).map_err(fault)
        }
        ("bare-send", [span, receivers @ ..]) => {
            let span: f64 = span.parse().map_err(|_| format!("{span:?} is no number of seconds"))?;
            bare::send(&numbers::<SocketAddr>(receivers)?, Duration::from_secs_f64(span)).map_err(fault)
        }
        ("bare-forward", members) => bare::forward(&numbers::<SocketAddr>(members)?).map_err(fault),
        (_, rest) => {
            let options = Options::parse(rest)?;
            std::fs::create_dir_all(&options.out)
                .map_err(|error| format!("{}: {error}", options.out.display()))?;
            let seconds = |default| Duration::from_secs(options.seconds.unwrap_or(default));
            match name.as_str() {
                "meet" => {
                    let clip = options.clips.first().cloned();
                    meet::run(&meet::Options { span: seconds(60), out: options.out, clip })
                }
                "relay" => relay::run(&relay::Options {
                    span: seconds(3),
                    runs: options.runs.unwrap_or(5),
                    out: options.out,
                }),
                "video" => {
                    let clips = options.clips.iter().map(PathBuf::from).collect();
                    video::run(&video::Options { out: options.out, clips })
                }
                "devices" => devices::run(&options.out),
                "congestion" => congestion::run_all(&options.out),
                "loss" => loss::run_all(&options.out),
                other => Err(format!("there is no measurement {other}\n{USAGE}")),
            }
        }
    }
}

fn numbers<T: std::str::FromStr>(words: &[String]) -> Result<Vec<T>, String> {
    words.iter().map(|word| word.parse().map_err(|_| format!("{word:?} is not understood"))).collect()
}

struct Options {
    out: PathBuf,
    seconds: Option<u64>,
    runs: Option<usize>,
    clips: Vec<String>,
}

impl Options {
    fn parse(arguments: &[String]) -> Result<Options, String> {
        let (mut out, mut seconds, mut runs, mut clips) = (None, None, None, Vec::new());
        for pair in arguments.chunks(2) {
            let [flag, value] = pair else { return Err(format!("{} needs a value\n{USAGE}", pair[0])) };
            let number = || value.parse::<u64>().map_err(|_| format!("{flag} needs a number"));
            match flag.as_str() {
                "--out" => out = Some(PathBuf::from(value)),
                "--seconds" => seconds = Some(number()?),
                "--runs" => runs = Some(number()? as usize),
                "--clip" => clips.push(value.clone()),
                other => return Err(format!("there is no option {other}\n{USAGE}")),
            }
        }
        Ok(Options { out: out.ok_or("--out is needed")?, seconds, runs, clips })
    }
}
