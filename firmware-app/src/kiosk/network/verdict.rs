//! Whose network is weak, out of the last ten seconds. What was said stays said until it has been well for a while, so that
//! the words do not flicker.

use std::collections::BTreeMap;

use vestibule_common::id::PeerId;
use vestibule_common::time::Duration;

use super::history::{Moment, NetworkHistory};
use super::sample::{Direction, Limit, LinkQuality, LinkSample, RoomSample, Share};

/// Seconds that are looked at.
const WINDOW: usize = 10;
/// So many bad ones of them make it weak,
const ENTER: usize = 4;
/// and fewer than so many make it good again.
const LEAVE: usize = 2;

/// Loss that repair and concealment do not hide.
const MUCH_LOSS: u32 = 20_000;
/// Sound made up that one hears.
const MUCH_CONCEALED: u32 = 30_000;
/// A way to the relay and back at which people begin to talk over each other (ITU-R G.114 allows 150 ms for all of one way).
const LONG_ROUND_TRIP: Duration = Duration::from_millis(150);
/// Jitter that costs a jitter buffer one hears.
const MUCH_JITTER: Duration = Duration::from_millis(40);

/// How the meeting's network is, in one word.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub enum Verdict {
    /// Nothing is known.
    #[default]
    Unknown,
    /// All is well.
    Good,
    /// This room's network is weak.
    OwnNetwork,
    /// This device does no more.
    OwnDevice,
    /// The relay's computer does no more.
    Relay,
    /// Another room is in trouble, and perhaps so many more in the same.
    Room {
        /// Which.
        peer: PeerId,
        /// What is wrong there.
        trouble: Trouble,
        /// More rooms with the same trouble.
        more: usize,
    },
}

/// What is wrong with another room; the worst first.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Trouble {
    /// Its pictures do not come.
    NoPictures,
    /// Its network is weak.
    Network,
    /// Its device does no more.
    Device,
}

impl Trouble {
    const ALL: [Trouble; 3] = [Trouble::NoPictures, Trouble::Network, Trouble::Device];
}

/// What was found, and found before.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Judgement {
    /// The one thing to say.
    pub verdict: Verdict,
    /// Every room that is in trouble by itself.
    pub rooms: BTreeMap<PeerId, Trouble>,
    /// Every room that suffers, be it from this one's network.
    found: BTreeMap<PeerId, Trouble>,
    own_network: bool,
    own_device: bool,
    relay: bool,
}

impl Judgement {
    /// What this room may tell the others of itself; absent while nothing is known.
    pub fn own_quality(&self) -> Option<LinkQuality> {
        match self.verdict {
            Verdict::Unknown => None,
            Verdict::OwnNetwork => Some(LinkQuality::WeakNetwork),
            Verdict::OwnDevice => Some(LinkQuality::BusyDevice),
            Verdict::Good | Verdict::Relay | Verdict::Room { .. } => Some(LinkQuality::Good),
        }
    }

    /// Whether a room's network is weak, or its pictures do not come.
    pub fn is_weak(&self, peer: &PeerId) -> bool {
        matches!(self.rooms.get(peer), Some(Trouble::Network | Trouble::NoPictures))
    }
}

/// What the last ten seconds say, given what was said before.
pub fn judge(before: &Judgement, history: &NetworkHistory) -> Judgement {
    let window: Vec<&Moment> = history.moments().rev().take(WINDOW).collect();
    if window.iter().all(|moment| is_unknown(moment)) {
        return Judgement::default();
    }
    let count = |bad: &dyn Fn(&Moment) -> bool| window.iter().filter(|moment| bad(moment)).count();
    let own_network = held(before.own_network, count(&|moment| is_weak(&moment.link)));
    let own_device = held(before.own_device, count(&|moment| moment.link.limit == Some(Limit::Device)));
    let relay = held(before.relay, count(&|moment| moment.link.relay_busy == Some(true)));
    let mut found = BTreeMap::new();
    for (peer, _) in history.rooms() {
        let worst = Trouble::ALL.into_iter().find(|trouble| {
            let bad = |moment: &Moment| {
                moment.rooms.get(peer).is_some_and(|room| suffers(room, *trouble, &moment.link))
            };
            held(before.found.get(peer) == Some(trouble), count(&bad))
        });
        found.extend(worst.map(|trouble| (*peer, trouble)));
    }
    // What ails all rooms at once, and none of them says it is theirs, is here.
    let says_so = |moment: &Moment| {
        moment.rooms.values().any(|room| matches!(room.quality, Some(LinkQuality::WeakNetwork)))
    };
    let all = found.len() >= 2 && found.len() == history.rooms().count();
    let mut rooms = found.clone();
    let alike = all && found.values().all(|trouble| *trouble == Trouble::Network) && count(&says_so) == 0;
    let here = own_network || alike;
    if here {
        rooms.retain(|_, trouble| *trouble != Trouble::Network);
    }
    let verdict = if here {
        Verdict::OwnNetwork
    } else if own_device {
        Verdict::OwnDevice
    } else if relay {
        Verdict::Relay
    } else {
        worst(before, &rooms)
    };
    Judgement { verdict, rooms, found, own_network, own_device, relay }
}

/// The worst trouble of a room; the room that was named stays named.
fn worst(before: &Judgement, rooms: &BTreeMap<PeerId, Trouble>) -> Verdict {
    let Some(trouble) = rooms.values().min().copied() else { return Verdict::Good };
    let named = match before.verdict {
        Verdict::Room { peer, .. } => Some(peer),
        Verdict::Unknown | Verdict::Good | Verdict::OwnNetwork | Verdict::OwnDevice | Verdict::Relay => None,
    };
    let same = || rooms.iter().filter(|(_, other)| **other == trouble).map(|(peer, _)| *peer);
    let Some(first) = named.filter(|peer| same().any(|other| other == *peer)).or_else(|| same().next())
    else {
        return Verdict::Good;
    };
    Verdict::Room { peer: first, trouble, more: same().count() - 1 }
}

fn held(before: bool, bad: usize) -> bool {
    bad >= if before { LEAVE } else { ENTER }
}

fn is_weak(link: &LinkSample) -> bool {
    let lossy = |direction: &Direction| at_least(direction.loss, MUCH_LOSS);
    lossy(&link.up)
        || lossy(&link.down)
        || link.round_trip.is_some_and(|time| time >= LONG_ROUND_TRIP)
        || [&link.up, &link.down].into_iter().any(|way| way.jitter.is_some_and(|time| time >= MUCH_JITTER))
        || link.limit == Some(Limit::Network)
}

fn suffers(room: &RoomSample, trouble: Trouble, link: &LinkSample) -> bool {
    match trouble {
        // What arrives and cannot be decoded is not seen either.
        Trouble::NoPictures => room.frames_decoded.is_some_and(|rate| rate.as_milli() == 0),
        Trouble::Network => {
            let lossy = at_least(room.loss, MUCH_LOSS) || at_least(room.concealed, MUCH_CONCEALED);
            // Lost on this room's own link, it says nothing about the other's.
            room.quality == Some(LinkQuality::WeakNetwork) || lossy && !is_weak(link)
        }
        Trouble::Device => room.quality == Some(LinkQuality::BusyDevice),
    }
}

fn at_least(share: Option<Share>, ppm: u32) -> bool {
    share.is_some_and(|share| share.as_ppm() >= ppm)
}

fn is_unknown(moment: &Moment) -> bool {
    moment.link == LinkSample::default() && moment.rooms.values().all(|room| *room == RoomSample::default())
}
