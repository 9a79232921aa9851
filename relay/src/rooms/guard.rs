//! Who may try codes: wrong ones, and meetings brought back that are not known here, are counted per address, per identity
//! and over all, and pile up to an alarm.
//!
//! A million codes are guessed quickly by whoever may try quickly. Only wrong codes count, and while a count is used
//! up no code is looked up at all, so that the answer tells nothing about it.

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use ::log::info;
use vestibule_common::control::{ErrorCode, RelayError};
use vestibule_common::id::{PeerId, RoomCode, RoomId};
use vestibule_common::time::Time;

use super::config::RoomsConfig;
use super::{ConnectionId, Rooms, not_yet};
use crate::rate::{Bucket, Rate};

const MINUTE: Duration = Duration::from_secs(60);

/// The counts of wrong codes.
pub(super) struct Guard {
    each: Rate,
    all: Rate,
    /// Only those that are not full. The count over all bounds how many wrong codes there are, so it bounds these too.
    used: BTreeMap<Origin, Bucket>,
    used_by_all: Bucket,
    alarm_at: usize,
    window: Duration,
    recent: VecDeque<Time>,
    alarmed: Option<Time>,
}

/// What wrong codes and rooms are counted by.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Origin {
    V4(Ipv4Addr),
    /// The /64 network: one machine has all of it (RFC 4291, section 2.5.4).
    V6([u8; 8]),
    Identity(PeerId),
}

impl Guard {
    pub(super) fn new(config: &RoomsConfig) -> Guard {
        Guard {
            each: Rate::new(
                config.wrong_codes_per_source_per_minute,
                MINUTE,
                config.wrong_codes_per_source_burst,
            ),
            all: Rate::new(config.wrong_codes_per_minute, MINUTE, config.wrong_codes_burst),
            used: BTreeMap::new(),
            used_by_all: Bucket::default(),
            alarm_at: config.alarm_wrong_codes as usize,
            window: config.alarm_window(),
            recent: VecDeque::new(),
            alarmed: None,
        }
    }

    /// Whether a code may be looked up for this address and identity; if not, for how long not.
    pub(super) fn check(&self, source: SocketAddr, peer: PeerId, now: Time) -> Result<(), Duration> {
        let mut wait = self.used_by_all.wait(&self.all, now);
        for origin in origins(source, peer) {
            wait = wait
                .max(self.used.get(&origin).map_or(Duration::ZERO, |bucket| bucket.wait(&self.each, now)));
        }
        if wait > Duration::ZERO { Err(wait) } else { Ok(()) }
    }

    /// Counts a wrong code. Returns how many there were of late when it is time for an alarm.
    pub(super) fn record_wrong(&mut self, source: SocketAddr, peer: PeerId, now: Time) -> Option<u32> {
        self.used.retain(|_, bucket| !bucket.is_full(now));
        self.used_by_all.take(&self.all, now);
        for origin in origins(source, peer) {
            self.used.entry(origin).or_default().take(&self.each, now);
        }
        self.recent.retain(|at| now.since(*at) < self.window);
        self.recent.push_back(now);
        let alarmed_lately = self.alarmed.is_some_and(|at| now.since(at) < self.window);
        if self.recent.len() < self.alarm_at || alarmed_lately {
            return None;
        }
        self.alarmed = Some(now);
        Some(u32::try_from(self.recent.len()).unwrap_or(u32::MAX))
    }
}

impl Origin {
    /// The machine behind an address.
    pub(super) fn of(source: SocketAddr) -> Origin {
        match source.ip().to_canonical() {
            IpAddr::V4(address) => Origin::V4(address),
            IpAddr::V6(address) => {
                let [a, b, c, d, e, f, g, h, ..] = address.octets();
                Origin::V6([a, b, c, d, e, f, g, h])
            }
        }
    }
}

fn origins(source: SocketAddr, peer: PeerId) -> [Origin; 2] {
    [Origin::of(source), Origin::Identity(peer)]
}

