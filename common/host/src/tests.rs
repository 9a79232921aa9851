use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::*;

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Config {
    port: u16,
    name: String,
    announce: bool,
    state_dir: Option<PathBuf>,
    rooms: Rooms,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Rooms {
    most: u32,
}

impl Default for Rooms {
    fn default() -> Self {
        Rooms { most: 9 }
    }
}

impl Default for Config {
    fn default() -> Self {
        Config { port: 5000, name: "here".into(), announce: true, state_dir: None, rooms: Rooms::default() }
    }
}

impl Configuration for Config {
    fn check(&self) -> Result<(), String> {
        if self.port == 1 { Err("port 1 is taken by tradition".into()) } else { Ok(()) }
    }

    fn complete(mut self, environment: &dyn Fn(&str) -> Option<String>) -> Result<Self, String> {
        self.state_dir = self.state_dir.or_else(|| default_state_dir("thing", environment));
        Ok(self)
    }
}

const PROGRAM: Program = Program {
    name: "thing",
    about: "A thing.",
    run: "Runs.",
    prefix: "THING",
    default_file: "/nowhere/thing.toml",
    subcommands: &[Subcommand { name: "test", arguments: "WHAT", sentence: "Tests." }],
    options: &[
        Opt::number("port", "A port."),
        Opt::text("name", "text", "A name."),
        Opt::switch("announce", "Say it."),
        Opt::text("state_dir", "folder", "A folder.").or("the system's"),
        Opt::number("rooms.most", "The most."),
    ],
};

fn run(arguments: &[&str], environment: &[(&str, &str)]) -> Result<Invocation<Config>, String> {
    let lookup =
        |name: &str| environment.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
    read(&PROGRAM, arguments.iter().map(|word| (*word).to_owned()), &lookup)
        .map_err(|error| error.to_string())
}

fn with_file(text: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Result<Config, String> {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("thing.toml");
    std::fs::write(&file, text).unwrap();
    let mut all = vec!["--config", file.to_str().unwrap()];
    all.extend(arguments);
    run(&all, environment).map(|invocation| invocation.config)
}

#[test]
fn flags_go_before_environment_before_file() {
    let file = "port = 2\nname = \"one\"\n[rooms]\nmost = 1";
    let environment = [("THING_PORT", "3"), ("THING_ROOMS_MOST", "2"), ("THING_NAME", "two")];
    let config = with_file(file, &["--port", "4", "--rooms-most=3", "--no-announce"], &environment).unwrap();
    assert_eq!((config.port, config.name.as_str(), config.announce, config.rooms.most), (4, "two", false, 3));
}

#[test]
fn an_unknown_key_is_refused_with_its_line() {
    let error = with_file("port = 2\n\ncolour = \"blue\"", &[], &[]).unwrap_err();
    assert!(error.contains("thing.toml") && error.contains("line 3") && error.contains("colour"), "{error}");
    let error = with_file("[rooms]\nleast = 3", &[], &[]).unwrap_err();
    assert!(error.contains("line 2") && error.contains("least"), "{error}");
    assert!(with_file("port = 1", &[], &[]).unwrap_err().contains("tradition"));
    assert!(with_file("rooms = 3", &["--rooms-most", "3"], &[]).is_err());
}

#[test]
fn a_wrong_flag_or_variable_is_named() {
    let fault = |arguments: &[&str], environment: &[(&str, &str)]| run(arguments, environment).unwrap_err();
    assert_eq!(fault(&["--port", "many"], &[]), "--port: \"many\" is no whole number");
    assert!(fault(&["--port", "70000"], &[]).starts_with("--port: "));
    assert!(fault(&[], &[("THING_ANNOUNCE", "perhaps")]).starts_with("THING_ANNOUNCE: "));
    assert!(fault(&["--prot", "1"], &[]).contains("no option --prot; did you mean --port?"));
    assert!(fault(&["tets"], &[]).contains("no command tets; did you mean test?"));
    assert!(fault(&["--port", "1", "test"], &[]).contains("a command comes first"));
    assert!(fault(&["--port", "70000"], &[]).contains("from 0 to 65535"));
    assert!(fault(&["--port"], &[]).contains("needs a value"));
    assert!(fault(&["--help=x"], &[]).contains("takes no value"));
    assert!(fault(&["--no-announce=true"], &[]).contains("takes no value"));
    assert!(fault(&["--announce", "false"], &[]).contains("as in --announce=false"));
    assert!(fault(&["--config", "/nowhere/at/all"], &[]).contains("/nowhere/at/all cannot be read"));
}

#[test]
fn commands() {
    let command = |arguments: &[&str]| run(arguments, &[]).unwrap().command;
    assert_eq!(command(&[]), Command::Run);
    assert_eq!(command(&["test", "camera", "--port", "2"]), Command::Sub("test", vec!["camera".into()]));
    assert_eq!(command(&["test", "--port", "2"]), Command::Sub("test", vec![]));
    assert!(run(&["test", "camera", "twice"], &[]).is_err());
    assert_eq!(command(&["--check-config"]), Command::CheckConfig);
    assert_eq!(command(&["-h"]), Command::Help);
    assert_eq!(command(&["--version"]), Command::Version);
}

#[test]
fn the_help_names_every_option_with_its_default() {
    assert_eq!(PROGRAM.check_table::<Config>(), Ok(()));
    let help = PROGRAM.help::<Config>();
    for opt in PROGRAM.options {
        assert!(help.contains(&opt.flag()) && help.contains(&opt.variable("THING")), "{}", opt.key);
    }
    assert!(help.contains("[default: 5000] [environment: THING_PORT] [file: port]"), "{help}");
    assert!(
        help.contains("--announce, --no-announce") && help.contains("thing test WHAT [options]"),
        "{help}"
    );
    let incomplete = Program { options: &PROGRAM.options[1..], ..PROGRAM };
    assert!(incomplete.check_table::<Config>().unwrap_err().contains("port"));
}

#[test]
fn what_is_printed_reads_back() {
    let config = with_file("name = \"there\"", &[], &[("HOME", "/h")]).unwrap();
    assert_eq!(config.state_dir.as_deref(), Some(std::path::Path::new("/h/.local/state/thing")));
    assert_eq!(with_file(&toml::to_string(&config).unwrap(), &[], &[]).unwrap(), config);
}

#[test]
fn a_secret_is_printed_neither_as_a_value_nor_in_a_fault() {
    let mut options = PROGRAM.options.to_vec();
    options[1] = options[1].secret();
    let program = Program { options: Box::leak(options.into_boxed_slice()), ..PROGRAM };
    let config = Config { name: "4711".into(), ..Config::default() };
    let printed = program.print(&config).unwrap();
    assert!(printed.contains("name is set") && printed.contains("port = 5000"), "{printed}");
    assert!(!printed.contains("4711"), "{printed}");
    let printed = program.print(&Config::default()).unwrap();
    assert!(printed.contains("name is \"here\" as for everyone"), "{printed}");
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "port = 2\nname = 4711").unwrap();
    let arguments = ["--config".to_owned(), file.path().to_str().unwrap().to_owned()];
    let error = read::<Config>(&program, arguments, &|_| None).unwrap_err().to_string();
    assert!(error.contains("line 2") && error.contains("in quotes") && !error.contains("4711"), "{error}");
    std::fs::write(file.path(), "nmae = \"4711\"").unwrap();
    let arguments = ["--config".to_owned(), file.path().to_str().unwrap().to_owned()];
    let error = read::<Config>(&program, arguments, &|_| None).unwrap_err().to_string();
    assert!(error.contains("did you mean name") && !error.contains("4711"), "{error}");
}

#[cfg(unix)]
#[test]
fn the_state_folder_is_the_systems() {
    let found = |set: &'static [(&str, &str)]| {
        let lookup =
            move |name: &str| set.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        default_state_dir("thing", &lookup)
    };
    let all = &[("STATE_DIRECTORY", "/var/lib/a:/var/lib/b"), ("XDG_STATE_HOME", "/xdg"), ("HOME", "/h")];
    assert_eq!(found(all).unwrap(), PathBuf::from("/var/lib/a"));
    assert_eq!(found(&all[1..]).unwrap(), PathBuf::from("/xdg/thing"));
    assert_eq!(found(&all[2..]).unwrap(), PathBuf::from("/h/.local/state/thing"));
    assert_eq!(found(&[]), None);
}
