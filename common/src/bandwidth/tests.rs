//! The estimator over a path of its own: one bottleneck, exact to the microsecond.

use proptest::prelude::*;

use super::*;
use crate::wire::Arrival;

const PACKET: DataSize = DataSize::bytes(1200);

/// A bottleneck of a rate with a queue, 50 ms long, and the receiver behind it.
struct Path {
    estimator: Estimator,
    arrivals: Arrivals,
    kbps: u64,
    /// Of so many packets one is lost.
    loses: Option<u64>,
    number: u64,
    /// When the bottleneck is free.
    free: Time,
    under_way: std::collections::VecDeque<(Time, u64)>,
    reports: std::collections::VecDeque<(Time, Feedback)>,
    next: Time,
    now: Time,
}

impl Path {
    fn new(kbps: u64) -> Path {
        Path {
            estimator: Estimator::new(EstimatorConfig::default()),
            arrivals: Arrivals::new(),
            kbps,
            loses: None,
            number: 0,
            free: Time::ZERO,
            under_way: Default::default(),
            reports: Default::default(),
            next: Time::ZERO,
            now: Time::ZERO,
        }
    }

    /// Sends at the estimate, or at no more than `limit`; the receiver's reports go through `lie`. Returns the longest queue.
    fn run(&mut self, ms: u64, limit: u64, mut lie: impl FnMut(&mut Feedback)) -> Duration {
        let end = self.now + Duration::from_millis(ms);
        let mut longest = Duration::ZERO;
        while self.now < end {
            self.estimator.handle_timeout(self.now);
            if self.now >= self.next {
                self.estimator.handle_sent(self.number, PACKET, self.now);
                let begin = self.free.max(self.now);
                longest = longest.max(begin.since(self.now));
                self.free = begin + PACKET.time_at(Bitrate::kbps(self.kbps));
                if self.loses.is_none_or(|one_of| !self.number.is_multiple_of(one_of)) {
                    self.under_way.push_back((self.free + Duration::from_millis(50), self.number));
                }
                self.number += 1;
                let rate = self.estimator.estimate().min(Bitrate::kbps(limit));
                self.next = self.now + PACKET.time_at(rate);
            }
            while let Some((_, number)) = self.under_way.pop_front_if(|(at, _)| *at <= self.now) {
                self.arrivals.handle_arrival(number, Ecn::Ect0, self.now);
            }
            if let Some(mut report) = self.arrivals.next_report(self.now) {
                lie(&mut report);
                self.reports.push_back((self.now + Duration::from_millis(50), report));
            }
            while let Some((_, report)) = self.reports.pop_front_if(|(at, _)| *at <= self.now) {
                let _ = self.estimator.handle_feedback(&report, self.now);
            }
            self.now += Duration::from_millis(1);
        }
        longest
    }

    fn kbps(&self) -> u64 {
        self.estimator.estimate().as_bps() / 1000
    }
}

#[test]
fn it_finds_what_a_path_carries_and_leaves_its_queue_short() {
    let mut path = Path::new(1000);
    path.run(10_000, 100_000, |_| {});
    let longest = path.run(20_000, 100_000, |_| {});
    assert!((930..1080).contains(&path.kbps()), "{}", path.kbps());
    assert!(longest < Duration::from_millis(60), "{longest:?}");
    let round_trip = path.estimator.round_trip().unwrap();
    assert!((100..160).contains(&round_trip.as_millis()), "{round_trip:?}");
}

#[test]
fn it_follows_a_fall_at_once_and_a_rise_soon() {
    let mut path = Path::new(2000);
    path.run(15_000, 100_000, |_| {});
    path.kbps = 500;
    path.run(1500, 100_000, |_| {});
    assert!(path.kbps() < 650, "{}", path.kbps());
    path.run(10_000, 100_000, |_| {});
    assert!((450..650).contains(&path.kbps()), "{}", path.kbps());
    path.kbps = 1000;
    path.run(4000, 100_000, |_| {});
    assert!(path.kbps() > 900, "{}", path.kbps());
}

#[test]
fn what_is_not_used_does_not_grow() {
    let mut path = Path::new(50_000);
    path.run(20_000, 400, |_| {});
    assert!(path.kbps() < 650, "{}: 400 over 0.7 and a step", path.kbps());
    assert!(path.estimator.wants_padding(path.now), "padding would tell more");
}

#[test]
fn losses_that_are_nobodys_fault_cost_little() {
    let mut path = Path::new(2000);
    path.loses = Some(10);
    path.run(40_000, 100_000, |_| {});
    assert!(path.kbps() > 1700, "{}", path.kbps());
}

