//! What lies over a screen: a knock, a notice, a question.

use super::*;

pub(super) fn knock(armed: bool) -> Option<KnockBanner> {
    Some(KnockBanner {
        knock: KnockId::default(),
        title: "Workshop wants to join".into(),
        detail: "or press the green button · 2 more wait".into(),
        armed,
    })
}

pub(super) fn notice(severity: Severity, text: &str, detail: Option<&str>) -> Option<Notice> {
    Some(Notice { text: text.into(), detail: detail.map(Into::into), severity })
}

pub(super) fn banners() -> Vec<(&'static str, View)> {
    let home = view(Screen::Home(at_home()));
    let long = Some(KnockBanner {
        title: "Vorstandszimmer im vierten Obergeschoss möchte teilnehmen".into(),
        detail: "oder die grüne Taste drücken · 3 weitere Räume warten".into(),
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
