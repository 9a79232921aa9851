//! Painting a scene: only what lies in the part to be painted, with words and pictures kept between two paintings.

use std::collections::BTreeMap;

use druid::kurbo::{BezPath, Circle, RoundedRect};
use druid::piet::{
    ImageFormat, InterpolationMode, LineCap, LineJoin, PietImage, StrokeStyle, TextLayout as _,
};
use druid::{Color, Point, Rect, RenderContext, Vec2};

use super::frame::{centered, unscaled};
use super::icons;
use super::scene::{Align, Dash, Item, SERIES_WIDTH, Scene};
use super::text::{Style, Typesetter};
use super::tokens;
use crate::ui::text::Measure;
use crate::video::slot::PictureSlots;
use crate::view::{PictureId, Points};

/// A context to paint in, as druid hands it out.
type Context<'a, 'b, 'c> = druid::PaintCtx<'a, 'b, 'c>;

/// What is kept between two paintings.
pub(super) struct Painter {
    slots: PictureSlots,
    images: BTreeMap<PictureId, Kept>,
}

struct Kept {
    sequence: u64,
    image: PietImage,
    width: f64,
    height: f64,
}

/// The shape of a picture that was painted.
pub(super) struct Seen {
    /// Whose.
    pub(super) id: PictureId,
    /// Pixels.
    pub(super) width: usize,
    /// Pixels.
    pub(super) height: usize,
    /// Its number in its slot.
    pub(super) sequence: u64,
}

impl Painter {
    /// A painter of the pictures in these slots.
    pub(super) fn new(slots: PictureSlots) -> Painter {
        Painter { slots, images: BTreeMap::new() }
    }

    /// Forgets the pictures of rooms that are no longer shown.
    pub(super) fn keep_only(&mut self, shown: &[PictureId]) {
        self.images.retain(|id, _| shown.contains(id));
    }

    /// Paints what of the scene lies in `part`, and the pressed look of an area. `scale` is real pixels for each
    /// density-independent one. Returns the shapes of pictures that were new.
    pub(super) fn paint(
        &mut self,
        ctx: &mut Context<'_, '_, '_>,
        scene: &Scene,
        part: &[Rect],
        pressed: Option<(Rect, f64)>,
        scale: f64,
        words: &mut Typesetter,
    ) -> Vec<Seen> {
        let mut seen = Vec::new();
        for rect in part {
            ctx.fill(*rect, &tokens::GROUND);
        }
        for item in &scene.items {
            if !part.iter().any(|rect| rect.intersect(item.rect()).area() > 0.0) {
                continue;
            }
            match item {
                Item::Fill { rect, radius, color } => fill(ctx, *rect, *radius, color),
                Item::Edge { rect, radius, color, width } => {
                    let middle = rect.inset(-width / 2.0);
                    ctx.stroke(
                        RoundedRect::from_rect(middle, (radius - width / 2.0).max(0.0)),
                        color,
                        *width,
                    );
                }
                Item::Text { rect, text, style, color, align } => {
                    set(ctx, words, *rect, text, *style, color, *align);
                }
                Item::Icon { rect, icon, color } => {
                    icons::draw(ctx.render_ctx, *icon, rect.center(), rect.width(), color);
                }
                Item::Series { rect, points, top, color, dash } => {
                    series(ctx, *rect, points, *top, color, *dash)
                }
                Item::Picture { rect, id, behind } => {
                    seen.extend(self.picture(ctx, *rect, *id, behind, scale));
                    corners(ctx, *rect, behind);
                }
            }
        }
        if let Some((rect, radius)) = pressed {
            fill(ctx, rect, radius, &tokens::PRESSED);
        }
        seen
    }

    /// The newest picture, at its own size if it has been scaled for its place already, else fitted.
    fn picture(
        &mut self,
        ctx: &mut Context<'_, '_, '_>,
        rect: Rect,
        id: PictureId,
        behind: &Color,
        scale: f64,
    ) -> Option<Seen> {
        let Some(picture) = self.slots.newest(id) else {
            self.images.remove(&id);
            return None;
        };
        let mut seen = None;
        if self.images.get(&id).is_none_or(|kept| kept.sequence != picture.sequence) {
            let (width, height) = (picture.width, picture.height);
            if picture.bgrx.len() < width * height * 4 || width * height == 0 {
                log::warn!("a picture of {width}x{height} has {} bytes; not shown", picture.bgrx.len());
                return None;
            }
            // Without an alpha channel nothing is blended, which costs the X server far less.
            let rgb: Vec<u8> = picture.bgrx.chunks_exact(4).flat_map(|p| [p[2], p[1], p[0]]).collect();
            match ctx.make_image(width, height, &rgb, ImageFormat::Rgb) {
                Ok(image) => {
                    let (w, h) = (width as f64, height as f64);
                    self.images.insert(id, Kept { sequence: picture.sequence, image, width: w, height: h });
                    seen = Some(Seen { id, width, height, sequence: picture.sequence });
                }
                Err(error) => {
                    log::warn!("a picture cannot be shown: {error}");
                    return None;
                }
            }
        }
        let kept = self.images.get(&id)?;
        let natural = druid::Size::new(kept.width / scale, kept.height / scale);
        let (place, mode) = match unscaled(rect, natural) {
            Some(place) => (place, InterpolationMode::NearestNeighbor),
            None => {
                let fit = (rect.width() / natural.width).min(rect.height() / natural.height);
                (centered(rect, natural * fit), InterpolationMode::Bilinear)
            }
        };
        if place != rect {
            ctx.fill(rect, behind);
        }
        ctx.draw_image(&kept.image, place, mode);
        seen
    }
}

