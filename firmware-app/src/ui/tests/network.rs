//! The network page: ways to it, its pages, and how little of it is painted again.

use druid::{Rect, Size};

use super::catalogue::{catalogue, peer};
use crate::kiosk::intent::{Intent, Step};
use crate::ui::local::{Local, Turn};
use crate::ui::root::scene;
use crate::ui::scene::{Item, Scene, Touch};
use crate::ui::text::tests::typesetter;
use crate::ui::tokens::{GAP, TOUCH};
use crate::view::{Corner, MeetingView, Panel, PanelView, Screen, View};

const SIZES: [Size; 3] = [Size::new(1280.0, 800.0), Size::new(1024.0, 600.0), Size::new(800.0, 480.0)];

fn view(name: &str) -> View {
    catalogue().into_iter().find(|(known, _)| *known == name).unwrap().1
}

fn changed(view: &View, change: impl Fn(&mut MeetingView)) -> View {
    let mut view = view.clone();
    let Screen::Meeting(meeting) = &mut view.screen else { panic!() };
    change(meeting);
    view
}

fn drawn(view: &View, local: &Local, size: Size) -> Scene {
    scene(view, local, size, &mut typesetter())
}

fn ways(scene: &Scene) -> Vec<Rect> {
    let to_page = Touch::Tap(Intent::TogglePanel(Panel::Network));
    scene.areas.iter().filter(|area| area.touch == to_page).map(|area| area.rect).collect()
}

/// How many lines of graphs are shown; those of the legends have two points.
fn lines(scene: &Scene) -> usize {
    scene
        .items
        .iter()
        .filter(|item| matches!(item, Item::Series { points, .. } if points.0.len() > 2))
        .count()
}

#[test]
fn the_verdict_in_the_bar_is_a_way_to_the_page_wherever_the_own_picture_lies() {
    for size in SIZES {
        for corner in [Corner::TopLeft, Corner::TopRight, Corner::BottomLeft] {
            let view = changed(&view("network-weak-room-closed"), |meeting| meeting.own_corner = corner);
            let scene = drawn(&view, &Local::default(), size);
            let ways = ways(&scene);
            assert_eq!(ways.len(), 2, "{size} {corner:?}");
            assert!(ways.iter().all(|way| way.width() >= TOUCH && way.height() >= TOUCH));
            let own =
                scene.areas.iter().find(|area| area.touch == Touch::Tap(Intent::MoveOwnPicture)).unwrap();
            assert!(ways.iter().all(|way| own.rect.inset(GAP - 0.5).intersect(*way).area() <= 0.0));
        }
        // On the page the button alone closes it.
        assert_eq!(ways(&drawn(&view("network-weak-room"), &Local::default(), size)).len(), 1);
    }
}

#[test]
fn every_graph_is_on_one_of_the_pages_and_the_arrows_end_there() {
    let turn = |step| Touch::Turn(Turn::List(step));
    for (name, all) in [("network-weak-link", 17), ("network-weak-room", 8), ("network-unknown", 16)] {
        let view = view(name);
        for size in SIZES {
            let (mut local, mut seen) = (Local::default(), 0);
            for page in 0.. {
                assert!(page < 20);
                let scene = drawn(&view, &local, size);
                seen += lines(&scene);
                let offers = |touch: Touch| scene.areas.iter().any(|area| area.touch == touch);
                assert_eq!(offers(turn(Step::Previous)), page > 0);
                if !offers(turn(Step::Next)) {
                    break;
                }
                local.turn(Turn::List(Step::Next));
            }
            assert_eq!(seen, all, "{name} {size}");
        }
    }
}

#[test]
fn a_second_turns_no_page_back_but_another_room_begins_with_its_first() {
    let link = view("network-weak-link");
    let mut local = Local::default();
    local.turn(Turn::List(Step::Next));
    local.turn(Turn::Chips);
    let later = changed(&link, |meeting| meeting.duration = "0:12:46".into());
    local.follow(&link, &later);
    assert_eq!((local.list, local.chips), (1, 1));
    let other = changed(&link, |meeting| {
        let Some(PanelView::Network(page)) = &mut meeting.panel else { panic!() };
        page.rooms.iter_mut().for_each(|room| room.chosen = room.of == Some(peer(2)));
    });
    local.follow(&link, &other);
    assert_eq!((local.list, local.chips), (0, 0));
}

#[test]
fn a_chosen_room_is_in_sight_however_many_there_are() {
    for size in SIZES {
        let scene = drawn(&view("network-many-rooms"), &Local::default(), size);
        let chosen = Touch::Tap(Intent::NetworkOf(Some(peer(5))));
        assert!(scene.areas.iter().any(|area| area.touch == chosen), "{size}");
    }
}

#[test]
fn between_two_samples_no_graph_is_painted_again() {
    let before = view("network-weak-link");
    let louder = changed(&before, |meeting| meeting.own_level = Some(2));
    let another = changed(&before, |meeting| {
        let Screen::Meeting(newer) = view("network-good").screen else { panic!() };
        let (Some(PanelView::Network(page)), Some(PanelView::Network(newer))) =
            (&mut meeting.panel, newer.panel)
        else {
            panic!()
        };
        page.graphs = newer.graphs;
    });
    for size in SIZES {
        let of = |view: &View| drawn(view, &Local::default(), size);
        let first = of(&before);
        let lines = first.items.iter().filter(|item| matches!(item, Item::Series { .. }));
        let page = lines.map(Item::rect).reduce(|a, b| a.union(b)).unwrap();
        let small = of(&louder).changed_since(&first).unwrap();
        assert!(small.intersect(page).area() <= 0.0, "{size} {small:?}");
        let large = of(&another).changed_since(&first).unwrap();
        assert!(large.intersect(page).area() > 0.0 && large.x0 > size.width * 0.35, "{size} {large:?}");
    }
}
