//! Many rooms at a time: each is thought over, and not all of them at once.

use vestibule_common::wire::Kind;

use super::super::thinking::AT_A_TIME;
use super::*;

#[test]
fn reports_that_are_due_together_are_written_some_at_a_time() {
    let mut world = World::new(150);
    world.now += Duration::from_millis(60);
    let mut counts = Vec::new();
    while world.forwarding.poll_timeout().is_some_and(|due| due <= world.now) {
        world.forwarding.handle_timeout(world.now);
        counts.push(reports_among(&world.drain_all()));
    }
    assert_eq!(counts, [128, 22]);
}

/// How many reports there are among what all kiosks got.
fn reports_among(bodies: &[(usize, Vec<u8>)]) -> usize {
    bodies.iter().filter(|(_, body)| Kind::of(body) == Ok(Kind::Feedback)).count()
}

#[test]
fn rooms_that_wake_together_are_thought_over_a_few_at_a_time() {
    let mut world = World::new(0);
    for number in 1..=24_u8 {
        world.open(number);
        world.join(usize::from(number - 1), RoomId([number.div_ceil(2); 16]));
        world.probe(usize::from(number - 1));
    }
    for kiosk in (0..24).step_by(2) {
        let video = world.kiosks[kiosk].streams.video;
        show(&mut world, kiosk + 1, &[(video, 1)]);
    }
    assert!(world.forwarding.poll_timeout().is_some_and(|due| due <= world.now));
    let told = tick(&mut world, 0);
    let owners: Vec<usize> = told.iter().map(|(kiosk, _)| *kiosk).collect();
    assert_eq!(owners, (0..24).step_by(2).take(AT_A_TIME).collect::<Vec<_>>());
    assert!(told.iter().all(|(_, body)| Kind::of(body) == Ok(Kind::Demand)));
    let mut count = owners.len();
    while world.forwarding.poll_timeout().is_some_and(|due| due <= world.now) {
        count += tick(&mut world, 0).len();
    }
    assert_eq!(count, 12, "and none is forgotten");

    // Nobody reports: each is thought over again all the same, as what is not reported on makes an estimate fall.
    let mut told = [0; 24];
    for _ in 0..1200 {
        for (kiosk, body) in tick(&mut world, 1) {
            told[kiosk] += usize::from(Kind::of(&body) == Ok(Kind::Demand));
        }
    }
    assert!(told.iter().step_by(2).all(|count| *count >= 2), "{told:?}");
}
