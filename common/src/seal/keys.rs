//! From a TLS session to packet keys: exporter, then HKDF-Expand (RFC 5869) with SHA-256, one chain a direction.

use ring::aead::{AES_128_GCM, Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use ring::error::Unspecified;
use ring::hkdf::{HKDF_SHA256, KeyType, Prk};

use super::Suite;
use crate::wire::TAG;

/// Label of the TLS exporter for media keys; its context is the session id's 8 bytes.
pub const MEDIA_EXPORTER: &str = "EXPORTER-vestibule-media";
/// Bytes to export.
pub const EXPORTED: usize = 64;

/// The first secret of each direction.
pub struct HopSecrets {
    /// What the kiosk seals and the relay opens: the exporter's first 32 bytes.
    pub kiosk_to_relay: [u8; 32],
    /// What the relay seals and the kiosk opens: the other 32.
    pub relay_to_kiosk: [u8; 32],
}

impl HopSecrets {
    /// Splits what the exporter gave.
    pub fn from_exported(exported: &[u8; EXPORTED]) -> HopSecrets {
        let mut secrets = HopSecrets { kiosk_to_relay: [0; 32], relay_to_kiosk: [0; 32] };
        secrets.kiosk_to_relay.copy_from_slice(&exported[..32]);
        secrets.relay_to_kiosk.copy_from_slice(&exported[32..]);
        secrets
    }
}

/// One direction's keys: the present one, the one before for what is still under way, and the one to come.
pub(super) struct Chain {
    phase: bool,
    previous: Option<PacketKey>,
    current: PacketKey,
    next: PacketKey,
    next_secret: [u8; 32],
    suite: Suite,
}

impl Chain {
    pub(super) fn new(suite: Suite, secret: &[u8; 32]) -> Chain {
        let next_secret = expand(secret, b"vestibule next");
        Chain {
            phase: false,
            previous: None,
            current: PacketKey::new(suite, secret),
            next: PacketKey::new(suite, &next_secret),
            next_secret,
            suite,
        }
    }

    pub(super) fn phase(&self) -> bool {
        self.phase
    }

    pub(super) fn advance(&mut self) {
        self.next_secret = expand(&self.next_secret, b"vestibule next");
        let coming = PacketKey::new(self.suite, &self.next_secret);
        let current = std::mem::replace(&mut self.next, coming);
        self.previous = Some(std::mem::replace(&mut self.current, current));
        self.phase = !self.phase;
    }

    pub(super) fn seal(&self, number: u64, aad: &[u8], body: &mut [u8]) -> [u8; TAG] {
        let tag =
            self.current.key.seal_in_place_separate_tag(self.current.nonce(number), Aad::from(aad), body);
        tag.expect("a datagram is far below the cipher's limit")
            .as_ref()
            .try_into()
            .expect("both suites have 16-byte tags")
    }

    /// Opens with the current key, or when the phase `turns` with the key to come (a `newest` packet; success advances
    /// the chain) or the one before (a late packet).
    pub(super) fn open(
        &mut self,
        number: u64,
        turns: bool,
        newest: bool,
        aad: &[u8],
        sealed: &mut [u8],
    ) -> Result<(), Unspecified> {
        let key = match (turns, newest) {
            (false, _) => &self.current,
            (true, true) => &self.next,
            (true, false) => self.previous.as_ref().ok_or(Unspecified)?,
        };
        key.key.open_in_place(key.nonce(number), Aad::from(aad), sealed)?;
        if turns && newest {
            self.advance();
        }
        Ok(())
    }
}

struct PacketKey {
    key: LessSafeKey,
    iv: [u8; 12],
}

impl PacketKey {
    fn new(suite: Suite, secret: &[u8; 32]) -> PacketKey {
        let bytes: [u8; 32] = expand(secret, b"vestibule key");
        let key = match suite {
            Suite::Aes128Gcm => UnboundKey::new(&AES_128_GCM, &bytes[..16]),
            Suite::ChaCha20Poly1305 => UnboundKey::new(&CHACHA20_POLY1305, &bytes),
        };
        let key = LessSafeKey::new(key.expect("the key has the suite's length"));
        PacketKey { key, iv: expand(secret, b"vestibule iv") }
    }

    /// The IV with the packet number's 64 bits XORed into its end (RFC 9001, section 5.3).
    fn nonce(&self, number: u64) -> Nonce {
        let mut nonce = self.iv;
        for (byte, part) in nonce[4..].iter_mut().zip(number.to_be_bytes()) {
            *byte ^= part;
        }
        Nonce::assume_unique_for_key(nonce)
    }
}

fn expand<const N: usize>(secret: &[u8; 32], label: &[u8]) -> [u8; N] {
    struct Len(usize);
    impl KeyType for Len {
        fn len(&self) -> usize {
            self.0
        }
    }
    let mut out = [0; N];
    let prk = Prk::new_less_safe(HKDF_SHA256, secret);
    let okm = prk.expand(&[label], Len(N)).map(|okm| okm.fill(&mut out));
    okm.expect("at most 255 hashes").expect("the length is the one asked for");
    out
}
