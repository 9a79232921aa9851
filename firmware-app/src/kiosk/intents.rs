//! What each touch does. A touch that does not fit the screen any more (it crossed a change) does nothing.

use vestibule_common::chat::ChatError;
use vestibule_common::id::PeerId;
use vestibule_common::name::{NameError, RoomName};
use vestibule_common::time::Time;

use super::approve_button::Verdict;
use super::chat_draft::Draft;
use super::effect::Chime;
use super::intent::{Destructive, Intent, Setting, Step};
use super::keypad::PinTry;
use super::{Activity, Effect, Kiosk, Place, QUESTION, Stay};
use crate::session::Ticket;
use crate::session::chat::CannotSay;
use crate::view::words::Sentence;
use crate::view::{Backlight, Corner, Panel, Severity};

/// One step of the volume, of 100.
const VOLUME_STEP: u8 = 10;

impl Kiosk {
    /// A touch. On a sleeping screen it wakes and does nothing else.
    pub fn handle_intent(&mut self, intent: Intent, now: Time) {
        let lit = self.backlight(now) == Backlight::Lit;
        self.touched(now);
        if lit || intent == Intent::ShowOwnPicture(false) {
            if !matches!(intent, Intent::Confirm | Intent::Decline | Intent::Ask(_) | Intent::Wake) {
                self.question = None;
            }
            self.act(intent, now);
        }
        self.settle(now);
    }

