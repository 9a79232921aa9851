//! From the press of the mute button to its lamp and to silence, and whether a sample captured while muted leaves.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::thread;
use std::time::Duration;

use vestibule_common::media::{FRAME_SAMPLES, SAMPLE_RATE};

use super::receiver::{Heard, What};
use super::room::Room;
use crate::measure::figures::{percentile, print};
use crate::programs::Kiosk;

/// How often the microphone is muted, and opened again.
const MUTES: usize = 300;
/// How long it stays so, at least and at most: no multiple of a period of sound, so that presses fall anywhere in one.
const STAYS_US: [u64; 2] = [120_000, 219_000];
/// How long a finger stays on the button.
const PRESS: Duration = Duration::from_millis(60);
/// How long what is under way may take.
const TAIL: Duration = Duration::from_millis(500);

/// A press of the mute button and what came of it; all in microseconds of `CLOCK_MONOTONIC`.
struct Press {
    muted: bool,
    pressed_us: u64,
    /// When the gate reported what the press was for.
    gate_us: u64,
    /// When the lamp showed it.
    lamp_us: Option<u64>,
}

/// Presses the host's mute button again and again; a press a line goes to `mute.txt` in `out`.
///
/// Errors: when the kiosk does not do as it is told.
pub(super) fn run(out: &Path, room: &mut Room) -> Result<(), String> {
    let host = &mut room.host;
    let offset_us = clock_offset_us(host)?;
    room.receiver.take();
    let mut presses = Vec::with_capacity(2 * MUTES);
    let mut chance = 1_u64;
    for number in 0..2 * MUTES {
        chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let stays = STAYS_US[0] + (chance >> 33) % (STAYS_US[1] - STAYS_US[0]);
        presses.push(press(host, number % 2 == 0)?);
        thread::sleep(Duration::from_micros(stays).saturating_sub(PRESS));
        // A kiosk remembers the last thousand changes of its lamps; both lamps' are among them.
        if number % 100 == 99 {
            fill_in_lamps(host, &mut presses)?;
        }
    }
    fill_in_lamps(host, &mut presses)?;
    thread::sleep(TAIL);
    let heard = room.receiver.take();
    let sound: Vec<Heard> = heard.into_iter().filter(|heard| heard.what == What::Sound).collect();
    let outcome = Outcome::of(&presses, &sound, offset_us);

    let path = out.join("mute.txt");
    let fault = |error: std::io::Error| format!("{}: {error}", path.display());
    let mut trace = BufWriter::new(File::create(&path).map_err(fault)?);
    for (press, quiet) in presses.iter().zip(&outcome.silences_ms) {
        let Press { muted, pressed_us, gate_us, lamp_us } = press;
        let what = if *muted { "mute" } else { "open" };
        let lamp = lamp_us.map_or("never".to_owned(), |us| us.to_string());
        writeln!(
            trace,
            "{what} pressed_us {pressed_us} gate_us {gate_us} lamp_us {lamp} sound_ms {quiet:.3}"
        )
        .map_err(fault)?;
    }
    trace.flush().map_err(fault)?;
    if outcome.periods < presses.len() {
        return Err(format!("the receiver heard {} periods only: nothing to judge", outcome.periods));
    }
    print("press_to_lamp_p99_ms", percentile(&outcome.lamps_ms, 99.0));
    let mutes: Vec<f64> = outcome.silences_ms.iter().step_by(2).copied().collect();
    print("press_to_silence_p99_ms", percentile(&mutes, 99.0));
    print("samples_after_mute", outcome.samples_after_mute as f64);
    println!("# {} presses, {} periods of sound heard", presses.len(), outcome.periods);
    Ok(())
}

/// One press and its release, once the gate is as it should be.
fn press(host: &mut Kiosk, muted: bool) -> Result<Press, String> {
    let answer = host.ask("press mute")?;
    let pressed_us = answer["pressed_us"].as_u64().ok_or_else(|| answer.to_string())?;
    let gate_us = host.wait_for("the gate to obey the button", |kiosk| {
        let gate = kiosk.ask("gate")?;
        match gate["since_us"].as_u64() {
            Some(since) if gate["open"] != muted && since >= pressed_us => Ok(since),
            Some(_) | None => Err(gate.to_string()),
        }
    })?;
    thread::sleep(PRESS);
    host.ask("release mute")?;
    Ok(Press { muted, pressed_us, gate_us, lamp_us: None })
}

