//! Two minutes, verdicts that do not flicker, and tables to the byte.

use std::mem::size_of;

use vestibule_common::id::PeerId;
use vestibule_common::time::{Duration, Time};
use vestibule_common::unit::{Bitrate, DataSize};

use super::*;

fn peer(number: u8) -> PeerId {
    PeerId([number; 32])
}

const WORKSHOP: &[(PeerId, &str)] = &[(PeerId([1; 32]), "Workshop")];

/// A history to which samples come a second apart, and what is said of it.
#[derive(Default)]
struct Course {
    history: NetworkHistory,
    judgement: Judgement,
    ms: u64,
}

impl Course {
    fn after(&mut self, ms: u64, sample: NetworkSample, others: &[(PeerId, &str)]) -> Verdict {
        self.ms += ms;
        let into = Duration::from_millis(self.ms);
        self.history.record(sample, others.iter().copied(), Time::from_millis(50_000 + self.ms), into);
        self.judgement = judge(&self.judgement, &self.history);
        self.judgement.verdict
    }

    fn seconds(&mut self, count: usize, sample: &NetworkSample, others: &[(PeerId, &str)]) -> Vec<Verdict> {
        (0..count).map(|_| self.after(1000, sample.clone(), others)).collect()
    }
}

fn share(percent: u32) -> Option<Share> {
    Some(Share::from_ppm(percent * 10_000))
}

/// A good second, with what the first room does.
fn good(rooms: &[(PeerId, RoomSample)]) -> NetworkSample {
    let link = LinkSample {
        round_trip: Some(Duration::from_millis(3)),
        up: Direction { loss: share(0), ..Direction::default() },
        ..LinkSample::default()
    };
    NetworkSample { link, rooms: rooms.iter().cloned().collect() }
}

fn weak_link() -> NetworkSample {
    let mut sample = good(&[]);
    sample.link.up.loss = share(5);
    sample
}

fn frames(milli: u32) -> RoomSample {
    let rate = Some(PerSecond::from_milli(milli));
    RoomSample { frames_received: rate, frames_decoded: rate, ..RoomSample::default() }
}

#[test]
fn two_minutes_are_kept_of_thirty_two_rooms_at_most() {
    let names: Vec<String> = (0..40).map(|n| format!("Room {n}")).collect();
    let rooms: Vec<(PeerId, &str)> = (0..40).zip(&names).map(|(n, name)| (peer(n), name.as_str())).collect();
    let sample = good(&rooms.iter().map(|(peer, _)| (*peer, frames(30_000))).collect::<Vec<_>>());
    let mut course = Course::default();
    course.seconds(300, &sample, &rooms);
    assert_eq!(course.history.moments().len(), KEPT);
    assert!(course.history.moments().all(|moment| moment.rooms.len() == MAX_ROOMS));
    assert_eq!(course.history.moments().next().map(|moment| moment.into), Some(Duration::from_secs(181)));
    let bytes = KEPT * (size_of::<Moment>() + MAX_ROOMS * size_of::<(PeerId, RoomSample)>());
    assert!(bytes < 2 << 20, "{bytes} bytes");
}

#[test]
fn a_room_that_leaves_is_forgotten_with_all_it_did() {
    let mut course = Course::default();
    let both = [(peer(1), "Workshop"), (peer(2), "Library")];
    let sample = good(&[(peer(1), frames(1)), (peer(2), frames(2)), (peer(9), frames(3))]);
    course.seconds(3, &sample, &both);
    assert!(course.history.moments().all(|moment| moment.rooms.len() == 2), "strangers are not kept");
    course.after(1000, sample, WORKSHOP);
    assert!(course.history.moments().all(|moment| moment.rooms.keys().eq([&peer(1)])));
    course.history.keep_only(|_| false);
    assert_eq!(course.history.rooms().count(), 0);
    assert_eq!(course.history.moments().len(), 4);
}

