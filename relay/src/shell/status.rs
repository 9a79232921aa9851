//! `vestibule-relay status`: asks the running relay on this machine, with the relay's own key, and prints a table.

use std::fmt::{self, Write as _};
use std::io::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use vestibule_common::control::{
    Ask, FrameDecoder, HIGHEST_VERSION, Hello, KioskStatus, LOWEST_VERSION, RoomStatus, Status, Tell,
    ToKiosk, ToRelay, encode_frame, parse_tell,
};
use vestibule_common::id::PeerId;
use vestibule_common::identity::{Identity, PROOF_EXPORTER};
use vestibule_common::seal::Suite;
use vestibule_common::signed::Signature;
use vestibule_host::keys::{self, IdentityError};

use super::run::words;
use super::runtime_file::RuntimeFile;
use super::tls;
use crate::config::{Config, Listen};

/// How long the relay may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Pages after which the answer is cut off.
const MAX_PAGES: usize = 1000;

/// Why there is no status, worded for whoever asked.
#[derive(Debug)]
pub(super) enum StatusError {
    Identity(IdentityError),
    /// Nobody listens there.
    NotRunning(SocketAddr, io::Error),
    /// Another relay listens there.
    OtherRelay(SocketAddr),
    /// The connection broke.
    Broken(io::Error),
    /// No answer in time.
    TimedOut(SocketAddr),
    /// The relay answers something else.
    Refused(String),
}

impl fmt::Display for StatusError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StatusError::Identity(error) => error.fmt(f),
            StatusError::NotRunning(address, error) => {
                write!(f, "no relay answers at {address}: {error}. Is it running?")
            }
            StatusError::OtherRelay(address) => {
                write!(f, "another relay listens at {address}, not the one whose key is in this state folder")
            }
            StatusError::Broken(error) => write!(f, "the connection to the relay broke: {error}"),
            StatusError::TimedOut(address) => {
                write!(f, "the relay at {address} does not answer within {} s", PATIENCE.as_secs())
            }
            StatusError::Refused(why) => write!(f, "the relay refuses to answer: {why}"),
        }
    }
}

