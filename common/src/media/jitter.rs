//! The jitter buffer of one room's sound: frames go in as they come, and one comes out every 10 ms.
//!
//! Not the mixer and not a resampler. How much later than the fastest packet a frame is played (the target) follows
//! the network: it grows at once when packets come too late, and shrinks slowly. The drift between two sound cards is for
//! a resampler behind it, which is told [`JitterBuffer::excess_us`]; a frame is dropped or made up only for what that
//! cannot follow, such as a new target far off, in a quiet moment if there is one.
//!
//! Coded sound is kept as it came and decoded in the order in which it is played, by whatever [`JitterBuffer::with_decoder`] was given. A
//! frame that is lost may be in the packet after it, as a repeat or as in-band error correction; the target keeps room for that
//! while it happens. Where both layers of a frame are here, plain samples are played, and the decoder is fed all the same.
//! Everything is allocated in [`JitterBuffer::new`].

mod coded;
mod conceal;
mod delay;
mod slot;

use super::pcm::{AudioFrame, FRAME_DURATION, FRAME_SAMPLES, SILENCE};
use super::voice::SoundDecoder;
use crate::time::{Duration, Time};
use coded::RepeatNeed;
use conceal::Concealer;
use delay::DelayEstimator;
use slot::{Content, Slot};

/// What [`JitterBuffer::pop`] put out.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Playout {
    /// A frame of the sender.
    Frame {
        /// When it was captured, on the sender's clock.
        captured: Time,
    },
    /// Made up from what was heard before: a frame is lost or late, or the buffer is growing.
    Concealed,
    /// Nothing to play.
    Silence,
}

/// What became of a packet.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Pushed {
    /// It will be played.
    Stored,
    /// It is here already.
    Duplicate,
    /// Its time is over.
    Late,
    /// It is not one frame of sound.
    Invalid,
}

/// What happened so far, in frames, and how the buffer stands.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub struct JitterStats {
    /// Played as sent.
    pub played: u64,
    /// Made up because a frame was lost or late.
    pub concealed: u64,
    /// Frames among those played that were lost and came again with a later packet.
    pub repeated: u64,
    /// Frames among those played that were made of what the next packet holds of them.
    pub rebuilt: u64,
    /// Put out while there was nothing to play.
    pub silent: u64,
    /// Made up so that the buffer grows.
    pub inserted: u64,
    /// Dropped so that the buffer shrinks.
    pub dropped: u64,
    /// Came after their time; those that could still be played included.
    pub late: u64,
    /// Came twice.
    pub duplicates: u64,
    /// Were no frame of sound.
    pub invalid: u64,
    /// Times that the numbers jumped, as after a restart of the sender.
    pub restarts: u64,
    /// Frames in the buffer.
    pub buffered: u32,
    /// How much later than the fastest packet a frame should be played.
    pub target: Duration,
    /// How much later frames are played, smoothed.
    pub delay: Duration,
    /// How much later than the fastest packet all but 5 % of the last five seconds came.
    pub jitter: Duration,
}

/// Frames that fit: 640 ms. Numbers further apart belong to a sender that started anew.
const CAPACITY: usize = 64;
const TARGET_AT_START: i64 = 20_000;
const TARGET_LEAST: i64 = 5_000;
const TARGET_MOST: i64 = 200_000;
/// On top of the measured jitter, for what was not measured.
const MARGIN: i64 = 3_000;
/// A packet that comes late makes the target grow by this much at least, and at most; but not if it is the only one within
/// some seconds: the sound is later by a frame then, until the next quiet moment. What is late together counts as one.
const GROW_LEAST: i64 = 5_000;
const GROW_MOST: i64 = 20_000;
const ALONE: Duration = Duration::from_secs(5);
const TOGETHER: Duration = Duration::from_millis(100);
/// After growing the target rests for this long, then shrinks by 5 ms a second.
const REST: Duration = Duration::from_secs(2);
const SHRINK_PER_FRAME: i64 = 50;
/// Frames concealed before the buffer takes the sender for silent.
const CONCEAL_MOST: u32 = 6;
/// Playout has its own rhythm, which slides over the packets' as the clocks drift, and a resampler takes up to a block of the speaker's
/// and its filter ahead. Kept this much later than the target, the next frame is there at every phase, with what is left of
/// the target's margin.
const BEST: i64 = 1_500;
/// The distance of these is more than a frame, so that one correction never calls for the opposite, and neither calls for
/// one while a resampler keeps near to [`BEST`]; early is nearer, as the target has a margin, and late so near that what one
/// packet held up has cost, a frame, is taken back in the next quiet moment and not by a resampler in twenty seconds.
const TOO_EARLY: i64 = -3_000;
const TOO_LATE: i64 = 11_500;
/// Of a frame in which nothing is heard a part can be left out instead of a whole one: no less, and no more.
const SURPLUS_LEAST: i64 = 1_500;
const SURPLUS_MOST: i64 = 5_000;
/// Below -50 dBFS nothing is heard.
const INAUDIBLE: f32 = 1e4;
/// This far off, no quiet moment is waited for.
const FAR_OFF: i64 = 40_000;
/// Frames to wait for a quiet moment; when far off; and between two corrections.
const PATIENCE: u32 = 50;
const PATIENCE_FAR_OFF: u32 = 10;
const SPACING: u32 = 5;

