//! Percentiles, medians and how they are printed.

/// The value below which `percent` of the values lie, by the nearest rank. What never came is [`f64::INFINITY`].
///
/// `NaN` without values.
pub fn percentile(values: &[f64], percent: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (percent / 100.0 * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.max(1) - 1).copied().unwrap_or(f64::NAN)
}

/// The middle value.
pub fn median(values: &[f64]) -> f64 {
    percentile(values, 50.0)
}

/// Prints one line `key value`.
pub fn print(key: &str, value: f64) {
    if value.fract() == 0.0 || value.abs() >= 1000.0 {
        println!("{key} {value:.0}");
    } else {
        println!("{key} {value:.2}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_were_seen() {
        let values: Vec<f64> = (1..=100).rev().map(f64::from).collect();
        let seen = [50.0, 95.0, 100.0, 0.0].map(|percent| percentile(&values, percent) as u32);
        assert_eq!(seen, [50, 95, 100, 1]);
        assert!(percentile(&[1.0, f64::INFINITY], 95.0).is_infinite(), "what never came counts");
        assert!(percentile(&[], 50.0).is_nan());
    }
}
