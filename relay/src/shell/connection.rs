//! One control connection from its first byte to its last: TLS, hello, then requests in and messages out.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use vestibule_common::control::{
    ALPN, Ask, ErrorCode, FrameDecoder, FrameError, Hello, Limits, MediaEndpoint, ParseError, RelayError,
    Tell, ToKiosk, ToRelay, Welcome, encode_frame, parse_ask,
};
use vestibule_common::id::{PeerId, SessionId};
use vestibule_common::identity::PROOF_EXPORTER;
use vestibule_common::seal::{EXPORTED, HopSecrets, MEDIA_EXPORTER};

use super::clock::{Clock, unix_ms};
use super::doorway::Doorway;
use super::greeting::{Agreed, judge};
use super::hall::{Event, Guest};
use super::outlet::{Capacity, WeakOutlet, outlet};
use crate::rooms::ConnectionId;

/// What every connection needs of the relay.
pub(super) struct Reception {
    pub(super) tls: TlsAcceptor,
    pub(super) identity: PeerId,
    pub(super) limits: Limits,
    pub(super) capacity: Capacity,
    pub(super) media_port: u16,
    pub(super) greeting_timeout: Duration,
    pub(super) clock: Clock,
    pub(super) hall: mpsc::Sender<Event>,
    pub(super) doorway: Arc<Mutex<Doorway>>,
}

impl Reception {
    /// How long a kiosk may say nothing, or take nothing that is said to it.
    fn idle(&self) -> Duration {
        Duration::from_millis(self.limits.idle_timeout_ms)
    }

    /// The doorway; it stays usable even if somebody panicked in it, since every step of it is whole.
    pub(super) fn doorway(&self) -> std::sync::MutexGuard<'_, Doorway> {
        self.doorway.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Bytes taken from the stream at a time.
const CHUNK: usize = 16 * 1024;
/// Bytes that are read after the last words.
const MAX_LINGER: usize = 256 * 1024;
/// How long the last words may take.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// How long the other end may take to close its side after them.
const LINGER: Duration = Duration::from_secs(1);

/// Why a connection ended.
#[derive(Debug)]
enum End {
    /// The other end closed it.
    Closed,
    /// It broke.
    Broken(io::Error),
    /// It took too long to greet.
    TooSlow,
    /// Nothing was said for too long.
    Idle,
    /// Its stream cannot be cut into frames.
    Frame(FrameError),
    /// It does not keep to the protocol, and was told so.
    Refused(String),
    /// The relay closed it.
    Dismissed,
}

/// Serves a connection until it ends.
pub(super) async fn serve(
    stream: TcpStream,
    source: SocketAddr,
    connection: ConnectionId,
    reception: Arc<Reception>,
) {
    let _leave = Leave { connection, reception: &reception };
    let end = match greet_in_time(stream, source, connection, &reception).await {
        Ok(greeted) => attend(greeted, connection, &reception).await,
        Err(end) => end,
    };
    match end {
        End::Closed | End::Dismissed => log::debug!("connection from {source} closed"),
        End::Broken(error) => log::debug!("connection from {source} lost: {error}"),
        End::TooSlow => log::debug!("connection from {source} did not greet in time"),
        End::Idle => log::info!("connection from {source} closed: nothing was heard from it"),
        End::Frame(error) => log::info!("connection from {source} refused: {error}"),
        End::Refused(why) => log::info!("connection from {source} refused: {why}"),
    }
}

/// Leaves the doorway whichever way the connection ends.
struct Leave<'a> {
    connection: ConnectionId,
    reception: &'a Reception,
}

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        self.reception.doorway().leave(self.connection);
    }
}

type Stream = TlsStream<TcpStream>;

/// A connection whose kiosk has proved itself.
struct Greeted {
    stream: Stream,
    decoder: FrameDecoder,
    hello: Hello,
    request: u32,
    agreed: Agreed,
    session: SessionId,
    secrets: HopSecrets,
    source: SocketAddr,
}

async fn greet_in_time(
    stream: TcpStream,
    source: SocketAddr,
    connection: ConnectionId,
    reception: &Reception,
) -> Result<Greeted, End> {
    let greeted = timeout(reception.greeting_timeout, greet(stream, source, reception)).await;
    let greeted = greeted.map_err(|_| End::TooSlow)??;
    // From here on nobody else is let in instead of it.
    if reception.doorway().greet(connection) { Ok(greeted) } else { Err(End::Dismissed) }
}

