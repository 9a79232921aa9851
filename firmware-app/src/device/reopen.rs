//! Keeps a device open while it is wanted: a device that fails is dropped and tried again with growing pauses, and
//! whoever asks is told how it stands.
//!
//! It runs on the thread that uses the device; it starts none.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use vestibule_common::time::{Duration, Time};

use crate::device::DeviceError;
use crate::device::clock::Clock;

/// When to try again. Pure.
#[derive(Clone, Debug)]
pub struct Backoff {
    pause: Duration,
    due: Time,
    opened: Option<Time>,
}

impl Backoff {
    /// The pause after the first failure.
    pub const FIRST: Duration = Duration::from_millis(250);
    /// The longest pause; a device plugged in is found within it, so that its picture is in the other room within 3 s.
    /// Looking costs a few system calls.
    pub const LONGEST: Duration = Duration::from_secs(1);
    /// A device that held for this long was no false start.
    pub const HELD: Duration = Duration::from_secs(5);

    /// The first try is due at once.
    pub fn new() -> Backoff {
        Backoff { pause: Backoff::FIRST, due: Time::ZERO, opened: None }
    }

    /// When the next try is due.
    pub fn poll_timeout(&self) -> Time {
        self.due
    }

    /// The device opened.
    pub fn handle_opened(&mut self, now: Time) {
        self.opened = Some(now);
    }

    /// The device did not open, or failed. Pauses double, and start anew after a device that held.
    pub fn handle_failure(&mut self, now: Time) {
        if self.opened.take().is_some_and(|opened| now.since(opened) >= Backoff::HELD) {
            self.pause = Backoff::FIRST;
        }
        self.due = now + self.pause;
        self.pause = (self.pause * 2).min(Backoff::LONGEST);
    }

    /// Somebody wants it now: the next try is due at once.
    pub fn hurry(&mut self) {
        *self = Backoff::new();
    }
}

impl Default for Backoff {
    fn default() -> Backoff {
        Backoff::new()
    }
}

/// How a device stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DeviceState {
    /// Nobody wants it.
    Closed,
    /// It works.
    Open {
        /// What it is and how it runs, for a person.
        description: String,
    },
    /// It does not work, for this reason; it is tried again.
    Failed(DeviceError),
}

/// A device that just opened.
pub struct Opened<D: ?Sized> {
    /// The device.
    pub device: Box<D>,
    /// What it is and how it runs, for a person.
    pub description: String,
}

/// Where a device comes from. May be asked again and again.
pub struct Source<D: ?Sized>(Box<dyn FnMut() -> Result<Opened<D>, DeviceError> + Send>);

impl<D: ?Sized> Source<D> {
    /// A source that opens with `open`.
    pub fn new(open: impl FnMut() -> Result<Opened<D>, DeviceError> + Send + 'static) -> Source<D> {
        Source(Box::new(open))
    }

    /// A device that is never there, for this reason.
    pub fn missing(why: impl Into<String>) -> Source<D> {
        let why = why.into();
        Source::new(move || Err(DeviceError::Missing(why.clone())))
    }

    /// Opens the device once.
    ///
    /// Errors: [`DeviceError`]; also when a driver's crate panicked.
    pub fn open(&mut self) -> Result<Opened<D>, DeviceError> {
        // The crates below panic on answers that they do not know; that costs the device, not the program.
        catch_unwind(AssertUnwindSafe(|| (self.0)())).unwrap_or_else(|_| {
            Err(DeviceError::Lost("its driver gave an answer that makes no sense".into()))
        })
    }
}

/// A device that is opened when it is used, and again after it failed.
pub struct Reopening<D: ?Sized> {
    source: Source<D>,
    clock: Clock,
    backoff: Backoff,
    device: Option<Box<D>>,
    state: DeviceState,
    on_state: Box<dyn FnMut(&DeviceState) + Send>,
}

impl<D: ?Sized> Reopening<D> {
    /// Opens nothing yet. `on_state` is told every change, on the thread that uses the device.
    pub fn new(
        source: Source<D>,
        clock: Clock,
        on_state: impl FnMut(&DeviceState) + Send + 'static,
    ) -> Reopening<D> {
        Reopening {
            source,
            clock,
            backoff: Backoff::new(),
            device: None,
            state: DeviceState::Closed,
            on_state: Box::new(on_state),
        }
    }

    /// Does one piece of work with the device, opening it first if need be. `None` if there is no device now (then up
    /// to `limit` was slept, so that a loop around this is not busy), or if the work failed and the device was dropped.
    pub fn run<R>(
        &mut self,
        limit: Duration,
        work: impl FnOnce(&mut D) -> Result<R, DeviceError>,
    ) -> Option<R> {
        if self.device.is_none() && !self.open() {
            let pause = self.backoff.poll_timeout().since(self.clock.now()).min(limit);
            thread::sleep(pause);
            return None;
        }
        let device = self.device.as_mut()?;
        let result = catch_unwind(AssertUnwindSafe(|| work(device)));
        let error = match result {
            Ok(Ok(done)) => return Some(done),
            Ok(Err(error)) => error,
            Err(_) => DeviceError::Lost("its driver gave an answer that makes no sense".into()),
        };
        self.discard();
        self.backoff.handle_failure(self.clock.now());
        self.enter(DeviceState::Failed(error));
        None
    }

