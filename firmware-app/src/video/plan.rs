//! Which layers of the camera are encoded, with how many bits: what the other rooms want, within what the link carries.
//!
//! Pure. As long as nobody has said what is wanted, it is the largest layer alone, with all that the configuration allows.

use vestibule_common::media::ladder;
use vestibule_common::unit::Bitrate;
use vestibule_common::wire::Demanded;

use super::kind::PictureKind;
use super::ladder::{Allotted, LayerIndex, LayerWish, PerLayer, Rung, allot};

/// The layers of the camera that somebody wants, in any order; a layer that is named twice has the higher cap. Empty: nobody
/// wants any. Whoever fills it from the network pushes and looks at the answer: it has room for one a layer.
pub type LayersWanted = PerLayer<LayerWish>;

/// Of what a picture takes on the wire, this is its own.
pub const PAYLOAD: f64 = 0.92;

/// What the relay demands of the camera, as its encoders understand it; `None` for a layer that no ladder has.
pub fn wish(demanded: &Demanded) -> Option<LayerWish> {
    let cap = Bitrate::bps((demanded.cap.as_bps() as f64 * PAYLOAD) as u64);
    // With less than its least it would not be made at all.
    let least = ladder::CAMERA.get(usize::from(demanded.spatial)).map_or(cap, |rung| rung.least);
    let repairs = demanded.repairs;
    Some(LayerWish { layer: LayerIndex::of(demanded.spatial)?, cap: cap.max(least), repairs })
}

/// What is known of the network's wishes.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct VideoWishes {
    /// The layers that are wanted; `None`: nobody has said.
    pub layers: Option<LayersWanted>,
    /// What all layers together may take; `None`: nobody has said.
    pub budget: Option<Bitrate>,
}

impl VideoWishes {
    /// What the repairs of a layer that is sent are to make up for: those of the wish that it is sent for, its own or the next
    /// larger one's.
    pub fn repairs(&self, layer: LayerIndex) -> u8 {
        let wishes = self.layers.iter().flatten().filter(|wish| wish.layer >= layer);
        let nearest = wishes.min_by_key(|wish| (wish.layer, std::cmp::Reverse(wish.repairs)));
        nearest.map_or(0, |wish| wish.repairs)
    }
}

/// What to encode, the smallest layer first. `bound` is the most that the configuration allows for the largest: what the smaller ones
/// take that slow links need is not taken from it, or one such link would cost the others their picture.
/// A layer that is not encoded yet (`runs`) has to fit into seven eighths of the budget, so that one on the brink does not
/// come and go, each time with a keyframe.
pub fn plan(
    rungs: &[Rung],
    wishes: &VideoWishes,
    bound: Bitrate,
    runs: impl Fn(LayerIndex) -> bool,
) -> PerLayer<Allotted> {
    let Some(wanted) = &wishes.layers else {
        let budget = wishes.budget.unwrap_or(bound).min(bound);
        let rate = |top: &Rung| match wishes.budget {
            Some(_) => top.rate_at(budget),
            None => PictureKind::Camera.max_rate(),
        };
        let top = rungs.last().map(|top| Allotted { layer: top.layer, bitrate: budget, rate: rate(top) });
        return top.into_iter().collect();
    };
    let bounded = |wish: &LayerWish| LayerWish { cap: wish.cap.min(bound), ..*wish };
    let wanted: LayersWanted = wanted.iter().map(bounded).collect();
    let wanted = wanted.as_slice();
    let budget = wishes.budget.unwrap_or(Bitrate::bps(u64::from(u32::MAX)));
    let mut allotted = allot(budget, wanted, rungs);
    let sure = allot(Bitrate::bps(budget.as_bps() / 8 * 7), wanted, rungs);
    allotted.retain(|it| runs(it.layer) || sure.iter().any(|sure| sure.layer == it.layer));
    allotted
}

#[cfg(test)]
mod tests {
    use vestibule_common::id::StreamId;

    use super::*;
    use crate::video::ladder::rungs;

    fn wish(layer: u8) -> LayerWish {
        LayerWish { layer: LayerIndex::of(layer).unwrap(), cap: Bitrate::kbps(9_000), repairs: layer }
    }

