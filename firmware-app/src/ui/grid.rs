//! Where the tiles of a meeting go: 1, 2, 3-4, 5-6 or 7-9 cells, as large as they can be in the pictures' own shape.

use druid::{Rect, Size, Vec2};

/// Between two tiles.
pub(super) const BETWEEN: f64 = 8.0;

/// The rectangles of tiles with these shapes (width by height), in order, within an area. A last row that is not full
/// stands in the middle.
pub(super) fn tiles(area: Rect, shapes: &[f64]) -> Vec<Rect> {
    let count = shapes.len();
    if count == 0 {
        return Vec::new();
    }
    // Cells have the mean shape; a tile of another shape fits into its cell.
    let shape = shapes.iter().sum::<f64>() / count as f64;
    let (columns, rows, cell) = arrangements(count, area.width() / area.height().max(1.0))
        .into_iter()
        .map(|(columns, rows)| (columns, rows, cell(area, columns, rows, shape)))
        .max_by(|a, b| a.2.area().total_cmp(&b.2.area()))
        .unwrap_or((1, 1, area.size()));
    let spread = |cells: usize, side: f64| cells as f64 * side + (cells as f64 - 1.0) * BETWEEN;
    let y0 = area.y0 + ((area.height() - spread(rows, cell.height)) / 2.0).floor();
    (0..count)
        .map(|place| {
            let (row, column) = (place / columns, place % columns);
            let in_row = (count - row * columns).min(columns);
            let x0 = area.x0 + ((area.width() - spread(in_row, cell.width)) / 2.0).floor();
            let origin =
                (x0 + column as f64 * (cell.width + BETWEEN), y0 + row as f64 * (cell.height + BETWEEN));
            shaped(Rect::from_origin_size(origin, cell), shapes[place])
        })
        .collect()
}

/// Moves tiles aside within their area so that something in a corner hides less of them; they move only if that frees
/// them of it altogether.
pub(super) fn make_way(tiles: &mut [Rect], area: Rect, corner: Rect) {
    let Some(all) = tiles.iter().copied().reduce(|a, b| a.union(b)) else { return };
    let over = all.intersect(corner);
    if over.area() <= 0.0 {
        return;
    }
    let left = corner.center().x < area.center().x;
    let above = corner.center().y < area.center().y;
    let aside = if left { corner.x1 + BETWEEN - all.x0 } else { corner.x0 - BETWEEN - all.x1 };
    let away = if above { corner.y1 + BETWEEN - all.y0 } else { corner.y0 - BETWEEN - all.y1 };
    for shift in [Vec2::new(aside, 0.0), Vec2::new(0.0, away)] {
        if area.union(all + shift) == area {
            for tile in tiles.iter_mut() {
                *tile = *tile + shift;
            }
            return;
        }
    }
}

/// Columns and rows that may hold so many tiles: few familiar ones, but any in a place that is a mere strip.
fn arrangements(count: usize, shape: f64) -> Vec<(usize, usize)> {
    if !(0.4..2.8).contains(&shape) {
        return (1..=count).map(|columns| (columns, count.div_ceil(columns))).collect();
    }
    match count {
        0 | 1 => vec![(1, 1)],
        2 => vec![(2, 1), (1, 2)],
        3 | 4 => vec![(2, 2)],
        5 | 6 => vec![(3, 2), (2, 3)],
        _ => vec![(3, count.div_ceil(3).max(3))],
    }
}

fn cell(area: Rect, columns: usize, rows: usize, shape: f64) -> Size {
    let side = |length: f64, cells: usize| (length - (cells as f64 - 1.0) * BETWEEN) / cells as f64;
    let (width, height) = (side(area.width(), columns).max(1.0), side(area.height(), rows).max(1.0));
    let size = if width / height > shape {
        Size::new(height * shape, height)
    } else {
        Size::new(width, width / shape)
    };
    // Pictures have even sides; a cell that has them too needs no scaling.
    Size::new(even(size.width), even(size.height))
}

fn even(length: f64) -> f64 {
    ((length + 0.01) / 2.0).floor() * 2.0
}

/// The largest rectangle of a shape in the middle of another, on whole pixels.
pub(super) fn shaped(rect: Rect, shape: f64) -> Rect {
    let size = if rect.width() / rect.height() > shape {
        Size::new(even(rect.height() * shape), even(rect.height()))
    } else {
        Size::new(even(rect.width()), even(rect.width() / shape))
    };
    super::frame::centered(rect, size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_stay_inside_keep_their_shape_and_do_not_touch() {
        for area in [Rect::new(0.0, 40.0, 800.0, 400.0), Rect::new(16.0, 56.0, 840.0, 688.0)] {
            for count in 1..=9 {
                for shape in [4.0 / 3.0, 16.0 / 9.0] {
                    let tiles = tiles(area, &vec![shape; count]);
                    assert_eq!(tiles.len(), count);
                    for (place, tile) in tiles.iter().enumerate() {
                        assert_eq!(area.union(*tile), area, "{count} tiles, number {place}");
                        assert!((tile.width() / tile.height() - shape).abs() < 0.03);
                        assert!(tiles[place + 1..].iter().all(|other| tile.intersect(*other).area() == 0.0));
                    }
                }
            }
        }
    }

    #[test]
    fn two_stand_beside_each_other_where_it_is_wide_and_above_where_it_is_high() {
        let beside = tiles(Rect::new(0.0, 0.0, 800.0, 300.0), &[1.33, 1.33]);
        assert_eq!(beside[0].y0, beside[1].y0);
        let above = tiles(Rect::new(0.0, 0.0, 400.0, 700.0), &[1.33, 1.33]);
        assert_eq!(above[0].x0, above[1].x0);
    }
}
