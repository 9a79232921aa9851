//! What the sending thread is told: of each thing the last word counts, and none can get lost, however many come at once. So
//! there is no queue.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use vestibule_common::control::Streams;
use vestibule_common::seal::Sealer;

use super::link::Socket;
use super::outbox::Outbox;

/// The sending thread's end of a link.
pub(super) type SendingLink = (Arc<Socket>, Box<Sealer>);

/// What has been said since the sending thread looked last.
#[derive(Default)]
pub(super) struct Orders {
    /// Send here from now on, or nowhere.
    pub link: Option<Option<SendingLink>>,
    /// Send these streams from now on, or none.
    pub streams: Option<Option<Streams>>,
    /// Send nothing again of what was sent until now: somebody came for whom it was not.
    pub forget: bool,
    /// Nobody will say anything more.
    pub over: bool,
}

/// Where they wait.
#[derive(Default)]
pub(super) struct Waiting(Mutex<Orders>);

impl Waiting {
    /// Takes what has been said.
    pub(super) fn take(&self) -> Orders {
        std::mem::take(&mut *self.lock())
    }

    /// Whether anything has been said.
    pub(super) fn any(&self) -> bool {
        let orders = self.lock();
        orders.link.is_some() || orders.streams.is_some() || orders.forget || orders.over
    }

    fn lock(&self) -> MutexGuard<'_, Orders> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells the sending thread, and wakes it. It ends once this is dropped.
pub(super) struct Teller {
    waiting: Arc<Waiting>,
    outbox: Arc<Outbox>,
}

impl Teller {
    /// Tells the thread that takes its orders here and is woken by this outbox.
    pub(super) fn new(waiting: Arc<Waiting>, outbox: Arc<Outbox>) -> Teller {
        Teller { waiting, outbox }
    }

    /// Send here from now on, or nowhere.
    pub(super) fn link(&self, link: Option<SendingLink>) {
        self.tell(|orders| orders.link = Some(link));
    }

    /// Send these streams from now on, or none. Whoever gets them may not have been there before, also if they are the same
    /// as then: nothing is sent again of what was sent until now.
    pub(super) fn streams(&self, streams: Option<Streams>) {
        self.tell(|orders| {
            orders.streams = Some(streams);
            orders.forget = true;
        });
    }

    /// Send nothing again of what was sent until now.
    pub(super) fn forget(&self) {
        self.tell(|orders| orders.forget = true);
    }

    fn tell(&self, order: impl FnOnce(&mut Orders)) {
        order(&mut self.waiting.lock());
        self.outbox.wake();
    }
}

impl Drop for Teller {
    fn drop(&mut self) {
        self.tell(|orders| orders.over = true);
    }
}

#[cfg(test)]
mod tests {
    use vestibule_common::id::StreamId;

    use super::*;

    #[test]
    fn however_much_is_said_the_last_word_counts_and_nothing_is_lost() {
        let waiting = Arc::new(Waiting::default());
        let teller = Teller::new(waiting.clone(), Arc::default());
        assert!(!waiting.any());
        teller.forget();
        let streams = |first: u32| {
            let [audio, video, presentation, file] = [0, 1, 2, 3].map(|n| StreamId(first + n));
            Streams { audio, video, presentation, file }
        };
        (0..1_000).for_each(|n| teller.streams(Some(streams(n))));
        teller.streams(None);
        teller.link(None);
        assert!(waiting.any());
        let orders = waiting.take();
        assert!(orders.forget && orders.link.is_some_and(|link| link.is_none()));
        assert_eq!((orders.streams, orders.over), (Some(None), false));

        // Away and back before anybody looked: who is there now may be another.
        assert!(!waiting.any());
        teller.streams(None);
        teller.streams(Some(streams(1)));
        let orders = waiting.take();
        assert_eq!((orders.streams, orders.forget), (Some(Some(streams(1))), true));
        drop(teller);
        assert!(waiting.any() && waiting.take().over);
    }
}
