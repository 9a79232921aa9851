//! The sealer against the recorded datagrams, at packet numbers that only this crate can start from.

use serde_json::Value;

use super::{HOP_HEADER, Sealer, SessionId, Suite, TAG};

fn unhex(text: &Value) -> Vec<u8> {
    let digits = text.as_str().unwrap();
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}

#[test]
fn datagrams_are_sealed_as_recorded() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/protocol.json");
    let file: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let (mut late, mut turned) = (0, 0);
    for entry in file["datagrams"].as_array().unwrap() {
        let suite: Suite = serde_json::from_value(entry["suite"].clone()).unwrap();
        let session: SessionId = serde_json::from_value(entry["session"].clone()).unwrap();
        let secret: [u8; 32] = unhex(&entry["secret"]).try_into().unwrap();
        let (packet, phase) = (entry["packet"].as_u64().unwrap(), entry["phase"].as_u64().unwrap());
        let mut sealer = Sealer { next: packet, ..Sealer::new(session, suite, &secret) };
        (0..phase).for_each(|_| sealer.chain.advance());
        let body = unhex(&entry["body"]);
        let mut out = vec![0; HOP_HEADER + body.len() + TAG];
        out[HOP_HEADER..HOP_HEADER + body.len()].copy_from_slice(&body);
        sealer.seal(&mut out, body.len());
        assert_eq!(out, unhex(&entry["datagram"]), "packet {packet}, phase {phase}, {suite:?}");
        late += u32::from(packet > u64::from(u32::MAX));
        turned += u32::from(phase > 0);
    }
    assert!(late > 0 && turned > 0, "the vectors cover long packet numbers and later phases");
}
