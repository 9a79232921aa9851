//! The program: reads its configuration, opens what it needs, wires the threads together, and ends in order.

use std::fmt;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::mpsc;
use vestibule_common::identity::Identity;
use vestibule_host::{Command, Invocation, keys, logging, service};

use super::controls::{self, LampSwitch};
use super::media::{Media, MediaDevices, NewsSender, Screen as PictureScreen, SoundOptions};
use super::observe::{self, Observed};
use super::room::{self, Input, Surroundings};
use super::store::{PinnedRelay, Store};
use super::watch;
use crate::config::{Config, PROGRAM, ScreenExtent};
use crate::device::choice::{Devices, choose};
use crate::device::clock::Clock;
use crate::device::diagnose;
use crate::kiosk::{Kiosk, Settings, WallClock};
use crate::session::Ticket;
use crate::ui::bridge::{self, Extent};
use crate::ui::surface::KeyEdge;
use crate::video::kind::PictureKind;
use crate::video::slot::PictureSlots;

/// Touches and edges that may wait for the room; a person is slower.
const MAX_INPUTS: usize = 256;
const MAX_NEWS: usize = 256;
/// What is still to be written is given this long on a slow card.
const ROOM_ENDS_WITHIN: Duration = Duration::from_secs(10);
/// A screen that is asked to end and does not is ended with the process.
const SCREEN_ENDS_WITHIN: Duration = Duration::from_secs(5);

/// What ends the program, worded for whoever starts it.
#[derive(Debug)]
struct Fatal(String);

impl fmt::Display for Fatal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn fatal(error: impl fmt::Display) -> Fatal {
    Fatal(error.to_string())
}

/// Runs the program with its arguments (without its name) and its environment.
pub fn main(
    arguments: impl IntoIterator<Item = String>,
    environment: &dyn Fn(&str) -> Option<String>,
) -> ExitCode {
    let outcome = match vestibule_host::read::<Config>(&PROGRAM, arguments, environment) {
        Ok(Invocation { command, config }) => carry_out(&command, config),
        Err(error) => {
            eprintln!("{}: {error}", PROGRAM.name);
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}: {error}", PROGRAM.name);
            ExitCode::FAILURE
        }
    }
}

fn carry_out(command: &Command, config: Config) -> Result<(), Fatal> {
    let mut out = std::io::stdout().lock();
    match command {
        Command::Help => write!(out, "{}", PROGRAM.help::<Config>()).map_err(fatal),
        Command::Version => writeln!(out, "{} {}", PROGRAM.name, env!("CARGO_PKG_VERSION")).map_err(fatal),
        Command::CheckConfig => write!(out, "{}", PROGRAM.print(&config).map_err(fatal)?).map_err(fatal),
        Command::Sub("devices", _) => diagnose::list(&config.devices, &mut out).map_err(fatal),
        Command::Sub(_, what) => {
            let [device, seconds] = [0, 1].map(|at| what.get(at).map(String::as_str));
            let seconds = seconds.unwrap_or("10");
            let seconds = match seconds.parse() {
                Ok(seconds @ 1..) => Duration::from_secs(seconds),
                _ => return Err(Fatal(format!("\"{seconds}\" is no number of seconds from 1 on"))),
            };
            match device {
                Some("camera") => {
                    diagnose::camera(&config.devices, PictureKind::Camera, seconds, &mut out).map_err(fatal)
                }
                Some("presentation") => {
                    diagnose::camera(&config.devices, PictureKind::Presentation, seconds, &mut out)
                        .map_err(fatal)
                }
                Some("microphone") => diagnose::microphone(&config.devices, seconds, &mut out).map_err(fatal),
                Some("speaker") => diagnose::speaker(&config.devices, seconds, &mut out).map_err(fatal),
                Some("buttons") => diagnose::buttons(&config.devices, seconds, &mut out).map_err(fatal),
                _ => Err(Fatal(
                    "test-device needs camera, presentation, microphone, speaker or buttons behind it".into(),
                )),
            }
        }
        Command::Run => {
            drop(out);
            run(config)
        }
    }
}

