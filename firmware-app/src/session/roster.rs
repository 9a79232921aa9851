//! A meeting as this kiosk believes it: members with the host's word for each, the chain of hosts, the removals.
//!
//! The relay's word counts for nothing here. Whoever the relay claims to be in the room without an admission that a
//! host of this meeting signed is a breach, and the session leaves.

use vestibule_common::control::{Entered, LeftWhy, Member, RoomEvent};
use vestibule_common::id::{PeerId, RoomCode, RoomId};
use vestibule_common::identity::Identity;
use vestibule_common::name::RoomName;
use vestibule_common::signed::{Admission, Authority, Founding, Refused, Removal, Role, Succession};

use super::Ticket;

/// The relay broke its part.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Breach {
    /// It let a room in, or in again, without a host's word.
    Unapproved { name: RoomName, member: PeerId, why: Refused },
    /// The meeting it brings this kiosk into is not what it claims to be.
    Meeting(Refused),
}

/// What an event changed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Change {
    /// A room joined, or its place changed.
    Joined { member: PeerId, new: bool },
    /// A room that was removed is named once more; the event of its leaving must follow soon.
    Doubtful { member: PeerId },
    /// A room left. Whether the host's word for a removal holds is told by `removed`, whether it had a place by `seated`.
    Left { member: PeerId, removed: bool, seated: bool },
    /// A room is back after a break.
    Back { member: PeerId },
    /// A connection was lost, or a room said something of itself.
    Member,
    /// Locked or no longer.
    Locked,
    /// Another room hosts.
    Host(PeerId),
    /// A succession that is not the host's word; not followed.
    FalseHost(Refused),
    /// A message between rooms.
    Opaque { from: PeerId, class: String, to: Vec<PeerId>, bytes: Vec<u8> },
    /// Nothing that concerns this kiosk.
    Nothing,
}

/// How a room is found that this kiosk enters.
pub(crate) struct Arrival {
    pub(crate) roster: Roster,
    /// Rooms that the relay names though the host's word for them does not hold any more: left out of the roster. The
    /// events of their leaving must follow.
    pub(crate) doubtful: Vec<PeerId>,
    /// The relay knows less than this kiosk: hosting has passed since, or somebody was removed.
    pub(crate) behind: bool,
}

/// The meeting's state.
#[derive(Clone, Debug)]
pub(crate) struct Roster {
    pub(crate) me: PeerId,
    pub(crate) founding: Founding,
    pub(crate) code: RoomCode,
    pub(crate) admission: Admission,
    /// In the order of their admissions, this kiosk included.
    pub(crate) members: Vec<Member>,
    pub(crate) locked: bool,
    successions: Vec<Succession>,
    authority: Authority,
    removals: Vec<Removal>,
    serial: u64,
}

impl Roster {
    /// Believes what the relay says of a room that this kiosk enters, as far as a host has signed it, and keeps what it
    /// knew before: a chain of hosts is never taken back, nor is a removal.
    pub(crate) fn enter(
        entered: Entered,
        me: PeerId,
        now_ms: u64,
        known: Option<&Ticket>,
    ) -> Result<Arrival, Breach> {
        let shown = Authority::new(&entered.founding, &entered.successions).map_err(Breach::Meeting)?;
        if entered.room != shown.room() {
            return Err(Breach::Meeting(Refused::OtherRoom));
        }
        let kept = known.map_or(&[][..], |known| &known.successions);
        let older = !entered.successions.starts_with(kept);
        if older && !kept.starts_with(&entered.successions) {
            // Two chains of which neither goes on where the other ends: one of them is not this meeting's.
            return Err(Breach::Meeting(Refused::NotFounded));
        }
        let (successions, authority) = if older {
            let authority = Authority::new(&entered.founding, kept).map_err(Breach::Meeting)?;
            (kept.to_vec(), authority)
        } else {
            (entered.successions, shown)
        };
        authority.check_admission(&entered.admission, me, &[], now_ms).map_err(Breach::Meeting)?;
        let mut roster = Roster {
            me,
            founding: entered.founding,
            code: entered.code,
            admission: entered.admission,
            members: Vec::new(),
            locked: known.filter(|_| older).map_or(entered.locked, |known| known.locked),
            serial: successions.iter().map(|word| word.serial).max().unwrap_or(0),
            successions,
            authority,
            removals: Vec::new(),
        };
        roster.saw(entered.admission.serial);
        roster.saw(known.map_or(0, |known| known.serial));
        for removal in entered.removals {
            roster.keep_removal(removal);
        }
        let mut forgotten = false;
        for removal in known.into_iter().flat_map(|known| &known.removals) {
            let as_new = |other: &Removal| other.member == removal.member && other.serial >= removal.serial;
            forgotten |= !roster.removals.iter().any(as_new) && roster.keep_removal(*removal);
        }
        let mut doubtful = Vec::new();
        for mut member in entered.members {
            // The relay names the admission by which a member came in; this kiosk may have a renewed one.
            let own = known.into_iter().map(|known| &known.admission);
            let others = known.into_iter().flat_map(|known| known.members.iter().map(|(_, word)| word));
            let newer = own.chain(others).find(|word| {
                word.member == member.id()
                    && word.serial > member.admission.serial
                    && roster.authority.check_admission(word, word.member, &[], now_ms).is_ok()
            });
            member.admission = newer.copied().unwrap_or(member.admission);
            // As of its issue: a member that is in the meeting stays in it when the day of the admission by which it
            // came in is over. The relay does not read the renewed ones.
            let at = member.admission.issued_ms.min(now_ms);
            let admission = member.admission;
            match roster.seat(member, at) {
                Ok(Change::Doubtful { member }) => doubtful.push(member),
                Ok(_) => {}
                Err(Breach::Unapproved { member, .. })
                    if known.is_some() && roster.held_once(&admission, at) =>
                {
                    doubtful.push(member);
                }
                Err(breach) => return Err(breach),
            }
        }
        Ok(Arrival { roster, doubtful, behind: older || forgotten })
    }

