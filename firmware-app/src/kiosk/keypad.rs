//! Digits typed on the keypad: a meeting's code, and the caretaker's PIN with its delay after wrong tries.

use vestibule_common::id::RoomCode;
use vestibule_common::time::{Duration, Time};

use super::config::Pin;
use crate::view::words::Sentence;

/// A meeting's code being typed.
#[derive(Clone, Debug, Default)]
pub(crate) struct CodePad {
    pub(crate) digits: String,
    pub(crate) error: Option<Sentence>,
}

impl CodePad {
    /// Digits of a code.
    pub(crate) const DIGITS: usize = 6;

    /// Takes a digit; the sixth completes the code.
    pub(crate) fn digit(&mut self, digit: u8) -> Option<RoomCode> {
        self.error = None;
        type_digit(&mut self.digits, digit, Self::DIGITS);
        (self.digits.len() == Self::DIGITS).then(|| self.digits.parse().ok()).flatten()
    }

    pub(crate) fn erase(&mut self) {
        self.error = None;
        self.digits.pop();
    }

    /// The code did not lead in: the boxes are empty again, and the reason stands under them.
    pub(crate) fn fail(&mut self, error: Sentence) {
        self.digits.clear();
        self.error = Some(error);
    }
}

/// What a digit of the PIN came to.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) enum PinTry {
    /// More digits are needed, or the keys are at rest.
    More,
    /// That is the PIN.
    Right,
    /// It is not.
    Wrong,
}

/// The PIN being typed. Wrong tries are counted over visits, or a delay would be a matter of going back.
#[derive(Clone, Debug, Default)]
pub(crate) struct PinPad {
    pub(crate) digits: String,
    wrong: u32,
    closed_until: Option<Time>,
    failed: bool,
}

impl PinPad {
    /// Wrong tries before the keys rest.
    const TRIES: u32 = 5;
    /// The first rest; each further wrong try doubles it.
    const REST: Duration = Duration::from_secs(30);
    /// The longest rest.
    const LONGEST: Duration = Duration::from_secs(15 * 60);

    pub(crate) fn open(&mut self) {
        self.digits.clear();
        self.failed = false;
    }

    pub(crate) fn digit(&mut self, digit: u8, pin: &Pin, now: Time) -> PinTry {
        if self.rest(now).is_some() {
            return PinTry::More;
        }
        self.failed = false;
        type_digit(&mut self.digits, digit, pin.digits());
        if self.digits.len() < pin.digits() {
            return PinTry::More;
        }
        let right = pin.matches(&self.digits);
        self.digits.clear();
        if right {
            *self = PinPad::default();
            return PinTry::Right;
        }
        self.failed = true;
        self.wrong = self.wrong.saturating_add(1);
        if self.wrong >= Self::TRIES {
            let doublings = (self.wrong - Self::TRIES).min(10);
            self.closed_until = Some(now + (Self::REST * 2u32.pow(doublings)).min(Self::LONGEST));
        }
        PinTry::Wrong
    }

    pub(crate) fn erase(&mut self) {
        self.digits.pop();
    }

    /// How long the keys still rest.
    pub(crate) fn rest(&self, now: Time) -> Option<Duration> {
        self.closed_until.filter(|until| now < *until).map(|until| until.since(now))
    }

    pub(crate) fn error(&self, now: Time) -> Option<Sentence> {
        match self.rest(now) {
            Some(rest) => Some(Sentence::PinRests { seconds: rest.as_secs() + 1 }),
            None => self.failed.then_some(Sentence::WrongPin),
        }
    }
}

fn type_digit(digits: &mut String, digit: u8, limit: usize) {
    if digit <= 9 && digits.len() < limit {
        digits.push(char::from(b'0' + digit));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sixth_digit_completes_the_code() {
        let mut pad = CodePad::default();
        assert!([0, 0, 4, 7, 1].iter().all(|digit| pad.digit(*digit).is_none()));
        assert!(pad.digit(10).is_none(), "no digit");
        pad.erase();
        assert!(pad.digit(1).is_none());
        assert_eq!(pad.digit(1), "004711".parse().ok());
        pad.fail(Sentence::WrongPin);
        assert_eq!((pad.digits.as_str(), pad.error.is_some()), ("", true));
        pad.digit(1);
        assert_eq!(pad.error, None);
    }

    #[test]
    fn wrong_pins_cost_time() {
        let pin: Pin = "1234".parse().unwrap();
        let mut pad = PinPad::default();
        let mut now = Time::ZERO;
        let enter = |pad: &mut PinPad, text: &str, now: Time| {
            text.bytes().map(|b| pad.digit(b - b'0', &pin, now)).last().unwrap()
        };
        for _ in 0..4 {
            assert_eq!(enter(&mut pad, "9999", now), PinTry::Wrong);
            assert_eq!(pad.rest(now), None);
        }
        assert_eq!(enter(&mut pad, "9999", now), PinTry::Wrong);
        assert_eq!(pad.rest(now), Some(Duration::from_secs(30)));
        pad.open();
        assert_eq!(enter(&mut pad, "1234", now), PinTry::More, "the right one has to wait, too");
        now += Duration::from_secs(30);
        assert_eq!(enter(&mut pad, "9999", now), PinTry::Wrong);
        assert_eq!(pad.rest(now), Some(Duration::from_secs(60)));
        now += Duration::from_secs(60);
        assert_eq!(enter(&mut pad, "1234", now), PinTry::Right);
        assert_eq!(enter(&mut pad, "9999", now), PinTry::Wrong);
        assert_eq!(pad.rest(now), None, "the right PIN forgives");
    }
}
