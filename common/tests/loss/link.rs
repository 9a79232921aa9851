//! One sender, one link, one receiver, in virtual time.

use std::collections::BTreeMap;
use std::time::Duration;

use vestibule_common::id::StreamId;
use vestibule_common::media::{
    FrameInfo, Packetizer, Reassembler, ReassemblerConfig, Repairer, Resend, ResendConfig, repairs_for,
};
use vestibule_common::time::Time;
use vestibule_common::wire::{MAX_BODY, MediaHeader, Nack};

const STREAM: StreamId = StreamId(1);
/// Between two pictures, and between two packets of one, in microseconds.
const INTERVAL_US: u64 = 33_333;
const PACE_US: u64 = 400;
/// Packets overtake each other by at most this, in microseconds.
const JITTER_US: u64 = 2_000;

/// What is done about losses.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) enum Help {
    None,
    Resend,
    ResendAndRepair,
}

#[derive(Copy, Clone)]
pub(crate) struct Scene {
    pub(crate) loss_percent: u32,
    /// Whether nacks and keyframe requests are lost as well.
    pub(crate) both_ways: bool,
    /// Packets lost in a row.
    pub(crate) burst: u32,
    pub(crate) round_trip_ms: u64,
    pub(crate) help: Help,
    pub(crate) seconds: u64,
    pub(crate) seed: u64,
}

pub(crate) struct Outcome {
    pub(crate) sent: usize,
    pub(crate) delivered: usize,
    /// How much later than without a loss the 99th of a hundred delivered pictures came, in milliseconds.
    pub(crate) late_99_ms: u64,
    /// Bytes of repairs and of pieces sent again, for each byte of pieces sent first.
    pub(crate) overhead: f64,
    pub(crate) keyframes: usize,
    pub(crate) nacks: u64,
}

enum Packet {
    Media(Vec<u8>),
    Nack(Vec<u8>),
    KeyframeRequest,
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }
}

/// Both directions: packets on their way, by the time at which they arrive.
struct Link {
    random: Random,
    loss_percent: u32,
    both_ways: bool,
    burst: u32,
    losing: u32,
    one_way_us: u64,
    flying: BTreeMap<(u64, u64), Packet>,
    count: u64,
}

impl Link {
    fn send(&mut self, packet: Packet, at_us: u64) {
        self.count += 1;
        let spared = !self.both_ways && !matches!(packet, Packet::Media(_));
        if !spared
            && self.losing == 0
            && self.random.below(100 * u64::from(self.burst)) < u64::from(self.loss_percent)
        {
            self.losing = self.burst;
        }
        if !spared && self.losing > 0 {
            self.losing -= 1;
            return;
        }
        let arrives = at_us + self.one_way_us + self.random.below(JITTER_US);
        self.flying.insert((arrives, self.count), packet);
    }
}

struct Sender {
    packetizer: Packetizer,
    resend: Resend,
    repairer: Repairer,
    keyframe_wanted: bool,
    frames: BTreeMap<u32, Vec<u8>>,
    keyframes: usize,
    first_bytes: usize,
    extra_bytes: usize,
}

impl Sender {
    fn picture(&mut self, scene: &Scene, link: &mut Link, now: u64) {
        let keyframe = std::mem::take(&mut self.keyframe_wanted);
        let len = if keyframe { 24_000 } else { 2_000 + link.random.below(6_000) } as usize;
        let bytes: Vec<u8> = (0..len).map(|at| (at ^ now as usize) as u8).collect();
        let info = FrameInfo::video(Time::from_micros(now), keyframe, None);
        let pieces = self.packetizer.frame(&bytes, info).unwrap();
        let mut out = [0; MAX_BODY];
        let mut at = now;
        for index in 0..pieces.count() {
            let len = pieces.write(index, &mut out).unwrap();
            self.resend.remember(&out[..len], Time::from_micros(now));
            self.first_bytes += len;
            link.send(Packet::Media(out[..len].to_vec()), at);
            at += PACE_US;
        }
        if scene.help == Help::ResendAndRepair {
            let count = repairs_for(pieces.count(), f64::from(scene.loss_percent) / 100.0);
            let repairs = self.repairer.protect(&pieces, count).unwrap();
            for index in 0..repairs.count() {
                let len = repairs.write(index, &mut out).unwrap();
                self.extra_bytes += len;
                link.send(Packet::Media(out[..len].to_vec()), at);
                at += PACE_US;
            }
        }
        self.keyframes += usize::from(keyframe);
        self.frames.insert(pieces.number(), bytes);
    }

