//! Senders and receivers for the relay's figures: every sender sends what a kiosk sends, on its own clock; every
//! receiver takes what a kiosk takes, several datagrams a call, joined by GRO: when it is woken, as a kiosk, or every millisecond. What came
//! sealed is reported as a kiosk reports it: each datagram twice, twenty times a second.

use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::{self, IoSliceMut};
use std::net::{SocketAddr, UdpSocket};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use quinn_udp::{RecvMeta, Transmit, UdpSockRef, UdpSocketState};
use tokio::io::Interest;
use vestibule_common::bandwidth::Arrivals;
use vestibule_common::control::Streams;
use vestibule_common::seal::{Opener, Sealer};
use vestibule_common::time::Time;
use vestibule_common::wire::{
    AudioLevel, Ecn, HOP_HEADER, HopHeader, Kind, Layer, MAX_BODY, MAX_PAYLOAD, MediaFlags, MediaHeader, TAG,
};

/// Pieces of a frame, and how long each is on the wire.
pub const PIECES: u16 = 4;
/// Bytes of a datagram with the largest piece of a frame that the relay takes for one.
pub const VIDEO: usize = HOP_HEADER + MEDIA_HEADER + MAX_PAYLOAD + TAG;
/// Bytes of a datagram with 10 ms of sound: 480 samples of 16 bits, headers and seal.
pub const AUDIO: usize = HOP_HEADER + MEDIA_HEADER + 960 + TAG;
/// Bytes of a [`MediaHeader`] without extensions.
const MEDIA_HEADER: usize = 27;
const FRAME_TIME: Duration = Duration::from_nanos(1_000_000_000 / 30);
const PERIOD_TIME: Duration = Duration::from_millis(10);
/// How often it is looked whether a report is due.
const REPORT_TIME: Duration = Duration::from_millis(50);
/// One datagram of this many is opened, verified and its delay taken.
const SAMPLE: u64 = 100;
/// Receive buffers of 64 KiB.
const BATCH: usize = 8;
/// What a receiver's socket may hold.
const SOCKET_BUFFER: usize = 4 << 20;

/// One client's media half.
pub struct Endpoint {
    /// Sends and receives; non-blocking.
    pub socket: UdpSocket,
    /// Seals what is sent and opens what is received; without it nothing is sealed.
    pub keys: Option<(Sealer, Opener)>,
    /// What came of what is sealed.
    pub arrivals: Reported,
    /// What it sends; nothing if it only receives.
    pub sends: Option<Streams>,
    /// What is as large as sound goes on its sound's stream; otherwise on its presentation's, as a relay passes on few rooms' sound.
    pub speaks: bool,
    /// Where to, unless the relay knows.
    pub to: SocketAddr,
    /// How many get what it sends.
    pub receivers: u64,
}

/// What is to be reported, of one endpoint in all its runs.
pub type Reported = Arc<Mutex<Arrivals>>;

fn lock(reported: &Reported) -> MutexGuard<'_, Arrivals> {
    reported.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The clock of reports, the same in all runs.
fn now() -> Time {
    static BEGAN: OnceLock<Instant> = OnceLock::new();
    Time::ZERO + BEGAN.get_or_init(Instant::now).elapsed()
}

/// What came of a run.
#[derive(Clone, Default, Debug)]
pub struct Outcome {
    /// Datagrams that should have been received.
    pub expected: u64,
    /// Datagrams that were.
    pub received: u64,
    /// Of one in a hundred: from the send call to the receive call, in microseconds.
    pub delays_us: Vec<f64>,
    /// Datagrams that did not open; none may.
    pub refused: u64,
}

impl Outcome {
    /// The part that got lost.
    pub fn loss(&self) -> f64 {
        1.0 - self.received as f64 / self.expected.max(1) as f64
    }
}

