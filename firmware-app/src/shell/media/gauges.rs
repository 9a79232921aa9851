//! What the media threads know of the network, and once a second what has become of it since: the numbers of the network page.
//!
//! Threads add to totals and set what is so at the moment; the room's thread takes the differences. What is not known stays
//! absent: nothing is made up here.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use vestibule_common::bandwidth::IP_UDP;
use vestibule_common::id::PeerId;
use vestibule_common::time::{Duration, Time};
use vestibule_common::unit::{Bitrate, DataSize};
use vestibule_common::wire::{HOP_HEADER, StageTimes, TAG};

use super::stats::Stats;
use crate::kiosk::network::{
    Direction, Layer, Layers, Limit, LinkSample, NetworkSample, PerSecond, RoomSample, Share, Stages,
};
use crate::video::kind::PictureKind;
use crate::video::ladder::LayerIndex;

/// What a datagram has around its body, at IP level.
const AROUND: u64 = IP_UDP.as_bytes() + (HOP_HEADER + TAG) as u64;
/// So many packets of sound may be lost in a row, 300 ms. More are another stream, or a time in which the relay passed on three louder rooms.
const LONGEST_GAP: i32 = 30;
/// Of a mean that follows, the newest value is this part.
const NEWEST: f64 = 0.1;

/// The way to the relay, as the sending thread knows it.
#[derive(Copy, Clone, Default)]
pub(super) struct Up {
    /// What could be carried.
    pub estimate: Bitrate,
    /// What pictures may take of it.
    pub allotment: Bitrate,
    /// Less than is wanted.
    pub short: bool,
    /// To the relay and back.
    pub round_trip: Option<Duration>,
    /// Packets that arrived and that did not, since the link began.
    pub fates: (u64, u64),
    /// Nothing is reported any more: nothing arrives.
    pub silent: bool,
}

/// The way from the relay, as the receiving thread knows it.
#[derive(Copy, Clone, Default)]
pub(super) struct Down {
    /// What could be carried, as the relay tells it.
    pub estimate: Option<Bitrate>,
    /// What the relay allotted of it.
    pub allotment: Option<Bitrate>,
    /// Packets that came, and the highest number of them, since the link began.
    pub came: u64,
    /// One more than the highest packet number.
    pub end: u64,
    /// When the last one came.
    pub at: Option<Time>,
}

/// What the player counts of one room; it neither waits nor allocates.
#[derive(Default)]
pub(super) struct VoiceGauge {
    /// 10 ms periods played.
    pub played: AtomicU64,
    /// Those of them that were made up.
    pub concealed: AtomicU64,
}

/// What of a stream of sound one packet is.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) struct SoundSpan {
    /// The periods of its own frame.
    pub periods: u8,
    /// It says that silence follows.
    pub quiet: bool,
    /// It is of the coded layer.
    pub coded: bool,
}

/// What is known of one room.
#[derive(Clone, Default)]
pub(super) struct RoomGauge {
    bytes: u64,
    frames: u64,
    shown: u64,
    layer: Option<u8>,
    /// Periods of sound that came and that should have.
    sounds: (u64, u64),
    last_sound: Option<u32>,
    /// The last packet said that silence follows; and was of the coded layer.
    quiet: bool,
    coded: bool,
    /// When the last packet of sound came, and its capture: microseconds apart.
    transit: Option<i64>,
    jitter_us: f64,
    /// Its camera's pictures came lately.
    pictures: Option<Time>,
    stages: StageMeans,
    voice: Arc<VoiceGauge>,
}

/// Means in microseconds; absent until there was a first value.
#[derive(Copy, Clone, Default)]
struct StageMeans {
    encode: Option<f64>,
    pace: Option<f64>,
    relay: Option<f64>,
    wait: Option<f64>,
    decode: Option<f64>,
    paint: Option<f64>,
}

fn follow(mean: &mut Option<f64>, value: Duration) {
    let value = value.as_micros() as f64;
    *mean = Some(mean.map_or(value, |mean| mean + NEWEST * (value - mean)));
}

