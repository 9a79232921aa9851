//! A member of the meeting as the relay knows it: keys, address, streams.

use std::net::SocketAddr;

use vestibule_common::control::Streams;
use vestibule_common::id::{RoomId, SessionId, StreamId};
use vestibule_common::seal::{HopSecrets, Opener, Sealer, Suite};
use vestibule_common::wire::{HOP_HEADER, TAG};
use vestibule_relay::forwarding::Forwarding;
use vestibule_relay::route::RouteChange;

/// The only room.
const ROOM: RoomId = RoomId([1; 16]);
const SUITE: Suite = Suite::Aes128Gcm;

/// The far end of a session.
pub(super) struct Member {
    pub(super) address: SocketAddr,
    pub(super) streams: Streams,
    sealer: Sealer,
    opener: Opener,
}

impl Member {
    /// Member `number`, from 0 to 99, with a session of its own in the room.
    pub(super) fn join(forwarding: &mut Forwarding, number: u8) -> Member {
        let session = SessionId([number + 1; 8]);
        let secrets = HopSecrets { kiosk_to_relay: [number + 1; 32], relay_to_kiosk: [number + 101; 32] };
        let first = u32::from(number) * 10 + 10;
        let [audio, video, presentation, file] = [0, 1, 2, 3].map(|n| StreamId(first + n));
        let streams = Streams { audio, video, presentation, file };
        let opened = forwarding.open_session(session, SUITE, &secrets);
        assert!(opened, "there is room for a few sessions");
        forwarding.handle_route_change(RouteChange::Join { room: ROOM, session, streams });
        Member {
            address: SocketAddr::from(([10, 0, 0, number + 1], 6000)),
            streams,
            sealer: Sealer::new(session, SUITE, &secrets.kiosk_to_relay),
            opener: Opener::new(session, SUITE, &secrets.relay_to_kiosk),
        }
    }

    /// A datagram to the relay.
    pub(super) fn seal(&mut self, body: &[u8]) -> Vec<u8> {
        let mut datagram = vec![0; HOP_HEADER + body.len() + TAG];
        datagram[HOP_HEADER..HOP_HEADER + body.len()].copy_from_slice(body);
        self.sealer.seal(&mut datagram, body.len());
        datagram
    }

    /// A datagram from the relay: its number and its body.
    pub(super) fn open<'a>(&mut self, datagram: &'a mut [u8]) -> (u64, &'a [u8]) {
        let opened = self.opener.open(datagram).expect("links change nothing");
        (opened.packet, opened.body)
    }
}
