//! A camera's encoders as statistics, a layer each: frames whose sizes vary around what the plan allots, and a rate control that
//! pays its debts. The plan, the thinning and the numbers are the product's.

use vestibule_common::time::Time;
use vestibule_common::unit::Bitrate;
use vestibule_kiosk::video::ladder::{LAYERS, LayerIndex, PerLayer, Rung, rungs};
use vestibule_kiosk::video::plan::{VideoWishes, plan};
use vestibule_kiosk::video::thinning::Thinning;

use crate::world::Dice;

/// Pictures a second of the camera.
pub(super) const RATE: u32 = 30;
/// What the configuration allows for all layers together.
const BOUND: Bitrate = Bitrate::kbps(1500);
/// How much a frame's size is off, on average, of its mean, and a keyframe's size over that of others (ns3-rmcat's source).
const VARIES: f64 = 0.15;
const KEYFRAME: f64 = 4.0;

/// One frame of one layer.
pub(super) struct Frame {
    /// Which layer.
    pub layer: LayerIndex,
    /// The picture's number, the same in all layers.
    pub number: u32,
    /// It refers to no other.
    pub keyframe: bool,
    /// How many numbers back the frame lies that it refers to.
    pub reference_distance: u16,
    /// What the encoder made.
    pub bytes: Vec<u8>,
}

struct Layer {
    thinning: Thinning,
    last: Option<u32>,
    /// What earlier frames took beyond their mean, in bytes.
    debt: f64,
}

/// The encoders of a camera.
pub(super) struct Encoder {
    rungs: PerLayer<Rung>,
    layers: [Option<Layer>; LAYERS],
    keyframes: [bool; LAYERS],
    number: u32,
    dice: Dice,
}

impl Encoder {
    /// Of a camera with 640 x 480 pixels.
    pub(super) fn new(seed: u64) -> Encoder {
        Encoder {
            rungs: rungs((640, 480)),
            layers: Default::default(),
            keyframes: [false; LAYERS],
            number: 1000,
            dice: Dice::new(seed, 50),
        }
    }

    /// The next picture of this layer should be a keyframe; of one that is not sent, of the next smaller or the smallest.
    pub(super) fn want_keyframe(&mut self, spatial: u8) {
        let sent = |layer: &&LayerIndex| self.layers[layer.index()].is_some();
        let smaller = LayerIndex::ALL.iter().rev().filter(sent).find(|layer| layer.wire().spatial <= spatial);
        if let Some(layer) = smaller.or(LayerIndex::ALL.iter().find(sent)) {
            self.keyframes[layer.index()] = true;
        }
    }

    /// A picture was captured: its frames, the smallest layer first.
    pub(super) fn capture(&mut self, wishes: &VideoWishes, captured: Time) -> Vec<Frame> {
        let plan = plan(&self.rungs, wishes, BOUND, |layer| self.layers[layer.index()].is_some());
        let number = self.number;
        let mut frames = Vec::new();
        for index in LayerIndex::ALL {
            let slot = &mut self.layers[index.index()];
            let Some(allotted) = plan.iter().find(|allotted| allotted.layer == index) else {
                *slot = None;
                continue;
            };
            let layer =
                slot.get_or_insert_with(|| Layer { thinning: Thinning::default(), last: None, debt: 0.0 });
            if !layer.thinning.take(captured, allotted.rate, RATE) {
                continue;
            }
            let keyframe = std::mem::take(&mut self.keyframes[index.index()]) || layer.last.is_none();
            let rate = f64::from(allotted.rate);
            let mean = allotted.bitrate.as_bps() as f64 / 8.0 / rate;
            let off = (1.0 + VARIES * self.dice.laplace()).clamp(0.2, 3.0);
            let grown = if keyframe { KEYFRAME } else { 1.0 };
            // A debt is paid over half a second, and never takes more than half of a frame.
            let paid = (layer.debt / rate * 2.0).clamp(-0.5 * mean, 0.5 * mean);
            let size = (mean * off * grown - paid).max(50.0).round();
            layer.debt += size - mean;
            let distance = if keyframe { 0 } else { layer.last.map_or(0, |last| number - last) };
            layer.last = Some(number);
            frames.push(Frame {
                layer: index,
                number,
                keyframe,
                reference_distance: distance as u16,
                bytes: content(number, size as usize),
            });
        }
        if !frames.is_empty() {
            self.number += 1;
        }
        frames
    }
}

/// What a frame of this number and size holds.
pub(super) fn content(number: u32, size: usize) -> Vec<u8> {
    (0..size as u32).map(|at| (number.wrapping_mul(31).wrapping_add(at.wrapping_mul(7)) >> 2) as u8).collect()
}
