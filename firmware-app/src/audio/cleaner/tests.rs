//! A synthetic room: what the speaker plays comes back after a few milliseconds, reverberating.

use vestibule_common::media::FRAME_SAMPLES;
use vestibule_common::time::Duration;

use super::*;
use crate::audio::half_duplex::level_dbov;

const CANCEL: Cleaning = Cleaning { echo: EchoMode::Cancel, noise_suppression: true, gain_control: false };

/// Syllables of a voice with a pitch and a breath, a fifth of full scale; no two alike.
struct Voice {
    pitch: f32,
    phase: f32,
    seed: u32,
    at: usize,
}

impl Voice {
    fn new(pitch: f32, seed: u32) -> Voice {
        Voice { pitch, phase: 0.0, seed, at: 0 }
    }

    fn frame(&mut self) -> AudioFrame {
        std::array::from_fn(|_| {
            let syllable = self.at / 9600;
            self.seed = self.seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let breath = (self.seed >> 16) as f32 / 32768.0 - 1.0;
            let bend = 1.0 + 0.3 * ((syllable * 37 % 11) as f32 / 11.0 - 0.5);
            self.phase = (self.phase + self.pitch * bend / 48_000.0).fract();
            let within = (self.at % 9600) as f32 / 9600.0;
            let envelope =
                (std::f32::consts::PI * within).sin().powi(2) * if syllable % 7 == 6 { 0.0 } else { 1.0 };
            self.at += 1;
            // A glottal pulse train is rich in harmonics.
            let buzz = (1.0 - self.phase).powi(4) - 0.2;
            (envelope * (0.6 * buzz + 0.1 * breath) * 14_000.0) as i16
        })
    }
}

/// The way from the speaker to the microphone: a direct sound after 5 ms and a tail, 10 dB down.
struct Room {
    played: Vec<f32>,
    taps: Vec<(usize, f32)>,
}

impl Room {
    fn new() -> Room {
        let mut seed = 7_u32;
        let mut taps = vec![(240, 0.25)];
        for n in 1..60 {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let sign = if seed >> 31 == 0 { 1.0 } else { -1.0 };
            taps.push((240 + n * 61 + (seed >> 20) as usize % 50, sign * 0.12 * 0.94_f32.powi(n as i32)));
        }
        Room { played: Vec::new(), taps }
    }

    /// What comes back while `frame` is played.
    fn echo(&mut self, frame: &AudioFrame) -> AudioFrame {
        let start = self.played.len();
        self.played.extend(frame.iter().map(|sample| f32::from(*sample)));
        std::array::from_fn(|i| {
            let at = start + i;
            let tap = |(delay, gain): &(usize, f32)| {
                at.checked_sub(*delay).map_or(0.0, |at| self.played[at] * gain)
            };
            self.taps.iter().map(tap).sum::<f32>() as i16
        })
    }
}

/// A cleaner in that room, period by period.
struct Scene {
    cleaner: Cleaner,
    room: Room,
    now: Time,
    handed: std::collections::VecDeque<AudioFrame>,
}

impl Scene {
    fn new(cleaning: Cleaning) -> Scene {
        Scene {
            cleaner: Cleaner::new(cleaning),
            room: Room::new(),
            now: Time::from_millis(1000),
            handed: [].into(),
        }
    }

    /// The speaker is handed `far`, two periods before it plays it; `near` is said into the microphone. What the cleaner
    /// makes of it, and what the microphone heard.
    fn period(&mut self, far: AudioFrame, near: &AudioFrame) -> (AudioFrame, AudioFrame) {
        self.cleaner.played(&far, self.now + Duration::from_millis(20));
        self.handed.push_back(far);
        let plays = if self.handed.len() > 2 { self.handed.pop_front().unwrap_or(SILENCE) } else { SILENCE };
        let echo = self.room.echo(&plays);
        let heard: AudioFrame = std::array::from_fn(|i| near[i].saturating_add(echo[i]));
        let mut out = heard;
        self.cleaner.period(&mut out, self.now);
        self.now += FRAME_DURATION;
        (out, heard)
    }
}

fn energy(frame: &AudioFrame) -> f64 {
    frame.iter().map(|sample| f64::from(*sample).powi(2)).sum()
}

fn db(ratio: f64) -> f64 {
    10.0 * ratio.max(1e-12).log10()
}

/// By how much the echo alone is reduced over so many periods, in dB.
fn reduction(scene: &mut Scene, far: &mut Voice, periods: usize) -> f64 {
    let (mut before, mut after) = (0.0, 1.0);
    for _ in 0..periods {
        let (out, heard) = scene.period(far.frame(), &SILENCE);
        before += energy(&heard);
        after += energy(&out);
    }
    db(before / after)
}

#[test]
fn the_speakers_sound_is_gone_from_the_microphones() {
    let (mut scene, mut far) = (Scene::new(CANCEL), Voice::new(130.0, 1));
    reduction(&mut scene, &mut far, 500);
    let found = reduction(&mut scene, &mut far, 500);
    assert!(found > 30.0, "{found:.1} dB");
    // Uncancelled, it is all there.
    let off = Cleaning { echo: EchoMode::Off, noise_suppression: false, gain_control: false };
    assert!(reduction(&mut Scene::new(off), &mut far, 300).abs() < 0.1);
}

