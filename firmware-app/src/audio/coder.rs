//! Opus (RFC 6716), the coded layer of sound: what leaves is coded period by period, what comes is decoded frame by frame.
//!
//! Not the packets and not their repeats: those are `vestibule_common::media::voice`. One room's sound at 48 kHz, mono.

use opus::{Application, Bitrate, Channels, Decoder, Encoder, Signal};
use vestibule_common::media::voice::{CODED_MOST, CODED_PAYLOAD, Coded, PERIODS_MOST, SoundDecoder};
use vestibule_common::media::{AudioFrame, FRAME_SAMPLES, SAMPLE_RATE};
use vestibule_common::time::Duration;

/// The encoder's effort, of 0 to 10: at 5 a period takes a tenth of a millisecond on a desktop, and speech gains little above it.
const EFFORT: i32 = 5;
/// The losses that in-band correction is made for, in hundredths, while nothing is repeated; with repeats it is of no use. Up to 5 the
/// encoder would rather not make it at all than code fewer high frequencies.
const LOSS: i32 = 15;
/// The encoder looks so far ahead.
const LOOKAHEAD: Duration = Duration::from_micros(6_500);

/// Codes what a room says.
pub struct SoundCoder {
    encoder: Encoder,
    repeats: Option<u8>,
    /// The periods that wait for the frame to be whole.
    input: [i16; PERIODS_MOST * FRAME_SAMPLES],
    waiting: usize,
    /// How many periods the frame has that was begun last.
    periods: usize,
}

impl SoundCoder {
    /// An encoder that has heard nothing.
    ///
    /// Errors: a sentence, when the library has no memory.
    pub fn new() -> Result<SoundCoder, String> {
        let said = |error: opus::Error| format!("sound cannot be coded: {error}");
        let mut encoder = Encoder::new(SAMPLE_RATE, Channels::Mono, Application::Voip).map_err(said)?;
        encoder.set_bitrate(Bitrate::Bits(CODED_PAYLOAD.as_bps() as i32)).map_err(said)?;
        encoder.set_complexity(EFFORT).map_err(said)?;
        encoder.set_signal(Signal::Voice).map_err(said)?;
        // It would take any steady tone for background. What is silence is the sender's to say.
        encoder.set_dtx(false).map_err(said)?;
        let input = [0; PERIODS_MOST * FRAME_SAMPLES];
        Ok(SoundCoder { encoder, repeats: None, input, waiting: 0, periods: 1 })
    }

    /// Takes one period. Once a frame is whole, returns it coded. One that begins with this period will have `periods` of
    /// them. `repeats` is how often each frame will be sent again.
    pub fn period(&mut self, samples: &AudioFrame, periods: u8, repeats: u8) -> Option<Coded> {
        if self.begins() {
            self.periods = usize::from(periods).clamp(1, PERIODS_MOST);
        }
        let periods = self.periods;
        if self.repeats != Some(repeats) {
            self.repeats = Some(repeats);
            let fec = repeats == 0;
            let set = self.encoder.set_inband_fec(fec);
            if let Err(error) =
                set.and_then(|()| self.encoder.set_packet_loss_perc(if fec { LOSS } else { 0 }))
            {
                log::debug!("in-band correction cannot be set: {error}");
            }
        }
        let at = self.waiting * FRAME_SAMPLES;
        self.input[at..at + FRAME_SAMPLES].copy_from_slice(samples);
        self.waiting += 1;
        if self.waiting < periods {
            return None;
        }
        self.waiting = 0;
        let mut coded = [0; CODED_MOST];
        match self.encoder.encode(&self.input[..periods * FRAME_SAMPLES], &mut coded) {
            Ok(len) => Some(coded[..len].iter().copied().collect()),
            Err(error) => {
                log::debug!("a period cannot be coded: {error}");
                None
            }
        }
    }

    /// Whether the next period begins a frame.
    pub fn begins(&self) -> bool {
        self.waiting == 0
    }

    /// How many periods the frame has that was begun last.
    pub fn periods(&self) -> u8 {
        self.periods as u8
    }
}

