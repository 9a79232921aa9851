//! What is kept, for how long, and that asking often gains nothing.

use proptest::prelude::*;

use super::*;
use crate::media::packetizer::FrameInfo;
use crate::wire::Layer;

const MS: fn(u64) -> Time = Time::from_millis;
const REPEAT: Duration = Duration::from_millis(40);

fn bodies(packetizer: &mut Packetizer, spatial: u8, len: usize) -> Vec<Vec<u8>> {
    let frame: Vec<u8> = (0..len).map(|at| (at * 7 + usize::from(spatial)) as u8).collect();
    let info = FrameInfo { layer: Layer { spatial, temporal: 0 }, ..FrameInfo::video(MS(1), false, None) };
    let pieces = packetizer.frame(&frame, info).unwrap();
    (0..pieces.count())
        .map(|index| {
            let mut out = [0; MAX_BODY];
            let len = pieces.write(index, &mut out).unwrap();
            out[..len].to_vec()
        })
        .collect()
}

fn nack(frame: u32, spatial: u8, pieces: &[u16]) -> Nack {
    Nack { stream: StreamId(1), spatial, frame, pieces: pieces.iter().copied().collect() }
}

fn answers(resend: &mut Resend, nack: &Nack, now: Time) -> Vec<Vec<u8>> {
    let mut answer = resend.answer(nack, REPEAT, now);
    let mut bodies = Vec::new();
    while let Some(body) = answer.next_body() {
        bodies.push(body.to_vec());
    }
    bodies
}

#[test]
fn what_is_missing_here_is_told_apart() {
    let mut resend = Resend::new(ResendConfig::default());
    let mut packetizer = Packetizer::video(StreamId(1)).starting_at(7);
    let sent = bodies(&mut packetizer, 0, 5000);
    assert_eq!(resend.missing(&nack(7, 0, &[]), MS(0)), Some(nack(7, 0, &[])));
    resend.remember(&sent[1], MS(0));
    assert_eq!(resend.missing(&nack(7, 0, &[0, 1, 600]), MS(0)), Some(nack(7, 0, &[0, 600])));
    assert_eq!(resend.missing(&nack(7, 0, &[1]), MS(0)), None);
    assert_eq!(resend.missing(&nack(7, 0, &[]), MS(0)), None);
    assert_eq!(resend.missing(&nack(7, 1, &[1]), MS(0)), Some(nack(7, 1, &[1])));
    assert_eq!(resend.missing(&nack(7, 0, &[1]), MS(1001)), Some(nack(7, 0, &[1])), "forgotten");
}

#[test]
fn what_is_asked_for_comes_again_with_another_kind_and_nothing_else_changed() {
    let mut resend = Resend::new(ResendConfig::default());
    let mut packetizer = Packetizer::video(StreamId(1)).starting_at(u32::MAX);
    let mut sent = bodies(&mut packetizer, 0, 5000);
    for body in &sent {
        resend.remember(body, MS(0));
    }
    let upper = bodies(&mut packetizer.clone().starting_at(u32::MAX), 2, 5000);
    for body in &upper {
        resend.remember(body, MS(0));
    }
    for body in &mut sent {
        body[0] = Kind::Retransmission as u8;
    }
    let got = answers(&mut resend, &nack(u32::MAX, 0, &[3, 1, 1, 600]), MS(10));
    assert_eq!(got, [sent[1].clone(), sent[3].clone()]);
    // The whole frame, but for what was just given.
    let got = answers(&mut resend, &nack(u32::MAX, 0, &[]), MS(20));
    assert_eq!(got, [sent[0].clone(), sent[2].clone(), sent[4].clone()]);
    assert_eq!(answers(&mut resend, &nack(u32::MAX, 2, &[0]), MS(20))[0][1..], upper[0][1..]);
    // Another frame, layer or stream.
    for other in
        [nack(0, 0, &[]), nack(u32::MAX, 1, &[]), Nack { stream: StreamId(2), ..nack(u32::MAX, 0, &[]) }]
    {
        assert!(answers(&mut resend, &other, MS(500)).is_empty());
    }
}

#[test]
fn a_flood_of_nacks_gives_each_piece_once_in_the_time_of_a_repeat() {
    let mut resend = Resend::new(ResendConfig::default());
    for body in bodies(&mut Packetizer::video(StreamId(1)), 0, 20_000) {
        resend.remember(&body, MS(0));
    }
    let given: usize = (0..400).map(|now| answers(&mut resend, &nack(0, 0, &[]), MS(now)).len()).sum();
    assert_eq!(given, 18 * 10);
}

#[test]
fn old_bodies_and_too_many_are_forgotten() {
    let config = ResendConfig { max_bytes: 10_000, max_bodies: 20, max_age: Duration::from_millis(100) };
    let mut resend = Resend::new(config);
    let mut packetizer = Packetizer::video(StreamId(1));
    for n in 0..100 {
        for body in bodies(&mut packetizer, 0, 100) {
            resend.remember(&body, MS(n));
        }
    }
    assert_eq!(resend.len(), 20);
    assert!(answers(&mut resend, &nack(79, 0, &[0]), MS(99)).is_empty());
    assert_eq!(answers(&mut resend, &nack(80, 0, &[0]), MS(99)).len(), 1);
    assert!(answers(&mut resend, &nack(80, 0, &[0]), MS(181)).is_empty());
    for body in bodies(&mut packetizer, 0, 12_000) {
        resend.remember(&body, MS(181));
    }
    // Each of 1,091 and 27 bytes of header: eight fit.
    assert_eq!(resend.len(), 8);
    resend.clear();
    assert!(resend.is_empty());
}

#[test]
fn repairs_and_what_is_no_media_are_not_kept_and_a_foreign_retransmission_is_once() {
    let mut resend = Resend::new(ResendConfig::default());
    let mut body = bodies(&mut Packetizer::video(StreamId(1)), 0, 100).remove(0);
    for kind in [Kind::Repair, Kind::File, Kind::Nack] {
        body[0] = kind as u8;
        resend.remember(&body, MS(0));
    }
    resend.remember(&[], MS(0));
    assert!(resend.is_empty());
    body[0] = Kind::Retransmission as u8;
    resend.remember(&body, MS(0));
    resend.remember(&body, MS(0));
    assert_eq!(resend.len(), 1);
}

proptest! {
    /// The ring against a plain list: what is still kept is what was sent, and it is the newest.
    #[test]
    fn what_is_kept_is_what_was_sent(sizes in prop::collection::vec(1usize..1120, 1..200)) {
        let config = ResendConfig { max_bytes: 9000, max_bodies: 30, max_age: Duration::from_secs(100) };
        let mut resend = Resend::new(config);
        let mut packetizer = Packetizer::video(StreamId(1));
        let mut sent = Vec::new();
        for size in sizes {
            let body = bodies(&mut packetizer, 0, size).remove(0);
            resend.remember(&body, MS(0));
            sent.push(body);
            let kept = resend.len();
            prop_assert!((1..=30).contains(&kept));
            let mut bytes = 0;
            for (number, body) in sent.iter().enumerate().rev().take(kept) {
                let again = answers(&mut resend, &nack(number as u32, 0, &[0]), MS(sent.len() as u64 * 50));
                // A repeat may be too early; a wrong body never comes.
                for again in again {
                    prop_assert_eq!(&again[1..], &body[1..]);
                }
                bytes += body.len();
            }
            prop_assert!(bytes <= 9000);
            if kept < 30 && kept < sent.len() {
                prop_assert!(bytes > 9000 - 3 * MAX_BODY, "{} bytes kept", bytes);
            }
        }
    }
}
