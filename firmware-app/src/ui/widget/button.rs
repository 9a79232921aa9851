//! A button: a ground, an icon, a word, in a row or stacked. Without a touch it is at rest and says so by its look.

use druid::{Color, Rect, Size};

use crate::ui::frame::centered;
use crate::ui::icons::Icon;
use crate::ui::scene::{Align, Canvas, Touch};
use crate::ui::text::Style;
use crate::ui::tokens;

/// What a button is for, as its ground tells.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Look {
    /// An ordinary button.
    Plain,
    /// Open or chosen.
    Chosen,
    /// What people came for.
    Action,
    /// Opens, lets in, is live.
    Go,
    /// Ends, closes, is muted.
    Stop,
    /// Needs attention.
    Warn,
    /// A way out that should not draw the eye: an ordinary ground, the icon in the colour of what ends.
    Exit,
}

impl Look {
    /// The ground.
    pub fn ground(self) -> Color {
        match self {
            Look::Plain | Look::Exit => tokens::RAISED,
            Look::Chosen => tokens::LINE,
            Look::Action => tokens::ACTION_GROUND,
            Look::Go => tokens::GO_GROUND,
            Look::Stop => tokens::STOP_GROUND,
            Look::Warn => tokens::WARN_GROUND,
        }
    }
}

/// A button to draw.
#[derive(Clone, Debug)]
pub struct Button<'a> {
    /// Its ground.
    pub look: Look,
    /// Its icon.
    pub icon: Option<Icon>,
    /// Its word; empty for an icon alone.
    pub label: &'a str,
    /// The size of the word where it fits; smaller steps follow.
    pub size: f64,
    /// The icon above the word rather than before it.
    pub stacked: bool,
    /// A number at its upper right corner.
    pub badge: u16,
}

impl<'a> Button<'a> {
    /// An ordinary button with an icon and a word in a row.
    pub fn new(icon: Icon, label: &'a str, size: f64) -> Button<'a> {
        Button { look: Look::Plain, icon: Some(icon), label, size, stacked: false, badge: 0 }
    }

    /// An icon alone.
    pub fn icon(icon: Icon) -> Button<'static> {
        Button {
            look: Look::Plain,
            icon: Some(icon),
            label: "",
            size: tokens::size::BODY,
            stacked: false,
            badge: 0,
        }
    }

    /// A word alone.
    pub fn word(label: &'a str, size: f64) -> Button<'a> {
        Button { look: Look::Plain, icon: None, label, size, stacked: false, badge: 0 }
    }

    /// With another ground.
    pub fn look(self, look: Look) -> Button<'a> {
        Button { look, ..self }
    }

