//! Test cases: RFC 8867 with the numbers of ns3-rmcat where it leaves them open, and some radios after RFC 8869.

use vestibule_common::time::{Duration, Time};
use vestibule_common::unit::Bitrate;

use crate::world::{LinkConfig, Loss, Schedule};

/// A test case: links, and what goes over them.
#[derive(Clone, Debug)]
pub struct Case {
    /// Its section of RFC 8867 with underscores, or a word.
    pub name: &'static str,
    /// How long it takes, in seconds.
    pub seconds: u64,
    /// One-way links.
    pub links: Vec<LinkConfig>,
    /// Media.
    pub flows: Vec<FlowPlan>,
    /// TCP beside it.
    pub tcp: Vec<TcpPlan>,
    /// The links whose queue and utilisation count.
    pub bottlenecks: Vec<usize>,
    /// A capacity rises, seldom enough that one can see how long it takes to be used.
    pub recovers: bool,
    /// Its flows are to be treated alike, by their weight.
    pub shared: bool,
}

/// One media flow.
#[derive(Clone, Debug)]
pub struct FlowPlan {
    /// The links that its packets pass, in order.
    pub path: Vec<usize>,
    /// Those of its reports.
    pub back: Vec<usize>,
    /// It sends in these spans, in seconds.
    pub active: Vec<(u64, u64)>,
    /// Its share beside others.
    pub weight: f64,
}

/// One sender of TCP.
#[derive(Clone, Debug)]
pub struct TcpPlan {
    /// The links that its segments pass, in order.
    pub path: Vec<usize>,
    /// Those of its acknowledgements.
    pub back: Vec<usize>,
    /// Short files with pauses instead of one flow without end.
    pub short: bool,
}

impl FlowPlan {
    fn new(path: &[usize], back: &[usize], seconds: u64) -> FlowPlan {
        FlowPlan { path: path.to_vec(), back: back.to_vec(), active: vec![(0, seconds)], weight: 1.0 }
    }

    /// Whether it sends at this moment.
    pub fn is_active(&self, now: Time) -> bool {
        let second = now.as_micros() / 1_000_000;
        self.active.iter().any(|(from, to)| (*from..*to).contains(&second))
    }
}

impl Case {
    /// One flow over one bottleneck.
    fn one(name: &'static str, seconds: u64, link: LinkConfig) -> Case {
        Case {
            name,
            seconds,
            links: vec![link, wide(50)],
            flows: vec![FlowPlan::new(&[0], &[1], seconds)],
            tcp: vec![],
            bottlenecks: vec![0],
            recovers: false,
            shared: false,
        }
    }

    fn recovering(self) -> Case {
        Case { recovers: true, ..self }
    }

    /// So many of its flow, each beginning so many seconds after the one before.
    fn times(mut self, count: u64, every: u64) -> Case {
        let flow = self.flows.remove(0);
        let begin = |n: u64| FlowPlan { active: vec![(n * every, self.seconds)], ..flow.clone() };
        self.flows = (0..count).map(begin).collect();
        Case { shared: true, ..self }
    }

    fn beside_tcp(self, count: usize, short: bool) -> Case {
        Case { tcp: vec![TcpPlan { path: vec![0], back: vec![1], short }; count], ..self }
    }
}

/// A link of so many kbit/s from each second on.
pub(super) fn steps(steps: &[(u64, u64)]) -> LinkConfig {
    let steps: Vec<(u64, Bitrate)> = steps.iter().map(|(at, kbps)| (*at, Bitrate::kbps(*kbps))).collect();
    LinkConfig { rate: Schedule::of_seconds(&steps), ..LinkConfig::default() }
}

/// A link that only delays.
fn wide(ms: u64) -> LinkConfig {
    let delay = Schedule::constant(Duration::from_millis(ms));
    LinkConfig { rate: Schedule::constant(Bitrate::kbps(100_000)), delay, ..LinkConfig::default() }
}

/// The link without its delay.
fn at_once(config: LinkConfig) -> LinkConfig {
    LinkConfig { delay: Schedule::constant(Duration::ZERO), ..config }
}

pub(super) const STEPS_5_1: [(u64, u64); 4] = [(0, 1000), (40, 2500), (60, 600), (80, 1000)];
const STEPS_5_2: [(u64, u64); 5] = [(0, 4000), (25, 2000), (50, 3500), (75, 1000), (100, 2000)];

/// A radio that others use too: every second another share of it is left, 600 to 2000 kbit/s.
fn contended() -> Vec<(u64, u64)> {
    // Without a pattern, the same for all seeds.
    let mut state = 7_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 33
    };
    (0..100).map(|second| (second, 600 + next() % 1400)).collect()
}

