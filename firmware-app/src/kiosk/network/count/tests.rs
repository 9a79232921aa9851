//! What a second of counts becomes.

use super::*;

const PEER: PeerId = PeerId([7; 32]);
const SECOND: Duration = Duration::from_secs(1);

fn at(s: u64) -> Time {
    Time::from_millis(1000 * s)
}

fn with_a_room() -> (Totals, Counters, Sampler) {
    let rooms = [(PEER, RoomCount::default())].into();
    (Totals { rooms, ..Totals::default() }, Counters::default(), Sampler::default())
}

fn room(totals: &mut Totals) -> &mut RoomCount {
    totals.rooms.get_mut(&PEER).unwrap()
}

const PLAIN: SoundSpan = SoundSpan { periods: 1, quiet: false, coded: false };

#[test]
fn silence_that_is_said_and_the_other_layer_are_no_loss() {
    let coded = |periods, quiet| SoundSpan { periods, quiet, coded: true };
    let share = |packets: &[(u32, SoundSpan)]| {
        let mut room = RoomCount::default();
        packets.iter().for_each(|(frame, span)| room.handle_sound(*frame, *span));
        room.sounds
    };
    assert_eq!(share(&[(1, PLAIN), (2, PLAIN), (4, PLAIN)]), (3, 4));
    assert_eq!(share(&[(2, coded(2, false)), (4, coded(2, false)), (8, coded(2, false))]), (6, 8));
    assert_eq!(share(&[(1, coded(1, false)), (2, coded(1, true)), (22, coded(1, false))]), (3, 3));
    assert_eq!(share(&[(1, PLAIN), (1, coded(1, false)), (2, PLAIN), (2, coded(1, false))]), (2, 2));
    assert_eq!(share(&[(1, PLAIN), (3, PLAIN), (2, PLAIN)]), (3, 3));
}

#[test]
fn a_second_is_the_difference_of_two_looks() {
    let (mut totals, mut counters, mut sampler) = with_a_room();
    counters.sent = (1_000, 1_000_000);
    sampler.sample(&totals, &counters, at(10));

    counters.sent.1 += 125_000;
    counters.layers_sent[2] += 30;
    counters.sent_again += 7;
    totals.up = Some(Up {
        estimate: Bitrate::kbps(2_000),
        allotment: Bitrate::kbps(900),
        short: true,
        round_trip: Some(Duration::from_millis(12)),
        jitter: Some(Duration::from_millis(2)),
        fates: (90, 10),
        silent: false,
    });
    let mut down = Down::default();
    for number in (0..100).filter(|number| number % 20 != 3) {
        let kind = if number < 4 { Kind::Retransmission } else { Kind::Video };
        down.handle_datagram(number, &[kind as u8], at(11));
    }
    totals.down = Some(down);
    let count = room(&mut totals);
    count.voice().played.fetch_add(100, Ordering::Relaxed);
    count.voice().concealed.fetch_add(3, Ordering::Relaxed);
    count.voice().buffer_us.store(14_500, Ordering::Relaxed);
    count.handle_datagram(250_000);
    // Number 5 is lost, then others were louder for 300 ms.
    [1, 2, 3, 4, 6, 37].into_iter().for_each(|number| count.handle_sound(number, PLAIN));
    (0..15).for_each(|_| count.handle_picture(2, at(10)));
    (0..14).for_each(|_| count.handle_decoded());
    (0..2).for_each(|_| count.handle_repaired());
    count.handle_ready(&PictureTimes {
        sender: Some(StageTimes {
            captured_to_encoded_us: 9_000,
            encoded_to_sent_us: 2_000,
            relayed_us: 300,
            captured_to_taken_us: Some(3_500),
            way_to_relay_us: Some(4_000),
        }),
        waited: Duration::from_millis(5),
        decoded: Duration::from_millis(1),
    });
    count.handle_shown(Duration::from_millis(11));
    let sample = sampler.sample(&totals, &counters, at(11));
    let (link, per_second) = (&sample.link, |count| PerSecond::of(count, SECOND));
    assert_eq!(link.up.bitrate, Some(Bitrate::kbps(1_000)));
    assert_eq!((link.up.loss, link.down.loss), (Share::of(10, 100), Share::of(5, 100)));
    assert_eq!((link.up.retransmissions, link.down.retransmissions), (per_second(7), per_second(3)));
    assert_eq!((link.limit, link.round_trip), (Some(Limit::Network), Some(Duration::from_millis(12))));
    assert_eq!(link.up.jitter, Some(Duration::from_millis(2)));
    assert_eq!(link.layers.map(|layers| layers.iter().collect()), Some(vec![Layer::P360]));
    let room = &sample.rooms[&PEER];
    assert_eq!(room.bitrate, Some(Bitrate::bps(2_000_456)));
    assert_eq!((room.loss, room.concealed), (Share::of(1, 7), Share::of(3, 100)));
    let frames = (room.frames_received, room.frames_decoded, room.frames_shown);
    assert_eq!(frames, (per_second(15), per_second(14), per_second(1)));
    assert_eq!((room.layer, room.repaired), (Some(Layer::P360), per_second(2)));
    assert_eq!(room.jitter_buffer, Some(Duration::from_micros(14_500)));
    let stages = &room.stages;
    assert_eq!(
        (stages.capture, stages.encode),
        (Some(Duration::from_micros(3_500)), Some(Duration::from_micros(5_500)))
    );
    assert_eq!(stages.network, Some(Duration::from_millis(10)), "half of either round trip");
    assert_eq!(stages.total(), Some(Duration::from_micros(38_300)));
}

