//! A client that speaks the protocol over real sockets, and breaks it wherever a test wants. Not a kiosk: it has no
//! devices, keeps no state of its own and never reconnects.
//!
//! Everything waits for at most [`PATIENCE`] and panics then: a test cannot go on.

use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream, UdpSocket};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use vestibule_common::bandwidth::Arrivals;
use vestibule_common::control::{
    Ask, Entered, FrameDecoder, HIGHEST_VERSION, Hello, LOWEST_VERSION, Streams, Tell, ToKiosk, ToRelay,
    Welcome, encode_frame, feature, parse_tell,
};
use vestibule_common::id::{KnockId, PeerId, RoomId};
use vestibule_common::identity::{Identity, PROOF_EXPORTER};
use vestibule_common::seal::{EXPORTED, HopSecrets, MEDIA_EXPORTER, OpenError, Opener, Sealer, Suite};
use vestibule_common::signed::{Admission, Founding, Role, Signature};
use vestibule_common::time::Time;
use vestibule_common::wire::{
    AudioLevel, Ecn, HOP_HEADER, Kind, Layer, MAX_BODY, MAX_DATAGRAM, MediaFlags, MediaHeader, StageTimes,
    TAG, TimeRequest,
};
use vestibule_relay::shell::tls;

use crate::relay::{PATIENCE, RunningRelay};

/// One control connection.
pub struct Client {
    /// Who it says it is.
    pub identity: Identity,
    /// What the relay welcomed it with.
    pub welcome: Option<Welcome>,
    stream: TlsStream<TcpStream>,
    decoder: FrameDecoder,
    news: VecDeque<ToKiosk>,
    next_request: u32,
}

/// Waits, but not for ever.
pub async fn patiently<T>(what: &str, future: impl Future<Output = T>) -> T {
    timeout(PATIENCE, future).await.unwrap_or_else(|_| panic!("waited too long: {what}"))
}

impl Client {
    /// Connects from any address; TLS is up, nothing is said.
    pub async fn connect(relay: &RunningRelay, seed: u8) -> Client {
        let identity = Identity::from_seed(&[seed; 32]);
        let connected = Client::connect_as(relay.control, relay.identity, identity, None).await;
        connected.expect("the relay takes a connection")
    }

    /// Connects from the local address `from`, if one is given.
    pub async fn connect_as(
        control: SocketAddr,
        relay: PeerId,
        identity: Identity,
        from: Option<IpAddr>,
    ) -> io::Result<Client> {
        let connecting = async {
            let socket = if control.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
            if let Some(from) = from {
                socket.bind(SocketAddr::new(from, 0))?;
            }
            let stream = socket.connect(control).await?;
            stream.set_nodelay(true)?;
            TlsConnector::from(tls::client_config(relay)).connect(tls::server_name(), stream).await
        };
        let stream = patiently("connecting", connecting).await?;
        let decoder = FrameDecoder::default();
        Ok(Client { identity, welcome: None, stream, decoder, news: VecDeque::new(), next_request: 1 })
    }

    /// Connects and greets.
    pub async fn greeted(relay: &RunningRelay, seed: u8, name: &str) -> Client {
        let mut client = Client::connect(relay, seed).await;
        let hello = client.hello(name);
        client.greet(hello).await;
        client
    }

    /// A hello that holds in this connection.
    pub fn hello(&self, name: &str) -> Hello {
        Hello {
            lowest: LOWEST_VERSION,
            highest: HIGHEST_VERSION,
            features: vec![feature::OPAQUE.to_owned()],
            software: "test".to_owned(),
            identity: self.identity.peer(),
            proof: Signature(self.identity.prove(&self.export(PROOF_EXPORTER, b""))),
            name: name.parse().expect("a room's name"),
            suites: Suite::preferred().to_vec(),
        }
    }

    /// What this TLS session's exporter gives.
    pub fn export<const N: usize>(&self, label: &str, context: &[u8]) -> [u8; N] {
        let exported =
            self.stream.get_ref().1.export_keying_material([0; N], label.as_bytes(), Some(context));
        exported.expect("the handshake is done")
    }

    /// Sends this hello, which must be welcomed.
    pub async fn greet(&mut self, hello: Hello) -> Welcome {
        match self.ask(Ask::Hello(hello)).await {
            Tell::Welcome(welcome) => {
                self.welcome = Some(welcome.clone());
                welcome
            }
            other => panic!("no welcome but {other:?}"),
        }
    }

    /// Sends a request without waiting for its answer; returns its number.
    pub async fn send(&mut self, body: Ask) -> u32 {
        self.try_send(body).await.expect("the connection takes a request")
    }

