//! Where the running relay can be reached on this machine: one line in the state folder, for `status` beside it.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

/// The file's name within the state folder.
const FILE: &str = "control.address";

/// The file, removed with this value.
pub(super) struct RuntimeFile(PathBuf);

impl RuntimeFile {
    /// Notes the address of the control listener; a relay without the note still works.
    pub(super) fn write(dir: &Path, listener: SocketAddr) -> RuntimeFile {
        let file = dir.join(FILE);
        if let Err(error) = fs::write(&file, format!("{}\n", reachable(listener))) {
            log::warn!(
                "{} cannot be written: {error}; `status` will try the configured port",
                file.display()
            );
        }
        RuntimeFile(file)
    }

    /// The address that the relay with this state folder has noted.
    pub(super) fn read(dir: &Path) -> Option<SocketAddr> {
        fs::read_to_string(dir.join(FILE)).ok()?.trim().parse().ok()
    }
}

impl Drop for RuntimeFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// The address by which this machine reaches a listener.
pub(super) fn reachable(listener: SocketAddr) -> SocketAddr {
    let ip = match listener.ip() {
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => IpAddr::V6(Ipv6Addr::LOCALHOST),
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => IpAddr::V4(Ipv4Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, listener.port())
}
