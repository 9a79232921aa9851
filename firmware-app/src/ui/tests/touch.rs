//! Fingers on the widget, and what it reports.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::mpsc::{Receiver, channel};

use druid::tests::harness::Harness;
use druid::widget::prelude::*;
use druid::{Modifiers, MouseButton, MouseButtons, MouseEvent, Point, Rect, Vec2};
use vestibule_common::id::KnockId;

use super::catalogue::catalogue;
use crate::kiosk::intent::{Destructive, Intent};
use crate::ui::local::Local;
use crate::ui::root::scene;
use crate::ui::scene::Touch;
use crate::ui::surface::{Outlet, Surface};
use crate::ui::text::tests::typesetter;
use crate::video::slot::PictureSlots;
use crate::view::{PictureId, View};

const SIZE: Size = Size::new(800.0, 480.0);

fn view(name: &str) -> View {
    catalogue().into_iter().find(|(known, _)| *known == name).unwrap().1
}

/// Where the area with this touch is.
fn place(view: &View, wanted: impl Fn(&Touch) -> bool) -> Point {
    let scene = scene(view, &Local::default(), SIZE, &mut typesetter());
    scene.areas.iter().find(|area| wanted(&area.touch)).expect("the screen offers this").rect.center()
}

fn tap_on(view: &View, intent: &Intent) -> Point {
    place(view, |touch| matches!(touch, Touch::Tap(known) | Touch::Repeat(known) if known == intent))
}

fn mouse(pos: Point) -> MouseEvent {
    MouseEvent {
        pos,
        window_pos: pos,
        buttons: MouseButtons::new(),
        mods: Modifiers::empty(),
        count: 1,
        focus: false,
        button: MouseButton::Left,
        wheel_delta: Vec2::ZERO,
    }
}

/// A screen with this view, a hand over it, and what it reports.
fn with_screen(view: View, mut hand: impl FnMut(&mut Harness<()>, &Receiver<Intent>, &PictureSlots)) {
    let (sent, intents) = channel();
    let slots = PictureSlots::default();
    let outlet =
        Outlet { intents: Box::new(move |intent| sent.send(intent).unwrap()), keys: Box::new(|_| {}) };
    let surface = Surface::new(view, slots.clone(), outlet);
    Harness::create_with_render(
        (),
        surface,
        SIZE,
        |harness| {
            harness.set_initial_size(SIZE);
            harness.send_initial_events();
            harness.just_layout();
            hand(harness, &intents, &slots);
        },
        |_| {},
    );
}

fn down(harness: &mut Harness<()>, at: Point) {
    harness.event(Event::MouseMove(mouse(at)));
    harness.event(Event::MouseDown(mouse(at)));
}

fn up(harness: &mut Harness<()>, at: Point) {
    harness.event(Event::MouseUp(mouse(at)));
}

#[test]
fn a_digit_counts_when_the_finger_is_lifted() {
    let view = view("join-typing");
    let seven = tap_on(&view, &Intent::Digit(7));
    with_screen(view, |harness, intents, _| {
        down(harness, seven);
        assert!(intents.try_recv().is_err());
        up(harness, seven);
        assert_eq!(intents.try_recv(), Ok(Intent::Digit(7)));
        assert!(intents.try_recv().is_err());
    });
}

#[test]
fn sliding_off_a_button_cancels_even_when_the_finger_comes_back() {
    let view = view("join-typing");
    let seven = tap_on(&view, &Intent::Digit(7));
    let eight = tap_on(&view, &Intent::Digit(8));
    with_screen(view, |harness, intents, _| {
        down(harness, seven);
        harness.event(Event::MouseMove(mouse(eight)));
        up(harness, eight);
        down(harness, seven);
        harness.event(Event::MouseMove(mouse(eight)));
        harness.event(Event::MouseMove(mouse(seven)));
        up(harness, seven);
        assert!(intents.try_recv().is_err());
    });
}

#[test]
fn a_busy_keypad_is_at_rest() {
    let seven = tap_on(&view("join"), &Intent::Digit(7));
    with_screen(view("join-busy"), |harness, intents, _| {
        down(harness, seven);
        up(harness, seven);
        assert!(intents.try_recv().is_err());
    });
}

/// A widget around the screen that notes which part is painted.
struct Noting {
    surface: Surface,
    painted: Rc<RefCell<Rect>>,
}

impl Widget<()> for Noting {
    fn event(&mut self, ctx: &mut EventCtx, event: &Event, data: &mut (), env: &Env) {
        self.surface.event(ctx, event, data, env);
    }
    fn lifecycle(&mut self, ctx: &mut LifeCycleCtx, event: &LifeCycle, data: &(), env: &Env) {
        self.surface.lifecycle(ctx, event, data, env);
    }
    fn update(&mut self, ctx: &mut UpdateCtx, before: &(), data: &(), env: &Env) {
        self.surface.update(ctx, before, data, env);
    }
    fn layout(&mut self, ctx: &mut LayoutCtx, limits: &BoxConstraints, data: &(), env: &Env) -> Size {
        self.surface.layout(ctx, limits, data, env)
    }
    fn paint(&mut self, ctx: &mut PaintCtx, data: &(), env: &Env) {
        *self.painted.borrow_mut() = ctx.region().bounding_box();
        self.surface.paint(ctx, data, env);
    }
}