/// Lets the endpoints send for `span`; `watch` is called when sending begins and when everything has arrived.
///
/// Errors: the system's.
pub fn run(
    endpoints: &mut [Endpoint],
    span: Duration,
    look: Look,
    mut watch: impl FnMut(),
) -> io::Result<Outcome> {
    let epoch = Instant::now();
    let over = Arc::new(AtomicBool::new(false));
    let mut senders = Vec::new();
    let mut receivers = Vec::new();
    for endpoint in endpoints.iter_mut() {
        let socket = endpoint.socket.try_clone()?;
        let (sealer, opener) = endpoint.keys.take().map_or((None, None), |(s, o)| (Some(s), Some(o)));
        receivers.push((socket, opener, endpoint.arrivals.clone()));
        senders.push(Sender::new(endpoint, sealer, epoch)?);
    }
    let ends = over.clone();
    let receiving = thread::spawn(move || receive(receivers, look, epoch, &ends));
    watch();
    let expected = send(&mut senders, epoch, span);
    thread::sleep(Duration::from_millis(100));
    watch();
    over.store(true, Ordering::Release);
    let (mut outcome, openers) = receiving.join().map_err(|_| io::Error::other("receiving failed"))??;
    outcome.expected = expected?;
    for ((endpoint, sender), opener) in endpoints.iter_mut().zip(senders).zip(openers) {
        endpoint.keys = sender.sealer.zip(opener);
    }
    Ok(outcome)
}

struct Sender {
    socket: UdpSocket,
    state: UdpSocketState,
    sealer: Option<Sealer>,
    arrivals: Reported,
    sends: Option<Streams>,
    speaks: bool,
    to: SocketAddr,
    receivers: u64,
    /// Numbers of the next period and the next frame.
    next: [u32; 2],
    batch: Vec<u8>,
    epoch: Instant,
}

impl Sender {
    fn new(endpoint: &Endpoint, sealer: Option<Sealer>, epoch: Instant) -> io::Result<Sender> {
        let socket = endpoint.socket.try_clone()?;
        let state = UdpSocketState::new(UdpSockRef::from(&socket))?;
        let Endpoint { sends, speaks, to, receivers, .. } = *endpoint;
        // Another run of the same endpoint must not repeat frame numbers.
        let first = (epoch.elapsed().as_nanos() as u32)
            ^ sealer.as_ref().map_or(0, |_| NUMBERS.fetch_add(1 << 20, Ordering::Relaxed));
        Ok(Sender {
            socket,
            state,
            sealer,
            arrivals: endpoint.arrivals.clone(),
            sends,
            speaks,
            to,
            receivers,
            next: [first; 2],
            batch: Vec::new(),
            epoch,
        })
    }

    /// Reports what has come.
    fn report(&mut self) -> io::Result<()> {
        let Some(sealer) = &mut self.sealer else { return Ok(()) };
        while let Some(report) = lock(&self.arrivals).next_report(now()) {
            let mut datagram = [0; HOP_HEADER + MAX_BODY + TAG];
            let body = report.emit(&mut datagram[HOP_HEADER..]);
            let len = body.map_err(|error| io::Error::other(error.to_string()))?;
            let datagram = &mut datagram[..HOP_HEADER + len + TAG];
            sealer.seal(datagram, len);
            match self.socket.send_to(datagram, self.to) {
                Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(error),
                Ok(_) | Err(_) => {}
            }
        }
        Ok(())
    }

