//! The media thread: one operating system thread around [`Forwarding`], with the UDP socket and nothing of the control
//! half but a queue of commands. It takes no lock, so nothing that happens to a meeting can hold up its sound.

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;

use quinn_udp::{EcnCodepoint, RecvMeta, UdpSockRef, UdpSocketState};
use tokio::io::Interest;
use tokio::sync::mpsc;
use tokio::time::{sleep_until, timeout};
use vestibule_common::id::SessionId;
use vestibule_common::seal::{HopSecrets, Suite};
use vestibule_common::time::{Duration, Time};
use vestibule_common::wire::Ecn;

use super::clock::{Clock, wall};
use super::gso::BackOff;
use crate::forwarding::{Counters, Forwarding, Path};
use crate::route::{AckId, RouteChange};

/// What the control half asks for, in order.
pub(super) enum Command {
    /// A kiosk has greeted.
    Open { session: SessionId, suite: Suite, secrets: Box<HopSecrets> },
    /// Its connection is closed.
    Close(SessionId),
    /// Who sends to whom.
    Route(RouteChange),
}

/// Commands that wait for the media thread.
const COMMANDS: usize = 256;
/// Receive calls handled together; each can give the 64 datagrams that GRO joins at most.
const BATCH: usize = 8;
/// Bytes that one receive call can give.
const BUFFER: usize = 64 * 1024;
/// Batches in a row before commands are looked at again.
const ROUNDS: usize = 4;
/// How long a full socket is waited for before a transmit is dropped.
const SEND_PATIENCE: Duration = Duration::from_millis(2);
/// How often the thread shows that it lives.
const HEARTBEAT: Duration = Duration::from_millis(500);

/// The media thread as the control half sees it.
pub(super) struct Media {
    /// Takes commands.
    pub(super) commands: mpsc::Sender<Command>,
    /// Confirms revocations.
    pub(super) acks: mpsc::Receiver<AckId>,
    /// What it counts.
    pub(super) figures: Arc<Figures>,
    /// Ends when `commands` is gone.
    pub(super) thread: JoinHandle<()>,
}

/// What the media thread has counted; others only read.
pub(super) struct Figures {
    counters: [AtomicU64; Counters::COUNT],
    send_failed: AtomicU64,
    heartbeat: AtomicU64,
}

impl Default for Figures {
    fn default() -> Figures {
        Figures {
            counters: std::array::from_fn(|_| AtomicU64::new(0)),
            send_failed: AtomicU64::new(0),
            heartbeat: AtomicU64::new(0),
        }
    }
}

impl Figures {
    /// Every count of the forwarding with its name, and `send_failed`: transmits that the system refused.
    pub(super) fn named(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        let names = Counters::default().named().map(|(name, _)| name);
        let values = self.counters.iter().map(|count| count.load(Ordering::Relaxed));
        names.into_iter().zip(values).chain([("send_failed", self.send_failed.load(Ordering::Relaxed))])
    }

    /// When the thread last went round.
    pub(super) fn heartbeat(&self) -> Time {
        Time::from_micros(self.heartbeat.load(Ordering::Relaxed))
    }

    fn publish(&self, counters: &Counters, now: Time) {
        for (place, (_, value)) in self.counters.iter().zip(counters.named()) {
            place.store(value, Ordering::Relaxed);
        }
        self.heartbeat.store(now.as_micros(), Ordering::Relaxed);
    }
}