impl RoomGauge {
    /// Whether it is the same stay of the same room.
    fn is(&self, other: &RoomGauge) -> bool {
        Arc::ptr_eq(&self.voice, &other.voice)
    }

    /// A datagram of the room's came, with so many bytes of body.
    pub(super) fn handle_datagram(&mut self, bytes: usize) {
        self.bytes += bytes as u64 + AROUND;
    }

    /// A packet of sound came.
    pub(super) fn handle_sound(&mut self, frame: u32, span: SoundSpan, captured: Time, now: Time) {
        let SoundSpan { periods, quiet, coded } = span;
        let last = frame.wrapping_add(u32::from(periods) - 1);
        let ahead = self.last_sound.map_or(i32::from(periods), |before| last.wrapping_sub(before) as i32);
        let after_silence = std::mem::replace(&mut self.quiet, quiet);
        match ahead {
            1..=LONGEST_GAP if !after_silence => {
                self.sounds.0 += u64::from(periods);
                self.sounds.1 += u64::from(ahead.unsigned_abs().max(u32::from(periods)));
            }
            // Overtaken: it was expected when the later one came. Or the other layer of what is here.
            -63..=0 if coded != self.coded => return,
            -63..=0 => self.sounds.0 += u64::from(periods),
            // A stream that begins anew has lost nothing, nor has one that was silent.
            _ => {
                self.sounds.0 += u64::from(periods);
                self.sounds.1 += u64::from(periods);
            }
        }
        if !(-63..=0).contains(&ahead) {
            self.last_sound = Some(last);
        }
        if std::mem::replace(&mut self.coded, coded) != coded {
            // It is under way for longer or shorter by what coding takes.
            self.transit = None;
        }
        let transit = (now.as_micros() as i64).wrapping_sub(captured.as_micros() as i64);
        if let Some(before) = self.transit.replace(transit) {
            // RFC 3550, section 6.4.1.
            self.jitter_us += (transit.wrapping_sub(before).unsigned_abs() as f64 - self.jitter_us) / 16.0;
        }
    }

    /// A whole picture of its camera came, in this layer.
    pub(super) fn handle_picture(&mut self, layer: u8, now: Time) {
        self.frames += 1;
        self.layer = Some(layer);
        self.pictures = Some(now);
    }

    /// A picture of its camera was shown, which spent its time so.
    pub(super) fn handle_shown(&mut self, times: &PictureTimes) {
        self.shown += 1;
        if let Some(stages) = times.sender {
            let us = |us: u32| Duration::from_micros(u64::from(us));
            follow(&mut self.stages.encode, us(stages.captured_to_encoded_us));
            follow(&mut self.stages.pace, us(stages.encoded_to_sent_us));
            follow(&mut self.stages.relay, us(stages.relayed_us));
        }
        follow(&mut self.stages.wait, times.waited);
        follow(&mut self.stages.decode, times.decoded);
        follow(&mut self.stages.paint, times.painted);
    }
}

/// Where a picture spent its time on this kiosk, and what its sender and the relay wrote of theirs.
pub(super) struct PictureTimes {
    /// The sender's and the relay's.
    pub sender: Option<StageTimes>,
    /// From its first piece until it was decoded, and for its sound.
    pub waited: Duration,
    /// In the decoder and the scaler.
    pub decoded: Duration,
    /// From its slot to its light.
    pub painted: Duration,
}

#[derive(Default)]
struct Totals {
    up: Option<Up>,
    down: Option<Down>,
    rooms: BTreeMap<PeerId, RoomGauge>,
}

/// Shared by the media threads.
#[derive(Default)]
pub(super) struct Gauges {
    totals: Mutex<Totals>,
}

impl Gauges {
    /// The way to the relay is so; `None`: there is none.
    pub(super) fn set_up(&self, up: Option<Up>) {
        self.lock().up = up;
    }

    /// The way from the relay is so; `None`: there is none.
    pub(super) fn set_down(&self, down: Option<Down>) {
        self.lock().down = down;
    }

