//! A member that never tells what it shows costs the others little, and itself gets little.

use vestibule_common::wire::Kind;

use super::*;

fn demand_of(bodies: &[(usize, Vec<u8>)], kiosk: usize) -> Option<Vec<(StreamId, u8, u64)>> {
    let body = of_kind(bodies, kiosk, Kind::Demand).pop()?;
    let demand = Demand::parse(&body).unwrap();
    Some(demand.layers.iter().map(|layer| (layer.stream, layer.spatial, layer.cap.as_bps() / 1000)).collect())
}

#[test]
fn it_gets_the_smallest_layers_and_is_waited_for_two_seconds() {
    let mut world = World::wide(3);
    let [video, presentation] = [world.kiosks[0].streams.video, world.kiosks[0].streams.presentation];
    let audio = world.kiosks[0].streams.audio;
    // The second kiosk tells, the third one never does.
    show(&mut world, 1, &[(video, 3)]);
    let mut told = None;
    let mut sizes = Vec::new();
    for n in 0..2500_u32 {
        if n % 33 == 0 {
            for (spatial, size) in [(0, 50), (1, 60), (3, 70)] {
                world.send(0, &picture(video, spatial, n / 33, n == 0, size));
            }
        }
        let bodies = tick(&mut world, 1);
        sizes.extend(of_kind(&bodies, 2, Kind::Video).iter().map(|body| payload_of(body).1));
        if let Some(demand) = demand_of(&bodies, 0) {
            told.get_or_insert((n, demand));
        }
    }
    assert_eq!(sizes, [50; 76]);
    let (at, mut demand) = told.unwrap();
    assert!((1999..2300).contains(&at), "{at}");
    demand.retain(|(stream, spatial, _)| (*stream, *spatial) != (video, 3));
    assert_eq!(demand, [(video, 0, 250), (presentation, 0, 3000), (audio, 0, 840)]);
}
