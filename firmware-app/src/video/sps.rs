//! What an access unit must look like before the codec sees it: its NAL units, and the size that its parameter sets say.
//!
//! The codec is C++ and believes a sequence parameter set more than it should (a crop beyond 2^31 counts as negative
//! there, and a crop of everything leaves a picture without width). So another member's bytes are read here first, in
//! safe code that accepts less than ITU-T H.264 allows: what kiosks send, and nothing else. Everything accepted here is
//! small enough that both readings agree.

use std::fmt;

use super::kind::PictureKind;

/// The most slices of a picture. Kiosks send one.
pub const MAX_SLICES: usize = 8;

const MACROBLOCK: usize = 16;
/// Constrained baseline says 66 too, with a flag.
const BASELINE: u32 = 66;

/// Why an access unit does not reach the codec.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum BadUnit {
    /// Not a sequence of NAL units with start codes (annex B).
    NotAnnexB,
    /// A NAL unit of a type that kiosks do not send.
    NalType(u8),
    /// More than one picture, a slice out of order, or too many of them.
    Slices,
    /// A sequence parameter set that ends early or holds a value that is not allowed.
    Sps,
    /// A profile other than baseline.
    Profile(u8),
    /// A size outside of what rooms may show, in macroblocks.
    Size {
        /// Columns.
        width: u32,
        /// Rows.
        height: u32,
    },
    /// More is cut off than the rest of the last macroblock.
    Crop,
}

impl fmt::Display for BadUnit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BadUnit::NotAnnexB => write!(f, "no NAL units with start codes"),
            BadUnit::NalType(kind) => write!(f, "a NAL unit of type {kind}"),
            BadUnit::Slices => write!(f, "not the slices of one picture"),
            BadUnit::Sps => write!(f, "a damaged sequence parameter set"),
            BadUnit::Profile(profile) => write!(f, "profile {profile} instead of baseline"),
            BadUnit::Size { width, height } => write!(f, "a picture of {width} x {height} macroblocks"),
            BadUnit::Crop => write!(f, "a picture that is cut by more than a macroblock"),
        }
    }
}

impl std::error::Error for BadUnit {}

/// The size that a sequence parameter set gives its pictures, cropped.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Sps {
    /// Pixels, even.
    pub width: usize,
    /// Pixels, even.
    pub height: usize,
}

/// Checks an access unit of a stream of this kind, in Annex B form: every NAL unit, and every sequence parameter set among
/// them.
///
/// Errors: [`BadUnit`]; no part of the unit may reach the codec.
pub fn check(unit: &[u8], kind: PictureKind) -> Result<(), BadUnit> {
    let first = unit.iter().position(|byte| *byte != 0).ok_or(BadUnit::NotAnnexB)?;
    if first < 2 || unit[first] != 1 {
        return Err(BadUnit::NotAnnexB);
    }
    let mut rest = &unit[first + 1..];
    let mut slices = Slices::default();
    loop {
        let end = rest.windows(3).position(|window| window == [0, 0, 1]);
        check_nal(&rest[..end.unwrap_or(rest.len())], kind, &mut slices)?;
        match end {
            Some(end) => rest = &rest[end + 3..],
            None => return Ok(()),
        }
    }
}

#[derive(Default)]
struct Slices {
    count: usize,
    last: u32,
}

impl Slices {
    /// The next slice starts at this macroblock: the first at 0, the others further on, so that it is one picture.
    fn add(&mut self, start: u32) -> Result<(), BadUnit> {
        let in_order = if self.count == 0 { start == 0 } else { start > self.last };
        (self.count, self.last) = (self.count + 1, start);
        if in_order && self.count <= MAX_SLICES { Ok(()) } else { Err(BadUnit::Slices) }
    }
}

/// Checks one NAL unit, from its header to the next start code.
fn check_nal(nal: &[u8], kind: PictureKind, slices: &mut Slices) -> Result<(), BadUnit> {
    let len = nal.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    let nal = &nal[..len];
    let (&header, body) = nal.split_first().ok_or(BadUnit::NotAnnexB)?;
    let escapes_well = |at: usize, window: &[u8]| match window {
        [0, 0, 0 | 2] => false,
        [0, 0, 3] => nal.get(at + 3).is_none_or(|next| *next <= 3),
        _ => true,
    };
    if header & 0x80 != 0 || !nal.windows(3).enumerate().all(|(at, window)| escapes_well(at, window)) {
        return Err(BadUnit::NotAnnexB);
    }
    match header & 0x1f {
        1 | 5 => slices.add(Bits::new(body).unsigned().ok_or(BadUnit::Slices)?),
        6 | 8 | 9 => Ok(()),
        7 => Sps::parse(body, kind).map(drop),
        other => Err(BadUnit::NalType(other)),
    }
}

