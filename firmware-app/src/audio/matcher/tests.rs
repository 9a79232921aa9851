//! The matcher behind a jitter buffer, with a sender whose sound card is fast or slow, in virtual time.

use std::f64::consts::TAU;

use vestibule_common::media::AudioFrame;

use super::*;
use crate::audio::tone::fit;

/// The sender's clock is this far ahead.
const AHEAD: Duration = Duration::from_secs(3600);

/// A sender of a steady tone, and this room's block after block.
struct Call {
    hertz: f64,
    drift_ppm: f64,
    jitter_us: u64,
    /// This packet is held up on its way.
    held_up: Option<u32>,
    sent: u32,
    now_us: u64,
    buffer: JitterBuffer,
    matcher: RateMatcher,
    /// What was heard last: a frame's samples, and when their first was captured.
    out: AudioFrame,
    dates: [Option<Time>; 4],
    matched: Matched,
    /// The rates at the beginning and at the end of the last block.
    rates_ppm: [f32; 2],
}

impl Call {
    fn new(hertz: f64, drift_ppm: f64, jitter_us: u64) -> Call {
        Call {
            hertz,
            drift_ppm,
            jitter_us,
            held_up: None,
            sent: 0,
            now_us: 4_321,
            buffer: JitterBuffer::new(),
            matcher: RateMatcher::new(),
            out: SILENCE,
            dates: [None; 4],
            matched: Matched::default(),
            rates_ppm: [0.0; 2],
        }
    }

    /// The sender's sample `n`.
    fn sample(&self, n: f64) -> f64 {
        (n * TAU * self.hertz / f64::from(SAMPLE_RATE)).sin() * 16_000.0
    }

    fn captured_us(&self, frame: u32) -> u64 {
        (f64::from(frame) * 1e4 / (1.0 + self.drift_ppm * 1e-6)) as u64
    }

    fn block(&mut self) {
        loop {
            let mut lateness = (u64::from(self.sent) * 7919 % 1000) * self.jitter_us / 1000;
            if self.held_up == Some(self.sent) {
                lateness += 15_000;
            }
            let arrival = self.captured_us(self.sent + 1) + 500 + lateness;
            if arrival > self.now_us {
                break;
            }
            let first = f64::from(self.sent) * FRAME_SAMPLES as f64;
            let samples: AudioFrame = std::array::from_fn(|at| self.sample(first + at as f64).round() as i16);
            let captured = Time::from_micros(self.captured_us(self.sent)) + AHEAD;
            self.buffer.push(self.sent, captured, &samples, Time::from_micros(arrival));
            self.sent += 1;
        }
        let now = Time::from_micros(self.now_us);
        self.rates_ppm = [self.rates_ppm[1], self.matcher.rate_ppm()];
        let mut block = [0; BLOCK_SAMPLES];
        self.matched = self.matcher.block(&mut self.buffer, &mut block, now);
        self.out.copy_within(BLOCK_SAMPLES.., 0);
        self.out[FRAME_SAMPLES - BLOCK_SAMPLES..].copy_from_slice(&block);
        self.dates.rotate_left(1);
        self.dates[3] = self.matched.captured;
        self.now_us += 2_500;
    }

    fn seconds(&mut self, seconds: usize) {
        (0..seconds * 400).for_each(|_| self.block());
    }

    /// Best fit of the tone to what was heard last, at the rate of its middle: its phase in turns, and how far the rest is below
    /// it in dB.
    fn fit(&self) -> (f64, f64) {
        let turns = self.hertz / f64::from(SAMPLE_RATE) * (1.0 + 1e-6 * f64::from(self.matcher.rate_ppm));
        fit(self.out.iter().copied().map(f64::from), turns)
    }
}

#[test]
fn tones_stay_pure_while_the_clocks_drift() {
    for (hertz, drift) in
        [(100.0, 200.0), (997.0, -200.0), (4000.0, 400.0), (8000.0, -200.0), (14_000.0, 200.0)]
    {
        let mut call = Call::new(hertz, drift, 2000);
        call.seconds(40);
        let corrections = |call: &Call| (call.buffer.stats().inserted, call.buffer.stats().dropped);
        let before = corrections(&call);
        let mut worst = f64::INFINITY;
        for _ in 0..8000 {
            call.block();
            worst = worst.min(call.fit().1);
        }
        assert!(worst > 60.0, "{hertz} Hz at {drift} ppm: {worst:.1} dB");
        assert_eq!(corrections(&call), before);
        assert_eq!(call.buffer.stats().concealed, 0, "{:?}", call.buffer.stats());
    }
}

