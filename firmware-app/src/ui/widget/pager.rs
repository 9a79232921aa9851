//! Two big arrows that turn a list's pages, since there is no scrolling by finger.

use druid::Rect;

use crate::ui::icons::Icon;
use crate::ui::scene::{Canvas, Touch};
use crate::ui::tokens;
use crate::ui::widget::button::Button;

/// The width of the two arrows.
pub const WIDTH: f64 = 2.0 * tokens::TOUCH + tokens::GAP;

/// Draws the arrows, upwards and downwards; one without a touch is at rest.
pub fn arrows(c: &mut Canvas<'_>, rect: Rect, up: Option<Touch>, down: Option<Touch>) {
    let side = (rect.width() - tokens::GAP) / 2.0;
    Button::icon(Icon::Up).draw(c, Rect { x1: rect.x0 + side, ..rect }, up);
    Button::icon(Icon::Down).draw(c, Rect { x0: rect.x1 - side, ..rect }, down);
}
