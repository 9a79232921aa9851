//! The words of one meeting: in the room's order, each checked against its author's signature, none of them twice.
//!
//! What this room wrote is sent again after a break until the relay has given it its place; receivers know a message by
//! author and sequence and ignore what they have. Everything is forgotten with the meeting.

use std::collections::{BTreeSet, VecDeque};

use vestibule_common::chat::{CLASS_CHAT, CLASS_HISTORY, ChatError, ChatMessage, HistoryPage};
use vestibule_common::control::{Ask, MAX_OPAQUE};
use vestibule_common::id::{PeerId, RoomId};
use vestibule_common::identity::Identity;
use vestibule_common::time::{Duration, Time};

use crate::view::Delivery;

/// A message and what became of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Entry {
    pub(crate) message: ChatMessage,
    pub(crate) delivery: Delivery,
}

/// Why a message cannot be taken for sending.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) enum CannotSay {
    /// Its form.
    Form(ChatError),
    /// Too many messages wait already.
    Waiting,
}

/// What a received message was.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) enum Heard {
    /// New: shown.
    New,
    /// Had already.
    Known,
    /// Not what it claims to be, or not JSON of a message; the text is for the log.
    Forged(&'static str),
}

/// One thing to be carried by the relay. One is on its way at a time, so that order is kept and a relay that finds this
/// too fast slows it down.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Parcel {
    /// An own message.
    Own(u64),
    /// A page of history for a newcomer, with so many messages.
    History { to: PeerId, messages: usize },
}

/// The chat of one meeting.
#[derive(Clone, Debug)]
pub(crate) struct ChatLog {
    me: PeerId,
    room: RoomId,
    entries: VecDeque<Entry>,
    seen: BTreeSet<(PeerId, u64)>,
    /// Where the next message of history belongs.
    history_at: usize,
    /// Messages are missing: before this kiosk came, or during a break.
    pub(crate) missing: bool,
    sequence: u64,
    waiting: VecDeque<u64>,
    newcomers: VecDeque<(PeerId, usize)>,
    under_way: Option<Parcel>,
    not_before: Option<Time>,
}

impl ChatLog {
    /// Messages that are kept; beyond it the oldest go, and the chat says that some are missing.
    const MAX: usize = 2000;
    /// Own messages that may wait for the relay.
    const MAX_WAITING: usize = 32;
    /// Newcomers that may wait for the history.
    const MAX_NEWCOMERS: usize = 64;

    pub(crate) fn new(me: PeerId, room: RoomId) -> ChatLog {
        ChatLog {
            me,
            room,
            entries: VecDeque::new(),
            seen: BTreeSet::new(),
            history_at: 0,
            missing: false,
            sequence: 0,
            waiting: VecDeque::new(),
            newcomers: VecDeque::new(),
            under_way: None,
            not_before: None,
        }
    }

    /// Oldest first.
    pub(crate) fn entries(&self) -> impl ExactSizeIterator<Item = &Entry> + DoubleEndedIterator {
        self.entries.iter()
    }

    /// Takes a message for sending. Sequences follow the relay's clock, so that they rise over a power cut too.
    pub(crate) fn say(
        &mut self,
        author: &Identity,
        to: Vec<PeerId>,
        text: &str,
        now_ms: u64,
    ) -> Result<(), CannotSay> {
        if self.waiting.len() >= Self::MAX_WAITING {
            return Err(CannotSay::Waiting);
        }
        let sequence = now_ms.max(self.sequence.saturating_add(1));
        let message =
            ChatMessage::write(author, self.room, to, sequence, now_ms, text).map_err(CannotSay::Form)?;
        self.sequence = sequence;
        self.waiting.push_back(sequence);
        self.push(Entry { message, delivery: Delivery::Sending });
        Ok(())
    }

    /// A message that the relay carried from `from` to `to`.
    pub(crate) fn hear(&mut self, from: PeerId, to: &[PeerId], bytes: &[u8]) -> Heard {
        let Ok(message) = serde_json::from_slice::<ChatMessage>(bytes) else {
            return Heard::Forged("a chat message that cannot be read");
        };
        if message.from != from || message.to != to {
            return Heard::Forged(
                "a chat message with another sender or other recipients than it was carried for",
            );
        }
        if message.check(self.room).is_err() {
            return Heard::Forged("a chat message that its author did not sign");
        }
        if message.from != self.me && message.is_private() && !message.to.contains(&self.me) {
            return Heard::Forged("a private chat message for another room");
        }
        if self.seen.contains(&(message.from, message.sequence)) {
            if message.from == self.me {
                // Its place in the order is the best acknowledgement.
                self.settle(message.sequence, Delivery::Sent);
            }
            return Heard::Known;
        }
        if message.from == self.me {
            // Written before a power cut, and in the room's order.
            self.sequence = self.sequence.max(message.sequence);
        }
        self.push(Entry { message, delivery: Delivery::Sent });
        Heard::New
    }

