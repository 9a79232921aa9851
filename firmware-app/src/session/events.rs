//! Into the room and what happens there: every claim is checked before it counts.

use vestibule_common::chat::{CLASS_CHAT, CLASS_HISTORY};
use vestibule_common::control::{Ask, Entered, Member, RoomEvent};
use vestibule_common::id::PeerId;
use vestibule_common::name::RoomName;
use vestibule_common::signed::Admission;
use vestibule_common::time::Time;

use super::chat::{ChatLog, Heard};
use super::names::Labels;
use super::roster::{Arrival, Breach, Change, Roster};
use super::told::{Out, Told};
use super::{Asked, CLASS_ADMISSION, DOUBT, Meeting, Phase, Session, Way};
use crate::kiosk::effect::Media;

impl Session {
    /// The relay says that this kiosk is in a room. Believed if it was asked for, and if the host's word is there.
    pub(super) fn entered(&mut self, asked: Option<Asked>, entered: Entered, now: Time) {
        let room = entered.room;
        let came_back = matches!(asked, Some(Asked::Resume | Asked::Reopen | Asked::Correct));
        let awaited = match &self.phase {
            Phase::Starting => match &asked {
                Some(Asked::Create { founding, .. }) => *founding == entered.founding,
                Some(_) | None => false,
            },
            Phase::Knocking(knocking) => knocking.knock.is_some() && knocking.knock == entered.knock,
            Phase::Returning(returning) => came_back && returning.ticket.founding == entered.founding,
            Phase::In(meeting) => came_back && meeting.roster.founding == entered.founding,
            Phase::Out => false,
        };
        if !awaited {
            // Approved in the moment the knock was taken back, or a meeting that nobody wants any more.
            self.log(log::Level::Info, format!("leaving the room {room}, which is not wanted any more"));
            if !matches!(self.phase, Phase::In(_)) {
                self.ask(Ask::Leave, Asked::Farewell, now);
            } else if came_back {
                self.hopeless("the relay offers another meeting");
            }
            return;
        }
        let Some(now_ms) = self.relay_ms(now) else { return };
        let next_event = entered.next_event;
        let known = match &self.phase {
            Phase::Out | Phase::Starting | Phase::Knocking(_) => None,
            Phase::Returning(returning) => Some(returning.ticket.clone()),
            Phase::In(meeting) => Some(meeting.ticket(0)),
        };
        let Arrival { roster, doubtful, behind } =
            match Roster::enter(entered, self.identity.peer(), now_ms, known.as_ref()) {
                Ok(arrival) => arrival,
                Err(breach) => return self.breach(breach, now),
            };
        let hosting = roster.hosting();
        let me = roster.me;
        let own = roster.member(&me).map(|member| member.streams).unwrap_or_default();
        let others = roster.others().map(|member| (member.id(), member.streams)).collect();
        let mut meeting = match std::mem::replace(&mut self.phase, Phase::Out) {
            Phase::In(mut meeting) => {
                meeting.chat.missing |= next_event > meeting.next_event;
                meeting.roster = roster;
                meeting
            }
            Phase::Returning(returning) => {
                let mut meeting = Box::new(Meeting::new(roster));
                meeting.chat.missing =
                    returning.ticket.chatted || next_event > returning.ticket.last_event.saturating_add(1);
                meeting
            }
            Phase::Out | Phase::Starting | Phase::Knocking(_) => Box::new(Meeting::new(roster)),
        };
        meeting.next_event = next_event;
        meeting.way = Way::Arrived;
        meeting.waiting_since = None;
        meeting.state_told = None;
        meeting.heir_named = None;
        meeting.doubtful = doubtful.into_iter().map(|peer| (peer, now + DOUBT)).collect();
        self.phase = Phase::In(meeting);
        if let Some(known) = known.filter(|_| behind) {
            self.log(log::Level::Warn, "the relay knows an older meeting than this kiosk");
            // Said once: the answer to it shows all that the relay is willing to learn.
            if hosting && asked != Some(Asked::Correct) {
                self.reopen_with(known, Asked::Correct, now);
            }
        }
        let twins = self.name_everyone();
        self.told.push_back(Told::Media(Media::Join { own, others }));
        self.told.push_back(Told::Entered { back: came_back });
        self.told.extend(twins);
        self.told.push_back(Told::TicketChanged);
    }

