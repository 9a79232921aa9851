//! Buttons and lamps on a Raspberry Pi, and on a board of no make whose chip raises interrupts: the kiosk's own back ends,
//! from the choice of the pins to the lamp, with the test's fingers on the buttons. The program around them
//! (`tests/vm/pi/buttons`) lights each button's lamp while it is held and says what it sees; no meeting runs here.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use vestibule_tests::vm::{Board, Error, Level, Make, or_skip, run_script};

/// The program as a kiosk is configured, which asks for interrupts (the emulator has none) and looks every 20 ms; as
/// one with `gpio_poll`, which looks every 5 ms; and as one that is told to use the kernel's chip.
const RUN: &str = "#!/bin/sh
set -e
/program/vestibule-pi-buttons
/program/vestibule-pi-buttons --poll
/program/vestibule-pi-buttons --chip pinctrl-bcm2835
";

/// As a kiosk on any other board is configured.
const RUN_ON_VIRT: &str = "#!/bin/sh
exec /program/vestibule-pi-buttons --pins 4 5 6 7
";

const RPPAL: &str = "rppal, pins mute 17 approve 27 lamps 22 23";
const CHIP: &str = "gpiocdev on /dev/gpiochip0, pins mute 17 approve 27 lamps 22 23";

const VIRT: &str = "gpiocdev on /dev/gpiochip0, pins mute 4 approve 5 lamps 6 7";

/// A button with its lamp.
#[derive(Copy, Clone)]
struct Button {
    name: &'static str,
    pin: u32,
    lamp: u32,
}

/// Mute and approve, as a kiosk's configuration has them on a Raspberry Pi unless it says otherwise.
const PI: [Button; 2] =
    [Button { name: "mute", pin: 17, lamp: 22 }, Button { name: "approve", pin: 27, lamp: 23 }];
/// On the other board.
const ANY: [Button; 2] =
    [Button { name: "mute", pin: 4, lamp: 6 }, Button { name: "approve", pin: 5, lamp: 7 }];

/// Bouncing that lasts no longer is one press. The kiosk allows 30 ms.
const BOUNCING: Duration = Duration::from_millis(25);

#[test]
fn vm_pi_buttons_light_their_lamps_through_the_kiosks_back_end() -> Result<(), Error> {
    let Some(mut hands) = Hands::on(Make::RaspberryPi3, "vm_pi", RUN, PI) else { return Ok(()) };
    hands.wait_for_start(1, RPPAL, "this is a Raspberry Pi 3 B")?;
    hands.use_both_buttons()?;
    for (run, pins, why) in [(2, RPPAL, "this is a Raspberry Pi 3 B"), (3, CHIP, "it was asked for")] {
        // Both are still held. That is no press in this run, and its lamps stay dark.
        hands.wait_for_start(run, pins, why)?;
        hands.release(hands.mute)?;
        hands.release(hands.approve)?;
        hands.use_both_buttons()?;
    }
    hands.end()
}

#[test]
fn vm_pi_any_boards_chip_tells_edges_by_interrupts() -> Result<(), Error> {
    let Some(mut hands) = Hands::on(Make::Virt, "vm_virt", RUN_ON_VIRT, ANY) else { return Ok(()) };
    let why = "it is the only GPIO chip, and this is no Raspberry Pi (Unknown Raspberry Pi model)";
    hands.wait_for_start(1, VIRT, why)?;
    let presses = hands.use_both_buttons()?;
    hands.end()?;
    let said = hands.board.console();
    let interrupts = said.split("interrupts: ").nth(1).and_then(|rest| rest.lines().next());
    let interrupts: usize = interrupts.and_then(|number| number.trim().parse().ok()).unwrap_or(0);
    assert!(interrupts >= 2 * presses - 2, "{interrupts} interrupts for {presses} presses");
    Ok(())
}

/// Both buttons of the board, and how often they were pressed in this run of the program.
struct Hands {
    board: Board,
    mute: Button,
    approve: Button,
    /// Of mute and of approve.
    presses: [usize; 2],
}

impl Hands {
    /// Boots a board that runs the script; `None` where it cannot run.
    fn on(make: Make, name: &str, run: &str, [mute, approve]: [Button; 2]) -> Option<Hands> {
        let program = or_skip(name, run_script("tests/vm/pi/buttons/build.sh", &[]))?;
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let script = folder.join("run");
        fs::create_dir_all(&folder)
            .and_then(|()| fs::write(&script, run))
            .and_then(|()| fs::set_permissions(&script, fs::Permissions::from_mode(0o755)))
            .and_then(|()| fs::copy(program.trim(), folder.join("vestibule-pi-buttons")))
            .expect("a folder for the board");
        let board = Board::boot_or_skip(make, name, &folder, &[mute.pin, approve.pin])?;
        Some(Hands { board, mute, approve, presses: [0; 2] })
    }

