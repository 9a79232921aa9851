//! The screen's window and the way to it from other threads. The window runs on the main thread; everything else
//! holds a handle.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Instant;

use druid::{AppLauncher, ExtEventSink, PlatformError, Point, Rect, Size, Target, WindowDesc};
use x11rb::connection::Connection;
use x11rb::errors::ConnectError;
use x11rb::rust_connection::RustConnection;

use super::panes::{Panes, Shown};
use super::repaint;
use super::shared::Shared;
use super::surface::{KeyEdge, LOOK, Outlet, Surface};
use super::tokens;
use crate::kiosk::intent::Intent;
use crate::video::slot::{Laid, PictureSlots};
use crate::view::{PictureId, View};

/// How large the window is.
#[derive(Copy, Clone, PartialEq, Debug)]
pub enum Extent {
    /// The whole screen, with or without a window manager; the cursor is hidden.
    Full,
    /// A window of this size in pixels.
    Window {
        /// Pixels.
        width: u32,
        /// Pixels.
        height: u32,
    },
}

/// How the window opens.
#[derive(Clone, PartialEq, Debug)]
pub struct Options {
    /// How large.
    pub extent: Extent,
    /// Where its upper left corner is, in pixels, so that two kiosks fit on one desktop.
    pub position: Option<(i32, i32)>,
    /// The window's title: the room's name.
    pub title: String,
    /// Whether pictures wait for the screen's refresh.
    pub vsync: bool,
}

/// Why there is no screen.
#[derive(Debug)]
pub enum ScreenError {
    /// No X server answers at `DISPLAY`.
    NoDisplay(ConnectError),
    /// The window cannot be opened.
    NoWindow(PlatformError),
    /// The window is gone, and nobody has closed it.
    Gone,
}

impl fmt::Display for ScreenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ScreenError::NoDisplay(why) => write!(f, "no X server answers (is DISPLAY set?): {why}"),
            ScreenError::NoWindow(why) => write!(f, "the window cannot be opened: {why}"),
            ScreenError::Gone => f.write_str("the X server has ended or thrown the window out"),
        }
    }
}

impl std::error::Error for ScreenError {}

/// A window about to open.
pub struct Screen {
    launcher: AppLauncher<()>,
    shared: Arc<Shared>,
}

/// The way to the screen from any thread.
#[derive(Clone)]
pub struct ScreenHandle {
    shared: Arc<Shared>,
    sink: ExtEventSink,
    connection: Arc<RustConnection>,
    slots: PictureSlots,
    panes: Option<Arc<Panes>>,
    changed: Arc<Changed>,
}

/// Whose pictures have changed. Newest wins: a picture that changes twice before it is laid is laid once.
#[derive(Default)]
struct Changed {
    ids: Mutex<BTreeSet<PictureId>>,
    some: Condvar,
}

impl Changed {
    fn put(&self, id: PictureId) {
        self.ids.lock().unwrap_or_else(PoisonError::into_inner).insert(id);
        self.some.notify_one();
    }

    /// Waits until there are some.
    fn take(&self) -> BTreeSet<PictureId> {
        let ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        let mut ids = self.some.wait_while(ids, |ids| ids.is_empty()).unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut ids)
    }
}

/// Prepares the screen. `first` is what it shows until another view comes; touches and keys are reported on the
/// screen's thread, which must not be kept.
///
/// Errors: [`ScreenError::NoDisplay`].
pub fn open(
    options: &Options,
    slots: PictureSlots,
    first: View,
    intents: impl Fn(Intent) + Send + 'static,
    keys: impl Fn(KeyEdge) + Send + 'static,
) -> Result<(Screen, ScreenHandle), ScreenError> {
    let (connection, number) = RustConnection::connect(None).map_err(ScreenError::NoDisplay)?;
    let connection = Arc::new(connection);
    let screen = screen_size(&connection, number);
    let panes = if options.vsync { None } else { Panes::new(connection.clone(), number).map(Arc::new) };
    let shared = Arc::<Shared>::default();
    let outlet = Outlet { intents: Box::new(intents), keys: Box::new(keys) };
    let full = options.extent == Extent::Full;
    // The launcher hands out the way to its queue only after it has the widget, and the widget needs that way.
    let late: Arc<std::sync::OnceLock<ExtEventSink>> = Arc::default();
    let surface = Surface::new(first, slots.clone(), outlet);
    let surface = surface.connected(Arc::clone(&shared), Arc::clone(&late), panes.clone(), full);
    let size = match options.extent {
        Extent::Full => screen,
        Extent::Window { width, height } => Size::new(f64::from(width), f64::from(height)),
    };
    let (x, y) = options.position.unwrap_or_default();
    let mut window = WindowDesc::new(surface).title(options.title.clone()).window_size(size).resizable(!full);
    if full || options.position.is_some() {
        window = window.set_position(Point::new(f64::from(x), f64::from(y)));
    }
    if full {
        window = window.show_titlebar(false);
    }
    let launcher = AppLauncher::with_window(window)
        .configure_env(|env, _| env.set(druid::theme::WINDOW_BACKGROUND_COLOR, tokens::GROUND));
    let sink = launcher.get_external_handle();
    late.get_or_init(|| sink.clone());
    Ok((
        Screen { launcher, shared: Arc::clone(&shared) },
        ScreenHandle { shared, sink, connection, slots, panes, changed: Arc::default() },
    ))
}

