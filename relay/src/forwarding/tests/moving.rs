//! A kiosk whose address changes: nothing that was learnt of the old path is sent at the new one.

use vestibule_common::wire::Kind;

use super::*;

/// A kiosk that reports honestly what came, every 50 ms, each datagram twice.
struct Receiver {
    kiosk: usize,
    came: Vec<Time>,
}

impl Receiver {
    /// A millisecond passes: what came of each kind, with its bytes at IP level.
    fn tick(&mut self, world: &mut World, reports: bool) -> Vec<(Kind, usize)> {
        world.now += Duration::from_millis(1);
        world.forwarding.handle_timeout(world.now);
        let mut bodies = Vec::new();
        for (to, body) in world.drain_all() {
            if to == self.kiosk {
                self.came.push(world.now);
                bodies.push((Kind::of(&body).unwrap(), body.len() + 29 + 28));
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

#[test]
fn a_new_address_gets_no_padding_before_its_first_report_and_no_more_than_at_the_start() {
    for (floods, answers) in [(true, true), (false, true), (false, false)] {
        let mut world = World::new(2);
        let [video, presentation] = [world.kiosks[0].streams.video, world.kiosks[0].streams.presentation];
        show(&mut world, 1, &[(video, 3), (presentation, 0)]);
        let mut receiver = Receiver { kiosk: 1, came: Vec::new() };
        let estimate = |world: &World| {
            let session = world.forwarding.sessions[1].as_ref().unwrap();
            session.down.as_ref().map_or(0, |down| down.estimator().estimate().as_bps() / 1000)
        };
        let mut padded = 0;
        for n in 0..5000_u32 {
            if n % 33 == 0 {
                world.send(0, &picture(video, 3, n / 33, n == 0, 1000));
            }
            let came = receiver.tick(&mut world, true);
            padded += came.iter().filter(|(kind, _)| *kind == Kind::Probe).count();
        }
        assert!(padded > 100 && estimate(&world) > 3000, "{padded}, {} kbit/s", estimate(&world));

        // It is elsewhere; its sender sends far more than the start of an estimate carries, or little.
        world.kiosks[1].address = SocketAddr::from(([192, 168, 7, 7], 999));
        world.send(1, &time_request());
        assert_eq!(estimate(&world), 1200);
        let (mut bytes, mut first_probe) = (0, None);
        for n in 5000..5400_u32 {
            if floods {
                world.send(0, &picture(video, 3, n, n == 5000, 1000));
                world.send(0, &picture(video, 3, n, n == 5000, 1000));
            }
            for (kind, size) in receiver.tick(&mut world, answers) {
                bytes += if n < 5040 { size } else { 0 };
                if kind == Kind::Probe {
                    first_probe.get_or_insert(n);
                }
            }
        }
        // Pictures leave at up to twice the estimate, in bursts of 1,500 bytes.
        assert!(!floods || (3000..2 * 1200 / 8 * 40 + 3000).contains(&bytes), "{bytes} bytes in 40 ms");
        assert!(floods || first_probe.is_some() == answers, "{first_probe:?}");
        assert!(first_probe.is_none_or(|n| n >= 5000 + 49), "{first_probe:?}");
        assert!(answers || estimate(&world) < 1200, "{} kbit/s", estimate(&world));
    }
}
