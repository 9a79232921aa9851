//! What the shell reports and what the session says, and what the room makes of it.

use vestibule_common::control::{DeniedWhy, ErrorCode, Welcome};
use vestibule_common::id::{PeerId, RoomCode};
use vestibule_common::time::{Duration, Time};

use super::door::Knock;
use super::effect::{Chime, Effect};
use super::link::LinkState;
use super::network::Network;
use super::news::{CameraState, DeviceState, GateReport, LEVELS, LinkLoss, News};
use super::presenting::Turn;
use super::{Activity, Kiosk, Place, Stay};
use crate::session::told::{Out, Told, Wish};
use crate::view::words::Sentence;
use crate::view::{Panel, PictureId, Severity};

impl Kiosk {
    /// Something has happened.
    pub fn handle_news(&mut self, news: News, now: Time) {
        match news {
            News::Searching => self.log(log::Level::Info, "looking for the relay on the network"),
            News::RelaysFound(relays) => {
                let found = match relays.len() {
                    1 => "one relay is on the network".to_owned(),
                    count => format!("{count} relays are on the network"),
                };
                self.log(log::Level::Info, found);
                self.link.found(relays);
            }
            News::Connected { welcome, address } => self.connected(&welcome, address, now),
            News::Disconnected { why, detail } => self.connection_lost(why, detail, now),
            News::Message(message) => self.session.handle_message(message, now),
            News::MicrophoneState(report) => self.gate_reports(report, now),
            News::Camera(state) => self.camera_reports(state),
            News::Presentation(state) => self.grabber_reports(state, now),
            News::Recording(true) => self.say(Sentence::Recording, None, Severity::Alarm, now),
            News::Recording(false) => self.notices.remove(&Sentence::Recording),
            News::Network(sample) => self.network_sampled(*sample, now),
            News::NetworkLog(Ok(path)) => {
                self.say(Sentence::NetworkLogWritten { path }, None, Severity::Info, now)
            }
            News::NetworkLog(Err(why)) => {
                self.say(Sentence::NetworkLogFailed, Some(why), Severity::Warning, now)
            }
            News::Speaker(state) => {
                let lost = newly_failed(&self.devices.speaker, &state);
                self.devices.speaker = Some(state);
                self.device_lost(lost, Sentence::SpeakerLost, now);
            }
            News::Buttons(state) => {
                let lost = newly_failed(&self.devices.buttons, &state);
                if lost.is_some() {
                    self.buttons_gone();
                }
                self.devices.buttons = Some(state);
                self.device_lost(lost, Sentence::ButtonsLost, now);
            }
            News::Contact { button, contact } => self.contact_is(button, contact, now),
            News::VoiceActive { peer, speaking } => {
                let known = self.session.meeting().is_some_and(|m| m.member(&peer).is_some());
                self.stay.floor.handle_voice(peer, speaking && known, now);
                if speaking && known {
                    self.stay.speaking.insert(peer);
                    self.anyone_there.sign_of_life(now);
                } else if self.stay.speaking.remove(&peer) {
                    self.anyone_there.sign_of_life(now);
                }
            }
            News::OwnVoice { speaking } => {
                self.stay.own_voice = speaking;
                self.anyone_there.sign_of_life(now);
            }
            News::OwnLevel(level) => self.devices.level = level.min(LEVELS),
            News::PictureState { picture, arriving } => {
                if arriving && self.is_of_member(picture) {
                    self.stay.arriving.insert(picture);
                } else {
                    self.stay.arriving.remove(&picture);
                }
            }
        }
        self.settle(now);
    }

    fn connected(&mut self, welcome: &Welcome, address: String, now: Time) {
        if !self.link.trusts(&welcome.identity) {
            self.effects.push_back(Effect::Disconnect);
            self.link.state = LinkState::Connecting;
            let detail = format!("a relay with the key {} answered", welcome.identity);
            return self.connection_lost(LinkLoss::ChangedIdentity, detail, now);
        }
        self.log(log::Level::Info, format!("connected to the relay at {address}"));
        self.link.connected(welcome.identity, address, now);
        self.notices.remove(&Sentence::RelayStopping);
        self.session.handle_connected(welcome, now);
        if let Some(ticket) = self.restored.take() {
            // The ticket's time is the relay's, as is this one: a board without a clock wakes up in 1970.
            let gone = Duration::from_millis(welcome.time_ms.saturating_sub(ticket.seen_ms));
            let window = self.config.rejoin_for;
            if gone >= window || ticket.admission.expires_ms <= welcome.time_ms {
                self.log(log::Level::Info, "the meeting before the power cut is too long ago");
            } else if ticket.inside && self.activity() == Activity::Nothing {
                self.log(log::Level::Info, format!("going back to the meeting {}", ticket.code));
                self.stay = Stay { muted: ticket.muted, camera_off: ticket.camera_off, ..Stay::new() };
                self.session.come_back(ticket, false, now);
            } else {
                self.former = Some((ticket, now + (window - gone)));
            }
        }
    }

