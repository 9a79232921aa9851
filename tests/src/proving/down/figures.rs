//! What runs over ways down come to, as `tests/MEASURES.md` defines it.

use vestibule_common::media::ladder::{CAMERA, Rung};
use vestibule_common::time::{Duration, Time};

use super::case::{self, DownCase};
use super::run::{DownRecord, run};
use crate::measure::figures::percentile;
use crate::proving::figures::{FROM, IN_A_ROW, RECOVERED, starved};
use crate::proving::table::Table;

/// What the third receiver of `isolation_near` has, in kbit/s: less than the others can use, and more than makes it one of another layer.
const NEAR: u64 = 1400;

/// All cases with seeds from 1 on.
pub fn table(seeds: u64) -> Table {
    let mut table = Table::default();
    for case in case::all() {
        for seed in 1..=seeds {
            for (name, value) in figures(&case, &run(&case, seed)) {
                table.push(format!("{}_{name}", case.name), value);
            }
        }
    }
    for seed in 1..=seeds {
        let [slow, near, quick] = [200, NEAR, 5000].map(|kbps| run(&case::isolation(kbps), seed));
        table.push("isolation_bitrate_ratio".to_owned(), isolation(&slow, &quick));
        table.push("isolation_near_bitrate_ratio".to_owned(), isolation(&near, &quick));
    }
    table
}

/// What the receivers but the first got over what they got in the other run, the lower of them.
fn isolation(with: &DownRecord, without: &DownRecord) -> f64 {
    let got = |record: &DownRecord, receiver: usize| {
        let all = record.media[receiver].iter().flat_map(|media| &media[FROM..]);
        all.sum::<u64>() as f64
    };
    let others = 1..with.media.len();
    others.map(|receiver| got(with, receiver) / got(without, receiver)).fold(f64::INFINITY, f64::min)
}

/// Named figures of a run, in a fixed order. Of several receivers the worst counts.
fn figures(case: &DownCase, record: &DownRecord) -> Vec<(&'static str, f64)> {
    let views: Vec<WayView> = (0..case.ways.len()).map(|way| WayView { case, record, way }).collect();
    let least = |of: &dyn Fn(&WayView) -> f64| views.iter().map(of).fold(f64::INFINITY, f64::min);
    let most = |of: &dyn Fn(&WayView) -> f64| views.iter().map(of).fold(0.0, f64::max);
    let mut all = match case.tcp {
        false => vec![("ladder_share", least(&|view| view.ladder_share()))],
        true => vec![("share", least(&|view| view.share())), ("starved_s", most(&|view| view.starved()))],
    };
    let queues: Vec<f64> = record.queues.iter().flatten().copied().collect();
    all.push(("queue_mean_ms", queues.iter().sum::<f64>() / queues.len() as f64));
    all.push(("queue_p95_ms", percentile(&queues, 95.0)));
    let (sent, dropped) =
        record.counts.iter().fold((0, 0), |sum, way| (sum.0 + way.sent, sum.1 + way.dropped));
    all.push(("loss", dropped as f64 / sent as f64));
    if case.recovers {
        all.push(("recovery_s", most(&|view| view.recovery())));
    }
    all.push(("freeze_ms", most(&|view| view.freeze())));
    all
}

/// What one receiver gets.
struct WayView<'a> {
    case: &'a DownCase,
    record: &'a DownRecord,
    way: usize,
}

