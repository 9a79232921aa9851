//! How much is logged, as it stands in a configuration file.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The least important messages that are still logged. In the file: `"info"` and so on.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum LogLevel {
    /// What keeps the relay from working.
    Error,
    /// What should wake someone.
    Warn,
    /// What a person in the room would notice.
    Info,
    /// Decisions.
    Debug,
    /// Packets.
    Trace,
}

impl LogLevel {
    const ALL: [(LogLevel, &str, log::LevelFilter); 5] = [
        (LogLevel::Error, "error", log::LevelFilter::Error),
        (LogLevel::Warn, "warn", log::LevelFilter::Warn),
        (LogLevel::Info, "info", log::LevelFilter::Info),
        (LogLevel::Debug, "debug", log::LevelFilter::Debug),
        (LogLevel::Trace, "trace", log::LevelFilter::Trace),
    ];

    /// As the log facade calls it.
    pub fn filter(self) -> log::LevelFilter {
        Self::ALL[self as usize].2
    }
}

impl fmt::Display for LogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::ALL[*self as usize].1)
    }
}

impl FromStr for LogLevel {
    type Err = String;

    fn from_str(text: &str) -> Result<LogLevel, String> {
        let found = Self::ALL.iter().find(|(_, name, _)| *name == text);
        found
            .map(|(level, _, _)| *level)
            .ok_or_else(|| format!("{text:?} is no log level; error, warn, info, debug or trace is needed"))
    }
}

impl Serialize for LogLevel {
    fn serialize<S: serde::Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for LogLevel {
    fn deserialize<D: serde::Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        String::deserialize(input)?.parse().map_err(serde::de::Error::custom)
    }
}