    /// Something is known of a room, if it is one.
    pub(super) fn of(&self, peer: PeerId, tell: impl FnOnce(&mut RoomGauge)) {
        if let Some(room) = self.lock().rooms.get_mut(&peer) {
            tell(room);
        }
    }

    /// A room is heard and shown from now on; where its player counts.
    pub(super) fn add(&self, peer: PeerId) -> Arc<VoiceGauge> {
        let room = RoomGauge::default();
        let voice = room.voice.clone();
        self.lock().rooms.insert(peer, room);
        voice
    }

    /// Only these rooms are left.
    pub(super) fn keep(&self, rooms: impl Fn(&PeerId) -> bool) {
        self.lock().rooms.retain(|peer, _| rooms(peer));
    }

    fn lock(&self) -> MutexGuard<'_, Totals> {
        self.totals.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the counts were when they were looked at last.
#[derive(Default)]
pub(super) struct Before {
    at: Option<Time>,
    counts: BTreeMap<&'static str, u64>,
    fates: (u64, u64),
    came: (u64, u64),
    rooms: BTreeMap<PeerId, (RoomGauge, u64, u64)>,
}

impl Before {
    /// What has become of everything since it was looked at last.
    pub(super) fn sample(&mut self, gauges: &Gauges, stats: &Stats, now: Time) -> NetworkSample {
        let span = self.at.replace(now).map_or(Duration::ZERO, |before| now.since(before));
        let totals = gauges.lock();
        let mut since = |name: &'static str, total: u64| {
            let before = self.counts.insert(name, total).unwrap_or(total);
            total.saturating_sub(before)
        };
        let camera = stats.of(PictureKind::Camera);
        let at_ip = |bytes: u64, datagrams: u64| bytes + datagrams * IP_UDP.as_bytes();
        let sent = at_ip(stats.bytes_sent.total(), stats.datagrams_sent.total());
        let received = at_ip(stats.bytes_received.total(), stats.datagrams_received.total());
        let (sent, received) = (since("sent", sent), since("received", received));
        let captured = since("captured", camera.pictures_captured.total());
        let names = ["144", "240", "360", "480"];
        let encoded: Vec<u64> = LayerIndex::ALL
            .into_iter()
            .zip(names)
            .map(|(index, name)| since(name, stats.encoded(index).total()))
            .collect();
        // A picture is one, in however many layers.
        let frames = encoded.iter().copied().max().unwrap_or(0);
        let made = encoded.iter().zip(Layer::ALL).filter(|(count, _)| **count > 0);
        let layers: Layers = made.map(|(_, layer)| layer).collect();
        let rate = |bytes: u64| (span > Duration::ZERO).then(|| DataSize::bytes(bytes).per(span));
        let mut link = LinkSample {
            frames_captured: PerSecond::of(captured, span),
            frames_sent: PerSecond::of(frames, span),
            layers: Some(layers),
            ..LinkSample::default()
        };
        if let Some(up) = totals.up {
            let (delivered, lost) =
                (up.fates.0.saturating_sub(self.fates.0), up.fates.1.saturating_sub(self.fates.1));
            self.fates = up.fates;
            link.round_trip = up.round_trip;
            link.limit = Some(match (stats.encoding_lowered.total(), up.short) {
                // What is not encoded costs nothing.
                (1.., _) if frames > 0 => Limit::Device,
                (_, true) => Limit::Network,
                (_, false) => Limit::Nothing,
            });
            link.up = Direction {
                bitrate: rate(sent),
                estimate: Some(up.estimate),
                allotment: Some(up.allotment),
                loss: if up.silent { Share::of(1, 1) } else { Share::of(lost, delivered + lost) },
                retransmissions: None,
            };
        }
        if let Some(down) = totals.down {
            let (came, end) = (down.came.saturating_sub(self.came.0), down.end.saturating_sub(self.came.1));
            self.came = (down.came, down.end);
            link.down = Direction {
                bitrate: rate(received),
                estimate: down.estimate,
                allotment: down.allotment,
                loss: if down.at.is_some_and(|at| now.since(at) > MISSING) {
                    Share::of(1, 1)
                } else {
                    Share::of(end.saturating_sub(came), end)
                },
                retransmissions: None,
            };
        }
        self.rooms.retain(|peer, (before, ..)| totals.rooms.get(peer).is_some_and(|room| before.is(room)));
        // Of rooms that are heard now. What all of them have is the way from the relay's; what one has is its own.
        let heard = totals.rooms.iter().filter(|(peer, room)| {
            self.rooms.get(peer).is_some_and(|(before, ..)| before.sounds.0 < room.sounds.0)
        });
        link.jitter = heard.map(|(_, room)| room.jitter_us as u64).min().map(Duration::from_micros);
        let rooms = totals.rooms.iter();
        let rooms = rooms.map(|(peer, room)| (*peer, self.rooms_since(*peer, room, span, now)));
        NetworkSample { link, rooms: rooms.collect() }
    }

