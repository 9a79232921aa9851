//! A catalogue of views: every state a screen can be in, by name. Shared by the gallery and the tests of the screen.

use vestibule_common::id::{KnockId, PeerId};
use vestibule_kiosk::audio::EchoMode;
use vestibule_kiosk::kiosk::intent::Destructive;
use vestibule_kiosk::view::*;

/// A room's key, by number.
pub(crate) fn peer(number: u8) -> PeerId {
    PeerId([number; 32])
}

/// Every view, by name.
pub(crate) fn catalogue() -> Vec<(&'static str, View)> {
    let mut views = home();
    views.extend(keypads());
    views.extend(waiting());
    views.extend(meetings());
    views.extend(panels());
    views.extend(banners());
    views.extend(settings());
    views.extend(idle());
    views
}

fn view(screen: Screen) -> View {
    View {
        language: Language::English,
        room_name: "Boardroom".into(),
        clock: "14:05".into(),
        backlight: Backlight::Lit,
        screen,
        knock: None,
        notice: None,
        question: None,
    }
}

fn german(view: View) -> View {
    View { language: Language::German, room_name: "Großer Sitzungssaal".into(), ..view }
}

fn at_home() -> HomeView {
    HomeView {
        state: "Ready".into(),
        ready: true,
        can_meet: true,
        rejoin: None,
        own_picture: false,
        camera_missing: None,
    }
}