    /// Closes the device until it is used again; that is then tried at once.
    pub fn close(&mut self) {
        self.discard();
        self.backoff.hurry();
        self.enter(DeviceState::Closed);
    }

    /// How it stands.
    pub fn state(&self) -> &DeviceState {
        &self.state
    }

    fn open(&mut self) -> bool {
        let now = self.clock.now();
        if now < self.backoff.poll_timeout() {
            return false;
        }
        match self.source.open() {
            Ok(Opened { device, description }) => {
                self.device = Some(device);
                self.backoff.handle_opened(self.clock.now());
                self.enter(DeviceState::Open { description });
                true
            }
            Err(error) => {
                self.backoff.handle_failure(self.clock.now());
                self.enter(DeviceState::Failed(error));
                false
            }
        }
    }

    /// Drops the device. Some drivers' crates panic when they cannot stop what is already gone.
    fn discard(&mut self) {
        if let Some(device) = self.device.take()
            && catch_unwind(AssertUnwindSafe(|| drop(device))).is_err()
        {
            log::warn!("a device could not be closed in order");
        }
    }

    fn enter(&mut self, state: DeviceState) {
        if self.state != state {
            self.state = state;
            (self.on_state)(&self.state);
        }
    }
}

impl<D: ?Sized> Drop for Reopening<D> {
    fn drop(&mut self) {
        self.discard();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[test]
    fn pauses_double_up_to_a_second_and_start_anew_after_a_device_that_held() {
        let mut backoff = Backoff::new();
        let mut now = Time::from_millis(1000);
        assert!(backoff.poll_timeout() <= now);
        let mut pauses = Vec::new();
        for _ in 0..7 {
            backoff.handle_failure(now);
            pauses.push(backoff.poll_timeout().since(now).as_millis());
            now = backoff.poll_timeout();
        }
        assert_eq!(pauses, [250, 500, 1000, 1000, 1000, 1000, 1000]);

        // It opens and fails at once: still the long pause.
        backoff.handle_opened(now);
        backoff.handle_failure(now + Duration::from_millis(10));
        assert_eq!(backoff.poll_timeout().since(now).as_millis(), 1010);

        // It opens and holds.
        now = backoff.poll_timeout();
        backoff.handle_opened(now);
        now += Duration::from_secs(60);
        backoff.handle_failure(now);
        assert_eq!(backoff.poll_timeout().since(now), Backoff::FIRST);
    }

    #[test]
    fn a_lost_device_is_opened_again_and_every_change_is_told_once() {
        let told = Arc::new(Mutex::new(Vec::new()));
        let mut opened = 0;
        let source = Source::<u32>::new(move || {
            opened += 1;
            match opened {
                1 | 2 => Err(DeviceError::Missing("no camera".into())),
                n => Ok(Opened { device: Box::new(n), description: format!("number {n}") }),
            }
        });
        let tell = told.clone();
        let mut device = Reopening::new(source, Clock::start(), move |state| {
            tell.lock().unwrap().push(state.clone());
        });
        let until_open = |device: &mut Reopening<u32>| {
            for _ in 0..10_000 {
                if let Some(number) = device.run(Duration::from_millis(50), |number| Ok(*number)) {
                    return number;
                }
            }
            panic!("never opened");
        };
        assert_eq!(until_open(&mut device), 3);
        let lost = DeviceError::Lost("pulled out".into());
        assert_eq!(device.run(Duration::ZERO, |_| Err::<(), _>(lost.clone())), None);
        assert_eq!(until_open(&mut device), 4);
        device.close();
        device.close();
        assert_eq!(until_open(&mut device), 5);
        let open = |n| DeviceState::Open { description: format!("number {n}") };
        assert_eq!(
            *told.lock().unwrap(),
            [
                DeviceState::Failed(DeviceError::Missing("no camera".into())),
                open(3),
                DeviceState::Failed(lost),
                open(4),
                DeviceState::Closed,
                open(5),
            ]
        );
    }

    #[test]
    fn a_driver_that_panics_costs_the_device_only() {
        struct Grumpy;
        impl Drop for Grumpy {
            fn drop(&mut self) {
                panic!("cannot stop");
            }
        }
        let source =
            Source::<Grumpy>::new(|| Ok(Opened { device: Box::new(Grumpy), description: String::new() }));
        let mut device = Reopening::new(source, Clock::start(), |_| {});
        assert_eq!(device.run(Duration::ZERO, |_| Ok(1)), Some(1));
        assert_eq!(device.run(Duration::ZERO, |_| -> Result<(), _> { panic!("odd answer") }), None);
        assert!(matches!(device.state(), DeviceState::Failed(DeviceError::Lost(_))));
    }
}
