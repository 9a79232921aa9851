//! The hardware rig itself: every device a scenario may rely on, once, in one machine. No Vestibule program runs here.

use std::process::Command;

use serde_json::json;
use vestibule_tests::vm::{
    Camera, Error, Level, Machine, Network, Options, Pins, Screen, Shape, Sound, Wav, Yuyv, eventually,
};

#[test]
fn vm_rig_has_every_device_of_a_room() -> Result<(), Error> {
    let options = Options {
        screen: Some((1280, 800)),
        emulator_arguments: ["-device", "qemu-xhci", "-audiodev", "none,id=quiet"]
            .map(str::to_owned)
            .to_vec(),
        ..Options::default()
    };
    let Some(vm) = Machine::boot_or_skip("vm_rig", options) else { return Ok(()) };

    files_and_failures(&vm)?;
    the_camera_delivers_the_picture_it_is_shown(&vm)?;
    sound_passes_bit_for_bit(&vm)?;
    a_press_is_seen_and_a_lamp_is_read(&vm)?;
    the_screen_shows_and_feels(&vm)?;
    udev_names_what_is_plugged_in(&vm)?;
    a_stick_is_read_and_never_written(&vm)?;
    cables_lose_and_delay(&vm)?;
    a_snapshot_goes_on_where_it_was_kept(vm)
}

fn files_and_failures(vm: &Machine) -> Result<(), Error> {
    std::fs::write(vm.share_path().join("note"), "from the host")
        .map_err(|e| Error::Malformed(e.to_string()))?;
    assert_eq!(vm.sh("cat /share/note")?, "from the host");
    assert!(
        matches!(vm.sh("echo no; exit 3"), Err(Error::Command { status: 3, output, .. }) if output == "no\n")
    );

    let sleeper = vm.start("echo asleep; sleep 1000")?;
    sleeper.wait_for_output("a sign of life", |said| said.contains("asleep"))?;
    assert!(sleeper.is_running());
    assert_eq!(sleeper.stop()?, "asleep\n");
    assert_eq!(vm.sh("pgrep -c -x sleep || true")?, "0\n");
    Ok(())
}

fn the_camera_delivers_the_picture_it_is_shown(vm: &Machine) -> Result<(), Error> {
    let mut camera = Camera::fed(vm)?;
    let (width, height) = (640, 360);
    let card = Yuyv::test_card(width, height);
    camera.show(std::slice::from_ref(&card))?;
    for frame in camera.capture(width, height, 3)? {
        assert!(frame == card, "{} of {} bytes differ", differing(&frame, &card), card.bytes().len());
    }

    // Another picture in the place of the first, and another after it: the camera moves.
    let (red, blue) = (Yuyv::plain(width, height, 81, 90, 240), Yuyv::plain(width, height, 41, 240, 110));
    camera.show(&[red.clone(), blue.clone()])?;
    let frames = camera.capture(width, height, 4)?;
    assert!(frames.iter().all(|frame| *frame == red || *frame == blue), "a picture that was never shown");
    assert!(frames.contains(&red) && frames.contains(&blue), "only one of two pictures");

    let node = camera.node().to_owned();
    assert_eq!(vm.sh("readlink -f /dev/kiosk/camera")?.trim(), node);
    assert_eq!(vm.sh(&format!("stat -c '%G %a' {node}"))?, "video 660\n");
    camera.unplug()?;
    vm.sh("udevadm settle && ! test -e /dev/kiosk/camera")?;

    let webcam = Camera::pattern(vm)?;
    let frames = webcam.capture(320, 180, 2)?;
    assert!(
        frames[0].bytes().iter().any(|byte| *byte != frames[0].bytes()[0]),
        "a pattern is not one colour"
    );
    webcam.unplug()
}

fn differing(one: &Yuyv, other: &Yuyv) -> usize {
    one.bytes().iter().zip(other.bytes()).filter(|(a, b)| a != b).count()
}

