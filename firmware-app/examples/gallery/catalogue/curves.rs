//! Simulated histories of the network: what two minutes look like when all is well, when a room's own network or another's
//! is weak, when its processor does no more, and when little is known. From a seed, so that every picture is the same.

use vestibule_common::id::PeerId;
use vestibule_common::time::{Duration, Time};
use vestibule_common::unit::{Bitrate, DataSize};
use vestibule_kiosk::kiosk::network::*;

/// What happens.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) enum Course {
    /// All is well.
    Good,
    /// After fifty seconds the own network carries less and loses.
    WeakLink,
    /// The first other room's network is weak.
    WeakRoom,
    /// After a minute the processor does no more.
    Busy,
    /// No estimates, no stages, and thirty seconds of nothing.
    Unknown,
}

/// Numbers between 0 and 1 from a seed (xorshift, Marsaglia 2003).
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Around a middle, by so much of it at most.
    fn around(&mut self, middle: f64, part: f64) -> f64 {
        middle * (1.0 + part * (2.0 * self.next() - 1.0))
    }
}

fn ms(ms: f64) -> Option<Duration> {
    Some(Duration::from_micros((ms.max(0.0) * 1000.0) as u64))
}

fn kbps(kbps: f64) -> Option<Bitrate> {
    Some(Bitrate::bps((kbps.max(0.0) * 1000.0) as u64))
}

fn percent(percent: f64) -> Option<Share> {
    Some(Share::from_ppm((percent.max(0.0) * 10_000.0) as u32))
}

fn per_second(rate: f64) -> Option<PerSecond> {
    Some(PerSecond::from_milli((rate.max(0.0) * 1000.0) as u32))
}

/// The last two minutes of a meeting of so many other rooms, and what is to be said of them.
pub(crate) fn history(course: Course, rooms: &[(PeerId, &str)]) -> (NetworkHistory, Judgement) {
    let mut history = NetworkHistory::default();
    let mut judgement = Judgement::default();
    let mut noise = Noise(0x9e37_79b9_7f4a_7c15 + rooms.len() as u64);
    for second in 0..120_u64 {
        if course == Course::Unknown && (60..90).contains(&second) {
            continue;
        }
        let sample = NetworkSample {
            link: link(course, second, &mut noise),
            rooms: (rooms.iter().enumerate())
                .map(|(place, (peer, _))| (*peer, room(course, place, second, &mut noise)))
                .collect(),
        };
        let now = Time::from_millis(5_000 + second * 1000);
        history.record(sample, rooms.iter().copied(), now, Duration::from_secs(645 + second));
        judgement = judge(&judgement, &history);
    }
    (history, judgement)
}

fn link(course: Course, second: u64, noise: &mut Noise) -> LinkSample {
    let weak = course == Course::WeakLink && second >= 50;
    let busy = course == Course::Busy && second >= 60;
    let known = course != Course::Unknown;
    let carries = if weak { 420.0 } else { 3_800.0 };
    let allotted = if weak { 380.0 } else { 1_900.0 };
    // An estimate climbs by steps and falls at once.
    let climb = (second % 40) as f64 / 40.0;
    let sent = noise.around(
        if weak {
            330.0
        } else if busy {
            610.0
        } else {
            1_550.0
        },
        0.12,
    );
    let files = !weak && (20..55).contains(&second) && known;
    // Loss comes in waves.
    let wave = if weak { (0.5 + 0.5 * (second as f64 / 5.0).sin()) * noise.around(1.0, 0.3) } else { 0.0 };
    LinkSample {
        round_trip: ms(noise.around(if weak { 74.0 } else { 2.6 }, 0.35)),
        up: Direction {
            bitrate: kbps(sent + if files { noise.around(900.0, 0.3) } else { 0.0 }),
            estimate: kbps(carries * (0.8 + 0.3 * climb)).filter(|_| known),
            allotment: kbps(allotted).filter(|_| known),
            loss: percent(1.2 * f64::from(u8::from(weak)) + 5.0 * wave),
            jitter: ms(noise.around(if weak { 22.0 } else { 0.9 }, 0.4)),
            retransmissions: per_second((16.0 * wave).floor()),
        },
        down: Direction {
            bitrate: kbps(noise.around(if weak { 690.0 } else { 2_350.0 }, 0.1)),
            estimate: kbps(if weak { 800.0 } else { 8_000.0 } * (0.9 + 0.2 * climb)).filter(|_| known),
            allotment: None,
            loss: percent(2.4 * wave),
            jitter: ms(noise.around(if weak { 9.0 } else { 0.6 }, 0.4)),
            retransmissions: per_second((7.0 * wave).floor()),
        },
        congestion_window: files.then(|| DataSize::bytes(24_000 + (second - 20) * 2_900)),
        frames_captured: per_second(noise.around(30.0, 0.02)),
        frames_sent: per_second(noise.around(
            if weak {
                14.0
            } else if busy {
                19.0
            } else {
                30.0
            },
            0.05,
        )),
        layers: Some(match (weak, busy) {
            (true, _) => Layers::from_iter([Layer::P144, Layer::P240]),
            (_, true) => Layers::from_iter([Layer::P144, Layer::P360]),
            _ => Layers::from_iter(Layer::ALL),
        }),
        relay_busy: Some(false),
        limit: Some(match (weak, busy) {
            (true, _) => Limit::Network,
            (_, true) => Limit::Device,
            _ => Limit::Nothing,
        }),
    }
}

fn room(course: Course, place: usize, second: u64, noise: &mut Noise) -> RoomSample {
    let weak = course == Course::WeakRoom && place == 0 && second >= 30;
    let starved = course == Course::WeakLink && second >= 50;
    let known = course != Course::Unknown;
    let frames = noise.around(
        if weak {
            11.0
        } else if starved {
            15.0
        } else {
            29.5
        },
        if weak { 0.4 } else { 0.03 },
    );
    let wave = if weak { (0.6 + 0.4 * (second as f64 / 4.0).sin()) * noise.around(1.0, 0.3) } else { 0.0 };
    let at = |middle: f64, noise: &mut Noise| ms(noise.around(middle, 0.2)).filter(|_| known);
    RoomSample {
        bitrate: kbps(noise.around(
            if weak {
                210.0
            } else if starved {
                190.0
            } else {
                780.0
            },
            0.15,
        )),
        frames_received: per_second(frames),
        frames_decoded: per_second(frames),
        frames_shown: per_second(frames - noise.next()),
        layer: Some(if weak || starved { Layer::P144 } else { Layer::P360 }),
        jitter_buffer: ms(noise.around(
            if weak {
                85.0
            } else if starved {
                60.0
            } else {
                31.0
            },
            0.08,
        )),
        loss: percent(7.0 * wave),
        concealed: percent(2.6 * wave),
        repaired: per_second((19.0 * wave).floor()),
        quality: known.then_some(if weak { LinkQuality::WeakNetwork } else { LinkQuality::Good }),
        stages: Stages {
            capture: at(33.0, noise),
            encode: at(9.0, noise),
            pace: at(if weak { 41.0 } else { 5.0 }, noise),
            network: at(if weak { 31.0 } else { 2.2 }, noise),
            relay: at(if weak { 38.0 } else { 3.0 }, noise),
            jitter_buffer: at(if weak { 52.0 } else { 12.0 }, noise),
            decode: ms(noise.around(6.0, 0.2)),
            paint: ms(noise.around(8.0, 0.4)),
            error: at(if weak { 31.0 } else { 2.2 }, noise),
        },
    }
}
