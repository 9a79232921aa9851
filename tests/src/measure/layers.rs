//! What encoding one, two and four layers of a camera's pictures takes of the processor: real pictures of 640x480, each layer scaled
//! from the one above it and encoded at the most that it can use, as the kiosk does.

use rustix::time::{ClockId, clock_gettime};
use vestibule_kiosk::video::encoder::{Encoder, EncoderSettings};
use vestibule_kiosk::video::i420::I420;
use vestibule_kiosk::video::ladder::rungs;
use vestibule_kiosk::video::scale::Scaler;

use super::figures::{median, percentile, print};

/// The layers of each run, by their spatial number.
const RUNS: [&[usize]; 3] = [&[3], &[1, 3], &[0, 1, 2, 3]];
/// Pictures that do not count: keyframes, and what the first of them costs.
const SETTLE: usize = 30;
/// Pictures that do.
const COUNTED: usize = 600;
const RATE: u32 = 30;

/// Prints `layers_N_cpu_ms`, the median for one picture, and `layers_N_cpu_p95_ms`.
///
/// Errors: the codec's words.
pub(super) fn run(clip: &[I420]) -> Result<(), String> {
    let pictures: Vec<I420> = clip.iter().map(square).collect();
    for wanted in RUNS {
        let all = rungs((640, 480));
        let mut layers = Vec::new();
        for rung in all.iter().filter(|rung| wanted.contains(&rung.layer.index())).rev() {
            let settings = EncoderSettings::camera(rung.max, RATE);
            let encoder = Encoder::new(settings).map_err(|error| error.to_string())?;
            layers.push((Scaler::default(), encoder, rung.size));
        }
        let mut took = Vec::new();
        for n in 0..SETTLE + COUNTED {
            // Forth and back, so that nothing jumps.
            let at = n % (2 * pictures.len() - 2);
            let picture = &pictures[at.min(2 * pictures.len() - 2 - at)];
            let begin = processor_ms();
            encode(picture, &mut layers)?;
            if n >= SETTLE {
                took.push(processor_ms() - begin);
            }
        }
        let count = wanted.len();
        print(&format!("layers_{count}_cpu_ms"), median(&took));
        print(&format!("layers_{count}_cpu_p95_ms"), percentile(&took, 95.0));
    }
    Ok(())
}

fn encode(picture: &I420, layers: &mut [(Scaler, Encoder, (usize, usize))]) -> Result<(), String> {
    let mut above = picture.view();
    for (scaler, encoder, size) in layers {
        above = scaler.to_size(above, *size);
        encoder.encode(above, false).map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// A clip's picture in 640x480: scaled to the width, and repeated downwards.
fn square(picture: &I420) -> I420 {
    let view = picture.view();
    let mut scaler = Scaler::default();
    let scaled = scaler.to_size(view, (640, (view.height * 640 / view.width.max(1)).max(2) & !1));
    let mut out = I420::new(640, 480);
    let sides = [(640, 480, scaled.height), (320, 240, scaled.height / 2), (320, 240, scaled.height / 2)];
    for (plane, (to, (width, height, rows))) in out.planes_mut().into_iter().zip(sides).enumerate() {
        for row in 0..height {
            let from = &scaled.planes[plane][row % rows * scaled.strides[plane]..];
            to[row * width..(row + 1) * width].copy_from_slice(&from[..width]);
        }
    }
    out
}

/// This thread's processor time, in milliseconds.
fn processor_ms() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1e3 + time.tv_nsec as f64 / 1e6
}
