//! How much one direction of one hop carries: the sender's estimate, made from the receiver's reports on every packet.
//!
//! Pure, and the same for a kiosk's way up and a relay's way down. It paces nothing and knows no media: it says a rate, and
//! whether padding would teach it more.
//!
//! ```text
//!   sender                                             receiver
//!   datagram n ---- handle_sent ---- the hop --------> Arrivals: number, time, ECN
//!      ^                |                                  |  every 50 ms, each arrival twice
//!      |                v                                  v
//!      |             sent: what is under way <------- Feedback (wire kind 6)
//!      |                |  delivered, lost, marked
//!      |      +---------+----------+-------------------+
//!      |      v                    v                   v
//!      |   Delay               Throughput           loss: is it us?
//!      |   standing queue      what got through        |
//!      |      |                    |                   |
//!      |      +----> control: follow while a queue stands, grow while none does
//!      |      |                    |
//!      |      +----> moved: a queue that stays though we send less for a moment -> the way became longer
//!      |      |                    |
//!      |      +----> compete: a queue that stands whatever we do -> as TCP Reno would
//!      |                           v
//!   pacer, layers <----------- estimate()   wants_padding()
//! ```
//!
//! A receiver that lies harms itself alone: what was never sent cannot be acknowledged, clocks that jump are not believed,
//! and no rate grows that was not used.

mod arrivals;
mod compete;
mod control;
mod gauge;
mod loss;
mod moved;
mod sent;
mod shaper;
pub mod sound;

use crate::time::{Duration, Time};
use crate::unit::{Bitrate, DataSize};
use crate::wire::{Ecn, Feedback};

pub use arrivals::{Arrivals, REPORT_INTERVAL};
pub use sent::FeedbackError;
pub use shaper::{IP_UDP, Shaper};
pub use sound::{SoundChoice, SoundNeeds};

use control::{Control, Observation, STEADY, SUDDEN};
pub use gauge::Usage;

use gauge::{Delay, Throughput};
use sent::Sent;

/// Bounds and weight of an estimate.
#[derive(Copy, Clone, PartialEq, Debug)]
pub struct EstimatorConfig {
    /// Where it begins.
    pub initial: Bitrate,
    /// It goes no lower.
    pub smallest: Bitrate,
    /// It goes no higher.
    pub largest: Bitrate,
    /// Its share of a bottleneck beside others of weight 1, roughly.
    pub weight: f64,
}

impl Default for EstimatorConfig {
    fn default() -> Self {
        EstimatorConfig {
            initial: Bitrate::kbps(300),
            smallest: Bitrate::kbps(50),
            largest: Bitrate::kbps(100_000),
            weight: 1.0,
        }
    }
}

/// After so long without sending, what was known is old.
const REST: Duration = Duration::from_secs(5);
/// So many packets the share that is lost is a mean of.
const LOSS_PACKETS: f64 = 600.0;
/// Reports are missed after two round trips, but not before this.
const SILENCE: Duration = Duration::from_millis(300);

/// What one direction of one hop carries, as its sender knows it.
#[derive(Clone, Debug)]
pub struct Estimator {
    sent: Sent,
    delay: Delay,
    throughput: Throughput,
    usage: Usage,
    control: Control,
    round_trip: Option<Duration>,
    reported: Option<Time>,
    /// Since when something is under way of which nothing was reported.
    unanswered: Option<Time>,
    left: Option<Time>,
    padded: bool,
    lost: u64,
    delivered: u64,
    /// The share that is lost of the last packets.
    loss: f64,
}

impl Estimator {
    /// So many packets can be under way, or left without a report, before anything is allocated for one.
    pub const PACKETS: usize = sent::USUAL;

    /// An estimate of a path about which nothing is known.
    pub fn new(config: EstimatorConfig) -> Estimator {
        Estimator {
            sent: Sent::new(),
            delay: Delay::default(),
            throughput: Throughput::default(),
            usage: Usage::default(),
            control: Control::new(config),
            round_trip: None,
            reported: None,
            unanswered: None,
            left: None,
            padded: false,
            lost: 0,
            delivered: 0,
            loss: 0.0,
        }
    }

    /// Packet `number` of this direction leaves; `size` is its own at IP level. Numbers ascend; one that is left out never left.
    pub fn handle_sent(&mut self, number: u64, size: DataSize, now: Time) {
        if self.left.is_some_and(|left| now.since(left) > REST) {
            self.control.handle_rest();
        }
        self.left = Some(now);
        self.sent.push(number, size, now);
        self.usage.handle(size, now);
        self.unanswered.get_or_insert(now);
    }

    /// The packet that left last was padding, for [`Estimator::wants_padding`].
    pub fn handle_padding(&mut self) {
        self.padded = true;
    }

