//! Repairs against the definition in PROTOCOL.md, worked out here by plain Lagrange interpolation, and their number.

use proptest::prelude::*;

use super::*;
use crate::id::StreamId;
use crate::media::packetizer::{FrameInfo, Packetizer};
use crate::media::testing::Rng;
use crate::time::Time;
use crate::wire::MAX_BODY;

/// The field of the document: what a symbol stands for is a sum of these, one for each of its bits.
const BASIS: [u16; 16] = [
    0x0001, 0xACCA, 0x3C0E, 0x163E, 0xC582, 0xED2E, 0x914C, 0x4012, 0x6C98, 0x10D8, 0x6A72, 0xB900, 0xFDB8,
    0xFB34, 0xFF38, 0x991E,
];

fn element(symbol: u16) -> u16 {
    BASIS.iter().enumerate().filter(|(bit, _)| symbol >> bit & 1 == 1).fold(0, |sum, (_, beta)| sum ^ beta)
}

fn symbol(wanted: u16) -> u16 {
    // By elimination: the basis in echelon form would be quicker, but this is a test.
    (0..=u16::MAX).find(|symbol| element(*symbol) == wanted).unwrap()
}

/// Carry-less, modulo z^16 + z^5 + z^3 + z^2 + 1.
fn product(a: u16, b: u16) -> u16 {
    (0..16).rev().fold(0u16, |sum, bit| {
        let doubled = sum << 1 ^ if sum & 0x8000 == 0 { 0 } else { 0x002D };
        doubled ^ if b >> bit & 1 == 1 { a } else { 0 }
    })
}

fn inverse(a: u16) -> u16 {
    (0..15)
        .fold((1, a), |(result, power), _| {
            let squared = product(power, power);
            (product(result, squared), squared)
        })
        .0
}

/// What the code multiplies the symbol of piece `piece` by for repair `repair` of a block of `pieces`.
fn weight(pieces: usize, piece: usize, repair: usize) -> u16 {
    let points = pieces.next_power_of_two();
    let at = element((points + repair) as u16);
    (0..points).filter(|other| *other != piece).fold(1, |weight, other| {
        let other = element(other as u16);
        product(weight, product(at ^ other, inverse(element(piece as u16) ^ other)))
    })
}

/// The places of the low and the high byte of symbol `n` in a shard of `size` bytes.
fn bytes_of(n: usize, size: usize) -> (usize, usize) {
    let (chunk, within) = (n / 32 * 64, n % 32);
    let half = (size - chunk).min(64) / 2;
    (chunk + within, chunk + half + within)
}

fn shard_of(payload: &[u8], size: usize) -> Vec<u8> {
    let mut shard = (payload.len() as u16).to_be_bytes().to_vec();
    shard.extend_from_slice(payload);
    shard.resize(size, 0);
    shard
}

fn frame(len: usize, seed: u64) -> Vec<u8> {
    let mut rng = Rng(seed);
    (0..len).map(|_| rng.next() as u8).collect()
}

fn bodies(frame: &[u8], repairs: u16) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
    let mut packetizer = Packetizer::video(StreamId(1)).with_repair_room();
    let pieces = packetizer.frame(frame, FrameInfo::video(Time::ZERO, true, None)).unwrap();
    let mut out = [0; MAX_BODY];
    let of_pieces = (0..pieces.count())
        .map(|index| {
            let len = pieces.write(index, &mut out).unwrap();
            out[..len].to_vec()
        })
        .collect();
    let mut repairer = Repairer::new();
    let made = repairer.protect(&pieces, repairs).unwrap();
    let of_repairs = (0..made.count())
        .map(|index| {
            let len = made.write(index, &mut out).unwrap();
            out[..len].to_vec()
        })
        .collect();
    (of_pieces, of_repairs)
}