    /// Everything that a button is for, and at the end what ends the program: both held. Returns how often they were
    /// pressed.
    fn use_both_buttons(&mut self) -> Result<usize, Error> {
        let (mute, approve) = (self.mute, self.approve);
        let ended = self.board.console().matches("ended: ").count();
        for _ in 0..3 {
            for button in [mute, approve] {
                self.press(button)?;
                self.release(button)?;
            }
        }
        self.hold(mute)?;
        self.hold(approve)?;
        for _ in 0..3 {
            self.bounce(mute, approve)?;
        }
        self.bounce(approve, mute)?;

        self.press(mute)?;
        self.board.pull(approve.pin, Level::Low)?;
        *self.presses(approve) += 1;
        let said = self.board.wait_for("both held", |said| {
            said.matches("ended: ").count() > ended && end_of(said).ends_with('\n')
        })?;
        let [mutes, approves] = std::mem::take(&mut self.presses);
        let counted = format!("mute pressed {mutes} times, approve {approves} times");
        assert_eq!(end_of(&said).trim_end(), counted);
        self.board.wait_for_level(mute.lamp, Level::Low)?;
        self.board.wait_for_level(approve.lamp, Level::Low)?;
        Ok(mutes + approves)
    }

    /// Waits until the nth run of the program has opened its pins, and checks which it took and why.
    fn wait_for_start(&mut self, run: usize, pins: &str, why: &str) -> Result<(), Error> {
        let said = self.board.wait_for("the pins to be open", |said| {
            let open = |what| last_run(said).contains(&format!("{what}: {pins}"));
            said.matches("taken: ").count() == run && open("buttons") && open("lamps")
        })?;
        let taken = format!("{pins}, because {why}");
        assert_eq!(last_run(&said).lines().next().map(str::trim_end), Some(taken.as_str()));
        for button in [self.mute, self.approve] {
            assert_eq!(self.board.level(button.lamp)?, Level::Low, "the {} lamp", button.name);
        }
        Ok(())
    }

    fn press(&mut self, button: Button) -> Result<(), Error> {
        *self.presses(button) += 1;
        self.move_to(button, Level::Low)
    }

    fn release(&mut self, button: Button) -> Result<(), Error> {
        self.move_to(button, Level::High)
    }

    /// The program sees the edge as the one that is expected, and the lamp follows.
    fn move_to(&mut self, button: Button, level: Level) -> Result<(), Error> {
        self.board.pull(button.pin, level)?;
        let (did, lamp) = match level {
            Level::Low => ("pressed", Level::High),
            Level::High => ("released", Level::Low),
        };
        let line = format!("{} {did} {}", button.name, self.presses(button));
        self.board.wait_for(&line, |said| last_run(said).lines().any(|said| said.trim_end() == line))?;
        self.board.wait_for_level(button.lamp, lamp)
    }

    /// Holds a button for long: that goes on being one press, and its lamp stays lit.
    fn hold(&mut self, button: Button) -> Result<(), Error> {
        self.press(button)?;
        thread::sleep(Duration::from_secs(3));
        assert_eq!(self.board.level(button.lamp)?, Level::High, "the {} lamp", button.name);
        self.release(button)
    }

    /// Presses a button whose contact opens and closes again at first: that is one press. Where this machine was too
    /// busy to bounce that fast it may rightly be more, and is tried again.
    fn bounce(&mut self, button: Button, other: Button) -> Result<(), Error> {
        for _ in 0..100 {
            let begin = Instant::now();
            for _ in 0..2 {
                for level in [Level::Low, Level::High] {
                    self.board.pull(button.pin, level)?;
                    // Long enough for a look of the program.
                    thread::sleep(Duration::from_millis(5));
                }
            }
            self.board.pull(button.pin, Level::Low)?;
            let took = begin.elapsed();
            thread::sleep(Duration::from_millis(100));
            self.board.wait_for_level(button.lamp, Level::High)?;
            self.board.pull(button.pin, Level::High)?;
            self.board.wait_for_level(button.lamp, Level::Low)?;
            // The console is in order: once this is there, so is all that was seen of the bouncing.
            self.press(other)?;
            self.release(other)?;

            let start = format!("{} pressed", button.name);
            let seen =
                last_run(&self.board.console()).lines().filter(|line| line.starts_with(&start)).count();
            let before = std::mem::replace(self.presses(button), seen);
            if took <= BOUNCING {
                assert_eq!(seen - before, 1, "presses of a bouncing {} button", button.name);
                return Ok(());
            }
        }
        panic!("this machine could not bounce a contact within {BOUNCING:?} in 100 tries");
    }

    fn presses(&mut self, button: Button) -> &mut usize {
        &mut self.presses[usize::from(button.pin == self.approve.pin)]
    }

    /// The script has ended well.
    fn end(&mut self) -> Result<(), Error> {
        self.board.wait_for("the end", |said| said.contains("rig: ended with status 0")).map(drop)
    }
}

/// What the program has said since it started last.
fn last_run(said: &str) -> &str {
    said.rsplit("taken: ").next().unwrap_or_default()
}

/// What the program said when it ended last, with the end of the line if that is there yet.
fn end_of(said: &str) -> &str {
    said.rsplit("ended: ").next().and_then(|rest| rest.split_inclusive('\n').next()).unwrap_or_default()
}
