//! What the relay answers, and what each failure means for the way into a meeting.

use vestibule_common::control::{Ask, ClosedWhy, ErrorCode, RelayError, Tell, ToKiosk};
use vestibule_common::signed::{Admission, Refused, Role};
use vestibule_common::time::{Duration, Time};

use super::roster::Breach;
use super::told::{Out, Told, Wish};
use super::{Asked, Knocking, Meeting, Phase, RETRY, RelayClock, Session, Ticket, Way};

impl Session {
    /// A message of the relay. Whatever it says, the kiosk survives it.
    pub(crate) fn handle_message(&mut self, message: ToKiosk, now: Time) {
        let re = message.re;
        let asked = re.and_then(|request| self.asked.remove(&request)).map(|(asked, _)| asked);
        let answers = match &message.body {
            Tell::Entered(_) | Tell::Error(_) => true,
            Tell::Knocking { .. } => matches!(asked, Some(Asked::Knock { .. })),
            _ => false,
        };
        if asked.as_ref().is_some_and(Asked::is_way_in) && !answers {
            return self.hopeless("the relay answers another question");
        }
        match message.body {
            Tell::Welcome(_) | Tell::Status(_) => {
                self.log(log::Level::Debug, "the relay says what it was not asked");
            }
            Tell::Error(error) => self.failed(re, asked, error, now),
            Tell::Done => self.done(asked),
            Tell::Knocking { knock, host: _, host_name } => match &mut self.phase {
                Phase::Knocking(knocking) if re == Some(knocking.request) => {
                    knocking.knock = Some(knock);
                    knocking.host_name = Some(host_name);
                }
                // The knock was taken back before it had an id, and perhaps another sent after it.
                Phase::Out | Phase::Starting | Phase::Knocking(_) | Phase::Returning(_) | Phase::In(_) => {
                    self.ask(Ask::Cancel { knock }, Asked::Farewell, now)
                }
            },
            Tell::Entered(entered) => self.entered(asked, *entered, now),
            Tell::Accepted { number: _ } => self.accepted(asked),
            Tell::Time { sent_us: _, received_us: _, answered_us: _, time_ms } => {
                self.clock = Some(RelayClock { unix_ms: time_ms, at: now });
            }
            Tell::KnockArrived { knock, identity, name } => {
                if self.meeting().is_some_and(|meeting| meeting.roster.hosting()) {
                    self.told.push_back(Told::KnockArrived { knock, identity, name });
                } else {
                    self.log(log::Level::Warn, "the relay brings a knock to a kiosk that does not host");
                }
            }
            Tell::KnockGone { knock, why: _ } => self.told.push_back(Told::KnockGone { knock }),
            Tell::Denied { knock, why } => {
                let ours = self.knocking().filter(|knocking| knocking.knock == Some(knock));
                if let Some(host) = ours.map(|knocking| knocking.host_name.clone()) {
                    self.out(Out::Denied { why, host });
                }
            }
            Tell::Event { number, event } => self.event(number, event, now),
            Tell::MuteRequested { by } => {
                let from_host = self.meeting().is_some_and(|meeting| meeting.roster.host() == by);
                if from_host {
                    self.told.push_back(Told::MuteRequested { by });
                } else {
                    self.log(
                        log::Level::Warn,
                        format!("a request to mute by {}, who does not host", by.short()),
                    );
                }
            }
            Tell::Alarm { wrong_codes, within_ms } => {
                let minutes = within_ms.div_ceil(60_000).max(1);
                self.told.push_back(Told::WrongCodes { count: wrong_codes, minutes });
            }
            Tell::Closed { room, why } => {
                let ours = match &self.phase {
                    Phase::In(meeting) => meeting.roster.room() == room,
                    Phase::Returning(returning) => returning.ticket.room() == room,
                    Phase::Out | Phase::Starting | Phase::Knocking(_) => false,
                };
                if ours {
                    self.out(match why {
                        ClosedWhy::Ended => Out::Ended,
                        ClosedWhy::Removed => Out::Removed,
                    });
                }
            }
            Tell::Stopping { why: _ } => self.told.push_back(Told::RelayStopping),
            Tell::Redirect { endpoint, identity } => {
                self.told.push_back(Told::Redirect { endpoint, identity });
            }
        }
    }

    fn done(&mut self, asked: Option<Asked>) {
        let unexpected = match asked {
            None => "an answer to nothing",
            Some(
                Asked::Approve { .. }
                | Asked::State
                | Asked::NameSuccessor
                | Asked::Renewal
                | Asked::Farewell
                | Asked::Time
                | Asked::Create { .. }
                | Asked::Knock { .. }
                | Asked::Resume
                | Asked::Reopen
                | Asked::Correct,
            ) => return,
            // The relay says `closed` to the others only.
            Some(Asked::Wish(Wish::End)) => {
                if let Phase::In(_) = self.phase {
                    self.out(Out::Ended);
                }
                return;
            }
            Some(Asked::Wish(_)) => return,
            Some(Asked::Parcel) => {
                if let Phase::In(meeting) = &mut self.phase {
                    meeting.chat.accepted();
                }
                "\"done\" where a number was expected"
            }
        };
        self.log(log::Level::Debug, format!("the relay sends {unexpected}"));
    }

