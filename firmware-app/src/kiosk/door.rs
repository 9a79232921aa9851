//! Who is at the door: knocks in their order, the one that is shown, and the sound until it is answered.

use std::collections::VecDeque;

use vestibule_common::id::{KnockId, PeerId};
use vestibule_common::name::RoomName;
use vestibule_common::time::{Duration, Time};

/// Between two chimes while a knock waits.
const CHIME_EVERY: Duration = Duration::from_secs(4);

/// A room at the door.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Knock {
    pub(crate) id: KnockId,
    pub(crate) identity: PeerId,
    pub(crate) name: RoomName,
}

/// The door of a meeting that this room hosts.
#[derive(Clone, Debug)]
pub(crate) struct Door {
    arm: Duration,
    queue: VecDeque<Knock>,
    /// Those that people here have answered last; the relay may not take the answer.
    answered: VecDeque<Knock>,
    /// Since when the first one has been shown on a lit screen.
    shown_since: Option<Time>,
    chime_at: Option<Time>,
}

impl Door {
    /// Knocks that may wait; more than a relay ever brings.
    const MAX: usize = 64;

    pub(crate) fn new(arm: Duration) -> Door {
        Door { arm, queue: VecDeque::new(), answered: VecDeque::new(), shown_since: None, chime_at: None }
    }

    /// A room knocks. Returns false when it cannot be taken.
    pub(crate) fn arrive(&mut self, knock: Knock) -> bool {
        if self.queue.iter().any(|known| known.id == knock.id) {
            return true;
        }
        if self.queue.len() >= Self::MAX {
            return false;
        }
        // One room, one knock: a newer one takes the older one's place at the end.
        let shown = self.shown().map(|knock| knock.id);
        self.queue.retain(|known| known.identity != knock.identity);
        self.queue.push_back(knock);
        self.shown_changed(shown);
        true
    }

    /// A knock was answered. Returns it.
    pub(crate) fn answer(&mut self, id: &KnockId) -> Option<Knock> {
        let knock = self.take(id)?;
        if self.answered.len() == Self::MAX {
            self.answered.pop_front();
        }
        self.answered.push_back(knock.clone());
        Some(knock)
    }

    /// The relay did not take the answer: the room knocks as before, as the last one.
    pub(crate) fn not_answered(&mut self, id: &KnockId) {
        if let Some(at) = self.answered.iter().position(|knock| knock.id == *id)
            && let Some(knock) = self.answered.remove(at)
        {
            self.arrive(knock);
        }
    }

    /// A knock can no longer be answered. Returns it.
    pub(crate) fn take(&mut self, id: &KnockId) -> Option<Knock> {
        let shown = self.shown().map(|knock| knock.id);
        let at = self.queue.iter().position(|knock| knock.id == *id)?;
        let knock = self.queue.remove(at);
        self.shown_changed(shown);
        knock
    }

    pub(crate) fn clear(&mut self) {
        *self = Door::new(self.arm);
    }

    /// The knock on the screen.
    pub(crate) fn shown(&self) -> Option<&Knock> {
        self.queue.front()
    }

    /// How many wait behind it.
    pub(crate) fn behind(&self) -> usize {
        self.queue.len().saturating_sub(1)
    }

    /// The knock that may be answered: shown for long enough.
    pub(crate) fn armed(&self, now: Time) -> Option<&Knock> {
        self.shown().filter(|_| self.shown_since.is_some_and(|since| now >= since + self.arm))
    }

    /// The screen is lit or not. Returns whether to chime.
    pub(crate) fn settle(&mut self, lit: bool, now: Time) -> bool {
        if self.queue.is_empty() || !lit {
            self.shown_since = None;
        } else if self.shown_since.is_none() {
            self.shown_since = Some(now);
        }
        if self.queue.is_empty() {
            self.chime_at = None;
            return false;
        }
        let due = self.chime_at.is_none_or(|at| now >= at);
        if due {
            self.chime_at = Some(now + CHIME_EVERY);
        }
        due
    }

    pub(crate) fn poll_timeout(&self, now: Time) -> Option<Time> {
        // The banner changes when it is armed.
        let armed = self.shown_since.map(|since| since + self.arm).filter(|at| *at > now);
        self.chime_at.into_iter().chain(armed).min()
    }

    fn shown_changed(&mut self, before: Option<KnockId>) {
        if self.shown().map(|knock| knock.id) != before {
            self.shown_since = None;
        }
    }
}
