//! The network page: all well, the own link weak, another room's, many rooms, and little known.

use vestibule_kiosk::kiosk::network::{Trouble, Verdict};
use vestibule_kiosk::view::words::NetworkWords;

use super::curves::{Course, history};
use super::*;

/// The page of a meeting of so many other rooms; `shown` is whose numbers, by number, 0 for this room's.
fn page(course: Course, count: usize, shown: u8, language: Language) -> MeetingView {
    let mut meeting = meeting(count);
    let rooms: Vec<(PeerId, &str)> =
        meeting.tiles.iter().zip(1..).map(|(tile, number)| (peer(number), tile.name.as_str())).collect();
    let (history, judgement) = history(course, &rooms);
    let name = |wanted: PeerId| {
        rooms
            .iter()
            .find(|(peer, _)| *peer == wanted)
            .map_or_else(String::new, |(_, name)| (*name).to_owned())
    };
    let (words, tone) = match judgement.verdict {
        Verdict::Unknown => (NetworkWords::Unknown, Tone::Unknown),
        Verdict::Good => (NetworkWords::Good, Tone::Good),
        Verdict::OwnNetwork => (NetworkWords::OwnNetwork, Tone::Weak),
        Verdict::OwnDevice => (NetworkWords::OwnDevice, Tone::Weak),
        Verdict::Relay => (NetworkWords::Relay, Tone::Weak),
        Verdict::Room { peer, trouble, more } => {
            (NetworkWords::Room { room: name(peer), trouble, more }, Tone::Weak)
        }
    };
    let own = if language == Language::German { "Dieser Raum" } else { "This room" };
    let chip = |of: Option<PeerId>, label: &str| NetworkChip {
        of,
        label: label.into(),
        chosen: of == (shown > 0).then(|| peer(shown)),
        weak: of.map_or(judgement.verdict == Verdict::OwnNetwork, |peer| judgement.is_weak(&peer)),
    };
    let others = rooms.iter().map(|(peer, name)| chip(Some(*peer), name));
    let view = NetworkView {
        verdict: VerdictView { text: words.whole(language), tone },
        rooms: std::iter::once(chip(None, own)).chain(others).collect(),
        graphs: Graphs::of(&history, (shown > 0).then(|| peer(shown))),
    };
    for tile in &mut meeting.tiles {
        tile.weak = matches!(tile.picture, PictureId::Room(peer) if judgement.is_weak(&peer));
    }
    meeting.network = VerdictView { text: words.short(language), tone };
    meeting.panel = Some(PanelView::Network(view));
    meeting
}

pub(super) fn network() -> Vec<(&'static str, View)> {
    let english = |course, count, shown| in_meeting(page(course, count, shown, Language::English));
    let german_page = |course, count, shown| german(in_meeting(page(course, count, shown, Language::German)));
    let closed = |meeting: MeetingView| in_meeting(MeetingView { panel: None, ..meeting });
    let nothing = NetworkView {
        verdict: VerdictView { text: NetworkWords::Unknown.whole(Language::English), tone: Tone::Unknown },
        rooms: vec![NetworkChip { of: None, label: "This room".into(), chosen: true, weak: false }],
        graphs: Graphs::default(),
    };
    let more = NetworkWords::Room {
        room: "Großer Sitzungssaal im Nordflügel (Erdgeschoss)".into(),
        trouble: Trouble::NoPictures,
        more: 3,
    };
    let mut long = page(Course::Unknown, 9, 3, Language::German);
    if let Some(PanelView::Network(view)) = &mut long.panel {
        view.verdict = VerdictView { text: more.whole(Language::German), tone: Tone::Weak };
    }
    vec![
        ("network-good", english(Course::Good, 2, 0)),
        ("network-good-room", english(Course::Good, 2, 1)),
        ("network-weak-link", english(Course::WeakLink, 3, 0)),
        ("network-weak-link-german", german_page(Course::WeakLink, 3, 0)),
        ("network-weak-room", english(Course::WeakRoom, 2, 1)),
        ("network-weak-room-german", german_page(Course::WeakRoom, 2, 1)),
        ("network-weak-room-closed", closed(page(Course::WeakRoom, 4, 0, Language::English))),
        ("network-busy", english(Course::Busy, 1, 0)),
        ("network-many-rooms", english(Course::WeakRoom, 9, 5)),
        ("network-unknown", english(Course::Unknown, 2, 0)),
        ("network-unknown-room", german(in_meeting(long))),
        (
            "network-nothing-yet",
            in_meeting(MeetingView { panel: Some(PanelView::Network(nothing)), ..meeting(0) }),
        ),
        (
            "network-and-notice",
            View {
                notice: super::banners::notice(Severity::Info, "Workshop has left the meeting.", None),
                ..english(Course::Good, 1, 0)
            },
        ),
    ]
}
