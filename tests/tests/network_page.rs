//! The network page tells the truth: its numbers and its table, against what a simulated network did to the packets.
//!
//! A kiosk sends sound and pictures to a relay, and another room's come back, over links in virtual time. What counts here is
//! what counts in the kiosk: its estimator, its reassembler, `kiosk::network::count`. Whatever is compared is read from the
//! table that the caretaker gets.

#![allow(clippy::unwrap_used, reason = "a helper of a test may panic as the test itself may")]

use std::collections::BTreeMap;

use vestibule_common::bandwidth::{Arrivals, Estimator, EstimatorConfig, IP_UDP};
use vestibule_common::id::{PeerId, StreamId};
use vestibule_common::media::{FrameInfo, Packetizer, Reassembler, ReassemblerConfig, Resend, ResendConfig};
use vestibule_common::time::{Duration, Time};
use vestibule_common::unit::{Bitrate, DataSize};
use vestibule_common::wire::{AudioLevel, Ecn, Feedback, HOP_HEADER, Kind, MAX_BODY, MediaHeader, Nack, TAG};
use vestibule_kiosk::kiosk::network::{
    Counters, Down, Judgement, NetworkHistory, RoomCount, Sampler, SoundSpan, Totals, Trouble, Up, Verdict,
    csv, judge,
};
use vestibule_kiosk::view::{Graphs, Quantity};
use vestibule_tests::world::{Link, LinkConfig, Loss, Schedule};

const WORKSHOP: PeerId = PeerId([7; 32]);
const SOUND: StreamId = StreamId(1);
const PICTURES: StreamId = StreamId(2);
/// What is left out at the beginning: until the first round trips are known.
const BEGINNING: usize = 3;
const SECONDS: usize = 40;

/// A datagram as a link carries it.
#[derive(Clone)]
struct Datagram {
    number: u64,
    body: Vec<u8>,
}

fn size(body: &[u8]) -> DataSize {
    DataSize::bytes((HOP_HEADER + body.len() + TAG) as u64) + IP_UDP
}

/// One direction of a hop, with its packet numbers.
struct Hop {
    link: Link<Datagram>,
    next: u64,
    /// It carries reports.
    reports: bool,
    /// Bits that were sent and that came, at IP level, of each second.
    sent: BTreeMap<u64, u64>,
    came: BTreeMap<u64, u64>,
    /// How long what it is looked at for jitter was under way, in microseconds, in the order of arrival.
    under_way: Vec<i64>,
}

impl Hop {
    fn new(config: LinkConfig, what: u64) -> Hop {
        Hop {
            link: Link::new(config, 11, what),
            next: 0,
            reports: what == 2,
            sent: BTreeMap::new(),
            came: BTreeMap::new(),
            under_way: Vec::new(),
        }
    }

    fn send(&mut self, body: Vec<u8>, now: Time) -> (u64, DataSize) {
        let (number, size) = (self.next, size(&body));
        self.next += 1;
        *self.sent.entry(now.as_micros() / 1_000_000).or_default() += size.as_bytes() * 8;
        self.link.send(Datagram { number, body }, size, now);
        (number, size)
    }

    fn receive(&mut self, now: Time) -> Option<(Datagram, Time)> {
        let arrival = self.link.next_arrival(now)?;
        // From the relay only its reports say when they left.
        if self.reports == (Kind::of(&arrival.packet.body) == Ok(Kind::Feedback)) {
            self.under_way.push(arrival.at.since(arrival.sent).as_micros() as i64);
        }
        *self.came.entry(arrival.at.as_micros() / 1_000_000).or_default() += arrival.size.as_bytes() * 8;
        Some((arrival.packet, arrival.at))
    }

    /// By how much the time under way changed from one packet to the next, on average, in milliseconds.
    fn change_ms(&self) -> f64 {
        let changes = self.under_way.windows(2).map(|pair| (pair[1] - pair[0]).unsigned_abs() as f64);
        changes.sum::<f64>() / (self.under_way.len() - 1) as f64 / 1000.0
    }

    fn lost_percent(&self) -> f64 {
        let counts = self.link.counts();
        100.0 * (counts.lost + counts.dropped) as f64 / counts.sent as f64
    }
}

/// A room that makes sound and pictures.
struct Source {
    sound: Packetizer,
    pictures: Packetizer,
}

impl Source {
    fn new() -> Source {
        Source { sound: Packetizer::audio(SOUND), pictures: Packetizer::video(PICTURES) }
    }

