//! The kiosk on real kernel drivers: a V4L2 camera, an ALSA sound card, a GPIO chip and a touchscreen under Xorg meet a
//! second kiosk through a relay, and every device is checked from the other side of its driver. Relay and second kiosk
//! run outside the virtual machine.

use serde_json::Value;
use vestibule_kiosk::device::sim::stamp::read_stamp_rgba;
use vestibule_tests::programs::Relay;
use vestibule_tests::vm::{
    Camera, Error, GuestKiosk, Level, Machine, Options, Picture, Pins, SMALL_PICTURES, Screen, Sound, Task,
    UNCLEANED, Wav, Workshop, eventually, screenshots, small_program,
};

const MUTE: u32 = 0;
const APPROVE: u32 = 1;
const MUTE_LAMP: u32 = 2;
const APPROVE_LAMP: u32 = 3;

/// What is played in the room, Hz; a simulated microphone's tone is at 440.
const WHISTLE: f64 = 1000.0;
/// What the other room plays.
const TONE: f64 = 440.0;

#[test]
fn vm_kiosk_meets_with_real_devices() -> Result<(), Error> {
    let options = Options { screen: Some((1024, 600)), outside: true, ..Options::default() };
    let Some(vm) = Machine::boot_or_skip("vm_kiosk", options) else { return Ok(()) };
    let pins = Pins::plug(
        &vm,
        "kiosk-pins",
        8,
        &[(MUTE, "mute"), (APPROVE, "approve"), (MUTE_LAMP, "mute-lamp"), (APPROVE_LAMP, "approve-lamp")],
    )?;
    // As the buttons' resistors do. A press is a connection to ground.
    for button in [MUTE, APPROVE] {
        pins.pull(button, Level::High)?;
    }
    let camera = Camera::pattern(&vm)?;
    let [sound] = &Sound::plug(&vm, &["Boardroom"])?[..] else { unreachable!("one card was asked for") };
    let screen = Screen::start(&vm)?;

    let program = vm.install(&small_program("vestibule-kiosk")?)?;
    the_devices_are_listed_with_reasons(&vm, &program, &camera, &pins)?;

    let folder = tempfile::tempdir().expect("a temporary folder");
    let relay = Relay::start(folder.path(), None, &[]).map_err(Error::Malformed)?;
    let boardroom = GuestKiosk::start(
        &vm,
        &program,
        "Boardroom",
        &relay,
        &format!(
            "--devices-devices real --devices-microphone {0} --devices-speaker {0} --devices-audio-buffer-ms 100 \
             {1} {2}",
            sound.device(),
            SMALL_PICTURES.join(" "),
            UNCLEANED.join(" ")
        ),
    )?;
    // The first letter takes a dozen seconds of this machine's time, which the fonts are looked at in.
    boardroom.touchable("StartMeeting")?;
    let workshop = Workshop::start(folder.path(), &relay)?;
    let mut room = Room { boardroom, workshop, vm: &vm, camera: &camera, screen, pins, sound };
    room.meets()?;
    room.pictures_pass()?;
    room.hears_and_is_heard()?;
    room.mutes()?;
    room.leaves()?;
    let Room { boardroom, pins, .. } = room;
    let log = boardroom.stop()?;
    assert_eq!(pins.level(MUTE_LAMP)?, Level::Low, "lit without a kiosk that says what it means");
    assert!(!log.contains("panicked"), "{log}");
    Ok(())
}

fn the_devices_are_listed_with_reasons(
    vm: &Machine,
    program: &str,
    camera: &Camera<'_>,
    pins: &Pins<'_>,
) -> Result<(), Error> {
    let list = vm.sh(&format!("{program} devices"))?;
    let taken = list.split_once("taken:").unwrap_or_else(|| panic!("nothing is taken: {list}")).1;
    let line = |device: &str| {
        taken
            .lines()
            .find(|line| line.trim().starts_with(device))
            .unwrap_or_else(|| panic!("no {device} in: {list}"))
    };
    // It is called by the name that stays when nodes are renumbered.
    let name = line("camera: ").split_whitespace().nth(1).unwrap_or_default();
    assert!(line("camera: ").contains("(vivid, ") && name.starts_with("/dev/v4l/by-path/"), "{list}");
    assert!(line("camera: ").contains("it is the only camera"), "{list}");
    assert_eq!(vm.sh(&format!("readlink -f {name}"))?.trim(), camera.node());
    for way in ["microphone: ", "speaker: "] {
        assert!(line(way).contains("hw:CARD=Boardroom") && line(way).contains("only card"), "{list}");
    }
    let buttons = line("buttons and lamps: ");
    assert!(buttons.contains(pins.node()) && buttons.contains("mute 0 approve 1 lamps 2 3"), "{list}");
    assert!(buttons.contains("lines bear the buttons' names"), "{list}");
    Ok(())
}

