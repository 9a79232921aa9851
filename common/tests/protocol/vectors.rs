//! The test vectors: made here from fixed secrets, compared with the file, and read back by the crate.

use std::path::PathBuf;

use serde_json::{Value, json};
use vestibule_common::chat::ChatMessage;
use vestibule_common::control::{FrameDecoder, encode_frame, parse_ask, parse_tell};
use vestibule_common::id::{PeerId, SessionId};
use vestibule_common::identity::{Identity, fingerprint_words, verify, verify_proof};
use vestibule_common::media::pcm::{FRAME_BYTES, SILENCE, from_bytes, to_bytes};
use vestibule_common::media::{VoicePacker, VoicePacket};
use vestibule_common::seal::{EXPORTED, HopSecrets, OpenError, Opener, Sealer, Suite};
use vestibule_common::signed::{Admission, Authority, Founding, Removal, Signature, Succession};
use vestibule_common::wire::{HOP_HEADER, Kind, TAG, reconstruct_packet_number};

use crate::bodies::{bodies, emit, fields, hex, read, unhex};
use crate::reference;
use crate::repairs::repairs;
use crate::samples::{NOW_MS, PROOF_EXPORTED, SEEDS, SESSION, asks, cast, tells};

const SUITES: [Suite; 2] = [Suite::Aes128Gcm, Suite::ChaCha20Poly1305];
/// What stands between two datagrams of the vectors, so that the opener can follow the packet numbers.
const PACKETS: [(u64, u32); 7] = [
    (0, 0),
    (1, 0),
    (2_000_000_000, 0),
    (4_000_000_000, 0),
    (4_294_967_301, 0),
    (4_294_967_302, 1),
    (4_294_967_303, 2),
];

fn file() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/protocol.json")
}

/// The vectors as they are on disk.
pub(crate) fn recorded() -> Value {
    serde_json::from_str(&std::fs::read_to_string(file()).unwrap()).unwrap()
}

fn suite_name(suite: Suite) -> Value {
    serde_json::to_value(suite).unwrap()
}

fn suite_of(name: &Value) -> Suite {
    serde_json::from_value(name.clone()).unwrap()
}

fn exported() -> [u8; EXPORTED] {
    std::array::from_fn(|at| at as u8)
}

fn identities() -> Value {
    SEEDS
        .map(|(name, byte)| {
            let peer = Identity::from_seed(&[byte; 32]).peer();
            json!({ "name": name, "seed": hex(&[byte; 32]), "public": peer, "words": fingerprint_words(&peer) })
        })
        .into_iter()
        .collect()
}

fn signed() -> Value {
    let cast = cast();
    let role = |admission: &Admission| u8::from(admission.member != admission.issuer) + 1;
    let admission_text = |a: &Admission| {
        let numbers = [a.serial, a.issued_ms, a.expires_ms].map(u64::to_be_bytes).concat();
        reference::text("admission", &[&a.room.0, &a.member.0, &[role(a)], &a.issuer.0, &numbers])
    };
    let (host, guest) = (cast.host_admission(), cast.admission());
    let removal = cast.removal();
    let removal_numbers = [removal.serial, removal.issued_ms].map(u64::to_be_bytes).concat();
    let removal_text = reference::text(
        "removal",
        &[&removal.room.0, &removal.member.0, &removal.issuer.0, &removal_numbers],
    );
    let succession = cast.succession();
    let succession_text = reference::text(
        "succession",
        &[
            &succession.room.0,
            &succession.issuer.0,
            &succession.successor.0,
            &succession.serial.to_be_bytes(),
        ],
    );
    let chat_text = |message: &ChatMessage| {
        let to: Vec<u8> = message.to.iter().flat_map(|peer| peer.0).collect();
        let numbers = [message.sequence, message.written_ms].map(u64::to_be_bytes).concat();
        let count = (message.to.len() as u64).to_be_bytes();
        let text = message.text.as_bytes();
        reference::text("chat", &[&cast.room.0, &message.from.0, &count, &to, &numbers, text])
    };
    json!({
        "host_admission": { "object": host, "signed": hex(&admission_text(&host)) },
        "admission": { "object": guest, "signed": hex(&admission_text(&guest)) },
        "removal": { "object": removal, "signed": hex(&removal_text) },
        "succession": { "object": succession, "signed": hex(&succession_text) },
        "public_chat": { "object": cast.public_chat(), "signed": hex(&chat_text(&cast.public_chat())) },
        "private_chat": { "object": cast.private_chat(), "signed": hex(&chat_text(&cast.private_chat())) },
    })
}

