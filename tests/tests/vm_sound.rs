//! Sound cards as the kernel's own ALSA driver has them: other formats and rates than the kiosk likes, and what is said to
//! the caretaker when there is no card to be had.

use vestibule_tests::vm::{Error, Machine, Options, Sound, Task, eventually, small_program};

#[test]
fn vm_sound_takes_what_cards_have_or_says_why_not() -> Result<(), Error> {
    let Some(vm) = Machine::boot_or_skip("vm_sound", Options::default()) else { return Ok(()) };
    let cards = Sound::plug(&vm, &["Boardroom", "Desk"])?;
    let [_, desk] = &cards[..] else { unreachable!("two cards were asked for") };
    let program = vm.install(&small_program("vestibule-kiosk")?)?;
    refusals_say_what_to_do(&vm, &program, desk)?;
    wide_samples_are_understood(&vm, &program, desk)
}

/// Tries a card as the caretaker does, and returns what is printed.
fn try_device(vm: &Machine, program: &str, before: &str, device: &str, card: &str) -> Result<String, Error> {
    vm.sh(&format!(
        "{before} {program} test-device {device} --devices-devices real --devices-{device} {card} \
         --devices-audio-buffer-ms 100 2>&1 || true"
    ))
}

fn refusals_say_what_to_do(vm: &Machine, program: &str, desk: &Sound<'_>) -> Result<(), Error> {
    let unknown = try_device(vm, program, "", "microphone", "hw:CARD=Nowhere")?;
    assert!(unknown.contains("there is no sound card Nowhere; there are: Boardroom, Desk"), "{unknown}");

    let one = format!("{},SUBDEV=0", desk.device());
    let holder = vm.start(&format!("exec arecord -q -D {one} -f S16_LE -r 48000 -c 1 /dev/null"))?;
    eventually("the card held", || Ok(vm.sh("grep -q RUNNING /proc/asound/Desk/pcm0c/sub0/status").ok()))?;
    let held = try_device(vm, program, "", "microphone", &one)?;
    assert!(held.contains("is held by arecord (process "), "{held}");
    holder.stop()?;

    let forbidden = try_device(
        vm,
        program,
        "setpriv --reuid=nobody --regid=nogroup --clear-groups",
        "speaker",
        &desk.device(),
    )?;
    assert!(forbidden.contains("group audio"), "{forbidden}");
    Ok(())
}

/// What the room's side of a card is set to, the kiosk's side has to take.
fn wide_samples_are_understood(vm: &Machine, program: &str, desk: &Sound<'_>) -> Result<(), Error> {
    for (format, rate, channels, says) in [
        ("S32_LE", 16_000, 1, "16000 Hz (resampled), 32 bit, mono"),
        ("S24_3LE", 48_000, 4, "48000 Hz, 24 bit in 3 bytes, 4 channels"),
    ] {
        let noise = "aplay -q -t raw --buffer-time=200000 -D hw:CARD=Desk,DEV=1";
        let playing = vm.start(&format!("exec {noise} -f {format} -r {rate} -c {channels} /dev/urandom"))?;
        plays(vm, &playing, "Desk", rate)?;
        let heard = try_device(vm, program, "timeout 5", "microphone", &desk.device())?;
        playing.stop()?;
        assert!(heard.contains(says), "{format}: {heard}");
        let level =
            heard.split_whitespace().filter_map(|word| word.parse::<f64>().ok()).find(|level| *level < 0.0);
        assert!(level.is_some_and(|level| level > -30.0), "{format}: {heard}");
    }
    Ok(())
}

/// Waits until the room's side of a card plays at this rate: from then on the kiosk's side can have no other.
fn plays(vm: &Machine, playing: &Task<'_>, card: &str, rate: u32) -> Result<(), Error> {
    eventually("the room's side of the card", || {
        if !playing.is_running() {
            return Err(Error::Malformed(format!("aplay ended: {}", playing.output()?)));
        }
        Ok(vm.sh(&format!("grep -q 'rate: {rate}' /proc/asound/{card}/pcm1p/sub0/hw_params")).ok())
    })
    .map(drop)
}
