//! The short way of a picture to the screen: a window of its own within druid's, exactly as large as what of the picture
//! can be seen, into which each picture is laid at once.
//!
//! druid paints what is asked for at most once in a refresh, and usually one refresh later. The X server cuts druid's
//! painting off where such a window lies, has druid paint anew where one goes away, and hands touches on a picture to
//! druid's window. A pane is laid anew when its shape changes; so what is on the screen is the scene, sooner.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use druid::{Rect, Size};
use x11rb::COPY_DEPTH_FROM_PARENT;
use x11rb::connection::{Connection, RequestConnection};
use x11rb::errors::{ConnectionError, ParseError, ReplyOrIdError};
use x11rb::image::{BitsPerPixel, ColorComponent, Image, ImageOrder, PixelLayout, ScanlinePad};
use x11rb::protocol::Event;
use x11rb::protocol::shape::{self, ConnectionExt as _, SK, SO};
use x11rb::protocol::xproto::{
    ClipOrdering, ConnectionExt as _, CreateGCAux, CreateWindowAux, Gcontext, Rectangle, Screen, Visualtype,
    Window, WindowClass,
};
use x11rb::rust_connection::RustConnection;
use x11rb::x11_utils::X11Error;

use super::cutout;
use super::frame::unscaled;
use crate::video::slot::Picture;
use crate::view::PictureId;

/// Where a picture is shown and what lies over it, in the window's pixels.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Opening {
    /// Its tile.
    pub(super) tile: Rect,
    /// The radius of the tile's corners.
    pub(super) radius: f64,
    /// What lies over it.
    pub(super) covers: Vec<Rect>,
}

impl Opening {
    /// Where a picture of this size stands in it pixel by pixel; `None` if it would have to be scaled.
    fn place(&self, size: Size) -> Option<Rect> {
        unscaled(self.tile, size)
    }
}

/// What became of a picture.
#[derive(Copy, Clone, PartialEq, Eq, Default, Debug)]
pub(super) enum Shown {
    /// It is on the screen.
    Yes,
    /// It is on the screen, and its shape is new: the scene must be told.
    Reshaped,
    /// druid must paint it.
    #[default]
    No,
}

/// The panes of one window.
pub(super) struct Panes {
    connection: Arc<RustConnection>,
    depth: u8,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// druid's window.
    parent: Option<Window>,
    openings: BTreeMap<PictureId, Opening>,
    panes: BTreeMap<PictureId, Pane>,
    /// What went wrong so far.
    failures: u32,
}

struct Pane {
    window: Window,
    gc: Gcontext,
    place: Rect,
    mapped: bool,
    /// What it shows, to be laid again when more of it can be seen: the X server does not remember.
    picture: Picture,
}

/// After this many failures druid paints all.
const MAX_FAILURES: u32 = 16;

/// Why a picture did not get to its pane.
#[derive(Debug)]
enum PaneError {
    Connection(ConnectionError),
    Id(ReplyOrIdError),
    Image(ParseError),
    Server(Box<X11Error>),
}

impl fmt::Display for PaneError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PaneError::Connection(error) => error.fmt(f),
            PaneError::Id(error) => error.fmt(f),
            PaneError::Image(error) => error.fmt(f),
            PaneError::Server(error) => write!(f, "{error:?}"),
        }
    }
}

impl From<ConnectionError> for PaneError {
    fn from(error: ConnectionError) -> PaneError {
        PaneError::Connection(error)
    }
}

impl From<ReplyOrIdError> for PaneError {
    fn from(error: ReplyOrIdError) -> PaneError {
        PaneError::Id(error)
    }
}

impl From<ParseError> for PaneError {
    fn from(error: ParseError) -> PaneError {
        PaneError::Image(error)
    }
}

impl Panes {
    /// Panes on this screen; `None` where windows cannot be cut out, or the screen has other colours than 8 bits each.
    pub(super) fn new(connection: Arc<RustConnection>, screen: usize) -> Option<Panes> {
        let root = connection.setup().roots.get(screen)?;
        let depth = root.root_depth;
        if !has_plain_colours(root)
            || connection.extension_information(shape::X11_EXTENSION_NAME).ok()?.is_none()
        {
            log::info!("pictures have no windows of their own on this X server, and come a little later");
            return None;
        }
        Some(Panes { connection, depth, state: Mutex::default() })
    }

    /// Follows a new scene of the window `parent`.
    pub(super) fn arrange(&self, parent: Option<Window>, openings: BTreeMap<PictureId, Opening>) {
        let mut state = self.lock();
        state.parent = parent;
        let changed: Vec<PictureId> =
            (state.panes.keys()).filter(|id| state.openings.get(id) != openings.get(id)).copied().collect();
        state.openings = openings;
        let State { openings, panes, .. } = &mut *state;
        let followed = changed.into_iter().try_for_each(|id| {
            let Some(pane) = panes.get_mut(&id) else { return Ok(()) };
            match openings.get(&id) {
                // What was made for a tile of another size waits for the next picture.
                Some(opening) if opening.place(pane.place.size()) == Some(pane.place) => {
                    self.cut(pane, opening)?;
                    self.put(pane)
                }
                _ => self.remove(panes, id),
            }
        });
        self.settle(&mut state, followed);
    }

    /// Shows a picture.
    pub(super) fn show(&self, id: PictureId, picture: &Picture) -> Shown {
        let mut state = self.lock();
        if state.failures >= MAX_FAILURES {
            return Shown::No;
        }
        let shown = self.lay(&mut state, id, picture);
        self.settle(&mut state, shown)
    }

    /// Takes a picture away.
    pub(super) fn hide(&self, id: PictureId) {
        let mut state = self.lock();
        let removed = self.remove(&mut state.panes, id);
        self.settle(&mut state, removed);
    }

