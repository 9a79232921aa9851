//! The threads of the buttons and of the lamps.

use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;

use tokio::sync::mpsc;
use vestibule_common::time::{Duration, Time};

use super::room::Input;
use crate::device::clock::Clock;
use crate::device::lamps::KeptLamps;
use crate::device::reopen::{DeviceState as Opening, Reopening, Source};
use crate::device::{Button, Buttons, DeviceError, Lamps};
use crate::kiosk::{DeviceState, LampState};

/// Half a blink.
const HALF: Duration = Duration::from_millis(500);
/// How often lamps are told again what they show: a chip that was unplugged and is back shows nothing by itself.
const REFRESH: Duration = Duration::from_millis(250);

/// Starts the buttons' thread. Every edge goes to the room in its order.
pub(super) fn start_buttons(
    source: Source<dyn Buttons>,
    room: mpsc::Sender<Input>,
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
        loop {
            let edge = buttons.run(Duration::from_secs(1), |buttons| buttons.wait(Duration::from_secs(1)));
            if let Some(Some(edge)) = edge
                && room.blocking_send(Input::Button(edge)).is_err()
            {
                return;
            }
        }
    };
    thread::Builder::new().name("buttons".into()).spawn(run)?;
    Ok(())
}

/// The way to the lamps' thread.
pub(super) struct LampSwitch {
    commands: SyncSender<(Button, LampState)>,
}

impl LampSwitch {
    /// Starts the lamps' thread; both are dark.
    pub(super) fn start(source: Source<dyn Lamps>, clock: Clock) -> io::Result<LampSwitch> {
        let (commands, inbox) = sync_channel(32);
        let lamps = KeptLamps::new(source, clock, |state| match state {
            Opening::Failed(error) => log::warn!("lamps: {error}"),
            Opening::Open { description } => log::info!("lamps: {description}"),
            Opening::Closed => {}
        });
        thread::Builder::new().name("lamps".into()).spawn(move || run(lamps, &inbox, clock))?;
        Ok(LampSwitch { commands })
    }

    /// Switches a lamp; the thread does it at once.
    pub(super) fn set(&self, lamp: Button, state: LampState) {
        if self.commands.send((lamp, state)).is_err() {
            log::warn!("the lamps' thread has stopped");
        }
    }
}

fn run(mut lamps: KeptLamps, inbox: &Receiver<(Button, LampState)>, clock: Clock) {
    let mut wanted =
        [(Button::Mute, LampState::Off, clock.now()), (Button::Approve, LampState::Off, clock.now())];
    loop {
        match inbox.recv_timeout(REFRESH / 5) {
            Ok((button, state)) => {
                for lamp in wanted.iter_mut().filter(|lamp| lamp.0 == button && lamp.1 != state) {
                    *lamp = (button, state, clock.now());
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                for (button, ..) in wanted {
                    lamps.set(button, false);
                }
                return;
            }
        }
        for (button, state, since) in wanted {
            lamps.set(button, is_lit(state, since, clock.now()));
        }
    }
}

fn is_lit(state: LampState, since: Time, now: Time) -> bool {
    match state {
        LampState::Off => false,
        LampState::On => true,
        LampState::Blinking => (now.since(since).as_millis() / HALF.as_millis()).is_multiple_of(2),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blinking_begins_lit_and_changes_every_half_second() {
        let lit = |ms: u64| is_lit(LampState::Blinking, Time::from_millis(100), Time::from_millis(100 + ms));
        assert_eq!([0, 499, 500, 999, 1000].map(lit), [true, true, false, false, true]);
    }
}
