//! Structural similarity of two luma planes (Wang, Bovik, Sheikh and Simoncelli, "Image Quality Assessment: From Error
//! Visibility to Structural Similarity", IEEE Transactions on Image Processing 13(4), 2004), over 8x8 windows.

/// A window's side; windows are this far apart by half, so that blocks of a codec do not hide between them.
const WINDOW: usize = 8;
const STEP: usize = WINDOW / 2;
/// The two constants of the paper: (0.01 * 255)^2 and (0.03 * 255)^2.
const C1: f64 = 6.5025;
const C2: f64 = 58.5225;

/// A luma plane.
#[derive(Copy, Clone)]
pub struct Luma<'a> {
    /// Rows, `stride` bytes apart.
    pub bytes: &'a [u8],
    /// Bytes from row to row.
    pub stride: usize,
}

/// The mean over all windows, 1 for equal pictures.
pub fn ssim(a: Luma<'_>, b: Luma<'_>, width: usize, height: usize) -> f64 {
    let (mut sum, mut count) = (0.0, 0_u32);
    for top in (0..=height.saturating_sub(WINDOW)).step_by(STEP) {
        for left in (0..=width.saturating_sub(WINDOW)).step_by(STEP) {
            sum += window(a, b, left, top);
            count += 1;
        }
    }
    sum / f64::from(count.max(1))
}

fn window(a: Luma<'_>, b: Luma<'_>, left: usize, top: usize) -> f64 {
    let (mut sum_a, mut sum_b, mut aa, mut bb, mut ab) = (0_u32, 0_u32, 0_u32, 0_u32, 0_u32);
    for row in top..top + WINDOW {
        let rows = [a, b].map(|luma| &luma.bytes[row * luma.stride + left..][..WINDOW]);
        for (x, y) in rows[0].iter().zip(rows[1]) {
            let (x, y) = (u32::from(*x), u32::from(*y));
            sum_a += x;
            sum_b += y;
            aa += x * x;
            bb += y * y;
            ab += x * y;
        }
    }
    let n = (WINDOW * WINDOW) as f64;
    let (mean_a, mean_b) = (f64::from(sum_a) / n, f64::from(sum_b) / n);
    // Unbiased, as in the paper.
    let spread = |squares: u32, mean: f64, other: f64| (f64::from(squares) - n * mean * other) / (n - 1.0);
    let (var_a, var_b) = (spread(aa, mean_a, mean_a), spread(bb, mean_b, mean_b));
    let covariance = spread(ab, mean_a, mean_b);
    (2.0 * mean_a * mean_b + C1) * (2.0 * covariance + C2)
        / ((mean_a * mean_a + mean_b * mean_b + C1) * (var_a + var_b + C2))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(bytes: &[u8]) -> Luma<'_> {
        Luma { bytes, stride: 32 }
    }

    #[test]
    fn equal_pictures_are_one_and_noise_is_less() {
        let picture: Vec<u8> = (0..32 * 32_u32).map(|n| (n * n % 251) as u8).collect();
        assert!((ssim(of(&picture), of(&picture), 32, 32) - 1.0).abs() < 1e-12);
        let noisy: Vec<u8> =
            picture.iter().zip((0_u8..=255).cycle()).map(|(p, n)| p.saturating_add(n % 40)).collect();
        let some = ssim(of(&picture), of(&noisy), 32, 32);
        let inverted: Vec<u8> = picture.iter().map(|p| 255 - p).collect();
        let none = ssim(of(&picture), of(&inverted), 32, 32);
        assert!(some < 1.0 && some > 0.3 && none < 0.0, "{some} {none}");
    }

    #[test]
    fn flat_pictures_differ_by_their_brightness_alone() {
        let (dark, light) = ([100; 32 * 32], [120; 32 * 32]);
        let expected = (2.0 * 100.0 * 120.0 + C1) / (100.0 * 100.0 + 120.0 * 120.0 + C1);
        assert!((ssim(of(&dark), of(&light), 32, 32) - expected).abs() < 1e-9);
    }
}