    /// Sends a period of sound (0) or a frame (1) in one call; how many datagrams.
    fn send(&mut self, what: usize) -> io::Result<u64> {
        let Some(streams) = self.sends else { return Ok(0) };
        let (kind, stream, pieces, size) = match what {
            0 if self.speaks => (Kind::Audio, streams.audio, 1, AUDIO),
            0 => (Kind::Presentation, streams.presentation, 1, AUDIO),
            _ => (Kind::Video, streams.video, PIECES, VIDEO),
        };
        let frame = self.next[what];
        self.next[what] = frame.wrapping_add(1);
        self.batch.resize(size * usize::from(pieces), 0);
        for (piece, datagram) in (0..pieces).zip(self.batch.chunks_exact_mut(size)) {
            let len = size - HOP_HEADER - TAG;
            let body = &mut datagram[HOP_HEADER..HOP_HEADER + len];
            let header = MediaHeader {
                kind,
                stream,
                layer: Layer::default(),
                flags: MediaFlags { end_of_frame: piece + 1 == pieces, ..Default::default() },
                frame,
                reference_distance: u16::from(kind != Kind::Audio),
                piece,
                pieces,
                captured: Time::ZERO,
                level: AudioLevel::SILENT,
                stages: None,
            };
            header.emit(body).map_err(|error| io::Error::other(error.to_string()))?;
            let sent = self.epoch.elapsed().as_nanos() as u64;
            match &mut self.sealer {
                Some(sealer) => {
                    body[len - 8..].copy_from_slice(&sent.to_be_bytes());
                    sealer.seal(datagram, len);
                }
                None => datagram[size - 8..].copy_from_slice(&sent.to_be_bytes()),
            }
        }
        let transmit = Transmit {
            destination: self.to,
            ecn: None,
            contents: &self.batch,
            segment_size: Some(size),
            src_ip: None,
        };
        match self.state.try_send(UdpSockRef::from(&self.socket), &transmit) {
            Ok(()) => Ok(u64::from(pieces)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
            Err(error) => Err(error),
        }
    }
}

static NUMBERS: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(1);

/// Sends on every sender's own clock until `span` is over; how many datagrams should arrive.
fn send(senders: &mut [Sender], epoch: Instant, span: Duration) -> io::Result<u64> {
    let begin = epoch.elapsed();
    let mut due = BinaryHeap::new();
    for (n, sender) in senders.iter().enumerate().filter(|(_, sender)| sender.sends.is_some()) {
        // Spread by the golden ratio: no two at the same moment, and the same in every run.
        let part = |salt: f64| ((n as f64 + salt) * 0.618_033_988_749).fract();
        due.push(Reverse((begin + PERIOD_TIME.mul_f64(part(0.0)), n, 0)));
        due.push(Reverse((begin + FRAME_TIME.mul_f64(part(0.5)), n, 1)));
        debug_assert!(sender.receivers > 0);
    }
    for n in 0..senders.len() {
        due.push(Reverse((begin + REPORT_TIME.mul_f64((n as f64 * 0.618_033_988_749).fract()), n, 2)));
    }
    let mut expected = 0;
    while let Some(Reverse((when, n, what))) = due.pop() {
        if when - begin > span {
            break;
        }
        if let Some(left) = when.checked_sub(epoch.elapsed()) {
            thread::sleep(left);
        }
        if what == 2 {
            senders[n].report()?;
        } else {
            expected += senders[n].send(what)? * senders[n].receivers;
        }
        let pause = [PERIOD_TIME, FRAME_TIME, REPORT_TIME][what];
        due.push(Reverse((when + pause, n, what)));
    }
    Ok(expected)
}

/// When receivers look.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Look {
    /// As soon as the system wakes them: for delays.
    Woken,
    /// Every millisecond: for processor time. Waking a receiver is charged to the process that sends if both are on one
    /// machine, which a relay and its kiosks are not.
    Often,
}

/// What all receivers share.
struct Hall {
    outcome: Outcome,
    buffers: Vec<u8>,
    epoch: Instant,
}

/// One receiver.
struct Desk {
    state: UdpSocketState,
    opener: Option<Opener>,
    arrivals: Reported,
    count: u64,
}

type Receivers = Vec<(UdpSocket, Option<Opener>, Reported)>;

/// Receives until `over`; gives the openers back.
fn receive(
    receivers: Receivers,
    look: Look,
    epoch: Instant,
    over: &AtomicBool,
) -> io::Result<(Outcome, Vec<Option<Opener>>)> {
    let hall = Hall { outcome: Outcome::default(), buffers: vec![0; BATCH << 16], epoch };
    let desks = receivers.into_iter().map(|(socket, opener, arrivals)| {
        let state = UdpSocketState::new(UdpSockRef::from(&socket))?;
        // Refused by some systems; the loss that follows is counted.
        let _ = state.set_recv_buffer_size(UdpSockRef::from(&socket), SOCKET_BUFFER);
        Ok((socket, Desk { state, opener, arrivals, count: 0 }))
    });
    let desks = desks.collect::<io::Result<Vec<_>>>()?;
    match look {
        Look::Often => Ok(look_often(hall, desks, over)),
        Look::Woken => be_woken(hall, desks, over),
    }
}

fn look_often(
    mut hall: Hall,
    mut desks: Vec<(UdpSocket, Desk)>,
    over: &AtomicBool,
) -> (Outcome, Vec<Option<Opener>>) {
    while !over.load(Ordering::Acquire) {
        for (socket, desk) in &mut desks {
            while desk.take(&mut hall, UdpSockRef::from(&*socket)).is_ok() {}
        }
        thread::sleep(Duration::from_millis(1));
    }
    (hall.outcome, desks.into_iter().map(|(_, desk)| desk.opener).collect())
}

