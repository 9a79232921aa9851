//! The relay's two sockets: IPv6 and IPv4 on one where the system can, IPv4 alone where it cannot.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket};

use socket2::{Domain, Protocol, Socket, Type};

use super::holder;
use crate::config::Listen;

/// Bytes that the kernel should hold for media in each direction: half a second of ten busy rooms. It gives less if its
/// own limit is lower.
const MEDIA_BUFFER: usize = 4 * 1024 * 1024;
/// Connections that wait to be accepted.
const BACKLOG: i32 = 1024;

/// Which of the two.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum Transport {
    /// The control channel.
    Tcp,
    /// Media.
    Udp,
}

impl Transport {
    fn flag(self) -> &'static str {
        match self {
            Transport::Tcp => "--port",
            Transport::Udp => "--media-port",
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Transport::Tcp => "TCP",
            Transport::Udp => "UDP",
        })
    }
}

/// Why a socket cannot be had, worded for whoever starts the relay.
#[derive(Debug)]
pub(super) struct SocketError {
    transport: Transport,
    address: SocketAddr,
    error: io::Error,
}

impl fmt::Display for SocketError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SocketError { transport, address, error } = self;
        let (port, flag) = (address.port(), transport.flag());
        match error.kind() {
            io::ErrorKind::AddrInUse => {
                let holder = holder::find(*transport, port);
                write!(
                    f,
                    "{transport} port {port} is taken by {holder}. Stop it, or choose another port with {flag}."
                )
            }
            io::ErrorKind::PermissionDenied => write!(
                f,
                "{transport} port {port} needs rights that this user does not have: {error}. Choose a port above 1023 \
                 with {flag}."
            ),
            io::ErrorKind::AddrNotAvailable => write!(
                f,
                "{} is no address of this machine: {error}. Choose another one with --listen.",
                address.ip()
            ),
            _ => write!(f, "{transport} port {port} on {} cannot be opened: {error}.", address.ip()),
        }
    }
}

impl std::error::Error for SocketError {}

/// The listener of the control channel.
pub(super) fn control(listen: Listen, port: u16) -> Result<TcpListener, SocketError> {
    open(listen, port, Transport::Tcp, |address| {
        let socket = socket(address, Type::STREAM, Protocol::TCP)?;
        // A port whose last connections are still closing can be taken again at once. On Windows the same option would
        // let two programs share it.
        #[cfg(unix)]
        socket.set_reuse_address(true)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        Ok(socket.into())
    })
}

/// The socket for media.
pub(super) fn media(listen: Listen, port: u16) -> Result<UdpSocket, SocketError> {
    open(listen, port, Transport::Udp, |address| {
        let socket = socket(address, Type::DGRAM, Protocol::UDP)?;
        let enlarged = socket
            .set_recv_buffer_size(MEDIA_BUFFER)
            .and_then(|()| socket.set_send_buffer_size(MEDIA_BUFFER));
        if let Err(error) = enlarged {
            log::debug!("the media socket keeps its small buffers: {error}");
        }
        socket.bind(&address.into())?;
        Ok(socket.into())
    })
}

fn open<S>(
    listen: Listen,
    port: u16,
    transport: Transport,
    attempt: impl Fn(SocketAddr) -> io::Result<S>,
) -> Result<S, SocketError> {
    let fault = |address, error| SocketError { transport, address, error };
    let v4 = SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
    match listen {
        Listen::Address(ip) => {
            let address = SocketAddr::new(ip, port);
            attempt(address).map_err(|error| fault(address, error))
        }
        Listen::All => {
            let v6 = SocketAddr::from((Ipv6Addr::UNSPECIFIED, port));
            match attempt(v6) {
                Err(error) if lacks_ipv6(&error) => {
                    log::info!("IPv6 is off on this machine ({error}); the relay listens on IPv4 only");
                    attempt(v4).map_err(|error| fault(v4, error))
                }
                result => result.map_err(|error| fault(v6, error)),
            }
        }
    }
}

/// Whether the system refuses IPv6 as such, not only this port.
fn lacks_ipv6(error: &io::Error) -> bool {
    !matches!(error.kind(), io::ErrorKind::AddrInUse | io::ErrorKind::PermissionDenied)
}

fn socket(address: SocketAddr, kind: Type, protocol: Protocol) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), kind, Some(protocol))?;
    if address.ip() == IpAddr::V6(Ipv6Addr::UNSPECIFIED) {
        socket.set_only_v6(false)?;
    }
    socket.set_nonblocking(true)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCAL: Listen = Listen::Address(IpAddr::V4(Ipv4Addr::LOCALHOST));

    #[test]
    fn a_taken_port_says_by_whom_and_what_to_do() {
        let listener = control(LOCAL, 0).unwrap();
        let port = listener.local_addr().unwrap().port();
        let text = control(LOCAL, port).unwrap_err().to_string();
        assert!(text.contains(&format!("TCP port {port} is taken by ")) && text.contains("--port"), "{text}");
        let socket = media(LOCAL, 0).unwrap();
        let port = socket.local_addr().unwrap().port();
        let text = media(LOCAL, port).unwrap_err().to_string();
        assert!(
            text.contains(&format!("UDP port {port} is taken by ")) && text.contains("--media-port"),
            "{text}"
        );
        if cfg!(target_os = "linux") {
            assert!(text.contains(&format!("(process {})", std::process::id())), "{text}");
        }
    }

    #[test]
    fn an_address_of_another_machine_is_refused() {
        let elsewhere = Listen::Address("192.0.2.77".parse().unwrap());
        let text = control(elsewhere, 0).unwrap_err().to_string();
        assert!(text.contains("192.0.2.77 is no address of this machine"), "{text}");
    }

    #[test]
    fn all_addresses_include_ipv4() {
        let listener = control(Listen::All, 0).unwrap();
        listener.set_nonblocking(false).unwrap();
        let port = listener.local_addr().unwrap().port();
        let client = std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        let (_, from) = listener.accept().unwrap();
        assert_eq!(from.port(), client.local_addr().unwrap().port());
    }
}
