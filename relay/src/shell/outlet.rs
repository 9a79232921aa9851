//! What is on its way to one kiosk: a bounded queue of frames. Whoever does not read is disconnected, not waited for.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::time::timeout;
use vestibule_common::control::{FrameError, ToKiosk, encode_frame};

use crate::rooms::RoomsConfig;

/// How much may wait for one kiosk.
#[derive(Copy, Clone, Debug)]
pub(super) struct Capacity {
    messages: usize,
    bytes: usize,
}

impl Capacity {
    /// Messages besides the events of a whole log.
    const MESSAGES: usize = 512;
    /// Bytes besides the events of a whole log.
    const BYTES: usize = 2 * 1024 * 1024;
    /// The most bytes around an event's contents: its frame, type, number, and a member's keys and signatures.
    const AROUND: usize = 1024;

    /// Room for a member that comes back to all of a meeting's kept events, which it is told at once, and for what
    /// happens meanwhile.
    pub(super) fn of(config: &RoomsConfig) -> Capacity {
        let (events, bytes) = (config.log_events as usize, config.log_bytes as usize);
        // Bytes become twice as many hexadecimal digits at most.
        let bytes = bytes.saturating_mul(2).saturating_add(events.saturating_mul(Self::AROUND));
        Capacity { messages: events.saturating_add(Self::MESSAGES), bytes: bytes.saturating_add(Self::BYTES) }
    }
}

/// Why a message is not on its way.
#[derive(Debug)]
pub(super) enum OutletError {
    /// Too much is waiting: the kiosk does not read.
    Full,
    /// The connection is closed.
    Closed,
    /// The message is larger than a frame may be.
    Frame(FrameError),
}

impl fmt::Display for OutletError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OutletError::Full => f.write_str("it does not read what it is told"),
            OutletError::Closed => f.write_str("the connection is closed"),
            OutletError::Frame(error) => error.fmt(f),
        }
    }
}

/// The near end: puts messages in.
#[derive(Clone, Debug)]
pub(super) struct Outlet {
    frames: mpsc::Sender<Vec<u8>>,
    waiting: Arc<AtomicUsize>,
    max_bytes: usize,
}

/// A near end that does not keep the queue open.
#[derive(Debug)]
pub(super) struct WeakOutlet {
    frames: mpsc::WeakSender<Vec<u8>>,
    waiting: Arc<AtomicUsize>,
    max_bytes: usize,
}

impl WeakOutlet {
    /// The near end, if the queue is still open.
    pub(super) fn upgrade(&self) -> Option<Outlet> {
        let (waiting, max_bytes) = (self.waiting.clone(), self.max_bytes);
        Some(Outlet { frames: self.frames.upgrade()?, waiting, max_bytes })
    }
}

/// The far end: takes frames out and writes them.
pub(super) struct Drain {
    frames: mpsc::Receiver<Vec<u8>>,
    waiting: Arc<AtomicUsize>,
}

/// A queue to one kiosk.
pub(super) fn outlet(capacity: Capacity) -> (Outlet, Drain) {
    let (sender, receiver) = mpsc::channel(capacity.messages);
    let waiting = Arc::new(AtomicUsize::new(0));
    let max_bytes = capacity.bytes;
    let outlet = Outlet { frames: sender, waiting: waiting.clone(), max_bytes };
    (outlet, Drain { frames: receiver, waiting })
}

impl Outlet {
    /// A near end that does not keep the queue open.
    pub(super) fn downgrade(&self) -> WeakOutlet {
        let (waiting, max_bytes) = (self.waiting.clone(), self.max_bytes);
        WeakOutlet { frames: self.frames.downgrade(), waiting, max_bytes }
    }

    /// Puts a message in, or says why not; never waits.
    pub(super) fn tell(&self, message: &ToKiosk) -> Result<(), OutletError> {
        let frame = encode(message)?;
        let len = frame.len();
        if self.waiting.fetch_add(len, Ordering::Relaxed) + len > self.max_bytes {
            self.waiting.fetch_sub(len, Ordering::Relaxed);
            return Err(OutletError::Full);
        }
        self.frames.try_send(frame).map_err(|error| {
            self.waiting.fetch_sub(len, Ordering::Relaxed);
            match error {
                mpsc::error::TrySendError::Full(_) => OutletError::Full,
                mpsc::error::TrySendError::Closed(_) => OutletError::Closed,
            }
        })
    }

