//! What is let through to the codec: what our own encoder makes, and nothing else, whatever the bytes.

use proptest::prelude::*;
use vestibule_common::unit::Bitrate;

use super::super::encoder::{Encoder, EncoderSettings};
use super::super::i420::I420;
use super::*;
use PictureKind::{Camera, Presentation};

/// Writes bits, for parameter sets that no encoder makes.
#[derive(Clone, Default)]
struct Writer(Vec<u8>);

impl Writer {
    fn fixed(mut self, value: u64, count: u32) -> Writer {
        self.0.extend((0..count).rev().map(|bit| (value >> bit & 1) as u8));
        self
    }

    fn unsigned(self, value: u64) -> Writer {
        let zeros = (value + 1).ilog2();
        self.fixed(0, zeros).fixed(value + 1, zeros + 1)
    }

    /// The payload with its stop bit and with emulation prevention.
    fn payload(self) -> Vec<u8> {
        let bits = self.fixed(1, 1).0;
        let bytes = bits
            .chunks(8)
            .map(|bits| bits.iter().enumerate().fold(0, |byte, (n, bit)| byte | bit << (7 - n)));
        let (mut out, mut zeros) = (Vec::new(), 0);
        for byte in bytes {
            if zeros == 2 && byte <= 3 {
                out.push(3);
                zeros = 0;
            }
            zeros = if byte == 0 { zeros + 1 } else { 0 };
            out.push(byte);
        }
        out
    }
}

fn sps(profile: u64, width: u64, height: u64, crop: Option<[u64; 4]>) -> Vec<u8> {
    let writer = Writer::default().fixed(profile, 8).fixed(0, 8).fixed(30, 8);
    let writer = writer.unsigned(0).unsigned(11).unsigned(2).unsigned(1).fixed(0, 1);
    let writer = writer.unsigned(width - 1).unsigned(height - 1).fixed(0b11, 2);
    let writer = match crop {
        Some(sides) => sides.into_iter().fold(writer.fixed(1, 1), Writer::unsigned),
        None => writer.fixed(0, 1),
    };
    writer.fixed(0, 1).payload()
}

fn unit(nals: &[(u8, &[u8])]) -> Vec<u8> {
    nals.iter().flat_map(|(header, body)| [&[0, 0, 0, 1, *header], *body].concat()).collect()
}

fn keyframe(kind: PictureKind, width: usize, height: usize) -> Vec<u8> {
    let settings = EncoderSettings { kind, bitrate: Bitrate::kbps(800), rate: 30, coarseness: 0 };
    let picture = I420::new(width, height);
    Encoder::new(settings).unwrap().encode(picture.view(), true).unwrap().unwrap().bytes.to_vec()
}

#[test]
fn sizes_are_read_and_large_ones_refused() {
    let size = |width, height| BadUnit::Size { width, height };
    assert_eq!(Sps::parse(&sps(66, 40, 30, None), Camera), Ok(Sps { width: 640, height: 480 }));
    assert_eq!(Sps::parse(&sps(66, 40, 23, Some([0, 0, 0, 4])), Camera), Ok(Sps { width: 640, height: 360 }));
    assert_eq!(Sps::parse(&sps(66, 30, 40, None), Camera), Ok(Sps { width: 480, height: 640 }));
    assert_eq!(Sps::parse(&sps(66, 1, 1, None), Camera), Ok(Sps { width: 16, height: 16 }));
    assert_eq!(Sps::parse(&sps(66, 41, 20, None), Camera), Err(size(41, 20)));
    assert_eq!(Sps::parse(&sps(66, 40, 31, None), Camera), Err(size(40, 31)));
    assert_eq!(Sps::parse(&sps(66, 1, 1, Some([0, 1, 0, 0])), Camera), Err(size(1, 1)));
    assert_eq!(Sps::parse(&sps(100, 40, 30, None), Camera), Err(BadUnit::Profile(100)));
    let long = Writer::default().fixed(66, 8).fixed(0, 8).fixed(30, 8).fixed(0, 40).payload();
    assert_eq!(Sps::parse(&long, Camera), Err(BadUnit::Sps));
}

#[test]
fn a_crop_never_takes_a_macroblock_nor_counts_as_negative() {
    let all = Some([160, 160, 0, 0]);
    assert_eq!(Sps::parse(&sps(66, 40, 30, all), Camera), Err(BadUnit::Crop), "nothing is left");
    for huge in [8, 1 << 20, (1 << 31) - 2] {
        for side in 0..4 {
            let mut crop = [0; 4];
            crop[side] = huge;
            assert_eq!(Sps::parse(&sps(66, 40, 30, Some(crop)), Camera), Err(BadUnit::Crop), "{crop:?}");
        }
    }
    // What the codec would take for negative.
    for huge in [1 << 31, (1_u64 << 32) - 2] {
        assert_eq!(Sps::parse(&sps(66, 40, 30, Some([0, huge, 0, huge])), Camera), Err(BadUnit::Sps));
    }
}

