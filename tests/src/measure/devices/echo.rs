//! How much of the speaker's sound the kiosk's cleaning leaves in the microphone's, and what it costs a voice that speaks at
//! the same time: recorded speech through a simulated room, and a peer on the same recordings.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use vestibule_common::media::{AudioFrame, FRAME_SAMPLES, SAMPLE_RATE, SILENCE};
use vestibule_common::time::{Duration, Time};
use vestibule_kiosk::audio::{Cleaner, Cleaning, EchoMode};

use super::acoustics::impulse_response;
use crate::measure::figures;

/// One configuration for everything. Gain control is off: it would count as a loss or a gain of either.
const CLEANING: Cleaning = Cleaning { echo: EchoMode::Cancel, noise_suppression: true, gain_control: false };
/// Learning the room is told apart.
const LEARNING: usize = 5 * SAMPLE_RATE as usize;
/// The near voice is the same recording from here on: other words at each moment.
const NEAR_FROM: usize = 5 * SAMPLE_RATE as usize + 12_345;
/// What the speaker does to a voice on the way to the microphone in all, dB; and the near voice is as loud as the echo.
const ECHO_DB: f64 = -6.0;
/// The microphone's own noise, dB under full scale.
const NOISE_DBFS: f64 = -66.0;
/// Where both speak, what comes out is compared with the near voice in pieces of 20 ms.
const PIECE: usize = 960;

/// Measures 30 seconds of single talk and of double talk.
///
/// Errors: without the recording, or where the peer cannot be built.
pub(super) fn run(out: &Path) -> Result<(), String> {
    let far = speech(Path::new("target/clips/speech.wav"))?;
    let echo = scaled(&convolved(&far, &impulse_response()), ECHO_DB, &far);
    let turned: Vec<f64> = (0..far.len()).map(|at| far[(at + NEAR_FROM) % far.len()]).collect();
    let near = scaled(&turned, 0.0, &echo);
    let noise = noise(far.len());
    let sum = |a: &[f64], b: &[f64]| -> Vec<f64> { a.iter().zip(b).map(|(a, b)| a + b).collect() };
    let silence = vec![0.0; far.len()];
    let single = sum(&echo, &noise);
    let double = sum(&single, &near);
    let alone = sum(&near, &noise);

    let started = cpu_ms();
    let ours = Outcome::of(
        &single,
        &near,
        |far_end, microphone| Ok(clean(far_end, microphone)),
        &far,
        &double,
        &alone,
    )?;
    let seconds = 3.0 * far.len() as f64 / f64::from(SAMPLE_RATE);
    figures::print("echo_cpu_ms_per_s", (cpu_ms() - started) / seconds);
    figures::print("echo_reduction_db", ours.reduction);
    figures::print("echo_reduction_first_5s_db", ours.reduction_first);
    figures::print("double_talk_loss_db", ours.loss);

    let peer = Peer::build(out)?;
    let theirs =
        Outcome::of(&single, &near, |far_end, heard| peer.clean(far_end, heard), &far, &double, &alone)?;
    figures::print("peer_echo_reduction_db", theirs.reduction);
    figures::print("peer_echo_reduction_first_5s_db", theirs.reduction_first);
    figures::print("peer_double_talk_loss_db", theirs.loss);

    for (name, sound) in
        [("far", &far), ("single", &single), ("double", &double), ("near", &alone), ("silence", &silence)]
    {
        write(&out.join(format!("echo-{name}.s16")), sound)?;
    }
    write(&out.join("echo-single-ours.s16"), &ours.single)?;
    write(&out.join("echo-double-ours.s16"), &ours.double)?;
    Ok(())
}

struct Outcome {
    reduction: f64,
    reduction_first: f64,
    loss: f64,
    single: Vec<f64>,
    double: Vec<f64>,
}

