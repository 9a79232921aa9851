//! One second of the network, as the media threads measured it. Every quantity may be absent: that it is not known is
//! not the same as nothing.

use std::collections::BTreeMap;

pub use vestibule_common::control::LinkQuality;
use vestibule_common::id::PeerId;
use vestibule_common::time::Duration;
use vestibule_common::unit::{Bitrate, DataSize};

/// One second of everything.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct NetworkSample {
    /// This kiosk's way to the relay and back.
    pub link: LinkSample,
    /// What came of each other room.
    pub rooms: BTreeMap<PeerId, RoomSample>,
}

/// This kiosk's way to the relay and back.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct LinkSample {
    /// To the relay and back.
    pub round_trip: Option<Duration>,
    /// To the relay.
    pub up: Direction,
    /// From the relay, as far as it tells.
    pub down: Direction,
    /// What may be under way unacknowledged; absent unless files move.
    pub congestion_window: Option<DataSize>,
    /// Pictures that the camera delivered.
    pub frames_captured: Option<PerSecond>,
    /// Pictures that were sent.
    pub frames_sent: Option<PerSecond>,
    /// The layers that were sent.
    pub layers: Option<Layers>,
    /// Why not more of them.
    pub limit: Option<Limit>,
    /// The relay's processor does not keep up, so that it passes on smaller pictures.
    pub relay_busy: Option<bool>,
}

/// One direction of the link.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Direction {
    /// What was carried, datagrams whole.
    pub bitrate: Option<Bitrate>,
    /// What could be carried.
    pub estimate: Option<Bitrate>,
    /// What may be used of that.
    pub allotment: Option<Bitrate>,
    /// Packets that did not arrive.
    pub loss: Option<Share>,
    /// Interarrival jitter (RFC 3550, section 6.4.1): to the relay of all that it reports, from the relay of its reports.
    pub jitter: Option<Duration>,
    /// Pieces sent once more.
    pub retransmissions: Option<PerSecond>,
}

/// What came of another room.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RoomSample {
    /// Sound and pictures, datagrams whole.
    pub bitrate: Option<Bitrate>,
    /// Pictures that arrived whole. Absent while the room sends none (its camera is off), 0 while they are missing.
    pub frames_received: Option<PerSecond>,
    /// Those of them that could be decoded, whether or not they have a place on the screen.
    pub frames_decoded: Option<PerSecond>,
    /// Pictures that were shown.
    pub frames_shown: Option<PerSecond>,
    /// The layer shown.
    pub layer: Option<Layer>,
    /// What its sound waits for to be even.
    pub jitter_buffer: Option<Duration>,
    /// Packets that did not arrive, over both hops.
    pub loss: Option<Share>,
    /// Sound that was made up.
    pub concealed: Option<Share>,
    /// Pieces that came late because they were sent once more.
    pub repaired: Option<PerSecond>,
    /// What the room says of itself.
    pub quality: Option<LinkQuality>,
    /// Where its pictures spent their time.
    pub stages: Stages,
}

impl RoomSample {
    /// The room sends no pictures: nothing is known of them.
    pub(super) fn without_pictures(&mut self) {
        (self.frames_received, self.frames_decoded, self.frames_shown) = (None, None, None);
        (self.layer, self.repaired, self.stages) = (None, None, Stages::default());
    }
}

/// Where a picture spent its time, from one room's camera to the other's screen.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Stages {
    /// In the camera and its driver, until the encoder took it. Absent where the sender tells it together with the encoder's.
    pub capture: Option<Duration>,
    /// Being encoded.
    pub encode: Option<Duration>,
    /// Waiting to be sent.
    pub pace: Option<Duration>,
    /// Under way to the relay and from there: half of each room's round trip.
    pub network: Option<Duration>,
    /// Within the relay.
    pub relay: Option<Duration>,
    /// Waiting to be put together, and for its sound.
    pub jitter_buffer: Option<Duration>,
    /// Being decoded.
    pub decode: Option<Duration>,
    /// Decoded and due, until it was laid on the screen.
    pub paint: Option<Duration>,
    /// By how much the network's may be wrong: of a round trip one way may take all, the other nothing.
    pub error: Option<Duration>,
}

impl Stages {
    /// The stages in the order in which a picture goes through them.
    pub fn all(&self) -> [Option<Duration>; 8] {
        let Stages { capture, encode, pace, network, relay, jitter_buffer, decode, paint, .. } = *self;
        [capture, encode, pace, network, relay, jitter_buffer, decode, paint]
    }

    /// All of them together; absent while one of them is not known, but for the camera's.
    pub fn total(&self) -> Option<Duration> {
        let [capture, rest @ ..] = self.all();
        Some(capture.unwrap_or_default() + rest.into_iter().sum::<Option<Duration>>()?)
    }
}

/// A part of a whole, exact to a millionth.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Share(u32);

impl Share {
    /// So many millionths, at most the whole.
    pub fn from_ppm(ppm: u32) -> Share {
        Share(ppm.min(1_000_000))
    }

    /// `part` of `whole`; of nothing there is no share.
    pub fn of(part: u64, whole: u64) -> Option<Share> {
        let ppm = u128::from(part) * 1_000_000 / u128::from(whole).max(1);
        (whole > 0).then(|| Share(ppm.min(1_000_000) as u32))
    }

    /// In millionths.
    pub fn as_ppm(self) -> u32 {
        self.0
    }
}

/// How often something happens, exact to a thousandth of a time a second.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct PerSecond(u32);

impl PerSecond {
    /// So many thousandths of a time a second.
    pub fn from_milli(milli: u32) -> PerSecond {
        PerSecond(milli)
    }

    /// `count` times in `span`; in no time there is no rate.
    pub fn of(count: u64, span: Duration) -> Option<PerSecond> {
        let us = span.as_micros();
        let milli = (u128::from(count) * 1_000_000_000).checked_div(us)?;
        Some(PerSecond(u32::try_from(milli).unwrap_or(u32::MAX)))
    }

    /// In thousandths of a time a second.
    pub fn as_milli(self) -> u32 {
        self.0
    }
}

/// A simulcast layer, by the lines of its pictures.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Layer {
    /// 144 lines.
    P144,
    /// 240 lines.
    P240,
    /// 360 lines.
    P360,
    /// 480 lines.
    P480,
}

impl Layer {
    /// Every layer, the smallest first; a layer's number is its place here.
    pub const ALL: [Layer; 4] = [Layer::P144, Layer::P240, Layer::P360, Layer::P480];

    /// The lines of its pictures.
    pub fn lines(self) -> u16 {
        match self {
            Layer::P144 => 144,
            Layer::P240 => 240,
            Layer::P360 => 360,
            Layer::P480 => 480,
        }
    }
}

/// Some of the layers.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub struct Layers(u8);

impl Layers {
    /// Whether a layer is among them.
    pub fn contains(self, layer: Layer) -> bool {
        self.0 & 1 << layer as u8 != 0
    }

    /// Those that are among them, the smallest first.
    pub fn iter(self) -> impl Iterator<Item = Layer> {
        Layer::ALL.into_iter().filter(move |layer| self.contains(*layer))
    }
}

impl FromIterator<Layer> for Layers {
    fn from_iter<I: IntoIterator<Item = Layer>>(layers: I) -> Layers {
        Layers(layers.into_iter().fold(0, |set, layer| set | 1 << layer as u8))
    }
}

/// What keeps this kiosk from sending more.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Limit {
    /// Nothing: everything that is wanted is sent.
    Nothing,
    /// The network carries no more.
    Network,
    /// The processor does no more.
    Device,
}
