//! Packet loss concealment after the idea of ITU-T G.711 Appendix I: repeat the last pitch periods, and fade.
//!
//! Not its text: this is 48 kHz, adds no delay, and repeats at least 10 ms at a time so that it buzzes less.

use crate::media::pcm::{AudioFrame, FRAME_SAMPLES, SILENCE};

/// Samples remembered: the template and the longest period before it.
const HISTORY: usize = 1920;
/// Periods searched: 400 Hz to 67 Hz.
const PERIOD_LEAST: usize = 120;
const PERIOD_MOST: usize = 720;
/// The search begins at 8 kHz.
const DECIMATION: usize = 6;
const TEMPLATE: usize = 960;
/// The longest stretch that is repeated.
const CYCLE_MOST: usize = 2 * FRAME_SAMPLES;
/// Overlap where a cycle meets itself, and where made-up sound meets the real one: 5 ms at most.
const OVERLAP: usize = 240;
/// Full gain for 10 ms, then down to nothing at 60 ms.
const FADE_FROM: usize = FRAME_SAMPLES;
const FADE_TO: usize = 6 * FRAME_SAMPLES;

#[derive(Debug)]
pub(super) struct Concealer {
    /// What was put out last, the newest at the end.
    history: [f32; HISTORY],
    /// What is repeated, and where we are in it.
    cycle: [f32; CYCLE_MOST],
    cycle_len: usize,
    at: usize,
    /// The jump from the last real sample to the first made-up one, still to be smoothed away.
    jump: f32,
    /// Samples of fade so far.
    faded: usize,
    state: State,
}

#[derive(Copy, Clone, PartialEq, Eq, Debug)]
enum State {
    Real,
    MadeUp,
    Silent,
}

impl Concealer {
    pub(super) fn new() -> Concealer {
        Concealer {
            history: [0.0; HISTORY],
            cycle: [0.0; CYCLE_MOST],
            cycle_len: PERIOD_LEAST,
            at: 0,
            jump: 0.0,
            faded: 0,
            state: State::Silent,
        }
    }

    /// Takes a real frame that is about to be played; blends into it when the sound before was made up, or silence.
    pub(super) fn real(&mut self, frame: &mut AudioFrame) {
        if self.state != State::Real {
            for (at, sample) in frame.iter_mut().enumerate().take(OVERLAP) {
                let share = (at as f32 + 0.5) / OVERLAP as f32;
                let made_up = if self.state == State::MadeUp { self.make(true) } else { 0.0 };
                *sample = (f32::from(*sample) * share + made_up * (1.0 - share)).round() as i16;
            }
            self.state = State::Real;
        }
        self.remember(frame);
    }

    /// What comes next is the same sound from elsewhere: it is blended in.
    pub(super) fn bend(&mut self) {
        if self.state == State::Real {
            self.begin();
        }
    }

    /// Makes up a frame for a lost one.
    pub(super) fn conceal(&mut self, out: &mut AudioFrame) {
        self.begin();
        for sample in out.iter_mut() {
            *sample = self.make(true).round() as i16;
        }
        self.remember(out);
    }

    /// Makes up a frame that lengthens the sound, without a fade.
    pub(super) fn stretch(&mut self, out: &mut AudioFrame) {
        self.begin();
        for sample in out.iter_mut() {
            *sample = self.make(false).round() as i16;
        }
        self.remember(out);
    }

    /// A frame of silence is put out.
    pub(super) fn silence(&mut self) {
        if self.state != State::Silent {
            self.state = State::Silent;
            self.history = [0.0; HISTORY];
        }
    }

    fn begin(&mut self) {
        match self.state {
            State::MadeUp => {}
            State::Silent => {
                self.cycle.fill(0.0);
                self.jump = 0.0;
            }
            State::Real => self.prepare_cycle(),
        }
        if self.state != State::MadeUp {
            self.state = State::MadeUp;
            self.faded = 0;
            self.at = 0;
        }
    }

