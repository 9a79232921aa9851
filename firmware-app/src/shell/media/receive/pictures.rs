//! One stream of pictures on its way from the network to the decoder, within what one room may cost the others.

use vestibule_common::media::{AssembledFrame, Reassembler, ReassemblerConfig};
use vestibule_common::time::{Duration, Time};
use vestibule_common::wire::Nack;

use crate::shell::media::decode::PictureStream;
use crate::video::allowance::Allowance;

/// Frames a second of each kind that one room may give the decoder, and how many at once: twice what kiosks send, and what
/// waits behind a piece that is sent again. All rooms share one decoder.
const FRAMES: [(u32, u32); 2] = [(60, 30), (30, 8)];
/// Keyframes a second that are asked for, each stream, and how many at once.
const REQUESTS: (u32, u32) = (4, 2);
/// Requests for missing pieces a second, each stream, and how many at once: the relay would not answer more.
const NACKS: (u32, u32) = (100, 30);

/// One stream of pictures, from its pieces to whole frames, and what is asked for of it.
pub(super) struct Pictures {
    pub(super) stream: PictureStream,
    /// Since when it may be shown.
    pub(super) since: Time,
    pub(super) reassembler: Reassembler,
    allowance: Allowance,
    requests: Allowance,
    nacks: Allowance,
}

impl Pictures {
    pub(super) fn new(stream: PictureStream, now: Time) -> Pictures {
        let reassembler = Reassembler::new(ReassemblerConfig::default());
        let (rate, burst) = FRAMES[stream.kind as usize];
        let (allowance, requests) = (Allowance::new(rate, burst), Allowance::new(REQUESTS.0, REQUESTS.1));
        let nacks = Allowance::new(NACKS.0, NACKS.1);
        Pictures { stream, since: now, reassembler, allowance, requests, nacks }
    }

    /// Whether to ask for a keyframe now. The reassembler alone asks anew after every keyframe that came, however many.
    pub(super) fn keyframe_needed(&mut self, now: Time) -> bool {
        self.reassembler.keyframe_needed(now) && self.requests.take(now)
    }

    /// Gives every request for missing pieces that is due to `ask`; how many pieces those are.
    pub(super) fn ask(&mut self, round_trip: Duration, now: Time, mut ask: impl FnMut(Nack)) -> u64 {
        let mut pieces = 0;
        while let Some(nack) = self.reassembler.next_nack(round_trip, now) {
            if self.nacks.take(now) {
                pieces += nack.pieces.len().max(1) as u64;
                ask(nack);
            }
        }
        pieces
    }

    /// Gives every frame that is ready to `decode`, which says whether it took it, and counts in `dropped` those that
    /// were not taken or were too many. After such a one only a keyframe helps.
    pub(super) fn deliver(&mut self, now: Time, mut decode: impl FnMut(AssembledFrame) -> bool) -> Delivered {
        let mut delivered = Delivered::default();
        while let Some(frame) = self.reassembler.next_frame(now) {
            delivered.frames += 1;
            if !self.allowance.take(now) || !decode(frame) {
                delivered.dropped += 1;
                self.reassembler.handle_decoder_failure();
            }
        }
        delivered
    }
}

/// What became of a stream's frames.
#[derive(Copy, Clone, PartialEq, Eq, Default, Debug)]
pub(super) struct Delivered {
    /// Those that were ready.
    pub(super) frames: u64,
    /// Those of them that were not taken, or were too many.
    pub(super) dropped: u64,
}

#[cfg(test)]
mod tests {
    use vestibule_common::id::{PeerId, StreamId};
    use vestibule_common::media::{Accepted, FrameInfo, Packetizer};
    use vestibule_common::wire::{Kind, Layer, MediaHeader};

    use super::*;
    use crate::shell::media::receive::ROUND_TRIP;
    use crate::video::kind::PictureKind;