    /// Whether a host in its time, or one who did not know that its time was over, signed this.
    fn held_once(&self, admission: &Admission, at_ms: u64) -> bool {
        (0..=self.successions.len()).any(|hosts| {
            Authority::new(&self.founding, &self.successions[..hosts])
                .is_ok_and(|then| then.check_admission(admission, admission.member, &[], at_ms).is_ok())
        })
    }

    /// Applies what happened.
    pub(crate) fn apply(&mut self, event: RoomEvent, now_ms: u64) -> Result<Change, Breach> {
        Ok(match event {
            RoomEvent::Joined { member } => self.seat(member, now_ms)?,
            RoomEvent::Left { member, why } => self.unseat(member, why),
            RoomEvent::Away { member, grace_ms: _ } => self.change(member, |seat| seat.present = false),
            RoomEvent::Back { member } => match self.change(member, |seat| seat.present = true) {
                Change::Member if member != self.me => Change::Back { member },
                other => other,
            },
            RoomEvent::State { member, state } => self.change(member, |seat| seat.state = state),
            RoomEvent::Locked { locked } => {
                self.locked = locked;
                Change::Locked
            }
            // A relay that was told of an older meeting goes on to where this kiosk is.
            RoomEvent::HostChanged { succession } if self.successions.contains(&succession) => {
                Change::Nothing
            }
            RoomEvent::HostChanged { succession } => match self.authority.pass(&succession) {
                Ok(()) => {
                    self.saw(succession.serial);
                    self.successions.push(succession);
                    Change::Host(succession.successor)
                }
                Err(why) => Change::FalseHost(why),
            },
            RoomEvent::Opaque { from, class, to, bytes } => Change::Opaque { from, class, to, bytes },
            RoomEvent::Withheld => Change::Nothing,
        })
    }

    pub(crate) fn room(&self) -> RoomId {
        self.authority.room()
    }

    pub(crate) fn host(&self) -> PeerId {
        self.authority.host()
    }

    pub(crate) fn hosting(&self) -> bool {
        self.host() == self.me
    }

    pub(crate) fn member(&self, peer: &PeerId) -> Option<&Member> {
        self.members.iter().find(|member| member.id() == *peer)
    }

    /// The other rooms, in the order of their admissions.
    pub(crate) fn others(&self) -> impl Iterator<Item = &Member> {
        self.members.iter().filter(|member| member.id() != self.me)
    }

    pub(crate) fn successions(&self) -> &[Succession] {
        &self.successions
    }

    pub(crate) fn removals(&self) -> &[Removal] {
        &self.removals
    }

    pub(crate) fn serial(&self) -> u64 {
        self.serial
    }

    /// Who should host after this kiosk: the one that has been here longest, of those that are connected.
    pub(crate) fn heir(&self) -> Option<PeerId> {
        let present = self.others().find(|member| member.present);
        present.or_else(|| self.others().next()).map(Member::id)
    }

    /// The host's word that lets `member` in.
    pub(crate) fn admit(&mut self, host: &Identity, member: PeerId, now_ms: u64) -> Admission {
        let serial = self.next_serial();
        Admission::issue(host, self.room(), member, Role::Member, serial, now_ms)
    }

    /// Whether half of somebody's admission is over.
    pub(crate) fn renewal_due(&self, now_ms: u64) -> bool {
        self.members.iter().any(|member| half_over(&member.admission, now_ms))
    }

