//! A kiosk whose address is new: nothing is sent there that was learnt of another path, and little before it reports.

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
            session.down.estimator().estimate().as_bps() / 1000
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

/// Bytes at IP level that a kiosk gets in each second of six, which reports or not, and of a flood of pictures; when the first picture
/// of twelve pieces was there. It told what it shows, or nobody did.
fn flooded(told: bool, reports: bool) -> (Vec<usize>, Option<u32>) {
    let mut world = World::new(2);
    let video = world.kiosks[0].streams.video;
    if told {
        show(&mut world, 1, &[(video, 3)]);
    }
    let mut receiver = Receiver::new(1);
    let (mut bytes, mut first, mut pieces) = (vec![0; 6], None, 0);
    for n in 0..6000_u32 {
        if n == 0 {
            for piece in 0..12 {
                let mut body = media(Kind::Video, video, 0, piece, 12, 1000);
                let (mut header, _) = MediaHeader::parse(&body).unwrap();
                (header.layer.spatial, header.flags.keyframe) = (3, true);
                header.emit(&mut body).unwrap();
                world.send(0, &body);
            }
        } else if n > 1000 {
            world.send(0, &picture(video, 3, n, n % 100 == 0, 1000));
        }
        let came = receiver.tick(&mut world, reports);
        for body in came {
            bytes[n as usize / 1000] += body.len() + 29 + 28;
            pieces += u32::from(Kind::of(&body) == Ok(Kind::Video));
        }
        if pieces == 12 {
            first.get_or_insert(n);
        }
    }
    (bytes, first)
}

#[test]
fn whoever_never_reports_gets_little_wherever_it_is() {
    for told in [true, false] {
        let (bytes, first) = flooded(told, false);
        assert!(first.is_some_and(|ms| ms <= 45), "the first picture comes all the same: {first:?}");
        assert!(bytes[1] <= 2 * 1_200_000 / 8, "{bytes:?}");
        assert!(bytes[5] <= 2 * 50_000 / 8 + 2000, "{bytes:?}");
        let (bytes, first) = flooded(told, true);
        assert!(first.is_some_and(|ms| ms <= 45), "{first:?}");
        assert!(!told || bytes[5] > 1_000_000 / 8, "{bytes:?}");
    }
}