    /// Sends frames for 10 s; how many were delivered, dropped, and how many keyframes were asked for. A keyframe
    /// answers each request, as from a room that follows the protocol.
    fn flood(every: Duration, only_keyframes: bool) -> (u64, u64, u64) {
        let stream = PictureStream { peer: PeerId([7; 32]), kind: PictureKind::Camera };
        let (mut pictures, mut packetizer) =
            (Pictures::new(stream, Time::ZERO), Packetizer::video(StreamId(3)));
        let (mut taken, mut dropped, mut asked, mut keyframe) = (0, 0, 0, true);
        let (mut now, end) = (Time::from_millis(1_000), Time::from_millis(11_000));
        let mut needs_keyframe = true;
        while now < end {
            let is_keyframe = std::mem::take(&mut keyframe) || only_keyframes;
            let pieces = packetizer.frame(&[1; 50], FrameInfo::video(now, is_keyframe, None)).unwrap();
            let mut body = [0; 1200];
            let len = pieces.write(0, &mut body).unwrap();
            let (header, payload) = MediaHeader::parse(&body[..len]).unwrap();
            pictures.reassembler.handle_piece(&header, payload, now);
            let delivered = pictures.deliver(now, |frame| {
                assert!(frame.keyframe || !needs_keyframe, "a frame whose reference was dropped");
                needs_keyframe = false;
                taken += 1;
                true
            });
            needs_keyframe |= delivered.dropped > 0;
            dropped += delivered.dropped;
            if pictures.keyframe_needed(now) {
                (asked, keyframe) = (asked + 1, true);
            }
            now += every;
        }
        (taken, dropped, asked)
    }

    #[test]
    fn a_stream_at_the_protocols_rate_passes_whole() {
        assert_eq!(flood(Duration::from_micros(33_333), false), (301, 0, 0));
    }

    #[test]
    fn a_flooding_stream_gets_its_share_and_asks_sparingly() {
        for only_keyframes in [false, true] {
            let (taken, dropped, asked) = flood(Duration::from_millis(2), only_keyframes);
            assert!((300..=632).contains(&taken), "{taken} taken");
            assert!(dropped > 0 && asked <= 42, "{dropped} dropped, {asked} asked");
        }
    }

    #[test]
    fn what_is_missing_is_asked_for_in_time_and_its_frame_shown() {
        let stream = PictureStream { peer: PeerId([7; 32]), kind: PictureKind::Camera };
        let (mut pictures, packetizer) = (Pictures::new(stream, Time::ZERO), Packetizer::video(StreamId(3)));
        let mut lost = Vec::new();
        for number in 0..3_u32 {
            let now = Time::from_millis(u64::from(number) * 33);
            let info = FrameInfo::video(now, number == 0, None);
            let pieces = packetizer.frame_numbered(number, &[1; 2500], info).unwrap();
            for piece in 0..pieces.count() {
                let mut body = vec![0; 1200];
                let len = pieces.write(piece, &mut body).unwrap();
                if (number, piece) == (1, 1) {
                    lost = body[..len].to_vec();
                    continue;
                }
                let (header, payload) = MediaHeader::parse(&body[..len]).unwrap();
                pictures.reassembler.handle_piece(&header, payload, now);
            }
            pictures.deliver(now, |_| true);
            assert_eq!(pictures.ask(ROUND_TRIP, now, |_| ()), u64::from(number == 2), "{number}");
        }
        let due = pictures.reassembler.poll_timeout().unwrap();
        assert!(due > Time::from_millis(66), "what was due has been done");
        lost[0] = Kind::Retransmission as u8;
        let (header, payload) = MediaHeader::parse(&lost).unwrap();
        let now = Time::from_millis(90);
        assert_eq!(pictures.reassembler.handle_piece(&header, payload, now), Accepted::Completed);
        assert_eq!(pictures.deliver(now, |_| true), Delivered { frames: 2, dropped: 0 });
    }

    #[test]
    fn a_switch_of_layers_at_a_keyframe_passes_whole_and_a_slower_layer_waits_for_nothing() {
        let stream = PictureStream { peer: PeerId([7; 32]), kind: PictureKind::Camera };
        let (mut pictures, packetizer) = (Pictures::new(stream, Time::ZERO), Packetizer::video(StreamId(3)));
        let mut taken = Vec::new();
        // Number, layer, how many numbers back it refers.
        for (number, spatial, reference_distance) in
            [(10, 3, 0), (11, 3, 1), (12, 0, 0), (14, 0, 2), (17, 0, 3), (18, 2, 0), (19, 2, 1)]
        {
            let now = Time::from_millis(u64::from(number) * 33);
            let layer = Layer { spatial, temporal: 0 };
            let keyframe = reference_distance == 0;
            let info = FrameInfo { layer, reference_distance, ..FrameInfo::video(now, keyframe, None) };
            let mut body = [0; 1200];
            let len = packetizer.frame_numbered(number, &[1; 50], info).unwrap().write(0, &mut body).unwrap();
            let (header, payload) = MediaHeader::parse(&body[..len]).unwrap();
            pictures.reassembler.handle_piece(&header, payload, now);
            pictures.deliver(now, |frame| {
                taken.push((frame.number, frame.layer.spatial));
                true
            });
            assert!(!pictures.keyframe_needed(now));
        }
        assert_eq!(taken, [(10, 3), (11, 3), (12, 0), (14, 0), (17, 0), (18, 2), (19, 2)]);
    }
}