    /// The host's word, signed anew, for the member whose admission is the oldest; `None` when none is due.
    pub(crate) fn renew_oldest(&mut self, host: &Identity, now_ms: u64) -> Option<Admission> {
        let due = self.members.iter().filter(|member| half_over(&member.admission, now_ms));
        let old = due.min_by_key(|member| member.admission.serial)?.admission;
        let serial = self.next_serial();
        let admission = Admission::issue(host, self.room(), old.member, old.role, serial, now_ms);
        self.renewed(admission, now_ms).then_some(admission)
    }

    /// Takes an admission that the host signed anew for a member. False when it does not hold or is not newer.
    pub(crate) fn renewed(&mut self, admission: Admission, now_ms: u64) -> bool {
        let id = admission.member;
        let holds = admission.issuer == self.host()
            && self.authority.check_admission(&admission, id, &self.removals, now_ms).is_ok();
        // In place: the rooms stay in the order in which they came.
        let seat = self.members.iter_mut().find(|known| known.id() == id);
        let Some(seat) = seat.filter(|seat| holds && seat.admission.serial < admission.serial) else {
            return false;
        };
        seat.admission = admission;
        if id == self.me {
            self.admission = admission;
        }
        self.saw(admission.serial);
        true
    }

    /// The host's word that puts `member` out.
    pub(crate) fn remove(&mut self, host: &Identity, member: PeerId, now_ms: u64) -> Removal {
        let serial = self.next_serial();
        Removal::issue(host, self.room(), member, serial, now_ms)
    }

    /// The host's word about its successor.
    pub(crate) fn name_heir(&mut self, host: &Identity, heir: PeerId) -> Succession {
        let serial = self.next_serial();
        Succession::issue(host, self.room(), heir, serial)
    }

    fn next_serial(&mut self) -> u64 {
        self.serial = self.serial.saturating_add(1);
        self.serial
    }

    fn saw(&mut self, serial: u64) {
        self.serial = self.serial.max(serial);
    }

    fn seat(&mut self, member: Member, at_ms: u64) -> Result<Change, Breach> {
        let id = member.id();
        match self.authority.check_admission(&member.admission, id, &self.removals, at_ms) {
            Ok(()) => {}
            Err(Refused::Removed) => {
                self.members.retain(|known| known.id() != id);
                return Ok(Change::Doubtful { member: id });
            }
            Err(why) => return Err(Breach::Unapproved { name: member.name, member: id, why }),
        }
        self.saw(member.admission.serial);
        let known = self.members.iter_mut().find(|known| known.id() == id);
        let new = known.is_none();
        match known {
            Some(known) => *known = member,
            None => self.members.push(member),
        }
        // The order in which hosts admitted them, which is the same at every kiosk.
        self.members.sort_by_key(|member| (member.admission.serial, member.id()));
        Ok(Change::Joined { member: id, new })
    }

    fn unseat(&mut self, member: PeerId, why: LeftWhy) -> Change {
        let removed = match why {
            LeftWhy::Left | LeftWhy::Lost => false,
            LeftWhy::Removed { removal } => removal.member == member && self.keep_removal(removal),
        };
        if member == self.me {
            // `closed` says so to the one concerned.
            return Change::Nothing;
        }
        let before = self.members.len();
        self.members.retain(|known| known.id() != member);
        Change::Left { member, removed, seated: self.members.len() < before }
    }

    /// Keeps a removal if it is a host's word, once.
    fn keep_removal(&mut self, removal: Removal) -> bool {
        if self.authority.check_removal(&removal).is_err() {
            return false;
        }
        self.saw(removal.serial);
        if !self.removals.contains(&removal) {
            // Only the latest removal of a member counts.
            self.removals.retain(|known| known.member != removal.member || known.serial > removal.serial);
            self.removals.push(removal);
        }
        true
    }

    fn change(&mut self, member: PeerId, change: impl FnOnce(&mut Member)) -> Change {
        match self.members.iter_mut().find(|known| known.id() == member) {
            Some(known) => {
                change(known);
                Change::Member
            }
            None => Change::Nothing,
        }
    }
}

