//! Who wants which layers: what a receiver shows tells the relay, and what anybody wants of a sender the relay tells it. Both are
//! states, told again and again: a lost one costs nothing but time.

use heapless::Vec;

use super::bytes::Writer;
use super::feedback::start;
use super::{Error, Kind};
use crate::id::StreamId;
use crate::unit::Bitrate;

/// One stream that a receiver shows or plays.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Viewed {
    /// The stream.
    pub stream: StreamId,
    /// The largest spatial layer that is of use where it is shown, 0 to 15.
    pub spatial: u8,
}

/// What a receiver shows and plays of others, the most important first. What is not listed is not forwarded to it.
///
/// ```text
/// 0 kind | 1 zero | 2 count (2) | 4 entries (5 each): stream (4), spatial layer (1, in its upper 4 bits)
/// ```
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct View {
    /// The streams.
    pub streams: Vec<Viewed, { View::MAX_STREAMS }>,
}

impl View {
    /// The most streams of one view.
    pub const MAX_STREAMS: usize = 96;

    /// Reads a body of kind [`Kind::View`].
    pub fn parse(body: &[u8]) -> Result<View, Error> {
        let mut reader = start(body, Kind::View)?;
        let mut streams = Vec::new();
        for _ in 0..reader.u16()? {
            let viewed = Viewed { stream: StreamId(reader.u32()?), spatial: reader.u8()? >> 4 };
            streams.push(viewed).map_err(|_| Error::TooLong)?;
        }
        Ok(View { streams })
    }

    /// Writes the body and returns its length.
    pub fn emit(&self, out: &mut [u8]) -> Result<usize, Error> {
        let mut writer = Writer::new(out);
        writer.u8(Kind::View as u8)?;
        writer.u8(0)?;
        writer.u16(self.streams.len() as u16)?;
        for viewed in &self.streams {
            writer.u32(viewed.stream.0)?;
            writer.u8(viewed.spatial << 4)?;
        }
        Ok(writer.len())
    }
}

/// One layer that somebody wants of a sender.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Demanded {
    /// The sender's stream.
    pub stream: StreamId,
    /// The spatial layer, 0 to 15; if the sender has none so large, its largest is meant.
    pub spatial: u8,
    /// How much redundancy it should have, 0 to [`Demanded::MOST_REPAIRS`]; 0 for none. Of pictures: fiftieths of their pieces that are
    /// lost where asking again takes too long, so that repairs are to make up for them. Of sound: how many earlier frames each packet repeats.
    pub repairs: u8,
    /// It should take no more than this, at IP level, in whole kbit/s, redundancy included.
    pub cap: Bitrate,
}

impl Demanded {
    /// The most that `repairs` can say.
    pub const MOST_REPAIRS: u8 = 15;
}

/// Which layers of a sender's streams anybody wants, and what the sender's own way down carries.
///
/// ```text
/// 0 kind | 1 zero | 2 estimate of the way down (4, kbit/s, 0: unknown) | 6 of it allotted (4, kbit/s) | 10 count (2)
/// 12 entries (9 each): stream (4), spatial layer (1, in its upper 4 bits; in the lower 4 the repairs), cap (4, kbit/s)
/// ```
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Demand {
    /// What the relay thinks that the way down to this kiosk carries; `None` while it does not know.
    pub estimate: Option<Bitrate>,
    /// What it allotted of that.
    pub allotted: Bitrate,
    /// The layers. Of a stream without any, nobody wants anything.
    pub layers: Vec<Demanded, { Demand::MAX_LAYERS }>,
}

impl Demand {
    /// The most layers of one demand.
    pub const MAX_LAYERS: usize = 16;

    /// Reads a body of kind [`Kind::Demand`].
    pub fn parse(body: &[u8]) -> Result<Demand, Error> {
        let mut reader = start(body, Kind::Demand)?;
        let estimate = kbps(reader.u32()?);
        let allotted = kbps(reader.u32()?);
        let mut layers = Vec::new();
        for _ in 0..reader.u16()? {
            let (stream, layer) = (StreamId(reader.u32()?), reader.u8()?);
            let (spatial, repairs) = (layer >> 4, layer & 0x0f);
            let demanded = Demanded { stream, spatial, repairs, cap: kbps(reader.u32()?) };
            layers.push(demanded).map_err(|_| Error::TooLong)?;
        }
        Ok(Demand { estimate: (estimate > Bitrate::bps(0)).then_some(estimate), allotted, layers })
    }

    /// Writes the body and returns its length. Rates are rounded down to whole kbit/s, and of more repairs than
    /// [`Demanded::MOST_REPAIRS`] only so many are told.
    pub fn emit(&self, out: &mut [u8]) -> Result<usize, Error> {
        let mut writer = Writer::new(out);
        writer.u8(Kind::Demand as u8)?;
        writer.u8(0)?;
        writer.u32(in_kbps(self.estimate.unwrap_or_default()))?;
        writer.u32(in_kbps(self.allotted))?;
        writer.u16(self.layers.len() as u16)?;
        for demanded in &self.layers {
            writer.u32(demanded.stream.0)?;
            writer.u8(demanded.spatial << 4 | demanded.repairs.min(Demanded::MOST_REPAIRS))?;
            writer.u32(in_kbps(demanded.cap))?;
        }
        Ok(writer.len())
    }
}

fn kbps(kbps: u32) -> Bitrate {
    Bitrate::kbps(u64::from(kbps))
}

fn in_kbps(rate: Bitrate) -> u32 {
    u32::try_from(rate.as_bps() / 1000).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::super::MAX_BODY;
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_view_parses_back(raw in prop::collection::vec((any::<u32>(), 0u8..16), 0..=View::MAX_STREAMS)) {
            let viewed = |(stream, spatial)| Viewed { stream: StreamId(stream), spatial };
            let view = View { streams: raw.into_iter().map(viewed).collect() };
            let mut out = [0; MAX_BODY];
            let len = view.emit(&mut out).unwrap();
            prop_assert_eq!(View::parse(&out[..len]).unwrap(), view);
        }

        #[test]
        fn a_demand_parses_back(
            estimate: u32,
            allotted: u32,
            raw in prop::collection::vec((any::<u32>(), 0u8..16, 0u8..16, any::<u32>()), 0..=Demand::MAX_LAYERS),
        ) {
            let demanded =
                |(stream, spatial, repairs, cap)| Demanded { stream: StreamId(stream), spatial, repairs, cap: kbps(cap) };
            let layers = raw.into_iter().map(demanded).collect();
            let demand = Demand { estimate: (estimate > 0).then(|| kbps(estimate)), allotted: kbps(allotted), layers };
            let mut out = [0; MAX_BODY];
            let len = demand.emit(&mut out).unwrap();
            prop_assert_eq!(Demand::parse(&out[..len]).unwrap(), demand);
        }

        #[test]
        fn any_bytes_survive(kind in 15u8..19, mut bytes: std::vec::Vec<u8>) {
            bytes.insert(0, kind);
            let _ = View::parse(&bytes);
            let _ = Demand::parse(&bytes);
        }
    }
}
