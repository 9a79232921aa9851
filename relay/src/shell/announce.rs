//! The relay's entry in the network's list of services (mDNS, RFC 6762 and 6763), so that kiosks find it without being
//! told. Failing softly: a relay that cannot be found is still a relay.

use std::net::IpAddr;

use mdns_sd::{ServiceDaemon, ServiceInfo};
use vestibule_common::control::SERVICE;
use vestibule_common::id::PeerId;

use crate::config::Listen;

/// How long the farewell to the network may take.
const FAREWELL: std::time::Duration = std::time::Duration::from_millis(500);

/// The entry; it is taken back by [`Announcement::withdraw`].
pub(super) struct Announcement {
    daemon: ServiceDaemon,
    name: String,
}

/// Announces the relay, or says in the log why not.
pub(super) fn announce(
    name: &str,
    identity: PeerId,
    listen: Listen,
    control_port: u16,
    media_port: u16,
) -> Option<Announcement> {
    if let Listen::Address(ip) = listen
        && ip.is_loopback()
    {
        log::info!("the relay is not announced: it listens on {ip} only, which no kiosk can reach");
        return None;
    }
    match register(name, identity, listen, control_port, media_port) {
        Ok(announcement) => {
            log::info!("announced on the network as {:?}", announcement.name);
            Some(announcement)
        }
        Err(error) => {
            log::warn!("kiosks cannot find the relay by mDNS: {error}. They need its address.");
            None
        }
    }
}

fn register(
    name: &str,
    identity: PeerId,
    listen: Listen,
    control_port: u16,
    media_port: u16,
) -> Result<Announcement, mdns_sd::Error> {
    let info = entry(name, identity, listen, control_port, media_port)?;
    let name = info.get_fullname().to_owned();
    let daemon = ServiceDaemon::new()?;
    daemon.register(info)?;
    Ok(Announcement { daemon, name })
}

fn entry(
    name: &str,
    identity: PeerId,
    listen: Listen,
    control_port: u16,
    media_port: u16,
) -> Result<ServiceInfo, mdns_sd::Error> {
    let short = identity.short().to_string();
    // A host name of our own: the machine's is another responder's to claim.
    let host = format!("vestibule-{short}.local.");
    let instance = format!("{} ({short})", name.replace('.', " "));
    let (id, udp) = (identity.to_string(), media_port.to_string());
    let properties = [("id", id.as_str()), ("udp", udp.as_str()), ("v", "1")];
    Ok(match listen {
        Listen::All => {
            ServiceInfo::new(SERVICE, &instance, &host, "", control_port, &properties[..])?.enable_addr_auto()
        }
        Listen::Address(ip) => {
            let ip: IpAddr = ip;
            ServiceInfo::new(SERVICE, &instance, &host, ip, control_port, &properties[..])?
        }
    })
}

impl Announcement {
    /// Tells the network that the relay is gone. Blocks for a moment.
    pub(super) fn withdraw(self) {
        if let Ok(done) = self.daemon.unregister(&self.name) {
            let _ = done.recv_timeout(FAREWELL);
        }
        if let Ok(done) = self.daemon.shutdown() {
            let _ = done.recv_timeout(FAREWELL);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_entry_has_ports_and_identity_and_never_the_machines_name() {
        let identity = PeerId([0xab; 32]);
        let info =
            entry("Hall v2.0", identity, Listen::Address("192.0.2.1".parse().unwrap()), 5000, 5001).unwrap();
        assert_eq!(info.get_fullname(), "Hall v2 0 (abababab)._vestibule._tcp.local.");
        assert_eq!(info.get_hostname(), "vestibule-abababab.local.");
        assert_eq!(info.get_port(), 5000);
        assert_eq!(info.get_property_val_str("udp"), Some("5001"));
        assert_eq!(info.get_property_val_str("v"), Some("1"));
        assert_eq!(info.get_property_val_str("id"), Some("ab".repeat(32).as_str()));
    }
}