    /// With the icon above the word.
    pub fn stacked(self) -> Button<'a> {
        Button { stacked: true, ..self }
    }

    /// With a number at its corner; 0 for none.
    pub fn badge(self, badge: u16) -> Button<'a> {
        Button { badge, ..self }
    }

    /// Draws it. Without a touch it is at rest.
    pub fn draw(self, c: &mut Canvas<'_>, rect: Rect, touch: Option<Touch>) {
        let awake = touch.is_some();
        let ground = if awake { self.look.ground() } else { tokens::SURFACE };
        c.fill(rect, tokens::CORNER, ground);
        if self.look == Look::Chosen {
            c.edge(rect, tokens::CORNER, tokens::ACTION, 2.0);
        } else if !awake {
            c.edge(rect, tokens::CORNER, tokens::RAISED, 2.0);
        }
        let ink = if awake { tokens::TEXT } else { tokens::RESTING };
        let icon_ink = match self.look {
            Look::Exit if awake => Color::rgb8(0xff, 0x7a, 0x7e),
            Look::Exit | Look::Plain | Look::Chosen | Look::Action | Look::Go | Look::Stop | Look::Warn => {
                ink
            }
        };
        if self.stacked {
            self.draw_stacked(c, rect, ink, icon_ink);
        } else {
            self.draw_row(c, rect, ink, icon_ink);
        }
        if self.badge > 0 {
            draw_badge(c, rect, self.badge);
        }
        if let Some(touch) = touch {
            c.area(rect, tokens::CORNER, touch);
        }
    }

    fn styles(&self) -> [Style; 3] {
        use tokens::size::{BODY, SMALL, TITLE};
        let smaller = if self.size > TITLE { TITLE } else { BODY.min(self.size) };
        [Style::strong(self.size), Style::strong(smaller), Style::strong(SMALL.min(self.size))]
    }

    fn icon_size(&self) -> f64 {
        match self.size {
            s if s >= 40.0 => 56.0,
            s if s >= 28.0 => 36.0,
            s if s >= 20.0 => 28.0,
            _ => 24.0,
        }
    }

    fn draw_row(&self, c: &mut Canvas<'_>, rect: Rect, ink: Color, icon_ink: Color) {
        let pad = if rect.width() <= 128.0 { 8.0 } else { 16.0 };
        let icon = self.icon_size();
        let gap = if icon > 36.0 { 20.0 } else { 12.0 };
        let Some(shape) = self.icon else {
            let style = c.largest(self.label, &self.styles(), rect.width() - 2.0 * pad);
            let line = centered(rect, Size::new(rect.width() - 2.0 * pad, style.line()));
            c.text(line, self.label, style, ink, Align::Center);
            return;
        };
        if self.label.is_empty() {
            c.icon(rect, shape, 28.0_f64.max(rect.height() * 0.36).round(), icon_ink);
            return;
        }
        let room = rect.width() - 2.0 * pad - icon - gap;
        let style = c.largest(self.label, &self.styles(), room);
        let words = c.width(self.label, style).min(room);
        let x0 = (rect.x0 + (rect.width() - words - icon - gap) / 2.0).round();
        c.icon(Rect::new(x0, rect.y0, x0 + icon, rect.y1), shape, icon, icon_ink);
        let line = centered(rect, Size::new(0.0, style.line()));
        let words_at = x0 + icon + gap;
        c.text(Rect::new(words_at, line.y0, words_at + words, line.y1), self.label, style, ink, Align::Start);
    }

    fn draw_stacked(&self, c: &mut Canvas<'_>, rect: Rect, ink: Color, icon_ink: Color) {
        let style = c.largest(self.label, &self.styles(), rect.width() - 8.0);
        let icon = self.icon_size();
        let gap = if icon > 36.0 { 16.0 } else { 4.0 };
        let height = icon + gap + style.line();
        let y0 = (rect.y0 + (rect.height() - height) / 2.0).round();
        if let Some(shape) = self.icon {
            // It makes way for a badge.
            let clear = if self.badge > 0 { badge(c, rect, self.badge).1.x0 - 2.0 } else { rect.x1 };
            let x0 = (rect.center().x - icon / 2.0).min(clear - icon).max(rect.x0);
            c.icon(Rect::new(x0, y0, x0 + icon, y0 + icon), shape, icon, icon_ink);
        }
        let words = y0 + icon + gap;
        let line = Rect::new(rect.x0 + 4.0, words, rect.x1 - 4.0, words + style.line());
        c.text(line, self.label, style, ink, Align::Center);
    }
}

/// A badge's words and where they stand.
fn badge(c: &mut Canvas<'_>, rect: Rect, number: u16) -> (String, Rect) {
    // On a narrow button more figures would lie on the icon.
    let most = if rect.width() <= 112.0 { 9 } else { 99 };
    let text = if number > most { format!("{most}+") } else { number.to_string() };
    let width = (c.width(&text, Style::figures(tokens::size::SMALL)) + 12.0).max(24.0);
    (text, Rect::new(rect.x1 - width - 4.0, rect.y0 + 4.0, rect.x1 - 4.0, rect.y0 + 28.0))
}

fn draw_badge(c: &mut Canvas<'_>, rect: Rect, number: u16) {
    let (text, badge) = badge(c, rect, number);
    c.fill(badge, 12.0, tokens::STOP_GROUND);
    c.text(badge, &text, Style::figures(tokens::size::SMALL), tokens::TEXT, Align::Center);
}
