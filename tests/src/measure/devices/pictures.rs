//! From the camera to the encoder, what that costs, and how soon the other room sees that a camera is gone, or is back.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use super::receiver::What;
use super::room::Room;
use crate::measure::figures::{median, percentile, print};
use crate::rooms;

/// How long capturing and encoding are watched.
const WATCHED: Duration = Duration::from_secs(30);
/// Dropped before anything counts.
const SETTLE: Duration = Duration::from_secs(2);
/// How long the camera is out, each time: short, and longer than any pause between two tries to open it.
const OUT_S: [f64; 12] = [0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 10.0, 12.0];
/// The camera stays in for this long, so that it was no false start.
const IN: Duration = Duration::from_secs(6);
/// How often the rooms are looked at.
const LOOK: Duration = Duration::from_millis(2);
/// What did not happen within this time never does.
const NEVER: Duration = Duration::from_secs(30);

/// Watches the host's camera and encoder in the running meeting; a picture a line goes to `pictures.txt` in `out`, a
/// thread a line to `threads.txt`.
///
/// Errors: when nothing is to be measured.
pub(super) fn run(out: &Path, room: &mut Room) -> Result<(), String> {
    thread::sleep(SETTLE);
    let process = room.host.process.id();
    room.receiver.take();
    let (begin, before) = (Instant::now(), threads(process)?);
    thread::sleep(WATCHED);
    let (span, after) = (begin.elapsed(), threads(process)?);
    let mut trace = Trace::create(out, "pictures.txt")?;
    let mut spans = Vec::new();
    for heard in room.receiver.take() {
        if let What::Picture { encoded_after_us } = heard.what {
            trace.line(format_args!("received_us {} encoded_after_us {encoded_after_us}", heard.at_us))?;
            spans.push(f64::from(encoded_after_us) / 1000.0);
        }
    }
    if spans.len() < WATCHED.as_secs() as usize * 15 {
        return Err(format!("only {} pictures came in {WATCHED:?}", spans.len()));
    }
    print("capture_to_encoded_p50_ms", median(&spans));
    print("capture_to_encoded_p95_ms", percentile(&spans, 95.0));

    let mut trace = Trace::create(out, "threads.txt")?;
    let used = |name: &str| {
        let ns = after.get(name).copied().unwrap_or(0).saturating_sub(before.get(name).copied().unwrap_or(0));
        ns as f64 / 1e6 / span.as_secs_f64()
    };
    for name in after.keys() {
        trace.line(format_args!("{name} {:.3}", used(name)))?;
    }
    for (key, name) in [
        ("capture", "camera"),
        ("encode", "encode"),
        ("microphone", "microphone"),
        ("cleaning", "cleaning"),
        ("speaker", "speaker"),
        ("send", "send"),
    ] {
        if !after.contains_key(name) {
            return Err(format!("the kiosk has no thread {name}"));
        }
        print(&format!("cpu_ms_per_s_{key}"), used(name));
    }
    Ok(())
}

/// Pulls the host's camera again and again; a time a line goes to `unplugs.txt` in `out`.
///
/// Errors: when a room never sees it.
pub(super) fn run_unplugged(out: &Path, room: &mut Room) -> Result<(), String> {
    let mut trace = Trace::create(out, "unplugs.txt")?;
    let (mut gone, mut back) = (Vec::new(), Vec::new());
    for out_s in OUT_S {
        let begin = Instant::now();
        room.host.ask("unplug camera")?;
        let own = until(begin, "the own tile's reason", || {
            Ok(!room.host.meeting()?["own"]["placeholder"].is_null())
        })?;
        let other = until(begin, "the other room's tile without a picture", || {
            Ok(!rooms::tile(&mut room.guest, &room.host.name)?["placeholder"].is_null())
        })?;
        thread::sleep(Duration::from_secs_f64(out_s).saturating_sub(begin.elapsed()));
        let seen = room.guest.counter("pictures_decoded")?;
        let begin = Instant::now();
        room.host.ask("plug camera")?;
        let picture = until(begin, "a picture in the other room", || {
            let shown = rooms::tile(&mut room.guest, &room.host.name)?["placeholder"].is_null();
            // The guest decodes the host's pictures only: the receiver sends none.
            Ok(shown && room.guest.counter("pictures_decoded")? > seen)
        })?;
        trace.line(format_args!(
            "out_s {out_s} own_ms {own:.1} other_ms {other:.1} picture_ms {picture:.1}"
        ))?;
        gone.push(own.max(other));
        back.push(picture);
        thread::sleep(IN);
    }
    print("unplug_to_placeholder_ms", percentile(&gone, 100.0));
    print("replug_to_picture_ms", percentile(&back, 100.0));
    println!("# the worst of {}; medians {:.0} and {:.0}", OUT_S.len(), median(&gone), median(&back));
    Ok(())
}

/// Looks until it is so; how long after `begin` it was, in milliseconds.
fn until(begin: Instant, what: &str, mut look: impl FnMut() -> Result<bool, String>) -> Result<f64, String> {
    while !look()? {
        if begin.elapsed() > NEVER {
            return Err(format!("{what}: not within {NEVER:?}"));
        }
        thread::sleep(LOOK);
    }
    Ok(begin.elapsed().as_secs_f64() * 1000.0)
}

/// Processor time of each thread by its name, in nanoseconds; threads of one name together.
fn threads(process: u32) -> Result<BTreeMap<String, u64>, String> {
    let mut used = BTreeMap::new();
    let folder = format!("/proc/{process}/task");
    for thread in fs::read_dir(&folder).map_err(|error| format!("{folder}: {error}"))? {
        let path = thread.map_err(|error| format!("{folder}: {error}"))?.path();
        // A thread may end while it is looked at.
        let Ok(name) = fs::read_to_string(path.join("comm")) else { continue };
        let times = fs::read_to_string(path.join("schedstat")).unwrap_or_default();
        let ns: u64 = times.split_whitespace().next().and_then(|ns| ns.parse().ok()).unwrap_or(0);
        *used.entry(name.trim().to_owned()).or_default() += ns;
    }
    Ok(used)
}

/// A file of lines.
struct Trace {
    file: BufWriter<File>,
    path: std::path::PathBuf,
}

impl Trace {
    fn create(out: &Path, name: &str) -> Result<Trace, String> {
        let path = out.join(name);
        let file = File::create(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Trace { file: BufWriter::new(file), path })
    }

    fn line(&mut self, line: std::fmt::Arguments) -> Result<(), String> {
        writeln!(self.file, "{line}").map_err(|error| format!("{}: {error}", self.path.display()))
    }
}