#[test]
fn without_reports_it_falls_and_comes_back() {
    let mut path = Path::new(1000);
    path.run(10_000, 100_000, |_| {});
    path.run(3000, 100_000, |report| report.first = u64::MAX / 2);
    assert!(path.kbps() < 200, "{}", path.kbps());
    path.run(8000, 100_000, |_| {});
    assert!(path.kbps() > 850, "{}", path.kbps());
}

/// Where everything gets lost, or somebody says so, less and less is sent, whether or not a queue was ever seen.
#[test]
fn where_nothing_gets_through_little_is_sent() {
    for limit in [100_000, 400] {
        let mut path = Path::new(2000);
        path.run(5000, limit, |_| {});
        path.run(5000, 100_000, |report| report.arrivals.iter_mut().for_each(|entry| *entry = None));
        assert!(path.kbps() < 60, "{}", path.kbps());
        path.run(10_000, 100_000, |_| {});
        assert!(path.kbps() > 1000, "{}", path.kbps());
    }
}

#[test]
fn after_a_rest_it_begins_lower() {
    let mut path = Path::new(2000);
    path.run(15_000, 100_000, |_| {});
    let before = path.kbps();
    path.estimator.handle_sent(path.number, PACKET, path.now + Duration::from_secs(6));
    assert_eq!(path.kbps(), before / 2);
}

#[test]
fn lies_are_refused_whole() {
    let mut estimator = Estimator::new(EstimatorConfig::default());
    let report = |first: u64, reported: Time, count: usize| {
        let arrival = Arrival { ecn: Ecn::Ect0, age_quarter_ms: 0 };
        Feedback { first, reported, arrivals: (0..count).map(|_| Some(arrival)).collect() }
    };
    let at = Time::from_millis;
    for number in 0..10 {
        estimator.handle_sent(number, PACKET, at(number));
    }
    assert_eq!(estimator.handle_feedback(&report(5, at(100), 6), at(100)), Err(FeedbackError::NeverSent));
    let huge = report(u64::MAX, at(100), 1);
    assert_eq!(estimator.handle_feedback(&huge, at(100)), Err(FeedbackError::NeverSent));
    assert_eq!(estimator.fates(), (0, 0));
    assert_eq!(estimator.handle_feedback(&report(0, at(50_000), 5), at(100)), Ok(()), "any clock will do");
    assert_eq!(estimator.handle_feedback(&report(5, at(90_000), 1), at(200)), Err(FeedbackError::Clock));
    assert_eq!(estimator.handle_feedback(&report(5, at(10_000), 1), at(200)), Err(FeedbackError::Clock));
    assert_eq!(estimator.handle_feedback(&report(0, at(50_100), 6), at(200)), Ok(()));
    assert_eq!(estimator.fates(), (6, 0), "nothing counts twice");
}

/// Whoever says that everything came, and at once, is sent no more than it takes from itself: twice what was used at the most
/// each while, and only while it is used.
#[test]
fn who_claims_that_everything_came_only_floods_itself() {
    let mut path = Path::new(500);
    path.run(20_000, 1000, |report| {
        for entry in &mut report.arrivals {
            *entry = Some(Arrival { ecn: Ecn::Ect0, age_quarter_ms: 0 });
        }
    });
    assert!(path.kbps() <= 1500, "{}: what is used over 0.7, and a step", path.kbps());
}

proptest! {
    /// Whatever a receiver says, nothing panics, and the estimate keeps its bounds.
    #[test]
    fn any_reports_survive(
        reports in prop::collection::vec(
            (any::<u64>(), 0u64..400, any::<u64>(), prop::collection::vec(prop::option::of((0u8..4, any::<u16>())), 0..60)),
            0..60,
        ),
    ) {
        let mut estimator = Estimator::new(EstimatorConfig::default());
        let mut now = Time::ZERO;
        for (round, (wild, near, clock, entries)) in reports.into_iter().enumerate() {
            for n in 0..10 {
                estimator.handle_sent(10 * round as u64 + n, PACKET, now);
            }
            let arrivals = entries.into_iter().map(|entry| entry.map(|(ecn, age)| {
                let ecn = [Ecn::NotEct, Ecn::Ect0, Ecn::Ect1, Ecn::Ce][usize::from(ecn)];
                Arrival { ecn, age_quarter_ms: age & 0x1fff }
            })).collect();
            let first = if round % 3 == 0 { wild } else { near };
            let reported = if round % 4 == 0 { Time::from_micros(clock) } else { now };
            let _ = estimator.handle_feedback(&Feedback { first, reported, arrivals }, now);
            now += Duration::from_millis(37);
            estimator.handle_timeout(now);
            let config = EstimatorConfig::default();
            prop_assert!((config.smallest..=config.largest).contains(&estimator.estimate()));
        }
    }
}
