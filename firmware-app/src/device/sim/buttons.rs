//! Buttons pressed by keys or by a script. They do not bounce.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use vestibule_common::time::Duration;

use crate::device::clock::Clock;
use crate::device::{Button, ButtonEdge, Buttons, DeviceError};

/// Edges kept while nobody waits for them; then the oldest go.
const KEPT: usize = 64;

#[derive(Default)]
struct State {
    edges: VecDeque<ButtonEdge>,
    down: [bool; 2],
}

/// Presses the buttons. Clones press the same ones.
#[derive(Clone)]
pub struct Presses {
    shared: Arc<(Mutex<State>, Condvar)>,
    clock: Clock,
}

impl Presses {
    /// Both up.
    pub fn new(clock: Clock) -> Presses {
        Presses { shared: Arc::default(), clock }
    }

    /// Presses a button. One that is down already stays so: a held key repeats itself.
    pub fn press(&self, button: Button) {
        self.set(button, true);
    }

    /// Lets a button go.
    pub fn release(&self, button: Button) {
        self.set(button, false);
    }

    fn set(&self, button: Button, pressed: bool) {
        let mut state = self.lock();
        let down = &mut state.down[button as usize];
        if *down == pressed {
            return;
        }
        *down = pressed;
        if state.edges.len() == KEPT {
            state.edges.pop_front();
        }
        state.edges.push_back(ButtonEdge { button, pressed, at: self.clock.now() });
        self.shared.1.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.shared.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The buttons that [`Presses`] press.
pub struct SimButtons {
    presses: Presses,
}

impl SimButtons {
    /// The buttons at the other end of `presses`.
    pub fn new(presses: Presses) -> SimButtons {
        SimButtons { presses }
    }
}

impl Buttons for SimButtons {
    fn wait(&mut self, limit: Duration) -> Result<Option<ButtonEdge>, DeviceError> {
        let state = self.presses.lock();
        let waited = self.presses.shared.1.wait_timeout_while(state, limit, |state| state.edges.is_empty());
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        Ok(state.edges.pop_front())
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn presses_arrive_in_order_and_repeats_do_not() {
        let presses = Presses::new(Clock::start());
        let mut buttons = SimButtons::new(presses.clone());
        presses.press(Button::Mute);
        presses.press(Button::Mute);
        presses.press(Button::Approve);
        presses.release(Button::Mute);
        let mut seen = Vec::new();
        while let Some(edge) = buttons.wait(Duration::ZERO).unwrap() {
            seen.push((edge.button, edge.pressed));
        }
        assert_eq!(seen, [(Button::Mute, true), (Button::Approve, true), (Button::Mute, false)]);
    }

    #[test]
    fn a_press_wakes_whoever_waits() {
        let presses = Presses::new(Clock::start());
        let mut buttons = SimButtons::new(presses.clone());
        let waiting = thread::spawn(move || buttons.wait(Duration::from_secs(60)).unwrap());
        presses.press(Button::Approve);
        assert_eq!(waiting.join().unwrap().unwrap().button, Button::Approve);
    }

    #[test]
    fn a_pile_of_unread_presses_keeps_the_newest() {
        let presses = Presses::new(Clock::start());
        for _ in 0..KEPT {
            presses.press(Button::Mute);
            presses.release(Button::Mute);
        }
        presses.press(Button::Approve);
        assert_eq!(presses.lock().edges.len(), KEPT);
        assert_eq!(presses.lock().edges.back().unwrap().button, Button::Approve);
    }
}
