//! Mixes the rooms into what the speaker plays, at its volume and without clipping.
//!
//! Not echo cancellation and not gain control of a room. Below -3 dBFS the mix is the plain sum; above it a limiter
//! turns down smoothly, and a soft knee catches what comes before it has. No look-ahead: it would cost delay.

/// The speaker's volume: 0 is silent, 100 is unchanged, each step between is half a decibel.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Volume(u8);

impl Volume {
    /// Unchanged.
    pub const FULL: Volume = Volume(100);
    /// Silent.
    pub const OFF: Volume = Volume(0);

    /// `percent`, at most 100.
    pub fn new(percent: u8) -> Volume {
        Volume(percent.min(100))
    }

    /// 0 to 100.
    pub fn percent(self) -> u8 {
        self.0
    }

    /// The factor for a sample, 0 to 1.
    pub fn gain(self) -> f32 {
        match self.0 {
            0 => 0.0,
            percent => 10f32.powf((f32::from(percent) - 100.0) * 0.5 / 20.0),
        }
    }
}

/// The mixer of one speaker.
#[derive(Clone, Debug)]
pub struct Mixer {
    volume: Volume,
    /// The volume's gain at the end of what was mixed last; what comes next glides to the new one.
    gain: f32,
    /// The limiter's gain, 0 to 1.
    limiter: f32,
}

/// -3 dBFS.
const THRESHOLD: f32 = 0.707_945_8;
/// The limiter closes within about 0.5 ms and opens again within about 80 ms (first-order, at 48 kHz).
const ATTACK: f32 = 1.0 / 24.0;
const RELEASE: f32 = 1.0 / 3840.0;

impl Mixer {
    /// A mixer at this volume.
    pub fn new(volume: Volume) -> Mixer {
        Mixer { volume, gain: volume.gain(), limiter: 1.0 }
    }

    /// Changes the volume; what is mixed next glides there.
    pub fn set_volume(&mut self, volume: Volume) {
        self.volume = volume;
    }

    /// The volume as set.
    pub fn volume(&self) -> Volume {
        self.volume
    }

    /// Mixes as many samples of every stream. No stream gives silence.
    pub fn mix<'a, const N: usize>(
        &mut self,
        streams: impl IntoIterator<Item = &'a [i16; N]>,
        out: &mut [i16; N],
    ) {
        let mut mixed = [0.0; N];
        for stream in streams {
            for (sum, sample) in mixed.iter_mut().zip(stream) {
                *sum += f32::from(*sample) / 32768.0;
            }
        }
        let target = self.volume.gain();
        let step = (target - self.gain) / N as f32;
        for (at, (sum, out)) in mixed.iter().zip(out).enumerate() {
            let sample = sum * (self.gain + step * (at + 1) as f32);
            let wanted = knee(sample.abs()) / sample.abs().max(f32::MIN_POSITIVE);
            let wanted = if sample.abs() <= THRESHOLD { 1.0 } else { wanted };
            let speed = if wanted < self.limiter { ATTACK } else { RELEASE };
            self.limiter += (wanted - self.limiter) * speed;
            // 0.01 dB is unity; closer, the steps would round to nothing.
            if self.limiter > 0.999 {
                self.limiter = 1.0;
            }
            let limited = sample * self.limiter;
            *out = (knee(limited.abs()).copysign(limited) * 32768.0).round() as i16;
        }
        self.gain = target;
    }
}

/// Unchanged up to the threshold, then ever flatter below 1, with no corner and no plateau.
fn knee(amplitude: f32) -> f32 {
    let over = (amplitude - THRESHOLD) / (1.0 - THRESHOLD);
    if over <= 0.0 { amplitude } else { THRESHOLD + (1.0 - THRESHOLD) * over / (1.0 + over) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::pcm::{AudioFrame, FRAME_SAMPLES, SILENCE};
    use crate::media::testing::{Rng, frame_of, sine};

    #[test]
    fn quiet_streams_are_summed_exactly() {
        let mut mixer = Mixer::new(Volume::FULL);
        let mut out = SILENCE;
        for n in 0..20 {
            let a = frame_of(n, 0.3, |at| sine(at, 440.0));
            let b = frame_of(n, 0.35, |at| sine(at, 700.0));
            mixer.mix([&a, &b], &mut out);
            for i in 0..FRAME_SAMPLES {
                assert_eq!(out[i], a[i] + b[i]);
            }
        }
        mixer.mix([], &mut out);
        assert_eq!(out, SILENCE);
    }

    #[test]
    fn nine_full_rooms_do_not_clip() {
        let mut mixer = Mixer::new(Volume::FULL);
        let mut out = SILENCE;
        let mut loudest = 0;
        for n in 0..100 {
            let frames: Vec<AudioFrame> =
                (0..9).map(|room| frame_of(n, 1.0, |at| sine(at, 200.0 + 10.0 * room as f32))).collect();
            mixer.mix(&frames, &mut out);
            loudest = loudest.max(out.iter().map(|sample| sample.unsigned_abs()).max().unwrap());
            assert!(out.iter().all(|sample| (-32767..32767).contains(sample)));
            // A clipped wave has plateaus; a limited one has not.
            let flat =
                out.windows(8).filter(|w| w[0].unsigned_abs() > 30_000 && w.iter().all(|s| s == &w[0]));
            assert_eq!(flat.count(), 0);
        }
        assert!(loudest > 23_000, "{loudest}");
    }

    #[test]
    fn noise_never_clips_and_the_limiter_lets_go_again() {
        let mut mixer = Mixer::new(Volume::FULL);
        let mut rng = Rng(7);
        let mut out = SILENCE;
        for _ in 0..50 {
            let frames: Vec<AudioFrame> =
                (0..4).map(|_| core::array::from_fn(|_| rng.next() as i16)).collect();
            mixer.mix(&frames, &mut out);
            assert!(out.iter().all(|sample| (-32767..32767).contains(sample)));
        }
        let quiet = frame_of(0, 0.2, |at| sine(at, 300.0));
        for _ in 0..80 {
            mixer.mix([&quiet], &mut out);
        }
        assert_eq!(out, quiet);
    }

    #[test]
    fn volume_goes_in_half_decibels_and_glides() {
        assert_eq!(Volume::new(200), Volume::FULL);
        assert_eq!(Volume::FULL.gain(), 1.0);
        assert_eq!(Volume::OFF.gain(), 0.0);
        assert!((Volume::new(88).gain() - 0.501).abs() < 0.001);
        assert!((1..=100).all(|p| Volume::new(p).gain() > Volume::new(p - 1).gain()));

        let tone = [10_000; 480];
        let mut mixer = Mixer::new(Volume::FULL);
        let mut out = SILENCE;
        mixer.set_volume(Volume::OFF);
        mixer.mix([&tone], &mut out);
        assert!(out.windows(2).all(|pair| (0..=22).contains(&(pair[0] - pair[1]))));
        assert_eq!(out[479], 0);
        mixer.mix([&tone], &mut out);
        assert_eq!(out, SILENCE);
    }
}
