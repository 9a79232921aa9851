//! The whole screen as a function of the view: the screen itself, then what lies above every screen.

use druid::Size;

use super::local::Local;
use super::scene::{Canvas, Scene};
use super::text::Measure;
use super::{home, idle, join, knock, meeting, notice, relays, settings, waiting};
use crate::view::{Screen, View};

/// The scene for a view on a screen of this size, in density-independent pixels.
pub fn scene(view: &View, local: &Local, size: Size, measure: &mut dyn Measure) -> Scene {
    let mut canvas = Canvas::new(size, view.language, local, measure);
    let c = &mut canvas;
    match &view.screen {
        Screen::Home(screen) => home::draw(c, view, screen),
        Screen::Join(screen) | Screen::Pin(screen) => join::draw(c, screen),
        Screen::Waiting(screen) => waiting::draw(c, view, screen),
        Screen::Meeting(screen) => meeting::draw(c, view, screen),
        Screen::Settings(screen) => settings::draw(c, view, screen),
        Screen::Relays(screen) => relays::draw(c, screen),
    }
    let banner = view.knock.as_ref().map(|knock| knock::draw(c, knock));
    if let Some(told) = &view.notice {
        notice::draw(c, told, banner);
    }
    idle::draw(c, view);
    canvas.finish()
}
