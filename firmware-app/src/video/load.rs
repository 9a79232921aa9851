//! Whether the processor keeps up with encoding, and what is given up where it does not: the top layer first, as long as
//! there is a lower one, then pictures a second.
//!
//! Pure: it is handed how long things took. Down after two seconds beyond 80 % of the time there is, up after ten seconds
//! below 50 %. A step up that had to be taken back soon is tried again after twice the time, up to five minutes.

use vestibule_common::time::Duration;

use super::ladder::{Allotted, PerLayer};

/// The load is looked at in parts of this length.
const PART: Duration = Duration::from_millis(500);
/// Percent of the time between two pictures.
const TOO_MUCH: u128 = 80;
const LITTLE: u128 = 50;
/// Parts beyond [`TOO_MUCH`] in a row until a step down: 2 s.
const PATIENCE: u32 = 4;
/// Parts below [`LITTLE`] in a row until a step up: 10 s, and 5 min at most.
const CALM: u32 = 20;
const LONGEST_CALM: u32 = 600;
/// A step down this many parts after a step up takes that one back: 20 s.
const SOON: u32 = 40;
/// The rates that are stepped through, in pictures a second, after the full one.
const RATES: [u32; 3] = [15, 10, 5];

/// The state of one encoding thread.
#[derive(Clone, Debug)]
pub struct Load {
    step: u8,
    /// Of the part that is not over.
    busy: Duration,
    elapsed: Duration,
    /// Parts in a row.
    over: u32,
    under: u32,
    /// What `under` has to reach.
    calm: u32,
    /// Parts since the last step up.
    since_up: u32,
}

impl Default for Load {
    fn default() -> Load {
        Load {
            step: 0,
            busy: Duration::ZERO,
            elapsed: Duration::ZERO,
            over: 0,
            under: 0,
            calm: CALM,
            since_up: SOON,
        }
    }
}

impl Load {
    /// A picture took this long, of this much time from one picture of the source to the next; the work can be lowered by
    /// `most` steps ([`steps`]). A picture that was left out took next to nothing. Whether the step changed.
    pub fn handle_picture(&mut self, took: Duration, interval: Duration, most: u8) -> bool {
        let before = self.step;
        self.step = self.step.min(most);
        self.busy += took;
        self.elapsed += interval;
        if self.elapsed >= PART {
            let percent = self.busy.as_micros() * 100 / self.elapsed.as_micros().max(1);
            (self.busy, self.elapsed) = (Duration::ZERO, Duration::ZERO);
            self.handle_part(percent, most);
        }
        self.step != before
    }

    /// How many steps the work is lowered by.
    pub fn step(&self) -> u8 {
        self.step
    }

    fn handle_part(&mut self, percent: u128, most: u8) {
        self.over = if percent > TOO_MUCH { self.over + 1 } else { 0 };
        self.under = if percent < LITTLE { self.under + 1 } else { 0 };
        self.since_up = self.since_up.saturating_add(1);
        if self.over >= PATIENCE && self.step < most {
            self.step += 1;
            self.over = 0;
            self.calm = if self.since_up <= SOON { (self.calm * 2).min(LONGEST_CALM) } else { CALM };
        } else if self.under >= self.calm && self.step > 0 {
            self.step -= 1;
            (self.under, self.since_up) = (0, 0);
        }
    }
}

/// How many steps there are for work on so many layers.
pub fn steps(layers: usize) -> u8 {
    let lower = layers.saturating_sub(1) + RATES.len();
    u8::try_from(lower).unwrap_or(u8::MAX)
}

/// Lowers the work by so many steps.
pub fn lower(plan: &mut PerLayer<Allotted>, step: u8) {
    let step = usize::from(step);
    let left_out = step.min(plan.len().saturating_sub(1));
    plan.truncate(plan.len() - left_out);
    if let Some(at) = (step - left_out).checked_sub(1) {
        let rate = RATES[at.min(RATES.len() - 1)];
        plan.iter_mut().for_each(|allotted| allotted.rate = allotted.rate.min(rate));
    }
}

