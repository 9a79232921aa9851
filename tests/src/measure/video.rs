//! How many bits JPEG needs for the same pictures at the same luma SSIM as the kiosk's encoder; then what its layers take of the processor.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use jpeg_encoder::{ColorType, Encoder as JpegEncoder, SamplingFactor};
use vestibule_common::unit::Bitrate;
use vestibule_kiosk::video::decoder::Decoder;
use vestibule_kiosk::video::encoder::{Encoder, EncoderSettings};
use vestibule_kiosk::video::i420::{I420, I420View};
use vestibule_kiosk::video::kind::PictureKind;
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::figures::print;
use super::layers;
use super::ssim::{Luma, ssim};

/// Where both are compared.
const TARGETS: [f64; 3] = [0.92, 0.95, 0.98];
/// JPEG's pictures do not depend on each other: every fourth stands for all.
const JPEG_EVERY: usize = 4;
const QUALITIES: [u8; 14] = [3, 6, 10, 15, 20, 30, 40, 50, 60, 70, 80, 88, 93, 97];

/// What to run.
pub struct Options {
    /// Where traces go.
    pub out: PathBuf,
    /// Y4M files.
    pub clips: Vec<PathBuf>,
}

/// One way to encode a clip: bits a picture at the mean SSIM.
#[derive(Copy, Clone, Debug)]
struct Point {
    ssim: f64,
    bits: f64,
}

/// Runs it and prints its figures.
///
/// Errors: a clip that cannot be read, or a codec that refuses it.
pub fn run(options: &Options) -> Result<(), String> {
    let mut lowest = f64::INFINITY;
    for path in &options.clips {
        let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or("clip").to_owned();
        let (pictures, rate) = load(path)?;
        let trace = options.out.join(format!("{name}.txt"));
        let mut trace = File::create(&trace).map_err(|error| format!("{}: {error}", trace.display()))?;
        let mut note = |line: String| writeln!(trace, "{line}").map_err(|error| error.to_string());
        let pixels = (pictures[0].width() * pictures[0].height()) as f64;
        let (mut ours, mut jpeg) = (Vec::new(), Vec::new());
        // From a hundredth of a bit a pixel to three.
        for step in 0..14 {
            let bits = pixels * 0.012 * 1.55_f64.powi(step);
            let bitrate = Bitrate::bps((bits * f64::from(rate)) as u64);
            let point = encode(&pictures, EncoderSettings::camera(bitrate, rate))?;
            note(format!(
                "ours kbps {:.0} ssim {:.5} bits_a_picture {:.0}",
                bitrate.as_bps() as f64 / 1000.0,
                point.ssim,
                point.bits
            ))?;
            ours.push(point);
        }
        for quality in QUALITIES {
            let point = jpegs(&pictures, quality)?;
            note(format!("jpeg quality {quality} ssim {:.5} bits_a_picture {:.0}", point.ssim, point.bits))?;
            jpeg.push(point);
        }
        let mut sum = 0.0;
        for target in TARGETS {
            let (ours, jpeg) = (bits_at(&ours, target), bits_at(&jpeg, target));
            let ratio = match (ours, jpeg) {
                (Some(ours), Some(jpeg)) => jpeg / ours,
                (None, _) | (_, None) => f64::NAN,
            };
            print(&format!("jpeg_bits_over_ours_{name}_{:.0}", target * 100.0), ratio);
            sum += ratio;
        }
        let mean = sum / TARGETS.len() as f64;
        print(&format!("jpeg_bits_over_ours_{name}"), mean);
        lowest = if mean.is_nan() { mean } else { lowest.min(mean) };
    }
    print("jpeg_bits_over_ours", lowest);
    let Some(last) = options.clips.last() else { return Ok(()) };
    layers::run(&load(last)?.0)
}

fn load(path: &Path) -> Result<(Vec<I420>, u32), String> {
    let fault = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let file = File::open(path).map_err(|error| fault(&error))?;
    let mut clip = y4m::decode(std::io::BufReader::new(file)).map_err(|error| fault(&error))?;
    let rate = clip.get_framerate();
    let rate = ((rate.num + rate.den / 2) / rate.den.max(1)).max(1) as u32;
    let (width, height) = (clip.get_width(), clip.get_height());
    let mut pictures = Vec::new();
    while let Ok(frame) = clip.read_frame() {
        let mut picture = I420::new(width, height);
        let [y, u, v] = picture.planes_mut();
        y.copy_from_slice(frame.get_y_plane());
        u.copy_from_slice(frame.get_u_plane());
        v.copy_from_slice(frame.get_v_plane());
        pictures.push(picture);
    }
    if pictures.is_empty() { Err(fault(&"no pictures")) } else { Ok((pictures, rate)) }
}

fn luma<'a>(view: &I420View<'a>) -> Luma<'a> {
    Luma { bytes: view.planes[0], stride: view.strides[0] }
}

