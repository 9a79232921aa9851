//! Watches the two buttons' lines: takes the edges that the driver tells, and looks at the levels as well. Where
//! interrupts do not work, or a chip was unplugged, only looking notices.

use heapless::Deque;
use vestibule_common::time::{Duration, Time};

use crate::device::clock::Clock;
use crate::device::debounce::Contacts;
use crate::device::{Button, ButtonEdge, Buttons, Contact, DeviceError};

/// Between two looks when edges are told.
pub(super) const LOOK: Duration = Duration::from_millis(20);

/// Between two looks without edges.
pub(super) const LOOK_OFTEN: Duration = Duration::from_millis(5);

/// An edge as the driver tells it, bouncing and all.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) struct ToldEdge {
    /// Which button's line.
    pub(super) button: Button,
    /// Down, or up again.
    pub(super) pressed: bool,
    /// When, in `CLOCK_MONOTONIC`.
    pub(super) at: Duration,
}

/// The lines of both buttons.
pub(super) trait Lines: Send {
    /// Whether the button is down now.
    fn is_pressed(&self, button: Button) -> Result<bool, DeviceError>;
    /// The next edge told, if there is one before the time is over. Without interrupts the time just passes.
    fn wait_edge(&mut self, limit: Duration) -> Result<Option<ToldEdge>, DeviceError>;
}

/// Edges told before the first look; the kernel keeps no more for two lines.
const EARLY: usize = 32;

/// The buttons on these lines.
pub(super) struct Watched<L> {
    lines: L,
    /// Told before the first look, not handed out yet.
    early: Deque<ToldEdge, EARLY>,
    /// Between two looks.
    look: Duration,
    contacts: Contacts,
    next_look: Time,
    clock: Clock,
}

impl<L: Lines> Watched<L> {
    /// Looks every `look`, besides what is told. A button that is down already is no press; one that went down since the
    /// lines are watched is.
    ///
    /// Errors: as reading a line.
    pub(super) fn new(mut lines: L, look: Duration, clock: Clock) -> Result<Watched<L>, DeviceError> {
        let now = clock.now();
        let levels = [lines.is_pressed(Button::Mute)?, lines.is_pressed(Button::Approve)?];
        let mut early = Deque::new();
        while !early.is_full()
            && let Some(edge) = lines.wait_edge(Duration::ZERO)?
        {
            // There is room.
            let _ = early.push_back(edge);
        }
        // The first look cannot tell a button held all along from one pressed just now; the first edge told can.
        let before = |button, level| {
            early.iter().find(|edge: &&ToldEdge| edge.button == button).map_or(level, |edge| !edge.pressed)
        };
        let contacts =
            Contacts::new(before(Button::Mute, levels[0]), before(Button::Approve, levels[1]), now);
        Ok(Watched { lines, early, look, contacts, next_look: now, clock })
    }

    /// The next edge told.
    fn wait_edge(&mut self, limit: Duration) -> Result<Option<ToldEdge>, DeviceError> {
        match self.early.pop_front() {
            Some(edge) => Ok(Some(edge)),
            None => self.lines.wait_edge(limit),
        }
    }

    /// Looks at both lines.
    fn look(&mut self) -> Result<Option<ButtonEdge>, DeviceError> {
        let now = self.clock.now();
        let mute = self.lines.is_pressed(Button::Mute)?;
        let approve = self.lines.is_pressed(Button::Approve)?;
        // Both are looked at again next time if the first has something to report.
        let edge = self.contacts.handle_look(Button::Mute, mute, now);
        Ok(edge.or_else(|| self.contacts.handle_look(Button::Approve, approve, now)))
    }

    fn handle_told(&mut self, edge: ToldEdge) -> Option<ButtonEdge> {
        let at = self.clock.from_monotonic(edge.at).min(self.clock.now());
        self.contacts.handle_level(edge.button, edge.pressed, at)
    }
}

impl<L: Lines> Buttons for Watched<L> {
    fn wait(&mut self, limit: Duration) -> Result<Option<ButtonEdge>, DeviceError> {
        let end = self.clock.now() + limit;
        loop {
            let now = self.clock.now();
            // What was told comes first, with its exact time, but not so much that looking starves.
            if now >= self.next_look || self.contacts.poll_timeout().is_some_and(|due| now >= due) {
                while let Some(told) = self.wait_edge(Duration::ZERO)? {
                    if let Some(edge) = self.handle_told(told) {
                        return Ok(Some(edge));
                    }
                    if self.clock.now().since(now) > self.look {
                        break;
                    }
                }
                if let Some(edge) = self.look()? {
                    return Ok(Some(edge));
                }
                self.next_look = now + self.look;
            }
            if now >= end {
                return Ok(None);
            }
            let until = self.contacts.poll_timeout().map_or(self.next_look, |due| due.min(self.next_look));
            if let Some(told) = self.wait_edge(until.min(end).since(now))?
                && let Some(edge) = self.handle_told(told)
            {
                return Ok(Some(edge));
            }
        }
    }