    fn gate_reports(&mut self, report: GateReport, now: Time) {
        let before = self.gate.last_report().cloned();
        if before.as_ref() != Some(&report) {
            self.log(log::Level::Debug, format!("the audio gate reports {report:?}"));
        }
        let was_missing = matches!(before, Some(GateReport::Missing(_)));
        let missing = match &report {
            GateReport::Missing(why) => Some(why.to_string()),
            GateReport::Open | GateReport::Closed | GateReport::Fault(_) => None,
        };
        if let GateReport::Fault(why) = &report
            && before.as_ref() != Some(&report)
        {
            self.log(log::Level::Warn, format!("the audio gate has a fault: {why}"));
        }
        if self.gate.report(report, now) {
            // A microphone that was gone comes back behind a closed gate.
            if !was_missing {
                self.log(log::Level::Warn, "the audio gate does what it was not told");
            }
            self.tell_gate();
        }
        match missing {
            Some(why) if !was_missing => {
                self.notices.remove(&Sentence::MicrophoneBack);
                self.device_lost(Some(why), Sentence::MicrophoneLost, now);
            }
            None if was_missing => {
                self.notices.remove(&Sentence::MicrophoneLost);
                if self.activity() == Activity::Meeting {
                    self.say(Sentence::MicrophoneBack, None, Severity::Info, now);
                }
            }
            Some(_) | None => {}
        }
    }

    fn camera_reports(&mut self, state: CameraState) {
        if self.devices.camera.as_ref() != Some(&state) {
            match &state {
                CameraState::On(_) | CameraState::Off => {
                    self.log(log::Level::Debug, format!("camera: {state:?}"))
                }
                CameraState::Failed(why) => self.log(log::Level::Warn, format!("camera: {why}")),
            }
        }
        self.devices.camera = Some(state);
    }

    fn grabber_reports(&mut self, state: CameraState, now: Time) {
        match self.stay.presenting.grabber_reports(state) {
            Some(Turn::Never(why)) => self.say(Sentence::NothingToPresent, Some(why), Severity::Warning, now),
            Some(Turn::Lost(why)) => self.say(Sentence::PresentationLost, Some(why), Severity::Warning, now),
            Some(Turn::Back) => self.notices.remove(&Sentence::PresentationLost),
            None => {}
        }
    }

    fn is_of_member(&self, picture: PictureId) -> bool {
        let member = |peer: &PeerId| self.session.meeting().is_some_and(|m| m.member(peer).is_some());
        match picture {
            PictureId::Room(peer) | PictureId::Presentation(peer) => member(&peer),
            PictureId::Own | PictureId::OwnPresentation => false,
        }
    }

    /// A missing device is a normal state: home says so in its line; in a meeting it is a sentence of its own.
    fn device_lost(&mut self, why: Option<String>, sentence: Sentence, now: Time) {
        let Some(why) = why else { return };
        if self.activity() == Activity::Meeting {
            self.say(sentence, Some(why), Severity::Warning, now);
        } else {
            let words = sentence.say(crate::view::Language::English);
            self.log(log::Level::Warn, format!("{words} ({why})"));
        }
    }

    /// For a room that comes without it: what the others cannot hear, and what it cannot.
    fn say_what_is_missing(&mut self, now: Time) {
        if let Some(GateReport::Missing(why)) = self.gate.last_report().cloned() {
            self.say(Sentence::MicrophoneLost, Some(why.to_string()), Severity::Warning, now);
        }
        if let Some(DeviceState::Failed(why)) = self.devices.speaker.clone() {
            self.say(Sentence::SpeakerLost, Some(why.to_string()), Severity::Warning, now);
        }
    }

