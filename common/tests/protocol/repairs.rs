//! Repairs of section 13: frames, and the payloads of the repairs that the crate makes for them.

use serde_json::{Value, json};
use vestibule_common::id::StreamId;
use vestibule_common::media::{FrameInfo, Packetizer, Reassembler, ReassemblerConfig, Repairer};
use vestibule_common::time::Time;
use vestibule_common::wire::{MAX_BODY, MediaHeader};

use crate::bodies::{hex, unhex};
use crate::vectors::recorded;

/// A frame's pieces and repairs, each a whole body.
fn bodies(frame: &[u8], repairs: u16) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
    let mut packetizer = Packetizer::video(StreamId(6)).with_repair_room();
    let pieces = packetizer.frame(frame, FrameInfo::video(Time::ZERO, true, None)).unwrap();
    let mut repairer = Repairer::new();
    let made = repairer.protect(&pieces, repairs).unwrap();
    let mut out = [0; MAX_BODY];
    let mut bodies = (Vec::new(), Vec::new());
    for index in 0..pieces.count() {
        let len = pieces.write(index, &mut out).unwrap();
        bodies.0.push(out[..len].to_vec());
    }
    for index in 0..made.count() {
        let len = made.write(index, &mut out).unwrap();
        bodies.1.push(out[..len].to_vec());
    }
    bodies
}

/// The vectors.
pub(crate) fn repairs() -> Value {
    let long: Vec<u8> = (0..2501).map(|at| (at % 251) as u8).collect();
    [(&b"abc"[..], 1), (&long, 3)]
        .map(|(frame, count)| {
            let (pieces, made) = bodies(frame, count);
            let payloads: Vec<_> = made.iter().map(|body| hex(MediaHeader::parse(body).unwrap().1)).collect();
            json!({ "frame": hex(frame), "pieces": pieces.len(), "repairs": payloads })
        })
        .into_iter()
        .collect()
}

#[test]
fn repairs_alone_give_the_frame_back() {
    for vector in recorded()["repairs"].as_array().unwrap() {
        let frame = unhex(&vector["frame"]);
        let payloads = vector["repairs"].as_array().unwrap();
        let mut reassembler = Reassembler::new(ReassemblerConfig::default());
        for (body, payload) in bodies(&frame, payloads.len() as u16).1.iter().zip(payloads) {
            let (header, _) = MediaHeader::parse(body).unwrap();
            assert_eq!(header.pieces, vector["pieces"]);
            reassembler.handle_piece(&header, &unhex(payload), Time::ZERO);
        }
        assert_eq!(reassembler.next_frame(Time::ZERO).unwrap().bytes, frame);
    }
}
