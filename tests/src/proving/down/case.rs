//! The cases whose bottleneck lies on the way down to a receiver.

use crate::proving::case::{STEPS_5_1, steps};
use crate::world::LinkConfig;

/// Cameras, and receivers that show all of them large.
#[derive(Clone, Debug)]
pub struct DownCase {
    /// What its figures' keys begin with.
    pub name: String,
    /// How long it takes, in seconds.
    pub seconds: u64,
    /// When each camera begins, in seconds.
    pub cameras: Vec<u64>,
    /// The way down to each receiver.
    pub ways: Vec<LinkConfig>,
    /// A TCP flow without end on each of these ways.
    pub tcp: bool,
    /// Their capacity rises, seldom enough that one can see how long it takes to be used.
    pub recovers: bool,
}

impl DownCase {
    /// One camera, whose receivers' ways have this capacity.
    fn new(name: &str, seconds: u64, receivers: usize, rates: &[(u64, u64)]) -> DownCase {
        DownCase {
            name: format!("down{receivers}_case_{name}"),
            seconds,
            cameras: vec![0],
            ways: vec![steps(rates); receivers],
            tcp: false,
            recovers: false,
        }
    }
}

/// All of them.
pub fn all() -> Vec<DownCase> {
    let of = |receivers| {
        [
            DownCase { recovers: true, ..DownCase::new("5_1", 100, receivers, &STEPS_5_1) },
            DownCase { cameras: vec![0, 20, 40], ..DownCase::new("5_4", 119, receivers, &[(0, 3500)]) },
            DownCase { tcp: true, ..DownCase::new("5_6", 120, receivers, &[(0, 2000)]) },
        ]
    };
    [1, 3].into_iter().flat_map(of).collect()
}

/// One camera and three receivers, the first of them on so many kbit/s, the others on 5 Mbit/s.
pub fn isolation(first: u64) -> DownCase {
    let way = |kbps| steps(&[(0, kbps)]);
    let ways = vec![way(first), way(5000), way(5000)];
    DownCase { name: "isolation".to_owned(), ways, ..DownCase::new("", 60, 3, &[(0, 5000)]) }
}
