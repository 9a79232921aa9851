//! A relay of a few lines: what PROTOCOL.md asks of one, without its limits, so that a test can also let it lie.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use vestibule_common::control::*;
use vestibule_common::id::{KnockId, PeerId, RoomCode, RoomId, StreamId};
use vestibule_common::name::RoomName;
use vestibule_common::signed::{Admission, Authority, Founding, Refused, Removal, Succession};

pub(super) struct Room {
    pub(super) founding: Founding,
    pub(super) code: RoomCode,
    pub(super) successions: Vec<Succession>,
    pub(super) members: BTreeMap<PeerId, Member>,
    pub(super) removals: Vec<Removal>,
    locked: bool,
    heirs: Vec<Succession>,
    /// Events since the first kept one, each with the roster before it.
    log: Vec<(RoomEvent, BTreeMap<PeerId, Member>)>,
    first: u64,
}

#[derive(Default)]
pub(super) struct Relay {
    pub(super) rooms: BTreeMap<RoomId, Room>,
    names: BTreeMap<PeerId, RoomName>,
    pub(super) place: BTreeMap<PeerId, RoomId>,
    knocks: BTreeMap<KnockId, (PeerId, RoomId)>,
    /// Ended for all.
    ended: BTreeSet<RoomId>,
    fresh: u32,
    out: VecDeque<(PeerId, ToKiosk)>,
    /// Sends no answer to these requests any more.
    pub(super) mute: bool,
    /// What it says takes longer than people have patience.
    pub(super) slow: bool,
    /// Refuses the next request so, with so many milliseconds to wait.
    pub(super) refusal: Option<(ErrorCode, Option<u64>)>,
    /// Refuses so many states as too fast.
    pub(super) states_refused: u32,
}

fn refuse(code: ErrorCode) -> Tell {
    Tell::Error(RelayError { code, detail: "test".into(), retry_after_ms: None })
}

impl Room {
    fn host(&self) -> PeerId {
        self.successions.last().map_or(self.founding.founder, |word| word.successor)
    }

    fn next(&self) -> u64 {
        self.first + self.log.len() as u64
    }
}

impl Relay {
    pub(super) fn greet(&mut self, peer: PeerId, name: RoomName) {
        // It takes the place of its former connection.
        self.lost(peer);
        self.names.insert(peer, name);
    }

    pub(super) fn next(&mut self) -> Option<(PeerId, ToKiosk)> {
        if self.slow { None } else { self.out.pop_front() }
    }

    pub(super) fn tell(&mut self, to: PeerId, body: Tell) {
        self.out.push_back((to, ToKiosk { re: None, body }));
    }

    fn streams(&mut self) -> Streams {
        self.fresh += 4;
        let [audio, video, presentation, file] = [0, 1, 2, 3].map(|n| StreamId(self.fresh + n));
        Streams { audio, video, presentation, file }
    }

    /// Publishes an event to everyone who is present.
    pub(super) fn publish(&mut self, id: RoomId, event: RoomEvent) -> u64 {
        let room = self.rooms.get_mut(&id).unwrap();
        let number = room.next();
        room.log.push((event.clone(), room.members.clone()));
        match &event {
            RoomEvent::Joined { member } => drop(room.members.insert(member.id(), member.clone())),
            RoomEvent::Left { member, .. } => {
                room.members.remove(member);
                room.heirs.retain(|word| word.successor != *member);
            }
            RoomEvent::Away { member, .. } => room.members.get_mut(member).unwrap().present = false,
            RoomEvent::Back { member } => room.members.get_mut(member).unwrap().present = true,
            RoomEvent::State { member, state } => room.members.get_mut(member).unwrap().state = *state,
            RoomEvent::Locked { locked } => room.locked = *locked,
            RoomEvent::HostChanged { succession } => room.successions.push(*succession),
            RoomEvent::Opaque { .. } | RoomEvent::Withheld => {}
        }
        let peers: Vec<PeerId> = room.members.keys().copied().collect();
        for peer in peers {
            let newcomer = matches!(&event, RoomEvent::Joined { member } if member.id() == peer);
            if self.place.get(&peer) == Some(&id) && !newcomer {
                self.tell(peer, Tell::Event { number, event: seen_by(&event, peer) });
            }
        }
        number
    }

