//! The coded layer of sound: what one packet of it holds, and what the jitter buffer needs of its codec.
//!
//! Not the codec: that is the kiosk's. A packet holds one coded frame and, on paths that lose packets, some of the frames before it once
//! more (the idea of RFC 2198), so that a lost one is there again with the next packet and nobody has to ask for it.

use heapless::{Deque, Vec};

use super::pcm::AudioFrame;
use crate::time::Duration;
use crate::unit::{Bitrate, DataSize};
use crate::wire::MAX_PAYLOAD;

/// The spatial layer of plain samples.
pub const PCM_LAYER: u8 = 0;
/// The spatial layer of coded sound.
pub const CODED_LAYER: u8 = 1;
/// The most bytes of one coded frame. An empty one says that silence begins.
pub const CODED_MOST: usize = 250;
/// The most earlier frames that a packet repeats.
pub const REPEATS_MOST: usize = 3;
/// The most periods of 10 ms that a coded frame spans.
pub const PERIODS_MOST: usize = 2;
/// What plain samples take, at IP level.
pub const PCM_RATE: Bitrate = Bitrate::kbps(840);
/// What a coded frame's own bytes take.
pub const CODED_PAYLOAD: Bitrate = Bitrate::kbps(32);

/// What coded sound takes at IP level, with so many repeats, in frames of so many periods.
pub fn coded_rate(repeats: u8, periods: u8) -> Bitrate {
    // IP, UDP, the hop's seal, the media header, and the packet's own.
    let packet = DataSize::bytes(28 + 29 + 27 + 1 + u64::from(repeats));
    let overhead = packet.as_bytes() * 8 * 100 / u64::from(periods.max(1));
    Bitrate::bps(overhead + CODED_PAYLOAD.as_bps() * (1 + u64::from(repeats)))
}

/// One coded frame.
pub type Coded = Vec<u8, CODED_MOST>;

/// What a jitter buffer needs of the codec. Whatever is handed to it, it puts out sound.
pub trait SoundDecoder: Send {
    /// Decodes the frame that follows the last one into `out`, 480 samples a period.
    fn decode(&mut self, coded: &[u8], out: &mut [i16]);
    /// Makes the lost frame before `coded` of what that holds of it (in-band error correction); `false` if that is nothing.
    fn rebuild(&mut self, coded: &[u8], out: &mut [i16]) -> bool;
    /// Makes up 10 ms for what is lost.
    fn make_up(&mut self, out: &mut AudioFrame);
    /// How much later than the coded frame's first sample what it puts out first was captured is the codec's own delay.
    fn delay(&self) -> Duration;
}

/// Makes the packets of one room's coded sound.
#[derive(Clone, Debug, Default)]
pub struct VoicePacker {
    periods: u8,
    /// The newest first.
    before: Deque<Coded, REPEATS_MOST>,
}

/// The payload of one packet.
pub type VoicePayload = Vec<u8, MAX_PAYLOAD>;

impl VoicePacker {
    /// Nothing has been sent.
    pub fn new() -> VoicePacker {
        VoicePacker::default()
    }

    /// Repeats nothing of what was before.
    pub fn forget(&mut self) {
        self.before.clear();
    }

    /// The payload of a packet of this coded frame of 1 or 2 periods, with up to `repeats` of the frames before it. At most
    /// [`CODED_MOST`] bytes of the frame are taken.
    pub fn pack(&mut self, coded: &[u8], periods: u8, repeats: u8) -> VoicePayload {
        let periods = periods.clamp(1, PERIODS_MOST as u8);
        if self.periods != periods {
            self.periods = periods;
            self.before.clear();
        }
        let coded = &coded[..coded.len().min(CODED_MOST)];
        let repeats = usize::from(repeats).min(self.before.len());
        let mut payload = VoicePayload::new();
        // Four frames, their lengths and a byte are fewer than a payload may have.
        let _ = payload.push(periods << 4 | repeats as u8);
        for repeat in self.before.iter().take(repeats) {
            let _ = payload.push(repeat.len() as u8);
        }
        for repeat in self.before.iter().take(repeats) {
            let _ = payload.extend_from_slice(repeat);
        }
        let _ = payload.extend_from_slice(coded);
        if self.before.is_full() {
            self.before.pop_back();
        }
        let _ = self.before.push_front(coded.iter().copied().collect());
        payload
    }
}

