//! One end of a kiosk's hop: seals and opens, reports what came, keeps the path known.

use std::collections::VecDeque;

use vestibule_common::bandwidth::Arrivals;
use vestibule_common::id::SessionId;
use vestibule_common::seal::{HopSecrets, Opener, Sealer, Suite};
use vestibule_common::time::Time;
use vestibule_common::unit::DataSize;
use vestibule_common::wire::{Ecn, Error, HOP_HEADER, MAX_BODY, MAX_DATAGRAM, TAG};

/// What IP and UDP add.
pub(super) const IP_UDP: u64 = vestibule_common::bandwidth::IP_UDP.as_bytes();

/// A kiosk's end.
pub(super) struct HopEnd {
    sealer: Sealer,
    opener: Opener,
    arrivals: Arrivals,
    /// Datagrams that leave now.
    out: VecDeque<Vec<u8>>,
}

impl HopEnd {
    /// The keys of the kiosk with this number, which the relay has too.
    pub(super) fn secrets(number: u8) -> (SessionId, Suite, HopSecrets) {
        let secrets = HopSecrets { kiosk_to_relay: [number; 32], relay_to_kiosk: [number | 128; 32] };
        (SessionId([number; 8]), Suite::Aes128Gcm, secrets)
    }

    /// The end of the kiosk with this number.
    pub(super) fn new(number: u8) -> HopEnd {
        let (session, suite, secrets) = HopEnd::secrets(number);
        HopEnd {
            sealer: Sealer::new(session, suite, &secrets.kiosk_to_relay),
            opener: Opener::new(session, suite, &secrets.relay_to_kiosk),
            arrivals: Arrivals::new(),
            out: VecDeque::new(),
        }
    }

    /// Opens a datagram that came.
    pub(super) fn open(&mut self, datagram: &mut [u8], now: Time) -> Option<Vec<u8>> {
        let opened = self.opener.open(datagram).ok()?;
        self.arrivals.handle_arrival(opened.packet, Ecn::NotEct, now);
        Some(opened.body.to_vec())
    }

    /// Sends a body at once; its packet number and size at IP level.
    pub(super) fn send(&mut self, emit: impl FnOnce(&mut [u8]) -> Result<usize, Error>) -> (u64, DataSize) {
        let mut datagram = [0; MAX_DATAGRAM];
        let len = emit(&mut datagram[HOP_HEADER..HOP_HEADER + MAX_BODY]).expect("it fits a datagram");
        let number = self.sealer.next_packet();
        let len = self.sealer.seal(&mut datagram, len);
        self.out.push_back(datagram[..len].to_vec());
        (number, DataSize::bytes(len as u64 + IP_UDP))
    }

    /// A body's size at IP level.
    pub(super) fn size_of(body: &[u8]) -> DataSize {
        DataSize::bytes((HOP_HEADER + body.len() + TAG) as u64 + IP_UDP)
    }

    /// The report on what came that is due.
    pub(super) fn next_report(&mut self, now: Time) -> Option<vestibule_common::wire::Feedback> {
        self.arrivals.next_report(now)
    }

    /// The next datagram that leaves.
    pub(super) fn next_datagram(&mut self) -> Option<Vec<u8>> {
        self.out.pop_front()
    }
}

/// A body as a function that writes it.
pub(super) fn copy(body: &[u8]) -> impl FnOnce(&mut [u8]) -> Result<usize, Error> {
    move |out| {
        out[..body.len()].copy_from_slice(body);
        Ok(body.len())
    }
}
