//! The room and its relay: where it is looked for, and what the connection says.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::sleep;
use vestibule_common::control::{ErrorCode, StoppingWhy, Tell};
use vestibule_common::id::PeerId;

use super::Room;
use crate::kiosk::{Destination, FoundRelay, LinkLoss, News};
use crate::shell::control::{self, ConnectError, Place};
use crate::shell::discovery::Discovery;
use crate::shell::link::{ControlLink, LinkEvent};
use crate::shell::media::Link;

/// How long a search for relays listens before it says what it found.
const SEARCH_FOR: Duration = Duration::from_millis(1500);

impl Room {
    pub(super) fn connect(&mut self, destination: &Destination) {
        self.disconnect();
        let (peer, mut places) = match destination {
            Destination::Pinned(peer) => (*peer, self.places_of(*peer)),
            // Somebody else may announce that key at an address that is not its own: then where else it is seen.
            Destination::At { peer, address } => {
                let mut places = vec![Place::new(address)];
                places.extend(self.seen(*peer));
                (*peer, places)
            }
        };
        let mut unique = Vec::new();
        for place in places.drain(..) {
            if !unique.contains(&place) {
                unique.push(place);
            }
        }
        if unique.is_empty() {
            let detail = "discovery does not find it, and no address is known".to_owned();
            return self.tell(News::Disconnected { why: LinkLoss::NotFound, detail });
        }
        self.stopping = false;
        let me = self.around.identity.clone();
        let (clock, events) = (self.around.clock, self.link_events.clone());
        self.link =
            Some(ControlLink::start(self.generation, unique, peer, me, self.name.clone(), clock, events));
    }

    pub(super) fn disconnect(&mut self) {
        self.generation += 1;
        self.link = None;
        self.media.set_link(None);
    }

    /// The configured address first, then where it was last, then where discovery sees that key: anybody can announce
    /// anything there.
    fn places_of(&mut self, peer: PeerId) -> Vec<Place> {
        let mut places: Vec<Place> =
            self.around.relay_address.as_deref().map(Place::new).into_iter().collect();
        if let Some(pinned) = self.pinned.as_ref().filter(|pinned| pinned.peer == peer) {
            places.push(Place::new(&pinned.address));
        }
        places.extend(self.seen(peer));
        places
    }

    /// Where discovery sees a relay.
    fn seen(&mut self, peer: PeerId) -> Vec<Place> {
        self.start_discovery();
        let relays = self.discovery.as_ref().map(Discovery::relays).unwrap_or_default();
        let seen = relays.into_iter().filter(|(found, _)| *found == peer);
        seen.flat_map(|(_, addresses)| addresses).map(Place::At).collect()
    }

    /// Remembers where the trusted relay is now, for a start without discovery and names.
    fn found_at(&mut self, peer: PeerId, address: SocketAddr) {
        let address = address.to_string();
        if let Some(pinned) = self.pinned.as_mut()
            && pinned.peer == peer
            && pinned.address != address
        {
            pinned.address = address;
            self.around.store.save("relay.json", Some(pinned));
        }
    }

    fn start_discovery(&mut self) {
        if self.around.discover && self.discovery.is_none() {
            self.discovery = Discovery::start(|| {});
        }
    }

    pub(super) fn search(&mut self) {
        self.tell(News::Searching);
        self.start_discovery();
        let (discovery, found) = (self.discovery.clone(), self.found.clone());
        let configured = self.around.relay_address.clone();
        tokio::spawn(async move {
            let mut relays = Vec::new();
            if let Some(address) = configured {
                match control::identify(Place::new(&address)).await {
                    Ok((peer, _)) => relays.push(FoundRelay { peer, address }),
                    Err(error) => log::info!("the configured relay {address}: {error}"),
                }
            }
            if let Some(discovery) = discovery {
                sleep(SEARCH_FOR).await;
                for (peer, addresses) in discovery.relays() {
                    if let (Some(address), false) =
                        (addresses.first(), relays.iter().any(|known| known.peer == peer))
                    {
                        relays.push(FoundRelay { peer, address: address.to_string() });
                    }
                }
            }
            // The room has ended meanwhile.
            drop(found.send(relays).await);
        });
    }

    pub(super) fn handle_link(&mut self, generation: u64, event: LinkEvent) {
        if generation != self.generation {
            return;
        }
        match event {
            LinkEvent::Up { welcome, address, secrets } => {
                match Link::open(&welcome, address, secrets) {
                    Ok(link) => self.media.set_link(Some(&link)),
                    // Tried again, as any connection that was lost.
                    Err(error) => {
                        self.disconnect();
                        let detail = format!("its media cannot be reached: {error}");
                        return self.tell(News::Disconnected { why: LinkLoss::RelayGone, detail });
                    }
                }
                self.found_at(welcome.identity, address);
                self.tell(News::Connected { welcome, address: address.to_string() });
            }
            LinkEvent::Message(message) => {
                if let Tell::Stopping { why: StoppingWhy::Shutdown } = &message.body {
                    self.stopping = true;
                }
                let replaced =
                    matches!(&message.body, Tell::Error(error) if error.code == ErrorCode::Replaced);
                self.tell(News::Message(message));
                if replaced {
                    self.disconnect();
                    let detail = "another kiosk with the same key has connected".to_owned();
                    self.tell(News::Disconnected { why: LinkLoss::Replaced, detail });
                }
            }
            LinkEvent::Down(error) => {
                log::info!("{error}");
                let why = match &error {
                    ConnectError::NotFound(_) => LinkLoss::NotFound,
                    ConnectError::Unreachable(_) if self.stopping => LinkLoss::Stopping,
                    ConnectError::Unreachable(_) | ConnectError::NotARelay(_) => LinkLoss::RelayGone,
                    ConnectError::ChangedIdentity(_) => LinkLoss::ChangedIdentity,
                    ConnectError::OtherVersion(_) => LinkLoss::OtherVersion,
                    ConnectError::Refused(_) => LinkLoss::Refused,
                };
                self.disconnect();
                self.tell(News::Disconnected { why, detail: error.to_string() });
            }
        }
    }
}
