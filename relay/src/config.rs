//! What can be set: the relay's configuration, checked, with its defaults. Where values come from is in `sources`.
//!
//! Times and sizes carry their unit in the key, so that a file reads without this page.

mod options;
mod sources;

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use vestibule_common::control::{DEFAULT_TCP_PORT, DEFAULT_UDP_PORT};
use vestibule_common::name::RoomName;

use crate::rooms::RoomsConfig;
pub use options::help;
pub use sources::{Command, ConfigError, Invocation, read};

/// The relay's configuration.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// On which of the machine's addresses.
    pub listen: Listen,
    /// The TCP port for control; 0 takes a free one.
    pub port: u16,
    /// The UDP port for media; 0 takes a free one. After [`Config::complete`] always there.
    pub media_port: Option<u16>,
    /// Where the identity key is kept. After [`Config::complete`] always there.
    pub state_dir: Option<PathBuf>,
    /// What the relay is called in a kiosk's list of relays.
    pub name: String,
    /// Whether kiosks may find it by mDNS.
    pub announce: bool,
    /// How much is logged.
    pub log_level: LogLevel,
    /// The most connections.
    pub max_connections: u32,
    /// The most connections of one address (IPv6: of one /64 network).
    pub max_connections_per_source: u32,
    /// The most connections that have not greeted yet; the oldest makes room for a new one.
    pub max_ungreeted: u32,
    /// How long a connection may take to greet, in seconds.
    pub greeting_timeout_s: u32,
    /// The rooms' policy.
    pub rooms: RoomsConfig,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            listen: Listen::All,
            port: DEFAULT_TCP_PORT,
            media_port: None,
            state_dir: None,
            name: "Vestibule relay".into(),
            announce: true,
            log_level: LogLevel::Info,
            max_connections: 1000,
            max_connections_per_source: 128,
            max_ungreeted: 256,
            greeting_timeout_s: 10,
            rooms: RoomsConfig::default(),
        }
    }
}

impl Config {
    /// Checks what the types leave open.
    ///
    /// Errors: a sentence for whoever set the value.
    pub fn check(&self) -> Result<(), String> {
        let ranges = [
            ("max_connections", self.max_connections, 2, 100_000),
            ("max_connections_per_source", self.max_connections_per_source, 1, 100_000),
            ("max_ungreeted", self.max_ungreeted, 1, 10_000),
            ("greeting_timeout_s", self.greeting_timeout_s, 1, 300),
        ];
        for (key, value, lowest, highest) in ranges {
            if !(lowest..=highest).contains(&value) {
                return Err(format!("{key} is {value}; it must be between {lowest} and {highest}"));
            }
        }
        if self.port != 0 && self.port == u16::MAX && self.media_port.is_none() {
            return Err("port is 65535, which leaves no port behind it for media; set media_port too".into());
        }
        if let Err(error) = self.name.parse::<RoomName>() {
            return Err(format!("name cannot be {:?}: {error}", self.name));
        }
        if self.state_dir.as_ref().is_some_and(|dir| dir.as_os_str().is_empty()) {
            return Err("state_dir is empty; it must name a folder".into());
        }
        self.rooms.check().map_err(|error| format!("rooms.{error}"))
    }

    /// Fills in what depends on other values and on the system: the media port and the state folder.
    ///
    /// `environment` looks a variable up. Errors: a sentence, when no state folder can be found.
    pub fn complete(mut self, environment: &dyn Fn(&str) -> Option<String>) -> Result<Config, String> {
        self.media_port = Some(self.media_port.unwrap_or(match self.port {
            0 => 0,
            DEFAULT_TCP_PORT => DEFAULT_UDP_PORT,
            port => port.saturating_add(1),
        }));
        if self.state_dir.is_none() {
            self.state_dir = Some(default_state_dir(environment).ok_or(
                "there is no home folder to keep the relay's key in; name a folder with --state-dir",
            )?);
        }
        Ok(self)
    }
}

fn default_state_dir(environment: &dyn Fn(&str) -> Option<String>) -> Option<PathBuf> {
    let set = |name: &str| environment(name).filter(|value| !value.is_empty());
    // systemd names several folders with colons between them; the first is ours.
    if let Some(dirs) = set("STATE_DIRECTORY") {
        return dirs.split(':').next().map(PathBuf::from);
    }
    let base = if cfg!(windows) {
        set("LOCALAPPDATA").map(PathBuf::from)
    } else {
        let home = || set("HOME").map(|home| PathBuf::from(home).join(".local/state"));
        set("XDG_STATE_HOME").map(PathBuf::from).or_else(home)
    };
    base.map(|base| base.join("vestibule-relay"))
}

/// On which addresses the relay listens. In the file: `"all"` or an IP address.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Listen {
    /// Every address of the machine, IPv6 and IPv4.
    All,
    /// This one.
    Address(IpAddr),
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Listen::All => f.write_str("all"),
            Listen::Address(address) => address.fmt(f),
        }
    }
}

impl FromStr for Listen {
    type Err = String;

    fn from_str(text: &str) -> Result<Listen, String> {
        match text {
            "all" => Ok(Listen::All),
            text => text
                .parse()
                .map(Listen::Address)
                .map_err(|_| format!("{text:?} is no IP address; an address or \"all\" is needed")),
        }
    }
}

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

macro_rules! text_serde {
    ($name:ident) => {
        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
                out.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
                String::deserialize(input)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

text_serde!(Listen);
text_serde!(LogLevel);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_checked_with_a_sentence() {
        let fault = |config: Config| config.check().unwrap_err();
        let default = Config::default;
        assert_eq!(default().check(), Ok(()));
        assert_eq!(
            fault(Config { max_ungreeted: 0, ..default() }),
            "max_ungreeted is 0; it must be between 1 and 10000"
        );
        assert!(fault(Config { name: " ".into(), ..default() }).contains("needs a name"));
        assert!(fault(Config { port: 65535, ..default() }).contains("set media_port too"));
        assert!(fault(Config { state_dir: Some("".into()), ..default() }).contains("must name a folder"));
        let rooms = RoomsConfig { members_per_room: 1, ..RoomsConfig::default() };
        assert!(fault(Config { rooms, ..default() }).starts_with("rooms.members_per_room is 1;"));
    }

    #[test]
    fn the_media_port_follows_the_control_port() {
        let complete = |port, media_port| {
            let config = Config { port, media_port, ..Config::default() };
            config.complete(&|_| Some("/x".into())).unwrap().media_port
        };
        assert_eq!(complete(5000, None), Some(5001));
        assert_eq!(complete(7000, None), Some(7001));
        assert_eq!(complete(0, None), Some(0), "a free one, if the control port is");
        assert_eq!(complete(0, Some(9)), Some(9));
    }

    #[cfg(unix)]
    #[test]
    fn the_state_folder_is_the_systems() {
        let found = |set: &'static [(&str, &str)]| {
            let lookup = move |name: &str| {
                set.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
            };
            Config::default().complete(&lookup).map(|config| config.state_dir.unwrap())
        };
        let all = &[("STATE_DIRECTORY", "/var/lib/a:/var/lib/b"), ("XDG_STATE_HOME", "/xdg"), ("HOME", "/h")];
        assert_eq!(found(all).unwrap(), PathBuf::from("/var/lib/a"));
        assert_eq!(found(&all[1..]).unwrap(), PathBuf::from("/xdg/vestibule-relay"));
        assert_eq!(found(&all[2..]).unwrap(), PathBuf::from("/h/.local/state/vestibule-relay"));
        assert!(found(&[]).unwrap_err().contains("--state-dir"));
    }
}
