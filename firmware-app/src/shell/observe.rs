//! A local socket by which tests, measurements and the caretaker see what the kiosk shows and counts, press its
//! simulated buttons, and record its sound. Off unless configured; only the kiosk's own user may connect.
//!
//! One command a line, one line of JSON as the answer: `view`, `counters`, `network` (the newest numbers of the own link and of each room, a line each, which go to the log too), `lamps` (with the simulated ones' last changes),
//! `gate` (open or not, and since when it reports that), `clock`, `press mute`, `release approve`, `heard` (how loud the simulated speaker played the last second), `played` with a moment in
//! microseconds of `CLOCK_MONOTONIC` (the periods that it played since, with their times), `areas` and `pictures` (where
//! the screen can be touched and shows rooms), `unplug camera`, `take camera` (as another program does) and `plug camera` (or
//! `microphone`, `speaker`: the simulated ones), `record` with a number of seconds (microphone, reference and output as a WAV
//! file in the kiosk's folder; the answer comes when it is whole), and `touch` with an intent in JSON, which is what a finger on the screen
//! would have meant.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{mpsc, oneshot};

use vestibule_common::media::GateState;
use vestibule_common::time::Duration;

use super::media::LONGEST_RECORDING;
use super::room::{Input, Observation};
use crate::device::Button;
use crate::device::clock::Clock;
use crate::device::sim::SimHandles;
use crate::device::sim::plugs::Plug;
use crate::ui::bridge::ScreenHandle;

/// The longest command.
const MAX_LINE: usize = 256;

/// What an observer sees.
#[derive(Clone)]
pub(super) struct Observed {
    /// The room's loop.
    pub(super) room: mpsc::Sender<Input>,
    /// The simulated devices' other end.
    pub(super) sim: SimHandles,
    /// The screen, if there is one.
    pub(super) screen: Option<ScreenHandle>,
    /// The kiosk's clock.
    pub(super) clock: Clock,
}

/// Opens the socket and serves it in the background of the present runtime.
///
/// Errors: the system's, when the socket cannot be made.
pub(super) fn start(path: &Path, kiosk: Observed) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    tokio::spawn(async move {
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    let kiosk = kiosk.clone();
                    tokio::spawn(async move {
                        if let Err(error) = serve(stream, &kiosk).await {
                            log::debug!("an observer has gone: {error}");
                        }
                    });
                }
                Err(error) => {
                    log::warn!("the kiosk cannot be observed any more: {error}");
                    return;
                }
            }
        }
    });
    Ok(())
}

async fn serve(stream: UnixStream, kiosk: &Observed) -> io::Result<()> {
    let (reader, mut writer) = stream.into_split();
    let mut lines = BufReader::new(reader).lines();
    while let Some(line) = lines.next_line().await? {
        if line.len() > MAX_LINE {
            return Err(io::Error::other("a command that long is none"));
        }
        let answer = answer(line.trim(), kiosk).await;
        writer.write_all(format!("{answer}\n").as_bytes()).await?;
    }
    Ok(())
}

