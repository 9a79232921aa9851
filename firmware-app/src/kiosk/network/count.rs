//! What the media threads count, and once a second what has become of it since: the numbers of the network page.
//!
//! Threads add to totals and set what is so at the moment; whoever samples takes the differences. What is not known stays
//! absent: nothing is made up here. Nothing here reads a clock or locks.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use vestibule_common::bandwidth::{Estimator, IP_UDP};
use vestibule_common::id::PeerId;
use vestibule_common::time::{Duration, Time};
use vestibule_common::unit::{Bitrate, DataSize};
use vestibule_common::wire::{HOP_HEADER, Kind, StageTimes, TAG};

use super::sample::{
    Direction, Layer, Layers, Limit, LinkSample, NetworkSample, PerSecond, RoomSample, Share, Stages,
};

/// What a datagram has around its body, at IP level.
const AROUND: u64 = IP_UDP.as_bytes() + (HOP_HEADER + TAG) as u64;
/// So many packets of sound may be lost in a row, 10 s; more are another stream.
const LONGEST_GAP: i32 = 1_000;
/// Of a mean that follows, the newest value is this part.
const NEWEST: f64 = 0.1;
/// Pictures of which none came for so long are missing, or off; so is a relay.
const MISSING: Duration = Duration::from_secs(3);

/// How much the time under way changes from packet to packet (RFC 3550, section 6.4.1). The two clocks need not agree.
#[derive(Copy, Clone, Debug, Default)]
pub struct Jitter {
    /// Of the packet before: arrival less departure, in microseconds.
    transit: Option<i64>,
    us: Option<f64>,
}

impl Jitter {
    /// A packet that left then, by its sender's clock, has come.
    pub fn handle(&mut self, left: Time, came: Time) {
        let transit = (came.as_micros() as i64).wrapping_sub(left.as_micros() as i64);
        if let Some(before) = self.transit.replace(transit) {
            let us = self.us.unwrap_or(0.0);
            self.us = Some(us + (transit.wrapping_sub(before).unsigned_abs() as f64 - us) / 16.0);
        }
    }

    /// What it is; absent before the second packet.
    pub fn get(&self) -> Option<Duration> {
        self.us.map(|us| Duration::from_micros(us as u64))
    }
}

/// The way to the relay, as the sending thread knows it.
#[derive(Copy, Clone, Debug, Default)]
pub struct Up {
    /// What could be carried.
    pub estimate: Bitrate,
    /// What pictures may take of it.
    pub allotment: Bitrate,
    /// Less than is wanted.
    pub short: bool,
    /// To the relay and back.
    pub round_trip: Option<Duration>,
    /// Of what the relay reports.
    pub jitter: Option<Duration>,
    /// Packets that arrived and that did not, since the link began.
    pub fates: (u64, u64),
    /// Nothing is reported any more: nothing arrives.
    pub silent: bool,
}

/// Something leaves at least once a second: without a report for so long, nothing arrives.
const SILENT: Duration = Duration::from_millis(2_500);

impl Up {
    /// What the relay's reports say; `allotment` and `short` are the sender's own.
    pub fn of(estimator: &Estimator, allotment: Bitrate, short: bool, now: Time) -> Up {
        let reported = estimator.reported().is_some_and(|at| now.since(at) < SILENT);
        Up {
            estimate: estimator.estimate(),
            allotment,
            short,
            round_trip: estimator.round_trip().filter(|_| reported),
            jitter: reported.then(|| estimator.jitter()),
            fates: estimator.fates(),
            silent: estimator.reported().is_some() && !reported,
        }
    }
}

/// The way from the relay, as the receiving thread knows it.
#[derive(Copy, Clone, Debug, Default)]
pub struct Down {
    /// What could be carried, as the relay tells it.
    pub estimate: Option<Bitrate>,
    /// What the relay allotted of it.
    pub allotment: Option<Bitrate>,
    /// Packets that came since the link began.
    came: u64,
    /// One more than the highest packet number.
    end: u64,
    /// Of those that came, what the relay sent again.
    again: u64,
    /// When the last one came.
    at: Option<Time>,
    /// Of the relay's reports, which say when they left.
    jitter: Jitter,
}

impl Down {
    /// Packet `number` of the link came and was opened; this is its body.
    pub fn handle_datagram(&mut self, number: u64, body: &[u8], now: Time) {
        self.came += 1;
        self.end = self.end.max(number + 1);
        self.again += u64::from(Kind::of(body) == Ok(Kind::Retransmission));
        self.at = Some(now);
    }