    fn failed(&mut self, re: Option<u32>, asked: Option<Asked>, error: RelayError, now: Time) {
        self.log(
            log::Level::Info,
            format!("the relay refuses{}: {error}", asked.as_ref().map_or("", Asked::words)),
        );
        let wait = error.retry_after_ms.map(Duration::from_millis).unwrap_or(RETRY);
        let wait = wait.clamp(Duration::from_millis(200), Duration::from_secs(30));
        match asked {
            // News of this kind precedes the end of the connection, which tells the rest.
            None | Some(Asked::Farewell | Asked::Time) => {}
            Some(Asked::Create { retried, founding }) => match &self.phase {
                Phase::Starting if error.code == ErrorCode::Busy && !retried => {
                    // The relay keeps the place in a meeting that was left while it was out of reach.
                    self.ask(Ask::Leave, Asked::Farewell, now);
                    self.create(founding, true, now);
                }
                Phase::Starting => self.out(Out::NotStarted(error.code)),
                Phase::Out | Phase::Knocking(_) | Phase::Returning(_) | Phase::In(_) => {}
            },
            Some(Asked::Knock { retried }) => match &self.phase {
                Phase::Knocking(knocking) if re == Some(knocking.request) => {
                    if error.code == ErrorCode::Busy && !retried {
                        let code = knocking.code;
                        self.ask(Ask::Leave, Asked::Farewell, now);
                        self.knock_at(code, true, now);
                    } else {
                        self.out(Out::NotKnocked(error.code));
                    }
                }
                Phase::Out | Phase::Starting | Phase::Knocking(_) | Phase::Returning(_) | Phase::In(_) => {}
            },
            Some(Asked::Resume) => self.not_resumed(error.code, wait, now),
            Some(Asked::Reopen) => self.not_reopened(error.code, wait, now),
            Some(Asked::Correct) => {
                let passing =
                    [ErrorCode::Busy, ErrorCode::TooFast, ErrorCode::Stopping, ErrorCode::NotInRoom];
                if passing.contains(&error.code) {
                    self.hopeless("the relay cannot be told now what it does not know of the meeting");
                } else {
                    self.breach(Breach::Meeting(Refused::NotFounded), now);
                }
            }
            Some(Asked::Parcel) => {
                if let Phase::In(meeting) = &mut self.phase {
                    if error.code == ErrorCode::TooFast {
                        meeting.chat.too_fast(wait, now);
                    } else {
                        meeting.chat.refused();
                    }
                }
            }
            Some(Asked::Renewal) => {
                self.log(log::Level::Warn, "the relay does not pass a renewed admission on");
            }
            Some(Asked::State | Asked::NameSuccessor) => {
                let passing = [ErrorCode::Busy, ErrorCode::TooFast].contains(&error.code);
                // What is refused for good is said again when it changes, and after the next return.
                if let Phase::In(meeting) = &mut self.phase
                    && passing
                {
                    meeting.state_told = None;
                    meeting.heir_named = None;
                    meeting.tell_again_at = Some(now + wait);
                }
            }
            Some(Asked::Approve { knock, admission }) if error.code == ErrorCode::Busy => {
                // Its former connection is still closing.
                let ask = Ask::Approve { knock, admission };
                self.later.push_back((now + wait, ask, Asked::Wish(Wish::Approve(knock))));
            }
            Some(Asked::Approve { knock, .. }) => {
                self.told.push_back(Told::Failed { what: Wish::Approve(knock), code: error.code });
            }
            Some(Asked::Wish(what)) => self.told.push_back(Told::Failed { what, code: error.code }),
        }
    }

