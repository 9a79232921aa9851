//! Where values come from: flags over environment over file over defaults. Whoever set a wrong one is told where.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::Config;
use super::options::{OPTIONS, Opt, Shape};

/// The file that is read when none is named, if it is there.
pub(super) const DEFAULT_FILE: &str = "/etc/vestibule/relay.toml";
/// Names the file, unless a flag does.
pub(super) const FILE_VARIABLE: &str = "VESTIBULE_RELAY_CONFIG";

/// What the program is asked to do.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Command {
    /// Be the relay.
    Run,
    /// Show the running relay's rooms and kiosks.
    Status,
    /// Print the effective configuration.
    CheckConfig,
    /// Print the options.
    Help,
    /// Print the version.
    Version,
}

/// What to do, and with which configuration.
#[derive(Clone, PartialEq, Debug)]
pub struct Invocation {
    /// What to do.
    pub command: Command,
    /// Complete and checked.
    pub config: Config,
}

/// Why there is no configuration, worded for whoever wrote it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ConfigError {
    /// The command line is not understood.
    Usage(String),
    /// The file cannot be read.
    Unreadable {
        /// The file.
        file: PathBuf,
        /// Why.
        why: String,
    },
    /// The file is not right; the text has the line.
    File {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// A flag or an environment variable has a value that cannot be.
    Value {
        /// The flag or variable.
        place: String,
        /// What is wrong.
        why: String,
    },
    /// The values do not go together, or the system lacks something.
    Whole(String),
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConfigError::Usage(why) => write!(f, "{why}\nTry --help."),
            ConfigError::Unreadable { file, why } => {
                write!(f, "the configuration file {} cannot be read: {why}", file.display())
            }
            ConfigError::File { file, why } => {
                write!(f, "the configuration file {} is not right: {}", file.display(), why.trim_end())
            }
            ConfigError::Value { place, why } => write!(f, "{place}: {}", why.trim_end()),
            ConfigError::Whole(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for ConfigError {}

/// Reads the command line (without the program's name), the environment and the file.
///
/// `environment` looks a variable up.
pub fn read(
    arguments: impl IntoIterator<Item = String>,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<Invocation, ConfigError> {
    let Flags { command, file, values } = Flags::parse(arguments)?;
    if matches!(command, Command::Help | Command::Version) {
        return Ok(Invocation { command, config: Config::default() });
    }
    let named = file.or_else(|| environment(FILE_VARIABLE)).map(PathBuf::from);
    let mut table = read_file(named.as_deref())?;
    for opt in OPTIONS {
        if let Some(value) = environment(&opt.variable()) {
            set(&mut table, opt, &value, &opt.variable())?;
        }
    }
    for (opt, value, flag) in values {
        set(&mut table, opt, &value, &flag)?;
    }
    let config = Config::deserialize(table).map_err(|error| ConfigError::Whole(error.to_string()))?;
    config.check().map_err(ConfigError::Whole)?;
    let config = config.complete(environment).map_err(ConfigError::Whole)?;
    Ok(Invocation { command, config })
}

fn read_file(named: Option<&Path>) -> Result<toml::Table, ConfigError> {
    let file = named.unwrap_or(Path::new(DEFAULT_FILE));
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if named.is_none() && error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(ConfigError::Unreadable { file: file.into(), why: error.to_string() }),
    };
    parse_file(&text).map_err(|why| ConfigError::File { file: file.into(), why })
}

/// Reads the file twice: as a configuration, for errors that have a line, and as a table, to be laid over.
fn parse_file(text: &str) -> Result<toml::Table, String> {
    let config: Config = toml::from_str(text).map_err(|error| error.to_string())?;
    config.check()?;
    toml::from_str(text).map_err(|error| error.to_string())
}

/// Lays one value over the table, and checks that the whole still is a configuration.
fn set(table: &mut toml::Table, opt: &Opt, value: &str, place: &str) -> Result<(), ConfigError> {
    let fault = |why: String| ConfigError::Value { place: place.to_owned(), why };
    let value = match opt.shape {
        Shape::Text(_) => toml::Value::String(value.to_owned()),
        Shape::Number => {
            let number = value.trim().parse().map_err(|_| fault(format!("{value:?} is no whole number")))?;
            toml::Value::Integer(number)
        }
        Shape::Switch => match value.trim() {
            "true" => toml::Value::Boolean(true),
            "false" => toml::Value::Boolean(false),
            other => return Err(fault(format!("{other:?} is neither true nor false"))),
        },
    };
    let mut below = &mut *table;
    let (path, key) = opt.key.rsplit_once('.').map_or((None, opt.key), |(path, key)| (Some(path), key));
    if let Some(path) = path {
        let entry = below.entry(path).or_insert_with(|| toml::Value::Table(toml::Table::new()));
        below = entry.as_table_mut().expect("the file was checked: this key is a table");
    }
    below.insert(key.to_owned(), value);
    Config::deserialize(table.clone()).map_err(|error| fault(error.message().to_owned()))?;
    Ok(())
}

/// The command line.
struct Flags {
    command: Command,
    file: Option<String>,
    /// Option, value, and the flag as it was written.
    values: Vec<(&'static Opt, String, String)>,
}

impl Flags {
    fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Flags, ConfigError> {
        let mut flags = Flags { command: Command::Run, file: None, values: Vec::new() };
        let mut arguments = arguments.into_iter().peekable();
        if arguments.peek().is_some_and(|first| first == "status") {
            flags.command = Command::Status;
            arguments.next();
        }
        while let Some(argument) = arguments.next() {
            let (name, mut inline) = match argument.split_once('=') {
                Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
                None => (argument, None),
            };
            let mut value = || {
                inline
                    .take()
                    .or_else(|| arguments.next())
                    .ok_or_else(|| ConfigError::Usage(format!("{name} needs a value behind it")))
            };
            match name.as_str() {
                "--help" | "-h" => flags.command = Command::Help,
                "--version" | "-V" => flags.command = Command::Version,
                "--check-config" => flags.command = Command::CheckConfig,
                "--config" => flags.file = Some(value()?),
                flag => {
                    let (opt, means) =
                        find(flag).ok_or_else(|| ConfigError::Usage(format!("there is no option {flag}")))?;
                    let value = match means {
                        Some(means) => inline.take().unwrap_or_else(|| means.to_owned()),
                        None => value()?,
                    };
                    flags.values.push((opt, value, name));
                    continue;
                }
            }
            if inline.is_some() {
                return Err(ConfigError::Usage(format!("{name} takes no value")));
            }
        }
        Ok(flags)
    }
}

/// The option of a flag, and what the flag alone means if it is a switch.
fn find(flag: &str) -> Option<(&'static Opt, Option<&'static str>)> {
    OPTIONS.iter().find_map(|opt| match opt.shape {
        Shape::Switch if flag == opt.flag() => Some((opt, Some("true"))),
        Shape::Switch if flag == format!("--no-{}", &opt.flag()[2..]) => Some((opt, Some("false"))),
        Shape::Number | Shape::Text(_) if flag == opt.flag() => Some((opt, None)),
        Shape::Switch | Shape::Number | Shape::Text(_) => None,
    })
}

#[cfg(test)]
mod tests {
    use super::super::Listen;
    use super::*;

    fn run(arguments: &[&str], environment: &[(&str, &str)]) -> Result<Invocation, String> {
        let lookup = |name: &str| {
            let found = environment.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned()).or((name == "HOME").then(|| "/home/x".to_owned()))
        };
        let arguments = arguments.iter().map(|argument| (*argument).to_owned());
        read(arguments, &lookup).map_err(|error| error.to_string())
    }

    fn with_file(text: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Result<Config, String> {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("relay.toml");
        std::fs::write(&file, text).unwrap();
        let mut all = vec!["--config", file.to_str().unwrap()];
        all.extend(arguments);
        run(&all, environment).map(|invocation| invocation.config)
    }

    #[test]
    fn flags_go_before_environment_before_file() {
        let file = "port = 1\nmedia_port = 1\nname = \"one\"\n[rooms]\nmax_rooms = 1\nlog_events = 7";
        let environment = [
            ("VESTIBULE_RELAY_PORT", "2"),
            ("VESTIBULE_RELAY_ROOMS_MAX_ROOMS", "2"),
            ("VESTIBULE_RELAY_NAME", "two"),
        ];
        let config =
            with_file(file, &["--port", "3", "--rooms-max-rooms=3", "--no-announce"], &environment).unwrap();
        assert_eq!((config.port, config.media_port, config.name.as_str()), (3, Some(1), "two"));
        assert_eq!((config.rooms.max_rooms, config.rooms.log_events, config.announce), (3, 7, false));
    }

    #[test]
    fn an_unknown_key_is_refused_with_its_line() {
        let error = with_file("port = 1\n\ncolour = \"blue\"", &[], &[]).unwrap_err();
        assert!(
            error.contains("relay.toml") && error.contains("line 3") && error.contains("colour"),
            "{error}"
        );
        let error = with_file("[rooms]\nmembers = 3", &[], &[]).unwrap_err();
        assert!(error.contains("line 2") && error.contains("members"), "{error}");
        let error = with_file("port = 70000", &[], &[]).unwrap_err();
        assert!(error.contains("line 1") && error.contains("70000"), "{error}");
        let error = with_file("listen = \"everywhere\"", &[], &[]).unwrap_err();
        assert!(error.contains("line 1") && error.contains("no IP address"), "{error}");
        assert!(with_file("max_ungreeted = 0", &[], &[]).unwrap_err().contains("between 1 and"));
        assert!(with_file("rooms = 3", &["--rooms-max-rooms", "3"], &[]).is_err());
    }

    #[test]
    fn a_wrong_flag_or_variable_is_named() {
        let fault =
            |arguments: &[&str], environment: &[(&str, &str)]| run(arguments, environment).unwrap_err();
        assert_eq!(fault(&["--port", "many"], &[]), "--port: \"many\" is no whole number");
        assert!(fault(&["--port", "70000"], &[]).starts_with("--port: "));
        assert!(fault(&["--listen=nowhere"], &[]).contains("--listen: \"nowhere\" is no IP address"));
        assert!(
            fault(&[], &[("VESTIBULE_RELAY_ANNOUNCE", "perhaps")]).starts_with("VESTIBULE_RELAY_ANNOUNCE: ")
        );
        assert!(fault(&["--prot", "1"], &[]).contains("no option --prot"));
        assert!(fault(&["--port"], &[]).contains("needs a value"));
        assert!(fault(&["status", "now"], &[]).contains("no option now"));
        assert!(fault(&["--help=x"], &[]).contains("takes no value"));
        assert!(fault(&["--max-connections", "0"], &[]).contains("max_connections is 0"));
        assert!(fault(&["--config", "/nowhere/at/all"], &[]).contains("/nowhere/at/all cannot be read"));
    }

    #[test]
    fn commands() {
        let command = |arguments: &[&str]| run(arguments, &[]).unwrap().command;
        assert_eq!(command(&[]), Command::Run);
        assert_eq!(command(&["status", "--port", "1"]), Command::Status);
        assert_eq!(command(&["--check-config"]), Command::CheckConfig);
        assert_eq!(command(&["-h"]), Command::Help);
        assert_eq!(command(&["--version"]), Command::Version);
    }

    #[test]
    fn what_is_printed_reads_back() {
        let config = with_file("listen = \"::1\"\nlog_level = \"debug\"", &[], &[]).unwrap();
        assert_eq!(config.listen, Listen::Address("::1".parse().unwrap()));
        let printed = toml::to_string(&config).unwrap();
        assert_eq!(with_file(&printed, &[], &[]).unwrap(), config);
    }
}
