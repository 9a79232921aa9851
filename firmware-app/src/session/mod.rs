//! The client's side of the control protocol: what this kiosk asks of the relay, and what it believes of what it is
//! told. Pure; it decides nothing that a person decides.
//!
//! A meeting outlives its connection: `In` stays while the link is down, and `Resume` (or, for the host after the relay
//! was restarted, `Reopen`) brings it back without a new approval.

mod answers;
mod asked;
pub(crate) mod chance;
pub(crate) mod chat;
mod events;
mod hosting;
pub(crate) mod names;
pub(crate) mod roster;
mod ticket;
pub(crate) mod told;

use std::collections::{BTreeMap, VecDeque};

use vestibule_common::control::{Ask, ErrorCode, Limits, MemberState, ToRelay, Welcome};
use vestibule_common::id::{KnockId, PeerId, RoomCode, RoomId};
use vestibule_common::identity::Identity;
use vestibule_common::name::RoomName;
use vestibule_common::signed::{Admission, Founding, Role};
use vestibule_common::time::{Duration, Time};

use crate::kiosk::effect::Media;
use asked::Asked;
use chance::Chance;
use chat::{CannotSay, ChatLog};
use names::Labels;
use roster::Roster;
pub use ticket::Ticket;
use told::{Out, Told, Wish};

/// How long the relay may take for an answer before the connection counts as broken.
const ANSWER_WITHIN: Duration = Duration::from_secs(8);
/// How long after a member's return a removal may take to be followed by its event.
const DOUBT: Duration = Duration::from_secs(5);
/// Between two tries to come back while the relay waits for the host, unless it says otherwise.
const RETRY: Duration = Duration::from_secs(2);
/// An opaque message with an admission that the host has signed anew.
const CLASS_ADMISSION: &str = "admission";
/// Requests that may wait for an answer at once.
const MAX_ASKED: usize = 128;

/// The session of one kiosk.
pub(crate) struct Session {
    identity: Identity,
    chance: Chance,
    send_history: bool,
    give_up_after: Duration,
    link: Option<Link>,
    clock: Option<RelayClock>,
    phase: Phase,
    /// The person took back a knock whose id is not known yet, or left while the relay could not be told.
    next_request: u32,
    asked: BTreeMap<u32, (Asked, Time)>,
    /// Requests that the relay asked to hear again in a moment.
    later: VecDeque<(Time, Ask, Asked)>,
    told: VecDeque<Told>,
}

/// The connection.
struct Link {
    limits: Limits,
    /// When to ask the relay's time next.
    beat_at: Time,
}

/// The relay's clock, as the last greeting or answer told it.
#[derive(Copy, Clone)]
struct RelayClock {
    unix_ms: u64,
    at: Time,
}

enum Phase {
    /// In no meeting.
    Out,
    /// Asked to start one.
    Starting,
    /// At the door.
    Knocking(Knocking),
    /// On the way back into a meeting of which only the ticket is left.
    Returning(Box<Returning>),
    /// In a meeting, connected or not.
    In(Box<Meeting>),
}

/// At the door.
pub(crate) struct Knocking {
    pub(crate) code: RoomCode,
    /// Whose answer counts: one that was taken back may still be answered.
    request: u32,
    knock: Option<KnockId>,
    /// Whose door, once the relay said so.
    pub(crate) host_name: Option<RoomName>,
}

/// On the way back.
struct Returning {
    ticket: Ticket,
    /// "Rejoin" was touched; otherwise the power was cut.
    by_hand: bool,
    way: Way,
    since: Time,
}

/// How far the way back is.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
enum Way {
    /// There is no connection.
    Offline,
    /// The relay was asked.
    Asking,
    /// The relay said to wait.
    RetryAt(Time),
    /// In.
    Arrived,
}

/// A meeting.
pub(crate) struct Meeting {
    pub(crate) roster: Roster,
    pub(crate) labels: Labels,
    pub(crate) chat: ChatLog,
    next_event: u64,
    way: Way,
    /// Since when the relay has known nothing of the meeting.
    waiting_since: Option<Time>,
    /// The state that the relay was told last, on this connection.
    state_told: Option<MemberState>,
    /// The successor that was named last.
    heir_named: Option<PeerId>,
    /// The relay took these two too fast to be told; not again before this.
    tell_again_at: Option<Time>,
    /// Every successor that the relay was given a word about, in the order of these words.
    heirs: Vec<PeerId>,
    /// When the next admission may be renewed: one at a time, so that a full meeting is no burst.
    renew_at: Option<Time>,
    /// Rooms that were removed and are named once more, and until when that may be.
    doubtful: BTreeMap<PeerId, Time>,
}

