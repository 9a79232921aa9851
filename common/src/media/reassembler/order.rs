//! Which frame comes next, and when one is given up.
//!
//! Frames go out in the order of their numbers as soon as what they refer to went out. Of a stream whose layer
//! changes, the layer being decoded goes on until a keyframe of another one is whole: then that one is decoded, and
//! the old one's frames are dropped.

use super::slot::Slot;
use super::{AssembledFrame, Reassembler, Request};
use crate::time::{Duration, Time};

impl Reassembler {
    /// The next frame for the decoder, if one is ready. Gives up on frames whose time has passed.
    pub fn next_frame(&mut self, now: Time) -> Option<AssembledFrame> {
        loop {
            if !self.needs_keyframe {
                self.expire_rivals(now);
            }
            if self.needs_keyframe {
                self.expire_while_waiting(now);
                let at = self.slots.iter().position(|slot| slot.keyframe && slot.is_whole())?;
                self.drop_slots(at);
                return Some(self.deliver(0, now));
            }
            if let Some(at) = self.ready() {
                return Some(self.deliver(at, now));
            }
            let at = self.first_own()?;
            let first = &self.slots[at];
            if first.is_whole() && self.ahead(first) == 0 {
                let discardable = first.discardable;
                self.stats.undecodable += 1;
                self.remove(at);
                self.advance(false);
                if !discardable {
                    self.need_keyframe();
                }
            } else if self.waits_until(at).is_some_and(|until| until <= now) {
                self.give_up_next();
            } else {
                return None;
            }
        }
    }

    /// When a frame in flight, or one that is waited for, is given up.
    pub(super) fn gives_up_at(&self) -> Option<Time> {
        if self.needs_keyframe {
            return self.slots.iter().enumerate().filter_map(|(at, slot)| self.expires_at(at, slot)).min();
        }
        let rivals = self.slots.iter().filter(|slot| !self.is_own(slot) && slot.keyframe && !slot.is_whole());
        let rivals = rivals.map(|slot| self.deadline(slot));
        let astray = self.astray.map(|since| since + self.waits.frame);
        let own = self.first_own().and_then(|first| self.waits_until(first));
        rivals.chain(astray).chain(own).min()
    }

    /// Until when the first frame of the layer being decoded, at `first`, and what is missing before it is waited
    /// for.
    fn waits_until(&self, first: usize) -> Option<Time> {
        let slot = &self.slots[first];
        if slot.keyframe && !slot.is_whole() {
            // What comes behind a keyframe is of no use without it.
            return Some(self.deadline(slot));
        }
        let reorder = self.reorder_wait(slot);
        self.slots.iter().filter_map(|slot| self.ends_waiting(slot, reorder)).min()
    }

    /// Until when a frame at `at` is waited for, the one being decoded or a keyframe.
    pub(super) fn in_time_until(&self, at: usize) -> Time {
        let slot = &self.slots[at];
        let deadline = self.deadline(slot);
        if self.needs_keyframe || slot.keyframe || !self.is_own(slot) {
            return deadline;
        }
        let reorder = self.reorder_wait(slot);
        let later = self.slots[at + 1..].iter().filter_map(|slot| self.ends_waiting(slot, reorder)).min();
        later.map_or(deadline, |later| later.min(deadline))
    }

    /// How long a frame is waited for once a later one is whole. One that no other needs must not hold up the others
    /// for as long as asking for it may take.
    fn reorder_wait(&self, slot: &Slot) -> Duration {
        if slot.discardable && !slot.is_whole() { self.config.reorder_wait } else { self.waits.reorder }
    }

    /// Until when this frame lets those before it be waited for, which is `reorder` after it was whole.
    pub(super) fn ends_waiting(&self, slot: &Slot, reorder: Duration) -> Option<Time> {
        let waited = slot.completed.filter(|_| self.ahead(slot) > 0).map(|at| at + reorder);
        let deadline = self.is_own(slot).then(|| self.deadline(slot));
        waited.into_iter().chain(deadline).min()
    }

    /// The first frame in flight of the layer that is being decoded.
    pub(super) fn first_own(&self) -> Option<usize> {
        self.slots.iter().position(|slot| self.is_own(slot))
    }

    pub(super) fn is_own(&self, slot: &Slot) -> bool {
        slot.layer.spatial == self.spatial
    }

    /// How far the frame lies ahead of the one that is due.
    pub(super) fn ahead(&self, slot: &Slot) -> i32 {
        self.next.map_or(0, |next| slot.number.wrapping_sub(next) as i32)
    }

    /// A frame that can be handed out now. Numbers before it of which nothing came are passed over.
    fn ready(&self) -> Option<usize> {
        let own = self.first_own();
        let rival = self.slots.iter().position(|slot| !self.is_own(slot) && slot.keyframe && slot.is_whole());
        if let Some(at) = rival {
            let ahead = self.ahead(&self.slots[at]);
            if own.is_none_or(|own| ahead >= 0 && ahead <= self.ahead(&self.slots[own])) {
                return rival;
            }
        }
        own.filter(|at| self.slots[*at].is_whole() && self.is_decodable(&self.slots[*at]))
    }

    /// Whether every frame that this one was built on was delivered.
    fn is_decodable(&self, slot: &Slot) -> bool {
        // A frame that is no keyframe and names no reference depends on its predecessor.
        let distance = i64::from(slot.reference_distance.max(1)) - i64::from(self.ahead(slot));
        slot.keyframe || (1..=64).contains(&distance) && self.delivered >> (distance - 1) & 1 == 1
    }

