//! Which device is taken of what a machine has, and how that is said.

use super::*;
use crate::device::config::Pins;
use crate::device::gpio::{FoundGpio, GpioChip};

/// Every name leads to its node.
fn plan(config: &DeviceConfig, found: &Found) -> Result<Plan, ConfigError> {
    super::plan(config, found, |path| {
        let named = found.cameras.iter().find(|node| node.stable.as_deref() == Some(path));
        Some(named.map_or(path, |node| &node.path).to_owned())
    })
}

fn empty() -> Found {
    Found {
        cameras: Vec::new(),
        other_nodes: Vec::new(),
        cards: Vec::new(),
        gpio: FoundGpio { raspberry_pi: Err("Unknown Raspberry Pi model".into()), chips: Vec::new() },
    }
}

fn pi(model: &str) -> FoundGpio {
    FoundGpio { raspberry_pi: Ok(model.into()), chips: Vec::new() }
}

fn chips(chips: Vec<GpioChip>) -> Found {
    Found { gpio: FoundGpio { chips, ..empty().gpio }, ..empty() }
}

fn node(number: u32, bus: &str) -> CameraNode {
    CameraNode {
        path: format!("/dev/video{number}").into(),
        stable: None,
        name: "Camera".into(),
        bus: bus.into(),
        grabber: false,
    }
}

fn card(id: &str, driver: &str, captures: bool, plays: bool) -> SoundCard {
    let device = |has: bool| has.then_some(0);
    let (captures, plays) = (device(captures), device(plays));
    SoundCard { id: id.into(), name: id.into(), driver: driver.into(), captures, plays }
}

fn chip(number: u32, label: &str, lines: &[&str]) -> GpioChip {
    GpioChip {
        path: format!("/dev/gpiochip{number}").into(),
        name: format!("gpiochip{number}"),
        label: label.into(),
        lines: lines.iter().map(|name| (*name).to_owned()).collect(),
    }
}

fn config(devices: Mode) -> DeviceConfig {
    DeviceConfig { devices, ..DeviceConfig::default() }
}

fn why(plan: &Plan, device: &str) -> String {
    plan.report.iter().find(|taken| taken.device == device).unwrap().to_string()
}

#[test]
fn an_empty_machine_is_simulated_on_a_desk_and_waited_for_in_a_room() {
    let desk = plan(&config(Mode::Auto), &empty()).unwrap();
    assert_eq!(desk.camera, CameraPlan::Sim);
    assert_eq!(desk.microphone, MicrophonePlan::Sim(SimSound::Pips));
    assert_eq!((desk.speaker.clone(), desk.buttons.clone()), (SpeakerPlan::Sim, ButtonsPlan::Sim));
    assert_eq!(
        why(&desk, "camera"),
        "camera: the test picture, because no camera was found: plug one in, or name its node as devices.camera"
    );
    assert!(why(&desk, "buttons and lamps").contains("F1"));

    let room = plan(&config(Mode::Real), &empty()).unwrap();
    assert_eq!((room.camera.clone(), room.microphone.clone()), (CameraPlan::Best, MicrophonePlan::Best));
    assert_eq!(
        (room.speaker.clone(), room.buttons.clone()),
        (SpeakerPlan::Best, ButtonsPlan::Gpio(GpioPlan::Best))
    );
    assert_eq!(
        why(&room, "camera"),
        "camera: none yet, because no camera was found: plug one in, or name its node as devices.camera"
    );
    assert_eq!(room.presentation, CameraPlan::Best);
    assert_eq!(why(&room, "presentation"), format!("presentation: none yet, because {NO_GRABBER}"));
    assert_eq!(room.report.len(), 5);
}

#[test]
fn simulated_means_simulated_whatever_is_plugged_in() {
    let found = Found { cameras: vec![node(0, "usb-1")], gpio: pi("Pi"), ..empty() };
    let plan = plan(&config(Mode::Sim), &found).unwrap();
    assert_eq!((plan.camera, plan.buttons), (CameraPlan::Sim, ButtonsPlan::Sim));
}