    /// Something happened in the room.
    pub(super) fn event(&mut self, number: u64, event: RoomEvent, now: Time) {
        let now_ms = self.relay_ms(now).unwrap_or(0);
        let Phase::In(meeting) = &mut self.phase else { return };
        if !meeting.online() || number < meeting.next_event {
            return;
        }
        if number > meeting.next_event {
            // The relay lost count. Coming back brings everything that it still has.
            meeting.chat.missing = true;
            let text = format!("event {number} came where {} was next", meeting.next_event);
            self.log(log::Level::Warn, text);
            return self.hopeless("events of the meeting are missing");
        }
        meeting.next_event = number.saturating_add(1);
        match meeting.roster.apply(event, now_ms) {
            Ok(change) => self.changed(change, now),
            Err(breach) => self.breach(breach, now),
        }
    }

    /// An own message has its place in the order; the event itself follows, or came before.
    pub(super) fn accepted(&mut self, asked: Option<Asked>) {
        let (Phase::In(meeting), Some(Asked::Parcel)) = (&mut self.phase, asked) else { return };
        meeting.chat.accepted();
    }

    /// A room that was removed and was named once more must be gone by now.
    pub(super) fn check_doubts(&mut self, now: Time) {
        let Phase::In(meeting) = &self.phase else { return };
        let overdue = meeting.doubtful.iter().find(|(_, until)| now >= **until).map(|(peer, _)| *peer);
        if let Some(member) = overdue {
            let label = meeting.label(&member).and_then(|label| label.parse().ok());
            let name = label.unwrap_or_else(|| nameless(&member));
            let why = vestibule_common::signed::Refused::Removed;
            self.breach(Breach::Unapproved { name, member, why }, now);
        }
    }

    fn changed(&mut self, change: Change, now: Time) {
        let Phase::In(meeting) = &mut self.phase else { return };
        match change {
            Change::Joined { member, new } => {
                meeting.doubtful.remove(&member);
                if member == meeting.roster.me {
                    return;
                }
                let streams = meeting.roster.member(&member).map(|seat| seat.streams).unwrap_or_default();
                self.told.push_back(Told::Media(Media::Add(member, streams)));
                if new {
                    if self.send_history && meeting.roster.hosting() {
                        meeting.chat.tell_newcomer(member);
                    }
                    // Of two sentences the newer one is shown: that of the shared name.
                    let twins = self.name_everyone();
                    self.told.push_back(Told::Joined(member));
                    self.told.extend(twins);
                }
                self.told.push_back(Told::TicketChanged);
            }
            Change::Back { member } => {
                // Its decoder starts anew. Named again, the room is greeted with a keyframe like one that joins.
                if let Some(streams) = meeting.roster.member(&member).map(|seat| seat.streams) {
                    self.told.push_back(Told::Media(Media::Add(member, streams)));
                }
            }
            Change::Doubtful { member } => {
                meeting.doubtful.entry(member).or_insert(now + DOUBT);
                self.told.push_back(Told::Media(Media::Drop(member)));
            }
            Change::Left { member, removed, seated } => {
                meeting.doubtful.remove(&member);
                meeting.chat.forget_newcomer(&member);
                // With its seat the relay forgets the word that named it.
                meeting.heir_named = meeting.heir_named.filter(|heir| *heir != member);
                meeting.heirs.retain(|heir| *heir != member);
                let label = meeting.label(&member).unwrap_or_default().to_owned();
                self.told.push_back(Told::Media(Media::Drop(member)));
                if seated {
                    self.told.push_back(Told::Left { label, removed });
                }
                self.told.push_back(Told::TicketChanged);
            }
            Change::Member | Change::Nothing => {}
            Change::Locked => {
                if meeting.roster.locked {
                    self.told.push_back(Told::DoorLocked);
                }
                self.told.push_back(Told::TicketChanged);
            }
            Change::Host(host) => {
                meeting.heir_named = None;
                meeting.heirs.clear();
                self.told.push_back(Told::HostIs(host));
                self.told.push_back(Told::TicketChanged);
            }
            Change::FalseHost(why) => {
                self.log(log::Level::Warn, format!("a change of host that does not hold: {why}"));
            }
            Change::Opaque { from, class, to, bytes } => self.heard(from, &class, &to, &bytes, now),
        }
    }