    /// What it makes in this millisecond.
    fn at(&mut self, ms: u64) -> Vec<Vec<u8>> {
        let now = Time::from_millis(ms);
        let mut bodies = Vec::new();
        let mut put = |pieces: vestibule_common::media::Pieces<'_>| {
            for piece in 0..pieces.count() {
                let mut body = vec![0; MAX_BODY];
                let len = pieces.write(piece, &mut body).unwrap();
                body.truncate(len);
                bodies.push(body);
            }
        };
        if ms.is_multiple_of(10) {
            put(self.sound.frame(&[1; 960], FrameInfo::audio(now, AudioLevel::SILENT)).unwrap());
        }
        // 25 a second, of three pieces.
        if ms % 40 == 5 {
            put(self.pictures.frame(&[2; 3000], FrameInfo::video(now, true, None)).unwrap());
        }
        bodies
    }
}

/// What the network did.
struct Truth {
    up: Hop,
    down: Hop,
    /// Sound of the other room that was sent, and that came to this one.
    sounds: (u64, u64),
    /// Pieces that were sent again to this kiosk and came.
    again: u64,
}

/// What the page says, and what was so.
struct Run {
    truth: Truth,
    history: NetworkHistory,
    verdict: Verdict,
    table: Vec<BTreeMap<String, String>>,
}

fn run(up: LinkConfig, down: LinkConfig, far: LinkConfig) -> Run {
    let mut truth = Truth { up: Hop::new(up, 1), down: Hop::new(down, 2), sounds: (0, 0), again: 0 };
    let mut far = Hop::new(far, 3);
    let (mut own, mut other) = (Source::new(), Source::new());
    let (mut arrivals, mut kept) = (Arrivals::new(), Resend::new(ResendConfig::default()));
    let mut estimator = Estimator::new(EstimatorConfig::default());
    let (mut reports, mut reassembler) = (Down::default(), Reassembler::new(ReassemblerConfig::default()));
    let mut totals = Totals { rooms: [(WORKSHOP, RoomCount::default())].into(), ..Totals::default() };
    let (mut counters, mut sampler) = (Counters::default(), Sampler::default());
    let (mut history, mut judgement) = (NetworkHistory::default(), Judgement::default());
    for ms in 0..=1000 * SECONDS as u64 {
        let now = Time::from_millis(ms);
        // Between two milliseconds everything that arrives is handled at its own moment.
        while let Some((datagram, at)) = far.receive(now) {
            if Kind::of(&datagram.body) == Ok(Kind::Video) {
                kept.remember(&datagram.body, at);
            }
            truth.down.send(datagram.body, now);
        }
        while let Some((datagram, at)) = truth.up.receive(now) {
            arrivals.handle_arrival(datagram.number, Ecn::NotEct, at);
            if let Ok(nack) = Nack::parse(&datagram.body) {
                let mut answer = kept.answer(&nack, Duration::from_millis(20), now);
                while let Some(body) = answer.next_body() {
                    truth.down.send(body.to_vec(), now);
                }
            }
        }
        if let Some(report) = arrivals.next_report(now) {
            let mut body = vec![0; MAX_BODY];
            let len = report.emit(&mut body).unwrap();
            body.truncate(len);
            truth.down.send(body, now);
        }
        let room = totals.rooms.get_mut(&WORKSHOP).unwrap();
        while let Some((datagram, at)) = truth.down.receive(now) {
            let body = &datagram.body;
            reports.handle_datagram(datagram.number, body, at);
            counters.received.0 += 1;
            counters.received.1 += (HOP_HEADER + body.len() + TAG) as u64;
            match Kind::of(body).unwrap() {
                Kind::Feedback => {
                    let report = Feedback::parse(body).unwrap();
                    reports.handle_report(report.reported, at);
                    estimator.handle_feedback(&report, at).unwrap();
                }
                Kind::Audio => {
                    let (header, _) = MediaHeader::parse(body).unwrap();
                    room.handle_datagram(body.len());
                    room.handle_sound(header.frame, SoundSpan { periods: 1, quiet: false, coded: false });
                    truth.sounds.1 += 1;
                }
                kind => {
                    let (header, payload) = MediaHeader::parse(body).unwrap();
                    truth.again += u64::from(kind == Kind::Retransmission);
                    room.handle_datagram(body.len());
                    reassembler.handle_piece(&header, payload, at);
                }
            }
        }
        while let Some(frame) = reassembler.next_frame(now) {
            room.handle_picture(frame.layer.spatial, now);
            room.handle_decoded();
        }
        let mut leave = own.at(ms);
        let round_trip = estimator.round_trip().unwrap_or(Duration::from_millis(50));
        while let Some(nack) = reassembler.next_nack(round_trip, now) {
            let mut body = vec![0; MAX_BODY];
            let len = nack.emit(&mut body).unwrap();
            body.truncate(len);
            leave.push(body);
        }
        for body in leave {
            counters.sent.0 += 1;
            counters.sent.1 += (HOP_HEADER + body.len() + TAG) as u64;
            let (number, size) = truth.up.send(body, now);
            estimator.handle_sent(number, size, now);
        }
        for body in other.at(ms) {
            truth.sounds.0 += u64::from(Kind::of(&body) == Ok(Kind::Audio));
            far.send(body, now);
        }
        // After the last of a second, as the first of the next leaves with it.
        if ms % 1000 == 999 {
            totals.up = Some(Up::of(&estimator, Bitrate::kbps(500), false, now));
            totals.down = Some(reports);
            let sample = sampler.sample(&totals, &counters, Time::from_millis(ms + 1));
            let names = [(WORKSHOP, "Workshop")].into_iter();
            history.record(sample, names, Time::from_millis(ms + 1), Duration::from_millis(ms + 1));
            judgement = judge(&judgement, &history);
        }
    }
    let table = csv(&history);
    let mut lines = table.split_terminator("\r\n").map(|line| line.split(',').map(str::to_owned));
    let names: Vec<String> = lines.next().unwrap().collect();
    let table = lines.map(|line| names.iter().cloned().zip(line).collect()).collect();
    Run { truth, history, verdict: judgement.verdict, table }
}

