//! The law: from what a report shows to the next rate.
//!
//! While a queue stands, what gets through is what the bottleneck has for us, exactly; the rate follows it, a little above or
//! below as the queue is shorter or longer than aimed at. While none stands there is room, and the rate grows, faster the
//! longer there is. The queue aimed at holds about one packet of ours: several flows of this kind see the same queue, so
//! those with the higher rate want less of it and give way until all are equal (as in Copa: Arun and Balakrishnan, NSDI 2018).

use crate::time::{Duration, Time};
use crate::unit::{Bitrate, DataSize};

use super::EstimatorConfig;
use super::compete::Competition;
use super::loss::{LossTest, Verdict};
use super::moved::{self, Moved};

/// What a report shows.
#[derive(Copy, Clone, Debug)]
pub(super) struct Observation {
    pub(super) now: Time,
    /// Since the report before.
    pub(super) since: Duration,
    /// How long the standing queue is.
    pub(super) standing: Duration,
    /// How much of it may be chance.
    pub(super) noise: Duration,
    /// How long the packet waited that waited longest.
    pub(super) longest: Duration,
    /// What got through in the last [`STEADY`] and in the last [`SUDDEN`], where that is known.
    pub(super) steady: Option<Bitrate>,
    pub(super) sudden: Option<Bitrate>,
    /// What the report is the first to tell of.
    pub(super) delivered: DataSize,
    pub(super) packets: u32,
    pub(super) marked: u32,
    pub(super) lost: u32,
    pub(super) round_trip: Duration,
    /// What was sent lately.
    pub(super) used: Bitrate,
    /// Padding was sent since the report before.
    pub(super) padded: bool,
}

/// The window over which throughput is steady,
pub(super) const STEADY: Duration = Duration::from_millis(250);
/// and that in which a fall is seen at once.
pub(super) const SUDDEN: Duration = Duration::from_millis(120);

/// The queue aimed at: so much time,
const AIM: f64 = 0.005;
/// and so many bits of ours, one full datagram,
const AIM_BITS: f64 = 9600.0;
/// but no longer than this.
const AIM_MOST: f64 = 0.030;
/// A standing queue of less than this part of the aim, or than 3 ms, is none.
const SATURATED: (f64, f64) = (0.5, 0.003);
/// So much longer than aimed at, the queue is due to a fall of the capacity.
const FALL: f64 = 0.020;
/// How much of a new throughput is believed at once while nothing falls.
const BELIEF: f64 = 0.5;
/// How much of the queue's error is put right in a second, when the round trip is 100 ms. Reports are half an interval old and
/// throughput half a window; with all that as dead time it is far from swinging.
const GAIN: f64 = 1.5;
/// The bounds of that.
const CORRECTION: (f64, f64) = (-0.5, 0.08);
/// Growth a second while there is room, when the round trip is 100 ms: at first, more with each second, at most.
const GROWTH: (f64, f64, f64) = (0.05, 0.5, 0.6);
/// Growth a second before the first queue was ever seen.
const START_GROWTH: f64 = 2.0;
/// What is less used than this part of it has not been tried out, and does not grow.
const TRIED: f64 = 0.7;
/// A queue that marks is aimed at with so much less after each round trip with marks, down to a fifth; it comes back by so
/// much a second.
const TRIM: (f64, f64, f64) = (0.93, 0.2, 0.04);
/// A round trip in which all packets were marked costs this part of the rate (RFC 8257, 3.3, with a third of its cut: the aim is
/// trimmed too).
const MARK_CUT: f64 = 0.15;
/// How much faster than the rate a picture leaves at first, and at most,
const HASTE: (f64, f64) = (2.0, 16.0);
/// growing by this with each report in which no packet waited longer than the first of these, halved when one waited longer
/// than the second.
const HASTE_GROWTH: f64 = 1.1;
const HASTE_QUEUE: (Duration, Duration) = (Duration::from_millis(6), Duration::from_millis(12));
/// After a queue that stood it does not grow for so long, after losses for twice that.
const HASTE_PAUSE: Duration = Duration::from_secs(3);
/// What padding found no room for is tried again after this, and ever later up to the second.
const PROBE_AGAIN: (Duration, Duration) = (Duration::from_secs(3), Duration::from_secs(30));

