//! The scale of a graph: round ticks, and numbers as people write them. Values are in thousandths of the quantity's unit,
//! so that every tick is exact.

use crate::view::{Points, Quantity};

/// The ticks of an axis that begins at 0.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Ticks {
    /// From one tick to the next.
    pub step: u32,
    /// How many steps there are.
    pub steps: u32,
}

impl Ticks {
    /// Where the axis ends.
    pub fn top(self) -> u32 {
        self.step.saturating_mul(self.steps).max(1)
    }
}

/// At most `most` steps of 1, 2 or 5 times a power of ten, as small as they may be to reach `largest`.
pub fn ticks(largest: u32, most: u32) -> Ticks {
    let most = most.max(1);
    let mut magnitude = 1_u64;
    loop {
        for nice in [1, 2, 5] {
            let step = nice * magnitude;
            if step * u64::from(most) >= u64::from(largest) {
                let step = u32::try_from(step).unwrap_or(u32::MAX);
                return Ticks { step, steps: largest.div_ceil(step).max(1) };
            }
        }
        magnitude *= 10;
    }
}

/// How a quantity is written.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Scale {
    /// The unit's sign.
    pub unit: &'static str,
    /// So many thousandths of the quantity's own unit are one of this unit.
    one: u32,
    /// The axis reaches at least so far.
    least: u32,
    /// Decimals of a value below ten.
    decimals: usize,
    /// The values are layers.
    layers: bool,
}

/// The lines of the pictures of each layer.
const LINES: [&str; 4] = ["144", "240", "360", "480"];

impl Scale {
    /// For a quantity with these lines.
    pub fn of<'p>(quantity: Quantity, lines: impl Iterator<Item = &'p Points>) -> (Scale, u32) {
        let largest = lines.filter_map(Points::largest).max().unwrap_or(0);
        let scale = |unit, least| Scale { unit, one: 1000, least, decimals: 1, layers: false };
        let scale = match quantity {
            Quantity::BitrateUp | Quantity::BitrateDown | Quantity::Bitrate if largest >= 2_000_000 => {
                Scale { one: 1_000_000, decimals: 2, ..scale("Mbit/s", 0) }
            }
            Quantity::BitrateUp | Quantity::BitrateDown | Quantity::Bitrate => scale("kbit/s", 100_000),
            Quantity::Loss => scale("%", 1_000),
            Quantity::RoundTrip => scale("ms", 10_000),
            Quantity::JitterBuffer => scale("ms", 20_000),
            Quantity::Pictures | Quantity::Retransmissions => scale("/s", 10_000),
            Quantity::CongestionWindow => scale("kB", 10_000),
            Quantity::Size => Scale { layers: true, ..scale("p", 3_000) },
        };
        (scale, largest.max(scale.least))
    }

    /// The ticks of an axis that has room for `most`.
    pub fn ticks(self, largest: u32, most: u32) -> Ticks {
        if self.layers { Ticks { step: 1000, steps: 3 } } else { ticks(largest, most) }
    }

    /// A tick's number.
    pub fn tick(self, value: u32, step: u32, decimal: char) -> String {
        if self.layers {
            return layer(value);
        }
        if value == 0 {
            return "0".into();
        }
        // A step's own digits decide: 0.5 has one decimal, 0.25 would have two.
        let decimals = (0..3).find(|n| step.is_multiple_of((self.one / 10_u32.pow(*n)).max(1))).unwrap_or(3);
        number(value, self.one, decimals as usize, decimal)
    }

    /// A value's number; a dash where it is not known.
    pub fn value(self, value: Option<u32>, decimal: char) -> String {
        let Some(value) = value else { return "–".into() };
        if self.layers {
            return layer(value);
        }
        let decimals =
            if u64::from(value) < 10 * u64::from(self.one) && value > 0 { self.decimals } else { 0 };
        number(value, self.one, decimals, decimal)
    }
}

fn layer(value: u32) -> String {
    LINES.get(value as usize / 1000).copied().unwrap_or("–").into()
}

/// `value` in units of `one`, rounded to so many decimals.
pub fn number(value: u32, one: u32, decimals: usize, decimal: char) -> String {
    let text = format!("{:.decimals$}", f64::from(value) / f64::from(one));
    if decimal == '.' { text } else { text.replace('.', &decimal.to_string()) }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn ticks_are_round_and_reach_the_largest_value() {
        for (largest, most, step, steps) in [
            (0, 5, 1, 1),
            (1, 4, 1, 1),
            (10_000, 5, 2_000, 5),
            (10_001, 5, 5_000, 3),
            (33_000, 5, 10_000, 4),
            (47_300, 4, 20_000, 3),
            (100_000, 4, 50_000, 2),
            (999, 3, 500, 2),
            (1_730_000, 4, 500_000, 4),
            (u32::MAX, 4, 2_000_000_000, 3),
            (7, 0, 10, 1),
        ] {
            assert_eq!(ticks(largest, most), Ticks { step, steps }, "{largest} {most}");
        }
        for largest in (0..3_000_000).step_by(777) {
            for most in 1..6 {
                let found = ticks(largest, most);
                assert!(found.top() >= largest && found.steps <= most, "{largest} {most} {found:?}");
                assert!(
                    u64::from(found.step) * u64::from(most) < 2_500 + 3 * u64::from(largest),
                    "{largest} {found:?}"
                );
            }
        }
    }

    fn scale(quantity: Quantity, values: &[u32]) -> (Scale, u32) {
        let points = Points(Arc::from_iter(values.iter().copied().map(Some)));
        Scale::of(quantity, [points].iter())
    }

    #[test]
    fn numbers_are_written_as_people_do() {
        let (kbits, top) = scale(Quantity::Bitrate, &[850_000, 1_240_000]);
        assert_eq!((kbits.unit, top), ("kbit/s", 1_240_000));
        assert_eq!(kbits.value(Some(850_400), '.'), "850");
        assert_eq!(kbits.tick(500_000, 500_000, '.'), "500");
        let (mbits, _) = scale(Quantity::Bitrate, &[2_400_000]);
        assert_eq!((mbits.unit, mbits.value(Some(850_000), ',')), ("Mbit/s", "0,85".into()));
        assert_eq!(mbits.tick(1_500_000, 500_000, ','), "1,5");
        assert_eq!(mbits.tick(2_000_000, 1_000_000, ','), "2");
        let (loss, top) = scale(Quantity::Loss, &[0]);
        assert_eq!((loss.value(Some(0), '.'), top), ("0".into(), 1_000));
        assert_eq!((loss.value(Some(2_340), '.'), loss.tick(200, 200, '.')), ("2.3".into(), "0.2".into()));
        assert_eq!(loss.value(None, '.'), "–");
        let (size, top) = scale(Quantity::Size, &[1000]);
        assert_eq!(size.ticks(top, 2), Ticks { step: 1000, steps: 3 });
        assert_eq!((size.value(Some(2000), '.'), size.tick(0, 1000, '.')), ("360".into(), "144".into()));
    }
}