#[test]
fn seconds_of_silence_are_gaps_and_two_samples_of_a_second_are_one() {
    let mut course = Course::default();
    let sample = good(&[]);
    let known = |course: &Course| -> String {
        course
            .history
            .moments()
            .map(|moment| if moment.link.round_trip.is_some() { '*' } else { '.' })
            .collect()
    };
    course.seconds(2, &sample, &[]);
    course.after(1400, sample.clone(), &[]);
    course.after(600, sample.clone(), &[]);
    assert_eq!(known(&course), "****", "a little late or early is no gap");
    course.after(4000, sample.clone(), &[]);
    assert_eq!(known(&course), "****...*");
    course.after(200, sample.clone(), &[]);
    assert_eq!(known(&course), "****...*");
    let into: Vec<u128> = course.history.moments().map(|moment| moment.into.as_millis()).collect();
    assert_eq!(into, [1000, 2000, 3400, 4000, 5000, 6000, 7000, 8200]);
    // A moment after hours is one moment after nothing.
    course.after(10_000_000, sample, &[]);
    assert_eq!(course.history.moments().len(), KEPT);
    assert_eq!(known(&course), format!("{}*", ".".repeat(KEPT - 1)));
}

#[test]
fn a_verdict_comes_after_four_bad_seconds_and_goes_when_it_has_been_well() {
    let mut course = Course::default();
    assert_eq!(judge(&Judgement::default(), &course.history).verdict, Verdict::Unknown);
    assert!(course.seconds(20, &good(&[]), &[]).iter().all(|verdict| *verdict == Verdict::Good));
    let said = course.seconds(6, &weak_link(), &[]);
    assert_eq!(said.iter().filter(|verdict| **verdict == Verdict::Good).count(), 3);
    assert_eq!(said[5], Verdict::OwnNetwork);
    assert_eq!(course.judgement.own_quality(), Some(LinkQuality::WeakNetwork));
    // Four good seconds of ten still leave six bad ones.
    assert_eq!(course.seconds(4, &good(&[]), &[])[3], Verdict::OwnNetwork);
    let said = course.seconds(10, &good(&[]), &[]);
    assert_eq!(said.iter().filter(|verdict| **verdict == Verdict::OwnNetwork).count(), 4);
    assert_eq!(said[9], Verdict::Good);
    // Bad for one second in four: neither the one nor the other flickers.
    let mut changes = 0;
    let mut before = Verdict::Good;
    for n in 0..200 {
        let now = course.after(1000, if n % 4 == 0 { weak_link() } else { good(&[]) }, &[]);
        changes += usize::from(now != before);
        before = now;
    }
    assert!(changes <= 1, "{changes}");
    // When nothing is known any more, nothing is said.
    assert_eq!(course.seconds(10, &NetworkSample::default(), &[])[9], Verdict::Unknown);
}

