//! The one druid widget: paints the scene of the newest view and turns touches into intents. A touch counts when the
//! finger is lifted where it came down; sliding off cancels, and so does anything that changes under the finger.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use druid::piet::PietText;
use druid::widget::prelude::*;
use druid::{Cursor, CursorDesc, ExtEventSink, ImageBuf, Point, Rect, Selector, Target, TimerToken};
use raw_window_handle::{HasRawWindowHandle, RawWindowHandle};

use super::keys::{self, Keys};
use super::local::Local;
use super::paint::Painter;
use super::panes::{Opening, Panes};
use super::root;
use super::scene::{Area, Scene, Touch};
use super::shared::Shared;
use super::text::Typesetter;
use super::tokens::{CORNER, GAP};
use crate::kiosk::intent::Intent;
use crate::video::slot::{Laid, PictureSlots, TileSize};
use crate::view::{Backlight, PictureId, View};

pub use super::keys::KeyEdge;

/// Something new was left for the screen.
pub(super) const LOOK: Selector<()> = Selector::new("vestibule.screen.look");

/// In case a wake-up is lost, the screen looks for news and pictures this often,
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// and once in so many looks it paints what shows through under a name, where panes do not.
const LOOKS_BENEATH: u32 = 4;
/// A finger that stays repeats after this,
const REPEAT_AFTER: Duration = Duration::from_millis(500);
/// and then this often.
const REPEAT_EVERY: Duration = Duration::from_millis(120);
/// A key that comes down again within this was held and repeats.
const KEY_SETTLES: Duration = Duration::from_millis(15);

/// Where intents and keys go.
pub struct Outlet {
    /// Every touch, understood.
    pub intents: Box<dyn Fn(Intent) + Send>,
    /// The keys that stand for buttons.
    pub keys: Box<dyn Fn(KeyEdge) + Send>,
}

/// The widget.
pub struct Surface {
    shared: Arc<Shared>,
    sink: Arc<OnceLock<ExtEventSink>>,
    slots: PictureSlots,
    outlet: Outlet,
    hide_cursor: bool,
    panes: Option<Arc<Panes>>,

    view: View,
    local: Local,
    scene: Scene,
    size: Size,
    scale: f64,
    finger: Option<Finger>,
    keys: Keys,
    painter: Painter,
    words: Typesetter,
    /// A picture of another shape came; the tiles must be laid out anew.
    stale: bool,
    looks: u32,
    look_timer: TimerToken,
    repeat_timer: TimerToken,
    key_timer: TimerToken,
    quit_timer: TimerToken,
}

/// A finger on an area.
struct Finger {
    area: Area,
    repeated: bool,
}

impl Surface {
    /// A screen that shows this view first. Without a bridge, views come by [`Surface::show`] alone.
    pub fn new(first: View, slots: PictureSlots, outlet: Outlet) -> Surface {
        Surface {
            shared: Arc::default(),
            sink: Arc::default(),
            painter: Painter::new(slots.clone()),
            slots,
            outlet,
            hide_cursor: false,
            panes: None,
            view: first,
            local: Local::default(),
            scene: Scene::default(),
            size: Size::ZERO,
            scale: 1.0,
            finger: None,
            keys: Keys::default(),
            words: Typesetter::new(PietText::new()),
            stale: false,
            looks: 0,
            look_timer: TimerToken::INVALID,
            repeat_timer: TimerToken::INVALID,
            key_timer: TimerToken::INVALID,
            quit_timer: TimerToken::INVALID,
        }
    }

    pub(super) fn connected(
        mut self,
        shared: Arc<Shared>,
        sink: Arc<OnceLock<ExtEventSink>>,
        panes: Option<Arc<Panes>>,
        hide_cursor: bool,
    ) -> Surface {
        self.shared = shared;
        self.sink = sink;
        self.panes = panes;
        self.hide_cursor = hide_cursor;
        self
    }

    /// Shows another view. Returns the part that must be painted again.
    pub fn show(&mut self, view: View) -> Option<Rect> {
        self.local.follow(&self.view, &view);
        self.view = view;
        self.rebuild()
    }

