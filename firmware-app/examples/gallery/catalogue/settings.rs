//! What only the caretaker sees.

use super::*;

pub(super) fn settings() -> Vec<(&'static str, View)> {
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
        network_log: true,
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