/// The jitter buffer of one stream.
pub struct JitterBuffer {
    /// Frame `n` is in slot `n % CAPACITY`.
    slots: Box<[Slot]>,
    phase: Phase,
    /// The frame to play next; while empty, the one after the last that was played.
    next: u32,
    /// Frames in a row that were concealed just before `next`.
    concealed_run: u32,
    /// Bit `d - 1`: frame `next - d` was here in time. Another copy of it says nothing of the network.
    in_time: u64,
    buffered: u32,
    estimator: DelayEstimator,
    concealer: Concealer,
    decoder: Option<Box<dyn SoundDecoder>>,
    /// What was played last was coded; and the sender said that silence follows.
    coded: bool,
    quiet: Option<u32>,
    /// How late repeats of what was lost come.
    repeats: RepeatNeed,
    target_us: i64,
    grown: Time,
    /// When packets began to come late, last.
    late: Option<Time>,
    /// Smoothed delay of what is played, against the fastest packet.
    delay_us: Option<f32>,
    /// Frames for which the delay has been off its target, and since the last correction.
    off: u32,
    since_correction: u32,
    /// Mean energy of a sample, smoothed over about a second; and nothing was heard in the frame played last.
    energy: f32,
    inaudible: bool,
    stats: JitterStats,
}

#[derive(Copy, Clone, PartialEq, Eq, Debug)]
enum Phase {
    /// Nothing was ever played.
    Fresh,
    /// The sender fell silent; what comes next starts with `next` or later.
    Empty,
    /// Frames are here, and wait for their time. `next` is the first of them.
    Priming,
    Playing,
}

enum Correction {
    None,
    Insert,
    Drop,
}

impl JitterBuffer {
    /// An empty buffer with a target of 20 ms.
    pub fn new() -> JitterBuffer {
        JitterBuffer {
            slots: vec![Slot::EMPTY; CAPACITY].into_boxed_slice(),
            phase: Phase::Fresh,
            next: 0,
            concealed_run: 0,
            in_time: 0,
            buffered: 0,
            estimator: DelayEstimator::new(),
            concealer: Concealer::new(),
            decoder: None,
            coded: false,
            quiet: None,
            repeats: RepeatNeed::default(),
            target_us: TARGET_AT_START,
            grown: Time::ZERO,
            late: None,
            delay_us: None,
            off: 0,
            since_correction: 0,
            energy: 0.0,
            inaudible: false,
            stats: JitterStats::default(),
        }
    }

    /// The same, for coded sound too.
    pub fn with_decoder(decoder: Box<dyn SoundDecoder>) -> JitterBuffer {
        JitterBuffer { decoder: Some(decoder), ..JitterBuffer::new() }
    }

    /// Takes frame `number`, captured at `captured` on the sender's clock, that came at `arrival`. `samples` must be
    /// [`FRAME_SAMPLES`] long.
    pub fn push(&mut self, number: u32, captured: Time, samples: &[i16], arrival: Time) -> Pushed {
        let pushed = match <&AudioFrame>::try_from(samples) {
            Ok(samples) => self.place(number, captured, Content::Samples(samples), arrival),
            Err(_) => Pushed::Invalid,
        };
        self.count(pushed)
    }

    fn count(&mut self, pushed: Pushed) -> Pushed {
        match pushed {
            Pushed::Stored => {}
            Pushed::Duplicate => self.stats.duplicates += 1,
            Pushed::Late => self.stats.late += 1,
            Pushed::Invalid => self.stats.invalid += 1,
        }
        pushed
    }

