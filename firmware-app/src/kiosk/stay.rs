//! What belongs to one meeting, for this room alone, and goes with it.

use std::collections::BTreeSet;

use vestibule_common::chat::ChatMessage;
use vestibule_common::id::PeerId;

use super::chat_draft::Draft;
use super::chat_page::Reading;
use super::floor::Floor;
use super::presenting::Presenting;
use crate::view::words::Sentence;
use crate::view::{Corner, Panel, PictureId};

/// A stay in one meeting. A shared panel forgets: nothing here outlives it.
#[derive(Clone, Debug)]
pub(crate) struct Stay {
    pub(crate) muted: bool,
    pub(crate) camera_off: bool,
    pub(crate) presenting: Presenting,
    pub(crate) corner: Corner,
    pub(crate) panel: Option<Panel>,
    pub(crate) people_page: usize,
    pub(crate) speaking: BTreeSet<PeerId>,
    pub(crate) floor: Floor,
    pub(crate) arriving: BTreeSet<PictureId>,
    pub(crate) own_voice: bool,
    pub(crate) draft: Draft,
    pub(crate) chat_to: Option<PeerId>,
    pub(crate) chat_error: Option<Sentence>,
    pub(crate) reading: Reading,
    pub(crate) unread: u16,
}

impl Stay {
    pub(super) fn new() -> Stay {
        Stay {
            muted: false,
            camera_off: false,
            presenting: Presenting::default(),
            corner: Corner::default(),
            panel: None,
            people_page: 0,
            speaking: BTreeSet::new(),
            floor: Floor::default(),
            arriving: BTreeSet::new(),
            own_voice: false,
            draft: Draft::new(ChatMessage::MAX_CHARS),
            chat_to: None,
            chat_error: None,
            reading: Reading::default(),
            unread: 0,
        }
    }
}
