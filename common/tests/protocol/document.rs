//! PROTOCOL.md cannot fall behind: it names everything that the code can send, and its examples are the vectors'.

use serde_json::Value;
use vestibule_common::control::{
    ALPN, Ask, DEFAULT_TCP_PORT, DEFAULT_UDP_PORT, ErrorCode, MAX_CLASS, MAX_FRAME, MAX_OPAQUE, Tell,
};
use vestibule_common::id::PeerId;
use vestibule_common::identity::{PROOF_EXPORTER, fingerprint_words};
use vestibule_common::media::repair::{MAX_BLOCK, MAX_PROTECTED};
use vestibule_common::seal::MEDIA_EXPORTER;
use vestibule_common::wire::{Kind, MAX_BODY, MAX_DATAGRAM, MAX_PAYLOAD};

use crate::samples::events;
use crate::types::{ERROR_CODES, event_type};
use crate::vectors::recorded;

fn document() -> String {
    std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../PROTOCOL.md")).unwrap()
}

/// The document between the heading that starts with `from` and the next heading that starts with `to`.
fn part<'a>(document: &'a str, from: &str, to: &str) -> &'a str {
    let start = document.find(&format!("\n{from}")).unwrap_or_else(|| panic!("no heading {from:?}"));
    let end = document[start + 1..].find(&format!("\n{to}")).map_or(document.len(), |end| start + 1 + end);
    &document[start..end]
}

/// The blocks fenced as `language`.
fn blocks<'a>(document: &'a str, language: &str) -> Vec<&'a str> {
    let fence = format!("```{language}\n");
    document.split(&fence).skip(1).map(|rest| rest.split("\n```").next().unwrap()).collect()
}

fn occurs(wanted: &Value, within: &Value) -> bool {
    wanted == within
        || match within {
            Value::Object(fields) => fields.values().any(|value| occurs(wanted, value)),
            Value::Array(items) => items.iter().any(|item| occurs(wanted, item)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
        }
}

#[test]
fn every_message_event_and_error_has_its_row() {
    let document = document();
    let requests = part(&document, "## 7.", "## 8.");
    for kind in Ask::TYPES {
        assert!(
            requests.contains(&format!("\n### `{kind}`")),
            "PROTOCOL.md does not describe the request {kind}"
        );
    }
    let answers = part(&document, "## 8.", "## 9.");
    for kind in Tell::TYPES {
        assert!(
            answers.contains(&format!("\n### `{kind}`")),
            "PROTOCOL.md does not describe the message {kind}"
        );
    }
    let room_events = part(&document, "## 9.", "## 10.");
    for event in events() {
        let event = event_type(&event);
        assert!(
            room_events.contains(&format!("\n| `{event}` |")),
            "PROTOCOL.md does not describe the event {event}"
        );
    }
    let errors = part(&document, "## 10.", "## 11.");
    for code in ERROR_CODES.into_iter().filter(|code| *code != ErrorCode::Other) {
        let code = serde_json::to_value(code).unwrap();
        let code = code.as_str().unwrap();
        assert!(
            errors.contains(&format!("\n| `{code}` |")),
            "PROTOCOL.md does not describe the error {code}"
        );
    }
}

#[test]
fn every_kind_of_body_has_its_row_and_its_layout() {
    let document = document();
    let kinds = part(&document, "## 12.", "## 13.");
    for kind in Kind::ALL {
        let row = format!("\n| {} | {kind:?} |", kind as u8);
        assert!(kinds.contains(&row), "PROTOCOL.md has no row {row:?}");
    }
}

#[test]
fn every_field_of_every_message_is_named() {
    fn names<'a>(value: &'a Value, into: &mut Vec<&'a str>) {
        match value {
            Value::Object(fields) => fields.iter().for_each(|(name, value)| {
                into.push(name);
                names(value, into);
            }),
            Value::Array(items) => items.iter().for_each(|item| names(item, into)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    let (document, file) = (document(), recorded());
    let mut fields = Vec::new();
    names(&file["to_relay"], &mut fields);
    names(&file["to_kiosk"], &mut fields);
    names(&file["signed"]["private_chat"]["object"], &mut fields);
    for field in fields {
        assert!(document.contains(&format!("`{field}`")), "PROTOCOL.md does not name the field {field}");
    }
}

#[test]
fn the_numbers_and_labels_are_the_codes() {
    let document = document();
    let texts =
        [PROOF_EXPORTER.to_owned(), MEDIA_EXPORTER.to_owned(), String::from_utf8(ALPN.to_vec()).unwrap()];
    for text in texts {
        assert!(document.contains(&format!("`{text}`")), "PROTOCOL.md does not name {text}");
    }
    let numbers = [
        ("TCP port", usize::from(DEFAULT_TCP_PORT)),
        ("UDP port", usize::from(DEFAULT_UDP_PORT)),
        ("Control frame, JSON bytes", MAX_FRAME),
        ("Opaque message, bytes before Base64", MAX_OPAQUE),
        ("Opaque class, characters", MAX_CLASS),
        ("Datagram, bytes", MAX_DATAGRAM),
        ("Body, bytes", MAX_BODY),
        ("Media payload, bytes", MAX_PAYLOAD),
        ("Media payload of a piece that repairs protect, bytes", MAX_PROTECTED),
        ("Pieces of a block", MAX_BLOCK),
    ];
    for (what, number) in numbers {
        let row = format!("\n| {what} | {number} |");
        assert!(document.contains(&row), "PROTOCOL.md has no row {row:?}");
    }
}

#[test]
fn every_example_is_in_the_vectors() {
    let (document, file) = (document(), recorded());
    let examples = blocks(&document, "json");
    assert!(examples.len() >= 3, "only {} examples", examples.len());
    for example in examples {
        let value: Value =
            serde_json::from_str(example).unwrap_or_else(|error| panic!("{error} in {example}"));
        assert!(occurs(&value, &file), "not among the vectors: {example}");
    }
    for section in ["datagrams", "keys", "bodies"] {
        let shown = blocks(&document, "json")
            .into_iter()
            .filter_map(|example| serde_json::from_str::<Value>(example).ok())
            .any(|example| file[section].as_array().unwrap().contains(&example));
        assert!(shown, "PROTOCOL.md shows no vector of {section} in full");
    }
}

#[test]
fn the_appendix_has_the_words_of_every_fingerprint() {
    let document = document();
    let appendix = part(&document, "## Appendix A", "## Appendix B");
    let table = blocks(appendix, "text")[0];
    let words: Vec<&str> = table.lines().flat_map(|line| line.split_whitespace().skip(1)).collect();
    assert_eq!(words.len(), 256);
    // Keys enough that each of the 256 words is met.
    let mut met = [false; 256];
    for n in 0..4000u32 {
        let mut key = [0; 32];
        key[..4].copy_from_slice(&n.to_be_bytes());
        let digest = ring::digest::digest(&ring::digest::SHA256, &key);
        let index: Vec<usize> = digest.as_ref()[..4].iter().map(|byte| usize::from(*byte)).collect();
        index.iter().for_each(|index| met[*index] = true);
        assert_eq!(
            fingerprint_words(&PeerId(key)).to_vec(),
            index.iter().map(|i| words[*i]).collect::<Vec<_>>()
        );
    }
    assert!(met.iter().all(|met| *met));
}
