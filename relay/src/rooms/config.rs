//! Every number of the rooms' policy, as it stands in the relay's configuration file.
//!
//! Only numbers: what they mean is decided where they are used. Units stand in the keys.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The most members a meeting may be configured to have: an `entered` of that size still fits a control frame.
pub const MAX_MEMBERS: u16 = 32;

/// The policy. Check it with [`RoomsConfig::check`] before use.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RoomsConfig {
    /// Meetings at the same time.
    pub max_rooms: u32,
    /// Meetings at the same time that were opened from one address (IPv6: one /64 network).
    pub rooms_per_source: u32,
    /// Rooms in one meeting, the host's included; 2 to [`MAX_MEMBERS`].
    pub members_per_room: u16,
    /// How long a lost member's place is kept, in seconds.
    pub member_grace_s: u32,
    /// How long a lost host is waited for before hosting passes, in seconds.
    pub host_grace_s: u32,
    /// How long a knock waits for an answer, in seconds.
    pub knock_timeout_s: u32,
    /// How many may wait at one meeting's door.
    pub knocks_per_room: u16,
    /// Denials of one identity after which it may not knock at that meeting any more.
    pub denials_before_silence: u32,
    /// Events kept for members that come back, by number.
    pub log_events: u32,
    /// Events kept for members that come back, by size in bytes.
    pub log_bytes: u32,
    /// How long the answer to a wrong code is held back, in milliseconds; a kiosk that waits 8 s for an answer takes the
    /// connection for lost.
    pub wrong_code_delay_ms: u32,
    /// Wrong codes that one address (IPv6: one /64 network) or one identity may try in a minute.
    pub wrong_codes_per_source_per_minute: u32,
    /// Wrong codes that one address or identity may try at once.
    pub wrong_codes_per_source_burst: u32,
    /// Wrong codes that all together may try in a minute.
    pub wrong_codes_per_minute: u32,
    /// Wrong codes that all together may try at once.
    pub wrong_codes_burst: u32,
    /// This many wrong codes within `alarm_window_s` are shown to every host.
    pub alarm_wrong_codes: u32,
    /// See `alarm_wrong_codes`, in seconds; also the shortest time between two alarms.
    pub alarm_window_s: u32,
    /// How long the code of an ended meeting leads nowhere, in seconds.
    pub code_reuse_delay_s: u32,
    /// Requests that one connection may send in a second.
    pub messages_per_s: u32,
    /// Requests that one connection may send at once.
    pub messages_burst: u32,
    /// A connection on which nothing is said for this long is closed, in seconds. The shell sees to it.
    pub idle_timeout_s: u32,
}

impl Default for RoomsConfig {
    fn default() -> Self {
        RoomsConfig {
            max_rooms: 200,
            rooms_per_source: 32,
            members_per_room: 9,
            member_grace_s: 120,
            host_grace_s: 60,
            knock_timeout_s: 300,
            knocks_per_room: 8,
            denials_before_silence: 2,
            log_events: 1000,
            log_bytes: 1024 * 1024,
            wrong_code_delay_ms: 1000,
            wrong_codes_per_source_per_minute: 5,
            wrong_codes_per_source_burst: 5,
            wrong_codes_per_minute: 60,
            wrong_codes_burst: 60,
            alarm_wrong_codes: 10,
            alarm_window_s: 60,
            code_reuse_delay_s: 24 * 3600,
            messages_per_s: 20,
            messages_burst: 60,
            idle_timeout_s: 30,
        }
    }
}

/// A number of the policy that is outside its range, worded for whoever wrote the file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConfigError {
    key: &'static str,
    value: u64,
    lowest: u64,
    highest: u64,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ConfigError { key, value, lowest, highest } = self;
        write!(f, "{key} is {value}; it must be between {lowest} and {highest}")
    }
}

impl std::error::Error for ConfigError {}

impl RoomsConfig {
    /// Checks that every number is one the relay can keep to.
    ///
    /// Errors: [`ConfigError`] naming the first key that is out of range.
    pub fn check(&self) -> Result<(), ConfigError> {
        const DAY_S: u64 = 24 * 3600;
        let ranges: [(&'static str, u64, u64, u64); 21] = [
            ("max_rooms", self.max_rooms.into(), 1, 10_000),
            ("rooms_per_source", self.rooms_per_source.into(), 1, 10_000),
            ("members_per_room", self.members_per_room.into(), 2, MAX_MEMBERS.into()),
            ("member_grace_s", self.member_grace_s.into(), 1, DAY_S),
            ("host_grace_s", self.host_grace_s.into(), 1, DAY_S),
            ("knock_timeout_s", self.knock_timeout_s.into(), 5, DAY_S),
            ("knocks_per_room", self.knocks_per_room.into(), 1, 64),
            ("denials_before_silence", self.denials_before_silence.into(), 1, 1000),
            ("log_events", self.log_events.into(), 1, 20_000),
            ("log_bytes", self.log_bytes.into(), 64 * 1024, 16 * 1024 * 1024),
            ("wrong_code_delay_ms", self.wrong_code_delay_ms.into(), 0, 5000),
            ("wrong_codes_per_source_per_minute", self.wrong_codes_per_source_per_minute.into(), 1, 1000),
            ("wrong_codes_per_source_burst", self.wrong_codes_per_source_burst.into(), 1, 1000),
            ("wrong_codes_per_minute", self.wrong_codes_per_minute.into(), 1, 10_000),
            ("wrong_codes_burst", self.wrong_codes_burst.into(), 1, 10_000),
            ("alarm_wrong_codes", self.alarm_wrong_codes.into(), 1, 1000),
            ("alarm_window_s", self.alarm_window_s.into(), 1, 3600),
            ("code_reuse_delay_s", self.code_reuse_delay_s.into(), 0, 30 * DAY_S),
            ("messages_per_s", self.messages_per_s.into(), 1, 10_000),
            ("messages_burst", self.messages_burst.into(), 1, 10_000),
            ("idle_timeout_s", self.idle_timeout_s.into(), 3, 3600),
        ];
        for (key, value, lowest, highest) in ranges {
            if !(lowest..=highest).contains(&value) {
                return Err(ConfigError { key, value, lowest, highest });
            }
        }
        Ok(())
    }

    pub(super) fn member_grace(&self) -> Duration {
        Duration::from_secs(self.member_grace_s.into())
    }

    pub(super) fn host_grace(&self) -> Duration {
        Duration::from_secs(self.host_grace_s.into())
    }

    pub(super) fn knock_timeout(&self) -> Duration {
        Duration::from_secs(self.knock_timeout_s.into())
    }

    pub(super) fn wrong_code_delay(&self) -> Duration {
        Duration::from_millis(self.wrong_code_delay_ms.into())
    }

    pub(super) fn alarm_window(&self) -> Duration {
        Duration::from_secs(self.alarm_window_s.into())
    }

    pub(super) fn code_reuse_delay(&self) -> Duration {
        Duration::from_secs(self.code_reuse_delay_s.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_keeps_to_its_own_ranges() {
        assert_eq!(RoomsConfig::default().check(), Ok(()));
        let crowded = RoomsConfig { members_per_room: 33, ..RoomsConfig::default() };
        let text = crowded.check().unwrap_err().to_string();
        assert_eq!(text, "members_per_room is 33; it must be between 2 and 32");
    }

    #[test]
    fn unknown_keys_are_refused() {
        let read = toml::from_str::<RoomsConfig>;
        assert_eq!(read("members_per_room = 4").unwrap().members_per_room, 4);
        assert!(read("members = 4").unwrap_err().to_string().contains("unknown field"));
    }
}
