//! Two rooms meet on two virtual displays: from the sensor to the screen, from the microphone to the speaker.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use vestibule_common::seal::Suite;
use vestibule_kiosk::device::clock::Clock;

use super::figures::{median, percentile, print};
use super::process::{cpu_ns, memory_mib};
use super::screen::Seen;
use super::sound::Played;
use crate::display::Display;
use crate::panel::Panel;
use crate::programs::{Kiosk, Process, Relay};

/// The first seconds of the meeting do not count.
const SETTLE: Duration = Duration::from_secs(5);
/// Meetings whose beginning is timed; the last one goes on and is measured.
const MEETINGS: usize = 5;
/// How often what was played is fetched; a kiosk keeps ten seconds.
const FETCH: Duration = Duration::from_secs(2);
/// How late a picture or a chirp may be and still be seen, after the measured time.
const TAIL: Duration = Duration::from_secs(1);
const NAMES: [&str; 2] = ["Boardroom", "Workshop"];

/// What to run.
pub struct Options {
    /// Where traces, logs and state go.
    pub out: PathBuf,
    /// How long is measured.
    pub span: Duration,
    /// A Y4M file for both cameras instead of the test picture.
    pub clip: Option<String>,
}

/// Runs it and prints its figures.
///
/// Errors: what did not happen.
pub fn run(options: &Options) -> Result<(), String> {
    let state = options.out.join("state");
    if state.exists() {
        fs::remove_dir_all(&state).map_err(|error| format!("{}: {error}", state.display()))?;
    }
    let relay = Relay::start(&state, None, &[])?;
    thread::sleep(Duration::from_secs(2));
    let relay_idle = memory_mib(relay.process.id(), "VmRSS");
    let mut rooms = [start(options, &state, NAMES[0], &relay)?, start(options, &state, NAMES[1], &relay)?];
    for room in &mut rooms {
        room.see("ready", |view| view["screen"]["Home"]["ready"] == true)?;
    }

    // The first meeting shows where the pictures are, so that the next one's first picture is seen at once.
    meet(&mut rooms)?;
    let mut watchers = Vec::new();
    for room in &mut rooms {
        room.see_picture()?;
        watchers.push(watch(&options.out, room)?);
    }
    let mut released = Vec::new();
    for _ in 0..MEETINGS {
        part(&mut rooms)?;
        released.push(meet(&mut rooms)?);
        for room in &mut rooms {
            room.see_picture()?;
        }
    }

    thread::sleep(SETTLE);
    let clock = Clock::start();
    let used = |rooms: &[Panel; 2]| -> Result<[u64; 3], String> {
        let [a, b] = [cpu_ns(rooms[0].kiosk.process.id())?, cpu_ns(rooms[1].kiosk.process.id())?];
        Ok([a, b, cpu_ns(relay.process.id())?])
    };
    let (begin, from_us) = (Instant::now(), clock.to_monotonic_us(clock.now()));
    let counters = [rooms[0].kiosk.ask("counters")?, rooms[1].kiosk.ask("counters")?];
    let before = used(&rooms)?;
    let mut played = [Played::default(), Played::default()];
    while begin.elapsed() < options.span {
        thread::sleep(FETCH.min(options.span.saturating_sub(begin.elapsed())));
        fetch(&mut rooms, &mut played, from_us)?;
    }
    let (after, span) = (used(&rooms)?, begin.elapsed());
    let until_us = clock.to_monotonic_us(clock.now());
    thread::sleep(TAIL);
    fetch(&mut rooms, &mut played, from_us)?;
    for (room, counters) in rooms.iter_mut().zip(counters) {
        let now = room.kiosk.ask("counters")?;
        let text = format!("{{\"from\":{counters},\"until\":{now}}}\n");
        fs::write(options.out.join(format!("{}.counters.json", room.kiosk.name)), text)
            .map_err(|error| error.to_string())?;
    }
    let peak = rooms.iter().map(|room| memory_mib(room.kiosk.process.id(), "VmHWM")).fold(0.0, f64::max);
    drop(watchers);

    let seen = [
        Seen::read_all(&trace(&options.out, NAMES[0], "screen"))?,
        Seen::read_all(&trace(&options.out, NAMES[1], "screen"))?,
    ];
    // What both ends agree on when each offers everything.
    println!("# suite {:?}", Suite::preferred()[0]);
    print("approve_to_picture_ms", first_pictures(options, &seen, &released)?);
    let mut ages = Vec::new();
    let mut shown = Vec::new();
    for (name, seen) in NAMES.iter().zip(&seen) {
        let part: Vec<Seen> = seen.iter().filter(|one| within(one, from_us, until_us)).copied().collect();
        let all = with_lost(&part)?;
        println!("# {name}: {} pictures seen, {} lost", part.len(), all.len() - part.len());
        ages.extend(all);
        shown.push(part.len() as f64 / span.as_secs_f64());
    }
    let (heard, apart) = sounds(options, &played, &seen, from_us, until_us)?;
    print("glass_to_glass_p50_ms", median(&ages));
    print("glass_to_glass_p95_ms", percentile(&ages, 95.0));
    print("mouth_to_ear_p50_ms", median(&heard));
    print("mouth_to_ear_p95_ms", percentile(&heard, 95.0));
    print("lip_sync_p95_ms", percentile(&apart, 95.0));
    print("frames_shown_per_s", shown.into_iter().fold(f64::INFINITY, f64::min));
    let percent = |n: usize| (after[n] - before[n]) as f64 / span.as_nanos() as f64 * 100.0;
    print("kiosk_cpu_percent", percent(0).max(percent(1)));
    print("relay_cpu_percent", percent(2));
    print("kiosk_peak_mib", peak);
    print("relay_idle_mib", relay_idle);
    Ok(())
}