impl Rooms {
    /// Whether a meeting that says it had `code` may be brought back. If this relay does not know that it had, it counts
    /// as a wrong code: anybody can make up a meeting.
    pub(super) fn check_reopen(
        &mut self,
        connection: ConnectionId,
        code: RoomCode,
        room: RoomId,
        now: Time,
    ) -> Result<(), RelayError> {
        if self.codes.knows(code, room, now) {
            return Ok(());
        }
        let from = self.newcomer(connection)?;
        let (source, peer) = (from.source, from.peer);
        info!("{} ({}) at {source} brings back a meeting that is not known here", from.name, peer.short());
        self.guard.check(source, peer, now).map_err(|wait| {
            let detail = "too many meetings that this relay does not know were brought back";
            not_yet(ErrorCode::TooFast, detail, wait)
        })?;
        if let Some(wrong_codes) = self.guard.record_wrong(source, peer, now) {
            self.alarm(wrong_codes);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard() -> Guard {
        Guard::new(&RoomsConfig::default())
    }

    fn peer(n: u8) -> PeerId {
        PeerId([n; 32])
    }

    #[test]
    fn an_address_is_limited_whatever_identity_it_shows() {
        let mut guard = guard();
        let now = Time::from_millis(1);
        let (one, same_net) = ("[2001:db8::1]:9".parse().unwrap(), "[2001:db8::ffff:2]:10".parse().unwrap());
        for n in 0..5 {
            assert_eq!(guard.check(one, peer(n), now), Ok(()));
            guard.record_wrong(one, peer(n), now);
        }
        assert_eq!(guard.check(same_net, peer(99), now), Err(Duration::from_secs(12)));
        assert_eq!(guard.check("[2001:db8:0:1::1]:9".parse().unwrap(), peer(99), now), Ok(()));
        assert_eq!(guard.check(same_net, peer(99), now + Duration::from_secs(12)), Ok(()));
    }

    #[test]
    fn an_identity_is_limited_wherever_it_comes_from() {
        let mut guard = guard();
        for n in 0..5 {
            guard.record_wrong(SocketAddr::from(([10, 0, 0, n], 1)), peer(1), Time::ZERO);
        }
        let elsewhere = SocketAddr::from(([10, 0, 9, 9], 1));
        assert!(guard.check(elsewhere, peer(1), Time::ZERO).is_err());
        assert!(guard.check(elsewhere, peer(2), Time::ZERO).is_ok());
        let mapped = "[::ffff:10.0.0.1]:5".parse().unwrap();
        for n in 0..4 {
            guard.record_wrong(mapped, peer(20 + n), Time::ZERO);
        }
        assert!(guard.check(SocketAddr::from(([10, 0, 0, 1], 7)), peer(3), Time::ZERO).is_err());
    }

    #[test]
    fn all_together_are_limited_and_little_is_remembered() {
        let mut guard = guard();
        let mut now = Time::ZERO;
        let mut tried = 0u32;
        let mut most = 0;
        for n in 0..60_000u32 {
            let [_, a, b, c] = n.to_be_bytes();
            let mut id = [0; 32];
            id[..4].copy_from_slice(&n.to_be_bytes());
            let source = SocketAddr::from(([10, a, b, c], 1));
            if guard.check(source, PeerId(id), now).is_ok() {
                guard.record_wrong(source, PeerId(id), now);
                tried += 1;
            }
            most = most.max(guard.used.len());
            now += Duration::from_millis(10);
        }
        assert_eq!(tried, 60 + 599, "a burst of 60, then 60 a minute for ten minutes");
        assert!(most <= 300, "{most} origins remembered");
    }

    #[test]
    fn an_alarm_comes_once_in_a_window() {
        let mut guard = guard();
        let mut alarms = Vec::new();
        for second in 0..180u8 {
            let now = Time::from_millis(u64::from(second) * 1000);
            let source = SocketAddr::from(([10, 0, 0, second], 1));
            if let Some(count) = guard.record_wrong(source, peer(second), now) {
                alarms.push((second, count));
            }
        }
        assert_eq!(alarms, [(9, 10), (69, 60), (129, 60)]);
    }
}
