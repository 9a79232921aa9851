//! Room codes and knock ids: drawn from a keyed stream, so that nobody who has seen some can predict others.
//!
//! A code is never a right to enter, but one that is guessed or remembered leads a stranger to a door; so codes are
//! random and rest for a day after use.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use chacha20::ChaCha20Rng;
use chacha20::rand_core::{Rng, SeedableRng};
use vestibule_common::id::{KnockId, RoomCode, RoomId};
use vestibule_common::time::Time;

/// The most codes that rest at a time. Beyond, the one that rested longest is free again.
const MAX_RESTING: usize = 100_000;
/// Draws after which the codes count as used up. With a tenth of them taken, that never happens by chance.
const MAX_DRAWS: usize = 64;

/// Which code leads to which room, and which must not be used yet.
pub(super) struct Codes {
    random: ChaCha20Rng,
    reuse_delay: Duration,
    used: BTreeMap<RoomCode, RoomId>,
    /// Until when, and the room that had it: only that one may take it again early, when its host brings it back.
    resting: BTreeMap<RoomCode, (Time, RoomId)>,
    /// The order in which they come to rest is the order in which they are free again.
    rest_ends: VecDeque<(Time, RoomCode)>,
}

impl Codes {
    /// `seed` comes from the operating system's random generator, fresh for every start.
    pub(super) fn new(seed: [u8; 32], reuse_delay: Duration) -> Codes {
        Codes {
            random: ChaCha20Rng::from_seed(seed),
            reuse_delay,
            used: BTreeMap::new(),
            resting: BTreeMap::new(),
            rest_ends: VecDeque::new(),
        }
    }

    /// The room that has this code.
    pub(super) fn find(&self, code: RoomCode) -> Option<RoomId> {
        self.used.get(&code).copied()
    }

    /// Gives `room` a free code; `None` when there is none left.
    pub(super) fn draw(&mut self, room: RoomId, now: Time) -> Option<RoomCode> {
        self.wake(now);
        for _ in 0..MAX_DRAWS {
            let code = self.random_code();
            if !self.used.contains_key(&code) && !self.resting.contains_key(&code) {
                self.used.insert(code, room);
                return Some(code);
            }
        }
        None
    }

    /// Gives `room` the code it had, if that is free, else another one.
    pub(super) fn reclaim(&mut self, code: RoomCode, room: RoomId, now: Time) -> Option<RoomCode> {
        self.wake(now);
        let free =
            !self.used.contains_key(&code) && self.resting.get(&code).is_none_or(|(_, owner)| *owner == room);
        if !free {
            return self.draw(room, now);
        }
        self.resting.remove(&code);
        self.used.insert(code, room);
        Some(code)
    }

    /// Takes the code away from its room; it rests.
    pub(super) fn release(&mut self, code: RoomCode, now: Time) {
        let Some(room) = self.used.remove(&code) else { return };
        self.wake(now);
        if self.rest_ends.len() >= MAX_RESTING {
            self.wake_first();
        }
        let until = now + self.reuse_delay;
        self.resting.insert(code, (until, room));
        self.rest_ends.push_back((until, code));
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
        while self.rest_ends.front().is_some_and(|(until, _)| *until <= now) {
            self.wake_first();
        }
    }

    fn wake_first(&mut self) {
        let Some((until, code)) = self.rest_ends.pop_front() else { return };
        // Taken back and released again meanwhile, a code rests longer than this entry says.
        if self.resting.get(&code).is_some_and(|(rests_until, _)| *rests_until == until) {
            self.resting.remove(&code);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(24 * 3600);

    #[test]
    fn a_seed_replays_and_another_seed_does_not() {
        let draw = |seed| {
            let mut codes = Codes::new([seed; 32], DAY);
            (0..50u8).map(|n| codes.draw(RoomId([n; 16]), Time::ZERO).unwrap()).collect::<Vec<_>>()
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
            let code: u32 = codes.draw(room, Time::ZERO).unwrap().to_string().parse().unwrap();
            tenths[code as usize / 100_000] += 1;
        }
        // 1000 each with a standard deviation of 30.
        assert!(tenths.iter().all(|count| (850..1150).contains(count)), "{tenths:?}");
    }

    #[test]
    fn a_code_rests_before_another_room_gets_it() {
        let mut codes = Codes::new([4; 32], DAY);
        let (room, other) = (RoomId([1; 16]), RoomId([2; 16]));
        let code = codes.draw(room, Time::ZERO).unwrap();
        codes.release(code, Time::ZERO);
        assert_eq!(codes.find(code), None);
        let instead = codes.reclaim(code, other, Time::ZERO).unwrap();
        assert_ne!(instead, code, "another room does not inherit it");
        assert_eq!(codes.reclaim(code, room, Time::ZERO), Some(code), "its own room has it back");
        codes.release(code, Time::ZERO + Duration::from_secs(60));
        assert_ne!(codes.reclaim(code, other, Time::ZERO + DAY), Some(code), "it rests from its last use on");
        let later = Time::ZERO + DAY + Duration::from_secs(60);
        assert_eq!(codes.reclaim(code, other, later), Some(code), "a day later it is free for all");
    }

    #[test]
    fn used_up_codes_are_an_answer_not_a_hang() {
        let mut codes = Codes::new([5; 32], DAY);
        codes.used = (0..RoomCode::COUNT).map(|n| (RoomCode::new(n).unwrap(), RoomId::default())).collect();
        assert_eq!(codes.draw(RoomId::default(), Time::ZERO), None);
    }
}
