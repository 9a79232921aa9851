//! What the screens say, above all when something is wrong.

use vestibule_common::control::{ErrorCode, RelayError, StoppingWhy, Tell, ToKiosk};
use vestibule_common::id::PeerId;
use vestibule_common::time::{Duration, Time};

use super::world::{CAMERA, RELAY, World, config, connected, identity};
use crate::audio::EchoMode;
use crate::device::{Button, DeviceError};
use crate::kiosk::intent::{Destructive, Setting, Step};
use crate::kiosk::*;
use crate::view::{Backlight, HomeView, KeypadView, Language, Screen, Severity};

fn home(world: &World, n: usize) -> HomeView {
    match world.view(n).screen {
        Screen::Home(home) => home,
        other => panic!("{other:?}"),
    }
}

fn join(world: &World, n: usize) -> KeypadView {
    match world.view(n).screen {
        Screen::Join(join) => join,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_wrong_code_is_said_under_the_empty_boxes() {
    let mut world = World::new(&["Boardroom", "Workshop"]);
    world.touch(0, Intent::StartMeeting);
    world.type_code(1, "00000");
    assert_eq!(join(&world, 1).boxes[4], Some('0'));
    world.touch(1, Intent::Digit(0));
    let view = join(&world, 1);
    assert_eq!(
        view.error.as_deref(),
        Some("There is no meeting with the code 000 000 at the relay 192.0.2.1:5000.")
    );
    assert!(view.boxes.iter().all(Option::is_none) && !view.busy);
    world.touch(1, Intent::Back);
    world.relay.mute = true;
    world.knock(1);
    assert!(join(&world, 1).busy, "the answer is awaited");
    world.touch(1, Intent::Digit(1));
    let answer = |code| RelayError { code, detail: String::new(), retry_after_ms: None };
    for (code, words) in [
        (ErrorCode::Full, "The meeting is full."),
        (ErrorCode::Locked, "The meeting is locked. The host can unlock it."),
        (ErrorCode::Silenced, "The host has refused this room twice in this meeting."),
        (ErrorCode::TooManyAttempts, "Too many wrong codes. Wait a moment, then try again."),
        (ErrorCode::Other, "That didn't work. Try again in a moment."),
    ] {
        let request = world.shells[1].sent.last().unwrap().request;
        world.news(1, News::Message(ToKiosk { re: Some(request), body: Tell::Error(answer(code)) }));
        assert_eq!(join(&world, 1).error.as_deref(), Some(words));
        for digit in [4, 8, 2, 9, 1, 3] {
            world.touch(1, Intent::Digit(digit));
        }
    }
}

#[test]
fn waiting_names_the_host() {
    let mut world = World::new(&["Boardroom", "Workshop"]);
    world.touch(0, Intent::StartMeeting);
    world.knock(1);
    let Screen::Waiting(waiting) = world.view(1).screen else { panic!() };
    assert_eq!(waiting.title, "Waiting for Boardroom");
    assert!(!world.shells[1].in_media);
    world.touch(1, Intent::CancelKnock);
    assert!(home(&world, 1).ready);
}

#[test]
fn every_trouble_with_the_relay_has_its_sentence() {
    for (why, words) in [
        (LinkLoss::RelayGone, "The relay isn't answering. Trying again in 1 s."),
        (LinkLoss::NotFound, "No relay can be found on this network. Trying again in 1 s."),
        (LinkLoss::Stopping, "The relay was stopped. Trying again in 1 s."),
        (LinkLoss::OtherVersion, "The relay has another version. One of the two needs an update."),
        (
            LinkLoss::ChangedIdentity,
            "This is not the relay this room trusts. A caretaker can confirm a new one in the settings.",
        ),
        (LinkLoss::Refused, "The relay refuses this room. A caretaker should look at it."),
        (LinkLoss::Replaced, "Another kiosk uses this room's identity. A caretaker should look at it."),
    ] {
        let mut world = World::new(&["Boardroom"]);
        world.ms(11_000);
        world.news(0, News::Disconnected { why, detail: "os error 111".into() });
        let view = home(&world, 0);
        assert_eq!((view.state.as_str(), view.ready, view.can_meet), (words, false, false));
        world.run();
        let logged = world.shells[0].log.iter().any(|(_, text)| text == &format!("{words} (os error 111)"));
        assert!(logged, "{words}");
    }
}

#[test]
fn the_countdown_counts() {
    let mut world = World::new(&["Boardroom"]);
    world.relay_up = false;
    world.cut(0);
    world.pass(Duration::from_secs(60));
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..100 {
        world.ms(100);
        seen.insert(home(&world, 0).state);
    }
    assert!(seen.contains("The relay isn't answering. Trying again in 3 s."), "{seen:?}");
    assert!(seen.contains("The relay isn't answering. Trying again in 1 s."), "{seen:?}");
}

#[test]
fn a_relay_with_another_key_is_not_taken() {
    let mut world = World::new(&["Boardroom"]);
    world.ms(20_000);
    let now = world.now;
    world.cut(0);
    world.news(0, connected(PeerId([9; 32]), now));
    world.run();
    assert!(home(&world, 0).state.starts_with("This is not the relay"));
    assert!(!home(&world, 0).can_meet);
}

#[test]
fn an_unknown_relay_is_taken_only_after_its_words_were_compared() {
    let mut config = config("Boardroom");
    config.relay = None;
    let mut kiosk = Kiosk::new(config, identity(0), [5; 32], None, Time::ZERO);
    let effects: Vec<Effect> = std::iter::from_fn(|| kiosk.next_effect()).collect();
    assert!(effects.contains(&Effect::FindRelays));
    assert!(!effects.iter().any(|effect| matches!(effect, Effect::Connect(_))));
    let wall = WallClock { unix_ms: 0, hour: 0, minute: 0 };
    kiosk.handle_news(News::RelaysFound(vec![]), Time::ZERO);
    let Screen::Home(view) = kiosk.view(Time::ZERO, wall).screen else { panic!() };
    assert_eq!(view.state, "Looking for relays…");
    let address = "192.0.2.7:5000".to_owned();
    kiosk.handle_news(
        News::RelaysFound(vec![FoundRelay { peer: RELAY, address: address.clone() }]),
        Time::ZERO,
    );
    let Screen::Relays(view) = kiosk.view(Time::ZERO, wall).screen else { panic!() };
    assert_eq!((view.relays.len(), view.relays[0].words.split(' ').count()), (1, 4));
    kiosk.handle_intent(Intent::ChooseRelay(PeerId([3; 32])), Time::ZERO);
    kiosk.handle_intent(Intent::ChooseRelay(RELAY), Time::ZERO);
    let effects: Vec<Effect> = std::iter::from_fn(|| kiosk.next_effect()).collect();
    let pins = effects.iter().filter(|effect| matches!(effect, Effect::Pin { .. })).count();
    assert_eq!(pins, 1);
    assert!(effects.contains(&Effect::Connect(Destination::At { peer: RELAY, address })));
}

#[test]
fn a_redirect_is_obeyed_towards_a_confirmed_relay_only() {
    let mut world = World::new(&["Boardroom"]);
    let endpoint = "192.0.2.9:5000".to_owned();
    world.tell(0, Tell::Redirect { endpoint: endpoint.clone(), identity: PeerId([9; 32]) });
    assert!(world.notice(0).starts_with("The relay wants to send this room"));
    assert_eq!(world.shells[0].connects.len(), 1);
    world.tell(0, Tell::Redirect { endpoint, identity: RELAY });
    assert_eq!(world.shells[0].connects.len(), 2);
}

#[test]
fn missing_devices_are_a_normal_state_with_words() {
    let mut world = World::new(&["Boardroom", "Workshop"]);
    world.news(0, News::Camera(CameraState::Failed(DeviceError::Busy("/dev/video0".into()))));
    assert_eq!(home(&world, 0).state, "Ready, but another program uses the camera");
    assert_eq!(home(&world, 0).camera_missing.as_deref(), Some("Another program uses the camera"));
    world.touch(0, Intent::StartMeeting);
    world.news(0, News::Camera(CameraState::Failed(DeviceError::Missing("camera".into()))));
    world.news(0, News::MicrophoneState(GateReport::Missing(DeviceError::Lost("card".into()))));
    world.run();
    assert_eq!(world.notice(0), "There is no microphone. The others cannot hear this room.");
    assert_eq!(world.shells[0].lamps[&Button::Mute], LampState::On);
    world.knock(1);
    world.ms(1000);
    world.press_approve(0, 100);
    let tile = &world.meeting(1).tiles[0];
    assert_eq!((tile.muted, tile.placeholder.as_deref()), (true, Some("Camera off")));
    world.news(0, News::MicrophoneState(GateReport::Open));
    world.news(0, News::Camera(CameraState::On(CAMERA.into())));
    world.run();
    assert!(!world.meeting(1).tiles[0].muted);
    world.news(0, News::Speaker(DeviceState::Failed(DeviceError::Lost("card".into()))));
    assert_eq!(world.notice(0), "There is no speaker. This room cannot hear the others.");
}

#[test]
fn the_screen_sleeps_and_a_touch_only_wakes_it() {
    let mut world = World::new(&["Boardroom"]);
    for (minutes, backlight) in
        [(1, Backlight::Lit), (1, Backlight::Dim), (8, Backlight::Clock), (20, Backlight::Dark)]
    {
        world.pass(Duration::from_secs(minutes * 60));
        assert_eq!(world.view(0).backlight, backlight);
    }
    world.touch(0, Intent::StartMeeting);
    assert!(!world.in_meeting(0));
    assert_eq!(world.view(0).backlight, Backlight::Lit);
    world.touch(0, Intent::OpenJoin);
    world.pass(Duration::from_secs(121));
    world.touch(0, Intent::Wake);
    assert!(home(&world, 0).ready, "the next person starts at home");
    world.touch(0, Intent::StartMeeting);
    world.pass(Duration::from_secs(19 * 60));
    assert_eq!(world.view(0).backlight, Backlight::Lit);
}

#[test]
fn a_silent_meeting_is_asked_and_left() {
    let mut world = World::met(&["Boardroom", "Workshop"]);
    world.news(1, News::OwnVoice { speaking: true });
    world.pass(Duration::from_secs(25 * 60));
    assert!(world.in_meeting(1), "somebody speaks all the time");
    world.news(1, News::OwnVoice { speaking: false });
    world.pass(Duration::from_secs(20 * 60));
    assert_eq!(world.meeting(1).anyone_there_s, Some(60));
    world.touch(1, Intent::StillHere);
    assert_eq!(world.meeting(1).anyone_there_s, None);
    world.pass(Duration::from_secs(20 * 60 + 59));
    assert_eq!(world.meeting(1).anyone_there_s, Some(1));
    world.ms(1000);
    assert_eq!(world.notice(1), "Nobody seemed to be here, so this room left the meeting.");
    assert!(home(&world, 1).rejoin.is_some());
    assert!(!world.in_meeting(0), "the other one fell silent before");
}

#[test]
fn settings_are_behind_the_pin_and_names_are_checked() {
    let mut world = World::new(&["Boardroom"]);
    world.touch(0, Intent::Set(Setting::Language(Language::German)));
    assert_eq!(world.view(0).language, Language::English, "not from home");
    world.touch(0, Intent::OpenSettings);
    for digit in [9, 9, 9, 9] {
        world.touch(0, Intent::Digit(digit));
    }
    let Screen::Pin(pin) = world.view(0).screen else { panic!() };
    assert_eq!((pin.boxes.len(), pin.error.as_deref()), (4, Some("That is not the PIN.")));
    for digit in [1, 2, 3, 4] {
        world.touch(0, Intent::Digit(digit));
    }
    world.touch(0, Intent::Set(Setting::EditName));
    for _ in 0..20 {
        world.touch(0, Intent::Erase);
    }
    world.touch(0, Intent::Submit);
    let error = |world: &World| match world.view(0).screen {
        Screen::Settings(settings) => settings.name_error,
        other => panic!("{other:?}"),
    };
    assert_eq!(error(&world).as_deref(), Some("The room needs a name."));
    world.type_text(0, &"x".repeat(41));
    assert_eq!(error(&world).as_deref(), Some("The room's name is too long: 40 characters at most."));
    world.touch(0, Intent::Erase);
    world.touch(0, Intent::Type('\u{202e}'));
    world.touch(0, Intent::Submit);
    assert_eq!(error(&world).as_deref(), Some("The room's name has characters that cannot be shown."));
    world.touch(0, Intent::Erase);
    world.touch(0, Intent::Submit);
    let settings = world.shells[0].settings.clone().unwrap();
    assert_eq!(settings.name.as_str().chars().count(), 39);
    assert_eq!(world.view(0).room_name, settings.name.as_str());
    world.ms(3000);
    assert_eq!(world.shells[0].connects.len(), 2, "the relay learns the name");
    world.touch(0, Intent::Set(Setting::Volume(Step::Next)));
    world.touch(0, Intent::Set(Setting::Language(Language::German)));
    let settings = world.shells[0].settings.clone().unwrap();
    assert_eq!((settings.volume, settings.language), (80, Language::German));
    assert_eq!(settings.echo, None, "left to the configuration");
    world.touch(0, Intent::Set(Setting::Echo(EchoMode::HalfDuplex)));
    assert_eq!(world.shells[0].settings.as_ref().unwrap().echo, Some(EchoMode::HalfDuplex));
    world.touch(0, Intent::Ask(Destructive::ForgetRelay));
    assert_eq!(world.view(0).question.unwrap().text, "Dieses Relay vergessen?");
    world.touch(0, Intent::Confirm);
    world.touch(0, Intent::Back);
    assert_eq!(home(&world, 0).state, "Relays werden gesucht …");
}

#[test]
fn alarms_reach_the_host() {
    let mut world = World::met(&["Boardroom", "Workshop"]);
    world.tell(0, Tell::Alarm { wrong_codes: 40, within_ms: 60_000 });
    assert_eq!(world.notice(0), "Someone is trying codes: 40 wrong ones within a minute.");
    assert_eq!(world.view(0).notice.unwrap().severity, Severity::Alarm);
    world.tell(1, Tell::Stopping { why: StoppingWhy::Shutdown });
    assert!(world.notice(1).starts_with("The relay is about to stop."));
    world.cut(1);
    world.ms(8000);
    assert!(
        world.in_meeting(1) && world.view(1).notice.is_none(),
        "it is there again: {:?}",
        world.view(1).notice
    );
}

#[test]
fn on_the_test_page_buttons_light_their_own_lamps_and_do_nothing_else() {
    let mut world = World::new(&["Boardroom"]);
    world.touch(0, Intent::OpenSettings);
    for digit in [1, 2, 3, 4] {
        world.touch(0, Intent::Digit(digit));
    }
    assert!(!world.shells[0].camera);
    world.touch(0, Intent::OpenTest);
    let Screen::Test(test) = world.view(0).screen else { panic!("{:?}", world.view(0).screen) };
    assert_eq!((test.level, test.pressed), (Some(0), [false; 2]));
    assert!(world.shells[0].camera, "see yourself");
    assert_eq!(test.devices[0].1, format!("working ({CAMERA})"));
    assert!(world.shells[0].listens && world.shells[0].gate == GateState::Closed, "hear yourself, alone");
    let lamps = |world: &World| [Button::Mute, Button::Approve].map(|b| world.shells[0].lamps[&b]);
    assert_eq!(lamps(&world), [LampState::Off; 2]);
    for (n, button) in [Button::Mute, Button::Approve].into_iter().enumerate() {
        world.button(0, button, true);
        let mut lit = [LampState::Off; 2];
        lit[n] = LampState::On;
        assert_eq!(lamps(&world), lit);
        world.button(0, button, false);
        assert_eq!(lamps(&world), [LampState::Off; 2]);
    }
    world.touch(0, Intent::PlayTone);
    assert_eq!(world.shells[0].chimes.last(), Some(&Chime::Test));
    world.news(0, News::OwnLevel(7));
    world.news(0, News::OwnVoice { speaking: true });
    let Screen::Test(test) = world.view(0).screen else { panic!("{:?}", world.view(0).screen) };
    assert!(test.level == Some(7) && test.speech);

    world.touch(0, Intent::Back);
    assert!(matches!(world.view(0).screen, Screen::Settings(_)));
    assert!(!world.shells[0].camera && !world.shells[0].listens);
    assert_eq!(lamps(&world), [LampState::On, LampState::Off], "muted, as outside of any meeting");
}

#[test]
fn a_room_that_comes_without_a_speaker_is_told_what_that_means() {
    let mut world = World::new(&["Boardroom"]);
    let failed = DeviceState::Failed(DeviceError::Missing("card".into()));
    world.news(0, News::Speaker(failed));
    assert_eq!(world.notice(0), "");
    world.touch(0, Intent::StartMeeting);
    assert_eq!(world.notice(0), "There is no speaker. This room cannot hear the others.");
}