    fn prepare_cycle(&mut self) {
        let period = self.period();
        let len = period * FRAME_SAMPLES.div_ceil(period);
        let start = HISTORY - len;
        self.cycle[..len].copy_from_slice(&self.history[start..]);
        // Its end becomes what came before its start, so that it repeats without a seam.
        let overlap = (period / 4).min(OVERLAP);
        for at in 0..overlap {
            let share = (at as f32 + 0.5) / overlap as f32;
            let before = self.history[start - overlap + at];
            let end = &mut self.cycle[len - overlap + at];
            *end = *end * (1.0 - share) + before * share;
        }
        self.cycle_len = len;
        self.jump = self.history[HISTORY - 1] - self.history[start - 1];
    }

    fn make(&mut self, fade: bool) -> f32 {
        let mut sample = self.cycle[self.at];
        // The jump is smoothed away within 1.25 ms.
        sample += self.jump;
        self.jump *= 0.93;
        self.at = (self.at + 1) % self.cycle_len;
        let gain = 1.0 - self.faded.saturating_sub(FADE_FROM) as f32 / (FADE_TO - FADE_FROM) as f32;
        self.faded += usize::from(fade);
        (sample * gain.max(0.0)).clamp(-32768.0, 32767.0)
    }

    /// The distance in samples at which the recent sound repeats itself best: by normalised correlation, first at
    /// 8 kHz, then exactly.
    fn period(&self) -> usize {
        let mut coarse = [0.0; HISTORY / DECIMATION];
        for (low, samples) in coarse.iter_mut().zip(self.history.chunks_exact(DECIMATION)) {
            *low = samples.iter().sum::<f32>() / DECIMATION as f32;
        }
        let rough =
            best_lag(&coarse, TEMPLATE / DECIMATION, PERIOD_LEAST / DECIMATION, PERIOD_MOST / DECIMATION)
                * DECIMATION;
        let least = rough.saturating_sub(DECIMATION).max(PERIOD_LEAST);
        best_lag(&self.history, FRAME_SAMPLES, least, (rough + DECIMATION).min(PERIOD_MOST))
    }

    fn remember(&mut self, frame: &AudioFrame) {
        self.history.copy_within(FRAME_SAMPLES.., 0);
        for (kept, sample) in self.history[HISTORY - FRAME_SAMPLES..].iter_mut().zip(frame) {
            *kept = f32::from(*sample);
        }
    }
}

fn best_lag(signal: &[f32], template: usize, least: usize, most: usize) -> usize {
    let end = signal.len();
    let recent = &signal[end - template..];
    let mut best = (least, 0.0);
    for lag in least..=most {
        let earlier = &signal[end - template - lag..end - lag];
        let (mut product, mut energy) = (0.0, 1.0);
        for (a, b) in recent.iter().zip(earlier) {
            product += a * b;
            energy += b * b;
        }
        let score = product / f32::sqrt(energy);
        if score > best.1 {
            best = (lag, score);
        }
    }
    best.0
}

