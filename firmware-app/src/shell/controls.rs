//! The threads of the buttons and of the lamps.

use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};

use tokio::sync::mpsc;
use vestibule_common::time::{Duration, Time};

use super::room::Input;
use super::watch::Watch;
use crate::device::clock::Clock;
use crate::device::lamps::KeptLamps;
use crate::device::reopen::{DeviceState as Opening, Reopening, Source};
use crate::device::{Button, Buttons, Contact, DeviceError, Lamps};
use crate::kiosk::{DeviceState, LampState};

/// In the order of their numbers.
const BOTH: [Button; 2] = [Button::Mute, Button::Approve];
/// Half a blink.
const HALF: Duration = Duration::from_millis(500);
/// A flash of a fault, and the dark after it.
const FLASH: Duration = Duration::from_millis(150);
/// After so many times this long a fault's two flashes come again.
const FAULT_PERIOD: u128 = 10;
/// How often lamps are told what they show: in time for flashes, and a chip that was unplugged and is back shows nothing by
/// itself.
const REFRESH: Duration = Duration::from_millis(50);

/// Starts the buttons' thread. Every edge goes to the room in its order, and what changes of the contacts after it.
pub(super) fn start_buttons(
    source: Source<dyn Buttons>,
    room: mpsc::Sender<Input>,
    watch: &Watch,
    clock: Clock,
) -> io::Result<()> {
    let states = room.clone();
    let tell = move |state: &Opening| {
        let state = match state {
            Opening::Open { description } => DeviceState::Ready(description.clone()),
            Opening::Failed(error) => DeviceState::Failed(error.clone()),
            Opening::Closed => DeviceState::Failed(DeviceError::Missing("closed".into())),
        };
        // The room has ended.
        drop(states.blocking_send(Input::Buttons(state)));
    };
    let mut buttons = Reopening::new(source, clock, tell);
    let run = move || {
        let mut told = BOTH.map(|_| Contact::Open);
        loop {
            let waited = buttons.run(Duration::from_secs(1), |buttons| {
                let edge = buttons.wait(Duration::from_secs(1))?;
                Ok((edge, BOTH.map(|button| buttons.contact(button))))
            });
            // Buttons that are gone are down no longer: the room forgets by itself what it was told of them.
            let (edge, contacts) = waited.unwrap_or((None, BOTH.map(|_| Contact::Open)));
            if waited.is_none() {
                told = contacts;
            }
            let changed = |button: &Button| contacts[*button as usize] != told[*button as usize];
            let changed = BOTH.into_iter().filter(changed);
            let changed = changed.map(|button| Input::Contact(button, contacts[button as usize]));
            for input in edge.map(Input::Button).into_iter().chain(changed) {
                if room.blocking_send(input).is_err() {
                    return;
                }
            }
            told = contacts;
        }
    };
    watch.spawn("buttons", run)?;
    Ok(())
}

/// How long the room waits for a lamp to go dark; one that takes longer is broken, and people still want to speak.
const DARK_WITHIN: Duration = Duration::from_millis(100);

struct Switch {
    lamp: Button,
    state: LampState,
    /// Told when the lamp shows it, or cannot.
    done: Option<SyncSender<()>>,
}

/// The way to the lamps' thread.
pub(super) struct LampSwitch {
    commands: SyncSender<Switch>,
}

impl LampSwitch {
    /// Starts the lamps' thread; both are dark.
    pub(super) fn start(source: Source<dyn Lamps>, watch: &Watch, clock: Clock) -> io::Result<LampSwitch> {
        let (commands, inbox) = sync_channel(32);
        let lamps = KeptLamps::new(source, clock, |state| match state {
            Opening::Failed(error) => log::warn!("lamps: {error}"),
            Opening::Open { description } => log::info!("lamps: {description}"),
            Opening::Closed => {}
        });
        watch.spawn("lamps", move || run(lamps, &inbox, clock))?;
        Ok(LampSwitch { commands })
    }

    /// Switches a lamp; the thread does it at once. Returns once the mute lamp is dark, because what comes next may
    /// open the gate; the others are not waited for.
    pub(super) fn set(&self, lamp: Button, state: LampState) {
        self.switch(lamp, state, lamp == Button::Mute && state == LampState::Off);
    }

