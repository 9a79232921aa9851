//! Levels: the volume as a number and a bar between the two buttons that change it, and the microphone's as a bar.

use druid::{Color, Rect};

use crate::kiosk::intent::{Intent, Step};
use crate::ui::icons::Icon;
use crate::ui::scene::{Align, Canvas, Touch};
use crate::ui::text::Style;
use crate::ui::tokens;
use crate::ui::widget::button::Button;

/// The volume: quieter, the level, louder, in one group. The buttons are as wide as the group is high.
pub fn volume(c: &mut Canvas<'_>, rect: Rect, level: u8, intent: impl Fn(Step) -> Intent) {
    let side = rect.height().max(tokens::TOUCH);
    c.fill(rect, tokens::CORNER, tokens::SURFACE);
    let down = Rect::new(rect.x0, rect.y0, rect.x0 + side, rect.y1);
    let up = Rect::new(rect.x1 - side, rect.y0, rect.x1, rect.y1);
    Button::icon(Icon::VolumeDown).draw(c, down, Some(Touch::Repeat(intent(Step::Previous))));
    Button::icon(Icon::VolumeUp).draw(c, up, Some(Touch::Repeat(intent(Step::Next))));
    let level = level.min(100);
    let middle = rect.center().y;
    let between = Rect::new(down.x1, rect.y0, up.x0, rect.y1);
    let sizes = [tokens::size::BODY, tokens::size::SMALL].map(Style::figures);
    let style = c.largest("100", &sizes, between.width());
    let words = Rect::new(between.x0, middle - style.line(), between.x1, middle);
    c.text(words, &level.to_string(), style, tokens::TEXT, Align::Center);
    let beside = if between.width() < 48.0 { 2.0 } else { 8.0 };
    let track = Rect::new(between.x0 + beside, middle + 8.0, between.x1 - beside, middle + 14.0);
    c.fill(track, 3.0, tokens::LINE);
    filled(c, track, f64::from(level) / 100.0, tokens::ACTION);
}

/// A bar that is filled as far as `part` says, from 0 to 1.
pub fn level(c: &mut Canvas<'_>, track: Rect, part: f64, ink: Color) {
    c.fill(track, 3.0, tokens::GROUND);
    filled(c, track, part, ink);
}

fn filled(c: &mut Canvas<'_>, track: Rect, part: f64, ink: Color) {
    if part > 0.0 {
        let filled = (track.width() * part.min(1.0)).max(6.0);
        c.fill(Rect { x1: track.x0 + filled, ..track }, 3.0, ink);
    }
}
