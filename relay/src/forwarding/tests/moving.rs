//! A kiosk whose address changes: nothing that was learnt of the old path is sent at the new one.

use vestibule_common::wire::Kind;

use super::receiver::Receiver;
use super::*;

#[test]
fn a_new_address_gets_no_padding_before_its_first_report_and_no_more_than_at_the_start() {
    for (floods, answers) in [(true, true), (false, true), (false, false)] {
        let mut world = World::new(2);
        let [video, presentation] = [world.kiosks[0].streams.video, world.kiosks[0].streams.presentation];
        show(&mut world, 1, &[(video, 3), (presentation, 0)]);
        let mut receiver = Receiver::new(1);
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
            padded += came.iter().filter(|body| Kind::of(body) == Ok(Kind::Probe)).count();
        }
        assert!(padded > 50 && estimate(&world) > 1800, "{padded}, {} kbit/s", estimate(&world));

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
            for body in receiver.tick(&mut world, answers) {
                let kind = Kind::of(&body);
                bytes += if n < 5040 { body.len() + 29 + 28 } else { 0 };
                if kind == Ok(Kind::Probe) {
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