impl Run {
    /// A column of the link's or the room's lines, without the beginning.
    fn column(&self, kind: &str, name: &str) -> Vec<f64> {
        let lines = self.table.iter().filter(|line| line["kind"] == kind).skip(BEGINNING);
        let values: Vec<f64> = lines.filter_map(|line| line[name].parse().ok()).collect();
        assert_eq!(values.len(), SECONDS - BEGINNING, "{name} is known in every second");
        values
    }

    fn mean(&self, kind: &str, name: &str) -> f64 {
        let values = self.column(kind, name);
        values.iter().sum::<f64>() / values.len() as f64
    }

    /// The mean of a column is this, or off by no more than so much.
    fn is(&self, kind: &str, name: &str, expected: f64, off: f64) {
        let mean = self.mean(kind, name);
        assert!((mean - expected).abs() <= off, "{name} is {mean} on the page, and was {expected}");
    }
}

fn link(delay_ms: u64) -> LinkConfig {
    LinkConfig {
        rate: Schedule::constant(Bitrate::kbps(20_000)),
        delay: Schedule::constant(Duration::from_millis(delay_ms)),
        ..LinkConfig::default()
    }
}

fn lossy(delay_ms: u64, share: f64) -> LinkConfig {
    LinkConfig { loss: Loss::Random(share), ..link(delay_ms) }
}

#[test]
fn bitrates_are_the_bits_that_were_sent_and_that_came_in_each_second() {
    let run = run(lossy(10, 0.05), lossy(15, 0.05), link(5));
    for (name, truth) in [("sent_kbps", &run.truth.up.sent), ("received_kbps", &run.truth.down.came)] {
        for (second, page) in run.column("link", name).into_iter().enumerate() {
            let bits = truth[&((second + BEGINNING) as u64)];
            assert_eq!(page, bits as f64 / 1000.0, "{name} in second {second}");
        }
    }
}

#[test]
fn loss_is_each_ways_own_and_the_rooms_is_that_of_both_hops() {
    for (up, down, far) in
        [(0.0, 0.0, 0.0), (0.04, 0.0, 0.0), (0.0, 0.04, 0.0), (0.0, 0.0, 0.06), (0.03, 0.02, 0.05)]
    {
        let run = run(lossy(10, up), lossy(10, down), lossy(10, far));
        run.is("link", "loss_up_percent", run.truth.up.lost_percent(), 0.3);
        run.is("link", "loss_down_percent", run.truth.down.lost_percent(), 0.3);
        let (sent, came) = run.truth.sounds;
        let lost = 100.0 * (sent - came) as f64 / sent as f64;
        run.is("room", "loss_percent", lost, 0.4);
        let expected = match (up > 0.0 || down > 0.0, far > 0.0) {
            (true, _) => Verdict::OwnNetwork,
            (false, true) => Verdict::Room { peer: WORKSHOP, trouble: Trouble::Network, more: 0 },
            (false, false) => Verdict::Good,
        };
        assert_eq!(run.verdict, expected, "{up} {down} {far}");
    }
}