    fn heard(&mut self, from: PeerId, class: &str, to: &[PeerId], bytes: &[u8], now: Time) {
        let now_ms = self.relay_ms(now).unwrap_or(0);
        let Phase::In(meeting) = &mut self.phase else { return };
        let refused = match class {
            CLASS_CHAT => match meeting.chat.hear(from, to, bytes) {
                Heard::New => {
                    if from != meeting.roster.me {
                        self.told.push_back(Told::Chat);
                    }
                    return self.told.push_back(Told::TicketChanged);
                }
                Heard::Known => return,
                Heard::Forged(what) => what,
            },
            CLASS_HISTORY if from == meeting.roster.me => return,
            CLASS_HISTORY if from != meeting.roster.host() => "history from a room that does not host",
            CLASS_HISTORY => match meeting.chat.hear_history(bytes) {
                Ok((_, 0)) => return self.told.push_back(Told::TicketChanged),
                Ok(_) => "history with messages that their authors did not sign",
                Err(what) => what,
            },
            CLASS_ADMISSION if from == meeting.roster.me => return,
            CLASS_ADMISSION => match serde_json::from_slice::<Admission>(bytes) {
                Ok(admission) if meeting.roster.renewed(admission, now_ms) => {
                    return self.told.push_back(Told::TicketChanged);
                }
                Ok(_) => "an admission that does not hold or is not newer",
                Err(_) => "an admission that cannot be read",
            },
            class => {
                let class: String = class.chars().filter(|c| !c.is_control()).take(16).collect();
                return self.log(log::Level::Debug, format!("a message of unknown class {class:?}"));
            }
        };
        self.log(log::Level::Warn, format!("from {}: {refused}; dropped", from.short()));
    }

    pub(super) fn breach(&mut self, breach: Breach, now: Time) {
        let out = match breach {
            Breach::Unapproved { name, member, why } => {
                let member = member.short();
                self.log(
                    log::Level::Error,
                    format!("the relay let {name} ({member}) in without the host's word: {why}"),
                );
                Out::Unapproved { name }
            }
            Breach::Meeting(why) => {
                self.log(log::Level::Error, format!("the relay offers a meeting that does not hold: {why}"));
                Out::FalseMeeting(why)
            }
        };
        self.out(out);
        self.ask(Ask::Leave, Asked::Farewell, now);
    }

    /// Gives everyone a label. Returns what is to be said of names that two rooms share.
    fn name_everyone(&mut self) -> Vec<Told> {
        let Phase::In(meeting) = &mut self.phase else { return Vec::new() };
        let Meeting { roster, labels, .. } = meeting.as_mut();
        let shared = roster.members.iter().filter_map(|member| labels.give(member.id(), &member.name));
        shared.map(Told::Twins).collect()
    }
}

impl Meeting {
    fn new(roster: Roster) -> Meeting {
        Meeting {
            labels: Labels::default(),
            chat: ChatLog::new(roster.me, roster.room()),
            roster,
            next_event: 0,
            way: Way::Offline,
            waiting_since: None,
            state_told: None,
            heir_named: None,
            tell_again_at: None,
            heirs: Vec::new(),
            renew_at: None,
            doubtful: Default::default(),
        }
    }

    /// The member behind a key, if it is in the meeting.
    pub(crate) fn member(&self, peer: &PeerId) -> Option<&Member> {
        self.roster.member(peer)
    }
}

/// What to call a room that has no name here: the first digits of its key.
fn nameless(peer: &PeerId) -> RoomName {
    peer.short().to_string().parse().expect("hexadecimal digits are a name")
}