    fn planned(wishes: &VideoWishes, running: &[usize]) -> Vec<(usize, u64, u32)> {
        let plan = plan(&rungs((640, 480)), wishes, Bitrate::kbps(2_000), |it| running.contains(&it.index()));
        plan.iter().map(|it| (it.layer.index(), it.bitrate.as_bps() / 1000, it.rate)).collect()
    }

    #[test]
    fn unasked_the_largest_layer_is_sent_with_all_there_is() {
        let mut wishes = VideoWishes::default();
        assert_eq!(planned(&wishes, &[]), [(3, 2_000, 30)]);
        wishes.budget = Some(Bitrate::kbps(700));
        assert_eq!(planned(&wishes, &[]), [(3, 700, 15)]);
        wishes.budget = Some(Bitrate::kbps(9_000));
        assert_eq!(planned(&wishes, &[]), [(3, 2_000, 30)], "the configuration's bound stays");
    }

    #[test]
    fn what_is_wanted_stays_within_budget_and_bound() {
        let layers = Some(LayersWanted::from_iter([wish(0), wish(3)]));
        let wishes = VideoWishes { layers, budget: None };
        assert_eq!(planned(&wishes, &[]), [(0, 250, 30), (3, 1_500, 30)]);
        let wishes = |layers| VideoWishes { layers: Some(LayersWanted::from_iter(layers)), budget: None };
        let bounded = |layers| {
            let all = |_| true;
            plan(&rungs((640, 480)), &wishes(layers), Bitrate::kbps(1_000), all).last().map(|it| it.bitrate)
        };
        assert_eq!(bounded(vec![wish(3)]), Some(Bitrate::kbps(1_000)));
        assert_eq!(
            bounded(vec![wish(3), wish(1)]),
            Some(Bitrate::kbps(1_000)),
            "a slow link costs the others nothing"
        );
        let nobody = VideoWishes { layers: Some(LayersWanted::new()), budget: None };
        assert_eq!(planned(&nobody, &[]), []);
    }

    #[test]
    fn whatever_is_demanded_each_layer_stays_within_the_bound() {
        let bound = Bitrate::kbps(1_000);
        for cap in [0, 1, u64::MAX].map(Bitrate::bps) {
            let demanded = (0..16).map(|spatial| Demanded { stream: StreamId(1), spatial, repairs: 3, cap });
            let wishes: Vec<LayerWish> = demanded.filter_map(|demanded| super::wish(&demanded)).collect();
            assert_eq!(wishes.len(), 4, "what no ladder has is nothing");
            let wishes = VideoWishes { layers: Some(wishes.into_iter().collect()), budget: None };
            let plan = plan(&rungs((640, 480)), &wishes, bound, |_| false);
            assert!(plan.len() == 4 && plan.iter().all(|it| it.bitrate <= bound), "{plan:?}");
        }
    }

    #[test]
    fn a_layer_has_the_repairs_of_the_wish_that_it_is_sent_for() {
        let layers = Some(LayersWanted::from_iter([wish(3), wish(1)]));
        let wishes = VideoWishes { layers, budget: None };
        let repairs = LayerIndex::ALL.map(|layer| wishes.repairs(layer));
        assert_eq!(repairs, [1, 1, 3, 3]);
        assert_eq!(VideoWishes::default().repairs(LayerIndex::default()), 0);
    }

    #[test]
    fn a_layer_on_the_brink_stays_as_it_is() {
        let layers = Some(LayersWanted::from_iter([wish(0), wish(3)]));
        let at = |kbps| VideoWishes { layers: layers.clone(), budget: Some(Bitrate::kbps(kbps)) };
        assert_eq!(planned(&at(700), &[0]).len(), 1);
        assert_eq!(planned(&at(700), &[0, 3]).len(), 2);
        assert_eq!(planned(&at(760), &[0]).len(), 2);
        assert_eq!(planned(&at(650), &[0, 3]).len(), 1);
        assert_eq!(planned(&at(10), &[]), [(0, 60, 5)], "the smallest is always sent");
    }
}
