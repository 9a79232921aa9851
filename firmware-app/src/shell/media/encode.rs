//! The encoding thread of a camera or grabber: every picture in the layers that are wanted, into the outbox, and the own
//! picture onto the screen. A layer that nobody wants has no encoder.

use std::sync::Arc;

use vestibule_common::media::ladder::PRESENTATION;
use vestibule_common::time::{Duration, Time};
use vestibule_common::unit::{Bitrate, DataSize};

use super::camera::CameraParts;
use super::layer::{Coded, Coder, LayerEncoder};
use super::newest::{Newest, Raw};
use super::outbox::VideoOut;
use super::shutter::PictureTicket;
use crate::video::encoder::EncoderSettings;
use crate::video::i420::I420View;
use crate::video::kind::PictureKind;
use crate::video::ladder::{Allotted, LAYERS, LayerIndex, PerLayer, Rung, rungs};
use crate::video::load::{self, Load};
use crate::video::plan::plan;
use crate::video::scale::Scaler;
use crate::video::slot::Picture;
use crate::view::PictureId;

/// While so much waits to be sent, no picture is encoded.
const LATE: Duration = Duration::from_millis(150);

/// What the thread holds.
pub(super) struct EncodeThread {
    parts: Arc<CameraParts>,
    newest: Arc<Newest>,
    layers: [Option<LayerEncoder>; LAYERS],
    /// Layers whose next frame has to be a keyframe.
    keyframes: [bool; LAYERS],
    /// The number of the next picture that becomes a frame of any layer.
    number: u32,
    load: Load,
    /// How many layers were wanted and affordable last.
    planned: usize,
    /// The ticket under which a picture had more bytes than can be sent, and how coarse those under it are since.
    coarse: Option<(PictureTicket, u8)>,
    scaler: Scaler,
    sequence: u64,
}

impl EncodeThread {
    /// Takes its pictures from `newest`.
    pub(super) fn new(parts: Arc<CameraParts>, newest: Arc<Newest>) -> EncodeThread {
        EncodeThread {
            parts,
            newest,
            layers: Default::default(),
            keyframes: [false; LAYERS],
            number: first_number(),
            load: Load::default(),
            planned: 0,
            coarse: None,
            scaler: Scaler::default(),
            sequence: 0,
        }
    }

    /// The thread's life.
    pub(super) fn run(mut self) {
        loop {
            let (raw, rate) = self.newest.wait();
            self.handle(&raw, rate);
            self.newest.give_back(raw.picture);
        }
    }

    /// One picture of a source with so many a second.
    fn handle(&mut self, raw: &Raw, rate: u32) {
        let began = self.parts.clock.now();
        let rate = rate.min(self.parts.kind.max_rate());
        let mut layers = self.planned;
        let switch = &self.parts.switch;
        let ticket = raw.ticket.filter(|ticket| switch.has_others() && switch.still_valid(*ticket));
        if let Some(ticket) = ticket.filter(|_| !self.is_behind()) {
            layers = self.encode(raw, ticket, rate, began);
        }
        if self.parts.switch.is_wanted() {
            self.show(raw);
            // Switched off meanwhile, it was put where the camera's thread had cleared away already.
            if !self.parts.switch.is_wanted() {
                self.parts.slots.clear(PictureId::own(self.parts.kind));
            }
        }
        self.planned = layers;
        self.weigh(self.parts.clock.now().since(began), rate, layers);
    }

    /// What waits to be sent would make this picture late: it is better left out than queued, and nothing refers to it.
    fn is_behind(&self) -> bool {
        let CameraParts { kind, outbox, stats, switch, .. } = &*self.parts;
        let waiting = outbox.waiting(*kind);
        // Without a budget nothing leaves at all; what does not wait is not late.
        let late = |budget: Bitrate| {
            budget == Bitrate::default() || waiting > DataSize::default() && waiting.time_at(budget) > LATE
        };
        let behind = switch.wishes().budget.is_some_and(late);
        if behind {
            stats.of(*kind).pictures_left_out.one();
        }
        behind
    }

