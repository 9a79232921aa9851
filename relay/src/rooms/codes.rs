//! Room codes and knock ids: drawn from a keyed stream, so that nobody who has seen some can predict others.
//!
//! A code is never a right to enter, but one that is guessed or remembered leads a stranger to a door; so codes are
//! random and rest for a day after use.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use chacha20::ChaCha20Rng;
use chacha20::rand_core::{Rng, SeedableRng};
use vestibule_common::id::{KnockId, RoomCode, RoomId};
use vestibule_common::time::Time;

use super::guard::Origin;

/// The most codes that rest at a time. Beyond, the one that rested longest is free again.
const MAX_RESTING: usize = 100_000;
/// Draws after which the codes count as used up. With a tenth of them taken, that never happens by chance.
const MAX_DRAWS: usize = 64;
/// The least that a code in use rests when the relay was restarted: its host's kiosk needs time to come back for it.
const HOST_RETURNS: Duration = Duration::from_secs(3600);

/// Which code leads to which room, and which must not be used yet.
pub(super) struct Codes {
    random: ChaCha20Rng,
    reuse_delay: Duration,
    /// With whoever opened the room here.
    used: BTreeMap<RoomCode, (RoomId, Origin)>,
    /// Until when, and the room that had it: only that one may take it again early, when its host brings it back.
    resting: BTreeMap<RoomCode, (Time, RoomId)>,
    rest_ends: BTreeSet<(Time, RoomCode)>,
    /// What changed since it was last asked for: until when a code rests, `None` while it is in use.
    changes: VecDeque<(RoomCode, RoomId, Option<Time>)>,
}

impl Codes {
    /// `seed` comes from the operating system's random generator, fresh for every start.
    pub(super) fn new(seed: [u8; 32], reuse_delay: Duration) -> Codes {
        Codes {
            random: ChaCha20Rng::from_seed(seed),
            reuse_delay,
            used: BTreeMap::new(),
            resting: BTreeMap::new(),
            rest_ends: BTreeSet::new(),
            changes: VecDeque::new(),
        }
    }

    /// Takes over a code that a former process of this relay gave to `room`: it rests, until then or, if it was in use,
    /// as if it came to rest now.
    pub(super) fn remember(&mut self, code: RoomCode, room: RoomId, until: Option<Time>, now: Time) {
        let longest = now + self.reuse_delay.max(HOST_RETURNS);
        let rests_until = until.unwrap_or(longest).min(longest);
        if rests_until <= now || self.used.contains_key(&code) {
            return;
        }
        self.rest(code, room, rests_until);
        if until.is_none() {
            // A meeting that nobody brings back must not be remembered for ever.
            self.changes.push_back((code, room, Some(rests_until)));
        }
    }

    /// Whether this relay gave `code` to `room`, and to no other since.
    pub(super) fn knows(&mut self, code: RoomCode, room: RoomId, now: Time) -> bool {
        self.wake(now);
        self.resting.get(&code).is_some_and(|(_, owner)| *owner == room)
    }

    /// How many rooms were opened from there.
    pub(super) fn opened_from(&self, origin: Origin) -> usize {
        self.used.values().filter(|(_, from)| *from == origin).count()
    }

    /// What changed and is to outlive this process: a code, its room, and until when it rests (`None`: it is in use).
    pub(super) fn next_change(&mut self) -> Option<(RoomCode, RoomId, Option<Time>)> {
        self.changes.pop_front()
    }

    /// The room that has this code.
    pub(super) fn find(&self, code: RoomCode) -> Option<RoomId> {
        self.used.get(&code).map(|(room, _)| *room)
    }

    /// Gives `room` a free code; `None` when there is none left.
    pub(super) fn draw(&mut self, room: RoomId, from: Origin, now: Time) -> Option<RoomCode> {
        self.wake(now);
        for _ in 0..MAX_DRAWS {
            let code = self.random_code();
            if !self.used.contains_key(&code) && !self.resting.contains_key(&code) {
                self.take(code, room, from);
                return Some(code);
            }
        }
        None
    }

    /// Gives `room` the code it had, if this relay knows that it had it, else one that is drawn: what is given instead
    /// of a code that was only claimed tells nothing about that code.
    pub(super) fn reclaim(
        &mut self,
        code: RoomCode,
        room: RoomId,
        from: Origin,
        now: Time,
    ) -> Option<RoomCode> {
        if !self.knows(code, room, now) {
            return self.draw(room, from, now);
        }
        self.take(code, room, from);
        Some(code)
    }

    /// Takes the code away from its room; it rests.
    pub(super) fn release(&mut self, code: RoomCode, now: Time) {
        let Some((room, _)) = self.used.remove(&code) else { return };
        self.wake(now);
        let until = now + self.reuse_delay;
        self.rest(code, room, until);
        self.changes.push_back((code, room, Some(until)));
    }

    /// A fresh id for a knock.
    pub(super) fn knock_id(&mut self) -> KnockId {
        KnockId(self.random.next_u64().to_be_bytes())
    }

    /// How many rooms have a code.
    #[cfg(test)]
    pub(super) fn used(&self) -> usize {
        self.used.len()
    }