    /// Draws the scene anew and tells the decoders how large each room is shown now.
    fn rebuild(&mut self) -> Option<Rect> {
        self.stale = false;
        let scene = root::scene(&self.view, &self.local, self.size, &mut self.words);
        let changed = scene.changed_since(&self.scene);
        self.scene = scene;
        let places: BTreeMap<PictureId, Rect> = self.scene.pictures().collect();
        let real = |rect: &Rect| {
            let s = self.scale;
            Rect::new(rect.x0 * s, rect.y0 * s, rect.x1 * s, rect.y1 * s).round()
        };
        let on_screen: BTreeMap<PictureId, Rect> =
            places.iter().map(|(id, rect)| (*id, real(rect))).collect();
        let touchable = self.scene.areas.iter().map(|area| (real(&area.rect), format!("{:?}", area.touch)));
        self.shared.set_touchable(touchable.collect());
        for gone in self.shared.set_places(&on_screen) {
            self.slots.show_at(gone, None);
        }
        for (id, rect) in &on_screen {
            let size = TileSize { width: rect.width() as usize, height: rect.height() as usize };
            if self.slots.size(*id) != Some(size) {
                self.slots.show_at(*id, Some(size));
            }
        }
        self.painter.keep_only(&places.keys().copied().collect::<Vec<_>>());
        let pressed = self.finger.as_ref().map(|finger| finger.area.clone());
        if let Some(area) = pressed
            && !self.scene.areas.contains(&area)
        {
            self.lift(false);
            return Some(changed.map_or(area.rect, |rect| rect.union(area.rect)));
        }
        self.arrange();
        changed
    }

    /// Tells the pictures' windows where they are and what lies over them, a finger's mark included.
    fn arrange(&self) {
        let Some(panes) = &self.panes else { return };
        let s = self.scale;
        let real = |rect: Rect| Rect::new(rect.x0 * s, rect.y0 * s, rect.x1 * s, rect.y1 * s);
        let pressed = self.finger.as_ref().map(|finger| finger.area.rect);
        let openings = self.scene.covers().map(|(id, tile, covers)| {
            let covers = covers.into_iter().chain(pressed).map(real).collect();
            (id, Opening { tile: real(tile).round(), radius: CORNER * s, covers })
        });
        panes.arrange(self.shared.window(), openings.collect());
    }

    fn emit(&self, intent: Intent) {
        log::debug!("touch: {intent:?}");
        (self.outlet.intents)(intent);
    }

    /// The finger is gone; `counts` if it was lifted where it came down.
    fn lift(&mut self, counts: bool) {
        let Some(finger) = self.finger.take() else { return };
        self.arrange();
        match finger.area.touch {
            Touch::Tap(intent) if counts => self.emit(intent),
            Touch::Repeat(intent) if counts && !finger.repeated => self.emit(intent),
            Touch::Hold(_, up) => self.emit(up),
            Touch::Turn(turn) if counts => self.local.turn(turn),
            Touch::Tap(_) | Touch::Repeat(_) | Touch::Turn(_) => {}
        }
    }

    fn down(&mut self, ctx: &mut EventCtx, at: Point) {
        if self.view.backlight != Backlight::Lit {
            self.emit(Intent::Wake);
            return;
        }
        self.lift(false);
        let Some(area) = self.scene.area_at(at).cloned() else { return };
        ctx.set_active(true);
        ctx.request_paint_rect(area.rect);
        match &area.touch {
            Touch::Hold(down, _) => self.emit(down.clone()),
            Touch::Repeat(_) => self.repeat_timer = ctx.request_timer(REPEAT_AFTER),
            Touch::Tap(_) | Touch::Turn(_) => {}
        }
        self.finger = Some(Finger { area, repeated: false });
        self.arrange();
    }

    fn moved(&mut self, ctx: &mut EventCtx, at: Point) {
        // A finger rolls a little; half the way to the next area still is this one.
        let off = self.finger.as_ref().filter(|finger| !finger.area.rect.inset(GAP / 2.0).contains(at));
        if let Some(rect) = off.map(|finger| finger.area.rect) {
            self.lift(false);
            ctx.request_paint_rect(rect);
        }
    }

    fn up(&mut self, ctx: &mut EventCtx, at: Point) {
        ctx.set_active(false);
        self.moved(ctx, at);
        if let Some(rect) = self.finger.as_ref().map(|finger| finger.area.rect) {
            self.lift(true);
            ctx.request_paint_rect(rect);
            // What the screen turns by itself is seen at once; all else comes back as a view.
            if let Some(changed) = self.rebuild() {
                ctx.request_paint_rect(changed);
            }
        }
    }

    fn look(&mut self, ctx: &mut EventCtx) {
        if self.shared.quit_asked() && self.quit_timer == TimerToken::INVALID {
            // Ending from within a command of another thread hangs druid on X11; from a timer it does not.
            self.quit_timer = ctx.request_timer(Duration::from_millis(1));
        }
        let changed = match self.shared.take_view() {
            Some(view) => self.show(*view),
            None if self.stale => self.rebuild(),
            None => None,
        };
        if let Some(rect) = changed {
            ctx.request_paint_rect(rect);
        }
    }

    /// Has the pictures painted whose turn was missed.
    fn catch_up(&mut self, ctx: &mut EventCtx) {
        self.looks = self.looks.wrapping_add(1);
        let owed = self.shared.owed(self.looks.is_multiple_of(LOOKS_BENEATH));
        for (_, rect) in self.scene.pictures().filter(|(id, _)| owed.contains(id)) {
            ctx.request_paint_rect(rect);
        }
    }

