//! Where values come from: flags over environment over file over defaults. Whoever set a wrong one is told where.

use std::fmt;
use std::path::{Path, PathBuf};

use super::Configuration;
use super::options::{Opt, Program, Shape, Subcommand};
use super::words;

/// What the program is asked to do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Command {
    /// What it is for.
    Run,
    /// One of its subcommands, with the arguments behind it.
    Sub(&'static str, Vec<String>),
    /// Print the effective configuration.
    CheckConfig,
    /// Print the options.
    Help,
    /// Print the version.
    Version,
}

/// What to do, and with which configuration.
#[derive(Clone, PartialEq, Debug)]
pub struct Invocation<C> {
    /// What to do.
    pub command: Command,
    /// Complete and checked.
    pub config: C,
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
pub fn read<C: Configuration>(
    program: &Program,
    arguments: impl IntoIterator<Item = String>,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<Invocation<C>, ConfigError> {
    let Flags { command, file, values } = Flags::parse(program, arguments)?;
    if matches!(command, Command::Help | Command::Version) {
        return Ok(Invocation { command, config: C::default() });
    }
    let named = file.or_else(|| environment(&program.file_variable())).map(PathBuf::from);
    let mut table = read_file::<C>(program, named.as_deref())?;
    for opt in program.options {
        let variable = opt.variable(program.prefix);
        if let Some(value) = environment(&variable) {
            set::<C>(program, &mut table, opt, &value, &variable)?;
        }
    }
    for (opt, value, flag) in values {
        set::<C>(program, &mut table, opt, &value, &flag)?;
    }
    let config = C::deserialize(table).map_err(|error| ConfigError::Whole(error.to_string()))?;
    config.check().map_err(ConfigError::Whole)?;
    let config = config.complete(environment).map_err(ConfigError::Whole)?;
    Ok(Invocation { command, config })
}

fn read_file<C: Configuration>(program: &Program, named: Option<&Path>) -> Result<toml::Table, ConfigError> {
    let file = named.unwrap_or(Path::new(program.default_file));
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if named.is_none() && error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => {
            let why = match error.kind() {
                std::io::ErrorKind::InvalidData => "it is no text in UTF-8".to_owned(),
                _ => error.to_string(),
            };
            return Err(ConfigError::Unreadable { file: file.into(), why });
        }
    };
    parse_file::<C>(program, &text).map_err(|why| ConfigError::File { file: file.into(), why })
}

/// Reads the file twice: as a configuration, for errors that have a line, and as a table, to be laid over.
fn parse_file<C: Configuration>(program: &Program, text: &str) -> Result<toml::Table, String> {
    let worded = |error: toml::de::Error| words::of_file(program, text, &error);
    let config: C = toml::from_str(text).map_err(worded)?;
    config.check()?;
    toml::from_str(text).map_err(worded)
}

/// Lays one value over the table, and checks that the whole still is a configuration.
fn set<C: Configuration>(
    program: &Program,
    table: &mut toml::Table,
    opt: &Opt,
    value: &str,
    place: &str,
) -> Result<(), ConfigError> {
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
    for part in path.into_iter().flat_map(|path| path.split('.')) {
        let entry = below.entry(part).or_insert_with(|| toml::Value::Table(toml::Table::new()));
        below = entry.as_table_mut().expect("the file was checked: this key is a table");
    }
    below.insert(key.to_owned(), value);
    C::deserialize(table.clone()).map_err(|error| fault(words::plain(program, error.message())))?;
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
    fn parse(program: &Program, arguments: impl IntoIterator<Item = String>) -> Result<Flags, ConfigError> {
        let mut flags = Flags { command: Command::Run, file: None, values: Vec::new() };
        let mut arguments = arguments.into_iter().peekable();
        let named = |word: &String| program.subcommands.iter().find(|command| command.name == word.as_str());
        if let Some(Subcommand { name, arguments: words, .. }) = arguments.peek().and_then(named).copied() {
            arguments.next();
            let mut behind = Vec::new();
            while behind.len() < words.split_whitespace().count()
                && let Some(word) = arguments.next_if(|word| !word.starts_with('-'))
            {
                behind.push(word);
            }
            flags.command = Command::Sub(name, behind);
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
                    let found = find(program.options, flag);
                    let (opt, means) = found.ok_or_else(|| ConfigError::Usage(unknown(program, flag)))?;
                    let value = match means {
                        // Not twice the other way round.
                        Some("false") => "false".to_owned(),
                        Some(means) => inline.take().unwrap_or_else(|| means.to_owned()),
                        None => value()?,
                    };
                    if inline.is_some() {
                        return Err(ConfigError::Usage(format!("{name} takes no value")));
                    }
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

fn unknown(program: &Program, word: &str) -> String {
    let hint = |near: Option<&str>| near.map(|near| format!("; did you mean {near}?")).unwrap_or_default();
    if word.starts_with('-') {
        let flags: Vec<String> = program.options.iter().map(Opt::flag).collect();
        return format!(
            "there is no option {word}{}",
            hint(words::nearest(word, flags.iter().map(String::as_str)))
        );
    }
    if ["true", "false"].contains(&word) {
        let switch = program.options.iter().find(|opt| opt.shape == Shape::Switch).map(Opt::flag);
        let example = switch.unwrap_or("--switch".to_owned());
        return format!("{word} must stand at its switch, as in {example}={word}");
    }
    match program.subcommands.iter().find(|command| command.name == word) {
        Some(_) => format!("{word} stands too late: a command comes first, before all options"),
        None => {
            let near = words::nearest(word, program.subcommands.iter().map(|command| command.name));
            format!("there is no command {word}{}", hint(near))
        }
    }
}

/// The option of a flag, and what the flag alone means if it is a switch.
fn find(options: &'static [Opt], flag: &str) -> Option<(&'static Opt, Option<&'static str>)> {
    options.iter().find_map(|opt| match opt.shape {
        Shape::Switch if flag == opt.flag() => Some((opt, Some("true"))),
        Shape::Switch if flag == format!("--no-{}", &opt.flag()[2..]) => Some((opt, Some("false"))),
        Shape::Number | Shape::Text(_) if flag == opt.flag() => Some((opt, None)),
        Shape::Switch | Shape::Number | Shape::Text(_) => None,
    })
}