impl Outcome {
    /// Of a canceller, handed what was played and what the microphone heard.
    fn of(
        heard_single: &[f64],
        near: &[f64],
        clean: impl Fn(&[f64], &[f64]) -> Result<Vec<f64>, String>,
        far: &[f64],
        heard_double: &[f64],
        heard_alone: &[f64],
    ) -> Result<Outcome, String> {
        let single = clean(far, heard_single)?;
        let double = clean(far, heard_double)?;
        // What it makes of the near voice where nothing is played: filtered and delayed alike.
        let alone = clean(&vec![0.0; far.len()], heard_alone)?;
        let reduction =
            |span: std::ops::Range<usize>| db(energy(&heard_single[span.clone()]) / energy(&single[span]));
        Ok(Outcome {
            reduction: reduction(LEARNING..far.len()),
            reduction_first: reduction(0..LEARNING),
            loss: loss(&near[LEARNING..], &double[LEARNING..], &alone[LEARNING..]),
            single,
            double,
        })
    }
}

/// How much quieter the near voice is in `double` than it was said, in dB: of each piece counts the part that is in step
/// with what the canceller makes of the voice alone.
fn loss(near: &[f64], double: &[f64], alone: &[f64]) -> f64 {
    let mut kept = 0.0;
    for (double, alone) in double.chunks(PIECE).zip(alone.chunks(PIECE)) {
        let product: f64 = double.iter().zip(alone).map(|(a, b)| a * b).sum();
        if product > 0.0 {
            kept += product * product / energy(alone).max(1e-9);
        }
    }
    db(energy(near) / kept.max(1e-9))
}

/// The kiosk's own cleaning; the speaker says of each period that it leaves 20 ms after it was handed over.
fn clean(far: &[f64], heard: &[f64]) -> Vec<f64> {
    let mut cleaner = Cleaner::new(CLEANING);
    let mut out = Vec::with_capacity(heard.len());
    let frames = |sound: &[f64]| -> Vec<AudioFrame> {
        let (frames, _) = sound.as_chunks::<FRAME_SAMPLES>();
        frames.iter().map(|frame| frame.map(|sample| sample.round() as i16)).collect()
    };
    let (far, heard) = (frames(far), frames(heard));
    let begin = Time::from_millis(1000);
    for (n, frame) in heard.iter().enumerate() {
        let now = begin + Duration::from_millis(10 * n as u64);
        // Two periods are handed over before they are played.
        cleaner.played(far.get(n + 2).unwrap_or(&SILENCE), now + Duration::from_millis(20));
        let mut samples = *frame;
        cleaner.period(&mut samples, now);
        out.extend(samples.iter().map(|sample| f64::from(*sample)));
    }
    out
}

/// Debian's webrtc-audio-processing, in a program of its own.
struct Peer(PathBuf);

impl Peer {
    fn build(out: &Path) -> Result<Peer, String> {
        let program = out.join("peer_echo");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/measure/devices/peer_echo.cc");
        let flags =
            output(Command::new("pkg-config").args(["--cflags", "--libs", "webrtc-audio-processing"]))?;
        let mut compiler = Command::new("c++");
        compiler.args(["-O2", "-std=c++17", "-o"]).arg(&program).arg(source).args(flags.split_whitespace());
        output(&mut compiler)?;
        Ok(Peer(program))
    }

    fn clean(&self, far: &[f64], heard: &[f64]) -> Result<Vec<f64>, String> {
        let path = |name: &str| self.0.with_file_name(format!("peer-{name}.s16"));
        write(&path("far"), far)?;
        write(&path("heard"), heard)?;
        output(Command::new(&self.0).args([path("far"), path("heard"), path("out")]))?;
        let bytes = fs::read(path("out")).map_err(|error| format!("{}: {error}", path("out").display()))?;
        let (samples, _) = bytes.as_chunks::<2>();
        let mut out: Vec<f64> = samples.iter().map(|bytes| f64::from(i16::from_le_bytes(*bytes))).collect();
        out.resize(heard.len(), 0.0);
        Ok(out)
    }
}

fn output(command: &mut Command) -> Result<String, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|error| format!("{name}: {error}"))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(format!("{name}: {}", String::from_utf8_lossy(&output.stderr)))
    }
}

