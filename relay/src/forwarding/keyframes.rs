//! Keyframe requests, coalesced: a room full of viewers that lose the same packet must not cost a burst of keyframes.
//!
//! The first request for a stream goes on at once; further ones are remembered and go on together when the interval is
//! over, so that none is lost.

use std::collections::BTreeMap;

use vestibule_common::control::Streams;
use vestibule_common::id::StreamId;
use vestibule_common::time::{Duration, Time};
use vestibule_common::wire::KeyframeRequest;

/// At most one request a stream in this span.
const INTERVAL: Duration = Duration::from_millis(200);

#[derive(Default)]
struct Wanted {
    /// No request goes on before.
    not_before: Time,
    /// Bit `n`: a keyframe of spatial layer `n` is wanted.
    layers: u16,
    /// Layers up to this one had their turn: none keeps another waiting by asking again and again.
    turn: u32,
}

#[derive(Default)]
pub(super) struct Keyframes {
    /// Every stream that shows pictures; made when its owner joins, so that a request allocates nothing.
    streams: BTreeMap<StreamId, Wanted>,
    due: Option<Time>,
}

impl Keyframes {
    pub(super) fn open(&mut self, streams: Streams) {
        self.streams.insert(streams.video, Wanted::default());
        self.streams.insert(streams.presentation, Wanted::default());
    }

    pub(super) fn close(&mut self, stream: StreamId) {
        self.streams.remove(&stream);
        self.find_due();
    }

    /// Remembers a request; `false` for a stream that shows no pictures.
    pub(super) fn want(&mut self, request: KeyframeRequest) -> bool {
        let Some(wanted) = self.streams.get_mut(&request.stream) else { return false };
        wanted.layers |= 1 << (request.spatial & 15);
        self.due = Some(self.due.map_or(wanted.not_before, |due| due.min(wanted.not_before)));
        true
    }

    /// When the next request is to go on.
    pub(super) fn due(&self) -> Option<Time> {
        self.due
    }

    /// A request that is to go on by now; of several layers the lowest first, then one after the other.
    pub(super) fn take_due(&mut self, now: Time) -> Option<KeyframeRequest> {
        self.due.filter(|due| *due <= now)?;
        let ready = |wanted: &Wanted| wanted.layers != 0 && wanted.not_before <= now;
        let found = self.streams.iter_mut().find(|(_, wanted)| ready(wanted)).map(|(stream, wanted)| {
            let later = wanted.layers & u16::MAX.checked_shl(wanted.turn).unwrap_or(0);
            let spatial = if later != 0 { later } else { wanted.layers }.trailing_zeros();
            wanted.layers &= !(1 << spatial);
            wanted.turn = spatial + 1;
            let spatial = spatial as u8;
            wanted.not_before = now + INTERVAL;
            KeyframeRequest { stream: *stream, spatial }
        });
        self.find_due();
        found
    }

    fn find_due(&mut self) {
        let waiting = self.streams.values().filter(|wanted| wanted.layers != 0);
        self.due = waiting.map(|wanted| wanted.not_before).min();
    }
}
