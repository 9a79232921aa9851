//! The lamps as the kiosk wants them: remembered, so that lamps that were away show the truth when they are back.

use vestibule_common::time::Duration;

use crate::device::clock::Clock;
use crate::device::reopen::{DeviceState, Reopening, Source};
use crate::device::{Button, DeviceError, Lamps};

/// Both lamps with their wanted state.
pub struct KeptLamps {
    lamps: Reopening<dyn Lamps>,
    wanted: [(Button, bool); 2],
}

impl KeptLamps {
    /// Both dark. `on_state` is told how the lamps stand.
    pub fn new(
        source: Source<dyn Lamps>,
        clock: Clock,
        on_state: impl FnMut(&DeviceState) + Send + 'static,
    ) -> KeptLamps {
        KeptLamps {
            lamps: Reopening::new(source, clock, on_state),
            wanted: [(Button::Mute, false), (Button::Approve, false)],
        }
    }

    /// Lights or darkens a lamp now if the lamps are there, and as soon as they are if not. Does not wait for them.
    /// Returns whether the lamps show what is wanted.
    pub fn set(&mut self, lamp: Button, lit: bool) -> bool {
        for (button, wanted) in &mut self.wanted {
            if *button == lamp {
                *wanted = lit;
            }
        }
        self.refresh()
    }

    /// How the lamps stand.
    pub fn state(&self) -> &DeviceState {
        self.lamps.state()
    }

    /// Shows again what is wanted. Call it every quarter of a second or so: a chip that was unplugged and is back
    /// shows nothing until it is told, and nobody else notices.
    pub fn refresh(&mut self) -> bool {
        let wanted = self.wanted;
        let show = |lamps: &mut (dyn Lamps + 'static)| -> Result<(), DeviceError> {
            wanted.iter().try_for_each(|(button, lit)| lamps.set(*button, *lit))
        };
        self.lamps.run(Duration::ZERO, show).is_some()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};
    use std::thread;

    use super::*;
    use crate::device::reopen::Opened;

    #[derive(Default)]
    struct Board {
        lit: Vec<(Button, bool)>,
        broken: bool,
    }

    struct Line(Arc<Mutex<Board>>);

    impl Lamps for Line {
        fn set(&mut self, lamp: Button, lit: bool) -> Result<(), DeviceError> {
            let mut board = self.0.lock().unwrap();
            if board.broken {
                return Err(DeviceError::Lost("no chip".into()));
            }
            board.lit.push((lamp, lit));
            Ok(())
        }
    }

    #[test]
    fn lamps_that_come_back_show_what_was_wanted_meanwhile() {
        let board = Arc::new(Mutex::new(Board::default()));
        let source = {
            let board = board.clone();
            Source::<dyn Lamps>::new(move || {
                Ok(Opened { device: Box::new(Line(board.clone())), description: "board".into() })
            })
        };
        let mut lamps = KeptLamps::new(source, Clock::start(), |_| {});
        assert!(lamps.set(Button::Mute, true));
        board.lock().unwrap().broken = true;
        assert!(!lamps.set(Button::Mute, false));
        assert!(!lamps.set(Button::Approve, true));
        {
            let mut board = board.lock().unwrap();
            board.broken = false;
            board.lit.clear();
        }
        for _ in 0..1000 {
            if lamps.refresh() {
                break;
            }
            thread::sleep(Duration::from_millis(10));
        }
        assert_eq!(board.lock().unwrap().lit, [(Button::Mute, false), (Button::Approve, true)]);
    }
}
