//! Waking the screen for a new picture without delay. Not for views; those go through druid's own queue.
//!
//! druid's event loop runs what other threads queue at most once a display period, and the painting that follows a
//! period later, so that a picture would be up to two periods old. Events of the X server are handled at once, and a
//! painting they ask for follows in the same turn. So a second connection to the server says that the picture's
//! rectangle has been exposed.

use std::sync::atomic::{AtomicU32, Ordering};

use druid::{Rect, Size};
use raw_window_handle::{HasRawWindowHandle, RawWindowHandle};
use x11rb::connection::Connection;
use x11rb::protocol::xproto::{ConnectionExt, EXPOSE_EVENT, EventMask, ExposeEvent};
use x11rb::rust_connection::RustConnection;

/// A connection of our own to the X server.
pub(super) struct Wake {
    connection: RustConnection,
    screen: Size,
    /// The screen's window; 0 until it is there.
    window: AtomicU32,
}

impl Wake {
    /// Connects to the server named by `DISPLAY`.
    pub(super) fn connect() -> Result<Wake, x11rb::errors::ConnectError> {
        let (connection, number) = RustConnection::connect(None)?;
        let screen = connection.setup().roots.get(number).map_or(Size::ZERO, |root| {
            Size::new(f64::from(root.width_in_pixels), f64::from(root.height_in_pixels))
        });
        Ok(Wake { connection, screen, window: AtomicU32::new(0) })
    }

    /// The size of the whole screen, in pixels.
    pub(super) fn screen(&self) -> Size {
        self.screen
    }

    /// Learns which window is the screen's.
    pub(super) fn set_window(&self, window: &impl HasRawWindowHandle) {
        if let RawWindowHandle::Xcb(handle) = window.raw_window_handle() {
            self.window.store(handle.window, Ordering::Release);
        }
    }

    /// Has rectangles (in real pixels) painted together in the event loop's next turn. Returns whether the server was
    /// told.
    pub(super) fn repaint(&self, rects: &[Rect]) -> bool {
        let window = self.window.load(Ordering::Acquire);
        if window == 0 {
            return false;
        }
        let mut sent = true;
        for (place, rect) in rects.iter().enumerate() {
            let rect = rect.expand();
            let event = ExposeEvent {
                response_type: EXPOSE_EVENT,
                sequence: 0,
                window,
                x: rect.x0.max(0.0) as u16,
                y: rect.y0.max(0.0) as u16,
                width: rect.width() as u16,
                height: rect.height() as u16,
                // As many follow; the painting waits for the last one.
                count: (rects.len() - 1 - place) as u16,
            };
            sent &= self.connection.send_event(false, window, EventMask::EXPOSURE, event).is_ok();
        }
        sent &= self.connection.flush().is_ok();
        // Nothing is asked of the server, but what it says (an error after the window went) must not pile up.
        while let Ok(Some(event)) = self.connection.poll_for_event() {
            log::trace!("from the X server: {event:?}");
        }
        sent
    }
}
