//! How pure a tone is, for tests of what sound goes through.

use std::f64::consts::TAU;

/// The phase in turns, at the first of these samples, of a tone with so many turns a sample, and how far everything else
/// is below it in dB: a fit by least squares.
pub(crate) fn fit(samples: impl IntoIterator<Item = f64>, turns_a_sample: f64) -> (f64, f64) {
    let (mut ss, mut cc, mut sc, mut xs, mut xc, mut xx) = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0);
    for (n, x) in samples.into_iter().enumerate() {
        let (sin, cos) = (n as f64 * turns_a_sample * TAU).sin_cos();
        (ss, cc, sc) = (ss + sin * sin, cc + cos * cos, sc + sin * cos);
        (xs, xc, xx) = (xs + x * sin, xc + x * cos, xx + x * x);
    }
    let determinant = ss * cc - sc * sc;
    let (a, b) = ((xs * cc - xc * sc) / determinant, (xc * ss - xs * sc) / determinant);
    let signal = a * xs + b * xc;
    (b.atan2(a) / TAU, 10.0 * (signal / (xx - signal).max(1e-9)).log10())
}