#[test]
fn what_is_heard_is_dated_to_the_sample_and_delayed_by_less_than_a_millisecond_more() {
    for drift in [-300.0, 0.0, 300.0] {
        let mut call = Call::new(50.0, drift, 0);
        call.seconds(30);
        let mut range = (0.0, 0.0);
        for _ in 0..12_000 {
            call.block();
            // 50 Hz: a turn is 960 samples, which no error is as long as.
            let heard = call.fit().0 * 960.0;
            let captured = call.dates[0].expect("nothing was lost").since(Time::ZERO + AHEAD);
            let dated = captured.as_secs_f64() * 48_000.0 * (1.0 + drift * 1e-6);
            let off = (heard - dated + 480.0).rem_euclid(960.0) - 480.0;
            range = (f64::min(range.0, off), f64::max(range.1, off));
        }
        assert!(range.0 > -1.5 && range.1 < 1.5, "{drift} ppm: {range:?} samples off");
    }
    assert!(span(DELAY) < Duration::from_millis(1));
}

#[test]
fn a_minute_of_drift_either_way_changes_neither_the_delay_nor_a_frame() {
    for drift in [-200.0, 200.0] {
        let mut call = Call::new(440.0, drift, 1000);
        call.seconds(40);
        let before = call.buffer.stats();
        for _ in 0..60 {
            call.seconds(1);
            let excess = call.buffer.excess_us().expect("it plays");
            assert!(excess.abs() < 3_000, "{drift} ppm: {excess} us off");
        }
        let after = call.buffer.stats();
        let made_up = |stats: &vestibule_common::media::JitterStats| {
            (stats.concealed, stats.inserted, stats.dropped, stats.silent, stats.late)
        };
        assert_eq!(made_up(&after), made_up(&before));
        assert!((f64::from(call.matcher.rate_ppm()) - drift).abs() < 50.0, "{}", call.matcher.rate_ppm());
    }
}

#[test]
fn one_packet_held_up_delays_the_sound_until_the_next_pause_only() {
    // Between two words, where a frame can be left out.
    let mut call = Call::new(0.0, 0.0, 300);
    call.seconds(40);
    let excess = |call: &Call| call.buffer.excess_us().expect("it plays");
    assert!(excess(&call).abs() < 1_000, "{}", excess(&call));
    call.held_up = Some(call.sent + 10);
    while call.buffer.stats().late == 0 {
        call.block();
    }
    call.seconds(1);
    assert!(excess(&call).abs() < 3_000, "{}", excess(&call));
    let before = call.buffer.stats();
    call.seconds(60);
    let after = call.buffer.stats();
    assert_eq!((after.dropped, after.inserted), (before.dropped, before.inserted), "that was enough");
}

#[test]
fn without_drift_the_sound_is_what_was_sent() {
    let mut call = Call::new(1000.0, 0.0, 0);
    call.seconds(60);
    let (phase, purity) = call.fit();
    assert!(purity > 70.0, "{purity}");
    let sent: f64 =
        call.out.iter().map(|sample| f64::from(*sample).powi(2)).sum::<f64>() / FRAME_SAMPLES as f64;
    // Half of the amplitude's square, within a tenth of a decibel.
    assert!((sent / (16_000.0_f64.powi(2) / 2.0) - 1.0).abs() < 0.02, "{sent} at {phase}");
}

#[test]
fn what_is_left_out_of_a_frame_leaves_no_step_behind() {
    let mut frame: Vec<f32> = (0..480).map(|n| (f64::from(n) * 0.02).sin() as f32 * 60.0).collect();
    let (first, last) = (frame[0], frame[479]);
    assert_eq!(shorten(&mut frame, 240), 240);
    assert!((frame[0] - first).abs() < 1e-3 && (frame[239] - last).abs() < 2.0, "{} {}", frame[239], last);
    assert!(frame[..240].windows(2).all(|pair| (pair[0] - pair[1]).abs() < 3.0));
    assert_eq!((shorten(&mut frame, 0), shorten(&mut frame[..3], 9)), (480, 0));
}