/// Boardroom with the far side of its devices, and Workshop.
struct Room<'a> {
    boardroom: GuestKiosk<'a>,
    workshop: Workshop,
    vm: &'a Machine,
    camera: &'a Camera<'a>,
    screen: Screen<'a>,
    pins: Pins<'a>,
    sound: &'a Sound<'a>,
}

impl Room<'_> {
    /// A touch starts the meeting, the button on the pin lets Workshop in.
    fn meets(&mut self) -> Result<(), Error> {
        let ready = |view: &Value| view["screen"]["Home"]["ready"] == true;
        self.boardroom.see("ready", ready)?;
        self.workshop.see("ready", ready)?;
        self.keep("1-home")?;
        self.boardroom.tap(&self.screen, "StartMeeting")?;
        let code = self.boardroom.code()?;
        self.level(APPROVE_LAMP, Level::Low)?;

        self.workshop.knock(&code)?;
        self.boardroom.see("the knock", |view| view["knock"]["armed"] == true)?;
        self.level(APPROVE_LAMP, Level::High)?;
        self.keep("2-knock")?;
        self.pins.pulse(APPROVE, Level::Low, 200)?;
        let together = |view: &Value| {
            view["screen"]["Meeting"]["tiles"].as_array().is_some_and(|tiles| tiles.len() == 1)
        };
        self.boardroom.see("the other room", together)?;
        self.workshop.see("the other room", together)?;
        self.level(APPROVE_LAMP, Level::Low)
    }

    /// What the camera's driver captures is on Workshop's screen, and the own picture here; Workshop's picture is on the
    /// screen, and moves.
    fn pictures_pass(&mut self) -> Result<(), Error> {
        self.workshop.sees_pictures(10)?;
        assert!(self.is_open(self.camera.node())?);
        eventually("the camera's colour bars as the own picture", || {
            let place = self.boardroom.picture("Own")?;
            let picture = self.screen.look()?;
            Ok(COLOUR_BARS.iter().all(|bar| shows(&part(&picture, place).0, *bar)).then_some(()))
        })?;
        self.workshop.shows("Room", |tile| COLOUR_BARS.iter().all(|bar| shows(&tile.rgba, *bar)))?;
        let stamp = |after: Option<u32>| {
            eventually("Workshop's picture on the screen", || {
                let place = self.boardroom.picture("Room")?;
                let picture = self.screen.look()?;
                let (rgba, width, height) = part(&picture, place);
                let stamp = read_stamp_rgba(&rgba, width, height).map(|stamp| stamp.frame);
                Ok(stamp.filter(|frame| after != Some(*frame)))
            })
        };
        let first = stamp(None)?;
        stamp(Some(first))?;
        self.keep("3-meeting")
    }

    /// Sound goes through the card both ways.
    fn hears_and_is_heard(&mut self) -> Result<(), Error> {
        self.workshop.hears(false)?;
        let whistle = whistle(self.sound)?;
        self.workshop.hears(true)?;
        whistle.stop()?;

        let recording = self.sound.record(48_000, 1)?;
        self.boardroom.plays_on()?;
        let recorded = recording.finish()?;
        // How many gaps there are between them is a question of how much slower than time this machine is.
        let (tone, all) = recorded.tenths_with(TONE);
        assert!(tone >= 10, "Workshop's tone is in {tone} of {all} tenths of a second");
        Ok(())
    }

    /// The button closes the gate, the lamp and the other room say so, and nothing is heard; then all of it undone.
    fn mutes(&mut self) -> Result<(), Error> {
        let whistle = whistle(self.sound)?;
        self.workshop.hears(true)?;
        self.level(MUTE_LAMP, Level::Low)?;

        self.pins.pulse(MUTE, Level::Low, 100)?;
        self.level(MUTE_LAMP, Level::High)?;
        self.boardroom.see("Muted", |view| view["screen"]["Meeting"]["microphone"] == "Muted")?;
        self.workshop.see("the muted mark", |view| view["screen"]["Meeting"]["tiles"][0]["muted"] == true)?;
        self.workshop.hears(false)?;
        self.keep("4-muted")?;
        assert!(whistle.is_running(), "the whistle ended: {}", whistle.output()?);

        self.pins.pulse(MUTE, Level::Low, 100)?;
        self.level(MUTE_LAMP, Level::Low)?;
        self.boardroom.see("Live", |view| view["screen"]["Meeting"]["microphone"] == "Live")?;
        self.workshop.see("no muted mark", |view| view["screen"]["Meeting"]["tiles"][0]["muted"] == false)?;
        self.workshop.hears(true)?;
        whistle.stop().map(drop)
    }

    /// After the meeting nobody holds the camera.
    fn leaves(&self) -> Result<(), Error> {
        self.boardroom.tap(&self.screen, "Ask(Leave)")?;
        self.boardroom.see("the question", |view| view["question"].is_object())?;
        self.boardroom.tap(&self.screen, "Confirm")?;
        self.boardroom.see("home", |view| view["screen"]["Home"].is_object())?;
        // Outside of a meeting the gate is closed, and its lamp says so.
        self.level(MUTE_LAMP, Level::High)?;
        eventually("the camera closed", || Ok((!self.is_open(self.camera.node())?).then_some(())))
    }

    /// Whether a program in the machine has this device open.
    fn is_open(&self, node: &str) -> Result<bool, Error> {
        let found = self.vm.sh(&format!("find /proc/[0-9]*/fd -lname {node} 2>/dev/null || true"))?;
        Ok(!found.trim().is_empty())
    }

    fn level(&self, pin: u32, level: Level) -> Result<(), Error> {
        eventually(&format!("pin {pin} at {level:?}"), || Ok((self.pins.level(pin)? == level).then_some(())))
    }

    /// Keeps a picture of the screen for people, beside the rig.
    fn keep(&self, step: &str) -> Result<(), Error> {
        self.screen.save_png(&screenshots()?.join(format!("vm_kiosk-{step}.png")))
    }
}

