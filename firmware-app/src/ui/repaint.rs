//! The short way to have a part of the window painted: an Expose event, sent to it as the X server would.
//!
//! druid runs what other threads queue at most once in 16 ms, and the painting that follows from it 16 ms later. An
//! Expose event's painting follows in the same turn of its event loop, so that a picture waits for neither.

use druid::Rect;
use x11rb::connection::Connection;
use x11rb::errors::ConnectionError;
use x11rb::protocol::xproto::{ConnectionExt, EXPOSE_EVENT, EventMask, ExposeEvent};
use x11rb::rust_connection::RustConnection;

/// Asks for parts of a window, in its pixels. Never waits for an answer.
///
/// Errors: the connection to the X server is broken.
pub(super) fn ask(connection: &RustConnection, window: u32, parts: &[Rect]) -> Result<(), ConnectionError> {
    for (n, part) in parts.iter().enumerate() {
        // A window's coordinates are at most 32767; what is outside is not painted.
        let event = ExposeEvent {
            response_type: EXPOSE_EVENT,
            sequence: 0,
            window,
            x: part.x0 as u16,
            y: part.y0 as u16,
            width: part.width().ceil() as u16,
            height: part.height().ceil() as u16,
            // How many more follow: the last one starts the painting.
            count: (parts.len() - 1 - n) as u16,
        };
        // With no mask the event goes to the program that made the window.
        connection.send_event(false, window, EventMask::NO_EVENT, event)?;
    }
    connection.flush()
}
