//! The one table of options. Flags, environment variables, keys of the file and the help text all come from it.

use vestibule_host::{Opt, Program, Subcommand};

/// The relay as its command line shows it.
pub const PROGRAM: Program = Program {
    name: "vestibule-relay",
    about: "The relay of Vestibule: kiosks meet through it.",
    run: "Run the relay.",
    prefix: "VESTIBULE_RELAY",
    default_file: "/etc/vestibule/relay.toml",
    subcommands: &[STATUS],
    options: OPTIONS,
};

/// Shows the running relay.
pub(crate) const STATUS: Subcommand = Subcommand {
    name: "status",
    arguments: "",
    sentence: "List meetings and kiosks of the relay that runs on this machine.",
};

/// Every option.
const OPTIONS: &[Opt] = &[
    Opt::text("listen", "address", "The address to listen on, or \"all\" for every address of the machine."),
    Opt::number("port", "The TCP port for control. 0 takes a free one."),
    Opt::number("media_port", "The UDP port for media. 0 takes a free one.")
        .or("the one after the control port"),
    Opt::text("state_dir", "folder", "The folder in which the relay keeps its identity key and its codes.")
        .or("the system's state folder"),
    Opt::text("name", "text", "What the relay is called in a kiosk's list of relays."),
    Opt::switch("announce", "Let kiosks on this network find the relay by mDNS."),
    Opt::text(
        "log_level",
        "level",
        "The least important messages to log: error, warn, info, debug or trace.",
    ),
    Opt::number("max_connections", "The most connections at the same time."),
    Opt::number(
        "max_connections_per_source",
        "The most connections of one address (IPv6: of one /64 network).",
    ),
    Opt::number(
        "max_ungreeted",
        "The most connections that have not greeted; the oldest makes room for a new one.",
    ),
    Opt::number("greeting_timeout_s", "How long a connection may take to greet, in seconds."),
    Opt::number("rooms.max_rooms", "The most meetings at the same time."),
    Opt::number(
        "rooms.rooms_per_source",
        "The most meetings opened from one address (IPv6: from one /64 network).",
    ),
    Opt::number("rooms.members_per_room", "The most rooms in one meeting, the host's included."),
    Opt::number("rooms.member_grace_s", "How long a lost member's place is kept, in seconds."),
    Opt::number(
        "rooms.host_grace_s",
        "How long a lost host is waited for before hosting passes, in seconds.",
    ),
    Opt::number("rooms.knock_timeout_s", "How long a knock waits for an answer, in seconds."),
    Opt::number("rooms.knocks_per_room", "How many may wait at one meeting's door."),
    Opt::number(
        "rooms.denials_before_silence",
        "Denials after which a room may not knock at that meeting any more.",
    ),
    Opt::number("rooms.log_events", "Events kept for members that come back, by number."),
    Opt::number("rooms.log_bytes", "Events kept for members that come back, by size in bytes."),
    Opt::number(
        "rooms.wrong_code_delay_ms",
        "How long the answer to a wrong code is held back, in milliseconds.",
    ),
    Opt::number(
        "rooms.wrong_codes_per_source_per_minute",
        "Wrong codes that one address or one kiosk may try in a minute.",
    ),
    Opt::number(
        "rooms.wrong_codes_per_source_burst",
        "Wrong codes that one address or one kiosk may try at once.",
    ),
    Opt::number("rooms.wrong_codes_per_minute", "Wrong codes that all together may try in a minute."),
    Opt::number("rooms.wrong_codes_burst", "Wrong codes that all together may try at once."),
    Opt::number(
        "rooms.alarm_wrong_codes",
        "This many wrong codes within the alarm window are shown to every host.",
    ),
    Opt::number(
        "rooms.alarm_window_s",
        "The alarm window, and the shortest time between two alarms, in seconds.",
    ),
    Opt::number(
        "rooms.code_reuse_delay_s",
        "How long the code of an ended meeting leads nowhere, in seconds.",
    ),
    Opt::number("rooms.messages_per_s", "Requests that one connection may send in a second."),
    Opt::number("rooms.messages_burst", "Requests that one connection may send at once."),
    Opt::number(
        "rooms.idle_timeout_s",
        "A connection on which nothing is said for this long is closed, in seconds.",
    ),
];