/// 16-bit samples of a 48 kHz mono WAV file.
fn speech(path: &Path) -> Result<Vec<f64>, String> {
    let missing = |why: String| format!("{}: {why}; make it with tests/scripts/clips.sh", path.display());
    let mut wav = hound::WavReader::open(path).map_err(|error| missing(error.to_string()))?;
    let spec = wav.spec();
    if (spec.channels, spec.sample_rate, spec.bits_per_sample) != (1, SAMPLE_RATE, 16) {
        return Err(missing("is not 48 kHz, mono, 16 bit".into()));
    }
    let samples: Result<Vec<f64>, _> = wav.samples::<i16>().map(|sample| sample.map(f64::from)).collect();
    let mut samples = samples.map_err(|error| missing(error.to_string()))?;
    samples.truncate(samples.len() / FRAME_SAMPLES * FRAME_SAMPLES);
    if samples.len() < 2 * LEARNING {
        return Err(missing("is shorter than ten seconds".into()));
    }
    Ok(samples)
}

fn convolved(sound: &[f64], response: &[f32]) -> Vec<f64> {
    let sound: Vec<f32> = sound.iter().map(|sample| *sample as f32).collect();
    let mut out = vec![0.0_f32; sound.len() + response.len()];
    for (delay, gain) in response.iter().enumerate().filter(|(_, gain)| **gain != 0.0) {
        for (out, sample) in out[delay..].iter_mut().zip(&sound) {
            *out += gain * sample;
        }
    }
    out[..sound.len()].iter().map(|sample| f64::from(*sample)).collect()
}

/// Made so loud that it is `db` over `beside`, and cut to 16 bits as a converter does.
fn scaled(sound: &[f64], db: f64, beside: &[f64]) -> Vec<f64> {
    let gain = 10.0_f64.powf(db / 20.0) * (energy(beside) / energy(sound)).sqrt();
    sound.iter().map(|sample| (sample * gain).clamp(-32768.0, 32767.0).round()).collect()
}

fn noise(samples: usize) -> Vec<f64> {
    // A uniform distribution's deviation is its half width over the root of three.
    let width = 32768.0 * 10.0_f64.powf(NOISE_DBFS / 20.0) * 3.0_f64.sqrt();
    let mut seed = 1_u32;
    (0..samples)
        .map(|_| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (f64::from(seed >> 8) / f64::from(1 << 23) - 1.0) * width
        })
        .collect()
}

fn write(path: &Path, sound: &[f64]) -> Result<(), String> {
    let bytes: Vec<u8> = sound.iter().flat_map(|sample| (sample.round() as i16).to_le_bytes()).collect();
    fs::write(path, bytes).map_err(|error| format!("{}: {error}", path.display()))
}

fn energy(sound: &[f64]) -> f64 {
    sound.iter().map(|sample| sample * sample).sum()
}

fn db(ratio: f64) -> f64 {
    10.0 * ratio.log10()
}

/// Processor time of this thread so far.
fn cpu_ms() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1e3 + time.tv_nsec as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loss_of_a_voice_that_is_half_as_loud_is_six_decibels_whatever_else_is_there() {
        let near: Vec<f64> = noise(48_000).iter().map(|sample| sample * 100.0).collect();
        let half: Vec<f64> = near.iter().map(|sample| sample / 2.0).collect();
        assert!((loss(&near, &half, &near) - 6.02).abs() < 0.01);
        let other: Vec<f64> = (0..48_000).map(|at| (at as f64 * 0.05).sin() * 100.0).collect();
        let both: Vec<f64> = half.iter().zip(&other).map(|(a, b)| a + b).collect();
        assert!((loss(&near, &both, &near) - 6.02).abs() < 0.2);
    }

    #[test]
    fn a_convolution_delays_and_sums() {
        assert_eq!(convolved(&[1.0, 2.0, 0.0, 0.0], &[0.0, 1.0, 0.5]), [0.0, 1.0, 2.5, 1.0]);
    }
}
