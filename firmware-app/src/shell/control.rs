//! One control connection: several places tried at once until one proves the relay's key, TLS, the greeting, then frames both ways.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf, split};
use tokio::net::{TcpStream, lookup_host};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout, timeout_at};
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
/// However many places there are, the last is tried after this long.
const LAST_PLACE_AFTER: Duration = Duration::from_secs(2);
/// How long it is waited for one that proves the key; the greeting has the rest.
const PROOF_LIMIT: Duration = Duration::from_secs(6);
/// How long one place is given, looking up its name included.
const ATTEMPT_LIMIT: Duration = Duration::from_secs(5);
/// How long one of several addresses of a name is given.
const ADDRESS_LIMIT: Duration = Duration::from_secs(2);
/// The addresses of one name that are tried.
const MAX_ADDRESSES: usize = 8;
/// How long one address is given before the next is tried beside it (RFC 8305, section 5).
const NEXT_ADDRESS_AFTER: Duration = Duration::from_millis(250);

/// Why there is no connection, in the terms that the room is told about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ConnectError {
    /// No address is known: no name could be looked up.
    NotFound(String),
    /// No address answered, or it went silent.
    Unreachable(String),
    /// Something answers there that is no relay.
    NotARelay(String),
    /// Another key than the pinned one, and nowhere the pinned one.
    ChangedIdentity(PeerId),
    /// The relay speaks no version that this kiosk speaks; with its words.
    OtherVersion(String),
    /// The relay would not have this kiosk.
    Refused(RelayError),
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConnectError::NotFound(detail) => f.write_str(detail),
            ConnectError::Unreachable(detail) => write!(f, "the relay cannot be reached: {detail}"),
            ConnectError::NotARelay(detail) => write!(f, "what answers there is no relay: {detail}"),
            ConnectError::ChangedIdentity(found) => write!(f, "the relay has another key: {found}"),
            ConnectError::OtherVersion(detail) => write!(f, "the relay speaks another version: {detail}"),
            ConnectError::Refused(error) => write!(f, "the relay refused: {error}"),
        }
    }
}

impl std::error::Error for ConnectError {}

impl ConnectError {
    /// Of several places that were tried, the failure that weighs most is told.
    fn weight(&self) -> u8 {
        match self {
            ConnectError::NotFound(_) => 0,
            ConnectError::NotARelay(_) => 1,
            ConnectError::Unreachable(_) => 2,
            ConnectError::ChangedIdentity(_) => 3,
            ConnectError::OtherVersion(_) | ConnectError::Refused(_) => 4,
        }
    }
}

/// A connection whose greeting is over.
pub struct Greeted {
    /// What the relay said.
    pub welcome: Welcome,
    /// The address that proved the key first.
    pub address: SocketAddr,
    /// Keys for the media session named in the welcome.
    pub secrets: HopSecrets,
    /// Frames from the relay.
    pub reader: TellReader,
    /// Frames to the relay.
    pub writer: AskWriter,
}

/// Where a relay may be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Place {
    /// An address.
    At(SocketAddr),
    /// `host:port`, looked up when it is tried.
    Named(String),
}

impl Place {
    /// What is written in a configuration, a message or a file.
    pub fn new(text: &str) -> Place {
        text.parse().map_or_else(|_| Place::Named(text.to_owned()), Place::At)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::At(address) => address.fmt(f),
            Place::Named(name) => f.write_str(name),
        }
    }
}

/// Connects to whichever of `places` proves first that it is `expected`, and greets it. Others that answer there, with
/// another key or none, only cost an attempt.
///
/// Nothing about this kiosk is said before the relay has proved the expected key.
pub async fn connect(
    places: &[Place],
    expected: PeerId,
    me: &Identity,
    name: &RoomName,
) -> Result<Greeted, ConnectError> {
    let greeting = async {
        let ((stream, found), address) = first_to_prove(places, Some(expected)).await?;
        greet(stream, address, found, me, name).await
    };
    let late = |_| ConnectError::Unreachable("no answer in time".into());
    timeout(GREETING_LIMIT, greeting).await.map_err(late)?
}

/// Only asks who answers at this place: for a relay that nobody has confirmed yet.
pub async fn identify(place: Place) -> Result<(PeerId, SocketAddr), ConnectError> {
    let ((_, found), address) = first_to_prove(&[place], None).await?;
    Ok((found, address))
}

type Proved = (TlsStream<TcpStream>, PeerId);