#[test]
fn the_round_trip_is_both_ways_and_a_long_one_is_weak() {
    for (up, down) in [(2, 3), (40, 10), (10, 40), (150, 100)] {
        let run = run(link(up), link(down), link(5));
        // A piece takes half a millisecond at the bottleneck, and relay and kiosk look once a millisecond.
        run.is("link", "round_trip_ms", (up + down) as f64 + 1.5, 1.5);
        let expected = if up + down >= 150 { Verdict::OwnNetwork } else { Verdict::Good };
        assert_eq!(run.verdict, expected);
    }
}

#[test]
fn jitter_is_each_ways_own_whatever_the_other_room_does() {
    let jitter = |ms| LinkConfig { jitter: Duration::from_millis(ms), ..link(20) };
    for (up, down, far) in [(0, 0, 60), (0, 30, 0), (9, 0, 0), (40, 80, 20)] {
        let run = run(jitter(up), jitter(down), jitter(far));
        let (up_ms, down_ms) = (run.truth.up.change_ms(), run.truth.down.change_ms());
        run.is("link", "jitter_up_ms", up_ms, 0.3 + 0.05 * up_ms);
        run.is("link", "jitter_down_ms", down_ms, 0.3 + 0.15 * down_ms);
        assert!(up_ms < 1.0 || up > 0, "{up_ms}");
        assert!(down_ms < 1.0 || down > 0, "{down_ms}");
    }
}

#[test]
fn pictures_are_those_that_came_and_what_was_sent_again_is_counted() {
    let good = run(link(10), link(10), link(10));
    assert!(good.column("room", "frames_received_per_s").iter().all(|rate| (24.0..=26.0).contains(rate)));
    good.is("link", "retransmitted_down_per_s", 0.0, 0.0);
    let lossy = run(link(10), lossy(10, 0.05), link(10));
    // Nearly all pictures come, by what was asked for again.
    lossy.is("room", "frames_received_per_s", 25.0, 0.5);
    let again = lossy.mean("link", "retransmitted_down_per_s");
    // Some are asked for again before the first answer can be here.
    assert!((3.0..9.0).contains(&again), "of 75 pieces a second 5 % are lost: {again}");
    let all: f64 = lossy.column("link", "retransmitted_down_per_s").iter().sum();
    assert!(
        (lossy.truth.again as f64 - all).abs() <= 3.0 * 8.0,
        "{} came again, {all} on the page",
        lossy.truth.again
    );
}

#[test]
fn the_graphs_and_the_table_have_the_same_numbers() {
    let run = run(lossy(10, 0.03), lossy(15, 0.02), lossy(5, 0.01));
    for (of, kind, quantity, series, name) in [
        (None, "link", Quantity::BitrateUp, 0, "sent_kbps"),
        (None, "link", Quantity::BitrateUp, 1, "estimate_up_kbps"),
        (None, "link", Quantity::BitrateDown, 0, "received_kbps"),
        (None, "link", Quantity::Loss, 0, "loss_up_percent"),
        (None, "link", Quantity::Loss, 1, "loss_down_percent"),
        (None, "link", Quantity::RoundTrip, 0, "round_trip_ms"),
        (None, "link", Quantity::RoundTrip, 1, "jitter_up_ms"),
        (None, "link", Quantity::RoundTrip, 2, "jitter_down_ms"),
        (None, "link", Quantity::Retransmissions, 1, "retransmitted_down_per_s"),
        (Some(WORKSHOP), "room", Quantity::Bitrate, 0, "room_kbps"),
        (Some(WORKSHOP), "room", Quantity::Pictures, 0, "frames_received_per_s"),
        (Some(WORKSHOP), "room", Quantity::Loss, 0, "loss_percent"),
    ] {
        let graphs = Graphs::of(&run.history, of);
        let graph = graphs.graphs().iter().find(|graph| graph.quantity == quantity).unwrap();
        let drawn: Vec<f64> =
            graph.series[series].points.0.iter().flatten().map(|it| f64::from(*it)).collect();
        let table: Vec<f64> =
            run.column(kind, name).into_iter().map(|value| (value * 1000.0).round()).collect();
        assert_eq!(drawn[drawn.len() - table.len()..], table, "{name}");
    }
}
