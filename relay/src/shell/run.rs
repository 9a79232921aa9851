//! Starting the relay, keeping it, and stopping it in order.

use std::io::Write;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};
use tokio_rustls::TlsAcceptor;
use vestibule_common::id::PeerId;
use vestibule_common::identity::fingerprint_words;
use vestibule_host::{keys, service};

use super::clock::{Clock, unix_ms};
use super::code_file::CodeFile;
use super::connection::Reception;
use super::doorway::{Doorway, DoorwayLimits};
use super::hall::{EVENTS, Hall};
use super::outlet::Capacity;
use super::runtime_file::RuntimeFile;
use super::{Fatal, announce, media, reception, sockets, tls};
use crate::config::Config;
use crate::rooms::Rooms;

/// Threads for control connections: handshakes of many must not hold up a meeting's words.
const WORKERS: usize = 2;
/// How long kiosks may take to hear that the relay stops.
const GOODBYE: Duration = Duration::from_secs(3);

/// Runs the relay until it is told to stop. `config` is complete and checked.
pub(super) fn run(config: Config) -> Result<(), Fatal> {
    let state_dir = config.state_dir.clone().unwrap_or_else(|| PathBuf::from("."));
    let listener = sockets::control(config.listen, config.port).map_err(Fatal::Socket)?;
    let socket = sockets::media(config.listen, config.media_port.unwrap_or(0)).map_err(Fatal::Socket)?;
    let keys = keys::hold_or_create(&state_dir).map_err(Fatal::Identity)?;
    let tls = tls::server_config(&keys.seed).map_err(Fatal::Certificate)?;
    let system = |what| move |error| Fatal::System(what, error);
    let control = listener.local_addr().map_err(system("the control socket has no address"))?;
    let media_address = socket.local_addr().map_err(system("the media socket has no address"))?;

    let clock = Clock::start();
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(Fatal::Randomness)?;
    let mut rooms = Rooms::new(config.rooms.clone(), seed);
    rooms.set_wall_clock(unix_ms(), clock.now());
    let codes = CodeFile::open(&state_dir, unix_ms());
    rooms.remember_codes(codes.records(), clock.now());
    let media = media::start(socket, clock).map_err(system("the media thread cannot start"))?;
    let (hall, events) = mpsc::channel(EVENTS);
    let limits = DoorwayLimits {
        total: reception::allowed_connections(config.max_connections as usize),
        per_source: config.max_connections_per_source as usize,
        ungreeted: config.max_ungreeted as usize,
    };
    let reception = Arc::new(Reception {
        tls: TlsAcceptor::from(tls),
        identity: keys.identity.peer(),
        limits: rooms.limits(),
        capacity: Capacity::of(&config.rooms),
        media_port: media_address.port(),
        greeting_timeout: Duration::from_secs(config.greeting_timeout_s.into()),
        clock,
        hall,
        doorway: Arc::new(Mutex::new(Doorway::new(limits))),
    });
    let hall = Hall::new(rooms, codes, clock, events, media.commands, media.acks, media.figures);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .thread_name("control")
        .enable_all()
        .build()
        .map_err(system("the control threads cannot start"))?;

    let _note = RuntimeFile::write(&state_dir, control);
    introduce(&keys, control, media_address);
    let announcement = config.announce.then(|| {
        let identity = keys.identity.peer();
        announce::announce(&config.name, identity, config.listen, control.port(), media_address.port())
    });
    let announcement = announcement.flatten();
    let result = runtime.block_on(serve(listener, hall, reception));
    if let Some(announcement) = announcement {
        announcement.withdraw();
    }
    runtime.shutdown_background();
    if media.thread.join().is_err() {
        log::error!("the media thread panicked");
    }
    log::info!("the relay has stopped");
    result
}

/// Says on standard output where the relay listens, and in the log who it is and how it is reached.
fn introduce(keys: &keys::Keys, control: SocketAddr, media: SocketAddr) {
    // For scripts that chose port 0. Nobody has to listen.
    let _ = writeln!(std::io::stdout(), "listening control={control} media={media}");
    let peer = keys.identity.peer();
    if keys.fresh {
        log::info!("this is the relay's first start: its identity key has been made");
    }
    log::info!(relay:% = peer; "this relay is \"{}\"", words(&peer));
    for address in addresses(control.ip()) {
        let control = SocketAddr::new(address, control.port());
        log::info!("kiosks reach it at {control}, media at UDP port {}", media.port());
    }
}

/// The fingerprint words as people compare them.
pub(super) fn words(peer: &PeerId) -> String {
    fingerprint_words(peer).join(" ")
}

/// The machine's addresses behind a listener's.
fn addresses(listener: IpAddr) -> Vec<IpAddr> {
    if !listener.is_unspecified() {
        return vec![listener];
    }
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    let usable = |ip: &IpAddr| {
        let link_local = matches!(ip, IpAddr::V6(v6) if v6.is_unicast_link_local());
        !ip.is_loopback() && !link_local && (listener.is_ipv6() || ip.is_ipv4())
    };
    let mut found: Vec<IpAddr> = interfaces.iter().map(|interface| interface.ip()).filter(usable).collect();
    found.sort_unstable();
    found.dedup();
    found
}

async fn serve(listener: TcpListener, hall: Hall, reception: Arc<Reception>) -> Result<(), Fatal> {
    let listener = tokio::net::TcpListener::from_std(listener)
        .map_err(|error| Fatal::System("the control socket cannot be used", error))?;
    let (stop, stopped) = oneshot::channel();
    let stop_signal = service::asked_to_stop();
    let mut hall = tokio::spawn(hall.run(stopped));
    let accepting = tokio::spawn(reception::accept(listener, reception.clone()));
    service::ready("kiosks can connect");
    let result = tokio::select! {
        signal = stop_signal => {
            log::info!("{signal}: the relay stops");
            Ok(())
        }
        _ = &mut hall => Err(Fatal::MediaEnded),
    };
    service::stopping();
    accepting.abort();
    if result.is_ok() {
        let _ = stop.send(());
        let _ = hall.await;
    }
    let deadline = Instant::now() + GOODBYE;
    let greeted = || {
        let (total, ungreeted) = reception.doorway().count();
        total - ungreeted
    };
    while greeted() > 0 && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    if greeted() > 0 {
        log::info!("{} kiosks did not hear that the relay stops", greeted());
    }
    result
}
