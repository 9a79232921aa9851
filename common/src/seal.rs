//! The hop's seal: every datagram between a kiosk and the relay is encrypted and authenticated, and opens once.
//!
//! Keys come from the exporter of the control channel's TLS session, so that they are known to its two ends only and
//! die with it. This is the one file that knows the hop's cipher; end-to-end encryption or a browser's transport would
//! stand beside it.

mod keys;
mod replay;
#[cfg(test)]
mod vectors;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::id::SessionId;
use crate::wire::{HOP_HEADER, HopHeader, MAX_DATAGRAM, TAG, reconstruct_packet_number};
use keys::Chain;
pub use keys::{EXPORTED, HopSecrets, MEDIA_EXPORTER};
use replay::ReplayWindow;

/// The AEAD of a session, negotiated in the greeting.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Suite {
    /// AES-128-GCM (RFC 5116): for processors with AES instructions.
    #[serde(rename = "aes128gcm")]
    Aes128Gcm,
    /// ChaCha20-Poly1305 (RFC 8439): for boards without (Raspberry Pi 3, 4 and Zero 2).
    #[serde(rename = "chacha20poly1305")]
    ChaCha20Poly1305,
}

impl Suite {
    /// Both suites, the better one for this processor first.
    pub fn preferred() -> [Suite; 2] {
        if has_aes() {
            [Suite::Aes128Gcm, Suite::ChaCha20Poly1305]
        } else {
            [Suite::ChaCha20Poly1305, Suite::Aes128Gcm]
        }
    }
}

fn has_aes() -> bool {
    #[cfg(any(target_arch = "x86_64", target_arch = "x86"))]
    return std::arch::is_x86_feature_detected!("aes");
    #[cfg(target_arch = "aarch64")]
    return std::arch::is_aarch64_feature_detected!("aes");
    #[cfg(not(any(target_arch = "x86_64", target_arch = "x86", target_arch = "aarch64")))]
    return false;
}

/// Why a datagram was not opened. All but `Header` mean that somebody else wrote it, or wrote it before.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum OpenError {
    /// The header in clear is not valid.
    Header(crate::wire::Error),
    /// The datagram belongs to another session.
    OtherSession,
    /// The tag does not fit: forged, damaged, or sealed under keys that are gone.
    Forged,
    /// This packet was opened before.
    Replayed,
    /// Too far behind the newest packet to tell whether it was opened before.
    TooOld,
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OpenError::Header(error) => write!(f, "{error}"),
            OpenError::OtherSession => f.write_str("the datagram belongs to another session"),
            OpenError::Forged => f.write_str("the datagram's seal is broken"),
            OpenError::Replayed => f.write_str("the datagram came a second time"),
            OpenError::TooOld => f.write_str("the datagram is too old"),
        }
    }
}

impl std::error::Error for OpenError {}

/// Seals one direction of one session.
pub struct Sealer {
    session: SessionId,
    chain: Chain,
    next: u64,
    in_phase: u64,
}

impl Sealer {
    /// Packets under one key before the next one takes over: well below what AES-GCM allows for packets of at most
    /// 2^11 bytes (RFC 9001, appendix B.1: 2^28).
    pub const PACKETS_A_KEY: u64 = 1 << 26;

    /// Seals with the given direction's secret.
    pub fn new(session: SessionId, suite: Suite, secret: &[u8; 32]) -> Sealer {
        Sealer { session, chain: Chain::new(suite, secret), next: 0, in_phase: 0 }
    }

    /// Seals in place: the body stands at `datagram[HOP_HEADER..HOP_HEADER + body_len]`. Returns the datagram's length.
    /// Allocates nothing.
    ///
    /// Panics if `datagram` has no room for header, body and tag, or the whole exceeds [`MAX_DATAGRAM`]: bodies are made
    /// by this program, never taken from the network unmeasured.
    pub fn seal(&mut self, datagram: &mut [u8], body_len: usize) -> usize {
        let len = HOP_HEADER + body_len + TAG;
        assert!(len <= MAX_DATAGRAM && len <= datagram.len(), "a body that fits was promised");
        if self.in_phase == Self::PACKETS_A_KEY {
            self.chain.advance();
            self.in_phase = 0;
        }
        let number = self.next;
        self.next += 1;
        self.in_phase += 1;
        let header = HopHeader { phase: self.chain.phase(), session: self.session, packet: number as u32 };
        header.emit(datagram).expect("the length was checked");
        let (aad, rest) = datagram.split_at_mut(HOP_HEADER);
        let (body, tag) = rest.split_at_mut(body_len);
        tag[..TAG].copy_from_slice(&self.chain.seal(number, aad, body));
        len
    }

    /// The packet number that the next datagram will get.
    pub fn next_packet(&self) -> u64 {
        self.next
    }
}

/// A datagram that was opened: it is from the session's other end, and it is new.
#[derive(PartialEq, Eq, Debug)]
pub struct Opened<'a> {
    /// Its full packet number.
    pub packet: u64,
    /// Whether no packet with a higher number came before: only then may its source address replace the known one.
    pub newest: bool,
    /// Its plaintext.
    pub body: &'a mut [u8],
}