    fn act(&mut self, intent: Intent, now: Time) {
        let activity = self.activity();
        let home = activity == Activity::Nothing && self.place == Place::Home;
        let meeting = activity == Activity::Meeting;
        match intent {
            Intent::StartMeeting if home && self.link_is_up() => self.session.start(now),
            Intent::OpenJoin if home && self.link_is_up() => {
                self.code = Default::default();
                self.place = Place::Join;
            }
            Intent::Rejoin if home => {
                if let Some((ticket, _)) = self.former.take() {
                    self.stay = Stay { muted: ticket.muted, camera_off: ticket.camera_off, ..Stay::new() };
                    self.session.come_back(ticket, true, now);
                }
            }
            Intent::ShowOwnPicture(touched) => self.own_picture = touched && home,
            Intent::OpenSettings if home => {
                self.pin.open();
                self.place = Place::Pin;
            }
            Intent::OpenTest if activity == Activity::Nothing && self.place == Place::Settings => {
                self.place = Place::Test;
            }
            Intent::PlayTone if self.testing() => self.effects.push_back(Effect::Chime(Chime::Test)),
            Intent::SaveNetworkLog if self.testing() => self.write_network_log(),
            Intent::Digit(digit) if activity == Activity::Nothing => self.digit(digit, now),
            Intent::EraseDigit if activity == Activity::Nothing => match self.place {
                Place::Join => self.code.erase(),
                Place::Pin => self.pin.erase(),
                Place::Home | Place::Settings | Place::Test | Place::Relays { .. } => {}
            },
            Intent::Back => self.back(now),
            Intent::CancelKnock if matches!(activity, Activity::Waiting | Activity::Asking) => {
                self.give_up(now)
            }
            Intent::Approve(id) if self.door.armed(now).is_some_and(|knock| knock.id == id) => {
                self.answer(Some(Verdict::Approve(id)), now);
            }
            Intent::Deny(id) if self.door.armed(now).is_some_and(|knock| knock.id == id) => {
                self.answer(Some(Verdict::Deny(id)), now);
            }
            Intent::ToggleMute => self.toggle_mute(),
            Intent::ToggleCamera if meeting => self.stay.camera_off = !self.stay.camera_off,
            Intent::TogglePresentation if meeting => self.stay.presenting.toggle(),
            Intent::Volume(step) if meeting => self.volume(step),
            Intent::MoveOwnPicture if meeting => {
                self.stay.corner = match self.stay.corner {
                    Corner::BottomRight => Corner::BottomLeft,
                    Corner::BottomLeft => Corner::TopLeft,
                    Corner::TopLeft => Corner::TopRight,
                    Corner::TopRight => Corner::BottomRight,
                };
            }
            Intent::TogglePanel(panel) if meeting => self.toggle_panel(panel),
            Intent::NetworkOf(peer) if meeting => self.show_network_of(peer),
            Intent::ChatTo(to) if meeting => {
                let known = |peer: &PeerId| self.session.meeting().is_some_and(|m| m.member(peer).is_some());
                if to.as_ref().is_none_or(known) {
                    self.stay.chat_to = to;
                }
            }
            Intent::ShowKeyboard(open) => {
                if let Some(draft) = self.draft() {
                    draft.show(open);
                }
            }
            Intent::Type(c) => self.type_char(c),
            Intent::Erase => {
                self.stay.chat_error = None;
                if let Some(draft) = self.draft() {
                    draft.erase();
                }
            }
            Intent::Shift => {
                if let Some(draft) = self.draft() {
                    draft.shift();
                }
            }
            Intent::Symbols => {
                if let Some(draft) = self.draft() {
                    draft.symbols();
                }
            }
            Intent::Submit => self.submit(now),
            Intent::Page(step) if meeting => self.page(step),
            Intent::Lock(locked) if meeting => {
                let done = self.session.lock(locked, now);
                self.or_say(done, now);
            }
            Intent::MuteMember(peer) if meeting => {
                let done = self.session.mute_member(peer, now);
                self.or_say(done, now);
            }
            Intent::Ask(about) => {
                if self.may(about) {
                    self.question = Some((about, now + QUESTION));
                }
            }
            Intent::Confirm => {
                if let Some((about, _)) = self.question.take().filter(|(about, _)| self.may(*about)) {
                    self.confirmed(about, now);
                }
            }
            Intent::Decline => self.question = None,
            // Every touch says so.
            Intent::StillHere | Intent::Wake => {}
            Intent::DismissNotice => self.notices.dismiss(),
            Intent::ChooseRelay(peer) if matches!(self.place, Place::Relays { .. }) => {
                self.choose_relay(peer, now);
            }
            Intent::Set(setting) if activity == Activity::Nothing && self.place == Place::Settings => {
                self.set(setting, now);
            }
            Intent::StartMeeting
            | Intent::OpenJoin
            | Intent::Rejoin
            | Intent::OpenSettings
            | Intent::OpenTest
            | Intent::PlayTone
            | Intent::SaveNetworkLog
            | Intent::Digit(_)
            | Intent::EraseDigit
            | Intent::CancelKnock
            | Intent::Approve(_)
            | Intent::Deny(_)
            | Intent::ToggleCamera
            | Intent::TogglePresentation
            | Intent::Volume(_)
            | Intent::MoveOwnPicture
            | Intent::TogglePanel(_)
            | Intent::ChatTo(_)
            | Intent::NetworkOf(_)
            | Intent::Page(_)
            | Intent::Lock(_)
            | Intent::MuteMember(_)
            | Intent::ChooseRelay(_)
            | Intent::Set(_) => {}
        }
    }

    fn digit(&mut self, digit: u8, now: Time) {
        match self.place {
            Place::Join => {
                if let Some(code) = self.code.digit(digit) {
                    if self.link_is_up() {
                        self.session.knock(code, now);
                    } else {
                        self.code.fail(Sentence::LostOnTheWay);
                    }
                }
            }
            Place::Pin => match self.pin.digit(digit, &self.config.pin, now) {
                PinTry::More => {}
                PinTry::Right => {
                    self.place = Place::Settings;
                    self.log(log::Level::Info, "the settings were opened");
                }
                PinTry::Wrong => self.log(log::Level::Warn, "a wrong PIN was typed"),
            },
            Place::Home | Place::Settings | Place::Test | Place::Relays { .. } => {}
        }
    }