impl WayView<'_> {
    fn seconds(&self) -> std::ops::Range<usize> {
        FROM..self.case.seconds as usize
    }

    /// Cameras that have begun.
    fn cameras(&self, second: usize) -> usize {
        self.case.cameras.iter().filter(|begin| **begin <= second as u64).count()
    }

    /// What the way carries in a second, in bit/s.
    fn capacity(&self, second: usize) -> f64 {
        let from = Time::from_millis(second as u64 * 1000);
        let capacity = self.case.ways[self.way].rate.capacity(from, from + Duration::from_secs(1));
        capacity.as_bytes() as f64 * 8.0
    }

    /// What the best layers take that fit in a second, in bytes.
    fn could(&self, second: usize) -> f64 {
        best(self.capacity(second), self.cameras(second)) / 8.0
    }

    fn got(&self, second: usize) -> f64 {
        self.record.media[self.way].iter().map(|media| media[second] as f64).sum()
    }

    fn ladder_share(&self) -> f64 {
        // What a queue delivers late in a second that could carry less does not make up for another.
        let got: f64 = self.seconds().map(|second| self.got(second).min(self.could(second))).sum();
        got / self.seconds().map(|second| self.could(second)).sum::<f64>()
    }

    /// Beside TCP: over the best layers for a fair part.
    fn share(&self) -> f64 {
        let fair = |second: usize| {
            let flows = 1.0 + self.record.tcp_active[self.way][second];
            best(self.capacity(second) / flows, self.cameras(second)) / 8.0
        };
        let got: f64 = self.seconds().map(|second| self.got(second)).sum();
        got / self.seconds().map(fair).sum::<f64>()
    }

    /// The most seconds in a row with less than half of the lowest layer's least.
    fn starved(&self) -> f64 {
        starved(self.seconds().map(|second| self.got(second)), CAMERA[0].least.as_bps() as f64 / 16.0)
    }

    /// The most seconds after a rise until enough arrives.
    fn recovery(&self) -> f64 {
        let seconds = self.case.seconds as usize;
        let enough = |second: usize| second >= seconds || self.got(second) >= RECOVERED * self.could(second);
        let rises = self.seconds().filter(|second| self.could(*second) > 1.05 * self.could(second - 1));
        let took = rises.map(|rise| {
            let recovered = (rise..seconds).find(|first| (*first..first + IN_A_ROW).all(enough));
            (recovered.unwrap_or(seconds) - rise) as f64
        });
        took.fold(0.0, f64::max)
    }

    /// The longest time between two pictures of a camera that could be shown, in milliseconds.
    fn freeze(&self) -> f64 {
        let end = Time::from_millis(self.case.seconds * 1000);
        let of = |(shown, begin): (&Vec<Time>, &u64)| {
            // A camera that comes later has as long as the others before it counts.
            let from = Time::from_millis((FROM as u64).max(begin + FROM as u64) * 1000).min(end);
            let late = shown.iter().copied().filter(|at| *at > from);
            let times: Vec<Time> = [from].into_iter().chain(late).chain([end]).collect();
            times.windows(2).map(|pair| pair[1].since(pair[0]).as_micros()).max()
        };
        let longest = self.record.shown[self.way].iter().zip(&self.case.cameras).filter_map(of).max();
        longest.unwrap_or(0) as f64 / 1000.0
    }
}

/// What the best layers of so many cameras take, in bit/s: of all whose least fits, those that can use most of it.
fn best(capacity: f64, cameras: usize) -> f64 {
    let (mut best, layers) = (0.0, CAMERA.len());
    for mut choice in 0..layers.pow(cameras as u32) {
        let (mut least, mut most) = (0.0, 0.0);
        for _ in 0..cameras {
            let Rung { least: rung_least, most: rung_most, .. } = CAMERA[choice % layers];
            least += rung_least.as_bps() as f64;
            most += rung_most.as_bps() as f64;
            choice /= layers;
        }
        if least <= capacity {
            best = f64::max(best, most.min(capacity));
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_layers_fill_what_there_is_up_to_the_most_that_is_of_use() {
        let best = |kbps: f64, cameras| best(kbps * 1000.0, cameras) / 1000.0;
        assert_eq!(
            [50.0, 100.0, 590.0, 1000.0, 2500.0].map(|kbps| best(kbps, 1)),
            [0.0, 100.0, 590.0, 1000.0, 1630.0]
        );
        assert_eq!(
            [best(3500.0, 2), best(3500.0, 3), best(100.0, 2), best(0.0, 0)],
            [3260.0, 3500.0, 0.0, 0.0]
        );
    }
}