    /// The same on a connection that the relay may have closed.
    pub async fn try_send(&mut self, body: Ask) -> io::Result<u32> {
        let request = self.next_request;
        self.next_request += 1;
        let json = serde_json::to_vec(&ToRelay { request, body }).expect("a request can be written as JSON");
        self.send_json(&json).await?;
        Ok(request)
    }

    /// Sends a frame with whatever text.
    pub async fn send_json(&mut self, json: &[u8]) -> io::Result<()> {
        let mut frame = Vec::new();
        encode_frame(json, &mut frame).expect("a test's frame is small enough");
        self.send_raw(&frame).await
    }

    /// Sends whatever bytes inside TLS.
    pub async fn send_raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        patiently("sending", async {
            self.stream.write_all(bytes).await?;
            self.stream.flush().await
        })
        .await
    }

    /// Sends a request and waits for its answer; what else comes is kept for [`Client::news`].
    pub async fn ask(&mut self, body: Ask) -> Tell {
        let request = self.send(body).await;
        self.answer(request).await
    }

    /// Waits for the answer to a request.
    pub async fn answer(&mut self, request: u32) -> Tell {
        loop {
            let message = self.receive().await.expect("the connection stays open until the answer");
            if message.re == Some(request) {
                return message.body;
            }
            self.news.push_back(message);
        }
    }

    /// The next message that is no awaited answer.
    pub async fn news(&mut self) -> ToKiosk {
        match self.news.pop_front() {
            Some(message) => message,
            None => self.receive().await.expect("the connection stays open until there is news"),
        }
    }

    /// The next message of any kind; `None` when the relay has closed the connection.
    pub async fn receive(&mut self) -> Option<ToKiosk> {
        let mut chunk = vec![0; 16 * 1024];
        loop {
            if let Some(frame) = self.decoder.next_frame().expect("the relay sends whole frames") {
                return Some(parse_tell(frame).expect("the relay sends messages"));
            }
            match patiently("a message", self.stream.read(&mut chunk)).await {
                Ok(0) | Err(_) => return None,
                Ok(len) => self.decoder.push(&chunk[..len]),
            }
        }
    }

    /// Starts a meeting.
    pub async fn create(&mut self) -> Entered {
        let founding =
            Founding { founder: self.identity.peer(), nonce: RoomId([self.identity.peer().0[0]; 16]) };
        let admission = self.admit(founding.room(), self.identity.peer(), Role::Host, 1);
        match self.ask(Ask::Create { founding, admission }).await {
            Tell::Entered(entered) => *entered,
            other => panic!("no meeting but {other:?}"),
        }
    }

    /// Signs an admission, as a host.
    pub fn admit(&self, room: RoomId, member: PeerId, role: Role, serial: u64) -> Admission {
        let now_ms = self.welcome.as_ref().map_or(0, |welcome| welcome.time_ms);
        Admission::issue(&self.identity, room, member, role, serial, now_ms)
    }

    /// As the host of `meeting`, lets in whoever knocks next; returns its knock.
    pub async fn approve_next(&mut self, meeting: &Entered) -> KnockId {
        loop {
            if let Tell::KnockArrived { knock, identity, .. } = self.news().await.body {
                let admission = self.admit(meeting.room, identity, Role::Member, 2);
                let answer = self.ask(Ask::Approve { knock, admission }).await;
                assert_eq!(answer, Tell::Done);
                return knock;
            }
        }
    }

    /// Knocks at `meeting`, whose host lets it in.
    pub async fn join(&mut self, host: &mut Client, meeting: &Entered) -> Entered {
        let answer = self.ask(Ask::Knock { code: meeting.code }).await;
        assert!(matches!(answer, Tell::Knocking { .. }), "{answer:?}");
        host.approve_next(meeting).await;
        loop {
            if let Tell::Entered(entered) = self.news().await.body {
                return *entered;
            }
        }
    }

    /// The media session that belongs to this connection, on a socket of its own.
    pub async fn media(&self, relay: &RunningRelay) -> MediaClient {
        self.media_at(relay.media).await
    }

    /// [`Client::media`] with a relay whose media address is this.
    pub async fn media_at(&self, relay: SocketAddr) -> MediaClient {
        let Welcome { suite, session, .. } = *self.welcome.as_ref().expect("a greeted client");
        let exported: [u8; EXPORTED] = self.export(MEDIA_EXPORTER, &session.0);
        let secrets = HopSecrets::from_exported(&exported);
        let socket = UdpSocket::bind(("127.0.0.1", 0)).await.expect("a UDP socket");
        socket.connect(relay).await.expect("a way to the relay");
        MediaClient {
            socket,
            sealer: Sealer::new(session, suite, &secrets.kiosk_to_relay),
            opener: Opener::new(session, suite, &secrets.relay_to_kiosk),
            arrivals: Arrivals::new(),
            began: Instant::now(),
        }
    }
}