/// A line through the points that are known; one alone is a dot.
fn series(ctx: &mut Context<'_, '_, '_>, rect: Rect, points: &Points, top: u32, color: &Color, dash: Dash) {
    let last = points.0.len().saturating_sub(1).max(1) as f64;
    let at = |place: usize, value: u32| {
        let height = f64::from(value.min(top)) / f64::from(top.max(1));
        Point::new(rect.x0 + rect.width() * place as f64 / last, rect.y1 - rect.height() * height)
    };
    let style = StrokeStyle::new().line_join(LineJoin::Round);
    let style = match dash {
        Dash::Solid => style.line_cap(LineCap::Round),
        Dash::Dashed => style.dash_pattern(&[7.0, 4.0]),
        Dash::Dotted => style.dash_pattern(&[2.0, 3.0]),
    };
    let mut path = BezPath::new();
    let mut run = 0;
    for (place, value) in points.0.iter().enumerate() {
        let Some(value) = value else {
            run = 0;
            continue;
        };
        let point = at(place, *value);
        run += 1;
        if run > 1 {
            path.line_to(point);
            continue;
        }
        path.move_to(point);
        if points.0.get(place + 1).copied().flatten().is_none() {
            ctx.fill(Circle::new(point, SERIES_WIDTH), color);
        }
    }
    ctx.stroke_styled(path, color, SERIES_WIDTH, &style);
}

fn fill(ctx: &mut Context<'_, '_, '_>, rect: Rect, radius: f64, color: &Color) {
    if radius > 0.0 {
        ctx.fill(
            RoundedRect::from_rect(rect, radius.min(rect.width() / 2.0).min(rect.height() / 2.0)),
            color,
        );
    } else {
        ctx.fill(rect, color);
    }
}

/// The four corners of a picture, cut by painting what is behind them: clipping the picture itself costs far more.
fn corners(ctx: &mut Context<'_, '_, '_>, rect: Rect, behind: &Color) {
    const CURVE: f64 = 0.552_284_75;
    let r = tokens::CORNER;
    for (x, y, across, down) in [
        (rect.x0, rect.y0, 1.0, 1.0),
        (rect.x1, rect.y0, -1.0, 1.0),
        (rect.x0, rect.y1, 1.0, -1.0),
        (rect.x1, rect.y1, -1.0, -1.0),
    ] {
        let at = |dx: f64, dy: f64| Point::new(x + dx * r * across, y + dy * r * down);
        let mut corner = BezPath::new();
        corner.move_to(at(0.0, 0.0));
        corner.line_to(at(1.0, 0.0));
        corner.curve_to(at(1.0 - CURVE, 0.0), at(0.0, 1.0 - CURVE), at(0.0, 1.0));
        corner.close_path();
        ctx.fill(corner, behind);
    }
}

/// Sets one line: its capitals stand in the middle of the box's height, whatever typeface the words fall back to.
fn set(
    ctx: &mut Context<'_, '_, '_>,
    words: &mut Typesetter,
    rect: Rect,
    text: &str,
    style: Style,
    color: &Color,
    align: Align,
) {
    let width = words.width(text, style);
    let x0 = match align {
        Align::Start => rect.x0,
        Align::Center => rect.x0 + (rect.width() - width) / 2.0,
        Align::End => rect.x1 - width,
    };
    // Half of Inter's capital height, as a part of its size.
    let baseline = (rect.center().y + 0.3636 * style.size).round();
    let mut pen = Point::new(x0.round(), baseline);
    if !style.tabular {
        draw_word(ctx, words, pen, text, style, color);
        return;
    }
    for (character, advance) in words.advances(text, style) {
        let drawn = Style { tabular: false, ..style };
        let narrower = (advance - words.width(character, drawn)) / 2.0;
        draw_word(ctx, words, pen + Vec2::new(narrower, 0.0), character, drawn, color);
        pen.x += advance;
    }
}

fn draw_word(
    ctx: &mut Context<'_, '_, '_>,
    words: &mut Typesetter,
    pen: Point,
    text: &str,
    style: Style,
    color: &Color,
) {
    if let Some(layout) = words.layout(text, style, color) {
        let ascent = layout.line_metric(0).map_or(style.size, |line| line.baseline);
        ctx.draw_text(layout, Point::new(pen.x, pen.y - ascent));
    }
}
