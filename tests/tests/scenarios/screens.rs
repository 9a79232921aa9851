//! Pictures on a real X server: soon, where the scene has them and nowhere else, and touched like the rest of the screen.

use vestibule_tests::display::Display;
use vestibule_tests::panel::Panel;
use vestibule_tests::programs::{Kiosk, Relay, wait_for};
use vestibule_tests::rooms::{DEVICES, confirm, home, join, out, see, start};

/// Two rooms with screens in one meeting, their pictures in their places.
fn meet(folder: &std::path::Path, relay: &Relay, options: &[&str]) -> [Panel; 2] {
    let mut panels = gather(folder, relay, options);
    for panel in &mut panels {
        panel.see_pictures(10).unwrap();
        panel.settled_place().unwrap();
    }
    panels
}

/// Two rooms with screens in one meeting, whatever they see of each other yet.
fn gather(folder: &std::path::Path, relay: &Relay, options: &[&str]) -> [Panel; 2] {
    let options = [&DEVICES[..], options].concat();
    let mut panels =
        ["Boardroom", "Workshop"].map(|name| Panel::start(folder, name, relay, &options, 1024, 600).unwrap());
    panels.iter_mut().for_each(|panel| home(&mut panel.kiosk).unwrap());
    let [host, guest] = &mut panels;
    start(&mut host.kiosk).unwrap();
    join(&mut guest.kiosk, &mut host.kiosk).unwrap();
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

    // A panel beside it moves it.
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

/// Waits until the screen shows a picture of the other room with such a number; the camera counts from its start.
fn see_number(panel: &mut Panel, what: &str, wanted: impl Fn(u32) -> bool) -> u32 {
    let looked = wait_for(what, || match panel.stamp()?.frame {
        number if wanted(number) => Ok(number),
        number => Err(format!("picture {number}")),
    });
    looked.unwrap()
}

#[test]
fn a_room_that_was_started_again_is_seen_as_it_is_now() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Relay::start(folder.path(), None, &[]).unwrap();
    let [mut host, mut guest] = meet(folder.path(), &relay, &[]);
    // The longer it was there, the longer its new pictures could be taken for old ones: here for twenty seconds, after
    // which nothing would show the fault any more.
    let last = see_number(&mut host, "many pictures", |number| number > 600);
    guest.kiosk.cut_power().unwrap();
    guest.kiosk =
        Kiosk::start(folder.path(), "Workshop", &relay, &DEVICES, Some(&guest.display.name)).unwrap();
    see_number(&mut host, "a picture of the new program", |number| number < last);
    host.see_pictures(10).unwrap();
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

#[test]
fn a_closed_window_ends_the_kiosk_in_order_and_a_screen_that_broke_with_its_reason() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Relay::start(folder.path(), None, &[]).unwrap();
    for closed in [true, false] {
        let display = Display::start(folder.path(), 1024, 600).unwrap();
        let mut kiosk =
            Kiosk::start(folder.path(), "Boardroom", &relay, &DEVICES, Some(&display.name)).unwrap();
        home(&mut kiosk).unwrap();
        // The room may be ready before its window is there.
        kiosk
            .wait_for("the window", |kiosk| {
                let areas = kiosk.ask("areas")?;
                if areas.as_array().is_some_and(|areas| !areas.is_empty()) {
                    Ok(())
                } else {
                    Err(areas.to_string())
                }
            })
            .unwrap();
        if closed {
            display.close_windows().unwrap();
        } else {
            drop(display);
        }
        let in_order = kiosk.process.ended().unwrap();
        let log = std::fs::read_to_string(&kiosk.log).unwrap();
        assert_eq!((in_order, log.contains("the X server has ended")), (closed, !closed), "{log}");
    }
}

#[test]
fn the_network_page_knows_where_a_pictures_time_goes_also_where_druid_paints_it() {
    for options in [&[] as &[&str], &["--screen-vsync"]] {
        let folder = tempfile::tempdir().unwrap();
        let relay = Relay::start(folder.path(), None, &[]).unwrap();
        let [mut host, _guest] = gather(folder.path(), &relay, options);
        let known = [
            [
                "round_trip_ms",
                "jitter_up_ms",
                "jitter_down_ms",
                "retransmitted_up_per_s",
                "retransmitted_down_per_s",
            ]
            .as_slice(),
            &[
                "frames_received_per_s",
                "frames_decoded_per_s",
                "frames_shown_per_s",
                "jitter_buffer_ms",
                "repaired_per_s",
                "delay_capture_ms",
                "delay_encode_ms",
                "delay_pace_ms",
                "delay_network_ms",
                "delay_relay_ms",
                "delay_jitter_buffer_ms",
                "delay_decode_ms",
                "delay_paint_ms",
            ],
        ];
        host.kiosk
            .wait_for("every number of the page", |kiosk| {
                let answer = kiosk.ask("network")?;
                let lines = answer["network"].as_array().cloned().unwrap_or_default();
                let has = |(line, names): (&serde_json::Value, &&[&str])| {
                    let line = line.as_str().unwrap_or_default();
                    names.iter().all(|name| line.contains(&format!(" {name}=")))
                };
                let shown = !answer.to_string().contains("frames_shown_per_s=0.000");
                let all = lines.len() == known.len() && lines.iter().zip(&known).all(has);
                if all && shown { Ok(()) } else { Err(answer.to_string()) }
            })
            .unwrap();
        println!("{}", host.kiosk.ask("network").unwrap());
    }
}
