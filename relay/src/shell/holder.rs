//! Which program holds a port. Linux tells through /proc; elsewhere it stays a general word.

use super::sockets::Transport;

/// Names whoever holds the local port, as the end of "is taken by …".
pub(super) fn find(transport: Transport, port: u16) -> String {
    #[cfg(target_os = "linux")]
    if let Some(found) = linux::find(transport, port) {
        return found;
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (transport, port);
    "another program".to_owned()
}

#[cfg(target_os = "linux")]
mod linux {
    use std::fs;
    use std::path::Path;

    use super::Transport;

    /// A socket as /proc/net lists it.
    struct Listed {
        inode: String,
        user: String,
    }

    pub(super) fn find(transport: Transport, port: u16) -> Option<String> {
        let tables = match transport {
            Transport::Tcp => ["/proc/net/tcp", "/proc/net/tcp6"],
            Transport::Udp => ["/proc/net/udp", "/proc/net/udp6"],
        };
        let texts = tables.iter().filter_map(|table| fs::read_to_string(table).ok());
        let listed: Vec<Listed> = texts.flat_map(|text| parse(&text, transport, port)).collect();
        let program = listed.iter().find_map(|socket| program_of(&socket.inode));
        program.or_else(|| {
            let user = &listed.first()?.user;
            Some(format!("a program of another user (user {user}; `sudo ss -lntup` names it)"))
        })
    }

    /// The listening sockets on `port` in a table of /proc/net.
    fn parse(table: &str, transport: Transport, port: u16) -> Vec<Listed> {
        const LISTENING: &str = "0A";
        let socket = |line: &str| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let (local, state, user, inode) =
                (fields.get(1)?, fields.get(3)?, fields.get(7)?, fields.get(9)?);
            let (_, local_port) = local.rsplit_once(':')?;
            let here = u16::from_str_radix(local_port, 16) == Ok(port);
            let open = transport == Transport::Udp || *state == LISTENING;
            (here && open).then(|| Listed { inode: (*inode).to_owned(), user: (*user).to_owned() })
        };
        table.lines().skip(1).filter_map(socket).collect()
    }

    /// The first program that has the socket open, of those that may be looked at.
    fn program_of(inode: &str) -> Option<String> {
        let wanted = format!("socket:[{inode}]");
        let holds = |process: &Path| {
            let descriptors = fs::read_dir(process.join("fd")).into_iter().flatten().flatten();
            descriptors
                .filter_map(|entry| fs::read_link(entry.path()).ok())
                .any(|target| target.as_os_str() == wanted.as_str())
        };
        for entry in fs::read_dir("/proc").ok()?.flatten() {
            let number = entry.file_name().into_string().ok().and_then(|name| name.parse::<u32>().ok());
            if let Some(number) = number
                && holds(&entry.path())
            {
                let name = fs::read_to_string(entry.path().join("comm")).unwrap_or_default();
                return Some(format!("{} (process {number})", name.trim()));
            }
        }
        None
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn only_listening_sockets_on_the_port_count() {
            let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
                \x20  0: 00000000:1388 00000000:0000 0A 00000000:00000000 00:00000000 00000000   107        0 4711 1\n\
                \x20  1: 0100007F:1388 0100007F:9999 01 00000000:00000000 00:00000000 00000000     0        0 4712 1\n\
                \x20  2: 0100007F:1389 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4713 1\n\
                damaged\n";
            let found = parse(table, Transport::Tcp, 5000);
            assert_eq!(
                found.iter().map(|s| (s.inode.as_str(), s.user.as_str())).collect::<Vec<_>>(),
                [("4711", "107")]
            );
            assert_eq!(parse(table, Transport::Udp, 5000).len(), 2);
        }
    }
}