fn keys() -> Value {
    let secrets = HopSecrets::from_exported(&exported());
    let mut list = Vec::new();
    for suite in SUITES {
        let mut secret = secrets.kiosk_to_relay.to_vec();
        for phase in 0..3 {
            let keys = reference::phase(suite, &secret);
            list.push(json!({
                "suite": suite_name(suite),
                "phase": phase,
                "secret": hex(&secret),
                "key": hex(&keys.key),
                "iv": hex(&keys.iv),
                "next": hex(&keys.next),
            }));
            secret = keys.next;
        }
    }
    list.into()
}

fn datagrams() -> Value {
    let secret = HopSecrets::from_exported(&exported()).kiosk_to_relay;
    let body = emit(&bodies()[0].1);
    let mut list = Vec::new();
    for suite in SUITES {
        for (packet, phases) in PACKETS {
            let phase_secret =
                (0..phases).fold(secret.to_vec(), |secret, _| reference::phase(suite, &secret).next);
            let keys = reference::phase(suite, &phase_secret);
            list.push(json!({
                "suite": suite_name(suite),
                "session": SESSION,
                "secret": hex(&secret),
                "phase": phases,
                "packet": packet,
                "nonce": hex(&reference::nonce(&keys.iv, packet)),
                "body": hex(&body),
                "datagram": hex(&reference::seal(suite, &secret, phases, SESSION.0, packet, &body)),
            }));
        }
    }
    list.into()
}

fn packet_numbers() -> Value {
    let cases: [(Option<u64>, u32); 7] = [
        (None, 0),
        (None, 5),
        (Some(9), 3),
        (Some(0xffff_fffe), 2),
        (Some(0x1_0000_0002), 0xffff_fff0),
        (Some(0x1_2345_6789), 0x2345_6780),
        (Some(0x1_f000_0000), 0x1000_0000),
    ];
    let full = cases.map(|(largest, truncated)| {
        let full = reconstruct_packet_number(largest, truncated);
        json!({ "largest": largest, "truncated": truncated, "full": full })
    });
    full.into_iter().collect()
}

fn frames() -> Value {
    let mut list = Vec::new();
    for text in [r#"{"request":9,"type":"leave"}"#, r#"{"re":9,"type":"done"}"#] {
        let mut bytes = Vec::new();
        encode_frame(text.as_bytes(), &mut bytes).unwrap();
        list.push(json!({ "json": text, "bytes": hex(&bytes) }));
    }
    list.into()
}

/// The first samples of a frame of sound, as they travel.
fn pcm() -> Value {
    const SAMPLES: [i16; 4] = [0, 1, -2, i16::MAX];
    let mut frame = SILENCE;
    frame[..SAMPLES.len()].copy_from_slice(&SAMPLES);
    let mut bytes = [0; FRAME_BYTES];
    to_bytes(&frame, &mut bytes);
    let mut read = SILENCE;
    assert!(from_bytes(&bytes, &mut read) && read == frame);
    json!({ "samples": SAMPLES, "bytes": hex(&bytes[..2 * SAMPLES.len()]) })
}

/// A packet of coded sound with one repeat.
fn voice() -> Value {
    let mut packer = VoicePacker::new();
    packer.pack(b"abc", 1, 1);
    let payload = packer.pack(b"xyx", 1, 1);
    let read = VoicePacket::parse(&payload).unwrap();
    let repeats: Vec<String> = read.repeats.iter().map(|repeat| hex(repeat)).collect();
    json!({ "payload": hex(&payload), "periods": read.periods, "repeats": repeats, "frame": hex(read.coded) })
}

