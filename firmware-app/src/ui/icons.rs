//! The icons, as paths on a grid of 24 drawn with one stroke width. Not images: they stay sharp at any size and take
//! the colour of the words beside them.

use std::cell::RefCell;
use std::collections::BTreeMap;

use druid::kurbo::BezPath;
use druid::piet::{LineCap, LineJoin, StrokeStyle};
use druid::{Affine, Color, Point, RenderContext};

use super::tokens;

/// What an icon shows.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Icon {
    /// A microphone.
    Microphone,
    /// A microphone, crossed out.
    MicrophoneOff,
    /// A camera.
    Camera,
    /// A camera, crossed out.
    CameraOff,
    /// A screen with an arrow into it.
    Presentation,
    /// A speech bubble.
    Chat,
    /// Two people.
    People,
    /// A person and a plus sign: someone at the door.
    Knock,
    /// A door and an arrow out of it.
    Leave,
    /// A door and an arrow into it.
    Enter,
    /// An arrow round a clock.
    Again,
    /// A closed padlock.
    Lock,
    /// An open padlock.
    Unlock,
    /// A loudspeaker and a minus sign.
    VolumeDown,
    /// A loudspeaker and a plus sign.
    VolumeUp,
    /// A loudspeaker.
    Volume,
    /// Bars of sound: speaking.
    Speaking,
    /// A tick.
    Check,
    /// A cross.
    Cross,
    /// An arrow to the left.
    Back,
    /// The erase key.
    Erase,
    /// The shift key.
    Shift,
    /// The shift key, held.
    ShiftLocked,
    /// Sliders.
    Settings,
    /// A triangle with an exclamation mark.
    Warning,
    /// A circle with an i.
    Info,
    /// Arrows to two corners.
    CornerMove,
    /// A paper plane.
    Send,
    /// A crown: the host.
    Host,
    /// A pencil.
    Edit,
    /// A magnifying glass.
    Search,
    /// Upwards.
    Up,
    /// Downwards.
    Down,
    /// To the right.
    Right,
    /// Away with the keyboard.
    KeyboardDown,
    /// An hourglass: on its way.
    Sending,
    /// The end, for all.
    End,
    /// A relay: a box with two lamps.
    Relay,
    /// Four bars, each higher than the one before.
    Network,
    /// Two such bars, and an exclamation mark where the others would be.
    WeakNetwork,
}

impl Icon {
    /// Every icon.
    pub const ALL: [Icon; 40] = [
        Icon::Microphone,
        Icon::MicrophoneOff,
        Icon::Camera,
        Icon::CameraOff,
        Icon::Presentation,
        Icon::Chat,
        Icon::People,
        Icon::Knock,
        Icon::Leave,
        Icon::Enter,
        Icon::Again,
        Icon::Lock,
        Icon::Unlock,
        Icon::VolumeDown,
        Icon::VolumeUp,
        Icon::Volume,
        Icon::Speaking,
        Icon::Check,
        Icon::Cross,
        Icon::Back,
        Icon::Erase,
        Icon::Shift,
        Icon::ShiftLocked,
        Icon::Settings,
        Icon::Warning,
        Icon::Info,
        Icon::CornerMove,
        Icon::Send,
        Icon::Host,
        Icon::Edit,
        Icon::Search,
        Icon::Up,
        Icon::Down,
        Icon::Right,
        Icon::KeyboardDown,
        Icon::Sending,
        Icon::End,
        Icon::Relay,
        Icon::Network,
        Icon::WeakNetwork,
    ];

