//! Letting connections in: the accept loop, and how many descriptors it may use.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::AbortHandle;

use super::connection::{Reception, serve};
use super::doorway::{Admitted, Source};
use crate::rooms::ConnectionId;

/// Descriptors that the relay needs besides those of connections.
const OWN_DESCRIPTORS: u64 = 64;
/// How long to wait when the system is out of descriptors or memory.
const PAUSE: Duration = Duration::from_millis(100);

/// Accepts connections for ever.
pub(super) async fn accept(listener: TcpListener, reception: Arc<Reception>) {
    let mut next = 0;
    let mut tasks: BTreeMap<ConnectionId, AbortHandle> = BTreeMap::new();
    let mut failing = false;
    loop {
        let (stream, source) = match listener.accept().await {
            Ok((stream, source)) => (stream, canonical(source)),
            Err(error) => {
                // Whoever gave up before being accepted is no reason to pause; a full system is.
                if !matches!(
                    error.kind(),
                    std::io::ErrorKind::ConnectionAborted | std::io::ErrorKind::ConnectionReset
                ) {
                    if !failing {
                        log::warn!("no connection can be accepted for now: {error}");
                    }
                    failing = true;
                    tokio::time::sleep(PAUSE).await;
                }
                continue;
            }
        };
        failing = false;
        let connection = ConnectionId(next);
        next += 1;
        let (admitted, total) = {
            let mut doorway = reception.doorway();
            (doorway.arrive(connection, Source::from(source.ip())), doorway.count().0)
        };
        match admitted {
            Admitted::No => {
                log::debug!("connection from {source} refused: no place is left");
                continue;
            }
            Admitted::Yes { instead_of: Some(oldest) } => {
                log::debug!("connection {} made room for one from {source}", oldest.0);
                if let Some(task) = tasks.remove(&oldest) {
                    task.abort();
                    // Let it go before the next one comes, or its descriptor would still be there.
                    tokio::task::yield_now().await;
                }
            }
            Admitted::Yes { instead_of: None } => {}
        }
        let task = tokio::spawn(serve(stream, source, connection, reception.clone()));
        tasks.insert(connection, task.abort_handle());
        if tasks.len() > 2 * total + 64 {
            tasks.retain(|_, task| !task.is_finished());
        }
    }
}

/// An IPv4 address as such, not as the IPv6 address under which a socket for both sees it.
fn canonical(source: SocketAddr) -> SocketAddr {
    SocketAddr::new(source.ip().to_canonical(), source.port())
}

/// How many connections the system allows, after asking it for as many as it ever gives; at most `wanted`.
pub(super) fn allowed_connections(wanted: usize) -> usize {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let limits = getrlimit(Resource::Nofile);
        let needed = wanted as u64 + OWN_DESCRIPTORS;
        let current = limits.current.unwrap_or(u64::MAX);
        if current >= needed {
            return wanted;
        }
        let raised = needed.min(limits.maximum.unwrap_or(u64::MAX));
        let limit = Rlimit { current: Some(raised), maximum: limits.maximum };
        let now = if setrlimit(Resource::Nofile, limit).is_ok() { raised } else { current };
        let allowed = usize::try_from(now.saturating_sub(OWN_DESCRIPTORS)).unwrap_or(usize::MAX);
        if allowed < wanted {
            log::warn!(
                "the system allows this process {now} descriptors: at most {allowed} connections, not {wanted}"
            );
        }
        allowed.clamp(2, wanted)
    }
    #[cfg(not(unix))]
    {
        let _ = OWN_DESCRIPTORS;
        wanted
    }
}