fn fill_in_lamps(host: &mut Kiosk, presses: &mut [Press]) -> Result<(), String> {
    let answer = host.ask("lamps")?;
    let changes = answer["changes"].as_array().ok_or_else(|| answer.to_string())?;
    for press in presses.iter_mut().filter(|press| press.lamp_us.is_none()) {
        let shown = changes.iter().find(|change| {
            let later = change["us"].as_u64().is_some_and(|us| us >= press.pressed_us);
            later && change["lamp"] == "Mute" && change["lit"] == press.muted
        });
        press.lamp_us = shown.and_then(|change| change["us"].as_u64());
    }
    Ok(())
}

/// What is to be added to the kiosk's clock to get `CLOCK_MONOTONIC`.
fn clock_offset_us(host: &mut Kiosk) -> Result<u64, String> {
    let clock = host.ask("clock")?;
    let at = |key: &str| clock[key].as_u64().ok_or_else(|| clock.to_string());
    Ok(at("monotonic_us")?.wrapping_sub(at("now_us")?))
}

struct Outcome {
    lamps_ms: Vec<f64>,
    /// From each press to the last sound that left before the next one; 0 if the last had left before.
    silences_ms: Vec<f64>,
    samples_after_mute: usize,
    periods: usize,
}

impl Outcome {
    fn of(presses: &[Press], sound: &[Heard], offset_us: u64) -> Outcome {
        let mut outcome = Outcome {
            lamps_ms: Vec::new(),
            silences_ms: Vec::new(),
            samples_after_mute: 0,
            periods: sound.len(),
        };
        for (number, press) in presses.iter().enumerate() {
            let lamp = press.lamp_us.map_or(f64::INFINITY, |us| ms(us, press.pressed_us));
            outcome.lamps_ms.push(lamp);
            let next = presses.get(number + 1);
            let until = next.map_or(u64::MAX, |next| next.pressed_us);
            let last = sound.iter().rfind(|heard| (press.pressed_us..until).contains(&heard.at_us));
            outcome.silences_ms.push(last.map_or(0.0, |heard| ms(heard.at_us, press.pressed_us)));
            if press.muted {
                let opened = next.map_or(u64::MAX, |next| next.gate_us);
                let closed = press.gate_us..opened;
                outcome.samples_after_mute += sound
                    .iter()
                    .map(|heard| samples_within(heard.captured_us.wrapping_add(offset_us), &closed))
                    .sum::<usize>();
            }
        }
        outcome
    }
}

fn ms(later: u64, earlier: u64) -> f64 {
    later.saturating_sub(earlier) as f64 / 1000.0
}

/// How many samples of a period that was captured from `first_us` on were captured within `span`.
fn samples_within(first_us: u64, span: &std::ops::Range<u64>) -> usize {
    let captured = |sample: u64| first_us + sample * 1_000_000 / u64::from(SAMPLE_RATE);
    (0..FRAME_SAMPLES as u64).filter(|sample| span.contains(&captured(*sample))).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn period(captured_us: u64, at_us: u64) -> Heard {
        Heard { at_us, captured_us, what: What::Sound }
    }

    #[test]
    fn samples_of_a_muted_moment_are_counted_and_no_others() {
        let press = |muted, pressed_us, gate_us, lamp_us| Press { muted, pressed_us, gate_us, lamp_us };
        let presses = [press(true, 100_000, 101_000, Some(102_000)), press(false, 200_000, 201_000, None)];
        // The kiosk's clock is 5 ms behind. Captured before, across either change, and after.
        let whole = period(80_000, 100_300);
        let across_close = period(91_000, 106_000);
        let across_open = period(191_000, 206_500);
        let after = period(201_000, 216_500);
        let outcome = Outcome::of(&presses, &[whole, across_close, across_open, after], 5_000);
        // 5 ms of each of the two in the middle were captured while muted.
        assert_eq!(outcome.samples_after_mute, 240 + 240);
        assert_eq!(outcome.silences_ms, [6.0, 16.5]);
        assert_eq!(outcome.lamps_ms[0], 2.0);
        assert!(outcome.lamps_ms[1].is_infinite(), "a lamp that never followed counts");
        assert_eq!(Outcome::of(&presses, &[whole, after], 5_000).samples_after_mute, 0);
    }
}