    /// The lines, in SVG path notation.
    fn lines(self) -> &'static str {
        match self {
            Icon::Microphone => {
                "M12 3 A3 3 0 0 1 15 6 V11 A3 3 0 0 1 9 11 V6 A3 3 0 0 1 12 3 Z M5.5 11 A6.5 6.5 0 0 0 18.5 11 M12 17.5 V21"
            }
            Icon::MicrophoneOff => {
                "M3.5 3.5 L20.5 20.5 M9.2 4.9 A3 3 0 0 1 15 6 V10.5 M9 9 V11 A3 3 0 0 0 13.2 13.7 M5.5 11 A6.5 6.5 0 0 0 15.6 16.4 M18.5 11 A6.5 6.5 0 0 1 17.9 13.7 M12 17.5 V21"
            }
            Icon::Camera => {
                "M5 6 H13.5 A2 2 0 0 1 15.5 8 V16 A2 2 0 0 1 13.5 18 H5 A2 2 0 0 1 3 16 V8 A2 2 0 0 1 5 6 Z M15.5 11 L21 7.5 V16.5 L15.5 13"
            }
            Icon::CameraOff => {
                "M3.5 3.5 L20.5 20.5 M10 6 H13.5 A2 2 0 0 1 15.5 8 V11 L21 7.5 V16.5 L18.5 15 M15.5 16.2 A2 2 0 0 1 13.5 18 H5 A2 2 0 0 1 3 16 V8 A2 2 0 0 1 5 6"
            }
            Icon::Presentation => {
                "M4.5 4 H19.5 A1.5 1.5 0 0 1 21 5.5 V14.5 A1.5 1.5 0 0 1 19.5 16 H4.5 A1.5 1.5 0 0 1 3 14.5 V5.5 A1.5 1.5 0 0 1 4.5 4 Z M12 16 V20 M8 20 H16 M12 13 V7.5 M9.2 10 L12 7.2 L14.8 10"
            }
            Icon::Chat => {
                "M5 4 H19 A2 2 0 0 1 21 6 V14.5 A2 2 0 0 1 19 16.5 H11.5 L7 20.5 V16.5 H5 A2 2 0 0 1 3 14.5 V6 A2 2 0 0 1 5 4 Z"
            }
            Icon::People => {
                "M9 11.5 A3.75 3.75 0 1 0 9 4 A3.75 3.75 0 0 0 9 11.5 Z M2.5 20 A6.5 5.5 0 0 1 15.5 20 M15.5 4.6 A3.75 3.75 0 0 1 15.5 10.9 M18.2 15 A6 5 0 0 1 21.5 20"
            }
            Icon::Knock => {
                "M10 11.5 A3.75 3.75 0 1 0 10 4 A3.75 3.75 0 0 0 10 11.5 Z M3 20 A7 5.5 0 0 1 17 20 M19 8 V14 M16 11 H22"
            }
            Icon::Leave => {
                "M10 4 H6 A2 2 0 0 0 4 6 V18 A2 2 0 0 0 6 20 H10 M15.5 7.5 L20 12 L15.5 16.5 M20 12 H9.5"
            }
            Icon::Enter => {
                "M14 4 H18 A2 2 0 0 1 20 6 V18 A2 2 0 0 1 18 20 H14 M9.5 7.5 L14 12 L9.5 16.5 M14 12 H3.5"
            }
            Icon::Again => "M4.2 9.5 A8.2 8.2 0 1 1 4.2 14.5 M4 4.5 V9.5 H9 M12 8 V12.3 L15 14",
            Icon::Lock => {
                "M7 11 H17 A1.5 1.5 0 0 1 18.5 12.5 V18.5 A1.5 1.5 0 0 1 17 20 H7 A1.5 1.5 0 0 1 5.5 18.5 V12.5 A1.5 1.5 0 0 1 7 11 Z M8.5 11 V7.5 A3.5 3.5 0 0 1 15.5 7.5 V11"
            }
            Icon::Unlock => {
                "M7 11 H17 A1.5 1.5 0 0 1 18.5 12.5 V18.5 A1.5 1.5 0 0 1 17 20 H7 A1.5 1.5 0 0 1 5.5 18.5 V12.5 A1.5 1.5 0 0 1 7 11 Z M8.5 11 V6.5 A3.5 3.5 0 0 1 15.3 5.3"
            }
            Icon::VolumeDown => "M3 9.5 V14.5 H6.5 L11.5 18.5 V5.5 L6.5 9.5 Z M15 12 H21",
            Icon::VolumeUp => "M3 9.5 V14.5 H6.5 L11.5 18.5 V5.5 L6.5 9.5 Z M15 12 H21 M18 9 V15",
            Icon::Volume => {
                "M3 9.5 V14.5 H6.5 L11.5 18.5 V5.5 L6.5 9.5 Z M15 9 A4.2 4.2 0 0 1 15 15 M17.8 6.3 A8 8 0 0 1 17.8 17.7"
            }
            Icon::Speaking => "M4 10.5 V13.5 M8 7.5 V16.5 M12 4.5 V19.5 M16 8.5 V15.5 M20 10.5 V13.5",
            Icon::Check => "M4.5 12.5 L9.5 17.5 L19.5 7",
            Icon::Cross => "M6 6 L18 18 M18 6 L6 18",
            Icon::Back => "M20 12 H4.5 M11 5.5 L4.5 12 L11 18.5",
            Icon::Erase => {
                "M9 5.5 H19 A2 2 0 0 1 21 7.5 V16.5 A2 2 0 0 1 19 18.5 H9 L3 12 Z M11.5 9.5 L16.5 14.5 M16.5 9.5 L11.5 14.5"
            }
            Icon::Shift | Icon::ShiftLocked => "M12 4 L20 12.5 H15.5 V19.5 H8.5 V12.5 H4 Z",
            Icon::Settings => {
                "M4 8 H12 M17 8 H20 M14.5 10.5 A2.5 2.5 0 1 0 14.5 5.5 A2.5 2.5 0 0 0 14.5 10.5 Z M4 16 H7 M12 16 H20 M9.5 18.5 A2.5 2.5 0 1 0 9.5 13.5 A2.5 2.5 0 0 0 9.5 18.5 Z"
            }
            Icon::Warning => "M12 4 L21.5 20 H2.5 Z M12 10 V14 M12 17 V17.1",
            Icon::Info => "M12 21 A9 9 0 1 0 12 3 A9 9 0 0 0 12 21 Z M12 11.5 V16.5 M12 7.8 V7.9",
            Icon::CornerMove => "M4 9.5 V4 H9.5 M4 4 L10 10 M20 14.5 V20 H14.5 M20 20 L14 14",
            Icon::Send => "M21 3.5 L3 10.5 L10.5 13.5 L13.5 21 Z M21 3.5 L10.5 13.5",
            Icon::Host => "M4 17.5 L3 7.5 L8 11.5 L12 5 L16 11.5 L21 7.5 L20 17.5 Z",
            Icon::Edit => {
                "M4.5 19.5 L5.5 15 L16 4.5 A1.8 1.8 0 0 1 18.5 4.5 L19.5 5.5 A1.8 1.8 0 0 1 19.5 8 L9 18.5 Z M14 6.5 L17.5 10"
            }
            Icon::Search => "M10.5 17.5 A7 7 0 1 0 10.5 3.5 A7 7 0 0 0 10.5 17.5 Z M15.5 15.5 L20.5 20.5",
            Icon::Up => "M5 15.5 L12 8.5 L19 15.5",
            Icon::Down => "M5 8.5 L12 15.5 L19 8.5",
            Icon::Right => "M8.5 5 L15.5 12 L8.5 19",
            Icon::KeyboardDown => {
                "M4 4 H20 A1.5 1.5 0 0 1 21.5 5.5 V13.5 A1.5 1.5 0 0 1 20 15 H4 A1.5 1.5 0 0 1 2.5 13.5 V5.5 A1.5 1.5 0 0 1 4 4 Z M6.5 8 H6.6 M10 8 H10.1 M13.9 8 H14 M17.4 8 H17.5 M8 11.5 H16 M9 18.5 L12 21.5 L15 18.5"
            }
            Icon::Sending => "M12 21 A9 9 0 1 0 12 3 A9 9 0 0 0 12 21 Z M12 7.5 V12 L15 14",
            Icon::End => "M6.5 6.5 A8 8 0 1 0 17.5 6.5 M12 3 V11.5",
            Icon::Network => "M4 20 V16.5 M9.3 20 V12.5 M14.7 20 V8.5 M20 20 V4",
            Icon::WeakNetwork => "M4 20 V16.5 M9.3 20 V12.5 M17.5 4 V14 M17.5 19.6 V19.7",
            Icon::Relay => {
                "M5 4.5 H19 A1.5 1.5 0 0 1 20.5 6 V10 A1.5 1.5 0 0 1 19 11.5 H5 A1.5 1.5 0 0 1 3.5 10 V6 A1.5 1.5 0 0 1 5 4.5 Z M7 8 H7.1 M10 8 H10.1 M12 11.5 V19 M6 19.5 H18"
            }
        }
    }

    /// Whether its shape is also filled.
    fn filled(self) -> bool {
        self == Icon::ShiftLocked
    }
}