fn sound_passes_bit_for_bit(vm: &Machine) -> Result<(), Error> {
    let cards = Sound::plug(vm, &["Boardroom", "Workshop"])?;
    // What the kiosk's speaker plays is recorded in the room: noise, in which every position is unlike any other.
    let mut state = 1_u32;
    let mut noise = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 16) as i16
    };
    let played = Wav { rate: 48_000, channels: 1, samples: (0..48_000).map(|_| noise()).collect() };
    std::fs::write(vm.share_path().join("speech.wav"), played.clone().then_silence().to_bytes())
        .map_err(|e| Error::Malformed(e.to_string()))?;
    let recording = cards[0].record(48_000, 1)?;
    vm.sh(&format!(
        "cp /share/speech.wav /tmp && aplay -q --buffer-time=200000 -D {} /tmp/speech.wav",
        cards[0].device()
    ))?;
    let recorded = recording.finish()?;
    assert_eq!((recorded.rate, recorded.channels), (48_000, 1));
    assert!(recorded.find(&played.samples).is_some(), "the room did not hear what was played");

    // What is played in the room reaches the kiosk's microphone, on the second card and not on the first.
    let microphone = vm.start(&format!(
        "exec arecord -q --buffer-time=500000 -D {} -f S16_LE -r 48000 -c 1 /tmp/microphone.wav",
        cards[1].device()
    ))?;
    eventually("the microphone open", || {
        Ok(vm.sh("grep -q RUNNING /proc/asound/Workshop/pcm0c/sub0/status").ok())
    })?;
    cards[1].play(&played)?.wait()?;
    // What came last is still in its buffer of half a second; interrupted, it completes the file, and ends with status 1.
    vm.sh("sleep 1")?;
    microphone.signal("INT")?;
    let _ = microphone.wait();
    vm.sh("mv /tmp/microphone.wav /share/")?;
    let heard =
        std::fs::read(vm.share_path().join("microphone.wav")).map_err(|e| Error::Malformed(e.to_string()))?;
    assert!(
        Wav::from_bytes(&heard)?.find(&played.samples).is_some(),
        "the microphone missed what was played"
    );
    assert_eq!(vm.sh("stat -c %G /dev/snd/controlC0")?, "audio\n");
    vm.sh("test -e /dev/kiosk/sound")?;
    Ok(())
}

fn a_press_is_seen_and_a_lamp_is_read(vm: &Machine) -> Result<(), Error> {
    let pins = Pins::plug(vm, "kiosk-pins", 8, &[(0, "mute"), (1, "approve"), (2, "mute-lamp")])?;
    let node = pins.node().to_owned();
    let watcher =
        vm.start(&format!("exec gpiomon --format='%o %e' --line-buffered --num-events=4 {node} 0 1"))?;
    // gpiomon says nothing until the first event; the line's state tells that it listens.
    eventually("gpiomon listening", || {
        Ok(vm.sh(&format!("gpioinfo {node} | grep mute | grep -q gpiomon")).ok())
    })?;
    pins.pulse(0, Level::High, 50)?;
    pins.pull(1, Level::High)?;
    pins.pull(1, Level::Low)?;
    // gpiomon: offset, then 1 for rising and 0 for falling.
    assert_eq!(watcher.wait()?, "0 1\n0 0\n1 1\n1 0\n");

    assert_eq!(pins.level(2)?, Level::Low);
    let lamp = vm.start(&format!("exec gpioset --mode=signal {node} 2=1"))?;
    eventually("the lamp lit", || Ok((pins.level(2)? == Level::High).then_some(())))?;
    lamp.stop()?;
    assert_eq!(vm.sh(&format!("stat -c '%G %a' {node}"))?, "gpio 660\n");
    pins.unplug()?;
    assert_eq!(vm.sh("gpiodetect")?, "");
    Ok(())
}

fn the_screen_shows_and_feels(vm: &Machine) -> Result<(), Error> {
    let screen = Screen::start(vm)?;
    vm.sh("xsetroot -solid '#204060'")?;
    eventually("the screen in one colour", || {
        let picture = screen.look()?;
        assert_eq!((picture.width, picture.height), (1280, 800));
        Ok((picture.share_of(|pixel| pixel == [0x20, 0x40, 0x60]) > 0.99).then_some(()))
    })?;
    let png = vm.share_path().join("screen.png");
    screen.save_png(&png)?;
    assert_eq!(&std::fs::read(&png).map_err(|e| Error::Malformed(e.to_string()))?[1..4], b"PNG");

    let watcher = vm.start("exec stdbuf -oL xinput test-xi2 --root")?;
    // It does not say when it has begun to listen.
    let seen = eventually("a touch", || {
        screen.tap(320, 600)?;
        let said = watcher.output()?;
        Ok(said.contains("(TouchEnd)").then_some(said))
    })?;
    let (x, y) = touch_position(&seen);
    assert!((x - 320.5).abs() <= 1.0 && (y - 600.5).abs() <= 1.0, "touched at ({x}, {y}): {seen}");
    watcher.stop()?;

    vm.sh("readlink -f /dev/kiosk/touchscreen | grep '^/dev/input/event'")?;
    screen.stop()
}

