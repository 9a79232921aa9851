//! Which of a camera's formats to ask for. Pure: the camera's list goes in, an order of attempts comes out.

use std::cmp::Reverse;

use super::WantedPicture;
use crate::device::PixelFormat;

/// A size, a layout and a rate that a camera says it has.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(in crate::device) struct Offer {
    /// The layout.
    pub(in crate::device) pixels: PixelFormat,
    /// What the camera calls it: a layout may have several names.
    pub(in crate::device) code: [u8; 4],
    /// Pixels.
    pub(in crate::device) width: u32,
    /// Pixels.
    pub(in crate::device) height: u32,
    /// Frames per second, the most at this size; 0 if the camera does not say.
    pub(in crate::device) rate: u32,
}

/// A camera's sizes for one layout, as its driver describes them.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(in crate::device) enum Sizes {
    /// Exactly this one.
    Exact(u32, u32),
    /// Anything between, in steps.
    Between {
        /// Smallest width, largest width, step; pixels.
        width: (u32, u32, u32),
        /// Smallest height, largest height, step; pixels.
        height: (u32, u32, u32),
    },
}

/// Slower than this is not fluent: JPEG at more is better than raw pixels at less.
const FLUENT: u32 = 24;

impl Sizes {
    /// The sizes worth asking for: all, or of a range those nearest to what is wanted, also in 16:9.
    pub(in crate::device) fn candidates(self, wanted: WantedPicture) -> Vec<(u32, u32)> {
        match self {
            Sizes::Exact(width, height) => vec![(width, height)],
            Sizes::Between { width, height } => {
                let wide = (wanted.width, wanted.width * 9 / 16);
                let mut sizes = vec![
                    (nearest(wanted.width, width), nearest(wanted.height, height)),
                    (nearest(wide.0, width), nearest(wide.1, height)),
                ];
                sizes.dedup();
                sizes
            }
        }
    }
}

/// The value of a stepped range that is nearest, not smaller if possible.
fn nearest(wanted: u32, (low, high, step): (u32, u32, u32)) -> u32 {
    let step = step.max(1);
    let steps = wanted.clamp(low, high.max(low)).saturating_sub(low).div_ceil(step);
    let value = low.saturating_add(steps.saturating_mul(step));
    if value > high { low + (high.saturating_sub(low) / step) * step } else { value }
}

/// The offers that this program can use, best first.
///
/// What comes too slowly to be of use is left for last, and before that what is smaller than wanted. Of the rest, what is
/// fluent comes first, then the size: what is wanted, or its 16:9 cut, then the nearest larger one. At the same size
/// raw pixels win over JPEG, if they are as fluent.
pub(in crate::device) fn rank(offers: &[Offer], wanted: WantedPicture) -> Vec<Offer> {
    let mut usable: Vec<Offer> = offers
        .iter()
        .copied()
        .filter(|offer| {
            offer.width >= 2 && offer.height >= 2 && offer.width % 2 == 0 && offer.height % 2 == 0
        })
        .collect();
    // A rate that is not told is taken for the wanted one; the camera says at the end what it does.
    let rate = |offer: &Offer| if offer.rate == 0 { wanted.rate } else { offer.rate };
    usable.sort_by_key(|offer| {
        let raw = offer.pixels != PixelFormat::Mjpeg;
        let of_use = rate(offer) >= wanted.slowest.min(wanted.rate);
        let fluent = rate(offer) >= FLUENT.min(wanted.rate);
        (
            Reverse(of_use),
            is_smaller(offer, wanted),
            Reverse(fluent),
            size_class(offer, wanted),
            Reverse(raw),
            Reverse(rate(offer).min(wanted.rate)),
            layout_rank(offer.pixels),
        )
    });
    usable.dedup();
    usable
}

fn is_smaller(offer: &Offer, wanted: WantedPicture) -> bool {
    size_class(offer, wanted).0 == 2
}