fn be_woken(
    hall: Hall,
    desks: Vec<(UdpSocket, Desk)>,
    over: &AtomicBool,
) -> io::Result<(Outcome, Vec<Option<Opener>>)> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let local = tokio::task::LocalSet::new();
    let hall = Rc::new(RefCell::new(hall));
    let shared = hall.clone();
    let openers = local.block_on(&runtime, async move {
        let mut tasks = Vec::new();
        for (socket, desk) in desks {
            let (desk, hall) = (Rc::new(RefCell::new(desk)), shared.clone());
            let theirs = desk.clone();
            let serve = async move {
                let socket = tokio::net::UdpSocket::from_std(socket)?;
                loop {
                    socket.readable().await?;
                    // Nothing there after all: it waits again.
                    let _ = socket.try_io(Interest::READABLE, || {
                        theirs.borrow_mut().take(&mut hall.borrow_mut(), UdpSockRef::from(&socket))
                    });
                }
            };
            tasks.push((tokio::task::spawn_local(serve), desk));
        }
        while !over.load(Ordering::Acquire) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let stop = |(task, desk): (tokio::task::JoinHandle<io::Result<()>>, Rc<RefCell<Desk>>)| {
            task.abort();
            desk.borrow_mut().opener.take()
        };
        tasks.into_iter().map(stop).collect::<Vec<_>>()
    });
    let outcome = hall.borrow().outcome.clone();
    Ok((outcome, openers))
}

impl Desk {
    /// Takes what one receive call gives.
    ///
    /// Errors: the system's; `WouldBlock` when nothing is there.
    fn take(&mut self, hall: &mut Hall, socket: UdpSockRef<'_>) -> io::Result<()> {
        let Hall { outcome, buffers, epoch } = hall;
        let mut metas = [RecvMeta::default(); BATCH];
        let received = {
            let mut chunks = buffers.chunks_exact_mut(1 << 16);
            let mut slices: [IoSliceMut<'_>; BATCH] =
                std::array::from_fn(|_| IoSliceMut::new(chunks.next().expect("there are BATCH buffers")));
            self.state.recv(socket, &mut slices, &mut metas)?
        };
        let (at, now) = (now(), epoch.elapsed().as_nanos() as u64);
        let mut arrivals = self.opener.is_some().then(|| lock(&self.arrivals));
        for (meta, buffer) in metas[..received].iter().zip(buffers.chunks_exact_mut(1 << 16)) {
            for datagram in buffer[..meta.len].chunks_mut(meta.stride.max(1)) {
                if let (Some(arrivals), Ok(header)) = (&mut arrivals, HopHeader::parse(datagram)) {
                    // No run is so long that numbers begin again.
                    arrivals.handle_arrival(u64::from(header.packet), Ecn::NotEct, at);
                }
                // The relay's own, like answers to time requests, are smaller.
                if datagram.len() < AUDIO {
                    continue;
                }
                outcome.received += 1;
                self.count += 1;
                if !self.count.is_multiple_of(SAMPLE) {
                    continue;
                }
                let sent = match &mut self.opener {
                    Some(opener) => match opener.open(datagram) {
                        Ok(opened) => last_eight(opened.body),
                        Err(_) => {
                            outcome.refused += 1;
                            continue;
                        }
                    },
                    None => last_eight(datagram),
                };
                outcome.delays_us.push(now.saturating_sub(sent) as f64 / 1000.0);
            }
        }
        Ok(())
    }
}

fn last_eight(bytes: &[u8]) -> u64 {
    bytes.last_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes))
}

/// Receives while `during` runs, looking often; what it gives comes back.
///
/// Errors: the system's.
pub fn run_receivers<T>(endpoints: &mut [Endpoint], during: impl FnOnce() -> T) -> io::Result<(Outcome, T)> {
    let over = Arc::new(AtomicBool::new(false));
    let mut receivers = Vec::new();
    for endpoint in endpoints.iter() {
        receivers.push((endpoint.socket.try_clone()?, None, endpoint.arrivals.clone()));
    }
    let (ends, epoch) = (over.clone(), Instant::now());
    let receiving = thread::spawn(move || receive(receivers, Look::Often, epoch, &ends));
    let given = during();
    thread::sleep(Duration::from_millis(100));
    over.store(true, Ordering::Release);
    let (outcome, _) = receiving.join().map_err(|_| io::Error::other("receiving failed"))??;
    Ok((outcome, given))
}
