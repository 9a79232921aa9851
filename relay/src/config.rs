//! What can be set: the relay's configuration, checked, with its defaults. Where values come from is in `vestibule_host`.
//!
//! Times and sizes carry their unit in the key, so that a file reads without this page.

mod options;

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use vestibule_common::control::{DEFAULT_TCP_PORT, DEFAULT_UDP_PORT};
use vestibule_common::name::RoomName;
use vestibule_host::{Configuration, LogLevel, default_state_dir};

use crate::rooms::RoomsConfig;
pub use options::PROGRAM;
pub(crate) use options::STATUS;

/// The relay's configuration.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// On which of the machine's addresses.
    pub listen: Listen,
    /// The TCP port for control; 0 takes a free one.
    pub port: u16,
    /// The UDP port for media; 0 takes a free one. Always there once complete.
    pub media_port: Option<u16>,
    /// Where the identity key is kept. Always there once complete.
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

impl Configuration for Config {
    fn check(&self) -> Result<(), String> {
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

    /// Fills in the media port and the state folder.
    fn complete(mut self, environment: &dyn Fn(&str) -> Option<String>) -> Result<Config, String> {
        self.media_port = Some(self.media_port.unwrap_or(match self.port {
            0 => 0,
            DEFAULT_TCP_PORT => DEFAULT_UDP_PORT,
            port => port.saturating_add(1),
        }));
        if self.state_dir.is_none() {
            self.state_dir = Some(default_state_dir(PROGRAM.name, environment).ok_or(
                "there is no home folder to keep the relay's key in; name a folder with --state-dir",
            )?);
        }
        Ok(self)
    }
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

impl Serialize for Listen {
    fn serialize<S: serde::Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Listen {
    fn deserialize<D: serde::Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        String::deserialize(input)?.parse().map_err(serde::de::Error::custom)
    }
}

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
        assert!(fault(Config { name: " ".into(), ..default() }).contains("is needed"));
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

    fn read(arguments: &[&str]) -> Result<Config, String> {
        let arguments = arguments.iter().map(|argument| (*argument).to_owned());
        let environment = |name: &str| (name == "HOME").then(|| "/home/x".to_owned());
        let read = vestibule_host::read::<Config>(&PROGRAM, arguments, &environment);
        read.map(|invocation| invocation.config).map_err(|error| error.to_string())
    }

    #[test]
    fn every_key_is_an_option_and_the_other_way_round() {
        assert_eq!(PROGRAM.check_table::<Config>(), Ok(()));
        let help = PROGRAM.help::<Config>();
        assert!(help.contains("[default: 5000] [environment: VESTIBULE_RELAY_PORT] [file: port]"), "{help}");
    }

    #[test]
    fn flags_reach_their_keys() {
        let config = read(&["--listen=::1", "--rooms-max-rooms", "3", "--no-announce"]).unwrap();
        assert_eq!(config.listen, Listen::Address("::1".parse().unwrap()));
        assert_eq!((config.rooms.max_rooms, config.announce), (3, false));
        assert!(config.state_dir.unwrap().ends_with("vestibule-relay"));
        assert!(read(&["--listen=nowhere"]).unwrap_err().contains("--listen: \"nowhere\" is no IP address"));
        assert!(read(&["--port", "70000"]).unwrap_err().starts_with("--port: "));
        assert!(read(&["--max-connections", "0"]).unwrap_err().contains("max_connections is 0"));
    }

    #[test]
    fn an_unknown_key_is_refused_with_its_line() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("relay.toml");
        let fault = |text: &str| {
            std::fs::write(&file, text).unwrap();
            read(&["--config", file.to_str().unwrap()]).unwrap_err()
        };
        let error = fault("port = 1\n\ncolour = \"blue\"");
        assert!(
            error.contains("relay.toml") && error.contains("line 3") && error.contains("colour"),
            "{error}"
        );
        let error = fault("[rooms]\nmembers = 3");
        assert!(error.contains("line 2") && error.contains("members"), "{error}");
        assert!(fault("listen = \"everywhere\"").contains("line 1"));
    }

    #[test]
    fn what_is_printed_reads_back() {
        let config = read(&["--listen", "192.0.2.1", "--log-level", "debug"]).unwrap();
        let printed = toml::to_string(&config).unwrap();
        assert_eq!(toml::from_str::<Config>(&printed).unwrap(), config);
    }
}
