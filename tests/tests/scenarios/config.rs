//! What a configuration may say. A fault is refused with its place and a sentence.

use std::path::Path;
use std::process::{Command, Output};

use vestibule_tests::programs::{Kiosk, Relay, program};
use vestibule_tests::rooms::{SMALL, home};

fn check(name: &str, file: &Path, text: &str) -> (Output, String) {
    std::fs::write(file, text).unwrap();
    let mut command = Command::new(program(name));
    let output = command.arg("--check-config").arg("--config").arg(file).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    (output, errors)
}

#[test]
fn faults_in_a_kiosks_file_are_refused_with_their_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("kiosk.toml");
    let long = format!("name = \"{}\"\n", "x".repeat(41));
    let cases: [(&str, &str, &str); 10] = [
        ("language = \"english\"\ncolour = \"blue\"\n", "line 2", "colour"),
        ("\n[devices]\ncamara = \"auto\"\n", "line 3", "did you mean camera?"),
        ("pin = \"1234\"\nname = \"\"\n", "line 2", "name"),
        ("name = \"  \"\n", "line 1", "name"),
        (&long, "line 1", "40"),
        ("name = \"Board\\u0007room\"\n", "line 1", "name"),
        ("name = \"Board\\u202eroom\"\n", "line 1", "name"),
        ("language = \"klingon\"\n", "line 1", "klingon"),
        ("pin = \"12\"\n", "", "PIN"),
        ("relay = \"somewhere\"\n", "", "192.168"),
    ];
    for (text, line, part) in cases {
        let (output, errors) = check("vestibule-kiosk", &file, text);
        assert!(!output.status.success() && output.stdout.is_empty(), "{text:?} was taken");
        assert!(errors.contains(line) && errors.contains(part), "{text:?}: {errors}");
        assert!(errors.contains("kiosk.toml") || line.is_empty(), "{text:?}: {errors}");
    }
    let (output, errors) =
        check("vestibule-kiosk", &file, "name = \"Boardroom\"\n[devices]\ncamera = \"sim\"\n");
    assert!(output.status.success(), "{errors}");
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(printed.contains("name = \"Boardroom\"") && printed.contains("camera = \"sim\""), "{printed}");
    let (output, errors) = check("vestibule-kiosk", &file, "pin = \"4711\"\n");
    assert!(output.status.success(), "{errors}");
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(printed.contains("pin is set") && !printed.contains("4711"), "{printed}");
}

#[test]
fn a_folder_that_is_in_use_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Relay::start(folder.path(), None, &[]).unwrap();
    let mut first = Kiosk::start(folder.path(), "Boardroom", &relay, &SMALL, None).unwrap();
    home(&mut first).unwrap();
    let mut command = Command::new(program("vestibule-kiosk"));
    command.args(["--devices-devices", "sim", "--screen", "none", "--no-discover", "--state-dir"]);
    let output = command.arg(folder.path().join("Boardroom")).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && errors.contains("is in use by another program"), "{errors}");
    home(&mut first).unwrap();
}

#[test]
fn faults_in_a_relays_file_are_refused_with_their_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("relay.toml");
    for (text, line, part) in [
        ("port = 1\nprot = 2\n", "line 2", "prot"),
        ("[rooms]\nmembers = 3\n", "line 2", "members"),
        ("[rooms]\nmembers_per_room = 1\n", "", "between 2 and"),
        ("listen = \"everywhere\"\n", "line 1", "everywhere"),
    ] {
        let (output, errors) = check("vestibule-relay", &file, text);
        assert!(!output.status.success() && output.stdout.is_empty(), "{text:?} was taken");
        assert!(errors.contains(line) && errors.contains(part), "{text:?}: {errors}");
    }
}

#[test]
fn a_name_that_is_none_stops_the_start_with_a_sentence() {
    let long = "x".repeat(41);
    for (name, part) in [("", "name"), (long.as_str(), "40"), ("a\u{7}b", "name")] {
        let output = Command::new(program("vestibule-kiosk")).args(["--name", name]).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success(), "{name:?} was taken");
        assert!(errors.contains("--name") && errors.contains(part), "{name:?}: {errors}");
        assert!(!errors.contains('\u{7}'), "what cannot be shown is not shown: {errors:?}");
    }
}