#[test]
fn what_a_laptop_shows_is_no_camera_unless_it_is_named() {
    let grabber = CameraNode { name: "Cam Link 4K".into(), grabber: true, ..node(0, "usb-1") };
    let built_in = node(2, "platform:x");
    let both = [grabber.clone(), built_in.clone()];
    assert_eq!(best_camera(&both, None), Some((&built_in, "it is the only camera".to_owned())));

    let by_id = PathBuf::from("/dev/v4l/by-id/usb-Cam_Link");
    let found =
        Found { cameras: vec![CameraNode { stable: Some(by_id.clone()), ..grabber.clone() }], ..empty() };
    let named = DeviceConfig { camera: CameraName::Node(by_id), ..config(Mode::Real) };
    assert!(why(&plan(&named, &found).unwrap(), "presentation").contains(NO_GRABBER), "by another name");

    // One that nobody knows for a grabber, named as one.
    let unknown = node(3, "usb-2");
    let shown = DeviceConfig { presentation: CameraName::Node("/dev/video3".into()), ..config(Mode::Real) };
    let found = Found { cameras: vec![unknown.clone()], ..empty() };
    assert!(why(&plan(&shown, &found).unwrap(), "camera").starts_with("camera: none yet"));
    assert_eq!(best_camera(&[unknown], Some(Path::new("/dev/video3"))), None);

    let found = Found { cameras: vec![grabber], ..empty() };
    let desk = plan(&config(Mode::Auto), &found).unwrap();
    assert_eq!(desk.camera, CameraPlan::Sim);
    let room = plan(&config(Mode::Real), &found).unwrap();
    assert_eq!(
        why(&room, "camera"),
        "camera: none yet, because no camera was found but Cam Link 4K, which is an HDMI grabber: plug in a camera, \
         or set devices.camera = \"/dev/video0\""
    );
    let named = DeviceConfig { camera: "/dev/video0".parse().unwrap(), ..config(Mode::Real) };
    let named = plan(&named, &found).unwrap();
    assert_eq!(named.camera, CameraPlan::Node("/dev/video0".into()));
    assert!(why(&named, "presentation").contains(NO_GRABBER), "it is the camera");
    assert!(why(&room, "presentation").ends_with("because it is the only HDMI grabber"));
}

#[test]
fn usb_comes_before_what_is_built_in() {
    let cameras = [node(0, "platform:x"), node(2, "usb-2"), node(4, "usb-3")];
    let (best, why) = best_camera(&cameras, None).unwrap();
    assert_eq!(
        (best.path.to_str(), why.as_str()),
        (Some("/dev/video2"), "it is the first USB camera of 3 cameras")
    );

    let cards = [
        card("Loopback", "Loopback", true, true),
        card("vc4hdmi", "vc4-HDMI", false, true),
        card("PCH", "HDA-Intel", true, true),
        card("Webcam", "USB-Audio", true, false),
        card("Device", "USB-Audio", true, true),
    ];
    assert_eq!(best_card(&cards, Way::Capture).unwrap().0.id, "Device");
    assert_eq!(best_card(&cards[..4], Way::Capture).unwrap().0.id, "Webcam");
    assert_eq!(best_card(&cards[..4], Way::Playback).unwrap().0.id, "PCH");
    assert_eq!(best_card(&cards[..1], Way::Playback).unwrap().1, "it is the only card that plays");
    let named = [card("Device", "USB-Audio", true, true), card("Kiosk", "USB-Audio", true, true)];
    assert_eq!(best_card(&named, Way::Playback).unwrap().0.id, "Kiosk");
}

#[test]
fn a_camera_named_by_its_place_is_never_its_twin() {
    let place = |number: u32| format!("/dev/v4l/by-path/usb-{number}");
    let twin =
        |number: u32, bus: u32| CameraNode { stable: Some(place(bus).into()), ..node(number, &place(bus)) };
    let named = DeviceConfig { camera: place(2).parse().unwrap(), ..config(Mode::Real) };
    for cameras in [vec![twin(0, 1), twin(2, 2)], vec![twin(0, 2), twin(2, 1)], vec![twin(0, 1)], vec![]] {
        let found = Found { cameras, ..empty() };
        assert_eq!(plan(&named, &found).unwrap().camera, CameraPlan::Node(place(2).into()), "{found:?}");
    }
    // Where any will do, the one that is left is taken.
    let left = [twin(2, 2)];
    assert_eq!(best_camera(&left, None), Some((&left[0], "it is the only camera".to_owned())));
}

#[test]
fn another_device_in_the_same_place_is_taken_if_it_fits() {
    let webcam = CameraNode { name: "C920".into(), ..node(0, "usb-1") };
    let other = CameraNode { name: "Brio".into(), ..webcam.clone() };
    let grabber = CameraNode { name: "Cam Link 4K".into(), grabber: true, ..webcam.clone() };
    let taken = |camera: &CameraNode| best_camera(std::slice::from_ref(camera), None).is_some();
    assert!(taken(&webcam) && taken(&other) && !taken(&grabber));

    // A headphone is plugged in where a speakerphone was: udev gives it the same name, and it records nothing.
    let speakerphone = card("Kiosk", "USB-Audio", true, true);
    let headphone = card("Kiosk", "USB-Audio", false, true);
    let on_board = card("PCH", "HDA-Intel", true, true);
    let id = |cards: &[SoundCard], way| best_card(cards, way).map(|(card, _)| card.id.clone());
    assert_eq!(id(&[on_board.clone(), speakerphone], Way::Capture).as_deref(), Some("Kiosk"));
    let cards = [on_board, headphone];
    assert_eq!(id(&cards, Way::Playback).as_deref(), Some("Kiosk"));
    assert_eq!(id(&cards, Way::Capture).as_deref(), Some("PCH"));
    assert_eq!(id(&cards[1..], Way::Capture), None);
}