/// Where the first touch of `xinput test-xi2`'s report lies: the line "root: x/y" of the event that begins it.
fn touch_position(report: &str) -> (f64, f64) {
    report
        .split_once("(TouchBegin)")
        .and_then(|(_, event)| event.lines().find_map(|line| line.trim().strip_prefix("root: ")))
        .and_then(|position| position.split_once('/'))
        .and_then(|(x, y)| Some((x.trim().parse().ok()?, y.trim().parse().ok()?)))
        .unwrap_or_else(|| panic!("no touch in: {report}"))
}

fn udev_names_what_is_plugged_in(vm: &Machine) -> Result<(), Error> {
    // One device with a node each to capture, to show, and for either's metadata.
    vm.sh("modprobe vivid n_devs=1 node_types=0x60101 num_inputs=1 num_outputs=1 && udevadm settle")?;
    assert_eq!(vm.sh("ls -d /dev/video* | wc -l")?, "4\n", "vivid's nodes");
    let links = vm.sh("cd /dev/kiosk && for link in camera* presentation*; do readlink -f $link; done")?;
    let links: Vec<&str> = links.lines().filter(|link| link.starts_with("/dev/video")).collect();
    let capture = vm.sh("v4l2-ctl -D -d /dev/kiosk/camera | sed -n '/Device Caps/,$p'")?;
    assert!(capture.contains("Video Capture") && !capture.contains("Metadata"), "{capture}");
    assert!(links.len() == 2 && links[0] == links[1], "only the capture node is a camera: {links:?}");
    vm.sh("modprobe -r vivid && udevadm settle && ! test -e /dev/kiosk/camera")?;

    vm.qmp("device_add", &json!({ "driver": "usb-audio", "id": "speakerphone", "audiodev": "quiet" }))?;
    eventually("the USB sound card under its stable id", || {
        Ok(vm.sh("udevadm settle; test -e /proc/asound/Kiosk").ok())
    })?;
    let number = vm.sh("readlink /proc/asound/Kiosk")?.trim().replace("card", "");
    let link = vm.sh("readlink -f /dev/kiosk/sound")?.trim().to_owned();
    assert_eq!(link, format!("/dev/snd/pcmC{number}D0p"), "a USB card goes before others");
    vm.qmp("device_del", &json!({ "id": "speakerphone" }))?;
    eventually("the USB sound card gone", || {
        Ok(vm.sh(&format!("udevadm settle; ! test -e /proc/asound/Kiosk && ! test -e {link}")).ok())
    })?;
    assert_ne!(vm.sh("readlink -f /dev/kiosk/sound")?.trim(), link, "the other card takes its place");
    Ok(())
}

fn a_stick_is_read_and_never_written(vm: &Machine) -> Result<(), Error> {
    let fault = |error: std::io::Error| Error::Malformed(error.to_string());
    let folder = tempfile::tempdir().map_err(fault)?;
    let (files, image) = (folder.path().join("files"), folder.path().join("stick.img"));
    std::fs::create_dir(&files).map_err(fault)?;
    std::fs::write(files.join("slides.pdf"), "slides").map_err(fault)?;
    std::os::unix::fs::symlink("/etc/passwd", files.join("link")).map_err(fault)?;
    let script = "PATH=$PATH:/usr/sbin:/sbin; mke2fs -q -t ext4 -d \"$0\" \"$1\" 4M";
    let made = Command::new("sh").args(["-c", script]).args([&files, &image]).output().map_err(fault)?;
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let before = std::fs::read(&image).map_err(fault)?;
    let path = image.to_str().ok_or_else(|| Error::Malformed("a temporary folder's name".into()))?;
    let tool = concat!(env!("CARGO_MANIFEST_DIR"), "/../udev/kiosk-stick");
    std::fs::copy(tool, vm.share_path().join("kiosk-stick")).map_err(fault)?;

    let disk =
        json!({ "driver": "raw", "node-name": "stick-file", "file": { "driver": "file", "filename": path } });
    vm.qmp("blockdev-add", &disk)?;
    vm.qmp("device_add", &json!({ "driver": "usb-storage", "id": "stick", "drive": "stick-file" }))?;
    // The rig has no service manager: what udev asks of one is read, and done by hand.
    eventually("what to start for the stick", || {
        Ok(vm.sh("udevadm settle; udevadm info -q property /dev/sda | grep -qx SYSTEMD_WANTS=kiosk-stick@sda.service").ok())
    })?;
    vm.sh("cp /share/kiosk-stick /tmp && /tmp/kiosk-stick mount sda")?;
    assert_eq!(vm.sh("cat /media/kiosk/sda/slides.pdf")?, "slides");
    let mounted = vm.sh("findmnt -no OPTIONS /media/kiosk/sda")?;
    for option in ["ro", "nosuid", "nodev", "noexec", "nosymfollow"] {
        assert!(mounted.trim().split(',').any(|found| found == option), "{option} in {mounted}");
    }
    assert!(vm.sh("cat /media/kiosk/sda/link").is_err(), "a link leads off the stick");
    assert!(vm.sh("touch /media/kiosk/sda/new").is_err(), "a stick was written to");

    // Pulled while it is mounted: the service's end cleans up.
    vm.qmp("device_del", &json!({ "id": "stick" }))?;
    eventually("the stick gone", || Ok(vm.sh("udevadm settle; ! test -e /dev/sda").ok()))?;
    vm.sh(
        "/tmp/kiosk-stick unmount sda && ! test -e /media/kiosk/sda && ! grep -q /media/kiosk /proc/mounts",
    )?;
    assert!(std::fs::read(&image).map_err(fault)? == before, "the stick is not as it was");
    Ok(())
}

