//! What the room is doing: touches, buttons and news go in, effects and a view come out. Pure.

pub mod config;
pub mod effect;
pub mod intent;
pub mod news;

use vestibule_common::identity::Identity;
use vestibule_common::time::Time;

use crate::device::ButtonEdge;
use crate::session::Ticket;
use crate::view::{Backlight, HomeView, Screen, View};
pub use config::{KioskConfig, Pin, Settings};
pub use effect::{Chime, Destination, Effect, GateState, LampState, Media};
pub use intent::Intent;
pub use news::{CameraState, DeviceState, FoundRelay, GateReport, LinkLoss, News};

/// The time of day, read by the shell for each view.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct WallClock {
    /// Unix time in milliseconds, by the kiosk's clock.
    pub unix_ms: u64,
    /// The hour in the room's time zone, 0 to 23.
    pub hour: u8,
    /// The minute, 0 to 59.
    pub minute: u8,
}

/// A room's kiosk.
pub struct Kiosk {
    config: KioskConfig,
}

impl Kiosk {
    /// A kiosk that has just started. `seed` is fresh randomness, `restored` what `Effect::KeepTicket` kept last.
    pub fn new(
        config: KioskConfig,
        _identity: Identity,
        _seed: [u8; 32],
        _restored: Option<Ticket>,
        _now: Time,
    ) -> Kiosk {
        Kiosk { config }
    }

    /// A touch.
    pub fn handle_intent(&mut self, _intent: Intent, _now: Time) {}

    /// A button's edge.
    pub fn handle_button(&mut self, _edge: ButtonEdge, _now: Time) {}

    /// Something has happened.
    pub fn handle_news(&mut self, _news: News, _now: Time) {}

    /// The moment named by [`Kiosk::poll_timeout`] has come.
    pub fn handle_timeout(&mut self, _now: Time) {}

    /// When to call [`Kiosk::handle_timeout`], if nothing else happens before.
    pub fn poll_timeout(&self) -> Option<Time> {
        None
    }

    /// What to do next; drain until `None` after each call of a `handle_` function and after `new`.
    pub fn next_effect(&mut self) -> Option<Effect> {
        None
    }

    /// What the screen shows.
    pub fn view(&self, _now: Time, wall: WallClock) -> View {
        View {
            language: self.config.language,
            room_name: self.config.name.to_string(),
            clock: format!("{:02}:{:02}", wall.hour, wall.minute),
            backlight: Backlight::Lit,
            screen: Screen::Home(HomeView {
                state: String::new(),
                ready: false,
                can_meet: false,
                rejoin: None,
                own_picture: false,
                camera_missing: None,
            }),
            knock: None,
            notice: None,
            question: None,
        }
    }
}
