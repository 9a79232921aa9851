//! The meeting: tiles, own picture, what the bar shows.

use unicode_segmentation::UnicodeSegmentation;
use vestibule_common::control::Member;
use vestibule_common::time::Time;

use super::words::Sentence;
use super::{MeetingView, Microphone, Panel, PanelView, PictureId, Tile, chat, home, people};
use crate::kiosk::{Kiosk, WallClock};
use crate::session::Meeting;

/// Tiles of the grid.
const MAX_TILES: usize = 9;

pub(super) fn of(kiosk: &Kiosk, now: Time, wall: WallClock) -> MeetingView {
    let meeting = kiosk.session.meeting().expect("the meeting's screen is shown in a meeting only");
    let roster = &meeting.roster;
    let stay = &kiosk.stay;
    let tiles: Vec<Tile> =
        roster.others().take(MAX_TILES).map(|member| tile(kiosk, meeting, member)).collect();
    let alone = tiles.is_empty().then(|| Sentence::Alone(roster.code).say(kiosk.settings.language));
    let microphone = kiosk.gate.microphone();
    let panel = stay.panel.map(|panel| match panel {
        Panel::Chat => PanelView::Chat(chat::of(kiosk, meeting, now, wall)),
        Panel::People => PanelView::People(people::of(kiosk, meeting)),
    });
    let left = kiosk.anyone_there.left(now);
    MeetingView {
        code: roster.code.spaced().to_string(),
        duration: duration(kiosk, meeting, now),
        locked: roster.locked,
        tiles,
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
        name,
    }
}

/// What is presented, with the name of who presents it.
fn presentation(kiosk: &Kiosk, meeting: &Meeting) -> Option<Tile> {
    let say = |sentence: Sentence| sentence.say(kiosk.settings.language);
    let peer = kiosk.stay.presenting.shown()?;
    let (picture, name, placeholder) = if peer == meeting.roster.me {
        let lost = kiosk.stay.presenting.lost().then_some(Sentence::NothingPluggedIn);
        (PictureId::OwnPresentation, say(Sentence::YouPresent), lost)
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
    Some(Tile { picture, name, initials, placeholder, muted: false, speaking: false, host: false })
}

/// How long this room has been in the meeting, by the relay's clock, so that a power cut does not start it anew.
fn duration(kiosk: &Kiosk, meeting: &Meeting, now: Time) -> String {
    let now_ms = kiosk.session.relay_ms(now).unwrap_or(0);
    let seconds = now_ms.saturating_sub(meeting.roster.admission.issued_ms) / 1000;
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