/// Everything, made anew.
fn made() -> Value {
    let cast = cast();
    let proof = cast.workshop.prove(&PROOF_EXPORTED);
    let secrets = HopSecrets::from_exported(&exported());
    let body_list: Value = bodies()
        .iter()
        .map(|(name, body)| json!({ "name": name, "fields": fields(body), "bytes": hex(&emit(body)) }))
        .collect();
    json!({
        "about": "Test vectors of PROTOCOL.md. Bytes are hexadecimal. Every secret here is public: use none of them.",
        "identities": identities(),
        "founding": {
            "object": cast.founding,
            "hashed": hex(&reference::text("room", &[&cast.founding.founder.0, &cast.founding.nonce.0])),
            "room": cast.room,
        },
        "proof": {
            "seed": hex(&[2; 32]),
            "exported": hex(&PROOF_EXPORTED),
            "signed": hex(&reference::text("kiosk proof", &[&PROOF_EXPORTED])),
            "proof": hex(&proof),
        },
        "signed": signed(),
        "media_exporter": {
            "context": SESSION,
            "exported": hex(&exported()),
            "kiosk_to_relay": hex(&secrets.kiosk_to_relay),
            "relay_to_kiosk": hex(&secrets.relay_to_kiosk),
        },
        "keys": keys(),
        "datagrams": datagrams(),
        "packet_numbers": packet_numbers(),
        "bodies": body_list,
        "pcm": pcm(),
        "voice": voice(),
        "repairs": repairs(),
        "frames": frames(),
        "to_relay": asks(),
        "to_kiosk": tells(),
    })
}

#[test]
fn the_file_holds_what_the_crate_makes() {
    let made = made();
    if std::env::var_os("VESTIBULE_WRITE_VECTORS").is_some_and(|value| value == "1") {
        std::fs::write(file(), serde_json::to_string_pretty(&made).unwrap() + "\n").unwrap();
    }
    let recorded = recorded();
    for (section, value) in made.as_object().unwrap() {
        assert_eq!(
            &recorded[section], value,
            "section {section}; VESTIBULE_WRITE_VECTORS=1 rewrites the file, after a change that was meant"
        );
    }
    assert_eq!(recorded, made);
}

#[test]
fn identities_and_the_proof_hold() {
    let file = recorded();
    for identity in file["identities"].as_array().unwrap() {
        let seed: [u8; 32] = unhex(&identity["seed"]).try_into().unwrap();
        let peer = Identity::from_seed(&seed).peer();
        assert_eq!(identity["public"], peer.to_string());
        assert_eq!(identity["words"], json!(fingerprint_words(&peer)));
    }
    let proof = &file["proof"];
    let workshop: PeerId = serde_json::from_value(file["identities"][1]["public"].clone()).unwrap();
    let signature: Signature = serde_json::from_value(proof["proof"].clone()).unwrap();
    let exported: [u8; 32] = unhex(&proof["exported"]).try_into().unwrap();
    verify_proof(&workshop, &exported, &signature.0).unwrap();
    verify(&workshop, &unhex(&proof["signed"]), &signature.0).unwrap();
}

#[test]
fn the_founding_and_everything_signed_hold() {
    let file = recorded();
    let founding: Founding = serde_json::from_value(file["founding"]["object"].clone()).unwrap();
    assert_eq!(file["founding"]["room"], founding.room().to_string());
    let digest = ring::digest::digest(&ring::digest::SHA256, &unhex(&file["founding"]["hashed"]));
    assert_eq!(digest.as_ref()[..16], founding.room().0);

    let object = |name: &str| file["signed"][name]["object"].clone();
    let text = |name: &str| unhex(&file["signed"][name]["signed"]);
    let mut authority = Authority::new(&founding, &[]).unwrap();
    let removal: Removal = serde_json::from_value(object("removal")).unwrap();
    authority.check_removal(&removal).unwrap();
    verify(&removal.issuer, &text("removal"), &removal.signature.0).unwrap();
    for name in ["host_admission", "admission"] {
        let admission: Admission = serde_json::from_value(object(name)).unwrap();
        authority.check_admission(&admission, admission.member, &[removal], NOW_MS).unwrap();
        verify(&admission.issuer, &text(name), &admission.signature.0).unwrap();
    }
    for name in ["public_chat", "private_chat"] {
        let message: ChatMessage = serde_json::from_value(object(name)).unwrap();
        message.check(founding.room()).unwrap();
        verify(&message.from, &text(name), &message.signature.0).unwrap();
    }
    let succession: Succession = serde_json::from_value(object("succession")).unwrap();
    verify(&succession.issuer, &text("succession"), &succession.signature.0).unwrap();
    authority.pass(&succession).unwrap();
    assert_eq!(authority.host(), succession.successor);
}

