//! When to ask for a keyframe: while frames flow and none can be decoded, at a steady pace, and less often into
//! silence.

use crate::time::{Duration, Time};

/// The longest wait between two requests while nothing comes.
const REPEAT_LONGEST: Duration = Duration::from_secs(4);

/// The state of asking.
#[derive(Copy, Clone, Debug)]
pub(super) struct Request {
    /// There is reason to believe that frames flow.
    pub(super) wanted: bool,
    /// Something came since we asked.
    pub(super) heard: bool,
    asked: Option<Time>,
    repeat: Duration,
    interval: Duration,
}

impl Request {
    /// Nothing is asked for yet; later every `repeat`.
    pub(super) fn new(repeat: Duration) -> Request {
        Request { wanted: false, heard: false, asked: None, repeat, interval: repeat }
    }

    /// Whether to ask now; `true` counts as asked.
    pub(super) fn due(&mut self, now: Time) -> bool {
        if !self.wanted {
            return false;
        }
        if let Some(asked) = self.asked {
            if self.heard {
                self.interval = self.repeat;
            }
            if now.since(asked) < self.interval {
                return false;
            }
            let doubled = (self.interval * 2).min(REPEAT_LONGEST.max(self.repeat));
            self.interval = if self.heard { self.repeat } else { doubled };
        }
        self.asked = Some(now);
        self.heard = false;
        true
    }

    /// When to ask next.
    pub(super) fn at(&self) -> Option<Time> {
        let interval = if self.heard { self.repeat } else { self.interval };
        self.wanted.then(|| self.asked.map_or(Time::ZERO, |asked| asked + interval))
    }
}
