//! What the screen turns by itself: pages of a list that is longer than its place, and the detail of a notice. Only
//! how the view is shown, never what is in it; forgotten when the view's own list changes.

use std::collections::BTreeMap;

use crate::kiosk::intent::Step;
use crate::video::kind::PictureKind;
use crate::view::{PanelView, PictureId, Screen, View};

/// Something the screen turns by itself.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Turn {
    /// A list's part that did not fit; `Next` goes on from where one is.
    List(Step),
    /// The next recipients.
    Chips,
    /// The detail of the notice, shown or hidden.
    Detail,
}

/// How far it is turned.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Local {
    /// Parts of the list turned.
    pub list: usize,
    /// Parts of the recipients turned.
    pub chips: usize,
    /// The detail of the notice is shown.
    pub detail: bool,
    /// Width by height of the pictures seen so far.
    pub shapes: BTreeMap<PictureId, f64>,
}

impl Local {
    /// Turns something.
    pub fn turn(&mut self, turn: Turn) {
        match turn {
            Turn::List(Step::Next) => self.list += 1,
            Turn::List(Step::Previous) => self.list = self.list.saturating_sub(1),
            Turn::Chips => self.chips += 1,
            Turn::Detail => self.detail = !self.detail,
        }
    }

    /// Forgets what belonged to things that are no longer shown.
    pub fn follow(&mut self, before: &View, now: &View) {
        if !same_list(before, now) {
            self.list = 0;
        }
        let turned = std::mem::discriminant(&before.screen) != std::mem::discriminant(&now.screen);
        // The row of the chosen one is where turning begins.
        if turned || chosen(before) != chosen(now) {
            self.chips = 0;
        }
        if before.notice != now.notice {
            self.detail = false;
        }
    }

    /// The shape of a room's picture, width by height; that of most cameras, or laptops, until one was seen.
    pub fn shape(&self, id: PictureId) -> f64 {
        self.shapes.get(&id).copied().unwrap_or(match id.kind() {
            PictureKind::Camera => 4.0 / 3.0,
            PictureKind::Presentation => 16.0 / 9.0,
        })
    }

    /// Notes the shape of a picture. Returns whether it is news.
    pub fn saw(&mut self, id: PictureId, width: usize, height: usize) -> bool {
        if width == 0 || height == 0 {
            return false;
        }
        let shape = (width as f64 / height as f64).clamp(0.5, 2.4);
        // Scaling to whole pixels moves the shape a little; that must not move the tiles.
        if (self.shape(id) - shape).abs() / shape < 0.03 {
            return false;
        }
        self.shapes.insert(id, shape);
        true
    }
}

/// Which of the chips is chosen.
fn chosen(view: &View) -> Option<usize> {
    let Screen::Meeting(meeting) = &view.screen else { return None };
    match meeting.panel.as_ref()? {
        PanelView::Chat(chat) => chat.recipients.iter().position(|chip| chip.chosen),
        PanelView::Network(network) => network.rooms.iter().position(|chip| chip.chosen),
        PanelView::People(_) => None,
    }
}

/// Whether the turned list still is the list it was.
fn same_list(before: &View, now: &View) -> bool {
    match (&before.screen, &now.screen) {
        (Screen::Meeting(a), Screen::Meeting(b)) => match (&a.panel, &b.panel) {
            (Some(PanelView::Chat(a)), Some(PanelView::Chat(b))) => {
                a.messages.len() == b.messages.len()
                    && a.messages.last().map(|m| (&m.text, &m.time))
                        == b.messages.last().map(|m| (&m.text, &m.time))
                    && a.keyboard.is_some() == b.keyboard.is_some()
            }
            (Some(PanelView::People(a)), Some(PanelView::People(b))) => {
                a.people.first().map(|p| p.peer) == b.people.first().map(|p| p.peer)
            }
            (Some(PanelView::Network(a)), Some(PanelView::Network(b))) => {
                a.rooms.iter().find(|room| room.chosen).map(|room| room.of)
                    == b.rooms.iter().find(|room| room.chosen).map(|room| room.of)
            }
            (a, b) => a.is_none() && b.is_none(),
        },
        (Screen::Relays(a), Screen::Relays(b)) => a.relays.len() == b.relays.len(),
        (Screen::Home(_), Screen::Home(_))
        | (Screen::Join(_), Screen::Join(_))
        | (Screen::Pin(_), Screen::Pin(_))
        | (Screen::Waiting(_), Screen::Waiting(_))
        | (Screen::Settings(_), Screen::Settings(_))
        | (Screen::Test(_), Screen::Test(_)) => true,
        (
            Screen::Home(_)
            | Screen::Join(_)
            | Screen::Pin(_)
            | Screen::Waiting(_)
            | Screen::Meeting(_)
            | Screen::Settings(_)
            | Screen::Test(_)
            | Screen::Relays(_),
            _,
        ) => false,
    }
}
