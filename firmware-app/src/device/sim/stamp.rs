//! A frame's number and time, drawn into the picture as black and white cells so that a program can read them back
//! from the screen at the other end: after encoding, scaling and cropping. For measurements and tests.
//!
//! Four rows of twenty cells across the middle of the picture's upper part: 24 bits of frame number, 40 bits of
//! `CLOCK_MONOTONIC` in microseconds, and 16 check bits over both, most significant bit first, white is one.

/// What the cells say.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Stamp {
    /// The frame's number, modulo 2^24.
    pub frame: u32,
    /// When the simulated sensor had it: `CLOCK_MONOTONIC` in microseconds, modulo 2^40 (twelve days).
    pub monotonic_us: u64,
}

const COLUMNS: usize = 20;
const ROWS: usize = 4;

/// Where the cells are, as parts of the whole picture. Far enough from the edges that a picture cropped to another
/// shape keeps them.
const LEFT: f64 = 0.14;
const RIGHT: f64 = 0.86;
const TOP: f64 = 0.17;
const BOTTOM: f64 = 0.33;

const BLACK: u8 = 24;
const WHITE: u8 = 228;

/// Cells that differ by less than this are no stamp.
const CONTRAST: f64 = 60.0;

/// Shapes of camera pictures whose cropped or padded copies are recognised: width over height.
const SHAPES: [f64; 2] = [4.0 / 3.0, 16.0 / 9.0];

/// Draws a stamp into a luma plane of `width * height` bytes. Colour must be neutral in [`chroma_area`].
pub fn draw(luma: &mut [u8], width: usize, height: usize, stamp: Stamp) {
    let bits = to_bits(stamp);
    let place = |part: f64, size: usize| (part * size as f64).round() as usize;
    for row in 0..ROWS {
        let from = place(TOP + (BOTTOM - TOP) * row as f64 / ROWS as f64, height);
        let to = place(TOP + (BOTTOM - TOP) * (row + 1) as f64 / ROWS as f64, height);
        for column in 0..COLUMNS {
            let left = place(LEFT + (RIGHT - LEFT) * column as f64 / COLUMNS as f64, width);
            let right = place(LEFT + (RIGHT - LEFT) * (column + 1) as f64 / COLUMNS as f64, width);
            let value = if bits >> (79 - (row * COLUMNS + column)) & 1 == 1 { WHITE } else { BLACK };
            for line in luma.chunks_exact_mut(width).take(to).skip(from) {
                if let Some(cell) = line.get_mut(left..right) {
                    cell.fill(value);
                }
            }
        }
    }
}

/// The part of the chroma planes that must be neutral under the stamp: left, top, right, bottom, in chroma pixels of a
/// picture whose planes are `width * height`.
pub fn chroma_area(width: usize, height: usize) -> (usize, usize, usize, usize) {
    let low = |part: f64, size: usize| (part * size as f64).floor() as usize;
    let high = |part: f64, size: usize| ((part * size as f64).ceil() as usize).min(size);
    (low(LEFT, width), low(TOP, height), high(RIGHT, width), high(BOTTOM, height))
}

/// Reads a stamp from a luma plane whose rows are `width` bytes apart.
///
/// The picture may have been scaled to any size that leaves a cell four pixels wide, cropped around its centre or
/// padded, from 4:3 or 16:9. `None` if there is no stamp, or its check bits are wrong.
pub fn read_stamp(luma: &[u8], width: usize, height: usize) -> Option<Stamp> {
    if luma.len() < width * height {
        return None;
    }
    read(width, height, |x, y| luma[y * width + x])
}

/// As [`read_stamp`], from red, green, blue and a fourth byte.
pub fn read_stamp_rgba(rgba: &[u8], width: usize, height: usize) -> Option<Stamp> {
    if rgba.len() < width * height * 4 {
        return None;
    }
    // Black and white are told apart by any of the three; green is the most of luma.
    read(width, height, |x, y| rgba[(y * width + x) * 4 + 1])
}

