//! The ladder of a camera's layers: which sizes its pictures are sent in, and how a bitrate is divided among them.
//!
//! Pure. Each layer is a stream of pictures of its own (simulcast): none refers to another, so a relay passes on the one
//! that a receiver's link and tile carry. The figures are for H.264 at low complexity and a room with people in it.

use std::fmt;

use heapless::Vec as Fixed;
use vestibule_common::unit::Bitrate;
use vestibule_common::wire::Layer;

use super::kind::{MIN_SIDE, PictureKind};
use super::scale::Scaler;

/// How many layers there are at most.
pub const LAYERS: usize = 4;

/// A list with one entry a layer at most, the smallest layer first.
pub type PerLayer<T> = Fixed<T, LAYERS>;

/// A layer's place on the ladder, 0 to 3: 144p, 240p, 360p and 480p. The same number is its spatial layer on the wire.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct LayerIndex(u8);

impl LayerIndex {
    /// All of them, the smallest first.
    pub const ALL: [LayerIndex; LAYERS] = [LayerIndex(0), LayerIndex(1), LayerIndex(2), LayerIndex(3)];

    /// The layer with this spatial number of the wire, if the ladder has it.
    pub fn of(spatial: u8) -> Option<LayerIndex> {
        LayerIndex::ALL.get(usize::from(spatial)).copied()
    }

    /// As an index: 0 to 3.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }

    /// How the wire says it.
    pub fn wire(self) -> Layer {
        Layer { spatial: self.0, temporal: 0 }
    }

    fn step(self) -> &'static Step {
        &STEPS[self.index()]
    }
}

impl fmt::Display for LayerIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}p", self.step().short)
    }
}

struct Step {
    /// The shorter side, in pixels.
    short: usize,
    /// Below this even 5 pictures a second are mush.
    min: Bitrate,
    /// From this on, 30 pictures a second are good ones.
    comfortable: Bitrate,
    /// Beyond this nobody sees a difference.
    max: Bitrate,
}

#[rustfmt::skip]
const STEPS: [Step; LAYERS] = [
    Step { short: 144, min: Bitrate::kbps(60), comfortable: Bitrate::kbps(120), max: Bitrate::kbps(250) },
    Step { short: 240, min: Bitrate::kbps(150), comfortable: Bitrate::kbps(280), max: Bitrate::kbps(500) },
    Step { short: 360, min: Bitrate::kbps(300), comfortable: Bitrate::kbps(500), max: Bitrate::kbps(900) },
    Step { short: 480, min: Bitrate::kbps(600), comfortable: Bitrate::kbps(900), max: Bitrate::kbps(1_500) },
];

/// Pictures a second of the lowest layer where the bitrate does not even carry its least.
const SLOWEST: u32 = 5;

/// A layer that a camera has.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Rung {
    /// Which.
    pub layer: LayerIndex,
    /// Width and height in pixels, even, in the camera's shape.
    pub size: (usize, usize),
    /// What it needs at least.
    pub min: Bitrate,
    /// What it can use at most.
    pub max: Bitrate,
}

impl Rung {
    /// Pictures a second at this bitrate, 5 to 30: fewer before they become mush.
    pub fn rate_at(&self, bitrate: Bitrate) -> u32 {
        let comfortable = self.layer.step().comfortable.as_bps();
        match bitrate.as_bps() * 100 / comfortable {
            100.. => PictureKind::Camera.max_rate(),
            75..100 => 15,
            50..75 => 10,
            0..50 => SLOWEST,
        }
    }
}

/// The layers of a camera with pictures of this width and height, the smallest first. The largest has the size that the
/// camera's pictures are sent in without layers, and the name of the step that it reaches; none is scaled up.
pub fn rungs((width, height): (usize, usize)) -> PerLayer<Rung> {
    let kind = PictureKind::Camera;
    let small = width.min(height) < MIN_SIDE;
    let fits = small || kind.allows(width, height);
    let whole = if fits { (width, height) } else { Scaler::fit(width, height, kind.largest()) };
    let whole = (whole.0 & !1, whole.1 & !1);
    let short = whole.0.min(whole.1);
    let top = STEPS.iter().rposition(|step| step.short <= short).unwrap_or(0);
    let scaled = |short_side: usize| {
        let side = |pixels: usize| (pixels * short_side / short.max(1)) & !1;
        (side(whole.0), side(whole.1))
    };
    let rung = |(layer, step): (&LayerIndex, &Step)| {
        let size = if layer.index() == top { whole } else { scaled(step.short) };
        let Step { min, max, .. } = *step;
        kind.allows(size.0, size.1).then_some(Rung { layer: *layer, size, min, max })
    };
    LayerIndex::ALL.iter().zip(&STEPS).take(top + 1).filter_map(rung).collect()
}