/// The size in pixels of a screen; a window without a window manager has to ask for all of it.
fn screen_size(connection: &RustConnection, number: usize) -> Size {
    let root = connection.setup().roots.get(number);
    root.map_or(Size::new(800.0, 480.0), |root| {
        Size::new(f64::from(root.width_in_pixels), f64::from(root.height_in_pixels))
    })
}

impl Screen {
    /// Opens the window and stays until it is closed or [`ScreenHandle::quit`] is called. On the main thread.
    ///
    /// Errors: [`ScreenError::NoWindow`], [`ScreenError::Gone`].
    pub fn run(self) -> Result<(), ScreenError> {
        self.launcher.launch(()).map_err(ScreenError::NoWindow)?;
        if self.shared.quit_asked() { Ok(()) } else { Err(ScreenError::Gone) }
    }
}

impl ScreenHandle {
    /// Shows a view. Of several in a row only the newest is drawn.
    pub fn show(&self, view: View) {
        if self.shared.put_view(view) {
            self.look();
        }
    }

    /// A newer picture of this room lies in its slot, or none any more. It is shown in its pane, or else its rectangle is
    /// painted, at once if the screen can.
    pub fn picture_changed(&self, id: PictureId) {
        match &self.panes {
            Some(_) => self.changed.put(id),
            None => self.paint(id),
        }
    }

    /// Lays pictures into their panes as they change, for ever: the work of a thread of its own, so that an X server that
    /// does not read holds up neither decoding nor encoding.
    pub fn lay_pictures(&self) {
        loop {
            let Some(panes) = &self.panes else {
                std::thread::park();
                continue;
            };
            for id in self.changed.take() {
                let picture = self.slots.newest(id);
                let shown = picture.as_ref().map(|picture| panes.show(id, picture));
                if let (Some(picture), Some(Shown::Yes | Shown::Reshaped)) = (&picture, shown) {
                    self.slots.handle_laid(id, Laid { sequence: picture.sequence, at: Instant::now() });
                }
                match shown {
                    Some(Shown::Yes) => self.shared.shown_above(id),
                    Some(Shown::Reshaped | Shown::No) => self.paint(id),
                    None => {
                        panes.hide(id);
                        self.paint(id);
                    }
                }
            }
        }
    }

    fn paint(&self, id: PictureId) {
        let parts = self.shared.owe(id, Instant::now());
        let Some(window) = self.shared.window().filter(|_| !parts.is_empty()) else { return };
        if let Err(error) = repaint::ask(&self.connection, window, &parts) {
            log::debug!("the screen is gone: {error}");
        }
    }

    /// Which parts of the screen answer a touch, in the window's pixels, and what each does, as Rust prints it.
    pub fn touchable(&self) -> Vec<(Rect, String)> {
        self.shared.touchable()
    }

    /// Where pictures are shown, in the window's pixels.
    pub fn pictures(&self) -> Vec<(PictureId, Rect)> {
        self.shared.places()
    }

    /// Closes the window; [`Screen::run`] returns soon after.
    pub fn quit(&self) {
        self.shared.ask_quit();
        self.look();
    }

    fn look(&self) {
        if let Err(error) = self.sink.submit_command(LOOK, (), Target::Auto) {
            log::debug!("the screen is gone: {error}");
        }
    }
}