    /// A page of history from the host. Returns how many messages were new and how many were dropped as forged.
    pub(crate) fn hear_history(&mut self, bytes: &[u8]) -> Result<(usize, usize), &'static str> {
        let page: HistoryPage =
            serde_json::from_slice(bytes).map_err(|_| "a page of history that cannot be read")?;
        let (mut new, mut forged) = (0, 0);
        self.missing |= page.incomplete;
        for message in page.messages {
            if message.is_private() || message.check(self.room).is_err() {
                forged += 1;
                continue;
            }
            if self.seen.contains(&(message.from, message.sequence)) {
                let same = |entry: &Entry| {
                    entry.message.from == message.from && entry.message.sequence == message.sequence
                };
                if let Some(at) = self.entries.iter().position(same) {
                    self.history_at = self.history_at.max(at + 1);
                }
                continue;
            }
            if self.entries.len() >= Self::MAX {
                self.missing = true;
                continue;
            }
            let at = self.history_at.min(self.entries.len());
            self.seen.insert((message.from, message.sequence));
            self.entries.insert(at, Entry { message, delivery: Delivery::Sent });
            self.history_at = at + 1;
            new += 1;
        }
        Ok((new, forged))
    }

    /// A newcomer is to have what was said before it came.
    pub(crate) fn tell_newcomer(&mut self, peer: PeerId) {
        let nothing = !self.missing && !self.entries.iter().any(public);
        if nothing || self.newcomers.len() >= Self::MAX_NEWCOMERS {
            return;
        }
        self.newcomers.retain(|(other, _)| *other != peer);
        self.newcomers.push_back((peer, 0));
    }

    /// A room left: it needs no history any more.
    pub(crate) fn forget_newcomer(&mut self, peer: &PeerId) {
        self.newcomers.retain(|(other, _)| other != peer);
    }

    /// The next thing for the relay to carry, if it is time and nothing is on its way.
    pub(crate) fn next_ask(&mut self, now: Time) -> Option<Ask> {
        if self.under_way.is_some() || self.not_before.is_some_and(|at| now < at) {
            return None;
        }
        self.not_before = None;
        if let Some(&sequence) = self.waiting.front() {
            let found = self.entries.iter().find(|entry| self.own(entry, sequence));
            let Some(message) = found.map(|entry| entry.message.clone()) else {
                self.waiting.pop_front();
                return self.next_ask(now);
            };
            let bytes = serde_json::to_vec(&message).expect("a message has only text and numbers");
            self.under_way = Some(Parcel::Own(sequence));
            return Some(Ask::Opaque { class: CLASS_CHAT.into(), to: message.to, bytes });
        }
        let &(to, from) = self.newcomers.front()?;
        let (page, messages) = self.page(from);
        let bytes = serde_json::to_vec(&page).expect("a page has only text and numbers");
        self.under_way = Some(Parcel::History { to, messages });
        Some(Ask::Opaque { class: CLASS_HISTORY.into(), to: vec![to], bytes })
    }

    /// When [`ChatLog::next_ask`] is worth a try after it was too fast.
    pub(crate) fn not_before(&self) -> Option<Time> {
        self.not_before
    }

    /// What is on its way has its place in the room's order.
    pub(crate) fn accepted(&mut self) {
        match self.under_way.take() {
            Some(Parcel::Own(sequence)) => self.settle(sequence, Delivery::Sent),
            Some(Parcel::History { to, messages }) => {
                let public = self.entries.iter().filter(|entry| public(entry)).count();
                self.newcomers.retain_mut(|(peer, at)| {
                    *at += if *peer == to { messages } else { 0 };
                    *peer != to || *at < public
                });
            }
            None => {}
        }
    }

    /// What is on its way was too fast for the relay, which takes it after `wait`.
    pub(crate) fn too_fast(&mut self, wait: Duration, now: Time) {
        self.under_way = None;
        self.not_before = Some(now + wait);
    }

    /// What is on its way was refused for good.
    pub(crate) fn refused(&mut self) {
        match self.under_way.take() {
            Some(Parcel::Own(sequence)) => self.settle(sequence, Delivery::Failed),
            Some(Parcel::History { to, .. }) => self.forget_newcomer(&to),
            None => {}
        }
    }

    /// The connection ended: what was on its way is sent again, once there is one.
    pub(crate) fn connection_lost(&mut self) {
        self.under_way = None;
        self.not_before = None;
    }

    fn own(&self, entry: &Entry, sequence: u64) -> bool {
        entry.message.from == self.me && entry.message.sequence == sequence
    }

    fn settle(&mut self, sequence: u64, delivery: Delivery) {
        self.waiting.retain(|waiting| *waiting != sequence);
        let me = self.me;
        let own = |entry: &&mut Entry| entry.message.from == me && entry.message.sequence == sequence;
        if let Some(entry) = self.entries.iter_mut().find(own) {
            entry.delivery = delivery;
        }
    }

    fn push(&mut self, entry: Entry) {
        if self.entries.len() >= Self::MAX {
            let oldest = self.entries.pop_front().expect("a full log has an oldest entry");
            self.seen.remove(&(oldest.message.from, oldest.message.sequence));
            self.history_at = self.history_at.saturating_sub(1);
            if public(&oldest) {
                self.newcomers.iter_mut().for_each(|(_, at)| *at = at.saturating_sub(1));
            }
            self.missing = true;
        }
        self.seen.insert((entry.message.from, entry.message.sequence));
        self.entries.push_back(entry);
    }

    /// The page of public messages from the one with this index on, within what the relay carries.
    fn page(&self, from: usize) -> (HistoryPage, usize) {
        let mut page =
            HistoryPage { messages: Vec::new(), more: true, incomplete: self.missing && from == 0 };
        let mut size = serde_json::to_vec(&page).map_or(0, |bytes| bytes.len());
        let mut all = true;
        for entry in self.entries.iter().filter(|entry| public(entry)).skip(from) {
            size += 1 + serde_json::to_vec(&entry.message).map_or(0, |bytes| bytes.len());
            if size > MAX_OPAQUE {
                all = false;
                break;
            }
            page.messages.push(entry.message.clone());
        }
        page.more = !all;
        let messages = page.messages.len();
        (page, messages)
    }
}

/// What newcomers may read: said to everyone, and in the room's order.
fn public(entry: &Entry) -> bool {
    !entry.message.is_private() && entry.delivery == Delivery::Sent
}
