//! A meeting without anything beside it.

use super::*;

pub(super) fn tile(number: u8, name: &str) -> Tile {
    Tile {
        picture: PictureId::Room(peer(number)),
        name: name.into(),
        initials: name.chars().take(1).collect(),
        placeholder: None,
        muted: false,
        speaking: false,
        host: false,
        weak: false,
    }
}

pub(super) fn tiles(count: usize) -> Vec<Tile> {
    let names = [
        "Workshop",
        "Laboratory 3",
        "Großer Sitzungssaal im Nordflügel (Erdgeschoss)",
        "東京支社",
        "Αθήνα",
        "Склад № 2",
        "Reception",
        "Library",
        "Cafétéria Zürich",
    ];
    names.iter().take(count).zip(1..).map(|(name, number)| tile(number, name)).collect()
}

pub(super) fn meeting(count: usize) -> MeetingView {
    MeetingView {
        code: "482 913".into(),
        duration: "0:12:45".into(),
        network: VerdictView { text: "Good".into(), tone: Tone::Good },
        locked: false,
        tiles: tiles(count),
        large: None,
        presentation: None,
        presenting: false,
        alone: None,
        own: Tile { picture: PictureId::Own, ..tile(0, "Boardroom") },
        own_corner: Corner::BottomRight,
        microphone: Microphone::Live,
        own_level: Some(6),
        speaking_while_muted: false,
        camera_off: false,
        volume: 60,
        unread: 0,
        panel: None,
        anyone_there_s: None,
    }
}

pub(super) fn in_meeting(meeting: MeetingView) -> View {
    view(Screen::Meeting(Box::new(meeting)))
}

/// One of many rooms has the floor.
fn speaks(count: usize, who: usize, own_corner: Corner) -> MeetingView {
    let mut meeting = MeetingView { large: Some(who), own_corner, ..meeting(count) };
    meeting.tiles[who].speaking = true;
    meeting
}

