//! The one table of options. Flags, environment variables, keys of the file and the help text all come from it.

use std::fmt::Write;

use super::Config;

/// What a value looks like.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum Shape {
    /// A whole number.
    Number,
    /// True or false; as a flag alone it means true, and `--no-…` means false.
    Switch,
    /// Text, with the word that stands for it in the help.
    Text(&'static str),
}

/// One row: a key of the file and its sentence. Flag and environment variable follow from the key.
pub(super) struct Opt {
    /// In the file; `table.key` for a key of a table.
    pub(super) key: &'static str,
    /// What its value looks like.
    pub(super) shape: Shape,
    /// What it does.
    sentence: &'static str,
    /// The default in words, where the configuration has none that can be printed.
    default: Option<&'static str>,
}

impl Opt {
    /// `--media-port` for `media_port`.
    pub(super) fn flag(&self) -> String {
        format!("--{}", self.key.replace(['_', '.'], "-"))
    }

    /// `VESTIBULE_RELAY_MEDIA_PORT` for `media_port`.
    pub(super) fn variable(&self) -> String {
        format!("VESTIBULE_RELAY_{}", self.key.replace('.', "_").to_uppercase())
    }
}

const fn number(key: &'static str, sentence: &'static str) -> Opt {
    Opt { key, shape: Shape::Number, sentence, default: None }
}

const fn switch(key: &'static str, sentence: &'static str) -> Opt {
    Opt { key, shape: Shape::Switch, sentence, default: None }
}

const fn text(key: &'static str, word: &'static str, sentence: &'static str) -> Opt {
    Opt { key, shape: Shape::Text(word), sentence, default: None }
}

const fn or(opt: Opt, default: &'static str) -> Opt {
    Opt { default: Some(default), ..opt }
}

/// Every option.
pub(super) const OPTIONS: &[Opt] = &[
    text("listen", "address", "The address to listen on, or \"all\" for every address of the machine."),
    number("port", "The TCP port for control. 0 takes a free one."),
    or(number("media_port", "The UDP port for media. 0 takes a free one."), "the one after the control port"),
    or(
        text("state_dir", "folder", "The folder in which the relay keeps its identity key."),
        "the system's state folder",
    ),
    text("name", "text", "What the relay is called in a kiosk's list of relays."),
    switch("announce", "Let kiosks on this network find the relay by mDNS."),
    text("log_level", "level", "The least important messages to log: error, warn, info, debug or trace."),
    number("max_connections", "The most connections at the same time."),
    number("max_connections_per_source", "The most connections of one address (IPv6: of one /64 network)."),
    number(
        "max_ungreeted",
        "The most connections that have not greeted; the oldest makes room for a new one.",
    ),
    number("greeting_timeout_s", "How long a connection may take to greet, in seconds."),
    number("rooms.max_rooms", "The most meetings at the same time."),
    number("rooms.members_per_room", "The most rooms in one meeting, the host's included."),
    number("rooms.member_grace_s", "How long a lost member's place is kept, in seconds."),
    number("rooms.host_grace_s", "How long a lost host is waited for before hosting passes, in seconds."),
    number("rooms.knock_timeout_s", "How long a knock waits for an answer, in seconds."),
    number("rooms.knocks_per_room", "How many may wait at one meeting's door."),
    number(
        "rooms.denials_before_silence",
        "Denials after which a room may not knock at that meeting any more.",
    ),
    number("rooms.log_events", "Events kept for members that come back, by number."),
    number("rooms.log_bytes", "Events kept for members that come back, by size in bytes."),
    number("rooms.wrong_code_delay_ms", "How long the answer to a wrong code is held back, in milliseconds."),
    number(
        "rooms.wrong_codes_per_source_per_minute",
        "Wrong codes that one address or one kiosk may try in a minute.",
    ),
    number(
        "rooms.wrong_codes_per_source_burst",
        "Wrong codes that one address or one kiosk may try at once.",
    ),
    number("rooms.wrong_codes_per_minute", "Wrong codes that all together may try in a minute."),
    number("rooms.wrong_codes_burst", "Wrong codes that all together may try at once."),
    number(
        "rooms.alarm_wrong_codes",
        "This many wrong codes within the alarm window are shown to every host.",
    ),
    number("rooms.alarm_window_s", "The alarm window, and the shortest time between two alarms, in seconds."),
    number("rooms.code_reuse_delay_s", "How long the code of an ended meeting leads nowhere, in seconds."),
    number("rooms.messages_per_s", "Requests that one connection may send in a second."),
    number("rooms.messages_burst", "Requests that one connection may send at once."),
    number(
        "rooms.idle_timeout_s",
        "A connection on which nothing is said for this long is closed, in seconds.",
    ),
];