impl Meeting {
    /// Whether the meeting is connected, so that the relay carries what is said.
    pub(crate) fn online(&self) -> bool {
        self.way == Way::Arrived
    }

    /// What to call a room.
    pub(crate) fn label(&self, peer: &PeerId) -> Option<&str> {
        self.labels.of(peer)
    }
}

impl Session {
    pub(crate) fn new(
        identity: Identity,
        seed: [u8; 32],
        send_history: bool,
        give_up_after: Duration,
    ) -> Session {
        Session {
            identity,
            chance: Chance::new(seed),
            send_history,
            give_up_after,
            link: None,
            clock: None,
            phase: Phase::Out,
            next_request: 1,
            asked: BTreeMap::new(),
            later: VecDeque::new(),
            told: VecDeque::new(),
        }
    }

    pub(crate) fn me(&self) -> PeerId {
        self.identity.peer()
    }

    pub(crate) fn chance(&mut self) -> &mut Chance {
        &mut self.chance
    }

    pub(crate) fn next_told(&mut self) -> Option<Told> {
        self.told.pop_front()
    }

    /// The meeting this kiosk is in, connected or not.
    pub(crate) fn meeting(&self) -> Option<&Meeting> {
        match &self.phase {
            Phase::In(meeting) => Some(meeting),
            Phase::Out | Phase::Starting | Phase::Knocking(_) | Phase::Returning(_) => None,
        }
    }

    /// The knock under way.
    pub(crate) fn knocking(&self) -> Option<&Knocking> {
        match &self.phase {
            Phase::Knocking(knocking) => Some(knocking),
            Phase::Out | Phase::Starting | Phase::Returning(_) | Phase::In(_) => None,
        }
    }

    /// The code of the meeting this kiosk is on its way back into.
    pub(crate) fn returning(&self) -> Option<RoomCode> {
        match &self.phase {
            Phase::Returning(returning) => Some(returning.ticket.code),
            Phase::Out | Phase::Starting | Phase::Knocking(_) | Phase::In(_) => None,
        }
    }

    /// Whether the relay was asked to start a meeting and has not answered.
    pub(crate) fn starting(&self) -> bool {
        matches!(self.phase, Phase::Starting)
    }

    pub(crate) fn connected(&self) -> bool {
        self.link.is_some()
    }

    /// The relay's clock now, if it was ever heard: Unix time in milliseconds.
    pub(crate) fn relay_ms(&self, now: Time) -> Option<u64> {
        let passed = |clock: &RelayClock| u64::try_from(now.since(clock.at).as_millis()).unwrap_or(u64::MAX);
        self.clock.as_ref().map(|clock| clock.unix_ms.saturating_add(passed(clock)))
    }

    /// What to keep over a power cut. The kiosk adds what it knows itself.
    pub(crate) fn ticket(&self, now: Time) -> Option<Ticket> {
        match &self.phase {
            Phase::In(meeting) => Some(meeting.ticket(self.relay_ms(now).unwrap_or(0))),
            Phase::Returning(returning) => Some(returning.ticket.clone()),
            Phase::Out | Phase::Starting | Phase::Knocking(_) => None,
        }
    }

    /// Starts a meeting.
    pub(crate) fn start(&mut self, now: Time) {
        let founding = Founding { founder: self.me(), nonce: RoomId(self.chance.nonce()) };
        self.phase = Phase::Starting;
        self.create(founding, false, now);
    }

    /// Knocks at the room with this code.
    pub(crate) fn knock(&mut self, code: RoomCode, now: Time) {
        self.knock_at(code, false, now);
    }

    fn knock_at(&mut self, code: RoomCode, retried: bool, now: Time) {
        let request = self.next_request;
        self.phase = Phase::Knocking(Knocking { code, request, knock: None, host_name: None });
        self.ask(Ask::Knock { code }, Asked::Knock { retried }, now);
    }

    /// Goes back into a meeting. `by_hand`: "Rejoin" was touched.
    pub(crate) fn come_back(&mut self, ticket: Ticket, by_hand: bool, now: Time) {
        let returning = Returning { ticket, by_hand, way: Way::Offline, since: now };
        self.phase = Phase::Returning(Box::new(returning));
        if self.connected() {
            self.resume(now);
        }
    }

    /// Takes a knock, a start or a way back back.
    pub(crate) fn give_up(&mut self, now: Time) {
        match std::mem::replace(&mut self.phase, Phase::Out) {
            Phase::Knocking(Knocking { knock: Some(knock), .. }) => {
                self.ask(Ask::Cancel { knock }, Asked::Farewell, now);
            }
            // A knock without an id yet, or a meeting that is being started, is taken back when the answer comes.
            Phase::Knocking(_) | Phase::Starting | Phase::Returning(_) | Phase::Out => {}
            Phase::In(meeting) => self.phase = Phase::In(meeting),
        }
    }