    fn back(&mut self, now: Time) {
        match self.activity() {
            Activity::Waiting | Activity::Asking => self.give_up(now),
            Activity::Meeting => {
                self.stay.panel = None;
                self.draw_network();
            }
            Activity::Nothing => match self.place {
                Place::Test | Place::Relays { back: true } => self.place = Place::Settings,
                Place::Settings if self.name_edit.is_some() => self.name_edit = None,
                Place::Home | Place::Join | Place::Pin | Place::Settings | Place::Relays { back: false } => {
                    self.go_home();
                }
            },
        }
    }

    /// Takes a knock, or a way back, back.
    fn give_up(&mut self, now: Time) {
        if self.session.returning().is_some()
            && let Some(ticket) = self.own_ticket(now)
        {
            self.former = Some((Ticket { inside: false, ..ticket }, now + self.config.rejoin_for));
        }
        self.session.give_up(now);
        self.stay = Stay::new();
        self.go_home();
    }

    fn toggle_panel(&mut self, panel: Panel) {
        let open = self.stay.panel != Some(panel);
        self.stay.panel = open.then_some(panel);
        self.stay.people_page = 0;
        self.stay.reading.newest();
        self.stay.draft.open = false;
        self.stay.chat_error = None;
        if self.stay.panel == Some(Panel::Chat) {
            self.stay.unread = 0;
        }
        self.network.shown = None;
        self.draw_network();
    }

    /// The text that the keyboard writes, if one is on the screen.
    fn draft(&mut self) -> Option<&mut Draft> {
        match self.activity() {
            Activity::Meeting if self.stay.panel == Some(Panel::Chat) => Some(&mut self.stay.draft),
            Activity::Nothing if self.place == Place::Settings => {
                self.name_edit.as_mut().map(|(draft, _)| draft)
            }
            Activity::Meeting | Activity::Nothing | Activity::Asking | Activity::Waiting => None,
        }
    }

    fn type_char(&mut self, c: char) {
        let naming = self.name_edit.is_some();
        let Some(draft) = self.draft() else { return };
        let fits = draft.type_char(c);
        let full = if naming { Sentence::NameTooLong } else { Sentence::ChatTooLong };
        let error = (!fits).then_some(full);
        match &mut self.name_edit {
            Some((_, name_error)) => *name_error = error,
            None => self.stay.chat_error = error,
        }
    }

    fn submit(&mut self, now: Time) {
        if self.activity() == Activity::Meeting && self.stay.panel == Some(Panel::Chat) {
            let (to, text) = (self.stay.chat_to, self.stay.draft.text.clone());
            self.stay.chat_error = match self.session.say(to, &text, now) {
                Ok(()) => {
                    self.stay.draft.clear();
                    self.stay.reading.newest();
                    None
                }
                Err(CannotSay::Waiting) => Some(Sentence::ChatWaiting),
                Err(CannotSay::Form(ChatError::Empty)) => Some(Sentence::ChatEmpty),
                Err(CannotSay::Form(ChatError::TooLong)) => Some(Sentence::ChatTooLong),
                Err(CannotSay::Form(ChatError::TooManyRecipients | ChatError::Forged)) => {
                    Some(Sentence::ChatFailed)
                }
            };
        } else if self.place == Place::Settings
            && let Some((draft, error)) = &mut self.name_edit
        {
            match draft.text.parse::<RoomName>() {
                Ok(name) => {
                    self.name_edit = None;
                    if name != self.settings.name {
                        self.settings.name = name;
                        self.keep_settings();
                        self.say(Sentence::NameTaken, None, Severity::Info, now);
                        // The relay learns names in the greeting.
                        self.reconnect("the room has a new name", now);
                    }
                }
                Err(NameError::Empty) => *error = Some(Sentence::NameEmpty),
                Err(NameError::TooLong) => *error = Some(Sentence::NameTooLong),
                Err(NameError::Control) => *error = Some(Sentence::NameUnseen),
            }
        }
    }

