//! The key schedule, the seal and the signed texts once more, written from PROTOCOL.md and from `ring` alone.

use ring::aead::{AES_128_GCM, Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use ring::hmac;
use vestibule_common::seal::Suite;

/// HKDF-Expand (RFC 5869, section 2.3) for at most one block of SHA-256.
fn expand(secret: &[u8], label: &str, len: usize) -> Vec<u8> {
    let mut input = label.as_bytes().to_vec();
    input.push(1);
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), &input).as_ref()[..len].to_vec()
}

/// One phase's key, IV, and the secret of the phase after it.
pub(crate) struct Phase {
    pub(crate) key: Vec<u8>,
    pub(crate) iv: Vec<u8>,
    pub(crate) next: Vec<u8>,
}

pub(crate) fn phase(suite: Suite, secret: &[u8]) -> Phase {
    let key_len = match suite {
        Suite::Aes128Gcm => 16,
        Suite::ChaCha20Poly1305 => 32,
    };
    let mut key = expand(secret, "vestibule key", 32);
    key.truncate(key_len);
    Phase { key, iv: expand(secret, "vestibule iv", 12), next: expand(secret, "vestibule next", 32) }
}

pub(crate) fn nonce(iv: &[u8], packet: u64) -> Vec<u8> {
    let mut padded = [0; 12];
    padded[4..].copy_from_slice(&packet.to_be_bytes());
    iv.iter().zip(padded).map(|(iv, number)| iv ^ number).collect()
}

/// A whole datagram, sealed with the keys of `phases` turns after the first secret.
pub(crate) fn seal(
    suite: Suite,
    secret: &[u8],
    phases: u32,
    session: [u8; 8],
    packet: u64,
    body: &[u8],
) -> Vec<u8> {
    let secret = (0..phases).fold(secret.to_vec(), |secret, _| phase(suite, &secret).next);
    let keys = phase(suite, &secret);
    let mut datagram = vec![0x10 | ((phases % 2) as u8) << 3];
    datagram.extend(session);
    datagram.extend((packet as u32).to_be_bytes());
    let algorithm = match suite {
        Suite::Aes128Gcm => &AES_128_GCM,
        Suite::ChaCha20Poly1305 => &CHACHA20_POLY1305,
    };
    let key = LessSafeKey::new(UnboundKey::new(algorithm, &keys.key).unwrap());
    let nonce = Nonce::try_assume_unique_for_key(&nonce(&keys.iv, packet)).unwrap();
    let mut sealed = body.to_vec();
    key.seal_in_place_append_tag(nonce, Aad::from(&datagram), &mut sealed).unwrap();
    datagram.extend(sealed);
    datagram
}

/// `vestibule KIND v1`, a zero byte, then the fields in their order.
pub(crate) fn text(kind: &str, fields: &[&[u8]]) -> Vec<u8> {
    let mut text = format!("vestibule {kind} v1\0").into_bytes();
    fields.iter().for_each(|field| text.extend_from_slice(field));
    text
}