fn half_over(admission: &Admission, now_ms: u64) -> bool {
    admission.expires_ms.saturating_sub(now_ms) < Admission::VALID_MS / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_700_000_000_000;
    const HOUR: u64 = 3600 * 1000;

    /// Rooms 0 to 3: the first founded the meeting and passed it to the second, which removed the third and admitted
    /// the fourth. What the relay shows of it, whole, and what the fourth kept.
    fn passed_on() -> ([Identity; 4], Entered, Ticket) {
        let rooms = [1, 2, 3, 4].map(|n| Identity::from_seed(&[n; 32]));
        let founding = Founding { founder: rooms[0].peer(), nonce: RoomId([9; 16]) };
        let room = founding.room();
        let admit = |host: &Identity, guest: &Identity, serial| {
            let role = if guest.peer() == founding.founder { Role::Host } else { Role::Member };
            Admission::issue(host, room, guest.peer(), role, serial, NOW)
        };
        let words = [
            admit(&rooms[0], &rooms[0], 1),
            admit(&rooms[0], &rooms[1], 2),
            admit(&rooms[0], &rooms[2], 3),
            admit(&rooms[1], &rooms[3], 7),
        ];
        let seat = |n: usize| Member {
            name: "Room".parse().unwrap(),
            admission: words[n],
            streams: Default::default(),
            state: Default::default(),
            present: true,
        };
        let entered = Entered {
            knock: None,
            room,
            code: RoomCode::new(482_913).unwrap(),
            founding,
            successions: vec![Succession::issue(&rooms[0], room, rooms[1].peer(), 5)],
            admission: words[3],
            members: vec![seat(0), seat(1), seat(3)],
            removals: vec![Removal::issue(&rooms[1], room, rooms[2].peer(), 6, NOW)],
            locked: true,
            next_event: 9,
        };
        let ticket = Ticket {
            founding,
            code: entered.code,
            successions: entered.successions.clone(),
            admission: words[3],
            members: vec![],
            removals: entered.removals.clone(),
            locked: true,
            last_event: 8,
            serial: 7,
            seen_ms: NOW,
            muted: false,
            camera_off: false,
            chatted: false,
            inside: true,
        };
        let mut older = entered.clone();
        older.members.push(seat(2));
        older.successions.clear();
        older.removals.clear();
        older.locked = false;
        let whole = Roster::enter(entered, rooms[3].peer(), NOW, Some(&ticket)).ok().unwrap();
        assert!(!whole.behind && whole.doubtful.is_empty());
        (rooms, older, ticket)
    }

    #[test]
    fn nothing_that_was_known_is_taken_back() {
        let (rooms, older, ticket) = passed_on();
        let me = rooms[3].peer();
        let arrival = Roster::enter(older.clone(), me, NOW, Some(&ticket)).ok().unwrap();
        assert!(arrival.behind);
        assert_eq!(arrival.roster.host(), rooms[1].peer());
        assert_eq!(arrival.doubtful, [rooms[2].peer()]);
        assert_eq!(arrival.roster.members.len(), 3);
        assert_eq!(arrival.roster.removals(), ticket.removals);
        assert!(arrival.roster.locked);
        // A relay that forgets the removal alone.
        let forgetful = Entered { successions: ticket.successions.clone(), ..older.clone() };
        let arrival = Roster::enter(forgetful, me, NOW, Some(&ticket)).ok().unwrap();
        assert!(arrival.behind && arrival.doubtful == [rooms[2].peer()]);
        // A former host that passes the meeting on once more.
        let twice = Succession::issue(&rooms[0], older.room, rooms[2].peer(), 90);
        let forked = Entered { successions: vec![twice], ..older };
        let refused = Roster::enter(forked, me, NOW, Some(&ticket)).err();
        assert_eq!(refused, Some(Breach::Meeting(Refused::NotFounded)));
    }

    #[test]
    fn the_host_renews_every_admission_in_good_time() {
        let (rooms, older, ticket) = passed_on();
        let whole =
            Entered { successions: ticket.successions.clone(), removals: ticket.removals.clone(), ..older };
        let mut whole = Entered { members: whole.members[..3].to_vec(), ..whole };
        let mut guest = Roster::enter(whole.clone(), rooms[3].peer(), NOW, None).ok().unwrap().roster;
        whole.admission = whole.members[1].admission;
        let mut host = Roster::enter(whole, rooms[1].peer(), NOW, None).ok().unwrap().roster;
        assert!(host.renew_oldest(&rooms[1], NOW + 12 * HOUR).is_none(), "not yet");
        let later = NOW + 13 * HOUR;
        let words: Vec<Admission> = std::iter::from_fn(|| host.renew_oldest(&rooms[1], later)).collect();
        assert_eq!(words.len(), 3, "each once");
        assert!(!host.renewal_due(later));
        for word in &words {
            assert!(guest.renewed(*word, later));
            assert!(!guest.renewed(*word, later), "nothing new");
        }
        assert_eq!(guest.admission.expires_ms, later + Admission::VALID_MS);
        let order = |roster: &Roster| roster.members.iter().map(Member::id).collect::<Vec<_>>();
        assert_eq!(order(&guest), [0, 1, 3].map(|n| rooms[n].peer()));
        let own = Admission::issue(&rooms[0], guest.room(), rooms[0].peer(), Role::Member, 4, later);
        assert!(!guest.renewed(own, later), "not the present host's");
        let stranger = Admission::issue(&rooms[1], guest.room(), PeerId([7; 32]), Role::Member, 99, later);
        assert!(!guest.renewed(stranger, later), "lets nobody in");
    }
}