async fn answer(command: &str, kiosk: &Observed) -> Value {
    let Observed { room, sim, screen, clock } = kiosk;
    let clock = *clock;
    let button = |name: &str| match name {
        "mute" => Some(Button::Mute),
        "approve" => Some(Button::Approve),
        _ => None,
    };
    let plug = |word: &str| match word {
        "plug" => Some(Plug::In),
        "unplug" => Some(Plug::Out),
        "take" => Some(Plug::Taken),
        _ => None,
    };
    match command.split_once(' ') {
        Some((word, device)) if plug(word).is_some() => {
            return match device.parse() {
                Ok(device) => {
                    plug(word).into_iter().for_each(|plug| sim.plugs.set(device, plug));
                    json!({ "plugged": word })
                }
                Err(_) => json!({ "error": format!("{device:?} is none of camera, microphone, speaker") }),
            };
        }
        Some(("press", name)) if button(name).is_some() => {
            button(name).into_iter().for_each(|button| sim.buttons.press(button));
            return json!({ "pressed_us": clock.to_monotonic_us(clock.now()) });
        }
        Some(("release", name)) if button(name).is_some() => {
            button(name).into_iter().for_each(|button| sim.buttons.release(button));
            return json!({ "released_us": clock.to_monotonic_us(clock.now()) });
        }
        Some(("played", since)) => {
            return match since.parse() {
                Ok(since) => played(sim, clock, since),
                Err(_) => json!({ "error": format!("{since:?} is no moment in microseconds") }),
            };
        }
        Some(("record", seconds)) => return record(room, seconds).await,
        Some(("touch", intent)) => {
            return match serde_json::from_str(intent) {
                Ok(intent) => json!({ "touched": room.send(Input::Intent(intent)).await.is_ok() }),
                Err(error) => json!({ "error": error.to_string() }),
            };
        }
        _ => {}
    }
    let at = |rect: druid::Rect| json!({ "x": rect.x0, "y": rect.y0, "width": rect.width(), "height": rect.height() });
    let with = |mut place: Value, key: &str, what: String| {
        place[key] = json!(what);
        place
    };
    match command {
        "areas" => {
            let areas = screen.as_ref().map(ScreenHandle::touchable).unwrap_or_default();
            return areas.into_iter().map(|(rect, touch)| with(at(rect), "touch", touch)).collect();
        }
        "pictures" => {
            let pictures = screen.as_ref().map(ScreenHandle::pictures).unwrap_or_default();
            return pictures
                .into_iter()
                .map(|(id, rect)| with(at(rect), "picture", format!("{id:?}")))
                .collect();
        }
        "heard" => {
            let level = sim.speaker.level_after(clock.now() - Duration::from_secs(1));
            return json!({ "dbfs": 20.0 * (level / 32768.0).max(1e-6).log10() });
        }
        _ => {}
    }
    let (reply, observed) = oneshot::channel();
    if room.send(Input::Observe(reply)).await.is_err() {
        return json!({ "error": "the room has ended" });
    }
    let Ok(Observation { view, counters, network, clock: estimate, lamps, gate }) = observed.await else {
        return json!({ "error": "the room has ended" });
    };
    match command {
        "view" => json!({ "view": view }),
        "counters" => counters.into_iter().map(|(name, count)| (name.to_owned(), json!(count))).collect(),
        "network" => {
            network.iter().for_each(|line| log::info!("network: {line}"));
            json!({ "network": network })
        }
        "lamps" => {
            let told: Value = lamps
                .into_iter()
                .map(|(lamp, state)| (format!("{lamp:?}"), json!(format!("{state:?}"))))
                .collect();
            let lit: Value = [Button::Mute, Button::Approve]
                .into_iter()
                .map(|lamp| (format!("{lamp:?}"), json!(sim.lamps.is_lit(lamp))))
                .collect();
            let changes = sim.lamps.changes().into_iter().map(|change| {
                let (lamp, at_us) = (format!("{:?}", change.lamp), clock.to_monotonic_us(change.at));
                json!({ "lamp": lamp, "lit": change.lit, "us": at_us })
            });
            let changes: Value = changes.collect();
            json!({ "told": told, "lit": lit, "changes": changes })
        }
        "gate" => json!({ "open": gate.0 == GateState::Open, "since_us": clock.to_monotonic_us(gate.1) }),
        "clock" => match estimate {
            Some(estimate) => json!({
                "now_us": clock.now().as_micros(),
                "monotonic_us": clock.to_monotonic_us(clock.now()),
                "relay_offset_us": estimate.offset_us,
                "error_us": u64::try_from(estimate.error.as_micros()).unwrap_or(u64::MAX),
                "round_trip_us": u64::try_from(estimate.rtt.as_micros()).unwrap_or(u64::MAX),
            }),
            None => json!({
                "now_us": clock.now().as_micros(),
                "monotonic_us": clock.to_monotonic_us(clock.now()),
            }),
        },
        other => {
            json!({ "error": format!("{other:?} is none of view, counters, network, lamps, gate, clock, areas, pictures, heard, played, press, release, plug, unplug, take, record, touch") })
        }
    }
}

async fn record(room: &mpsc::Sender<Input>, seconds: &str) -> Value {
    let longest = LONGEST_RECORDING.as_secs();
    let Some(length) = seconds.parse().ok().filter(|length| (1..=longest).contains(length)) else {
        return json!({ "error": format!("{seconds:?} is no length of a recording: say 1 to {longest} seconds") });
    };
    let (reply, ended) = oneshot::channel();
    let asked = room.send(Input::Record(Duration::from_secs(length), reply)).await;
    match (asked, ended.await) {
        (Ok(()), Ok(Ok(recorded))) => json!({ "recorded": recorded }),
        (Ok(()), Ok(Err(error))) => json!({ "error": error }),
        (Err(_), _) | (_, Err(_)) => json!({ "error": "the room has ended" }),
    }
}

/// What the simulated speaker played after a moment: when each period's first sample left it, and its samples as
/// hexadecimal digits, four each, two's complement.
fn played(sim: &SimHandles, clock: Clock, since_us: u64) -> Value {
    let since = clock.from_monotonic(Duration::from_micros(since_us));
    let periods = sim.speaker.after(since).into_iter().map(|heard| {
        let samples: String = heard.samples.iter().map(|sample| format!("{sample:04x}")).collect();
        json!({ "us": clock.to_monotonic_us(heard.at), "samples": samples })
    });
    periods.collect()
}
