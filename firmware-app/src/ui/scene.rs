//! What is on the screen, as data: items to paint from back to front, and areas that answer a touch. Not the painting
//! and not the touching; so a test can look at every screen without a display.

use druid::{Color, Rect, Size};

use super::cutout::{self, Bound};
use super::frame::Frame;
use super::icons::Icon;
use super::labels::{Labels, labels};
use super::local::{Local, Turn};
use super::text::{self, Measure, Style};
use super::tokens;
use crate::kiosk::intent::Intent;
use crate::view::{Language, PictureId, Points};

/// Where words stand in their box, which is one line high and is centred upon.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Align {
    /// Left.
    Start,
    /// In the middle.
    Center,
    /// Right.
    End,
}

/// How a line is drawn.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Dash {
    /// Whole.
    Solid,
    /// In dashes.
    Dashed,
    /// In dots.
    Dotted,
}

/// How thick the lines of a graph are.
pub const SERIES_WIDTH: f64 = 2.0;

/// One thing to paint.
#[derive(Clone, PartialEq, Debug)]
pub enum Item {
    /// A filled rectangle.
    Fill {
        /// Where.
        rect: Rect,
        /// The radius of its corners.
        radius: f64,
        /// Its colour.
        color: Color,
    },
    /// The edge of a rectangle, inside it.
    Edge {
        /// Where.
        rect: Rect,
        /// The radius of its corners.
        radius: f64,
        /// Its colour.
        color: Color,
        /// How thick.
        width: f64,
    },
    /// One line of words, already cut to fit.
    Text {
        /// Its box.
        rect: Rect,
        /// The words.
        text: String,
        /// Their look.
        style: Style,
        /// Their colour.
        color: Color,
        /// Where in the box.
        align: Align,
    },
    /// An icon.
    Icon {
        /// Its square.
        rect: Rect,
        /// Which.
        icon: Icon,
        /// Its colour.
        color: Color,
    },
    /// A line through points, as far as they are known.
    Series {
        /// Where: the first point at its left edge, the last at its right, 0 at its bottom.
        rect: Rect,
        /// The points.
        points: Points,
        /// What is at its upper edge.
        top: u32,
        /// Its colour.
        color: Color,
        /// How the line is broken.
        dash: Dash,
    },
    /// The newest picture of a room, fitted into the rectangle; its corners are cut in the ground's colour.
    Picture {
        /// Where.
        rect: Rect,
        /// Whose.
        id: PictureId,
        /// What is behind the corners.
        behind: Color,
    },
}

impl Item {
    /// What it may touch when painted.
    pub fn rect(&self) -> Rect {
        match self {
            Item::Fill { rect, .. }
            | Item::Edge { rect, .. }
            | Item::Text { rect, .. }
            | Item::Icon { rect, .. }
            | Item::Picture { rect, .. } => *rect,
            // Half of the line's width lies outside where a value is at the edge.
            Item::Series { rect, .. } => rect.inset(SERIES_WIDTH),
        }
    }

    /// Rectangles that hold all it paints.
    fn solid(&self) -> Vec<Rect> {
        match self {
            Item::Fill { rect, radius, .. } => cutout::rounded(*rect, *radius, Bound::Outer),
            Item::Edge { rect, radius, width, .. } => {
                let middle = rect.inset(-width);
                let inner = cutout::rounded(middle, radius - width, Bound::Inner);
                let outer = cutout::rounded(*rect, *radius, Bound::Outer);
                outer.into_iter().flat_map(|part| cutout::without(part, &inner)).collect()
            }
            Item::Text { .. } | Item::Icon { .. } | Item::Series { .. } | Item::Picture { .. } => {
                vec![self.rect()]
            }
        }
    }
}

/// What a touch on an area does.
#[derive(Clone, PartialEq, Debug)]
pub enum Touch {
    /// Reported when the finger is lifted on it.
    Tap(Intent),
    /// The same, and again and again while the finger stays.
    Repeat(Intent),
    /// One intent when the finger comes down, the other when it is gone.
    Hold(Intent, Intent),
    /// Turns what the screen itself turns.
    Turn(Turn),
}

