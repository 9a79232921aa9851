//! The two streams of pictures that a room may send, and what each of them is for.

use serde::Serialize;

use super::slot::TileSize;

const MACROBLOCK: usize = 16;
/// The smallest width and height of any picture, in pixels.
pub const MIN_SIDE: usize = 16;

/// What a stream of pictures shows.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
pub enum PictureKind {
    /// People: motion first.
    Camera,
    /// What a laptop shows: sharp text first, 5 to 15 pictures a second.
    Presentation,
}

impl PictureKind {
    /// Both, in the order in which they may leave.
    pub const ALL: [PictureKind; 2] = [PictureKind::Camera, PictureKind::Presentation];

    /// What a larger picture is scaled down to before it is sent, in pixels.
    pub fn largest(self) -> TileSize {
        match self {
            PictureKind::Camera => TileSize { width: 640, height: 480 },
            PictureKind::Presentation => TileSize { width: 1280, height: 800 },
        }
    }

    /// Pictures a second, at most.
    pub fn max_rate(self) -> u32 {
        match self {
            PictureKind::Camera => 30,
            PictureKind::Presentation => 15,
        }
    }

    /// The longest side of a picture that may be shown, in pixels; upright pictures have it too.
    pub fn max_side(self) -> usize {
        self.largest().width
    }

    /// The most macroblocks of a picture that may be shown: 1200, or 4000 for a presentation.
    pub fn max_macroblocks(self) -> usize {
        let TileSize { width, height } = self.largest();
        macroblocks(width, height)
    }

    /// Whether pictures of this size, in pixels, may be shown.
    pub fn allows(self, width: usize, height: usize) -> bool {
        let sides = MIN_SIDE..=self.max_side();
        sides.contains(&width)
            && sides.contains(&height)
            && macroblocks(width, height) <= self.max_macroblocks()
    }
}

fn macroblocks(width: usize, height: usize) -> usize {
    width.div_ceil(MACROBLOCK).saturating_mul(height.div_ceil(MACROBLOCK))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_presentation_may_be_as_large_as_a_wall_panel_and_a_camera_as_a_tile() {
        use PictureKind::{Camera, Presentation};
        for (kind, width, height, allowed) in [
            (Camera, 640, 480, true),
            (Camera, 480, 640, true),
            (Camera, 642, 360, false),
            (Camera, 640, 496, false),
            (Presentation, 1280, 720, true),
            (Presentation, 1280, 800, true),
            (Presentation, 1024, 768, true),
            (Presentation, 720, 1280, true),
            (Presentation, 1280, 816, false),
            (Presentation, 1920, 1080, false),
            (Presentation, 16, 14, false),
        ] {
            assert_eq!(kind.allows(width, height), allowed, "{kind:?} {width}x{height}");
        }
    }
}
