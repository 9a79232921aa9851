//! What stands beside a meeting: chat, keyboard, people.

use super::*;

pub(super) fn said(from: &str, time: &str, text: &str) -> MessageView {
    MessageView {
        from: from.into(),
        time: time.into(),
        text: text.into(),
        private: None,
        own: from == "You",
        delivery: Delivery::Sent,
    }
}

pub(super) fn chat() -> ChatView {
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

pub(super) fn keyboard(language: Language) -> KeyboardView {
    KeyboardView { language, shift: Shift::Off, symbols: false }
}

pub(super) fn person(number: u8, name: &str, note: &str) -> PersonView {
    PersonView {
        peer: peer(number),
        name: name.into(),
        note: note.into(),
        muted: number % 2 == 1,
        camera_off: number == 2,
        manageable: number != 0,
    }
}

pub(super) fn people() -> PeopleView {
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

pub(super) fn panels() -> Vec<(&'static str, View)> {
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