    fn page(&mut self, step: Step) {
        match self.stay.panel {
            Some(Panel::Chat) => {
                let lines = crate::view::chat_lines(self);
                let keyboard = self.stay.draft.open;
                match step {
                    Step::Next => self.stay.reading.newer(&lines, keyboard),
                    Step::Previous => self.stay.reading.older(&lines, keyboard),
                }
            }
            Some(Panel::People) => {
                let members = self.session.meeting().map_or(0, |m| m.roster.others().count() + 1);
                let last = members.saturating_sub(1) / crate::view::PEOPLE_PAGE;
                self.stay.people_page = match step {
                    Step::Next => (self.stay.people_page + 1).min(last),
                    Step::Previous => self.stay.people_page.min(last).saturating_sub(1),
                };
            }
            // Its graphs are turned by the screen, which knows how many fit.
            Some(Panel::Network) | None => {}
        }
    }

    fn volume(&mut self, step: Step) {
        let volume = match step {
            Step::Next => self.settings.volume.saturating_add(VOLUME_STEP).min(100),
            Step::Previous => self.settings.volume.saturating_sub(VOLUME_STEP),
        };
        if volume != self.settings.volume {
            self.settings.volume = volume;
            self.effects.push_back(Effect::Volume(volume));
            self.keep_settings();
        }
    }

    fn or_say(&mut self, done: bool, now: Time) {
        if !done && self.hosting() {
            self.say(Sentence::NeedsRelay, None, Severity::Warning, now);
        }
    }

    /// Whether that may be done from here.
    fn may(&self, about: Destructive) -> bool {
        let meeting = self.activity() == Activity::Meeting;
        match about {
            Destructive::Leave => meeting,
            Destructive::EndForAll => meeting && self.hosting(),
            Destructive::Remove(peer) => {
                let other = self.session.meeting().is_some_and(|m| m.roster.others().any(|o| o.id() == peer));
                other && self.hosting()
            }
            Destructive::ForgetRelay => !meeting && self.place == Place::Settings,
        }
    }

    fn confirmed(&mut self, about: Destructive, now: Time) {
        match about {
            Destructive::Leave => self.leave(now),
            Destructive::EndForAll => {
                let done = self.session.end(now);
                self.or_say(done, now);
            }
            Destructive::Remove(peer) => {
                let done = self.session.remove(peer, now);
                self.or_say(done, now);
            }
            Destructive::ForgetRelay => {
                self.link.forget(now);
                self.session.handle_disconnected();
                self.effects.extend([Effect::Disconnect, Effect::Forget]);
                self.log(log::Level::Warn, "the relay was forgotten; another one has to be chosen");
            }
        }
    }

    fn choose_relay(&mut self, peer: PeerId, now: Time) {
        if let Some(effects) = self.link.choose(peer) {
            self.log(log::Level::Info, format!("the relay {} was confirmed", peer.short()));
            self.session.handle_disconnected();
            self.effects.extend(effects);
            self.go_home();
            self.idle.wake(now);
        }
    }

    fn set(&mut self, setting: Setting, now: Time) {
        match setting {
            Setting::EditName => {
                let mut draft = Draft::new(RoomName::MAX_CHARS);
                draft.text = self.settings.name.to_string();
                draft.show(true);
                self.name_edit = Some((draft, None));
            }
            Setting::Language(language) => {
                if language != self.settings.language {
                    self.settings.language = language;
                    self.keep_settings();
                }
            }
            Setting::FindRelay => {
                self.name_edit = None;
                self.place = Place::Relays { back: true };
                self.link.found(Vec::new());
                self.link.look(true, now);
            }
            Setting::Volume(step) => self.volume(step),
            Setting::Echo(mode) => {
                if mode != self.echo() {
                    self.settings.echo = Some(mode);
                    self.effects.push_back(Effect::Echo(mode));
                    self.keep_settings();
                }
            }
        }
    }
}
