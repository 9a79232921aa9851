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
use vestibule_common::wire::{Demand, HOP_HEADER, Kind, StageTimes, TAG};

use super::sample::{
    Direction, Layer, Layers, Limit, LinkSample, NetworkSample, PerSecond, RoomSample, Share, Stages,
};

/// What a datagram has around its body, at IP level.
const AROUND: u64 = IP_UDP.as_bytes() + (HOP_HEADER + TAG) as u64;
/// So many packets of sound may be lost in a row, 300 ms. More are another stream, or a time in which the relay passed on three louder
/// rooms.
const LONGEST_GAP: i32 = 30;
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
    /// The relay's processor does not keep up, as it tells; absent until it told anything.
    pub strained: Option<bool>,
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

    /// The relay told how it stands, and what it has for this kiosk.
    pub fn handle_demand(&mut self, demand: &Demand) {
        self.strained = Some(demand.strained);
        self.estimate = demand.estimate;
        self.allotment = demand.estimate.map(|_| demand.allotted);
    }

    /// It has not told that for long: what it told then is no longer known.
    pub fn forget_demand(&mut self) {
        (self.strained, self.estimate, self.allotment) = (None, None, None);
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

/// What of a stream of sound one packet is.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct SoundSpan {
    /// The periods of its own frame.
    pub periods: u8,
    /// It says that silence follows.
    pub quiet: bool,
    /// It is of the coded layer.
    pub coded: bool,
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
    /// Periods of sound that came and that should have.
    sounds: (u64, u64),
    last_sound: Option<u32>,
    /// The last packet said that silence follows; and was of the coded layer.
    quiet: bool,
    coded: bool,
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
    pub fn handle_sound(&mut self, frame: u32, span: SoundSpan) {
        let SoundSpan { periods, quiet, coded } = span;
        let last = frame.wrapping_add(u32::from(periods) - 1);
        let ahead = self.last_sound.map_or(i32::from(periods), |before| last.wrapping_sub(before) as i32);
        if (-63..=0).contains(&ahead) {
            // Overtaken: it was expected when the later one came. Or the other layer of what is here.
            self.sounds.0 += if coded == self.coded { u64::from(periods) } else { 0 };
            return;
        }
        let after_silence = std::mem::replace(&mut self.quiet, quiet);
        // A stream that begins anew has lost nothing, nor has one that was silent.
        let lost_some = (1..=LONGEST_GAP).contains(&ahead) && !after_silence;
        let expected = if lost_some { ahead.unsigned_abs().max(u32::from(periods)) } else { periods.into() };
        self.sounds.0 += u64::from(periods);
        self.sounds.1 += u64::from(expected);
        (self.last_sound, self.coded) = (Some(last), coded);
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
    /// Frames of each layer handed to the network, the smallest first.
    pub layers_sent: [u64; Layer::ALL.len()],
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
            layers_sent: std::array::from_fn(|layer| {
                self.layers_sent[layer].saturating_sub(before.layers_sent[layer])
            }),
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
        let made = since.layers_sent.iter().zip(Layer::ALL).filter(|(count, _)| **count > 0);
        let layers: Layers = made.map(|(_, layer)| layer).collect();
        let mut link = LinkSample {
            frames_captured: PerSecond::of(since.captured, span),
            frames_sent: PerSecond::of(since.pictures_sent, span),
            layers: Some(layers),
            ..LinkSample::default()
        };
        // The next link counts anew.
        if totals.up.is_none() {
            self.fates = (0, 0);
        }
        if totals.down.is_none() {
            self.came = (0, 0, 0);
        }
        if let Some(up) = totals.up {
            // Fewer than before: another link's.
            let anew = up.fates.0 < self.fates.0 || up.fates.1 < self.fates.1;
            let before = if anew { (0, 0) } else { self.fates };
            let (delivered, lost) = (up.fates.0 - before.0, up.fates.1 - before.1);
            self.fates = up.fates;
            link.round_trip = up.round_trip;
            link.limit = Some(match (since.lowered, up.short) {
                // What is not encoded costs nothing.
                (1.., _) if since.layers_sent.iter().any(|count| *count > 0) => Limit::Device,
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
            link.relay_busy = down.strained;
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
            // Without a place on the screen none is shown.
            layer: room
                .layer
                .filter(|_| films && room.shown > before.shown)
                .and_then(|at| Layer::ALL.get(usize::from(at)).copied()),
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
mod tests;