#[test]
fn each_trouble_has_its_verdict() {
    let of =
        |rooms: &[(PeerId, RoomSample)], change: &dyn Fn(&mut NetworkSample), others: &[(PeerId, &str)]| {
            let mut sample = good(rooms);
            change(&mut sample);
            let mut course = Course::default();
            course.seconds(10, &sample, others).pop()
        };
    let room = |trouble, more| Some(Verdict::Room { peer: peer(1), trouble, more });
    let nothing = |_: &mut NetworkSample| {};
    let says = |quality| RoomSample { quality: Some(quality), ..RoomSample::default() };
    let lossy = RoomSample { loss: share(4), ..RoomSample::default() };
    let three = [(peer(1), "A"), (peer(2), "B"), (peer(3), "C")];

    let own: [&dyn Fn(&mut NetworkSample); 5] = [
        &|sample| sample.link.up.loss = share(2),
        &|sample| sample.link.down.loss = share(2),
        &|sample| sample.link.round_trip = Some(Duration::from_millis(200)),
        &|sample| sample.link.down.jitter = Some(Duration::from_millis(60)),
        &|sample| sample.link.limit = Some(Limit::Network),
    ];
    for change in own {
        assert_eq!(of(&[], change, WORKSHOP), Some(Verdict::OwnNetwork));
    }
    let busy = |sample: &mut NetworkSample| sample.link.limit = Some(Limit::Device);
    assert_eq!(of(&[], &busy, WORKSHOP), Some(Verdict::OwnDevice));
    let strained = |sample: &mut NetworkSample| sample.link.relay_busy = Some(true);
    assert_eq!(of(&[], &strained, WORKSHOP), Some(Verdict::Relay));
    assert_eq!(
        of(&[(peer(1), says(LinkQuality::WeakNetwork))], &nothing, WORKSHOP),
        room(Trouble::Network, 0)
    );
    assert_eq!(of(&[(peer(1), says(LinkQuality::BusyDevice))], &nothing, WORKSHOP), room(Trouble::Device, 0));
    assert_eq!(of(&[(peer(1), lossy.clone())], &nothing, WORKSHOP), room(Trouble::Network, 0));
    assert_eq!(of(&[(peer(1), frames(0))], &nothing, WORKSHOP), room(Trouble::NoPictures, 0));
    // A camera that is off is no trouble: nothing is known of its pictures.
    assert_eq!(of(&[(peer(1), says(LinkQuality::Good))], &nothing, WORKSHOP), Some(Verdict::Good));
    // What is lost on the own link is not the other room's fault.
    let down = |sample: &mut NetworkSample| sample.link.down.loss = share(4);
    assert_eq!(of(&[(peer(1), lossy.clone())], &down, WORKSHOP), Some(Verdict::OwnNetwork));
    // What ails everyone, and no one says so, is here; two of three are two.
    let all = [(peer(1), lossy.clone()), (peer(2), lossy.clone()), (peer(3), lossy.clone())];
    assert_eq!(of(&all, &nothing, &three), Some(Verdict::OwnNetwork));
    assert_eq!(of(&all[..2], &nothing, &three), room(Trouble::Network, 1));
    // The worst is named first.
    let mixed = [(peer(1), frames(0)), (peer(2), lossy), (peer(3), says(LinkQuality::BusyDevice))];
    assert_eq!(of(&mixed, &nothing, &three), room(Trouble::NoPictures, 0));
}

#[test]
fn what_ails_everyone_is_said_as_steadily_as_the_rest() {
    let three = [(peer(1), "A"), (peer(2), "B"), (peer(3), "C")];
    let lossy = RoomSample { loss: share(4), ..RoomSample::default() };
    let bad = good(&three.map(|(peer, _)| (peer, lossy.clone())));
    let mut course = Course::default();
    course.seconds(10, &good(&[]), &three);
    let mut said = Vec::new();
    // Three or four bad seconds of ten, in turn.
    for n in 0..200 {
        let sample = if n % 20 < 7 && n % 2 == 0 || n % 20 > 12 && n % 2 == 1 { &bad } else { &good(&[]) };
        said.push(course.after(1000, sample.clone(), &three));
    }
    said.dedup();
    assert_eq!(said, [Verdict::Good, Verdict::OwnNetwork]);
    assert!(course.judgement.rooms.is_empty(), "no room is blamed");
}

#[test]
fn the_room_that_was_named_stays_named() {
    let two = [(peer(1), "A"), (peer(2), "B"), (peer(3), "C")];
    let weak = || RoomSample { quality: Some(LinkQuality::WeakNetwork), ..RoomSample::default() };
    let mut course = Course::default();
    course.seconds(10, &good(&[(peer(2), weak())]), &two);
    let said = course.seconds(10, &good(&[(peer(1), weak()), (peer(2), weak())]), &two);
    let named = |more| Verdict::Room { peer: peer(2), trouble: Trouble::Network, more };
    assert_eq!((said[0], said[9]), (named(0), named(1)));
    assert!(course.judgement.is_weak(&peer(1)) && !course.judgement.is_weak(&peer(3)));
    let gone = [two[0], two[2]];
    let said = course.after(1000, good(&[(peer(1), weak())]), &gone);
    assert_eq!(said, Verdict::Room { peer: peer(1), trouble: Trouble::Network, more: 0 });
}