fn start(options: &Options, state: &Path, name: &str, relay: &Relay) -> Result<Panel, String> {
    let camera = options.clip.as_ref().map_or("sim".into(), |clip| format!("sim:{clip}"));
    let devices = ["--devices-devices", "sim", "--devices-sim-stamp", "--devices-microphone", "sim:chirp"];
    let devices = [&devices[..], &["--devices-camera", &camera]].concat();
    let display = Display::start_readable(&state.join(format!("display-{name}")), 1280, 800)?;
    let kiosk = Kiosk::start(state, name, relay, &devices, Some(&display.name))?;
    Ok(Panel { kiosk, display })
}

/// Both come into one meeting; gives when the button was released, in microseconds of `CLOCK_MONOTONIC`.
fn meet([a, b]: &mut [Panel; 2]) -> Result<u64, String> {
    a.tap("StartMeeting")?;
    let view = a.see("a meeting", |view| view["screen"]["Meeting"]["code"].is_string())?;
    let code = view["screen"]["Meeting"]["code"].as_str().unwrap_or_default().replace(' ', "");
    b.tap("OpenJoin")?;
    b.type_digits(&code)?;
    a.see("the knock", |view| view["knock"]["armed"] == true)?;
    a.kiosk.ask("press approve")?;
    thread::sleep(Duration::from_millis(150));
    let answer = a.kiosk.ask("release approve")?;
    answer["released_us"].as_u64().ok_or_else(|| answer.to_string())
}

/// Both go home. The host does away with the news that the other has left, which would stand above the next meeting's
/// picture for a while and then let it move.
fn part([a, b]: &mut [Panel; 2]) -> Result<(), String> {
    leave(b)?;
    a.see("that the other has left", |view| view["notice"].is_object())?;
    a.tap("DismissNotice")?;
    leave(a)
}

fn leave(room: &mut Panel) -> Result<(), String> {
    room.tap("Ask(Leave)")?;
    room.tap("Confirm")?;
    room.see("home", |view| view["screen"]["Home"]["ready"] == true).map(|_| ())
}

fn trace(out: &Path, name: &str, what: &str) -> PathBuf {
    out.join(format!("{name}.{what}.txt"))
}

