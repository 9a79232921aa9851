//! A room shows its laptop's screen to the others: large, beside the cameras' pictures, started and stopped by hand, and gone
//! only as long as its adapter is.

use serde_json::Value;
use vestibule_tests::panel::Panel;
use vestibule_tests::programs::{Kiosk, Relay, wait_for};
use vestibule_tests::rooms::{DEVICES, home, join, logged, meet, read, see, start, told};

fn toggle(kiosk: &mut Kiosk) {
    kiosk.touch("\"TogglePresentation\"").unwrap();
}

/// Waits until what is presented on this room's screen is as wanted.
fn presented(kiosk: &mut Kiosk, what: &str, look: impl Fn(&Value) -> bool) {
    see(kiosk, what, |view| look(&view["screen"]["Meeting"]["presentation"])).unwrap();
}

/// Waits until the other room's presentation is shown, and new pictures of it are decoded.
fn sees(kiosk: &mut Kiosk, name: &str) {
    presented(kiosk, name, |tile| tile["name"] == name && tile["placeholder"].is_null());
    let before = kiosk.counter("presentation_pictures_decoded").unwrap();
    kiosk
        .wait_for("pictures of the presentation", |kiosk| {
            match kiosk.counter("presentation_pictures_decoded")? {
                now if now >= before + 5 => Ok(()),
                now => Err(format!("{now} after {before}")),
            }
        })
        .unwrap();
}

#[test]
fn a_laptops_screen_is_shown_beside_the_cameras_until_it_is_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let mut meeting = meet(folder.path()).unwrap();
    let (host, guest) = (&mut meeting.host, &mut meeting.guest);
    assert_eq!(host.meeting().unwrap()["presentation"], Value::Null);
    assert_eq!(guest.counter("presentation_pictures_captured").unwrap(), 0, "nothing is open before");
    toggle(guest);
    sees(host, "Workshop presents");
    presented(guest, "what this room presents", |tile| tile["name"] == "You are presenting");
    logged(guest, "presentation: test pages, 1280x720").unwrap();
    meeting.together().unwrap();

    // The newest one is shown, and the one before it comes back.
    let (host, guest) = (&mut meeting.host, &mut meeting.guest);
    toggle(host);
    sees(guest, "Boardroom presents");
    presented(host, "the own one", |tile| tile["name"] == "You are presenting");
    toggle(host);
    sees(host, "Workshop presents");
    presented(guest, "the own one", |tile| tile["name"] == "You are presenting");

    toggle(guest);
    for kiosk in [host, guest] {
        presented(kiosk, "nothing presented", Value::is_null);
    }
    // What is in the grabber's hands and in the queue at that moment is done with soon, and withdrawn.
    meeting.together().unwrap();
    // Nothing is captured and nothing leaves, whatever else goes on.
    let counts = |kiosk: &mut Kiosk| {
        ["presentation_frames_sent", "presentation_pictures_captured"]
            .map(|counter| kiosk.counter(counter).unwrap())
    };
    let stopped = counts(&mut meeting.guest);
    for _ in 0..5 {
        meeting.together().unwrap();
    }
    assert_eq!(counts(&mut meeting.guest), stopped);

    // Off and on again, as fast as a finger can: what is sent is announced.
    let sent = stopped[0];
    for _ in 0..5 {
        toggle(&mut meeting.guest);
    }
    sees(&mut meeting.host, "Workshop presents");
    assert!(meeting.guest.counter("presentation_frames_sent").unwrap() > sent);
}

#[test]
fn an_adapter_that_is_pulled_is_said_to_be_gone_and_goes_on_when_it_is_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut meeting = meet(folder.path()).unwrap();
    let (host, guest) = (&mut meeting.host, &mut meeting.guest);
    guest.ask("unplug presentation").unwrap();
    toggle(guest);
    told(guest, "There is nothing to present.").unwrap();
    assert_eq!(guest.meeting().unwrap()["presenting"], false);

    guest.ask("plug presentation").unwrap();
    toggle(guest);
    sees(host, "Workshop presents");
    guest.ask("unplug presentation").unwrap();
    told(guest, "The presentation is gone.").unwrap();
    presented(guest, "what is missing", |tile| tile["placeholder"] == "Nothing is plugged in");
    presented(host, "nothing presented", Value::is_null);
    meeting.together().unwrap();
    meeting.guest.ask("plug presentation").unwrap();
    sees(&mut meeting.host, "Workshop presents");
    read(&mut meeting.guest, "You are presenting").unwrap();
    meeting.together().unwrap();
}

/// The picture that is presented is on the other room's screen, and moves, while the camera's does.
#[test]
fn what_is_presented_is_on_the_other_rooms_screen() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Relay::start(folder.path(), None, &[]).unwrap();
    let mut panels = ["Boardroom", "Workshop"]
        .map(|name| Panel::start(folder.path(), name, &relay, &DEVICES, 1024, 600).unwrap());
    panels.iter_mut().for_each(|panel| home(&mut panel.kiosk).unwrap());
    let [host, guest] = &mut panels;
    start(&mut host.kiosk).unwrap();
    join(&mut guest.kiosk, &mut host.kiosk).unwrap();
    guest.tap("TogglePresentation").unwrap();
    for (panel, picture) in [(&mut *host, "Presentation"), (&mut *guest, "OwnPresentation")] {
        let mut number = |what: &str, after: Option<u32>| {
            wait_for(what, || match panel.stamp_of(picture)?.frame {
                number if after != Some(number) => Ok(number),
                number => Err(format!("still picture {number}")),
            })
            .unwrap()
        };
        let first = number("the presentation", None);
        number("the next picture of it", Some(first));
        let [_, _, width, _] = panel.place_of(picture).unwrap();
        assert!(width > 600, "it is the largest picture, not {width} wide");
    }
    host.see_pictures(5).unwrap();
    // The camera's is beside it, not under it.
    host.windows(3).unwrap();
}