fn full() -> NetworkSample {
    let link = LinkSample {
        round_trip: Some(Duration::from_micros(2_345)),
        up: Direction {
            bitrate: Some(Bitrate::bps(1_234_567)),
            estimate: Some(Bitrate::kbps(2_000)),
            allotment: Some(Bitrate::kbps(1_500)),
            loss: Some(Share::from_ppm(12_345)),
            jitter: Some(Duration::from_micros(90)),
            retransmissions: Some(PerSecond::from_milli(1_500)),
        },
        down: Direction { loss: share(100), ..Direction::default() },
        congestion_window: Some(DataSize::bytes(14_600)),
        frames_captured: PerSecond::of(30, Duration::from_secs(1)),
        frames_sent: Some(PerSecond::from_milli(29_970)),
        layers: Some([Layer::P360, Layer::P144].into_iter().collect()),
        limit: Some(Limit::Device),
        relay_busy: Some(true),
    };
    let room = RoomSample {
        bitrate: Some(Bitrate::bps(800)),
        layer: Some(Layer::P480),
        quality: Some(LinkQuality::WeakNetwork),
        stages: Stages { capture: Some(Duration::from_millis(33)), ..Stages::default() },
        ..RoomSample::default()
    };
    NetworkSample { link, rooms: [(peer(1), room)].into() }
}

#[test]
fn the_table_is_exact_quoted_and_empty_where_nothing_is_known() {
    let mut course = Course::default();
    let odd = [(peer(1), "Room \"A\", left"), (peer(2), "B")];
    course.after(765_250, full(), &odd);
    let table = csv(&course.history);
    let lines: Vec<&str> = table.split_terminator("\r\n").collect();
    assert_eq!(lines.len(), 4);
    assert_eq!(
        lines[0],
        "seconds,kind,room,round_trip_ms,jitter_up_ms,jitter_down_ms,loss_up_percent,loss_down_percent,sent_kbps,received_kbps,\
         estimate_up_kbps,estimate_down_kbps,allotment_up_kbps,allotment_down_kbps,retransmitted_up_per_s,\
         retransmitted_down_per_s,congestion_window_bytes,frames_captured_per_s,frames_sent_per_s,layers_sent,\
         limited_by,relay_busy,room_kbps,frames_received_per_s,frames_decoded_per_s,frames_shown_per_s,layer_shown,jitter_buffer_ms,loss_percent,\
         concealed_percent,repaired_per_s,says_of_itself,delay_capture_ms,delay_encode_ms,delay_pace_ms,\
         delay_network_ms,delay_relay_ms,delay_jitter_buffer_ms,delay_decode_ms,delay_paint_ms,delay_error_ms"
    );
    assert_eq!(
        lines[1],
        "765.250,link,,2.345,0.090,,1.234,100.000,1234.567,,2000.000,,1500.000,,1.500,,14600,30.000,29.970,0+2,\
         device,1,,,,,,,,,,,,,,,,,,,"
    );
    assert_eq!(
        lines[2],
        "765.250,room,\"Room \"\"A\"\", left\",,,,,,,,,,,,,,,,,,,,0.800,,,,3,,,,,weak network,33.000,,,,,,,,"
    );
    assert_eq!(lines[3], format!("765.250,room,B{}", ",".repeat(38)));
    let columns = lines[0].split(',').count();
    assert!([lines[1], lines[3]].iter().all(|line| line.split(',').count() == columns));
    assert_eq!(csv(&NetworkHistory::default()).lines().count(), 1);
}

#[test]
fn a_line_for_the_log_has_what_is_known() {
    let mut course = Course::default();
    assert!(lines(&course.history).is_empty());
    course.after(1000, full(), WORKSHOP);
    let said = lines(&course.history);
    assert!(
        said[0].starts_with("link round_trip_ms=2.345 jitter_up_ms=0.090 loss_up_percent=1.234"),
        "{said:?}"
    );
    assert_eq!(
        said[1],
        "room \"Workshop\" room_kbps=0.800 layer_shown=3 says_of_itself=weak network delay_capture_ms=33.000"
    );
}

#[test]
fn shares_and_rates_of_nothing_are_not_known() {
    assert_eq!(Share::of(1, 0), None);
    assert_eq!(Share::of(1, 3).map(Share::as_ppm), Some(333_333));
    assert_eq!(Share::of(9, 3).map(Share::as_ppm), Some(1_000_000));
    assert_eq!(PerSecond::of(3, Duration::ZERO), None);
    assert_eq!(PerSecond::of(30, Duration::from_millis(1500)).map(PerSecond::as_milli), Some(20_000));
    assert_eq!(PerSecond::of(u64::MAX, Duration::from_micros(1)).map(PerSecond::as_milli), Some(u32::MAX));
}
