//! The test picture: a calm sky that drifts, a ball that swings, the room's name, the time, and the machine-readable
//! stamp. I420, full planes behind each other.

use font8x8::{BASIC_FONTS, LATIN_FONTS, UnicodeFonts};

use super::stamp::{self, Stamp};

/// Draws test pictures of one size.
pub(super) struct TestPicture {
    width: usize,
    height: usize,
    /// A sky twice as wide as the picture and seamless, of which each frame shows a part.
    sky: Planes,
    name: String,
}

struct Planes {
    luma: Vec<u8>,
    blue: Vec<u8>,
    red: Vec<u8>,
}

/// Luma of drawn text, and of its shadow.
const TEXT: u8 = 225;
const SHADOW: u8 = 40;

/// Grey in the chroma planes.
const NEUTRAL: u8 = 128;

impl TestPicture {
    /// For pictures of this size, both even. `name` is written into them as far as the font has its letters.
    pub(super) fn new(width: usize, height: usize, name: &str) -> TestPicture {
        TestPicture { width, height, sky: sky(width * 2, height), name: name.to_owned() }
    }

    /// Draws frame `number` into `frame`, which has `width * height * 3 / 2` bytes.
    pub(super) fn draw(&mut self, frame: &mut [u8], number: u64, stamp: Stamp) {
        let (width, height) = (self.width, self.height);
        let (luma, chroma) = frame.split_at_mut(width * height);
        let (blue, red) = chroma.split_at_mut(width * height / 4);
        // Two pixels a frame, so that chroma moves by whole pixels.
        let drift = (number % width as u64) as usize * 2 % (width * 2);
        copy_part(luma, &self.sky.luma, width, drift);
        copy_part(blue, &self.sky.blue, width / 2, drift / 2);
        copy_part(red, &self.sky.red, width / 2, drift / 2);
        self.ball(luma, blue, red, number);

        let size = (height / 160).max(1);
        let seconds = stamp.monotonic_us / 1_000_000;
        let clock = format!(
            "{:02}:{:02}:{:02}.{:03} {:06}",
            seconds / 3600 % 24,
            seconds / 60 % 60,
            seconds % 60,
            stamp.monotonic_us / 1000 % 1000,
            number % 1_000_000
        );
        text(luma, width, height * 76 / 100, size, &clock);
        text(luma, width, height * 62 / 100, size * 2, &self.name);

        let (left, top, right, bottom) = stamp::chroma_area(width / 2, height / 2);
        for plane in [blue, red] {
            for line in plane.chunks_exact_mut(width / 2).take(bottom).skip(top) {
                line[left..right].fill(NEUTRAL);
            }
        }
        stamp::draw(luma, width, height, stamp);
    }

    /// A warm ball on a pendulum, four seconds to and fro.
    fn ball(&self, luma: &mut [u8], blue: &mut [u8], red: &mut [u8], number: u64) {
        let (width, height) = (self.width as f64, self.height as f64);
        let angle = (number % 120) as f64 / 120.0 * std::f64::consts::TAU;
        let (x, y) = (width * (0.5 + 0.36 * angle.sin()), height * (0.45 + 0.08 * (2.0 * angle).cos()));
        let radius = height / 12.0;
        disc(luma, self.width, x, y, radius, 170);
        disc(blue, self.width / 2, x / 2.0, y / 2.0, radius / 2.0, 70);
        disc(red, self.width / 2, x / 2.0, y / 2.0, radius / 2.0, 175);
    }
}

/// Soft bands of blue, green and violet. Seamless from right to left.
fn sky(width: usize, height: usize) -> Planes {
    let wave =
        |x: usize, turns: f64, width: usize| (x as f64 / width as f64 * turns * std::f64::consts::TAU).sin();
    let plane = |width: usize, height: usize, value: &dyn Fn(usize, f64) -> f64| -> Vec<u8> {
        (0..width * height)
            .map(|place| {
                let (x, y) = (place % width, place / width);
                value(x, y as f64 / height as f64).clamp(16.0, 235.0) as u8
            })
            .collect()
    };
    let (half_width, half_height) = (width / 2, height / 2);
    Planes {
        luma: plane(width, height, &|x, y| {
            95.0 + 35.0 * y + 14.0 * wave(x, 2.0, width) + 6.0 * wave(x, 6.0, width)
        }),
        blue: plane(half_width, half_height, &|x, y| 148.0 - 14.0 * y + 12.0 * wave(x, 2.0, half_width)),
        red: plane(half_width, half_height, &|x, y| 112.0 + 10.0 * y - 12.0 * wave(x, 4.0, half_width)),
    }
}