async fn greet(stream: TcpStream, source: SocketAddr, reception: &Reception) -> Result<Greeted, End> {
    stream.set_nodelay(true).map_err(End::Broken)?;
    let mut stream = reception.tls.accept(stream).await.map_err(|error| match error.kind() {
        io::ErrorKind::InvalidData => End::Refused(error.to_string()),
        _ => End::Broken(error),
    })?;
    if stream.get_ref().1.alpn_protocol() != Some(ALPN) {
        return Err(End::Refused("it does not ask for this protocol".into()));
    }
    let mut decoder = FrameDecoder::default();
    let first = match read_message(&mut stream, &mut decoder).await {
        Ok(message) => message,
        Err(End::Frame(error)) => {
            farewell(&mut stream, None, bad_frame(error)).await;
            return Err(End::Frame(error));
        }
        Err(end) => return Err(end),
    };
    let (request, hello) = match first {
        Ok(ToRelay { request, body: Ask::Hello(hello) }) => (request, hello),
        Ok(ToRelay { request, .. }) => {
            let error = refusal(ErrorCode::Greeting, "a hello is needed first".into());
            return Err(turn_away(&mut stream, Some(request), error).await);
        }
        Err(error) => {
            let (re, error) = unreadable(error);
            return Err(turn_away(&mut stream, re, error).await);
        }
    };
    let mut exported = [0; 32];
    let mut session = SessionId::default();
    let mut media = [0; EXPORTED];
    getrandom::fill(&mut session.0).map_err(|error| End::Broken(io::Error::other(error.to_string())))?;
    let tls = stream.get_ref().1;
    tls.export_keying_material(&mut exported, PROOF_EXPORTER.as_bytes(), Some(b""))
        .and_then(|_| tls.export_keying_material(&mut media, MEDIA_EXPORTER.as_bytes(), Some(&session.0)))
        .map_err(|error| End::Broken(io::Error::other(error)))?;
    let agreed = match judge(&hello, &exported) {
        Ok(agreed) => agreed,
        Err(error) => return Err(turn_away(&mut stream, Some(request), error).await),
    };
    let secrets = HopSecrets::from_exported(&media);
    Ok(Greeted { stream, decoder, hello, request, agreed, session, secrets, source })
}

async fn turn_away(stream: &mut Stream, re: Option<u32>, error: RelayError) -> End {
    let why = error.to_string();
    farewell(stream, re, error).await;
    End::Refused(why)
}

/// Tells the other end why its connection is closed, if it listens.
async fn farewell(stream: &mut Stream, re: Option<u32>, error: RelayError) {
    let message = ToKiosk { re, body: Tell::Error(error) };
    let json = serde_json::to_vec(&message).expect("every message can be written as JSON");
    let mut frame = Vec::new();
    if encode_frame(&json, &mut frame).is_ok() {
        let _ = timeout(LAST_WORDS, async {
            stream.write_all(&frame).await?;
            stream.shutdown().await
        })
        .await;
        linger(stream).await;
    }
}

/// Reads what is still coming and forgets it: a connection closed with bytes unread is reset, which takes the last
/// words with it.
async fn linger(stream: &mut (impl AsyncRead + Unpin)) {
    let mut sink = [0; 4096];
    let reading = async {
        for _ in 0..MAX_LINGER / sink.len() {
            if !stream.read(&mut sink).await.is_ok_and(|len| len > 0) {
                break;
            }
        }
    };
    let _ = timeout(LINGER, reading).await;
}

/// Serves a kiosk that has greeted.
async fn attend(greeted: Greeted, connection: ConnectionId, reception: &Reception) -> End {
    let Greeted { stream, decoder, hello, request, agreed, session, secrets, source } = greeted;
    let (mut reader, writer) = tokio::io::split(stream);
    let (outlet, drain) = outlet(reception.capacity);
    let operator = hello.identity == reception.identity;
    let welcome = Welcome {
        version: agreed.version,
        features: agreed.features,
        software: concat!("vestibule-relay ", env!("CARGO_PKG_VERSION")).to_owned(),
        identity: reception.identity,
        suite: agreed.suite,
        session,
        media: vec![MediaEndpoint { address: None, port: reception.media_port }],
        time_ms: unix_ms(),
        limits: reception.limits,
    };
    let (dismiss, dismissed) = tokio::sync::oneshot::channel();
    let guest = Guest {
        connection,
        peer: hello.identity,
        name: hello.name,
        source,
        session,
        suite: agreed.suite,
        secrets,
        operator,
        welcome: ToKiosk { re: Some(request), body: Tell::Welcome(welcome) },
        outlet: outlet.clone(),
        dismiss,
    };
    if reception.hall.send(Event::Came(Box::new(guest))).await.is_err() {
        return End::Dismissed;
    }
    let mut desk = Desk { connection, operator, outlet: outlet.downgrade(), reception };
    drop(outlet);
    let mut drain = std::pin::pin!(drain.run(writer, reception.idle()));
    let (end, has_last_words) = tokio::select! {
        end = desk.listen(&mut reader, decoder) => {
            let is_gone = matches!(end, End::Closed | End::Broken(_));
            (end, !is_gone)
        }
        result = &mut drain => (result.map_or_else(End::Broken, |()| End::Dismissed), false),
        word = dismissed => (End::Dismissed, word.is_err()),
    };
    let _ = reception.hall.send(Event::Gone(connection)).await;
    if has_last_words {
        let _ = timeout(LAST_WORDS, drain).await;
        linger(&mut reader).await;
    }
    end
}