    /// A report of the relay's came, that was written and left at this moment of the relay's clock.
    pub fn handle_report(&mut self, reported: Time, now: Time) {
        self.jitter.handle(reported, now);
    }

    /// Anything came yet.
    pub fn began(&self) -> bool {
        self.came > 0
    }
}

/// What the player counts of one room; it neither waits nor allocates.
#[derive(Debug, Default)]
pub struct VoiceCount {
    /// 10 ms periods played.
    pub played: AtomicU64,
    /// Those of them that were made up.
    pub concealed: AtomicU64,
    /// How much later than the fastest packet its sound is played, in microseconds; 0 while nothing is.
    pub buffer_us: AtomicU64,
}

/// What is known of one room.
#[derive(Clone, Debug, Default)]
pub struct RoomCount {
    bytes: u64,
    frames: u64,
    decoded: u64,
    shown: u64,
    repaired: u64,
    layer: Option<u8>,
    /// Packets of sound that came and that should have.
    sounds: (u64, u64),
    last_sound: Option<u32>,
    /// When its camera's pictures came last.
    pictures: Option<Time>,
    stages: StageMeans,
    voice: Arc<VoiceCount>,
}

/// Means in microseconds; absent until there was a first value.
#[derive(Copy, Clone, Debug, Default)]
struct StageMeans {
    capture: Option<f64>,
    encode: Option<f64>,
    pace: Option<f64>,
    way: Option<f64>,
    relay: Option<f64>,
    wait: Option<f64>,
    decode: Option<f64>,
    paint: Option<f64>,
}

fn follow(mean: &mut Option<f64>, value: Duration) {
    let value = value.as_micros() as f64;
    *mean = Some(mean.map_or(value, |mean| mean + NEWEST * (value - mean)));
}

impl RoomCount {
    /// Whether it is the same stay of the same room.
    fn is(&self, other: &RoomCount) -> bool {
        Arc::ptr_eq(&self.voice, &other.voice)
    }

    /// Where its player counts.
    pub fn voice(&self) -> &Arc<VoiceCount> {
        &self.voice
    }

    /// A datagram of the room's came, with so many bytes of body.
    pub fn handle_datagram(&mut self, bytes: usize) {
        self.bytes += bytes as u64 + AROUND;
    }

    /// A piece of its camera's pictures came that was missing before, because it was sent again.
    pub fn handle_repaired(&mut self) {
        self.repaired += 1;
    }

    /// A packet of sound came.
    pub fn handle_sound(&mut self, frame: u32) {
        self.sounds.0 += 1;
        let ahead = self.last_sound.map_or(1, |last| frame.wrapping_sub(last) as i32);
        match ahead {
            1..=LONGEST_GAP => self.sounds.1 += u64::from(ahead.unsigned_abs()),
            // Overtaken: it was expected when the later one came.
            -63..=0 => {}
            // A stream that begins anew has lost nothing.
            _ => self.sounds.1 += 1,
        }
        if !(-63..=0).contains(&ahead) {
            self.last_sound = Some(frame);
        }
    }

    /// A whole picture of its camera came, in this layer.
    pub fn handle_picture(&mut self, layer: u8, now: Time) {
        self.frames += 1;
        self.layer = Some(layer);
        self.pictures = Some(now);
    }

    /// A picture of its camera was decoded, whether or not it has a place on the screen.
    pub fn handle_decoded(&mut self) {
        self.decoded += 1;
    }

    /// A picture of its camera was handed to the screen, which spent its time so until then.
    pub fn handle_ready(&mut self, times: &PictureTimes) {
        if let Some(stages) = times.sender {
            let us = |us: u32| Duration::from_micros(u64::from(us));
            let taken = stages.captured_to_taken_us.unwrap_or(0);
            if let Some(taken) = stages.captured_to_taken_us {
                follow(&mut self.stages.capture, us(taken));
            }
            follow(&mut self.stages.encode, us(stages.captured_to_encoded_us.saturating_sub(taken)));
            follow(&mut self.stages.pace, us(stages.encoded_to_sent_us));
            follow(&mut self.stages.relay, us(stages.relayed_us));
            if let Some(way) = stages.way_to_relay_us {
                follow(&mut self.stages.way, us(way));
            }
        }
        follow(&mut self.stages.wait, times.waited);
        follow(&mut self.stages.decode, times.decoded);
    }

    /// The screen has a picture of its camera, so long after it was handed to it.
    pub fn handle_shown(&mut self, after: Duration) {
        self.shown += 1;
        follow(&mut self.stages.paint, after);
    }
}