    /// Puts out the next 10 ms. To be called every 10 ms, but for what a resampler behind it saves or takes; `now` is when
    /// these samples are handed to the speaker, which may be later than this call.
    pub fn pop(&mut self, out: &mut AudioFrame, now: Time) -> Playout {
        match self.phase {
            Phase::Fresh | Phase::Empty => return self.silence(out),
            Phase::Priming => {
                self.skip_stale(now);
                if self.relative_delay(now) < self.target_us {
                    return self.silence(out);
                }
                self.phase = Phase::Playing;
                self.delay_us = None;
            }
            Phase::Playing => {}
        }
        self.inaudible = false;
        self.adapt_target(now);
        self.make_ready(self.next);
        let slot = &self.slots[index(self.next)];
        match (slot.filled, slot.ready) {
            (true, true) => self.play(out, now),
            (true, false) => self.begin_quiet(out),
            (false, _) => self.play_without(out, now),
        }
    }

    /// How much later than best frames are played, smoothed, in microseconds; negative when they are played earlier.
    /// `None` while nothing is played. A resampler that plays faster while it is positive keeps the delay where it should be.
    pub fn excess_us(&self) -> Option<i64> {
        let delay = self.delay_us.filter(|_| self.phase == Phase::Playing)?;
        Some(delay as i64 - self.target_us - BEST)
    }

    /// How many samples to leave out of the frame that [`JitterBuffer::pop`] gave last, for whoever can: in it nothing is heard, and
    /// frames are played later than best. Counts as done.
    pub fn take_surplus(&mut self) -> usize {
        let excess = self.excess_us().filter(|excess| self.inaudible && *excess >= SURPLUS_LEAST);
        let Some(surplus) = excess.map(|excess| excess.min(SURPLUS_MOST)) else { return 0 };
        self.inaudible = false;
        self.corrected(-(surplus as f32));
        surplus as usize * FRAME_SAMPLES / FRAME_DURATION.as_micros() as usize
    }

    /// What happened so far, and how the buffer stands.
    pub fn stats(&self) -> JitterStats {
        JitterStats {
            buffered: self.buffered,
            target: micros(self.target_us),
            delay: micros(self.delay_us.unwrap_or(0.0) as i64),
            jitter: micros(self.estimator.jitter_us()),
            ..self.stats
        }
    }

    fn place(&mut self, number: u32, captured: Time, content: Content<'_>, arrival: Time) -> Pushed {
        let ahead = number.wrapping_sub(self.next) as i32;
        let behind = ahead.unsigned_abs();
        let far = behind as usize >= CAPACITY;
        if ahead < 0 && !far && self.in_time >> (behind - 1) & 1 == 1 {
            return Pushed::Duplicate;
        }
        match self.phase {
            Phase::Fresh => self.start_at(number),
            Phase::Empty if ahead >= 0 => self.start_at(number),
            Phase::Empty if !far => return Pushed::Late,
            Phase::Empty | Phase::Priming | Phase::Playing if far => {
                self.stats.restarts += 1;
                self.start_at(number);
            }
            Phase::Empty | Phase::Priming | Phase::Playing => {}
        }
        let ahead = number.wrapping_sub(self.next) as i32;
        if ahead >= 0 && self.slots[index(number)].filled {
            return self.add_to(number, content);
        }
        let relative_us = match content {
            // Its other periods came with the first.
            Content::Coded(_, 1.., _) => self.estimator.relative_us(captured, arrival),
            Content::Coded(..) | Content::Samples(_) => self.estimator.observe(captured, arrival),
        };
        if ahead < 0 && !self.step_back(ahead.unsigned_abs(), relative_us, arrival) {
            return Pushed::Late;
        }
        self.store(number, captured, content);
        Pushed::Stored
    }

    fn store(&mut self, number: u32, captured: Time, content: Content<'_>) {
        let slot = &mut self.slots[index(number)];
        slot.clear();
        (slot.filled, slot.captured) = (true, captured);
        self.buffered += 1;
        self.add_to(number, content);
    }

