//! The one table of options. Flags, environment variables, keys of the file and the help text all come from it.

use std::fmt::{self, Write};

use super::Configuration;

/// What a value looks like.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Shape {
    /// A whole number.
    Number,
    /// True or false; as a flag alone it means true, and `--no-…` means false.
    Switch,
    /// Text, with the word that stands for it in the help.
    Text(&'static str),
}

/// One row: a key of the file and its sentence. Flag and environment variable follow from the key.
#[derive(Copy, Clone, Debug)]
pub struct Opt {
    /// In the file; `table.key` for a key of a table.
    pub key: &'static str,
    /// What its value looks like.
    pub shape: Shape,
    /// Never printed.
    pub secret: bool,
    sentence: &'static str,
    default: Option<&'static str>,
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Shape::Number => "a whole number",
            Shape::Switch => "true or false",
            Shape::Text(word) => word,
        })
    }
}

impl Opt {
    /// A whole number.
    pub const fn number(key: &'static str, sentence: &'static str) -> Opt {
        Opt { key, shape: Shape::Number, secret: false, sentence, default: None }
    }

    /// True or false.
    pub const fn switch(key: &'static str, sentence: &'static str) -> Opt {
        Opt { key, shape: Shape::Switch, secret: false, sentence, default: None }
    }

    /// Text; `word` stands for it in the help.
    pub const fn text(key: &'static str, word: &'static str, sentence: &'static str) -> Opt {
        Opt { key, shape: Shape::Text(word), secret: false, sentence, default: None }
    }

    /// With a default in words, where the configuration has none that can be printed.
    pub const fn or(self, default: &'static str) -> Opt {
        Opt { default: Some(default), ..self }
    }

    /// Its value is never printed, nor is a line of the file that holds it.
    pub const fn secret(self) -> Opt {
        Opt { secret: true, ..self }
    }

    /// `--media-port` for `media_port`.
    pub fn flag(&self) -> String {
        format!("--{}", self.key.replace(['_', '.'], "-"))
    }

    /// `VESTIBULE_RELAY_MEDIA_PORT` for `media_port` of the program with the prefix `VESTIBULE_RELAY`.
    pub fn variable(&self, prefix: &str) -> String {
        format!("{prefix}_{}", self.key.replace('.', "_").to_uppercase())
    }
}

/// Something else that a program can be asked to do: its first argument.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Subcommand {
    /// The word.
    pub name: &'static str,
    /// Words behind it, as the usage shows them; each is one argument that may be left out.
    pub arguments: &'static str,
    /// What it does.
    pub sentence: &'static str,
}

/// A program's face: everything the help text says.
#[derive(Copy, Clone, Debug)]
pub struct Program {
    /// As it is called.
    pub name: &'static str,
    /// What it is, in a sentence.
    pub about: &'static str,
    /// What it does when called without a subcommand.
    pub run: &'static str,
    /// In front of its environment variables.
    pub prefix: &'static str,
    /// The file that is read when none is named, if it is there.
    pub default_file: &'static str,
    /// What else it can do.
    pub subcommands: &'static [Subcommand],
    /// Everything that can be set.
    pub options: &'static [Opt],
}

impl Program {
    /// Names the configuration file, unless a flag does.
    pub fn file_variable(&self) -> String {
        format!("{}_CONFIG", self.prefix)
    }