    /// The relay did not let this kiosk come back. What that means depends on who hosts, and on what was asked for.
    fn not_resumed(&mut self, code: ErrorCode, wait: Duration, now: Time) {
        if self.has_arrived() {
            return;
        }
        let me = self.me();
        let (hosting, by_hand, passed, room_code) = match &self.phase {
            Phase::In(meeting) => {
                let roster = &meeting.roster;
                (roster.hosting(), false, !roster.successions().is_empty(), roster.code)
            }
            Phase::Returning(r) => {
                let host = r.ticket.successions.last().map_or(r.ticket.founding.founder, |s| s.successor);
                (host == me, r.by_hand, !r.ticket.successions.is_empty(), r.ticket.code)
            }
            Phase::Out | Phase::Starting | Phase::Knocking(_) => return,
        };
        match code {
            ErrorCode::WaitingForHost | ErrorCode::NoSuchRoom | ErrorCode::NotInRoom if hosting => {
                self.reopen(now);
            }
            // Everybody left, and this room's people want to go on.
            ErrorCode::Ended if hosting && by_hand => self.reopen(now),
            ErrorCode::WaitingForHost if self.waited_too_long(now) => self.out(Out::TooLate),
            // A former host may have brought an older meeting back, in which the word of the later one counts for
            // nothing. The later host's kiosk shows the relay what it does not know.
            ErrorCode::Refused if hosting && passed => self.reopen(now),
            ErrorCode::Refused if passed && !by_hand && !self.waited_too_long(now) => {
                self.retry_at(now + wait);
            }
            ErrorCode::WaitingForHost
            | ErrorCode::Busy
            | ErrorCode::TooFast
            | ErrorCode::Stopping
            | ErrorCode::Greeting => self.retry_at(now + wait),
            ErrorCode::NoSuchRoom
            | ErrorCode::NotInRoom
            | ErrorCode::Refused
            | ErrorCode::Removed
            | ErrorCode::Full
                if by_hand =>
            {
                // "Rejoin" means that room: when there is no way back, knock.
                self.knock(room_code, now);
            }
            ErrorCode::NoSuchRoom | ErrorCode::NotInRoom | ErrorCode::Ended => self.out(Out::Ended),
            ErrorCode::Removed => self.out(Out::Removed),
            ErrorCode::Version
            | ErrorCode::BadProof
            | ErrorCode::NoSuite
            | ErrorCode::Malformed
            | ErrorCode::UnknownType
            | ErrorCode::TooManyAttempts
            | ErrorCode::Locked
            | ErrorCode::Full
            | ErrorCode::Silenced
            | ErrorCode::NotHost
            | ErrorCode::KnockGone
            | ErrorCode::Refused
            | ErrorCode::NoSuchMember
            | ErrorCode::TooLarge
            | ErrorCode::Replaced
            | ErrorCode::Other => self.out(Out::NoWayBack(code)),
        }
    }

    /// Another question of the same kind, taken back since, was answered first.
    fn has_arrived(&self) -> bool {
        self.meeting().is_some_and(Meeting::online)
    }

    /// A relay that knows nothing of the meeting cannot say whether it has ended or only waits for its host.
    fn waited_too_long(&mut self, now: Time) -> bool {
        let Phase::In(meeting) = &mut self.phase else { return false };
        let since = *meeting.waiting_since.get_or_insert(now);
        now >= since + self.give_up_after
    }

    fn not_reopened(&mut self, code: ErrorCode, wait: Duration, now: Time) {
        if self.has_arrived() {
            return;
        }
        match code {
            // Somebody else was faster: there is a room to come back into.
            ErrorCode::Busy
            | ErrorCode::NotHost
            | ErrorCode::TooFast
            | ErrorCode::Stopping
            | ErrorCode::WaitingForHost => self.retry_at(now + wait),
            ErrorCode::Ended => self.out(Out::Ended),
            ErrorCode::Removed => self.out(Out::Removed),
            ErrorCode::Version
            | ErrorCode::BadProof
            | ErrorCode::NoSuite
            | ErrorCode::Malformed
            | ErrorCode::UnknownType
            | ErrorCode::Greeting
            | ErrorCode::NoSuchRoom
            | ErrorCode::TooManyAttempts
            | ErrorCode::Locked
            | ErrorCode::Full
            | ErrorCode::Silenced
            | ErrorCode::NotInRoom
            | ErrorCode::KnockGone
            | ErrorCode::Refused
            | ErrorCode::NoSuchMember
            | ErrorCode::TooLarge
            | ErrorCode::Replaced
            | ErrorCode::Other => self.out(Out::NoWayBack(code)),
        }
    }

    fn retry_at(&mut self, at: Time) {
        match &mut self.phase {
            Phase::In(meeting) => meeting.way = Way::RetryAt(at),
            Phase::Returning(returning) => returning.way = Way::RetryAt(at),
            Phase::Out | Phase::Starting | Phase::Knocking(Knocking { .. }) => {}
        }
    }

    /// The host's kiosk brings the meeting back after the relay was restarted.
    fn reopen(&mut self, now: Time) {
        let ticket = match &self.phase {
            Phase::In(meeting) => meeting.ticket(0),
            Phase::Returning(returning) => returning.ticket.clone(),
            Phase::Out | Phase::Starting | Phase::Knocking(_) => return,
        };
        self.log(log::Level::Info, format!("bringing the meeting {} back", ticket.code));
        self.reopen_with(ticket, Asked::Reopen, now);
    }

    /// Tells the relay what this kiosk kept of the meeting that it hosts.
    pub(super) fn reopen_with(&mut self, ticket: Ticket, asked: Asked, now: Time) {
        let now_ms = self.relay_ms(now).unwrap_or(0);
        let mut admission = ticket.admission;
        if admission.expires_ms.saturating_sub(now_ms) < Admission::VALID_MS / 2 {
            // A host's own word renews its own place; the others' hold as long as they were given for.
            let serial = ticket.serial.saturating_add(1);
            admission =
                Admission::issue(&self.identity, ticket.room(), self.me(), Role::Host, serial, now_ms);
        }
        let ask = Ask::Reopen {
            founding: ticket.founding,
            successions: ticket.successions,
            code: ticket.code,
            admission,
            members: ticket.members,
            removals: ticket.removals,
            locked: ticket.locked,
            next_event: ticket.last_event.saturating_add(1),
        };
        self.ask(ask, asked, now);
    }
}
