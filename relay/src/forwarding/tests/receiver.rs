//! A kiosk that reports, for tests of what the relay learns by it.

use vestibule_common::bandwidth::IP_UDP;
use vestibule_common::unit::{Bitrate, DataSize};
use vestibule_common::wire::{HOP_HEADER, TAG};

use super::*;

/// A kiosk that reports honestly what came over its link, every 50 ms, each datagram twice.
pub(super) struct Receiver {
    kiosk: usize,
    link: Bitrate,
    /// When each datagram came, which may be to come.
    came: Vec<Time>,
}

impl Receiver {
    /// Its link carries more than anybody sends.
    pub(super) fn new(kiosk: usize) -> Receiver {
        Receiver::behind(kiosk, Bitrate::kbps(1_000_000))
    }

    /// Behind a link with a queue without end.
    pub(super) fn behind(kiosk: usize, link: Bitrate) -> Receiver {
        Receiver { kiosk, link, came: Vec::new() }
    }

    /// A millisecond passes: the bodies that left for it.
    pub(super) fn tick(&mut self, world: &mut World, reports: bool) -> Vec<Vec<u8>> {
        self.tick_timed(world, reports).into_iter().map(|(_, body)| body).collect()
    }

    /// The same with the times at which they come.
    pub(super) fn tick_timed(&mut self, world: &mut World, reports: bool) -> Vec<(Time, Vec<u8>)> {
        world.now += Duration::from_millis(1);
        world.forwarding.handle_timeout(world.now);
        let mut bodies = Vec::new();
        for (_, body) in world.drain_all().into_iter().filter(|(to, _)| *to == self.kiosk) {
            let size = DataSize::bytes((HOP_HEADER + body.len() + TAG) as u64) + IP_UDP;
            let free = self.came.last().map_or(world.now, |last| world.now.max(*last));
            let came = free + size.time_at(self.link);
            self.came.push(came);
            bodies.push((came, body));
        }
        if reports && world.now.as_micros().is_multiple_of(50_000) {
            self.report(world);
        }
        bodies
    }

    fn report(&self, world: &mut World) {
        let known = self.came.partition_point(|came| *came <= world.now);
        let recent = |came: &&Time| world.now.since(**came) < Duration::from_millis(100);
        let first = known - self.came[..known].iter().filter(recent).count();
        let arrivals = self.came[first..known].iter().map(|came| {
            let age = world.now.since(*came).as_micros() as u64 / 250;
            Some(Arrival { ecn: Ecn::NotEct, age_quarter_ms: age as u16 })
        });
        let report = Feedback { first: first as u64, reported: world.now, arrivals: arrivals.collect() };
        let mut body = [0; MAX_BODY];
        let len = report.emit(&mut body).unwrap();
        world.send(self.kiosk, &body[..len]);
    }
}
