//! A shell in the hardware rig: boots a machine with a screen and runs each line of standard input in it.
//!
//! `cargo run -p vestibule-tests --example vm_shell`. Lines are commands of their own: `cd` and variables do not carry
//! over. Files go in and out through the folder it names.

use std::io::{self, BufRead, Write};

use vestibule_tests::vm::{Error, Machine, Options};

fn main() -> Result<(), Error> {
    let vm = Machine::boot("shell", Options { screen: Some((1280, 800)), ..Options::default() })?;
    println!("/share is {}", vm.share_path().display());
    for line in io::stdin().lock().lines() {
        let Ok(line) = line else { break };
        match vm.sh(&line) {
            Ok(output) => print!("{output}"),
            Err(error) => println!("{error}"),
        }
        let _ = io::stdout().flush();
    }
    Ok(())
}
