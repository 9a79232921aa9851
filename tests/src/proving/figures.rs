//! What a run comes to, as `tests/MEASURES.md` defines it.

use vestibule_common::time::{Duration, Time};

use super::case::Case;
use super::run::{Record, SOURCE};
use crate::measure::figures::percentile;

/// The first seconds are not judged.
pub(super) const FROM: usize = 10;
/// So much of what could have arrived is enough after the capacity rose,
pub(super) const RECOVERED: f64 = 0.9;
/// in so many seconds in a row.
pub(super) const IN_A_ROW: usize = 3;

/// Named figures of a run, in a fixed order.
pub fn figures(case: &Case, record: &Record) -> Vec<(&'static str, f64)> {
    let links: Vec<LinkView> =
        case.bottlenecks.iter().map(|link| LinkView { case, record, link: *link }).collect();
    let utilisation = links.iter().map(LinkView::utilisation).fold(f64::INFINITY, f64::min);
    let recovery = links.iter().map(LinkView::recovery).fold(0.0, f64::max);
    let mut all = Vec::new();
    if case.tcp.is_empty() {
        all.push(("utilisation", utilisation));
    } else {
        all.push(("share", share(case, record)));
        let got = record.media[0][FROM..].iter().map(|got| *got as f64);
        all.push(("starved_s", starved(got, SOURCE.0.as_bps() as f64 / 16.0)));
    }
    let queues: Vec<f64> = record.queues.iter().flatten().copied().collect();
    all.push(("queue_mean_ms", queues.iter().sum::<f64>() / queues.len() as f64));
    all.push(("queue_p95_ms", percentile(&queues, 95.0)));
    let (sent, arrived) = record.packets.iter().fold((0, 0), |sum, flow| (sum.0 + flow.0, sum.1 + flow.1));
    all.push(("loss", 1.0 - arrived as f64 / sent as f64));
    if case.recovers {
        all.push(("recovery_s", recovery));
    }
    if case.shared {
        all.push(("jain", jain(case, record)));
    }
    all
}

/// What goes over one bottleneck.
struct LinkView<'a> {
    case: &'a Case,
    record: &'a Record,
    link: usize,
}

impl LinkView<'_> {
    fn flows(&self) -> impl Iterator<Item = usize> {
        (0..self.case.flows.len()).filter(|n| self.case.flows[*n].path.contains(&self.link))
    }

    /// What could arrive in a second, in bytes: what the link carries, and what the sources make.
    fn could(&self, second: usize) -> f64 {
        let from = Time::from_millis(second as u64 * 1000);
        let capacity = self.case.links[self.link].rate.capacity(from, from + Duration::from_secs(1));
        let active = self.flows().filter(|n| self.case.flows[*n].is_active(from)).count();
        (capacity.as_bytes() as f64).min(active as f64 * SOURCE.1.as_bps() as f64 / 8.0)
    }

    fn got(&self, second: usize) -> f64 {
        self.flows().map(|n| self.record.media[n][second] as f64).sum()
    }

    /// Media that arrived over what could have.
    fn utilisation(&self) -> f64 {
        let seconds = FROM..self.case.seconds as usize;
        // What a queue delivers late in a second that could carry less does not make up for another.
        let got: f64 = seconds.clone().map(|second| self.got(second).min(self.could(second))).sum();
        got / seconds.map(|second| self.could(second)).sum::<f64>()
    }

    /// The most seconds after a rise until enough arrives.
    fn recovery(&self) -> f64 {
        let seconds = self.case.seconds as usize;
        let enough = |second: usize| second >= seconds || self.got(second) >= RECOVERED * self.could(second);
        let rises = (FROM..seconds).filter(|second| self.could(*second) > 1.05 * self.could(second - 1));
        let took = rises.map(|rise| {
            let recovered = (rise..seconds).find(|first| (*first..first + IN_A_ROW).all(enough));
            (recovered.unwrap_or(seconds) - rise) as f64
        });
        took.fold(0.0, f64::max)
    }
}

/// Jain's index (Jain, Chiu, Hawe: DEC-TR-301, 1984) of what each flow got for its weight, from [`FROM`] after the last began.
fn jain(case: &Case, record: &Record) -> f64 {
    let begun =
        case.flows.iter().filter_map(|flow| flow.active.first()).map(|(from, _)| *from as usize).max();
    let from = begun.unwrap_or(0) + FROM;
    let got = record.media.iter().zip(&case.flows);
    let got: Vec<f64> =
        got.map(|(media, flow)| media[from..].iter().sum::<u64>() as f64 / flow.weight).collect();
    got.iter().sum::<f64>().powi(2) / (got.len() as f64 * got.iter().map(|got| got * got).sum::<f64>())
}

/// What the first media flow got over its fair share beside TCP.
fn share(case: &Case, record: &Record) -> f64 {
    let seconds = FROM..case.seconds as usize;
    let fair = |second: usize| {
        let rate = case.links[case.bottlenecks[0]].rate.at(Time::from_millis(second as u64 * 1000));
        (rate.as_bps() as f64 / (1.0 + record.tcp_active[second])).min(SOURCE.1.as_bps() as f64) / 8.0
    };
    let got: u64 = record.media[0][seconds.clone()].iter().sum();
    got as f64 / seconds.map(fair).sum::<f64>()
}

/// The most seconds in a row in which a flow got less than so many bytes.
pub(super) fn starved(got: impl Iterator<Item = f64>, little: f64) -> f64 {
    let (mut most, mut row) = (0, 0);
    for got in got {
        row = if got < little { row + 1 } else { 0 };
        most = most.max(row);
    }
    f64::from(most)
}
