//! One layer of a stream of pictures: its size, its encoder, its part of the source's pictures, and which of the stream's
//! numbers its last frame had.

use vestibule_common::media::Packetizer;
use vestibule_common::time::Time;

use crate::video::encoder::{Encoder, EncoderError, EncoderSettings};
use crate::video::i420::I420View;
use crate::video::scale::Scaler;
use crate::video::thinning::Thinning;

/// The layer, in two halves, so that every layer's picture is scaled before the first is encoded.
pub(super) struct LayerEncoder {
    /// Makes the picture's size.
    pub scaler: Scaler,
    /// Makes the frame.
    pub coder: Coder,
}

impl LayerEncoder {
    /// In `slot` from now on is a layer of pictures of this width and height with these settings: the one that is there,
    /// if it can be had without a keyframe, or a new one, or none after an error.
    pub(super) fn settle(
        slot: &mut Option<LayerEncoder>,
        settings: EncoderSettings,
        size: (usize, usize),
    ) -> Result<(), EncoderError> {
        let kept = slot.take().filter(|layer| layer.coder.can_become(settings, size));
        *slot = Some(match kept {
            Some(mut layer) => {
                layer.coder.encoder.aim(settings.bitrate, settings.rate)?;
                layer
            }
            None => LayerEncoder { scaler: Scaler::default(), coder: Coder::new(settings, size)? },
        });
        Ok(())
    }
}

/// What became of a picture.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum Coded<'a> {
    /// A frame.
    Frame {
        /// The access unit.
        bytes: &'a [u8],
        /// Decodable without any frame before it.
        keyframe: bool,
        /// How many numbers back the frame lies that it refers to; 0 for none.
        reference_distance: u16,
    },
    /// The codec left it out.
    LeftOut,
    /// A frame that cannot be sent, most likely for its size; the next one that can has to be a keyframe.
    Unsendable,
}

/// Encodes the pictures of one layer.
pub(super) struct Coder {
    encoder: Encoder,
    size: (usize, usize),
    thinning: Thinning,
    /// The number of its last frame.
    last: Option<u32>,
}

impl Coder {
    fn new(settings: EncoderSettings, size: (usize, usize)) -> Result<Coder, EncoderError> {
        Ok(Coder { encoder: Encoder::new(settings)?, size, thinning: Thinning::default(), last: None })
    }

    fn can_become(&self, settings: EncoderSettings, size: (usize, usize)) -> bool {
        let before = self.encoder.settings();
        size == self.size
            && settings == EncoderSettings { bitrate: settings.bitrate, rate: settings.rate, ..before }
    }

    /// Of its pictures, in pixels.
    pub(super) fn size(&self) -> (usize, usize) {
        self.size
    }

    /// Whether the picture captured at this moment is one of this layer's, out of `source` a second. Asking settles it.
    pub(super) fn takes(&mut self, captured: Time, source: u32) -> bool {
        self.thinning.take(captured, self.encoder.settings().rate, source)
    }

    /// Encodes the picture with this number of the stream; `keyframe` makes it one.
    pub(super) fn encode(
        &mut self,
        picture: I420View<'_>,
        number: u32,
        keyframe: bool,
    ) -> Result<Coded<'_>, EncoderError> {
        let Some(frame) = self.encoder.encode(picture, keyframe)? else { return Ok(Coded::LeftOut) };
        let distance = if frame.keyframe { Some(0) } else { self.last.map(|last| number.wrapping_sub(last)) };
        // A reference too far back for its field is as bad as none.
        let distance = distance.and_then(|distance| u16::try_from(distance).ok());
        Ok(match distance {
            Some(reference_distance) if frame.bytes.len() <= Packetizer::MAX_FRAME => {
                self.last = Some(number);
                Coded::Frame { bytes: frame.bytes, keyframe: frame.keyframe, reference_distance }
            }
            Some(_) | None => Coded::Unsendable,
        })
    }
}
