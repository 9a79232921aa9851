//! The ladder of picture sizes, and how a budget is shared among pictures that could use it: by the relay among the streams that a
//! receiver shows, by a sender among its layers.

use heapless::Vec;

use crate::unit::Bitrate;

/// A rung of the ladder.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Rung {
    /// Its shorter side, in pixels.
    pub height: u32,
    /// With less it is worse than the rung below it.
    pub least: Bitrate,
    /// More is of little use.
    pub most: Bitrate,
}

/// A camera's layers, by their number; rates at IP level. The most of the largest is what 1,500 kbit/s of its encoder's take there.
pub const CAMERA: [Rung; 4] = [
    Rung { height: 144, least: Bitrate::kbps(60), most: Bitrate::kbps(250) },
    Rung { height: 240, least: Bitrate::kbps(150), most: Bitrate::kbps(500) },
    Rung { height: 360, least: Bitrate::kbps(300), most: Bitrate::kbps(900) },
    Rung { height: 480, least: Bitrate::kbps(600), most: Bitrate::kbps(1630) },
];
/// A presentation's only layer.
pub const PRESENTATION: [Rung; 1] =
    [Rung { height: 800, least: Bitrate::kbps(200), most: Bitrate::kbps(3000) }];

/// The most streams that are shared among.
pub const MAX_WANTS: usize = 96;
/// A higher rung than before needs so many hundredths of the budget that it takes: no flapping.
const UP: u64 = 115;

/// A stream that could use some of the budget.
#[derive(Copy, Clone, Debug)]
pub struct Want {
    /// Its ladder.
    pub rungs: &'static [Rung],
    /// The highest of them that is of use.
    pub highest: u8,
    /// The one that it had before.
    pub before: u8,
}

/// What a stream gets.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Share {
    /// The rung.
    pub rung: u8,
    /// What it may take.
    pub cap: Bitrate,
}

/// Shares a budget among streams, the most important first: the lowest rung to each, whatever the budget; then a rung more to one
/// after the other, as long as what each needs at least fits; what is left by how much each could use.
pub fn share(budget: Bitrate, wants: &[Want]) -> Vec<Share, MAX_WANTS> {
    let budget = budget.as_bps();
    let least = |want: &Want, rung: u8| want.rungs[usize::from(rung)].least.as_bps();
    let wants = &wants[..wants.len().min(MAX_WANTS)];
    let mut rungs: Vec<u8, MAX_WANTS> = wants.iter().map(|_| 0).collect();
    let mut taken: u64 = wants.iter().map(|want| least(want, 0)).sum();
    loop {
        let before = taken;
        for (want, rung) in wants.iter().zip(&mut rungs) {
            let next = *rung + 1;
            if next > want.highest || usize::from(next) >= want.rungs.len() {
                continue;
            }
            let then = taken - least(want, *rung) + least(want, next);
            let needed = if next > want.before { then.saturating_mul(UP) / 100 } else { then };
            if needed <= budget {
                (*rung, taken) = (next, then);
            }
        }
        if taken == before {
            break;
        }
    }
    let room = |want: &Want, rung: u8| want.rungs[usize::from(rung)].most.as_bps() - least(want, rung);
    let rooms: u64 = wants.iter().zip(&rungs).map(|(want, rung)| room(want, *rung)).sum();
    let left = budget.saturating_sub(taken).min(rooms);
    let shares = wants.iter().zip(&rungs).map(|(want, rung)| {
        let more = u128::from(left) * u128::from(room(want, *rung));
        let more = more.checked_div(u128::from(rooms)).unwrap_or(0) as u64;
        Share { rung: *rung, cap: Bitrate::bps(least(want, *rung) + more) }
    });
    shares.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn camera(highest: u8, before: u8) -> Want {
        Want { rungs: &CAMERA, highest, before }
    }

    /// Rungs and caps in kbit/s.
    fn shared(kbps: u64, wants: &[Want]) -> std::vec::Vec<(u8, u64)> {
        share(Bitrate::kbps(kbps), wants)
            .iter()
            .map(|share| (share.rung, share.cap.as_bps() / 1000))
            .collect()
    }

    #[test]
    fn one_stream_gets_the_rung_that_fits_and_all_that_is_left() {
        let alone = |kbps| shared(kbps, &[camera(3, 0)])[0];
        assert_eq!(alone(0), (0, 60));
        assert_eq!(alone(100), (0, 100));
        assert_eq!(alone(180), (1, 180));
        assert_eq!(alone(400), (2, 400));
        assert_eq!(alone(5000), (3, 1630));
        assert_eq!(shared(5000, &[camera(1, 0)]), [(1, 500)], "no more than is of use");
    }

    #[test]
    fn a_rung_is_kept_on_less_than_it_was_reached_with() {
        assert_eq!(shared(640, &[camera(3, 2)])[0].0, 2);
        assert_eq!(shared(640, &[camera(3, 3)])[0].0, 3);
        assert_eq!(shared(590, &[camera(3, 3)])[0].0, 2);
    }

    #[test]
    fn the_important_climb_first_and_nobody_is_left_out() {
        let wants = [camera(3, 0), camera(1, 0), camera(1, 0)];
        assert_eq!(shared(100, &wants).iter().map(|share| share.0).collect::<std::vec::Vec<_>>(), [0, 0, 0]);
        assert_eq!(shared(320, &wants).iter().map(|share| share.0).collect::<std::vec::Vec<_>>(), [1, 0, 0]);
        assert_eq!(shared(4000, &wants), [(3, 1630), (1, 500), (1, 500)]);
        let shown = Want { rungs: &PRESENTATION, highest: 0, before: 0 };
        assert_eq!(shared(1000, &[shown, camera(0, 0)])[0].0, 0);
    }

    proptest! {
        #[test]
        fn it_never_gives_more_than_there_is_but_for_the_lowest_rungs(
            kbps in 0u64..20_000,
            wants in prop::collection::vec((0u8..4, 0u8..4), 0..40),
        ) {
            let wants: std::vec::Vec<Want> = wants.iter().map(|(highest, before)| camera(*highest, *before)).collect();
            let shares = share(Bitrate::kbps(kbps), &wants);
            prop_assert_eq!(shares.len(), wants.len());
            let sum: u64 = shares.iter().map(|share| share.cap.as_bps()).sum();
            prop_assert!(sum <= (kbps * 1000).max(wants.len() as u64 * 60_000));
            for (share, want) in shares.iter().zip(&wants) {
                let rung = CAMERA[usize::from(share.rung)];
                prop_assert!(share.rung <= want.highest && (rung.least..=rung.most).contains(&share.cap));
            }
        }
    }
}
