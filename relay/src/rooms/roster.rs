//! What the members of a room know of it, as nothing but the sum of its events.
//!
//! Relay and kiosks hold the same roster because both only ever apply the same events; what the relay alone knows
//! (connections, deadlines) is elsewhere.

use std::collections::BTreeMap;

use vestibule_common::control::{LeftWhy, Member, RoomEvent};
use vestibule_common::id::PeerId;
use vestibule_common::signed::{Removal, Succession};

/// The most removals of one room: with [`super::config::MAX_MEMBERS`] members an `entered` still fits a frame.
pub(super) const MAX_REMOVALS: usize = 48;
/// The most times hosting passes in one room, for the same reason.
pub(super) const MAX_SUCCESSIONS: usize = 32;

/// Members, removals, hosts and the lock at one event number.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(super) struct Roster {
    pub(super) members: BTreeMap<PeerId, Member>,
    /// The latest of each removed identity.
    pub(super) removals: BTreeMap<PeerId, Removal>,
    pub(super) successions: Vec<Succession>,
    pub(super) locked: bool,
}

impl Roster {
    /// Moves on by one event.
    pub(super) fn apply(&mut self, event: &RoomEvent) {
        match event {
            RoomEvent::Joined { member } => {
                self.members.insert(member.id(), member.clone());
            }
            RoomEvent::Left { member, why } => {
                self.members.remove(member);
                match why {
                    LeftWhy::Removed { removal } => {
                        self.removals.insert(*member, *removal);
                    }
                    LeftWhy::Left | LeftWhy::Lost => {}
                }
            }
            RoomEvent::Away { member, .. } => self.change(member, |member| member.present = false),
            RoomEvent::Back { member } => self.change(member, |member| member.present = true),
            RoomEvent::State { member, state } => self.change(member, |member| member.state = *state),
            RoomEvent::Locked { locked } => self.locked = *locked,
            RoomEvent::HostChanged { succession } => self.successions.push(*succession),
            RoomEvent::Opaque { .. } | RoomEvent::Withheld => {}
        }
    }

    /// The removals as they stand in messages and as `signed::Authority` checks against them.
    pub(super) fn removal_list(&self) -> Vec<Removal> {
        self.removals.values().copied().collect()
    }

    fn change(&mut self, id: &PeerId, change: impl FnOnce(&mut Member)) {
        if let Some(member) = self.members.get_mut(id) {
            change(member);
        }
    }
}