    pub(super) fn told(&mut self, told: Told, now: Time) {
        match told {
            Told::Send(message) => self.effects.push_back(Effect::Send(message)),
            Told::Media(media) => self.effects.push_back(Effect::Media(media)),
            Told::Entered { back } => {
                self.go_home();
                self.former = None;
                if !back {
                    self.network = Network::default();
                }
                self.anyone_there.sign_of_life(now);
                self.idle.wake(now);
                self.say_what_is_missing(now);
                if back {
                    self.log(log::Level::Info, "back in the meeting");
                } else {
                    self.effects.push_back(Effect::Chime(Chime::Joined));
                    self.log(log::Level::Info, "in a meeting");
                }
            }
            Told::KnockArrived { knock, identity, name } => {
                let who = format!("{name} ({})", identity.short());
                if self.door.arrive(Knock { id: knock, identity, name }) {
                    self.log(log::Level::Info, format!("{who} knocks"));
                } else {
                    self.say(Sentence::TooManyKnocks, Some(who), Severity::Warning, now);
                }
            }
            Told::KnockGone { knock } => {
                self.approve_button.gone(&knock);
                if let Some(knock) = self.door.take(&knock) {
                    self.log(log::Level::Info, format!("{} does not knock any more", knock.name));
                }
            }
            Told::DoorLocked => self.nobody_at_the_door(),
            Told::Out(out) => self.out(out, now),
            Told::MuteRequested { by } => {
                let room = self.label(&by).unwrap_or_default().to_owned();
                if !self.stay.muted {
                    self.stay.muted = true;
                    self.say(Sentence::MutedByHost { room }, None, Severity::Info, now);
                }
            }
            Told::Chat => {
                self.asked.ticket_dirty = true;
                if self.stay.panel != Some(Panel::Chat) {
                    self.stay.unread = self.stay.unread.saturating_add(1);
                }
            }
            Told::Joined(peer) => {
                let room = self.label(&peer).unwrap_or_default().to_owned();
                self.effects.push_back(Effect::Chime(Chime::Joined));
                self.say(Sentence::Joined { room }, None, Severity::Info, now);
            }
            Told::Left { label: room, removed } => {
                let known = |peer: &_| self.session.meeting().is_some_and(|m| m.member(peer).is_some());
                self.stay.chat_to = self.stay.chat_to.filter(known);
                let speaking = self.stay.speaking.len();
                self.stay.speaking.retain(known);
                self.stay.floor.keep_only(known, now);
                if self.stay.speaking.len() < speaking {
                    self.anyone_there.sign_of_life(now);
                }
                self.network_without_the_gone();
                let arriving = std::mem::take(&mut self.stay.arriving);
                self.stay.arriving = arriving.into_iter().filter(|id| self.is_of_member(*id)).collect();
                self.effects.push_back(Effect::Chime(Chime::Left));
                let sentence = match (removed, self.hosting()) {
                    (true, true) => Sentence::RemovedByUs { room },
                    (true, false) => Sentence::Removed { room },
                    (false, _) => Sentence::Left { room },
                };
                self.say(sentence, None, Severity::Info, now);
            }
            Told::HostIs(peer) => {
                let sentence = if peer == self.session.me() {
                    Sentence::HostHere
                } else {
                    Sentence::HostIs { room: self.label(&peer).unwrap_or_default().to_owned() }
                };
                if !self.hosting() {
                    self.nobody_at_the_door();
                }
                self.say(sentence, None, Severity::Info, now);
            }
            Told::Twins(name) => {
                self.say(Sentence::Twins { name: name.to_string() }, None, Severity::Info, now);
            }
            Told::WrongCodes { count, minutes } => {
                self.say(Sentence::WrongCodes { count, minutes }, None, Severity::Alarm, now);
            }
            Told::RelayStopping => self.say(Sentence::RelayStopping, None, Severity::Warning, now),
            Told::Hopeless(why) => self.reconnect(why, now),
            Told::Redirect { endpoint, identity } => self.redirected(endpoint, identity, now),
            Told::Failed { what, code } => self.wish_failed(what, code, now),
            Told::TicketChanged => self.asked.ticket_dirty = true,
            Told::Log(level, text) => self.log(level, text),
        }
    }

    fn redirected(&mut self, endpoint: String, identity: PeerId, now: Time) {
        let endpoint: String = endpoint.chars().filter(|c| !c.is_control()).take(260).collect();
        match self.link.redirect(identity, endpoint.clone(), now) {
            Some(effects) => {
                self.log(log::Level::Info, format!("the relay sends this kiosk to {endpoint}"));
                self.off_the_line();
                self.effects.extend(effects);
            }
            None => {
                let detail = format!("{endpoint}, {}", identity.short());
                self.say(Sentence::RedirectRefused, Some(detail), Severity::Warning, now);
            }
        }
    }

