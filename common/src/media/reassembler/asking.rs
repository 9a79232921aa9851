//! Asking for what is missing, as long as it would be in time.

use heapless::Vec;

use super::waits::MARGIN;
use super::{Reassembler, Slot};
use crate::time::{Duration, Time};
use crate::wire::Nack;

impl Reassembler {
    /// The next request for missing pieces to send now, if any: poll until `None`. `round_trip` is what it takes from
    /// a nack until the piece is here, and counts as told by [`Reassembler::set_round_trip`].
    ///
    /// A piece is missing when something that was sent later has come and `reorder` has passed since; it is asked for
    /// at most five times, and only while it would be here before its frame is given up. While only a keyframe helps,
    /// only the pieces of keyframes are asked for.
    pub fn next_nack(&mut self, round_trip: Duration, now: Time) -> Option<Nack> {
        self.set_round_trip(round_trip);
        for at in 0..self.slots.len() {
            if !self.is_askable(&self.slots[at]) || self.too_late(now, self.in_time_until(at)) {
                continue;
            }
            let slot = &mut self.slots[at];
            let pieces = slot.ask(round_trip, now);
            if !pieces.is_empty() {
                let (spatial, frame) = (slot.layer.spatial, slot.number);
                return Some(self.nack(spatial, frame, pieces));
            }
        }
        let due = self.unseen.times().find(|(number, at)| {
            *at <= now && self.unseen_until(*number).is_some_and(|until| !self.too_late(now, until))
        });
        if let Some((number, _)) = due {
            self.unseen.asked(number, round_trip, now);
            return Some(self.nack(self.spatial, number, Vec::new()));
        }
        self.asked = self.asked.max(now);
        None
    }

    /// When to ask next.
    pub(super) fn asks_at(&self) -> Option<Time> {
        self.round_trip?;
        let useful = |at: &Time, until: Time| *at > self.asked && !self.too_late(*at, until);
        let slots = self.slots.iter().enumerate().filter(|(_, slot)| self.is_askable(slot));
        let pieces = slots.filter_map(|(at, slot)| {
            let until = self.in_time_until(at);
            slot.asks().filter(|at| useful(at, until)).min()
        });
        let frames = self
            .unseen
            .times()
            .filter(|(number, at)| self.unseen_until(*number).is_some_and(|until| useful(at, until)));
        pieces.chain(frames.map(|(_, at)| at)).min()
    }

    /// The frame at `at` is new: what was sent before it and is not here is missing soon.
    pub(super) fn note_losses(&mut self, at: usize, now: Time) {
        let overdue = now + self.config.reorder;
        let (spatial, number) = (self.slots[at].layer.spatial, self.slots[at].number);
        let (before, rest) = self.slots.split_at_mut(at);
        for slot in before.iter_mut().filter(|slot| slot.layer.spatial == spatial) {
            slot.reveal(overdue);
        }
        if let Some((slot, later)) = rest.split_first_mut()
            && later.iter().any(|slot| slot.layer.spatial == spatial)
        {
            slot.reveal(overdue);
        }
        let (Some(next), false) = (self.next, self.needs_keyframe) else { return };
        self.unseen.came(number);
        let slot = &self.slots[at];
        if slot.keyframe || !self.is_own(slot) {
            return;
        }
        let own_before = self.slots[..at].iter().rfind(|slot| self.is_own(slot));
        let first = own_before.map_or(next, |slot| slot.number.wrapping_add(1));
        // Those after the reference are not needed: pictures that were left out, most likely.
        let last = number.wrapping_sub(u32::from(slot.reference_distance.max(1)));
        if last.wrapping_sub(first) as i32 >= 0 {
            self.unseen.add(first, last, overdue);
        }
    }

    fn nack(&mut self, spatial: u8, frame: u32, pieces: Vec<u16, { Nack::MAX_PIECES }>) -> Nack {
        self.stats.nacks += 1;
        Nack { stream: self.heard.0, spatial, frame, pieces }
    }

    fn is_askable(&self, slot: &Slot) -> bool {
        !slot.is_whole() && (slot.keyframe || !self.needs_keyframe)
    }

    /// Whether what is asked for at `at` would come too late for a frame that is waited for `until` then.
    fn too_late(&self, at: Time, until: Time) -> bool {
        at + self.round_trip.unwrap_or_default() + MARGIN > until
    }

    /// Until when a frame of which nothing came is waited for.
    fn unseen_until(&self, number: u32) -> Option<Time> {
        let later = self.slots.iter().filter(|slot| slot.number.wrapping_sub(number) as i32 > 0);
        later.filter_map(|slot| self.ends_waiting(slot, self.waits.reorder)).min()
    }
}