/// A layer that somebody wants.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct LayerWish {
    /// Which. One above the camera's largest means the largest.
    pub layer: LayerIndex,
    /// The most that any of those who want it can take.
    pub cap: Bitrate,
    /// What its repairs are to make up for, as `Demanded::repairs` of the wire.
    pub repairs: u8,
}

/// What a layer gets.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Allotted {
    /// Which.
    pub layer: LayerIndex,
    /// What it may take in the long run.
    pub bitrate: Bitrate,
    /// Pictures a second.
    pub rate: u32,
}

/// Divides `budget` among the layers that are wanted, of those that there are; the smallest comes first.
///
/// From the smallest up each gets its least, if that is left and within its cap, or it is left out; the smallest always
/// gets it, be it at 5 pictures a second. What then remains is shared in proportion to what each can still use. So all of
/// them together get no more than the budget or the least of the smallest.
pub fn allot(budget: Bitrate, wanted: &[LayerWish], rungs: &[Rung]) -> PerLayer<Allotted> {
    let mut left = budget.as_bps();
    // Each with what it can use beyond its least.
    let mut chosen: PerLayer<(Rung, u64)> = PerLayer::new();
    for (rung, cap) in wanted_rungs(wanted, rungs) {
        let (min, max) = (rung.min.as_bps(), rung.max.min(cap).as_bps());
        let lowest = chosen.is_empty();
        if lowest || (min <= max && min <= left) {
            left = left.saturating_sub(min);
            // There are no more rungs than room for them.
            let _ = chosen.push((rung, max.saturating_sub(min)));
        }
    }
    let usable: u64 = chosen.iter().map(|(_, more)| more).sum();
    let shared = left.min(usable);
    let lowest = chosen.first().map(|(rung, _)| rung.layer);
    let allotted = chosen.iter().map(|(rung, more)| {
        let share = (u128::from(*more) * u128::from(shared)).checked_div(u128::from(usable)).unwrap_or(0);
        let bitrate = Bitrate::bps(rung.min.as_bps() + u64::try_from(share).unwrap_or(u64::MAX));
        let starved = Some(rung.layer) == lowest && budget < rung.min;
        let rate = if starved { SLOWEST } else { rung.rate_at(bitrate) };
        Allotted { layer: rung.layer, bitrate, rate }
    });
    allotted.collect()
}

