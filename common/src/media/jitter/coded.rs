//! The jitter buffer's coded layer: frames kept as they came, decoded as they are played, and what stands in for lost ones.

use super::{CAPACITY, Content, JitterBuffer, Phase, Playout, Pushed, index};
use crate::media::pcm::{AudioFrame, FRAME_DURATION, FRAME_SAMPLES, SILENCE};
use crate::media::voice::{Coded, PERIODS_MOST, VoicePacket};
use crate::time::{Duration, Time};

/// How late repeats come is remembered for this long after the last one that was needed.
const REMEMBERED: Duration = Duration::from_secs(10);
/// The longest delay for which repeats are waited.
const WAITED: i64 = 80_000;

/// How much later than the fastest packet the repeats came that stood in for something lost.
#[derive(Copy, Clone, Debug, Default)]
pub(super) struct RepeatNeed(Option<(i64, Time)>);

impl RepeatNeed {
    fn handle(&mut self, relative_us: i64, now: Time) {
        if relative_us <= WAITED {
            self.0 = Some((relative_us.max(self.needed_us(now)), now));
        }
    }

    pub(super) fn needed_us(&self, now: Time) -> i64 {
        self.0.filter(|(_, at)| now.since(*at) < REMEMBERED).map_or(0, |(needed, _)| needed)
    }
}

impl JitterBuffer {
    /// Takes a packet of coded sound whose frame begins with period `number`, captured at `captured` on the sender's clock, that came
    /// at `arrival`. Without a decoder it is invalid.
    pub fn push_coded(
        &mut self,
        number: u32,
        captured: Time,
        packet: &VoicePacket<'_>,
        arrival: Time,
    ) -> Pushed {
        if self.decoder.is_none() {
            return self.count(Pushed::Invalid);
        }
        let periods = packet.periods;
        self.miss_correction(number, captured, packet, arrival);
        let mut pushed = Pushed::Late;
        for part in 0..periods {
            let content = Content::Coded(packet.coded, part, periods);
            let captured = captured + FRAME_DURATION * u32::from(part);
            let placed = self.place(number.wrapping_add(u32::from(part)), captured, content, arrival);
            if part == 0 || pushed == Pushed::Late {
                pushed = placed;
            }
        }
        let back = |frames: usize| frames as u32 * u32::from(periods);
        for (frames, repeat) in (1..).zip(&packet.repeats) {
            let captured = captured - FRAME_DURATION * back(frames);
            let number = number.wrapping_sub(back(frames));
            self.take_repeat(number, captured, (repeat, periods), arrival);
        }
        self.count(pushed)
    }

    /// A packet that comes just after a frame was made up holds that frame, in its in-band correction: had it been waited for, that
    /// would have been heard. Where packets repeat whole frames there is none.
    fn miss_correction(&mut self, number: u32, captured: Time, packet: &VoicePacket<'_>, arrival: Time) {
        let made_up =
            self.phase == Phase::Playing && self.coded && number == self.next && self.concealed_run > 0;
        if made_up && packet.repeats.is_empty() && !packet.coded.is_empty() {
            let lost = captured - FRAME_DURATION * u32::from(packet.periods);
            self.repeats.handle(self.estimator.relative_us(lost, arrival), arrival);
        }
    }

    /// Takes what an earlier packet should have brought, where it did not.
    fn take_repeat(&mut self, number: u32, captured: Time, (coded, periods): (&[u8], u8), arrival: Time) {
        if !matches!(self.phase, Phase::Playing | Phase::Priming) {
            return;
        }
        if coded.is_empty() && self.quiet.is_some() {
            // That is known.
            return;
        }
        let relative_us = self.estimator.relative_us(captured, arrival);
        for part in 0..periods {
            let number = number.wrapping_add(u32::from(part));
            let ahead = number.wrapping_sub(self.next) as i32;
            let behind = ahead.unsigned_abs();
            if ahead < 0 {
                // Made up already, and perhaps for want of patience.
                let missed =
                    self.phase == Phase::Playing && behind <= self.concealed_run.max(PERIODS_MOST as u32);
                if missed && self.in_time >> (behind - 1) & 1 == 0 {
                    self.repeats.handle(relative_us, arrival);
                }
            } else if (ahead as usize) < CAPACITY && !self.slots[index(number)].filled {
                self.repeats.handle(relative_us, arrival);
                let captured = captured + FRAME_DURATION * u32::from(part);
                self.store(number, captured, Content::Coded(coded, part, periods));
                self.stats.repeated += 1;
            }
        }
    }