pub(super) fn meetings() -> Vec<(&'static str, View)> {
    let mut speaking = meeting(4);
    speaking.tiles[0].speaking = true;
    speaking.tiles[0].host = true;
    speaking.tiles[1].muted = true;
    speaking.tiles[1].weak = true;
    speaking.network = VerdictView { text: "Weak: Laboratory 3".into(), tone: Tone::Weak };
    speaking.tiles[2].placeholder = Some("Camera off".into());
    speaking.tiles[3].placeholder = Some("Reconnecting…".into());
    let mut nine = meeting(9);
    nine.tiles[2].speaking = true;
    nine.tiles[4].muted = true;
    nine.tiles[5].placeholder = Some("No camera".into());
    nine.locked = true;
    nine.network = VerdictView { text: "Network".into(), tone: Tone::Unknown };
    nine.tiles[5].weak = true;
    let muted = MeetingView {
        microphone: Microphone::Muted,
        own: Tile { muted: true, ..meeting(1).own },
        ..meeting(1)
    };
    let camera_off = MeetingView {
        camera_off: true,
        own: Tile { placeholder: Some("Camera off".into()), ..meeting(2).own },
        own_corner: Corner::TopLeft,
        unread: 3,
        ..meeting(2)
    };
    let alone = MeetingView { alone: Some("Others join with this code.".into()), ..meeting(0) };
    let all_german = MeetingView {
        microphone: Microphone::Muted,
        speaking_while_muted: true,
        camera_off: true,
        locked: true,
        unread: 120,
        network: VerdictView {
            text: "Schwach: Großer Sitzungssaal im Nordflügel (Erdgeschoss)".into(),
            tone: Tone::Weak,
        },
        own_corner: Corner::BottomLeft,
        own: Tile { muted: true, placeholder: Some("Kamera aus".into()), ..meeting(0).own },
        ..speaking.clone()
    };
    let shown = |number: u8, name: &str| Tile {
        picture: PictureId::Presentation(peer(number)),
        ..tile(number, name)
    };
    let presented = |count, name: &str| MeetingView { presentation: Some(shown(1, name)), ..meeting(count) };
    let own_shown = Tile { picture: PictureId::OwnPresentation, ..tile(0, "You are presenting") };
    let hinted = MeetingView {
        microphone: Microphone::Muted,
        speaking_while_muted: true,
        ..presented(2, "Workshop presents")
    };
    let presenting = MeetingView { presenting: true, presentation: Some(own_shown.clone()), ..meeting(2) };
    let unplugged = MeetingView {
        presentation: Some(Tile { placeholder: Some("Nichts angeschlossen".into()), ..own_shown }),
        own_corner: Corner::TopLeft,
        ..presenting.clone()
    };
    vec![
        ("meeting-presented", in_meeting(presented(1, "Workshop presents"))),
        ("meeting-presented-9", in_meeting(presented(9, "Workshop presents"))),
        ("meeting-presented-speaking-while-muted", in_meeting(hinted)),
        ("meeting-presenting", in_meeting(presenting)),
        ("meeting-presenting-unplugged-german", german(in_meeting(unplugged))),
        ("meeting-alone", in_meeting(alone)),
        ("meeting-1", in_meeting(meeting(1))),
        ("meeting-2", in_meeting(meeting(2))),
        ("meeting-3", in_meeting(meeting(3))),
        ("meeting-4-states", in_meeting(speaking)),
        ("meeting-5", in_meeting(meeting(5))),
        ("meeting-6", in_meeting(meeting(6))),
        ("meeting-7", in_meeting(meeting(7))),
        ("meeting-8", in_meeting(MeetingView { own_corner: Corner::TopRight, ..meeting(8) })),
        ("meeting-9-states", in_meeting(nine)),
        ("meeting-speaker-4", in_meeting(speaks(4, 1, Corner::BottomRight))),
        ("meeting-speaker-6", in_meeting(speaks(6, 2, Corner::BottomLeft))),
        ("meeting-speaker-9", in_meeting(speaks(9, 8, Corner::TopRight))),
        ("meeting-muted", in_meeting(muted.clone())),
        ("meeting-speaking-while-muted", in_meeting(MeetingView { speaking_while_muted: true, ..muted })),
        (
            "meeting-no-microphone-german",
            german(in_meeting(MeetingView {
                microphone: Microphone::Missing,
                own_level: None,
                ..meeting(1)
            })),
        ),
        (
            "meeting-no-microphone",
            in_meeting(MeetingView { microphone: Microphone::Missing, own_level: None, ..meeting(2) }),
        ),
        (
            "meeting-microphone-fault",
            View {
                notice: Some(Notice {
                    text: "The microphone doesn't say whether it is muted. Treat it as live.".into(),
                    detail: Some("Audio gate: no report for 2 s".into()),
                    severity: Severity::Alarm,
                }),
                ..in_meeting(MeetingView { microphone: Microphone::Fault, own_level: None, ..meeting(2) })
            },
        ),
        ("meeting-camera-off", in_meeting(camera_off)),
        ("meeting-german", german(in_meeting(all_german))),
        ("meeting-anyone-there", in_meeting(MeetingView { anyone_there_s: Some(58), ..meeting(2) })),
        (
            "meeting-leave-question",
            View {
                question: Some(Question {
                    about: Destructive::Leave,
                    text: "Leave the meeting?".into(),
                    yes: "Leave".into(),
                    no: "Stay".into(),
                }),
                ..in_meeting(meeting(3))
            },
        ),
        (
            "meeting-leave-question-german",
            german(View {
                question: Some(Question {
                    about: Destructive::Leave,
                    text: "Die Besprechung verlassen? Sie leiten sie, die anderen Räume bleiben zusammen."
                        .into(),
                    yes: "Verlassen".into(),
                    no: "Bleiben".into(),
                }),
                ..in_meeting(meeting(3))
            }),
        ),
    ]
}
