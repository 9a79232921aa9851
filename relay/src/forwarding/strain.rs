//! Whether the relay's processor keeps up, and what is given up where it does not: the largest layer of every camera, then the next, before
//! the system drops datagrams at random.
//!
//! The sign is how long datagrams lie in the system's queue before they are looked at: next to nothing while there is time for them.

use vestibule_common::time::{Duration, Time};

/// It is looked at in parts of this length,
const PART: Duration = Duration::from_millis(500);
/// of so many batches at least.
const BATCHES: u32 = 10;
/// A part is late if its batches lay longer than this in the mean,
const LATE: Duration = Duration::from_millis(10);
/// and calm below this.
const PROMPT: Duration = Duration::from_millis(2);
/// Late parts in a row until a layer is given up: 2 s.
const PATIENCE: u32 = 4;
/// Calm parts in a row until one is given back: 10 s, twice that after each that had to be taken back soon, 5 min at most.
const CALM: u32 = 20;
const LONGEST_CALM: u32 = 600;
const SOON: u32 = 40;
/// The most layers that are given up; the smallest is always sent.
const MOST: u8 = 3;

/// See the module's text.
#[derive(Clone, Debug)]
pub(super) struct Strain {
    step: u8,
    began: Option<Time>,
    lay: Duration,
    batches: u32,
    late: u32,
    calm: u32,
    needed: u32,
    since_up: u32,
}

impl Default for Strain {
    fn default() -> Strain {
        let (lay, since_up) = (Duration::ZERO, SOON);
        Strain { step: 0, began: None, lay, batches: 0, late: 0, calm: 0, needed: CALM, since_up }
    }
}

impl Strain {
    /// A batch lay in the system's queue for so long; whether the step changed.
    pub(super) fn handle_batch(&mut self, lay: Duration, now: Time) -> bool {
        let began = *self.began.get_or_insert(now);
        self.lay += lay;
        self.batches += 1;
        if now.since(began) < PART || self.batches < BATCHES {
            return false;
        }
        let mean = self.lay / self.batches;
        (self.began, self.lay, self.batches) = (Some(now), Duration::ZERO, 0);
        self.late = if mean > LATE { self.late + 1 } else { 0 };
        self.calm = if mean < PROMPT { self.calm + 1 } else { 0 };
        self.since_up = self.since_up.saturating_add(1);
        let before = self.step;
        if self.late >= PATIENCE && self.step < MOST {
            self.step += 1;
            self.late = 0;
            self.needed = if self.since_up <= SOON { (self.needed * 2).min(LONGEST_CALM) } else { CALM };
        } else if self.calm >= self.needed && self.step > 0 {
            self.step -= 1;
            (self.calm, self.since_up) = (0, 0);
        }
        self.step != before
    }

    /// How many layers are given up.
    pub(super) fn step(&self) -> u8 {
        self.step
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A hundred batches a second that lay for so many milliseconds; the steps after each second.
    fn run(strain: &mut Strain, from: u64, seconds: u64, lay_ms: u64) -> Vec<u8> {
        let second = |second: u64| {
            for n in 0..100 {
                let now = Time::from_millis((from + second) * 1000 + n * 10);
                strain.handle_batch(Duration::from_millis(lay_ms), now);
            }
            strain.step()
        };
        (0..seconds).map(second).collect()
    }

    #[test]
    fn layers_are_given_up_one_by_one_while_batches_lie_and_given_back_when_it_is_calm() {
        let mut strain = Strain::default();
        assert_eq!(run(&mut strain, 0, 20, 1), [0; 20]);
        let strained = run(&mut strain, 20, 12, 30);
        assert_eq!(strained.last(), Some(&3), "{strained:?}");
        assert!(strained.windows(2).all(|pair| pair[1] <= pair[0] + 1) && strained[0] == 0);
        assert_eq!(run(&mut strain, 32, 30, 5), [3; 30], "neither");
        let calm = run(&mut strain, 62, 60, 0);
        assert_eq!(calm.last(), Some(&0), "{calm:?}");
        assert!(calm[8] == 3, "{calm:?}");
    }

    #[test]
    fn what_had_to_be_taken_back_soon_is_tried_less_and_less_often() {
        let mut strain = Strain::default();
        let mut ups = 0;
        // Any layer more is too much.
        for second in 0..600 {
            let lay = if strain.step() == 0 { 30 } else { 0 };
            let before = strain.step();
            run(&mut strain, second, 1, lay);
            ups += u32::from(strain.step() < before);
        }
        assert!((3..=7).contains(&ups), "{ups} times in ten minutes");
    }
}