    fn contact(&self, button: Button) -> Contact {
        self.contacts.contact(button)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::sync::{Arc, Mutex};
    use std::thread;

    use super::*;

    /// A board whose wires the test holds.
    #[derive(Clone, Default)]
    struct Board(Arc<Mutex<State>>);

    #[derive(Default)]
    struct State {
        down: Vec<Button>,
        told: VecDeque<ToldEdge>,
        unplugged: bool,
    }

    impl Board {
        fn change(&self, change: impl FnOnce(&mut State)) {
            change(&mut self.0.lock().unwrap());
        }
    }

    impl Lines for Board {
        fn is_pressed(&self, button: Button) -> Result<bool, DeviceError> {
            let state = self.0.lock().unwrap();
            if state.unplugged {
                return Err(DeviceError::Lost("no chip".into()));
            }
            Ok(state.down.contains(&button))
        }
        fn wait_edge(&mut self, limit: Duration) -> Result<Option<ToldEdge>, DeviceError> {
            let told = self.0.lock().unwrap().told.pop_front();
            if told.is_none() {
                thread::sleep(limit);
            }
            Ok(told)
        }
    }

    const LIMIT: Duration = Duration::from_secs(60);

    fn watched(board: &Board, clock: Clock) -> Watched<Board> {
        Watched::new(board.clone(), LOOK_OFTEN, clock).unwrap()
    }

    #[test]
    fn a_press_is_seen_by_looking_where_no_edge_is_told() {
        let (board, clock) = (Board::default(), Clock::start());
        board.change(|state| state.down = vec![Button::Approve]);
        let mut buttons = watched(&board, clock);
        board.change(|state| state.down = vec![Button::Mute]);
        // Released and pressed within one look: both come, one after the other.
        let edges = [buttons.wait(LIMIT), buttons.wait(LIMIT)].map(|edge| edge.unwrap().unwrap());
        assert_eq!((edges[0].button, edges[0].pressed), (Button::Mute, true));
        assert_eq!((edges[1].button, edges[1].pressed), (Button::Approve, false));
        assert_eq!(buttons.wait(Duration::ZERO), Ok(None));
    }

    #[test]
    fn a_told_edge_has_its_own_time_and_is_no_second_press_when_looked_at() {
        let (board, clock) = (Board::default(), Clock::start());
        let mut buttons = watched(&board, clock);
        let at = clock.now();
        let told = Duration::from_micros(clock.to_monotonic_us(at));
        board.change(|state| {
            state.down = vec![Button::Mute];
            state.told.push_back(ToldEdge { button: Button::Mute, pressed: true, at: told });
        });
        let edge = buttons.wait(LIMIT).unwrap().unwrap();
        assert_eq!(edge, ButtonEdge { button: Button::Mute, pressed: true, at });
        assert_eq!(buttons.wait(LOOK_OFTEN * 3), Ok(None));
    }

    #[test]
    fn a_press_between_the_lines_being_taken_and_the_first_look_counts() {
        let (board, clock) = (Board::default(), Clock::start());
        let told = |button, pressed| {
            let at = Duration::from_micros(clock.to_monotonic_us(clock.now()));
            ToldEdge { button, pressed, at }
        };
        // Mute was pressed just now; approve is held since before.
        board.change(|state| {
            state.down = vec![Button::Mute, Button::Approve];
            state.told.push_back(told(Button::Mute, true));
        });
        let mut buttons = watched(&board, clock);
        let edge = buttons.wait(LIMIT).unwrap().unwrap();
        assert_eq!((edge.button, edge.pressed), (Button::Mute, true));
        assert_eq!(buttons.wait(LOOK_OFTEN * 3), Ok(None));
        // Held since before is no edge, but is said.
        assert_eq!(buttons.contact(Button::Approve), Contact::Closed);
        // A whole press before the first look.
        board.change(|state| {
            state.down = vec![];
            state.told.extend([told(Button::Approve, true), told(Button::Approve, false)]);
        });
        let mut buttons = watched(&board, clock);
        let edges = [buttons.wait(LIMIT), buttons.wait(LIMIT)].map(|edge| edge.unwrap().unwrap());
        assert_eq!(
            edges.map(|edge| (edge.button, edge.pressed)),
            [(Button::Approve, true), (Button::Approve, false)]
        );
    }

    #[test]
    fn a_loose_contact_is_said_to_be_loose_until_it_rests() {
        let (board, clock) = (Board::default(), Clock::start());
        let mut buttons = watched(&board, clock);
        let end = clock.now() + LIMIT;
        let mut down = false;
        while buttons.contact(Button::Mute) != Contact::Loose {
            assert!(clock.now() < end);
            down = !down;
            let at = Duration::from_micros(clock.to_monotonic_us(clock.now()));
            board.change(|state| {
                state.down = if down { vec![Button::Mute] } else { vec![] };
                state.told.push_back(ToldEdge { button: Button::Mute, pressed: down, at });
            });
            buttons.wait(Duration::ZERO).unwrap();
        }
        assert_eq!(buttons.contact(Button::Approve), Contact::Open);
        board.change(|state| state.down = vec![Button::Mute]);
        while buttons.contact(Button::Mute) != Contact::Closed {
            assert!(clock.now() < end);
            buttons.wait(LOOK_OFTEN).unwrap();
        }
    }

    #[test]
    fn an_edge_from_the_future_happened_now() {
        let (board, clock) = (Board::default(), Clock::start());
        let mut buttons = watched(&board, clock);
        let ahead = Duration::from_micros(clock.to_monotonic_us(clock.now() + LIMIT));
        board.change(|state| {
            state.told.push_back(ToldEdge { button: Button::Approve, pressed: true, at: ahead });
        });
        let edge = buttons.wait(LIMIT).unwrap().unwrap();
        assert!(edge.at <= clock.now());
    }

    #[test]
    fn a_board_that_is_gone_is_an_error_though_nothing_is_told() {
        let (board, clock) = (Board::default(), Clock::start());
        let mut buttons = watched(&board, clock);
        board.change(|state| state.unplugged = true);
        assert_eq!(buttons.wait(LIMIT), Err(DeviceError::Lost("no chip".into())));
        assert!(Watched::new(board, LOOK, clock).is_err());
    }
}