/// Starts the thread on a bound, non-blocking socket.
pub(super) fn start(socket: UdpSocket, clock: Clock) -> io::Result<Media> {
    let any_address = socket.local_addr()?.ip().is_unspecified();
    let (commands, inbound) = mpsc::channel(COMMANDS);
    let (confirm, acks) = mpsc::channel(COMMANDS);
    let figures = Arc::new(Figures::default());
    let state = UdpSocketState::new(UdpSockRef::from(&socket))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let shared = figures.clone();
    let thread = std::thread::Builder::new().name("media".into()).spawn(move || {
        let run = async move {
            let socket = match tokio::net::UdpSocket::from_std(socket) {
                Ok(socket) => socket,
                Err(error) => {
                    log::error!("the media socket cannot be used: {error}");
                    return;
                }
            };
            let gso = state.max_gso_segments();
            log::debug!("GSO joins up to {gso} datagrams, GRO up to {}", state.gro_segments());
            let mut forwarding = Forwarding::new();
            forwarding.set_max_segments(gso);
            let buffers = vec![0; BATCH * BUFFER].into_boxed_slice();
            let gso_back_off = BackOff::new();
            let mut media = Loop {
                forwarding,
                socket,
                state,
                gso,
                gso_back_off,
                any_address,
                clock,
                buffers,
                figures: shared,
            };
            media.run(inbound, confirm).await;
        };
        runtime.block_on(run);
    })?;
    Ok(Media { commands, acks, figures, thread })
}

struct Loop {
    forwarding: Forwarding,
    socket: tokio::net::UdpSocket,
    state: UdpSocketState,
    /// Segments that the system took at first.
    gso: usize,
    /// When to try again while it takes fewer.
    gso_back_off: BackOff,
    any_address: bool,
    clock: Clock,
    buffers: Box<[u8]>,
    figures: Arc<Figures>,
}

impl Loop {
    async fn run(&mut self, mut commands: mpsc::Receiver<Command>, confirm: mpsc::Sender<AckId>) {
        let mut is_open = true;
        while is_open {
            let now = self.clock.now();
            self.figures.publish(self.forwarding.counters(), now);
            self.follow_gso(now);
            if self.forwarding.poll_timeout().is_some_and(|due| due <= now) {
                self.forwarding.handle_timeout(now);
                self.send().await;
            }
            let wake = (now + HEARTBEAT).min(self.forwarding.poll_timeout().unwrap_or(Time::MAX));
            tokio::select! {
                biased;
                command = next_command(&mut commands, &confirm) => match command {
                    Some((command, permit)) => {
                        if let Some(ack) = apply(&mut self.forwarding, command) {
                            permit.send(ack);
                        }
                    }
                    None => is_open = false,
                },
                ready = self.socket.readable() => {
                    if let Err(error) = ready {
                        log::error!("the media socket failed: {error}");
                    }
                    for _ in 0..ROUNDS {
                        let more = self.receive();
                        self.send().await;
                        if !more || !commands.is_empty() {
                            break;
                        }
                    }
                }
                () = sleep_until(self.clock.instant(wake)) => {}
            }
        }
    }