/// Where a picture spent its time on this kiosk, and what its sender and the relay wrote of theirs.
#[derive(Copy, Clone, Debug)]
pub struct PictureTimes {
    /// The sender's and the relay's.
    pub sender: Option<StageTimes>,
    /// From its first piece until it was decoded, and for its sound.
    pub waited: Duration,
    /// In the decoder and the scaler.
    pub decoded: Duration,
}

/// Counts of this kiosk alone, since its program's start.
#[derive(Copy, Clone, Debug, Default)]
pub struct Counters {
    /// Datagrams sent, and their bytes.
    pub sent: (u64, u64),
    /// Datagrams received, and their bytes.
    pub received: (u64, u64),
    /// Pieces sent again because others asked for them.
    pub sent_again: u64,
    /// Pictures that the camera delivered.
    pub captured: u64,
    /// Pictures of the camera handed to the network, in however many layers.
    pub pictures_sent: u64,
    /// Frames that were made of each layer, the smallest first.
    pub encoded: [u64; Layer::ALL.len()],
    /// No count: by how many steps less is encoded than wanted, because the processor does not keep up.
    pub lowered: u64,
}

impl Counters {
    fn since(&self, before: &Counters) -> Counters {
        let pair = |now: (u64, u64), before: (u64, u64)| {
            (now.0.saturating_sub(before.0), now.1.saturating_sub(before.1))
        };
        Counters {
            sent: pair(self.sent, before.sent),
            received: pair(self.received, before.received),
            sent_again: self.sent_again.saturating_sub(before.sent_again),
            captured: self.captured.saturating_sub(before.captured),
            pictures_sent: self.pictures_sent.saturating_sub(before.pictures_sent),
            encoded: std::array::from_fn(|layer| self.encoded[layer].saturating_sub(before.encoded[layer])),
            lowered: self.lowered,
        }
    }
}

/// All that is counted.
#[derive(Clone, Debug, Default)]
pub struct Totals {
    /// The way to the relay; absent without one.
    pub up: Option<Up>,
    /// The way from the relay; absent without one.
    pub down: Option<Down>,
    /// Of each other room.
    pub rooms: BTreeMap<PeerId, RoomCount>,
}

/// What the counts were when they were looked at last.
#[derive(Debug, Default)]
pub struct Sampler {
    at: Option<Time>,
    counters: Option<Counters>,
    fates: (u64, u64),
    /// Came, the end, and came again.
    came: (u64, u64, u64),
    rooms: BTreeMap<PeerId, Before>,
}

/// What a room's counts were.
#[derive(Debug)]
struct Before {
    count: RoomCount,
    played: u64,
    concealed: u64,
}

impl Sampler {
    /// What has become of everything since it was looked at last.
    pub fn sample(&mut self, totals: &Totals, counters: &Counters, now: Time) -> NetworkSample {
        let span = self.at.replace(now).map_or(Duration::ZERO, |before| now.since(before));
        let since = self.counters.replace(*counters).map_or(Counters::default(), |it| counters.since(&it));
        let rate = |(datagrams, bytes): (u64, u64)| {
            let bytes = bytes + datagrams * IP_UDP.as_bytes();
            (span > Duration::ZERO).then(|| DataSize::bytes(bytes).per(span))
        };
        let again = |count: u64| PerSecond::of(count, span);
        let made = since.encoded.iter().zip(Layer::ALL).filter(|(count, _)| **count > 0);
        let layers: Layers = made.map(|(_, layer)| layer).collect();
        let mut link = LinkSample {
            frames_captured: PerSecond::of(since.captured, span),
            frames_sent: PerSecond::of(since.pictures_sent, span),
            layers: Some(layers),
            ..LinkSample::default()
        };
        if let Some(up) = totals.up {
            // Fewer than before: another link's.
            let anew = up.fates.0 < self.fates.0 || up.fates.1 < self.fates.1;
            let before = if anew { (0, 0) } else { self.fates };
            let (delivered, lost) = (up.fates.0 - before.0, up.fates.1 - before.1);
            self.fates = up.fates;
            link.round_trip = up.round_trip;
            link.limit = Some(match (since.lowered, up.short) {
                // What is not encoded costs nothing.
                (1.., _) if since.encoded.iter().any(|count| *count > 0) => Limit::Device,
                (_, true) => Limit::Network,
                (_, false) => Limit::Nothing,
            });
            link.up = Direction {
                bitrate: rate(since.sent),
                estimate: Some(up.estimate),
                allotment: Some(up.allotment),
                loss: if up.silent { Share::of(1, 1) } else { Share::of(lost, delivered + lost) },
                jitter: up.jitter,
                retransmissions: again(since.sent_again),
            };
        }
        if let Some(down) = totals.down {
            let anew = down.came < self.came.0 || down.end < self.came.1;
            let (before_came, before_end, before_again) = if anew { (0, 0, 0) } else { self.came };
            let (came, end) = (down.came - before_came, down.end - before_end);
            let lately = down.at.is_some_and(|at| now.since(at) <= MISSING);
            self.came = (down.came, down.end, down.again);
            link.down = Direction {
                bitrate: rate(since.received),
                estimate: down.estimate,
                allotment: down.allotment,
                loss: if lately || down.at.is_none() {
                    Share::of(end.saturating_sub(came), end)
                } else {
                    Share::of(1, 1)
                },
                jitter: down.jitter.get().filter(|_| lately),
                retransmissions: again(down.again.saturating_sub(before_again)),
            };
        }
        self.rooms.retain(|peer, before| totals.rooms.get(peer).is_some_and(|room| before.count.is(room)));
        // Half of the round trip to the relay: the last part of every picture's way.
        let last = link.round_trip.map(|time| time / 2);
        let rooms = totals.rooms.iter();
        let rooms = rooms.map(|(peer, room)| (*peer, self.room_since(*peer, room, last, span, now)));
        NetworkSample { link, rooms: rooms.collect() }
    }