#[test]
fn what_our_encoder_makes_is_allowed() {
    let size = |bytes: &[u8], kind| {
        assert_eq!(check(bytes, kind), Ok(()), "{kind:?}");
        let at = bytes.windows(4).position(|four| four == [0, 0, 1, 0x67]).unwrap() + 4;
        let Sps { width, height } = Sps::parse(&bytes[at..], kind).unwrap();
        (width, height)
    };
    for (width, height) in [(640, 480), (640, 360), (176, 144), (640, 272), (16, 16), (360, 640)] {
        for kind in PictureKind::ALL {
            assert_eq!(size(&keyframe(kind, width, height), kind), (width, height));
        }
    }
    assert_eq!(size(&keyframe(Camera, 1280, 720), Camera), (640, 360), "scaled down");
    for (width, height) in [(1280, 720), (1280, 800), (1024, 768)] {
        let large = keyframe(Presentation, width, height);
        assert_eq!(size(&large, Presentation), (width, height));
        assert!(matches!(check(&large, Camera), Err(BadUnit::Size { .. })), "too large for a camera");
    }
    assert_eq!(size(&keyframe(Presentation, 1920, 1080), Presentation), (1280, 720), "scaled down");
}

#[test]
fn a_parameter_set_is_found_wherever_it_hides() {
    let (good, bad) = (sps(66, 40, 30, None), sps(66, 240, 135, None));
    let refused = Err(BadUnit::Size { width: 240, height: 135 });
    let slice = Writer::default().unsigned(0).unsigned(7).payload();
    assert_eq!(check(&unit(&[(0x67, &good), (0x68, &[0xce]), (0x65, &slice)]), Camera), Ok(()));
    assert_eq!(check(&unit(&[(0x67, &good), (0x65, &slice), (0x67, &bad)]), Camera), refused);
    assert_eq!(
        check(&unit(&[(0x41, &slice), (0x27, &bad)]), Camera),
        refused,
        "in a frame that is no keyframe"
    );
    let short = [&[0, 0, 1, 0x09, 0xf0, 0, 0, 1, 0x67][..], &bad].concat();
    assert_eq!(check(&short, Camera), refused, "behind a short start code");
    for kind in [0, 2, 10, 14, 15, 20, 24, 31] {
        assert_eq!(check(&unit(&[(0x60 | kind, &[0x80])]), Camera), Err(BadUnit::NalType(kind)));
    }
}

#[test]
fn nothing_but_one_picture_with_start_codes() {
    let slice = |start| Writer::default().unsigned(start).unsigned(7).payload();
    let slices =
        |starts: &[u64]| starts.iter().flat_map(|start| unit(&[(0x41, &slice(*start))])).collect::<Vec<u8>>();
    assert_eq!(check(&slices(&[0, 300, 600]), Camera), Ok(()));
    for starts in [&[300][..], &[0, 0], &[0, 600, 300], &[0, 1, 2, 3, 4, 5, 6, 7, 8]] {
        assert_eq!(check(&slices(starts), Camera), Err(BadUnit::Slices), "{starts:?}");
    }
    let broken: [&[u8]; 9] = [
        b"",
        &[0, 0, 0],
        &[0, 0, 1],
        &[0, 1, 0x67],
        &[9, 0, 0, 1, 0x09, 0xf0],
        &[0, 0, 1, 0x89, 0xf0],
        &[0, 0, 1, 0x09, 0, 0, 0, 7],
        &[0, 0, 1, 0x09, 0, 0, 2],
        &[0, 0, 1, 0x09, 0, 0, 3, 4],
    ];
    for bytes in broken {
        assert_eq!(check(bytes, Camera), Err(BadUnit::NotAnnexB), "{bytes:?}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = check(&bytes, Camera);
        if let Ok(sps) = Sps::parse(&bytes, Presentation) {
            prop_assert!(Presentation.allows(sps.width, sps.height));
        }
        let _ = check(&unit(&[(0x67, &bytes)]), Camera);
    }

    #[test]
    fn what_is_written_is_read(
        kind in prop_oneof![Just(Camera), Just(Presentation)],
        width in 1..100_u64,
        height in 1..100_u64,
        crop in proptest::option::of([0..12_u64, 0..12_u64, 0..12_u64, 0..12_u64]),
    ) {
        let [left, right, top, bottom] = crop.unwrap_or_default();
        let fits = left + right < 8 && top + bottom < 8;
        let (wide, high) = (16 * width as i64 - 2 * (left + right) as i64, 16 * height as i64 - 2 * (top + bottom) as i64);
        match Sps::parse(&sps(66, width, height, crop), kind) {
            Ok(sps) => {
                prop_assert!(fits && kind.allows(sps.width, sps.height));
                prop_assert_eq!((sps.width as i64, sps.height as i64), (wide, high));
            }
            Err(_) => {
                let (side, area) = if kind == Camera { (40, 1200) } else { (80, 4000) };
                let large = width > side || height > side || width * height > area;
                prop_assert!(!fits || large || wide < 16 || high < 16);
            }
        }
    }

    #[test]
    fn a_changed_keyframe_is_read_without_panic(changes in proptest::collection::vec((0..40_usize, any::<u8>()), 1..6)) {
        let mut bytes = keyframe(Camera, 64, 48);
        for (at, byte) in changes {
            if let Some(target) = bytes.get_mut(at) {
                *target = byte;
            }
        }
        let _ = check(&bytes, Camera);
    }
}