/// 0 is what is wanted; larger pictures count by what they have too much, smaller ones come after all of them.
fn size_class(offer: &Offer, wanted: WantedPicture) -> (u8, u64) {
    let pixels = |width: u32, height: u32| u64::from(width) * u64::from(height);
    let area = pixels(offer.width, offer.height);
    let asked = pixels(wanted.width, wanted.height);
    let cut = (wanted.width, wanted.width * 9 / 16);
    if (offer.width, offer.height) == (wanted.width, wanted.height) {
        (0, 0)
    } else if (offer.width, offer.height) == cut {
        (0, 1)
    } else if offer.width >= wanted.width && offer.height >= wanted.height.min(cut.1) {
        (1, area)
    } else {
        (2, asked.abs_diff(area))
    }
}

/// What costs least to make into I420 first.
fn layout_rank(pixels: PixelFormat) -> u8 {
    match pixels {
        PixelFormat::I420 => 0,
        PixelFormat::Nv12 => 1,
        PixelFormat::Yuyv => 2,
        PixelFormat::Uyvy => 3,
        PixelFormat::Mjpeg => 4,
    }
}

/// Why the first of a ranked list was taken, for the log.
pub(in crate::device) fn reason(taken: &Offer, ranked: &[Offer], wanted: WantedPicture) -> String {
    let size = match size_class(taken, wanted) {
        (0, 0) => "the size that is wanted",
        (0, _) => "the wanted width, in 16:9",
        (1, _) if ranked.iter().any(|offer| size_class(offer, wanted).0 == 0) => {
            "a larger size, as the wanted one comes slower"
        }
        (1, _) => "the nearest larger size",
        (_, _) if ranked.iter().any(|offer| !is_smaller(offer, wanted)) => {
            "a smaller size, as others come too slowly"
        }
        (_, _) => "the nearest smaller size",
    };
    let layout = match (taken.pixels, ranked.iter().any(|offer| offer.pixels != PixelFormat::Mjpeg)) {
        (PixelFormat::Mjpeg, true) => ", JPEG as raw pixels come slower or in no better size",
        (PixelFormat::Mjpeg, false) => ", JPEG as there is nothing else",
        (PixelFormat::Yuyv | PixelFormat::Uyvy | PixelFormat::Nv12 | PixelFormat::I420, _) => ", raw pixels",
    };
    format!("{size}{layout}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use PixelFormat::{I420, Mjpeg, Nv12, Uyvy, Yuyv};

    const WANTED: WantedPicture = WantedPicture { width: 640, height: 480, rate: 30, slowest: 15 };

    fn offer(pixels: PixelFormat, width: u32, height: u32, rate: u32) -> Offer {
        Offer { pixels, code: *b"MJPG", width, height, rate }
    }

    fn best(offers: &[Offer]) -> Offer {
        rank(offers, WANTED)[0]
    }

    #[test]
    fn a_usual_usb_camera_gives_raw_pixels_at_the_wanted_size() {
        let camera = [
            offer(Mjpeg, 1920, 1080, 30),
            offer(Mjpeg, 640, 480, 30),
            offer(Yuyv, 1280, 720, 10),
            offer(Yuyv, 640, 480, 30),
            offer(Yuyv, 320, 240, 30),
        ];
        assert_eq!(best(&camera), offer(Yuyv, 640, 480, 30));
    }

    #[test]
    fn jpeg_wins_over_raw_pixels_that_are_not_fluent() {
        let camera = [offer(Yuyv, 640, 480, 15), offer(Mjpeg, 640, 480, 30)];
        assert_eq!(best(&camera), offer(Mjpeg, 640, 480, 30));
        let fluent = [offer(Yuyv, 640, 480, 24), offer(Mjpeg, 640, 480, 30)];
        assert_eq!(best(&fluent), offer(Yuyv, 640, 480, 24));
        let slow_only = [offer(Yuyv, 640, 480, 15), offer(Yuyv, 320, 240, 15)];
        assert_eq!(best(&slow_only), offer(Yuyv, 640, 480, 15));
    }

    #[test]
    fn the_nearest_larger_picture_comes_before_a_smaller_one() {
        let camera = [offer(Yuyv, 1920, 1080, 30), offer(Yuyv, 800, 600, 30), offer(Yuyv, 352, 288, 30)];
        let order: Vec<u32> = rank(&camera, WANTED).iter().map(|offer| offer.width).collect();
        assert_eq!(order, [800, 1920, 352]);
        assert_eq!(best(&[offer(Yuyv, 640, 360, 30), offer(Yuyv, 800, 600, 30)]).width, 640);
    }

    #[test]
    fn a_range_of_sizes_is_asked_for_what_is_wanted() {
        let range = Sizes::Between { width: (48, 3840, 2), height: (32, 2160, 2) };
        assert_eq!(range.candidates(WANTED), [(640, 480), (640, 360)]);
        let small = Sizes::Between { width: (16, 320, 16), height: (16, 240, 16) };
        assert_eq!(small.candidates(WANTED), [(320, 240)]);
        let coarse = Sizes::Between { width: (0, 1000, 300), height: (100, 1000, 250) };
        assert_eq!(coarse.candidates(WANTED)[0], (900, 600));
    }

    #[test]
    fn a_smaller_picture_is_taken_only_where_the_others_are_too_slow() {
        let slow = [offer(Yuyv, 640, 480, 15), offer(Yuyv, 176, 144, 30)];
        assert_eq!(best(&slow), slow[0]);
        let too_slow = [offer(Yuyv, 1280, 720, 10), offer(Yuyv, 352, 288, 30)];
        assert_eq!(best(&too_slow), too_slow[1]);
        assert_eq!(
            reason(&too_slow[1], &rank(&too_slow, WANTED), WANTED),
            "a smaller size, as others come too slowly, raw pixels"
        );
        // Of a presentation, sharp text is what counts.
        let presented = WantedPicture { width: 1280, height: 720, rate: 15, slowest: 5 };
        let grabber = [offer(Yuyv, 1280, 720, 10), offer(Yuyv, 640, 480, 30)];
        assert_eq!(rank(&grabber, presented)[0], grabber[0]);
        let larger = [offer(Yuyv, 1280, 720, 10), offer(Mjpeg, 1920, 1080, 30)];
        assert_eq!(rank(&larger, presented)[0], larger[1]);
        assert_eq!(
            reason(&larger[1], &rank(&larger, presented), presented),
            "a larger size, as the wanted one comes slower, JPEG as raw pixels come slower or in no better size"
        );
    }

    #[test]
    fn the_cheapest_layout_wins_among_equals_and_odd_sizes_are_left_out() {
        let camera = [offer(Yuyv, 640, 480, 30), offer(Nv12, 640, 480, 30), offer(I420, 640, 480, 60)];
        assert_eq!(best(&camera).pixels, I420);
        assert_eq!(best(&[offer(Mjpeg, 640, 480, 30), offer(Uyvy, 640, 480, 30)]).pixels, Uyvy);
        assert_eq!(best(&[offer(Uyvy, 640, 480, 30), offer(Yuyv, 640, 480, 30)]).pixels, Yuyv);
        assert!(rank(&[offer(Yuyv, 641, 480, 30)], WANTED).is_empty());
    }

    #[test]
    fn the_choice_has_a_reason() {
        let said = |offers: &[Offer]| reason(&best(offers), &rank(offers, WANTED), WANTED);
        assert_eq!(said(&[offer(Yuyv, 640, 480, 30)]), "the size that is wanted, raw pixels");
        let slow = [offer(Yuyv, 640, 480, 15), offer(Mjpeg, 640, 480, 30)];
        assert_eq!(
            said(&slow),
            "the size that is wanted, JPEG as raw pixels come slower or in no better size"
        );
        assert_eq!(
            said(&[offer(Mjpeg, 800, 600, 30)]),
            "the nearest larger size, JPEG as there is nothing else"
        );
        assert_eq!(said(&[offer(Nv12, 320, 240, 30)]), "the nearest smaller size, raw pixels");
        assert_eq!(said(&[offer(Nv12, 640, 360, 30)]), "the wanted width, in 16:9, raw pixels");
    }

    #[test]
    fn a_camera_that_tells_no_rates_is_used_all_the_same() {
        assert_eq!(best(&[offer(Yuyv, 640, 480, 0)]), offer(Yuyv, 640, 480, 0));
    }
}
