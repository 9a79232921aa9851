//! The cases: how much is lost, how, on which hop, and how far away the rooms are.

use vestibule_common::time::{Duration, Time};

use crate::world::{Loss, Schedule};

/// Packets in a burst, on average.
const BURST: f64 = 3.0;
/// From a room to the relay, one way.
const NEAR: Duration = Duration::from_millis(25);
/// The same to a room far away: a round trip of 200 ms.
const FAR: Duration = Duration::from_millis(100);
/// What is lost, in percent.
pub const PERCENT: [u32; 6] = [0, 1, 5, 10, 20, 30];

/// One of the two hops of a path.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Hop {
    /// Between the room that speaks and the relay.
    Up,
    /// Between the relay and the room that listens.
    Down,
}

/// One case.
#[derive(Clone, Debug)]
pub struct Case {
    /// As its keys name it.
    pub name: String,
    /// What is lost, both ways, on the hop `lossy`.
    pub loss: Loss,
    /// The hop that loses.
    pub lossy: Hop,
    /// How long the way down takes, one way.
    pub down: Schedule<Duration>,
    /// Up to so much is added to that for each packet.
    pub jitter: Duration,
    /// Repairs are made where they are wanted.
    pub repairs: bool,
    /// Sound is plain samples though they are lost.
    pub plain: bool,
}

impl Case {
    fn new(name: String, loss: Loss, lossy: Hop) -> Case {
        let down = Schedule::constant(NEAR);
        Case { name, loss, lossy, down, jitter: Duration::ZERO, repairs: true, plain: false }
    }

    /// How long the way up takes, one way.
    pub fn up(&self) -> Duration {
        NEAR
    }

    /// The same with nothing lost: what its delay is compared with.
    pub fn without_loss(&self) -> Case {
        Case { loss: Loss::None, ..self.clone() }
    }
}

fn random(percent: u32) -> Loss {
    if percent == 0 { Loss::None } else { Loss::Random(f64::from(percent) / 100.0) }
}

fn bursts(percent: u32) -> Loss {
    if percent == 0 { Loss::None } else { Loss::Bursts { share: f64::from(percent) / 100.0, length: BURST } }
}

/// Every case.
pub fn all() -> Vec<Case> {
    let mut cases = Vec::new();
    for percent in PERCENT {
        cases.push(Case::new(format!("{percent}"), random(percent), Hop::Down));
        if percent > 0 {
            cases.push(Case::new(format!("{percent}_burst"), bursts(percent), Hop::Down));
            cases.push(Case::new(format!("{percent}_up"), random(percent), Hop::Up));
            cases.push(Case::new(format!("{percent}_up_burst"), bursts(percent), Hop::Up));
        }
    }
    for (name, loss) in [("10_far", random(10)), ("10_far_burst", bursts(10))] {
        let far = Case { down: Schedule::constant(FAR), ..Case::new(name.to_owned(), loss, Hop::Down) };
        cases.push(Case { name: format!("{name}_bare"), repairs: false, ..far.clone() });
        cases.push(far);
    }
    cases.push(Case { plain: true, ..Case::new("10_plain".to_owned(), random(10), Hop::Down) });
    cases.push(changing());
    cases
}

/// Those of the checked table.
pub fn checked() -> Vec<Case> {
    let wanted = ["0", "10", "10_plain", "10_burst", "10_up", "10_far", "10_far_bare", "10_changing"];
    all().into_iter().filter(|case| wanted.contains(&case.name.as_str())).collect()
}

/// One in ten is lost, up to 10 ms of jitter, and the way down becomes 40 ms longer and shorter again, within five seconds each.
fn changing() -> Case {
    let step = |n: u64| {
        let within = n % 80;
        let more = if within < 40 { within } else { 80 - within };
        (Time::from_millis(n * 125), NEAR + Duration::from_millis(more))
    };
    let down = Schedule::of((0..400).map(step).collect());
    let jitter = Duration::from_millis(10);
    Case { down, jitter, ..Case::new("10_changing".to_owned(), random(10), Hop::Down) }
}