    fn rooms_since(&mut self, peer: PeerId, room: &RoomGauge, span: Duration, now: Time) -> RoomSample {
        let played = room.voice.played.load(Ordering::Relaxed);
        let concealed = room.voice.concealed.load(Ordering::Relaxed);
        let before = self.rooms.insert(peer, (room.clone(), played, concealed));
        let Some((before, played_before, concealed_before)) = before else { return RoomSample::default() };
        // While its camera is off, no pictures are missing.
        let films = room.pictures.is_some_and(|at| now.since(at) < MISSING);
        let count = |count: u64| PerSecond::of(count, span);
        let expected = room.sounds.1.saturating_sub(before.sounds.1);
        let us = |mean: Option<f64>| mean.map(|us| Duration::from_micros(us as u64));
        RoomSample {
            bitrate: (span > Duration::ZERO)
                .then(|| DataSize::bytes(room.bytes.saturating_sub(before.bytes)).per(span)),
            frames_received: count(room.frames.saturating_sub(before.frames)).filter(|_| films),
            frames_shown: count(room.shown.saturating_sub(before.shown)).filter(|_| films),
            layer: room.layer.filter(|_| films).and_then(|at| Layer::ALL.get(usize::from(at)).copied()),
            jitter_buffer: None,
            loss: Share::of(expected.saturating_sub(room.sounds.0.saturating_sub(before.sounds.0)), expected),
            concealed: Share::of(
                concealed.saturating_sub(concealed_before),
                played.saturating_sub(played_before),
            ),
            repaired: None,
            quality: None,
            stages: if !films {
                Stages::default()
            } else {
                Stages {
                    capture: None,
                    encode: us(room.stages.encode),
                    pace: us(room.stages.pace),
                    relay: us(room.stages.relay),
                    jitter_buffer: us(room.stages.wait),
                    decode: us(room.stages.decode),
                    paint: us(room.stages.paint),
                    error: None,
                }
            },
        }
    }
}