    fn room_since(
        &mut self,
        peer: PeerId,
        room: &RoomCount,
        last: Option<Duration>,
        span: Duration,
        now: Time,
    ) -> RoomSample {
        let played = room.voice.played.load(Ordering::Relaxed);
        let concealed = room.voice.concealed.load(Ordering::Relaxed);
        let buffer = room.voice.buffer_us.load(Ordering::Relaxed);
        let before = self.rooms.insert(peer, Before { count: room.clone(), played, concealed });
        let Some(Before { count: before, played: played_before, concealed: concealed_before }) = before
        else {
            return RoomSample::default();
        };
        let films = room.pictures.is_some_and(|at| now.since(at) < MISSING);
        let count = |now: u64, before: u64| PerSecond::of(now.saturating_sub(before), span);
        let expected = room.sounds.1.saturating_sub(before.sounds.1);
        RoomSample {
            bitrate: (span > Duration::ZERO)
                .then(|| DataSize::bytes(room.bytes.saturating_sub(before.bytes)).per(span)),
            frames_received: count(room.frames, before.frames),
            frames_decoded: count(room.decoded, before.decoded),
            frames_shown: count(room.shown, before.shown),
            layer: room.layer.filter(|_| films).and_then(|at| Layer::ALL.get(usize::from(at)).copied()),
            jitter_buffer: (buffer > 0).then(|| Duration::from_micros(buffer)),
            loss: Share::of(expected.saturating_sub(room.sounds.0.saturating_sub(before.sounds.0)), expected),
            concealed: Share::of(
                concealed.saturating_sub(concealed_before),
                played.saturating_sub(played_before),
            ),
            repaired: count(room.repaired, before.repaired),
            quality: None,
            stages: if films { room.stages.told(last) } else { Stages::default() },
        }
    }
}

impl StageMeans {
    fn told(&self, last: Option<Duration>) -> Stages {
        let us = |mean: Option<f64>| mean.map(|us| Duration::from_micros(us as u64));
        let network = us(self.way).zip(last).map(|(first, last)| first + last);
        Stages {
            capture: us(self.capture),
            encode: us(self.encode),
            pace: us(self.pace),
            network,
            relay: us(self.relay),
            jitter_buffer: us(self.wait),
            decode: us(self.decode),
            paint: us(self.paint),
            // Both ways of a round trip may be as unlike as can be.
            error: network,
        }
    }
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn a_second_is_the_difference_of_two_looks() {
        let (mut totals, mut counters, mut sampler) = with_a_room();
        counters.sent = (1_000, 1_000_000);
        sampler.sample(&totals, &counters, at(10));

        counters.sent.1 += 125_000;
        counters.encoded[2] += 30;
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
        // Number 5 is lost.
        [1, 2, 3, 4, 6].into_iter().for_each(|number| count.handle_sound(number));
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
        assert_eq!((room.loss, room.concealed), (Share::of(1, 6), Share::of(3, 100)));
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
}
