//! The receiver's half: remembers when packets came and reports it every 50 ms (after RFC 8888). Each arrival stands in two
//! reports in a row, so that a lost report costs nothing but time.

use std::collections::VecDeque;

use crate::time::{Duration, Time};
use crate::wire::{Arrival, Ecn, Feedback};

/// How often arrivals are reported.
pub const REPORT_INTERVAL: Duration = Duration::from_millis(50);
/// So many unreported packets are reported at once: half of what fits a report, as each stands in two.
const REPORT_EARLY: u64 = Feedback::MAX_ENTRIES as u64 / 2;

/// The most packets that are remembered.
const CAPACITY: usize = 2 * Feedback::MAX_ENTRIES;

/// When the packets of one hop and direction came.
#[derive(Clone, Debug)]
pub struct Arrivals {
    /// The number of the first entry.
    first: u64,
    entries: VecDeque<Option<(Time, Ecn)>>,
    /// What lies before was in a report.
    reported: u64,
    due: Option<Time>,
}

impl Default for Arrivals {
    fn default() -> Arrivals {
        Arrivals::new()
    }
}

impl Arrivals {
    /// Nothing has come. What it will ever need is allocated here.
    pub fn new() -> Arrivals {
        Arrivals { first: 0, entries: VecDeque::with_capacity(CAPACITY), reported: 0, due: None }
    }

    /// An authentic packet has come, for the first time.
    pub fn handle_arrival(&mut self, number: u64, ecn: Ecn, now: Time) {
        if self.entries.is_empty() && self.reported <= number {
            (self.first, self.reported) = (number, number);
        }
        let Some(index) = number.checked_sub(self.first) else { return };
        // After a gap that no report could hold, what lies before it is of no more use.
        if index >= CAPACITY as u64 {
            self.entries.clear();
            (self.first, self.reported) = (number, number);
            return self.handle_arrival(number, ecn, now);
        }
        let index = index as usize;
        if self.entries.len() <= index {
            self.entries.resize(index + 1, None);
        }
        self.entries[index] = Some((now, ecn));
        let early = (self.end() - self.reported.min(self.end())) >= REPORT_EARLY;
        let due = if early { now } else { now + REPORT_INTERVAL };
        self.due = Some(self.due.map_or(due, |before| before.min(due)));
    }

    /// When the next report is due.
    pub fn poll_timeout(&self) -> Option<Time> {
        self.due
    }

    /// The report that is due by now. Its clock is `now`.
    pub fn next_report(&mut self, now: Time) -> Option<Feedback> {
        self.due.take_if(|due| *due <= now)?;
        let mut report = Feedback { first: self.first, reported: now, arrivals: Default::default() };
        while self.entries.len() > Feedback::MAX_ENTRIES {
            self.entries.pop_front();
            self.first += 1;
            report.first = self.first;
        }
        for entry in &self.entries {
            let arrival = entry.map(|(at, ecn)| {
                let quarters = now.since(at).as_micros() / 250;
                Arrival { ecn, age_quarter_ms: u16::try_from(quarters).unwrap_or(u16::MAX) }
            });
            // There are no more than fit.
            let _ = report.arrivals.push(arrival);
        }
        let end = self.end();
        let keep = self.reported.max(self.first);
        self.entries.drain(..(keep - self.first) as usize);
        (self.first, self.reported) = (keep, end);
        Some(report)
    }

    fn end(&self) -> u64 {
        self.first + self.entries.len() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Time = Time::from_millis;

    fn came(report: &Feedback) -> Vec<u64> {
        let entries = report.arrivals.iter().zip(report.first..);
        entries.filter_map(|(entry, number)| entry.map(|_| number)).collect()
    }

    #[test]
    fn every_arrival_is_reported_twice_with_its_age() {
        let mut arrivals = Arrivals::new();
        arrivals.handle_arrival(7, Ecn::NotEct, MS(100));
        arrivals.handle_arrival(9, Ecn::Ce, MS(120));
        assert_eq!((arrivals.poll_timeout(), arrivals.next_report(MS(149))), (Some(MS(150)), None));
        let report = arrivals.next_report(MS(150)).unwrap();
        assert_eq!((report.first, came(&report)), (7, vec![7, 9]));
        assert_eq!(report.arrivals[0], Some(Arrival { ecn: Ecn::NotEct, age_quarter_ms: 200 }));
        assert_eq!(report.arrivals[2], Some(Arrival { ecn: Ecn::Ce, age_quarter_ms: 120 }));
        assert_eq!(arrivals.poll_timeout(), None, "nothing new, nothing to say");
        arrivals.handle_arrival(8, Ecn::NotEct, MS(160));
        arrivals.handle_arrival(10, Ecn::NotEct, MS(161));
        assert_eq!(came(&arrivals.next_report(MS(210)).unwrap()), [7, 8, 9, 10], "a late one is put right");
        arrivals.handle_arrival(11, Ecn::NotEct, MS(215));
        assert_eq!(came(&arrivals.next_report(MS(270)).unwrap()), [10, 11]);
    }

    #[test]
    fn many_packets_are_reported_early_and_a_gap_without_end_begins_anew() {
        let mut arrivals = Arrivals::new();
        (0..REPORT_EARLY).for_each(|number| arrivals.handle_arrival(number, Ecn::NotEct, MS(1)));
        assert_eq!(arrivals.poll_timeout(), Some(MS(1)));
        assert_eq!(arrivals.next_report(MS(1)).unwrap().arrivals.len(), 256);
        arrivals.handle_arrival(1 << 40, Ecn::NotEct, MS(2));
        assert_eq!(came(&arrivals.next_report(MS(60)).unwrap()), [1 << 40]);
        arrivals.handle_arrival(3, Ecn::NotEct, MS(61));
        assert_eq!(arrivals.next_report(MS(200)), None, "what is long past is of no use");
    }
}