    fn answer(&mut self, nack: &[u8], scene: &Scene, link: &mut Link, now: u64) {
        let nack = Nack::parse(nack).unwrap();
        let repeat = Duration::from_millis(scene.round_trip_ms);
        let mut answer = self.resend.answer(&nack, repeat, Time::from_micros(now));
        let mut at = now;
        while let Some(body) = answer.next_body() {
            self.extra_bytes += body.len();
            link.send(Packet::Media(body.to_vec()), at);
            at += PACE_US;
        }
    }
}

/// Plays a scene and checks that what comes out is what went in, in order, and that no time-out repeats itself.
pub(crate) fn run(scene: &Scene) -> Outcome {
    let mut link = Link {
        random: Random(scene.seed),
        loss_percent: scene.loss_percent,
        both_ways: scene.both_ways,
        burst: scene.burst,
        losing: 0,
        one_way_us: scene.round_trip_ms * 500,
        flying: BTreeMap::new(),
        count: 0,
    };
    let mut sender = Sender {
        packetizer: Packetizer::video(STREAM).with_repair_room(),
        resend: Resend::new(ResendConfig::default()),
        repairer: Repairer::new(),
        keyframe_wanted: true,
        frames: BTreeMap::new(),
        keyframes: 0,
        first_bytes: 0,
        extra_bytes: 0,
    };
    let mut reassembler = Reassembler::new(ReassemblerConfig::default());
    let round_trip = Duration::from_millis(scene.round_trip_ms);
    let mut delays = Vec::new();
    let mut last = None;
    let (mut picture_at, end) = (0, scene.seconds * 1_000_000);
    loop {
        let arrival = link.flying.first_key_value().map_or(u64::MAX, |(key, _)| key.0);
        let timeout = reassembler.poll_timeout().map_or(u64::MAX, Time::as_micros);
        let now = picture_at.min(arrival).min(timeout);
        if now >= end + 1_000_000 || now == u64::MAX {
            break;
        }
        if now == picture_at {
            sender.picture(scene, &mut link, now);
            picture_at = if picture_at + INTERVAL_US < end { picture_at + INTERVAL_US } else { u64::MAX };
        } else if now == arrival {
            match link.flying.pop_first().map(|(_, packet)| packet) {
                Some(Packet::Media(body)) => {
                    let (header, payload) = MediaHeader::parse(&body).unwrap();
                    reassembler.handle_piece(&header, payload, Time::from_micros(now));
                }
                Some(Packet::Nack(nack)) => sender.answer(&nack, scene, &mut link, now),
                Some(Packet::KeyframeRequest) => sender.keyframe_wanted = true,
                None => {}
            }
        }
        let time = Time::from_micros(now);
        while let Some(frame) = reassembler.next_frame(time) {
            assert_eq!(Some(&frame.bytes), sender.frames.get(&frame.number));
            assert!(
                last.is_none_or(|last| frame.number == last + 1 || frame.keyframe && frame.number > last)
            );
            last = Some(frame.number);
            delays.push(time.since(frame.captured + Duration::from_micros(link.one_way_us)));
            reassembler.recycle(frame.bytes);
        }
        while scene.help != Help::None
            && let Some(nack) = reassembler.next_nack(round_trip, time)
        {
            let mut out = [0; MAX_BODY];
            let len = nack.emit(&mut out).unwrap();
            link.send(Packet::Nack(out[..len].to_vec()), now);
        }
        if reassembler.keyframe_needed(time) {
            link.send(Packet::KeyframeRequest, now);
        }
        assert!(reassembler.poll_timeout().is_none_or(|at| at > time), "a time-out that is over");
    }
    delays.sort_unstable();
    Outcome {
        sent: sender.frames.len(),
        delivered: delays.len(),
        late_99_ms: delays.get(delays.len() * 99 / 100).map_or(0, |delay| delay.as_millis() as u64),
        overhead: sender.extra_bytes as f64 / sender.first_bytes as f64,
        keyframes: sender.keyframes,
        nacks: reassembler.stats().nacks,
    }
}
