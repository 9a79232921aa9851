//! Buttons pressed by keys or by a script. They bounce and chatter as whoever presses them does, and are debounced as real
//! ones are.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use vestibule_common::time::Duration;

use crate::device::clock::Clock;
use crate::device::debounce::Contacts;
use crate::device::{Button, ButtonEdge, Buttons, Contact, DeviceError};

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
    contacts: Contacts,
}

impl SimButtons {
    /// The buttons at the other end of `presses`. What was pressed and not read yet counts.
    pub fn new(presses: Presses) -> SimButtons {
        let state = presses.lock();
        let before = |button: Button| {
            let first = state.edges.iter().find(|edge| edge.button == button);
            first.map_or(state.down[button as usize], |edge| !edge.pressed)
        };
        let contacts = Contacts::new(before(Button::Mute), before(Button::Approve), presses.clock.now());
        drop(state);
        SimButtons { presses, contacts }
    }

    /// The next raw edge, if there is one before the time is over.
    fn next_raw(&self, limit: Duration) -> Option<ButtonEdge> {
        let state = self.presses.lock();
        let waited = self.presses.shared.1.wait_timeout_while(state, limit, |state| state.edges.is_empty());
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        state.edges.pop_front()
    }
}

impl Buttons for SimButtons {
    fn wait(&mut self, limit: Duration) -> Result<Option<ButtonEdge>, DeviceError> {
        let end = self.presses.clock.now() + limit;
        loop {
            let now = self.presses.clock.now();
            let due = self.contacts.poll_timeout().map_or(end, |due| due.min(end));
            let edge = match self.next_raw(due.since(now)) {
                Some(raw) => self.contacts.handle_level(raw.button, raw.pressed, raw.at),
                None => self.contacts.handle_timeout(self.presses.clock.now()),
            };
            if edge.is_some() || now >= end {
                return Ok(edge);
            }
        }
    }

    fn contact(&self, button: Button) -> Contact {
        self.contacts.contact(button)
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(60);

    #[test]
    fn presses_arrive_in_order_and_repeats_do_not() {
        let presses = Presses::new(Clock::start());
        let mut buttons = SimButtons::new(presses.clone());
        presses.press(Button::Mute);
        presses.press(Button::Mute);
        presses.press(Button::Approve);
        presses.release(Button::Mute);
        // The release is believed when it has held for as long as a contact bounces.
        let mut seen = || buttons.wait(LIMIT).unwrap().map(|edge| (edge.button, edge.pressed));
        let seen = [seen(), seen(), seen()].map(Option::unwrap);
        assert_eq!(seen, [(Button::Mute, true), (Button::Approve, true), (Button::Mute, false)]);
        assert_eq!(buttons.wait(Duration::ZERO), Ok(None));
    }

    #[test]
    fn a_press_wakes_whoever_waits() {
        let presses = Presses::new(Clock::start());
        let mut buttons = SimButtons::new(presses.clone());
        let waiting = thread::spawn(move || buttons.wait(LIMIT).unwrap());
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

    #[test]
    fn a_button_pressed_faster_than_fingers_can_is_loose_until_it_rests() {
        let clock = Clock::start();
        let presses = Presses::new(clock);
        presses.press(Button::Approve);
        let mut buttons = SimButtons::new(presses.clone());
        assert_eq!(buttons.contact(Button::Approve), Contact::Open, "its press is still to be handed out");
        assert_eq!(buttons.wait(LIMIT).unwrap().unwrap().button, Button::Approve);
        assert_eq!(buttons.contact(Button::Approve), Contact::Closed);
        let end = clock.now() + LIMIT;
        let mut down = false;
        while buttons.contact(Button::Mute) != Contact::Loose {
            assert!(clock.now() < end);
            down = !down;
            if down {
                presses.press(Button::Mute)
            } else {
                presses.release(Button::Mute)
            }
            buttons.wait(Duration::ZERO).unwrap();
        }
        presses.release(Button::Mute);
        while buttons.contact(Button::Mute) != Contact::Open {
            assert!(clock.now() < end);
            buttons.wait(Duration::from_millis(10)).unwrap();
        }
        assert_eq!(buttons.contact(Button::Approve), Contact::Closed);
    }
}