#[test]
fn repairs_are_what_the_document_says() {
    assert_eq!(product(inverse(0x1234), 0x1234), 1);
    let symbols: std::collections::BTreeMap<u16, u16> = (0..=u16::MAX).map(|s| (element(s), s)).collect();
    assert_eq!(symbols[&element(77)], symbol(element(77)));
    for (len, repairs) in [(1, 1), (7, 1), (1500, 2), (3001, 3), (5000, 5), (9900, 4), (66 * 1118, 12)] {
        let (pieces, made) = bodies(&frame(len, 3), repairs);
        let blocks = Blocks::of(pieces.len() as u16);
        let (_, longest) = MediaHeader::parse(&pieces[0]).unwrap();
        let size = (2 + longest.len()).next_multiple_of(2);
        for (index, body) in made.iter().enumerate() {
            let (header, repair) = MediaHeader::parse(body).unwrap();
            assert_eq!((header.kind, usize::from(header.piece)), (Kind::Repair, pieces.len() + index));
            assert_eq!(repair.len(), size);
            let (block, place) = (index % blocks.count, index / blocks.count);
            let shards: Vec<_> = pieces[block..]
                .iter()
                .step_by(blocks.count)
                .map(|piece| shard_of(MediaHeader::parse(piece).unwrap().1, size))
                .collect();
            let weights: Vec<_> = (0..shards.len()).map(|piece| weight(shards.len(), piece, place)).collect();
            for n in 0..size / 2 {
                let (low, high) = bytes_of(n, size);
                let sum = shards.iter().zip(&weights).fold(0, |sum, (shard, weight)| {
                    sum ^ product(*weight, element(u16::from_le_bytes([shard[low], shard[high]])))
                });
                assert_eq!([repair[low], repair[high]], symbols[&sum].to_le_bytes(), "{len} {index} {n}");
            }
        }
    }
}

#[test]
fn the_repair_of_a_single_piece_is_its_copy() {
    let (pieces, made) = bodies(&[1, 2, 3], 5);
    assert_eq!((pieces.len(), made.len()), (1, 1));
    let (header, payload) = MediaHeader::parse(&made[0]).unwrap();
    assert_eq!((header.piece, header.pieces, payload), (1, 1, &[0, 3, 1, 2, 3, 0][..]));
}

#[test]
fn a_repair_does_not_depend_on_how_many_are_made_and_full_pieces_leave_no_room() {
    let bytes = frame(20_000, 9);
    let (few, many) = (bodies(&bytes, 2).1, bodies(&bytes, 18).1);
    assert_eq!(few[..], many[..2]);
    assert_eq!(many.len(), 18);
    let full = vec![0; 2 * MAX_PAYLOAD];
    let mut packetizer = Packetizer::video(StreamId(1));
    let pieces = packetizer.frame(&full, FrameInfo::video(Time::ZERO, true, None)).unwrap();
    assert_eq!(Repairer::new().protect(&pieces, 1).unwrap_err(), RepairError::NoRoom(MAX_PAYLOAD));
}

#[test]
fn the_number_of_repairs_keeps_the_loss_of_frames_below_a_hundredth() {
    let table = [1, 2, 4, 10, 20, 64, 100, 512].map(|pieces| {
        (pieces, [0.0, 0.001, 0.01, 0.05, 0.1, 0.2, 1.0].map(|loss| repairs_for(pieces, loss)))
    });
    assert_eq!(
        table,
        [
            (1, [0, 0, 1, 1, 1, 1, 1]),
            (2, [0, 0, 1, 1, 1, 1, 1]),
            (4, [0, 0, 1, 2, 2, 2, 2]),
            (10, [0, 0, 1, 3, 4, 5, 5]),
            (20, [0, 1, 2, 4, 7, 10, 10]),
            (64, [0, 1, 3, 8, 14, 27, 32]),
            (100, [0, 2, 6, 16, 26, 48, 50]),
            (512, [0, 16, 32, 80, 136, 248, 256]),
        ]
    );
    assert_eq!(repairs_for(0, f64::NAN), 0);
    // Drawn rather than computed: 10 pieces and 4 repairs at a tenth.
    let mut rng = Rng(1);
    let lost = (0..100_000).filter(|_| (0..14).filter(|_| rng.chance(10)).count() > 4).count();
    assert!((700..1000).contains(&lost), "{lost} of 100000");
}

proptest! {
    #[test]
    fn any_loss_gives_a_bounded_number(pieces: u16, loss: f64) {
        prop_assert!(repairs_for(pieces, loss) <= (pieces / 2).max(1));
    }

    #[test]
    fn blocks_are_full_and_hold_every_piece_once(pieces in 1u16..=512) {
        let blocks = Blocks::of(pieces);
        let mut sizes = vec![0; blocks.count];
        for piece in 0..pieces {
            let (block, place) = blocks.place(piece);
            prop_assert_eq!(place, sizes[block]);
            sizes[block] += 1;
            prop_assert!(blocks.allows(piece));
        }
        prop_assert!(!blocks.allows(pieces));
        prop_assert!((0..blocks.count).all(|block| blocks.size(block) == sizes[block] && sizes[block] <= MAX_BLOCK));
    }
}