/// Copies a picture out of a plane twice as wide, starting at a column and wrapping round.
fn copy_part(target: &mut [u8], source: &[u8], width: usize, from: usize) {
    for (line, wide) in target.chunks_exact_mut(width).zip(source.chunks_exact(width * 2)) {
        let first = width.min(width * 2 - from);
        line[..first].copy_from_slice(&wide[from..from + first]);
        line[first..].copy_from_slice(&wide[..width - first]);
    }
}

fn disc(plane: &mut [u8], width: usize, x: f64, y: f64, radius: f64, value: u8) {
    for (row, line) in plane.chunks_exact_mut(width).enumerate() {
        let away = row as f64 - y;
        if away.abs() < radius {
            let half = (radius * radius - away * away).sqrt();
            let left = (x - half).clamp(0.0, width as f64) as usize;
            let right = (x + half).clamp(0.0, width as f64) as usize;
            line[left..right].fill(value);
        }
    }
}

/// Writes one line, centred, its top at a row; letters are `8 * size` pixels wide. What does not fit is left out.
fn text(luma: &mut [u8], width: usize, top: usize, size: usize, text: &str) {
    let fits = width / (8 * size);
    let left = (width - text.chars().take(fits).count() * 8 * size) / 2;
    for (offset, value) in [(size, SHADOW), (0, TEXT)] {
        letters(luma, width, (left + offset, top + offset), size, value, text);
    }
}

/// Writes one line from a column and row on; letters are `8 * size` pixels wide. What does not fit is left out.
pub(super) fn letters(
    luma: &mut [u8],
    width: usize,
    (left, top): (usize, usize),
    size: usize,
    value: u8,
    text: &str,
) {
    for (place, letter) in text.chars().take(width.saturating_sub(left) / (8 * size)).enumerate() {
        let bits = BASIC_FONTS.get(letter).or_else(|| LATIN_FONTS.get(letter)).unwrap_or([0; 8]);
        for (row, bits) in bits.into_iter().enumerate() {
            for column in (0..8).filter(|column| bits >> column & 1 == 1) {
                let (x, y) = (left + (place * 8 + column) * size, top + row * size);
                for line in luma.chunks_exact_mut(width).skip(y).take(size) {
                    if let Some(pixels) = line.get_mut(x..(x + size).min(width)) {
                        pixels.fill(value);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(number: u64, name: &str, (width, height): (usize, usize)) -> Vec<u8> {
        let mut frame = vec![0; width * height * 3 / 2];
        let stamp = Stamp { frame: number as u32, monotonic_us: number * 33_333 };
        TestPicture::new(width, height, name).draw(&mut frame, number, stamp);
        frame
    }

    #[test]
    fn the_picture_moves_and_is_calm() {
        let (one, two) = (drawn(10, "Workshop", (640, 480)), drawn(11, "Workshop", (640, 480)));
        let luma = 640 * 480;
        let changed = one[..luma].iter().zip(&two[..luma]).filter(|(a, b)| a.abs_diff(**b) > 1).count();
        assert!(changed > luma / 100, "only {changed} pixels moved");
        let mean: f64 = one[..luma].iter().map(|pixel| f64::from(*pixel)).sum::<f64>() / luma as f64;
        assert!((80.0..160.0).contains(&mean), "mean luma {mean}");
    }

    #[test]
    fn the_name_is_written_and_any_size_and_name_will_do() {
        let size = (640, 480);
        assert_ne!(drawn(5, "Workshop", size), drawn(5, "", size));
        for size in [(160, 120), (320, 180), (1280, 720)] {
            let frame = drawn(5, "會議室 and a name far too long for any picture of this width, ÄÖÜ", size);
            let stamp = stamp::read_stamp(&frame[..size.0 * size.1], size.0, size.1).unwrap();
            assert_eq!(stamp.frame, 5);
        }
    }
}
