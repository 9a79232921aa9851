//! A camera that makes the layers that are wanted of it, as the kiosk does: the kiosk's own plan, with statistics for encoders.

use vestibule_common::id::StreamId;
use vestibule_common::media::{FrameInfo, Packetizer};
use vestibule_common::time::{Duration, Time};
use vestibule_common::unit::Bitrate;
use vestibule_common::wire::{Demand, KeyframeRequest, Kind, MAX_BODY, StageTimes, View};
use vestibule_kiosk::video::ladder::{LayerIndex, rungs};
use vestibule_kiosk::video::plan::{LayersWanted, VideoWishes, plan, wish};

use crate::world::{Source, SourceConfig};

/// Pictures a second.
const RATE: u32 = 30;
/// What the kiosk's configuration allows unless told otherwise.
const BOUND: Bitrate = Bitrate::kbps(1500);
/// That it shows nothing is told again after this.
const TELL_EVERY: Duration = Duration::from_millis(500);
/// A demand that was not told again for so long counts no more.
const STALE: Duration = Duration::from_secs(2);

pub(super) struct Camera {
    stream: StreamId,
    packetizer: Packetizer,
    wishes: VideoWishes,
    demanded: Option<Time>,
    layers: [Option<Layer>; 4],
    begin: Time,
    /// Pictures that were captured, and those of them that any layer was sent of.
    captured: u64,
    number: u32,
    tell: Time,
    seed: u64,
    what: u64,
}

struct Layer {
    source: Source,
    /// The number of its last frame.
    last: Option<u32>,
}

impl Camera {
    /// Captures from `begin` on. `what` tells cameras of one seed apart.
    pub(super) fn new(stream: StreamId, begin: Time, seed: u64, what: u64) -> Camera {
        Camera {
            stream,
            packetizer: Packetizer::video(stream).with_repair_room(),
            wishes: VideoWishes::default(),
            demanded: None,
            layers: [None, None, None, None],
            begin,
            captured: 0,
            number: 0,
            tell: Time::ZERO,
            seed,
            what,
        }
    }

    pub(super) fn handle_body(&mut self, body: &[u8], now: Time) {
        match Kind::of(body) {
            Ok(Kind::Demand) => {
                let demand = Demand::parse(body).expect("what the relay wrote");
                let own = demand.layers.iter().filter(|demanded| demanded.stream == self.stream);
                let room = LayersWanted::new().capacity();
                self.wishes.layers = Some(own.filter_map(wish).take(room).collect());
                self.demanded = Some(now);
            }
            Ok(Kind::KeyframeRequest) => {
                let request = KeyframeRequest::parse(body).expect("what the relay wrote");
                self.want_keyframe(usize::from(request.spatial));
            }
            // Reports on a way up that is wide; pieces that the relay has not got either.
            Ok(_) | Err(_) => {}
        }
    }

    /// One that is not sent stands for the next smaller that is, or else for the smallest.
    fn want_keyframe(&mut self, layer: usize) {
        let sent = |index: &usize| self.layers[*index].is_some();
        let found = (0..=layer.min(3)).rev().find(sent).or_else(|| (0..4).find(sent));
        if let Some(layer) = found.and_then(|index| self.layers[index].as_mut()) {
            layer.source.want_keyframe();
        }
    }

    fn next(&self) -> Time {
        self.begin + Duration::from_secs(self.captured) / RATE
    }

    pub(super) fn poll_timeout(&self) -> Time {
        self.next().min(self.tell)
    }

    /// What leaves for the relay at this moment: of a picture all layers, the smallest first.
    pub(super) fn poll(&mut self, now: Time) -> Vec<Vec<u8>> {
        let mut bodies = Vec::new();
        if now >= self.tell {
            self.tell = now + TELL_EVERY;
            let mut body = vec![0; MAX_BODY];
            let len = View::default().emit(&mut body).expect("it fits a datagram");
            body.truncate(len);
            bodies.push(body);
        }
        while self.next() <= now {
            self.capture(now, &mut bodies);
        }
        bodies
    }

    fn capture(&mut self, now: Time, bodies: &mut Vec<Vec<u8>>) {
        let captured = self.next();
        let before = bodies.len();
        self.captured += 1;
        if self.demanded.is_some_and(|at| now.since(at) > STALE) {
            (self.demanded, self.wishes.layers) = (None, None);
        }
        self.settle(captured);
        for (index, layer) in LayerIndex::ALL.into_iter().zip(&mut self.layers) {
            let Some(layer) = layer else { continue };
            // Two roundings to a microsecond may differ.
            let Some(frame) = layer.source.next_frame(captured + Duration::from_millis(1)) else { continue };
            let distance = layer.last.filter(|_| !frame.keyframe).map_or(0, |last| self.number - last);
            layer.last = Some(self.number);
            let info = FrameInfo {
                layer: index.wire(),
                reference_distance: distance as u16,
                ..FrameInfo::video(captured, frame.keyframe, Some(StageTimes::default()))
            };
            let bytes = vec![0; frame.size.as_bytes() as usize];
            let pieces = self.packetizer.frame_numbered(self.number, &bytes, info);
            let pieces = pieces.expect("a frame of a tenth of a second fits");
            bodies.extend((0..pieces.count()).map(|piece| {
                let mut body = vec![0; MAX_BODY];
                let len = pieces.write(piece, &mut body).expect("a body has room for a piece");
                body.truncate(len);
                body
            }));
        }
        self.number += u32::from(bodies.len() > before);
    }

    /// Every layer of the plan has its encoder from now on, and no other has.
    fn settle(&mut self, captured: Time) {
        let rungs = rungs((640, 480));
        let runs = |layer: LayerIndex| self.layers[layer.index()].is_some();
        let plan = plan(&rungs, &self.wishes, BOUND, runs);
        for (index, slot) in self.layers.iter_mut().enumerate() {
            let Some(allotted) = plan.iter().find(|allotted| allotted.layer.index() == index) else {
                *slot = None;
                continue;
            };
            let config = SourceConfig {
                rate: allotted.rate,
                smallest: Bitrate::kbps(30),
                largest: Bitrate::kbps(4000),
                ..SourceConfig::default()
            };
            let what = 4 * self.what + index as u64;
            let layer = slot.get_or_insert_with(|| Layer {
                source: Source::new(config, captured, self.seed, what),
                last: None,
            });
            layer.source.set_rate(allotted.rate);
            layer.source.set_target(allotted.bitrate);
        }
    }
}
