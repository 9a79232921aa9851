//! The whole screen as a function of the view: the screen itself, then what lies above every screen.

use druid::{Rect, Size};

use super::local::Local;
use super::scene::{Canvas, Scene};
use super::text::Measure;
use super::{home, idle, join, knock, meeting, notice, relays, settings, test_page, tokens, waiting};
use crate::view::{Screen, View};

/// The scene for a view on a screen of this size, in density-independent pixels.
pub fn scene(view: &View, local: &Local, size: Size, measure: &mut dyn Measure) -> Scene {
    let mut canvas = Canvas::new(size, view.language, local, measure);
    let c = &mut canvas;
    let banner = view.knock.as_ref().map(|_| knock::place(c));
    let strip = view.notice.as_ref().map(|told| notice::place(c, told, banner));
    c.shelf = strip.or(banner).map_or(0.0, |lowest| lowest.y1 + tokens::GRID);
    match &view.screen {
        Screen::Home(screen) => home::draw(c, view, screen),
        Screen::Join(screen) | Screen::Pin(screen) => join::draw(c, screen),
        Screen::Waiting(screen) => waiting::draw(c, view, screen),
        Screen::Meeting(screen) => meeting::draw(c, view, screen),
        Screen::Settings(screen) => settings::draw(c, view, screen),
        Screen::Test(screen) => test_page::draw(c, screen),
        Screen::Relays(screen) => relays::draw(c, screen),
    }
    if matches!(view.screen, Screen::Meeting(_)) {
        banner.into_iter().chain(strip).for_each(|place| c.cover(place));
    } else if c.shelf > 0.0 {
        let shelf = Rect { y1: c.shelf, ..c.frame.screen() };
        c.cover(shelf);
        c.fill(shelf, 0.0, tokens::GROUND);
    }
    if let (Some(knock), Some(place)) = (&view.knock, banner) {
        knock::draw(c, place, knock);
    }
    if let (Some(told), Some(place)) = (&view.notice, strip) {
        notice::draw(c, place, told);
    }
    idle::draw(c, view);
    canvas.finish()
}