/// A part of the screen that answers a touch.
#[derive(Clone, PartialEq, Debug)]
pub struct Area {
    /// Where.
    pub rect: Rect,
    /// The radius of its corners, for the pressed look.
    pub radius: f64,
    /// What it does.
    pub touch: Touch,
}

/// Everything on the screen at one moment.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Scene {
    /// Back to front.
    pub items: Vec<Item>,
    /// None overlaps another.
    pub areas: Vec<Area>,
}

impl Scene {
    /// The area under a point.
    pub fn area_at(&self, point: druid::Point) -> Option<&Area> {
        self.areas.iter().find(|area| area.rect.contains(point))
    }

    /// The pictures on the screen and where.
    pub fn pictures(&self) -> impl Iterator<Item = (PictureId, Rect)> + '_ {
        self.items.iter().filter_map(|item| match item {
            Item::Picture { rect, id, .. } => Some((*id, *rect)),
            Item::Fill { .. }
            | Item::Edge { .. }
            | Item::Text { .. }
            | Item::Icon { .. }
            | Item::Series { .. } => None,
        })
    }

    /// Every picture, where it is, and what lies over it.
    pub fn covers(&self) -> impl Iterator<Item = (PictureId, Rect, Vec<Rect>)> + '_ {
        self.items.iter().enumerate().filter_map(|(at, item)| match item {
            Item::Picture { rect, id, .. } => {
                let over = self.items[at + 1..].iter().flat_map(Item::solid);
                Some((*id, *rect, over.filter(|over| over.intersect(*rect).area() > 0.0).collect()))
            }
            Item::Fill { .. }
            | Item::Edge { .. }
            | Item::Text { .. }
            | Item::Icon { .. }
            | Item::Series { .. } => None,
        })
    }

    /// What has to be painted again when this scene follows another: the smallest rectangle around every difference.
    pub fn changed_since(&self, before: &Scene) -> Option<Rect> {
        let same_front = self.items.iter().zip(&before.items).take_while(|(a, b)| a == b).count();
        let rest = self.items.len().min(before.items.len()) - same_front;
        let same_back = (self.items.iter().rev())
            .zip(before.items.iter().rev())
            .take(rest)
            .take_while(|(a, b)| a == b)
            .count();
        let middle = |items: &[Item]| {
            items[same_front..items.len() - same_back].iter().map(Item::rect).reduce(|a, b| a.union(b))
        };
        match (middle(&self.items), middle(&before.items)) {
            (Some(a), Some(b)) => Some(a.union(b)),
            (one, other) => one.or(other),
        }
    }
}

/// A scene being drawn: the words, the measures and the typesetter every part needs.
pub struct Canvas<'a> {
    /// The measures of the screen.
    pub frame: Frame,
    /// What the screen itself has turned.
    pub local: &'a Local,
    /// The words of the room's language.
    pub words: &'static Labels,
    /// The height of what lies across the top of every screen now: a knock, a notice.
    pub shelf: f64,
    measure: &'a mut dyn Measure,
    scene: Scene,
}