    /// Encodes the layers that are due of a picture taken at this moment. How many are wanted and affordable, whether or not the processor carries them.
    fn encode(&mut self, raw: &Raw, ticket: PictureTicket, rate: u32, taken: Time) -> usize {
        let parts = self.parts.clone();
        let (rungs, mut plan) = self.plan((raw.picture.width(), raw.picture.height()));
        let layers = plan.len();
        load::lower(&mut plan, self.load.step());
        self.settle(&rungs, &plan, ticket, rate);
        let (number, mut used) = (self.number, false);
        let mut broken: PerLayer<LayerIndex> = PerLayer::new();
        let mut due = due(&mut self.layers, raw, rate);
        // The smallest first: it is what the poorest link waits for.
        while let Some((layer, picture, coder)) = due.pop() {
            let wanted = std::mem::take(&mut self.keyframes[layer.index()]);
            match coder.encode(picture, number, wanted) {
                Ok(Coded::Frame { bytes: encoded, keyframe, reference_distance }) => {
                    used = true;
                    self.newest.charge(DataSize::bytes(encoded.len() as u64));
                    let mut bytes = parts.outbox.buffer();
                    bytes.extend_from_slice(encoded);
                    let frame = VideoOut {
                        kind: parts.kind,
                        layer,
                        number,
                        reference_distance,
                        ticket,
                        bytes,
                        keyframe,
                        captured: raw.captured,
                        taken,
                        encoded: parts.clock.now(),
                    };
                    queue(&parts, frame);
                }
                Ok(Coded::LeftOut) => self.keyframes[layer.index()] = wanted,
                Ok(Coded::Unsendable) => {
                    parts.stats.of(parts.kind).frames_too_large.one();
                    let coarser = coarseness(self.coarse, ticket) + 1;
                    self.coarse = Some((ticket, coarser.min(EncoderSettings::COARSEST)));
                    self.keyframes[layer.index()] = true;
                }
                Err(error) => {
                    log::warn!("a picture could not be encoded, starting the encoder anew: {error}");
                    // There are no more layers than room for them.
                    let _ = broken.push(layer);
                }
            }
        }
        drop(due);
        broken.iter().for_each(|layer| self.layers[layer.index()] = None);
        self.number = number.wrapping_add(u32::from(used));
        layers
    }

    /// The layers that pictures of this size can have, and what those that are to be encoded get.
    fn plan(&self, (width, height): (usize, usize)) -> (PerLayer<Rung>, PerLayer<Allotted>) {
        let (kind, bitrate) = (self.parts.kind, self.parts.bitrate);
        match kind {
            PictureKind::Camera => {
                let rungs = rungs((width, height));
                let runs = |layer: LayerIndex| self.layers[layer.index()].is_some();
                let plan = plan(&rungs, &self.parts.switch.wishes(), bitrate, runs);
                (rungs, plan)
            }
            PictureKind::Presentation => {
                let fits = kind.allows(width, height);
                let size = if fits { (width, height) } else { Scaler::fit(width, height, kind.largest()) };
                let wishes = self.parts.switch.wishes();
                // It has one layer, made for those who are about as fast as the fastest.
                let cap = match &wishes.layers {
                    Some(layers) => match layers.first() {
                        Some(wish) => wish.cap.max(PRESENTATION[0].least),
                        None => return (PerLayer::new(), PerLayer::new()),
                    },
                    None => bitrate,
                };
                let bitrate = wishes.budget.unwrap_or(bitrate).min(bitrate).min(cap);
                self.newest.set_bitrate(bitrate);
                let layer = LayerIndex::default();
                let rung = Rung { layer, size, min: Bitrate::default(), max: bitrate };
                let whole = Allotted { layer, bitrate, rate: kind.max_rate() };
                (PerLayer::from_iter([rung]), PerLayer::from_iter([whole]))
            }
        }
    }