#[test]
fn rppal_is_taken_on_a_raspberry_pi_and_its_chip_where_rppal_cannot() {
    let pi = Found { gpio: pi("Raspberry Pi 4 B"), ..empty() };
    let plan_on_pi = plan(&config(Mode::Real), &pi).unwrap();
    assert_eq!(
        why(&plan_on_pi, "buttons and lamps"),
        "buttons and lamps: rppal, pins mute 17 approve 27 lamps 22 23, because this is a Raspberry Pi 4 B"
    );
    let locked = Found {
        gpio: FoundGpio {
            raspberry_pi: Err("Permission denied: /dev/gpiomem".into()),
            chips: vec![chip(0, "pinctrl-bcm2711", &[""; 58])],
        },
        ..empty()
    };
    let plan = plan(&config(Mode::Real), &locked).unwrap();
    let line = why(&plan, "buttons and lamps");
    assert!(
        line.contains("gpiocdev on /dev/gpiochip0, pins mute 17") && line.contains("Permission"),
        "{line}"
    );
}

#[test]
fn an_unknown_boards_pins_are_never_driven_on_a_guess() {
    let strange = chips(vec![chip(0, "INT34C5:00", &[""; 100])]);
    let desk = plan(&config(Mode::Auto), &strange).unwrap();
    assert_eq!(desk.buttons, ButtonsPlan::Sim);
    assert!(why(&desk, "buttons and lamps").contains("not all set"), "{:?}", desk.report);

    let named = ["x", "MUTE", "approve", "mute_lamp", "Approve-Lamp"];
    let labelled = chips(vec![chip(0, "INT", &[""; 9]), chip(1, "kiosk", &named)]);
    let plan_named = plan(&config(Mode::Auto), &labelled).unwrap();
    let line = why(&plan_named, "buttons and lamps");
    assert!(line.contains("/dev/gpiochip1, pins mute 1 approve 2 lamps 3 4"), "{line}");

    let pins = Pins {
        mute: Some(1),
        approve: Some(2),
        mute_lamp: Some(3),
        approve_lamp: Some(4),
        ..Pins::default()
    };
    let set = DeviceConfig { pins, ..config(Mode::Auto) };
    assert_eq!(plan(&set, &strange).unwrap().buttons, ButtonsPlan::Gpio(GpioPlan::Best));
    let two = chips(vec![chip(0, "a", &[""; 9]), chip(1, "b", &[""; 9])]);
    assert_eq!(plan(&set, &two).unwrap().buttons, ButtonsPlan::Sim);
}

#[test]
fn a_named_chip_is_checked_at_the_start() {
    let small = chips(vec![chip(3, "kiosk", &[""; 4])]);
    let with = |pins| DeviceConfig {
        buttons: ButtonsName::Gpiocdev("kiosk".into()),
        pins,
        ..DeviceConfig::default()
    };
    let all = |last| Pins {
        mute: Some(0),
        approve: Some(1),
        mute_lamp: Some(2),
        approve_lamp: Some(last),
        ..Pins::default()
    };
    assert!(plan(&with(all(3)), &small).is_ok());
    let error = plan(&with(all(4)), &small).unwrap_err();
    assert!(error.0.contains("approve_lamp = 4") && error.0.contains("from 0 to 3"), "{error}");
    let error = plan(&with(Pins::default()), &small).unwrap_err();
    assert!(error.0.contains("no line named \"mute\""), "{error}");
    // A chip that is not plugged in yet is waited for.
    assert!(plan(&with(Pins::default()), &empty()).is_ok());
}

#[test]
fn named_devices_are_taken_by_name() {
    let config = DeviceConfig {
        camera: "/dev/v4l/by-id/usb-cam".parse().unwrap(),
        microphone: "hw:CARD=Device".parse().unwrap(),
        speaker: "none".parse().unwrap(),
        buttons: "rppal".parse().unwrap(),
        ..config(Mode::Sim)
    };
    let plan = plan(&config, &empty()).unwrap();
    assert_eq!(plan.camera, CameraPlan::Node("/dev/v4l/by-id/usb-cam".into()));
    assert_eq!(plan.microphone, MicrophonePlan::Card(CardName::of_card("Device", 0)));
    assert_eq!(plan.speaker, SpeakerPlan::None);
    assert_eq!(
        why(&plan, "microphone"),
        "microphone: hw:CARD=Device (not there now), because the configuration names it"
    );
    assert_eq!(why(&plan, "speaker"), "speaker: none, because the configuration says none");
}
