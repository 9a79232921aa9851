//! Says in the log when sound was lost between a sound card and its thread, which cannot say it itself. Not more often than
//! a person reads.

use vestibule_common::time::{Duration, Time};

/// Between two lines of one device.
const EVERY: Duration = Duration::from_secs(10);

/// What was said of one device.
#[derive(Debug)]
pub(super) struct XrunLog {
    device: &'static str,
    said: u64,
    due: Time,
}

impl XrunLog {
    /// Of this device nothing was said yet.
    pub(super) fn new(device: &'static str) -> XrunLog {
        XrunLog { device, said: 0, due: Time::ZERO }
    }

    /// The device has lost sound so many times in all. What to say, if anything.
    pub(super) fn look(&mut self, total: u64, now: Time) -> Option<String> {
        if total <= self.said || now < self.due {
            return None;
        }
        let new = total - self.said;
        self.said = total;
        self.due = now + EVERY;
        let times = if new == 1 { "once".to_owned() } else { format!("{new} times") };
        Some(format!(
            "{}: sound was lost {times} because the machine was too busy ({total} since the start)",
            self.device
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_losses_are_said_at_once_and_then_every_ten_seconds() {
        let mut log = XrunLog::new("speaker");
        let at = Time::from_millis;
        assert_eq!(log.look(0, at(0)), None);
        assert!(log.look(1, at(20)).unwrap().contains("speaker: sound was lost once"));
        assert_eq!(log.look(3, at(40)), None);
        assert!(
            log.look(5, at(10_020)).unwrap().contains("4 times because the machine was too busy (5 since")
        );
        assert_eq!(log.look(5, at(30_000)), None);
    }
}