#[test]
fn echo_alone_is_no_speech_in_this_room() {
    let (mut scene, mut far) = (Scene::new(CANCEL), Voice::new(130.0, 1));
    let mut meter = LevelMeter::new();
    let mut raw = LevelMeter::new();
    let (mut voices, mut raw_voices) = (0, 0);
    for n in 0..1500 {
        let (out, heard) = scene.period(far.frame(), &SILENCE);
        if n >= 300 {
            voices += u32::from(meter.frame(&out).voice);
            raw_voices += u32::from(raw.frame(&heard).voice);
        }
    }
    assert_eq!(voices, 0, "a hint to unmute would be shown");
    assert!(raw_voices > 500, "without cancellation it would be: {raw_voices}");
}

#[test]
fn who_speaks_here_is_heard_while_the_others_speak() {
    let (mut scene, mut far) = (Scene::new(CANCEL), Voice::new(130.0, 1));
    reduction(&mut scene, &mut far, 800);
    let mut near = Voice::new(210.0, 9);
    let (mut said, mut passed) = (0.0, 0.0);
    for _ in 0..800 {
        let frame = near.frame();
        let (out, _) = scene.period(far.frame(), &frame);
        said += energy(&frame);
        passed += energy(&out);
    }
    let loss = db(said / passed);
    assert!(loss < 6.0, "{loss:.1} dB");
}

#[test]
fn lost_periods_do_not_bring_the_echo_back() {
    let (mut scene, mut far) = (Scene::new(CANCEL), Voice::new(130.0, 1));
    reduction(&mut scene, &mut far, 900);
    // The machine was busy: the microphone lost 80 ms, the speaker played on.
    for _ in 0..8 {
        let frame = far.frame();
        scene.cleaner.played(&frame, scene.now + Duration::from_millis(20));
        scene.handed.push_back(frame);
        let plays = scene.handed.pop_front().unwrap();
        scene.room.echo(&plays);
        scene.now += FRAME_DURATION;
    }
    let found = reduction(&mut scene, &mut far, 100);
    assert!(found > 20.0, "{found:.1} dB in the first second");
}

#[test]
fn after_a_long_gap_it_begins_anew_and_stamps_that_jitter_are_no_gap() {
    let mut cleaner = Cleaner::new(CANCEL);
    let mut frame = [100; FRAME_SAMPLES];
    let mut at = Time::from_millis(1000);
    for n in 0..300_u64 {
        cleaner.period(&mut frame, at + Duration::from_micros(n * 7919 % 5000));
        at += FRAME_DURATION;
    }
    assert_eq!(periods_between(at, at + Duration::from_millis(6)), 0);
    assert_eq!(periods_between(at, at + Duration::from_millis(31)), 3);
    assert_eq!(periods_between(at, at - Duration::from_millis(31)), 0);
    cleaner.period(&mut frame, at + Duration::from_secs(3600));
    assert_eq!(cleaner.expected, Some(at + Duration::from_secs(3600) + FRAME_DURATION));
}

#[test]
fn in_half_duplex_the_microphone_rests_while_the_others_speak_and_the_room_is_heard_before_and_after() {
    let half = Cleaning { echo: EchoMode::HalfDuplex, noise_suppression: false, gain_control: false };
    let (mut scene, mut far) = (Scene::new(half), Voice::new(130.0, 1));
    let found = reduction(&mut scene, &mut far, 500);
    assert!(found > 15.0, "{found:.1} dB");
    for _ in 0..150 {
        scene.period(SILENCE, &SILENCE);
    }
    let mut near = Voice::new(210.0, 9);
    let mut said = 0.0;
    let mut passed = 0.0;
    for _ in 0..100 {
        let frame = near.frame();
        said += energy(&frame);
        passed += energy(&scene.period(SILENCE, &frame).0);
    }
    assert!(db(said / passed) < 0.5);
    assert_eq!(scene.cleaner.direction(), Direction::Near);
}

#[test]
fn a_quiet_voice_is_turned_up_and_a_fan_is_turned_down() {
    let gain = Cleaning { echo: EchoMode::Off, noise_suppression: false, gain_control: true };
    let mut scene = Scene::new(gain);
    let mut near = Voice::new(210.0, 9);
    let mut last = (0.0, 0.0);
    for n in 0..1500 {
        let frame = near.frame().map(|sample| sample / 8);
        let (out, heard) = scene.period(SILENCE, &frame);
        if n > 1000 {
            last = (last.0 + energy(&heard), last.1 + energy(&out));
        }
    }
    assert!(db(last.1 / last.0) > 6.0, "{:.1} dB", db(last.1 / last.0));

    let quiet = Cleaning { echo: EchoMode::Off, noise_suppression: true, gain_control: false };
    let mut scene = Scene::new(quiet);
    let mut seed = 1_u32;
    let mut level = (0.0, 0.0);
    for n in 0..1000 {
        let fan = std::array::from_fn(|_| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 22) as i16 - 512
        });
        let (out, heard) = scene.period(SILENCE, &fan);
        if n > 500 {
            level = (level_dbov(&heard), level_dbov(&out));
        }
    }
    assert!(level.0 - level.1 > 8.0, "{level:?}");
}

#[test]
fn ways_to_treat_echo_are_written_as_they_are_read() {
    for mode in EchoMode::ALL {
        assert_eq!(mode.to_string().parse(), Ok(mode));
    }
    assert!("loud".parse::<EchoMode>().unwrap_err().contains("cancel, half-duplex or off"));
}