/// Starts one attempt after another without waiting for the ones before to fail, and takes the first that shows the
/// expected key, or any where none is expected. When none does, tells what is most worth knowing.
async fn first_to_prove(
    places: &[Place],
    expected: Option<PeerId>,
) -> Result<(Proved, SocketAddr), ConnectError> {
    let mut attempts = JoinSet::new();
    for (turn, place) in places.iter().cloned().enumerate() {
        let wait = (NEXT_ADDRESS_AFTER.saturating_mul(u32::try_from(turn).unwrap_or(u32::MAX)))
            .min(LAST_PLACE_AFTER);
        attempts.spawn(async move {
            sleep(wait).await;
            let late = |_| Err(ConnectError::Unreachable(format!("{place}: no answer in time")));
            timeout(ATTEMPT_LIMIT, prove_at(&place, expected)).await.unwrap_or_else(late)
        });
    }
    let mut failures = Vec::new();
    let deadline = Instant::now() + PROOF_LIMIT;
    loop {
        match timeout_at(deadline, attempts.join_next()).await {
            Ok(Some(Ok(Ok(proved)))) => return Ok(proved),
            Ok(Some(Ok(Err(failure)))) => {
                log::debug!("{failure}");
                failures.push(failure);
            }
            Ok(Some(Err(stopped))) => failures.push(ConnectError::Unreachable(stopped.to_string())),
            Ok(None) | Err(_) => break,
        }
    }
    failures.sort_by_key(ConnectError::weight);
    Err(failures.pop().unwrap_or_else(|| ConnectError::NotFound("no address is known".into())))
}

/// Every address of one place, in turn.
async fn prove_at(place: &Place, expected: Option<PeerId>) -> Result<(Proved, SocketAddr), ConnectError> {
    let addresses = match place {
        Place::At(address) => vec![*address],
        Place::Named(name) => lookup_host(name)
            .await
            .map_err(|error| ConnectError::NotFound(format!("{name} cannot be looked up: {error}")))?
            .collect(),
    };
    let mut last = ConnectError::NotFound(format!("{place} has no address"));
    for address in addresses.into_iter().take(MAX_ADDRESSES) {
        let attempt = async {
            let (stream, found) = open(address).await?;
            match expected {
                Some(expected) if expected != found => Err(ConnectError::ChangedIdentity(found)),
                Some(_) | None => Ok(((stream, found), address)),
            }
        };
        let late = |_| Err(ConnectError::Unreachable(format!("{address}: no answer in time")));
        match timeout(ADDRESS_LIMIT, attempt).await.unwrap_or_else(late) {
            Ok(proved) => return Ok(proved),
            Err(error) if error.weight() >= last.weight() => last = error,
            Err(_) => {}
        }
    }
    Err(last)
}

async fn open(address: SocketAddr) -> Result<Proved, ConnectError> {
    let unreachable = |error| ConnectError::Unreachable(format!("{address}: {error}"));
    let tcp = TcpStream::connect(address).await.map_err(unreachable)?;
    tcp.set_nodelay(true).map_err(unreachable)?;
    let connector = TlsConnector::from(tls::client_config());
    let name = ServerName::IpAddress(address.ip().into());
    let stream =
        connector.connect(name, tcp).await.map_err(|error| ConnectError::NotARelay(error.to_string()))?;
    let certificate = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
    let found = certificate.and_then(tls::relay_key);
    let found = found.ok_or_else(|| ConnectError::NotARelay("its certificate has no Ed25519 key".into()))?;
    Ok((stream, found))
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
    use tokio::net::TcpListener;
    use tokio_rustls::TlsAcceptor;

    use super::*;

    /// Something that takes connections and never says a word.
    async fn silent() -> (TcpListener, Place) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let place = Place::At(listener.local_addr().unwrap());
        (listener, place)
    }

    /// Something that speaks TLS with a key of its own.
    async fn keyed() -> (PeerId, Place) {
        let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
        let certificate =
            rcgen::CertificateParams::new(vec!["relay".to_owned()]).unwrap().self_signed(&key).unwrap();
        let peer = tls::relay_key(certificate.der()).unwrap();
        let secret = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = rustls::ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], secret)
            .unwrap();
        config.alpn_protocols = vec![vestibule_common::control::ALPN.to_vec()];
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let (listener, place) = silent().await;
        tokio::spawn(async move {
            let mut kept = Vec::new();
            while let Ok((tcp, _)) = listener.accept().await {
                kept.push(acceptor.accept(tcp).await);
            }
        });
        (peer, place)
    }

    #[tokio::test(flavor = "current_thread")]
    async fn the_place_that_proves_the_key_is_found_behind_others_that_answer_first() {
        let (_silent, mute) = silent().await;
        let (_, impostor) = keyed().await;
        let (peer, place) = keyed().await;
        let nowhere = Place::new("no such host:1");
        let places = [nowhere, mute, impostor, place.clone()];
        let ((_, found), address) = first_to_prove(&places, Some(peer)).await.unwrap();
        assert_eq!((found, Place::At(address)), (peer, place));
    }

    #[tokio::test(flavor = "current_thread")]
    async fn another_key_is_told_when_none_proves_the_right_one() {
        let (peer, impostor) = keyed().await;
        let closed = silent().await.1;
        let expected = Identity::from_seed(&[7; 32]).peer();
        let end = first_to_prove(&[impostor, closed], Some(expected)).await;
        assert_eq!(end.err(), Some(ConnectError::ChangedIdentity(peer)));
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_name_that_cannot_be_looked_up_is_said_to_be_not_found() {
        let place = Place::new("no such host:1");
        let end = first_to_prove(&[place], None).await;
        assert!(matches!(end, Err(ConnectError::NotFound(_))), "{:?}", end.err());
    }
}
