//! The meeting: tiles, own picture, what the bar shows.

use serde::{Deserialize, Serialize};
use unicode_segmentation::UnicodeSegmentation;
use vestibule_common::control::Member;
use vestibule_common::id::PeerId;
use vestibule_common::time::Time;

use super::words::Sentence;
use super::{ChatView, NetworkView, PeopleView, VerdictView, chat, home, network, people};
use crate::kiosk::{Kiosk, WallClock};
use crate::session::Meeting;
use crate::video::kind::PictureKind;

/// A meeting.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct MeetingView {
    /// "482 913".
    pub code: String,
    /// "0:12:45".
    pub duration: String,
    /// How the network is, in a word or two.
    pub network: VerdictView,
    /// Newcomers are kept out.
    pub locked: bool,
    /// The other rooms, at most nine; the same order for everyone.
    pub tiles: Vec<Tile>,
    /// Which of them is shown large: in a meeting of more than four rooms the one that has the floor.
    pub large: Option<usize>,
    /// What a room presents, large beside the tiles.
    pub presentation: Option<Tile>,
    /// This room presents, or is about to.
    pub presenting: bool,
    /// Shown where there is no other room yet: "Others join with the code 482 913".
    pub alone: Option<String>,
    /// The own picture, small.
    pub own: Tile,
    /// Where it is.
    pub own_corner: Corner,
    /// The audio gate, as the gate itself reports it.
    pub microphone: Microphone,
    /// How loud the microphone is, from 0 to [`crate::kiosk::LEVELS`], whether the others hear it or not; absent where it is
    /// not known.
    pub own_level: Option<u8>,
    /// Somebody speaks while the gate is closed.
    pub speaking_while_muted: bool,
    /// The own camera is off (by choice).
    pub camera_off: bool,
    /// 0 to 100.
    pub volume: u8,
    /// Chat messages not read yet.
    pub unread: u16,
    /// The open panel.
    pub panel: Option<PanelView>,
    /// "Anyone there?" is being asked; seconds until this room leaves.
    pub anyone_there_s: Option<u16>,
}

/// Corners for the own picture.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub enum Corner {
    /// Below right.
    #[default]
    BottomRight,
    /// Below left.
    BottomLeft,
    /// Above left.
    TopLeft,
    /// Above right.
    TopRight,
}

/// The microphone as the room must know it.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Serialize)]
pub enum Microphone {
    /// The gate is open: the others hear this room.
    Live,
    /// The gate is closed: nothing leaves.
    Muted,
    /// There is none.
    Missing,
    /// The gate does not report: treat as live and call for help.
    Fault,
}

/// One room in the grid.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Tile {
    /// Whose newest picture is drawn.
    pub picture: PictureId,
    /// Its name plate; rooms that share a name are told apart.
    pub name: String,
    /// Where there is no picture.
    pub initials: String,
    /// Why there is no picture: "Camera off", "No camera", "Reconnecting..."; absent when there should be one.
    pub placeholder: Option<String>,
    /// Its gate is closed.
    pub muted: bool,
    /// It is speaking now.
    pub speaking: bool,
    /// It hosts.
    pub host: bool,
    /// Its network is weak.
    pub weak: bool,
}

/// Whose picture.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
pub enum PictureId {
    /// This room's own camera.
    Own,
    /// Another room's.
    Room(PeerId),
    /// What this room presents.
    OwnPresentation,
    /// What another room presents.
    Presentation(PeerId),
}

impl PictureId {
    /// This room's picture of a kind.
    pub fn own(kind: PictureKind) -> PictureId {
        match kind {
            PictureKind::Camera => PictureId::Own,
            PictureKind::Presentation => PictureId::OwnPresentation,
        }
    }

    /// Another room's picture of a kind.
    pub fn room(peer: PeerId, kind: PictureKind) -> PictureId {
        match kind {
            PictureKind::Camera => PictureId::Room(peer),
            PictureKind::Presentation => PictureId::Presentation(peer),
        }
    }

    /// What it shows.
    pub fn kind(self) -> PictureKind {
        match self {
            PictureId::Own | PictureId::Room(_) => PictureKind::Camera,
            PictureId::OwnPresentation | PictureId::Presentation(_) => PictureKind::Presentation,
        }
    }
}

/// The panels beside (or over) the tiles.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum Panel {
    /// Messages.
    Chat,
    /// Who is here, and what the host may do.
    People,
    /// How the network is.
    Network,
}

/// An open panel.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub enum PanelView {
    /// Messages.
    Chat(ChatView),
    /// Who is here.
    People(PeopleView),
    /// How the network is.
    Network(NetworkView),
}

/// Tiles of the grid.
const MAX_TILES: usize = 9;
/// With so many other rooms one of them is shown large.
const MANY: usize = 4;