    /// Lays content into a slot that is filled.
    pub(super) fn add_to(&mut self, number: u32, content: Content<'_>) -> Pushed {
        let slot = &mut self.slots[index(number)];
        match content {
            Content::Samples(samples) if !slot.ready || slot.decoded => {
                (slot.samples, slot.ready, slot.decoded) = (*samples, true, false);
            }
            Content::Coded(coded, part, periods) if slot.part.is_none() && !slot.decoded => {
                slot.part = Some((part, periods));
                slot.coded = coded.iter().copied().take(Coded::new().capacity()).collect();
            }
            Content::Samples(_) | Content::Coded(..) => return Pushed::Duplicate,
        }
        Pushed::Stored
    }

    /// Decodes what is coded in this slot. What it says of silence stays.
    pub(super) fn make_ready(&mut self, number: u32) {
        let slot = &mut self.slots[index(number)];
        if !slot.filled || slot.coded.is_empty() {
            return;
        }
        let (Some((part, periods)), Some(decoder)) = (slot.part.take(), &mut self.decoder) else { return };
        let mut out = [0; PERIODS_MOST * FRAME_SAMPLES];
        let out = &mut out[..usize::from(periods) * FRAME_SAMPLES];
        decoder.decode(&slot.coded, out);
        let here = index(number.wrapping_sub(u32::from(part)));
        self.lay(here, out, part..periods);
    }

    /// Lays the periods of a decoded frame that begins in the slot `first` into their slots, where plain samples are not.
    fn lay(&mut self, first: usize, out: &[i16], parts: std::ops::Range<u8>) {
        for part in parts {
            let slot = &mut self.slots[(first + usize::from(part)) % CAPACITY];
            let same = slot.part.is_none_or(|(at, _)| at == part);
            if slot.filled && same {
                slot.part = None;
                if !slot.ready {
                    let at = usize::from(part) * FRAME_SAMPLES;
                    slot.samples.copy_from_slice(&out[at..at + FRAME_SAMPLES]);
                    (slot.ready, slot.decoded) = (true, true);
                }
            }
        }
    }

    /// The next frame says that silence begins.
    pub(super) fn begin_quiet(&mut self, out: &mut AudioFrame) -> Playout {
        self.take_next();
        self.quiet = Some(0);
        // How late frames are played is known again when there are some.
        self.delay_us = None;
        self.coded = true;
        self.stay_quiet(out)
    }

    /// The next frame is not here: it is silent, or what comes after it holds something of it, or it is made up.
    pub(super) fn play_without(&mut self, out: &mut AudioFrame, now: Time) -> Playout {
        if let Some(periods) = self.quiet {
            self.advance(false);
            self.quiet = Some(periods + 1);
            if periods as usize + 1 >= CAPACITY && self.buffered == 0 {
                // What comes next may follow the silence at once, as the numbers of a sender that is muted stand still.
                self.rewind(periods + 1);
                (self.phase, self.quiet) = (Phase::Empty, None);
            }
            return self.stay_quiet(out);
        }
        if self.rebuild() { self.play(out, now) } else { self.conceal(out) }
    }

    /// What the codec makes of silence: what was in the background, fading.
    fn stay_quiet(&mut self, out: &mut AudioFrame) -> Playout {
        *out = SILENCE;
        if let Some(decoder) = &mut self.decoder {
            decoder.make_up(out);
        }
        self.concealer.real(out);
        self.stats.silent += 1;
        Playout::Silence
    }

    /// Makes the next frame of what the coded one after it holds of it.
    fn rebuild(&mut self) -> bool {
        let Some(decoder) = self.decoder.as_mut().filter(|_| self.coded) else { return false };
        for periods in 1..=PERIODS_MOST as u8 {
            let missing =
                (0..periods).all(|at| !self.slots[index(self.next.wrapping_add(u32::from(at)))].filled);
            let after = &self.slots[index(self.next.wrapping_add(u32::from(periods)))];
            if !missing || !after.filled || after.part != Some((0, periods)) || after.coded.is_empty() {
                continue;
            }
            let captured = after.captured;
            let mut out = [0; PERIODS_MOST * FRAME_SAMPLES];
            let out = &mut out[..usize::from(periods) * FRAME_SAMPLES];
            if !decoder.rebuild(&after.coded, out) {
                return false;
            }
            for part in 0..periods {
                let slot = &mut self.slots[index(self.next.wrapping_add(u32::from(part)))];
                slot.clear();
                slot.filled = true;
                slot.captured = captured - FRAME_DURATION * u32::from(periods - part);
                self.buffered += 1;
            }
            self.lay(index(self.next), out, 0..periods);
            self.stats.rebuilt += u64::from(periods);
            return true;
        }
        false
    }

    pub(super) fn codec_delay(&self) -> Duration {
        self.decoder.as_ref().map_or(Duration::ZERO, |decoder| decoder.delay())
    }
}

#[cfg(test)]
mod tests;