/// Takes one kiosk's requests.
struct Desk<'a> {
    connection: ConnectionId,
    operator: bool,
    outlet: WeakOutlet,
    reception: &'a Reception,
}

impl Desk<'_> {
    async fn listen(&mut self, reader: &mut (impl AsyncRead + Unpin), mut decoder: FrameDecoder) -> End {
        let idle = self.reception.idle();
        loop {
            let message = match timeout_at(Instant::now() + idle, read_message(reader, &mut decoder)).await {
                Ok(Ok(message)) => message,
                Ok(Err(End::Frame(error))) => {
                    self.answer(None, Tell::Error(bad_frame(error))).await;
                    return End::Frame(error);
                }
                Ok(Err(end)) => return end,
                Err(_) => return End::Idle,
            };
            // Its answer may wait for room: whoever does not read is not waited for longer than one who says nothing.
            match timeout(idle, self.take(message)).await {
                Ok(Ok(())) => {}
                Ok(Err(end)) => return end,
                Err(_) => return End::Idle,
            }
        }
    }

    async fn take(&mut self, message: Result<ToRelay, ParseError>) -> Result<(), End> {
        let received = self.reception.clock.now();
        let ask = match message {
            Ok(ask) => ask,
            Err(error) => {
                let (re, error) = unreadable(error);
                self.answer(re, Tell::Error(error)).await;
                return Ok(());
            }
        };
        let request = ask.request;
        let refuse = |code, detail: &str| Tell::Error(refusal(code, detail.to_owned()));
        match ask.body {
            Ask::Time { sent_us } => {
                let answer = Tell::Time {
                    sent_us,
                    received_us: received.as_micros(),
                    answered_us: self.reception.clock.now().as_micros(),
                    time_ms: unix_ms(),
                };
                self.answer(Some(request), answer).await;
            }
            Ask::Hello(_) => {
                let answer = refuse(ErrorCode::Greeting, "this connection has greeted already");
                self.answer(Some(request), answer).await;
            }
            Ask::Status { after } if self.operator => {
                let event = Event::StatusAsked { connection: self.connection, request, after };
                self.reception.hall.send(event).await.map_err(|_| End::Dismissed)?;
            }
            Ask::Status { .. } => {
                let answer = refuse(ErrorCode::Refused, "only whoever has the relay's own key may ask this");
                self.answer(Some(request), answer).await;
            }
            _ if self.operator => {
                let answer = refuse(ErrorCode::Refused, "the relay itself enters no meeting");
                self.answer(Some(request), answer).await;
            }
            body => {
                let event =
                    Event::Asked { connection: self.connection, ask: Box::new(ToRelay { request, body }) };
                self.reception.hall.send(event).await.map_err(|_| End::Dismissed)?;
            }
        }
        Ok(())
    }

    async fn answer(&self, re: Option<u32>, body: Tell) {
        if let Some(outlet) = self.outlet.upgrade()
            && let Err(error) = outlet.answer(&ToKiosk { re, body }).await
        {
            log::debug!("an answer was not sent: {error}");
        }
    }
}

/// Reads on until there is a whole message, or one that cannot be read.
async fn read_message(
    stream: &mut (impl AsyncRead + Unpin),
    decoder: &mut FrameDecoder,
) -> Result<Result<ToRelay, ParseError>, End> {
    let mut chunk = [0; CHUNK];
    loop {
        if let Some(frame) = decoder.next_frame().map_err(End::Frame)? {
            return Ok(parse_ask(frame));
        }
        match stream.read(&mut chunk).await {
            Ok(0) => return Err(End::Closed),
            Ok(len) => decoder.push(&chunk[..len]),
            // Many a program ends without a word of TLS.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Err(End::Closed),
            Err(error) => return Err(End::Broken(error)),
        }
    }
}

fn bad_frame(error: FrameError) -> RelayError {
    let code = match error {
        FrameError::Empty => ErrorCode::Malformed,
        FrameError::TooLarge(_) => ErrorCode::TooLarge,
    };
    refusal(code, error.to_string())
}

fn unreadable(error: ParseError) -> (Option<u32>, RelayError) {
    let detail = error.to_string();
    match error {
        ParseError::UnknownType { request, .. } => (request, refusal(ErrorCode::UnknownType, detail)),
        ParseError::Malformed { request, .. } => (request, refusal(ErrorCode::Malformed, detail)),
    }
}

fn refusal(code: ErrorCode, detail: String) -> RelayError {
    RelayError { code, detail, retry_after_ms: None }
}
