//! A thousand unplugs of simulated devices in a running meeting: whether everything comes back, and what stays behind.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use super::room::Room;
use crate::measure::figures::{median, print};
use crate::programs::Kiosk;

/// Unplugs of all devices of both rooms together.
const CYCLES: usize = 1000;
/// Rounds before what a room holds is written down: buffers have grown to what they need by then.
const WARM: usize = 10;
/// A device that does nothing for this long is gone.
const STILL: Duration = Duration::from_millis(150);
/// A device that is not back within this time has not survived.
const PATIENCE: Duration = Duration::from_secs(30);
/// How far back it is asked what the speaker played.
const PLAYED_US: u64 = 200_000;
const DEVICES: [&str; 3] = ["camera", "microphone", "speaker"];

/// What a process holds.
#[derive(Copy, Clone, Debug)]
struct Held {
    kib: f64,
    descriptors: usize,
    threads: usize,
}

/// Pulls camera, microphone and speaker of both rooms until there were enough cycles; a round a line goes to `hotplug.txt`
/// in `out`.
///
/// Errors: when a kiosk ends, or what it holds cannot be read. A device that does not come back is no error but a cycle
/// that was not survived.
pub(super) fn run(out: &Path, room: &mut Room) -> Result<(), String> {
    let path = out.join("hotplug.txt");
    let fault = |error: std::io::Error| format!("{}: {error}", path.display());
    let mut trace = File::create(&path).map_err(fault)?;
    let mut survived = 0;
    let mut before = Vec::new();
    let per_round = 2 * DEVICES.len();
    let rounds = CYCLES.div_ceil(per_round);
    for round in 0..WARM + rounds {
        if round == WARM {
            before = held(room)?;
        }
        let mut back = 0;
        let begin = Instant::now();
        for kiosk in [&mut room.host, &mut room.guest] {
            // The order changes from round to round.
            for at in 0..DEVICES.len() {
                kiosk.ask(&format!("unplug {}", DEVICES[(at + round) % DEVICES.len()]))?;
            }
        }
        for kiosk in [&mut room.host, &mut room.guest] {
            all_gone(kiosk)?;
        }
        for kiosk in [&mut room.host, &mut room.guest] {
            for at in 0..DEVICES.len() {
                kiosk.ask(&format!("plug {}", DEVICES[(2 * at + round) % DEVICES.len()]))?;
            }
        }
        for kiosk in [&mut room.host, &mut room.guest] {
            back += returned(kiosk)?;
        }
        let holds = look(room)?;
        writeln!(
            trace,
            "round {round} back {back} of {per_round} ms {} holds {holds:?}",
            begin.elapsed().as_millis()
        )
        .map_err(fault)?;
        if round >= WARM {
            survived += back;
        }
    }
    let after = held(room)?;
    let more = |of: fn(&Held) -> f64| {
        before.iter().zip(&after).map(|(before, after)| of(after) - of(before)).fold(0.0, f64::max)
    };
    print("hotplug_cycles_survived", survived as f64);
    println!("# of {} unplugs of simulated devices", rounds * per_round);
    print("leaked_kib", more(|held| held.kib));
    print("leaked_fds", more(|held| held.descriptors as f64));
    print("leaked_threads", more(|held| held.threads as f64));
    Ok(())
}

/// For each device a number that grows while it works: pictures, periods, and the moment of the last period played, which
/// is 0 when there was none lately.
fn progress(kiosk: &mut Kiosk) -> Result<[u64; 3], String> {
    let (all, clock) = (kiosk.ask("counters")?, kiosk.ask("clock")?);
    let one = |name: &str| all[name].as_u64().ok_or_else(|| format!("no counter {name}"));
    let now_us = clock["monotonic_us"].as_u64().ok_or_else(|| clock.to_string())?;
    let played = kiosk.ask(&format!("played {}", now_us - PLAYED_US))?;
    let last = played.as_array().and_then(|periods| periods.last()?["us"].as_u64());
    Ok([one("pictures_captured")?, one("periods_captured")?, last.unwrap_or(0)])
}

/// Waits until none of the kiosk's devices does anything any more.
fn all_gone(kiosk: &mut Kiosk) -> Result<(), String> {
    let begin = Instant::now();
    let mut before = progress(kiosk)?;
    loop {
        thread::sleep(STILL);
        let now = progress(kiosk)?;
        if now == before {
            return Ok(());
        }
        if begin.elapsed() > PATIENCE {
            return Err(format!(
                "{}: a device that was pulled goes on: {now:?} after {before:?}",
                kiosk.name
            ));
        }
        before = now;
    }
}

/// Waits until all of the kiosk's devices work again; how many do.
fn returned(kiosk: &mut Kiosk) -> Result<usize, String> {
    let begin = Instant::now();
    let before = progress(kiosk)?;
    loop {
        let now = progress(kiosk)?;
        let back = now.iter().zip(&before).filter(|(now, before)| now > before).count();
        if back == DEVICES.len() || begin.elapsed() > PATIENCE {
            return Ok(back);
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// What each kiosk holds at rest in the meeting: the median of some looks.
fn held(room: &mut Room) -> Result<Vec<Held>, String> {
    let mut looks = Vec::new();
    for _ in 0..9 {
        thread::sleep(Duration::from_millis(250));
        looks.push(look(room)?);
    }
    let middle = |kiosk: usize, of: fn(&Held) -> f64| {
        median(&looks.iter().map(|look| of(&look[kiosk])).collect::<Vec<_>>())
    };
    Ok((0..2)
        .map(|kiosk| Held {
            kib: middle(kiosk, |held| held.kib),
            descriptors: middle(kiosk, |held| held.descriptors as f64) as usize,
            threads: middle(kiosk, |held| held.threads as f64) as usize,
        })
        .collect())
}

fn look(room: &Room) -> Result<[Held; 2], String> {
    let one = |kiosk: &Kiosk| {
        let process = kiosk.process.id();
        let fault = |error: std::io::Error| format!("{}: {error}", kiosk.name);
        // What the program made itself: not the pages of files, which the system takes and gives.
        let maps = fs::read_to_string(format!("/proc/{process}/smaps_rollup")).map_err(fault)?;
        let kib = maps
            .lines()
            .find_map(|line| line.strip_prefix("Anonymous:")?.split_whitespace().next()?.parse().ok());
        let count = |what: &str| {
            Ok::<_, String>(fs::read_dir(format!("/proc/{process}/{what}")).map_err(fault)?.count())
        };
        let kib = kib.ok_or_else(|| format!("{}: the kernel does not say what memory it has", kiosk.name))?;
        Ok::<_, String>(Held { kib, descriptors: count("fd")?, threads: count("task")? })
    };
    Ok([one(&room.host)?, one(&room.guest)?])
}
