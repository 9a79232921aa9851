//! Anything in any order: whatever people, devices and the relay do, the kiosk survives it and does not lie.

use proptest::prelude::*;
use vestibule_common::control::{
    Ask, ClosedWhy, DeniedWhy, ErrorCode, KnockGoneWhy, MemberState, RelayError, RoomEvent, Tell,
};
use vestibule_common::id::{KnockId, PeerId, RoomId};
use vestibule_common::unit::Bitrate;

use super::world::{World, identity};
use crate::audio::EchoMode;
use crate::device::{Button, ButtonEdge, Contact, DeviceError};
use crate::kiosk::intent::{Destructive, Setting, Step};
use crate::kiosk::network::{NetworkSample, PerSecond, RoomSample, Share};
use crate::kiosk::*;
use crate::video::kind::PictureKind;
use crate::view::{Backlight, Language, Panel, PictureId, Screen};

#[derive(Clone, Debug)]
enum Deed {
    Touch(usize, Intent),
    Press(usize, Button, bool),
    Wait(u64),
    News(usize, News),
    Tell(usize, Tell),
    Cut(usize),
    Relay(bool),
    Slow(bool),
    Refuse(ErrorCode, Option<u64>),
    Stick(usize, bool),
}

fn peer() -> impl Strategy<Value = PeerId> {
    (0usize..4).prop_map(|n| identity(n).peer())
}

fn intent() -> impl Strategy<Value = Intent> {
    let step = || prop_oneof![Just(Step::Next), Just(Step::Previous)];
    let panel = prop_oneof![Just(Panel::Chat), Just(Panel::People), Just(Panel::Network)];
    let destructive = prop_oneof![
        Just(Destructive::Leave),
        Just(Destructive::EndForAll),
        Just(Destructive::ForgetRelay),
        peer().prop_map(Destructive::Remove),
    ];
    let setting = prop_oneof![
        Just(Setting::EditName),
        Just(Setting::Language(Language::German)),
        Just(Setting::FindRelay),
        step().prop_map(Setting::Volume),
        prop::sample::select(&EchoMode::ALL[..]).prop_map(Setting::Echo),
    ];
    let plain = prop::sample::select(vec![
        Intent::StartMeeting,
        Intent::OpenJoin,
        Intent::Rejoin,
        Intent::ShowOwnPicture(true),
        Intent::ShowOwnPicture(false),
        Intent::OpenSettings,
        Intent::OpenTest,
        Intent::PlayTone,
        Intent::SaveNetworkLog,
        Intent::EraseDigit,
        Intent::Back,
        Intent::CancelKnock,
        Intent::ToggleMute,
        Intent::ToggleCamera,
        Intent::TogglePresentation,
        Intent::MoveOwnPicture,
        Intent::ShowKeyboard(true),
        Intent::Erase,
        Intent::Shift,
        Intent::Symbols,
        Intent::Submit,
        Intent::Lock(true),
        Intent::Lock(false),
        Intent::Confirm,
        Intent::Decline,
        Intent::StillHere,
        Intent::DismissNotice,
        Intent::Wake,
    ]);
    prop_oneof![
        8 => plain,
        4 => (0u8..11).prop_map(Intent::Digit),
        1 => any::<[u8; 8]>().prop_map(|id| Intent::Approve(KnockId(id))),
        2 => (0u32..40).prop_map(|n| Intent::Approve(KnockId(u64::from(n).to_be_bytes()))),
        2 => panel.prop_map(Intent::TogglePanel),
        1 => prop::option::of(peer()).prop_map(Intent::ChatTo),
        1 => prop::option::of(peer()).prop_map(Intent::NetworkOf),
        2 => any::<char>().prop_map(Intent::Type),
        1 => step().prop_map(Intent::Page),
        1 => step().prop_map(Intent::Volume),
        1 => peer().prop_map(Intent::MuteMember),
        3 => destructive.prop_map(Intent::Ask),
        1 => peer().prop_map(Intent::ChooseRelay),
        1 => setting.prop_map(Intent::Set),
    ]
}

fn code() -> impl Strategy<Value = ErrorCode> {
    prop::sample::select(vec![
        ErrorCode::NoSuchRoom,
        ErrorCode::Busy,
        ErrorCode::TooFast,
        ErrorCode::WaitingForHost,
        ErrorCode::Ended,
        ErrorCode::Removed,
        ErrorCode::Refused,
    ])
}