    /// Leaves the meeting.
    pub(crate) fn leave(&mut self, now: Time) {
        if let Phase::In(_) = self.phase {
            self.phase = Phase::Out;
            self.later.clear();
            self.told.push_back(Told::Media(Media::Stop));
            self.ask(Ask::Leave, Asked::Farewell, now);
        }
    }

    /// Writes to everyone (`None`) or to one room. Without a connection the message waits for one.
    pub(crate) fn say(&mut self, to: Option<PeerId>, text: &str, now: Time) -> Result<(), CannotSay> {
        let now_ms = self.relay_ms(now).unwrap_or(0);
        let Phase::In(meeting) = &mut self.phase else { return Ok(()) };
        meeting.chat.say(&self.identity, to.into_iter().collect(), text, now_ms)?;
        self.told.push_back(Told::TicketChanged);
        Ok(())
    }

    /// What the relay was told of this room last, by this connection; none while it has to be told anew.
    pub(crate) fn state_told(&self) -> Option<MemberState> {
        self.meeting().and_then(|meeting| meeting.state_told)
    }

    /// Brings the relay up to date: this room's state, the successor, what is to be carried.
    pub(crate) fn settle(&mut self, state: MemberState, now: Time) {
        self.renew_one(now);
        while let Phase::In(meeting) = &mut self.phase {
            if !meeting.online() {
                return;
            }
            if meeting.tell_again_at.is_some_and(|at| at <= now) {
                meeting.tell_again_at = None;
            }
            let may_tell = meeting.tell_again_at.is_none();
            let heir = meeting.roster.heir().filter(|_| may_tell);
            let (ask, asked) = if may_tell && meeting.state_told != Some(state) {
                meeting.state_told = Some(state);
                (Ask::State { state }, Asked::State)
            } else if meeting.roster.hosting() && heir.is_some() && heir != meeting.heir_named {
                meeting.heir_named = heir;
                let heir = heir.expect("was just looked at");
                meeting.heirs.retain(|known| *known != heir);
                meeting.heirs.push(heir);
                let succession = meeting.roster.name_heir(&self.identity, heir);
                (Ask::NameSuccessor { succession }, Asked::NameSuccessor)
            } else if let Some(ask) = meeting.chat.next_ask(now) {
                (ask, Asked::Parcel)
            } else {
                return;
            };
            self.ask(ask, asked, now);
        }
    }

    /// The relay has greeted.
    pub(crate) fn handle_connected(&mut self, welcome: &Welcome, now: Time) {
        self.clock = Some(RelayClock { unix_ms: welcome.time_ms, at: now });
        self.asked.clear();
        let beat_at = now + beat(&welcome.limits);
        self.link = Some(Link { limits: welcome.limits, beat_at });
        self.resume(now);
    }

    /// The connection is gone.
    pub(crate) fn handle_disconnected(&mut self) {
        self.link = None;
        self.later.clear();
        self.forget_questions();
        match &mut self.phase {
            Phase::Out => {}
            Phase::Starting | Phase::Knocking(_) => {
                self.phase = Phase::Out;
                self.told.push_back(Told::Out(Out::LinkLost));
            }
            Phase::Returning(returning) => returning.way = Way::Offline,
            Phase::In(meeting) => {
                meeting.way = Way::Offline;
                meeting.state_told = None;
                meeting.heir_named = None;
                meeting.tell_again_at = None;
                meeting.waiting_since = None;
                meeting.doubtful.clear();
                meeting.chat.connection_lost();
            }
        }
    }

    /// When [`Session::handle_timeout`] is due.
    pub(crate) fn poll_timeout(&self) -> Option<Time> {
        let unanswered = self.asked.values().map(|(_, at)| *at + ANSWER_WITHIN);
        let beat = self.link.iter().map(|link| link.beat_at);
        let phase = match &self.phase {
            Phase::Out | Phase::Starting | Phase::Knocking(_) => [None; 4],
            Phase::Returning(returning) => {
                [returning.way.retry_at(), Some(returning.since + self.give_up_after), None, None]
            }
            Phase::In(meeting) => [
                meeting.way.retry_at(),
                meeting.doubtful.values().min().copied(),
                meeting.chat.not_before().filter(|_| meeting.online()),
                meeting.tell_again_at.filter(|_| meeting.online()),
            ],
        };
        let later = self.later.iter().map(|(at, _, _)| *at);
        unanswered.chain(later).chain(beat).chain(phase.into_iter().flatten()).min()
    }

