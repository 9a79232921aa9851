//! Which relay, and when to try again. The kiosk goes on trying for ever; it never takes an unknown relay by itself.

use std::collections::BTreeSet;

use vestibule_common::id::PeerId;
use vestibule_common::time::{Duration, Time};

use super::effect::{Destination, Effect};
use super::news::{FoundRelay, LinkLoss};
use crate::session::chance::Chance;
use crate::view::words::Sentence;

/// How long a connection must hold to count as one: trouble right after it goes on with the back-off.
const SETTLED: Duration = Duration::from_secs(10);
/// Between two looks for relays while somebody has to choose one.
const LOOK_AGAIN: Duration = Duration::from_secs(5);
/// Redirections that are followed before a connection has settled.
const MAX_REDIRECTS: u8 = 3;
/// Relays that are listed.
const MAX_FOUND: usize = 16;

/// How it stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum LinkState {
    /// No relay is known: somebody has to choose. When to look again.
    Unknown { look_at: Time },
    /// A connection is being made.
    Connecting,
    /// Connected.
    Up { since: Time, relay: PeerId, address: String },
    /// Lost, or not made.
    Down { why: LinkLoss, detail: String, retry_at: Time },
}

/// The kiosk's relay.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    pinned: Option<PeerId>,
    /// Confirmed by a person, here or in the configuration.
    trusted: BTreeSet<PeerId>,
    pub(crate) state: LinkState,
    pub(crate) found: Vec<FoundRelay>,
    /// The chooser is on the screen, so the list is kept fresh.
    looking: Option<Time>,
    attempts: u32,
    redirects: u8,
}

impl Link {
    pub(crate) fn new(pinned: Option<PeerId>, now: Time) -> (Link, Effect) {
        let (state, effect) = start(pinned, now);
        let trusted = pinned.into_iter().collect();
        let found = Vec::new();
        (Link { pinned, trusted, state, found, looking: None, attempts: 0, redirects: 0 }, effect)
    }

    pub(crate) fn pinned(&self) -> Option<PeerId> {
        self.pinned
    }

    /// Whether a person, here or in the configuration, has confirmed this relay.
    pub(crate) fn trusts(&self, relay: &PeerId) -> bool {
        self.trusted.contains(relay)
    }

    /// Where the connected relay is.
    pub(crate) fn address(&self) -> Option<&str> {
        match &self.state {
            LinkState::Up { address, .. } => Some(address),
            LinkState::Unknown { .. } | LinkState::Connecting | LinkState::Down { .. } => None,
        }
    }

    pub(crate) fn connected(&mut self, relay: PeerId, address: String, now: Time) {
        self.state = LinkState::Up { since: now, relay, address };
    }

    fn settled(&self, now: Time) -> bool {
        matches!(self.state, LinkState::Up { since, .. } if now >= since + SETTLED)
    }

    /// The connection ended or was not made. Returns false when that is no news.
    pub(crate) fn lost(&mut self, why: LinkLoss, detail: String, chance: &mut Chance, now: Time) -> bool {
        match &self.state {
            LinkState::Unknown { .. } => return false,
            // The shell may report the end of a connection twice.
            LinkState::Down { .. } => return false,
            LinkState::Up { .. } | LinkState::Connecting => {}
        }
        if self.settled(now) {
            self.attempts = 0;
            self.redirects = 0;
        }
        let base = match why {
            LinkLoss::RelayGone | LinkLoss::Stopping | LinkLoss::NotFound => {
                Duration::from_millis(500 << self.attempts.min(3)).min(Duration::from_secs(4))
            }
            // Waiting mends none of these; a caretaker does.
            LinkLoss::OtherVersion | LinkLoss::ChangedIdentity | LinkLoss::Refused | LinkLoss::Replaced => {
                Duration::from_secs(20)
            }
        };
        self.attempts = self.attempts.saturating_add(1);
        self.state = LinkState::Down { why, detail, retry_at: now + chance.around(base) };
        true
    }

    /// Somebody chose a relay and compared its words.
    pub(crate) fn choose(&mut self, peer: PeerId) -> Option<[Effect; 3]> {
        let address = self.found.iter().find(|relay| relay.peer == peer)?.address.clone();
        self.pinned = Some(peer);
        self.trusted.insert(peer);
        self.state = LinkState::Connecting;
        self.attempts = 0;
        let destination = Destination::At { peer, address: address.clone() };
        Some([Effect::Disconnect, Effect::Pin { peer, address }, Effect::Connect(destination)])
    }