fn tell() -> impl Strategy<Value = Tell> {
    prop_oneof![
        Just(Tell::Done),
        Just(Tell::Accepted { number: 3 }),
        code().prop_map(|code| Tell::Error(RelayError {
            code,
            detail: String::new(),
            retry_after_ms: Some(5)
        })),
        any::<u8>().prop_map(|n| Tell::KnockArrived {
            knock: KnockId([n; 8]),
            identity: PeerId([n; 32]),
            name: "Stranger".parse().unwrap(),
        }),
        any::<u8>().prop_map(|n| Tell::KnockGone { knock: KnockId([n; 8]), why: KnockGoneWhy::Cancelled }),
        any::<u8>().prop_map(|n| Tell::Denied { knock: KnockId([n; 8]), why: DeniedWhy::Denied }),
        peer().prop_map(|by| Tell::MuteRequested { by }),
        Just(Tell::Closed { room: RoomId([1; 16]), why: ClosedWhy::Ended }),
        (0u64..30, peer(), any::<bool>(), 0u32..4).prop_map(|(number, member, muted, presenting)| {
            Tell::Event {
                number,
                event: RoomEvent::State {
                    member,
                    state: MemberState { muted, presenting, ..MemberState::default() },
                },
            }
        }),
        (0u64..30, peer(), any::<Vec<u8>>()).prop_map(|(number, from, bytes)| Tell::Event {
            number,
            event: RoomEvent::Opaque { from, class: "chat".into(), to: vec![], bytes },
        }),
    ]
}

fn network() -> impl Strategy<Value = NetworkSample> {
    let share = || prop::option::of(any::<u32>().prop_map(Share::from_ppm));
    let rooms = prop::collection::btree_map(peer(), (share(), prop::option::of(any::<u32>())), 0..4);
    (share(), prop::option::of(any::<u64>()), rooms).prop_map(|(loss, bps, rooms)| {
        let mut sample = NetworkSample::default();
        sample.link.up.loss = loss;
        sample.link.up.bitrate = bps.map(Bitrate::bps);
        sample.rooms = rooms
            .into_iter()
            .map(|(peer, (loss, frames))| {
                let frames_received = frames.map(PerSecond::from_milli);
                (peer, RoomSample { loss, frames_received, ..RoomSample::default() })
            })
            .collect();
        sample
    })
}

fn news() -> impl Strategy<Value = News> {
    let gate = prop::sample::select(vec![
        GateReport::Open,
        GateReport::Closed,
        GateReport::Missing(DeviceError::Missing("card".into())),
        GateReport::Fault("stuck".into()),
    ]);
    let loss = prop::sample::select(vec![LinkLoss::RelayGone, LinkLoss::OtherVersion, LinkLoss::Stopping]);
    prop_oneof![
        3 => gate.prop_map(News::MicrophoneState),
        1 => Just(News::Camera(CameraState::Failed(DeviceError::Busy("x".into())))),
        1 => prop::sample::select(vec![
            CameraState::On("x".into()),
            CameraState::Off,
            CameraState::Failed(DeviceError::Missing("x".into())),
        ])
        .prop_map(News::Presentation),
        1 => Just(News::RelaysFound(vec![])),
        2 => network().prop_map(|sample| News::Network(Box::new(sample))),
        1 => any::<bool>().prop_map(|written| {
            News::NetworkLog(if written { Ok("x.csv".into()) } else { Err("full".into()) })
        }),
        1 => loss.prop_map(|why| News::Disconnected { why, detail: String::new() }),
        1 => (peer(), any::<bool>()).prop_map(|(peer, speaking)| News::VoiceActive { peer, speaking }),
        1 => (peer(), any::<bool>(), any::<bool>()).prop_map(|(peer, presented, arriving)| {
            let kind = if presented { PictureKind::Presentation } else { PictureKind::Camera };
            News::PictureState { picture: PictureId::room(peer, kind), arriving }
        }),
        1 => any::<bool>().prop_map(|speaking| News::OwnVoice { speaking }),
        1 => any::<u8>().prop_map(News::OwnLevel),
        1 => (any::<bool>(), prop::sample::select(vec![Contact::Open, Contact::Closed, Contact::Loose]))
            .prop_map(|(mute, contact)| {
                let button = if mute { Button::Mute } else { Button::Approve };
                News::Contact { button, contact }
            }),
    ]
}

fn deed() -> impl Strategy<Value = Deed> {
    let n = || 0usize..3;
    let button = prop_oneof![Just(Button::Mute), Just(Button::Approve)];
    prop_oneof![
        12 => (n(), intent()).prop_map(|(n, intent)| Deed::Touch(n, intent)),
        4 => (n(), button, any::<bool>()).prop_map(|(n, b, down)| Deed::Press(n, b, down)),
        6 => (0u64..3000).prop_map(Deed::Wait),
        1 => (0u64..2_000_000).prop_map(Deed::Wait),
        4 => (n(), news()).prop_map(|(n, news)| Deed::News(n, news)),
        3 => (n(), tell()).prop_map(|(n, tell)| Deed::Tell(n, tell)),
        1 => n().prop_map(Deed::Cut),
        1 => any::<bool>().prop_map(Deed::Relay),
        2 => any::<bool>().prop_map(Deed::Slow),
        1 => (code(), prop::option::of(0u64..40_000)).prop_map(|(code, wait)| Deed::Refuse(code, wait)),
        1 => (n(), any::<bool>()).prop_map(|(n, stuck)| Deed::Stick(n, stuck)),
    ]
}

