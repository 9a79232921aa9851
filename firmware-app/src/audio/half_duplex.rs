//! One direction at a time, for rooms whose devices no canceller copes with: while the others are heard the microphone
//! rests, while this room speaks the speaker is turned down. Pure: levels in, who has the word out.
//!
//! Nobody's first syllable is lost: while nobody speaks both directions are open, and who begins has the word. Somebody who
//! speaks clearly louder than the speaker's echo takes it over.

use vestibule_common::media::AudioFrame;

/// Who has the word.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Direction {
    /// Nobody speaks: both directions are open.
    Both,
    /// This room: the speaker is turned down.
    Near,
    /// The others: the microphone rests.
    Far,
}

/// The switch between the directions, asked every 10 ms.
#[derive(Clone, Debug)]
pub(super) struct HalfDuplex {
    direction: Direction,
    /// Periods since who has the word was last heard.
    quiet: u32,
    /// Periods for which this room was louder than its echo could be.
    louder: u32,
    /// By how much the echo is quieter than what is played, in dB, at most; learned while the others have the word.
    echo_return_db: f32,
    /// The microphone's gain at the end of the last period.
    gain: f32,
    /// What was played lately, in dBov, falling slowly: the echo outlasts its sound.
    far_dbov: f32,
}

/// Sound of the others below this is no word.
const FAR_SPEAKS: f32 = -50.0;
/// The reverberation of a room falls by 60 dB in half a second: 1.2 dB a period.
const ECHO_FALLS: f32 = 1.2;
/// Who has the word keeps it through pauses between words.
const NEAR_LINGERS: u32 = 40;
const FAR_LINGERS: u32 = 30;
/// To take the word over: louder than the echo by this much, for so long.
const OVER_ECHO_DB: f32 = 10.0;
const TAKES_OVER: u32 = 8;
/// The echo's level is learned upwards fast and forgotten by 1 dB in ten seconds.
const RETURN_AT_START: f32 = -10.0;
const RETURN_FORGETS: f32 = 0.001;

impl HalfDuplex {
    /// Nobody has spoken yet.
    pub(super) fn new() -> HalfDuplex {
        HalfDuplex {
            direction: Direction::Both,
            quiet: 0,
            louder: 0,
            echo_return_db: RETURN_AT_START,
            gain: 1.0,
            far_dbov: -127.0,
        }
    }

    /// One period: what the microphone heard (its level in dBov, and whether that is speech) and what the speaker plays at
    /// that time. Silences `samples` while the others have the word, gliding within the period.
    pub(super) fn period(
        &mut self,
        samples: &mut AudioFrame,
        near_dbov: f32,
        near_voice: bool,
        reference: &AudioFrame,
    ) {
        self.far_dbov = level_dbov(reference).max(self.far_dbov - ECHO_FALLS);
        let far = self.far_dbov > FAR_SPEAKS;
        let echo_dbov = self.far_dbov + self.echo_return_db;
        let over = near_voice && near_dbov > echo_dbov + OVER_ECHO_DB;
        self.louder = if over { self.louder + 1 } else { 0 };
        self.quiet += 1;
        let taken_over = self.louder >= TAKES_OVER;
        self.direction = match self.direction {
            Direction::Both if far && !over => self.give(Direction::Far),
            Direction::Both if near_voice => self.give(Direction::Near),
            Direction::Near if near_voice => self.give(Direction::Near),
            Direction::Near if self.quiet < NEAR_LINGERS => Direction::Near,
            Direction::Far if taken_over => self.give(Direction::Near),
            Direction::Far if far => self.give(Direction::Far),
            Direction::Far if self.quiet < FAR_LINGERS => Direction::Far,
            Direction::Both | Direction::Near | Direction::Far => Direction::Both,
        };
        if self.direction == Direction::Far && self.louder == 0 && far {
            let seen = near_dbov - self.far_dbov;
            let step =
                if seen > self.echo_return_db { 0.2 * (seen - self.echo_return_db) } else { -RETURN_FORGETS };
            self.echo_return_db = (self.echo_return_db + step).clamp(-60.0, 20.0);
        }
        let wanted = if self.direction == Direction::Far { 0.0 } else { 1.0 };
        glide(samples, &mut self.gain, wanted);
    }

    /// Who has the word.
    pub(super) fn direction(&self) -> Direction {
        self.direction
    }

    fn give(&mut self, to: Direction) -> Direction {
        self.quiet = 0;
        to
    }
}