impl<'a> Canvas<'a> {
    /// An empty scene of this size.
    pub fn new(size: Size, language: Language, local: &'a Local, measure: &'a mut dyn Measure) -> Canvas<'a> {
        Canvas {
            frame: Frame::new(size),
            local,
            words: labels(language),
            shelf: 0.0,
            measure,
            scene: Scene::default(),
        }
    }

    /// The scene as drawn.
    pub fn finish(self) -> Scene {
        self.scene
    }

    /// A filled rectangle.
    pub fn fill(&mut self, rect: Rect, radius: f64, color: Color) {
        self.scene.items.push(Item::Fill { rect, radius, color });
    }

    /// An edge inside a rectangle.
    pub fn edge(&mut self, rect: Rect, radius: f64, color: Color, width: f64) {
        self.scene.items.push(Item::Edge { rect, radius, color, width });
    }

    /// An icon in the middle of a rectangle.
    pub fn icon(&mut self, rect: Rect, icon: Icon, size: f64, color: Color) {
        let rect = super::frame::centered(rect, Size::new(size, size));
        self.scene.items.push(Item::Icon { rect, icon, color });
    }

    /// A line through points.
    pub fn series(&mut self, rect: Rect, points: Points, top: u32, color: Color, dash: Dash) {
        self.scene.items.push(Item::Series { rect, points, top, color, dash });
    }

    /// A picture.
    pub fn picture(&mut self, rect: Rect, id: PictureId, behind: Color) {
        self.scene.items.push(Item::Picture { rect, id, behind });
    }

    /// One line of words in the middle of a box's height, cut with an ellipsis if it must be.
    pub fn text(&mut self, rect: Rect, text: &str, style: Style, color: Color, align: Align) {
        let text = text::fit(self.measure, text, style, rect.width());
        if !text.is_empty() {
            self.scene.items.push(Item::Text { rect, text, style, color, align });
        }
    }

    /// Lines of words from the top of a box, as many as fit in its height; the last is cut if there are more. Returns
    /// the height they take.
    pub fn paragraph(&mut self, rect: Rect, text: &str, style: Style, color: Color, align: Align) -> f64 {
        let line = style.line();
        let limit = (rect.height() / line).floor() as usize;
        let lines = text::fit_lines(self.measure, text, style, rect.width(), limit);
        for (number, words) in lines.iter().enumerate() {
            let y0 = rect.y0 + number as f64 * line;
            self.text(Rect::new(rect.x0, y0, rect.x1, y0 + line), words, style, color, align);
        }
        lines.len() as f64 * line
    }

    /// Like [`Canvas::paragraph`], in the middle of the box's height.
    pub fn paragraph_centered(&mut self, rect: Rect, text: &str, style: Style, color: Color, align: Align) {
        let limit = (rect.height() / style.line()).floor() as usize;
        let lines = text::fit_lines(self.measure, text, style, rect.width(), limit).len();
        let spare = ((rect.height() - lines as f64 * style.line()) / 2.0).floor().max(0.0);
        self.paragraph(Rect { y0: rect.y0 + spare, ..rect }, text, style, color, align);
    }

    /// How wide words would be.
    pub fn width(&mut self, text: &str, style: Style) -> f64 {
        self.measure.width(text, style).ceil()
    }

    /// The end of words being written, as much as fits into a width.
    pub fn tail(&mut self, text: &str, style: Style, width: f64) -> String {
        text::fit_tail(self.measure, text, style, width)
    }

    /// How words would break.
    pub fn wrap(&mut self, text: &str, style: Style, width: f64) -> Vec<String> {
        self.measure.wrap(text, style, width)
    }

    /// The largest of these styles in which words fit into a width; the last one if none does.
    pub fn largest(&mut self, text: &str, styles: &[Style], width: f64) -> Style {
        let fitting = styles.iter().copied().find(|style| self.measure.width(text, *style) <= width);
        fitting.or(styles.last().copied()).unwrap_or(Style::new(tokens::size::SMALL))
    }

    /// A part that answers a touch.
    pub fn area(&mut self, rect: Rect, radius: f64, touch: Touch) {
        self.scene.areas.push(Area { rect, radius, touch });
    }

    /// Takes away what would answer a touch in this rectangle, what it would hide wholly, and words and icons it would
    /// hide in part, because something opaque is about to be laid there.
    pub fn cover(&mut self, rect: Rect) {
        let over = |other: Rect| other.intersect(rect).area() > 0.0;
        self.scene.areas.retain(|area| !over(area.rect));
        self.scene.items.retain(|item| match item {
            Item::Text { rect: words, .. } | Item::Icon { rect: words, .. } => !over(*words),
            Item::Fill { .. } | Item::Edge { .. } | Item::Series { .. } | Item::Picture { .. } => {
                rect.union(item.rect()) != rect
            }
        });
    }

    /// Takes away every area: nothing on the screen answers a touch.
    pub fn rest(&mut self) {
        self.scene.areas.clear();
    }
}