    /// The relay sends this kiosk elsewhere; only a relay that a person has confirmed is obeyed to.
    pub(crate) fn redirect(&mut self, peer: PeerId, address: String, now: Time) -> Option<[Effect; 2]> {
        if self.settled(now) {
            self.redirects = 0;
        }
        if !self.trusted.contains(&peer) || self.redirects >= MAX_REDIRECTS {
            return None;
        }
        self.redirects += 1;
        self.state = LinkState::Connecting;
        Some([Effect::Disconnect, Effect::Connect(Destination::At { peer, address })])
    }

    pub(crate) fn forget(&mut self, now: Time) {
        self.pinned = None;
        self.trusted.clear();
        self.attempts = 0;
        self.state = LinkState::Unknown { look_at: now };
    }

    pub(crate) fn found(&mut self, mut relays: Vec<FoundRelay>) {
        relays.sort_by(|a, b| (&a.peer, &a.address).cmp(&(&b.peer, &b.address)));
        relays.dedup_by_key(|relay| relay.peer);
        relays.truncate(MAX_FOUND);
        self.found = relays;
    }

    /// The chooser is on the screen, or no longer.
    pub(crate) fn look(&mut self, looking: bool, now: Time) {
        if looking != self.looking.is_some() {
            self.looking = looking.then_some(now);
        }
    }

    pub(crate) fn poll_timeout(&self, now: Time) -> Option<Time> {
        let state = match &self.state {
            LinkState::Unknown { look_at } => Some(*look_at),
            LinkState::Connecting | LinkState::Up { .. } => None,
            LinkState::Down { why, retry_at, .. } => Some(match why {
                // The countdown changes every second.
                LinkLoss::RelayGone | LinkLoss::NotFound | LinkLoss::Stopping if now < *retry_at => {
                    let left = retry_at.since(now).as_micros() as u64 - 1;
                    *retry_at - Duration::from_secs(left / 1_000_000)
                }
                LinkLoss::RelayGone
                | LinkLoss::NotFound
                | LinkLoss::Stopping
                | LinkLoss::OtherVersion
                | LinkLoss::ChangedIdentity
                | LinkLoss::Refused
                | LinkLoss::Replaced => *retry_at,
            }),
        };
        state.into_iter().chain(self.looking).min()
    }

    pub(crate) fn handle_timeout(&mut self, now: Time) -> Vec<Effect> {
        let mut effects = Vec::new();
        match &mut self.state {
            LinkState::Unknown { look_at } if now >= *look_at => {
                *look_at = now + LOOK_AGAIN;
                self.looking = self.looking.map(|_| now + LOOK_AGAIN);
                effects.push(Effect::FindRelays);
            }
            LinkState::Down { retry_at, .. } if now >= *retry_at => {
                let (state, effect) = start(self.pinned, now);
                self.state = state;
                effects.push(effect);
            }
            LinkState::Unknown { .. }
            | LinkState::Down { .. }
            | LinkState::Connecting
            | LinkState::Up { .. } => {}
        }
        if self.looking.is_some_and(|at| now >= at) {
            self.looking = Some(now + LOOK_AGAIN);
            effects.push(Effect::FindRelays);
        }
        effects
    }

    /// What is wrong, if anything is, and the detail for the caretaker.
    pub(crate) fn trouble(&self, now: Time) -> Option<(Sentence, Option<&str>)> {
        let LinkState::Down { why, detail, retry_at } = &self.state else { return None };
        let seconds = u64::try_from(retry_at.since(now).as_micros().div_ceil(1_000_000)).unwrap_or(0).max(1);
        let sentence = match why {
            LinkLoss::RelayGone => Sentence::RelayGone { seconds },
            LinkLoss::NotFound => Sentence::RelayNotFound { seconds },
            LinkLoss::OtherVersion => Sentence::RelayOtherVersion,
            LinkLoss::ChangedIdentity => Sentence::RelayChanged,
            LinkLoss::Refused => Sentence::RelayRefused,
            LinkLoss::Stopping => Sentence::RelayStopped { seconds },
            LinkLoss::Replaced => Sentence::RelayReplaced,
        };
        Some((sentence, Some(detail.as_str()).filter(|detail| !detail.is_empty())))
    }
}

fn start(pinned: Option<PeerId>, now: Time) -> (LinkState, Effect) {
    match pinned {
        Some(relay) => (LinkState::Connecting, Effect::Connect(Destination::Pinned(relay))),
        None => (LinkState::Unknown { look_at: now + LOOK_AGAIN }, Effect::FindRelays),
    }
}
