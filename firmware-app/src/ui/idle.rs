//! The screen nobody uses: dimmed, a moving clock, black. Nothing here answers a touch; the first one wakes.

use druid::Rect;

use super::scene::{Align, Canvas};
use super::text::Style;
use super::tokens;
use crate::view::{Backlight, View};

/// Lays what the backlight says over the finished screen.
pub(super) fn draw(c: &mut Canvas<'_>, view: &View) {
    let screen = c.frame.screen();
    match view.backlight {
        Backlight::Lit => {}
        Backlight::Dim => {
            c.rest();
            c.fill(screen, 0.0, tokens::DIMMED);
        }
        Backlight::Clock => {
            c.cover(screen);
            c.fill(screen, 0.0, tokens::BLACK);
            clock(c, &view.clock);
        }
        Backlight::Dark => {
            c.cover(screen);
            c.fill(screen, 0.0, tokens::BLACK);
        }
    }
}

/// The clock, in another place each minute so that it burns in nowhere.
fn clock(c: &mut Canvas<'_>, time: &str) {
    let style = Style::figures(tokens::size::HERO);
    let width = c.width(time, style);
    let inner = c.frame.inner();
    let minute: u32 =
        time.rsplit(|c: char| !c.is_ascii_digit()).next().and_then(|m| m.parse().ok()).unwrap_or(0);
    // Steps that share no factor with their count visit every place of the grid.
    let (across, down) = (f64::from(minute * 7 % 10) / 9.0, f64::from(minute * 5 % 6) / 5.0);
    let x0 = (inner.x0 + across * (inner.width() - width).max(0.0)).round();
    let y0 = (inner.y0 + down * (inner.height() - style.line()).max(0.0)).round();
    c.text(Rect::new(x0, y0, x0 + width, y0 + style.line()), time, style, tokens::NIGHT_CLOCK, Align::Start);
}
