//! How rooms are told apart on the screen: a second "Workshop" is "Workshop 2" for as long as the meeting lasts.

use std::collections::{BTreeMap, BTreeSet};

use vestibule_common::id::PeerId;
use vestibule_common::name::RoomName;

/// The labels of one meeting. Whoever was there first keeps the plain name, so that every kiosk, which sees the same
/// order, shows the same labels.
#[derive(Clone, Debug, Default)]
pub(crate) struct Labels {
    given: BTreeMap<PeerId, (RoomName, String)>,
    told: BTreeSet<RoomName>,
}

impl Labels {
    /// More rooms than any meeting sees; beyond it the ones that left first in the order of keys are forgotten.
    const MAX: usize = 512;

    /// Gives `peer` its label. Returns the name when two rooms share it and nobody was told so yet.
    pub(crate) fn give(&mut self, peer: PeerId, name: &RoomName) -> Option<RoomName> {
        if self.given.get(&peer).is_some_and(|(known, _)| known == name) {
            return None;
        }
        self.given.remove(&peer);
        while self.given.len() >= Self::MAX {
            self.given.pop_first();
        }
        let label = self.free(name);
        let shared = label != name.as_str();
        self.given.insert(peer, (name.clone(), label));
        (shared && self.told.len() < Self::MAX && self.told.insert(name.clone())).then(|| name.clone())
    }

    /// The label of a room that is or was in the meeting.
    pub(crate) fn of(&self, peer: &PeerId) -> Option<&str> {
        self.given.get(peer).map(|(_, label)| label.as_str())
    }

    /// The label that a room would have: its own, if that was given for this name.
    pub(crate) fn at_door(&self, peer: &PeerId, name: &RoomName) -> String {
        match self.given.get(peer) {
            Some((known, label)) if known == name => label.clone(),
            Some(_) | None => name.to_string(),
        }
    }

    /// Whether another room than `peer` goes by this name.
    pub(crate) fn shared(&self, peer: &PeerId, name: &RoomName) -> bool {
        self.given.iter().any(|(other, (known, _))| other != peer && known == name)
    }

    fn free(&self, name: &RoomName) -> String {
        let used = |label: &str| self.given.values().any(|(_, given)| given == label);
        if !used(name.as_str()) {
            return name.to_string();
        }
        let numbered = (2..=Self::MAX + 1).map(|n| format!("{name} {n}")).find(|label| !used(label));
        numbered.expect("there are fewer labels than numbers")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rooms_of_one_name_keep_different_labels() {
        let [a, b, c, d] = [1, 2, 3, 4].map(|n| PeerId([n; 32]));
        let workshop: RoomName = "Workshop".parse().unwrap();
        let second: RoomName = "Workshop 2".parse().unwrap();
        let mut labels = Labels::default();
        assert_eq!(labels.give(a, &workshop), None);
        assert_eq!(labels.give(b, &second), None);
        assert_eq!(labels.give(c, &workshop), Some(workshop.clone()), "told once");
        assert_eq!(labels.give(d, &workshop), None);
        assert_eq!(labels.give(c, &workshop), None);
        let all: Vec<_> = [a, b, c, d].iter().map(|peer| labels.of(peer).unwrap().to_owned()).collect();
        assert_eq!(all, ["Workshop", "Workshop 2", "Workshop 3", "Workshop 4"]);
        assert_eq!(labels.at_door(&c, &workshop), "Workshop 3");
        assert_eq!(labels.at_door(&c, &second), "Workshop 2", "it goes by another name now");
        assert!(labels.shared(&a, &workshop) && !labels.shared(&b, &second));
    }
}