/// Decodes what another room says.
pub struct OpusDecoder(Decoder);

impl OpusDecoder {
    /// A decoder that has heard nothing.
    ///
    /// Errors: a sentence, when the library has no memory.
    pub fn new() -> Result<OpusDecoder, String> {
        Decoder::new(SAMPLE_RATE, Channels::Mono)
            .map(OpusDecoder)
            .map_err(|error| format!("coded sound cannot be decoded: {error}"))
    }

    /// What the library puts out, or else silence.
    fn put_out(&mut self, coded: &[u8], out: &mut [i16], before: bool) -> bool {
        let made = self.0.decode(coded, out, before).unwrap_or(0);
        out[made..].fill(0);
        made > 0
    }
}

impl SoundDecoder for OpusDecoder {
    fn decode(&mut self, coded: &[u8], out: &mut [i16]) {
        if !self.put_out(coded, out, false) {
            // What cannot be read is as good as lost.
            self.put_out(&[], out, false);
        }
    }

    fn rebuild(&mut self, coded: &[u8], out: &mut [i16]) -> bool {
        holds_the_frame_before(coded) && self.put_out(coded, out, true)
    }

    fn make_up(&mut self, out: &mut AudioFrame) {
        self.put_out(&[], out, false);
    }

    fn delay(&self) -> Duration {
        LOOKAHEAD
    }
}

/// Whether a packet of one frame has in-band correction: in its SILK part the bit for that follows the one for voice (RFC 6716,
/// sections 3.1 and 4.2.3 to 4.2.4).
fn holds_the_frame_before(coded: &[u8]) -> bool {
    matches!(coded, [toc, first, ..] if toc & 0x80 == 0 && toc & 3 == 0 && first & 0x40 != 0)
}

#[cfg(test)]
mod tests {
    use vestibule_common::media::SILENCE;

    use super::*;
    use crate::allocations::allocations;

    /// A voice whose pitch and loudness go up and down.
    fn voice(period: usize) -> AudioFrame {
        use std::f32::consts::TAU;
        std::array::from_fn(|at| {
            let seconds = (period * FRAME_SAMPLES + at) as f32 / SAMPLE_RATE as f32;
            // 150 Hz, 30 more and less, three times a second.
            let phase = seconds * 150.0 - 30.0 / (3.0 * TAU) * (seconds * 3.0 * TAU).cos();
            let tone: f32 = (1..12).map(|n| (phase * n as f32 * TAU).sin() / n as f32).sum();
            let loudness = 0.55 + 0.45 * (seconds * 7.0 * TAU).sin();
            (tone * loudness * 5_000.0) as i16
        })
    }

    fn coded(periods: u8, repeats: u8, count: usize) -> Vec<Coded> {
        let mut coder = SoundCoder::new().unwrap();
        (0..count).filter_map(|n| coder.period(&voice(n), periods, repeats)).collect()
    }

    fn decoder() -> OpusDecoder {
        OpusDecoder::new().unwrap()
    }

    /// How alike two sounds are, of 0 to 1, where the second comes `delay` samples later.
    fn likeness(a: &[i16], b: &[i16], delay: usize) -> f64 {
        let pairs: Vec<(f64, f64)> =
            a.iter().zip(&b[delay..]).map(|(a, b)| (f64::from(*a), f64::from(*b))).collect();
        let sum = |f: fn(&(f64, f64)) -> f64| pairs.iter().map(f).sum::<f64>();
        sum(|(a, b)| a * b) / (sum(|(a, _)| a * a) * sum(|(_, b)| b * b)).sqrt()
    }