fn home() -> Vec<(&'static str, View)> {
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

fn typed(digits: &str, boxes: usize) -> Vec<Option<char>> {
    (0..boxes).map(|place| digits.chars().nth(place)).collect()
}

fn keypads() -> Vec<(&'static str, View)> {
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

fn waiting() -> Vec<(&'static str, View)> {
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

fn tile(number: u8, name: &str) -> Tile {
    Tile {
        picture: PictureId::Room(peer(number)),
        name: name.into(),
        initials: name.chars().take(1).collect(),
        placeholder: None,
        muted: false,
        speaking: false,
        host: false,
    }
}

fn tiles(count: usize) -> Vec<Tile> {
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

fn meeting(count: usize) -> MeetingView {
    MeetingView {
        code: "482 913".into(),
        duration: "0:12:45".into(),
        locked: false,
        tiles: tiles(count),
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

fn in_meeting(meeting: MeetingView) -> View {
    view(Screen::Meeting(Box::new(meeting)))
}

fn meetings() -> Vec<(&'static str, View)> {
    let mut speaking = meeting(4);
    speaking.tiles[0].speaking = true;
    speaking.tiles[0].host = true;
    speaking.tiles[1].muted = true;
    speaking.tiles[2].placeholder = Some("Camera off".into());
    speaking.tiles[3].placeholder = Some("Reconnecting…".into());
    let mut nine = meeting(9);
    nine.tiles[2].speaking = true;
    nine.tiles[4].muted = true;
    nine.tiles[5].placeholder = Some("No camera".into());
    nine.locked = true;
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
        ("meeting-muted", in_meeting(muted.clone())),
        ("meeting-speaking-while-muted", in_meeting(MeetingView { speaking_while_muted: true, ..muted })),
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

fn said(from: &str, time: &str, text: &str) -> MessageView {
    MessageView {
        from: from.into(),
        time: time.into(),
        text: text.into(),
        private: None,
        own: from == "You",
        delivery: Delivery::Sent,
    }
}

fn chat() -> ChatView {
    let chip =
        |to: Option<u8>, label: &str| Chip { to: to.map(peer), label: label.into(), chosen: to.is_none() };
    ChatView {
        recipients: vec![chip(None, "Everyone"), chip(Some(1), "Workshop"), chip(Some(2), "Laboratory 3")],
        messages: vec![
            said("Workshop", "14:01", "Good afternoon. Can you see the drawing?"),
            said("", "14:01", "It is the one from Tuesday."),
            said("You", "14:02", "Yes, very well."),
            MessageView {
                private: Some("only for you".into()),
                ..said("Laboratory 3", "14:03", "Shall we stay five minutes longer, just the two of us?")
            },
            MessageView { delivery: Delivery::Sending, ..said("You", "14:05", "Gladly.") },
        ],
        older: false,
        newer: false,
        draft: String::new(),
        hint: "Message to everyone".into(),
        keyboard: None,
        error: None,
    }
}

fn keyboard(language: Language) -> KeyboardView {
    KeyboardView { language, shift: Shift::Off, symbols: false }
}

fn person(number: u8, name: &str, note: &str) -> PersonView {
    PersonView {
        peer: peer(number),
        name: name.into(),
        note: note.into(),
        muted: number % 2 == 1,
        camera_off: number == 2,
        manageable: number != 0,
    }
}

fn people() -> PeopleView {
    PeopleView {
        people: vec![
            person(0, "Boardroom", "You, host"),
            person(1, "Workshop", ""),
            person(2, "Großer Sitzungssaal im Nordflügel", ""),
            person(3, "東京支社", "Reconnecting…"),
        ],
        previous: false,
        next: false,
        hosting: true,
        locked: false,
    }
}

fn panels() -> Vec<(&'static str, View)> {
    let with = |panel| in_meeting(MeetingView { panel: Some(panel), ..meeting(3) });
    let with_chat = |chat| with(PanelView::Chat(chat));
    let with_people = |people| with(PanelView::People(people));
    let mut crowd = people();
    crowd.people.extend((4..10).map(|number| person(number, &format!("Room {number}"), "")));
    crowd.next = true;
    let many = ChatView {
        recipients: (0..10)
            .map(|number| Chip {
                to: (number > 0).then(|| peer(number)),
                label: if number == 0 { "Everyone".into() } else { format!("Room with a name {number}") },
                chosen: number == 3,
            })
            .collect(),
        hint: "Message to Room with a name 3 only".into(),
        older: true,
        newer: true,
        error: Some("The last message was too long.".into()),
        ..chat()
    };
    let long = ChatView {
        messages: vec![said(
            "Workshop",
            "14:01",
            &"The quick brown fox jumps over the lazy dog. ".repeat(44),
        )],
        ..chat()
    };
    let failed = ChatView {
        messages: vec![MessageView {
            delivery: Delivery::Failed,
            ..said("You", "14:05", "こんにちは。聞こえますか？")
        }],
        ..chat()
    };
    let ask = |about, text: &str, yes: &str| {
        Some(Question { about, text: text.into(), yes: yes.into(), no: "Cancel".into() })
    };
    vec![
        ("chat", with_chat(chat())),
        ("chat-empty", with_chat(ChatView { messages: Vec::new(), ..chat() })),
        ("chat-many-rooms", with_chat(many)),
        ("chat-long-message", with_chat(long)),
        ("chat-failed", with_chat(failed)),
        ("chat-writing", with_chat(ChatView {
            draft: "We will send the second drawing".into(),
            keyboard: Some(keyboard(Language::English)),
            ..chat()
        })),
        ("chat-writing-german", german(with_chat(ChatView {
            draft: "Grüße aus dem großen Sitzungssaal an alle, die noch nicht da sind, und bis gleich, wir fangen in fünf Minuten an ".into(),
            hint: "Nachricht an alle".into(),
            keyboard: Some(KeyboardView { shift: Shift::Once, ..keyboard(Language::German) }),
            ..chat()
        }))),
        ("chat-writing-symbols", with_chat(ChatView {
            hint: "Message to Workshop only".into(),
            keyboard: Some(KeyboardView { symbols: true, ..keyboard(Language::English) }),
            error: Some("Not sent: Workshop has left.".into()),
            ..chat()
        })),
        ("chat-writing-caps", with_chat(ChatView {
            draft: "OK".into(),
            keyboard: Some(KeyboardView { shift: Shift::Locked, ..keyboard(Language::English) }),
            ..chat()
        })),
        ("people-host", with_people(people())),
        ("people-guest", with_people(PeopleView {
            people: people().people.into_iter().map(|p| PersonView { manageable: false, ..p }).collect(),
            hosting: false,
            ..people()
        })),
        ("people-crowd-locked", with_people(PeopleView { locked: true, ..crowd })),
        ("people-german", german(with_people(people()))),
        ("people-remove-question", View {
            question: ask(Destructive::Remove(peer(2)), "Remove Großer Sitzungssaal im Nordflügel?", "Remove"),
            ..with_people(people())
        }),
        ("people-end-question", View {
            question: ask(Destructive::EndForAll, "End the meeting for all?", "End"),
            ..with_people(people())
        }),
    ]
}

fn knock(armed: bool) -> Option<KnockBanner> {
    Some(KnockBanner {
        knock: KnockId::default(),
        title: "Workshop wants to join".into(),
        detail: "or press the green button. 2 more are waiting.".into(),
        armed,
    })
}

fn notice(severity: Severity, text: &str, detail: Option<&str>) -> Option<Notice> {
    Some(Notice { text: text.into(), detail: detail.map(Into::into), severity })
}

fn banners() -> Vec<(&'static str, View)> {
    let home = view(Screen::Home(at_home()));
    let long = Some(KnockBanner {
        title: "Vorstandszimmer im vierten Obergeschoss möchte teilnehmen".into(),
        detail: "oder drücken Sie die grüne Taste. 3 weitere warten.".into(),
        ..knock(true).unwrap_or_else(|| unreachable!("knock() always has one"))
    });
    let relay_lost = notice(
        Severity::Warning,
        "The relay isn't answering. Trying again in 5 s. The picture stands still until then.",
        Some("192.168.10.5 port 5000: connection refused"),
    );
    vec![
        ("knock-home", View { knock: knock(true), ..home.clone() }),
        ("knock-new", View { knock: knock(false), ..in_meeting(meeting(2)) }),
        ("knock-meeting", View { knock: knock(true), ..in_meeting(meeting(2)) }),
        ("knock-long-german", german(View { knock: long, ..in_meeting(meeting(4)) })),
        (
            "knock-writing",
            View {
                knock: knock(true),
                ..in_meeting(MeetingView {
                    panel: Some(PanelView::Chat(ChatView {
                        keyboard: Some(keyboard(Language::English)),
                        ..chat()
                    })),
                    ..meeting(2)
                })
            },
        ),
        (
            "notice-info",
            View {
                notice: notice(Severity::Info, "Workshop has left the meeting.", None),
                ..in_meeting(meeting(1))
            },
        ),
        ("notice-warning", View { notice: relay_lost.clone(), ..in_meeting(meeting(3)) }),
        (
            "notice-alarm-home",
            View {
                notice: notice(
                    Severity::Alarm,
                    "Somebody is trying codes: 40 wrong ones in a minute.",
                    Some("from 192.168.10.77"),
                ),
                ..home
            },
        ),
        (
            "notice-button-stuck",
            View {
                notice: notice(
                    Severity::Warning,
                    "The mute button is stuck: it stays down. Use the screen and have it looked at.",
                    None,
                ),
                ..in_meeting(meeting(2))
            },
        ),
        (
            "notice-button-loose-german",
            german(View {
                notice: notice(
                    Severity::Warning,
                    "Die grüne Taste hat einen Wackelkontakt und zählt erst, wenn sie ruht. Bitte den Bildschirm benutzen und sie prüfen lassen.",
                    None,
                ),
                ..view(Screen::Home(HomeView {
                    state: "Bereit, aber die grüne Taste geht nicht".into(),
                    ready: false,
                    ..at_home()
                }))
            }),
        ),
        ("knock-and-notice", View { knock: knock(true), notice: relay_lost, ..in_meeting(meeting(4)) }),
    ]
}

fn settings() -> Vec<(&'static str, View)> {
    let page = SettingsView {
        name: "Boardroom".into(),
        keyboard: None,
        name_error: None,
        relay: "192.168.10.5: amber fox river stone".into(),
        volume: 60,
        echo: EchoMode::Cancel,
        devices: vec![
            (
                "Camera".into(),
                "working (/dev/video0 (Logitech Webcam C270), 640x360 YUYV at 30 frames/s)".into(),
            ),
            ("Microphone".into(), "USB audio, open".into()),
            ("Speaker".into(), "USB audio, open".into()),
            ("Buttons".into(), "GPIO 17 and 27".into()),
            ("Lamps".into(), "GPIO 22 and 23".into()),
        ],
    };
    let test = TestView {
        camera_missing: None,
        level: Some(6),
        speech: true,
        pressed: [false, true],
        devices: page.devices[..4].to_vec(),
        version: "vestibule-kiosk 0.1.0".into(),
    };
    let faults = TestView {
        camera_missing: Some("Keine Kamera".into()),
        level: None,
        speech: false,
        pressed: [false; 2],
        devices: [
            ("Kamera", "Von einem anderen Programm benutzt (/dev/video0 is used by cheese, process 4711: end it)"),
            ("Mikrofon", "Nicht da (no sound card is called Jabra; there are: PCH, Kiosk)"),
            ("Lautsprecher", "Nicht da (no sound card is called Jabra; there are: PCH, Kiosk)"),
            (
                "Taster",
                "Nicht benutzbar (/dev/gpiochip0: permission denied: join the group gpio, or install the rules with make install-udev)",
            ),
        ]
        .map(|(device, state)| (device.into(), state.into()))
        .into(),
        ..test.clone()
    };
    let mut stuck = TestView { pressed: [true, false], ..test.clone() };
    stuck.devices[3].1 =
        "the mute button is stuck: it stays down, the green button's contact is loose (GPIO 17 and 27)"
            .into();
    let relays = |count: u8, can_go_back| {
        view(Screen::Relays(RelaysView {
            title: "Choose your relay".into(),
            detail: "Compare the four words with those the relay printed when it started.".into(),
            relays: (0..count)
                .map(|number| RelayChoice {
                    peer: peer(number),
                    address: format!("192.168.10.{}, port 5000", 5 + number),
                    words: "amber fox river stone".into(),
                })
                .collect(),
            can_go_back,
        }))
    };
    vec![
        ("settings", view(Screen::Settings(page.clone()))),
        (
            "settings-german",
            german(view(Screen::Settings(SettingsView {
                name: "Besprechungszimmer Alexander von Humboldt".into(),
                ..page.clone()
            }))),
        ),
        (
            "settings-name",
            view(Screen::Settings(SettingsView {
                keyboard: Some(keyboard(Language::English)),
                name_error: Some("Another room has this name already.".into()),
                ..page.clone()
            })),
        ),
        (
            "settings-forget-question",
            View {
                question: Some(Question {
                    about: Destructive::ForgetRelay,
                    text: "Forget this relay?".into(),
                    yes: "Forget".into(),
                    no: "Keep".into(),
                }),
                ..view(Screen::Settings(page))
            },
        ),
        ("test", view(Screen::Test(test))),
        ("test-buttons-faulty", view(Screen::Test(stuck))),
        ("test-faults-german", german(view(Screen::Test(faults)))),
        ("relays", relays(2, false)),
        ("relays-many", relays(9, true)),
        ("relays-none", relays(0, true)),
    ]
}

fn idle() -> Vec<(&'static str, View)> {
    let home = view(Screen::Home(at_home()));
    vec![
        ("idle-dim", View { backlight: Backlight::Dim, ..home.clone() }),
        ("idle-clock", View { backlight: Backlight::Clock, ..home.clone() }),
        ("idle-dark", View { backlight: Backlight::Dark, ..home }),
    ]
}