    /// Every layer of the plan has its encoder from now on, and no other has; the keyframes that were wished for are wanted
    /// of those.
    fn settle(&mut self, rungs: &[Rung], plan: &[Allotted], ticket: PictureTicket, rate: u32) {
        let kind = self.parts.kind;
        let coarseness = coarseness(self.coarse, ticket);
        for (layer, slot) in LayerIndex::ALL.into_iter().zip(&mut self.layers) {
            let allotted = plan.iter().find(|allotted| allotted.layer == layer);
            let rung = rungs.iter().find(|rung| rung.layer == layer);
            let (Some(allotted), Some(rung)) = (allotted, rung) else {
                *slot = None;
                self.keyframes[layer.index()] = false;
                continue;
            };
            let settings = EncoderSettings {
                kind,
                bitrate: allotted.bitrate,
                rate: allotted.rate.min(rate),
                coarseness,
            };
            if let Err(error) = LayerEncoder::settle(slot, settings, rung.size) {
                log::warn!("pictures cannot be encoded: {error}");
            }
        }
        let wished = self.parts.outbox.take_keyframes(kind);
        for (layer, _) in LayerIndex::ALL.into_iter().zip(wished).filter(|(_, wished)| *wished) {
            // A wish for a layer that is not there is one for the next smaller, or for the smallest there is.
            let smaller = plan.iter().rev().find(|allotted| allotted.layer <= layer);
            if let Some(allotted) = smaller.or(plan.first()) {
                self.keyframes[allotted.layer.index()] = true;
            }
        }
    }

    /// A picture took this long. A camera's layers are lowered where the processor does not keep up; a presentation has its
    /// own pace.
    fn weigh(&mut self, took: Duration, rate: u32, layers: usize) {
        let (before, interval) = (self.load.step(), Duration::from_secs(1) / rate.max(1));
        match self.parts.kind {
            PictureKind::Camera => {}
            PictureKind::Presentation => return,
        }
        if self.load.handle_picture(took, interval, load::steps(layers)) {
            let step = self.load.step();
            self.parts.stats.encoding_lowered.set(u64::from(step));
            if step > before {
                log::info!("the processor does not keep up with the camera: it sends less (step {step})");
            } else {
                log::info!("the processor keeps up with the camera again: it sends more (step {step})");
            }
        }
    }

    fn show(&mut self, raw: &Raw) {
        let own = PictureId::own(self.parts.kind);
        let Some(tile) = self.parts.slots.size(own) else { return };
        let (bgrx, width, height) = self.scaler.to_bgrx(raw.picture.view(), tile);
        self.sequence += 1;
        let picture = Picture { width, height, bgrx, sequence: self.sequence, captured: raw.captured };
        self.parts.slots.put(own, picture);
        self.parts.screen.picture_changed(own);
    }
}

/// The layers that this picture is for, the largest first, each with the picture in its size, which is made of the next
/// larger one.
fn due<'a>(
    layers: &'a mut [Option<LayerEncoder>; LAYERS],
    raw: &'a Raw,
    rate: u32,
) -> PerLayer<(LayerIndex, I420View<'a>, &'a mut Coder)> {
    let mut picture = raw.picture.view();
    let in_size = |(layer, slot): (LayerIndex, &'a mut Option<LayerEncoder>)| {
        let LayerEncoder { scaler, coder } = slot.as_mut()?;
        coder.takes(raw.captured, rate).then(|| {
            picture = scaler.to_size(picture, coder.size());
            (layer, picture, coder)
        })
    };
    LayerIndex::ALL.into_iter().zip(layers).rev().filter_map(in_size).collect()
}

/// Counts a frame and hands it on.
fn queue(parts: &CameraParts, frame: VideoOut) {
    let stats = parts.stats.of(parts.kind);
    stats.frames_encoded.one();
    if frame.keyframe {
        stats.keyframes_encoded.one();
    }
    match parts.kind {
        PictureKind::Camera => parts.stats.encoded(frame.layer).one(),
        PictureKind::Presentation => {}
    }
    parts.outbox.push_video(frame, &parts.stats);
}

fn coarseness(coarse: Option<(PictureTicket, u8)>, ticket: PictureTicket) -> u8 {
    coarse.filter(|(under, _)| *under == ticket).map_or(0, |(_, coarseness)| coarseness)
}

/// Where a stream's frame numbers begin: far from where a former process of this kiosk left them, or receivers would take
/// what is new for old, and build on pictures that were never sent.
pub(super) fn first_number() -> u32 {
    getrandom::u32().unwrap_or_else(|error| {
        log::warn!("no random number for a stream to begin with: {error}");
        0
    })
}

#[cfg(test)]
mod tests;