/// The rate of one link, and how it came to be.
#[derive(Clone, Debug)]
pub(super) struct Control {
    config: EstimatorConfig,
    wanted: f64,
    rate: f64,
    /// What the bottleneck has for us.
    capacity: f64,
    /// No queue was ever seen.
    starting: bool,
    free_since: Option<Time>,
    /// How much of the aim is left beside a queue that marks.
    trim: f64,
    /// A moving average of the marked share, and when it last cost something.
    marks: f64,
    cut: Option<Time>,
    competition: Competition,
    loss: LossTest,
    moved: Moved,
    /// The way became longer, and the gauges do not know yet.
    has_moved: bool,
    probe: Probe,
    /// How much faster than the rate a picture may leave.
    haste: f64,
    walks_until: Time,
}

/// When to fill up with padding.
#[derive(Copy, Clone, Debug)]
struct Probe {
    not_before: Time,
    pause: Duration,
}

impl Control {
    pub(super) fn new(config: EstimatorConfig) -> Control {
        let rate = config.initial.as_bps() as f64;
        Control {
            config,
            wanted: config.largest.as_bps() as f64,
            rate,
            capacity: rate,
            starting: true,
            free_since: None,
            trim: 1.0,
            marks: 0.0,
            cut: None,
            competition: Competition::default(),
            loss: LossTest::default(),
            moved: Moved::default(),
            has_moved: false,
            probe: Probe { not_before: Time::ZERO, pause: PROBE_AGAIN.0 },
            haste: HASTE.0,
            walks_until: Time::ZERO,
        }
    }

    pub(super) fn rate(&self) -> Bitrate {
        Bitrate::bps(self.rate as u64)
    }

    /// What a picture may leave at: on a path that showed no queue for it, much faster than the rate.
    pub(super) fn pace(&self) -> Bitrate {
        Bitrate::bps((self.rate * self.haste) as u64)
    }

    /// The share that the way loses of whatever is sent, 0 to a half.
    pub(super) fn own_losses(&self) -> f64 {
        self.loss.own().min(0.5)
    }

    pub(super) fn is_competing(&self) -> bool {
        self.competition.is_on()
    }

    pub(super) fn set_wanted(&mut self, wanted: Bitrate) {
        self.wanted = wanted.as_bps() as f64;
    }

    /// Whether there is a need to know more, and hope.
    pub(super) fn wants_padding(&self, now: Time) -> bool {
        self.rate < self.wanted
            && now >= self.probe.not_before
            && !self.competition.is_on()
            && !self.moved.tests()
    }

    /// Whether what is measured as a queue has to begin anew. Asking settles it.
    pub(super) fn take_moved(&mut self) -> bool {
        std::mem::take(&mut self.has_moved)
    }

    /// Nothing was reported for long: the path may carry nothing at all.
    pub(super) fn handle_silence(&mut self, now: Time) {
        self.loss.handle_silence(now);
        self.settle(self.rate * 0.7);
    }

    /// Nothing was sent for long: what was known is old.
    pub(super) fn handle_rest(&mut self) {
        self.settle((self.rate / 2.0).max(self.rate.min(self.config.initial.as_bps() as f64)));
        self.free_since = None;
    }

    pub(super) fn handle(&mut self, seen: &Observation) {
        let standing = seen.standing.as_secs_f64();
        self.hurry(seen);
        let through = seen.steady.map_or(self.rate, |rate| rate.as_bps() as f64);
        self.competition.handle(seen, through, self.rate);
        if let Some(rate) = self.competition.rate(seen.round_trip) {
            self.settle(rate);
            return;
        }
        let aim = self.aim() + seen.noise.as_secs_f64();
        // Longer round trips show later what came of a change: then everything goes slower.
        let pace = (0.2 / (seen.round_trip.as_secs_f64() + 0.1)).min(2.0);
        let stands = standing > (SATURATED.0 * self.aim()).max(SATURATED.1) + seen.noise.as_secs_f64();
        match self.moved.handle(seen, stands, aim, self.rate, through) {
            moved::Verdict::Nothing => {}
            moved::Verdict::Go(rate) => return self.settle(rate),
            moved::Verdict::Moved(rate) => {
                self.has_moved = true;
                return self.settle(rate);
            }
        }
        if stands {
            self.follow(seen, aim, standing, pace);
        } else {
            self.grow(seen, pace);
        }
        self.heed_marks(seen);
        self.heed_losses(seen, standing < aim + FALL);
    }