/// Asks and prints.
pub(super) fn run(config: &Config) -> Result<(), StatusError> {
    let dir = config.state_dir.clone().unwrap_or_default();
    let keys = keys::load(&dir).map_err(StatusError::Identity)?;
    let noted = RuntimeFile::read(&dir);
    let candidates = noted.map_or_else(|| configured(config), |address| vec![address]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(StatusError::Broken)?;
    let status = runtime.block_on(async {
        let mut last = None;
        for address in candidates {
            let asked = tokio::time::timeout(PATIENCE, ask(address, &keys.identity)).await;
            match asked.unwrap_or(Err(StatusError::TimedOut(address))) {
                Err(error @ StatusError::NotRunning(..)) => last = Some(error),
                result => return result,
            }
        }
        Err(last.expect("there is at least one address"))
    })?;
    let text = table(&status, &keys.identity.peer());
    io::stdout().write_all(text.as_bytes()).map_err(StatusError::Broken)
}

/// Where a relay with this configuration listens.
fn configured(config: &Config) -> Vec<SocketAddr> {
    let ips = match config.listen {
        Listen::Address(ip) if !ip.is_unspecified() => vec![ip],
        Listen::Address(_) | Listen::All => {
            vec![IpAddr::V6(Ipv6Addr::LOCALHOST), IpAddr::V4(Ipv4Addr::LOCALHOST)]
        }
    };
    ips.into_iter().map(|ip| SocketAddr::new(ip, config.port)).collect()
}

async fn ask(address: SocketAddr, identity: &Identity) -> Result<Status, StatusError> {
    let stream =
        TcpStream::connect(address).await.map_err(|error| StatusError::NotRunning(address, error))?;
    stream.set_nodelay(true).map_err(StatusError::Broken)?;
    let connector = TlsConnector::from(tls::client_config(identity.peer()));
    let connected = connector.connect(tls::server_name(), stream).await;
    let mut stream = connected.map_err(|error| {
        let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
        match tls.is_some_and(tls::is_other_key) {
            true => StatusError::OtherRelay(address),
            false => StatusError::Broken(error),
        }
    })?;
    let exported = stream.get_ref().1.export_keying_material([0; 32], PROOF_EXPORTER.as_bytes(), Some(b""));
    let exported = exported.map_err(|error| StatusError::Broken(io::Error::other(error)))?;
    let hello = Hello {
        lowest: LOWEST_VERSION,
        highest: HIGHEST_VERSION,
        features: Vec::new(),
        software: concat!("vestibule-relay status ", env!("CARGO_PKG_VERSION")).to_owned(),
        identity: identity.peer(),
        proof: Signature(identity.prove(&exported)),
        name: "status".parse().expect("a valid name"),
        suites: Suite::preferred().to_vec(),
    };
    let mut decoder = FrameDecoder::default();
    match exchange(&mut stream, &mut decoder, 0, Ask::Hello(hello)).await? {
        Tell::Welcome(_) => {}
        other => return Err(refused(other)),
    }
    let mut whole: Option<Status> = None;
    for page in 1..=MAX_PAGES {
        let after = whole.as_ref().and_then(|status| status.rooms.last()).map(|room| room.room);
        let status = match exchange(&mut stream, &mut decoder, page as u32, Ask::Status { after }).await? {
            Tell::Status(status) => status,
            other => return Err(refused(other)),
        };
        let more = status.more && !status.rooms.is_empty();
        whole = Some(match whole {
            None => status,
            Some(mut before) => {
                before.rooms.extend(status.rooms);
                Status { rooms: before.rooms, ..status }
            }
        });
        if !more {
            break;
        }
    }
    let _ = stream.shutdown().await;
    whole.ok_or_else(|| StatusError::Refused("it sends no page".into()))
}

fn refused(tell: Tell) -> StatusError {
    StatusError::Refused(match tell {
        Tell::Error(error) => error.to_string(),
        Tell::Stopping { .. } => "it is about to stop".to_owned(),
        other => format!("it says {other:?}"),
    })
}

/// Asks, and waits for the answer to this request.
async fn exchange(
    stream: &mut TlsStream<TcpStream>,
    decoder: &mut FrameDecoder,
    request: u32,
    body: Ask,
) -> Result<Tell, StatusError> {
    let json = serde_json::to_vec(&ToRelay { request, body }).expect("every message can be written as JSON");
    let mut frame = Vec::new();
    encode_frame(&json, &mut frame).expect("a request is far below a frame's limit");
    stream.write_all(&frame).await.map_err(StatusError::Broken)?;
    stream.flush().await.map_err(StatusError::Broken)?;
    let mut chunk = vec![0; 16 * 1024];
    loop {
        while let Some(frame) =
            decoder.next_frame().map_err(|error| StatusError::Refused(error.to_string()))?
        {
            match parse_tell(frame) {
                Ok(ToKiosk { re, body }) if re == Some(request) => return Ok(body),
                Ok(ToKiosk { re: None, body: body @ (Tell::Error(_) | Tell::Stopping { .. }) }) => {
                    return Ok(body);
                }
                Ok(_) => {}
                Err(error) => return Err(StatusError::Refused(error.to_string())),
            }
        }
        match stream.read(&mut chunk).await.map_err(StatusError::Broken)? {
            0 => return Err(StatusError::Broken(io::ErrorKind::UnexpectedEof.into())),
            len => decoder.push(&chunk[..len]),
        }
    }
}

fn count(rooms: usize) -> String {
    if rooms == 1 { "1 room".into() } else { format!("{rooms} rooms") }
}

/// The status as people read it.
fn table(status: &Status, relay: &PeerId) -> String {
    let mut out = format!("relay \"{}\", up for {}\n", words(relay), span(status.uptime_s));
    let line = |out: &mut String, mark: &str, kiosk: &KioskStatus| {
        let place = kiosk.address.map_or_else(|| "away".to_owned(), |address| address.to_string());
        let name = kiosk.name.as_str();
        let _ = writeln!(out, "  {mark} {name:<40}  {}  {place}", kiosk.identity.short());
    };
    if status.rooms.is_empty() {
        out.push_str("\nno meeting\n");
    }
    for RoomStatus { code, locked, host, members, knocking, .. } in &status.rooms {
        let _ = write!(out, "\nmeeting {}: {}", code.spaced(), count(members.len()));
        if *knocking > 0 {
            let _ = write!(out, ", {knocking} knocking");
        }
        out.push_str(if *locked { ", locked\n" } else { "\n" });
        for member in members {
            line(&mut out, if member.identity == *host { "host" } else { "    " }, member);
        }
    }
    if !status.idle.is_empty() {
        let _ =
            writeln!(out, "\nin no meeting: {}", count(status.idle.len() + status.idle_left_out as usize));
        for kiosk in &status.idle {
            line(&mut out, "    ", kiosk);
        }
        if status.idle_left_out > 0 {
            let _ = writeln!(out, "       and {} more", status.idle_left_out);
        }
    }
    out
}

fn span(seconds: u64) -> String {
    match (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vestibule_common::id::{RoomCode, RoomId};

    #[test]
    fn the_table_shows_meetings_and_who_waits() {
        let kiosk = |n: u8, name: &str, address: Option<&str>| KioskStatus {
            identity: PeerId([n; 32]),
            name: name.parse().unwrap(),
            address: address.map(|text| text.parse().unwrap()),
        };
        let status = Status {
            rooms: vec![RoomStatus {
                room: RoomId([1; 16]),
                code: RoomCode::new(482_913).unwrap(),
                locked: true,
                host: PeerId([1; 32]),
                members: vec![kiosk(1, "Boardroom", Some("10.0.0.1:5")), kiosk(2, "Workshop", None)],
                knocking: 1,
            }],
            idle: vec![kiosk(3, "Lobby", Some("[::1]:6"))],
            idle_left_out: 2,
            more: false,
            uptime_s: 3700,
        };
        let text = table(&status, &PeerId([0; 32]));
        for part in [
            "up for 1 h 1 min",
            "meeting 482 913: 2 rooms, 1 knocking, locked",
            "  host Boardroom",
            "01010101  10.0.0.1:5",
            "02020202  away",
            "in no meeting: 3 rooms",
            "and 2 more",
        ] {
            assert!(text.contains(part), "{part:?} in\n{text}");
        }
    }
}