    /// A frame came after its time, `behind` frames before the next. If everything since was made up and nothing else
    /// is here, playout steps back to it: the sound is whole, only later. Otherwise it is lost.
    fn step_back(&mut self, behind: u32, relative_us: i64, now: Time) -> bool {
        if self.phase == Phase::Priming {
            // Reordered before anything was played; but not a frame from before the silence.
            let newest_fits = (0..CAPACITY as u32).all(|n| {
                !self.slots[index(self.next.wrapping_add(n))].filled || (n + behind) < CAPACITY as u32
            });
            let fits = newest_fits && behind <= self.concealed_run;
            if fits {
                self.concealed_run -= behind;
                self.rewind(behind);
            }
            return fits;
        }
        let quiet = self.quiet.filter(|periods| self.buffered == 0 && behind <= *periods);
        let possible = quiet.is_some() || self.buffered == 0 && behind <= self.concealed_run;
        // After a silence it may be in time: the numbers of a sender that was muted in it stood still.
        if relative_us > self.target_us && self.is_late_again(now) {
            let wanted = relative_us + MARGIN;
            let least = if possible { self.target_us + GROW_LEAST } else { self.target_us };
            let most = (self.target_us + GROW_MOST).min(TARGET_MOST);
            let grown = wanted.max(least).min(most).max(self.target_us);
            if grown > self.target_us {
                self.target_us = grown;
                self.grown = now;
            }
        }
        if possible {
            self.stats.late += u64::from(quiet.is_none());
            self.rewind(behind);
            self.concealed_run = quiet.map_or(0, |periods| (periods - behind).min(CONCEAL_MOST));
            self.delay_us = None;
        }
        if quiet.is_some() {
            (self.phase, self.quiet) = (Phase::Priming, None);
        }
        possible
    }

    /// Whether other packets than those that come late with this one did so lately.
    fn is_late_again(&mut self, now: Time) -> bool {
        let since = self.late.map(|late| now.since(late));
        if since.is_none_or(|since| since >= TOGETHER) {
            self.late = Some(now);
        }
        since.is_some_and(|since| (TOGETHER..ALONE).contains(&since))
    }

    /// Begins anew with this frame.
    fn start_at(&mut self, number: u32) {
        // What may still come before it, reordered: nothing that was played, and not more than would be waited for.
        let gap = number.wrapping_sub(self.next);
        self.concealed_run = match self.phase {
            Phase::Fresh => CONCEAL_MOST,
            Phase::Empty | Phase::Priming | Phase::Playing => {
                if (gap as i32) < 0 {
                    CONCEAL_MOST
                } else {
                    gap.min(CONCEAL_MOST)
                }
            }
        };
        let restarted = self.phase != Phase::Empty || gap >= CAPACITY as u32;
        self.in_time = if restarted { 0 } else { self.in_time << gap };
        self.slots.iter_mut().for_each(Slot::clear);
        self.buffered = 0;
        self.quiet = None;
        self.next = number;
        self.phase = Phase::Priming;
        self.off = 0;
    }

    /// How much later than the fastest packet the next frame would be played.
    fn relative_delay(&self, now: Time) -> i64 {
        self.estimator.relative_us(self.slots[index(self.next)].captured, now)
    }

    /// After a silence, frames that piled up meanwhile would only make everything later.
    fn skip_stale(&mut self, now: Time) {
        self.adapt_target(now);
        while self.buffered > 1
            && self.relative_delay(now) > self.target_us + 2 * FRAME_DURATION.as_micros() as i64
        {
            self.take_next();
            self.stats.dropped += 1;
            while !self.slots[index(self.next)].filled {
                self.advance(false);
            }
        }
    }

    fn adapt_target(&mut self, now: Time) {
        let needed = self.estimator.jitter_us().max(self.repeats.needed_us(now));
        let wanted = (needed + MARGIN).clamp(TARGET_LEAST, TARGET_MOST);
        if wanted > self.target_us {
            self.target_us = wanted;
            self.grown = now;
        } else if now.since(self.grown) >= REST && self.estimator.is_settled() {
            self.target_us = (self.target_us - SHRINK_PER_FRAME).max(wanted);
        }
    }

    fn play(&mut self, out: &mut AudioFrame, now: Time) -> Playout {
        let relative = self.relative_delay(now) as f32;
        let delay = self.delay_us.map_or(relative, |delay| delay + (relative - delay) / 8.0);
        self.delay_us = Some(delay);
        let energy = energy(&self.slots[index(self.next)].samples);
        match self.correction(delay as i64 - self.target_us, energy) {
            Correction::None => {}
            Correction::Insert => {
                self.corrected(FRAME_DURATION.as_micros() as f32);
                self.stats.inserted += 1;
                self.concealer.stretch(out);
                return Playout::Concealed;
            }
            Correction::Drop => {
                self.corrected(-(FRAME_DURATION.as_micros() as f32));
                self.stats.dropped += 1;
                let first = index(self.next);
                self.take_next();
                self.make_ready(self.next);
                let second = &mut self.slots[index(self.next)].samples;
                *out = *second;
                cross_fade(&self.slots[first].samples, out);
                return self.put_out(out, energy);
            }
        }
        *out = self.slots[index(self.next)].samples;
        self.put_out(out, energy)
    }