/// Plays the whistle into a card's microphone, for longer than any step waits.
fn whistle<'a>(sound: &'a Sound<'_>) -> Result<Task<'a>, Error> {
    sound.play(&Wav::tone(WHISTLE, 48_000, 1, 300))
}

/// Which of red, green and blue a bar of vivid's picture has: yellow, cyan, green, magenta, red, blue.
const COLOUR_BARS: [[bool; 3]; 6] = [
    [true, true, false],
    [false, true, true],
    [false, true, false],
    [true, false, true],
    [true, false, false],
    [false, false, true],
];

/// Whether at least one pixel in fifty has this colour, roughly.
fn shows(rgba: &[u8], bar: [bool; 3]) -> bool {
    let of_bar = |pixel: &[u8]| {
        pixel.iter().zip(bar).all(|(value, has)| if has { *value > 150 } else { *value < 100 })
    };
    rgba.chunks_exact(4).filter(|pixel| of_bar(&pixel[..3])).count() * 50 >= rgba.len() / 4
}

/// A part of the screen: red, green, blue, 255; width and height in pixels. What lies outside is cut off.
fn part(picture: &Picture, (x, y, width, height): (u32, u32, u32, u32)) -> (Vec<u8>, usize, usize) {
    let (right, bottom) = ((x + width).min(picture.width), (y + height).min(picture.height));
    let rgba = (y..bottom)
        .flat_map(|row| (x..right).map(move |column| (column, row)))
        .flat_map(|(column, row)| {
            let [red, green, blue] = picture.pixel(column, row);
            [red, green, blue, 255]
        })
        .collect();
    (rgba, right.saturating_sub(x) as usize, bottom.saturating_sub(y) as usize)
}
