//! Which layer of a stream of sound goes to whom. Each frame is complete in either, so a receiver changes over at any, and gets the
//! other one where its own is missing: when a sender stops making plain samples, when it has not begun to code, and for
//! what is lost on the way here.

use vestibule_common::media::voice::{CODED_LAYER, PCM_LAYER};
use vestibule_common::time::{Duration, Time};
use vestibule_common::unit::Bitrate;

/// Coded sound of which nothing came for so long is not made: its sender says silence more often.
const LIVE: Duration = Duration::from_millis(600);
/// Whoever goes over to coded sound gets both layers for so long from its first frame on, so that its decoder is in step by then; and so
/// does everyone when a stream begins to be coded, which may be all that there will be of it.
const BOTH: Duration = Duration::from_millis(80);

/// What has come of one stream of sound.
#[derive(Clone, Default)]
pub(super) struct SoundLayers {
    /// The newest frame of plain samples, and bit `n` for the one `n` before it.
    plain: Option<(u32, u64)>,
    coded: Option<Time>,
    /// Since when it is coded.
    coded_since: Time,
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
            if !self.is_coded(now) {
                self.coded_since = now;
            }
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
        let begins = now.since(self.coded_since) < BOTH;
        match layer {
            PCM_LAYER => !coded || !self.is_coded(now) || begins || now.since(wish.since) < BOTH,
            CODED_LAYER => decodes && (coded || begins || !self.has_plain(frame)),
            _ => false,
        }
    }

    fn is_coded(&self, now: Time) -> bool {
        self.coded.is_some_and(|at| now.since(at) < LIVE)
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
        let both = [
            (1, 1, 0),
            (11, 0, 100),
            (11, 1, 100),
            (12, 0, 110),
            (12, 1, 110),
            (13, 1, 120),
            (14, 0, 130),
            (14, 1, 130),
        ];
        assert_eq!(
            got(&both, PLAIN, true)[1..],
            [(11, 0), (12, 0), (13, 1), (14, 0)],
            "13 was lost on its way here"
        );
        assert_eq!(got(&both, CODED, true)[1..], [(11, 1), (12, 1), (13, 1), (14, 1)]);
        assert_eq!(got(&both, CODED, false), [(11, 0), (12, 0), (14, 0)], "it cannot decode");
    }

    #[test]
    fn when_coded_sound_stops_plain_samples_go_on() {
        let stops = [(1, 1, 0), (9, 0, 80), (70, 0, 599), (71, 0, 610), (72, 1, 620), (82, 0, 720)];
        assert_eq!(got(&stops, CODED, true), [(1, 1), (71, 0), (72, 1)]);
    }

    #[test]
    fn going_over_there_is_both_for_a_moment() {
        let count = |wish: SoundWish, coded_from: u32, layer: u8| {
            let coded = |n: u32| (n >= coded_from).then_some((n, 1, u64::from(n) * 10));
            let frames: Vec<(u32, u8, u64)> =
                (0..40).flat_map(|n| [(n, 0, u64::from(n) * 10)].into_iter().chain(coded(n))).collect();
            got(&frames, wish, true).iter().filter(|(_, of)| *of == layer).count()
        };
        let now = SoundWish { since: AT, ..CODED };
        assert_eq!(count(now, 0, 0), 8);
        assert_eq!(count(now, 12, 0), 12 + 8, "its sender began a round trip later");
        assert_eq!(count(PLAIN, 12, 1), 8, "the decoders of those who hear plain samples are in step too");
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
