//! Pieces of pictures that came a moment ago, one copy each however many receivers there are, for those that miss one; and the
//! asking of their senders for what is not here either.
//!
//! Not for sound, which is never waited for. What one receiver may be sent again is bounded for it alone: whoever floods
//! with requests gets the less, and nobody else does.

use std::collections::{BTreeMap, VecDeque};

use vestibule_common::id::StreamId;
use vestibule_common::media::{Resend, ResendConfig};
use vestibule_common::time::{Duration, Time};
use vestibule_common::wire::{MAX_BODY, MediaHeader, Nack};

use super::inbox::{Place, Stamp};
use super::shaping::Paced;
use super::{Forwarding, Slot};
use crate::rate::Rate;

/// What is kept of a stream. More than kiosks keep, so that a receiver cannot make one send again what is no more lost.
const KEPT: ResendConfig =
    ResendConfig { max_bytes: 256 << 10, max_bodies: 1024, max_age: Duration::from_millis(600) };
/// Pieces that one receiver may be sent again or have asked for: so many a second, and at once.
const PIECES: u32 = 150;
const AT_ONCE: usize = 50;
/// A sender is asked for a piece at most this often, whoever misses it.
const ASK_EVERY: Duration = Duration::from_millis(30);
/// Pieces that may be asked for within that time; more are asked for again sooner.
const MOST_ASKED: usize = 1024;

pub(super) struct Resending {
    streams: BTreeMap<StreamId, Kept>,
    /// What senders were asked for lately, oldest first.
    asked: VecDeque<(Asked, Time)>,
    allowance: Rate,
}

/// One stream's pieces, and whose they are.
struct Kept {
    source: Slot,
    resend: Resend,
}

/// A piece of a frame, or `None` for all of it.
#[derive(Copy, Clone, PartialEq, Eq)]
struct Asked {
    stream: StreamId,
    spatial: u8,
    frame: u32,
    piece: Option<u16>,
}

impl Resending {
    pub(super) fn new() -> Resending {
        Resending {
            streams: BTreeMap::new(),
            asked: VecDeque::with_capacity(MOST_ASKED),
            allowance: Rate::new(PIECES, Duration::from_secs(1), AT_ONCE as u32),
        }
    }

    /// Keeps a piece that came on a stream of pictures. Allocates for the first one of a stream only.
    pub(super) fn remember(&mut self, source: Slot, stream: StreamId, body: &[u8], now: Time) {
        let kept = self.streams.entry(stream).or_insert_with(|| Kept { source, resend: Resend::new(KEPT) });
        if kept.source != source {
            // A newer session of the same member: what the old one sent leaves with that.
            kept.source = source;
            kept.resend.clear();
        }
        kept.resend.remember(body, now);
    }

    /// Forgets the pieces of this sender, who goes on.
    pub(super) fn clear(&mut self, source: Slot) {
        for kept in self.streams.values_mut().filter(|kept| kept.source == source) {
            kept.resend.clear();
        }
    }

    /// The sender is gone, and so is what it sent.
    pub(super) fn forget(&mut self, source: Slot) {
        self.streams.retain(|_, kept| kept.source != source);
    }

    fn kept(&mut self, source: Slot, stream: StreamId) -> Option<&mut Resend> {
        let kept = self.streams.get_mut(&stream).filter(|kept| kept.source == source)?;
        Some(&mut kept.resend)
    }

    /// Whether the sender is to be asked for this now: if it was not just asked, and `allowed` says so.
    fn ask(&mut self, asked: Asked, now: Time, allowed: impl FnOnce() -> bool) -> bool {
        while self.asked.front().is_some_and(|(_, at)| now.since(*at) >= ASK_EVERY) {
            self.asked.pop_front();
        }
        if self.asked.iter().any(|(before, _)| *before == asked) || !allowed() {
            return false;
        }
        if self.asked.len() == MOST_ASKED {
            self.asked.pop_front();
        }
        self.asked.push_back((asked, now));
        true
    }
}