/// What must hold after everything.
fn check(world: &World) {
    for (n, shell) in world.shells.iter().enumerate() {
        let view = world.view(n);
        let lamp = shell.lamps.get(&Button::Mute).copied();
        let expected = shell.kiosk.gate.lamp();
        // There the lamp is the button's, as long as the gate is closed.
        let tested = matches!(view.screen, Screen::Test(_)) && expected == Some(LampState::On);
        assert!(lamp == expected || tested, "the lamp is the gate's report: {lamp:?}, not {expected:?}");
        match shell.kiosk.gate.last_report() {
            Some(GateReport::Open) => assert_ne!(lamp, Some(LampState::On), "live, and the lamp says muted"),
            Some(GateReport::Closed | GateReport::Missing(_) | GateReport::Fault(_)) | None => {}
        }
        if view.knock.is_some() {
            assert_eq!(view.backlight, Backlight::Lit);
        }
        assert_eq!(shell.in_media, world.in_meeting(n));
        if !world.in_meeting(n) {
            assert!(shell.played.is_empty());
            assert_eq!(shell.kiosk.gate.wanted(), GateState::Closed);
        }
        // What is presented is announced, and shown on the own screen.
        if shell.presentation == Grabber::Sending {
            assert!(matches!(&view.screen, Screen::Meeting(meeting) if meeting.presenting), "sent unseen");
            assert!(shell.connected && shell.announced == Some(true), "sent without a word");
        }
        assert!(shell.presented.is_none() || world.in_meeting(n));
    }
}

/// Whatever was before: once everything works again, every room in a meeting is really there, and says what is so.
fn check_comeback(world: &mut World) {
    world.relay_up = true;
    (world.relay.slow, world.relay.mute, world.relay.refusal) = (false, false, None);
    for n in 0..world.shells.len() {
        world.shells[n].gate_stuck = false;
        // A shell looks at its gate, so that no lie about it lasts.
        let open = world.shells[n].gate == GateState::Open;
        world.news(n, News::MicrophoneState(if open { GateReport::Open } else { GateReport::Closed }));
    }
    world.run();
    // Longer than any room waits for its host.
    world.ms(20 * 60_000);
    check(world);
    for shell in world.shells.iter().filter(|shell| shell.in_media) {
        let meeting = shell.kiosk.session.meeting().unwrap();
        assert!(shell.connected && meeting.online(), "in a meeting and out of reach");
        assert_eq!(shell.kiosk.session.state_told(), Some(shell.kiosk.member_state()));
        assert_eq!(shell.gate, shell.kiosk.gate.wanted());
    }
}

/// Does one thing, and holds approvals against what was shown and armed before it.
fn act(world: &mut World, deed: Deed) {
    let armed: Vec<Option<KnockId>> = (0..world.shells.len())
        .map(|n| world.view(n).knock.filter(|knock| knock.armed).map(|knock| knock.knock))
        .collect();
    let sent: Vec<usize> = world.shells.iter().map(|shell| shell.sent.len()).collect();
    let waited = matches!(deed, Deed::Wait(_));
    match deed {
        Deed::Touch(n, intent) => world.touch(n, intent),
        Deed::Press(n, button, pressed) => {
            let edge = ButtonEdge { button, pressed, at: world.now };
            let now = world.now;
            world.shells[n].kiosk.handle_button(edge, now);
            world.run();
        }
        Deed::Wait(ms) => world.ms(ms),
        Deed::News(n, news) => {
            if matches!(news, News::Disconnected { .. }) && world.shells[n].connected {
                world.shells[n].connected = false;
                let me = world.shells[n].me;
                world.relay.lost(me);
            }
            world.news(n, news);
            world.run();
        }
        Deed::Tell(n, tell) => {
            if world.shells[n].connected {
                world.tell(n, tell);
            }
        }
        Deed::Cut(n) => {
            world.cut(n);
            world.run();
        }
        Deed::Relay(up) => {
            if up {
                world.relay_up = true;
            } else {
                world.kill_relay();
            }
        }
        Deed::Slow(slow) => {
            world.relay.slow = slow;
            world.run();
        }
        Deed::Refuse(code, wait) => world.relay.refusal = Some((code, wait)),
        Deed::Stick(n, stuck) => world.shells[n].gate_stuck = stuck,
    }
    for (n, shell) in world.shells.iter().enumerate() {
        let fresh = shell.sent.iter().skip(sent[n]);
        for message in fresh {
            if let Ask::Approve { knock, .. } = &message.body {
                // A slow relay may ask to hear an approval again, which is no new one.
                assert!(armed[n] == Some(*knock) || waited, "approved what was not shown: {knock}");
            }
        }
    }
    check(world);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn anything_in_any_order(start: bool, deeds in prop::collection::vec(deed(), 1..80)) {
        let mut world = if start { World::met(&["Boardroom", "Workshop", "Workshop"]) } else { World::new(&["A", "B", "C"]) };
        for deed in deeds {
            act(&mut world, deed);
        }
        check_comeback(&mut world);
    }
}
