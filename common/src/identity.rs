//! The long-lived Ed25519 identity of a kiosk or relay (RFC 8032), and what it proves.
//!
//! The key's bytes are made from randomness that the shell supplies and kept by the shell; this file never touches a
//! disk or a random generator.

use std::fmt;

use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};

use crate::id::PeerId;
use words::WORDS;

mod words;

/// Bytes of an Ed25519 signature.
pub const SIGNATURE: usize = 64;
/// Label of the TLS exporter (RFC 5705, RFC 8446 section 7.5) whose 32 bytes a kiosk signs to prove its key.
pub const PROOF_EXPORTER: &str = "EXPORTER-vestibule-kiosk-proof";
/// What precedes the exporter's bytes in the signed text.
const PROOF_CONTEXT: &[u8] = b"vestibule kiosk proof v1\0";

/// A private identity key.
pub struct Identity {
    pair: Ed25519KeyPair,
}

/// A signature that does not fit, or a key that is none.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct BadSignature;

impl fmt::Display for BadSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the signature does not fit the key")
    }
}

impl std::error::Error for BadSignature {}

impl Identity {
    /// The identity that belongs to 32 secret random bytes.
    pub fn from_seed(seed: &[u8; 32]) -> Identity {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).expect("any 32 bytes are an Ed25519 seed");
        Identity { pair }
    }

    /// The public half: who this is.
    pub fn peer(&self) -> PeerId {
        let key = self.pair.public_key().as_ref();
        PeerId(key.try_into().expect("an Ed25519 public key has 32 bytes"))
    }

    /// Signs `message`. Callers put a text of their own in front, so that no signature can stand for another.
    pub fn sign(&self, message: &[u8]) -> [u8; SIGNATURE] {
        self.pair.sign(message).as_ref().try_into().expect("an Ed25519 signature has 64 bytes")
    }

    /// Proves this key within one TLS session, given the 32 bytes of the [`PROOF_EXPORTER`] with an empty context.
    pub fn prove(&self, exported: &[u8; 32]) -> [u8; SIGNATURE] {
        self.sign(&proof_text(exported))
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({})", self.peer())
    }
}

/// Checks a signature of `peer` over `message`.
pub fn verify(peer: &PeerId, message: &[u8], signature: &[u8; SIGNATURE]) -> Result<(), BadSignature> {
    UnparsedPublicKey::new(&ED25519, peer.0).verify(message, signature).map_err(|_| BadSignature)
}

/// Checks what [`Identity::prove`] made for the same TLS session.
pub fn verify_proof(peer: &PeerId, exported: &[u8; 32], proof: &[u8; SIGNATURE]) -> Result<(), BadSignature> {
    verify(peer, &proof_text(exported), proof)
}

fn proof_text(exported: &[u8; 32]) -> Vec<u8> {
    [PROOF_CONTEXT, exported].concat()
}

/// Four words by which people compare a key on two screens: 32 bits of SHA-256 of the key, eight bits a word.
///
/// Thirty-two bits keep out a relay that happens to be on the network, not one that computes keys for days; the key
/// itself is pinned from then on.
pub fn fingerprint_words(peer: &PeerId) -> [&'static str; 4] {
    let digest = ring::digest::digest(&ring::digest::SHA256, &peer.0);
    let bytes = digest.as_ref();
    [0, 1, 2, 3].map(|i| WORDS[usize::from(bytes[i])])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_8032_test_1() {
        let seed: PeerId =
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60".parse().unwrap();
        let identity = Identity::from_seed(&seed.0);
        let public = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
        assert_eq!(identity.peer().to_string(), public);
        assert_eq!(identity.sign(b"")[..4], [0xe5, 0x56, 0x43, 0x00]);
    }

    #[test]
    fn a_proof_is_good_for_its_session_and_key_only() {
        let (alice, mallory) = (Identity::from_seed(&[1; 32]), Identity::from_seed(&[2; 32]));
        let proof = alice.prove(&[7; 32]);
        assert_eq!(verify_proof(&alice.peer(), &[7; 32], &proof), Ok(()));
        assert_eq!(verify_proof(&alice.peer(), &[8; 32], &proof), Err(BadSignature));
        assert_eq!(verify_proof(&mallory.peer(), &[7; 32], &proof), Err(BadSignature));
    }

    #[test]
    fn fingerprint_words_are_distinct_words() {
        let mut sorted = WORDS;
        sorted.sort_unstable();
        assert!(sorted.windows(2).all(|pair| pair[0] != pair[1]));
        assert_eq!(fingerprint_words(&PeerId([0; 32])), fingerprint_words(&PeerId([0; 32])));
        assert_ne!(fingerprint_words(&PeerId([0; 32])), fingerprint_words(&PeerId([1; 32])));
    }
}