    /// Takes one batch from the socket; `false` when there was nothing.
    fn receive(&mut self) -> bool {
        let mut metas = [RecvMeta::default(); BATCH];
        let received = {
            let mut chunks = self.buffers.chunks_exact_mut(BUFFER);
            let mut slices: [IoSliceMut<'_>; BATCH] =
                std::array::from_fn(|_| IoSliceMut::new(chunks.next().expect("there are BATCH buffers")));
            let (socket, state) = (&self.socket, &self.state);
            socket.try_io(Interest::READABLE, || state.recv(socket.into(), &mut slices, &mut metas))
        };
        let count = match received {
            Ok(count) => count,
            Err(error) => {
                // A kiosk that is gone answers with ICMP errors on some systems; the next call goes on.
                if error.kind() != io::ErrorKind::WouldBlock {
                    log::debug!("receiving media: {error}");
                }
                return false;
            }
        };
        let (now, wall) = (self.clock.now(), wall());
        for (meta, buffer) in metas[..count].iter().zip(self.buffers.chunks_exact_mut(BUFFER)) {
            let local = meta.dst_ip.filter(|ip| self.any_address && is_unicast(*ip));
            let from = Path { remote: meta.addr, local };
            let arrived = Clock::arrival(meta.timestamp, wall, now);
            let ecn = meta.ecn.map_or(Ecn::NotEct, |mark| Ecn::from_bits(mark as u8));
            self.forwarding.handle_batch(buffer, meta.stride, meta.len, from, ecn, arrived);
        }
        true
    }

    /// Sends everything that waits.
    async fn send(&mut self) {
        loop {
            let now = self.clock.now();
            self.follow_gso(now);
            let Some(transmit) = self.forwarding.next_transmit(now) else { break };
            let transmit = quinn_udp::Transmit {
                destination: transmit.to.remote,
                ecn: Some(EcnCodepoint::Ect0),
                contents: transmit.bytes,
                segment_size: Some(transmit.segment_size),
                src_ip: transmit.to.local,
            };
            if let Err(error) = send_or_split(&self.socket, &self.state, &transmit).await {
                self.figures.send_failed.fetch_add(1, Ordering::Relaxed);
                log::debug!("media for {} not sent: {error}", transmit.destination);
            }
        }
    }

    /// Follows what the system can do, and tries GSO again a while after it was refused.
    fn follow_gso(&mut self, now: Time) {
        let possible = self.state.max_gso_segments();
        if possible >= self.gso {
            return;
        }
        self.forwarding.set_max_segments(possible);
        if self.gso_back_off.is_due(now)
            && let Ok(state) = UdpSocketState::new(UdpSockRef::from(&self.socket))
        {
            self.forwarding.set_max_segments(state.max_gso_segments());
            self.state = state;
        }
    }
}

/// Sends a transmit; one datagram after the other if the system cannot take several at once, which this call may have
/// found out.
async fn send_or_split(
    socket: &tokio::net::UdpSocket,
    state: &UdpSocketState,
    transmit: &quinn_udp::Transmit<'_>,
) -> io::Result<()> {
    let sent = send_patiently(socket, state, transmit).await;
    let segment = transmit.segment_size.unwrap_or(transmit.contents.len());
    if sent.is_ok() || transmit.contents.len() <= segment || state.max_gso_segments() > 1 {
        return sent;
    }
    for contents in transmit.contents.chunks(segment) {
        let one = quinn_udp::Transmit {
            destination: transmit.destination,
            ecn: transmit.ecn,
            contents,
            segment_size: None,
            src_ip: transmit.src_ip,
        };
        send_patiently(socket, state, &one).await?;
    }
    Ok(())
}

/// Waits a little if the socket is full.
async fn send_patiently(
    socket: &tokio::net::UdpSocket,
    state: &UdpSocketState,
    transmit: &quinn_udp::Transmit<'_>,
) -> io::Result<()> {
    let attempt = || socket.try_io(Interest::WRITABLE, || state.try_send(socket.into(), transmit));
    match attempt() {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
            match timeout(SEND_PATIENCE, socket.writable()).await {
                Ok(Ok(())) => attempt(),
                Ok(Err(error)) => Err(error),
                Err(_) => Err(error),
            }
        }
        sent => sent,
    }
}

/// The next command, once its acknowledgement would have room: the control half then never waits for us while we wait
/// for it. `None` when the control half is gone.
async fn next_command<'a>(
    commands: &mut mpsc::Receiver<Command>,
    confirm: &'a mpsc::Sender<AckId>,
) -> Option<(Command, mpsc::Permit<'a, AckId>)> {
    let permit = confirm.reserve().await.ok()?;
    Some((commands.recv().await?, permit))
}

fn apply(forwarding: &mut Forwarding, command: Command) -> Option<AckId> {
    match command {
        Command::Open { session, suite, secrets } => {
            if !forwarding.open_session(session, suite, &secrets) {
                log::warn!("no media for another session: {} are open", Forwarding::MAX_SESSIONS);
            }
            None
        }
        Command::Close(session) => {
            forwarding.close_session(session);
            None
        }
        Command::Route(change) => forwarding.handle_route_change(change),
    }
}

fn is_unicast(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(v4) => !v4.is_multicast() && !v4.is_broadcast() && !v4.is_unspecified(),
        IpAddr::V6(v6) => !v6.is_multicast() && !v6.is_unspecified(),
    }
}