    fn deadline(&self, slot: &Slot) -> Time {
        let first = slot.first_arrival;
        if slot.keyframe {
            (slot.last_arrival + self.waits.keyframe).min(first + self.config.keyframe_deadline)
        } else {
            first + self.waits.frame
        }
    }

    fn deliver(&mut self, at: usize, now: Time) -> AssembledFrame {
        let slot = self.slots.remove(at);
        if !self.needs_keyframe {
            for _ in 0..self.ahead(&slot) {
                self.stats.skipped += 1;
                self.advance(false);
            }
        }
        if slot.keyframe {
            self.next = Some(slot.number);
            self.spatial = slot.layer.spatial;
            self.delivered = 0;
            self.needs_keyframe = false;
            self.astray = None;
            self.request = Request::new(self.config.keyframe_repeat);
        }
        self.advance(true);
        self.drop_overtaken();
        if slot.keyframe {
            for at in 0..self.slots.len() {
                self.note_losses(at, now);
            }
        }
        self.stats.delivered += 1;
        AssembledFrame {
            number: slot.number,
            keyframe: slot.keyframe,
            discardable: slot.discardable,
            layer: slot.layer,
            captured: slot.captured,
            stages: slot.stages,
            first_arrival: slot.first_arrival,
            completed: slot.completed.unwrap_or(slot.last_arrival),
            bytes: slot.bytes,
        }
    }

    pub(super) fn advance(&mut self, delivered: bool) {
        self.next = self.next.map(|next| next.wrapping_add(1));
        self.delivered = self.delivered << 1 | u64::from(delivered);
        if let Some(next) = self.next {
            self.unseen.passed(next);
        }
    }

    /// Drops what is of no use any more: frames before the one that is due, and of other layers what follows no
    /// keyframe.
    fn drop_overtaken(&mut self) {
        let mut at = 0;
        while at < self.slots.len() {
            let slot = &self.slots[at];
            let (ahead, own) = (self.ahead(slot), self.is_own(slot));
            let kept = if own {
                ahead >= 0
            } else {
                slot.keyframe && ahead >= -1 || ahead >= 0 && self.is_hopeful(at)
            };
            if kept {
                at += 1;
            } else {
                self.remove(at);
            }
        }
    }

    fn give_up_next(&mut self) {
        self.stats.lost += 1;
        let mut needed = true;
        let due = self.first_own().filter(|at| self.ahead(&self.slots[*at]) == 0);
        if let Some(at) = due {
            needed = !self.slots[at].discardable;
            self.remove(at);
        }
        self.advance(false);
        if needed && self.first_own().is_none() {
            self.need_keyframe();
        }
    }

    /// Another layer's keyframe that stays unfinished is given up, with all that follows it; so is the old layer,
    /// when nothing of it came since.
    fn expire_rivals(&mut self, now: Time) {
        let expired = |slot: &Slot| {
            !self.is_own(slot) && slot.keyframe && !slot.is_whole() && self.deadline(slot) <= now
        };
        // From the last one: what goes with it lies behind it.
        let expired: Vec<usize> =
            (0..self.slots.len()).rev().filter(|at| expired(&self.slots[*at])).collect();
        if !expired.is_empty() {
            self.stats.lost += expired.len() as u64;
            expired.into_iter().for_each(|at| self.remove(at));
            self.drop_overtaken();
            if self.first_own().is_none() {
                self.need_keyframe();
            }
        }
        if self.astray.is_some_and(|since| since + self.waits.frame <= now) {
            self.need_keyframe();
        }
    }

    /// While only a keyframe helps: frames behind an unfinished keyframe are kept, for as long as it may be in time.
    fn expire_while_waiting(&mut self, now: Time) {
        let mut at = 0;
        while at < self.slots.len() {
            if self.expires_at(at, &self.slots[at]).is_none_or(|expires| expires > now) {
                at += 1;
                continue;
            }
            self.request.wanted = true;
            self.remove(at);
            self.stats.lost += 1;
        }
    }

    /// The same for one frame. A whole keyframe is about to be handed out, and what follows a keyframe lives as long
    /// as it.
    fn expires_at(&self, at: usize, slot: &Slot) -> Option<Time> {
        match (slot.keyframe, slot.is_whole()) {
            (true, true) => None,
            (true, false) => Some(self.deadline(slot)),
            (false, _) => (!self.is_hopeful(at)).then(|| slot.first_arrival + self.patience()),
        }
    }

    /// Whether a keyframe of the same layer is in flight before the frame at `at`.
    fn is_hopeful(&self, at: usize) -> bool {
        let spatial = self.slots[at].layer.spatial;
        self.slots[..at].iter().any(|slot| slot.keyframe && slot.layer.spatial == spatial)
    }

    /// How long a frame is kept in the hope of the keyframe before it.
    fn patience(&self) -> Duration {
        self.config.frame_deadline + self.config.reorder_wait
    }

    /// Drops the oldest frame that is not a keyframe still worth waiting for.
    pub(super) fn drop_for_room(&mut self) {
        self.stats.overflowed += 1;
        if !self.needs_keyframe
            && let Some(first) = self.first_own()
        {
            for _ in 0..self.ahead(&self.slots[first]) {
                self.give_up_next();
            }
            self.remove(first);
            self.advance(false);
            self.need_keyframe();
            return;
        }
        let victim = self.slots.iter().position(|slot| !slot.keyframe).unwrap_or(0);
        self.remove(victim);
    }
}
