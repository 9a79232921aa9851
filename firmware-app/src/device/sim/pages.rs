//! What a laptop shows, for a simulated presentation: a page of small text that changes every ten seconds, a pointer that
//! moves, and the machine-readable stamp. I420, full planes behind each other.

use super::picture::letters;
use super::stamp::{self, Stamp};

const PAPER: u8 = 232;
const INK: u8 = 30;
const NEUTRAL: u8 = 128;
/// How long a page is shown, in seconds.
const PAGE: u64 = 10;
/// What stands on the pages, over and over; all letters of the alphabet in small size, which a coarse encoder frays.
const LINES: [&str; 4] = [
    "The quick brown fox jumps over the lazy dog; 0123456789",
    "Pack my box with five dozen liquor jugs. (1 + 1 = 2)",
    "Sphinx of black quartz, judge my vow! {a: 1, b: [2, 3]}",
    "How vexingly quick daft zebras jump | fn main() -> i32",
];

/// The letters of the longest of them, and how wide one is in its smallest size, in pixels.
const LONGEST: usize = 55;
const LETTER: usize = 8;

/// Draws pages of one size.
pub(super) struct TestPages {
    width: usize,
    height: usize,
    rate: u64,
    title: String,
    /// The luma of the page on show, and its number; drawn once a page.
    page: (Option<u64>, Vec<u8>),
}

impl TestPages {
    /// For pictures of this size, both even, of which so many come in a second. The room's name heads each page.
    pub(super) fn new(width: usize, height: usize, rate: u32, room: &str) -> TestPages {
        let page = (None, vec![PAPER; width * height]);
        TestPages { width, height, rate: rate.into(), title: format!("{room} presents"), page }
    }

    /// Draws frame `number` into `frame`, which has `width * height * 3 / 2` bytes.
    pub(super) fn draw(&mut self, frame: &mut [u8], number: u64, stamp: Stamp) {
        let page = number / (self.rate * PAGE);
        if self.page.0 != Some(page) {
            self.page.0 = Some(page);
            self.write(page);
        }
        let (luma, chroma) = frame.split_at_mut(self.width * self.height);
        luma.copy_from_slice(&self.page.1);
        chroma.fill(NEUTRAL);
        self.pointer(luma, number);
        stamp::draw(luma, self.width, self.height, stamp);
    }

    fn write(&mut self, page: u64) {
        let (width, height) = (self.width, self.height);
        let luma = &mut self.page.1;
        luma.fill(PAPER);
        // So large that the longest line just fits.
        let (left, size) = (width / 16, (width * 7 / 8 / (LETTER * LONGEST)).max(1));
        letters(
            luma,
            width,
            (left, height / 20),
            2 * size,
            INK,
            &format!("{} - page {}", self.title, page + 1),
        );
        let lines = LINES.iter().cycle().skip(page as usize % LINES.len());
        let tops = (height * 2 / 5..height.saturating_sub(10)).step_by(12 * size);
        for (top, line) in tops.zip(lines) {
            letters(luma, width, (left, top), size, INK, line);
        }
    }

    /// A dark square that wanders along the lower part, a second from side to side.
    fn pointer(&self, luma: &mut [u8], number: u64) {
        let side = self.height / 40;
        let way = self.width - side;
        let step = (number % self.rate) as usize * way / self.rate as usize;
        let there = (number / self.rate).is_multiple_of(2);
        let left = if there { step } else { way - step };
        let top = self.height * 2 / 5 + (number / 2) as usize % (self.height / 2);
        for line in luma.chunks_exact_mut(self.width).skip(top).take(side) {
            line[left..left + side].fill(INK);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_line_is_as_long_as_said() {
        assert_eq!(LINES.iter().map(|line| line.len()).max(), Some(LONGEST));
    }

    #[test]
    fn pages_of_any_size_carry_their_stamp_and_change_every_ten_seconds() {
        for (width, height) in [(160, 120), (640, 480), (1280, 720)] {
            let mut pages = TestPages::new(width, height, 15, "Workshop");
            let mut frame = vec![0; width * height * 3 / 2];
            let mut shown = |number: u64| {
                let stamp = Stamp { frame: number as u32, monotonic_us: number * 66_666 };
                pages.draw(&mut frame, number, stamp);
                let luma = &frame[..width * height];
                assert_eq!(stamp::read_stamp(luma, width, height), Some(stamp), "{width}x{height}");
                let from = width * height * 2 / 5;
                luma[from..].to_vec()
            };
            let changed = |a: &[u8], b: &[u8]| a.iter().zip(b).filter(|(a, b)| a != b).count();
            let (first, next, other) = (shown(0), shown(1), shown(150));
            let (little, much) = (changed(&first, &next), changed(&first, &other));
            assert!(little > 0 && little < width * height / 100, "{little} of {width}x{height}");
            assert!(much > 4 * little, "{much} after {little}");
        }
    }
}
