//! A picture in planar 4:2:0, the form between camera, codec and screen. BT.601, limited range.

use openh264::formats::YUVSource;

/// A picture that owns its planes, tightly packed, in one buffer that is used again and again.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct I420 {
    width: usize,
    height: usize,
    data: Vec<u8>,
}

impl I420 {
    /// A black picture. Odd sizes are rounded down to even ones: 4:2:0 has no half samples.
    pub fn new(width: usize, height: usize) -> I420 {
        let mut picture = I420::default();
        picture.resize(width, height);
        picture
    }

    /// Changes the size; the content is undefined afterwards unless the size stays as it was.
    pub fn resize(&mut self, width: usize, height: usize) {
        let (width, height) = (width & !1, height & !1);
        if (width, height) != (self.width, self.height) {
            (self.width, self.height) = (width, height);
            self.data.clear();
            self.data.resize(width * height, 16);
            self.data.resize(width * height * 3 / 2, 128);
        }
    }

    /// Pixels a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Rows.
    pub fn height(&self) -> usize {
        self.height
    }

    /// The whole buffer: luma, then both chroma planes.
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    /// The whole buffer, for whoever fills it.
    pub fn data_mut(&mut self) -> &mut [u8] {
        &mut self.data
    }

    /// The three planes, for whoever fills them.
    pub fn planes_mut(&mut self) -> [&mut [u8]; 3] {
        let (luma, chroma) = self.data.split_at_mut(self.width * self.height);
        let (u, v) = chroma.split_at_mut(self.width * self.height / 4);
        [luma, u, v]
    }

    /// The three planes, to be read.
    pub fn view(&self) -> I420View<'_> {
        let (luma, chroma) = self.data.split_at(self.width * self.height);
        let (u, v) = chroma.split_at(self.width * self.height / 4);
        let strides = [self.width, self.width / 2, self.width / 2];
        I420View { width: self.width, height: self.height, planes: [luma, u, v], strides }
    }
}

/// A picture that somebody else owns.
#[derive(Copy, Clone)]
pub struct I420View<'a> {
    /// Pixels a row, even.
    pub width: usize,
    /// Rows, even.
    pub height: usize,
    /// Luma and both chroma planes.
    pub planes: [&'a [u8]; 3],
    /// Bytes from row to row of each plane.
    pub strides: [usize; 3],
}

impl YUVSource for I420View<'_> {
    fn dimensions(&self) -> (usize, usize) {
        (self.width, self.height)
    }

    fn strides(&self) -> (usize, usize, usize) {
        (self.strides[0], self.strides[1], self.strides[2])
    }

    fn y(&self) -> &[u8] {
        self.planes[0]
    }

    fn u(&self) -> &[u8] {
        self.planes[1]
    }

    fn v(&self) -> &[u8] {
        self.planes[2]
    }
}
