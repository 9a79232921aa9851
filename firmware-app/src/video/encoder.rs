//! H.264 for one layer: a picture in, one access unit out (ITU-T H.264, Annex B), keyframes when asked for.

use openh264::OpenH264API;
use openh264::encoder::{
    BitRate, Complexity, EncoderConfig, FrameRate, FrameType, IntraFramePeriod, QpRange, RateControlMode,
    SpsPpsStrategy, UsageType, VuiConfig,
};
use vestibule_common::unit::Bitrate;

use super::codec_options;
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
    settings: EncoderSettings,
    codec: openh264::encoder::Encoder,
    /// Of the pictures so far, in pixels. The codec begins with the first of them.
    size: Option<(usize, usize)>,
    scaler: Scaler,
    output: Vec<u8>,
}

impl Encoder {
    /// An encoder for pictures of any size; a change of size makes a keyframe.
    pub fn new(settings: EncoderSettings) -> Result<Encoder, EncoderError> {
        Ok(Encoder {
            settings,
            codec: codec(settings)?,
            size: None,
            scaler: Scaler::default(),
            output: Vec::with_capacity(64 * 1024),
        })
    }

    /// What it aims at now.
    pub fn settings(&self) -> EncoderSettings {
        self.settings
    }

    /// Aims at this bitrate and this many pictures a second, from the next picture on and without a keyframe.
    ///
    /// Errors: the codec's, after which the next picture is a keyframe or this encoder is of no further use.
    pub fn aim(&mut self, bitrate: Bitrate, rate: u32) -> Result<(), EncoderError> {
        let before = self.settings;
        self.settings = EncoderSettings { bitrate, rate, ..before };
        if self.settings == before {
            return Ok(());
        }
        let running = self.size.is_some();
        let changed = running
            && (rate == before.rate || codec_options::set_frame_rate(&mut self.codec, rate).is_ok())
            && (bitrate == before.bitrate
                || codec_options::set_bitrate(&mut self.codec, before.bitrate, bitrate).is_ok());
        if !changed {
            self.begin_anew()?;
        }
        Ok(())
    }

    /// Encodes one picture; `keyframe` makes it one. `None` when the codec had nothing to say about it. One larger than
    /// rooms may show, from a camera that has no smaller one, is scaled down.
    pub fn encode(
        &mut self,
        picture: I420View<'_>,
        keyframe: bool,
    ) -> Result<Option<EncodedFrame<'_>>, EncoderError> {
        let kind = self.settings.kind;
        let fits = kind.allows(picture.width, picture.height);
        let size = if fits {
            (picture.width, picture.height)
        } else {
            Scaler::fit(picture.width, picture.height, kind.largest())
        };
        if self.size.is_some_and(|before| before != size) {
            // The codec would go back to the bitrate that it began with.
            self.begin_anew()?;
        }
        self.size = Some(size);
        if keyframe {
            self.codec.force_intra_frame();
        }
        let picture = if fits { picture } else { self.scaler.to_fit(picture, kind.largest()) };
        let stream = self.codec.encode(&picture)?;
        let keyframe = matches!(stream.frame_type(), FrameType::IDR | FrameType::I);
        self.output.clear();
        stream.write_vec(&mut self.output);
        Ok((!self.output.is_empty()).then_some(EncodedFrame { bytes: &self.output, keyframe }))
    }

    fn begin_anew(&mut self) -> Result<(), EncoderError> {
        self.codec = codec(self.settings)?;
        self.size = None;
        Ok(())
    }
}

fn codec(settings: EncoderSettings) -> Result<openh264::encoder::Encoder, EncoderError> {
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
    openh264::encoder::Encoder::with_api_config(OpenH264API::from_source(), config)
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

    /// Something large that moves before a sensor's noise: more than any bitrate of the tests carries at its
    /// best, and too little to be taken for another scene.
    fn noisy(n: usize) -> I420 {
        let mut picture = I420::new(640, 480);
        let mut noise = n as u32;
        for (i, luma) in picture.planes_mut()[0].iter_mut().enumerate() {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let (x, y) = ((i % 640 + n) as f32, (i / 640) as f32);
            let smooth = 128.0 + 40.0 * (x / 23.0).sin() + 30.0 * (y / 17.0 + x / 90.0).sin();
            *luma = smooth as u8 + (noise >> 29) as u8;
        }
        picture
    }

    /// Encodes pictures `from..to` at `rate` a second; the bits a second and the keyframes among them.
    fn run(encoder: &mut Encoder, (from, to): (usize, usize), rate: usize) -> (Bitrate, usize) {
        let (mut bytes, mut keyframes) = (0, 0);
        for n in from..to {
            if let Some(frame) = encoder.encode(noisy(n).view(), false).unwrap() {
                bytes += frame.bytes.len();
                keyframes += usize::from(frame.keyframe);
            }
        }
        (Bitrate::bps((bytes * 8 * rate / (to - from)) as u64), keyframes)
    }

    fn is_near(rate: Bitrate, aim: Bitrate) -> bool {
        let (rate, aim) = (rate.as_bps(), aim.as_bps());
        (aim * 85..=aim * 115).contains(&(rate * 100))
    }

    #[test]
    fn a_bitrate_changes_while_running_and_no_keyframe_comes_of_it() {
        let [high, low] = [Bitrate::kbps(1_000), Bitrate::kbps(300)];
        let mut encoder = Encoder::new(EncoderSettings::camera(high, 30)).unwrap();
        assert_eq!(run(&mut encoder, (0, 60), 30).1, 1);
        for (from, aim) in [(60, low), (150, high)] {
            encoder.aim(aim, 30).unwrap();
            let (rate, keyframes) = run(&mut encoder, (from, from + 90), 30);
            assert!(is_near(rate, aim) && keyframes == 0, "{rate} of {aim}, {keyframes} keyframes");
        }
    }

    #[test]
    fn a_frame_rate_changes_while_running_and_the_bitrate_stays() {
        let aim = Bitrate::kbps(500);
        let mut encoder = Encoder::new(EncoderSettings::camera(aim, 30)).unwrap();
        run(&mut encoder, (0, 60), 30);
        for (from, hz) in [(60, 10), (90, 30)] {
            encoder.aim(aim, hz as u32).unwrap();
            let (rate, keyframes) = run(&mut encoder, (from, from + 3 * hz), hz);
            assert!(is_near(rate, aim) && keyframes == 0, "{rate} at {hz}, {keyframes} keyframes");
        }
    }

    #[test]
    fn another_size_begins_with_a_keyframe_and_keeps_the_bitrate_of_the_last_change() {
        let mut encoder = Encoder::new(EncoderSettings::camera(Bitrate::kbps(2_000), 30)).unwrap();
        encoder.encode(I420::new(320, 240).view(), false).unwrap();
        encoder.aim(Bitrate::kbps(300), 30).unwrap();
        let (rate, keyframes) = run(&mut encoder, (0, 120), 30);
        assert!(keyframes == 1 && rate < Bitrate::kbps(420), "{rate}");
    }
}