/// The text of `--help`.
pub fn help() -> String {
    let mut out = String::from(
        "The relay of Vestibule: kiosks meet through it.\n\n\
         Usage: vestibule-relay [options]          run the relay\n       \
         vestibule-relay status [options]   list rooms and kiosks of the relay on this machine\n\n\
         Flags go before the environment, the environment before the file. In the file, a name with a dot is a key of\n\
         a table: rooms.max_rooms is max_rooms below [rooms].\n\nOptions:\n",
    );
    let mut plain = |flag: &str, sentence: &str| {
        let _ = writeln!(out, "  {flag}\n      {sentence}");
    };
    plain(
        "--config <file>",
        &format!(
            "The configuration file. [default: {} if it is there] [environment: {}]",
            super::sources::DEFAULT_FILE,
            super::sources::FILE_VARIABLE
        ),
    );
    plain(
        "--check-config",
        "Print the configuration that would be used, or what is wrong with it, and stop.",
    );
    plain("--help, -h", "Print this text and stop.");
    plain("--version, -V", "Print the version and stop.");
    let defaults = defaults();
    for opt in OPTIONS {
        let value = match opt.shape {
            Shape::Number => " <number>".to_owned(),
            Shape::Switch => format!(", --no-{}", &opt.flag()[2..]),
            Shape::Text(word) => format!(" <{word}>"),
        };
        let default = match opt.default {
            Some(words) => words.to_owned(),
            None => lookup(&defaults, opt.key).map(ToString::to_string).unwrap_or_default(),
        };
        let _ = writeln!(
            out,
            "  {}{value}\n      {} [default: {default}] [environment: {}] [file: {}]",
            opt.flag(),
            opt.sentence,
            opt.variable(),
            opt.key
        );
    }
    out
}

fn defaults() -> toml::Table {
    toml::Table::try_from(Config::default()).expect("the default configuration can be written as TOML")
}

fn lookup<'a>(table: &'a toml::Table, key: &str) -> Option<&'a toml::Value> {
    match key.split_once('.') {
        Some((head, rest)) => lookup(table.get(head)?.as_table()?, rest),
        None => table.get(key),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_key_of_the_configuration_is_an_option_and_the_other_way_round() {
        let mut keys: BTreeSet<String> = BTreeSet::from(["media_port".into(), "state_dir".into()]);
        for (key, value) in defaults() {
            match value {
                toml::Value::Table(table) => keys.extend(table.keys().map(|inner| format!("{key}.{inner}"))),
                _ => assert!(keys.insert(key)),
            }
        }
        let options: BTreeSet<String> = OPTIONS.iter().map(|opt| opt.key.to_owned()).collect();
        assert_eq!(options, keys);
        assert_eq!(options.len(), OPTIONS.len(), "no key twice");
    }

    #[test]
    fn shapes_are_those_of_the_defaults() {
        for opt in OPTIONS {
            let fits = match (lookup(&defaults(), opt.key), opt.shape) {
                (None, _) => opt.default.is_some(),
                (Some(toml::Value::Integer(_)), Shape::Number) => true,
                (Some(toml::Value::Boolean(_)), Shape::Switch) => true,
                (Some(toml::Value::String(_)), Shape::Text(_)) => true,
                (Some(_), Shape::Number | Shape::Switch | Shape::Text(_)) => false,
            };
            assert!(fits, "{}", opt.key);
        }
    }

    #[test]
    fn the_help_names_every_option_with_its_default() {
        let help = help();
        for opt in OPTIONS {
            assert!(help.contains(&opt.flag()) && help.contains(&opt.variable()), "{}", opt.key);
        }
        assert!(help.contains("[default: 5000] [environment: VESTIBULE_RELAY_PORT] [file: port]"));
        assert!(help.contains("--announce, --no-announce"));
    }
}
