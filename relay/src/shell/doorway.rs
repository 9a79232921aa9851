//! How many may stand in the door: limits on connections, in all and of one source, half-open ones included.
//!
//! Pure. Whoever has greeted is never sent away for a newcomer; whoever has not makes room, the longest waiting first.
//! So a flood of connections costs a fixed number of descriptors and does not touch a meeting.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv6Addr};

use crate::rooms::ConnectionId;

/// The limits.
#[derive(Copy, Clone, Debug)]
pub(super) struct DoorwayLimits {
    /// Connections in all.
    pub(super) total: usize,
    /// Connections of one source.
    pub(super) per_source: usize,
    /// Connections that have not greeted.
    pub(super) ungreeted: usize,
}

/// Where a connection comes from, as far as one party can hardly be several: an IPv4 address, an IPv6 /64 network.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Source(IpAddr);

impl From<IpAddr> for Source {
    fn from(address: IpAddr) -> Source {
        Source(match address.to_canonical() {
            IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64)),
            v4 => v4,
        })
    }
}

/// Whether a newcomer may come in.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum Admitted {
    /// It may; this one, which has not greeted, is to be closed for it.
    Yes {
        /// Whom to close.
        instead_of: Option<ConnectionId>,
    },
    /// It may not: nobody can make room.
    No,
}

/// Who stands in the door.
#[derive(Debug)]
pub(super) struct Doorway {
    limits: DoorwayLimits,
    /// Source of each connection.
    connections: BTreeMap<ConnectionId, Source>,
    /// Connections of each source, and those of them that have not greeted.
    sources: BTreeMap<Source, (usize, BTreeSet<ConnectionId>)>,
    /// In the order in which they came, since names rise.
    ungreeted: BTreeSet<ConnectionId>,
}

impl Doorway {
    /// Nobody yet.
    pub(super) fn new(limits: DoorwayLimits) -> Doorway {
        Doorway { limits, connections: BTreeMap::new(), sources: BTreeMap::new(), ungreeted: BTreeSet::new() }
    }

    /// A connection has come; its name is higher than all before.
    pub(super) fn arrive(&mut self, connection: ConnectionId, source: Source) -> Admitted {
        let (of_source, waiting) =
            self.sources.get(&source).map_or((0, None), |(count, ungreeted)| (*count, ungreeted.first()));
        let instead_of = if of_source >= self.limits.per_source {
            match waiting {
                Some(oldest) => Some(*oldest),
                None => return Admitted::No,
            }
        } else if self.ungreeted.len() >= self.limits.ungreeted || self.connections.len() >= self.limits.total
        {
            match self.ungreeted.first() {
                Some(oldest) => Some(*oldest),
                None => return Admitted::No,
            }
        } else {
            None
        };
        if let Some(oldest) = instead_of {
            self.leave(oldest);
        }
        self.connections.insert(connection, source);
        self.ungreeted.insert(connection);
        let (count, ungreeted) = self.sources.entry(source).or_default();
        *count += 1;
        ungreeted.insert(connection);
        Admitted::Yes { instead_of }
    }

    /// A connection has greeted; `false` if it had to make room meanwhile.
    pub(super) fn greet(&mut self, connection: ConnectionId) -> bool {
        let Some(source) = self.connections.get(&connection) else { return false };
        self.ungreeted.remove(&connection);
        if let Some((_, ungreeted)) = self.sources.get_mut(source) {
            ungreeted.remove(&connection);
        }
        true
    }

    /// A connection is closed; one that had to make room is gone already.
    pub(super) fn leave(&mut self, connection: ConnectionId) {
        let Some(source) = self.connections.remove(&connection) else { return };
        self.ungreeted.remove(&connection);
        if let Some((count, ungreeted)) = self.sources.get_mut(&source) {
            *count -= 1;
            ungreeted.remove(&connection);
            if *count == 0 {
                self.sources.remove(&source);
            }
        }
    }

    /// Connections in all, and those of them that have not greeted.
    pub(super) fn count(&self) -> (usize, usize) {
        (self.connections.len(), self.ungreeted.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: DoorwayLimits = DoorwayLimits { total: 10, per_source: 3, ungreeted: 4 };

    fn source(n: u32) -> Source {
        Source::from(IpAddr::from(n.to_be_bytes()))
    }

    #[test]
    fn ten_thousand_strangers_wait_in_four_places() {
        let mut doorway = Doorway::new(LIMITS);
        for n in 0..10_000 {
            let instead_of = (n >= 4).then(|| ConnectionId(u64::from(n) - 4));
            assert_eq!(
                doorway.arrive(ConnectionId(n.into()), source(n)),
                Admitted::Yes { instead_of },
                "the oldest makes room"
            );
            assert!(doorway.count().0 <= 4);
        }
        assert!(!doorway.greet(ConnectionId(3)), "whoever made room cannot greet any more");
        assert_eq!(doorway.sources.len(), 4, "nothing is kept of those that left");
    }

    #[test]
    fn whoever_has_greeted_stays() {
        let mut doorway = Doorway::new(LIMITS);
        for n in 0..10 {
            assert!(matches!(doorway.arrive(ConnectionId(n), source(n as u32)), Admitted::Yes { .. }));
            assert!(doorway.greet(ConnectionId(n)));
        }
        assert_eq!(doorway.arrive(ConnectionId(10), source(10)), Admitted::No);
        doorway.leave(ConnectionId(5));
        assert_eq!(doorway.arrive(ConnectionId(11), source(10)), Admitted::Yes { instead_of: None });
        assert_eq!(
            doorway.arrive(ConnectionId(12), source(12)),
            Admitted::Yes { instead_of: Some(ConnectionId(11)) }
        );
        assert_eq!(doorway.count(), (10, 1));
    }

    #[test]
    fn one_source_has_few_places() {
        let mut doorway = Doorway::new(LIMITS);
        for n in 0..3 {
            doorway.arrive(ConnectionId(n), source(1));
        }
        doorway.greet(ConnectionId(0));
        assert_eq!(
            doorway.arrive(ConnectionId(3), source(1)),
            Admitted::Yes { instead_of: Some(ConnectionId(1)) },
            "its own makes room"
        );
        doorway.greet(ConnectionId(2));
        doorway.greet(ConnectionId(3));
        assert_eq!(doorway.arrive(ConnectionId(4), source(1)), Admitted::No);
        assert_eq!(doorway.arrive(ConnectionId(5), source(2)), Admitted::Yes { instead_of: None });
    }

    #[test]
    fn an_ipv6_network_is_one_source() {
        let source = |text: &str| Source::from(text.parse::<IpAddr>().unwrap());
        assert_eq!(source("2001:db8::1"), source("2001:db8::ffff:2"));
        assert_ne!(source("2001:db8::1"), source("2001:db8:0:1::1"));
        assert_eq!(source("::ffff:10.0.0.1"), source("10.0.0.1"));
        assert_ne!(source("10.0.0.1"), source("10.0.0.2"));
    }
}
