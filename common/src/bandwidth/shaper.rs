//! What one end sends over one hop, kept to what the hop carries: the estimate, the token bucket that spreads what is sent,
//! and the budget by which sound goes before pictures and pictures before all else.

use crate::media::pacer::{Pacer, Permit};
use crate::time::{Duration, Time};
use crate::unit::{Bitrate, DataSize};
use crate::wire::Feedback;

use super::gauge::Usage;
use super::{Estimator, EstimatorConfig, FeedbackError};

/// What IP and UDP add to a datagram over IPv4.
pub const IP_UDP: DataSize = DataSize::bytes(28);
/// Of the estimate this much is given away: what the encoder makes varies, and what varies fills queues.
const USED: f64 = 0.98;
/// What waits to be sent is paid back in this time.
const DEBT: Duration = Duration::from_millis(400);
/// But that takes no more than this part of the budget.
const DEBT_MOST: f64 = 0.5;
/// So much leaves at once: one datagram and some sound,
const BURST: DataSize = DataSize::bytes(1500);
/// or what the pace is in this time: a kernel is woken no more often.
const BURST_TIME: Duration = Duration::from_millis(2);

/// The shaper of one hop and direction.
#[derive(Clone, Debug)]
pub struct Shaper {
    estimator: Estimator,
    bucket: Pacer,
    urgent: Usage,
}

impl Shaper {
    /// A shaper of a path about which nothing is known.
    pub fn new(config: EstimatorConfig, now: Time) -> Shaper {
        Shaper {
            estimator: Estimator::new(config),
            bucket: Pacer::new(config.initial, BURST, now),
            urgent: Usage::default(),
        }
    }

    /// May a datagram of this size, at IP level, leave? If so, it is charged.
    pub fn poll(&mut self, size: DataSize, now: Time) -> Permit {
        self.bucket.set_rate(self.estimator.pace(), now);
        self.bucket.set_burst(self.burst(), now);
        self.bucket.poll(size, now)
    }

    /// What leaves at once, at most, at IP level.
    pub fn burst(&self) -> DataSize {
        let bits = self.estimator.pace().as_bps() as f64 * BURST_TIME.as_secs_f64();
        BURST.max(DataSize::bytes((bits / 8.0) as u64))
    }

    /// Sound, and what else never waits: the others wait the longer for it.
    pub fn charge(&mut self, size: DataSize, now: Time) {
        self.bucket.set_rate(self.estimator.pace(), now);
        self.bucket.charge(size, now);
        self.urgent.handle(size, now);
    }

    /// Whether a datagram of this size, at IP level, of what comes behind sound and pictures may leave now: they leave something of the
    /// estimate. It is charged.
    pub fn takes_last(&mut self, size: DataSize, now: Time) -> bool {
        let rate = self.estimator.estimate().as_bps() as f64 * USED;
        (self.estimator.used(now).as_bps() as f64) < rate && self.poll(size, now) == Permit::Now
    }

    /// Whether padding of this size, at IP level, should leave now, to learn whether more would fit. It is charged.
    pub fn takes_padding(&mut self, size: DataSize, now: Time) -> bool {
        let leaves = self.estimator.wants_padding(now) && self.takes_last(size, now);
        if leaves {
            self.estimator.handle_padding();
        }
        leaves
    }

    /// Packet `number` of this direction leaves; see [`Estimator::handle_sent`].
    pub fn handle_sent(&mut self, number: u64, size: DataSize, now: Time) {
        self.estimator.handle_sent(number, size, now);
    }

    /// Takes the far end's report.
    ///
    /// Errors: [`FeedbackError`], for one that cannot be true; it changes nothing.
    pub fn handle_feedback(&mut self, report: &Feedback, now: Time) -> Result<(), FeedbackError> {
        self.estimator.handle_feedback(report, now)
    }

    /// What pictures may take from now on, at IP level, while so much of them waits to be sent.
    pub fn picture_budget(&self, waiting: DataSize, now: Time) -> Bitrate {
        let rate = self.estimator.estimate().as_bps() as f64;
        let urgent = self.urgent.rate(now).as_bps() as f64;
        let budget = (rate * USED - urgent).max(0.0);
        let debt = waiting.as_bytes() as f64 * 8.0 / DEBT.as_secs_f64();
        Bitrate::bps((budget - debt.min(budget * DEBT_MOST)) as u64)
    }

    /// How long it takes until so much has left.
    pub fn takes(&self, waiting: DataSize) -> Duration {
        waiting.time_at(self.estimator.pace())
    }

    /// When [`Shaper::handle_timeout`] has something to do.
    pub fn poll_timeout(&self) -> Option<Time> {
        self.estimator.poll_timeout()
    }

    /// A moment has come.
    pub fn handle_timeout(&mut self, now: Time) {
        self.estimator.handle_timeout(now);
    }

    /// What is known of the path.
    pub fn estimator(&self) -> &Estimator {
        &self.estimator
    }

    /// The same, to tell it what is wanted and what was padding.
    pub fn estimator_mut(&mut self) -> &mut Estimator {
        &mut self.estimator
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sound_never_waits_and_pictures_get_what_it_leaves() {
        let mut shaper = Shaper::new(EstimatorConfig::default(), Time::ZERO);
        let mut now = Time::ZERO;
        // 100 datagrams of 125 bytes a second are 100 kbit/s of the first 300.
        for _ in 0..500 {
            shaper.charge(DataSize::bytes(125), now);
            now += Duration::from_millis(10);
        }
        let budget = shaper.picture_budget(DataSize::bytes(0), now).as_bps();
        assert!((185_000..200_000).contains(&budget), "{budget}");
        let less = shaper.picture_budget(DataSize::bytes(3000), now).as_bps();
        assert_eq!(budget - less, 60_000, "24 kbit in 0.4 s");
        assert_eq!(shaper.picture_budget(DataSize::bytes(1 << 30), now).as_bps(), budget / 2);
        shaper.charge(DataSize::bytes(125), now);
        let Permit::At(at) = shaper.poll(DataSize::bytes(1500), now) else { panic!("sound was charged") };
        assert_eq!(at.since(now).as_millis(), 1, "125 bytes at twice 300 kbit/s");
    }
}
