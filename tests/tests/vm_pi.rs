//! The Raspberry Pi scenario itself: a press on a pin reaches a program there, and its lamp is seen here. The program
//! is a few lines of shell on the bare registers; no Vestibule program runs here.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use vestibule_tests::vm::{Error, Level, Pi};

/// Follows the button on pin 17, which reads low while pressed, with the lamp on pin 22.
const PROGRAM: &str = "#!/bin/sh
set -e
cat /proc/device-tree/model
echo ': following'
while :; do
    if [ $(( $(devmem 0x3f200034) >> 17 & 1 )) = 1 ]; then devmem 0x3f200028 32 0x400000; else devmem 0x3f20001c 32 0x400000; fi
    usleep 20000
done
";

#[test]
fn vm_pi_lights_a_lamp_on_a_press() -> Result<(), Error> {
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("vm_pi");
    let run = program.join("run");
    fs::create_dir_all(&program).and_then(|()| fs::write(&run, PROGRAM)).unwrap();
    fs::set_permissions(&run, fs::Permissions::from_mode(0o755)).unwrap();

    let Some(mut pi) = Pi::boot_or_skip("vm_pi", &program, &[17]) else { return Ok(()) };
    pi.wait_for("the program", |said| {
        said.contains("Raspberry Pi 3 Model B") && said.contains(": following")
    })?;
    pi.wait_for_level(22, Level::Low)?;
    for _ in 0..3 {
        pi.pull(17, Level::Low)?;
        pi.wait_for_level(22, Level::High)?;
        pi.pull(17, Level::High)?;
        pi.wait_for_level(22, Level::Low)?;
    }
    Ok(())
}
