//! Where one reads in the chat. There is no scrolling by finger: messages come in pages, the newest page first, and a
//! page that is being read stays while new messages arrive.

use std::ops::Range;

/// Lines of a page.
const LINES: usize = 14;
/// Lines of a page above the open keyboard.
const LINES_ABOVE_KEYBOARD: usize = 6;
/// A message's plate beside its text.
const PLATE: usize = 1;

/// The place.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Reading {
    /// The piece after the page's last one; `None`: the page ends with the newest.
    end: Option<usize>,
}

impl Reading {
    pub(crate) fn newest(&mut self) {
        self.end = None;
    }

    /// The page, given how many lines each piece has.
    pub(crate) fn page(&self, lines: &[usize], keyboard: bool) -> Range<usize> {
        let end = self.end.unwrap_or(lines.len()).min(lines.len());
        let mut room = budget(keyboard);
        let fits = lines[..end].iter().rev().take_while(|lines| take(&mut room, **lines)).count();
        // A piece higher than the page is shown all the same.
        end - fits.max(1).min(end)..end
    }

    pub(crate) fn older(&mut self, lines: &[usize], keyboard: bool) {
        let page = self.page(lines, keyboard);
        if page.start > 0 {
            self.end = Some(page.start);
        }
    }

    pub(crate) fn newer(&mut self, lines: &[usize], keyboard: bool) {
        let Some(end) = self.end else { return };
        let end = end.min(lines.len());
        let mut room = budget(keyboard);
        let fits = lines[end..].iter().take_while(|lines| take(&mut room, **lines)).count();
        let next = end + fits.max(1);
        self.end = (next < lines.len()).then_some(next);
    }
}

fn budget(keyboard: bool) -> usize {
    if keyboard { LINES_ABOVE_KEYBOARD } else { LINES }
}

fn take(room: &mut usize, lines: usize) -> bool {
    match room.checked_sub(lines + PLATE) {
        Some(left) => {
            *room = left;
            true
        }
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_cover_every_piece_in_both_directions() {
        for keyboard in [false, true] {
            let lines: Vec<usize> = (0..100).map(|n| 1 + n * 7 % 9).collect();
            let mut reading = Reading::default();
            let (mut seen, mut top) = (Vec::new(), usize::MAX);
            while reading.page(&lines, keyboard).start < top {
                let page = reading.page(&lines, keyboard);
                top = page.start;
                seen.push(page);
                reading.older(&lines, keyboard);
            }
            assert_eq!(seen.iter().map(|page| page.len()).sum::<usize>(), lines.len());
            assert_eq!((seen[0].end, top), (100, 0));
            for _ in 0..100 {
                reading.newer(&lines, keyboard);
            }
            assert_eq!(reading, Reading::default());
        }
        assert_eq!(Reading::default().page(&[], false), 0..0);
        assert_eq!(Reading::default().page(&[500], true), 0..1);
    }

    #[test]
    fn a_page_being_read_stays_while_messages_arrive() {
        let mut lines = vec![3; 20];
        let mut reading = Reading::default();
        reading.older(&lines, false);
        let page = reading.page(&lines, false);
        lines.extend([3; 5]);
        assert_eq!(reading.page(&lines, false), page);
    }
}
