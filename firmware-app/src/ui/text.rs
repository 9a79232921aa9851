//! Setting type: how wide words are, where they break, where they are cut. Not drawing them. Layout asks through a
//! trait, so that it stays a pure function.

use std::collections::HashMap;

use druid::Color;
use druid::piet::{
    FontFamily, FontWeight, PietText, PietTextLayout, Text as _, TextLayout as _, TextLayoutBuilder as _,
};
use unicode_segmentation::UnicodeSegmentation;

use super::tokens;

/// How words look, but for their colour.
#[derive(Copy, Clone, PartialEq, Debug)]
pub struct Style {
    /// One of [`tokens::size`].
    pub size: f64,
    /// Semibold rather than regular.
    pub strong: bool,
    /// Figures of one width, so that a clock does not tremble.
    pub tabular: bool,
}

impl Style {
    /// Regular words.
    pub const fn new(size: f64) -> Style {
        Style { size, strong: false, tabular: false }
    }

    /// Semibold words.
    pub const fn strong(size: f64) -> Style {
        Style { size, strong: true, tabular: false }
    }

    /// Semibold numbers.
    pub const fn figures(size: f64) -> Style {
        Style { size, strong: true, tabular: true }
    }

    /// The height of one line.
    pub fn line(&self) -> f64 {
        tokens::line_height(self.size)
    }
}

/// Says how wide words are.
pub trait Measure {
    /// The width of one line, in density-independent pixels.
    fn width(&mut self, text: &str, style: Style) -> f64;

    /// Breaks into lines no wider than this. Every line has at least one character.
    fn wrap(&mut self, text: &str, style: Style, width: f64) -> Vec<String>;
}

/// One line, cut with an ellipsis where it would be too wide. Characters are never cut in two.
pub fn fit(measure: &mut dyn Measure, text: &str, style: Style, width: f64) -> String {
    // A line break in a name or a sentence of one line is a space.
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if measure.width(&line, style) <= width {
        return line;
    }
    let ends: Vec<usize> = line.grapheme_indices(true).map(|(at, _)| at).collect();
    let cut = |count: usize| format!("{}…", line[..ends.get(count).copied().unwrap_or(0)].trim_end());
    let (mut fits, mut too_wide) = (0, ends.len());
    while fits + 1 < too_wide {
        let middle = (fits + too_wide) / 2;
        if measure.width(&cut(middle), style) <= width {
            fits = middle;
        } else {
            too_wide = middle;
        }
    }
    if fits == 0 && measure.width("…", style) > width { String::new() } else { cut(fits) }
}

/// The end of a line that is being written, cut at its front with an ellipsis where it would be too wide.
pub fn fit_tail(measure: &mut dyn Measure, text: &str, style: Style, width: f64) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if measure.width(&line, style) <= width {
        return line;
    }
    let starts: Vec<usize> = line.grapheme_indices(true).map(|(at, _)| at).collect();
    let cut = |from: usize| format!("…{}", starts.get(from).map_or("", |at| &line[*at..]));
    let (mut too_wide, mut fits) = (0, starts.len());
    while too_wide + 1 < fits {
        let middle = (fits + too_wide) / 2;
        if measure.width(&cut(middle), style) <= width {
            fits = middle;
        } else {
            too_wide = middle;
        }
    }
    cut(fits)
}

/// At most `limit` lines; the last one is cut with an ellipsis when there would be more.
pub fn fit_lines(
    measure: &mut dyn Measure,
    text: &str,
    style: Style,
    width: f64,
    limit: usize,
) -> Vec<String> {
    let mut lines = measure.wrap(text, style, width);
    if lines.len() > limit {
        let rest = lines.split_off(limit.saturating_sub(1)).join(" ");
        if limit > 0 {
            lines.push(fit(measure, &rest, style, width));
        }
    }
    lines
}

/// Pango, with every layout kept: the screen sets the same few words again and again.
pub struct Typesetter {
    text: PietText,
    layouts: HashMap<Key, PietTextLayout>,
}

#[derive(PartialEq, Eq, Hash)]
struct Key {
    text: String,
    size: u32,
    strong: bool,
    color: u32,
}

/// Layouts kept before the store starts anew; a screen has some two hundred.
const KEPT: usize = 2_000;

impl Typesetter {
    /// A typesetter over Pango.
    pub fn new(text: PietText) -> Typesetter {
        Typesetter { text, layouts: HashMap::new() }
    }