    fn timer(&mut self, ctx: &mut EventCtx, token: TimerToken) {
        if token == self.look_timer {
            self.look_timer = ctx.request_timer(LOOK_EVERY);
            self.look(ctx);
            self.catch_up(ctx);
        } else if token == self.repeat_timer {
            self.repeat(ctx);
        } else if token == self.key_timer {
            for edge in self.keys.settle() {
                (self.outlet.keys)(edge);
            }
        } else if token == self.quit_timer {
            ctx.submit_command(druid::commands::QUIT_APP);
        }
    }

    fn repeat(&mut self, ctx: &mut EventCtx) {
        let Some(finger) = &mut self.finger else { return };
        if let Touch::Repeat(intent) = &finger.area.touch {
            let intent = intent.clone();
            finger.repeated = true;
            self.emit(intent);
            self.repeat_timer = ctx.request_timer(REPEAT_EVERY);
        }
    }

    fn connect(&mut self, ctx: &mut EventCtx) {
        ctx.request_focus();
        if let RawWindowHandle::Xcb(handle) = ctx.window().raw_window_handle() {
            self.shared.set_window(handle.window);
            self.arrange();
        }
        if let Ok(scale) = ctx.window().get_scale() {
            self.scale = scale.x();
        }
        if self.hide_cursor {
            let nothing = ImageBuf::from_raw(vec![0; 4], druid::piet::ImageFormat::RgbaSeparate, 1, 1);
            let cursor = ctx.window().make_cursor(&CursorDesc::new(nothing, Point::ZERO));
            ctx.set_cursor(&cursor.unwrap_or(Cursor::Arrow));
        }
        self.look_timer = ctx.request_timer(LOOK_EVERY);
    }
}

impl Widget<()> for Surface {
    fn event(&mut self, ctx: &mut EventCtx, event: &Event, _: &mut (), _: &Env) {
        match event {
            Event::WindowConnected => self.connect(ctx),
            Event::WindowCloseRequested => self.shared.ask_quit(),
            Event::WindowScale(scale) => {
                self.scale = scale.x();
                self.rebuild();
                ctx.request_paint();
            }
            Event::WindowSize(size) if *size != self.size => {
                self.size = *size;
                self.rebuild();
                ctx.request_paint();
            }
            Event::MouseDown(mouse) => self.down(ctx, mouse.pos),
            Event::MouseMove(mouse) => self.moved(ctx, mouse.pos),
            Event::MouseUp(mouse) => self.up(ctx, mouse.pos),
            Event::KeyDown(key) => {
                let pressed = keys::button(&key.key).and_then(|button| self.keys.down(button));
                if let Some(edge) = pressed {
                    (self.outlet.keys)(edge);
                }
            }
            Event::KeyUp(key) => {
                if let Some(button) = keys::button(&key.key) {
                    self.keys.up(button);
                    self.key_timer = ctx.request_timer(KEY_SETTLES);
                }
            }
            Event::Timer(token) => self.timer(ctx, *token),
            Event::Command(command) if command.is(LOOK) => {
                self.look(ctx);
                ctx.set_handled();
            }
            // druid's own enum, most of which no panel on a wall ever sees.
            _ => {}
        }
    }

    fn lifecycle(&mut self, _: &mut LifeCycleCtx, _: &LifeCycle, _: &(), _: &Env) {}

    fn update(&mut self, _: &mut UpdateCtx, _: &(), _: &(), _: &Env) {}

    fn layout(&mut self, _: &mut LayoutCtx, limits: &BoxConstraints, _: &(), _: &Env) -> Size {
        let size = limits.max();
        if size != self.size {
            self.size = size;
            self.rebuild();
        }
        size
    }

    fn paint(&mut self, ctx: &mut PaintCtx, _: &(), _: &Env) {
        let part: Vec<Rect> = ctx.region().rects().to_vec();
        let touched = |rect: &Rect| part.iter().any(|part| part.intersect(*rect).area() > 0.0);
        self.shared.painting(self.scene.pictures().filter(|(_, rect)| touched(rect)).map(|(id, _)| id));
        let pressed = self.finger.as_ref().map(|finger| (finger.area.rect, finger.area.radius));
        let words = &mut self.words;
        let seen = self.painter.paint(ctx, &self.scene, &part, pressed, self.scale, words);
        for picture in seen {
            self.stale |= self.local.saw(picture.id, picture.width, picture.height);
            // What has a window of its own was there before; the first time counts.
            let laid = Laid { sequence: picture.sequence, at: Instant::now() };
            self.slots.handle_laid(picture.id, laid);
        }
        // A picture of another shape moves the tiles, which cannot be done while painting.
        if self.stale
            && let Some(sink) = self.sink.get()
        {
            let sent = sink.submit_command(LOOK, (), Target::Auto);
            log::debug!("a picture has another shape; laying out anew ({sent:?})");
        }
    }
}