    #[test]
    fn what_is_coded_is_heard_after_the_lookahead_with_frames_of_either_length() {
        for periods in [1, 2] {
            let frames = coded(periods, 0, 200);
            assert_eq!(frames.len(), 200 / usize::from(periods));
            let bytes: usize = frames.iter().map(|frame| frame.len()).sum();
            assert!((20_000..44_000).contains(&(bytes * 8 / 2)), "{bytes} bytes in two seconds");
            let mut decoder = decoder();
            let mut heard = Vec::new();
            for frame in &frames {
                let mut out = vec![0; usize::from(periods) * FRAME_SAMPLES];
                decoder.decode(frame, &mut out);
                heard.extend(out);
            }
            let said: Vec<i16> = (0..200).flat_map(voice).collect();
            let delay = (LOOKAHEAD.as_micros() * 48 / 1000) as usize;
            let alike = likeness(&said[48_000..90_000], &heard[48_000..], delay);
            assert!(alike > 0.6, "{alike}");
            for other in [delay - 72, delay + 72] {
                assert!(likeness(&said[48_000..90_000], &heard[48_000..], other) < alike, "{other} samples");
            }
        }
    }

    #[test]
    fn a_steady_tone_is_no_silence() {
        let tone = |n: usize| -> AudioFrame {
            let at = |at: usize| (n * FRAME_SAMPLES + at) as f32 * 440.0 / SAMPLE_RATE as f32;
            std::array::from_fn(|sample| ((at(sample) * std::f32::consts::TAU).sin() * 3_000.0) as i16)
        };
        let (mut coder, mut decoder, mut out) = (SoundCoder::new().unwrap(), decoder(), SILENCE);
        for n in 0..1000 {
            let coded = coder.period(&tone(n), 1, 0).unwrap();
            assert!(coded.len() > 2, "{n}");
            decoder.decode(&coded, &mut out);
            let energy: f64 = out.iter().map(|it| f64::from(*it).powi(2)).sum::<f64>() / 480.0;
            assert!(n < 20 || energy.sqrt() > 1_000.0, "{n}: {energy}");
        }
    }

    #[test]
    fn a_lost_frame_is_in_the_next_one_where_nothing_is_repeated() {
        let frames = coded(2, 0, 200);
        let holding = frames.iter().filter(|frame| holds_the_frame_before(frame)).count();
        assert!(holding > 50, "{holding} of 100");
        assert!(coded(2, 1, 200).iter().all(|frame| !holds_the_frame_before(frame)));

        let said: Vec<i16> = (0..200).flat_map(voice).collect();
        let (mut rebuilt, mut made_up) = (Vec::new(), Vec::new());
        for (heard, rebuilds) in [(&mut rebuilt, true), (&mut made_up, false)] {
            let mut decoder = decoder();
            for (n, frame) in frames.iter().enumerate() {
                let mut out = [0; 2 * FRAME_SAMPLES];
                let lost = n % 10 == 5 && n > 20;
                if !lost {
                    decoder.decode(frame, &mut out);
                } else if !rebuilds || !decoder.rebuild(&frames[n + 1], &mut out) {
                    let (first, second) = out.split_at_mut(FRAME_SAMPLES);
                    decoder.make_up(first.try_into().unwrap());
                    decoder.make_up(second.try_into().unwrap());
                }
                heard.extend(out);
            }
        }
        let delay = (LOOKAHEAD.as_micros() * 48 / 1000) as usize;
        let alike = |heard: &[i16]| -> f64 {
            let at = |n: usize| n * 2 * FRAME_SAMPLES;
            let lost = (30..95).filter(|n| n % 10 == 5);
            lost.map(|n| likeness(&said[at(n)..at(n + 1)], &heard[at(n)..at(n + 2)], delay)).sum()
        };
        assert!(alike(&rebuilt) > alike(&made_up), "{} and {}", alike(&rebuilt), alike(&made_up));
    }

    #[test]
    fn whatever_comes_is_survived_and_nothing_is_allocated_for_it() {
        let frames = coded(1, 0, 50);
        let mut decoder = decoder();
        let mut out = SILENCE;
        let counted = allocations(|| {
            for frame in &frames {
                decoder.decode(frame, &mut out);
            }
            decoder.make_up(&mut out);
            decoder.rebuild(&frames[9], &mut out);
        });
        assert_eq!(counted, 0);
        for first in 0..=255_u8 {
            for len in [1, 2, 3, 10, 250] {
                let bad = vec![first; len];
                decoder.decode(&bad, &mut out);
                decoder.rebuild(&bad, &mut out);
            }
        }
        decoder.decode(&frames[10], &mut out);
    }
}