/// The kiosk's encoder and decoder. A picture that the encoder leaves out is compared with what is still shown.
fn encode(pictures: &[I420], settings: EncoderSettings) -> Result<Point, String> {
    let mut encoder = Encoder::new(settings).map_err(|error| error.to_string())?;
    let mut decoder = Decoder::new(PictureKind::Camera).map_err(|error| error.to_string())?;
    let mut shown: Vec<u8> = Vec::new();
    let (mut bytes, mut sum) = (0, 0.0);
    for picture in pictures {
        let view = picture.view();
        let (width, height) = (view.width, view.height);
        if let Some(frame) = encoder.encode(view, false).map_err(|error| error.to_string())? {
            bytes += frame.bytes.len();
            let look = |decoded: I420View<'_>| {
                shown.clear();
                for row in decoded.planes[0].chunks(decoded.strides[0]).take(height) {
                    shown.extend_from_slice(&row[..width]);
                }
            };
            decoder.decode(frame.bytes, look).map_err(|error| error.to_string())?;
        }
        if shown.len() == width * height {
            sum += ssim(luma(&view), Luma { bytes: &shown, stride: width }, width, height);
        }
    }
    let count = pictures.len() as f64;
    Ok(Point { ssim: sum / count, bits: bytes as f64 * 8.0 / count })
}

/// Baseline JPEG with 4:2:0 and the best Huffman tables for each picture.
fn jpegs(pictures: &[I420], quality: u8) -> Result<Point, String> {
    let (mut bytes, mut sum, mut count) = (0, 0.0, 0.0);
    for picture in pictures.iter().step_by(JPEG_EVERY) {
        let view = picture.view();
        let (width, height) = (view.width, view.height);
        let mut interleaved = Vec::with_capacity(width * height * 3);
        for (n, y) in view.planes[0].iter().enumerate() {
            let chroma = n / width / 2 * view.strides[1] + n % width / 2;
            interleaved.extend([*y, view.planes[1][chroma], view.planes[2][chroma]]);
        }
        let smallest = jpeg(&interleaved, view, quality, true)?;
        // The same picture in one scan: the decoder misplaces the blocks of 4:2:0 in several, as those tables have.
        let plain = jpeg(&interleaved, view, quality, false)?;
        let options = DecoderOptions::default().jpeg_set_out_colorspace(ColorSpace::Luma);
        let decoded = JpegDecoder::new_with_options(ZCursor::new(&plain), options).decode();
        let shown = decoded.map_err(|error| error.to_string())?;
        if shown.len() != width * height {
            return Err(format!("JPEG gave {} bytes of luma", shown.len()));
        }
        bytes += smallest.len();
        sum += ssim(luma(&view), Luma { bytes: &shown, stride: width }, width, height);
        count += 1.0;
    }
    Ok(Point { ssim: sum / count, bits: bytes as f64 * 8.0 / count })
}

fn jpeg(interleaved: &[u8], size: I420View<'_>, quality: u8, best_tables: bool) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let mut encoder = JpegEncoder::new(&mut bytes, quality);
    encoder.set_sampling_factor(SamplingFactor::F_2_2);
    encoder.set_optimized_huffman_tables(best_tables);
    let encoded = encoder.encode(interleaved, size.width as u16, size.height as u16, ColorType::Ycbcr);
    encoded.map_err(|error| error.to_string())?;
    Ok(bytes)
}

/// Bits a picture at this SSIM, between the two nearest points by the logarithm of the bits. `None` outside of what
/// was tried.
fn bits_at(points: &[Point], target: f64) -> Option<f64> {
    let mut sorted = points.to_vec();
    sorted.sort_by(|a, b| a.ssim.total_cmp(&b.ssim));
    sorted.windows(2).find(|pair| pair[0].ssim <= target && target <= pair[1].ssim).map(|pair| {
        let part = (target - pair[0].ssim) / (pair[1].ssim - pair[0].ssim).max(f64::EPSILON);
        (pair[0].bits.ln() * (1.0 - part) + pair[1].bits.ln() * part).exp()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Soft shapes that move, as a clip.
    fn clip(width: usize, height: usize) -> Vec<I420> {
        let drawn = |n: usize| {
            let mut picture = I420::new(width, height);
            for (at, luma) in picture.planes_mut()[0].iter_mut().enumerate() {
                let (x, y) = ((at % width + 3 * n) as f64, (at / width) as f64);
                *luma = (128.0 + 50.0 * (x / 9.0).sin() + 50.0 * ((x + 2.0 * y) / 14.0).cos()) as u8;
            }
            picture
        };
        (0..5).map(drawn).collect()
    }

    #[test]
    fn both_codecs_come_close_to_the_picture_with_many_bits_and_less_so_with_few() {
        // Neither side a multiple of JPEG's 16 pixels.
        let pictures = clip(168, 136);
        let of = |rate| EncoderSettings::camera(Bitrate::kbps(rate), 30);
        let points = [
            [jpegs(&pictures, 3).unwrap(), jpegs(&pictures, 97).unwrap()],
            [encode(&pictures, of(20)).unwrap(), encode(&pictures, of(4000)).unwrap()],
        ];
        for [few, many] in points {
            assert!(many.ssim > 0.95 && many.ssim <= 1.0, "{many:?}");
            assert!(few.ssim < many.ssim && few.bits < many.bits, "{few:?} {many:?}");
        }
    }

    #[test]
    fn bits_are_read_off_between_points_and_nowhere_else() {
        let points = [(0.98, 4000.0), (0.9, 1000.0)].map(|(ssim, bits)| Point { ssim, bits });
        let middle = bits_at(&points, 0.94).unwrap();
        assert!((middle - 2000.0).abs() < 1.0, "{middle}");
        assert_eq!(bits_at(&points, 0.99), None);
    }
}
