//! Frames on the control stream: a 32-bit big-endian length, then that many bytes of JSON.

use std::fmt;

/// Bytes of the length in front of each frame.
pub const LENGTH_PREFIX: usize = 4;
/// The most bytes of one frame's JSON.
pub const MAX_FRAME: usize = 64 * 1024;

/// A stream that cannot be read on; the connection ends.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum FrameError {
    /// A frame of no bytes.
    Empty,
    /// A frame above [`MAX_FRAME`], with the length it claims.
    TooLarge(u32),
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FrameError::Empty => f.write_str("an empty control frame"),
            FrameError::TooLarge(len) => write!(f, "a control frame of {len} bytes; {MAX_FRAME} are allowed"),
        }
    }
}

impl std::error::Error for FrameError {}

/// Appends one frame to `out`.
///
/// Errors: [`FrameError`] when the JSON is empty or too large; `out` is untouched then.
pub fn encode_frame(json: &[u8], out: &mut Vec<u8>) -> Result<(), FrameError> {
    let len = u32::try_from(json.len()).unwrap_or(u32::MAX);
    check(len)?;
    out.extend_from_slice(&len.to_be_bytes());
    out.extend_from_slice(json);
    Ok(())
}

/// Cuts a byte stream into frames. Holds at most one frame and what was pushed behind it.
#[derive(Default, Debug)]
pub struct FrameDecoder {
    buffer: Vec<u8>,
    start: usize,
}

impl FrameDecoder {
    /// Adds bytes as they come from the stream. The caller drains [`FrameDecoder::next_frame`] before it pushes more.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.start > 0 {
            self.buffer.drain(..self.start);
            self.start = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole frame's JSON, `None` when more bytes are needed.
    ///
    /// Errors: [`FrameError`]; the stream is of no further use then.
    pub fn next_frame(&mut self) -> Result<Option<&[u8]>, FrameError> {
        let Some((prefix, rest)) = self.buffer[self.start..].split_first_chunk::<LENGTH_PREFIX>() else {
            return Ok(None);
        };
        let len = u32::from_be_bytes(*prefix);
        check(len)?;
        if rest.len() < len as usize {
            return Ok(None);
        }
        let begin = self.start + LENGTH_PREFIX;
        self.start = begin + len as usize;
        Ok(Some(&self.buffer[begin..self.start]))
    }
}

fn check(len: u32) -> Result<(), FrameError> {
    match len {
        0 => Err(FrameError::Empty),
        len if len as usize > MAX_FRAME => Err(FrameError::TooLarge(len)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn impossible_lengths_end_the_stream() {
        for (prefix, error) in
            [([0, 0, 0, 0], FrameError::Empty), ([0, 1, 0, 1], FrameError::TooLarge(65_537))]
        {
            let mut decoder = FrameDecoder::default();
            decoder.push(&prefix);
            assert_eq!(decoder.next_frame(), Err(error));
        }
        assert_eq!(encode_frame(&[b' '; MAX_FRAME + 1], &mut Vec::new()), Err(FrameError::TooLarge(65_537)));
    }

    proptest! {
        #[test]
        fn frames_come_out_as_they_went_in(frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..200), 0..10), cut in 1usize..50) {
            let mut stream = Vec::new();
            for frame in &frames {
                encode_frame(frame, &mut stream).unwrap();
            }
            let (mut decoder, mut read) = (FrameDecoder::default(), Vec::new());
            for chunk in stream.chunks(cut) {
                decoder.push(chunk);
                while let Some(frame) = decoder.next_frame().unwrap() {
                    read.push(frame.to_vec());
                }
            }
            prop_assert_eq!(read, frames);
        }

        #[test]
        fn any_bytes_survive(bytes: Vec<u8>) {
            let mut decoder = FrameDecoder::default();
            decoder.push(&bytes);
            while let Ok(Some(_)) = decoder.next_frame() {}
        }
    }
}
