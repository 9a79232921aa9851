//! Looks at and tries the devices for a person at a terminal, in plain lines. What `vestibule-kiosk devices` and
//! `vestibule-kiosk test-device` print.

use std::fmt;
use std::io::{self, Write};

use vestibule_common::media::{AudioBlock, BLOCK_SAMPLES};
use vestibule_common::time::{Duration, Time};

use crate::device::choice;
use crate::device::clock::Clock;
use crate::device::config::{ConfigError, DeviceConfig};
use crate::device::found::Found;
use crate::device::lamps::KeptLamps;
use crate::device::reopen::DeviceState;
use crate::device::{Button, Camera, CameraFormat, DeviceError, PERIOD, PixelFormat, realtime};
use crate::video::kind::PictureKind;

/// Why a device could not be tried to the end. Its text is all that a person needs to read.
#[derive(Debug)]
pub enum DiagnoseError {
    /// The configuration cannot be meant.
    Config(ConfigError),
    /// The device.
    Device(DeviceError),
    /// The lines could not be written.
    Output(io::Error),
}

impl fmt::Display for DiagnoseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DiagnoseError::Config(error) => error.fmt(f),
            DiagnoseError::Device(error) => error.fmt(f),
            DiagnoseError::Output(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for DiagnoseError {}

impl From<ConfigError> for DiagnoseError {
    fn from(error: ConfigError) -> DiagnoseError {
        DiagnoseError::Config(error)
    }
}

impl From<DeviceError> for DiagnoseError {
    fn from(error: DeviceError) -> DiagnoseError {
        DiagnoseError::Device(error)
    }
}

impl From<io::Error> for DiagnoseError {
    fn from(error: io::Error) -> DiagnoseError {
        DiagnoseError::Output(error)
    }
}

/// Lists what is there, and what the configuration takes of it and why.
///
/// Errors: [`DiagnoseError`].
pub fn list(config: &DeviceConfig, out: &mut impl Write) -> Result<(), DiagnoseError> {
    let found = Found::look();
    section(out, "cameras", &found.cameras)?;
    for (path, why) in &found.other_nodes {
        writeln!(out, "  {}: not used: {why}", path.display())?;
    }
    section(out, "sound cards", &found.cards)?;
    match &found.gpio.raspberry_pi {
        Ok(model) => writeln!(out, "pins of this board through rppal: {model}")?,
        Err(why) => writeln!(out, "pins of this board through rppal: none ({why})")?,
    }
    section(out, "GPIO chips", &found.gpio.chips)?;
    writeln!(out, "taken:")?;
    for taken in choice::choose(config, "", Clock::start())?.report {
        writeln!(out, "  {taken}")?;
    }
    Ok(())
}

fn section(out: &mut impl Write, title: &str, lines: &[impl fmt::Display]) -> io::Result<()> {
    writeln!(out, "{title}: {}", if lines.is_empty() { "none" } else { "" })?;
    lines.iter().try_for_each(|line| writeln!(out, "  {line}"))
}

/// Streams from the camera, or from what shows a laptop's screen: its format, frames each second, drops, the age of the
/// frames, and a checksum of the first frame's luma.
///
/// Errors: [`DiagnoseError`].
pub fn camera(
    config: &DeviceConfig,
    kind: PictureKind,
    span: Duration,
    out: &mut impl Write,
) -> Result<(), DiagnoseError> {
    let clock = Clock::start();
    let devices = choice::choose(config, "test", clock)?;
    let (name, mut source) = match kind {
        PictureKind::Camera => ("camera", devices.camera),
        PictureKind::Presentation => ("presentation", devices.presentation),
    };
    let mut opened = source.open()?;
    writeln!(out, "{name}: {}", opened.description)?;
    let format = opened.device.format();
    writeln!(out, "format: {format}, stride {}", format.stride)?;
    stream(&mut *opened.device, format, clock, span, out)
}

fn stream(
    camera: &mut dyn Camera,
    format: CameraFormat,
    clock: Clock,
    span: Duration,
    out: &mut impl Write,
) -> Result<(), DiagnoseError> {
    let started = clock.now();
    let end = started + span;
    let mut tally = FrameTally::default();
    let (mut total, mut dropped, mut last) = (0_u64, 0_u64, None);
    let mut next_line = started + Duration::from_secs(1);
    while clock.now() < end {
        let frame = camera.next_frame()?;
        let now = clock.now();
        if total == 0 {
            let after = now.since(started).as_millis();
            writeln!(
                out,
                "first frame after {after} ms, luma checksum {:08x}",
                luma_checksum(frame.bytes, format)
            )?;
        }
        if let Some(last) = last {
            dropped += u64::from(frame.sequence.wrapping_sub(last).saturating_sub(1));
        }
        last = Some(frame.sequence);
        total += 1;
        tally.add(now.since(frame.captured));
        if now >= next_line {
            writeln!(out, "{}", tally.line())?;
            tally = FrameTally::default();
            next_line += Duration::from_secs(1);
        }
    }
    let took = clock.now().since(started).as_secs_f64();
    writeln!(
        out,
        "total: {total} frames in {took:.1} s, {:.1} frames/s, {dropped} dropped",
        total as f64 / took
    )?;
    Ok(())
}

#[derive(Default)]
struct FrameTally {
    frames: u32,
    age_sum: Duration,
    age_most: Duration,
}

impl FrameTally {
    fn add(&mut self, age: Duration) {
        self.frames += 1;
        self.age_sum += age;
        self.age_most = self.age_most.max(age);
    }

    fn line(&self) -> String {
        let mean = self.age_sum.as_secs_f64() * 1000.0 / f64::from(self.frames.max(1));
        format!(
            "{} frames, age {mean:.1} ms, at most {:.1} ms",
            self.frames,
            self.age_most.as_secs_f64() * 1000.0
        )
    }
}

/// FNV-1a over the luma alone, or over the bytes of a JPEG. Equal pictures give equal sums whatever the layout.
fn luma_checksum(bytes: &[u8], format: CameraFormat) -> u32 {
    let add = |sum: u32, byte: &u8| (sum ^ u32::from(*byte)).wrapping_mul(0x0100_0193);
    let start = 0x811c_9dc5;
    let (width, height) = (format.width as usize, format.height as usize);
    let rows = || bytes.chunks(format.stride.max(1) as usize).take(height);
    match format.pixels {
        PixelFormat::Mjpeg => bytes.iter().fold(start, add),
        PixelFormat::Yuyv => rows().flat_map(|row| row.iter().step_by(2).take(width)).fold(start, add),
        PixelFormat::Uyvy => {
            rows().flat_map(|row| row.iter().skip(1).step_by(2).take(width)).fold(start, add)
        }
        PixelFormat::Nv12 | PixelFormat::I420 => {
            rows().flat_map(|row| row.iter().take(width)).fold(start, add)
        }
    }
}

/// Listens to the microphone: its level each second.
///
/// Errors: [`DiagnoseError`].
pub fn microphone(config: &DeviceConfig, span: Duration, out: &mut impl Write) -> Result<(), DiagnoseError> {
    let clock = Clock::start();
    let mut devices = choice::choose(config, "test", clock)?;
    let mut opened = devices.microphone.open()?;
    writeln!(out, "microphone: {}", opened.description)?;
    priority(out)?;
    let mut period = [0; PERIOD];
    for _ in 0..whole_seconds(span) {
        let mut level = Level::default();
        let mut age = Duration::ZERO;
        for _ in 0..100 {
            let first = opened.device.read(&mut period)?;
            age = age.max(clock.now().since(first));
            level.add(&period);
        }
        let age = age.as_secs_f64() * 1000.0;
        writeln!(out, "{level}, age at most {age:.1} ms, {} overruns", opened.device.xruns())?;
    }
    Ok(())
}

/// Plays a soft tone, a second on and a second off.
///
/// Errors: [`DiagnoseError`].
pub fn speaker(config: &DeviceConfig, span: Duration, out: &mut impl Write) -> Result<(), DiagnoseError> {
    let clock = Clock::start();
    let mut devices = choice::choose(config, "test", clock)?;
    let mut opened = devices.speaker.open()?;
    writeln!(out, "speaker: {}", opened.description)?;
    priority(out)?;
    for second in 0..whole_seconds(span) {
        let mut delay = Duration::ZERO;
        for place in 0..400 {
            let block = if second % 2 == 0 { tone(place) } else { [0; BLOCK_SAMPLES] };
            opened.device.ready()?;
            let leaves = opened.device.write(&block)?;
            delay = delay.max(leaves.since(clock.now()));
        }
        let what = if second % 2 == 0 { "tone" } else { "silence" };
        let delay = delay.as_secs_f64() * 1000.0;
        writeln!(out, "{what}, delay at most {delay:.1} ms, {} underruns", opened.device.xruns())?;
    }
    Ok(())
}

/// 440 Hz at a tenth of full scale, the nth block of a second.
fn tone(place: usize) -> AudioBlock {
    let mut block = [0; BLOCK_SAMPLES];
    for (n, sample) in block.iter_mut().enumerate() {
        let t = (place * BLOCK_SAMPLES + n) as f64 / 48_000.0;
        *sample = (3277.0 * (t * 440.0 * std::f64::consts::TAU).sin()) as i16;
    }
    block
}

/// Waits for the buttons and prints every edge; each press turns the button's own lamp on or off.
///
/// Errors: [`DiagnoseError`].
pub fn buttons(config: &DeviceConfig, span: Duration, out: &mut impl Write) -> Result<(), DiagnoseError> {
    let clock = Clock::start();
    let devices = choice::choose(config, "test", clock)?;
    let mut source = devices.buttons;
    let mut opened = source.open()?;
    writeln!(out, "buttons: {}", opened.description)?;
    let mut lamps = KeptLamps::new(devices.lamps, clock, |state| {
        if let DeviceState::Failed(error) = state {
            log::warn!("lamps {error}");
        }
    });
    if !lamps.refresh() {
        return Err(match lamps.state() {
            DeviceState::Failed(error) => DiagnoseError::Device(error.clone()),
            state => DiagnoseError::Device(DeviceError::Lost(format!("the lamps: {state:?}"))),
        });
    }
    if devices.sim_buttons {
        writeln!(
            out,
            "simulated buttons are pressed in the kiosk's window only; nothing will be seen of them here"
        )?;
    } else {
        writeln!(out, "ready: press the buttons")?;
    }
    out.flush()?;
    let end = clock.now() + span;
    let (mut lit, mut presses) = ([false; 2], 0);
    while clock.now() < end {
        let left = end.since(clock.now()).min(Duration::from_millis(250));
        let edge = opened.device.wait(left)?;
        let Some(edge) = edge else {
            lamps.refresh();
            continue;
        };
        let down = if edge.pressed { "pressed" } else { "released" };
        writeln!(out, "{} {down} at {}, seen after {:.1} ms", edge.button, seconds_of(edge.at), {
            clock.now().since(edge.at).as_secs_f64() * 1000.0
        })?;
        if edge.pressed {
            presses += 1;
            let state = &mut lit[edge.button as usize];
            *state = !*state;
            let shown = lamps.set(edge.button, *state);
            let lamp = if *state { "lit" } else { "dark" };
            writeln!(
                out,
                "{} lamp {lamp}{}",
                edge.button,
                if shown { "" } else { ", but it does not show" }
            )?;
            out.flush()?;
        }
    }
    for lamp in [Button::Mute, Button::Approve] {
        lamps.set(lamp, false);
    }
    writeln!(out, "total: {presses} presses")?;
    Ok(())
}

fn priority(out: &mut impl Write) -> io::Result<()> {
    match realtime::raise_this_thread(realtime::Priority::Sound) {
        Ok(()) => writeln!(out, "real-time priority: yes"),
        Err(why) => writeln!(out, "{why}"),
    }
}

/// A started second is a whole one.
fn whole_seconds(span: Duration) -> u64 {
    span.as_secs() + u64::from(span.subsec_nanos() > 0)
}

fn seconds_of(time: Time) -> String {
    format!("{:.3} s", time.as_micros() as f64 / 1e6)
}

/// Root mean square and peak of some sound.
#[derive(Default)]
struct Level {
    sum: f64,
    count: u32,
    peak: u16,
}

impl Level {
    fn add(&mut self, samples: &[i16]) {
        for sample in samples {
            self.sum += f64::from(*sample).powi(2);
            self.count += 1;
            self.peak = self.peak.max(sample.unsigned_abs());
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decibels = |value: f64| 20.0 * (value / 32_768.0).max(1e-5).log10();
        let mean = (self.sum / f64::from(self.count.max(1))).sqrt();
        write!(f, "level {:.1} dBFS, peak {:.1} dBFS", decibels(mean), decibels(f64::from(self.peak)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn printed(run: impl FnOnce(&mut Vec<u8>) -> Result<(), DiagnoseError>) -> String {
        let mut out = Vec::new();
        let end = run(&mut out);
        let text = String::from_utf8(out).unwrap();
        match end {
            Ok(()) => text,
            Err(error) => format!("{text}error: {error}"),
        }
    }

    #[test]
    fn simulated_devices_are_tried_like_real_ones() {
        let config = DeviceConfig::simulated();
        let text = printed(|out| list(&config, out));
        assert!(text.contains("camera: the test picture, because devices = \"sim\""), "{text}");
        let text = printed(|out| camera(&config, PictureKind::Presentation, SECOND, out));
        assert!(text.contains("presentation: test pages, 1280x720 I420 at 15 frames/s"), "{text}");
        let text = printed(|out| camera(&config, PictureKind::Camera, SECOND, out));
        assert!(text.contains("640x480 I420 at 30 frames/s") && text.contains("luma checksum"), "{text}");
        let text = printed(|out| microphone(&config, SECOND, out));
        assert!(text.contains("dBFS"), "{text}");
        let text = printed(|out| speaker(&config, SECOND, out));
        assert!(text.contains("underruns"), "{text}");
        let text = printed(|out| buttons(&config, Duration::ZERO, out));
        assert!(text.contains("total: 0 presses"), "{text}");
    }

    #[test]
    fn a_device_that_is_not_there_is_a_sentence() {
        let config = DeviceConfig {
            camera: "/dev/video-none".parse().unwrap(),
            microphone: "none".parse().unwrap(),
            buttons: "gpiocdev:nowhere".parse().unwrap(),
            ..DeviceConfig::simulated()
        };
        let text = printed(|out| camera(&config, PictureKind::Camera, SECOND, out));
        assert!(text.contains("error: not there: /dev/video-none"), "{text}");
        let text = printed(|out| microphone(&config, SECOND, out));
        assert!(text.contains("there is no microphone"), "{text}");
        let text = printed(|out| buttons(&config, SECOND, out));
        assert!(text.contains("no GPIO chip is called nowhere"), "{text}");
    }

    #[test]
    fn the_same_luma_gives_the_same_checksum_in_every_raw_layout() {
        let format = |pixels, stride| CameraFormat {
            width: 4,
            height: 2,
            stride,
            pixels,
            rate: 30,
            full_range: false,
        };
        let planar = [1, 2, 3, 4, 5, 6, 7, 8, 128, 128, 128, 128];
        let packed = [1, 9, 2, 9, 3, 9, 4, 9, 0, 0, 5, 9, 6, 9, 7, 9, 8, 9, 0, 0];
        let sum = luma_checksum(&planar, format(PixelFormat::I420, 4));
        assert_eq!(sum, luma_checksum(&planar, format(PixelFormat::Nv12, 4)));
        assert_eq!(sum, luma_checksum(&packed, format(PixelFormat::Yuyv, 10)));
        let swapped: Vec<u8> = packed.chunks(2).flat_map(|pair| [pair[1], pair[0]]).collect();
        assert_eq!(sum, luma_checksum(&swapped, format(PixelFormat::Uyvy, 10)));
        assert_ne!(sum, luma_checksum(&planar[1..], format(PixelFormat::I420, 4)));
    }
}
