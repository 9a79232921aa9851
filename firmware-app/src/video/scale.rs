//! From planar 4:2:0 to the pixels of a tile: scaled plane by plane, then turned into red, green and blue once.

use std::sync::Arc;

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::U8;
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};
use yuv::{YuvPlanarImage, YuvRange, YuvStandardMatrix, yuv420_to_bgra};

use super::i420::{I420, I420View};
use super::slot::TileSize;

/// Scales pictures; keeps its buffers between pictures.
#[derive(Default)]
pub struct Scaler {
    resizer: Resizer,
    packed: I420,
    scaled: I420,
}

impl Scaler {
    /// The largest size within the tile that keeps the picture's shape; even, at least 2 by 2.
    pub fn fit(width: usize, height: usize, tile: TileSize) -> (usize, usize) {
        let (width, height) = (width.max(1), height.max(1));
        let (wide, high) = if tile.width * height <= tile.height * width {
            (tile.width, tile.width * height / width)
        } else {
            (tile.height * width / height, tile.height)
        };
        ((wide & !1).max(2), (high & !1).max(2))
    }

    /// The picture in the tile's size, as blue, green, red and a byte that means nothing, with its width and height.
    pub fn to_bgrx(&mut self, picture: I420View<'_>, tile: TileSize) -> (Arc<[u8]>, usize, usize) {
        let scaled = self.to_fit(picture, tile);
        (bgrx(scaled), scaled.width, scaled.height)
    }

    /// The picture in the largest size within the tile. One without pixels becomes an undefined one.
    pub fn to_fit<'a>(&'a mut self, picture: I420View<'a>, tile: TileSize) -> I420View<'a> {
        self.to_size(picture, Self::fit(picture.width, picture.height, tile))
    }

    /// The picture in exactly this width and height, both even and at least 2. One without pixels becomes an undefined one.
    pub fn to_size<'a>(&'a mut self, picture: I420View<'a>, (width, height): (usize, usize)) -> I420View<'a> {
        if (width, height) == (picture.width, picture.height) {
            return picture;
        }
        self.scaled.resize(width, height);
        if picture.width < 2 || picture.height < 2 {
            return self.scaled.view();
        }
        self.packed.resize(picture.width, picture.height);
        let filter =
            ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear)).use_alpha(false);
        let planes = self.packed.planes_mut().into_iter().zip(self.scaled.planes_mut()).enumerate();
        for (i, (packed, scaled)) in planes {
            let half = usize::from(i > 0);
            let (from_width, from_height) = (picture.width >> half, picture.height >> half);
            let (to_width, to_height) = (width >> half, height >> half);
            let source = if picture.strides[i] == from_width {
                &picture.planes[i][..from_width * from_height]
            } else {
                for (to, from) in
                    packed.chunks_exact_mut(from_width).zip(picture.planes[i].chunks(picture.strides[i]))
                {
                    to.copy_from_slice(&from[..from_width]);
                }
                packed
            };
            let source = TypedImageRef::<U8>::from_buffer(from_width as u32, from_height as u32, source);
            let target = TypedImage::<U8>::from_buffer(to_width as u32, to_height as u32, scaled);
            let (Ok(source), Ok(mut target)) = (source, target) else { continue };
            if let Err(error) = self.resizer.resize_typed(&source, &mut target, &filter) {
                log::debug!("a picture could not be scaled: {error}");
            }
        }
        self.scaled.view()
    }
}

fn bgrx(picture: I420View<'_>) -> Arc<[u8]> {
    let mut pixels: Arc<[u8]> = std::iter::repeat_n(0, picture.width * picture.height * 4).collect();
    let target = Arc::get_mut(&mut pixels).expect("nobody else has it yet");
    let [y, u, v] = picture.planes;
    let [y_stride, u_stride, v_stride] = picture.strides.map(|stride| stride as u32);
    let (width, height) = (picture.width as u32, picture.height as u32);
    let image =
        YuvPlanarImage { y_plane: y, y_stride, u_plane: u, u_stride, v_plane: v, v_stride, width, height };
    if let Err(error) = yuv420_to_bgra(&image, target, width * 4, YuvRange::Limited, YuvStandardMatrix::Bt601)
    {
        log::debug!("a picture could not be converted: {error}");
    }
    pixels
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_are_kept() {
        let tile = |width, height| TileSize { width, height };
        assert_eq!(Scaler::fit(640, 480, tile(1280, 800)), (1066, 800));
        assert_eq!(Scaler::fit(640, 360, tile(400, 400)), (400, 224));
        assert_eq!(Scaler::fit(640, 480, tile(640, 480)), (640, 480));
        assert_eq!(Scaler::fit(4000, 2, tile(10, 10)), (10, 2));
    }

    #[test]
    fn a_picture_without_pixels_does_no_harm() {
        let empty: [&[u8]; 3] = [&[0; 64], &[0; 32], &[0; 32]];
        for (width, height) in [(0, 0), (0, 8), (8, 0)] {
            let view = I420View { width, height, planes: empty, strides: [8, 4, 4] };
            let (bgrx, width, height) = Scaler::default().to_bgrx(view, TileSize { width: 20, height: 10 });
            assert_eq!(bgrx.len(), width * height * 4);
        }
    }

    #[test]
    fn a_grey_picture_stays_grey_at_any_size() {
        let mut picture = I420::new(64, 48);
        picture.planes_mut()[0].fill(126);
        let mut scaler = Scaler::default();
        for tile in [
            TileSize { width: 64, height: 48 },
            TileSize { width: 30, height: 30 },
            TileSize { width: 200, height: 100 },
        ] {
            let (bgrx, width, height) = scaler.to_bgrx(picture.view(), tile);
            assert_eq!(bgrx.len(), width * height * 4);
            for pixel in bgrx.chunks(4) {
                assert!(pixel[..3].iter().all(|channel| (126..=130).contains(channel)), "{pixel:?}");
            }
        }
    }
}