impl Sps {
    /// Reads a sequence parameter set (7.3.2.1.1 of H.264) of a stream of this kind behind its NAL header, emulation
    /// prevention included.
    ///
    /// Errors: [`BadUnit`] for what no kiosk sends.
    pub fn parse(bytes: &[u8], kind: PictureKind) -> Result<Sps, BadUnit> {
        let mut bits = Bits::new(bytes);
        let profile = bits.fixed(8).ok_or(BadUnit::Sps)?;
        if profile != BASELINE {
            return Err(BadUnit::Profile(profile as u8));
        }
        let shape = Shape::read(&mut bits).ok_or(BadUnit::Sps)?;
        let [left, right, top, bottom] = shape.crop;
        let size = BadUnit::Size { width: shape.width, height: shape.height };
        let side = 1..=(kind.max_side() / MACROBLOCK) as u32;
        if !side.contains(&shape.width) || !side.contains(&shape.height) {
            return Err(size);
        }
        // In steps of two pixels, as long as the picture is 4:2:0 and not interlaced.
        let most = MACROBLOCK as u32 / 2;
        let (wide, high) = (left.saturating_add(right), top.saturating_add(bottom));
        if wide >= most || high >= most {
            return Err(BadUnit::Crop);
        }
        let pixels = |macroblocks: u32, crop: u32| macroblocks as usize * MACROBLOCK - 2 * crop as usize;
        let sps = Sps { width: pixels(shape.width, wide), height: pixels(shape.height, high) };
        if kind.allows(sps.width, sps.height) { Ok(sps) } else { Err(size) }
    }
}

/// Macroblocks across and down, and what is cut off, in steps of two pixels: left, right, top, bottom.
struct Shape {
    width: u32,
    height: u32,
    crop: [u32; 4],
}

impl Shape {
    /// From behind the profile to the crop. `None` when it ends early or a value is out of its range.
    fn read(bits: &mut Bits<'_>) -> Option<Shape> {
        bits.fixed(8)?; // Constraints: promises about coding tools. The codec knows them all.
        bits.fixed(8)?; // The level promises less than what is checked here.
        bits.at_most(31)?; // Its id.
        bits.at_most(12)?; // Width of frame numbers.
        match bits.at_most(2)? {
            0 => drop(bits.at_most(12)?),
            // Type 1 has a table of offsets, of use only with pictures that are not shown in the order of decoding.
            1 => return None,
            _ => {}
        }
        bits.at_most(16)?; // Reference frames.
        bits.fixed(1)?; // Gaps in frame numbers.
        let width = bits.unsigned()?.checked_add(1)?;
        let height = bits.unsigned()?.checked_add(1)?;
        if bits.fixed(1)? == 0 {
            return None; // Interlaced.
        }
        bits.fixed(1)?; // How motion is derived in B slices, which baseline lacks.
        let mut crop = [0; 4];
        if bits.fixed(1)? == 1 {
            for side in &mut crop {
                *side = bits.unsigned()?;
            }
        }
        bits.fixed(1)?; // Whether colours are described; the codec reads the rest, which sizes nothing.
        Some(Shape { width, height, crop })
    }
}

/// Bits of a NAL unit's payload, without the bytes that prevent start codes.
struct Bits<'a> {
    bytes: &'a [u8],
    byte: usize,
    bit: u32,
    zeros: u32,
}

impl<'a> Bits<'a> {
    fn new(bytes: &'a [u8]) -> Bits<'a> {
        Bits { bytes, byte: 0, bit: 0, zeros: 0 }
    }

    fn one(&mut self) -> Option<u32> {
        if self.bit == 0 && self.zeros >= 2 && self.bytes.get(self.byte) == Some(&3) {
            self.byte += 1;
            self.zeros = 0;
        }
        let byte = *self.bytes.get(self.byte)?;
        let value = u32::from(byte >> (7 - self.bit) & 1);
        self.bit += 1;
        if self.bit == 8 {
            self.bit = 0;
            self.byte += 1;
            self.zeros = if byte == 0 { self.zeros + 1 } else { 0 };
        }
        Some(value)
    }

    /// `u(n)`, `n` at most 32.
    fn fixed(&mut self, count: u32) -> Option<u32> {
        (0..count).try_fold(0, |value, _| Some(value << 1 | self.one()?))
    }

    /// `ue(v)` (9.1). `None` too for values beyond 2^31, which nothing here may have.
    fn unsigned(&mut self) -> Option<u32> {
        let mut zeros = 0;
        while self.one()? == 0 {
            zeros += 1;
            if zeros > 30 {
                return None;
            }
        }
        Some((1 << zeros) - 1 + self.fixed(zeros)?)
    }

    fn at_most(&mut self, most: u32) -> Option<u32> {
        self.unsigned().filter(|value| *value <= most)
    }
}

#[cfg(test)]
mod tests;