    /// One line, or for figures one character, ready to be drawn.
    pub fn layout(&mut self, text: &str, style: Style, color: &Color) -> Option<&PietTextLayout> {
        let key = Key {
            text: text.to_owned(),
            size: style.size as u32,
            strong: style.strong,
            color: color.as_rgba_u32(),
        };
        if self.layouts.len() >= KEPT && !self.layouts.contains_key(&key) {
            self.layouts.clear();
        }
        match self.layouts.entry(key) {
            std::collections::hash_map::Entry::Occupied(kept) => Some(kept.into_mut()),
            std::collections::hash_map::Entry::Vacant(vacant) => {
                let layout = set(&mut self.text, text, style, color, f64::INFINITY)?;
                Some(vacant.insert(layout))
            }
        }
    }

    /// How far the pen moves after each character of a line of figures.
    pub fn advances<'t>(&mut self, text: &'t str, style: Style) -> Vec<(&'t str, f64)> {
        let figure = (0..=9).map(|digit| self.plain_width(&digit.to_string(), style)).fold(0.0, f64::max);
        text.graphemes(true)
            .map(|character| {
                let is_figure = character.bytes().all(|b| b.is_ascii_digit());
                (character, if is_figure { figure } else { self.plain_width(character, style) })
            })
            .collect()
    }

    fn plain_width(&mut self, text: &str, style: Style) -> f64 {
        self.layout(text, style, &tokens::TEXT)
            .map_or(0.0, |layout| layout.size().width.max(layout.trailing_whitespace_width()))
    }
}

impl Measure for Typesetter {
    fn width(&mut self, text: &str, style: Style) -> f64 {
        if style.tabular {
            self.advances(text, style).iter().map(|(_, advance)| advance).sum()
        } else {
            self.plain_width(text, style)
        }
    }

    fn wrap(&mut self, text: &str, style: Style, width: f64) -> Vec<String> {
        let Some(layout) = set(&mut self.text, text, style, &tokens::TEXT, width.max(style.size * 2.0))
        else {
            return vec![text.to_owned()];
        };
        (0..layout.line_count())
            .map(|line| layout.line_text(line).unwrap_or_default().trim_end().to_owned())
            .collect()
    }
}

fn set(text: &mut PietText, words: &str, style: Style, color: &Color, width: f64) -> Option<PietTextLayout> {
    let family = text.font_family(tokens::TYPEFACE).unwrap_or(FontFamily::SANS_SERIF);
    let weight = if style.strong { FontWeight::SEMI_BOLD } else { FontWeight::REGULAR };
    let layout = text
        .new_text_layout(words.to_owned())
        .font(family, style.size)
        .default_attribute(weight)
        .text_color(*color)
        .max_width(width)
        .build();
    match layout {
        Ok(layout) => Some(layout),
        Err(error) => {
            log::warn!("cannot set \"{words}\": {error}");
            None
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::ui) fn typesetter() -> Typesetter {
        Typesetter::new(PietText::new())
    }

    #[test]
    fn a_long_name_is_cut_between_characters_and_fits() {
        let mut measure = typesetter();
        let style = Style::strong(20.0);
        for name in [
            "Vorstandszimmer im vierten Obergeschoß",
            "東京支社の大会議室（南側）",
            "Γραφείο συνεδριάσεων",
            "👩‍👩‍👧‍👦👩‍👩‍👧‍👦👩‍👩‍👧‍👦👩‍👩‍👧‍👦👩‍👩‍👧‍👦",
        ] {
            let cut = fit(&mut measure, name, style, 120.0);
            assert!(measure.width(&cut, style) <= 120.0);
            assert!(cut.ends_with('…') && cut.chars().count() > 1, "{cut}");
        }
        assert_eq!(fit(&mut measure, "Lab", style, 120.0), "Lab");
        assert_eq!(fit(&mut measure, "Laboratory", style, 1.0), "");
    }

    #[test]
    fn figures_take_the_same_room() {
        let mut measure = typesetter();
        let style = Style::figures(40.0);
        assert_eq!(measure.width("111 111", style), measure.width("888 888", style));
    }

    #[test]
    fn a_sentence_breaks_and_its_last_line_is_cut() {
        let mut measure = typesetter();
        let style = Style::new(16.0);
        let sentence = "The relay isn't answering. Trying again in 5 s, and again after that until it does.";
        let lines = fit_lines(&mut measure, sentence, style, 160.0, 2);
        assert_eq!(lines.len(), 2);
        assert!(lines[1].ends_with('…'));
        assert!(lines.iter().all(|line| measure.width(line, style) <= 160.0));
    }
}
