//! One kiosk's media session as the forwarding sees it: its keys, its address, what waits for it.

use vestibule_common::bandwidth::{Arrivals, Estimator, EstimatorConfig, FeedbackError, Shaper, SoundChoice};
use vestibule_common::id::SessionId;
use vestibule_common::media::demanded_repairs;
use vestibule_common::seal::{HopSecrets, Opener, Sealer, Suite};
use vestibule_common::time::Time;
use vestibule_common::unit::{Bitrate, DataSize};
use vestibule_common::wire::Feedback;

use super::Path;
use super::allowances::Allowances;
use super::demand::Told;
use super::held::Held;
use super::inbox::{Inbox, Place};
use crate::rate::Bucket;

/// Where a way down begins: enough for a sound and a small picture. Whoever never reports, or is not where its datagrams seem to come
/// from, gets pictures at no more than twice this, and less with every 300 ms: in the end, twice 50 kbit/s.
const INITIAL: Bitrate = Bitrate::kbps(1200);

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
    /// When its datagrams came, to be reported to it.
    pub(super) arrivals: Arrivals,
    /// What its way down carries. Account is kept of it before it is reported on: a queue that stands by then would be taken for the
    /// length of the way.
    pub(super) down: Shaper,
    /// Packets of which account was kept since it was reported on last, while nothing of that was believed.
    unheard: usize,
    /// What waits for its turn on the way down.
    pub(super) held: Held,
    /// Bodies of files, which wait behind that.
    pub(super) files: Held,
    /// What it has used of what one member may have passed on.
    pub(super) allowances: Allowances,
    /// What it has used of what one receiver may be sent again.
    pub(super) sent_again: Bucket,
    /// Which layer of sound its way down carries.
    pub(super) sound: SoundChoice,
    /// What pictures may take of the way down.
    pub(super) allotted: Bitrate,
    /// Since when it is known that it has not told what it shows.
    pub(super) untold: Option<Time>,
    /// What it was told that is wanted of it.
    pub(super) told: Told,
}

impl Session {
    pub(super) fn new(id: SessionId, suite: Suite, secrets: &HopSecrets) -> Session {
        Session {
            opener: Opener::new(id, suite, &secrets.kiosk_to_relay),
            sealer: Sealer::new(id, suite, &secrets.relay_to_kiosk),
            path: None,
            pending: Vec::with_capacity(Inbox::CAPACITY),
            listed: false,
            arrivals: Arrivals::new(),
            down: beginning(),
            unheard: 0,
            held: Held::default(),
            files: Held::default(),
            allowances: Allowances::new(),
            sent_again: Bucket::default(),
            sound: SoundChoice::default(),
            allotted: Bitrate::default(),
            untold: None,
            told: Told::default(),
        }
    }

    /// It is in no room: it is sent nothing, so nothing is known of its way down.
    pub(super) fn stand_outside(&mut self) {
        self.begin_anew();
        (self.allotted, self.told) = (Bitrate::default(), Told::default());
        self.untold = None;
    }

    /// It is somewhere else: what is known of another way down is not known of this one, which begins slowly whether its kiosk
    /// reports or not.
    pub(super) fn begin_anew(&mut self) {
        (self.down, self.unheard) = (beginning(), 0);
        self.sound = SoundChoice::default();
    }

    /// Whether anything has been reported on the way down as it is now.
    pub(super) fn is_reported(&self) -> bool {
        self.down.estimator().reported().is_some()
    }

    /// What its way down needs of repairs, as [`Demanded::repairs`](vestibule_common::wire::Demanded) of pictures.
    pub(super) fn repairs(&self) -> u8 {
        let estimator = self.down.estimator();
        demanded_repairs(estimator.loss(), estimator.round_trip())
    }

    /// A packet leaves. Of a way that is not reported on, account is kept of so many only: nothing is allocated for a packet.
    pub(super) fn handle_sent(&mut self, number: u64, size: DataSize, now: Time) {
        if self.is_reported() || self.unheard < Estimator::PACKETS {
            self.unheard += 1;
            self.down.handle_sent(number, size, now);
        }
    }

    /// Takes the kiosk's report on its way down. Even one that is not believed shows that there may be others.
    pub(super) fn handle_feedback(&mut self, report: &Feedback, now: Time) -> Result<(), FeedbackError> {
        self.unheard = 0;
        self.down.handle_feedback(report, now)
    }
}

/// A way down of which nothing is known.
fn beginning() -> Shaper {
    let config = EstimatorConfig { initial: INITIAL, ..EstimatorConfig::default() };
    Shaper::new(config, Time::ZERO)
}
