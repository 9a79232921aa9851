//! The program `vestibule-relay`.

#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = std::env::args_os().skip(1).map(|argument| argument.to_string_lossy().into_owned());
    let environment = |name: &str| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned());
    vestibule_relay::shell::main(arguments, &environment)
}