    /// The text of `--help`.
    pub fn help<C: Configuration>(&self) -> String {
        let mut out = format!("{}\n\nUsage:\n", self.about);
        let _ = writeln!(out, "  {} [options]\n      {}", self.name, self.run);
        for command in self.subcommands {
            let words = [self.name, command.name, command.arguments, "[options]"];
            let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
            let _ = writeln!(out, "  {}\n      {}", words.join(" "), command.sentence);
        }
        out.push_str(
            "\nFlags go before the environment, the environment before the file. In the file, a name with a dot is a \
             key\nof a table: table.key is key below [table].\n\nOptions:\n",
        );
        let mut plain = |flag: &str, sentence: &str| {
            let _ = writeln!(out, "  {flag}\n      {sentence}");
        };
        let file = format!(
            "The configuration file. [default: {} if it is there] [environment: {}]",
            self.default_file,
            self.file_variable()
        );
        plain("--config <file>", &file);
        plain(
            "--check-config",
            "Print the configuration that would be used, or what is wrong with it, and stop.",
        );
        plain("--help, -h", "Print this text and stop.");
        plain("--version, -V", "Print the version and stop.");
        let defaults = defaults::<C>();
        for opt in self.options {
            let value = match opt.shape {
                Shape::Number => " <number>".to_owned(),
                Shape::Switch => format!(", --no-{}", &opt.flag()[2..]),
                Shape::Text(word) => format!(" <{word}>"),
            };
            let default = match opt.default {
                Some(words) => words.to_owned(),
                None => lookup(&defaults, opt.key).map(ToString::to_string).unwrap_or_default(),
            };
            let (flag, variable) = (opt.flag(), opt.variable(self.prefix));
            let _ = writeln!(
                out,
                "  {flag}{value}\n      {} [default: {default}] [environment: {variable}] [file: {}]",
                opt.sentence, opt.key
            );
        }
        out
    }

    /// The configuration as `--check-config` prints it: it reads back, but for what is secret, which is not printed.
    ///
    /// Errors: it cannot be written as TOML.
    pub fn print<C: Configuration>(&self, config: &C) -> Result<String, toml::ser::Error> {
        let mut table = toml::Table::try_from(config)?;
        let mut out = String::new();
        for opt in self.options.iter().filter(|opt| opt.secret) {
            match (table.remove(opt.key), lookup(&defaults::<C>(), opt.key)) {
                (Some(value), Some(default)) if value == *default => {
                    let _ = writeln!(out, "# {} is {value} as for everyone who sets none: set one", opt.key);
                }
                (Some(_), _) => {
                    let _ = writeln!(out, "# {} is set, and is not printed", opt.key);
                }
                (None, _) => {}
            }
        }
        out.push_str(&toml::to_string(&table)?);
        Ok(out)
    }

    /// Compares the table with the configuration: every key is an option and the other way round, in the right shape.
    /// For a program's tests. Errors: the first key that does not fit.
    pub fn check_table<C: Configuration>(&self) -> Result<(), String> {
        let mut keys = Vec::new();
        collect_keys(&defaults::<C>(), "", &mut keys);
        if let Some(key) = keys.iter().find(|key| !self.options.iter().any(|opt| opt.key == key.as_str())) {
            return Err(format!("{key} has no option"));
        }
        for (at, opt) in self.options.iter().enumerate() {
            let fits = match (lookup(&defaults::<C>(), opt.key), opt.shape) {
                (None, _) => opt.default.is_some(),
                (Some(toml::Value::Integer(_)), Shape::Number) => true,
                (Some(toml::Value::Boolean(_)), Shape::Switch) => true,
                (Some(toml::Value::String(_)), Shape::Text(_)) => true,
                (Some(_), Shape::Number | Shape::Switch | Shape::Text(_)) => false,
            };
            if opt.secret && opt.key.contains('.') {
                return Err(format!("{} is secret and must be no key of a table", opt.key));
            }
            if !fits || self.options[..at].iter().any(|before| before.key == opt.key) {
                return Err(format!("{} has another shape, no default, or stands twice", opt.key));
            }
        }
        Ok(())
    }
}

fn defaults<C: Configuration>() -> toml::Table {
    toml::Table::try_from(C::default()).expect("the default configuration can be written as TOML")
}

fn collect_keys(table: &toml::Table, path: &str, keys: &mut Vec<String>) {
    for (key, value) in table {
        let key = format!("{path}{key}");
        match value {
            toml::Value::Table(inner) => collect_keys(inner, &format!("{key}."), keys),
            _ => keys.push(key),
        }
    }
}

fn lookup<'a>(table: &'a toml::Table, key: &str) -> Option<&'a toml::Value> {
    match key.split_once('.') {
        Some((head, rest)) => lookup(table.get(head)?.as_table()?, rest),
        None => table.get(key),
    }
}