/// What a packet of coded sound holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VoicePacket<'a> {
    /// The periods of each of its frames: 1 or 2.
    pub periods: u8,
    /// The packet's own frame; empty where silence begins.
    pub coded: &'a [u8],
    /// The frames before it, the nearest first.
    pub repeats: Vec<&'a [u8], REPEATS_MOST>,
}

impl VoicePacket<'_> {
    /// Reads a payload; `None` for one that is none.
    pub fn parse(payload: &[u8]) -> Option<VoicePacket<'_>> {
        let (&first, rest) = payload.split_first()?;
        let (periods, count) = (first >> 4, usize::from(first & 15));
        if !(1..=PERIODS_MOST as u8).contains(&periods) || count > REPEATS_MOST {
            return None;
        }
        let (lengths, mut rest) = rest.split_at_checked(count)?;
        let mut repeats = Vec::new();
        for length in lengths {
            let (repeat, after) = rest.split_at_checked(usize::from(*length))?;
            repeats.push(repeat).ok()?;
            rest = after;
        }
        let fits = |coded: &&[u8]| coded.len() <= CODED_MOST;
        let packet = VoicePacket { periods, coded: rest, repeats };
        (fits(&packet.coded) && packet.repeats.iter().all(fits)).then_some(packet)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_packet_repeats_the_frames_before_it_and_never_those_of_another_length() {
        let mut packer = VoicePacker::new();
        let parts = |payload: &VoicePayload| {
            let packet = VoicePacket::parse(payload).unwrap();
            let repeats: std::vec::Vec<std::vec::Vec<u8>> =
                packet.repeats.iter().map(|it| it.to_vec()).collect();
            (packet.periods, packet.coded.to_vec(), repeats)
        };
        assert_eq!(parts(&packer.pack(b"one", 1, 2)), (1, b"one".to_vec(), vec![]));
        assert_eq!(parts(&packer.pack(b"", 1, 2)), (1, vec![], vec![b"one".to_vec()]));
        let third = packer.pack(b"three", 1, 2);
        assert_eq!(third, b"\x12\x00\x03onethree"[..], "as it is on the wire");
        assert_eq!(parts(&third), (1, b"three".to_vec(), vec![vec![], b"one".to_vec()]));
        assert_eq!(parts(&packer.pack(b"four", 1, 3)).2.len(), 3);
        assert_eq!(parts(&packer.pack(b"five", 1, 3)).2[2], b"".to_vec(), "the oldest is forgotten");
        assert_eq!(parts(&packer.pack(b"long", 2, 3)), (2, b"long".to_vec(), vec![]));
        packer.forget();
        assert_eq!(parts(&packer.pack(b"new", 2, 3)).2.len(), 0);
    }

    #[test]
    fn the_longest_packet_fits() {
        let mut packer = VoicePacker::new();
        let longest = (0..5).map(|_| packer.pack(&[7; 300], 2, 9)).last().unwrap();
        let packet = VoicePacket::parse(&longest).unwrap();
        assert_eq!((packet.coded.len(), packet.repeats.len()), (CODED_MOST, REPEATS_MOST));
    }

    #[test]
    fn what_is_no_packet_is_refused() {
        for bad in [&b""[..], b"\x00x", b"\x30x", b"\x14\0\0\0\0x", b"\x11", b"\x11\x05four", &[0x10; 252]] {
            assert_eq!(VoicePacket::parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn rates_are_of_whole_packets() {
        assert_eq!(coded_rate(0, 1), Bitrate::bps(85 * 8 * 100 + 32_000));
        assert_eq!(coded_rate(2, 2), Bitrate::bps(87 * 8 * 50 + 96_000));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(payload in prop::collection::vec(any::<u8>(), 0..1200)) {
            if let Some(packet) = VoicePacket::parse(&payload) {
                let bytes: usize = packet.repeats.iter().map(|repeat| repeat.len() + 1).sum();
                prop_assert_eq!(1 + bytes + packet.coded.len(), payload.len());
            }
        }
    }
}
