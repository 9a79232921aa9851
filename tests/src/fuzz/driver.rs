//! The stable driver: inputs from a seed, one after the other for each target, until the caller has enough.
//!
//! It has no coverage feedback as libFuzzer has, but it knows the formats, needs no special compiler, and says how many
//! inputs each target accepted: none would mean that it only ever tests the first check.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::generate;
use super::random::Random;
use super::seeds::Seeds;
use super::targets::Target;

/// How a target fared.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Report {
    /// The target.
    pub target: &'static str,
    /// Inputs it was given.
    pub inputs: u64,
    /// Inputs it took for valid.
    pub accepted: u64,
}

/// An input that made a target panic.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// The target.
    pub target: &'static str,
    /// The shortest input found that does it.
    pub input: Vec<u8>,
}

/// Drives the targets in turn while `go_on` says so. The same seed gives the same inputs.
///
/// Errors: the first [`Finding`].
pub fn fuzz(targets: &[Target], seed: u64, mut go_on: impl FnMut() -> bool) -> Result<Vec<Report>, Finding> {
    let seeds = Seeds::new();
    let mut reports: Vec<Report> =
        targets.iter().map(|target| Report { target: target.name, inputs: 0, accepted: 0 }).collect();
    let mut streams: Vec<Random> =
        (0..).zip(targets).map(|(index, _)| Random::new(seed ^ Random::new(index).number())).collect();
    while go_on() {
        for ((target, random), report) in targets.iter().zip(&mut streams).zip(&mut reports) {
            for _ in 0..target.round {
                let input = generate::input(&seeds, target.name, random);
                match run(target, &input) {
                    Some(accepted) => {
                        report.inputs += 1;
                        report.accepted += u64::from(accepted);
                    }
                    None => return Err(Finding { target: target.name, input: shortened(target, input) }),
                }
            }
        }
    }
    Ok(reports)
}

/// Whether the target accepts the input; `None` when it panics.
pub fn run(target: &Target, input: &[u8]) -> Option<bool> {
    catch_unwind(AssertUnwindSafe(|| (target.run)(input))).ok()
}

/// Cuts pieces out of an input for as long as it still makes the target panic.
fn shortened(target: &Target, mut input: Vec<u8>) -> Vec<u8> {
    let mut width = input.len() / 2;
    while width > 0 {
        let mut at = 0;
        while at + width <= input.len() {
            let mut shorter = input.clone();
            shorter.drain(at..at + width);
            if run(target, &shorter).is_none() {
                input = shorter;
            } else {
                at += width;
            }
        }
        width /= 2;
    }
    input
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fuzz::TARGETS;
    use crate::fuzz::targets::ROUND;

    fn rounds(count: usize) -> impl FnMut() -> bool {
        let mut left = count;
        move || {
            let more = left > 0;
            left = left.saturating_sub(1);
            more
        }
    }

    #[test]
    fn every_target_survives_and_is_reached_beyond_its_first_check() {
        let reports = fuzz(&TARGETS, 1, rounds(8)).unwrap();
        for (report, target) in reports.iter().zip(&TARGETS) {
            assert_eq!(report.inputs, 8 * target.round);
            let share = report.accepted * 100 / report.inputs;
            assert!((5..=98).contains(&share), "{} accepts {share} % of its inputs", report.target);
        }
    }

    /// A parser with the classic mistake: it believes a count.
    fn careless(data: &[u8]) -> bool {
        if data.len() < 12 || data[0] != 7 {
            return false;
        }
        let count = usize::from(u16::from_be_bytes([data[10], data[11]]));
        (0..count).for_each(|n| assert!(data[12 + 2 * n + 1] as usize <= 255));
        true
    }

    #[test]
    fn a_parser_that_believes_a_count_is_found_out() {
        let target = Target { name: "nack", run: careless, round: ROUND };
        let finding = fuzz(&[target], 2, rounds(8)).unwrap_err();
        assert_eq!(finding.input.len(), 12, "cut down to the header with its lying count");
        let again = fuzz(&[target], 2, rounds(8)).unwrap_err();
        assert_eq!(finding, again, "a seed replays");
    }
}
