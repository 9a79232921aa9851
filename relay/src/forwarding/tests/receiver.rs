//! A kiosk that reports, for tests of what the relay learns by it.

use super::*;

/// A kiosk that reports honestly what came, every 50 ms, each datagram twice.
pub(super) struct Receiver {
    kiosk: usize,
    came: Vec<Time>,
}

impl Receiver {
    pub(super) fn new(kiosk: usize) -> Receiver {
        Receiver { kiosk, came: Vec::new() }
    }

    /// A millisecond passes: the bodies that came.
    pub(super) fn tick(&mut self, world: &mut World, reports: bool) -> Vec<Vec<u8>> {
        world.now += Duration::from_millis(1);
        world.forwarding.handle_timeout(world.now);
        let mut bodies = Vec::new();
        for (to, body) in world.drain_all() {
            if to == self.kiosk {
                self.came.push(world.now);
                bodies.push(body);
            }
        }
        if reports && world.now.as_micros().is_multiple_of(50_000) {
            let recent =
                self.came.iter().filter(|came| world.now.since(**came) < Duration::from_millis(100)).count();
            let first = self.came.len() - recent;
            let arrivals = self.came[first..].iter().map(|came| {
                let age = world.now.since(*came).as_micros() as u16 / 250;
                Some(Arrival { ecn: Ecn::NotEct, age_quarter_ms: age })
            });
            let report = Feedback { first: first as u64, reported: world.now, arrivals: arrivals.collect() };
            let mut body = [0; MAX_BODY];
            let len = report.emit(&mut body).unwrap();
            world.send(self.kiosk, &body[..len]);
        }
        bodies
    }
}