#[test]
fn datagrams_open_in_order_and_once() {
    let file = recorded();
    for suite in SUITES {
        let of_suite = |entry: &&Value| suite_of(&entry["suite"]) == suite;
        let datagrams: Vec<_> = file["datagrams"].as_array().unwrap().iter().filter(of_suite).collect();
        assert_eq!(datagrams.len(), PACKETS.len());
        let secret: [u8; 32] = unhex(&datagrams[0]["secret"]).try_into().unwrap();
        let session: SessionId = serde_json::from_value(datagrams[0]["session"].clone()).unwrap();
        let mut opener = Opener::new(session, suite, &secret);
        for entry in &datagrams {
            let mut bytes = unhex(&entry["datagram"]);
            let opened = opener.open(&mut bytes).unwrap();
            assert_eq!((entry["packet"].as_u64(), true), (Some(opened.packet), opened.newest));
            assert_eq!(opened.body, &unhex(&entry["body"])[..]);
        }
        let last = datagrams[datagrams.len() - 1];
        assert_eq!(opener.open(&mut unhex(&last["datagram"])), Err(OpenError::Replayed));
        let mut sealer = Sealer::new(session, suite, &secret);
        for entry in datagrams.iter().take(2) {
            let body = unhex(&entry["body"]);
            let mut out = vec![0; HOP_HEADER + body.len() + TAG];
            out[HOP_HEADER..HOP_HEADER + body.len()].copy_from_slice(&body);
            sealer.seal(&mut out, body.len());
            assert_eq!(out, unhex(&entry["datagram"]));
        }
    }
}

#[test]
fn bodies_of_every_kind_read_back() {
    let file = recorded();
    let mut kinds = Vec::new();
    for entry in file["bodies"].as_array().unwrap() {
        let bytes = unhex(&entry["bytes"]);
        let body = read(&bytes);
        assert_eq!(fields(&body), entry["fields"], "{}", entry["name"]);
        assert_eq!(emit(&body), bytes, "{}", entry["name"]);
        kinds.push(Kind::of(&bytes).unwrap());
    }
    for kind in Kind::ALL {
        assert!(kinds.contains(&kind), "no vector of kind {kind:?}");
    }
}

#[test]
fn frames_and_messages_read_back() {
    let file = recorded();
    for entry in file["frames"].as_array().unwrap() {
        let mut decoder = FrameDecoder::default();
        decoder.push(&unhex(&entry["bytes"]));
        let frame = decoder.next_frame().unwrap().unwrap();
        assert_eq!(frame, entry["json"].as_str().unwrap().as_bytes());
    }
    for value in file["to_relay"].as_array().unwrap() {
        let message = parse_ask(&serde_json::to_vec(value).unwrap()).unwrap();
        assert_eq!(&serde_json::to_value(message).unwrap(), value);
    }
    for value in file["to_kiosk"].as_array().unwrap() {
        let message = parse_tell(&serde_json::to_vec(value).unwrap()).unwrap();
        assert_eq!(&serde_json::to_value(message).unwrap(), value);
    }
}

#[test]
fn packet_numbers_are_reconstructed() {
    for case in recorded()["packet_numbers"].as_array().unwrap() {
        let truncated = u32::try_from(case["truncated"].as_u64().unwrap()).unwrap();
        let full = reconstruct_packet_number(case["largest"].as_u64(), truncated);
        assert_eq!(case["full"], full);
    }
}