    fn entered(&self, id: RoomId, peer: PeerId, knock: Option<KnockId>, from: u64) -> Tell {
        let room = &self.rooms[&id];
        let members = match room.log.get((from - room.first) as usize) {
            Some((_, before)) => before.clone(),
            None => room.members.clone(),
        };
        Tell::Entered(Box::new(Entered {
            knock,
            room: id,
            code: room.code,
            founding: room.founding,
            successions: room.successions.clone(),
            admission: room.members[&peer].admission,
            members: members.into_values().collect(),
            removals: room.removals.clone(),
            locked: room.locked,
            next_event: from,
        }))
    }

    pub(super) fn join(&mut self, id: RoomId, admission: Admission, knock: Option<KnockId>, re: Option<u32>) {
        let peer = admission.member;
        let name = self.names[&peer].clone();
        let streams = self.streams();
        let member = Member { name, admission, streams, state: MemberState::default(), present: true };
        self.place.insert(peer, id);
        self.publish(id, RoomEvent::Joined { member });
        let next = self.rooms[&id].next();
        let body = self.entered(id, peer, knock, next);
        self.out.push_back((peer, ToKiosk { re, body }));
    }

    pub(super) fn lost(&mut self, peer: PeerId) {
        self.knocks_gone(peer, KnockGoneWhy::Lost);
        // What was under way to it is lost too.
        self.out.retain(|(to, _)| *to != peer);
        if let Some(id) = self.place.remove(&peer) {
            self.publish(id, RoomEvent::Away { member: peer, grace_ms: 120_000 });
        }
    }

    /// Hosting passes by the word the host left; without one that counts, the meeting ends.
    pub(super) fn pass_hosting(&mut self, id: RoomId) {
        let room = &self.rooms[&id];
        let host = room.host();
        let able = |word: &&Succession| {
            word.issuer == host && room.members.get(&word.successor).is_some_and(|member| member.present)
        };
        match room.heirs.iter().filter(able).max_by_key(|word| word.serial).copied() {
            Some(succession) => drop(self.publish(id, RoomEvent::HostChanged { succession })),
            None => self.end(id, None),
        }
    }

    /// Everyone but whoever asked is told.
    fn end(&mut self, id: RoomId, asked: Option<PeerId>) {
        let room = self.rooms.remove(&id).unwrap();
        if asked.is_some() {
            self.ended.insert(id);
        }
        for peer in room.members.into_keys() {
            let here = self.place.remove(&peer).is_some();
            if asked == Some(peer) || !here {
                continue;
            }
            self.tell(peer, Tell::Closed { room: id, why: ClosedWhy::Ended });
        }
    }

    fn knocks_gone(&mut self, peer: PeerId, why: KnockGoneWhy) {
        let gone: Vec<KnockId> =
            self.knocks.iter().filter(|(_, (who, _))| *who == peer).map(|(id, _)| *id).collect();
        for knock in gone {
            let (_, id) = self.knocks.remove(&knock).unwrap();
            let host = self.rooms[&id].host();
            self.tell(host, Tell::KnockGone { knock, why });
        }
    }

    fn put_out(&mut self, id: RoomId, removal: Removal) {
        self.rooms.get_mut(&id).unwrap().removals.push(removal);
        self.publish(id, RoomEvent::Left { member: removal.member, why: LeftWhy::Removed { removal } });
        self.place.remove(&removal.member);
        self.tell(removal.member, Tell::Closed { room: id, why: ClosedWhy::Removed });
    }