    /// No more than this could be used at the moment, at IP level.
    pub fn set_wanted(&mut self, wanted: Bitrate) {
        self.control.set_wanted(wanted);
    }

    /// Takes the receiver's report.
    ///
    /// Errors: [`FeedbackError`], for one that cannot be true; it changes nothing.
    pub fn handle_feedback(&mut self, report: &Feedback, now: Time) -> Result<(), FeedbackError> {
        let told = self.sent.handle_feedback(report, now)?;
        self.lost += u64::from(told.lost);
        self.delivered += told.delivered.len() as u64;
        let packets = f64::from(told.lost) + told.delivered.len() as f64;
        if packets > 0.0 {
            let weight = (packets / LOSS_PACKETS).min(1.0);
            self.loss += (f64::from(told.lost) / packets - self.loss) * weight;
        }
        if let Some(sent) = told.newest_sent {
            self.unanswered = None;
            let sample = now.since(sent).saturating_sub(told.held);
            // RFC 6298, section 2.3.
            self.round_trip = Some(self.round_trip.map_or(sample, |before| before * 7 / 8 + sample / 8));
        }
        for packet in &told.delivered {
            self.delay.handle(packet);
            self.throughput.handle(packet);
        }
        if told.delivered.is_empty() && told.lost == 0 {
            return Ok(());
        }
        let since = self.reported.replace(now).map_or(Duration::ZERO, |before| now.since(before));
        let marked = told.delivered.iter().filter(|packet| packet.ecn == Ecn::Ce).count();
        // What the way loses of whatever is sent has passed its bottleneck too.
        let passed = 1.0 - self.control.own_losses().min(self.loss);
        let through = |rate: Bitrate| Bitrate::bps((rate.as_bps() as f64 / passed) as u64);
        self.control.handle(&Observation {
            now,
            since,
            standing: self.delay.standing(),
            noise: self.delay.noise(),
            longest: self.delay.take_longest(),
            steady: self.throughput.rate(STEADY).map(through),
            sudden: self.throughput.rate(SUDDEN).map(through),
            delivered: told.delivered.iter().fold(DataSize::default(), |sum, packet| sum + packet.size),
            packets: told.delivered.len() as u32,
            marked: marked as u32,
            lost: told.lost,
            round_trip: self.round_trip.unwrap_or_default(),
            used: self.usage.rate(now),
            padded: std::mem::take(&mut self.padded),
        });
        if self.control.take_moved() {
            self.delay.begin_anew();
        }
        Ok(())
    }

    /// When [`Estimator::handle_timeout`] has something to do.
    pub fn poll_timeout(&self) -> Option<Time> {
        let silence = self.round_trip.map_or(SILENCE, |round_trip| (round_trip * 2).max(SILENCE));
        self.unanswered.map(|at| at + silence)
    }

    /// If nothing was reported for long, the rate falls.
    pub fn handle_timeout(&mut self, now: Time) {
        if self.poll_timeout().is_some_and(|due| due <= now) {
            self.unanswered = Some(now);
            self.control.handle_silence(now);
        }
    }

    /// What may be sent, at IP level.
    pub fn estimate(&self) -> Bitrate {
        self.control.rate()
    }

    /// What a picture may leave at, at IP level: the estimate, or more where no queue shows.
    pub fn pace(&self) -> Bitrate {
        self.control.pace()
    }

    /// What is sent at the moment, at IP level.
    pub fn used(&self, now: Time) -> Bitrate {
        self.usage.rate(now)
    }

    /// Whether to fill up what is sent to the estimate with padding, because more is wanted than is known to fit.
    pub fn wants_padding(&self, now: Time) -> bool {
        self.control.wants_padding(now)
    }

    /// The smoothed round trip, queues included.
    pub fn round_trip(&self) -> Option<Duration> {
        self.round_trip
    }

    /// How long the queue is that stands on this path.
    pub fn standing_queue(&self) -> Duration {
        self.delay.standing()
    }

    /// How much the delay changes from packet to packet, on average.
    pub fn jitter(&self) -> Duration {
        self.delay.jitter()
    }

    /// When the last report came that was believed.
    pub fn reported(&self) -> Option<Time> {
        self.reported
    }

    /// Another flow fills the queue, and we compete with it.
    pub fn is_competing(&self) -> bool {
        self.control.is_competing()
    }

    /// The share of packets that is lost lately, 0 to 1: a mean over some 600 of them.
    pub fn loss(&self) -> f64 {
        self.loss
    }

    /// Packets of which is known that they arrived, and that they did not.
    pub fn fates(&self) -> (u64, u64) {
        (self.delivered, self.lost)
    }
}

#[cfg(test)]
mod tests;