    /// Lets a picture leave faster while nothing waits for it.
    fn hurry(&mut self, seen: &Observation) {
        let (calm, hurried) = HASTE_QUEUE;
        let longest = seen.longest.saturating_sub(seen.noise);
        if longest > hurried {
            self.haste = (self.haste / 2.0).max(1.0);
        } else if longest < calm && seen.now >= self.walks_until {
            self.haste = (self.haste * HASTE_GROWTH).min(HASTE.1);
        }
        // A shallow queue shows no delay.
        if seen.lost >= 2 && seen.lost * 10 > seen.packets {
            self.walk(seen.now + HASTE_PAUSE);
        }
    }

    fn walk(&mut self, now: Time) {
        self.haste = 1.0;
        self.walks_until = self.walks_until.max(now + HASTE_PAUSE);
    }

    /// The standing queue aimed at, in seconds.
    fn aim(&self) -> f64 {
        let own = self.config.weight * AIM_BITS / self.rate.max(1.0);
        (AIM + own).min(AIM_MOST) * self.trim
    }

    fn follow(&mut self, seen: &Observation, aim: f64, standing: f64, pace: f64) {
        self.starting = false;
        self.free_since = None;
        self.walk(seen.now);
        if seen.padded {
            self.probe.not_before = seen.now + self.probe.pause;
            self.probe.pause = (self.probe.pause * 2).min(PROBE_AGAIN.1);
        }
        let falls = standing > aim + FALL;
        let (measured, belief) =
            if falls { (seen.sudden.or(seen.steady), 1.0) } else { (seen.steady, BELIEF) };
        if let Some(measured) = measured {
            self.capacity += belief * (measured.as_bps() as f64 - self.capacity);
        }
        // Beside others a lower rate has less get through, which would lower it again.
        self.capacity = self.capacity.max(self.competition.floor());
        let correction = GAIN * pace.min(1.0) * (aim - standing);
        let rate = self.capacity * (1.0 + correction.clamp(CORRECTION.0, CORRECTION.1));
        let capacity = self.capacity;
        self.settle(rate);
        self.capacity = capacity;
    }

    fn grow(&mut self, seen: &Observation, pace: f64) {
        let since = *self.free_since.get_or_insert(seen.now);
        // Where nothing got through, nothing shows that there is room.
        let shown = seen.packets > 0 && seen.used.as_bps() as f64 >= TRIED * self.rate;
        if !shown || self.loss.holds() {
            return;
        }
        let free = seen.now.since(since).as_secs_f64();
        let (first, more, most) = GROWTH;
        let growth = match self.starting {
            true => START_GROWTH,
            false => pace * (first + more * free).min(most) * self.config.weight.sqrt(),
        };
        self.settle(self.rate * (1.0 + growth * seen.since.as_secs_f64().min(0.3)));
        if self.rate >= self.wanted {
            self.probe.pause = PROBE_AGAIN.0;
        }
    }

    fn heed_marks(&mut self, seen: &Observation) {
        self.marks += 0.1 * (f64::from(seen.marked) / f64::from(seen.packets.max(1)) - self.marks);
        if seen.marked == 0 {
            self.trim = (self.trim + TRIM.2 * seen.since.as_secs_f64()).min(1.0);
        } else if self.cut.is_none_or(|cut| seen.now.since(cut) > seen.round_trip) {
            self.cut = Some(seen.now);
            self.trim = (self.trim * TRIM.0).max(TRIM.1);
            self.settle(self.rate * (1.0 - MARK_CUT * self.marks));
        }
    }

    fn heed_losses(&mut self, seen: &Observation, no_queue: bool) {
        match self.loss.handle(seen, no_queue, self.rate) {
            Verdict::Nothing => {}
            Verdict::Go(rate) => self.settle(rate),
        }
    }

    fn settle(&mut self, rate: f64) {
        let smallest = self.config.smallest.as_bps() as f64;
        let largest = self.wanted.min(self.config.largest.as_bps() as f64).max(smallest);
        self.rate = rate.clamp(smallest, largest);
        self.capacity = self.rate;
    }
}
