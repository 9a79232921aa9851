//! The media socket towards one relay and the keys that belong to it. Made anew for every control connection.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use quinn_udp::{EcnCodepoint, Transmit, UdpSockRef, UdpSocketState};
use vestibule_common::control::Welcome;
use vestibule_common::id::SessionId;
use vestibule_common::seal::{HopSecrets, Opener, Sealer, Suite};

/// What the kernel may hold for us, in bytes: a keyframe of every room at once.
const BUFFER: usize = 2 << 20;

/// A socket, where to send, and with which keys.
pub struct Link {
    socket: Arc<Socket>,
    session: SessionId,
    suite: Suite,
    secrets: HopSecrets,
}

/// The two halves of one UDP socket.
pub struct Socket {
    udp: UdpSocket,
    state: UdpSocketState,
    relay: SocketAddr,
    refused: AtomicU64,
}

impl Link {
    /// Opens a socket for the media session of a greeting. `control` is the address the control connection uses.
    ///
    /// Errors: the system's, when no socket can be had.
    pub fn open(welcome: &Welcome, control: SocketAddr, secrets: HopSecrets) -> io::Result<Link> {
        let endpoint = welcome.media.first();
        let endpoint = endpoint.ok_or_else(|| io::Error::other("the relay names no address for media"))?;
        let mut relay = control;
        relay.set_port(endpoint.port);
        if let Some(ip) = endpoint.address {
            relay.set_ip(ip);
        }
        let local: SocketAddr = match relay {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        let udp = UdpSocket::bind(local)?;
        let sock = socket2::SockRef::from(&udp);
        for result in [sock.set_recv_buffer_size(BUFFER), sock.set_send_buffer_size(BUFFER)] {
            if let Err(error) = result {
                log::debug!("the kernel keeps its own buffer size: {error}");
            }
        }
        let state = UdpSocketState::new(UdpSockRef::from(&udp))?;
        let socket = Arc::new(Socket { udp, state, relay, refused: AtomicU64::new(0) });
        Ok(Link { socket, session: welcome.session, suite: welcome.suite, secrets })
    }

    /// What the sending thread needs.
    pub fn sending(&self) -> (Arc<Socket>, Sealer) {
        (self.socket.clone(), Sealer::new(self.session, self.suite, &self.secrets.kiosk_to_relay))
    }

    /// What the receiving thread needs.
    pub fn receiving(&self) -> (Arc<Socket>, Opener) {
        (self.socket.clone(), Opener::new(self.session, self.suite, &self.secrets.relay_to_kiosk))
    }
}

impl Socket {
    /// Sends datagrams of `segment` bytes each, the last one shorter perhaps, in one call to the kernel. What the
    /// kernel does not take is lost, as on any network, and counted.
    pub fn send(&self, datagrams: &[u8], segment: usize) {
        let mut sent = self.try_send(datagrams, segment);
        if sent.is_err() && datagrams.len() > segment && self.max_segments() == 1 {
            // The card cannot take several at once, which this call has found out; from now on it gets one at a time.
            sent = datagrams.chunks(segment).try_for_each(|one| self.try_send(one, segment));
        }
        if let Err(error) = sent
            && self.refused.fetch_add(1, Ordering::Relaxed) == 0
        {
            log::info!("the network does not take what this room sends: {error}");
        }
    }

    fn try_send(&self, contents: &[u8], segment: usize) -> io::Result<()> {
        let segment_size = (contents.len() > segment).then_some(segment);
        let ecn = Some(EcnCodepoint::Ect0);
        let transmit = Transmit { destination: self.relay, ecn, contents, segment_size, src_ip: None };
        self.state.try_send(UdpSockRef::from(&self.udp), &transmit)
    }

    /// How many datagrams fit one call.
    pub fn max_segments(&self) -> usize {
        self.state.max_gso_segments().clamp(1, 32)
    }

    /// The socket itself, for a runtime that waits for it.
    pub fn udp(&self) -> io::Result<UdpSocket> {
        self.udp.try_clone()
    }

    /// The state that reads batches of datagrams.
    pub fn state(&self) -> &UdpSocketState {
        &self.state
    }

    /// Whether a datagram comes from the relay. The seal decides what is genuine; this only spares work.
    pub fn is_relay(&self, from: SocketAddr) -> bool {
        from.port() == self.relay.port() && from.ip().to_canonical() == self.relay.ip().to_canonical()
    }
}
