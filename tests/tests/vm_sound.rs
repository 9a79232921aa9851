//! Sound cards as the kernel's own ALSA driver has them: other formats and rates than the kiosk likes, alone and in a
//! meeting, a kiosk that stood still, clocks that drift apart, and what is said to the caretaker when there is no card to be had.

use vestibule_tests::programs::Relay;
use vestibule_tests::vm::{
    Error, GuestKiosk, Machine, Options, Recording, Sound, Task, UNCLEANED, Wav, Workshop, eventually,
    small_program,
};

/// What is played in the room, Hz, at the card's rate.
const WHISTLE: f64 = 1000.0;
/// What Workshop plays.
const TONE: f64 = 440.0;
/// Samples a second of the card in a meeting.
const RATE: u32 = 44_100;

#[test]
fn vm_sound_takes_what_cards_have_or_says_why_not() -> Result<(), Error> {
    let Some(vm) = Machine::boot_or_skip("vm_sound", Options { outside: true, ..Options::default() }) else {
        return Ok(());
    };
    let cards = Sound::plug(&vm, &["Boardroom", "Desk"])?;
    let [boardroom, desk] = &cards[..] else { unreachable!("two cards were asked for") };
    let program = vm.install(&small_program("vestibule-kiosk")?)?;
    refusals_say_what_to_do(&vm, &program, desk)?;
    wide_samples_are_understood(&vm, &program, desk)?;
    a_meeting_goes_on_at_another_rate(&vm, &program, boardroom)
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

/// Both ways at 44.1 kHz; after the kiosk stood still for longer than its buffers last, which is counted; and while the
/// card's clock is another than the room's (that no frame is lost to it is tested in virtual time, where it takes hours).
fn a_meeting_goes_on_at_another_rate(vm: &Machine, program: &str, card: &Sound<'_>) -> Result<(), Error> {
    // The room's side first: what it is set to, the kiosk's side has to take.
    let whistle = card.play(&Wav::tone(WHISTLE, RATE, 1, 600))?;
    plays(vm, &whistle, "Boardroom", RATE)?;
    let recording = card.record(RATE, 1)?;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let relay = Relay::start(folder.path(), None, &[]).map_err(Error::Malformed)?;
    let options = format!(
        "--screen none --devices-devices real --devices-camera none --devices-buttons sim --devices-microphone {0} \
         --devices-speaker {0} --devices-audio-buffer-ms 100 {1}",
        card.device(),
        UNCLEANED.join(" ")
    );
    let kiosk = GuestKiosk::start(vm, program, "Boardroom", &relay, &options)?;
    let mut workshop = Workshop::start(folder.path(), &relay)?;
    workshop.knock_at(&kiosk)?;
    kiosk.press_approve()?;
    workshop.hears(true)?;
    kiosk.plays_on()?;
    assert_eq!(heard(recording)?, RATE);
    let log = kiosk.task.output()?;
    for device in ["microphone", "speaker"] {
        let opened = log
            .lines()
            .any(|line| line.contains(&format!("{device}: ")) && line.contains("44100 Hz (resampled)"));
        assert!(opened, "{device}: {log}");
    }

    let xruns = || Ok::<_, Error>((kiosk.counter("microphone_xruns")?, kiosk.counter("speaker_xruns")?));
    let before = xruns()?;
    kiosk.task.signal("STOP")?;
    vm.sh("sleep 2")?;
    kiosk.task.signal("CONT")?;
    eventually("the gap counted", || {
        let now = xruns()?;
        Ok((now.0 > before.0 && now.1 > before.1).then_some(()))
    })?;
    workshop.hears(true)?;

    card.drift(500)?;
    let recording = card.record(RATE, 1)?;
    kiosk.plays_on()?;
    heard(recording)?;
    workshop.hears(true)?;
    card.drift(0)?;
    whistle.stop()?;
    workshop.hears(false)?;
    let log = kiosk.stop()?;
    assert!(!log.contains("panicked"), "{log}");
    Ok(())
}

/// Workshop's tone is in the recording, at its own pitch. Gives the recording's rate.
fn heard(recording: Recording<'_>) -> Result<u32, Error> {
    let recorded = recording.finish()?;
    let (tone, all) = recorded.tenths_with(TONE);
    assert!(tone >= 10, "Workshop's tone is in {tone} of {all} tenths of a second");
    Ok(recorded.rate)
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