    /// A moment has come.
    pub(crate) fn handle_timeout(&mut self, now: Time) {
        if self.asked.values().any(|(_, at)| now >= *at + ANSWER_WITHIN) {
            self.hopeless("the relay does not answer");
        }
        if let Some(link) = self.link.as_mut().filter(|link| now >= link.beat_at) {
            link.beat_at = now + beat(&link.limits);
            self.ask(Ask::Time { sent_us: now.as_micros() }, Asked::Time, now);
        }
        while let Some((_, ask, asked)) =
            self.later.iter().position(|(at, _, _)| now >= *at).and_then(|due| self.later.remove(due))
        {
            self.ask(ask, asked, now);
        }
        let retry = match &self.phase {
            Phase::Returning(returning) if now >= returning.since + self.give_up_after => {
                return self.out(Out::TooLate);
            }
            Phase::Returning(returning) => returning.way.retry_at(),
            Phase::In(meeting) => meeting.way.retry_at(),
            Phase::Out | Phase::Starting | Phase::Knocking(_) => None,
        };
        if retry.is_some_and(|at| now >= at) {
            self.resume(now);
        }
        self.check_doubts(now);
    }

    fn create(&mut self, founding: Founding, retried: bool, now: Time) {
        let now_ms = self.relay_ms(now).unwrap_or(0);
        let (room, me) = (founding.room(), self.me());
        let admission = Admission::issue(&self.identity, room, me, Role::Host, 1, now_ms);
        self.ask(Ask::Create { founding, admission }, Asked::Create { retried, founding }, now);
    }

    /// Asks to be let back in.
    fn resume(&mut self, now: Time) {
        let (ticket, way) = match &mut self.phase {
            Phase::Out | Phase::Starting | Phase::Knocking(_) => return,
            Phase::Returning(returning) => (returning.ticket.clone(), &mut returning.way),
            Phase::In(meeting) => (meeting.ticket(0), &mut meeting.way),
        };
        *way = Way::Asking;
        let (room, last_event) = (ticket.room(), ticket.last_event);
        self.ask(Ask::Resume { room, admission: ticket.admission, last_event }, Asked::Resume, now);
    }

    /// Sends a request; without a connection it is dropped, since whatever matters is asked again after the next one.
    fn ask(&mut self, body: Ask, asked: Asked, now: Time) {
        if self.link.is_none() {
            return;
        }
        if self.asked.len() >= MAX_ASKED {
            self.hopeless("the relay leaves too many requests unanswered");
            return;
        }
        let request = self.next_request;
        self.next_request = self.next_request.checked_add(1).unwrap_or(1);
        self.asked.insert(request, (asked, now));
        self.told.push_back(Told::Send(ToRelay { request, body }));
    }

    /// The connection is of no use any more.
    fn hopeless(&mut self, why: &'static str) {
        self.forget_questions();
        self.told.push_back(Told::Hopeless(why));
    }

    /// Nothing that was asked will be answered. What the next connection does not bring by itself is said to have failed.
    fn forget_questions(&mut self) {
        for (_, (asked, _)) in std::mem::take(&mut self.asked) {
            if let Asked::Wish(what @ (Wish::Remove | Wish::Lock | Wish::MuteMember | Wish::End)) = asked {
                self.told.push_back(Told::Failed { what, code: ErrorCode::Other });
            }
        }
    }

    /// Out of the meeting, or out of the way into one.
    fn out(&mut self, why: Out) {
        if let Phase::In(_) = self.phase {
            self.told.push_back(Told::Media(Media::Stop));
        }
        self.phase = Phase::Out;
        self.later.clear();
        self.told.push_back(Told::Out(why));
    }

    fn log(&mut self, level: log::Level, text: impl Into<String>) {
        self.told.push_back(Told::Log(level, text.into()));
    }
}

impl Way {
    fn retry_at(self) -> Option<Time> {
        match self {
            Way::RetryAt(at) => Some(at),
            Way::Offline | Way::Asking | Way::Arrived => None,
        }
    }
}

impl Meeting {
    fn ticket(&self, seen_ms: u64) -> Ticket {
        let roster = &self.roster;
        Ticket {
            founding: roster.founding,
            code: roster.code,
            successions: roster.successions().to_vec(),
            admission: roster.admission,
            members: roster.others().map(|member| (member.name.clone(), member.admission)).collect(),
            removals: roster.removals().to_vec(),
            locked: roster.locked,
            last_event: self.next_event.saturating_sub(1),
            serial: roster.serial(),
            seen_ms,
            muted: false,
            camera_off: false,
            chatted: self.chat.missing || self.chat.entries().len() > 0,
            inside: true,
        }
    }
}

/// How often the relay's time is asked: often enough that neither side takes the other for lost.
fn beat(limits: &Limits) -> Duration {
    Duration::from_millis((limits.idle_timeout_ms / 3).clamp(1000, 5000))
}