/// A mobile that walks in and out of good coverage, and once through a tunnel (RFC 8869, 3.2).
fn cellular() -> LinkConfig {
    let rate = |tenth: u64| {
        let swing = (tenth as f64 / 200.0 * std::f64::consts::TAU).sin();
        let in_tunnel = (500..510).contains(&tenth);
        if in_tunnel { Bitrate::bps(0) } else { Bitrate::kbps((1000.0 + 600.0 * swing) as u64) }
    };
    let steps = (0..1000).map(|tenth| (Time::from_millis(100 * tenth), rate(tenth))).collect();
    LinkConfig { rate: Schedule::of(steps), ..LinkConfig::default() }
}

/// All of them.
pub fn all() -> Vec<Case> {
    vec![
        Case::one("5_1", 100, steps(&STEPS_5_1)).recovering(),
        Case::one("5_2", 125, steps(&STEPS_5_2)).times(2, 0).recovering(),
        both_directions(),
        Case::one("5_4", 119, steps(&[(0, 3500)])).times(3, 20),
        round_trips(),
        Case::one("5_6", 120, steps(&[(0, 2000)])).beside_tcp(1, false),
        Case::one("5_7", 300, steps(&[(0, 2000)])).beside_tcp(10, true),
        paused(),
        priorities(),
        Case::one("6_2", 100, LinkConfig { marks_above: Some(MARKING), ..steps(&STEPS_5_1) }).recovering(),
        several_bottlenecks(),
        Case::one("wifi_wired", 100, radio(&STEPS_5_1, 10, Loss::Random(0.01))).recovering(),
        Case::one("wifi_contended", 100, radio(&contended(), 20, Loss::Bursts { share: 0.01, length: 4.0 })),
        Case::one("cellular", 100, cellular()),
        Case::one("policed", 60, LinkConfig { queue: SHALLOW, ..steps(&[(0, 1000)]) }),
    ]
}

/// What waits longer than this is marked in 6.2.
const MARKING: Duration = Duration::from_millis(20);
/// The queue of a policer.
const SHALLOW: Duration = Duration::from_millis(20);

/// 5.3: each direction carries media, and the reports on the other's.
fn both_directions() -> Case {
    let seconds = 100;
    let there = steps(&[(0, 2000), (20, 1000), (40, 500), (60, 2000)]);
    let back = steps(&[(0, 2000), (35, 800), (70, 2000)]);
    let flows = vec![FlowPlan::new(&[0], &[1], seconds), FlowPlan::new(&[1], &[0], seconds)];
    Case {
        links: vec![there, back.clone()],
        flows,
        bottlenecks: vec![0, 1],
        ..Case::one("5_3", seconds, back)
    }
    .recovering()
}

/// 5.5: flows of 10 to 150 ms each way.
fn round_trips() -> Case {
    let seconds = 300;
    let mut links = vec![at_once(steps(&[(0, 4000)]))];
    let mut flows = Vec::new();
    for (n, ms) in [10, 25, 50, 100, 150].into_iter().enumerate() {
        links.extend([wide(ms), wide(ms)]);
        let flow = FlowPlan::new(&[2 * n + 1, 0], &[2 * n + 2], seconds);
        flows.push(FlowPlan { active: vec![(10 * n as u64, seconds)], ..flow });
    }
    Case { links, flows, shared: true, ..Case::one("5_5", seconds, wide(0)) }
}

/// 5.8: the first of three rests from 40 to 60 s.
fn paused() -> Case {
    let mut case = Case::one("5_8", 119, steps(&[(0, 3500)])).times(3, 0);
    case.flows[0].active = vec![(0, 40), (60, 119)];
    Case { shared: false, ..case }
}

/// 6.1: the second counts twice.
fn priorities() -> Case {
    let mut case = Case::one("6_1", 125, steps(&STEPS_5_2)).times(2, 0).recovering();
    case.flows[1].weight = 2.0;
    case
}

/// 6.3: the first passes two bottlenecks, the others one each.
fn several_bottlenecks() -> Case {
    let seconds = 120;
    let bottleneck = steps(&[(0, 2000)]);
    Case {
        links: vec![at_once(bottleneck.clone()), bottleneck.clone(), wide(50), wide(50)],
        flows: vec![
            FlowPlan::new(&[0, 1], &[2], seconds),
            FlowPlan::new(&[0, 3], &[2], seconds),
            FlowPlan::new(&[1], &[2], seconds),
        ],
        bottlenecks: vec![0, 1],
        ..Case::one("6_3", seconds, bottleneck)
    }
}

/// A bottleneck whose packets jitter by so many milliseconds and get lost.
fn radio(rates: &[(u64, u64)], jitter_ms: u64, loss: Loss) -> LinkConfig {
    LinkConfig { jitter: Duration::from_millis(jitter_ms), loss, ..steps(rates) }
}
