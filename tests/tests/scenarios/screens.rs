//! Pictures on a real X server: soon, where the scene has them and nowhere else, and touched like the rest of the screen.

use vestibule_tests::panel::Panel;
use vestibule_tests::programs::Relay;
use vestibule_tests::rooms::{DEVICES, confirm, home, join, out, see, start};

/// Two rooms with screens in one meeting, their pictures in their places.
fn meet(folder: &std::path::Path, relay: &Relay, options: &[&str]) -> [Panel; 2] {
    let options = [&DEVICES[..], options].concat();
    let mut panels =
        ["Boardroom", "Workshop"].map(|name| Panel::start(folder, name, relay, &options, 1024, 600).unwrap());
    panels.iter_mut().for_each(|panel| home(&mut panel.kiosk).unwrap());
    let [host, guest] = &mut panels;
    start(&mut host.kiosk).unwrap();
    join(&mut guest.kiosk, &mut host.kiosk).unwrap();
    for panel in [host, guest] {
        panel.see_pictures(10).unwrap();
        panel.settled_place().unwrap();
    }
    panels
}

#[test]
fn a_picture_has_a_window_of_its_own_only_while_and_where_it_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Relay::start(folder.path(), None, &[]).unwrap();
    let [mut host, mut guest] = meet(folder.path(), &relay, &[]);
    host.windows(2).unwrap();

    // A finger on a picture means what the scene says.
    let corner = host.kiosk.meeting().unwrap()["own_corner"].clone();
    host.tap("MoveOwnPicture").unwrap();
    see(&mut host.kiosk, "the own picture in another corner", |view| {
        view["screen"]["Meeting"]["own_corner"] != corner
    })
    .unwrap();
    host.see_pictures(10).unwrap();

    // A panel beside it moves it; what lies over it is not painted over.
    host.tap("TogglePanel(People)").unwrap();
    see(&mut host.kiosk, "the people", |view| view["screen"]["Meeting"]["panel"]["People"].is_object())
        .unwrap();
    host.settled_place().unwrap();
    host.see_pictures(10).unwrap();
    host.windows(2).unwrap();

    guest.tap("ToggleCamera").unwrap();
    see(&mut host.kiosk, "no picture", |view| {
        view["screen"]["Meeting"]["tiles"][0]["placeholder"].is_string()
    })
    .unwrap();
    host.windows(1).unwrap();
    guest.tap("ToggleCamera").unwrap();
    host.see_pictures(10).unwrap();

    confirm(&mut host.kiosk, "\"Leave\"").unwrap();
    out(&mut host.kiosk).unwrap();
    host.windows(0).unwrap();
}

#[test]
fn pictures_that_wait_for_the_refresh_are_painted_with_the_rest() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Relay::start(folder.path(), None, &[]).unwrap();
    let [mut host, mut guest] = meet(folder.path(), &relay, &["--screen-vsync"]);
    for panel in [&mut host, &mut guest] {
        panel.windows(0).unwrap();
        panel.see_pictures(10).unwrap();
    }
}