/// Files, programs and devices are those of the moment that was kept, twice over; the machine itself went on.
fn a_snapshot_goes_on_where_it_was_kept(vm: Machine) -> Result<(), Error> {
    let pins = Pins::plug(&vm, "kiosk-pins", 8, &[(0, "mute")])?;
    pins.pull(0, Level::High)?;
    vm.sh("echo before >/tmp/note; sleep 100000 >/dev/null 2>&1 </dev/null &")?;
    let sleeper = vm.sh("pgrep -x sleep")?;

    let running = vm.start("sleep 200000")?;
    assert!(
        matches!(vm.snapshot(), Err(Error::Command { .. })),
        "its output would be in a folder that is gone"
    );
    running.stop()?;
    let snapshot = vm.snapshot()?;
    vm.sh("echo after >/tmp/note; pkill -x sleep")?;
    pins.unplug()?;
    assert_eq!(vm.sh("cat /tmp/note")?, "after\n");
    drop(vm);

    for _ in 0..2 {
        let again = snapshot.restore("vm_rig_again")?;
        assert_eq!(again.sh("cat /tmp/note; pgrep -x sleep")?, format!("before\n{sleeper}"));
        assert!(again.sh("gpioinfo")?.contains("mute"));
        std::fs::write(again.share_path().join("new"), "today")
            .map_err(|e| Error::Malformed(e.to_string()))?;
        assert_eq!(again.sh("cat /share/new; echo after >/tmp/note")?, "today");
        let off = again.sh("date +%s")?.trim().parse::<u64>().unwrap_or(0).abs_diff(seconds());
        assert!(off < 600, "its clock is {off} s off");
    }
    Ok(())
}

/// Since 1970.
fn seconds() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map(|now| now.as_secs()).unwrap_or(0)
}

fn cables_lose_and_delay(vm: &Machine) -> Result<(), Error> {
    let network = Network::lay(vm, &["board", "work"])?;
    let ping = format!("ip netns exec board ping -q -c 3 -i 0.2 -W 5 {}", network.address("work"));
    vm.sh(&ping)?;
    network.shape("work", Shape { delay_ms: 300, ..Shape::default() })?;
    let report = vm.sh(&ping)?;
    // "rtt min/avg/max/mdev = 300.1/..."; netem delays at least as long as it is told.
    let least: f64 = report
        .rsplit_once("= ")
        .and_then(|(_, times)| times.split('/').next()?.parse().ok())
        .unwrap_or_else(|| panic!("no times in: {report}"));
    assert!(least >= 300.0, "{report}");
    network.shape("work", Shape { loss_percent: 100.0, ..Shape::default() })?;
    assert!(
        vm.sh(&format!("ip netns exec board ping -q -c 3 -i 0.2 -W 1 {}", network.address("work"))).is_err()
    );
    network.shape("work", Shape::default())?;
    vm.sh(&ping)?;
    network.connect("board", false)?;
    assert!(vm.sh(&format!("ip netns exec board ping -q -c 1 -W 1 {}", network.address("work"))).is_err());
    Ok(())
}