pub(super) fn of(kiosk: &Kiosk, now: Time, wall: WallClock) -> MeetingView {
    let meeting = kiosk.session.meeting().expect("the meeting's screen is shown in a meeting only");
    let roster = &meeting.roster;
    let stay = &kiosk.stay;
    let (shown, large) = arranged(roster.others(), stay.floor.holder());
    let tiles: Vec<Tile> = shown.into_iter().map(|member| tile(kiosk, meeting, member)).collect();
    let alone = tiles.is_empty().then(|| Sentence::Alone(roster.code).say(kiosk.settings.language));
    let microphone = kiosk.gate.microphone();
    let panel = stay.panel.map(|panel| match panel {
        Panel::Chat => PanelView::Chat(chat::of(kiosk, meeting, now, wall)),
        Panel::People => PanelView::People(people::of(kiosk, meeting)),
        Panel::Network => PanelView::Network(network::of(kiosk, meeting)),
    });
    let left = kiosk.anyone_there.left(now);
    MeetingView {
        code: roster.code.spaced().to_string(),
        duration: duration(kiosk, now),
        network: network::verdict(kiosk, meeting),
        locked: roster.locked,
        tiles,
        large,
        presentation: presentation(kiosk, meeting),
        presenting: stay.presenting.wanted(),
        alone,
        own: own_tile(kiosk, meeting),
        own_corner: stay.corner,
        microphone,
        own_level: matches!(microphone, Microphone::Live | Microphone::Muted).then_some(kiosk.devices.level),
        speaking_while_muted: microphone == Microphone::Muted && stay.own_voice,
        camera_off: stay.camera_off,
        volume: kiosk.settings.volume,
        unread: stay.unread,
        panel,
        anyone_there_s: left.map(|left| u16::try_from(left.as_millis().div_ceil(1000)).unwrap_or(u16::MAX)),
    }
}

/// Who is shown, and which of them large. Who has the floor has a place, if it is the last one's.
fn arranged<'m>(
    others: impl Iterator<Item = &'m Member>,
    holder: Option<PeerId>,
) -> (Vec<&'m Member>, Option<usize>) {
    let mut shown: Vec<&Member> = others.collect();
    let large = holder.filter(|_| shown.len() >= MANY);
    let mut large = large.and_then(|holder| shown.iter().position(|member| member.id() == holder));
    if let Some(beyond) = large.filter(|at| *at >= MAX_TILES) {
        shown.swap(MAX_TILES - 1, beyond);
        large = Some(MAX_TILES - 1);
    }
    shown.truncate(MAX_TILES);
    (shown, large)
}

fn tile(kiosk: &Kiosk, meeting: &Meeting, member: &Member) -> Tile {
    let peer = member.id();
    let name = meeting.label(&peer).unwrap_or(member.name.as_str()).to_owned();
    let placeholder = if !member.present || !meeting.online() {
        Some(Sentence::Reconnecting)
    } else if member.state.camera_off {
        Some(Sentence::CameraOff)
    } else if !kiosk.stay.arriving.contains(&PictureId::Room(peer)) {
        Some(Sentence::PictureComing)
    } else {
        None
    };
    Tile {
        picture: PictureId::Room(peer),
        initials: initials(&name),
        placeholder: placeholder.map(|sentence| sentence.say(kiosk.settings.language)),
        muted: member.state.muted,
        speaking: kiosk.stay.speaking.contains(&peer) && !member.state.muted,
        host: peer == meeting.roster.host(),
        weak: kiosk.network.judgement.is_weak(&peer),
        name,
    }
}

fn own_tile(kiosk: &Kiosk, meeting: &Meeting) -> Tile {
    let me = meeting.roster.me;
    let name = meeting.label(&me).unwrap_or(kiosk.settings.name.as_str()).to_owned();
    let off = || kiosk.stay.camera_off.then(|| Sentence::CameraOff.say(kiosk.settings.language));
    let live = kiosk.gate.microphone() == Microphone::Live;
    Tile {
        picture: PictureId::Own,
        initials: initials(&name),
        placeholder: off().or_else(|| home::camera_missing(kiosk)),
        muted: kiosk.member_state().muted,
        speaking: kiosk.stay.own_voice && live,
        host: kiosk.hosting(),
        weak: false,
        name,
    }
}

/// What is presented, with the name of who presents it.
fn presentation(kiosk: &Kiosk, meeting: &Meeting) -> Option<Tile> {
    let say = |sentence: Sentence| sentence.say(kiosk.settings.language);
    let peer = kiosk.stay.presenting.shown()?;
    let (picture, name, placeholder) = if peer == meeting.roster.me {
        let lost = kiosk.stay.presenting.lost().then_some(Sentence::NothingPluggedIn);
        let unseen = (!meeting.online()).then_some(Sentence::Reconnecting);
        (PictureId::OwnPresentation, say(Sentence::YouPresent), lost.or(unseen))
    } else {
        let picture = PictureId::Presentation(peer);
        let room = meeting.label(&peer).unwrap_or_default().to_owned();
        let coming = (!kiosk.stay.arriving.contains(&picture)).then_some(Sentence::PictureComing);
        let online = meeting.online();
        let placeholder = if online { coming } else { Some(Sentence::Reconnecting) };
        (picture, say(Sentence::Presents { room }), placeholder)
    };
    let initials = initials(meeting.label(&peer).unwrap_or_default());
    let placeholder = placeholder.map(say);
    Some(Tile {
        picture,
        name,
        initials,
        placeholder,
        muted: false,
        speaking: false,
        host: false,
        weak: false,
    })
}

fn duration(kiosk: &Kiosk, now: Time) -> String {
    let seconds = kiosk.time_in_meeting(now).as_secs();
    format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// The first letters of the first two words: "Board Room 2" is "BR", "Workshop" is "W".
pub(super) fn initials(name: &str) -> String {
    let first = |word: &str| word.graphemes(true).next().map(str::to_uppercase);
    name.split_whitespace().take(2).filter_map(first).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn initials_are_of_the_first_two_words() {
        let cases = [("Workshop", "W"), ("Board Room 2", "BR"), ("émile zola", "ÉZ"), ("東京 支社", "東支")];
        for (name, expected) in cases {
            assert_eq!(initials(name), expected);
        }
    }
}
