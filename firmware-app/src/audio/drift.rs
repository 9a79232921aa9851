//! How fast another room's sound is to be played, so that it neither piles up nor runs out although two sound cards'
//! clocks differ: a PI controller on how much later than best it is played.
//!
//! It only says a rate; the resampling is the matcher's.

/// The controller of one voice, to be asked once a block of 2.5 ms.
#[derive(Clone, Debug, Default)]
pub struct DriftControl {
    /// What it has learned of the two clocks' difference.
    learned_ppm: f32,
    rate_ppm: f32,
}

/// Parts a million a millisecond of excess, and learned in a second. Together they settle without overshoot in about
/// [`SETTLING`] seconds: much slower than the network's jitter, much faster than a crystal warms up.
const PROPORTIONAL: f32 = 2e3 / SETTLING;
const LEARNING: f32 = 1e3 / (SETTLING * SETTLING);
const SETTLING: f32 = 10.0;
/// Blocks a second.
const BLOCKS: f32 = 400.0;

impl DriftControl {
    /// No rate is further from 1 than this many parts a million; two crystals differ by 200 at most, and under 1000 nobody
    /// hears the pitch.
    pub const MOST_PPM: f32 = 500.0;
    /// The rate changes by no more than this many parts a million from one block to the next.
    pub const SLEW_PPM: f32 = 0.5;

    /// Takes how much later than best the sound is played, in milliseconds, or that nothing is played. Returns by how many
    /// parts a million faster than real time to play the next block: [`DriftControl::MOST_PPM`] at most, either way.
    pub fn steer(&mut self, excess_ms: Option<f32>) -> f32 {
        let wanted = match excess_ms {
            // Whoever speaks next has the same crystal.
            None => self.learned_ppm,
            Some(excess) => {
                let wanted = self.learned_ppm + PROPORTIONAL * excess;
                // At the limit it is the way to a new target that takes long, not a clock that drifts.
                if wanted.abs() < Self::MOST_PPM {
                    let learned = self.learned_ppm + LEARNING / BLOCKS * excess;
                    self.learned_ppm = learned.clamp(-Self::MOST_PPM, Self::MOST_PPM);
                }
                wanted.clamp(-Self::MOST_PPM, Self::MOST_PPM)
            }
        };
        self.rate_ppm += (wanted - self.rate_ppm).clamp(-Self::SLEW_PPM, Self::SLEW_PPM);
        self.rate_ppm
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs for `seconds` with a sender that is `drift_ppm` fast and starts `excess_ms` too late; returns the excess at
    /// the end of each second.
    fn run(control: &mut DriftControl, drift_ppm: f32, mut excess_ms: f32, seconds: usize) -> Vec<f32> {
        let mut seen = Vec::new();
        for block in 1..=seconds * 400 {
            let before = control.rate_ppm;
            let rate = control.steer(Some(excess_ms));
            assert!((rate - before).abs() <= DriftControl::SLEW_PPM * 1.001);
            assert!(rate.abs() <= DriftControl::MOST_PPM);
            // 2.5 ms of sound come in 2.5 ms, of which so many parts a million more are played.
            excess_ms += (drift_ppm - rate) * 0.25e-5;
            if block % 400 == 0 {
                seen.push(excess_ms);
            }
        }
        seen
    }

    #[test]
    fn a_clock_that_drifts_is_learned_and_costs_no_more_than_a_millisecond_meanwhile() {
        for drift in [-200.0, -30.0, 30.0, 200.0] {
            let mut control = DriftControl::default();
            let seen = run(&mut control, drift, 0.0, 600);
            let worst = seen.iter().fold(0.0f32, |most, excess| most.max(excess.abs()));
            assert!(worst < 1.0, "{drift} ppm: {worst} ms off");
            assert!(seen[300..].iter().all(|excess| excess.abs() < 0.05), "{drift}: {:?}", &seen[300..310]);
            assert!((control.rate_ppm - drift).abs() < 1.0);
        }
    }

    #[test]
    fn a_jump_is_made_up_without_overshoot() {
        let mut control = DriftControl::default();
        let seen = run(&mut control, 0.0, 8.0, 300);
        assert!(seen[40] < 1.5, "{:?}", &seen[..41]);
        assert!(seen.iter().all(|excess| *excess > -1.5), "{seen:?}");
        assert!(seen[299].abs() < 0.05);
    }

    #[test]
    fn what_was_learned_outlives_a_silence() {
        let mut control = DriftControl::default();
        run(&mut control, 150.0, 0.0, 300);
        for _ in 0..4000 {
            control.steer(None);
        }
        assert!((control.rate_ppm - 150.0).abs() < 1.0);
        let seen = run(&mut control, 150.0, 0.0, 60);
        assert!(seen.iter().all(|excess| excess.abs() < 0.1), "{seen:?}");
    }

    #[test]
    fn a_drift_beyond_the_limit_is_followed_at_the_limit_and_forgotten() {
        let mut control = DriftControl::default();
        run(&mut control, 3000.0, 0.0, 60);
        assert!((control.rate_ppm - DriftControl::MOST_PPM).abs() < 1e-3);
        let seen = run(&mut control, 0.0, 0.0, 120);
        assert!(seen.iter().all(|excess| excess.abs() < 6.0) && seen[119].abs() < 0.5, "{seen:?}");
    }
}