/// Opens one direction of one session.
pub struct Opener {
    session: SessionId,
    chain: Chain,
    replay: ReplayWindow,
}

impl Opener {
    /// Opens with the given direction's secret.
    pub fn new(session: SessionId, suite: Suite, secret: &[u8; 32]) -> Opener {
        Opener { session, chain: Chain::new(suite, secret), replay: ReplayWindow::default() }
    }

    /// Opens in place; the datagram's bytes are spoilt whatever comes out. Allocates nothing.
    pub fn open<'a>(&mut self, datagram: &'a mut [u8]) -> Result<Opened<'a>, OpenError> {
        let header = HopHeader::parse(datagram).map_err(OpenError::Header)?;
        if header.session != self.session {
            return Err(OpenError::OtherSession);
        }
        let (aad, sealed) = datagram.split_at_mut(HOP_HEADER);
        let body_len =
            sealed.len().checked_sub(TAG).ok_or(OpenError::Header(crate::wire::Error::Truncated))?;
        let packet = reconstruct_packet_number(self.replay.largest(), header.packet);
        self.replay.check(packet)?;
        let newest = self.replay.largest().is_none_or(|largest| packet > largest);
        let turns = header.phase != self.chain.phase();
        self.chain.open(packet, turns, newest, aad, sealed).map_err(|_| OpenError::Forged)?;
        self.replay.accept(packet);
        Ok(Opened { packet, newest, body: &mut sealed[..body_len] })
    }

    /// The largest packet number that was opened.
    pub fn largest(&self) -> Option<u64> {
        self.replay.largest()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SESSION: SessionId = SessionId([5; 8]);

    fn pair(suite: Suite) -> (Sealer, Opener) {
        (Sealer::new(SESSION, suite, &[7; 32]), Opener::new(SESSION, suite, &[7; 32]))
    }

    fn sealed(sealer: &mut Sealer, body: &[u8]) -> Vec<u8> {
        let mut datagram = vec![0; HOP_HEADER + body.len() + TAG];
        datagram[HOP_HEADER..HOP_HEADER + body.len()].copy_from_slice(body);
        let len = sealer.seal(&mut datagram, body.len());
        assert_eq!(len, datagram.len());
        datagram
    }

    #[test]
    fn a_datagram_opens_once() {
        for suite in [Suite::Aes128Gcm, Suite::ChaCha20Poly1305] {
            let (mut sealer, mut opener) = pair(suite);
            let datagram = sealed(&mut sealer, b"hello");
            let mut copy = datagram.clone();
            let opened = opener.open(&mut copy).unwrap();
            assert_eq!((opened.packet, opened.newest, &opened.body[..]), (0, true, &b"hello"[..]));
            assert_eq!(opener.open(&mut datagram.clone()), Err(OpenError::Replayed));
        }
    }

    #[test]
    fn reordered_packets_open_and_are_not_newest() {
        let (mut sealer, mut opener) = pair(Suite::Aes128Gcm);
        let mut first = sealed(&mut sealer, b"first");
        let mut second = sealed(&mut sealer, b"second");
        assert!(opener.open(&mut second).unwrap().newest);
        assert!(!opener.open(&mut first).unwrap().newest);
    }

    #[test]
    fn keys_follow_one_another() {
        let (mut sealer, mut opener) = pair(Suite::ChaCha20Poly1305);
        sealer.in_phase = Sealer::PACKETS_A_KEY - 1;
        let mut last = sealed(&mut sealer, b"last under the first key");
        let mut first = sealed(&mut sealer, b"first under the second");
        assert_ne!(last[0], first[0], "the phase bit flips");
        opener.open(&mut first).unwrap();
        assert_eq!(
            &opener.open(&mut last).unwrap().body[..8],
            b"last und",
            "the old key opens what was under way"
        );
        let mut next = sealed(&mut sealer, b"next");
        opener.open(&mut next).unwrap();
    }

    #[test]
    fn a_forged_phase_bit_turns_no_key() {
        let (mut sealer, mut opener) = pair(Suite::Aes128Gcm);
        opener.open(&mut sealed(&mut sealer, b"one")).unwrap();
        let mut forged = sealed(&mut sealer, b"two");
        let good = forged.clone();
        forged[0] ^= 0b1000;
        assert_eq!(opener.open(&mut forged), Err(OpenError::Forged));
        assert!(opener.open(&mut good.clone()).is_ok(), "the forged one did not use up its number");
    }

    proptest! {
        #[test]
        fn every_flipped_bit_is_noticed(bit in 0usize..(HOP_HEADER + 9 + TAG) * 8) {
            let (mut sealer, mut opener) = pair(Suite::Aes128Gcm);
            let mut datagram = sealed(&mut sealer, b"nine byte");
            datagram[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(opener.open(&mut datagram).is_err());
        }

        #[test]
        fn any_bytes_survive(mut bytes: Vec<u8>) {
            let (_, mut opener) = pair(Suite::ChaCha20Poly1305);
            prop_assert!(opener.open(&mut bytes).is_err());
            let mut framed = b"\x10\x05\x05\x05\x05\x05\x05\x05\x05".to_vec();
            framed.extend(bytes);
            prop_assert!(opener.open(&mut framed).is_err());
        }
    }
}