impl Forwarding {
    /// A receiver misses pieces of a stream, or sound: gives it what is here, and asks the stream's owner for the rest.
    pub(super) fn handle_nack(&mut self, nack: &Nack, slot: Slot, owner: Slot, now: Time) {
        self.counters.nacks += 1;
        if !self.layers.gets(slot, nack.stream, nack.spatial, now) {
            self.counters.nacks_refused += 1;
            return;
        }
        let spent = self.sessions[usize::from(slot)]
            .as_ref()
            .is_none_or(|session| session.sent_again.wait(&self.resending.allowance, now) > Duration::ZERO);
        if spent {
            // Nothing is looked up for whoever gets nothing.
            self.counters.nacks_refused += 1;
            return;
        }
        let missing = match self.resending.kept(owner, nack.stream) {
            Some(resend) => resend.missing(nack, now),
            None => Some(nack.clone()),
        };
        let answered = self.send_again(nack, slot, owner, now);
        let asked = missing.is_none_or(|missing| self.ask_owner(&missing, slot, owner, now));
        if !answered || !asked {
            self.counters.nacks_refused += 1;
        }
    }

    /// Gives a receiver what it misses and is here, before all pictures that wait for it. Whether its allowance was enough.
    fn send_again(&mut self, nack: &Nack, slot: Slot, owner: Slot, now: Time) -> bool {
        let Forwarding { sessions, inbox, resending, counters, .. } = self;
        let Some(session) = sessions[usize::from(slot)].as_mut() else { return true };
        let allowance = resending.allowance;
        let Some(resend) = resending.kept(owner, nack.stream) else { return true };
        let waiting = session.held.waiting(nack.stream, nack.spatial, nack.frame);
        let mut enough = true;
        let mut places: heapless::Vec<Place, AT_ONCE> = heapless::Vec::new();
        // Others may miss the same piece at the same moment: the allowance bounds it, not the time since the last one.
        let mut answer = resend.answer(nack, Duration::ZERO, now);
        while let Some(body) = answer.next_body() {
            let piece = MediaHeader::parse(body).map(|(header, _)| header.piece);
            if piece.is_ok_and(|piece| waiting.contains(piece)) {
                continue;
            }
            if places.is_full() || session.sent_again.try_take(&allowance, now).is_err() {
                enough = false;
                break;
            }
            let Some(place) = inbox.push(body, Some(owner), nack.stream.0, Stamp::RelayTime, now) else {
                counters.overflow += 1;
                break;
            };
            // There is room: it was looked for above.
            let _ = places.push(place);
        }
        for place in places {
            self.counters.nacked_answered += u64::from(self.hand(slot, place, Paced::Never, now));
        }
        enough
    }

    /// Asks the owner of a stream for what one receiver misses and is not here. Whether the receiver's allowance was enough.
    fn ask_owner(&mut self, missing: &Nack, slot: Slot, owner: Slot, now: Time) -> bool {
        let Some(session) = self.sessions[usize::from(slot)].as_mut() else { return true };
        let allowance = self.resending.allowance;
        let mut enough = true;
        let mut is_asked = |piece: Option<u16>| {
            if !enough {
                return false;
            }
            let Nack { stream, spatial, frame, pieces: _ } = *missing;
            let asked = Asked { stream, spatial, frame, piece };
            self.resending.ask(asked, now, || {
                let allowed = session.sent_again.try_take(&allowance, now).is_ok();
                enough &= allowed;
                allowed
            })
        };
        let whole = missing.pieces.is_empty();
        let pieces: heapless::Vec<u16, { Nack::MAX_PIECES }> =
            missing.pieces.iter().copied().filter(|piece| is_asked(Some(*piece))).collect();
        let count = if whole { usize::from(is_asked(None)) } else { pieces.len() };
        let mut body = [0; MAX_BODY];
        if count > 0
            && let Ok(len) = (Nack { pieces, ..*missing }).emit(&mut body)
        {
            self.counters.nacked_passed_on += count as u64;
            self.pass_on(owner, &body[..len], slot, missing.stream, now);
        }
        enough
    }
}