fn read(width: usize, height: usize, luma: impl Fn(usize, usize) -> u8) -> Option<Stamp> {
    if width < COLUMNS || height < ROWS * 2 {
        return None;
    }
    let shape = width as f64 / height as f64;
    let mut views = vec![(1.0, 1.0)];
    for source in SHAPES {
        // Cropped: the whole picture is larger than what is seen. Padded: smaller.
        views.push(((source / shape).max(1.0), (shape / source).max(1.0)));
        views.push(((source / shape).min(1.0), (shape / source).min(1.0)));
    }
    views.into_iter().find_map(|(wide, high)| {
        let cells = cells(width, height, wide, high, &luma)?;
        from_cells(&cells)
    })
}

/// The brightness of the cells of a picture that is `wide` and `high` times as large as what is seen, around its
/// centre.
fn cells(
    width: usize,
    height: usize,
    wide: f64,
    high: f64,
    luma: &impl Fn(usize, usize) -> u8,
) -> Option<[f64; COLUMNS * ROWS]> {
    let mut cells = [0.0; COLUMNS * ROWS];
    for (place, cell) in cells.iter_mut().enumerate() {
        let (row, column) = (place / COLUMNS, place % COLUMNS);
        let mut sum = 0.0;
        // Nine points of the cell's inner half.
        for point in 0..9 {
            let inside = |third: usize| 0.3 + 0.2 * third as f64;
            let x = LEFT + (RIGHT - LEFT) * (column as f64 + inside(point % 3)) / COLUMNS as f64;
            let y = TOP + (BOTTOM - TOP) * (row as f64 + inside(point / 3)) / ROWS as f64;
            let seen_x = (0.5 + (x - 0.5) * wide) * width as f64;
            let seen_y = (0.5 + (y - 0.5) * high) * height as f64;
            if seen_x < 0.0 || seen_y < 0.0 || seen_x >= width as f64 || seen_y >= height as f64 {
                return None;
            }
            sum += f64::from(luma(seen_x as usize, seen_y as usize));
        }
        *cell = sum / 9.0;
    }
    Some(cells)
}

fn from_cells(cells: &[f64]) -> Option<Stamp> {
    let darkest = cells.iter().copied().fold(f64::INFINITY, f64::min);
    let brightest = cells.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if brightest - darkest < CONTRAST {
        return None;
    }
    let middle = (darkest + brightest) / 2.0;
    let bits = cells.iter().fold(0_u128, |bits, cell| bits << 1 | u128::from(*cell > middle));
    from_bits(bits)
}

fn to_bits(stamp: Stamp) -> u128 {
    let payload = u64::from(stamp.frame & 0xff_ffff) << 40 | (stamp.monotonic_us & 0xff_ffff_ffff);
    u128::from(payload) << 16 | u128::from(check(payload))
}

fn from_bits(bits: u128) -> Option<Stamp> {
    let payload = u64::try_from(bits >> 16 & u128::from(u64::MAX)).ok()?;
    let stamp = Stamp { frame: (payload >> 40) as u32, monotonic_us: payload & 0xff_ffff_ffff };
    (u128::from(check(payload)) == bits & 0xffff).then_some(stamp)
}

/// CRC-16/CCITT-FALSE.
fn check(payload: u64) -> u16 {
    payload.to_be_bytes().iter().fold(0xffff, |mut crc: u16, byte| {
        crc ^= u16::from(*byte) << 8;
        for _ in 0..8 {
            crc = if crc & 0x8000 == 0 { crc << 1 } else { crc << 1 ^ 0x1021 };
        }
        crc
    })
}

#[cfg(test)]
mod tests {
    use fast_image_resize::images::Image;
    use fast_image_resize::{PixelType, Resizer};
    use openh264::decoder::Decoder;
    use openh264::encoder::{BitRate, Encoder, EncoderConfig, FrameRate};
    use openh264::formats::{YUVSlices, YUVSource};
    use openh264::{OpenH264API, Timestamp};

    use super::*;
    use crate::device::sim::picture::TestPicture;

    fn scaled(luma: &[u8], from: (usize, usize), to: (usize, usize)) -> Vec<u8> {
        let size = |(width, height): (usize, usize)| (width as u32, height as u32);
        let (width, height) = size(from);
        let source = Image::from_vec_u8(width, height, luma.to_vec(), PixelType::U8).unwrap();
        let (width, height) = size(to);
        let mut target = Image::new(width, height, PixelType::U8);
        Resizer::new().resize(&source, &mut target, None).unwrap();
        target.into_vec()
    }

