//! Finds relays on the network: multicast DNS (RFC 6762) for `_vestibule._tcp`, with the relay's key in the record.
//!
//! What is found is a hint and nothing more: the key is proved by TLS, and an unknown key is confirmed by a person.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::sync::{Arc, Mutex, PoisonError};

use mdns_sd::{ScopedIp, ServiceDaemon, ServiceEvent};
use vestibule_common::control::SERVICE;
use vestibule_common::id::PeerId;

/// The most relays that are remembered; a network with more has somebody playing tricks.
const MAX_RELAYS: usize = 64;
/// The most addresses of one of them.
const MAX_ADDRESSES: usize = 8;

/// The relays that announce themselves now, kept up to date in the background.
#[derive(Clone)]
pub struct Discovery {
    found: Arc<Mutex<BTreeMap<String, Announced>>>,
    daemon: ServiceDaemon,
}

struct Announced {
    peer: PeerId,
    addresses: Vec<SocketAddr>,
}

impl Discovery {
    /// Starts to listen; `changed` is called whenever the set of relays has changed. Where multicast is impossible
    /// there is none, and the log says why.
    pub fn start(changed: impl Fn() + Send + 'static) -> Option<Discovery> {
        let started = ServiceDaemon::new().map_err(|error| error.to_string()).and_then(|daemon| {
            let events = daemon.browse(SERVICE).map_err(|error| error.to_string())?;
            let found = Arc::default();
            let discovery = Discovery { found: Arc::clone(&found), daemon };
            let listen = move || {
                while let Ok(event) = events.recv() {
                    if note(&found, event) {
                        changed();
                    }
                }
            };
            let listener = std::thread::Builder::new().name("discovery".into()).spawn(listen);
            listener.map(|_| discovery).map_err(|error| error.to_string())
        });
        started.map_err(|error| log::warn!("relays cannot be looked for on this network: {error}")).ok()
    }

    /// Every relay that announces itself, with its addresses.
    pub fn relays(&self) -> Vec<(PeerId, Vec<SocketAddr>)> {
        let found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        let mut relays = BTreeMap::<PeerId, Vec<SocketAddr>>::new();
        for relay in found.values() {
            relays.entry(relay.peer).or_default().extend(&relay.addresses);
        }
        relays.into_iter().collect()
    }

    /// Stops listening.
    pub fn stop(&self) {
        if let Err(error) = self.daemon.shutdown() {
            log::debug!("discovery did not stop in order: {error}");
        }
    }
}

fn note(found: &Mutex<BTreeMap<String, Announced>>, event: ServiceEvent) -> bool {
    let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
    match event {
        ServiceEvent::ServiceResolved(service) => {
            let Some(Ok(peer)) = service.get_property_val_str("id").map(str::parse::<PeerId>) else {
                log::debug!("{} announces a relay without a key", service.get_fullname());
                return false;
            };
            let port = service.get_port();
            let mut addresses: Vec<SocketAddr> =
                service.get_addresses().iter().map(|ip| scoped(ip, port)).collect();
            // Global and private addresses first; link-local ones need luck with the scope.
            addresses.sort_by_key(|address| (is_link_local(&address.ip()), *address));
            addresses.truncate(MAX_ADDRESSES);
            let name = service.get_fullname().to_owned();
            if found.len() >= MAX_RELAYS && !found.contains_key(&name) {
                return false;
            }
            // Two that announce the same key are both kept: only one can prove it.
            found.insert(name, Announced { peer, addresses });
            true
        }
        ServiceEvent::ServiceRemoved(_, full_name) => {
            let before = found.len();
            found.remove(&full_name);
            found.len() != before
        }
        _ => false, // foreign enum: searches starting and stopping
    }
}

fn scoped(ip: &ScopedIp, port: u16) -> SocketAddr {
    match ip {
        ScopedIp::V6(v6) => SocketAddr::V6(SocketAddrV6::new(*v6.addr(), port, 0, v6.scope_id().index)),
        other => SocketAddr::new(other.to_ip_addr(), port),
    }
}

fn is_link_local(ip: &IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    }
}
