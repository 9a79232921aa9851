//! One control connection: several addresses tried at once, TLS, the greeting, then frames both ways.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf, split};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use vestibule_common::control::{
    Ask, ErrorCode, FrameDecoder, HIGHEST_VERSION, Hello, LOWEST_VERSION, ParseError, RelayError, Tell,
    ToKiosk, ToRelay, Welcome, encode_frame, feature, parse_tell,
};
use vestibule_common::id::PeerId;
use vestibule_common::identity::{Identity, PROOF_EXPORTER};
use vestibule_common::name::RoomName;
use vestibule_common::seal::{EXPORTED, HopSecrets, MEDIA_EXPORTER, Suite};
use vestibule_common::signed::Signature;

use super::tls;

/// How long connecting, TLS and greeting may take together.
const GREETING_LIMIT: Duration = Duration::from_secs(8);
/// How long one address is given before the next is tried beside it (RFC 8305, section 5).
const NEXT_ADDRESS_AFTER: Duration = Duration::from_millis(250);

/// Why there is no connection, in the terms that the room is told about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ConnectError {
    /// No address answered, or it went silent.
    Unreachable(String),
    /// Something answers there that is no relay.
    NotARelay(String),
    /// Another key than the pinned one.
    ChangedIdentity(PeerId),
    /// The relay speaks no version that this kiosk speaks; with its words.
    OtherVersion(String),
    /// The relay would not have this kiosk.
    Refused(RelayError),
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConnectError::Unreachable(detail) => write!(f, "the relay cannot be reached: {detail}"),
            ConnectError::NotARelay(detail) => write!(f, "what answers there is no relay: {detail}"),
            ConnectError::ChangedIdentity(found) => write!(f, "the relay has another key: {found}"),
            ConnectError::OtherVersion(detail) => write!(f, "the relay speaks another version: {detail}"),
            ConnectError::Refused(error) => write!(f, "the relay refused: {error}"),
        }
    }
}

impl std::error::Error for ConnectError {}

/// A connection whose greeting is over.
pub struct Greeted {
    /// What the relay said.
    pub welcome: Welcome,
    /// The address that answered first.
    pub address: SocketAddr,
    /// Keys for the media session named in the welcome.
    pub secrets: HopSecrets,
    /// Frames from the relay.
    pub reader: TellReader,
    /// Frames to the relay.
    pub writer: AskWriter,
}

/// Connects to whichever of `addresses` answers first, checks that it is `expected`, and greets it.
///
/// Nothing about this kiosk is said before the relay has proved the expected key.
pub async fn connect(
    addresses: &[SocketAddr],
    expected: PeerId,
    me: &Identity,
    name: &RoomName,
) -> Result<Greeted, ConnectError> {
    let greeting = async {
        let (stream, address, found) = open(addresses).await?;
        if found != expected {
            return Err(ConnectError::ChangedIdentity(found));
        }
        greet(stream, address, found, me, name).await
    };
    let late = |_| ConnectError::Unreachable("no answer in time".into());
    timeout(GREETING_LIMIT, greeting).await.map_err(late)?
}

/// Only asks who answers at these addresses: for a relay that nobody has confirmed yet.
pub async fn identify(addresses: &[SocketAddr]) -> Result<(PeerId, SocketAddr), ConnectError> {
    let late = |_| ConnectError::Unreachable("no answer in time".into());
    let (_, address, found) = timeout(GREETING_LIMIT, open(addresses)).await.map_err(late)??;
    Ok((found, address))
}

async fn open(addresses: &[SocketAddr]) -> Result<(TlsStream<TcpStream>, SocketAddr, PeerId), ConnectError> {
    let (tcp, address) = first_to_answer(addresses).await?;
    tcp.set_nodelay(true).map_err(|error| ConnectError::Unreachable(error.to_string()))?;
    let connector = TlsConnector::from(tls::client_config());
    let name = ServerName::IpAddress(address.ip().into());
    let stream =
        connector.connect(name, tcp).await.map_err(|error| ConnectError::NotARelay(error.to_string()))?;
    let certificate = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
    let found = certificate.and_then(tls::relay_key);
    let found = found.ok_or_else(|| ConnectError::NotARelay("its certificate has no Ed25519 key".into()))?;
    Ok((stream, address, found))
}

/// Starts one attempt after another without waiting for the ones before to fail.
async fn first_to_answer(addresses: &[SocketAddr]) -> Result<(TcpStream, SocketAddr), ConnectError> {
    let mut attempts = JoinSet::new();
    for (place, address) in addresses.iter().copied().enumerate() {
        attempts.spawn(async move {
            sleep(NEXT_ADDRESS_AFTER * place as u32).await;
            TcpStream::connect(address)
                .await
                .map(|stream| (stream, address))
                .map_err(|error| format!("{address}: {error}"))
        });
    }
    let mut failures = Vec::new();
    while let Some(attempt) = attempts.join_next().await {
        match attempt {
            Ok(Ok(connected)) => return Ok(connected),
            Ok(Err(failure)) => failures.push(failure),
            Err(stopped) => failures.push(stopped.to_string()),
        }
    }
    if failures.is_empty() {
        failures.push("no address is known".into());
    }
    Err(ConnectError::Unreachable(failures.join("; ")))
}

