//! A camera's encoder as statistics: frames whose sizes vary around what is asked for, seldom a keyframe, and a rate control
//! that pays its debts (after RFC 8593's statistical model).

use vestibule_common::time::{Duration, Time};
use vestibule_common::unit::{Bitrate, DataSize};

use super::Dice;

/// What a source is like.
#[derive(Copy, Clone, PartialEq, Debug)]
pub struct SourceConfig {
    /// Pictures a second.
    pub rate: u32,
    /// It goes no lower,
    pub smallest: Bitrate,
    /// and no higher.
    pub largest: Bitrate,
    /// How much a frame's size is off, on average, of its mean.
    pub varies: f64,
    /// A keyframe's size over that of other frames of 30 a second: it has no more to say where there are fewer of them.
    pub keyframe: f64,
}

/// Pictures a second for which [`SourceConfig::keyframe`] is meant.
const USUAL: f64 = 30.0;

impl Default for SourceConfig {
    /// 150 to 1500 kbit/s, 30 pictures a second (ns3-rmcat's source).
    fn default() -> SourceConfig {
        SourceConfig {
            rate: 30,
            smallest: Bitrate::kbps(150),
            largest: Bitrate::kbps(1500),
            varies: 0.15,
            keyframe: 4.0,
        }
    }
}

/// One encoded picture.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Frame {
    /// Its bytes.
    pub size: DataSize,
    /// It refers to no other.
    pub keyframe: bool,
    /// When it was captured.
    pub captured: Time,
}

/// The encoder.
#[derive(Clone, Debug)]
pub struct Source {
    config: SourceConfig,
    dice: Dice,
    target: Bitrate,
    next: Time,
    count: u64,
    begin: Time,
    keyframe: bool,
    /// What earlier frames took beyond their mean, in bytes.
    debt: f64,
}

impl Source {
    /// A source that begins with a keyframe at `begin`, at its smallest rate. `what` tells sources of one seed apart.
    pub fn new(config: SourceConfig, begin: Time, seed: u64, what: u64) -> Source {
        Source {
            dice: Dice::new(seed, what),
            target: config.smallest,
            next: begin,
            count: 0,
            begin,
            keyframe: true,
            debt: 0.0,
            config,
        }
    }

    /// What it is asked for from the next frame on, within its bounds.
    pub fn set_target(&mut self, target: Bitrate) {
        self.target = target.clamp(self.config.smallest, self.config.largest);
    }

    /// So many pictures a second from the last one on, of the same size together.
    pub fn set_rate(&mut self, rate: u32) {
        if self.count > 0 && rate != self.config.rate {
            self.begin += Duration::from_secs(self.count - 1) / self.config.rate;
            self.count = 1;
            self.next = self.begin + Duration::from_secs(1) / rate;
        }
        self.config.rate = rate;
    }

    /// The next frame is a keyframe.
    pub fn want_keyframe(&mut self) {
        self.keyframe = true;
    }

    /// When the next frame is due.
    pub fn poll_timeout(&self) -> Time {
        self.next
    }

    /// The next frame that is due by now.
    pub fn next_frame(&mut self, now: Time) -> Option<Frame> {
        if now < self.next {
            return None;
        }
        let captured = self.next;
        self.count += 1;
        self.next = self.begin + Duration::from_secs(self.count) / self.config.rate;
        let keyframe = std::mem::take(&mut self.keyframe);
        let mean = self.target.as_bps() as f64 / 8.0 / f64::from(self.config.rate);
        let off = 1.0 + self.config.varies * self.dice.laplace();
        let grown = if keyframe { self.config.keyframe * f64::from(self.config.rate) / USUAL } else { 1.0 };
        // A debt is paid over half a second, and never takes more than half of a frame.
        let paid = (self.debt / f64::from(self.config.rate) * 2.0).clamp(-0.5 * mean, 0.5 * mean);
        let size = (mean * off.clamp(0.2, 3.0) * grown - paid).max(50.0).round();
        self.debt += size - mean;
        Some(Frame { size: DataSize::bytes(size as u64), keyframe, captured })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bytes of the frames of so many seconds at a target.
    fn sizes(source: &mut Source, kbps: u64, seconds: u64) -> Vec<u64> {
        source.set_target(Bitrate::kbps(kbps));
        let end = source.poll_timeout() + Duration::from_secs(seconds);
        let mut sizes = Vec::new();
        while source.poll_timeout() < end {
            sizes.extend(source.next_frame(source.poll_timeout()).map(|frame| frame.size.as_bytes()));
        }
        sizes
    }

    #[test]
    fn the_target_is_met_in_the_long_run_and_frames_vary() {
        let mut source = Source::new(SourceConfig::default(), Time::ZERO, 1, 0);
        for kbps in [150, 600, 1500] {
            let sizes = sizes(&mut source, kbps, 60);
            assert_eq!(sizes.len(), 1800);
            let rate = sizes.iter().sum::<u64>() as f64 * 8.0 / 60.0 / 1000.0;
            assert!((rate / kbps as f64 - 1.0).abs() < 0.02, "{rate} instead of {kbps}");
            let mean = kbps as f64 * 1000.0 / 8.0 / 30.0;
            let off = sizes.iter().map(|size| (*size as f64 / mean - 1.0).abs()).sum::<f64>() / 1800.0;
            assert!((0.1..0.25).contains(&off), "{off}");
        }
    }

    #[test]
    fn a_keyframe_is_large_and_its_debt_is_paid() {
        let mut source = Source::new(SourceConfig::default(), Time::ZERO, 1, 0);
        source.set_target(Bitrate::kbps(600));
        let frames: Vec<Frame> = (0..60).filter_map(|_| source.next_frame(source.poll_timeout())).collect();
        assert!(frames[0].keyframe && frames[1..].iter().all(|frame| !frame.keyframe));
        assert!(frames[0].size.as_bytes() > 2 * 2500);
        let bytes: u64 = frames.iter().map(|frame| frame.size.as_bytes()).sum();
        assert!((bytes as f64 / (60.0 * 2500.0) - 1.0).abs() < 0.05, "{bytes}");
        source.want_keyframe();
        assert!(source.next_frame(source.poll_timeout()).unwrap().keyframe);
    }

    #[test]
    fn fewer_pictures_take_the_same_and_their_keyframes_are_no_larger() {
        let mut source = Source::new(SourceConfig::default(), Time::ZERO, 1, 0);
        let keyframe = source.next_frame(source.poll_timeout()).unwrap();
        source.set_rate(10);
        assert_eq!(source.poll_timeout(), Time::from_millis(100));
        let slow = sizes(&mut source, 600, 60);
        assert_eq!(slow.len(), 600);
        let rate = slow.iter().sum::<u64>() as f64 * 8.0 / 60_000.0;
        assert!((rate / 600.0 - 1.0).abs() < 0.03, "{rate}");
        source.set_target(Bitrate::kbps(150));
        source.want_keyframe();
        let again = source.next_frame(source.poll_timeout()).unwrap();
        assert!(again.size.as_bytes() < 2 * keyframe.size.as_bytes(), "{again:?} after {keyframe:?}");
    }

    #[test]
    fn it_keeps_its_bounds_and_its_beat() {
        let mut source = Source::new(SourceConfig::default(), Time::from_millis(5), 1, 0);
        assert!(sizes(&mut source, 1, 10).iter().sum::<u64>() > 10 * 15_000);
        assert_eq!(source.poll_timeout(), Time::from_millis(10_005), "no drift");
        assert_eq!(source.next_frame(Time::from_millis(10_004)), None);
    }
}
