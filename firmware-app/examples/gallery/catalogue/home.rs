//! Home, the keypad and the wait at the door.

use super::*;

pub(super) fn at_home() -> HomeView {
    HomeView {
        state: "Ready".into(),
        ready: true,
        can_meet: true,
        rejoin: None,
        own_picture: false,
        camera_missing: None,
    }
}

pub(super) fn home() -> Vec<(&'static str, View)> {
    let home = |home| view(Screen::Home(home));
    let long = View {
        room_name: "Besprechungszimmer Alexander von Humboldt, Nordflügel".into(),
        ..german(home(HomeView {
            state: "Das Relay antwortet nicht. Nächster Versuch in 5 s.".into(),
            ready: false,
            can_meet: false,
            rejoin: Some("Zurück zu 482 913".into()),
            ..at_home()
        }))
    };
    vec![
        ("home", home(at_home())),
        (
            "home-no-relay",
            home(HomeView {
                state: "Looking for the relay…".into(),
                ready: false,
                can_meet: false,
                ..at_home()
            }),
        ),
        (
            "home-no-camera",
            home(HomeView {
                state: "No camera. The others won't see this room.".into(),
                ready: false,
                camera_missing: Some("No camera".into()),
                ..at_home()
            }),
        ),
        ("home-rejoin", home(HomeView { rejoin: Some("Rejoin 482 913".into()), ..at_home() })),
        ("home-own-picture", home(HomeView { own_picture: true, ..at_home() })),
        (
            "home-own-picture-missing",
            home(HomeView {
                own_picture: true,
                camera_missing: Some("Another program uses the camera.".into()),
                ..at_home()
            }),
        ),
        ("home-german-long", long),
        ("home-cjk", View { room_name: "東京支社 大会議室".into(), ..home(at_home()) }),
    ]
}

pub(super) fn typed(digits: &str, boxes: usize) -> Vec<Option<char>> {
    (0..boxes).map(|place| digits.chars().nth(place)).collect()
}

pub(super) fn keypads() -> Vec<(&'static str, View)> {
    let join = |digits: &str, error: Option<&str>, busy| {
        view(Screen::Join(KeypadView {
            title: "Type the meeting's code".into(),
            boxes: typed(digits, 6),
            error: error.map(Into::into),
            busy,
        }))
    };
    vec![
        ("join", join("", None, false)),
        ("join-typing", join("482", None, false)),
        ("join-busy", join("482913", None, true)),
        (
            "join-wrong",
            join("", Some("No meeting has the code 482 931. Look again at the other screen."), false),
        ),
        ("join-full", join("", Some("This meeting is full. Ask its host to make room."), false)),
        (
            "pin",
            view(Screen::Pin(KeypadView {
                title: "The caretaker's PIN".into(),
                boxes: vec![Some('•'), Some('•'), Some('•'), None, None, None, None, None],
                error: None,
                busy: false,
            })),
        ),
        (
            "pin-wrong",
            german(view(Screen::Pin(KeypadView {
                title: "Bitte geben Sie die PIN der Haustechnik ein".into(),
                boxes: typed("", 4),
                error: Some(
                    "Diese PIN stimmt nicht. Nach drei weiteren Versuchen ist eine Minute Pause.".into(),
                ),
                busy: false,
            }))),
        ),
    ]
}

pub(super) fn waiting() -> Vec<(&'static str, View)> {
    vec![
        (
            "waiting",
            view(Screen::Waiting(WaitingView {
                title: "Knocking at 482 913…".into(),
                detail: "Someone there has to let this room in.".into(),
                camera_missing: None,
            })),
        ),
        (
            "waiting-host-known",
            view(Screen::Waiting(WaitingView {
                title: "Waiting for Vorstandszimmer im vierten Obergeschoss".into(),
                detail: "Someone there has to let this room in. They see your room's name and hear a knock."
                    .into(),
                camera_missing: Some("Camera off".into()),
            })),
        ),
    ]
}

pub(super) fn idle() -> Vec<(&'static str, View)> {
    let home = view(Screen::Home(at_home()));
    vec![
        ("idle-dim", View { backlight: Backlight::Dim, ..home.clone() }),
        ("idle-clock", View { backlight: Backlight::Clock, ..home.clone() }),
        ("idle-dark", View { backlight: Backlight::Dark, ..home }),
    ]
}