    fn lay(&self, state: &mut State, id: PictureId, picture: &Picture) -> Result<Shown, PaneError> {
        let State { parent: Some(parent), openings, panes, .. } = state else { return Ok(Shown::No) };
        let size = Size::new(picture.width as f64, picture.height as f64);
        let opening = openings.get(&id);
        let Some((opening, place)) = opening.and_then(|opening| Some((opening, opening.place(size)?))) else {
            self.remove(panes, id)?;
            return Ok(Shown::No);
        };
        if panes.get(&id).is_some_and(|pane| pane.place.size() != size) {
            self.remove(panes, id)?;
        }
        let known = panes.contains_key(&id);
        if !known {
            panes.insert(id, self.pane(*parent, place, picture)?);
        }
        let Some(pane) = panes.get_mut(&id) else { return Ok(Shown::No) };
        pane.picture = picture.clone();
        if !known {
            self.cut(pane, opening)?;
        }
        self.put(pane)?;
        Ok(match (pane.mapped, known) {
            (false, _) => Shown::No,
            (true, true) => Shown::Yes,
            (true, false) => Shown::Reshaped,
        })
    }

    /// Lays a pane's picture into it.
    fn put(&self, pane: &Pane) -> Result<(), PaneError> {
        if !pane.mapped {
            return Ok(());
        }
        let image = Image::new(
            pane.picture.width as u16,
            pane.picture.height as u16,
            ScanlinePad::Pad32,
            self.depth,
            BitsPerPixel::B32,
            ImageOrder::LsbFirst,
            Cow::Borrowed(&pane.picture.bgrx),
        )?;
        image.native(self.connection.setup())?.put(&*self.connection, pane.window, pane.gc, 0, 0)?;
        Ok(())
    }

    /// A pane at this place, not yet on the screen.
    fn pane(&self, parent: Window, place: Rect, picture: &Picture) -> Result<Pane, PaneError> {
        let connection = &*self.connection;
        let (window, gc) = (connection.generate_id()?, connection.generate_id()?);
        let (x, y, width, height) = whole(place);
        // No background, so that nothing flashes; no events, so that touches go to the window below.
        connection.create_window(
            COPY_DEPTH_FROM_PARENT,
            window,
            parent,
            x,
            y,
            width,
            height,
            0,
            WindowClass::INPUT_OUTPUT,
            0,
            &CreateWindowAux::new(),
        )?;
        connection.create_gc(gc, window, &CreateGCAux::new().graphics_exposures(0))?;
        Ok(Pane { window, gc, place, mapped: false, picture: picture.clone() })
    }

    /// Gives a pane the shape of what can be seen, or takes it off the screen if that is nothing.
    fn cut(&self, pane: &mut Pane, opening: &Opening) -> Result<(), PaneError> {
        let connection = &*self.connection;
        let origin = pane.place.origin().to_vec2();
        let seen = cutout::visible(opening.tile, pane.place, opening.radius, &opening.covers);
        let parts = seen.into_iter().map(|part| {
            let (x, y, width, height) = whole(part - origin);
            Rectangle { x, y, width, height }
        });
        let parts: Vec<Rectangle> = parts.collect();
        if parts.is_empty() {
            connection.unmap_window(pane.window)?;
        } else {
            connection.shape_rectangles(
                SO::SET,
                SK::BOUNDING,
                ClipOrdering::UNSORTED,
                pane.window,
                0,
                0,
                &parts,
            )?;
            connection.map_window(pane.window)?;
        }
        pane.mapped = !parts.is_empty();
        Ok(())
    }

    fn remove(&self, panes: &mut BTreeMap<PictureId, Pane>, id: PictureId) -> Result<(), PaneError> {
        if let Some(pane) = panes.remove(&id) {
            self.connection.free_gc(pane.gc)?;
            self.connection.destroy_window(pane.window)?;
        }
        Ok(())
    }

    /// Sends what was asked for. After a failure, also one that the server tells later, all panes go away and druid paints
    /// what they showed.
    fn settle<T: Default>(&self, state: &mut State, done: Result<T, PaneError>) -> T {
        let sent = done.and_then(|done| {
            self.connection.flush()?;
            let mut complaint = None;
            while let Some(event) = self.connection.poll_for_event()? {
                if let Event::Error(error) = event {
                    complaint = Some(error);
                }
            }
            complaint.map_or(Ok(done), |error| Err(PaneError::Server(Box::new(error))))
        });
        sent.unwrap_or_else(|error| {
            log::debug!("a picture did not get to its window: {error}");
            state.failures += 1;
            for id in state.panes.keys().copied().collect::<Vec<_>>() {
                if let Err(error) = self.remove(&mut state.panes, id) {
                    log::debug!("its window stays: {error}");
                }
            }
            T::default()
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Eight bits of red, green and blue in this order, the last one lowest.
fn has_plain_colours(root: &Screen) -> bool {
    let mut visuals = root.allowed_depths.iter().flat_map(|depth| &depth.visuals);
    let visual: Option<Visualtype> = visuals.find(|visual| visual.visual_id == root.root_visual).copied();
    let plain = [16, 8, 0].map(|shift| ColorComponent::new(8, shift));
    let [Ok(red), Ok(green), Ok(blue)] = plain else { return false };
    visual.and_then(|visual| PixelLayout::from_visual_type(visual).ok())
        == Some(PixelLayout::new(red, green, blue))
}

/// X11's numbers of a rectangle of whole pixels; they end at 32767.
fn whole(rect: Rect) -> (i16, i16, u16, u16) {
    (rect.x0 as i16, rect.y0 as i16, rect.width() as u16, rect.height() as u16)
}