#[test]
fn the_pressed_look_is_painted_at_once_and_nothing_but_the_button() {
    let view = view("join-typing");
    let seven = tap_on(&view, &Intent::Digit(7));
    let painted = Rc::new(RefCell::new(Rect::ZERO));
    let outlet = Outlet { intents: Box::new(|_| {}), keys: Box::new(|_| {}) };
    let surface = Surface::new(view, PictureSlots::default(), outlet);
    Harness::create_with_render(
        (),
        Noting { surface, painted: painted.clone() },
        SIZE,
        |harness| {
            harness.set_initial_size(SIZE);
            harness.send_initial_events();
            harness.just_layout();
            harness.paint();
            down(harness, seven);
            harness.paint_invalid();
        },
        |_| {},
    );
    let part = *painted.borrow();
    assert!(part.contains(seven) && part.width() <= 96.0 && part.height() <= 96.0, "{part:?}");
}

#[test]
fn a_touch_on_a_sleeping_screen_wakes_and_does_nothing_else() {
    for name in ["idle-dim", "idle-clock", "idle-dark"] {
        let start = tap_on(&view("home"), &Intent::StartMeeting);
        with_screen(view(name), |harness, intents, _| {
            down(harness, start);
            up(harness, start);
            assert_eq!(intents.try_recv(), Ok(Intent::Wake));
            assert!(intents.try_recv().is_err());
        });
    }
}

#[test]
fn the_own_picture_is_shown_while_it_is_touched() {
    let view = view("home");
    let button = place(&view, |touch| matches!(touch, Touch::Hold(Intent::ShowOwnPicture(true), _)));
    with_screen(view, |harness, intents, _| {
        down(harness, button);
        assert_eq!(intents.try_recv(), Ok(Intent::ShowOwnPicture(true)));
        harness.event(Event::MouseMove(mouse(Point::new(400.0, 10.0))));
        assert_eq!(intents.try_recv(), Ok(Intent::ShowOwnPicture(false)));
        up(harness, button);
        assert!(intents.try_recv().is_err());
    });
}

#[test]
fn the_knock_shown_is_the_one_answered_and_only_once_it_was_seen() {
    let armed = view("knock-meeting");
    let approve = tap_on(&armed, &Intent::Approve(KnockId::default()));
    let deny = tap_on(&armed, &Intent::Deny(KnockId::default()));
    with_screen(armed, |harness, intents, _| {
        for (at, intent) in
            [(approve, Intent::Approve(KnockId::default())), (deny, Intent::Deny(KnockId::default()))]
        {
            down(harness, at);
            up(harness, at);
            assert_eq!(intents.try_recv(), Ok(intent));
        }
    });
    with_screen(view("knock-new"), |harness, intents, _| {
        down(harness, approve);
        up(harness, approve);
        assert!(intents.try_recv().is_err());
    });
}

#[test]
fn what_changes_under_the_finger_is_not_touched() {
    let mut first = view("knock-meeting");
    let approve = tap_on(&first, &Intent::Approve(KnockId::default()));
    let reported = Rc::new(RefCell::new(Vec::new()));
    let (sent, intents) = channel();
    let outlet =
        Outlet { intents: Box::new(move |intent| sent.send(intent).unwrap()), keys: Box::new(|_| {}) };
    let shared = std::sync::Arc::<crate::ui::shared::Shared>::default();
    let surface = Surface::new(first.clone(), PictureSlots::default(), outlet).connected(
        shared.clone(),
        std::sync::Arc::default(),
        None,
        false,
    );
    Harness::create_with_render(
        (),
        surface,
        SIZE,
        |harness| {
            harness.set_initial_size(SIZE);
            harness.send_initial_events();
            harness.just_layout();
            down(harness, approve);
            // Another room's knock takes the place of the first.
            if let Some(knock) = &mut first.knock {
                knock.knock = KnockId([9; 8]);
                knock.title = "A stranger wants to join".into();
            }
            shared.put_view(first.clone());
            harness.submit_command(crate::ui::surface::LOOK);
            up(harness, approve);
            reported.borrow_mut().extend(intents.try_iter());
        },
        |_| {},
    );
    assert!(reported.borrow().is_empty(), "{reported:?}");
}

#[test]
fn leaving_asks_in_place_and_a_second_tap_there_stays() {
    let leave = tap_on(&view("meeting-3"), &Intent::Ask(Destructive::Leave));
    with_screen(view("meeting-leave-question"), |harness, intents, _| {
        down(harness, leave);
        up(harness, leave);
        assert_eq!(intents.try_recv(), Ok(Intent::Decline));
    });
}

#[test]
fn the_decoders_are_told_how_large_each_room_is_shown() {
    with_screen(view("meeting-4-states"), |_, _, slots| {
        let own = slots.size(PictureId::Own).unwrap();
        let other = slots.size(PictureId::Room(super::catalogue::peer(1))).unwrap();
        assert!(other.width > own.width && other.height > own.height);
        // A room whose camera is off has a placeholder.
        assert_eq!(slots.size(PictureId::Room(super::catalogue::peer(3))), None);
    });
}
