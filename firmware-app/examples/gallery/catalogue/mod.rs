//! A catalogue of views: every state a screen can be in, by name. Shared by the gallery and the tests of the screen.

mod banners;
mod curves;
mod home;
mod meeting;
mod network;
mod panels;
mod settings;

use vestibule_common::id::{KnockId, PeerId};
use vestibule_kiosk::audio::EchoMode;
use vestibule_kiosk::kiosk::intent::Destructive;
use vestibule_kiosk::view::*;

use self::{banners::*, home::*, meeting::*, network::*, panels::*, settings::*};

/// A room's key, by number.
pub(crate) fn peer(number: u8) -> PeerId {
    PeerId([number; 32])
}

/// Every view, by name.
pub(crate) fn catalogue() -> Vec<(&'static str, View)> {
    let mut views = home();
    views.extend(keypads());
    views.extend(waiting());
    views.extend(meetings());
    views.extend(panels());
    views.extend(network());
    views.extend(banners());
    views.extend(settings());
    views.extend(idle());
    views
}

fn view(screen: Screen) -> View {
    View {
        language: Language::English,
        room_name: "Boardroom".into(),
        clock: "14:05".into(),
        backlight: Backlight::Lit,
        screen,
        knock: None,
        notice: None,
        question: None,
    }
}

fn german(view: View) -> View {
    View { language: Language::German, room_name: "Großer Sitzungssaal".into(), ..view }
}
