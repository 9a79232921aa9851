//! How awake the screen is, and whether anybody is in the room.

use vestibule_common::time::{Duration, Time};

use super::config::KioskConfig;
use crate::view::Backlight;

/// The screen's sleep.
#[derive(Clone, Debug)]
pub(crate) struct Idle {
    dim_after: Duration,
    clock_after: Duration,
    dark_after: Duration,
    last: Time,
}

impl Idle {
    pub(crate) fn new(config: &KioskConfig, now: Time) -> Idle {
        let KioskConfig { dim_after, clock_after, dark_after, .. } = *config;
        Idle { dim_after, clock_after, dark_after, last: now }
    }

    /// Somebody touched it, or something happened that concerns people.
    pub(crate) fn wake(&mut self, now: Time) {
        self.last = now;
    }

    pub(crate) fn backlight(&self, now: Time) -> Backlight {
        let idle = now.since(self.last);
        if idle >= self.dark_after {
            Backlight::Dark
        } else if idle >= self.clock_after {
            Backlight::Clock
        } else if idle >= self.dim_after {
            Backlight::Dim
        } else {
            Backlight::Lit
        }
    }

    pub(crate) fn poll_timeout(&self, now: Time) -> Option<Time> {
        let steps = [self.dim_after, self.clock_after, self.dark_after];
        steps.into_iter().map(|step| self.last + step).find(|at| *at > now)
    }
}

/// "Anyone there?": a meeting with neither voice nor touch.
#[derive(Clone, Debug)]
pub(crate) struct AnyoneThere {
    after: Duration,
    wait: Duration,
    last: Time,
    asked: Option<Time>,
}

/// What the question came to.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) enum Silence {
    /// Nothing new.
    None,
    /// It is asked now.
    Ask,
    /// Nobody answered.
    Leave,
}

impl AnyoneThere {
    pub(crate) fn new(config: &KioskConfig, now: Time) -> AnyoneThere {
        let (after, wait) = (config.anyone_there_after, config.anyone_there_wait);
        AnyoneThere { after, wait, last: now, asked: None }
    }

    /// A voice or a touch.
    pub(crate) fn sign_of_life(&mut self, now: Time) {
        self.last = now;
        self.asked = None;
    }

    pub(crate) fn handle_timeout(&mut self, now: Time) -> Silence {
        match self.asked {
            Some(asked) if now >= asked + self.wait => Silence::Leave,
            Some(_) => Silence::None,
            None if now >= self.last + self.after => {
                self.asked = Some(now);
                Silence::Ask
            }
            None => Silence::None,
        }
    }

    pub(crate) fn poll_timeout(&self) -> Time {
        self.asked.map_or(self.last + self.after, |asked| asked + self.wait)
    }

    /// How long the question still waits, while it is asked.
    pub(crate) fn left(&self, now: Time) -> Option<Duration> {
        self.asked.map(|asked| (asked + self.wait).since(now))
    }
}
