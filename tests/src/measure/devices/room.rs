//! The meeting in which devices are measured: two kiosks with simulated devices, and an independent receiver.

use std::path::Path;

use super::receiver::Receiver;
use crate::programs::{Kiosk, Relay};
use crate::rooms;

/// A relay, two kiosks without screens in one meeting, and who listens to the first of them.
pub(super) struct Room {
    /// Hosts the meeting; its devices are measured.
    pub host: Kiosk,
    /// The other room.
    pub guest: Kiosk,
    /// Hears and sees the host; written for tests, shares no receiving code with the kiosks.
    pub receiver: Receiver,
    /// Dropped last, so that nobody sees it go.
    _relay: Relay,
}

impl Room {
    /// Brings all three into a meeting; states and logs go under `out`.
    ///
    /// Errors: what did not happen.
    pub(super) fn start(out: &Path) -> Result<Room, String> {
        let folder = out.join("state");
        if folder.exists() {
            std::fs::remove_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        }
        let meeting = rooms::meet_at(&folder, Relay::start(&folder, None, &[])?)?;
        let (relay, mut host, guest) = (meeting.relay, meeting.host, meeting.guest);
        let receiver = Receiver::join(&relay, &mut host)?;
        Ok(Room { host, guest, receiver, _relay: relay })
    }
}
