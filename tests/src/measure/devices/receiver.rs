//! An independent receiver of a room's sound and pictures: the tests' own client, which opens every datagram that the relay
//! hands it and writes down when it came and what its header says.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;
use vestibule_common::control::{Ask, Streams, Tell};
use vestibule_common::id::RoomCode;
use vestibule_common::identity::Identity;
use vestibule_common::wire::{Kind, MediaHeader};
use vestibule_kiosk::device::clock::Clock;

use crate::client::{Client, MediaClient, streams_of};
use crate::programs::{Kiosk, Relay};
use crate::rooms;

/// How often it says something, or the relay would close its connection.
const KEEP: Duration = Duration::from_secs(10);
/// How long it waits for a datagram before it looks whether it is still wanted.
const LOOK: Duration = Duration::from_millis(200);

/// One datagram of the host's.
#[derive(Copy, Clone, Debug)]
pub(super) struct Heard {
    /// When it came, in microseconds of `CLOCK_MONOTONIC`.
    pub at_us: u64,
    /// When its first sample or its picture was captured, in microseconds of the sender's clock.
    pub captured_us: u64,
    /// What it is.
    pub what: What,
}

/// What a datagram has.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum What {
    /// A period of sound.
    Sound,
    /// The first piece of a picture that took so many microseconds from the sensor to the encoder's end.
    Picture {
        /// The sender says so.
        encoded_after_us: u32,
    },
}

/// The receiver; leaves when dropped.
pub(super) struct Receiver {
    heard: Arc<Mutex<Vec<Heard>>>,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Receiver {
    /// Knocks at the host's meeting, is let in by its button, and listens to it from then on.
    ///
    /// Errors: what did not happen.
    pub(super) fn join(relay: &Relay, host: &mut Kiosk) -> Result<Receiver, String> {
        let fault = |error: std::io::Error| error.to_string();
        let code: RoomCode = rooms::code(host)?.parse().map_err(|_| "the meeting's code is no code")?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(fault)?;
        let connecting = Client::connect_as(relay.control, relay.key, Identity::from_seed(&[7; 32]), None);
        let mut client = runtime.block_on(connecting).map_err(fault)?;
        let hello = client.hello("Receiver");
        runtime.block_on(client.greet(hello));
        match runtime.block_on(client.ask(Ask::Knock { code })) {
            Tell::Knocking { .. } => {}
            other => return Err(format!("the receiver's knock: {other:?}")),
        }
        rooms::approve(host)?;
        let entered = runtime.block_on(async {
            loop {
                if let Tell::Entered(entered) = client.news().await.body {
                    return *entered;
                }
            }
        });
        let member = entered.members.iter().find(|member| member.name.as_str() == host.name);
        let member = member.ok_or_else(|| format!("{} is no member", host.name))?.id();
        let streams = streams_of(&entered, member);
        let media = runtime.block_on(async {
            let mut media = client.media_at(relay.media).await;
            media.show_address().await;
            media
        });
        let heard = Arc::<Mutex<Vec<Heard>>>::default();
        let over = Arc::<AtomicBool>::default();
        let listening = Listening { client, media, streams, heard: heard.clone(), over: over.clone() };
        let thread = thread::spawn(move || listening.run(&runtime));
        Ok(Receiver { heard, over, thread: Some(thread) })
    }

    /// What came since the last call.
    pub(super) fn take(&self) -> Vec<Heard> {
        std::mem::take(&mut *self.heard.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Release);
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            eprintln!("the independent receiver failed");
        }
    }
}

struct Listening {
    client: Client,
    media: MediaClient,
    streams: Streams,
    heard: Arc<Mutex<Vec<Heard>>>,
    over: Arc<AtomicBool>,
}

impl Listening {
    fn run(mut self, runtime: &Runtime) {
        let clock = Clock::start();
        let mut kept = Instant::now();
        runtime.block_on(async {
            while !self.over.load(Ordering::Acquire) {
                if let Some(body) = self.media.receive_within(LOOK).await {
                    let at_us = clock.to_monotonic_us(clock.now());
                    self.note(&body, at_us);
                }
                if kept.elapsed() >= KEEP {
                    kept = Instant::now();
                    self.client.ask(Ask::Time { sent_us: 0 }).await;
                    self.media.show_address().await;
                }
            }
        });
    }

    fn note(&mut self, body: &[u8], at_us: u64) {
        if !matches!(Kind::of(body), Ok(Kind::Audio | Kind::Video)) {
            return;
        }
        let Ok((header, _)) = MediaHeader::parse(body) else { return };
        let what = match (header.stream, header.stages) {
            (stream, _) if stream == self.streams.audio => What::Sound,
            (stream, Some(stages)) if stream == self.streams.video && header.piece == 0 => {
                What::Picture { encoded_after_us: stages.captured_to_encoded_us }
            }
            _ => return,
        };
        let heard = Heard { at_us, captured_us: header.captured.as_micros(), what };
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).push(heard);
    }
}
