//! Who is here, and what the host may do.

use serde::Serialize;
use vestibule_common::id::PeerId;

use super::words::Sentence;
use crate::kiosk::Kiosk;
use crate::session::Meeting;

/// The people panel.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct PeopleView {
    /// The page's rooms, this one first.
    pub people: Vec<PersonView>,
    /// More pages before.
    pub previous: bool,
    /// More pages after.
    pub next: bool,
    /// This room hosts, so that it finds lock, mute, remove and end.
    pub hosting: bool,
    /// Newcomers are kept out.
    pub locked: bool,
}

/// A room in the list.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct PersonView {
    /// Who.
    pub peer: PeerId,
    /// Its name; rooms that share one are told apart.
    pub name: String,
    /// "Host", "You", "Reconnecting...".
    pub note: String,
    /// Its gate is closed.
    pub muted: bool,
    /// Its camera is off.
    pub camera_off: bool,
    /// This room may mute and remove it.
    pub manageable: bool,
}

/// Rooms on one page of the list.
pub(crate) const PAGE: usize = 4;

pub(super) fn of(kiosk: &Kiosk, meeting: &Meeting) -> PeopleView {
    let roster = &meeting.roster;
    let say = |sentence: Sentence| sentence.say(kiosk.settings.language);
    let hosting = roster.hosting();
    let own_state = kiosk.member_state();
    let own = PersonView {
        peer: roster.me,
        name: meeting.label(&roster.me).unwrap_or(kiosk.settings.name.as_str()).to_owned(),
        note: say(if hosting { Sentence::YouHost } else { Sentence::You }),
        muted: own_state.muted,
        camera_off: own_state.camera_off,
        manageable: false,
    };
    let others = roster.others().map(|member| {
        let peer = member.id();
        let note = if !member.present {
            say(Sentence::Reconnecting)
        } else if peer == roster.host() {
            say(Sentence::Host)
        } else {
            String::new()
        };
        PersonView {
            peer,
            name: meeting.label(&peer).unwrap_or(member.name.as_str()).to_owned(),
            note,
            muted: member.state.muted,
            camera_off: member.state.camera_off,
            manageable: hosting,
        }
    });
    let all: Vec<PersonView> = std::iter::once(own).chain(others).collect();
    let page = kiosk.stay.people_page.min(all.len().saturating_sub(1) / PAGE);
    let next = (page + 1) * PAGE < all.len();
    PeopleView {
        people: all.into_iter().skip(page * PAGE).take(PAGE).collect(),
        previous: page > 0,
        next,
        hosting,
        locked: roster.locked,
    }
}
