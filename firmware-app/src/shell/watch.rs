//! Threads that may not end unseen: when one panics or returns, it is logged and the room is told, which ends the
//! program; the service manager starts it again. A kiosk with a dead thread looks alive and is not.

use std::io;
use std::thread::{self, Thread};

use tokio::sync::mpsc;

/// More threads than a kiosk has.
const MAX_THREADS: usize = 32;

/// Starts threads and notices when they end. Clones notice for the same room.
#[derive(Clone)]
pub struct Watch(mpsc::Sender<&'static str>);

/// Hears the name of each watched thread that ended.
pub struct Ends(mpsc::Receiver<&'static str>);

/// A watch over no thread yet.
pub fn watch() -> (Watch, Ends) {
    let (ended, ends) = mpsc::channel(MAX_THREADS);
    (Watch(ended), Ends(ends))
}

impl Watch {
    /// Starts a thread.
    ///
    /// Errors: the system's, when a thread cannot be had.
    pub(super) fn spawn(
        &self,
        name: &'static str,
        run: impl FnOnce() + Send + 'static,
    ) -> io::Result<Thread> {
        let end = self.end(name);
        let run = move || {
            // Dropped also when the stack unwinds.
            let _end = end;
            run();
        };
        Ok(thread::Builder::new().name(name.into()).spawn(run)?.thread().clone())
    }

    /// For a thread that is started elsewhere: it has ended when this is dropped.
    pub(super) fn end(&self, name: &'static str) -> End {
        End { name, ended: self.0.clone() }
    }
}

impl Ends {
    /// The next thread that ended. Waits for ever while none does. Safe to cancel.
    pub(super) async fn next(&mut self) -> &'static str {
        match self.0.recv().await {
            Some(name) => name,
            // Nobody holds the watch any more: nothing is left that could end.
            None => std::future::pending().await,
        }
    }
}

/// The end of a thread, when dropped.
pub(super) struct End {
    name: &'static str,
    ended: mpsc::Sender<&'static str>,
}

impl Drop for End {
    fn drop(&mut self) {
        // At the program's end, threads return because the room has let go of them, and nobody listens.
        if self.ended.try_send(self.name).is_ok() {
            log::error!("the {} thread has ended", self.name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "current_thread")]
    async fn a_thread_that_panics_and_one_that_returns_are_both_heard_of() {
        let (watch, mut ends) = watch();
        watch.spawn("clumsy", || panic!("as a test")).unwrap();
        assert_eq!(ends.next().await, "clumsy");
        watch.spawn("idle", || {}).unwrap();
        assert_eq!(ends.next().await, "idle");
    }
}
