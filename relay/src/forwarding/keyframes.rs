//! Keyframe requests, coalesced: a room full of viewers that lose the same packet must not cost a burst of keyframes.
//!
//! The first request for a stream goes on at once; further ones are remembered and go on together when the interval is
//! over, so that none is lost. A keyframe takes from the pictures of all who see the stream, so one receiver alone gets few, those that the
//! relay asks for in its place among them.

use std::collections::BTreeMap;

use vestibule_common::control::Streams;
use vestibule_common::id::StreamId;
use vestibule_common::time::{Duration, Time};
use vestibule_common::wire::KeyframeRequest;

use super::Slot;
use crate::rate::{Bucket, Rate};

/// At most one request a stream in this span.
const INTERVAL: Duration = Duration::from_millis(200);

/// One receiver's requests for one stream: so many in a span, and at once; and those of one whose way down does not carry the stream,
/// which would miss the next frame too.
const REQUESTS: (u32, Duration, u32) = (1, Duration::from_secs(1), 4);
const REQUESTS_TOO_SLOW: (u32, Duration, u32) = (1, Duration::from_secs(5), 1);
/// Receivers whose requests are counted for each stream; of more, those that asked longest ago are forgotten.
const ASKERS: usize = 16;

#[derive(Default)]
struct Wanted {
    /// No request goes on before.
    not_before: Time,
    /// Bit `n`: a keyframe of spatial layer `n` is wanted.
    layers: u16,
    /// Layers up to this one had their turn: none keeps another waiting by asking again and again.
    turn: u32,
    askers: [(Slot, Bucket); ASKERS],
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

    /// Whether this receiver's request for a stream counts, after those that it made before. `too_slow`: its way down does not carry it.
    pub(super) fn allows(&mut self, stream: StreamId, slot: Slot, too_slow: bool, now: Time) -> bool {
        let Some(wanted) = self.streams.get_mut(&stream) else { return true };
        let (count, span, burst) = if too_slow { REQUESTS_TOO_SLOW } else { REQUESTS };
        let rate = Rate::new(count, span, burst);
        let known = wanted.askers.iter().position(|(asker, bucket)| *asker == slot && !bucket.is_full(now));
        // Whoever asked most has the longest to wait: nobody's requests are forgotten by its own.
        let place = known.or_else(|| {
            let places = wanted.askers.iter().enumerate();
            places.min_by_key(|(_, (_, bucket))| bucket.full_at()).map(|(place, _)| place)
        });
        let Some((asker, bucket)) = place.map(|place| &mut wanted.askers[place]) else { return true };
        if known.is_none() {
            (*asker, *bucket) = (slot, Bucket::default());
        }
        bucket.try_take(&rate, now).is_ok()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_receiver_gets_few_and_the_others_theirs() {
        let mut keyframes = Keyframes::default();
        let [audio, video, presentation, file] = [1, 2, 3, 4].map(StreamId);
        keyframes.open(Streams { audio, video, presentation, file });
        let mut allowed = |slot, ms| keyframes.allows(video, slot, false, Time::from_millis(ms));
        assert_eq!((0..100).filter(|_| allowed(7, 1000)).count(), 4);
        assert_eq!((0..100).filter(|ms| allowed(7, 1000 + ms * 40)).count(), 3, "in four seconds");
        // More than are counted, and the flood goes on.
        assert!((100..150).all(|slot| allowed(slot, 4990) && !allowed(7, 4990)));
        assert!(allowed(7, 10_000) && allowed(8, 10_000));
        let mut slow = |ms| keyframes.allows(presentation, 7, true, Time::from_millis(ms));
        assert_eq!((0..400).filter(|n| slow(20_000 + n * 50)).count(), 4, "in twenty seconds");
    }
}