    fn take(&mut self, code: RoomCode, room: RoomId, from: Origin) {
        if let Some((until, _)) = self.resting.remove(&code) {
            self.rest_ends.remove(&(until, code));
        }
        self.used.insert(code, (room, from));
        self.changes.push_back((code, room, None));
    }

    fn rest(&mut self, code: RoomCode, room: RoomId, until: Time) {
        if self.rest_ends.len() >= MAX_RESTING
            && let Some((_, first)) = self.rest_ends.pop_first()
        {
            self.resting.remove(&first);
        }
        if let Some((former, _)) = self.resting.insert(code, (until, room)) {
            self.rest_ends.remove(&(former, code));
        }
        self.rest_ends.insert((until, code));
    }

    fn random_code(&mut self) -> RoomCode {
        /// The largest multiple of the count: numbers from there on would make low codes likelier.
        const FAIR: u32 = u32::MAX / RoomCode::COUNT * RoomCode::COUNT;
        loop {
            let number = self.random.next_u32();
            if number < FAIR {
                return RoomCode::new(number % RoomCode::COUNT).expect("a remainder is below its divisor");
            }
        }
    }

    fn wake(&mut self, now: Time) {
        while let Some(&(until, code)) = self.rest_ends.first().filter(|(until, _)| *until <= now) {
            self.rest_ends.remove(&(until, code));
            self.resting.remove(&code);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(24 * 3600);

    fn here() -> Origin {
        Origin::of("192.0.2.1:1".parse().unwrap())
    }

    #[test]
    fn a_seed_replays_and_another_seed_does_not() {
        let draw = |seed| {
            let mut codes = Codes::new([seed; 32], DAY);
            (0..50u8).map(|n| codes.draw(RoomId([n; 16]), here(), Time::ZERO).unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(draw(1), draw(1));
        assert!(draw(1).iter().zip(draw(2)).filter(|(a, b)| **a == *b).count() < 2);
    }

    #[test]
    fn codes_spread_over_the_whole_range() {
        let mut codes = Codes::new([3; 32], DAY);
        let mut tenths = [0u32; 10];
        for n in 0..10_000u32 {
            let mut room = RoomId::default();
            room.0[..4].copy_from_slice(&n.to_be_bytes());
            let code: u32 = codes.draw(room, here(), Time::ZERO).unwrap().to_string().parse().unwrap();
            tenths[code as usize / 100_000] += 1;
        }
        // 1000 each with a standard deviation of 30.
        assert!(tenths.iter().all(|count| (850..1150).contains(count)), "{tenths:?}");
    }

    #[test]
    fn a_code_rests_before_another_room_gets_it() {
        let mut codes = Codes::new([4; 32], DAY);
        let (room, other) = (RoomId([1; 16]), RoomId([2; 16]));
        let code = codes.draw(room, here(), Time::ZERO).unwrap();
        codes.release(code, Time::ZERO);
        assert_eq!(codes.find(code), None);
        let instead = codes.reclaim(code, other, here(), Time::ZERO).unwrap();
        assert_ne!(instead, code, "another room does not inherit it");
        assert_eq!(codes.reclaim(code, room, here(), Time::ZERO), Some(code), "its own room has it back");
        assert_eq!(codes.opened_from(here()), 2);
        let minute = Time::ZERO + Duration::from_secs(60);
        codes.release(code, minute);
        assert!(codes.knows(code, room, Time::ZERO + DAY), "it rests from its last use on");
        assert!(!codes.knows(code, room, minute + DAY), "a day later it is free for all");
        assert_ne!(codes.reclaim(code, other, here(), minute + DAY), Some(code), "nobody chooses a code");
        let changes = std::iter::from_fn(|| codes.next_change()).take(4).collect::<Vec<_>>();
        let rested = Some(Time::ZERO + DAY);
        assert_eq!(
            changes,
            [(code, room, None), (code, room, rested), (instead, other, None), (code, room, None)]
        );
    }

    #[test]
    fn what_a_former_process_gave_rests_for_its_room() {
        let mut codes = Codes::new([6; 32], Duration::ZERO);
        let (room, other) = (RoomId([1; 16]), RoomId([2; 16]));
        let [used, rested, over] = [1, 2, 3].map(|n| RoomCode::new(n).unwrap());
        let now = Time::from_millis(5000);
        codes.remember(used, room, None, now);
        codes.remember(rested, other, Some(now + DAY), now);
        codes.remember(over, other, Some(Time::from_millis(4000)), now);
        assert!(codes.knows(used, room, now) && !codes.knows(used, other, now));
        assert!(codes.knows(rested, other, now) && !codes.knows(over, other, now));
        assert!(!codes.knows(used, room, now + HOST_RETURNS) && !codes.knows(rested, other, now + DAY));
        assert_eq!(codes.next_change(), Some((used, room, Some(now + HOST_RETURNS))));
        assert_eq!(codes.next_change(), None, "what is known already is not news");
    }

    #[test]
    fn used_up_codes_are_an_answer_not_a_hang() {
        let mut codes = Codes::new([5; 32], DAY);
        codes.used =
            (0..RoomCode::COUNT).map(|n| (RoomCode::new(n).unwrap(), (RoomId::default(), here()))).collect();
        assert_eq!(codes.draw(RoomId::default(), here(), Time::ZERO), None);
    }
}