    /// Puts an answer in, and waits for room: whoever asks faster than it reads is simply read from more slowly.
    pub(super) async fn answer(&self, message: &ToKiosk) -> Result<(), OutletError> {
        let frame = encode(message)?;
        let len = frame.len();
        let permit = self.frames.reserve().await.map_err(|_| OutletError::Closed)?;
        self.waiting.fetch_add(len, Ordering::Relaxed);
        permit.send(frame);
        Ok(())
    }
}

fn encode(message: &ToKiosk) -> Result<Vec<u8>, OutletError> {
    let json = serde_json::to_vec(message).expect("every message can be written as JSON");
    let mut frame = Vec::with_capacity(json.len() + 4);
    encode_frame(&json, &mut frame).map_err(OutletError::Frame)?;
    Ok(frame)
}

impl Drain {
    /// Writes until every [`Outlet`] is gone and everything is written.
    ///
    /// Errors: the stream's; `TimedOut` if one message takes longer than `patience`: the kiosk does not read.
    pub(super) async fn run(
        mut self,
        mut stream: impl AsyncWrite + Unpin,
        patience: Duration,
    ) -> std::io::Result<()> {
        while let Some(frame) = self.frames.recv().await {
            timeout(patience, stream.write_all(&frame)).await??;
            self.waiting.fetch_sub(frame.len(), Ordering::Relaxed);
            if self.frames.is_empty() {
                timeout(patience, stream.flush()).await??;
            }
        }
        stream.shutdown().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vestibule_common::control::{ErrorCode, RelayError, RoomEvent, Tell};
    use vestibule_common::id::PeerId;

    fn message(bytes: usize) -> ToKiosk {
        let detail = "x".repeat(bytes);
        let error = RelayError { code: ErrorCode::Other, detail, retry_after_ms: None };
        ToKiosk { re: None, body: Tell::Error(error) }
    }

    #[test]
    fn what_waits_is_bounded_by_number_and_size() {
        let capacity = Capacity { messages: 512, bytes: 2 << 20 };
        let (outlet, _drain) = outlet(capacity);
        let put = (0..10_000).take_while(|_| outlet.tell(&message(10)).is_ok()).count();
        assert_eq!(put, 512);
        let (outlet, _drain) = super::outlet(capacity);
        let put = (0..10_000).take_while(|_| outlet.tell(&message(60_000)).is_ok()).count();
        assert!((30..36).contains(&put), "{put}");
        assert!(matches!(outlet.tell(&message(60_000)), Err(OutletError::Full)));
        assert!(matches!(outlet.tell(&message(70_000)), Err(OutletError::Frame(_))));
    }

    #[tokio::test]
    async fn everything_is_written_before_the_end() {
        let (outlet, drain) = outlet(Capacity::of(&RoomsConfig::default()));
        for _ in 0..20 {
            outlet.tell(&message(60_000)).unwrap();
        }
        drop(outlet);
        let mut written = Vec::new();
        drain.run(&mut written, Duration::from_secs(60)).await.unwrap();
        assert!(written.len() > 20 * 60_000);
    }

    #[test]
    fn a_whole_log_fits() {
        let event = |bytes: usize| {
            let (from, class) = (PeerId([0xff; 32]), "chat".to_owned());
            let event = RoomEvent::Opaque { from, class, to: vec![], bytes: vec![0xff; bytes] };
            ToKiosk { re: None, body: Tell::Event { number: u64::MAX, event } }
        };
        for (log_events, log_bytes) in [(1000, 1 << 20), (20_000, 1 << 20), (1000, 8 << 20)] {
            let config = RoomsConfig { log_events, log_bytes, ..RoomsConfig::default() };
            let (outlet, _drain) = outlet(Capacity::of(&config));
            let each = log_bytes as usize / log_events as usize;
            for number in 0..log_events {
                assert!(outlet.tell(&event(each)).is_ok(), "{number} of {log_events} of {each} bytes");
            }
            for _ in 0..Capacity::MESSAGES {
                assert!(outlet.tell(&event(1000)).is_ok(), "nor is there room for what happens meanwhile");
            }
        }
    }

    #[tokio::test]
    async fn who_does_not_read_is_not_waited_for() {
        let (outlet, drain) = outlet(Capacity::of(&RoomsConfig::default()));
        outlet.tell(&message(10_000)).unwrap();
        let (near, _far) = tokio::io::duplex(1000);
        let error = drain.run(near, Duration::from_millis(20)).await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
    }
}
