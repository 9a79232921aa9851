//! When the next report on what came is due, of all sessions. Looking through them is done at most once in a while, so that many
//! sessions cost no more than a few.

use vestibule_common::time::{Duration, Time};

/// Reports wait for the next multiple of this.
const GRID: Duration = Duration::from_millis(5);

#[derive(Default)]
pub(super) struct Reports {
    due: Option<Time>,
}

impl Reports {
    /// So many are written before sound has its turn again: a millisecond's work.
    pub(super) const AT_A_TIME: usize = 128;

    /// A session's report is due then.
    pub(super) fn note(&mut self, due: Option<Time>) {
        let Some(due) = due else { return };
        if self.due.is_none_or(|before| due < before) {
            let grid = GRID.as_micros() as u64;
            self.due = Some(Time::from_micros(due.as_micros().div_ceil(grid) * grid));
        }
    }

    pub(super) fn due(&self) -> Option<Time> {
        self.due
    }

    /// Whether it is time to look through all sessions. They note what is due later.
    pub(super) fn take_due(&mut self, now: Time) -> bool {
        self.due.take_if(|due| *due <= now).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earliest_counts_on_the_grid() {
        let mut reports = Reports::default();
        reports.note(None);
        assert_eq!(reports.due(), None);
        for us in [61_000, 52_300, 52_200, 90_000] {
            reports.note(Some(Time::from_micros(us)));
        }
        assert_eq!(reports.due(), Some(Time::from_millis(55)));
        assert!(!reports.take_due(Time::from_millis(54)));
        assert!(reports.take_due(Time::from_millis(55)) && reports.due().is_none());
    }
}