/// The rungs that are wanted, each once, the smallest first, with the highest cap that was named.
fn wanted_rungs(wanted: &[LayerWish], rungs: &[Rung]) -> PerLayer<(Rung, Bitrate)> {
    let Some(top) = rungs.last() else { return PerLayer::new() };
    let with_cap = |rung: &Rung| {
        let of_this = |wish: &&LayerWish| wish.layer.min(top.layer) == rung.layer;
        let cap = wanted.iter().filter(of_this).map(|wish| wish.cap).max()?;
        Some((*rung, cap))
    };
    rungs.iter().filter_map(with_cap).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What the relay shares among layers and what the encoders make of it are one ladder.
    #[test]
    fn the_relays_ladder_is_this_one_on_the_wire() {
        use super::super::plan::PAYLOAD;
        use vestibule_common::media::ladder::CAMERA;
        for (step, rung) in STEPS.iter().zip(&CAMERA) {
            let most = Bitrate::bps((rung.most.as_bps() as f64 * PAYLOAD) as u64);
            assert_eq!((step.short, step.min), (rung.height as usize, rung.least));
            assert!(most <= step.max, "{}p: {most:?} is never made", step.short);
        }
    }

    fn sizes(camera: (usize, usize)) -> Vec<(usize, usize)> {
        rungs(camera).iter().map(|rung| rung.size).collect()
    }

    #[test]
    fn layers_keep_the_cameras_shape_and_none_is_scaled_up() {
        assert_eq!(sizes((640, 480)), [(192, 144), (320, 240), (480, 360), (640, 480)]);
        assert_eq!(sizes((640, 360)), [(256, 144), (426, 240), (640, 360)]);
        assert_eq!(sizes((480, 640)), [(144, 192), (240, 320), (360, 480), (480, 640)]);
        assert_eq!(sizes((1280, 720)), sizes((640, 360)), "a large camera is scaled down as before");
        assert_eq!(sizes((640, 400)), [(230, 144), (384, 240), (640, 400)]);
        assert_eq!(sizes((160, 120)), [(160, 120)]);
        assert_eq!(sizes((16, 16)), [(16, 16)]);
        assert_eq!(sizes((0, 0)), []);
        let names: Vec<String> = rungs((640, 480)).iter().map(|rung| rung.layer.to_string()).collect();
        assert_eq!(names, ["144p", "240p", "360p", "480p"]);
    }

    #[test]
    fn fewer_pictures_come_before_mush() {
        for rung in rungs((640, 480)) {
            let step = rung.layer.step();
            assert_eq!((rung.rate_at(step.comfortable), rung.rate_at(rung.max)), (30, 30));
            assert!((5..30).contains(&rung.rate_at(rung.min)), "{}", rung.layer);
            assert_eq!(rung.rate_at(Bitrate::bps(0)), 5);
        }
    }

    fn wish(layer: u8, kbps: u64) -> LayerWish {
        LayerWish { layer: LayerIndex::of(layer).unwrap(), cap: Bitrate::kbps(kbps), repairs: 0 }
    }

    fn given(budget: u64, wanted: &[LayerWish], camera: (usize, usize)) -> Vec<(usize, u64, u32)> {
        let allotted = allot(Bitrate::kbps(budget), wanted, &rungs(camera));
        allotted.iter().map(|it| (it.layer.index(), it.bitrate.as_bps() / 1000, it.rate)).collect()
    }

    #[test]
    fn a_budget_goes_to_the_lower_layers_first_and_then_to_all() {
        let all = [wish(3, 9_000), wish(0, 9_000), wish(1, 9_000), wish(2, 9_000)];
        let vga = (640, 480);
        assert_eq!(given(20, &all, vga), [(0, 60, 5)]);
        assert_eq!(given(60, &all, vga), [(0, 60, 10)]);
        assert_eq!(given(210, &all, vga), [(0, 60, 10), (1, 150, 10)]);
        assert_eq!(given(1_100, &all, vga).len(), 3, "480p would not get its least");
        assert_eq!(given(1_110, &all, vga), [(0, 60, 10), (1, 150, 10), (2, 300, 10), (3, 600, 10)]);
        assert_eq!(given(9_000, &all, vga), [(0, 250, 30), (1, 500, 30), (2, 900, 30), (3, 1_500, 30)]);
        assert_eq!(given(9_000, &[wish(3, 800), wish(1, 200)], vga), [(1, 200, 10), (3, 800, 15)]);
        assert_eq!(given(9_000, &[wish(3, 500), wish(1, 9_000)], vga), [(1, 500, 30)], "its cap is too low");
        assert_eq!(given(9_000, &[wish(3, 9_000), wish(2, 100)], (640, 360)), [(2, 900, 30)]);
        assert_eq!(given(9_000, &[], vga), []);
    }

    fn wishes() -> impl Strategy<Value = Vec<LayerWish>> {
        proptest::collection::vec((0_u8..4, 0_u64..3_000).prop_map(|(layer, cap)| wish(layer, cap)), 0..6)
    }

    proptest! {
        #[test]
        fn no_more_is_allotted_than_there_is_and_nobody_gets_more_than_it_can_use(
            budget in 0_u64..5_000,
            wanted in wishes(),
            camera in (16_usize..1_300, 16_usize..1_300),
        ) {
            let rungs = rungs(camera);
            let allotted = allot(Bitrate::kbps(budget), &wanted, &rungs);
            let sum: u64 = allotted.iter().map(|it| it.bitrate.as_bps()).sum();
            let rung = |layer| rungs.iter().find(|rung| rung.layer == layer).unwrap();
            let least = allotted.first().map_or(0, |it| rung(it.layer).min.as_bps());
            prop_assert!(sum <= (budget * 1000).max(least));
            prop_assert_eq!(allotted.is_empty(), wanted.is_empty() || rungs.is_empty());
            prop_assert!(allotted.windows(2).all(|pair| pair[0].layer < pair[1].layer));
            for (n, it) in allotted.iter().enumerate() {
                let rung = rung(it.layer);
                let top = rungs.last().unwrap().layer;
                let cap = wanted.iter().filter(|wish| wish.layer.min(top) == it.layer).map(|wish| wish.cap);
                let cap = cap.max().unwrap();
                prop_assert!((rung.min..=rung.max).contains(&it.bitrate) && (5..=30).contains(&it.rate));
                prop_assert!(it.bitrate <= cap || n == 0 && it.bitrate == rung.min);
            }
        }

        #[test]
        fn every_layer_is_a_picture_that_rooms_may_show_in_the_cameras_shape(
            camera in (16_usize..4_000, 16_usize..4_000),
        ) {
            let rungs = rungs(camera);
            prop_assert!(rungs.windows(2).all(|pair| pair[0].size < pair[1].size));
            for Rung { size: (width, height), .. } in rungs {
                prop_assert!(PictureKind::Camera.allows(width, height) && width % 2 == 0 && height % 2 == 0);
                prop_assert_eq!(width >= height, camera.0 >= camera.1 || width == height);
            }
        }
    }
}
