//! Bitrate and frame rate of an encoder that runs. Apart from the rest because it holds the only unsafe lines of the codec:
//! its crate passes neither on, and a new encoder in the old one's place would cost a keyframe.

use std::ffi::c_void;
use std::ptr::from_mut;

use openh264::encoder::Encoder;
use openh264_sys2::{
    ENCODER_OPTION, ENCODER_OPTION_BITRATE, ENCODER_OPTION_FRAME_RATE, ENCODER_OPTION_MAX_BITRATE, LAYER_NUM,
    SBitrateInfo, SPATIAL_LAYER_0, SPATIAL_LAYER_ALL,
};
use vestibule_common::unit::Bitrate;

/// The codec reckons with single precision: the most bits a second that it does not round up beyond its own limit.
const MOST: u64 = 16_000_000;

/// The codec did not take a bitrate or frame rate; the encoder goes on with what it had, or part of it.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) struct Refused;

/// Aims at this mean, which is also the peak, from the next picture on. `before` is what it aimed at. Only for an encoder
/// that has encoded a picture: before that the codec has nothing to change.
pub(super) fn set_bitrate(codec: &mut Encoder, before: Bitrate, bitrate: Bitrate) -> Result<(), Refused> {
    let mean = (ENCODER_OPTION_BITRATE, SPATIAL_LAYER_ALL);
    // The codec has the peak of a layer alone.
    let peak = (ENCODER_OPTION_MAX_BITRATE, SPATIAL_LAYER_0);
    // The mean may at no time be above the peak.
    let order = if bitrate > before { [peak, mean] } else { [mean, peak] };
    order.into_iter().try_for_each(|(option, layer)| set_rate(codec, option, layer, bitrate))
}

/// Reckons with so many pictures a second, at least 1, from the next picture on. Only for an encoder that has encoded a picture.
pub(super) fn set_frame_rate(codec: &mut Encoder, rate: u32) -> Result<(), Refused> {
    let mut rate = rate.max(1) as f32;
    // SAFETY: for this option the codec reads one C float, which is an f32, and keeps no pointer to it.
    unsafe { set(codec, ENCODER_OPTION_FRAME_RATE, from_mut(&mut rate).cast()) }
}

fn set_rate(
    codec: &mut Encoder,
    option: ENCODER_OPTION,
    layer: LAYER_NUM,
    bitrate: Bitrate,
) -> Result<(), Refused> {
    let bps = i32::try_from(bitrate.as_bps().clamp(1, MOST)).map_err(|_| Refused)?;
    let mut info = SBitrateInfo { iLayer: layer, iBitrate: bps };
    // SAFETY: for both bitrate options the codec reads one such structure and keeps no pointer to it.
    unsafe { set(codec, option, from_mut(&mut info).cast()) }
}

/// # Safety
///
/// `value` points to what the codec reads for `option`, and the option is none that the codec's crate keeps a copy of and
/// relies on.
unsafe fn set(codec: &mut Encoder, option: ENCODER_OPTION, value: *mut c_void) -> Result<(), Refused> {
    // SAFETY: the crate sets bitrate and frame rate when it begins with a size and does not read them back; `codec` is
    // borrowed mutably, so nobody else uses it meanwhile. The pointer is good by this function's own condition.
    let answer = unsafe { codec.raw_api().set_option(option, value) };
    if answer == 0 { Ok(()) } else { Err(Refused) }
}