#[cfg(test)]
mod tests {
    use vestibule_common::unit::Bitrate;

    use super::*;
    use crate::video::ladder::LayerIndex;

    /// Of a source with 25 pictures a second.
    const INTERVAL: Duration = Duration::from_millis(40);

    fn handle(load: &mut Load, took_ms: u64) -> bool {
        load.handle_picture(Duration::from_millis(took_ms), INTERVAL, 6)
    }

    /// Seconds until the step changes, within five minutes, if every picture takes so long.
    fn until_a_step(load: &mut Load, took_ms: u64) -> Option<u64> {
        let pictures = (1..=300 * 25).find(|_| handle(load, took_ms))?;
        Some((pictures + 12) / 25)
    }

    #[test]
    fn down_after_two_seconds_and_up_after_ten() {
        let mut load = Load::default();
        assert_eq!(until_a_step(&mut load, 26), None, "neither much nor little");
        assert_eq!((until_a_step(&mut load, 60), load.step()), (Some(2), 1));
        assert_eq!((until_a_step(&mut load, 36), load.step()), (Some(2), 2));
        assert_eq!(until_a_step(&mut load, 26), None, "between the two limits it stays");
        assert_eq!((until_a_step(&mut load, 12), load.step()), (Some(10), 1));
        assert_eq!((until_a_step(&mut load, 12), load.step()), (Some(10), 0));
        assert_eq!(until_a_step(&mut load, 12), None);
    }

    #[test]
    fn a_second_of_much_work_changes_nothing() {
        let mut load = Load::default();
        for _ in 0..20 {
            assert!((0..25).all(|_| !handle(&mut load, 60)) && (0..25).all(|_| !handle(&mut load, 26)));
        }
    }

    #[test]
    fn a_step_up_that_had_to_be_taken_back_is_tried_ever_less_often() {
        let mut load = Load::default();
        until_a_step(&mut load, 60);
        for expected in [10, 20, 40, 80] {
            let calm = until_a_step(&mut load, 12);
            assert!(calm.is_some_and(|calm| calm.abs_diff(expected) <= 4), "{calm:?}, not {expected}");
            assert_eq!((until_a_step(&mut load, 60), load.step()), (Some(2), 1));
        }
        until_a_step(&mut load, 12);
        until_a_step(&mut load, 26);
        until_a_step(&mut load, 60);
        assert_eq!(until_a_step(&mut load, 12), Some(10), "long after, it begins anew");
    }

    #[test]
    fn the_top_layer_goes_first_and_then_pictures() {
        let of = |layer: u8| Allotted {
            layer: LayerIndex::of(layer).unwrap(),
            bitrate: Bitrate::kbps(300),
            rate: if layer == 0 { 10 } else { 30 },
        };
        let lowered = |layers: &[u8], step| {
            let mut plan: PerLayer<Allotted> = layers.iter().map(|layer| of(*layer)).collect();
            lower(&mut plan, step);
            plan.iter().map(|it| (it.layer.index(), it.rate)).collect::<Vec<_>>()
        };
        assert_eq!(lowered(&[0, 1, 3], 0), [(0, 10), (1, 30), (3, 30)]);
        assert_eq!(lowered(&[0, 1, 3], 1), [(0, 10), (1, 30)]);
        assert_eq!(lowered(&[0, 1, 3], 2), [(0, 10)]);
        assert_eq!(lowered(&[0, 1, 3], 5), [(0, 5)]);
        assert_eq!(lowered(&[3], 1), [(3, 15)]);
        assert_eq!(lowered(&[3], steps(1)), [(3, 5)]);
        assert_eq!(lowered(&[], 9), []);
        assert_eq!((steps(1), steps(4), steps(0)), (3, 6, 3));
    }

    #[test]
    fn fewer_steps_than_were_taken_are_taken_back() {
        let mut load = Load::default();
        until_a_step(&mut load, 60);
        until_a_step(&mut load, 60);
        assert!(load.handle_picture(Duration::ZERO, INTERVAL, 1));
        assert_eq!(load.step(), 1);
    }
}
