//! One kiosk's media session as the forwarding sees it: its keys, its address, what waits for it.

use vestibule_common::id::SessionId;
use vestibule_common::seal::{HopSecrets, Opener, Sealer, Suite};

use super::Path;
use super::inbox::{Inbox, Place};

pub(super) struct Session {
    /// Opens what the kiosk sends.
    pub(super) opener: Opener,
    /// Seals what the kiosk gets.
    pub(super) sealer: Sealer,
    /// Where it is; `None` until its first authentic datagram.
    pub(super) path: Option<Path>,
    /// Bodies in the inbox that it still has to get, in their order.
    pub(super) pending: Vec<Place>,
    /// It stands in the outbox's list of receivers to serve.
    pub(super) listed: bool,
}

impl Session {
    pub(super) fn new(id: SessionId, suite: Suite, secrets: &HopSecrets) -> Session {
        Session {
            opener: Opener::new(id, suite, &secrets.kiosk_to_relay),
            sealer: Sealer::new(id, suite, &secrets.relay_to_kiosk),
            path: None,
            pending: Vec::with_capacity(Inbox::CAPACITY),
            listed: false,
        }
    }
}
