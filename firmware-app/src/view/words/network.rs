//! How the network is, in a word or two for the bar and in a sentence for its page.

use super::super::Language;
use crate::kiosk::network::Trouble;

/// What is said of the network.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum NetworkWords {
    /// The relay is lost and being looked for.
    NoConnection,
    /// Nothing was measured yet.
    Unknown,
    /// All is well.
    Good,
    /// This room's network is weak.
    OwnNetwork,
    /// This device does no more.
    OwnDevice,
    /// The relay's computer does no more.
    Relay,
    /// A room is in trouble, and so many more.
    Room {
        /// Its name.
        room: String,
        /// What is wrong there.
        trouble: Trouble,
        /// How many more.
        more: usize,
    },
}

impl NetworkWords {
    /// A sentence.
    pub fn whole(&self, language: Language) -> String {
        match language {
            Language::English => self.whole_english(),
            Language::German => self.whole_german(),
        }
    }

    /// A word or two.
    pub fn short(&self, language: Language) -> String {
        match language {
            Language::English => self.short_english(),
            Language::German => self.short_german(),
        }
    }

    fn whole_english(&self) -> String {
        match self {
            NetworkWords::NoConnection => "No connection to the relay. It is being looked for.".into(),
            NetworkWords::Unknown => "Nothing has been measured yet.".into(),
            NetworkWords::Good => "Good: sound and pictures arrive as they should.".into(),
            NetworkWords::OwnNetwork => "Weak: this room's network".into(),
            NetworkWords::OwnDevice => {
                "Weak: this device is busy, so it sends fewer or smaller pictures".into()
            }
            NetworkWords::Relay => "Weak: the relay is busy, so it passes on smaller pictures".into(),
            NetworkWords::Room { room, trouble, more } => {
                let rooms = match more {
                    0 => room.clone(),
                    1 => format!("{room} and 1 more room"),
                    more => format!("{room} and {more} more rooms"),
                };
                match (trouble, more) {
                    (Trouble::NoPictures, _) => format!("No pictures: none arrive from {rooms}"),
                    (Trouble::Network, 0) => format!("Weak: {room}'s network"),
                    (Trouble::Network, _) => format!("Weak: the networks of {rooms}"),
                    (Trouble::Device, 0) => format!("Weak: {room}'s device is busy"),
                    (Trouble::Device, _) => format!("Weak: the devices of {rooms} are busy"),
                }
            }
        }
    }

    fn short_english(&self) -> String {
        match self {
            NetworkWords::NoConnection => "No connection".into(),
            NetworkWords::Unknown => "Network".into(),
            NetworkWords::Good => "Good".into(),
            NetworkWords::OwnNetwork => "Weak: this room".into(),
            NetworkWords::OwnDevice => "Busy: this device".into(),
            NetworkWords::Relay => "Busy: the relay".into(),
            NetworkWords::Room { room, trouble, .. } => match trouble {
                Trouble::NoPictures => format!("No pictures: {room}"),
                Trouble::Network => format!("Weak: {room}"),
                Trouble::Device => format!("Busy: {room}"),
            },
        }
    }

    fn whole_german(&self) -> String {
        match self {
            NetworkWords::NoConnection => "Keine Verbindung zum Relay. Es wird gesucht.".into(),
            NetworkWords::Unknown => "Noch ist nichts gemessen.".into(),
            NetworkWords::Good => "Gut: Ton und Bilder kommen an, wie sie sollen.".into(),
            NetworkWords::OwnNetwork => "Schwach: Netz dieses Raums".into(),
            NetworkWords::OwnDevice => {
                "Schwach: Dieses Gerät ist ausgelastet und sendet weniger oder kleinere Bilder".into()
            }
            NetworkWords::Relay => {
                "Schwach: Das Relay ist ausgelastet und reicht kleinere Bilder weiter".into()
            }
            NetworkWords::Room { room, trouble, more } => {
                let rooms = match more {
                    0 => room.clone(),
                    1 => format!("{room} und einem weiteren Raum"),
                    more => format!("{room} und {more} weiteren Räumen"),
                };
                match (trouble, more) {
                    (Trouble::NoPictures, _) => format!("Keine Bilder: Von {rooms} kommen keine an"),
                    (Trouble::Network, 0) => format!("Schwach: Netz von {room}"),
                    (Trouble::Network, _) => format!("Schwach: Netze von {rooms}"),
                    (Trouble::Device, 0) => format!("Schwach: Das Gerät von {room} ist ausgelastet"),
                    (Trouble::Device, _) => format!("Schwach: Die Geräte von {rooms} sind ausgelastet"),
                }
            }
        }
    }

    fn short_german(&self) -> String {
        match self {
            NetworkWords::NoConnection => "Keine Verbindung".into(),
            NetworkWords::Unknown => "Netz".into(),
            NetworkWords::Good => "Gut".into(),
            NetworkWords::OwnNetwork => "Schwach: dieser Raum".into(),
            NetworkWords::OwnDevice => "Ausgelastet: dieses Gerät".into(),
            NetworkWords::Relay => "Ausgelastet: das Relay".into(),
            NetworkWords::Room { room, trouble, .. } => match trouble {
                Trouble::NoPictures => format!("Keine Bilder: {room}"),
                Trouble::Network => format!("Schwach: {room}"),
                Trouble::Device => format!("Ausgelastet: {room}"),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_room_and_how_many_more_are_named_in_both_languages() {
        let of = |trouble, more| NetworkWords::Room { room: "Werkstatt".into(), trouble, more };
        let english = |words: NetworkWords| words.whole(Language::English);
        let german = |words: NetworkWords| words.whole(Language::German);
        assert_eq!(english(of(Trouble::Network, 0)), "Weak: Werkstatt's network");
        assert_eq!(german(of(Trouble::Network, 0)), "Schwach: Netz von Werkstatt");
        assert_eq!(english(of(Trouble::Network, 1)), "Weak: the networks of Werkstatt and 1 more room");
        assert_eq!(
            german(of(Trouble::NoPictures, 2)),
            "Keine Bilder: Von Werkstatt und 2 weiteren Räumen kommen keine an"
        );
        assert_eq!(english(of(Trouble::Device, 0)), "Weak: Werkstatt's device is busy");
        assert_eq!(of(Trouble::Network, 3).short(Language::German), "Schwach: Werkstatt");
    }
}
