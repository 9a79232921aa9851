//! What the media threads know of the network, where the room's thread looks at it once a second: `kiosk::network::count`
//! behind a lock.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use vestibule_common::id::PeerId;
use vestibule_common::time::Time;

use super::stats::Stats;
use crate::kiosk::network::{Counters, NetworkSample, Sampler, Totals};
pub(super) use crate::kiosk::network::{Down, PictureTimes, RoomCount, SoundSpan, Up, VoiceCount};
use crate::video::kind::PictureKind;
use crate::video::ladder::LayerIndex;

/// Shared by the media threads.
#[derive(Default)]
pub(super) struct Gauges {
    totals: Mutex<Totals>,
}

impl Gauges {
    /// The way to the relay is so; `None`: there is none.
    pub(super) fn set_up(&self, up: Option<Up>) {
        self.lock().up = up;
    }

    /// The way from the relay is so; `None`: there is none.
    pub(super) fn set_down(&self, down: Option<Down>) {
        self.lock().down = down;
    }

    /// Something is known of a room, if it is one.
    pub(super) fn of(&self, peer: PeerId, tell: impl FnOnce(&mut RoomCount)) {
        if let Some(room) = self.lock().rooms.get_mut(&peer) {
            tell(room);
        }
    }

    /// A room is heard and shown from now on; where its player counts.
    pub(super) fn add(&self, peer: PeerId) -> Arc<VoiceCount> {
        let room = RoomCount::default();
        let voice = room.voice().clone();
        self.lock().rooms.insert(peer, room);
        voice
    }

    /// Only these rooms are left.
    pub(super) fn keep(&self, rooms: impl Fn(&PeerId) -> bool) {
        self.lock().rooms.retain(|peer, _| rooms(peer));
    }

    /// What has become of everything since `before` looked last.
    pub(super) fn sample(&self, before: &mut Sampler, stats: &Stats, now: Time) -> NetworkSample {
        before.sample(&self.lock(), &counters(stats), now)
    }

    fn lock(&self) -> MutexGuard<'_, Totals> {
        self.totals.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn counters(stats: &Stats) -> Counters {
    Counters {
        sent: (stats.datagrams_sent.total(), stats.bytes_sent.total()),
        received: (stats.datagrams_received.total(), stats.bytes_received.total()),
        sent_again: PictureKind::ALL.into_iter().map(|kind| stats.of(kind).pieces_sent_again.total()).sum(),
        captured: stats.of(PictureKind::Camera).pictures_captured.total(),
        pictures_sent: stats.of(PictureKind::Camera).pictures_sent.total(),
        layers_sent: LayerIndex::ALL.map(|layer| stats.sent(layer).total()),
        lowered: stats.encoding_lowered.total(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kiosk::network::{Layer, Limit, PerSecond};
    use vestibule_common::time::Duration;

    #[test]
    fn every_counter_of_the_page_is_the_threads_own() {
        let (gauges, stats, mut sampler) = (Gauges::default(), Stats::default(), Sampler::default());
        gauges.set_up(Some(Up::default()));
        gauges.sample(&mut sampler, &stats, Time::from_millis(1000));
        stats.bytes_sent.add(125_000 - 28 * 10);
        stats.datagrams_sent.add(10);
        PictureKind::ALL.into_iter().for_each(|kind| stats.of(kind).pieces_sent_again.add(4));
        stats.of(PictureKind::Camera).pictures_captured.add(30);
        // Each picture in two layers, and one that never left.
        stats.sent(LayerIndex::ALL[1]).add(15);
        stats.sent(LayerIndex::ALL[2]).add(15);
        stats.of(PictureKind::Camera).pictures_sent.add(14);
        stats.encoding_lowered.set(1);
        let link = gauges.sample(&mut sampler, &stats, Time::from_millis(2000)).link;
        let per_second = |count| PerSecond::of(count, Duration::from_secs(1));
        assert_eq!(link.up.bitrate.map(|rate| rate.as_bps()), Some(1_000_000));
        assert_eq!(link.up.retransmissions, per_second(8));
        assert_eq!((link.frames_captured, link.frames_sent), (per_second(30), per_second(14)));
        assert_eq!(link.layers.map(|layers| layers.iter().collect()), Some(vec![Layer::P240, Layer::P360]));
        assert_eq!(link.limit, Some(Limit::Device), "the processor does not keep up, and the page says so");
    }
}
