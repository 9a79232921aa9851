//! From what a camera delivers to planar 4:2:0: the one copy between driver and encoder.

use std::borrow::Cow;
use std::fmt;

use yuv::{
    BufferStoreMut, YuvConversionMode, YuvPackedImage, YuvPlanarImageMut, YuvRange, YuvStandardMatrix,
    rgb_to_yuv420, uyvy422_to_yuv420, yuyv422_to_yuv420,
};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::i420::I420;
use crate::device::{CameraFormat, PixelFormat};

/// A camera's frame that cannot be read; the next one may be fine.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BadFrame(String);

impl fmt::Display for BadFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the camera sent a damaged frame: {}", self.0)
    }
}

impl std::error::Error for BadFrame {}

/// Converts one frame into `picture`, which takes the frame's size.
pub fn to_i420(format: &CameraFormat, bytes: &[u8], picture: &mut I420) -> Result<(), BadFrame> {
    unpack(format, bytes, picture)?;
    if format.full_range {
        narrow(picture);
    }
    Ok(())
}

fn unpack(format: &CameraFormat, bytes: &[u8], picture: &mut I420) -> Result<(), BadFrame> {
    let (width, height) = (format.width as usize & !1, format.height as usize & !1);
    let stride = format.stride as usize;
    match format.pixels {
        PixelFormat::Yuyv | PixelFormat::Uyvy => {
            need(bytes, stride * height)?;
            picture.resize(width, height);
            let packed = YuvPackedImage {
                // Some drivers fill up to the end of a page.
                yuy: &bytes[..stride * height],
                yuy_stride: format.stride,
                width: width as u32,
                height: height as u32,
            };
            let convert =
                if format.pixels == PixelFormat::Yuyv { yuyv422_to_yuv420 } else { uyvy422_to_yuv420 };
            convert(&mut planar(picture), &packed).map_err(|error| BadFrame(error.to_string()))
        }
        PixelFormat::Nv12 => {
            need(bytes, stride * height * 3 / 2)?;
            picture.resize(width, height);
            let (luma, chroma) = bytes.split_at(stride * format.height as usize);
            let [y, u, v] = picture.planes_mut();
            copy_rows(luma, stride, y, width);
            for (row, pairs) in chroma.chunks(stride).take(height / 2).enumerate() {
                let at = row * width / 2..(row + 1) * width / 2;
                for ((u, v), pair) in u[at.clone()].iter_mut().zip(&mut v[at]).zip(pairs.chunks_exact(2)) {
                    (*u, *v) = (pair[0], pair[1]);
                }
            }
            Ok(())
        }
        PixelFormat::I420 => {
            let (full, half) = (format.height as usize, stride / 2);
            need(bytes, stride * full + 2 * half * (full / 2))?;
            picture.resize(width, height);
            let (luma, chroma) = bytes.split_at(stride * full);
            let (first, second) = chroma.split_at(half * (full / 2));
            let [y, u, v] = picture.planes_mut();
            copy_rows(luma, stride, y, width);
            copy_rows(first, half, u, width / 2);
            copy_rows(second, half, v, width / 2);
            Ok(())
        }
        PixelFormat::Mjpeg => from_jpeg(bytes, picture),
    }
}

/// From 0 to 255 into the range of ITU-R BT.601: luma from 16 to 235, chroma from 16 to 240.
fn narrow(picture: &mut I420) {
    let [luma, blue, red] = picture.planes_mut();
    for value in luma {
        *value = (16 + (u16::from(*value) * 219 + 127) / 255) as u8;
    }
    for value in blue.iter_mut().chain(red) {
        *value = (16 + (u16::from(*value) * 224 + 127) / 255) as u8;
    }
}

fn need(bytes: &[u8], len: usize) -> Result<(), BadFrame> {
    if bytes.len() < len { Err(BadFrame(format!("{} bytes instead of {len}", bytes.len()))) } else { Ok(()) }
}

fn copy_rows(from: &[u8], stride: usize, to: &mut [u8], width: usize) {
    for (to, from) in to.chunks_exact_mut(width).zip(from.chunks(stride)) {
        to.copy_from_slice(&from[..width]);
    }
}

fn from_jpeg(bytes: &[u8], picture: &mut I420) -> Result<(), BadFrame> {
    let bad = |error: &dyn fmt::Debug| BadFrame(format!("{error:?}"));
    let options = DecoderOptions::default()
        .jpeg_set_out_colorspace(ColorSpace::RGB)
        .set_max_width(4096)
        .set_max_height(4096);
    let bytes = with_tables(bytes);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(&bytes[..]), options);
    let rgb = decoder.decode().map_err(|error| bad(&error))?;
    let (width, height) = decoder.dimensions().ok_or_else(|| bad(&"no size"))?;
    picture.resize(width, height);
    let mut planes = planar(picture);
    let mode = YuvConversionMode::Balanced;
    rgb_to_yuv420(&mut planes, &rgb, width as u32 * 3, YuvRange::Limited, YuvStandardMatrix::Bt601, mode)
        .map_err(|error| bad(&error))
}