    fn wish_failed(&mut self, what: Wish, code: ErrorCode, now: Time) {
        let sentence = match (what, code) {
            (Wish::Approve(_) | Wish::Deny(_), ErrorCode::KnockGone) => Sentence::KnockWasGone,
            (Wish::Approve(_), ErrorCode::Full) => Sentence::RoomFull,
            (Wish::Approve(knock) | Wish::Deny(knock), _) => {
                // It waits on at the relay: people can answer once more.
                self.door.not_answered(&knock);
                Sentence::HostFailed
            }
            (Wish::Remove | Wish::Lock | Wish::MuteMember | Wish::End, _) => Sentence::HostFailed,
        };
        self.say(sentence, Some(format!("{what:?}: {code:?}")), Severity::Warning, now);
    }

    /// In no meeting any more, or not let into one.
    fn out(&mut self, out: Out, now: Time) {
        // Back under the boxes, where the next try begins.
        let typing = self.place == Place::Join
            && matches!(out, Out::NotKnocked(_) | Out::Denied { .. } | Out::LinkLost);
        let door = self.code.digits.parse().ok();
        let (sentence, severity) = match out {
            Out::NotStarted(code) => (not_started(code), Severity::Warning),
            Out::NotKnocked(code) => {
                let relay = self.relay_label();
                (not_knocked(code, door, relay), Severity::Warning)
            }
            Out::Denied { why, host } => {
                let host = host.map(|host| host.to_string()).unwrap_or_default();
                (denied(why, host), Severity::Warning)
            }
            Out::LinkLost => (Sentence::LostOnTheWay, Severity::Warning),
            Out::Ended => (Sentence::MeetingEnded, Severity::Info),
            Out::Removed => (Sentence::RemovedHere, Severity::Warning),
            Out::NoWayBack(_) => (Sentence::NoWayBack, Severity::Warning),
            Out::TooLate => (Sentence::TooLate, Severity::Warning),
            Out::Unapproved { name } => (Sentence::Unapproved { room: name.to_string() }, Severity::Alarm),
            Out::FalseMeeting(why) => {
                self.log(log::Level::Warn, format!("the meeting does not hold: {why}"));
                (Sentence::FalseMeeting, Severity::Alarm)
            }
        };
        self.forget_stay(now);
        if typing {
            let words = sentence.say(crate::view::Language::English);
            self.log(log::Level::Info, words);
            self.code.fail(sentence);
            self.place = Place::Join;
        } else {
            self.say(sentence, None, severity, now);
        }
    }
}

fn not_started(code: ErrorCode) -> Sentence {
    if code == ErrorCode::Full {
        Sentence::RelayFull
    } else if code == ErrorCode::Stopping {
        Sentence::RelayStopping
    } else {
        Sentence::NotStarted
    }
}

fn not_knocked(code: ErrorCode, door: Option<RoomCode>, relay: String) -> Sentence {
    if code == ErrorCode::NoSuchRoom {
        return door.map_or(Sentence::MeetingEnded, |code| Sentence::NoSuchRoom { code, relay });
    }
    let words = [
        (ErrorCode::TooManyAttempts, Sentence::TooManyAttempts),
        (ErrorCode::TooFast, Sentence::TooManyAttempts),
        (ErrorCode::Locked, Sentence::RoomLocked),
        (ErrorCode::Full, Sentence::RoomFull),
        (ErrorCode::Silenced, Sentence::Silenced),
        (ErrorCode::Stopping, Sentence::RelayStopping),
        (ErrorCode::WaitingForHost, Sentence::HostMissing),
    ];
    words.into_iter().find(|(known, _)| *known == code).map_or(Sentence::NotNow, |(_, words)| words)
}

fn denied(why: DeniedWhy, host: String) -> Sentence {
    match why {
        DeniedWhy::Denied => Sentence::Denied { host },
        DeniedWhy::Locked => Sentence::RoomLocked,
        DeniedWhy::Full => Sentence::RoomFull,
        DeniedWhy::TimedOut => Sentence::KnockTimedOut { host },
        DeniedWhy::Ended => Sentence::EndedWhileWaiting,
    }
}

fn newly_failed(before: &Option<DeviceState>, after: &DeviceState) -> Option<String> {
    match (before, after) {
        (Some(DeviceState::Failed(_)), DeviceState::Failed(_)) | (_, DeviceState::Ready(_)) => None,
        (Some(DeviceState::Ready(_)) | None, DeviceState::Failed(why)) => Some(why.to_string()),
    }
}