    fn put_out(&mut self, out: &mut AudioFrame, energy: f32) -> Playout {
        let Slot { captured, decoded, .. } = self.slots[index(self.next)];
        let captured = if decoded { captured - self.codec_delay() } else { captured };
        self.take_next();
        self.energy += (energy - self.energy) / 100.0;
        self.inaudible = energy < INAUDIBLE;
        if std::mem::replace(&mut self.coded, decoded) != decoded {
            // The two layers are not in step by the sample.
            self.concealer.bend();
        }
        self.concealer.real(out);
        self.quiet = None;
        self.concealed_run = 0;
        self.stats.played += 1;
        Playout::Frame { captured }
    }

    fn correction(&mut self, off_us: i64, energy: f32) -> Correction {
        self.since_correction = self.since_correction.saturating_add(1);
        let too_early = off_us < TOO_EARLY;
        let second = &self.slots[index(self.next.wrapping_add(1))];
        let second_here = second.filled && !second.is_quiet();
        let too_late = off_us > TOO_LATE && second_here;
        if !too_early && !too_late {
            self.off = 0;
            return Correction::None;
        }
        self.off += 1;
        // Nothing is heard, or 9 dB less than is usual here.
        let quiet = energy < INAUDIBLE || energy < self.energy / 8.0;
        let patience = if off_us.abs() > FAR_OFF { PATIENCE_FAR_OFF } else { PATIENCE };
        if self.since_correction < SPACING || !quiet && self.off < patience {
            Correction::None
        } else if too_early {
            Correction::Insert
        } else {
            Correction::Drop
        }
    }

    fn corrected(&mut self, by_us: f32) {
        self.off = 0;
        self.since_correction = 0;
        self.delay_us = self.delay_us.map(|delay| delay + by_us);
    }

    fn conceal(&mut self, out: &mut AudioFrame) -> Playout {
        self.advance(false);
        self.concealed_run += 1;
        if self.concealed_run > CONCEAL_MOST {
            if self.buffered == 0 {
                self.rewind(self.concealed_run);
                self.concealed_run = 0;
                self.phase = Phase::Empty;
            }
            return self.silence(out);
        }
        self.stats.concealed += 1;
        match &mut self.decoder {
            Some(decoder) if self.coded => {
                decoder.make_up(out);
                self.concealer.real(out);
            }
            _ => self.concealer.conceal(out),
        }
        Playout::Concealed
    }

    fn silence(&mut self, out: &mut AudioFrame) -> Playout {
        *out = SILENCE;
        self.concealer.silence();
        self.stats.silent += 1;
        Playout::Silence
    }

    fn take_next(&mut self) {
        let slot = &mut self.slots[index(self.next)];
        if slot.filled {
            slot.clear();
            self.buffered -= 1;
        }
        self.advance(true);
    }

    fn advance(&mut self, in_time: bool) {
        self.next = self.next.wrapping_add(1);
        self.in_time = self.in_time << 1 | u64::from(in_time);
    }

    fn rewind(&mut self, frames: u32) {
        self.next = self.next.wrapping_sub(frames);
        self.in_time = self.in_time.checked_shr(frames).unwrap_or(0);
    }
}

impl Default for JitterBuffer {
    fn default() -> Self {
        Self::new()
    }
}

/// Blends the end of `from` into `to` over the whole frame.
fn cross_fade(from: &AudioFrame, to: &mut AudioFrame) {
    for (at, (to, from)) in to.iter_mut().zip(from).enumerate() {
        let share = (at as f32 + 0.5) / FRAME_SAMPLES as f32;
        *to = (f32::from(*to) * share + f32::from(*from) * (1.0 - share)).round() as i16;
    }
}

fn energy(samples: &AudioFrame) -> f32 {
    samples.iter().map(|sample| f32::from(*sample).powi(2)).sum::<f32>() / FRAME_SAMPLES as f32
}

fn index(number: u32) -> usize {
    number as usize % CAPACITY
}

fn micros(us: i64) -> Duration {
    Duration::from_micros(u64::try_from(us).unwrap_or(0))
}

#[cfg(test)]
mod tests;