/// A camera of which nothing came for so long is off.
const MISSING: Duration = Duration::from_secs(3);

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: SoundSpan = SoundSpan { periods: 1, quiet: false, coded: false };
    const PEER: PeerId = PeerId([7; 32]);

    #[test]
    fn silence_that_is_said_and_the_other_layer_are_no_loss() {
        let coded = |periods, quiet| SoundSpan { periods, quiet, coded: true };
        let share = |packets: &[(u32, SoundSpan)]| {
            let mut room = RoomGauge::default();
            for (frame, span) in packets {
                let at = Time::from_millis(1_000 + u64::from(*frame) * 10);
                room.handle_sound(*frame, *span, at, at + Duration::from_millis(5));
            }
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
        let (gauges, stats, mut before) = (Gauges::default(), Stats::default(), Before::default());
        let at = |s: u64| Time::from_millis(1000 * s);
        let voice = gauges.add(PEER);
        stats.bytes_sent.add(1_000_000);
        before.sample(&gauges, &stats, at(10));

        stats.bytes_sent.add(125_000);
        stats.encoded(LayerIndex::ALL[2]).add(30);
        gauges.set_up(Some(Up {
            estimate: Bitrate::kbps(2_000),
            allotment: Bitrate::kbps(900),
            short: true,
            round_trip: Some(Duration::from_millis(12)),
            fates: (90, 10),
            silent: false,
        }));
        gauges.set_down(Some(Down { came: 95, end: 100, ..Down::default() }));
        voice.played.fetch_add(100, Ordering::Relaxed);
        voice.concealed.fetch_add(3, Ordering::Relaxed);
        gauges.of(PEER, |room| {
            room.handle_datagram(250_000);
            // Number 5 is lost, then others were louder for 300 ms; each is under way for 4 ms longer than the one before, or shorter.
            for number in [1_u32, 2, 3, 4, 6, 37] {
                let now = at(10) + Duration::from_millis(u64::from(10 * number + 4 * (number % 2)));
                room.handle_sound(number, PLAIN, at(3) + Duration::from_millis(u64::from(10 * number)), now);
            }
            (0..15).for_each(|_| room.handle_picture(2, at(10)));
            room.handle_shown(&PictureTimes {
                sender: Some(StageTimes {
                    captured_to_encoded_us: 9_000,
                    encoded_to_sent_us: 2_000,
                    relayed_us: 300,
                }),
                waited: Duration::from_millis(5),
                decoded: Duration::from_millis(1),
                painted: Duration::from_millis(11),
            });
        });
        let sample = before.sample(&gauges, &stats, at(11));
        let link = &sample.link;
        assert_eq!(link.up.bitrate, Some(Bitrate::kbps(1_000)));
        assert_eq!(link.up.loss, Share::of(10, 100));
        assert_eq!(link.down.loss, Share::of(5, 100));
        assert_eq!((link.limit, link.round_trip), (Some(Limit::Network), Some(Duration::from_millis(12))));
        assert_eq!(link.layers.map(|layers| layers.iter().collect()), Some(vec![Layer::P360]));
        assert!(link.jitter.is_some_and(|jitter| jitter < Duration::from_millis(4)));
        let room = &sample.rooms[&PEER];
        assert_eq!(room.bitrate, Some(Bitrate::bps(2_000_456)));
        assert_eq!((room.loss, room.concealed), (Share::of(1, 7), Share::of(3, 100)));
        assert_eq!(
            (room.frames_received, room.layer),
            (PerSecond::of(15, Duration::from_secs(1)), Some(Layer::P360))
        );
        assert_eq!(room.stages.total(), Some(Duration::from_micros(28_300)));

        let still = before.sample(&gauges, &stats, at(12));
        assert_eq!(
            still.rooms[&PEER].frames_received,
            PerSecond::of(0, Duration::from_secs(1)),
            "they are missing"
        );
        let off = before.sample(&gauges, &stats, at(14));
        assert_eq!(off.rooms[&PEER].frames_received, None, "its camera is off");
        gauges.add(PEER);
        gauges.of(PEER, |room| room.handle_datagram(100));
        let back = before.sample(&gauges, &stats, at(15));
        assert_eq!(back.rooms[&PEER], RoomSample::default(), "a room that is back begins anew");
        gauges.keep(|_| false);
        assert!(before.sample(&gauges, &stats, at(16)).rooms.is_empty());
    }

    #[test]
    fn what_is_not_known_stays_absent() {
        let (gauges, stats, mut before) = (Gauges::default(), Stats::default(), Before::default());
        let first = before.sample(&gauges, &stats, Time::from_millis(5));
        assert_eq!((first.link.up.bitrate, first.link.round_trip, first.link.limit), (None, None, None));
        gauges.add(PEER);
        let second = before.sample(&gauges, &stats, Time::from_millis(1005));
        assert_eq!(second.rooms[&PEER], RoomSample::default());
        let third = before.sample(&gauges, &stats, Time::from_millis(2005));
        assert_eq!((third.rooms[&PEER].loss, third.rooms[&PEER].stages.total()), (None, None));
    }
}
