//! Whose sound reaches whom in small and in larger rooms.

use vestibule_common::wire::{AudioLevel, Kind};

use super::*;

/// A packet of a kiosk's sound, as loud as this.
fn sound(world: &World, kiosk: usize, frame: u32, level: AudioLevel) -> Vec<u8> {
    let mut body = media(Kind::Audio, world.kiosks[kiosk].streams.audio, frame, 0, 1, 100);
    let (header, _) = MediaHeader::parse(&body).unwrap();
    MediaHeader { level, ..header }.emit(&mut body).unwrap();
    body
}

/// One period in which these kiosks speak and all others are silent: whom each kiosk hears.
fn period(world: &mut World, frame: u32, speak: &[usize]) -> Vec<Vec<usize>> {
    let count = world.kiosks.len();
    for kiosk in 0..count {
        let voice = AudioLevel { below_full_scale_db: 30, voice: true };
        let level = if speak.contains(&kiosk) { voice } else { AudioLevel::SILENT };
        let body = sound(world, kiosk, frame, level);
        world.send(kiosk, &body);
    }
    let mut heard = vec![Vec::new(); count];
    for (kiosk, body) in tick(world, 10) {
        let stream = payload_of(&body).0.stream;
        heard[kiosk].extend(world.kiosks.iter().position(|other| other.streams.audio == stream));
    }
    heard.iter_mut().for_each(|heard| heard.sort_unstable());
    heard
}

fn others(count: usize, kiosk: usize) -> Vec<usize> {
    (0..count).filter(|other| *other != kiosk).collect()
}

#[test]
fn four_members_hear_each_other_and_six_the_three_that_speak() {
    let mut world = World::new(4);
    for frame in 0..100 {
        let heard = period(&mut world, frame, &[0]);
        assert!(heard.iter().enumerate().all(|(kiosk, heard)| *heard == others(4, kiosk)), "{heard:?}");
    }
    let mut world = World::new(6);
    for frame in 0..100 {
        let heard = period(&mut world, frame, &[3, 4, 5]);
        for (kiosk, heard) in heard.iter().enumerate() {
            let speakers = [3, 4, 5].into_iter().filter(|speaker| *speaker != kiosk);
            assert!(speakers.clone().all(|speaker| heard.contains(&speaker)), "{kiosk} hears {heard:?}");
            // Who speaks hears a third one that is silent; at first some had places that they gave away.
            assert!(heard.len() == 3 || frame == 0, "{kiosk} hears {heard:?}");
        }
    }
    assert!(world.forwarding.counters().not_loudest >= 99 * (6 * 5 - 6 * 3));
    // Where a small room begins again, everybody is heard.
    world.leave(0, ROOM, 1);
    world.leave(1, ROOM, 2);
    let heard = period(&mut world, 100, &[]);
    assert!(heard[2..].iter().all(|heard| heard.len() == 3), "{heard:?}");
}

#[test]
fn a_place_is_not_kept_by_one_whom_the_receiver_does_not_play() {
    let mut world = World::new(6);
    for frame in 0..100 {
        period(&mut world, frame, &[0, 1, 2]);
    }
    let streams: Vec<_> = world.kiosks.iter().map(|kiosk| (kiosk.streams.audio, 0)).collect();
    show(&mut world, 5, &streams[1..5]);
    for frame in 100..103 {
        let heard = period(&mut world, frame, &[0, 1, 2]);
        assert!(heard[5].contains(&1) && heard[5].contains(&2) && heard[5].len() >= 3, "{heard:?}");
        assert!(!heard[5].contains(&0));
    }
}

/// Sound that is sent again or repairs it goes to whoever hears its sender.
#[test]
fn what_belongs_to_sound_goes_with_it() {
    let mut world = World::new(6);
    for frame in 0..10 {
        period(&mut world, frame, &[0, 1, 2]);
    }
    for (kiosk, count) in [(0, 5), (4, 0)] {
        let body = media(Kind::Repair, world.kiosks[kiosk].streams.audio, 9, 1, 1, 100);
        world.send(kiosk, &body);
        assert_eq!(world.drain_bodies().len(), count);
    }
}