/// Draws an icon in a square around a point.
pub fn draw(ctx: &mut impl RenderContext, icon: Icon, center: Point, size: f64, color: &Color) {
    let style = StrokeStyle::new().line_cap(LineCap::Round).line_join(LineJoin::Round);
    let scale = size / 24.0;
    let placed = Affine::translate((center.x - size / 2.0, center.y - size / 2.0)) * Affine::scale(scale);
    let path = placed * path(icon);
    if icon.filled() {
        ctx.fill(&path, color);
    }
    ctx.stroke_styled(&path, color, tokens::STROKE * scale, &style);
}

fn path(icon: Icon) -> BezPath {
    thread_local! {
        static PATHS: RefCell<BTreeMap<Icon, BezPath>> = const { RefCell::new(BTreeMap::new()) };
    }
    PATHS.with_borrow_mut(|paths| {
        paths
            .entry(icon)
            .or_insert_with(|| BezPath::from_svg(icon.lines()).expect("icon paths are checked by a test"))
            .clone()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use druid::kurbo::Shape;

    #[test]
    fn every_icon_is_a_path_inside_its_grid() {
        for icon in Icon::ALL {
            let path = BezPath::from_svg(icon.lines()).unwrap();
            let bounds = path.bounding_box().inset(tokens::STROKE / 2.0);
            assert!(
                bounds.x0 >= 0.9 && bounds.y0 >= 0.9 && bounds.x1 <= 23.1 && bounds.y1 <= 23.1,
                "{icon:?} {bounds:?}"
            );
        }
    }
}
