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

/// Where a way down begins: enough for a sound and a small picture.
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
    /// What its way down carries; `None` until it reports on it.
    pub(super) down: Option<Shaper>,
    /// What was sent down until then: the first report tells of it.
    unheard: Shaper,
    unheard_packets: usize,
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
            down: None,
            unheard: unheard(),
            unheard_packets: 0,
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
        self.forget_down();
        (self.allotted, self.told) = (Bitrate::default(), Told::default());
        self.untold = None;
    }

    /// It is somewhere else: what is known of another way down is not known of this one, which begins slowly whether its kiosk
    /// reports or not.
    pub(super) fn begin_anew(&mut self) {
        self.forget_down();
        self.down = Some(unheard());
    }

    /// Whether anything has been reported on the way down as it is now.
    pub(super) fn is_reported(&self) -> bool {
        self.down.as_ref().is_some_and(|down| down.estimator().reported().is_some())
    }

    /// What its way down needs of repairs, as [`Demanded::repairs`](vestibule_common::wire::Demanded) of pictures.
    pub(super) fn repairs(&self) -> u8 {
        let estimator = self.down.as_ref().map(Shaper::estimator);
        estimator.map_or(0, |estimator| demanded_repairs(estimator.loss(), estimator.round_trip()))
    }

    /// What is known of its way down is not known of the one that it has from now on.
    pub(super) fn forget_down(&mut self) {
        (self.down, self.unheard, self.unheard_packets) = (None, unheard(), 0);
        self.sound = SoundChoice::default();
    }

    /// A packet leaves. Account is kept of it whether or not the way was ever reported on: a queue that stands before the first
    /// report would be taken for the length of the way.
    pub(super) fn handle_sent(&mut self, number: u64, size: DataSize, now: Time) {
        match &mut self.down {
            Some(down) => down.handle_sent(number, size, now),
            None if self.unheard_packets < Estimator::PACKETS => {
                self.unheard_packets += 1;
                self.unheard.handle_sent(number, size, now);
            }
            // It reports on nothing.
            None => {}
        }
    }

    /// Takes the kiosk's report on its way down. With the first one its pictures begin to be kept to what that carries.
    pub(super) fn handle_feedback(&mut self, report: &Feedback, now: Time) -> Result<(), FeedbackError> {
        let unheard = &mut self.unheard;
        let down = self.down.get_or_insert_with(|| std::mem::replace(unheard, self::unheard()));
        down.handle_feedback(report, now)
    }
}

/// A way down of which nothing is known.
fn unheard() -> Shaper {
    let config = EstimatorConfig { initial: INITIAL, ..EstimatorConfig::default() };
    Shaper::new(config, Time::ZERO)
}
