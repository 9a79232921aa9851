//! Lamps that are written down instead of lit.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use vestibule_common::time::Time;

use crate::device::clock::Clock;
use crate::device::{Button, DeviceError, Lamps};

/// Changes kept; then the oldest go.
const KEPT: usize = 1024;

/// A lamp changed.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct LampChange {
    /// Which.
    pub lamp: Button,
    /// Lit now.
    pub lit: bool,
    /// When, on the kiosk's clock.
    pub at: Time,
}

#[derive(Default)]
struct State {
    lit: [bool; 2],
    changes: VecDeque<LampChange>,
}

/// What the lamps showed. Clones read the same lamps.
#[derive(Clone)]
pub struct LampRecord {
    state: Arc<Mutex<State>>,
    clock: Clock,
}

impl LampRecord {
    /// Both dark.
    pub fn new(clock: Clock) -> LampRecord {
        LampRecord { state: Arc::default(), clock }
    }

    /// Whether a lamp is lit now.
    pub fn is_lit(&self, lamp: Button) -> bool {
        self.lock().lit[lamp as usize]
    }

    /// The last changes, oldest first.
    pub fn changes(&self) -> Vec<LampChange> {
        self.lock().changes.iter().copied().collect()
    }

    fn set(&self, lamp: Button, lit: bool) {
        let mut state = self.lock();
        if state.lit[lamp as usize] == lit {
            return;
        }
        state.lit[lamp as usize] = lit;
        if state.changes.len() == KEPT {
            state.changes.pop_front();
        }
        state.changes.push_back(LampChange { lamp, lit, at: self.clock.now() });
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The lamps that [`LampRecord`] writes down. Dark when dropped.
pub struct SimLamps {
    record: LampRecord,
}

impl SimLamps {
    /// Lamps that write to `record`.
    pub fn new(record: LampRecord) -> SimLamps {
        SimLamps { record }
    }
}

impl Lamps for SimLamps {
    fn set(&mut self, lamp: Button, lit: bool) -> Result<(), DeviceError> {
        self.record.set(lamp, lit);
        Ok(())
    }
}

impl Drop for SimLamps {
    fn drop(&mut self) {
        self.record.set(Button::Mute, false);
        self.record.set(Button::Approve, false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_written_down_once_and_dropping_is_dark() {
        let record = LampRecord::new(Clock::start());
        let mut lamps = SimLamps::new(record.clone());
        lamps.set(Button::Mute, true).unwrap();
        lamps.set(Button::Mute, true).unwrap();
        lamps.set(Button::Approve, false).unwrap();
        assert!(record.is_lit(Button::Mute));
        drop(lamps);
        assert!(!record.is_lit(Button::Mute));
        let changes: Vec<_> = record.changes().iter().map(|change| (change.lamp, change.lit)).collect();
        assert_eq!(changes, [(Button::Mute, true), (Button::Mute, false)]);
    }
}