async fn greet(
    stream: TlsStream<TcpStream>,
    address: SocketAddr,
    relay: PeerId,
    me: &Identity,
    name: &RoomName,
) -> Result<Greeted, ConnectError> {
    let not_a_relay = |detail: String| ConnectError::NotARelay(detail);
    let tls = stream.get_ref().1;
    let exported = tls.export_keying_material([0; 32], PROOF_EXPORTER.as_bytes(), Some(&[]));
    let exported = exported.map_err(|error| not_a_relay(error.to_string()))?;
    let hello = Hello {
        lowest: LOWEST_VERSION,
        highest: HIGHEST_VERSION,
        features: vec![feature::OPAQUE.into(), feature::REDIRECT.into()],
        software: concat!("vestibule-kiosk ", env!("CARGO_PKG_VERSION")).into(),
        identity: me.peer(),
        proof: Signature(me.prove(&exported)),
        name: name.clone(),
        suites: Suite::preferred().to_vec(),
    };
    let (reader, writer) = split(stream);
    let mut writer = AskWriter { half: writer, buffer: Vec::new() };
    let mut reader = TellReader { half: reader, decoder: FrameDecoder::default(), unknown: 0 };
    writer
        .send(&ToRelay { request: 0, body: Ask::Hello(hello) })
        .await
        .map_err(|error| not_a_relay(error.to_string()))?;
    let answer = reader.next().await.map_err(|error| not_a_relay(error.to_string()))?;
    let welcome = match answer.body {
        Tell::Welcome(welcome) => welcome,
        Tell::Error(error) if error.code == ErrorCode::Version => {
            return Err(ConnectError::OtherVersion(error.detail));
        }
        Tell::Error(error) => return Err(ConnectError::Refused(error)),
        other => return Err(not_a_relay(format!("it greets with {other:?}"))),
    };
    if welcome.identity != relay {
        return Err(not_a_relay("its greeting names another key than its certificate".into()));
    }
    if !(LOWEST_VERSION..=HIGHEST_VERSION).contains(&welcome.version) {
        return Err(ConnectError::OtherVersion(format!("version {}", welcome.version)));
    }
    // The session id is known only now; the exporter is the TLS session's, which both halves share.
    let whole = reader.half.unsplit(writer.half);
    let exported = whole.get_ref().1.export_keying_material(
        [0; EXPORTED],
        MEDIA_EXPORTER.as_bytes(),
        Some(&welcome.session.0),
    );
    let exported = exported.map_err(|error| not_a_relay(error.to_string()))?;
    let (half, write_half) = split(whole);
    reader.half = half;
    writer.half = write_half;
    Ok(Greeted { welcome, address, secrets: HopSecrets::from_exported(&exported), reader, writer })
}

/// Frames to the relay, written whole. Not safe to cancel: run it in a task of its own.
pub struct AskWriter {
    half: WriteHalf<TlsStream<TcpStream>>,
    buffer: Vec<u8>,
}

impl AskWriter {
    /// Sends one message.
    pub async fn send(&mut self, ask: &ToRelay) -> std::io::Result<()> {
        let json = serde_json::to_vec(ask).map_err(std::io::Error::other)?;
        self.buffer.clear();
        encode_frame(&json, &mut self.buffer).map_err(std::io::Error::other)?;
        self.half.write_all(&self.buffer).await?;
        self.half.flush().await
    }
}

/// Frames from the relay.
pub struct TellReader {
    half: ReadHalf<TlsStream<TcpStream>>,
    decoder: FrameDecoder,
    unknown: u64,
}

impl TellReader {
    /// The next message; those of a type from a later version are skipped. Safe to cancel.
    pub async fn next(&mut self) -> std::io::Result<ToKiosk> {
        loop {
            while let Some(json) = self.decoder.next_frame().map_err(std::io::Error::other)? {
                match parse_tell(json) {
                    Ok(tell) => return Ok(tell),
                    Err(error @ ParseError::UnknownType { .. }) => {
                        self.unknown += 1;
                        log::debug!("skipped: {error}");
                    }
                    Err(error @ ParseError::Malformed { .. }) => return Err(std::io::Error::other(error)),
                }
            }
            let mut chunk = [0; 8192];
            let len = self.half.read(&mut chunk).await?;
            if len == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            self.decoder.push(&chunk[..len]);
        }
    }
}
