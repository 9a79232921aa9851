//! The screen's colours, sizes and typeface: every number of the design that more than one part uses. Not the layout
//! of a screen. They stand together so that the contrast of every pairing is computed by one test.

use druid::Color;

/// Behind everything.
pub const GROUND: Color = Color::rgb8(0x0e, 0x11, 0x16);
/// Panels and bars.
pub const SURFACE: Color = Color::rgb8(0x17, 0x1c, 0x24);
/// Buttons at rest, tiles without a picture.
pub const RAISED: Color = Color::rgb8(0x22, 0x2a, 0x36);
/// Lines, and the ground of something chosen.
pub const LINE: Color = Color::rgb8(0x2e, 0x38, 0x46);
/// Words.
pub const TEXT: Color = Color::rgb8(0xf2, 0xf5, 0xf9);
/// Words of second rank.
pub const DIM: Color = Color::rgb8(0x9a, 0xa7, 0xb8);
/// Words on a button at rest: nobody is asked to read them now.
pub const RESTING: Color = Color::rgb8(0x6d, 0x79, 0x89);

/// Marks and edges of what can be done. Too bright as a ground for words; that is [`ACTION_GROUND`].
pub const ACTION: Color = Color::rgb8(0x3b, 0x82, 0xf6);
/// Marks and edges of what is well or open.
pub const GO: Color = Color::rgb8(0x22, 0xa5, 0x5b);
/// Marks and edges of what ends, is closed or wrong.
pub const STOP: Color = Color::rgb8(0xe5, 0x48, 0x4d);
/// Marks and edges of what needs attention.
pub const WARN: Color = Color::rgb8(0xf5, 0xa5, 0x24);

/// [`ACTION`], deep enough that [`TEXT`] on it keeps 7:1.
pub const ACTION_GROUND: Color = Color::rgb8(0x1b, 0x4a, 0x9c);
/// [`GO`], deep enough that [`TEXT`] on it keeps 7:1.
pub const GO_GROUND: Color = Color::rgb8(0x0d, 0x5c, 0x35);
/// [`STOP`], deep enough that [`TEXT`] on it keeps 7:1.
pub const STOP_GROUND: Color = Color::rgb8(0x8e, 0x25, 0x29);
/// [`WARN`], deep enough that [`TEXT`] on it keeps 7:1.
pub const WARN_GROUND: Color = Color::rgb8(0x6e, 0x44, 0x04);

/// The lines of a graph, on [`GROUND`]; dashes tell them apart too.
pub const SERIES: [Color; 3] =
    [Color::rgb8(0x6e, 0xa8, 0xfe), Color::rgb8(0x4c, 0xd9, 0x89), Color::rgb8(0xf5, 0xa5, 0x24)];
/// The stages of a picture's delay, side by side in one bar; numbers in [`GROUND`] stand on them.
pub const STAGES: [Color; 8] = [
    Color::rgb8(0x6e, 0xa8, 0xfe),
    Color::rgb8(0xb9, 0xa5, 0xff),
    Color::rgb8(0x56, 0xc8, 0xd8),
    Color::rgb8(0xf5, 0xa5, 0x24),
    Color::rgb8(0xe6, 0xe0, 0x6c),
    Color::rgb8(0x4c, 0xd9, 0x89),
    Color::rgb8(0xf2, 0x9a, 0xb8),
    Color::rgb8(0xc9, 0xd1, 0xdb),
];

/// Laid over a button while a finger is on it.
pub const PRESSED: Color = Color::rgba8(0xff, 0xff, 0xff, 0x30);
/// Laid over everything while nobody uses the screen.
pub const DIMMED: Color = Color::rgba8(0x00, 0x00, 0x00, 0xa0);
/// The screen at rest.
pub const BLACK: Color = Color::rgb8(0, 0, 0);
/// The moving clock on the black screen: readable in the dark, no lamp.
pub const NIGHT_CLOCK: Color = Color::rgb8(0x5a, 0x66, 0x75);

/// Every text colour with every ground it is set on, for the test of contrast: (words, ground, least ratio).
pub const PAIRINGS: [(Color, Color, f64); 14] = [
    (TEXT, GROUND, 7.0),
    (TEXT, SURFACE, 7.0),
    (TEXT, RAISED, 7.0),
    (TEXT, LINE, 7.0),
    (TEXT, ACTION_GROUND, 7.0),
    (TEXT, GO_GROUND, 7.0),
    (TEXT, STOP_GROUND, 7.0),
    (TEXT, WARN_GROUND, 7.0),
    (DIM, GROUND, 4.5),
    (DIM, SURFACE, 4.5),
    (DIM, RAISED, 4.5),
    (DIM, LINE, 4.5),
    (WARN, RAISED, 4.5),
    (RESTING, BLACK, 4.5),
];

/// The typeface. What it lacks (CJK, Arabic and so on) comes from the Noto packages by way of fontconfig.
pub const TYPEFACE: &str = "Inter";

/// The grid, in density-independent pixels.
pub const GRID: f64 = 8.0;
/// The radius of corners.
pub const CORNER: f64 = 14.0;
/// The least side of a touch area.
pub const TOUCH: f64 = 64.0;
/// The least distance between two touch areas.
pub const GAP: f64 = 12.0;
/// The stroke of icons, in their own grid of 24.
pub const STROKE: f64 = 2.0;

/// Sizes of type.
pub mod size {
    /// Second-rank lines.
    pub const SMALL: f64 = 16.0;
    /// Running text.
    pub const BODY: f64 = 20.0;
    /// Titles.
    pub const TITLE: f64 = 28.0;
    /// Large words and numbers.
    pub const BIG: f64 = 40.0;
    /// What is read from across the room.
    pub const HERO: f64 = 72.0;
}

/// The height of a line of type of this size: 1.25 times, on a grid of 4.
pub fn line_height(size: f64) -> f64 {
    (size * 1.25 / 4.0).ceil() * 4.0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// WCAG 2.2, "relative luminance".
    fn luminance(color: &Color) -> f64 {
        let (r, g, b, _) = color.as_rgba();
        let linear = |c: f64| if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) };
        0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b)
    }

    #[test]
    fn words_stand_out_from_their_ground() {
        let stages = STAGES.map(|ground| (GROUND, ground, 7.0));
        let lines = SERIES.map(|line| (line, GROUND, 7.0));
        for (words, ground, least) in PAIRINGS.iter().chain(&stages).chain(&lines) {
            let (a, b) = (luminance(words), luminance(ground));
            let ratio = (a.max(b) + 0.05) / (a.min(b) + 0.05);
            assert!(ratio >= *least, "{words:?} on {ground:?} has {ratio:.2}, needs {least}");
        }
    }
}