/// Starts the process that watches this room's screen.
fn watch(out: &Path, room: &mut Panel) -> Result<Process, String> {
    let framebuffer = room.display.framebuffer().ok_or("no framebuffer is to be read")?;
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let file = File::create(trace(out, &room.kiosk.name, "screen")).map_err(|error| error.to_string())?;
    let mut command = Command::new(program);
    command.arg("watch-screen").arg(framebuffer).args(room.settled_place()?.map(|number| number.to_string()));
    command.stdout(Stdio::from(file));
    Process::start(command, &out.join(format!("{}.watch.log", room.kiosk.name)))
        .map_err(|error| error.to_string())
}

fn fetch(rooms: &mut [Panel; 2], played: &mut [Played; 2], from_us: u64) -> Result<(), String> {
    for (room, played) in rooms.iter_mut().zip(played) {
        let since = played.until_us().max(from_us);
        played.take(&room.kiosk.ask(&format!("played {since}"))?)?;
    }
    Ok(())
}

fn within(seen: &Seen, from_us: u64, until_us: u64) -> bool {
    let sensor_us = seen.at_us - (seen.age_ms() * 1000.0) as u64;
    (from_us..until_us).contains(&sensor_us)
}

/// The ages of the pictures in milliseconds; those whose numbers are missing were lost and are infinitely old.
fn with_lost(seen: &[Seen]) -> Result<Vec<f64>, String> {
    let (first, last) = seen.first().zip(seen.last()).ok_or("no picture was seen")?;
    let expected = (last.stamp.frame.wrapping_sub(first.stamp.frame) & 0xff_ffff) as usize + 1;
    let mut ages: Vec<f64> = seen.iter().map(Seen::age_ms).collect();
    ages.resize(expected.max(ages.len()), f64::INFINITY);
    Ok(ages)
}

/// From each release of the button to the later of both first pictures: the median, in milliseconds.
fn first_pictures(options: &Options, seen: &[Vec<Seen>; 2], released: &[u64]) -> Result<f64, String> {
    let mut file = File::create(options.out.join("approve.txt")).map_err(|error| error.to_string())?;
    let mut spans = Vec::new();
    for released in released {
        let first = |seen: &[Seen]| {
            let found = seen.iter().find(|one| one.at_us > *released);
            found.map_or(f64::INFINITY, |one| (one.at_us - released) as f64 / 1000.0)
        };
        let [host, guest] = [first(&seen[0]), first(&seen[1])];
        writeln!(file, "released_us {released} host_ms {host} guest_ms {guest}")
            .map_err(|error| error.to_string())?;
        spans.push(host.max(guest));
    }
    Ok(median(&spans))
}

/// How late each chirp left the speakers, and how far that is from how late the picture of its moment was shown, in
/// milliseconds.
fn sounds(
    options: &Options,
    played: &[Played; 2],
    seen: &[Vec<Seen>; 2],
    from_us: u64,
    until_us: u64,
) -> Result<(Vec<f64>, Vec<f64>), String> {
    let (mut heard, mut apart) = (Vec::new(), Vec::new());
    for ((name, played), seen) in NAMES.iter().zip(played).zip(seen) {
        let mut file = File::create(trace(&options.out, name, "sound")).map_err(|error| error.to_string())?;
        for begins_us in (from_us / 1_000_000 + 1..until_us / 1_000_000).map(|second| second * 1_000_000) {
            let found = played.find(begins_us);
            let sound = found.map_or(f64::INFINITY, |(late, _)| late);
            let moment = |one: &&Seen| (one.stamp.monotonic_us).abs_diff(begins_us & 0xff_ffff_ffff);
            let picture = seen.iter().min_by_key(moment).map_or(f64::INFINITY, Seen::age_ms);
            writeln!(
                file,
                "{begins_us} sound_ms {sound} likeness {:.3} picture_ms {picture}",
                found.map_or(0.0, |f| f.1)
            )
            .map_err(|error| error.to_string())?;
            heard.push(sound);
            apart.push(if sound.is_finite() { (sound - picture).abs() } else { f64::INFINITY });
        }
    }
    Ok((heard, apart))
}