/// Cameras may leave out their Huffman tables, which are then those of ITU-T T.81, K.3. The decoder knows them, and takes them
/// where a picture says that it is of an AVI file.
fn with_tables(bytes: &[u8]) -> Cow<'_, [u8]> {
    const OF_AVI: &[u8] = b"\xff\xe0\x00\x07AVI1\0";
    let mut rest = bytes.strip_prefix(b"\xff\xd8").unwrap_or_default();
    while let [0xff, marker, high, low, ..] = *rest {
        match marker {
            // Tables; or the picture itself, without any before it.
            0xc4 => break,
            0xda => return Cow::Owned([&bytes[..2], OF_AVI, &bytes[2..]].concat()),
            _ => rest = rest.get(2 + usize::from(u16::from_be_bytes([high, low]))..).unwrap_or_default(),
        }
    }
    Cow::Borrowed(bytes)
}

fn planar(picture: &mut I420) -> YuvPlanarImageMut<'_, u8> {
    let (width, height) = (picture.width() as u32, picture.height() as u32);
    let [y, u, v] = picture.planes_mut().map(BufferStoreMut::Borrowed);
    YuvPlanarImageMut {
        y_plane: y,
        y_stride: width,
        u_plane: u,
        u_stride: width / 2,
        v_plane: v,
        v_stride: width / 2,
        width,
        height,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format(pixels: PixelFormat, stride: u32) -> CameraFormat {
        CameraFormat { width: 4, height: 2, stride, pixels, rate: 30, full_range: false }
    }

    #[test]
    fn every_layout_becomes_the_same_picture() {
        let mut wanted = I420::new(4, 2);
        wanted.data_mut().copy_from_slice(&[1, 2, 3, 4, 5, 6, 7, 8, 50, 51, 90, 91]);
        let yuyv = [1, 50, 2, 90, 3, 51, 4, 91, 5, 50, 6, 90, 7, 51, 8, 91];
        let nv12 = [1, 2, 3, 4, 5, 6, 7, 8, 50, 90, 51, 91];
        let padded_nv12 = [1, 2, 3, 4, 0, 0, 5, 6, 7, 8, 0, 0, 50, 90, 51, 91, 0, 0];
        let i420 = [1, 2, 3, 4, 5, 6, 7, 8, 50, 51, 90, 91];
        let uyvy: Vec<u8> = yuyv.chunks(2).flat_map(|pair| [pair[1], pair[0]]).collect();
        let cases: [(PixelFormat, u32, &[u8]); 5] = [
            (PixelFormat::Yuyv, 8, &yuyv),
            (PixelFormat::Uyvy, 8, &uyvy),
            (PixelFormat::Nv12, 4, &nv12),
            (PixelFormat::Nv12, 6, &padded_nv12),
            (PixelFormat::I420, 4, &i420),
        ];
        for (pixels, stride, bytes) in cases {
            let mut picture = I420::default();
            to_i420(&format(pixels, stride), bytes, &mut picture).unwrap();
            assert_eq!(picture, wanted, "{pixels:?}");
            let padded = [bytes, &[77]].concat();
            to_i420(&format(pixels, stride), &padded, &mut picture).unwrap();
            assert_eq!(picture, wanted, "{pixels:?}, with a byte more than the picture needs");
            let short = to_i420(&format(pixels, stride), &bytes[..bytes.len() - 1], &mut picture);
            assert!(short.is_err(), "{pixels:?}");
        }
    }

    #[test]
    fn full_range_is_narrowed() {
        let mut picture = I420::default();
        let full = CameraFormat { full_range: true, ..format(PixelFormat::I420, 4) };
        to_i420(&full, &[0, 255, 128, 1, 64, 192, 254, 16, 0, 128, 255, 128], &mut picture).unwrap();
        assert_eq!(picture.data(), [16, 235, 126, 17, 71, 181, 234, 30, 16, 128, 240, 128]);
    }

    #[test]
    fn a_jpeg_without_huffman_tables_is_the_same_picture() {
        let rgb: Vec<u8> = (0..32 * 16 * 3).map(|n| (n * 7 % 251) as u8).collect();
        let mut whole = Vec::new();
        let encoder = jpeg_encoder::Encoder::new(&mut whole, 90);
        encoder.encode(&rgb, 32, 16, jpeg_encoder::ColorType::Rgb).unwrap();
        let (mut bare, mut at) = (whole[..2].to_vec(), 2);
        while whole[at + 1] != 0xda {
            let end = at + 2 + usize::from(u16::from_be_bytes([whole[at + 2], whole[at + 3]]));
            if whole[at + 1] != 0xc4 {
                bare.extend(&whole[at..end]);
            }
            at = end;
        }
        bare.extend(&whole[at..]);
        assert!(bare.len() + 400 < whole.len());
        let [wanted, got] = [whole, bare].map(|jpeg| {
            let mut picture = I420::default();
            to_i420(&format(PixelFormat::Mjpeg, 0), &jpeg, &mut picture).unwrap();
            picture
        });
        assert!(wanted == got);
    }

    #[test]
    fn a_damaged_jpeg_is_an_error() {
        let mut picture = I420::new(4, 2);
        for bytes in [&b""[..], b"\xff\xd8\xff", b"nonsense", &[0xff; 300]] {
            assert!(to_i420(&format(PixelFormat::Mjpeg, 0), bytes, &mut picture).is_err());
        }
    }
}
