//! How large things are on a screen of a given size: one place that knows the three classes of panels. Not where they
//! are; each screen decides that.

use druid::{Rect, Size};

use super::tokens::{GRID, TOUCH, size};

/// Panels come in three classes; any other size falls into the nearest smaller one.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Class {
    /// 800x480, 7 inches.
    Small,
    /// 1024x600.
    Medium,
    /// 1280x800, 10 inches.
    Large,
}

/// The measures of one screen.
#[derive(Copy, Clone, PartialEq, Debug)]
pub struct Frame {
    /// The whole screen, in density-independent pixels.
    pub size: Size,
    /// Its class.
    pub class: Class,
    /// From the screen's edge to the first thing.
    pub margin: f64,
    /// The side of an ordinary button.
    pub target: f64,
    /// Running text.
    pub body: f64,
    /// Titles.
    pub title: f64,
    /// The room's name.
    pub big: f64,
    /// The clock, the code when alone.
    pub hero: f64,
    /// The meeting's upper bar.
    pub top_bar: f64,
    /// The meeting's lower bar.
    pub bottom_bar: f64,
}

impl Frame {
    /// The measures for a screen of this size.
    pub fn new(size: Size) -> Frame {
        let class = if size.width >= 1180.0 && size.height >= 720.0 {
            Class::Large
        } else if size.width >= 960.0 && size.height >= 560.0 {
            Class::Medium
        } else {
            Class::Small
        };
        let (margin, target, top_bar) = match class {
            Class::Small => (16.0, TOUCH, 40.0),
            Class::Medium => (24.0, 72.0, 48.0),
            Class::Large => (32.0, 88.0, 56.0),
        };
        let (body, title, big, hero) = match class {
            Class::Small => (size::SMALL, size::BODY, size::TITLE, size::BIG),
            Class::Medium => (size::BODY, size::TITLE, size::BIG, size::HERO),
            Class::Large => (size::BODY, size::TITLE, size::BIG, size::HERO),
        };
        let bottom_bar = target + 2.0 * GRID;
        Frame { size, class, margin, target, body, title, big, hero, top_bar, bottom_bar }
    }

    /// The whole screen.
    pub fn screen(&self) -> Rect {
        self.size.to_rect()
    }

    /// The screen within its margins.
    pub fn inner(&self) -> Rect {
        self.screen().inset(-self.margin)
    }

    /// The width of a panel: a third of the screen, never too narrow for two buttons and a name.
    pub fn panel(&self) -> f64 {
        grid(self.size.width / 3.0).max(336.0).min(self.size.width)
    }

    /// The height of the strip across the top that a knock takes.
    pub fn banner(&self) -> f64 {
        self.target + 2.0 * GRID
    }
}

/// The nearest step of the grid of 8 at or above.
pub fn grid(length: f64) -> f64 {
    (length / GRID).ceil() * GRID
}

/// Cuts a strip off the top of a rectangle.
pub fn take_top(rect: &mut Rect, height: f64) -> Rect {
    let height = height.min(rect.height());
    let strip = Rect::new(rect.x0, rect.y0, rect.x1, rect.y0 + height);
    rect.y0 += height;
    strip
}

/// Cuts a strip off the bottom of a rectangle.
pub fn take_bottom(rect: &mut Rect, height: f64) -> Rect {
    let height = height.min(rect.height());
    let strip = Rect::new(rect.x0, rect.y1 - height, rect.x1, rect.y1);
    rect.y1 -= height;
    strip
}

/// Cuts a strip off the left of a rectangle.
pub fn take_left(rect: &mut Rect, width: f64) -> Rect {
    let width = width.min(rect.width());
    let strip = Rect::new(rect.x0, rect.y0, rect.x0 + width, rect.y1);
    rect.x0 += width;
    strip
}

/// Cuts a strip off the right of a rectangle.
pub fn take_right(rect: &mut Rect, width: f64) -> Rect {
    let width = width.min(rect.width());
    let strip = Rect::new(rect.x1 - width, rect.y0, rect.x1, rect.y1);
    rect.x1 -= width;
    strip
}

/// A rectangle of this size in the middle of another.
pub fn centered(rect: Rect, size: Size) -> Rect {
    let origin = (
        (rect.x0 + (rect.width() - size.width) / 2.0).round(),
        (rect.y0 + (rect.height() - size.height) / 2.0).round(),
    );
    Rect::from_origin_size(origin, size)
}

/// Where a picture of this size stands in a rectangle without being scaled: in its middle. `None` if it is larger, or so much
/// smaller that it has to be scaled up. A pixel more or less is rounding; one to one is sharper and much cheaper.
pub fn unscaled(rect: Rect, size: Size) -> Option<Rect> {
    let fit = (rect.width() / size.width).min(rect.height() / size.height);
    let off = (size.width - rect.width()).abs().max((size.height - rect.height()).abs());
    let inside = size.width <= rect.width() + 0.5 && size.height <= rect.height() + 0.5;
    (inside && (off <= 2.0 || (fit - 1.0).abs() < 0.02)).then(|| centered(rect, size))
}
