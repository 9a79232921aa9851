//! H.264 for one layer: a picture in, one access unit out (ITU-T H.264, Annex B), keyframes when asked for.

use openh264::OpenH264API;
use openh264::encoder::{
    BitRate, Complexity, EncoderConfig, FrameRate, FrameType, IntraFramePeriod, QpRange, RateControlMode,
    SpsPpsStrategy, UsageType, VuiConfig,
};
use vestibule_common::unit::Bitrate;

use super::i420::I420View;
use super::kind::PictureKind;
use super::scale::Scaler;

/// The codec refused; the encoder is of no further use.
pub type EncoderError = openh264::Error;

/// What an encoder aims at.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct EncoderSettings {
    /// What the pictures show.
    pub kind: PictureKind,
    /// Long-term mean. Short of it is fine: a still room needs little.
    pub bitrate: Bitrate,
    /// Pictures a second, at most.
    pub rate: u32,
    /// How much of a presentation's sharpness is given up, 0 to [`EncoderSettings::COARSEST`], because a picture of it had
    /// more bytes than can be sent.
    pub coarseness: u8,
}

impl EncoderSettings {
    /// With this any picture can be sent, noise too.
    pub const COARSEST: u8 = 3;

    /// For a camera.
    pub fn camera(bitrate: Bitrate, rate: u32) -> EncoderSettings {
        EncoderSettings { kind: PictureKind::Camera, bitrate, rate, coarseness: 0 }
    }

    /// For a presentation.
    pub fn presentation(bitrate: Bitrate, rate: u32) -> EncoderSettings {
        EncoderSettings { kind: PictureKind::Presentation, bitrate, rate, coarseness: 0 }
    }
}

/// What came out.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct EncodedFrame<'a> {
    /// The access unit; parameter sets stand in front of every keyframe.
    pub bytes: &'a [u8],
    /// Decodable without any frame before it.
    pub keyframe: bool,
}

/// An encoder of one layer.
pub struct Encoder {
    kind: PictureKind,
    codec: openh264::encoder::Encoder,
    scaler: Scaler,
    output: Vec<u8>,
}

impl Encoder {
    /// An encoder for pictures of any size; a change of size makes a keyframe.
    pub fn new(settings: EncoderSettings) -> Result<Encoder, EncoderError> {
        let bitrate = u32::try_from(settings.bitrate.as_bps()).unwrap_or(u32::MAX);
        let (usage, quantiser, complexity) = match settings.kind {
            // A quarter less processor time for 3 to 5 % more bits (tests/MEASURES.md).
            PictureKind::Camera => (UsageType::CameraVideoRealTime, QpRange::new(16, 44), Complexity::Low),
            // Coarser than 30, small letters get frayed edges.
            PictureKind::Presentation => {
                let coarser = 10 * settings.coarseness.min(EncoderSettings::COARSEST);
                let quantiser = QpRange::new(12 + coarser, (30 + coarser).min(51));
                (UsageType::ScreenContentRealTime, quantiser, Complexity::Medium)
            }
        };
        let config = EncoderConfig::new()
            .usage_type(usage)
            .rate_control_mode(RateControlMode::Bitrate)
            .bitrate(BitRate::from_bps(bitrate))
            .max_frame_rate(FrameRate::from_hz(settings.rate as f32))
            // Without leave to skip a picture the codec does not hold a camera's bitrate at all. A presentation's pictures
            // are left out before they are encoded (`cadence`), so that none is coarse.
            .skip_frames(settings.kind == PictureKind::Camera)
            .qp(quantiser)
            // Of no use to screen content; the codec says so each time.
            .background_detection(settings.kind == PictureKind::Camera)
            .adaptive_quantization(settings.kind == PictureKind::Camera)
            .complexity(complexity)
            .intra_frame_period(IntraFramePeriod::from_num_frames(0))
            .sps_pps_strategy(SpsPpsStrategy::ConstantId)
            .num_threads(1)
            .vui(VuiConfig::bt601());
        let codec = openh264::encoder::Encoder::with_api_config(OpenH264API::from_source(), config)?;
        Ok(Encoder {
            kind: settings.kind,
            codec,
            scaler: Scaler::default(),
            output: Vec::with_capacity(64 * 1024),
        })
    }

    /// Encodes one picture; `keyframe` makes it one. `None` when the codec had nothing to say about it. One larger than
    /// rooms may show, from a camera that has no smaller one, is scaled down.
    pub fn encode(
        &mut self,
        picture: I420View<'_>,
        keyframe: bool,
    ) -> Result<Option<EncodedFrame<'_>>, EncoderError> {
        if keyframe {
            self.codec.force_intra_frame();
        }
        let fits = self.kind.allows(picture.width, picture.height);
        let picture = if fits { picture } else { self.scaler.to_fit(picture, self.kind.largest()) };
        let stream = self.codec.encode(&picture)?;
        let keyframe = matches!(stream.frame_type(), FrameType::IDR | FrameType::I);
        self.output.clear();
        stream.write_vec(&mut self.output);
        Ok((!self.output.is_empty()).then_some(EncodedFrame { bytes: &self.output, keyframe }))
    }
}

#[cfg(test)]
mod tests {
    use vestibule_common::media::Packetizer;

    use super::*;
    use crate::video::i420::I420;

    #[test]
    fn a_presentation_of_noise_is_too_much_for_sharp_pictures_and_can_be_sent_coarsely() {
        let mut picture = I420::default();
        picture.resize(1280, 800);
        let mut noise = 1_u32;
        for byte in picture.planes_mut().into_iter().flatten() {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *byte = (noise >> 24) as u8;
        }
        let fine = EncoderSettings::presentation(Bitrate::kbps(2_000), 15);
        let coarse = EncoderSettings { coarseness: EncoderSettings::COARSEST, ..fine };
        for (settings, fits) in [(fine, false), (coarse, true)] {
            let mut encoder = Encoder::new(settings).unwrap();
            let frame = encoder.encode(picture.view(), true).unwrap().unwrap();
            let bytes = frame.bytes.len();
            assert_eq!(bytes <= Packetizer::MAX_FRAME, fits, "{settings:?}: {bytes} bytes");
        }
    }
}