/// The streams of `member` in a meeting.
pub fn streams_of(entered: &Entered, member: PeerId) -> Streams {
    let found = entered.members.iter().find(|candidate| candidate.id() == member);
    found.expect("a member of the meeting").streams
}

/// The media half of one client.
pub struct MediaClient {
    /// Connected to the relay.
    pub socket: UdpSocket,
    sealer: Sealer,
    opener: Opener,
    /// What is to be reported of what came, as a kiosk does: whoever does not is sent next to no pictures.
    arrivals: Arrivals,
    began: Instant,
}

impl MediaClient {
    /// Seals a body into a datagram without sending it.
    pub fn seal(&mut self, body: &[u8]) -> Vec<u8> {
        let mut datagram = vec![0; HOP_HEADER + body.len() + TAG];
        datagram[HOP_HEADER..HOP_HEADER + body.len()].copy_from_slice(body);
        self.sealer.seal(&mut datagram, body.len());
        datagram
    }

    /// Its parts, for a load generator that does not wait.
    pub fn into_parts(self) -> (UdpSocket, Sealer, Opener) {
        (self.socket, self.sealer, self.opener)
    }

    /// Sends bytes as they are.
    pub async fn send_raw(&self, datagram: &[u8]) {
        self.socket.send(datagram).await.expect("a datagram can be sent");
    }

    /// Seals a body and sends it.
    pub async fn send(&mut self, body: &[u8]) {
        let datagram = self.seal(body);
        self.send_raw(&datagram).await;
    }

    /// Asks the relay's time, which also shows it this socket's address.
    pub async fn show_address(&mut self) {
        let mut body = [0; TimeRequest::LEN];
        TimeRequest { sent: Time::ZERO }.emit(&mut body).expect("the length is right");
        self.send(&body).await;
    }

    /// The next body from the relay but for its reports on this hop; `None` if none comes within `span`. What cannot be
    /// opened is a failed test.
    pub async fn receive_within(&mut self, span: std::time::Duration) -> Option<Vec<u8>> {
        let body = timeout(span, async {
            loop {
                let body = self.receive_any().await;
                if Kind::of(&body) != Ok(Kind::Feedback) {
                    return body;
                }
            }
        });
        body.await.ok()
    }

    fn now(&self) -> Time {
        Time::ZERO + self.began.elapsed()
    }

    async fn receive_any(&mut self) -> Vec<u8> {
        let mut datagram = [0; MAX_DATAGRAM + 1];
        let len = loop {
            self.report().await;
            let due = self.arrivals.poll_timeout().map(|due| due.since(self.now()));
            // Otherwise it is time to report.
            if let Ok(received) = timeout(due.unwrap_or(PATIENCE), self.socket.recv(&mut datagram)).await {
                break received.expect("the socket works");
            }
        };
        let now = self.now();
        match self.opener.open(&mut datagram[..len]) {
            Ok(opened) => {
                self.arrivals.handle_arrival(opened.packet, Ecn::NotEct, now);
                opened.body.to_vec()
            }
            Err(error @ (OpenError::Header(_) | OpenError::OtherSession | OpenError::Forged)) => {
                panic!("the relay sent what cannot be opened: {error}")
            }
            Err(error @ (OpenError::Replayed | OpenError::TooOld)) => {
                panic!("the relay repeats itself: {error}")
            }
        }
    }

    /// Reports what came, if that is due.
    async fn report(&mut self) {
        if let Some(report) = self.arrivals.next_report(self.now()) {
            let mut body = [0; MAX_BODY];
            let len = report.emit(&mut body).expect("a report fits");
            self.send(&body[..len]).await;
        }
    }

    /// The next body of one kind.
    pub async fn receive_kind(&mut self, kind: Kind) -> Vec<u8> {
        patiently("media", async {
            loop {
                if let Some(body) = self.receive_within(PATIENCE).await
                    && Kind::of(&body) == Ok(kind)
                {
                    return body;
                }
            }
        })
        .await
    }
}

/// A piece of media with `payload` bytes, all `fill`.
pub fn media_body(header: MediaHeader, payload: usize, fill: u8) -> Vec<u8> {
    let mut body = vec![fill; MediaHeader::MAX_LEN + payload];
    let len = header.emit(&mut body).expect("a valid header");
    body.truncate(len + payload);
    body
}

/// The header of a frame in one piece.
pub fn single_piece(kind: Kind, stream: vestibule_common::id::StreamId, frame: u32) -> MediaHeader {
    MediaHeader {
        kind,
        stream,
        layer: Layer::default(),
        flags: MediaFlags { end_of_frame: true, ..Default::default() },
        frame,
        reference_distance: 0,
        piece: 0,
        pieces: 1,
        captured: Time::ZERO,
        level: AudioLevel::SILENT,
        stages: Some(StageTimes::default()),
    }
}
