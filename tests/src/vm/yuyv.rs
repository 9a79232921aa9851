//! Pictures as a camera delivers them: YUYV, two bytes a pixel, two pixels sharing their colour.

/// One picture. Its width is even.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Yuyv {
    width: usize,
    height: usize,
    bytes: Vec<u8>,
}

impl Yuyv {
    /// Makes a picture from each pixel's brightness (`luma(x, y)`) and each pair's colour (`chroma(x, y)`, u and v,
    /// asked for the left pixel of the pair). Sizes in pixels; an odd width loses its last column.
    pub fn paint(
        width: usize,
        height: usize,
        luma: impl Fn(usize, usize) -> u8,
        chroma: impl Fn(usize, usize) -> (u8, u8),
    ) -> Yuyv {
        let width = width & !1;
        let mut bytes = Vec::with_capacity(width * height * 2);
        for y in 0..height {
            for x in (0..width).step_by(2) {
                let (u, v) = chroma(x, y);
                bytes.extend([luma(x, y), u, luma(x + 1, y), v]);
            }
        }
        Yuyv { width, height, bytes }
    }

    /// A picture in which every area differs from its neighbours: ramps, a checked field, four coloured quarters.
    /// Values stay in the range 16 to 235 of video.
    pub fn test_card(width: usize, height: usize) -> Yuyv {
        Yuyv::paint(
            width,
            height,
            |x, y| {
                if y < height / 2 {
                    (16 + x * 219 / width) as u8
                } else if (x / 20 + y / 20) % 2 == 0 {
                    200
                } else {
                    60
                }
            },
            |x, y| match (x < width / 2, y < height / 2) {
                (true, true) => (90, 160),
                (false, true) => (160, 90),
                (true, false) => (128, 128),
                (false, false) => (200, 120),
            },
        )
    }

    /// A picture of one colour: luma, u, v.
    pub fn plain(width: usize, height: usize, luma: u8, u: u8, v: u8) -> Yuyv {
        Yuyv::paint(width, height, |_, _| luma, |_, _| (u, v))
    }

    /// The same picture in three planes, its colour from every second row. Its height must be even.
    pub fn to_i420(&self) -> Vec<u8> {
        let luma = self.bytes.iter().step_by(2).copied();
        let rows = || self.bytes.chunks_exact(self.width * 2).step_by(2);
        let chroma = |first| rows().flat_map(move |row| row[first..].iter().step_by(4).copied());
        luma.chain(chroma(1)).chain(chroma(3)).collect()
    }

    /// A picture from its bytes, `width * height * 2` of them.
    pub(crate) fn from_bytes(width: usize, height: usize, bytes: &[u8]) -> Yuyv {
        Yuyv { width, height, bytes: bytes.to_vec() }
    }

    /// Width, pixels.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Height, pixels.
    pub fn height(&self) -> usize {
        self.height
    }

    /// The picture's bytes: y0 u y1 v, row after row, without padding.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}
