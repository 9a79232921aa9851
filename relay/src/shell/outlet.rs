//! What is on its way to one kiosk: a bounded queue of frames. Whoever does not read is disconnected, not waited for.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;
use vestibule_common::control::{FrameError, ToKiosk, encode_frame};

/// The most messages that wait for one kiosk.
const MAX_MESSAGES: usize = 512;
/// The most bytes that wait for one kiosk; room for a member that comes back to all of a meeting's kept events.
const MAX_BYTES: usize = 2 * 1024 * 1024;

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
}

/// A near end that does not keep the queue open.
#[derive(Debug)]
pub(super) struct WeakOutlet {
    frames: mpsc::WeakSender<Vec<u8>>,
    waiting: Arc<AtomicUsize>,
}

impl WeakOutlet {
    /// The near end, if the queue is still open.
    pub(super) fn upgrade(&self) -> Option<Outlet> {
        Some(Outlet { frames: self.frames.upgrade()?, waiting: self.waiting.clone() })
    }
}

/// The far end: takes frames out and writes them.
pub(super) struct Drain {
    frames: mpsc::Receiver<Vec<u8>>,
    waiting: Arc<AtomicUsize>,
}

/// A queue to one kiosk.
pub(super) fn outlet() -> (Outlet, Drain) {
    let (sender, receiver) = mpsc::channel(MAX_MESSAGES);
    let waiting = Arc::new(AtomicUsize::new(0));
    (Outlet { frames: sender, waiting: waiting.clone() }, Drain { frames: receiver, waiting })
}

impl Outlet {
    /// A near end that does not keep the queue open.
    pub(super) fn downgrade(&self) -> WeakOutlet {
        WeakOutlet { frames: self.frames.downgrade(), waiting: self.waiting.clone() }
    }

    /// Puts a message in, or says why not; never waits.
    pub(super) fn tell(&self, message: &ToKiosk) -> Result<(), OutletError> {
        let frame = encode(message)?;
        let len = frame.len();
        if self.waiting.fetch_add(len, Ordering::Relaxed) + len > MAX_BYTES {
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
    pub(super) async fn run(mut self, mut stream: impl AsyncWrite + Unpin) -> std::io::Result<()> {
        while let Some(frame) = self.frames.recv().await {
            stream.write_all(&frame).await?;
            self.waiting.fetch_sub(frame.len(), Ordering::Relaxed);
            if self.frames.is_empty() {
                stream.flush().await?;
            }
        }
        stream.shutdown().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vestibule_common::control::{ErrorCode, RelayError, Tell};

    fn message(bytes: usize) -> ToKiosk {
        let detail = "x".repeat(bytes);
        let error = RelayError { code: ErrorCode::Other, detail, retry_after_ms: None };
        ToKiosk { re: None, body: Tell::Error(error) }
    }

    #[test]
    fn what_waits_is_bounded_by_number_and_size() {
        let (outlet, _drain) = outlet();
        let put = (0..10_000).take_while(|_| outlet.tell(&message(10)).is_ok()).count();
        assert_eq!(put, MAX_MESSAGES);
        let (outlet, _drain) = super::outlet();
        let put = (0..10_000).take_while(|_| outlet.tell(&message(60_000)).is_ok()).count();
        assert!((30..36).contains(&put), "{put}");
        assert!(matches!(outlet.tell(&message(60_000)), Err(OutletError::Full)));
        assert!(matches!(outlet.tell(&message(70_000)), Err(OutletError::Frame(_))));
    }

    #[tokio::test]
    async fn everything_is_written_before_the_end() {
        let (outlet, drain) = outlet();
        for _ in 0..20 {
            outlet.tell(&message(60_000)).unwrap();
        }
        drop(outlet);
        let mut written = Vec::new();
        drain.run(&mut written).await.unwrap();
        assert!(written.len() > 20 * 60_000);
    }
}
