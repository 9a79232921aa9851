//! Which layer of a stream of sound goes to whom. Each frame is complete in either, so a receiver changes over at any, and gets the
//! other one where its own is missing: when a sender stops making plain samples, when it has not begun to code, and for
//! what is lost on the way here.

use vestibule_common::media::voice::{CODED_LAYER, PCM_LAYER};
use vestibule_common::time::{Duration, Time};
use vestibule_common::unit::Bitrate;

/// Coded sound of which nothing came for so long is not made: its sender says silence more often.
const LIVE: Duration = Duration::from_millis(600);
/// Whoever goes over to coded sound gets both layers for so long, so that its decoder is in step by then.
const BOTH: Duration = Duration::from_millis(80);

/// What has come of one stream of sound.
#[derive(Clone, Default)]
pub(super) struct SoundLayers {
    /// The newest frame of plain samples, and bit `n` for the one `n` before it.
    plain: Option<(u32, u64)>,
    coded: Option<Time>,
}

/// What one receiver is to get of all sounds.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct SoundWish {
    /// Coded sound rather than plain samples.
    pub(super) coded: bool,
    /// How many earlier frames its packets should repeat.
    pub(super) repeats: u8,
    /// What one sound may take.
    pub(super) cap: Bitrate,
    /// Since when.
    pub(super) since: Time,
}

impl SoundLayers {
    /// A frame came.
    pub(super) fn see(&mut self, layer: u8, frame: u32, now: Time) {
        if layer != PCM_LAYER {
            self.coded = Some(now);
            return;
        }
        self.plain = Some(match self.plain {
            Some((newest, seen)) => match frame.wrapping_sub(newest) as i32 {
                ahead @ 1..=63 => (frame, seen << ahead | 1),
                behind @ -63..=0 => (newest, seen | 1 << -behind),
                _ => (frame, 1),
            },
            None => (frame, 1),
        });
    }

    /// Whether a receiver gets this frame, which was the last one seen. `decodes`: it can make use of coded sound.
    pub(super) fn takes(&self, wish: &SoundWish, decodes: bool, layer: u8, frame: u32, now: Time) -> bool {
        let coded = wish.coded && decodes;
        match layer {
            PCM_LAYER => {
                let live = self.coded.is_some_and(|at| now.since(at) < LIVE);
                !coded || !live || now.since(wish.since) < BOTH
            }
            CODED_LAYER => decodes && (coded || !self.has_plain(frame)),
            _ => false,
        }
    }

    fn has_plain(&self, frame: u32) -> bool {
        self.plain.is_some_and(|(newest, seen)| {
            let behind = newest.wrapping_sub(frame);
            behind < 64 && seen >> behind & 1 == 1
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Time = Time::from_millis(60_000);
    const PLAIN: SoundWish =
        SoundWish { coded: false, repeats: 0, cap: Bitrate::kbps(840), since: Time::from_millis(1_000) };
    const CODED: SoundWish = SoundWish { coded: true, ..PLAIN };

    /// Both layers of frames come at these times, in ms; which of them each receiver gets.
    fn got(frames: &[(u32, u8, u64)], wish: SoundWish, decodes: bool) -> Vec<(u32, u8)> {
        let mut layers = SoundLayers::default();
        let takes = |(frame, layer, ms): &(u32, u8, u64)| {
            let now = AT + Duration::from_millis(*ms);
            layers.see(*layer, *frame, now);
            layers.takes(&wish, decodes, *layer, *frame, now).then_some((*frame, *layer))
        };
        frames.iter().filter_map(takes).collect()
    }

    #[test]
    fn each_gets_its_layer_and_the_other_one_where_that_is_missing() {
        let both = [(1, 0, 0), (1, 1, 0), (2, 0, 10), (2, 1, 10), (3, 1, 20), (4, 0, 30), (4, 1, 30)];
        assert_eq!(got(&both, PLAIN, true), [(1, 0), (2, 0), (3, 1), (4, 0)], "3 was lost on its way here");
        assert_eq!(got(&both, CODED, true), [(1, 0), (1, 1), (2, 1), (3, 1), (4, 1)]);
        assert_eq!(got(&both, CODED, false), [(1, 0), (2, 0), (4, 0)], "it cannot decode");
    }

    #[test]
    fn when_coded_sound_stops_plain_samples_go_on() {
        let stops = [(1, 1, 0), (2, 0, 10), (70, 0, 599), (71, 0, 610), (72, 1, 620), (73, 0, 630)];
        assert_eq!(got(&stops, CODED, true), [(1, 1), (71, 0), (72, 1)]);
    }

    #[test]
    fn going_over_there_is_both_for_a_moment() {
        let wish = SoundWish { since: AT, ..CODED };
        let frames: Vec<(u32, u8, u64)> =
            (0..12).flat_map(|n| [(n, 1, u64::from(n) * 10), (n, 0, u64::from(n) * 10)]).collect();
        let plain = got(&frames, wish, true).iter().filter(|(_, layer)| *layer == 0).count();
        assert_eq!(plain, 8);
    }

    #[test]
    fn numbers_wrap_and_start_anew() {
        let mut layers = SoundLayers::default();
        for frame in [u32::MAX, 1, 0] {
            layers.see(0, frame, AT);
        }
        assert_eq!([u32::MAX, 0, 1, 2].map(|frame| layers.has_plain(frame)), [true, true, true, false]);
        layers.see(0, 5_000, AT);
        assert_eq!([5_000, 4_999, 1].map(|frame| layers.has_plain(frame)), [true, false, false]);
    }
}
