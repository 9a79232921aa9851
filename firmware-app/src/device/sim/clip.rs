//! A Y4M file as a camera: its frames in a loop, 8 bit 4:2:0.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use y4m::{Colorspace, Decoder};

use crate::device::DeviceError;

/// A file that is being played.
pub(super) struct Clip {
    path: PathBuf,
    decoder: Decoder<BufReader<File>>,
    /// The picture's size in the file, which may be odd.
    file_size: (usize, usize),
    /// Frames read since the file was begun.
    read: u64,
}

impl Clip {
    /// Errors: `Missing` without the file, `Unsupported` if it is no such Y4M file.
    pub(super) fn open(path: &Path) -> Result<Clip, DeviceError> {
        let unsupported = |why: String| DeviceError::Unsupported(format!("{}: {why}", path.display()));
        let file =
            File::open(path).map_err(|error| DeviceError::Missing(format!("{}: {error}", path.display())))?;
        let decoder = y4m::decode(BufReader::with_capacity(1 << 20, file))
            .map_err(|error| unsupported(format!("not a Y4M file: {error}")))?;
        let plain = matches!(
            decoder.get_colorspace(),
            Colorspace::C420 | Colorspace::C420jpeg | Colorspace::C420mpeg2 | Colorspace::C420paldv
        );
        if !plain {
            return Err(unsupported(format!("{:?}; it must be 8-bit 4:2:0", decoder.get_colorspace())));
        }
        let rate = decoder.get_framerate();
        if rate.num == 0 || rate.den == 0 || rate.num / rate.den > 240 {
            return Err(unsupported(format!("{} frames in {} seconds make no sense", rate.num, rate.den)));
        }
        let file_size = (decoder.get_width(), decoder.get_height());
        if file_size.0 < 16 || file_size.1 < 16 {
            return Err(unsupported(format!("{}x{} is too small", file_size.0, file_size.1)));
        }
        Ok(Clip { path: path.to_owned(), decoder, file_size, read: 0 })
    }

    /// Width and height, made even.
    pub(super) fn size(&self) -> (usize, usize) {
        (self.file_size.0 & !1, self.file_size.1 & !1)
    }

    /// Frames and the seconds that they take.
    pub(super) fn rate(&self) -> (u64, u64) {
        let rate = self.decoder.get_framerate();
        (rate.num as u64, rate.den as u64)
    }

    /// Leaves out frames.
    pub(super) fn skip(&mut self, frames: u64) -> Result<(), DeviceError> {
        for _ in 0..frames {
            self.advance(None)?;
        }
        Ok(())
    }

    /// Reads the next frame into I420 planes behind each other, from the start again after the last.
    pub(super) fn next(&mut self, target: &mut [u8]) -> Result<(), DeviceError> {
        self.advance(Some(target))
    }

    fn advance(&mut self, target: Option<&mut [u8]>) -> Result<(), DeviceError> {
        let (width, height) = self.size();
        let file_width = self.file_size.0;
        for _ in 0..2 {
            match self.decoder.read_frame() {
                Ok(frame) => {
                    self.read += 1;
                    if let Some(target) = target {
                        let (luma, chroma) = target.split_at_mut(width * height);
                        let (blue, red) = chroma.split_at_mut(width * height / 4);
                        copy(luma, width, frame.get_y_plane(), file_width);
                        copy(blue, width / 2, frame.get_u_plane(), file_width.div_ceil(2));
                        copy(red, width / 2, frame.get_v_plane(), file_width.div_ceil(2));
                    }
                    return Ok(());
                }
                Err(y4m::Error::EOF) if self.read > 0 => *self = Clip::open(&self.path)?,
                Err(error) => {
                    return Err(DeviceError::Unsupported(format!("{}: {error}", self.path.display())));
                }
            }
        }
        Err(DeviceError::Unsupported(format!("{} has no frames", self.path.display())))
    }
}

fn copy(target: &mut [u8], width: usize, source: &[u8], source_width: usize) {
    for (line, from) in target.chunks_exact_mut(width).zip(source.chunks_exact(source_width)) {
        line.copy_from_slice(&from[..width]);
    }
}
