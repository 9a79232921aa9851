//! The one audio format: 48 kHz, mono, 16-bit, in frames of 10 ms, as samples and as bytes on the wire.
//!
//! On the wire a sample is big-endian, like every other number there (L16 of RFC 3551, section 4.5.11). No codec: a
//! frame is 960 bytes and fits one datagram.

use core::time::Duration;

/// Samples per second.
pub const SAMPLE_RATE: u32 = 48_000;
/// Samples of one frame.
pub const FRAME_SAMPLES: usize = 480;
/// Bytes of one frame on the wire.
pub const FRAME_BYTES: usize = FRAME_SAMPLES * 2;
/// How long one frame sounds.
pub const FRAME_DURATION: Duration = Duration::from_millis(10);

/// Samples of one block: what a speaker is handed at once. A quarter of a frame, so that little of it waits for the speaker's rhythm.
pub const BLOCK_SAMPLES: usize = FRAME_SAMPLES / 4;
/// How long one block sounds.
pub const BLOCK_DURATION: Duration = Duration::from_micros(2500);

/// One frame of sound.
pub type AudioFrame = [i16; FRAME_SAMPLES];

/// One block of sound.
pub type AudioBlock = [i16; BLOCK_SAMPLES];

/// A frame in which nothing is heard.
pub const SILENCE: AudioFrame = [0; FRAME_SAMPLES];

/// Writes a frame as it travels.
pub fn to_bytes(frame: &AudioFrame, out: &mut [u8; FRAME_BYTES]) {
    for (bytes, sample) in out.chunks_exact_mut(2).zip(frame) {
        bytes.copy_from_slice(&sample.to_be_bytes());
    }
}

/// Reads a frame from a payload; `false`, and `out` untouched, when the payload has not exactly [`FRAME_BYTES`].
#[must_use]
pub fn from_bytes(payload: &[u8], out: &mut AudioFrame) -> bool {
    if payload.len() != FRAME_BYTES {
        return false;
    }
    let (pairs, _) = payload.as_chunks::<2>();
    for (sample, bytes) in out.iter_mut().zip(pairs) {
        *sample = i16::from_be_bytes(*bytes);
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_travel_big_endian_and_come_back() {
        let mut frame = SILENCE;
        frame[0] = 0x0102;
        frame[479] = -2;
        let mut bytes = [0; FRAME_BYTES];
        to_bytes(&frame, &mut bytes);
        assert_eq!((bytes[..2].to_vec(), bytes[958..].to_vec()), (vec![1, 2], vec![0xff, 0xfe]));
        let mut back = SILENCE;
        assert!(from_bytes(&bytes, &mut back));
        assert_eq!(back, frame);
        assert!(!from_bytes(&bytes[1..], &mut back));
        assert!(!from_bytes(&[], &mut back));
    }
}