    fn switch(&self, lamp: Button, state: LampState, wait: bool) {
        let (done, dark) = sync_channel(1);
        if self.commands.send(Switch { lamp, state, done: wait.then_some(done) }).is_err() {
            log::warn!("the lamps' thread has stopped");
        } else if wait && dark.recv_timeout(DARK_WITHIN).is_err() {
            log::warn!("the {lamp} lamp does not go dark in time");
        }
    }
}

/// However the room ends, nobody is told any more by a lamp.
impl Drop for LampSwitch {
    fn drop(&mut self) {
        for lamp in [Button::Mute, Button::Approve] {
            self.switch(lamp, LampState::Off, true);
        }
    }
}

fn run(mut lamps: KeptLamps, inbox: &Receiver<Switch>, clock: Clock) {
    let mut wanted =
        [(Button::Mute, LampState::Off, clock.now()), (Button::Approve, LampState::Off, clock.now())];
    loop {
        let mut waiting = None;
        match inbox.recv_timeout(REFRESH) {
            Ok(Switch { lamp: button, state, done }) => {
                for lamp in wanted.iter_mut().filter(|lamp| lamp.0 == button && lamp.1 != state) {
                    *lamp = (button, state, clock.now());
                }
                waiting = done;
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        for (button, state, since) in wanted {
            lamps.set(button, is_lit(state, since, clock.now()));
        }
        if waiting.is_some_and(|done| done.try_send(()).is_err()) {
            log::debug!("nobody waits for the mute lamp any more");
        }
    }
}

fn is_lit(state: LampState, since: Time, now: Time) -> bool {
    match state {
        LampState::Off => false,
        LampState::On => true,
        LampState::Blinking => (now.since(since).as_millis() / HALF.as_millis()).is_multiple_of(2),
        LampState::Fault => {
            let flash = now.since(since).as_millis() / FLASH.as_millis() % FAULT_PERIOD;
            flash == 0 || flash == 2
        }
    }
}

#[cfg(test)]
mod tests {
    use std::thread;
    use std::time::Instant;

    use super::*;
    use crate::device::reopen::Opened;
    use crate::device::sim::lamps::{LampRecord, SimLamps};
    use crate::shell::watch::watch;

    #[test]
    fn blinking_begins_lit_and_changes_every_half_second() {
        let lit = |ms: u64| is_lit(LampState::Blinking, Time::from_millis(100), Time::from_millis(100 + ms));
        assert_eq!([0, 499, 500, 999, 1000].map(lit), [true, true, false, false, true]);
    }

    #[test]
    fn a_fault_is_two_flashes_in_a_second_and_a_half() {
        let lit = |ms: u64| is_lit(LampState::Fault, Time::from_millis(100), Time::from_millis(100 + ms));
        let seen: String = (0..30).map(|n| if lit(n * 75) { '*' } else { '.' }).collect();
        assert_eq!(seen, "**..**..............**..**....");
    }

    #[test]
    fn lamps_are_dark_when_whoever_switches_them_is_gone_however_it_went() {
        let (clock, (watch, _ends)) = (Clock::start(), watch());
        let record = LampRecord::new(clock);
        let source = {
            let record = record.clone();
            let open = move || {
                let device: Box<dyn Lamps> = Box::new(SimLamps::new(record.clone()));
                Ok(Opened { device, description: String::new() })
            };
            Source::<dyn Lamps>::new(open)
        };
        let switch = LampSwitch::start(source, &watch, clock).unwrap();
        let both = [Button::Mute, Button::Approve];
        for lamp in both {
            switch.set(lamp, LampState::On);
        }
        let lit = || both.map(|lamp| record.is_lit(lamp));
        let begin = Instant::now();
        while lit() != [true; 2] {
            assert!(begin.elapsed() < Duration::from_secs(60), "{:?}", lit());
            thread::sleep(Duration::from_millis(5));
        }
        let room = thread::spawn(move || {
            let _switch = switch;
            panic!("as a test");
        });
        assert!(room.join().is_err());
        assert_eq!(lit(), [false; 2], "not later, for the program ends now");
    }
}
