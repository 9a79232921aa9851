//! The control connection's tasks: one connects and reads, one writes. The room's loop hears [`LinkEvent`]s.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, interval, timeout};
use vestibule_common::control::{Ask, ToKiosk, ToRelay, Welcome};
use vestibule_common::id::PeerId;
use vestibule_common::identity::Identity;
use vestibule_common::name::RoomName;
use vestibule_common::seal::HopSecrets;

use super::control::{self, AskWriter, ConnectError, Greeted, Place, TellReader};
use crate::device::clock::Clock;

/// Requests that may wait for the network; more means that it is gone.
const MAX_WAITING: usize = 256;
/// How often the relay is asked for its clock, so that both ends know that the connection lives.
const TIME_EVERY: Duration = Duration::from_secs(4);
/// The number of those requests; the room's own count from 1.
const TIME_REQUEST: u32 = u32::MAX;
/// A relay that says nothing for this long, not even its clock, is gone.
const SILENCE_LIMIT: Duration = Duration::from_secs(12);

/// What a link says.
pub(super) enum LinkEvent {
    /// The greeting is over.
    Up {
        /// The relay's words.
        welcome: Box<Welcome>,
        /// The address that answered.
        address: SocketAddr,
        /// Keys for media.
        secrets: HopSecrets,
    },
    /// A message that is no greeting and no answer to a keep-alive.
    Message(ToKiosk),
    /// It is over, or never was.
    Down(ConnectError),
}

/// A connection, or the attempt at one. Dropping it ends it.
pub(super) struct ControlLink {
    asks: mpsc::Sender<ToRelay>,
    task: JoinHandle<()>,
}

impl ControlLink {
    /// Starts connecting. Events carry `generation`, so that those of an older link can be told apart.
    pub(super) fn start(
        generation: u64,
        places: Vec<Place>,
        expected: PeerId,
        me: Arc<Identity>,
        name: RoomName,
        clock: Clock,
        events: mpsc::Sender<(u64, LinkEvent)>,
    ) -> ControlLink {
        let (asks, queue) = mpsc::channel(MAX_WAITING);
        let task = tokio::spawn(async move {
            let end = match control::connect(&places, expected, &me, &name).await {
                Ok(Greeted { welcome, address, secrets, reader, writer }) => {
                    let up = LinkEvent::Up { welcome: Box::new(welcome), address, secrets };
                    if events.send((generation, up)).await.is_err() {
                        return;
                    }
                    let end = tokio::select! {
                        end = write(writer, queue, clock) => end,
                        end = read(reader, generation, &events) => end,
                    };
                    ConnectError::Unreachable(end.to_string())
                }
                Err(error) => error,
            };
            // Nobody listens any more: the program ends.
            drop(events.send((generation, LinkEvent::Down(end))).await);
        });
        ControlLink { asks, task }
    }

    /// Sends a request; `false` when the connection cannot take it.
    pub(super) fn send(&self, ask: ToRelay) -> bool {
        self.asks.try_send(ask).is_ok()
    }
}

impl Drop for ControlLink {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn write(mut writer: AskWriter, mut queue: mpsc::Receiver<ToRelay>, clock: Clock) -> std::io::Error {
    let mut alive = interval(TIME_EVERY);
    loop {
        let ask = tokio::select! {
            ask = queue.recv() => match ask {
                Some(ask) => ask,
                None => std::future::pending().await,
            },
            _ = alive.tick() => {
                ToRelay { request: TIME_REQUEST, body: Ask::Time { sent_us: clock.now().as_micros() } }
            }
        };
        if let Err(error) = writer.send(&ask).await {
            return error;
        }
    }
}

async fn read(
    mut reader: TellReader,
    generation: u64,
    events: &mpsc::Sender<(u64, LinkEvent)>,
) -> std::io::Error {
    let mut heard = Instant::now();
    loop {
        let left = SILENCE_LIMIT.saturating_sub(heard.elapsed());
        let tell = match timeout(left, reader.next()).await {
            Ok(Ok(tell)) => tell,
            Ok(Err(error)) => return error,
            Err(_) => return std::io::Error::other("the relay has gone silent"),
        };
        heard = Instant::now();
        if tell.re == Some(TIME_REQUEST) {
            continue;
        }
        if events.send((generation, LinkEvent::Message(tell))).await.is_err() {
            return std::io::Error::other("nobody listens");
        }
    }
}
