//! Watches a part of an X server's framebuffer for stamped pictures, as a process of its own: what it sees has been
//! painted. Writes a line for every new picture.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::thread;
use std::time::Duration;

use vestibule_kiosk::device::clock::Clock;
use vestibule_kiosk::device::sim::stamp::{Stamp, read_stamp_rgba};

/// How often the framebuffer is looked at.
const PERIOD: Duration = Duration::from_micros(500);

/// A picture was seen.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Seen {
    /// When, in microseconds of `CLOCK_MONOTONIC`.
    pub at_us: u64,
    /// What.
    pub stamp: Stamp,
}

impl Seen {
    /// How old the picture was, in milliseconds.
    pub fn age_ms(&self) -> f64 {
        // The stamp's time goes round every twelve days.
        (self.at_us.wrapping_sub(self.stamp.monotonic_us) & 0xff_ffff_ffff) as f64 / 1000.0
    }

    /// Reads what [`watch`] wrote.
    pub fn read_all(path: &Path) -> Result<Vec<Seen>, String> {
        let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let parse = |line: &str| {
            let mut words = line.split_whitespace();
            let at_us = words.next()?.parse().ok()?;
            let stamp =
                Stamp { frame: words.next()?.parse().ok()?, monotonic_us: words.next()?.parse().ok()? };
            Some(Seen { at_us, stamp })
        };
        Ok(text.lines().filter_map(parse).collect())
    }
}

/// The X server's picture file.
struct Framebuffer {
    file: File,
    /// Where the pixels begin.
    pixels: usize,
    /// Bytes from row to row.
    stride: usize,
}

impl Framebuffer {
    fn open(path: &Path) -> io::Result<Framebuffer> {
        let file = File::open(path)?;
        let mut header = [0; 100];
        file.read_exact_at(&mut header, 0)?;
        // XWDFile.h: 25 words, the most significant byte first, then the window's name and the colours, 12 bytes each.
        let word = |place: usize| {
            let bytes = header[place * 4..place * 4 + 4].try_into().expect("a word has four bytes");
            u32::from_be_bytes(bytes) as usize
        };
        let (size, version, bits, stride, colours) = (word(0), word(1), word(11), word(12), word(19));
        if (version, bits) != (7, 32) {
            return Err(io::Error::other(format!("version {version} with {bits} bits a pixel")));
        }
        Ok(Framebuffer { file, pixels: size + colours * 12, stride })
    }

    fn row(&self, left: usize, row: usize, into: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(into, (self.pixels + row * self.stride + left * 4) as u64)
    }
}

/// Watches for ever and writes `read_us frame stamp_us`, a line a picture.
///
/// Errors: the framebuffer or the output is gone.
pub fn watch(path: &Path, [x, y, width, height]: [usize; 4]) -> io::Result<()> {
    let clock = Clock::start();
    let framebuffer = Framebuffer::open(path)?;
    let mut pixels = vec![0; width * height * 4];
    let row = width * 4;
    // Rows in and around the stamp, wherever cropping has put it: they change with every picture.
    let probes: Vec<usize> = (0..8).map(|n| height * (10 + 4 * n) / 100).collect();
    let mut probed = vec![0; probes.len() * row];
    let mut known = vec![0; probes.len() * row];
    let mut last = None;
    let mut out = io::stdout().lock();
    loop {
        for (n, probe) in probes.iter().enumerate() {
            framebuffer.row(x, y + probe, &mut probed[n * row..(n + 1) * row])?;
        }
        if probed != known {
            // The stamp is in the upper part of the picture.
            for n in 0..height / 2 {
                framebuffer.row(x, y + n, &mut pixels[n * row..(n + 1) * row])?;
            }
            let at_us = clock.to_monotonic_us(clock.now());
            // Half painted: its check bits are wrong, and the next look sees the whole.
            if let Some(stamp) = read_stamp_rgba(&pixels, width, height) {
                std::mem::swap(&mut probed, &mut known);
                if last != Some(stamp) {
                    last = Some(stamp);
                    writeln!(out, "{at_us} {} {}", stamp.frame, stamp.monotonic_us)?;
                    out.flush()?;
                }
            }
        }
        thread::sleep(PERIOD);
    }
}
