//! The next whole frame of a v4l stream. Apart from the rest because it holds the only unsafe line of the camera.

use std::io;
use std::slice;

use v4l::buffer::{Flags, Metadata};
use v4l::io::mmap::Stream;
use v4l::io::traits::CaptureStream;

/// Waits for a frame of at least `whole` bytes that the driver does not call damaged, and skips up to `damaged` that are.
///
/// Errors: the stream's, among them `TimedOut`; `InvalidData` if only damaged frames come.
pub(super) fn next_whole<'a>(
    stream: &'a mut Stream<'static>,
    whole: usize,
    damaged: u32,
) -> io::Result<(&'a [u8], Metadata)> {
    for _ in 0..damaged {
        let (buffer, meta) = stream.next()?;
        let used = (meta.bytesused as usize).min(buffer.len());
        if meta.flags.contains(Flags::ERROR) || used == 0 || used < whole {
            continue;
        }
        let meta = *meta;
        // SAFETY: `buffer` is borrowed from `stream` for as long as the caller's borrow lives, and it is returned at
        // once, so nothing touches the stream in between. The borrow checker refuses only because the loop's other
        // branch uses the stream again; this is the very same slice, shortened to what the driver filled.
        let frame = unsafe { slice::from_raw_parts(buffer.as_ptr(), used) };
        return Ok((frame, meta));
    }
    Err(io::Error::new(io::ErrorKind::InvalidData, "only damaged pictures came"))
}
