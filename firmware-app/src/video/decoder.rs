//! H.264 of one stream: an access unit in, a picture out.
//!
//! Access units come from other members: [`sps::check`] reads each of them before the codec does.

use std::fmt;

use openh264::OpenH264API;
use openh264::decoder::{DecodeOptions, DecoderConfig, Flush};
use openh264::formats::YUVSource;

use super::i420::I420View;
use super::kind::PictureKind;
use super::sps::{self, BadUnit};

/// No picture; a keyframe mends it.
#[derive(Debug)]
pub enum DecoderError {
    /// The bytes were refused before the codec saw them.
    Refused(BadUnit),
    /// The codec refused.
    Codec(openh264::Error),
    /// The codec made a picture of a size that no room may show.
    Size {
        /// Pixels.
        width: usize,
        /// Pixels.
        height: usize,
    },
}

impl fmt::Display for DecoderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DecoderError::Refused(reason) => write!(f, "refused: {reason}"),
            DecoderError::Codec(error) => write!(f, "{error}"),
            DecoderError::Size { width, height } => write!(f, "a picture of {width} x {height} pixels"),
        }
    }
}

impl std::error::Error for DecoderError {}

/// A decoder of one stream.
pub struct Decoder {
    codec: openh264::decoder::Decoder,
    kind: PictureKind,
}

impl Decoder {
    /// A decoder of a stream of this kind, which waits for a keyframe.
    pub fn new(kind: PictureKind) -> Result<Decoder, DecoderError> {
        let config = DecoderConfig::new().flush_after_decode(Flush::NoFlush);
        let codec = openh264::decoder::Decoder::with_api_config(OpenH264API::from_source(), config);
        Ok(Decoder { codec: codec.map_err(DecoderError::Codec)?, kind })
    }

    /// Decodes one access unit and shows the picture to `look`. `None` when no picture comes of it.
    ///
    /// Errors: [`DecoderError`] for bytes that are no valid continuation of the stream, or none that a kiosk makes.
    pub fn decode<T>(
        &mut self,
        unit: &[u8],
        look: impl FnOnce(I420View<'_>) -> T,
    ) -> Result<Option<T>, DecoderError> {
        sps::check(unit, self.kind).map_err(DecoderError::Refused)?;
        let decoded = self.codec.decode_with_options(unit, DecodeOptions::default());
        let Some(picture) = decoded.map_err(DecoderError::Codec)? else { return Ok(None) };
        let (width, height) = picture.dimensions();
        if !self.kind.allows(width, height) {
            return Err(DecoderError::Size { width, height });
        }
        let (y_stride, u_stride, v_stride) = picture.strides();
        let planes = [picture.y(), picture.u(), picture.v()];
        let strides = [y_stride, u_stride, v_stride];
        Ok(Some(look(I420View { width: width & !1, height: height & !1, planes, strides })))
    }
}

#[cfg(test)]
mod tests {
    use super::super::encoder::{Encoder, EncoderSettings};
    use super::super::i420::I420;
    use super::*;
    use vestibule_common::unit::Bitrate;

    fn moving_bar(at: usize) -> I420 {
        let mut picture = I420::new(320, 240);
        for (i, luma) in picture.planes_mut()[0].iter_mut().enumerate() {
            *luma = if i % 320 / 40 == at % 8 { 200 } else { 60 };
        }
        picture
    }

    #[test]
    fn pictures_come_back_and_keyframes_come_when_asked_for() {
        let settings = EncoderSettings::camera(Bitrate::kbps(800), 30);
        let (mut encoder, mut decoder) =
            (Encoder::new(settings).unwrap(), Decoder::new(PictureKind::Camera).unwrap());
        for i in 0..20 {
            let picture = moving_bar(i);
            let frame = encoder.encode(picture.view(), i == 10).unwrap().unwrap();
            assert_eq!(frame.keyframe, i == 0 || i == 10, "frame {i}");
            let error = decoder
                .decode(frame.bytes, |out| {
                    assert_eq!((out.width, out.height), (320, 240));
                    let rows = out.planes[0].chunks(out.strides[0]).zip(picture.view().planes[0].chunks(320));
                    rows.map(|(a, b)| a.iter().zip(b).map(|(a, b)| u64::from(a.abs_diff(*b))).sum::<u64>())
                        .sum::<u64>()
                })
                .unwrap()
                .unwrap();
            assert!(error / (320 * 240) < 6, "frame {i} is off by {} a pixel", error / (320 * 240));
        }
    }

    #[test]
    fn garbage_and_a_missing_keyframe_are_errors_or_nothing() {
        let settings = EncoderSettings::camera(Bitrate::kbps(800), 30);
        let (mut encoder, mut decoder) =
            (Encoder::new(settings).unwrap(), Decoder::new(PictureKind::Camera).unwrap());
        for bytes in [&b"nonsense"[..], &[0, 0, 0, 1, 0x65, 1, 2, 3], &[0; 100], &[0xff; 1000]] {
            assert!(!matches!(decoder.decode(bytes, |_| ()), Ok(Some(()))));
        }
        encoder.encode(moving_bar(0).view(), false).unwrap();
        let delta = encoder.encode(moving_bar(1).view(), false).unwrap().unwrap().bytes.to_vec();
        assert!(!matches!(decoder.decode(&delta, |_| ()), Ok(Some(()))));
        let key = encoder.encode(moving_bar(2).view(), true).unwrap().unwrap().bytes.to_vec();
        assert!(matches!(decoder.decode(&key, |_| ()), Ok(Some(()))), "a keyframe mends it");
    }
}