    fn cropped(luma: &[u8], (width, height): (usize, usize), to: (usize, usize)) -> Vec<u8> {
        let (left, top) = ((width - to.0) / 2, (height - to.1) / 2);
        luma.chunks_exact(width)
            .skip(top)
            .take(to.1)
            .flat_map(|line| &line[left..left + to.0])
            .copied()
            .collect()
    }

    #[test]
    fn the_check_is_the_one_everybody_knows() {
        // CRC-16/CCITT-FALSE of eight zero bytes.
        assert_eq!(check(0), 0x313e);
    }

    #[test]
    fn numbers_and_times_are_read_back() {
        let mut luma = vec![90; 640 * 480];
        for n in 0..200_u64 {
            let stamp = Stamp {
                frame: (n * 83_987) as u32 & 0xff_ffff,
                monotonic_us: (n * 0x1_2345_6789) & 0xff_ffff_ffff,
            };
            draw(&mut luma, 640, 480, stamp);
            assert_eq!(read_stamp(&luma, 640, 480), Some(stamp));
        }
    }

    #[test]
    fn pictures_without_a_stamp_give_none() {
        assert_eq!(read_stamp(&[0; 640 * 480], 640, 480), None);
        assert_eq!(read_stamp(&[255; 640 * 480], 640, 480), None);
        assert_eq!(read_stamp(&[0; 10], 640, 480), None);
        assert_eq!(read_stamp(&[], 0, 0), None);
        let noise: Vec<u8> =
            (0..640 * 480_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        assert_eq!(read_stamp(&noise, 640, 480), None);
        let mut luma = vec![90; 640 * 480];
        draw(&mut luma, 640, 480, Stamp { frame: 5, monotonic_us: 7 });
        for line in luma.chunks_exact_mut(640) {
            line[120] = 255 - line[120];
            line[100..120].iter_mut().for_each(|pixel| *pixel = 255 - *pixel);
        }
        assert_eq!(read_stamp(&luma, 640, 480), None, "a wrong cell must not pass");
    }

    #[test]
    fn a_stamp_survives_the_codec_scaling_and_cropping() {
        let (width, height) = (640, 480);
        let config =
            EncoderConfig::new().bitrate(BitRate::from_bps(600_000)).max_frame_rate(FrameRate::from_hz(30.0));
        let mut encoder = Encoder::with_api_config(OpenH264API::from_source(), config).unwrap();
        let mut decoder = Decoder::new().unwrap();
        let mut picture = TestPicture::new(width, height, "Boardroom");
        let mut yuv = vec![0; width * height * 3 / 2];
        let mut read = 0;
        for n in 0..60_u32 {
            let stamp = Stamp { frame: n, monotonic_us: 77_000_000 + u64::from(n) * 33_333 };
            picture.draw(&mut yuv, n.into(), stamp);
            let (luma, chroma) = yuv.split_at(width * height);
            let (u, v) = chroma.split_at(width * height / 4);
            let source = YUVSlices::new((luma, u, v), (width, height), (width, width / 2, width / 2));
            let packet =
                encoder.encode_at(&source, Timestamp::from_millis(u64::from(n) * 33)).unwrap().to_vec();
            if packet.is_empty() {
                continue;
            }
            let Some(shown) = decoder.decode(&packet).unwrap() else { continue };
            let stride = shown.strides().0;
            let luma: Vec<u8> =
                shown.y().chunks(stride).take(height).flat_map(|line| &line[..width]).copied().collect();
            assert_eq!(read_stamp(&luma, width, height), Some(stamp), "frame {n} at its own size");
            for to in [(1066, 800), (480, 360), (320, 240), (266, 200), (200, 150)] {
                let small = scaled(&luma, (width, height), to);
                assert_eq!(read_stamp(&small, to.0, to.1), Some(stamp), "frame {n} at {to:?}");
                let rgba: Vec<u8> = small.iter().flat_map(|luma| [*luma, *luma, *luma, 255]).collect();
                assert_eq!(read_stamp_rgba(&rgba, to.0, to.1), Some(stamp));
            }
            for to in [(640, 360), (640, 400), (480, 480)] {
                let part = cropped(&luma, (width, height), to);
                assert_eq!(read_stamp(&part, to.0, to.1), Some(stamp), "frame {n} cropped to {to:?}");
            }
            read += 1;
        }
        assert!(read >= 50, "{read} of 60 frames came through the codec");
    }
}