    fn leave(&mut self, peer: PeerId) -> bool {
        let Some(id) = self.place.get(&peer).copied() else { return false };
        let was_host = self.rooms[&id].host() == peer;
        self.publish(id, RoomEvent::Left { member: peer, why: LeftWhy::Left });
        self.place.remove(&peer);
        if self.rooms[&id].members.is_empty() {
            self.rooms.remove(&id);
        } else if was_host {
            self.pass_hosting(id);
        }
        true
    }

    pub(super) fn handle(&mut self, from: PeerId, message: ToRelay) {
        if self.mute {
            return;
        }
        let re = Some(message.request);
        if let Some(body) = self.answer(from, re, message.body) {
            self.out.push_back((from, ToKiosk { re, body }));
        }
    }

    fn answer(&mut self, from: PeerId, re: Option<u32>, ask: Ask) -> Option<Tell> {
        let here = self.place.get(&from).copied();
        if let Some((code, retry_after_ms)) = self.refusal.take() {
            return Some(Tell::Error(RelayError { code, detail: "test".into(), retry_after_ms }));
        }
        Some(match ask {
            Ask::Create { .. } | Ask::Knock { .. } | Ask::Resume { .. } if here.is_some() => {
                refuse(ErrorCode::Busy)
            }
            Ask::Knock { .. } if self.knocks.values().any(|(who, _)| *who == from) => refuse(ErrorCode::Busy),
            Ask::Create { founding, admission } => {
                self.fresh += 1;
                let code = RoomCode::new(482_900 + self.rooms.len() as u32 + 13).unwrap();
                let room = Room {
                    founding,
                    code,
                    successions: vec![],
                    members: BTreeMap::new(),
                    removals: vec![],
                    locked: false,
                    heirs: vec![],
                    log: vec![],
                    first: 1,
                };
                self.rooms.insert(founding.room(), room);
                self.join(founding.room(), admission, None, re);
                return None;
            }
            Ask::Knock { code } => {
                let Some((id, room)) = self.rooms.iter().find(|(_, room)| room.code == code) else {
                    return Some(refuse(ErrorCode::NoSuchRoom));
                };
                if room.locked {
                    return Some(refuse(ErrorCode::Locked));
                }
                let (id, host) = (*id, room.host());
                self.fresh += 1;
                let knock = KnockId(u64::from(self.fresh).to_be_bytes());
                self.knocks.insert(knock, (from, id));
                let name = self.names[&from].clone();
                self.tell(host, Tell::KnockArrived { knock, identity: from, name });
                Tell::Knocking { knock, host, host_name: self.names[&host].clone() }
            }
            Ask::Cancel { knock } => {
                if !self.knocks.contains_key(&knock) {
                    return Some(refuse(ErrorCode::KnockGone));
                }
                self.knocks_gone(from, KnockGoneWhy::Cancelled);
                Tell::Done
            }
            Ask::Approve { knock, admission } => match self.knocks.remove(&knock) {
                Some((peer, id)) => {
                    assert_eq!(peer, admission.member);
                    self.join(id, admission, Some(knock), None);
                    Tell::Done
                }
                None => refuse(ErrorCode::KnockGone),
            },
            Ask::Deny { knock } => match self.knocks.remove(&knock) {
                Some((peer, _)) => {
                    self.tell(peer, Tell::Denied { knock, why: DeniedWhy::Denied });
                    Tell::Done
                }
                None => refuse(ErrorCode::KnockGone),
            },
            Ask::Resume { room, admission, last_event } => {
                let Some(known) = self.rooms.get(&room) else {
                    let over = self.ended.contains(&room);
                    return Some(refuse(if over { ErrorCode::Ended } else { ErrorCode::WaitingForHost }));
                };
                let authority = Authority::new(&known.founding, &known.successions).unwrap();
                match authority.check_admission(&admission, from, &known.removals, admission.issued_ms) {
                    Ok(()) => {}
                    Err(Refused::Removed) => return Some(refuse(ErrorCode::Removed)),
                    Err(_) => return Some(refuse(ErrorCode::Refused)),
                }
                if !known.members.contains_key(&from) {
                    self.join(room, admission, None, re);
                    return None;
                }
                let from_event = (last_event + 1).clamp(known.first, known.next());
                let missed: Vec<(u64, RoomEvent)> = (from_event..known.next())
                    .map(|n| (n, known.log[(n - known.first) as usize].0.clone()))
                    .collect();
                let mut body = self.entered(room, from, None, from_event);
                if let Tell::Entered(entered) = &mut body {
                    entered.admission = admission;
                }
                self.out.push_back((from, ToKiosk { re, body }));
                for (number, event) in missed {
                    self.tell(from, Tell::Event { number, event: seen_by(&event, from) });
                }
                self.place.insert(from, room);
                self.publish(room, RoomEvent::Back { member: from });
                return None;
            }
            Ask::Reopen { founding, successions, removals, .. } if here == Some(founding.room()) => {
                let id = founding.room();
                let known = self.rooms[&id].successions.clone();
                let Some(further) = successions.strip_prefix(&known[..]) else {
                    return Some(refuse(ErrorCode::NotHost));
                };
                for succession in further {
                    self.publish(id, RoomEvent::HostChanged { succession: *succession });
                }
                for removal in removals {
                    self.put_out(id, removal);
                }
                self.entered(id, from, None, self.rooms[&id].next())
            }
            Ask::Reopen { founding, successions, code, admission, members, removals, locked, next_event } => {
                let id = founding.room();
                let mut places = BTreeMap::new();
                for (name, admission) in members {
                    let (streams, state) = (self.streams(), MemberState::default());
                    places
                        .insert(admission.member, Member { name, admission, streams, state, present: false });
                }
                let (heirs, log, first) = (vec![], vec![], next_event);
                let members = places;
                let room = Room { founding, code, successions, members, removals, locked, heirs, log, first };
                self.rooms.insert(id, room);
                self.join(id, admission, None, re);
                return None;
            }
            Ask::Leave => {
                if self.leave(from) {
                    Tell::Done
                } else {
                    refuse(ErrorCode::NotInRoom)
                }
            }
            Ask::Remove { removal } => {
                self.put_out(here?, removal);
                Tell::Done
            }
            Ask::Lock { locked } => {
                self.publish(here?, RoomEvent::Locked { locked });
                Tell::Done
            }
            Ask::Mute { member } => {
                self.tell(member, Tell::MuteRequested { by: from });
                Tell::Done
            }
            Ask::End => {
                self.end(here?, Some(from));
                Tell::Done
            }
            Ask::NameSuccessor { succession } => {
                self.rooms.get_mut(&here?).unwrap().heirs.push(succession);
                Tell::Done
            }
            Ask::State { .. } if self.states_refused > 0 => {
                self.states_refused -= 1;
                refuse(ErrorCode::TooFast)
            }
            Ask::State { state } => {
                let Some(id) = here else { return Some(refuse(ErrorCode::NotInRoom)) };
                self.publish(id, RoomEvent::State { member: from, state });
                Tell::Done
            }
            Ask::Opaque { class, to, bytes } => {
                let Some(id) = here else { return Some(refuse(ErrorCode::NotInRoom)) };
                assert!(bytes.len() <= MAX_OPAQUE && class.len() <= MAX_CLASS);
                let number = self.publish(id, RoomEvent::Opaque { from, class, to, bytes });
                Tell::Accepted { number }
            }
            Ask::Time { sent_us } => Tell::Time {
                sent_us,
                received_us: 0,
                answered_us: 0,
                time_ms: super::world::EPOCH_MS + sent_us / 1000,
            },
            Ask::Hello(_) | Ask::Status { .. } => unreachable!("the shell's"),
        })
    }
}

fn seen_by(event: &RoomEvent, peer: PeerId) -> RoomEvent {
    match event {
        RoomEvent::Opaque { from, to, .. } if !to.is_empty() && !to.contains(&peer) && *from != peer => {
            RoomEvent::Withheld
        }
        other => other.clone(),
    }
}