fn run(config: Config) -> Result<(), Fatal> {
    logging::start(config.log_level.filter());
    let clock = Clock::start();
    let folder = config.state_dir.clone().ok_or(Fatal("no state folder".into()))?;
    let keys = keys::hold_or_create(&folder).map_err(fatal)?;
    let store = Store::open(&folder).map_err(fatal)?;
    let pinned: Option<PinnedRelay> = store.load("relay.json");
    let ticket: Option<Ticket> = store.load("ticket.json");
    let mut logic = config.kiosk().map_err(Fatal)?;
    if let Some(settings) = store.load::<Settings>("settings.json") {
        logic.name = settings.name;
        logic.language = settings.language;
        logic.volume = settings.volume;
        logic.echo = settings.echo.unwrap_or(logic.echo);
    }
    logic.relay = logic.relay.or(pinned.as_ref().map(|relay| relay.peer));
    logic.version = format!("{} {}", PROGRAM.name, env!("CARGO_PKG_VERSION"));
    log::info!("{} {} is {}", PROGRAM.name, env!("CARGO_PKG_VERSION"), keys.identity.peer());

    let name = logic.name.clone();
    let devices = choose(&config.devices, name.as_str(), clock).map_err(fatal)?;
    for taken in &devices.report {
        log::info!("{taken}");
    }
    let Devices { camera, presentation, microphone, speaker, buttons, lamps, sim, .. } = devices;

    let (inputs, inbox) = mpsc::channel(MAX_INPUTS);
    let (news, media_news) = mpsc::channel(MAX_NEWS);
    let slots = PictureSlots::default();
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(fatal)?;
    let muted = ticket.as_ref().is_some_and(|ticket| ticket.muted);
    let own = Arc::new(Identity::from_seed(&keys.seed));
    let sound = SoundOptions { muted, mute: config.mute, cleaning: config.cleaning(logic.echo) };
    let kiosk = Kiosk::new(logic, keys.identity, seed, ticket, clock.now());

    let window = open_window(&config, &kiosk, &slots, &inputs, sim.buttons.clone(), clock)?;
    let (screen, handle) = window.map_or((None, None), |(screen, handle)| (Some(screen), Some(handle)));
    let wake = handle.clone();
    let pictures = PictureScreen::new(move |id| {
        if let Some(handle) = &wake {
            handle.picture_changed(id);
        }
    });
    let (watch, ends) = watch::watch();
    if let Some(handle) = handle.clone() {
        watch.spawn("pictures", move || handle.lay_pictures()).map_err(fatal)?;
    }
    let news = NewsSender::new(news, watch.clone());
    let media_devices = MediaDevices { camera, presentation, microphone, speaker };
    let media =
        Media::start(media_devices, sound, config.bitrates(), slots, pictures, news, clock).map_err(fatal)?;
    controls::start_buttons(buttons, inputs.clone(), &watch, clock).map_err(fatal)?;
    let switch = LampSwitch::start(lamps, &watch, clock).map_err(fatal)?;

    let (shown, quit) = (handle.clone(), handle);
    let around = Surroundings {
        identity: own,
        name,
        relay_address: config.relay.clone(),
        pinned,
        discover: config.discover,
        store: store.keep(&watch).map_err(fatal)?,
        recordings: folder.clone(),
        clock,
        show: Box::new(move |view| {
            if let Some(handle) = &shown {
                handle.show(view);
            }
        }),
        lamp: Box::new(move |button, state| switch.set(button, state)),
        alive: Box::new(service::ping),
    };
    let observe_at = config.observe.clone();
    let closed = inputs.clone();
    let (ended, end) = sync_channel(1);
    let seen = Observed { room: inputs.clone(), sim, screen: quit.clone(), clock };
    let live = move || -> Result<(), Fatal> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(fatal)?;
        let outcome = runtime.block_on(async move {
            if let Some(path) = observe_at {
                observe::start(&path, seen)
                    .map_err(|error| Fatal(format!("observe = {}: {error}", path.display())))?;
            }
            tokio::spawn(async move {
                log::info!("{}: the kiosk stops", service::asked_to_stop().await);
                // The room has ended by itself.
                drop(inputs.send(Input::Stop).await);
            });
            service::ready("the room is open");
            let outcome = room::run(kiosk, media, around, inbox, media_news, ends).await;
            service::stopping();
            outcome.map_err(|thread| Fatal(format!("the {thread} thread has ended; the log says why")))
        });
        // A name that is still being looked up holds up nothing.
        runtime.shutdown_background();
        outcome
    };
    let run = move || {
        // However the room ends, the program ends with it: a screen without a room shows what is no longer true.
        let outcome = catch_unwind(AssertUnwindSafe(live))
            .unwrap_or_else(|_| Err(Fatal("the room's thread panicked; the log says where".into())));
        if ended.send(outcome).is_err() {
            log::debug!("the program ends without the room");
        }
        if let Some(handle) = quit {
            handle.quit();
            thread::sleep(SCREEN_ENDS_WITHIN);
            log::error!("the screen does not end");
            std::process::exit(1);
        }
    };
    thread::Builder::new().name("room".into()).spawn(run).map_err(fatal)?;
    let Some(screen) = screen else {
        return end.recv().map_err(|_| Fatal("the room's thread is gone".into()))?;
    };
    // A window that was closed ends the program; a screen that broke is started again by the service manager.
    let shown = screen.run().map_err(fatal);
    if closed.try_send(Input::Stop).is_err() {
        log::debug!("the room has ended already");
    }
    // It writes what it wants to keep.
    end.recv_timeout(ROOM_ENDS_WITHIN).map_err(|_| Fatal("the room does not end".into()))?.and(shown)
}

type Window = (bridge::Screen, bridge::ScreenHandle);

fn open_window(
    config: &Config,
    kiosk: &Kiosk,
    slots: &PictureSlots,
    inputs: &mpsc::Sender<Input>,
    presses: crate::device::sim::buttons::Presses,
    clock: Clock,
) -> Result<Option<Window>, Fatal> {
    let extent = match config.extent().map_err(Fatal)? {
        ScreenExtent::None => return Ok(None),
        ScreenExtent::Full => Extent::Full,
        ScreenExtent::Window(width, height) => Extent::Window { width, height },
    };
    let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let unix_ms = u64::try_from(unix.as_millis()).unwrap_or(u64::MAX);
    let first = kiosk.view(clock.now(), WallClock { unix_ms, hour: 0, minute: 0 });
    let position = config.position().map_err(Fatal)?;
    let options =
        bridge::Options { extent, position, title: first.room_name.clone(), vsync: config.screen_vsync };
    let touches = inputs.clone();
    let on_intent = move |intent| {
        if touches.try_send(Input::Intent(intent)).is_err() {
            log::warn!("a touch was lost: the room does not keep up");
        }
    };
    let on_key = move |KeyEdge { button, pressed }: KeyEdge| {
        if pressed { presses.press(button) } else { presses.release(button) }
    };
    bridge::open(&options, slots.clone(), first, on_intent, on_key).map(Some).map_err(fatal)
}
