//! Changes valid input a little, where the structure is, so that it gets past the first check and on to the next one.

use serde_json::Value;

use super::random::Random;
use super::seeds::{Seed, Seeds};

/// Beyond this no input grows.
const MAX_LEN: usize = 16 * 1024;

/// An input for the target of this name: as it was valid, changed in a few places, or nothing but noise.
pub(super) fn input(seeds: &Seeds, target: &str, random: &mut Random) -> Vec<u8> {
    let mut bytes = match seeds.draw(target, random) {
        Seed::Bytes(bytes) => bytes,
        Seed::Json(mut value) => {
            if !random.one_in(8) {
                for _ in 0..1 + random.below(3) {
                    let other = seeds.draw(target, random);
                    change_json(&mut value, &other, random);
                }
            }
            let mut bytes = value.to_string().into_bytes();
            if !random.one_in(4) {
                // It stays JSON; what is in it changed.
                return truncated(bytes);
            }
            change_bytes(&mut bytes, &[], random);
            return truncated(bytes);
        }
    };
    match random.below(10) {
        0 => {}
        1 => {
            let len = random.below(200);
            bytes = random.bytes(len);
        }
        _ => {
            let other = match seeds.draw(target, random) {
                Seed::Bytes(bytes) => bytes,
                Seed::Json(_) => Vec::new(),
            };
            for _ in 0..1 + random.below(4) {
                change_bytes(&mut bytes, &other, random);
            }
        }
    }
    truncated(bytes)
}

fn truncated(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.truncate(MAX_LEN);
    bytes
}

fn change_bytes(bytes: &mut Vec<u8>, other: &[u8], random: &mut Random) {
    const EDGES: [u64; 12] =
        [0, 1, 2, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fff_ffff, 0xffff_ffff, u64::MAX];
    let at = random.below(bytes.len() + 1);
    match random.below(9) {
        0 if !bytes.is_empty() => {
            let at = random.below(bytes.len());
            bytes[at] ^= 1 << random.below(8);
        }
        // Lengths, counts and kinds stand at the front: most damage is done there.
        1 if !bytes.is_empty() => {
            let at = random.below(bytes.len().min(30));
            bytes[at] = *random.pick(&[0, 1, 2, 15, 16, 26, 27, 28, 41, 127, 128, 254, 255]);
        }
        2 if !bytes.is_empty() => {
            let at = random.below(bytes.len());
            bytes[at] = random.byte();
        }
        3 => bytes.truncate(at),
        4 => {
            let len = random.below(30);
            bytes.splice(at..at, random.bytes(len));
        }
        5 => {
            let end = at + random.below(bytes.len() - at + 1).min(30);
            bytes.drain(at..end);
        }
        6 => {
            let width = *random.pick(&[1, 2, 4, 8]);
            let edge = random.pick(&EDGES).to_be_bytes();
            if let Some(field) = bytes.get_mut(at..at + width) {
                field.copy_from_slice(&edge[8 - width..]);
            }
        }
        7 => {
            let end = at + random.below(bytes.len() - at + 1).min(100);
            let copy = bytes[at..end].to_vec();
            bytes.splice(at..at, copy);
        }
        _ => {
            let from = random.below(other.len() + 1);
            bytes.truncate(at);
            bytes.extend_from_slice(&other[from..]);
        }
    }
}

/// Changes one random place of a value.
fn change_json(value: &mut Value, other: &Seed, random: &mut Random) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            let keys: Vec<String> = fields.keys().cloned().collect();
            let key = random.pick(&keys);
            match random.below(12) {
                0 => {
                    fields.remove(key);
                }
                1 => {
                    let name = format!("x{}", random.below(100));
                    fields.insert(name, strange(random));
                }
                2 => {
                    if let Seed::Json(Value::Object(donor)) = other
                        && let Some(field) = donor.get(key)
                    {
                        fields.insert(key.clone(), field.clone());
                    }
                }
                3 if key != "type" => {
                    fields.insert(key.clone(), strange(random));
                }
                _ => {
                    if let Some(field) = fields.get_mut(key).filter(|_| key != "type") {
                        change_json(field, other, random);
                    }
                }
            }
        }
        Value::Array(items) if !items.is_empty() => {
            let at = random.below(items.len());
            match random.below(4) {
                0 => {
                    items.remove(at);
                }
                1 => items.push(items[at].clone()),
                _ => change_json(&mut items[at], other, random),
            }
        }
        Value::String(text) if random.one_in(2) => {
            let mut bytes = std::mem::take(text).into_bytes();
            change_bytes(&mut bytes, &[], random);
            *text = String::from_utf8_lossy(&bytes).into_owned();
        }
        Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::String(_)
        | Value::Array(_)
        | Value::Object(_) => *value = strange(random),
    }
}

fn strange(random: &mut Random) -> Value {
    match random.below(12) {
        0 => Value::Null,
        1 => true.into(),
        2 => 0.into(),
        3 => u64::MAX.into(),
        4 => i64::MIN.into(),
        5 => 1e300.into(),
        6 => "".into(),
        7 => "\u{202e}\0é東".into(),
        8 => "0".repeat(random.below(300)).into(),
        9 => Value::Array(vec![]),
        10 => (0..random.below(150)).fold(Value::Null, |inner, _| Value::Array(vec![inner])),
        _ => random.number().into(),
    }
}