impl Default for HalfDuplex {
    fn default() -> HalfDuplex {
        HalfDuplex::new()
    }
}

/// Scales samples from the gain at which those before them ended to `wanted`.
pub fn glide(samples: &mut [i16], gain: &mut f32, wanted: f32) {
    if *gain == wanted {
        if wanted == 0.0 {
            samples.fill(0);
        } else if wanted != 1.0 {
            samples.iter_mut().for_each(|sample| *sample = (f32::from(*sample) * wanted) as i16);
        }
        return;
    }
    let step = (wanted - *gain) / samples.len() as f32;
    for (n, sample) in (1..).zip(samples.iter_mut()) {
        *sample = (f32::from(*sample) * (*gain + step * n as f32)) as i16;
    }
    *gain = wanted;
}

/// A period's level in dBov, -127 for silence.
pub fn level_dbov(samples: &AudioFrame) -> f32 {
    let energy: f32 = samples.iter().map(|sample| (f32::from(*sample) / 32768.0).powi(2)).sum();
    (10.0 * (energy / samples.len() as f32).max(1e-12).log10()).max(-127.0)
}

#[cfg(test)]
mod tests {
    use vestibule_common::media::SILENCE;

    use super::*;

    const LOUD: AudioFrame = [8000; 480];

    /// Runs periods with a near level (`None`: silence) and the far side speaking or not; returns the directions and how
    /// many periods of the microphone were silenced.
    fn run(duplex: &mut HalfDuplex, periods: usize, near: Option<f32>, far: bool) -> (Vec<Direction>, usize) {
        let mut silenced = 0;
        let directions = (0..periods)
            .map(|_| {
                let mut samples = [1000; 480];
                let reference = if far { LOUD } else { SILENCE };
                // The echo comes back 20 dB below what is played.
                let echo = if far { level_dbov(&LOUD) - 20.0 } else { -90.0 };
                let level = near.unwrap_or(-90.0).max(echo);
                duplex.period(&mut samples, level, level > -50.0, &reference);
                silenced += usize::from(samples == SILENCE);
                duplex.direction()
            })
            .collect();
        (directions, silenced)
    }

    #[test]
    fn who_begins_has_the_word_at_once_and_keeps_it_through_pauses() {
        let mut duplex = HalfDuplex::new();
        let (directions, silenced) = run(&mut duplex, 50, Some(-20.0), false);
        assert_eq!((directions[0], silenced), (Direction::Near, 0), "no syllable is lost");
        let (directions, _) = run(&mut duplex, 30, None, false);
        assert!(directions.iter().all(|direction| *direction == Direction::Near));
        assert_eq!(run(&mut duplex, 20, None, false).0[19], Direction::Both);
    }

    #[test]
    fn while_the_others_are_heard_no_echo_leaves_and_not_for_a_while_after() {
        let mut duplex = HalfDuplex::new();
        let (directions, silenced) = run(&mut duplex, 500, None, true);
        assert_eq!(directions[0], Direction::Far);
        assert_eq!(silenced, 499, "all but the period that glides");
        let (_, silenced) = run(&mut duplex, 40, None, false);
        assert!(silenced >= 30, "the room still rings");
        assert_eq!(run(&mut duplex, 60, None, false).0[59], Direction::Both);
    }

    #[test]
    fn who_speaks_over_the_echo_takes_the_word_and_who_does_not_waits() {
        let mut duplex = HalfDuplex::new();
        run(&mut duplex, 300, None, true);
        let echo = level_dbov(&LOUD) - 20.0;
        let (directions, _) = run(&mut duplex, 100, Some(echo + 5.0), true);
        assert!(directions.iter().all(|direction| *direction == Direction::Far), "it might be echo");
        let mut duplex = HalfDuplex::new();
        run(&mut duplex, 300, None, true);
        let (directions, _) = run(&mut duplex, 30, Some(echo + 25.0), true);
        assert_eq!(directions.iter().position(|direction| *direction == Direction::Near), Some(7));
    }

    #[test]
    fn a_glide_has_no_step() {
        let mut gain = 1.0;
        let mut samples = [10_000; 480];
        glide(&mut samples, &mut gain, 0.0);
        assert!(samples.windows(2).all(|pair| (pair[0] - pair[1]).abs() <= 21));
        assert_eq!((samples[479], gain), (0, 0.0));
    }
}
