//! What of a picture can be seen: its tile's rounded shape without whatever lies over it, as rectangles. All in the
//! window's whole pixels.

use druid::Rect;

/// The parts of a picture at `place` within its `tile`, whose corners have this radius, that nothing in `covers` lies
/// over. No two overlap.
pub(super) fn visible(tile: Rect, place: Rect, radius: f64, covers: &[Rect]) -> Vec<Rect> {
    let covers: Vec<Rect> = covers.iter().map(|cover| cover.expand()).collect();
    let parts = rounded(tile, radius, Bound::Inner).into_iter().map(|part| part.intersect(place));
    parts.filter(is_some).flat_map(|part| without(part, &covers)).collect()
}

/// On which side of a round corner's edge the pixels belong that it cuts.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum Bound {
    /// Outside: what is within is wholly within.
    Inner,
    /// Inside: whatever is touched is within.
    Outer,
}

/// A rectangle with round corners, in rectangles that do not overlap: the rows of its upper and lower edge, and all between.
pub(super) fn rounded(rect: Rect, radius: f64, bound: Bound) -> Vec<Rect> {
    let radius = radius.min(rect.width() / 2.0).min(rect.height() / 2.0).max(0.0);
    let rows = radius.ceil().min((rect.height() / 2.0).floor());
    let mut parts = vec![Rect { y0: rect.y0 + rows, y1: rect.y1 - rows, ..rect }];
    for row in 0..rows as usize {
        let row = row as f64;
        // Of a row's two sides the upper one is cut more.
        let up = match bound {
            Bound::Inner => radius - row,
            Bound::Outer => radius - row - 1.0,
        };
        let cut = radius - (radius * radius - up * up).max(0.0).sqrt();
        let cut = match bound {
            Bound::Inner => cut.ceil(),
            Bound::Outer => cut.floor(),
        };
        let line = Rect { x0: rect.x0 + cut, x1: rect.x1 - cut, y0: rect.y0 + row, y1: rect.y0 + row + 1.0 };
        parts.push(line);
        parts.push(Rect { y0: rect.y1 - row - 1.0, y1: rect.y1 - row, ..line });
    }
    parts.retain(is_some);
    parts
}

/// What is left of `part` beside all of `covers`, in rectangles that do not overlap.
pub(super) fn without(part: Rect, covers: &[Rect]) -> Vec<Rect> {
    covers
        .iter()
        .fold(vec![part], |parts, cover| parts.into_iter().flat_map(|part| beside(part, *cover)).collect())
}

/// What is left of `part` above, below, left and right of `cover`.
fn beside(part: Rect, cover: Rect) -> impl Iterator<Item = Rect> {
    let over = part.intersect(cover);
    let pieces = if is_some(&over) {
        [
            Rect { y1: over.y0, ..part },
            Rect { y0: over.y1, ..part },
            Rect { x1: over.x0, y0: over.y0, y1: over.y1, ..part },
            Rect { x0: over.x1, y0: over.y0, y1: over.y1, ..part },
        ]
    } else {
        [part, Rect::ZERO, Rect::ZERO, Rect::ZERO]
    };
    pieces.into_iter().filter(is_some)
}

fn is_some(rect: &Rect) -> bool {
    rect.width() > 0.0 && rect.height() > 0.0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn small() -> impl Strategy<Value = Rect> {
        (0..40, 0..40, 1..30, 1..30).prop_map(|(x, y, width, height)| {
            let [x, y, width, height] = [x, y, width, height].map(f64::from);
            Rect::new(x, y, x + width, y + height)
        })
    }

    proptest! {
        /// Pixel by pixel: every one that is within the picture and under no cover is seen exactly once, but for corners.
        #[test]
        fn every_pixel_is_seen_once_or_covered(tile in small(), place in small(), covers in proptest::collection::vec(small(), 0..4)) {
            let parts = visible(tile, place, 0.0, &covers);
            for y in 0..70 {
                for x in 0..70 {
                    let middle = druid::Point::new(f64::from(x) + 0.5, f64::from(y) + 0.5);
                    let wanted = tile.contains(middle)
                        && place.contains(middle)
                        && !covers.iter().any(|cover| cover.contains(middle));
                    let times = parts.iter().filter(|part| part.contains(middle)).count();
                    prop_assert_eq!(times, usize::from(wanted), "{} {}", x, y);
                }
            }
        }
    }

    #[test]
    fn the_pixels_that_a_round_corner_cuts_are_on_the_wanted_side() {
        let rect = Rect::new(10.0, 10.0, 110.0, 90.0);
        // What a quarter of a circle leaves of four squares.
        let exact = (4.0 - std::f64::consts::PI) * 14.0 * 14.0;
        for (bound, cut_off) in [(Bound::Inner, exact..exact + 110.0), (Bound::Outer, exact - 110.0..exact)] {
            let parts = rounded(rect, 14.0, bound);
            let area = rect.area() - parts.iter().map(Rect::area).sum::<f64>();
            assert!(cut_off.contains(&area), "{bound:?}: {area} for {exact}");
            let has = |x, y| parts.iter().any(|part| part.contains(druid::Point::new(x, y)));
            assert!(!has(10.5, 10.5) && !has(109.5, 89.5) && has(60.0, 10.5) && has(10.5, 50.0), "{bound:?}");
        }
        assert_eq!(rounded(rect, 0.0, Bound::Inner), [rect]);
    }
}