#[test]
fn what_does_not_come_is_missing_and_a_room_that_is_back_begins_anew() {
    let (mut totals, counters, mut sampler) = with_a_room();
    sampler.sample(&totals, &counters, at(10));
    room(&mut totals).handle_picture(1, at(10));
    let hidden = sampler.sample(&totals, &counters, at(10));
    assert_eq!(hidden.rooms[&PEER].layer, None, "it has no place on the screen");
    room(&mut totals).handle_shown(Duration::from_millis(9));
    let films = sampler.sample(&totals, &counters, at(11));
    assert_eq!(films.rooms[&PEER].layer, Some(Layer::P240));
    let still = sampler.sample(&totals, &counters, at(14));
    assert_eq!(
        (still.rooms[&PEER].layer, still.rooms[&PEER].frames_received),
        (None, PerSecond::of(0, SECOND))
    );
    totals.rooms.insert(PEER, RoomCount::default());
    room(&mut totals).handle_datagram(100);
    let back = sampler.sample(&totals, &counters, at(15));
    assert_eq!(back.rooms[&PEER], RoomSample::default());
    totals.rooms.clear();
    assert!(sampler.sample(&totals, &counters, at(16)).rooms.is_empty());
}

#[test]
fn what_is_not_known_is_absent() {
    let (mut totals, counters, mut sampler) = with_a_room();
    totals.rooms.clear();
    let first = sampler.sample(&totals, &counters, Time::from_millis(5));
    assert_eq!((first.link.up.bitrate, first.link.round_trip, first.link.limit), (None, None, None));
    totals.rooms.insert(PEER, RoomCount::default());
    let second = sampler.sample(&totals, &counters, Time::from_millis(1005));
    assert_eq!(second.rooms[&PEER], RoomSample::default());
    let third = sampler.sample(&totals, &counters, Time::from_millis(2005));
    let room = &third.rooms[&PEER];
    assert_eq!((room.loss, room.jitter_buffer, room.stages.total()), (None, None, None));
}

#[test]
fn a_new_link_begins_anew() {
    let (mut totals, counters, mut sampler) = with_a_room();
    let down = |came: std::ops::Range<u64>| {
        let mut down = Down::default();
        came.for_each(|number| down.handle_datagram(number, &[Kind::Audio as u8], at(10)));
        Some(down)
    };
    totals.up = Some(Up { fates: (1000, 0), ..Up::default() });
    totals.down = down(0..1000);
    sampler.sample(&totals, &counters, at(10));
    totals.up = Some(Up { fates: (30, 10), ..Up::default() });
    totals.down = down(10..40);
    let link = sampler.sample(&totals, &counters, at(11)).link;
    assert_eq!((link.up.loss, link.down.loss), (Share::of(10, 40), Share::of(10, 40)));
}

#[test]
fn jitter_is_the_change_of_the_time_under_way_whatever_the_clocks_say() {
    let mut jitter = Jitter::default();
    assert_eq!(jitter.get(), None);
    for number in 0..500_u64 {
        let left = Time::from_millis(70_000 + 10 * number);
        jitter.handle(left, Time::from_millis(10 * number + 4 * (number % 2)));
    }
    let us = jitter.get().unwrap().as_micros();
    assert!((3_990..=4_000).contains(&us), "{us}");
}