// The cycle and its overlap lie within the history, and so does the template one period back.
const _: () = assert!(CYCLE_MOST + OVERLAP < HISTORY && TEMPLATE + PERIOD_MOST <= HISTORY);
const _: () = assert!(PERIOD_MOST <= CYCLE_MOST && SILENCE.len() == FRAME_SAMPLES);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::testing::{Rng, frame_of, sine, voiced};

    /// Plays `sound`, loses frames 10 and following, and returns what was heard for them.
    fn lose(count: usize, sound: &dyn Fn(usize) -> f32) -> Vec<AudioFrame> {
        let mut concealer = Concealer::new();
        for n in 0..10 {
            concealer.real(&mut frame_of(n, 0.4, sound));
        }
        let lost = |_| {
            let mut out = SILENCE;
            concealer.conceal(&mut out);
            out
        };
        (0..count).map(lost).collect()
    }

    /// Energy of the original over that of the error, in dB; 0 for silence.
    fn snr_db(heard: &AudioFrame, original: &AudioFrame) -> f32 {
        let error: f32 =
            heard.iter().zip(original).map(|(a, b)| (f32::from(*a) - f32::from(*b)).powi(2)).sum();
        let signal: f32 = original.iter().map(|b| f32::from(*b).powi(2)).sum();
        10.0 * (signal / error.max(1.0)).log10()
    }

    #[test]
    fn concealed_voice_is_far_better_than_silence() {
        for pitch in [80.0, 111.0, 150.0, 217.0, 330.0] {
            let sound = |at| voiced(at, pitch);
            let heard = lose(2, &sound);
            let snr = snr_db(&heard[0], &frame_of(10, 0.4, sound));
            assert!(snr > 15.0, "{pitch} Hz: {snr} dB");
            let snr = snr_db(&heard[1], &frame_of(11, 0.4, sound));
            assert!(snr > 10.0, "{pitch} Hz, second frame: {snr} dB");
        }
        // A voice that glides, with noise.
        let glide = |at: usize| {
            let noise = Rng(at as u64).below(1000) as f32 / 1000.0 - 0.5;
            voiced(at, 140.0 + at as f32 / 4800.0) + 0.1 * noise
        };
        let snr = snr_db(&lose(1, &glide)[0], &frame_of(10, 0.4, glide));
        assert!(snr > 5.0, "{snr} dB");
    }

    #[test]
    fn it_fades_to_silence_in_sixty_milliseconds_without_clicks() {
        let sound = |at| voiced(at, 130.0);
        let heard = lose(7, &sound);
        let energy = |frame: &AudioFrame| frame.iter().map(|s| f64::from(*s).powi(2)).sum::<f64>();
        assert!(heard.windows(2).all(|pair| energy(&pair[1]) <= energy(&pair[0])));
        assert!(energy(&heard[5]) > 0.0);
        assert_eq!(heard[6], SILENCE);
        let steepest = |samples: &[i16]| {
            samples.windows(2).map(|w| (i32::from(w[0]) - i32::from(w[1])).abs()).max().unwrap()
        };
        let original: Vec<i16> = (0..10).flat_map(|n| frame_of(n, 0.4, sound)).collect();
        let with_loss: Vec<i16> = original.iter().copied().chain(heard.into_iter().flatten()).collect();
        assert!(steepest(&with_loss) <= steepest(&original) * 5 / 4);
    }

    #[test]
    fn the_return_is_blended() {
        let mut concealer = Concealer::new();
        let mut out = SILENCE;
        let loud = frame_of(0, 0.5, |at| sine(at, 200.0));
        concealer.real(&mut loud.clone());
        concealer.silence();
        // From silence: fades in.
        let mut back = [10_000; FRAME_SAMPLES];
        concealer.real(&mut back);
        assert!(back[0] < 50 && back.windows(2).all(|w| w[1] - w[0] <= 42));
        assert_eq!(back[OVERLAP..], [10_000; FRAME_SAMPLES][OVERLAP..]);
        // From a made-up frame: no step, although the sound is another.
        concealer.conceal(&mut out);
        let mut back = [-10_000; FRAME_SAMPLES];
        concealer.real(&mut back);
        assert!((i32::from(out[479]) - i32::from(back[0])).abs() < 200);
        assert!(back.windows(2).all(|w| (i32::from(w[1]) - i32::from(w[0])).abs() < 200));
    }

    #[test]
    fn extremes_are_survived_and_nothing_is_made_of_nothing() {
        assert_eq!(lose(3, &|_| 0.0), [SILENCE; 3]);
        let mut concealer = Concealer::new();
        let mut out = SILENCE;
        let mut rng = Rng(5);
        for _ in 0..200 {
            match rng.below(4) {
                0 => concealer.conceal(&mut out),
                1 => concealer.stretch(&mut out),
                2 => concealer.silence(),
                _ => {
                    concealer.real(&mut core::array::from_fn(|_| [i16::MIN, i16::MAX][rng.below(2) as usize]))
                }
            }
        }
    }
}
